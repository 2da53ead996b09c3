/*
 Preloaded into a process: counts the system calls that reach its database, and at the n-th
 of a kind kills the process or fails the call.

 SHIM_DATABASE  the path; calls on files whose names begin with it count
 SHIM_COUNTERS  a file of a page, mapped, so that the counts outlive the process
 SHIM_CALLS     which calls: letters of `enum kind` below
 SHIM_FILES     which files: letters d (the database), w (-wal), s (-shm), j (-journal), l (-sync-lock)
 SHIM_AT        the n, from 1; 0 or nothing: only count
 SHIM_ERRNO     the error; 0: SIGKILL
 SHIM_STICKY    1: every call from the n-th on fails
 SHIM_AFTER     1: kill once the call is done, instead of before it
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct counters {
  /* Calls of the wanted kinds on the wanted files. */
  atomic_ullong calls;
  /* Those that were failed, or at which the process was killed. */
  atomic_ullong fired;
};

enum kind {
  WRITE = 'w',
  SYNC = 's',
  TRUNCATE = 't',
  OPEN = 'o',
  UNLINK = 'u',
  RENAME = 'r',
  LOCK = 'l',
  MAP = 'm',
  /* The write that ends a transaction, or the end of its journal: a commit. */
  COMMIT = 'c'
};

static struct {
  char database[4096];
  char calls[32];
  char files[32];
  unsigned long long at;
  int error;
  int sticky;
  int after;
  struct counters *counters;
} shim;

static long long number(const char *name) {
  const char *text = getenv(name);
  return text == NULL ? 0 : atoll(text);
}

