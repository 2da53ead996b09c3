/* Who keeps whom out: the host idle, reading or writing, and the reverse. */
#define _GNU_SOURCE
#include "rig.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

/* The host has it open and does nothing; we open, read and close; then everybody writes. */
void idle(rig *r) {
  party *theirs = host(r->path, IMPATIENT), *other = outsider(r->path, IMPATIENT);
  long long rows = 1;
  insert(theirs, "host");
  for (int turn = 0; turn < 3; turn++) {
    party *we = ours(r->path, IMPATIENT);
    same(number(we, ROWS), rows, "rows that we see");
    leave(we);
    files_stand(r);
    insert(theirs, "host");
    insert(other, "outsider");
    rows += 2;
    same(number(theirs, ROWS), rows, "rows that the host sees");
    same(number(other, ROWS), rows, "rows that the outsider sees");
    files_stand(r);
  }
  leave(theirs);
  leave(other);
  sound(r, rows);
}

/* Under a reader an outsider cannot change what that reader sees. */
static int stays_out(const rig *r, party *other, const char *whose) {
  if (r->wal) {
    insert(other, "outsider");
    if (number(other, "PRAGMA wal_checkpoint(TRUNCATE)") != 1)
      violated("an outsider emptied the WAL under %s read transaction", whose);
    return 1;
  }
  must_exec(other, "BEGIN IMMEDIATE");
  insert(other, "outsider");
  if (try_exec(other, "COMMIT")) violated("an outsider committed under %s read transaction", whose);
  must_exec(other, "ROLLBACK");
  return 0;
}

/* A reader keeps what it sees, whatever the other copy in its process opens and closes. */
void reading(rig *r) {
  party *theirs = host(r->path, IMPATIENT), *other = outsider(r->path, IMPATIENT);
  long long rows = 1;
  insert(theirs, "host");
  for (int turn = 0; turn < 2; turn++) {
    must_exec(theirs, "BEGIN");
    long long seen = number(theirs, ROWS);
    party *we = ours(r->path, IMPATIENT);
    same(number(we, ROWS), rows, "rows that we see");
    leave(we);
    rows += stays_out(r, other, "the host's");
    same(number(theirs, ROWS), seen, "rows that the host's transaction sees");
    must_exec(theirs, "COMMIT");

    we = ours(r->path, IMPATIENT);
    must_exec(we, "BEGIN");
    seen = number(we, ROWS);
    party *second = host(r->path, IMPATIENT);
    same(number(second, ROWS), rows, "rows that the host sees");
    leave(second);
    rows += stays_out(r, other, "our");
    same(number(we, ROWS), seen, "rows that our transaction sees");
    must_exec(we, "COMMIT");
    leave(we);
  }
  leave(theirs);
  leave(other);
  sound(r, rows);
}

typedef struct {
  const rig *r;
  volatile bool *released;
} patient;

static void *wait_for_the_host(void *argument) {
  const patient *p = argument;
  party *we = ours(p->r->path, 10000);
  must_exec(we, "BEGIN IMMEDIATE");
  if (!*p->released) violated("we did not wait for the host");
  insert(we, "ours");
  must_exec(we, "COMMIT");
  leave(we);
  return NULL;
}

/* With a long lock wait we get in when the host is done, and not before. */
static void waits(const rig *r, party *theirs) {
  static volatile bool released;
  patient p = {r, &released};
  pthread_t thread;
  must_exec(theirs, "BEGIN IMMEDIATE");
  insert(theirs, "host");
  pthread_create(&thread, NULL, wait_for_the_host, &p);
  usleep(300000);
  insert(theirs, "host");
  released = true;
  must_exec(theirs, "COMMIT");
  pthread_join(thread, NULL);
}

static const char *const KINDS[] = {"BEGIN IMMEDIATE", "BEGIN EXCLUSIVE", "BEGIN IMMEDIATE"};

