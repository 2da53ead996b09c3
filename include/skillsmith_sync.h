/*
 skillsmith-sync: generated from src/capi by cbindgen, not to be edited.

 Another SQLite in the process: a program that has the same database open through
 its own SQLite may go on using it while this library opens, syncs and closes it;
 neither loses a commit or a lock to the other. Where the system has no locks that
 allow this, opening such a file fails with DATABASE_IN_USE (310) instead.
 */

#ifndef SKILLSMITH_SYNC_H
#define SKILLSMITH_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SKILLSMITH_VERSION_MAJOR 0
#define SKILLSMITH_VERSION_MINOR 1
#define SKILLSMITH_VERSION_PATCH 0
#define SKILLSMITH_VERSION_NUMBER 1000
#define SKILLSMITH_VERSION "0.1.0"
/* Compare with skillsmith_abi_version(). */
#define SKILLSMITH_ABI_VERSION 1

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 The version of the C interface that this library has.

 Compare it with `SKILLSMITH_ABI_VERSION` of the header: where they differ, the
 program was compiled for another library. Does not block; any thread may call it.
 */
uint32_t skillsmith_abi_version(void);

/*
 The version of this library, such as "0.1.0".

 Do not free it: the text lives as long as the library is loaded. Does not
 block; any thread may call it.
 */
const char *skillsmith_version_string(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SKILLSMITH_SYNC_H */
