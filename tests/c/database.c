/* Opening, closing, refusing; and every error of the database that a program can meet. */
#include "check.h"

#include <dlfcn.h>
#include <pwd.h>
#include <sqlite3.h>

/* The system's SQLite, as another program's. */
static sqlite3 *outsider(const char *path) {
  sqlite3 *connection = NULL;
  CHECK_EQ(sqlite3_open(path, &connection), SQLITE_OK);
  return connection;
}

static void run_sql(sqlite3 *connection, const char *sql) {
  char *message = NULL;
  if (sqlite3_exec(connection, sql, NULL, NULL, &message) != SQLITE_OK) FAIL("%s: %s", sql, message);
}

static void make_file(const char *path, const char *sql) {
  sqlite3 *connection = outsider(path);
  run_sql(connection, sql);
  CHECK_EQ(sqlite3_close(connection), SQLITE_OK);
}

/* What is refused is left as it was. */
#define REFUSED(code, part, path)                                                        \
  do {                                                                                   \
    skillsmith_database *opened_ = RUBBISH(skillsmith_database);                         \
    FAILS(code, part, skillsmith_database_open(path, NULL, &opened_, &error));           \
    CHECK(opened_ == NULL);                                                              \
    CODE(code, skillsmith_database_open(path, NULL, &opened_, NULL));                    \
    CHECK(opened_ == NULL);                                                              \
  } while (0)

static void a_new_file(void) {
  const char *path = place("new folder/skills.db");
  struct stat found;
  skillsmith_database *database = open_at(path);
  char *name = RUBBISH(char);
  CHECK_EQ(stat(path, &found), 0);
  CHECK_EQ(found.st_mode & 0777, 0600);
  CHECK_EQ(stat(place("new folder"), &found), 0);
  CHECK_EQ(found.st_mode & 0777, 0700);
  CHECK(skillsmith_database_is_open(database));
  CHECK(!skillsmith_database_is_read_only(database));
  OK(skillsmith_database_name(database, &name, &error));
  CHECK_TEXT(name, path);
  CODE(SKILLSMITH_OK, skillsmith_string_free(name));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  CHECK(!skillsmith_database_is_open(database));
  CHECK(!skillsmith_database_is_read_only(database));
}

static void the_default_path(void) {
  char *path = RUBBISH(char), home[4096], of_user[8192];
  skillsmith_database *database = RUBBISH(skillsmith_database);
  snprintf(home, sizeof home, "%s", getenv("HOME"));
  setenv("HOME", place("home"), 1);
  OK(skillsmith_default_database_path(&path, &error));
  CHECK_TEXT(path, place("home/.skillsmith/skills.db"));
  CODE(SKILLSMITH_OK, skillsmith_string_free(path));
  setenv("SKILLSMITH_DB_PATH", place("elsewhere.db"), 1);
  OK(skillsmith_default_database_path(&path, &error));
  CHECK_TEXT(path, place("elsewhere.db"));
  OK(skillsmith_database_open(NULL, NULL, &database, &error));
  CHECK(access(path, F_OK) == 0);
  CODE(SKILLSMITH_OK, skillsmith_string_free(path));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  unsetenv("SKILLSMITH_DB_PATH");
  /* The system has a home folder for the user, as its list of users says. */
  unsetenv("HOME");
  CHECK(getpwuid(getuid()) != NULL);
  snprintf(of_user, sizeof of_user, "%s/.skillsmith/skills.db", getpwuid(getuid())->pw_dir);
  OK(skillsmith_default_database_path(&path, &error));
  CHECK_TEXT(path, of_user);
  CODE(SKILLSMITH_OK, skillsmith_string_free(path));
  setenv("HOME", home, 1);
}

/* Paths are bytes; a text of this library is UTF-8. */
static void a_default_path_that_is_not_utf_8(void) {
  char *path = RUBBISH(char);
  skillsmith_database *database = RUBBISH(skillsmith_database);
  struct stat found;
  setenv("SKILLSMITH_DB_PATH", place("caf\xe9.db"), 1);
  FAILS(SKILLSMITH_INVALID_ARGUMENT, "not UTF-8", skillsmith_default_database_path(&path, &error));
  OK(skillsmith_database_open(NULL, NULL, &database, &error));
  CHECK_EQ(stat(place("caf\xe9.db"), &found), 0);
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  unsetenv("SKILLSMITH_DB_PATH");
}

