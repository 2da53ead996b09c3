# poll.rb LIBRARY DATABASE [callback]: a background service from Ruby (ffi), polled, or told by a callback.
require "ffi"
library, path, mode = ARGV

Lib = Module.new do
  extend FFI::Library
  ffi_lib library
  attach_function :skillsmith_abi_version, [], :uint32
  attach_function :skillsmith_database_open, %i[string pointer pointer pointer], :int32, blocking: true
  attach_function :skillsmith_database_free, [:pointer], :int32, blocking: true
  attach_function :skillsmith_start_background_sync, %i[pointer pointer pointer pointer pointer], :int32, blocking: true
  attach_function :skillsmith_background_sync_service_get_state, %i[pointer pointer pointer], :int32
  attach_function :skillsmith_background_sync_state_free, [:pointer], :int32
  attach_function :skillsmith_background_sync_service_free, [:pointer], :int32, blocking: true
  attach_function :skillsmith_live_objects, [], :size_t
end

class State < FFI::Struct
  layout :is_started, :bool, :is_running, :bool, :last_result, :pointer, :last_error, :pointer, :last_error_length, :size_t,
         :checks_performed, :uint64, :syncs_triggered, :uint64
end

class Result < FFI::Struct
  layout :success, :bool, :dry_run, :bool, :status, :int32, :code, :int32, :coverage, :int32, :skills_added, :uint64
end

class Options < FFI::Struct
  layout :struct_size, :size_t, :check_interval_ms, :uint64, :sync_on_start, :int32, :on_sync_complete, :pointer,
         :on_sync_error, :pointer, :user_data, :pointer, :destroy, :pointer, :listing, :int32
end

def ok(status) = status.zero? || abort("status #{status}")

def out
  place = FFI::MemoryPointer.new(:pointer)
  ok(yield(place))
  place.read_pointer
end

abort("another ABI") unless Lib.skillsmith_abi_version == 1
database = out { |place| Lib.skillsmith_database_open(path, nil, place, nil) }
added = nil
options = Options.new
options[:struct_size] = Options.size
keep = FFI::Function.new(:void, %i[pointer pointer]) { |_, result| added = Result.new(result)[:skills_added] }
options[:on_sync_complete] = keep if mode
service = out { |place| Lib.skillsmith_start_background_sync(database, nil, options, place, nil) }
until added
  sleep 0.005
  next if mode
  state = out { |place| Lib.skillsmith_background_sync_service_get_state(service, place, nil) }
  result = State.new(state)[:last_result]
  added = Result.new(result)[:skills_added] unless result.null?
  ok(Lib.skillsmith_background_sync_state_free(state))
end
ok(Lib.skillsmith_background_sync_service_free(service))
ok(Lib.skillsmith_database_free(database))
abort("objects are left") unless Lib.skillsmith_live_objects.zero?
puts added
