/* Doors of the library's feature test-hooks; in no published library. */
#ifndef HOOKS_H
#define HOOKS_H

#include <skillsmith_sync.h>

#ifdef __cplusplus
extern "C" {
#endif

skillsmith_status skillsmith_test_panic(skillsmith_error **out_error);
int32_t skillsmith_test_panic_in_getter(void);
bool skillsmith_test_panic_on_thread(void);
skillsmith_status skillsmith_test_fail(int32_t status, skillsmith_error **out_error);

#ifdef __cplusplus
}
#endif

#endif
