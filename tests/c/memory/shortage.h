/*
 Allocations that fail on purpose.

 The program brings its own malloc, calloc, realloc, posix_memalign and aligned_alloc,
 which the shared library, its SQLite and libc use, too. While armed, they count the
 calls and fail as planned.

 Three callers are never refused, nor counted:
 - the dynamic linker (thread-local variables of a library that was loaded late) and
   __cxa_thread_atexit_impl (the list of what a thread has to destroy when it ends):
   glibc itself ends the process then, whatever a library does;
 - Rust's Thread::new (the handle of a thread), which ends the process, too. The library
   has glibc keep a piece of that size for it just before, so that a malloc that fails for
   want of memory, and not for the sake of a test, does not fail there. The environment
   names the place of that function in the library, as SHORTAGE_EXEMPT="begin size", in
   hexadecimal digits.
 What the program itself allocates is not counted either.
 */
#ifndef SHORTAGE_H
#define SHORTAGE_H

#include <stddef.h>

enum shortage {
  /* Nothing fails. */
  SHORTAGE_NEVER,
  /* The n-th call fails, and no other. */
  SHORTAGE_ONCE,
  /* The n-th call fails and each one after it, until disarmed. */
  SHORTAGE_FROM,
  /* Every call for n bytes or more fails, until disarmed. */
  SHORTAGE_OF_LARGE,
  /* The system itself gives the process n bytes more, and no more than that, until disarmed. */
  SHORTAGE_OF_SYSTEM
};

/* Counting begins anew. */
void shortage_plan(enum shortage kind, long n);
void shortage_arm(void);
void shortage_disarm(void);
/* Calls counted, and calls refused. */
long shortage_counted(void);
long shortage_refused(void);

#endif
