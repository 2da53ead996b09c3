/* Every database of tests/fixtures/hostile: a call on it ends, with a value or an error that has a code. */
#include "check.h"

#include <dirent.h>
#include <sqlite3.h>

/* Of the list, beside this file. */
static const char *fixtures(const char *name) {
  static char path[4096];
  const char *end = strrchr(__FILE__, '/');
  CHECK(end != NULL);
  snprintf(path, sizeof path, "%.*s/../fixtures/hostile/%s", (int)(end - __FILE__), __FILE__, name);
  return path;
}

static char *content(const char *path) {
  FILE *file = fopen(path, "rb");
  char *text = (char *)calloc(1, 65536);
  if (file == NULL) FAIL("%s: %s", path, strerror(errno));
  CHECK(fread(text, 1, 65535, file) > 0);
  CHECK_EQ(fclose(file), 0);
  return text;
}

/* By the system's SQLite, as by another program. */
static void change(const char *path, const char *name, const char *sql) {
  sqlite3 *connection = NULL;
  char *message = NULL;
  CHECK_EQ(sqlite3_open(path, &connection), SQLITE_OK);
  if (sqlite3_exec(connection, sql, NULL, NULL, &message) != SQLITE_OK) FAIL("%s: %s", name, message);
  CHECK_EQ(sqlite3_close(connection), SQLITE_OK);
}

/* It ends before the time that is set by `alarm`: otherwise the signal ends the program. */
#define ENDS(call)                                                                          \
  do {                                                                                      \
    skillsmith_error *error = check_rubbish();                                              \
    skillsmith_status status_;                                                              \
    alarm(60 * (unsigned)slowness());                                                       \
    status_ = (call);                                                                       \
    alarm(0);                                                                               \
    if (status_ == SKILLSMITH_OK) {                                                         \
      CHECK(error == NULL);                                                                 \
    } else {                                                                                \
      if (status_ != SKILLSMITH_DATABASE_ERROR && status_ != SKILLSMITH_DATABASE_DAMAGED && \
          status_ != SKILLSMITH_NOT_SKILLSMITH && status_ != SKILLSMITH_RUN_NOT_FOUND)       \
        FAIL("%s: %s returned %s: %s", name, #call, skillsmith_status_name(status_),        \
             skillsmith_error_message(error));                                              \
      CHECK_EQ(skillsmith_error_code(error), status_);                                      \
      CHECK(strlen(skillsmith_error_message(error)) > 10);                                  \
      CODE(SKILLSMITH_OK, skillsmith_error_free(error));                                    \
    }                                                                                       \
  } while (0)

