-- poll.lua LIBRARY FFI.h DATABASE: a background service from LuaJIT, polled.
local library, declarations, path = arg[1], arg[2], arg[3]
local ffi = require("ffi")
local file = assert(io.open(declarations)); ffi.cdef(file:read("*a")); file:close()
ffi.cdef("int usleep(unsigned);")
local lib = ffi.load(library)
assert(lib.skillsmith_abi_version() == lib.SKILLSMITH_ABI_VERSION)
local database = ffi.new("skillsmith_database *[1]")
assert(lib.skillsmith_database_open(path, nil, database, nil) == 0)
local service = ffi.new("skillsmith_background_sync_service *[1]")
assert(lib.skillsmith_start_background_sync(database[0], nil, nil, service, nil) == 0)
local added
while not added do
  ffi.C.usleep(5000)
  local state = ffi.new("skillsmith_background_sync_state *[1]")
  assert(lib.skillsmith_background_sync_service_get_state(service[0], state, nil) == 0)
  if state[0].last_result ~= nil then added = tonumber(state[0].last_result.skills_added) end
  assert(lib.skillsmith_background_sync_state_free(state[0]) == 0)
end
assert(lib.skillsmith_background_sync_service_free(service[0]) == 0)
assert(lib.skillsmith_database_free(database[0]) == 0)
assert(lib.skillsmith_live_objects() == 0)
print(added)
