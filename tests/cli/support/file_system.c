/*
 Preloaded into a process: a folder answers as one on another file system does.

 FS_FOLDER  calls on files whose paths begin with it are answered
 FS_CHMOD   there are no modes: the error of chmod (-1: it succeeds), which changes nothing
 FS_CREATED the file that gets a line with mode and path for each file when it is created
 FS_MAP     the error of shared mappings
 FS_TYPE    the type that statfs tells
 FS_NO_LOCKS  locks succeed and exclude nobody, as if each process were on a machine of its own
 FS_GONE    calls on files whose paths begin with it find that their server has ended
 FS_HANGS   seconds that a write to the disk takes, in which the file FS_HANGING is made
 FS_NO_THREADS  no thread can be started
 FS_READ    the error of reading a database or its log
 FS_READ_FROM  the number of the first read of them that fails
 FS_BOOT    the file that is read as the boot id of the machine
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define REAL(result, name, ...) \
  static result (*real)(__VA_ARGS__); \
  if (real == NULL) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

static long number(const char *name) {
  const char *text = getenv(name);
  return text == NULL ? 0 : strtol(text, NULL, 0);
}

static int is_there(const char *path) {
  const char *folder = getenv("FS_FOLDER");
  return folder != NULL && path != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

static int is_open_there(int descriptor) {
  char link[64], path[4096];
  ssize_t length;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return is_there(path);
}

static int answer(long error) {
  if (error < 0) return 0;
  errno = (int)error;
  return -1;
}

int chmod(const char *path, mode_t mode) {
  REAL(int, chmod, const char *, mode_t);
  if (number("FS_CHMOD") != 0 && is_there(path)) return answer(number("FS_CHMOD"));
  return real(path, mode);
}

int fchmod(int descriptor, mode_t mode) {
  REAL(int, fchmod, int, mode_t);
  if (number("FS_CHMOD") != 0 && is_open_there(descriptor)) return answer(number("FS_CHMOD"));
  return real(descriptor, mode);
}

#define MAPS(name, offset_type)                                                                       \
  void *name(void *address, size_t size, int protection, int flags, int descriptor, offset_type at) { \
    REAL(void *, name, void *, size_t, int, int, int, offset_type);                                   \
    if (number("FS_MAP") != 0 && (flags & MAP_SHARED) && descriptor >= 0 && is_open_there(descriptor)) { \
      errno = (int)number("FS_MAP");                                                                  \
      return MAP_FAILED;                                                                              \
    }                                                                                                 \
    return real(address, size, protection, flags, descriptor, at);                                    \
  }

MAPS(mmap, off_t)
MAPS(mmap64, off64_t)

static int is_unreadable(int descriptor) {
  static long reads = 0;
  if (number("FS_READ") == 0 || !is_open_there(descriptor)) return 0;
  return __atomic_add_fetch(&reads, 1, __ATOMIC_RELAXED) >= number("FS_READ_FROM");
}

#define READS(name, offset_type)                                                        \
  ssize_t name(int descriptor, void *buffer, size_t size, offset_type at) {             \
    REAL(ssize_t, name, int, void *, size_t, offset_type);                              \
    if (is_unreadable(descriptor)) return answer(number("FS_READ"));                    \
    return real(descriptor, buffer, size, at);                                          \
  }

READS(pread, off_t)
READS(pread64, off64_t)

#define TELLS(name, buffer)                                        \
  int name(const char *path, struct buffer *found) {               \
    int result;                                                    \
    REAL(int, name, const char *, struct buffer *);                \
    result = real(path, found);                                    \
    if (result == 0 && number("FS_TYPE") != 0 && is_there(path))   \
      found->f_type = number("FS_TYPE");                           \
    return result;                                                 \
  }

TELLS(statfs, statfs)
TELLS(statfs64, statfs64)

static int excludes_nobody(int descriptor) {
  return number("FS_NO_LOCKS") != 0 && is_open_there(descriptor);
}

int flock(int descriptor, int operation) {
  REAL(int, flock, int, int);
  return excludes_nobody(descriptor) ? 0 : real(descriptor, operation);
}

#define CONTROLS(name)                                                            \
  int name(int descriptor, int command, ...) {                                    \
    void *argument;                                                               \
    va_list arguments;                                                            \
    REAL(int, name, int, int, ...);                                               \
    va_start(arguments, command);                                                 \
    argument = va_arg(arguments, void *);                                         \
    va_end(arguments);                                                            \
    switch (command) {                                                            \
      case F_GETLK: case F_OFD_GETLK:                                             \
        if (excludes_nobody(descriptor)) {                                        \
          ((struct flock *)argument)->l_type = F_UNLCK;                           \
          return 0;                                                               \
        }                                                                         \
        break;                                                                    \
      case F_SETLK: case F_OFD_SETLK: case F_SETLKW: case F_OFD_SETLKW:           \
        if (excludes_nobody(descriptor)) return 0;                                \
        break;                                                                    \
    }                                                                             \
    return real(descriptor, command, argument);                                   \
  }

CONTROLS(fcntl)
CONTROLS(fcntl64)

static int is_gone(const char *path) {
  const char *gone = getenv("FS_GONE");
  if (gone == NULL || path == NULL || strncmp(path, gone, strlen(gone)) != 0) return 0;
  errno = ENOTCONN;
  return 1;
}

int statx(int folder, const char *restrict path, int flags, unsigned mask, struct statx *restrict found) {
  REAL(int, statx, int, const char *, int, unsigned, struct statx *);
  return is_gone(path) ? -1 : real(folder, path, flags, mask, found);
}

static void hang(void) {
  struct timespec left = {number("FS_HANGS"), 0};
  if (left.tv_sec == 0) return;
  close(creat(getenv("FS_HANGING"), 0600));
  while (nanosleep(&left, &left) != 0) {
  }
}

int fsync(int descriptor) {
  REAL(int, fsync, int);
  if (is_open_there(descriptor)) hang();
  return real(descriptor);
}

int fdatasync(int descriptor) {
  REAL(int, fdatasync, int);
  if (is_open_there(descriptor)) hang();
  return real(descriptor);
}

int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict how, void *(*body)(void *), void *restrict of) {
  REAL(int, pthread_create, pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  return number("FS_NO_THREADS") != 0 ? EAGAIN : real(thread, how, body, of);
}

static void note_created(const char *path, int descriptor) {
  const char *list = getenv("FS_CREATED");
  struct stat found;
  FILE *notes;
  if (list == NULL || !is_there(path) || fstat(descriptor, &found) != 0) return;
  notes = fopen(list, "a");
  if (notes == NULL) return;
  fprintf(notes, "%o %s\n", (unsigned)found.st_mode & 07777, path);
  fclose(notes);
}

#define OPENS(name)                                                               \
  int name(const char *path, int flags, ...) {                                    \
    int is_new, descriptor;                                                       \
    mode_t mode = 0;                                                              \
    REAL(int, name, const char *, int, ...);                                      \
    if (flags & (O_CREAT | __O_TMPFILE)) {                                        \
      va_list arguments;                                                          \
      va_start(arguments, flags);                                                 \
      mode = va_arg(arguments, mode_t);                                           \
      va_end(arguments);                                                          \
    }                                                                             \
    if (is_gone(path)) return -1;                                                 \
    if (getenv("FS_BOOT") != NULL && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0) \
      path = getenv("FS_BOOT");                                                   \
    is_new = (flags & O_CREAT) && access(path, F_OK) != 0;                        \
    if (is_new && number("FS_CHMOD") != 0 && is_there(path)) mode |= 0644;        \
    descriptor = real(path, flags, mode);                                         \
    if (is_new && descriptor >= 0) note_created(path, descriptor);                \
    return descriptor;                                                            \
  }

OPENS(open)
OPENS(open64)