__attribute__((constructor)) static void begin(void) {
  const char *counters = getenv("SHIM_COUNTERS");
  int (*real_open)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
  int file;
  void *page;
  if (counters == NULL || getenv("SHIM_DATABASE") == NULL) return;
  snprintf(shim.database, sizeof shim.database, "%s", getenv("SHIM_DATABASE"));
  snprintf(shim.calls, sizeof shim.calls, "%s", getenv("SHIM_CALLS") ? getenv("SHIM_CALLS") : "");
  snprintf(shim.files, sizeof shim.files, "%s", getenv("SHIM_FILES") ? getenv("SHIM_FILES") : "");
  shim.at = (unsigned long long)number("SHIM_AT");
  shim.error = (int)number("SHIM_ERRNO");
  shim.sticky = (int)number("SHIM_STICKY");
  shim.after = (int)number("SHIM_AFTER");
  file = real_open(counters, O_RDWR | O_CLOEXEC);
  page = file < 0 ? MAP_FAILED : mmap(NULL, sizeof(struct counters), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  /* Silence would make every test pass. */
  if (page == MAP_FAILED) abort();
  close(file);
  shim.counters = page;
}

/* The letter of the file at this path, or 0. */
static char file_of_path(const char *path) {
  const char *suffix;
  size_t length = strlen(shim.database);
  if (shim.counters == NULL || path == NULL || strncmp(path, shim.database, length) != 0) return 0;
  suffix = path + length;
  if (strncmp(suffix, "-wal", 4) == 0) return 'w';
  if (strncmp(suffix, "-shm", 4) == 0) return 's';
  if (strncmp(suffix, "-journal", 8) == 0) return 'j';
  if (strncmp(suffix, "-sync-lock", 10) == 0) return 'l';
  return *suffix == 0 || *suffix == ' ' ? 'd' : 0;
}

static char file_of(int descriptor) {
  char link[64], path[4096];
  ssize_t length;
  if (shim.counters == NULL) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return file_of_path(path);
}

enum verdict { PASS, KILL_AFTER, FAIL };

/* Counts a call; what to do with it. Kills at once where that is wanted. */
static enum verdict meet(enum kind kind, char file) {
  unsigned long long n;
  if (file == 0 || strchr(shim.calls, kind) == NULL || strchr(shim.files, file) == NULL) return PASS;
  n = atomic_fetch_add(&shim.counters->calls, 1) + 1;
  if (shim.at == 0 || n < shim.at || (n > shim.at && !shim.sticky)) return PASS;
  atomic_fetch_add(&shim.counters->fired, 1);
  if (shim.error != 0) {
    errno = shim.error;
    return FAIL;
  }
  if (shim.after) return KILL_AFTER;
  raise(SIGKILL);
  return PASS;
}

static void done(enum verdict verdict) {
  int error = errno;
  if (verdict == KILL_AFTER) raise(SIGKILL);
  errno = error;
}

#define REAL(result, name, ...) \
  static result (*real)(__VA_ARGS__); \
  if (real == NULL) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

/* The page behind a frame header that says how large the database now is ends a transaction. */
static atomic_int commit_frame;

static enum verdict meet_write(char file, const void *bytes, size_t size) {
  if (file == 'w' && size == 24) {
    uint32_t pages;
    memcpy(&pages, (const char *)bytes + 4, sizeof pages);
    atomic_store(&commit_frame, pages != 0);
  } else if (file == 'w' && size >= 512 && atomic_exchange(&commit_frame, 0)) {
    enum verdict verdict = meet(COMMIT, file);
    if (verdict != PASS) return verdict;
  }
  return meet(WRITE, file);
}

#define WRITES(name, offset_type)                                               \
  ssize_t name(int descriptor, const void *bytes, size_t size, offset_type at) { \
    enum verdict verdict;                                                       \
    ssize_t result;                                                             \
    REAL(ssize_t, name, int, const void *, size_t, offset_type);                \
    verdict = meet_write(file_of(descriptor), bytes, size);                     \
    if (verdict == FAIL) return -1;                                             \
    result = real(descriptor, bytes, size, at);                                 \
    done(verdict);                                                              \
    return result;                                                              \
  }

WRITES(pwrite, off_t)
WRITES(pwrite64, off64_t)

ssize_t write(int descriptor, const void *bytes, size_t size) {
  enum verdict verdict;
  ssize_t result;
  REAL(ssize_t, write, int, const void *, size_t);
  verdict = meet_write(file_of(descriptor), bytes, size);
  if (verdict == FAIL) return -1;
  result = real(descriptor, bytes, size);
  done(verdict);
  return result;
}

#define ON_DESCRIPTOR(kind, name, parameters, arguments, ...) \
  int name parameters {                                       \
    enum verdict verdict;                                     \
    int result;                                               \
    REAL(int, name, __VA_ARGS__);                             \
    verdict = meet(kind, file_of(descriptor));                \
    if (verdict == FAIL) return -1;                           \
    result = real arguments;                                  \
    done(verdict);                                            \
    return result;                                            \
  }

ON_DESCRIPTOR(SYNC, fsync, (int descriptor), (descriptor), int)
ON_DESCRIPTOR(SYNC, fdatasync, (int descriptor), (descriptor), int)

static enum verdict meet_truncate(char file, off64_t size) {
  if (file == 'j' && size == 0) {
    enum verdict verdict = meet(COMMIT, file);
    if (verdict != PASS) return verdict;
  }
  return meet(TRUNCATE, file);
}

#define TRUNCATES(name, offset_type)                            \
  int name(int descriptor, offset_type size) {                  \
    enum verdict verdict;                                       \
    int result;                                                 \
    REAL(int, name, int, offset_type);                          \
    verdict = meet_truncate(file_of(descriptor), (off64_t)size); \
    if (verdict == FAIL) return -1;                             \
    result = real(descriptor, size);                            \
    done(verdict);                                              \
    return result;                                              \
  }

TRUNCATES(ftruncate, off_t)
TRUNCATES(ftruncate64, off64_t)

int unlink(const char *path) {
  char file = file_of_path(path);
  enum verdict verdict;
  int result;
  REAL(int, unlink, const char *);
  verdict = file == 'j' ? meet(COMMIT, file) : PASS;
  if (verdict == PASS) verdict = meet(UNLINK, file);
  if (verdict == FAIL) return -1;
  result = real(path);
  done(verdict);
  return result;
}

int rename(const char *from, const char *to) {
  char file = file_of_path(from);
  enum verdict verdict;
  int result;
  REAL(int, rename, const char *, const char *);
  verdict = meet(RENAME, file ? file : file_of_path(to));
  if (verdict == FAIL) return -1;
  result = real(from, to);
  done(verdict);
  return result;
}

#define OPENS(name)                                        \
  int name(const char *path, int flags, ...) {             \
    enum verdict verdict;                                  \
    int result;                                            \
    mode_t mode = 0;                                       \
    REAL(int, name, const char *, int, ...);               \
    if (flags & (O_CREAT | __O_TMPFILE)) {                 \
      va_list arguments;                                   \
      va_start(arguments, flags);                          \
      mode = va_arg(arguments, mode_t);                    \
      va_end(arguments);                                   \
    }                                                      \
    verdict = meet(OPEN, file_of_path(path));              \
    if (verdict == FAIL) return -1;                        \
    result = real(path, flags, mode);                      \
    done(verdict);                                         \
    return result;                                         \
  }

OPENS(open)
OPENS(open64)

#define CONTROLS(name)                                                                  \
  int name(int descriptor, int command, ...) {                                          \
    enum verdict verdict = PASS;                                                        \
    int result;                                                                         \
    void *argument;                                                                     \
    va_list arguments;                                                                  \
    REAL(int, name, int, int, ...);                                                     \
    va_start(arguments, command);                                                       \
    argument = va_arg(arguments, void *);                                               \
    va_end(arguments);                                                                  \
    /* Unlocking never fails; locks are F_SETLK and F_OFD_SETLK. */                      \
    if ((command == F_SETLK || command == F_OFD_SETLK || command == F_SETLKW ||          \
         command == F_OFD_SETLKW) &&                                                    \
        ((struct flock *)argument)->l_type != F_UNLCK)                                  \
      verdict = meet(LOCK, file_of(descriptor));                                        \
    if (verdict == FAIL) return -1;                                                     \
    result = real(descriptor, command, argument);                                       \
    done(verdict);                                                                      \
    return result;                                                                      \
  }

CONTROLS(fcntl)
CONTROLS(fcntl64)

#define MAPS(name, offset_type)                                                                 \
  void *name(void *address, size_t size, int protection, int flags, int descriptor, offset_type at) { \
    enum verdict verdict = PASS;                                                                \
    void *result;                                                                               \
    REAL(void *, name, void *, size_t, int, int, int, offset_type);                             \
    if (descriptor >= 0 && !(flags & MAP_ANONYMOUS)) verdict = meet(MAP, file_of(descriptor));  \
    if (verdict == FAIL) return MAP_FAILED;                                                     \
    result = real(address, size, protection, flags, descriptor, at);                            \
    done(verdict);                                                                              \
    return result;                                                                              \
  }

MAPS(mmap, off_t)
MAPS(mmap64, off64_t)