static void in_memory(void) {
  skillsmith_database *one = open_in_memory(), *other = open_at(":memory:");
  skillsmith_sync_config_repository *config = RUBBISH(skillsmith_sync_config_repository);
  OPTIONS(skillsmith_open_options, options);
  bool due = false;
  char *name = RUBBISH(char);
  OK(skillsmith_database_name(other, &name, &error));
  CHECK_TEXT(name, ":memory:");
  CODE(SKILLSMITH_OK, skillsmith_string_free(name));
  OK(skillsmith_sync_config_repository_new(one, &config, &error));
  OK(skillsmith_sync_config_repository_disable(config, NULL, &error));
  CODE(SKILLSMITH_OK, skillsmith_sync_config_repository_free(config));
  /* Two databases in memory are two. */
  OK(skillsmith_sync_config_repository_new(other, &config, &error));
  OK(skillsmith_sync_config_repository_is_sync_due(config, &due, &error));
  CHECK(due);
  CODE(SKILLSMITH_OK, skillsmith_sync_config_repository_free(config));
  CODE(SKILLSMITH_OK, skillsmith_database_free(one));
  CODE(SKILLSMITH_OK, skillsmith_database_free(other));
  options.read_only = 1;
  FAILS(SKILLSMITH_INVALID_ARGUMENT, "read-only", skillsmith_database_open(":memory:", &options, &one, &error));
}

static void closed(void) {
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_config_repository *config = RUBBISH(skillsmith_sync_config_repository);
  skillsmith_sync_history_repository *history = RUBBISH(skillsmith_sync_history_repository);
  skillsmith_skill_repository *skills = RUBBISH(skillsmith_skill_repository);
  skillsmith_sync_engine *engine = engine_of(client_of("http://127.0.0.1:1"), database);
  skillsmith_background_sync_service *service = RUBBISH(skillsmith_background_sync_service);
  skillsmith_sync_config *found = RUBBISH(skillsmith_sync_config);
  skillsmith_engine_status *status = RUBBISH(skillsmith_engine_status);
  skillsmith_sync_result *result = RUBBISH(skillsmith_sync_result);
  int64_t count = 7;
  OK(skillsmith_sync_config_repository_new(database, &config, &error));
  OK(skillsmith_sync_history_repository_new(database, &history, &error));
  OK(skillsmith_background_sync_service_new(engine, NULL, &service, &error));
  OK(skillsmith_database_close(database, &error));
  OK(skillsmith_database_close(database, &error));
  CHECK(!skillsmith_database_is_open(database));
#define CLOSED(call) FAILS(SKILLSMITH_DATABASE_CLOSED, "closed", call)
  CLOSED(skillsmith_sync_config_repository_get_config(config, &found, &error));
  CHECK(found == NULL);
  CLOSED(skillsmith_sync_config_repository_enable(config, NULL, &error));
  CLOSED(skillsmith_sync_history_repository_count(history, &count, &error));
  CHECK_EQ(count, 0);
  CLOSED(skillsmith_sync_engine_get_status(engine, &status, &error));
  CHECK(status == NULL);
  CLOSED(skillsmith_sync_engine_sync(engine, NULL, &result, &error));
  CHECK(result == NULL);
  CLOSED(skillsmith_background_sync_service_manual_sync(service, &result, &error));
  CHECK(result == NULL);
  /* What is made of it now fails as late. */
  OK(skillsmith_skill_repository_new(database, &skills, &error));
  CLOSED(skillsmith_skill_repository_count(skills, &count, &error));
  CODE(SKILLSMITH_OK, skillsmith_skill_repository_free(skills));
  CODE(SKILLSMITH_OK, skillsmith_background_sync_service_free(service));
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_sync_config_repository_free(config));
  CODE(SKILLSMITH_OK, skillsmith_sync_history_repository_free(history));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

static void read_only(void) {
  const char *path = place("skills.db");
  OPTIONS(skillsmith_open_options, options);
  skillsmith_database *database = RUBBISH(skillsmith_database);
  skillsmith_sync_config_repository *config = RUBBISH(skillsmith_sync_config_repository);
  skillsmith_sync_history_repository *history = RUBBISH(skillsmith_sync_history_repository);
  skillsmith_sync_config *found = RUBBISH(skillsmith_sync_config);
  skillsmith_sync_engine *engine;
  char *id = RUBBISH(char);
  options.read_only = 1;
  FAILS(SKILLSMITH_IO_ERROR, "skills.db", skillsmith_database_open(path, &options, &database, &error));
  CODE(SKILLSMITH_OK, skillsmith_database_free(open_at(path)));
  OK(skillsmith_database_open(path, &options, &database, &error));
  CHECK(skillsmith_database_is_read_only(database));
  OK(skillsmith_sync_config_repository_new(database, &config, &error));
  OK(skillsmith_sync_history_repository_new(database, &history, &error));
  OK(skillsmith_sync_config_repository_get_config(config, &found, &error));
  CODE(SKILLSMITH_OK, skillsmith_sync_config_free(found));
  FAILS(SKILLSMITH_READ_ONLY, "read-only", skillsmith_sync_config_repository_enable(config, &found, &error));
  CHECK(found == NULL);
  FAILS(SKILLSMITH_READ_ONLY, "read-only", skillsmith_sync_history_repository_start_run(history, &id, &error));
  CHECK(id == NULL);
  engine = engine_for(database);
  RUN(SKILLSMITH_READ_ONLY, "read-only", engine, NULL);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_sync_config_repository_free(config));
  CODE(SKILLSMITH_OK, skillsmith_sync_history_repository_free(history));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

