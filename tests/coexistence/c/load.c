/* Everybody writes at once: the host, two connections of ours and another process. */
#define _GNU_SOURCE
#include "rig.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { PATIENT = 10000 };

/* After each commit, or the others sleep in their busy handlers while one of them hogs the lock. */
enum { PAUSE_US = 1000 };

/* SQLite's waiting is not fair: who had no turn in time goes on for so many seconds. */
enum { GRACE = 30 };

typedef struct {
  const rig *r;
  const char *name;
  party *(*open)(const char *, int);
  int reopen; /* after so many commits; 0: never */
  int marks;  /* gets a byte for each commit; -1: none */
  long long commits;
} writer;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *write_on(void *argument) {
  writer *w = argument;
  party *p = NULL;
  char sql[512];
  snprintf(sql, sizeof sql,
           "BEGIN IMMEDIATE; UPDATE counter SET n = n + 1 WHERE name IN ('all', '%s');"
           "INSERT INTO entry (writer, n, filler) "
           "SELECT name, n, hex(zeroblob(abs(random()) %% 500)) FROM counter WHERE name = '%s'; COMMIT",
           w->name, w->name);
  for (double end = now() + w->r->seconds; now() < end || (w->commits == 0 && now() < end + GRACE);) {
    if (!p && !(p = w->open(w->r->path, PATIENT))) continue;
    if (!try_exec(p, sql)) {
      roll_back(p);
      continue;
    }
    w->commits++;
    if (w->marks >= 0 && write(w->marks, ".", 1) != 1) broken("a commit cannot be noted");
    if (w->reopen && w->commits % w->reopen == 0) {
      if (w->commits % (3 * w->reopen) == 0) try_exec(p, "PRAGMA wal_checkpoint(TRUNCATE)");
      leave(p);
      p = NULL;
    }
    usleep(PAUSE_US);
  }
  if (p) leave(p);
  return NULL;
}

static long long count_of(party *p, const char *format, const char *name) {
  char sql[128];
  snprintf(sql, sizeof sql, format, name);
  return number(p, sql);
}

/* Returns the number of commits, which are all found. */
static long long settle(party *fresh, const char *name, long long commits) {
  char what[64];
  snprintf(what, sizeof what, "updates of %s", name);
  same(count_of(fresh, "SELECT n FROM counter WHERE name = '%s'", name), commits, what);
  snprintf(what, sizeof what, "rows of %s", name);
  same(count_of(fresh, "SELECT count(*) FROM entry WHERE writer = '%s'", name), commits, what);
  if (commits == 0) violated("%s never got its turn", name);
  printf("%s %lld\n", name, commits);
  return commits;
}

static void together(rig *r, writer writers[3], int reopen_outside) {
  party *other = outsider(r->path, PATIENT);
  pthread_t threads[2];
  start_writing(other, "outsider", r->seconds, reopen_outside, r->path);
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, write_on, &writers[i + 1]);
  write_on(&writers[0]);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  long long total = stop_writing(other);
  leave(other);
  party *fresh = outsider(r->path, 5000);
  settle(fresh, "outsider", total);
  for (int i = 0; i < 3; i++) total += settle(fresh, writers[i].name, writers[i].commits);
  same(count_of(fresh, "SELECT n FROM counter WHERE name = '%s'", "all"), total, "updates of all");
  leave(fresh);
  sound(r, total);
}

/* The host and one of ours stay, the other of ours comes and goes. */
void load(rig *r) {
  writer writers[] = {{r, "host", host, 0, -1, 0}, {r, "ours-1", ours, 0, -1, 0}, {r, "ours-2", ours, 10, -1, 0}};
  together(r, writers, 0);
}

/* Everybody comes and goes, so that -wal and -shm are taken away and made anew. */
void churn(rig *r) {
  writer writers[] = {{r, "host", host, 2, -1, 0}, {r, "ours-1", ours, 1, -1, 0}, {r, "ours-2", ours, 3, -1, 0}};
  together(r, writers, 2);
}

static int marks(const rig *r, const char *name) {
  char path[4200];
  snprintf(path, sizeof path, "%s/acknowledged-%s", r->folder, name);
  int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) broken("cannot make %s", path);
  return file;
}

/* Writes until it is killed, with one byte in `acknowledged-NAME` for every commit. */
void victim(rig *r) {
  writer writers[] = {{r, "host", host, 0, marks(r, "host"), 0},
                      {r, "ours-1", ours, 0, marks(r, "ours-1"), 0},
                      {r, "ours-2", ours, 7, marks(r, "ours-2"), 0}};
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, write_on, &writers[i + 1]);
  puts("ready");
  fflush(stdout);
  write_on(&writers[0]);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
}

static int open_files(void) {
  DIR *folder = opendir("/dev/fd");
  int count = 0;
  if (!folder) broken("no /dev/fd");
  while (readdir(folder)) count++;
  closedir(folder);
  return count;
}

/* A thousand opens and closes, and ten thousand where tests are long, do not add a descriptor, with the host there and without. */
void bounded(rig *r) {
  for (int with_host = 1; with_host >= 0; with_host--) {
    party *theirs = with_host ? host(r->path, IMPATIENT) : NULL;
    leave(ours(r->path, IMPATIENT));
    int before = open_files();
    long long kept = probe_kept();
    for (int i = 0; i < r->seconds * 250; i++) {
      party *we = ours(r->path, IMPATIENT);
      number(we, ROWS);
      leave(we);
    }
    same(open_files(), before, "open descriptors of the process");
    same(probe_kept(), kept, "descriptors that we keep");
    if (theirs) {
      insert(theirs, "host");
      leave(theirs);
    }
  }
  sound(r, 1);
}