static void read_all(skillsmith_database *database, const char *name) {
  skillsmith_skill_repository *skills = NULL;
  skillsmith_sync_config_repository *configs = NULL;
  skillsmith_sync_history_repository *runs = NULL;
  skillsmith_skill *skill = NULL;
  skillsmith_skill_search_results *found = NULL;
  skillsmith_skill_page *page = NULL;
  skillsmith_skill_details *details = NULL;
  skillsmith_freshness *freshness = NULL;
  skillsmith_sync_config *config = NULL;
  skillsmith_sync_history_entry *entry = NULL;
  skillsmith_sync_history_list *list = NULL;
  skillsmith_sync_stats *stats = NULL;
  bool answer = false;
  int64_t number = 0;
  OK(skillsmith_skill_repository_new(database, &skills, &error));
  OK(skillsmith_sync_config_repository_new(database, &configs, &error));
  OK(skillsmith_sync_history_repository_new(database, &runs, &error));
  ENDS(skillsmith_skill_repository_find_by_id(skills, "s", &skill, &error));
  ENDS(skillsmith_skill_repository_exists(skills, "s", &answer, &error));
  ENDS(skillsmith_skill_repository_count(skills, &number, &error));
  ENDS(skillsmith_skill_repository_search(skills, "one", NULL, &found, &error));
  CODE(SKILLSMITH_OK, skillsmith_skill_search_results_free(found));
  ENDS(skillsmith_skill_repository_list(skills, NULL, &page, &error));
  CODE(SKILLSMITH_OK, skillsmith_skill_page_free(page));
  ENDS(skillsmith_skill_repository_get(skills, "s", &details, &error));
  CODE(SKILLSMITH_OK, skillsmith_skill_details_free(details));
  ENDS(skillsmith_skill_repository_freshness(skills, &freshness, &error));
  CODE(SKILLSMITH_OK, skillsmith_freshness_free(freshness));
  ENDS(skillsmith_sync_config_repository_get_config(configs, &config, &error));
  ENDS(skillsmith_sync_config_repository_is_sync_due(configs, &answer, &error));
  ENDS(skillsmith_sync_config_repository_get_request_budget(configs, &number, &error));
  ENDS(skillsmith_sync_history_repository_get_history(runs, 9, &list, &error));
  CODE(SKILLSMITH_OK, skillsmith_sync_history_list_free(list));
  list = NULL;
  ENDS(skillsmith_sync_history_repository_get_running(runs, &list, &error));
  CODE(SKILLSMITH_OK, skillsmith_sync_history_list_free(list));
  ENDS(skillsmith_sync_history_repository_is_running(runs, &answer, &error));
  ENDS(skillsmith_sync_history_repository_get_by_id(runs, "a", &entry, &error));
  CODE(SKILLSMITH_OK, skillsmith_sync_history_entry_free(entry));
  entry = NULL;
  ENDS(skillsmith_sync_history_repository_get_last_successful(runs, &entry, &error));
  CODE(SKILLSMITH_OK, skillsmith_sync_history_entry_free(entry));
  ENDS(skillsmith_sync_history_repository_count(runs, &number, &error));
  ENDS(skillsmith_sync_history_repository_get_stats(runs, &stats, &error));
  ENDS(skillsmith_sync_config_repository_enable(configs, NULL, &error));
  CODE(SKILLSMITH_OK, skillsmith_skill_free(skill));
  CODE(SKILLSMITH_OK, skillsmith_sync_config_free(config));
  CODE(SKILLSMITH_OK, skillsmith_sync_stats_free(stats));
  CODE(SKILLSMITH_OK, skillsmith_skill_repository_free(skills));
  CODE(SKILLSMITH_OK, skillsmith_sync_config_repository_free(configs));
  CODE(SKILLSMITH_OK, skillsmith_sync_history_repository_free(runs));
}

static void try_one(const char *name) {
  char *sql = content(fixtures(name));
  const char *path = place(name);
  skillsmith_database *database = open_at(path);
  OPTIONS(skillsmith_open_options, options);
  skillsmith_error *error = check_rubbish();
  skillsmith_status status;
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  change(path, name, "INSERT INTO skills (id, name) VALUES ('s', 'one');");
  change(path, name, sql);
  alarm(60 * (unsigned)slowness());
  status = skillsmith_database_open(path, &options, &database, &error);
  alarm(0);
  if (strncmp(sql, "-- READ\n", 8) == 0) {
    if (status != SKILLSMITH_OK) FAIL("%s: %s", name, skillsmith_error_message(error));
    read_all(database, name);
    CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  } else {
    CHECK(database == NULL);
    if (strncmp(sql, "-- NOT_SKILLSMITH\n", 18) == 0) CHECK_EQ(status, SKILLSMITH_NOT_SKILLSMITH);
    CHECK(status != SKILLSMITH_OK);
    CHECK_EQ(skillsmith_error_code(error), status);
    CODE(SKILLSMITH_OK, skillsmith_error_free(error));
  }
  free(sql);
}

static void the_list(void) {
  DIR *folder = opendir(fixtures(""));
  struct dirent *found;
  int count = 0;
  CHECK(folder != NULL);
  while ((found = readdir(folder)) != NULL) {
    if (found->d_name[0] == '.') continue;
    try_one(found->d_name);
    count++;
  }
  CHECK(count > 25);
  CHECK_EQ(closedir(folder), 0);
}

/* A database that a run has filled, and then SQL of another program. */
static skillsmith_database *filled(const char *name, const char *sql) {
  const char *path = place(name);
  skillsmith_database *database = open_at(path);
  skillsmith_sync_engine *engine = engine_for(database);
  RUN(SKILLSMITH_OK, "", engine, NULL);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  change(path, name, sql);
  return database;
}

