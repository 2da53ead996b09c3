// poll DATABASE [callback]: a background service from Go (cgo), polled, or told by a callback.
package main

/*
#include <stdlib.h>
#include <skillsmith_sync.h>

extern void complete(void *user_data, skillsmith_sync_result *result);
static void set_complete(skillsmith_background_options *options) {
  options->on_sync_complete = (skillsmith_sync_complete_callback)complete;
}
*/
import "C"

import (
	"fmt"
	"os"
	"time"
	"unsafe"
)

var told = make(chan uint64, 1)

//export complete
func complete(_ unsafe.Pointer, result *C.skillsmith_sync_result) {
	told <- uint64(result.skills_added)
}

func ok(status C.skillsmith_status) {
	if status != 0 {
		panic(fmt.Sprint("status ", status))
	}
}

func main() {
	path := C.CString(os.Args[1])
	defer C.free(unsafe.Pointer(path))
	var database *C.skillsmith_database
	ok(C.skillsmith_database_open(path, nil, &database, nil))
	options := C.skillsmith_background_options{}
	options.struct_size = C.sizeof_skillsmith_background_options
	isTold := len(os.Args) > 2
	if isTold {
		C.set_complete(&options)
	}
	var service *C.skillsmith_background_sync_service
	ok(C.skillsmith_start_background_sync(database, nil, &options, &service, nil))
	for !isTold && len(told) == 0 {
		time.Sleep(5 * time.Millisecond)
		var state *C.skillsmith_background_sync_state
		ok(C.skillsmith_background_sync_service_get_state(service, &state, nil))
		if state.last_result != nil {
			told <- uint64(state.last_result.skills_added)
		}
		ok(C.skillsmith_background_sync_state_free(state))
	}
	added := <-told
	ok(C.skillsmith_background_sync_service_free(service))
	ok(C.skillsmith_database_free(database))
	if C.skillsmith_live_objects() != 0 {
		panic("objects are left")
	}
	fmt.Println(added)
}
