/* A program that is linked to the system's SQLite, too: it keeps it, and both use one file. */
#include "check.h"

#include <dlfcn.h>
#include <sqlite3.h>

/* Told by the test, which asks the system's library alone. */
static void the_system_s(void) {
  const char *version = getenv("CHECK_SQLITE_VERSION"), *source = getenv("CHECK_SQLITE_SOURCE_ID");
  Dl_info found;
  CHECK(version != NULL && source != NULL);
  CHECK_TEXT(sqlite3_libversion(), version);
  CHECK_TEXT(sqlite3_sourceid(), source);
  CHECK(dladdr((void *)(uintptr_t)&sqlite3_open, &found) != 0);
  CHECK(dlsym(RTLD_DEFAULT, "sqlite3_open") != NULL);
  CHECK(dladdr(dlsym(RTLD_DEFAULT, "sqlite3_open"), &found) != 0);
  CHECK_HAS(found.dli_fname, "libsqlite3.so");
}

static int64_t number(sqlite3 *connection, const char *sql) {
  sqlite3_stmt *statement = NULL;
  int64_t found;
  CHECK_EQ(sqlite3_prepare_v2(connection, sql, -1, &statement, NULL), SQLITE_OK);
  CHECK_EQ(sqlite3_step(statement), SQLITE_ROW);
  found = sqlite3_column_int64(statement, 0);
  CHECK_EQ(sqlite3_finalize(statement), SQLITE_OK);
  return found;
}

static void one_file(void) {
  const char *path = place("skills.db");
  skillsmith_database *database = open_at(path);
  skillsmith_sync_engine *engine = engine_for(database);
  sqlite3 *own = NULL;
  int round;
  CHECK_EQ(sqlite3_open(path, &own), SQLITE_OK);
  CHECK_EQ(sqlite3_exec(own, "PRAGMA busy_timeout = 5000; CREATE TABLE mine (n)", NULL, NULL, NULL), SQLITE_OK);
  for (round = 0; round < 5; round++) {
    char sql[64];
    sprintf(sql, "change?count=20&seed=%d", round + 1);
    tell("POST", sql, "");
    CHECK_EQ(sqlite3_exec(own, "INSERT INTO mine VALUES (1)", NULL, NULL, NULL), SQLITE_OK);
    RUN(SKILLSMITH_OK, "", engine, NULL);
    CHECK_EQ(number(own, "SELECT count(*) FROM skills"), 250);
    CHECK_EQ(number(own, "SELECT count(*) FROM mine"), round + 1);
  }
  /* Closing ours leaves the locks of theirs in place. */
  CHECK_EQ(sqlite3_exec(own, "BEGIN IMMEDIATE; INSERT INTO mine VALUES (2)", NULL, NULL, NULL), SQLITE_OK);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  {
    OPTIONS(skillsmith_open_options, options);
    skillsmith_sync_config_repository *config = RUBBISH(skillsmith_sync_config_repository);
    options.busy_budget_ms = -1;
    OK(skillsmith_database_open(path, &options, &database, &error));
    OK(skillsmith_sync_config_repository_new(database, &config, &error));
    FAILS(SKILLSMITH_DATABASE_BUSY, "busy", skillsmith_sync_config_repository_enable(config, NULL, &error));
    CHECK_EQ(sqlite3_exec(own, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    OK(skillsmith_sync_config_repository_enable(config, NULL, &error));
    CODE(SKILLSMITH_OK, skillsmith_sync_config_repository_free(config));
    CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  }
  CHECK_EQ(number(own, "SELECT count(*) FROM mine"), 6);
  CHECK_EQ(number(own, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
  CHECK_EQ(sqlite3_close(own), SQLITE_OK);
}

PROGRAM(CASE(the_system_s), CASE(one_file))
