/* A C program linked to the system's SQLite, with our shared library beside it: what the scenarios are made of. */
#ifndef RIG_H
#define RIG_H

#include <stdbool.h>

/* Milliseconds after which a lock counts as somebody else's. */
enum { IMPATIENT = 40 };

/* Somebody who has the database open. */
typedef struct party party;

typedef struct {
  const char *mode; /* wal or delete */
  bool wal;
  double seconds;
  const char *folder;
  char path[4096];
} rig;

/* The property does not hold: says so and ends the process with 1. */
_Noreturn void violated(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The rig itself does not work, which says nothing about the property: 2. */
_Noreturn void broken(const char *format, ...) __attribute__((format(printf, 1, 2)));

void load_probe(const char *library);
bool probe_is_installed(void);
long long probe_kept(void);

/* Our SQLite; NULL where it is busy. */
party *ours(const char *path, int busy_ms);
/* The system's SQLite in this process. */
party *host(const char *path, int busy_ms);
/* Another process. */
party *outsider(const char *path, int busy_ms);
void leave(party *p);

/* False where it is busy; any other failure is a violation. */
bool try_exec(party *p, const char *sql);
void must_exec(party *p, const char *sql);
long long number(party *p, const char *sql);
/* After a busy one: without a transaction nothing happens. */
void roll_back(party *p);
/* Starts an outsider's writing, and waits for the number of its commits. */
void start_writing(party *p, const char *name, double seconds, int reopen, const char *path);
long long stop_writing(party *p);

void same(long long found, long long wanted, const char *what);
/* Each in turn is refused a write transaction. */
void all_out(const char *when, ...); /* party *, const char *name, …, NULL */
/* A database with tables to count in, in the right journal mode. An existing one stays. */
void prepare(const rig *r);
bool exists(const rig *r, const char *suffix);
void files_stand(const rig *r);
void insert(party *p, const char *writer);
/* A fresh process finds every row and no damage, and nobody's lock is left. */
void sound(const rig *r, long long rows);

#define ROWS "SELECT count(*) FROM entry"

void idle(rig *r);
void reading(rig *r);
void host_writes(rig *r);
void we_write(rig *r);
void untouched(rig *r);
void load(rig *r);
void churn(rig *r);
void victim(rig *r);
void bounded(rig *r);
void fork_exit(rig *r);
void fork_close(rig *r);
void fork_open(rig *r);

#endif