/* The host in a write transaction: we wait or say busy, and nobody gets in before or after we close. */
void host_writes(rig *r) {
  party *theirs = host(r->path, IMPATIENT), *other = outsider(r->path, IMPATIENT);
  party *kept = ours(r->path, IMPATIENT);
  long long rows = 0;
  for (int kind = 0; kind < 3; kind++) {
    bool visible = r->wal || kind != 1;
    must_exec(theirs, KINDS[kind]);
    insert(theirs, "host");
    all_out("before we opened", other, "an outsider", NULL);
    for (int turn = 0; turn < 2; turn++) {
      party *we = ours(r->path, IMPATIENT);
      if (we && !visible) violated("we could read under the host's exclusive lock");
      if (!we && visible) violated("we could not even read");
      if (we) {
        same(number(we, ROWS), rows, "rows that we see of an open transaction");
        all_out("in the host's transaction", we, "ours", NULL);
        leave(we);
      }
      all_out("after we closed", kept, "ours", other, "an outsider", NULL);
      files_stand(r);
    }
    insert(theirs, "host");
    must_exec(theirs, "COMMIT");
    insert(kept, "ours");
    insert(other, "outsider");
    rows += 4;
    same(number(kept, ROWS), rows, "rows that we see");
    same(number(theirs, ROWS), rows, "rows that the host sees");
  }
  waits(r, theirs);
  leave(kept);
  leave(theirs);
  leave(other);
  sound(r, rows + 3);
}

/* Ours in a write transaction: the host opens another connection, reads, closes it; all stay out. */
void we_write(rig *r) {
  party *theirs = host(r->path, IMPATIENT), *other = outsider(r->path, IMPATIENT);
  party *we = ours(r->path, IMPATIENT);
  long long rows = 0;
  for (int kind = 0; kind < 3; kind++) {
    bool visible = r->wal || kind != 1;
    must_exec(we, KINDS[kind]);
    insert(we, "ours");
    for (int turn = 0; turn < 2; turn++) {
      party *second = host(r->path, IMPATIENT);
      if (try_exec(second, ROWS) != visible) violated("the host's reading: %s", visible ? "refused" : "let in");
      if (visible) same(number(second, ROWS), rows, "rows that the host sees of an open transaction");
      all_out("in our transaction", second, "the host", NULL);
      leave(second);
      all_out("after the host closed", theirs, "the host", other, "an outsider", NULL);
      if (visible) {
        party *third = ours(r->path, IMPATIENT);
        same(number(third, ROWS), rows, "rows that our other connection sees");
        all_out("in our transaction", third, "another of ours", NULL);
        leave(third);
        all_out("after our other connection closed", other, "an outsider", theirs, "the host", NULL);
      }
      files_stand(r);
    }
    insert(we, "ours");
    must_exec(we, "COMMIT");
    insert(theirs, "host");
    insert(other, "outsider");
    rows += 4;
    same(number(we, ROWS), rows, "rows that we see");
    same(number(theirs, ROWS), rows, "rows that the host sees");
  }
  leave(we);
  leave(theirs);
  leave(other);
  sound(r, rows);
}

/* The host's own SQLite has the system calls that it had, and is another copy than ours. */
void untouched(rig *r) {
  static const char *const CALLS[] = {"fcntl", "open", "close", "read", "fstat", "mmap", "unlink", "ftruncate"};
  enum { COUNT = sizeof CALLS / sizeof *CALLS };
  sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
  sqlite3_syscall_ptr before[COUNT], now;
  for (int i = 0; i < COUNT; i++) before[i] = vfs->xGetSystemCall(vfs, CALLS[i]);
  prepare(r);
  party *theirs = host(r->path, IMPATIENT), *we = ours(r->path, IMPATIENT);
  insert(we, "ours");
  insert(theirs, "host");
  char question[128];
  snprintf(question, sizeof question, "SELECT sqlite_version() = '%s'", sqlite3_libversion());
  if (number(theirs, question) != 1) broken("the host is not the linked library");
  for (int turn = 0; turn < 2; turn++) {
    if (sqlite3_vfs_find(NULL) != vfs) violated("the host has another default VFS");
    for (int i = 0; i < COUNT; i++)
      if ((now = vfs->xGetSystemCall(vfs, CALLS[i])) != before[i]) violated("the host's %s was replaced", CALLS[i]);
    if (turn == 0) leave(we);
  }
  leave(theirs);
  sound(r, 2);
}
