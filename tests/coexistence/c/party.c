/* Ours, the host and the outsider behind the same words. */
#define _GNU_SOURCE
#include "rig.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROBE_OK = 0, PROBE_BUSY = 5 };

static struct {
  void *(*open)(const char *, int);
  int (*exec)(void *, const char *);
  long long (*number)(void *, const char *);
  void (*close)(void *);
  const char *(*error)(void);
  int (*installed)(void);
  long long (*descriptors)(void);
} probe;

struct party {
  enum { OURS, HOST, OUTSIDER } kind;
  void *handle;
  sqlite3 *db;
  FILE *to, *from;
  pid_t process;
};

static _Noreturn void end(int status, const char *kind, const char *format, va_list arguments) {
  fprintf(stderr, "%s: ", kind);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  fflush(NULL);
  _exit(status);
}

void violated(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  end(1, "VIOLATED", format, arguments);
}

void broken(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  end(2, "broken", format, arguments);
}

static void *symbol(void *library, const char *name) {
  void *found = dlsym(library, name);
  if (!found) broken("%s", dlerror());
  return found;
}

void load_probe(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) broken("%s", dlerror());
  *(void **)&probe.open = symbol(library, "probe_open");
  *(void **)&probe.exec = symbol(library, "probe_exec");
  *(void **)&probe.number = symbol(library, "probe_int");
  *(void **)&probe.close = symbol(library, "probe_close");
  *(void **)&probe.error = symbol(library, "probe_error");
  *(void **)&probe.installed = symbol(library, "probe_installed");
  *(void **)&probe.descriptors = symbol(library, "probe_descriptors");
}

bool probe_is_installed(void) { return probe.installed() != 0; }
long long probe_kept(void) { return probe.descriptors(); }

static party *new_party(int kind) {
  party *p = calloc(1, sizeof *p);
  if (!p) broken("no memory");
  p->kind = kind;
  return p;
}

party *ours(const char *path, int busy_ms) {
  void *handle = probe.open(path, busy_ms);
  if (!handle) {
    if (strncmp(probe.error(), "DATABASE_BUSY", 13) == 0) return NULL;
    violated("ours cannot open: %s", probe.error());
  }
  party *p = new_party(OURS);
  p->handle = handle;
  return p;
}

party *host(const char *path, int busy_ms) {
  party *p = new_party(HOST);
  if (sqlite3_open(path, &p->db) != SQLITE_OK) violated("the host cannot open: %s", sqlite3_errmsg(p->db));
  sqlite3_busy_timeout(p->db, busy_ms);
  return p;
}

static void say(party *p, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(p->to, format, arguments);
  va_end(arguments);
  fputc('\n', p->to);
  fflush(p->to);
}

/* NULL where it is busy. */
static const char *hear(party *p) {
  static char line[4096];
  if (!fgets(line, sizeof line, p->from)) broken("the outsider is gone");
  line[strcspn(line, "\n")] = 0;
  if (strcmp(line, "busy") == 0) return NULL;
  if (strncmp(line, "error ", 6) == 0) violated("outsider: %s", line + 6);
  return strncmp(line, "value ", 6) == 0 ? line + 6 : "";
}

party *outsider(const char *path, int busy_ms) {
  int in[2], out[2];
  if (pipe(in) || pipe(out)) broken("no pipe");
  /* Another outsider that kept the writing end would keep this one alive. */
  for (int i = 0; i < 2; i++)
    if (fcntl(in[i], F_SETFD, FD_CLOEXEC) || fcntl(out[i], F_SETFD, FD_CLOEXEC)) broken("no pipe");
  party *p = new_party(OUTSIDER);
  p->process = fork();
  if (p->process < 0) broken("no process");
  if (p->process == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    execlp("python3", "python3", "-B", OUTSIDER_PROGRAM, (char *)NULL);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  p->to = fdopen(in[1], "w");
  p->from = fdopen(out[0], "r");
  say(p, "open %d %s", busy_ms, path);
  if (!hear(p)) violated("the outsider cannot open");
  return p;
}

void leave(party *p) {
  switch (p->kind) {
  case OURS:
    probe.close(p->handle);
    break;
  case HOST:
    if (sqlite3_close(p->db) != SQLITE_OK) violated("the host cannot close: %s", sqlite3_errmsg(p->db));
    break;
  case OUTSIDER:
    fclose(p->to);
    fclose(p->from);
    waitpid(p->process, NULL, 0);
  }
  free(p);
}

bool try_exec(party *p, const char *sql) {
  int status;
  switch (p->kind) {
  case OURS:
    status = probe.exec(p->handle, sql);
    if (status != PROBE_OK && status != PROBE_BUSY) violated("ours: %s", probe.error());
    return status == PROBE_OK;
  case HOST:
    status = sqlite3_exec(p->db, sql, NULL, NULL, NULL);
    if (status != SQLITE_OK && status != SQLITE_BUSY) violated("host: %s", sqlite3_errmsg(p->db));
    return status == SQLITE_OK;
  default:
    say(p, "exec %s", sql);
    return hear(p) != NULL;
  }
}

void must_exec(party *p, const char *sql) {
  if (!try_exec(p, sql)) violated("%s is busy: %s", ((const char *[]){"ours", "the host", "the outsider"})[p->kind], sql);
}

long long number(party *p, const char *sql) {
  if (p->kind == OURS) {
    long long value = probe.number(p->handle, sql);
    if (value == -1) violated("ours: %s: %s", sql, probe.error());
    return value;
  }
  if (p->kind == OUTSIDER) {
    say(p, "int %s", sql);
    const char *value = hear(p);
    if (!value) violated("the outsider is busy: %s", sql);
    return atoll(value);
  }
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(p->db, sql, -1, &statement, NULL) != SQLITE_OK || sqlite3_step(statement) != SQLITE_ROW)
    violated("host: %s: %s", sql, sqlite3_errmsg(p->db));
  long long value = sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  return value;
}

void roll_back(party *p) {
  if (p->kind == HOST && sqlite3_get_autocommit(p->db)) return;
  if (p->kind == OURS) {
    if (probe.exec(p->handle, "ROLLBACK") != PROBE_OK && !strstr(probe.error(), "no transaction is active"))
      violated("ours cannot roll back: %s", probe.error());
    return;
  }
  must_exec(p, "ROLLBACK");
}

void start_writing(party *p, const char *name, double seconds, int reopen, const char *path) {
  say(p, "write %s %f %d %s", name, seconds, reopen, path);
}

long long stop_writing(party *p) {
  const char *value = hear(p);
  if (!value) violated("the outsider waited in vain");
  return atoll(value);
}
