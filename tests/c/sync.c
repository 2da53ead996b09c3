/* Runs: what they report, what they count, and every way in which a registry ends one. */
#include "check.h"

/* ---- progress ----------------------------------------------------------------------- */

typedef struct report {
  int calls;
  int first[6];
  int last;
  uint64_t processed, changed, current, total;
  pthread_t thread;
  int return_value;
  int end_at;
} report;

static int on_progress(void *user_data, const skillsmith_sync_progress *progress) {
  report *seen = (report *)user_data;
  CHECK(pthread_equal(seen->thread, pthread_self()));
  CHECK(progress->phase >= SKILLSMITH_SYNC_PHASE_CONNECTING && progress->phase <= SKILLSMITH_SYNC_PHASE_COMPLETE);
  CHECK(progress->message != NULL);
  CHECK(progress->skills_processed >= seen->processed);
  CHECK(progress->skills_changed >= seen->changed && progress->skills_changed <= progress->skills_processed);
  seen->processed = progress->skills_processed;
  seen->changed = progress->skills_changed;
  seen->current = progress->current;
  seen->total = progress->total;
  seen->last = progress->phase;
  seen->calls++;
  if (seen->first[progress->phase] == 0) seen->first[progress->phase] = seen->calls;
  return seen->end_at != 0 && seen->calls >= seen->end_at ? seen->return_value : 0;
}

static report reporter(skillsmith_sync_options *options) {
  report seen;
  memset(&seen, 0, sizeof seen);
  seen.thread = pthread_self();
  options->on_progress = on_progress;
  return seen;
}

