#define _GNU_SOURCE

#include "shortage.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* glibc's own, under their other names. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

/* The file that this very program was loaded from. */
static const char *own_file;

static uintptr_t exempt_begin, exempt_size;

static enum shortage kind;
static long chosen;
static atomic_bool armed;
static atomic_long counted;
static atomic_long refused;

void shortage_plan(enum shortage wanted, long n) {
  Dl_info info;
  const char *exempt = getenv("SHORTAGE_EXEMPT");
  if (dladdr((void *)(uintptr_t)shortage_plan, &info) != 0) own_file = info.dli_fname;
  if (exempt != NULL) {
    char *rest;
    exempt_begin = strtoul(exempt, &rest, 16);
    exempt_size = strtoul(rest, NULL, 16);
  }
  kind = wanted;
  chosen = n;
  counted = 0;
  refused = 0;
}

/* Bounds what the process may have: n bytes more than it has, or without a bound. */
static void bound(int wanted) {
  struct rlimit limit;
  getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = limit.rlim_max;
  if (wanted) {
    char text[64] = "";
    const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (file < 0 || read(file, text, sizeof text - 1) <= 0) abort();
    close(file);
    limit.rlim_cur = strtoul(text, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE) + (rlim_t)chosen;
  }
  if (setrlimit(RLIMIT_AS, &limit) != 0) abort();
}

void shortage_arm(void) {
  if (kind == SHORTAGE_OF_SYSTEM) bound(1);
  armed = 1;
}

void shortage_disarm(void) {
  armed = 0;
  if (kind == SHORTAGE_OF_SYSTEM) bound(0);
}

long shortage_counted(void) { return counted; }
long shortage_refused(void) { return refused; }

/* Whether it is a call by Rust's Thread::new. */
static int is_of_thread_new(const void *caller, const Dl_info *info) {
  const uintptr_t offset = (uintptr_t)caller - (uintptr_t)info->dli_fbase;
  return strstr(info->dli_fname, "libskillsmith_sync") != NULL && offset - exempt_begin < exempt_size;
}

static int is_counted(const void *caller) {
  Dl_info info;
  if (dladdr(caller, &info) == 0 || info.dli_fname == NULL) return 1;
  if (strcmp(info.dli_fname, own_file) == 0) return 0;
  if (strstr(info.dli_fname, "ld-linux") != NULL) return 0;
  if (is_of_thread_new(caller, &info)) return 0;
  return info.dli_sname == NULL || strcmp(info.dli_sname, "__cxa_thread_atexit_impl") != 0;
}

/* Looking a caller up takes its time, and there are a few hundred. The lowest bit tells. */
enum { KNOWN = 8192 };
static atomic_uintptr_t known[KNOWN];

static int is_counted_quickly(const void *caller) {
  const uintptr_t address = (uintptr_t)caller << 1;
  const size_t start = ((uintptr_t)caller * 0x9E3779B97F4A7C15u) >> 51;
  for (size_t step = 0; step < KNOWN; step++) {
    atomic_uintptr_t *place = &known[(start + step) % KNOWN];
    const uintptr_t found = *place;
    if (found == 0) {
      const int answer = is_counted(caller);
      *place = address | (uintptr_t)answer;
      return answer;
    }
    if ((found & ~(uintptr_t)1) == address) return (int)(found & 1);
  }
  return is_counted(caller);
}

static int fails(const void *caller, size_t size) {
  long n;
  int yes = 0;
  if (!armed || !is_counted_quickly(caller)) return 0;
  n = ++counted;
  if (kind == SHORTAGE_ONCE) yes = n == chosen;
  if (kind == SHORTAGE_FROM) yes = n >= chosen;
  if (kind == SHORTAGE_OF_LARGE) yes = size >= (size_t)chosen;
  if (yes) {
    refused++;
    errno = ENOMEM;
  }
  return yes;
}

/* What the system itself refuses is a shortage, too. */
static void *given(void *place) {
  if (place == NULL && armed) refused++;
  return place;
}

#define CALLER __builtin_return_address(0)

void *malloc(size_t size) { return fails(CALLER, size) ? NULL : given(__libc_malloc(size)); }

void *calloc(size_t count, size_t size) {
  return fails(CALLER, count * size) ? NULL : given(__libc_calloc(count, size));
}

void *realloc(void *old, size_t size) {
  return fails(CALLER, size) ? NULL : given(__libc_realloc(old, size));
}

void *aligned_alloc(size_t alignment, size_t size) {
  return fails(CALLER, size) ? NULL : given(__libc_memalign(alignment, size));
}

int posix_memalign(void **out, size_t alignment, size_t size) {
  void *place = fails(CALLER, size) ? NULL : given(__libc_memalign(alignment, size));
  if (place == NULL) return ENOMEM;
  *out = place;
  return 0;
}