static void busy(void) {
  const char *path = place("skills.db");
  OPTIONS(skillsmith_open_options, options);
  skillsmith_database *database = RUBBISH(skillsmith_database);
  skillsmith_sync_config_repository *config = RUBBISH(skillsmith_sync_config_repository);
  sqlite3 *other;
  int64_t start;
  CODE(SKILLSMITH_OK, skillsmith_database_free(open_at(path)));
  other = outsider(path);
  run_sql(other, "BEGIN IMMEDIATE");
  options.busy_budget_ms = 80;
  OK(skillsmith_database_open(path, &options, &database, &error));
  OK(skillsmith_sync_config_repository_new(database, &config, &error));
  start = now_ms();
  FAILS(SKILLSMITH_DATABASE_BUSY, "busy", skillsmith_sync_config_repository_enable(config, NULL, &error));
  CHECK(now_ms() - start >= 60 && now_ms() - start < PROMPTLY);
  CODE(SKILLSMITH_OK, skillsmith_sync_config_repository_free(config));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  options.busy_budget_ms = -1;
  OK(skillsmith_database_open(path, &options, &database, &error));
  OK(skillsmith_sync_config_repository_new(database, &config, &error));
  CODE(SKILLSMITH_DATABASE_BUSY, skillsmith_sync_config_repository_enable(config, NULL, NULL));
  run_sql(other, "COMMIT");
  OK(skillsmith_sync_config_repository_enable(config, NULL, &error));
  CHECK_EQ(sqlite3_close(other), SQLITE_OK);
  CODE(SKILLSMITH_OK, skillsmith_sync_config_repository_free(config));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

static void refused_files(void) {
  char page[4096];
  long at;
  FILE *file;
  const char *path;
  memset(page, 'x', sizeof page);
  write_file(place("text.db"), page, sizeof page);
  REFUSED(SKILLSMITH_NOT_A_DATABASE, "not a database", place("text.db"));
  write_file(place("short.db"), "x", 1);
  REFUSED(SKILLSMITH_NOT_A_DATABASE, "not a database", place("short.db"));
  make_file(place("foreign.db"), "CREATE TABLE other (id)");
  REFUSED(SKILLSMITH_NOT_SKILLSMITH, "skills", place("foreign.db"));
  make_file(place("similar.db"), "CREATE TABLE skills (name)");
  REFUSED(SKILLSMITH_NOT_SKILLSMITH, "'id'", place("similar.db"));
  /* A query without an end in place of a table. */
  make_file(place("view.db"), "CREATE TABLE skills (id TEXT PRIMARY KEY, name TEXT NOT NULL);"
                              "CREATE VIEW sync_history AS WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL"
                              " SELECT i + 1 FROM n) SELECT i AS id, 'running' AS status FROM n");
  REFUSED(SKILLSMITH_NOT_SKILLSMITH, "'sync_history' is a view", place("view.db"));
  /* A table whose root is no page of a table. */
  path = place("damaged.db");
  make_file(path, "CREATE TABLE skills (id TEXT PRIMARY KEY, name TEXT NOT NULL);"
                  "INSERT INTO skills WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n"
                  " WHERE i < 900) SELECT 'id ' || i, hex(zeroblob(20)) FROM n");
  file = fopen(path, "r+b");
  CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
  for (at = 4096; at < ftell(file); at += 4096) {
    long end = ftell(file);
    CHECK(fseek(file, at, SEEK_SET) == 0 && fwrite(page, 1, 4096, file) == 4096);
    CHECK(fseek(file, end, SEEK_SET) == 0);
  }
  CHECK_EQ(fclose(file), 0);
  REFUSED(SKILLSMITH_DATABASE_DAMAGED, "damaged", path);
  write_file(place("file"), page, 10);
  REFUSED(SKILLSMITH_IO_ERROR, "file", place("file/within.db"));
  REFUSED(SKILLSMITH_INVALID_ARGUMENT, "regular", "/dev/null");
}

static void a_table_that_is_gone(void) {
  const char *path = place("skills.db");
  skillsmith_database *database = open_at(path);
  skillsmith_sync_history_repository *history = RUBBISH(skillsmith_sync_history_repository);
  skillsmith_sync_engine *engine = engine_for(database);
  skillsmith_sync_config_repository *configs = RUBBISH(skillsmith_sync_config_repository);
  skillsmith_engine_status *status = RUBBISH(skillsmith_engine_status);
  int64_t count = 7;
  OK(skillsmith_sync_history_repository_new(database, &history, &error));
  /* A missing sync_history would be an empty one. */
  make_file(path, "DROP TABLE sync_history; CREATE VIEW sync_history AS SELECT * FROM gone");
  FAILS(SKILLSMITH_NOT_SKILLSMITH, "is a view", skillsmith_sync_history_repository_count(history, &count, &error));
  CHECK_EQ(count, 0);
  FAILS(SKILLSMITH_NOT_SKILLSMITH, "is a view", skillsmith_sync_engine_get_status(engine, &status, &error));
  make_file(path, "DROP VIEW sync_history; CREATE TABLE sync_history (id TEXT)");
  FAILS(SKILLSMITH_NOT_SKILLSMITH, "no columns 'started_at'", skillsmith_sync_engine_get_status(engine, &status, &error));
  /* Another error of SQLite. */
  make_file(path,
            "DROP TABLE sync_history; CREATE TRIGGER odd BEFORE UPDATE ON sync_config BEGIN SELECT RAISE(ABORT, 'not mine'); END");
  OK(skillsmith_sync_config_repository_new(database, &configs, &error));
  FAILS(SKILLSMITH_DATABASE_ERROR, "not mine", skillsmith_sync_config_repository_enable(configs, NULL, &error));
  CODE(SKILLSMITH_OK, skillsmith_sync_config_repository_free(configs));
  CODE(SKILLSMITH_OK, skillsmith_sync_history_repository_free(history));
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* As a user who owns nothing here; in a process of its own, since there is no way back. */
static void permission(void) {
  const char *path = place("others.db");
  skillsmith_database *database = open_at(path);
  pid_t child;
  int status = 0;
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  CHECK_EQ(chmod(place(""), 0755), 0);
  child = fork();
  if (child == 0) {
    if (geteuid() == 0) CHECK(setgid(65534) == 0 && setuid(65534) == 0);
    else CHECK(chmod(path, 0) == 0 && chmod(place(""), 0555) == 0);
    REFUSED(SKILLSMITH_PERMISSION_DENIED, "others.db", path);
    REFUSED(SKILLSMITH_PERMISSION_DENIED, "mine.db", place("mine.db"));
    _exit(0);
  }
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK_EQ(status, 0);
  CHECK_EQ(chmod(place(""), 0755), 0);
}

/* A disk that is full: this program's own system calls come before the C library's. */
static int disk_is_full;

#ifdef __cplusplus
extern "C" {
#endif
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset);
ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset);
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
  static ssize_t (*real)(int, const void *, size_t, off64_t);
  if (get(&disk_is_full)) {
    errno = ENOSPC;
    return -1;
  }
  if (real == NULL) *(void **)(&real) = dlsym(RTLD_NEXT, "pwrite64");
  return real(file, bytes, count, offset);
}
ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
  return pwrite64(file, bytes, count, offset);
}
#ifdef __cplusplus
}
#endif

static void full_disk(void) {
  skillsmith_database *database = open_at(place("skills.db"));
  skillsmith_sync_config_repository *config = RUBBISH(skillsmith_sync_config_repository);
  skillsmith_sync_config *found = RUBBISH(skillsmith_sync_config);
  skillsmith_sync_engine *engine = engine_for(database);
  OK(skillsmith_sync_config_repository_new(database, &config, &error));
  set(&disk_is_full, 1);
  FAILS(SKILLSMITH_DISK_FULL, "disk is full", skillsmith_sync_config_repository_disable(config, &found, &error));
  CHECK(found == NULL);
  RUN(SKILLSMITH_DISK_FULL, "disk is full", engine, NULL);
  set(&disk_is_full, 0);
  CHECK_EQ(skills_in(database), 0);
  RUN(SKILLSMITH_OK, "", engine, NULL);
  CHECK_EQ(skills_in(database), 250);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_sync_config_repository_free(config));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

PROGRAM(CASE(a_new_file), CASE(the_default_path), CASE(a_default_path_that_is_not_utf_8), CASE(in_memory), CASE(closed), CASE(read_only), CASE(busy),
        CASE(refused_files), CASE(a_table_that_is_gone), CASE(permission), CASE(full_disk))