static void progress(void) {
  skillsmith_database *database = open_at(place("skills.db"));
  skillsmith_sync_engine *engine = engine_for(database);
  OPTIONS(skillsmith_sync_options, options);
  report seen = reporter(&options);
  skillsmith_sync_result *result;
  options.user_data = &seen;
  result = sync_with(engine, &options);
  CHECK(result->success && !result->dry_run);
  CHECK_EQ(result->status, SKILLSMITH_SYNC_STATUS_SUCCESS);
  CHECK_EQ(result->code, SKILLSMITH_OK);
  CHECK_EQ(result->coverage, SKILLSMITH_COVERAGE_COMPLETE);
  CHECK_EQ(result->skills_added, 250);
  CHECK_EQ(result->skills_updated, 0);
  CHECK_EQ(result->skills_unchanged, 0);
  CHECK_EQ(result->skills_rejected, 0);
  CHECK_EQ(result->total_processed, 250);
  CHECK(result->duration_ms < 60000);
  CHECK(result->errors == NULL && result->error_count == 0);
  CHECK(result->warnings == NULL && result->warning_count == 0);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  /* Each phase appears first after the one before it. */
  CHECK_EQ(seen.first[SKILLSMITH_SYNC_PHASE_CONNECTING], 1);
  CHECK(seen.first[SKILLSMITH_SYNC_PHASE_CONNECTING] < seen.first[SKILLSMITH_SYNC_PHASE_FETCHING]);
  CHECK(seen.first[SKILLSMITH_SYNC_PHASE_FETCHING] < seen.first[SKILLSMITH_SYNC_PHASE_COMPARING]);
  CHECK(seen.first[SKILLSMITH_SYNC_PHASE_COMPARING] < seen.first[SKILLSMITH_SYNC_PHASE_UPSERTING]);
  CHECK(seen.first[SKILLSMITH_SYNC_PHASE_UPSERTING] < seen.first[SKILLSMITH_SYNC_PHASE_COMPLETE]);
  CHECK_EQ(seen.last, SKILLSMITH_SYNC_PHASE_COMPLETE);
  CHECK_EQ(seen.processed, 250);
  CHECK_EQ(seen.changed, 250);
  CHECK(seen.current == seen.total);

  /* Again: nothing is new. With force, everything is compared, and still nothing is. */
  result = sync_with(engine, NULL);
  CHECK_EQ(result->skills_unchanged, result->total_processed);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  options.force = 1;
  seen = reporter(&options);
  result = sync_with(engine, &options);
  CHECK_EQ(result->skills_unchanged, 250);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

static void dry_run(void) {
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine = engine_for(database);
  skillsmith_engine_status *status = RUBBISH(skillsmith_engine_status);
  OPTIONS(skillsmith_sync_options, options);
  skillsmith_sync_result *result;
  options.dry_run = 1;
  options.page_size = 7;
  result = sync_with(engine, &options);
  CHECK(result->success && result->dry_run);
  CHECK_EQ(result->skills_added, 250);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  CHECK_EQ(skills_in(database), 0);
  CHECK(registry_requests() >= 250 / 7);
  OK(skillsmith_sync_engine_get_status(engine, &status, &error));
  CHECK(status->last_run == NULL && !status->is_running && status->is_due);
  CODE(SKILLSMITH_OK, skillsmith_engine_status_free(status));
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* A callback that returns something else than 0 ends the run, and only this run. */
static void ended_by_the_callback(void) {
  static const int values[] = {1, -1, INT_MAX, INT_MIN};
  size_t index;
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine = engine_for(database);
  skillsmith_cancel_token *token = RUBBISH(skillsmith_cancel_token);
  OPTIONS(skillsmith_sync_options, options);
  OK(skillsmith_cancel_token_new(&token, &error));
  for (index = 0; index < 4; index++) {
    report seen = reporter(&options);
    seen.return_value = values[index];
    seen.end_at = (int)index + 1;
    options.user_data = &seen;
    options.page_size = 20;
    options.cancel = token;
    options.force = 1;
    RUN(SKILLSMITH_HOST_ERROR, "progress callback ended the sync", engine, &options);
    CHECK_EQ(seen.calls, (int)index + 1);
  }
  CHECK(!skillsmith_cancel_token_is_cancelled(token));
  options.on_progress = NULL;
  RUN(SKILLSMITH_OK, "", engine, &options);
  CHECK_EQ(skills_in(database), 250);
  CODE(SKILLSMITH_OK, skillsmith_cancel_token_free(token));
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* ---- a callback that calls back in -------------------------------------------------- */

typedef struct inward {
  skillsmith_database *database;
  skillsmith_sync_engine *engine, *other;
  int calls;
} inward;

static int call_in(void *user_data, const skillsmith_sync_progress *told) {
  inward *in = (inward *)user_data;
  skillsmith_engine_status *status = RUBBISH(skillsmith_engine_status);
  skillsmith_sync_config_repository *config = RUBBISH(skillsmith_sync_config_repository);
  skillsmith_sync_history_repository *history = RUBBISH(skillsmith_sync_history_repository);
  bool running = false;
  in->calls++;
  CHECK(skills_in(in->database) >= 0);
  OK(skillsmith_sync_engine_get_status(in->other, &status, &error));
  CHECK(status->is_running);
  CODE(SKILLSMITH_OK, skillsmith_engine_status_free(status));
  OK(skillsmith_sync_config_repository_new(in->database, &config, &error));
  OK(skillsmith_sync_config_repository_enable(config, NULL, &error));
  CODE(SKILLSMITH_OK, skillsmith_sync_config_repository_free(config));
  if (in->calls > 1 && told->phase != SKILLSMITH_SYNC_PHASE_COMPLETE) {
    OK(skillsmith_sync_history_repository_new(in->database, &history, &error));
    OK(skillsmith_sync_history_repository_is_running(history, &running, &error));
    CHECK(running);
    CODE(SKILLSMITH_OK, skillsmith_sync_history_repository_free(history));
  }
  RUN(SKILLSMITH_SYNC_IN_PROGRESS, "already in progress", in->other, NULL);
  if (in->engine != NULL) {
    RUN(SKILLSMITH_SYNC_IN_PROGRESS, "already in progress", in->engine, NULL);
    /* The very engine that is at work. */
    CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(in->engine));
    CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_sync_engine_free(in->engine));
    in->engine = NULL;
  }
  return 0;
}

static void calling_back_in(void) {
  const char *path = place("skills.db");
  skillsmith_database *database = open_at(path), *second = open_at(path);
  inward in;
  OPTIONS(skillsmith_sync_options, options);
  in.database = second;
  in.engine = engine_for(database);
  in.other = engine_for(second);
  in.calls = 0;
  options.on_progress = call_in;
  options.user_data = &in;
  options.page_size = 100;
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  RUN(SKILLSMITH_OK, "", in.engine, &options);
  CHECK(in.calls > 4 && in.engine == NULL);
  CHECK_EQ(skills_in(second), 250);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(in.other));
  CODE(SKILLSMITH_OK, skillsmith_database_free(second));
}

