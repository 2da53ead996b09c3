/* Each function of the repositories, and each member of what they give. */
#include "check.h"

#include <sqlite3.h>

static void outside(const char *path, const char *sql) {
  sqlite3 *connection = NULL;
  char *message = NULL;
  CHECK_EQ(sqlite3_open(path, &connection), SQLITE_OK);
  if (sqlite3_exec(connection, sql, NULL, NULL, &message) != SQLITE_OK) FAIL("%s: %s", sql, message);
  CHECK_EQ(sqlite3_close(connection), SQLITE_OK);
}

static void the_configuration(void) {
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_config_repository *repository = RUBBISH(skillsmith_sync_config_repository);
  skillsmith_sync_config *config = RUBBISH(skillsmith_sync_config);
  OPTIONS(skillsmith_sync_config_update, update);
  char *next = RUBBISH(char), *after_a_week = RUBBISH(char), *after_a_day = RUBBISH(char), today[32];
  time_t now = time(NULL);
  bool due = false;
  CHECK(strftime(today, sizeof today, "%Y-%m-%dT%H:%M:%S.000Z", gmtime(&now)) == 24);
  OK(skillsmith_sync_config_repository_new(database, &repository, &error));
#define GET() OK(skillsmith_sync_config_repository_get_config(repository, &config, &error))
#define FREE() CODE(SKILLSMITH_OK, skillsmith_sync_config_free(config))
  GET();
  CHECK_IS(config->id, "default");
  CHECK(config->enabled);
  CHECK_EQ(config->frequency, SKILLSMITH_SYNC_FREQUENCY_DAILY);
  CHECK_EQ(config->interval_ms, 86400000);
  CHECK_NONE(config->last_sync_at);
  CHECK_NONE(config->next_sync_at);
  CHECK_EQ(config->last_sync_count, 0);
  CHECK_NONE(config->last_sync_error);
  CHECK_EQ(config->created_at.length, 19);
  CHECK_EQ(config->updated_at.length, 19);
  FREE();
  OK(skillsmith_sync_config_repository_is_sync_due(repository, &due, &error));
  CHECK(due);

  OK(skillsmith_sync_config_repository_set_last_sync_error(repository, "no line", &error));
  GET();
  CHECK_IS(config->last_sync_error, "no line");
  FREE();
  OK(skillsmith_sync_config_repository_clear_error(repository, &error));
  GET();
  CHECK_NONE(config->last_sync_error);
  FREE();

  OK(skillsmith_sync_config_repository_calculate_next_sync(repository, today, 604800000, &after_a_week, &error));
  OK(skillsmith_sync_config_repository_calculate_next_sync(repository, today, 86400000, &after_a_day, &error));
  OK(skillsmith_sync_config_repository_set_last_sync(repository, today, 12, &error));
  OK(skillsmith_sync_config_repository_is_sync_due(repository, &due, &error));
  CHECK(!due);
  OK(skillsmith_sync_config_repository_set_frequency(repository, SKILLSMITH_SYNC_FREQUENCY_WEEKLY, &config, &error));
  CHECK_EQ(config->frequency, SKILLSMITH_SYNC_FREQUENCY_WEEKLY);
  CHECK_EQ(config->interval_ms, 604800000);
  CHECK_IS(config->last_sync_at, today);
  CHECK_IS(config->next_sync_at, after_a_week);
  CHECK_EQ(config->last_sync_count, 12);
  FREE();
  OK(skillsmith_sync_config_repository_disable(repository, &config, &error));
  CHECK(!config->enabled);
  FREE();
  OK(skillsmith_sync_config_repository_enable(repository, &config, &error));
  CHECK(config->enabled);
  FREE();
  update.enabled = SKILLSMITH_SWITCH_OFF;
  update.frequency = SKILLSMITH_SYNC_FREQUENCY_DAILY;
  OK(skillsmith_sync_config_repository_update_config(repository, &update, &config, &error));
  CHECK(!config->enabled);
  CHECK_IS(config->next_sync_at, after_a_day);
  FREE();
  /* The result is not wanted. */
  OK(skillsmith_sync_config_repository_enable(repository, NULL, &error));
  OK(skillsmith_sync_config_repository_disable(repository, NULL, &error));
  OK(skillsmith_sync_config_repository_set_frequency(repository, SKILLSMITH_SYNC_FREQUENCY_WEEKLY, NULL, &error));
  update.enabled = SKILLSMITH_SWITCH_ON;
  OK(skillsmith_sync_config_repository_update_config(repository, &update, NULL, &error));
  OK(skillsmith_sync_config_repository_calculate_next_sync(repository, "2026-02-28T23:30:00+01:00", 86400000, &next, &error));
  CHECK_TEXT(next, "2026-03-01T22:30:00.000Z");
  CODE(SKILLSMITH_OK, skillsmith_string_free(next));
  FAILS(SKILLSMITH_INVALID_ARGUMENT, "not a timestamp",
        skillsmith_sync_config_repository_calculate_next_sync(repository, "soon", 1, &next, &error));
  FAILS(SKILLSMITH_INVALID_ARGUMENT, "not a timestamp",
        skillsmith_sync_config_repository_set_last_sync(repository, "soon", 1, &error));
  CODE(SKILLSMITH_OK, skillsmith_string_free(after_a_week));
  CODE(SKILLSMITH_OK, skillsmith_string_free(after_a_day));
  CODE(SKILLSMITH_OK, skillsmith_sync_config_repository_free(repository));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

static void the_request_budget(void) {
  static const int64_t wrong[] = {-2, INT64_MIN};
  skillsmith_database *database = open_at(place("budget.db"));
  skillsmith_sync_config_repository *repository = RUBBISH(skillsmith_sync_config_repository);
  static const int64_t budgets[] = {0, 1, 500, INT64_MAX, -1};
  int64_t budget = 7;
  size_t index;
  OK(skillsmith_sync_config_repository_new(database, &repository, &error));
  OK(skillsmith_sync_config_repository_get_request_budget(repository, &budget, &error));
  CHECK_EQ(budget, -1);
  for (index = 0; index < 5; index++) {
    OK(skillsmith_sync_config_repository_set_request_budget(repository, budgets[index], &error));
    OK(skillsmith_sync_config_repository_get_request_budget(repository, &budget, &error));
    CHECK_EQ(budget, budgets[index]);
  }
  OK(skillsmith_sync_config_repository_set_request_budget(repository, 3, &error));
  for (index = 0; index < 2; index++)
    FAILS(SKILLSMITH_INVALID_ARGUMENT, "Use 0 or more, or -1 for no bound.",
          skillsmith_sync_config_repository_set_request_budget(repository, wrong[index], &error));
  CODE(SKILLSMITH_OK, skillsmith_sync_config_repository_free(repository));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  /* It is kept in the file, as it was before what was refused. */
  database = open_at(place("budget.db"));
  OK(skillsmith_sync_config_repository_new(database, &repository, &error));
  OK(skillsmith_sync_config_repository_get_request_budget(repository, &budget, &error));
  CHECK_EQ(budget, 3);
  CODE(SKILLSMITH_OK, skillsmith_sync_config_repository_free(repository));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

static void the_history(void) {
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_history_repository *repository = RUBBISH(skillsmith_sync_history_repository);
  skillsmith_sync_history_entry *entry = RUBBISH(skillsmith_sync_history_entry);
  skillsmith_sync_history_list *list = RUBBISH(skillsmith_sync_history_list);
  skillsmith_sync_stats *stats = RUBBISH(skillsmith_sync_stats);
  OPTIONS(skillsmith_sync_run_result, result);
  char *one = RUBBISH(char), *two = RUBBISH(char), *three = RUBBISH(char);
  bool running = true;
  int64_t count = -1;
  uint64_t deleted = 9;
  OK(skillsmith_sync_history_repository_new(database, &repository, &error));
  OK(skillsmith_sync_history_repository_get_last_successful(repository, &entry, &error));
  CHECK(entry == NULL);
  OK(skillsmith_sync_history_repository_get_history(repository, 10, &list, &error));
  CHECK(list->count == 0 && list->entries == NULL);
  CODE(SKILLSMITH_OK, skillsmith_sync_history_list_free(list));
  OK(skillsmith_sync_history_repository_get_stats(repository, &stats, &error));
  CHECK_EQ(stats->total_runs, 0);
  CHECK_EQ(stats->average_duration_ms, -1);
  CHECK_NONE(stats->last_success_at);
  CODE(SKILLSMITH_OK, skillsmith_sync_stats_free(stats));

  OK(skillsmith_sync_history_repository_start_run(repository, &one, &error));
  OK(skillsmith_sync_history_repository_get_by_id(repository, one, &entry, &error));
  CHECK_IS(entry->id, one);
  CHECK_EQ(entry->id.length, 26);
  CHECK_EQ(entry->started_at.length, 24);
  CHECK_NONE(entry->completed_at);
  CHECK_EQ(entry->status, SKILLSMITH_SYNC_STATUS_RUNNING);
  CHECK_NONE(entry->error_message);
  CHECK_EQ(entry->duration_ms, -1);
  CHECK_EQ(entry->created_at.length, 19);
  CODE(SKILLSMITH_OK, skillsmith_sync_history_entry_free(entry));
  OK(skillsmith_sync_history_repository_get_running(repository, &list, &error));
  CHECK_EQ(list->count, 1);
  CHECK_IS(list->entries[0]->id, one);
  CODE(SKILLSMITH_OK, skillsmith_sync_history_list_free(list));
  OK(skillsmith_sync_history_repository_is_running(repository, &running, &error));
  CHECK(running);

  result.skills_added = 1;
  result.skills_updated = 2;
  result.skills_unchanged = 3;
  result.skills_removed = 4;
  OK(skillsmith_sync_history_repository_complete_run(repository, one, &result, &error));
  OK(skillsmith_sync_history_repository_start_run(repository, &two, &error));
  OK(skillsmith_sync_history_repository_complete_run_partial(repository, two, &result, "half of it", &error));
  OK(skillsmith_sync_history_repository_start_run(repository, &three, &error));
  OK(skillsmith_sync_history_repository_fail_run(repository, three, "none of it", &error));
  OK(skillsmith_sync_history_repository_is_running(repository, &running, &error));
  CHECK(!running);
  OK(skillsmith_sync_history_repository_get_last_successful(repository, &entry, &error));
  CHECK_IS(entry->id, one);
  CHECK_EQ(entry->completed_at.length, 24);
  CHECK_EQ(entry->skills_added, 1);
  CHECK_EQ(entry->skills_updated, 2);
  CHECK_EQ(entry->skills_unchanged, 3);
  CHECK_EQ(entry->skills_removed, 4);
  CHECK(entry->duration_ms >= 0);
  CODE(SKILLSMITH_OK, skillsmith_sync_history_entry_free(entry));
  OK(skillsmith_sync_history_repository_get_history(repository, 2, &list, &error));
  CHECK_EQ(list->count, 2);
  CHECK_IS(list->entries[0]->id, three);
  CHECK_EQ(list->entries[0]->status, SKILLSMITH_SYNC_STATUS_FAILED);
  CHECK_IS(list->entries[0]->error_message, "none of it");
  CHECK_EQ(list->entries[1]->status, SKILLSMITH_SYNC_STATUS_PARTIAL);
  CHECK_IS(list->entries[1]->error_message, "half of it");
  CODE(SKILLSMITH_OK, skillsmith_sync_history_list_free(list));
  OK(skillsmith_sync_history_repository_get_stats(repository, &stats, &error));
  CHECK_EQ(stats->total_runs, 3);
  CHECK_EQ(stats->successful_runs, 1);
  CHECK_EQ(stats->failed_runs, 1);
  CHECK_EQ(stats->last_success_at.length, 24);
  CHECK(stats->average_duration_ms >= 0);
  CODE(SKILLSMITH_OK, skillsmith_sync_stats_free(stats));
  OK(skillsmith_sync_history_repository_count(repository, &count, &error));
  CHECK_EQ(count, 3);
  OK(skillsmith_sync_history_repository_cleanup(repository, 1, &deleted, &error));
  CHECK_EQ(deleted, 0);
  pause_ms(3);
  OK(skillsmith_sync_history_repository_cleanup(repository, 0, &deleted, &error));
  CHECK_EQ(deleted, 3);
  OK(skillsmith_sync_history_repository_cleanup(repository, 0, NULL, &error));
  FAILS(SKILLSMITH_RUN_NOT_FOUND, one, skillsmith_sync_history_repository_complete_run(repository, one, &result, &error));
  FAILS(SKILLSMITH_RUN_NOT_FOUND, one,
        skillsmith_sync_history_repository_complete_run_partial(repository, one, &result, "why", &error));
  CODE(SKILLSMITH_OK, skillsmith_string_free(one));
  CODE(SKILLSMITH_OK, skillsmith_string_free(two));
  CODE(SKILLSMITH_OK, skillsmith_string_free(three));
  CODE(SKILLSMITH_OK, skillsmith_sync_history_repository_free(repository));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

static void skills(void) {
  const char *path = place("skills.db");
  skillsmith_database *database = open_at(path);
  skillsmith_skill_repository *repository = RUBBISH(skillsmith_skill_repository);
  skillsmith_skill *skill = RUBBISH(skillsmith_skill);
  bool exists = false;
  int64_t count = -1;
  /* Later versions of the schema have it. */
  outside(path, "ALTER TABLE skills ADD COLUMN installable INTEGER;"
                "INSERT INTO skills (id, name, description, author, repo_url, quality_score, trust_tier, tags,"
                " created_at, updated_at, installable, risk_score, security_findings_count, security_scanned_at,"
                " security_passed) VALUES ('a/full', 'full', 'it does', 'somebody', 'https://x/y', 0.75,"
                " 'verified', '[\"one\", \"two\"]', '2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z',"
                " 1, 40, 3, '2026-01-02T00:00:00.000Z', 1);"
                "INSERT INTO skills (id, name, trust_tier, tags) VALUES ('a/bare', 'bare', NULL, NULL);"
                "INSERT INTO skills (id, name, description, author) VALUES ('a/nul', 'nul' || char(0) || 'within',"
                " char(0), '\xF0\x9F\xA6\x80');"
                "INSERT INTO skills (id, name, tags) VALUES ('a/odd', 'odd', 'no json');"
                "INSERT INTO skills (id, name, description) VALUES ('a/broken', CAST(x'61FF62' AS TEXT), x'00FF')");
  OK(skillsmith_skill_repository_new(database, &repository, &error));
  OK(skillsmith_skill_repository_count(repository, &count, &error));
  CHECK_EQ(count, 5);
  OK(skillsmith_skill_repository_exists(repository, "a/full", &exists, &error));
  CHECK(exists);
  OK(skillsmith_skill_repository_exists(repository, "a/none", &exists, &error));
  CHECK(!exists);
#define FIND(id) OK(skillsmith_skill_repository_find_by_id(repository, id, &skill, &error))
#define DONE() CODE(SKILLSMITH_OK, skillsmith_skill_free(skill))
  FIND("a/none");
  CHECK(skill == NULL);
  FIND("a/full");
  CHECK_IS(skill->id, "a/full");
  CHECK_IS(skill->name, "full");
  CHECK_IS(skill->description, "it does");
  CHECK_IS(skill->author, "somebody");
  CHECK_IS(skill->repo_url, "https://x/y");
  CHECK(skill->has_quality_score);
  CHECK(skill->quality_score > 0.7499 && skill->quality_score < 0.7501);
  CHECK_IS(skill->trust_tier, "verified");
  CHECK_EQ(skill->tag_count, 2);
  CHECK_IS(skill->tags[0], "one");
  CHECK_IS(skill->tags[1], "two");
  CHECK_IS(skill->created_at, "2026-01-01T00:00:00.000Z");
  CHECK_IS(skill->updated_at, "2026-02-01T00:00:00.000Z");
  CHECK(skill->installable);
  CHECK(skill->has_risk_score);
  CHECK_EQ(skill->risk_score, 40);
  CHECK_EQ(skill->security_findings_count, 3);
  CHECK_IS(skill->security_scanned_at, "2026-01-02T00:00:00.000Z");
  CHECK(skill->has_security_verdict);
  CHECK(skill->security_passed);
  DONE();
  FIND("a/bare");
  CHECK_NONE(skill->description);
  CHECK_NONE(skill->author);
  CHECK_NONE(skill->repo_url);
  CHECK(!skill->has_quality_score);
  CHECK(skill->quality_score >= 0 && skill->quality_score <= 0);
  CHECK_IS(skill->trust_tier, "unknown");
  CHECK(skill->tags == NULL && skill->tag_count == 0);
  CHECK(!skill->installable);
  CHECK(!skill->has_risk_score);
  CHECK_EQ(skill->risk_score, 0);
  CHECK_EQ(skill->security_findings_count, 0);
  CHECK_NONE(skill->security_scanned_at);
  CHECK(!skill->has_security_verdict);
  CHECK(!skill->security_passed);
  DONE();
  FIND("a/nul");
  CHECK_RECORD_TEXT(skill->name, "nul\0within", 10);
  CHECK_RECORD_TEXT(skill->description, "\0", 1);
  CHECK_IS(skill->author, "\xF0\x9F\xA6\x80");
  DONE();
  FIND("a/odd");
  CHECK_EQ(skill->tag_count, 0);
  DONE();
  /* What is no text there is either shown as one, or an error; never bytes that are no UTF-8. */
  {
    skillsmith_error *error = NULL;
    skillsmith_status status = skillsmith_skill_repository_find_by_id(repository, "a/broken", &skill, &error);
    if (status == SKILLSMITH_OK) {
      CHECK(strchr(skill->name.data, '\xFF') == NULL || strstr(skill->name.data, "\xEF\xBF\xBD") != NULL);
      DONE();
    } else {
      CHECK_EQ(status, SKILLSMITH_DATABASE_ERROR);
      CHECK(skill == NULL);
    }
    CODE(SKILLSMITH_OK, skillsmith_error_free(error));
  }
  CODE(SKILLSMITH_OK, skillsmith_skill_repository_free(repository));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* Texts that another program has written into the other tables. */
static void rows_of_others(void) {
  const char *path = place("skills.db");
  skillsmith_database *database = open_at(path);
  skillsmith_sync_config_repository *config = RUBBISH(skillsmith_sync_config_repository);
  skillsmith_sync_history_repository *history = RUBBISH(skillsmith_sync_history_repository);
  skillsmith_sync_config *found = RUBBISH(skillsmith_sync_config);
  skillsmith_sync_history_list *list = RUBBISH(skillsmith_sync_history_list);
  OK(skillsmith_sync_config_repository_new(database, &config, &error));
  OK(skillsmith_sync_history_repository_new(database, &history, &error));
  OK(skillsmith_sync_config_repository_enable(config, NULL, &error));
  outside(path, "UPDATE sync_config SET last_sync_error = 'before' || char(0) || 'behind';"
                "INSERT INTO sync_history (id, started_at, status, error_message, skills_added, duration_ms)"
                " VALUES ('nul' || char(0), '2026-01-01T00:00:00.000Z', 'failed', char(0) || 'x', -3, -5)");
  OK(skillsmith_sync_config_repository_get_config(config, &found, &error));
  CHECK_RECORD_TEXT(found->last_sync_error, "before\0behind", 13);
  CODE(SKILLSMITH_OK, skillsmith_sync_config_free(found));
  OK(skillsmith_sync_history_repository_get_history(history, 9, &list, &error));
  CHECK_EQ(list->count, 1);
  CHECK_RECORD_TEXT(list->entries[0]->id, "nul\0", 4);
  CHECK_RECORD_TEXT(list->entries[0]->error_message, "\0x", 2);
  CHECK_EQ(list->entries[0]->skills_added, -3);
  CODE(SKILLSMITH_OK, skillsmith_sync_history_list_free(list));
  CODE(SKILLSMITH_OK, skillsmith_sync_config_repository_free(config));
  CODE(SKILLSMITH_OK, skillsmith_sync_history_repository_free(history));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

PROGRAM(CASE(the_configuration), CASE(the_request_budget), CASE(the_history), CASE(skills), CASE(rows_of_others))
