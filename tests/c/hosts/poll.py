# poll.py LIBRARY FFI.h DATABASE [callback]: a background service from Python (cffi), polled, or told by a callback.
import sys
import threading
import time

import cffi

library, declarations, path, *mode = sys.argv[1:]
ffi = cffi.FFI()
with open(declarations) as file:
    ffi.cdef(file.read())
lib = ffi.dlopen(library)
assert lib.skillsmith_abi_version() == lib.SKILLSMITH_ABI_VERSION

database = ffi.new("skillsmith_database **")
assert lib.skillsmith_database_open(path.encode(), ffi.NULL, database, ffi.NULL) == 0
options = ffi.new("skillsmith_background_options *")
options.struct_size = ffi.sizeof("skillsmith_background_options")
told = threading.Event()
added = []


@ffi.callback("void(void *, const skillsmith_sync_result *)")
def complete(_, result):
    added.append(result.skills_added)
    told.set()


if mode:
    options.on_sync_complete = complete
service = ffi.new("skillsmith_background_sync_service **")
assert lib.skillsmith_start_background_sync(database[0], ffi.NULL, options, service, ffi.NULL) == 0
if mode:
    told.wait()
while not added:
    time.sleep(0.005)
    state = ffi.new("skillsmith_background_sync_state **")
    assert lib.skillsmith_background_sync_service_get_state(service[0], state, ffi.NULL) == 0
    if state[0].last_result:
        added.append(state[0].last_result.skills_added)
    assert lib.skillsmith_background_sync_state_free(state[0]) == 0
assert lib.skillsmith_background_sync_service_free(service[0]) == 0
assert lib.skillsmith_database_free(database[0]) == 0
assert lib.skillsmith_live_objects() == 0
print(added[0])