static int close_it(void *user_data, const skillsmith_sync_progress *told) {
  skillsmith_database **database = (skillsmith_database **)user_data;
  (void)told;
  if (*database != NULL) {
    OK(skillsmith_database_close(*database, &error));
    CODE(SKILLSMITH_OK, skillsmith_database_free(*database));
    *database = NULL;
  }
  return 0;
}

/* A sync that is under way keeps its own connection and ends normally. */
static void closing_meanwhile(void) {
  const char *path = place("skills.db");
  skillsmith_database *database = open_at(path);
  skillsmith_sync_engine *engine = engine_for(database);
  OPTIONS(skillsmith_sync_options, options);
  options.on_progress = close_it;
  options.user_data = &database;
  RUN(SKILLSMITH_OK, "", engine, &options);
  CHECK(database == NULL);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  database = open_at(path);
  CHECK_EQ(skills_in(database), 250);
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* ---- what goes wrong ---------------------------------------------------------------- */

static void rejected_rows(void) {
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine = engine_for(database);
  skillsmith_sync_result *result;
  tell("POST", "upsert", "[{\"id\": \"bad/one\", \"name\": 7, \"updated_at\": \"2026-01-01T00:00:00.000Z\"}]");
  result = sync_with(engine, NULL);
  CHECK_EQ(result->status, SKILLSMITH_SYNC_STATUS_PARTIAL);
  CHECK_EQ(result->code, SKILLSMITH_OK);
  CHECK(!result->success);
  CHECK_EQ(result->skills_rejected, 1);
  CHECK_EQ(result->skills_added, 250);
  CHECK_EQ(result->error_count, 1);
  CHECK_HAS(result->errors[0].data, "bad/one");
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  tell("POST", "remove", "[\"bad/one\"]");
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

static void search_words(void) {
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine = engine_for(database);
  skillsmith_sync_result *result;
  registry_options("{\"plain\": \"needs_query\"}");
  result = sync_with(engine, NULL);
  CHECK_EQ(result->coverage, SKILLSMITH_COVERAGE_BEST_EFFORT);
  CHECK(result->warning_count >= 1 && result->warnings[0].length > 0);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* That of the error in the newest entry of the history. */
static int newest_code(const skillsmith_database *database) {
  skillsmith_sync_history_repository *history = RUBBISH(skillsmith_sync_history_repository);
  skillsmith_sync_history_list *list = RUBBISH(skillsmith_sync_history_list);
  int code;
  OK(skillsmith_sync_history_repository_new(database, &history, &error));
  OK(skillsmith_sync_history_repository_get_history(history, 1, &list, &error));
  code = list->entries[0]->code;
  CHECK_EQ(code != SKILLSMITH_OK, list->entries[0]->error_message.data != NULL);
  CODE(SKILLSMITH_OK, skillsmith_sync_history_list_free(list));
  CODE(SKILLSMITH_OK, skillsmith_sync_history_repository_free(history));
  return code;
}

static void errors_of_the_network(void) {
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine = engine_for(database), *quick;
  OPTIONS(skillsmith_sync_options, options);
  OPTIONS(skillsmith_client_options, impatient);
  skillsmith_api_client *client = RUBBISH(skillsmith_api_client);
  options.force = 1;
  registry_options("{\"health\": \"unhealthy\"}");
  RUN(SKILLSMITH_API_UNHEALTHY, "unhealthy", engine, &options);
  registry_reset();
  registry_fault("{\"times\": 0}", "\"close\"");
  RUN(SKILLSMITH_NETWORK_UNREACHABLE, "reach the registry", engine, &options);
  registry_reset();
  impatient.base_url = registry_url();
  impatient.max_retries = -1;
  impatient.timeout_ms = (uint64_t)(150 * slowness());
  OK(skillsmith_api_client_new(&impatient, &client, &error));
  quick = engine_of(client, database);
  registry_fault("{\"times\": 0}", "{\"stall_after\": {\"bytes\": 100}}");
  RUN(SKILLSMITH_NETWORK_TIMEOUT, "in time", quick, &options);
  registry_reset();
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(quick));
  registry_fault("{\"times\": 0}", "{\"status\": {\"code\": 429, \"headers\": {\"Retry-After\": \"7200\"}}}");
  RUN(SKILLSMITH_RATE_LIMITED, "Try again", engine, &options);
  registry_reset();
  registry_options("{\"monthly_quota\": {\"limit\": 10, \"used\": 10, \"tier\": \"pro\","
                   " \"resets_at\": \"2999-01-01T00:00:00Z\"}}");
  RUN(SKILLSMITH_QUOTA_EXCEEDED, "quota", engine, &options);
  registry_reset();
  registry_options("{\"api_keys\": [\"right\"]}");
  RUN(SKILLSMITH_UNAUTHORIZED, "401", engine, &options);
  registry_reset();
  registry_options("{\"forbidden\": \"not in this plan\"}");
  RUN(SKILLSMITH_FORBIDDEN, "not in this plan", engine, &options);
  CHECK_EQ(newest_code(database), SKILLSMITH_FORBIDDEN);
  registry_reset();
  registry_options("{\"plan_required\": \"community\"}");
  RUN(SKILLSMITH_PLAN_REQUIRED, "yours is 'community'", engine, &options);
  registry_reset();
  registry_fault("{\"times\": 0}", "{\"status\": {\"code\": 503}}");
  RUN(SKILLSMITH_SERVER_ERROR, "503", engine, &options);
  registry_reset();
  registry_fault("{\"times\": 0}", "{\"status\": {\"code\": 418}}");
  RUN(SKILLSMITH_REQUEST_REFUSED, "418", engine, &options);
  registry_reset();
  registry_fault("{\"times\": 0}", "\"garbage\"");
  RUN(SKILLSMITH_PROTOCOL_ERROR, "", engine, &options);
  registry_reset();
  registry_fault("{\"times\": 0}", "{\"bomb\": {\"megabytes\": 40}}");
  /* A larger page would be asked for in smaller ones first. */
  options.page_size = 1;
  RUN(SKILLSMITH_RESPONSE_TOO_LARGE, "", engine, &options);
  options.page_size = 0;
  registry_reset();
  registry_options("{\"redirect\": {\"status\": 302, \"location\": \"http://127.0.0.2:1{path}?{query}\"}}");
  RUN(SKILLSMITH_REDIRECT_REFUSED, "", engine, &options);
  registry_reset();
  registry_options("{\"delay_ms\": 60000}");
  options.deadline_ms = 100;
  RUN(SKILLSMITH_RUN_DEADLINE, "deadline", engine, &options);
  options.deadline_ms = 0;
  registry_reset();
  CHECK_EQ(newest_code(database), SKILLSMITH_RUN_DEADLINE);
  RUN(SKILLSMITH_OK, "", engine, &options);
  CHECK_EQ(newest_code(database), SKILLSMITH_OK);
  CHECK_EQ(skills_in(database), 250);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  engine = engine_of(client_of("http://127.0.0.1:1/nobody"), database);
  RUN(SKILLSMITH_API_UNHEALTHY, "", engine, NULL);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

static void the_client(void) {
  OPTIONS(skillsmith_client_options, options);
  skillsmith_api_client *client = RUBBISH(skillsmith_api_client);
  skillsmith_health health = SKILLSMITH_HEALTH_HEALTHY;
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine;
  char *url = RUBBISH(char), *log;
  options.base_url = registry_url();
  options.anon_key = "the-anonymous-key";
  options.api_key = "the-api-key";
  options.jwt_token = "the.jwt.token";
  options.timeout_ms = 5000;
  options.max_retries = 1;
  options.offline = SKILLSMITH_SWITCH_OFF;
  OK(skillsmith_api_client_new(&options, &client, &error));
  CHECK(!skillsmith_api_client_is_offline(client));
  OK(skillsmith_api_client_base_url(client, &url, &error));
  CHECK_TEXT(url, registry_url());
  CODE(SKILLSMITH_OK, skillsmith_string_free(url));
#define HEALTH(wanted)                                                             \
  OK(skillsmith_api_client_check_health(client, NULL, &health, &error));           \
  CHECK_EQ(health, wanted)
  HEALTH(SKILLSMITH_HEALTH_HEALTHY);
  registry_options("{\"health\": \"degraded\"}");
  HEALTH(SKILLSMITH_HEALTH_DEGRADED);
  registry_options("{\"health\": \"unhealthy\"}");
  HEALTH(SKILLSMITH_HEALTH_UNHEALTHY);
  registry_reset();
  registry_fault("{\"path\": \"health\", \"times\": 0}", "\"close\"");
  FAILS(SKILLSMITH_API_UNHEALTHY, "", skillsmith_api_client_check_health(client, NULL, &health, &error));
  CHECK_EQ(health, SKILLSMITH_HEALTH_UNKNOWN);
  registry_reset();
  engine = engine_of(client, database);
  CHECK(!skillsmith_sync_engine_is_offline(engine));
  RUN(SKILLSMITH_OK, "", engine, NULL);
  log = command("GET", "requests", "");
  CHECK_HAS(log, "the-anonymous-key");
  CHECK_HAS(log, "the.jwt.token");
  free(log);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));

  options.offline = SKILLSMITH_SWITCH_ON;
  OK(skillsmith_api_client_new(&options, &client, &error));
  CHECK(skillsmith_api_client_is_offline(client));
  FAILS(SKILLSMITH_OFFLINE, "offline", skillsmith_api_client_check_health(client, NULL, &health, &error));
  tell("DELETE", "requests", "");
  engine = engine_of(client, database);
  CHECK(skillsmith_sync_engine_is_offline(engine));
  RUN(SKILLSMITH_OFFLINE, "offline", engine, NULL);
  CHECK_EQ(registry_requests(), 0);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

static void the_status(void) {
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine = engine_for(database);
  skillsmith_engine_status *status = RUBBISH(skillsmith_engine_status);
  RUN(SKILLSMITH_OK, "", engine, NULL);
  OK(skillsmith_sync_engine_get_status(engine, &status, &error));
  CHECK(!status->is_running && !status->is_due);
  CHECK_EQ(status->last_run->skills_added, 250);
  CHECK_EQ(status->config->last_sync_count, 250);
  CHECK_EQ(status->config->last_sync_at.length, 24);
  CODE(SKILLSMITH_OK, skillsmith_engine_status_free(status));
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

PROGRAM(CASE(progress), CASE(dry_run), CASE(ended_by_the_callback), CASE(calling_back_in),
        CASE(closing_meanwhile), CASE(rejected_rows), CASE(search_words), CASE(errors_of_the_network),
        CASE(the_client), CASE(the_status))
