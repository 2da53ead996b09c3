/* rig LIBRARY SCENARIO SECONDS wal|delete FOLDER: 0 the property holds, 1 it does not, 2 the rig is broken. */
#define _GNU_SOURCE
#include "rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void same(long long found, long long wanted, const char *what) {
  if (found != wanted) violated("%s: %lld, not %lld", what, found, wanted);
}

void all_out(const char *when, ...) {
  va_list parties;
  va_start(parties, when);
  for (party *p; (p = va_arg(parties, party *)) != NULL;) {
    const char *name = va_arg(parties, const char *);
    if (try_exec(p, "BEGIN IMMEDIATE")) violated("%s got in %s", name, when);
  }
  va_end(parties);
}

bool exists(const rig *r, const char *suffix) {
  char path[4200];
  snprintf(path, sizeof path, "%s%s", r->path, suffix);
  return access(path, F_OK) == 0;
}

void files_stand(const rig *r) {
  if (r->wal && !exists(r, "-wal")) violated("-wal vanished");
  if (r->wal && !exists(r, "-shm")) violated("-shm vanished");
}

void insert(party *p, const char *writer) {
  char sql[256];
  snprintf(sql, sizeof sql, "INSERT INTO entry (writer, n, filler) VALUES ('%s', 1, hex(zeroblob(300)))", writer);
  must_exec(p, sql);
}

void sound(const rig *r, long long rows) {
  party *fresh = outsider(r->path, 5000);
  same(number(fresh, ROWS), rows, "rows in the end");
  same(number(fresh, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1, "integrity");
  /* This takes every lock there is, so nobody may have kept one. */
  must_exec(fresh, r->wal ? "PRAGMA journal_mode = delete" : "BEGIN EXCLUSIVE");
  leave(fresh);
}

void prepare(const rig *r) {
  if (exists(r, "")) return;
  party *we = ours(r->path, 5000);
  if (!we) broken("a new database is busy");
  must_exec(we,
            "CREATE TABLE counter (name TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;"
            "CREATE TABLE entry (id INTEGER PRIMARY KEY, writer TEXT, n INTEGER, filler TEXT) STRICT;"
            "INSERT INTO counter VALUES ('all', 0), ('host', 0), ('ours-1', 0), ('ours-2', 0), ('outsider', 0)");
  if (!r->wal) must_exec(we, "PRAGMA journal_mode = delete");
  leave(we);
}

static const struct {
  const char *name;
  void (*act)(rig *);
} SCENARIOS[] = {
    {"idle", idle},       {"reading", reading},     {"host_writes", host_writes}, {"we_write", we_write},
    {"load", load},       {"churn", churn},         {"victim", victim},           {"untouched", untouched},
    {"bounded", bounded}, {"fork_exit", fork_exit}, {"fork_close", fork_close},   {"fork_open", fork_open},
};

int main(int count, char **arguments) {
  if (count != 6) broken("usage: rig LIBRARY SCENARIO SECONDS wal|delete FOLDER");
  rig r = {.mode = arguments[4], .seconds = atof(arguments[3]), .folder = arguments[5]};
  r.wal = strcmp(r.mode, "wal") == 0;
  if (!r.wal && strcmp(r.mode, "delete") != 0) broken("no journal mode '%s'", r.mode);
  snprintf(r.path, sizeof r.path, "%s/skills.db", r.folder);
  load_probe(arguments[1]);
  for (size_t i = 0; i < sizeof SCENARIOS / sizeof *SCENARIOS; i++) {
    if (strcmp(SCENARIOS[i].name, arguments[2]) != 0) continue;
    /* `untouched` has to look before our library has opened anything. */
    if (SCENARIOS[i].act != untouched) {
      const char *off = getenv("SKILLSMITH_TEST_COEXISTENCE");
      bool wanted = !(off && strcmp(off, "off") == 0);
      prepare(&r);
      if (probe_is_installed() != wanted) broken("the replacement is %sinstalled", wanted ? "not " : "");
    }
    SCENARIOS[i].act(&r);
    return 0;
  }
  broken("no scenario '%s'", arguments[2]);
}
