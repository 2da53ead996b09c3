/*
 Preloaded into a process: a folder answers as one on another file system does.

 FS_FOLDER  calls on files whose paths begin with it are answered
 FS_CHMOD   the error of chmod; -1: it succeeds, and changes nothing
 FS_MAP     the error of shared mappings
 FS_TYPE    the type that statfs tells
 FS_NO_LOCKS  locks succeed and exclude nobody, as if each process were on a machine of its own
 FS_BOOT    the file that is read as the boot id of the machine
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
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

#define OPENS(name)                                                               \
  int name(const char *path, int flags, ...) {                                    \
    mode_t mode = 0;                                                              \
    REAL(int, name, const char *, int, ...);                                      \
    if (flags & (O_CREAT | __O_TMPFILE)) {                                        \
      va_list arguments;                                                          \
      va_start(arguments, flags);                                                 \
      mode = va_arg(arguments, mode_t);                                           \
      va_end(arguments);                                                          \
    }                                                                             \
    if (getenv("FS_BOOT") != NULL && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0) \
      path = getenv("FS_BOOT");                                                   \
    return real(path, flags, mode);                                               \
  }

OPENS(open)
OPENS(open64)