/* The first skill is a row over which an expression fails, or a trigger does not end: it costs only itself. */
static void a_row_at_fault(void) {
  static const char *const faults[][2] = {
      {"CREATE TRIGGER odd BEFORE UPDATE ON skills WHEN new.rowid = 1 BEGIN SELECT json(new.name); END;",
       "malformed JSON"},
      {"CREATE TRIGGER odd BEFORE UPDATE ON skills WHEN new.rowid = 1 BEGIN SELECT count(*) FROM (WITH RECURSIVE n (i) AS "
       "(SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n); END;",
       "took too long"}};
  int64_t number;
  for (number = 0; number < 2; number++) {
    char name[32];
    skillsmith_database *database;
    skillsmith_sync_engine *engine;
    skillsmith_sync_result *result;
    OPTIONS(skillsmith_sync_options, options);
    sprintf(name, "fault-%d", (int)number);
    database = filled(name, "UPDATE skills SET description = 'of another program';");
    change(place(name), name, faults[number][0]);
    engine = engine_for(database);
    options.force = 1;
    result = sync_with(engine, &options);
    CHECK_EQ(result->status, SKILLSMITH_SYNC_STATUS_PARTIAL);
    CHECK_EQ(result->skills_rejected, 1);
    CHECK_EQ(result->skills_updated + result->skills_unchanged + 1, skills_in(database));
    CHECK(result->error_count == 1);
    CHECK_HAS(result->errors[0].data, faults[number][1]);
    CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
    CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
    CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  }
}

/* What is too long to be read is missing, and nothing else is. */
static void values_of_any_length(void) {
  skillsmith_database *database = filled(
      "long",
      "DROP TRIGGER skills_au; UPDATE skills SET id = 'long' WHERE rowid = 1;"
      "UPDATE skills SET description = CAST(zeroblob(140000000) AS TEXT) WHERE rowid = 1;"
      "UPDATE sync_config SET last_sync_error = CAST(zeroblob(140000000) AS TEXT);");
  skillsmith_skill_repository *skills = NULL;
  skillsmith_sync_config_repository *configs = NULL;
  skillsmith_skill *skill = NULL;
  skillsmith_sync_config *config = NULL;
  OK(skillsmith_skill_repository_new(database, &skills, &error));
  OK(skillsmith_skill_repository_find_by_id(skills, "long", &skill, &error));
  CHECK(skill != NULL);
  CHECK_IS(skill->id, "long");
  CHECK_NONE(skill->description);
  OK(skillsmith_sync_config_repository_new(database, &configs, &error));
  OK(skillsmith_sync_config_repository_get_config(configs, &config, &error));
  CHECK_NONE(config->last_sync_error);
  CODE(SKILLSMITH_OK, skillsmith_sync_config_free(config));
  CODE(SKILLSMITH_OK, skillsmith_skill_free(skill));
  CODE(SKILLSMITH_OK, skillsmith_skill_repository_free(skills));
  CODE(SKILLSMITH_OK, skillsmith_sync_config_repository_free(configs));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* What a table must be is told by its name, also of one that comes while the database is open. */
static void refused_tables(void) {
  static const char *const tables[][2] = {
      {"PRAGMA foreign_keys = OFF; DROP TABLE skills; CREATE TABLE skills (id TEXT COLLATE NOCASE PRIMARY KEY, name TEXT);",
       "its 'skills' compares 'id' by the collation NOCASE"},
      {"DROP TABLE sync_state; CREATE TABLE sync_state (key INTEGER PRIMARY KEY, value);",
       "its 'sync_state' compares 'key' as numbers (INTEGER)"},
      {"DROP TABLE sync_config; CREATE VIEW sync_config AS SELECT 'default' AS id;",
       "its 'sync_config' is a view"},
      {"DROP TABLE sync_config; CREATE TABLE sync_config (id TEXT PRIMARY KEY);",
       "its 'sync_config' has no columns 'enabled', "}};
  int number;
  for (number = 0; number < 4; number++) {
    char name[32];
    skillsmith_database *database;
    skillsmith_sync_engine *engine;
    skillsmith_sync_config_repository *configs = NULL;
    skillsmith_sync_config *config = NULL;
    sprintf(name, "refused-%d", number);
    database = filled(name, tables[number][0]);
    engine = engine_for(database);
    RUN(SKILLSMITH_NOT_SKILLSMITH, tables[number][1], engine, NULL);
    OK(skillsmith_sync_config_repository_new(database, &configs, &error));
    FAILS(SKILLSMITH_NOT_SKILLSMITH, tables[number][1],
          skillsmith_sync_config_repository_get_config(configs, &config, &error));
    CODE(SKILLSMITH_OK, skillsmith_sync_config_repository_free(configs));
    CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
    CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  }
}

PROGRAM(CASE(the_list), CASE(a_row_at_fault), CASE(values_of_any_length), CASE(refused_tables))
