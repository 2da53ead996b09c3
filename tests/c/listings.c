/* Which listings of a registry are used, how many requests that takes, and their budgets. */
#include "check.h"

static void with_endpoint(const char *json) {
  char options[256];
  snprintf(options, sizeof options, "{\"sync_endpoint\": %s}", json);
  registry_options(options);
}

static int endpoint_requests(void) { return registry_log_has("/registry-sync\""); }
static int search_requests(void) { return registry_log_has("/skills-search\""); }

static skillsmith_engine_status *status_of(const skillsmith_sync_engine *engine) {
  skillsmith_engine_status *status = RUBBISH(skillsmith_engine_status);
  OK(skillsmith_sync_engine_get_status(engine, &status, &error));
  return status;
}

/* A run without an error that leaves some for the next one, as its warning says. */
static void check_partial(skillsmith_sync_result *result, uint64_t requests) {
  CHECK_EQ(result->status, SKILLSMITH_SYNC_STATUS_PARTIAL);
  CHECK_EQ(result->code, SKILLSMITH_OK);
  CHECK_EQ(result->error_count, 0);
  CHECK(result->warning_count > 0);
  CHECK_HAS(result->warnings[0].data, "budget");
  CHECK_EQ(result->requests, requests);
}

/* ---- the live registry -------------------------------------------------------------- */

static void only_what_changed(void) {
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine = engine_for(database);
  OPTIONS(skillsmith_sync_options, options);
  skillsmith_sync_result *result;
  with_endpoint("{}");
  result = sync_with(engine, NULL);
  CHECK(result->success);
  CHECK_EQ(result->skills_added, 250);
  CHECK_EQ(result->requests, registry_requests());
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  CHECK_EQ(search_requests(), 0);
  tell("POST", "add?count=1&seed=3", "");
  result = sync_with(engine, &options);
  CHECK(result->success);
  CHECK_EQ(result->skills_added, 1);
  CHECK_EQ(result->total_processed, 1);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  /* Everything, each time. */
  options.full_listing_every_ms = 1;
  pause_ms(5);
  result = sync_with(engine, &options);
  CHECK(result->success);
  CHECK_EQ(result->total_processed, 251);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  options.full_listing_every_ms = UINT64_MAX;
  result = sync_with(engine, &options);
  CHECK(result->success && result->total_processed < 251);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  CHECK_EQ(search_requests(), 0);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* A new database, and which listing fills it. */
static void filled_by(skillsmith_listing listing, int is_given, int by_endpoint) {
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine = engine_for(database);
  OPTIONS(skillsmith_sync_options, options);
  options.listing = listing;
  tell("DELETE", "requests", "");
  RUN(SKILLSMITH_OK, "", engine, is_given ? &options : NULL);
  CHECK_EQ(endpoint_requests() > 0, by_endpoint);
  CHECK_EQ(search_requests() > 0, !by_endpoint);
  CHECK(skills_in(database) >= 250);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

static void one_is_chosen(void) {
  with_endpoint("{}");
  filled_by(SKILLSMITH_LISTING_DEFAULT, 0, 1);
  filled_by(SKILLSMITH_LISTING_AUTO, 1, 1);
  filled_by(SKILLSMITH_LISTING_SEARCH, 1, 0);
  setenv("SKILLSMITH_LISTING", "search", 1);
  filled_by(SKILLSMITH_LISTING_DEFAULT, 0, 0);
  filled_by(SKILLSMITH_LISTING_DEFAULT, 1, 0);
  filled_by(SKILLSMITH_LISTING_AUTO, 1, 1);
  setenv("SKILLSMITH_LISTING", "auto", 1);
  filled_by(SKILLSMITH_LISTING_DEFAULT, 0, 1);
  filled_by(SKILLSMITH_LISTING_SEARCH, 1, 0);
  unsetenv("SKILLSMITH_LISTING");
}

static void none_of_them(void) {
  static const int32_t values[] = {-1, 3, 77, INT32_MIN, INT32_MAX};
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine = engine_for(database);
  skillsmith_background_sync_service *service = RUBBISH(skillsmith_background_sync_service);
  skillsmith_sync_result *result = RUBBISH(skillsmith_sync_result);
  skillsmith_engine_status *status;
  OPTIONS(skillsmith_sync_options, options);
  OPTIONS(skillsmith_background_options, background);
  size_t index;
  for (index = 0; index < 5; index++) {
    char words[64];
    sprintf(words, "Unknown listing %" PRId32 ". Use SKILLSMITH_LISTING_DEFAULT", values[index]);
    options.listing = background.listing = (skillsmith_listing)values[index];
    FAILS(SKILLSMITH_INVALID_ARGUMENT, words, skillsmith_sync_engine_sync(engine, &options, &result, &error));
    CHECK(result == NULL);
    FAILS(SKILLSMITH_INVALID_ARGUMENT, words,
          skillsmith_background_sync_service_new(engine, &background, &service, &error));
    CHECK(service == NULL);
  }
  options.listing = background.listing = SKILLSMITH_LISTING_DEFAULT;
  setenv("SKILLSMITH_LISTING", "everything", 1);
  for (index = 0; index < 2; index++) {
    const skillsmith_sync_options *given = index == 0 ? NULL : &options;
    const skillsmith_background_options *given_too = index == 0 ? NULL : &background;
    const char *words = "SKILLSMITH_LISTING: The listing is 'everything'. Use 'auto' or 'search'.";
    FAILS(SKILLSMITH_INVALID_ARGUMENT, words, skillsmith_sync_engine_sync(engine, given, &result, &error));
    FAILS(SKILLSMITH_INVALID_ARGUMENT, words,
          skillsmith_background_sync_service_new(engine, given_too, &service, &error));
    FAILS(SKILLSMITH_INVALID_ARGUMENT, words,
          skillsmith_start_background_sync(database, NULL, given_too, &service, &error));
    /* There is nothing to be read where there is no service. */
    setenv("SKILLSMITH_BACKGROUND_SYNC", "off", 1);
    OK(skillsmith_start_background_sync(database, NULL, given_too, &service, &error));
    CHECK(service == NULL);
    unsetenv("SKILLSMITH_BACKGROUND_SYNC");
  }
  CHECK_EQ(registry_requests(), 0);
  /* Nobody asks for the word. */
  options.listing = SKILLSMITH_LISTING_AUTO;
  RUN(SKILLSMITH_OK, "", engine, &options);
  unsetenv("SKILLSMITH_LISTING");
  status = status_of(engine);
  CHECK(status->last_run != NULL);
  CODE(SKILLSMITH_OK, skillsmith_engine_status_free(status));
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

static void one_that_plans_pay_for(void) {
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine = engine_for(database);
  OPTIONS(skillsmith_sync_options, options);
  with_endpoint("{\"plan_required\": \"community\"}");
  RUN(SKILLSMITH_PLAN_REQUIRED, "community", engine, &options);
  CHECK_EQ(search_requests(), 0);
  options.listing = SKILLSMITH_LISTING_SEARCH;
  RUN(SKILLSMITH_OK, "", engine, &options);
  CHECK(skills_in(database) >= 250);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

static void in_the_background(void) {
  static const skillsmith_listing listings[] = {SKILLSMITH_LISTING_AUTO, SKILLSMITH_LISTING_SEARCH};
  size_t index;
  with_endpoint("{}");
  for (index = 0; index < 2; index++) {
    skillsmith_database *database = open_in_memory();
    skillsmith_sync_engine *engine = engine_for(database);
    skillsmith_background_sync_service *service = RUBBISH(skillsmith_background_sync_service);
    skillsmith_sync_result *result = RUBBISH(skillsmith_sync_result);
    OPTIONS(skillsmith_background_options, options);
    options.listing = listings[index];
    tell("DELETE", "requests", "");
    OK(skillsmith_background_sync_service_new(engine, &options, &service, &error));
    OK(skillsmith_background_sync_service_manual_sync(service, &result, &error));
    CHECK(result->success);
    CHECK_EQ(result->requests, registry_requests());
    CHECK_EQ(endpoint_requests() > 0, index == 0);
    CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
    CODE(SKILLSMITH_OK, skillsmith_background_sync_service_free(service));
    CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
    CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  }
}

/* ---- budgets ------------------------------------------------------------------------ */

static void a_budget_of_a_run(void) {
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine = engine_for(database);
  skillsmith_engine_status *status;
  skillsmith_sync_result *result;
  OPTIONS(skillsmith_sync_options, options);
  uint64_t sent = 0;
  with_endpoint("{}");
  options.request_budget = 3;
  result = sync_with(engine, &options);
  check_partial(result, 3);
  CHECK_EQ(registry_requests(), 3);
  sent += result->requests;
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  CHECK(skills_in(database) > 0 && skills_in(database) < 250);
  options.request_budget = UINT64_MAX;
  options.monthly_request_budget = UINT64_MAX;
  result = sync_with(engine, &options);
  CHECK(result->success);
  sent += result->requests;
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  CHECK(skills_in(database) >= 250);
  CHECK_EQ(sent, registry_requests());
  /* A dry run has its count, and none in the month. */
  options.dry_run = 1;
  result = sync_with(engine, &options);
  CHECK(result->requests > 0);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  status = status_of(engine);
  CHECK_EQ(status->requests_this_month, sent);
  CHECK_EQ(status->request_budget, -1);
  CODE(SKILLSMITH_OK, skillsmith_engine_status_free(status));
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

static void a_budget_of_a_month(void) {
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine = engine_for(database);
  skillsmith_sync_config_repository *config = RUBBISH(skillsmith_sync_config_repository);
  skillsmith_engine_status *status = status_of(engine);
  skillsmith_sync_result *result;
  OPTIONS(skillsmith_sync_options, options);
  with_endpoint("{}");
  CHECK_EQ(status->requests_this_month, 0);
  CHECK_EQ(status->request_budget, -1);
  CHECK(status->paused_until.data == NULL);
  CODE(SKILLSMITH_OK, skillsmith_engine_status_free(status));
  OK(skillsmith_sync_config_repository_new(database, &config, &error));
  OK(skillsmith_sync_config_repository_set_request_budget(config, 2, &error));
  result = sync_with(engine, NULL);
  check_partial(result, 2);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  status = status_of(engine);
  CHECK_EQ(status->requests_this_month, 2);
  CHECK_EQ(status->request_budget, 2);
  CHECK(status->paused_until.data != NULL && status->paused_until.length > 19);
  CODE(SKILLSMITH_OK, skillsmith_engine_status_free(status));
  /* Used up: nothing is sent. A larger one of a run's own goes before it. */
  result = sync_with(engine, &options);
  check_partial(result, 0);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  options.monthly_request_budget = 3;
  result = sync_with(engine, &options);
  check_partial(result, 1);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  CHECK_EQ(registry_requests(), 3);
  OK(skillsmith_sync_config_repository_set_request_budget(config, -1, &error));
  RUN(SKILLSMITH_OK, "", engine, NULL);
  CHECK(skills_in(database) >= 250);
  CODE(SKILLSMITH_OK, skillsmith_sync_config_repository_free(config));
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* ---- a registry of the program's own ------------------------------------------------ */

typedef struct host {
  served from;
  /* Pages of the sync endpoint, and those of them for changes only. */
  int pages, of_changes;
  /* What it does instead of serving. */
  int fail_http, returned, says_nothing;
} host;

static host serving(int skills) {
  host it;
  memset(&it, 0, sizeof it);
  it.from.skills = skills;
  return it;
}

static int sync_page(void *user_data, const skillsmith_sync_request *request, skillsmith_registry_call *call) {
  host *it = (host *)user_data;
  size_t room = 256 + 128 * (size_t)request->limit, length;
  uint64_t row = request->offset, end = row + request->limit;
  skillsmith_status status;
  char *json;
  CHECK(!skillsmith_registry_call_is_cancelled(call));
  count_up(&it->pages);
  if (it->says_nothing || it->returned != 0) return it->returned;
  if (it->fail_http != 0) return skillsmith_registry_call_fail_http(call, it->fail_http, -1, NULL);
  if (request->since.data != NULL) {
    count_up(&it->of_changes);
    CHECK_EQ(strlen(request->since.data), request->since.length);
    CHECK(strncmp(request->since.data, "2026-0", 6) == 0);
    end = 0;
  }
  if (end > (uint64_t)it->from.skills) end = (uint64_t)it->from.skills;
  json = (char *)malloc(room);
  CHECK(json != NULL);
  length = (size_t)sprintf(json, "{\"data\": [");
  for (; row < end; row++)
    length += (size_t)sprintf(json + length, "%s{\"id\": \"own/%05" PRIu64 "\", \"name\": \"skill\", \"updated_at\": \"2026-01-01T00:00:00Z\"}",
                              row > request->offset ? ", " : "", row);
  length += (size_t)sprintf(json + length, "]}");
  status = skillsmith_registry_call_set_page(call, json, length, NULL);
  free(json);
  return status;
}

static int never(void *user_data, const skillsmith_sync_request *request, skillsmith_registry_call *call) {
  (void)user_data;
  (void)request;
  (void)call;
  FAIL("a program with an older header has no such callback");
  return 0;
}

static skillsmith_registry_callbacks callbacks_of(host *it) {
  OPTIONS(skillsmith_registry_callbacks, callbacks);
  callbacks.search = serve;
  callbacks.user_data = it;
  callbacks.destroy = serve_no_more;
  callbacks.sync_registry = sync_page;
  return callbacks;
}

static void a_host_with_it(void) {
  skillsmith_database *database = open_in_memory();
  host it = serving(250);
  skillsmith_registry_callbacks callbacks = callbacks_of(&it);
  skillsmith_sync_engine *engine = engine_with(&callbacks, database);
  OPTIONS(skillsmith_sync_options, options);
  skillsmith_sync_result *result;
  options.request_budget = 2;
  result = sync_with(engine, &options);
  check_partial(result, 2);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  result = sync_with(engine, NULL);
  CHECK(result->success);
  CHECK_EQ(result->coverage, SKILLSMITH_COVERAGE_COMPLETE);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  CHECK_EQ(skills_in(database), 250);
  CHECK(it.pages > 2);
  CHECK_EQ(it.of_changes, 0);
  result = sync_with(engine, NULL);
  CHECK(result->success);
  CHECK_EQ(result->total_processed, 0);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  CHECK(it.of_changes > 0);
  CHECK_EQ(it.from.pages, 0);
  options.request_budget = 0;
  options.listing = SKILLSMITH_LISTING_SEARCH;
  it.pages = 0;
  RUN(SKILLSMITH_OK, "", engine, &options);
  CHECK(it.from.pages > 0);
  CHECK_EQ(it.pages, 0);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CHECK_EQ(get(&it.from.destroyed), 1);
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* One that has worked is not asked for either, and no request is counted for it. */
/* What it no longer lists goes after two whole listings, not more than a tenth at once. */
static void withdrawn_skills(void) {
  skillsmith_database *database = open_in_memory();
  host it = serving(250);
  skillsmith_registry_callbacks callbacks = callbacks_of(&it);
  skillsmith_sync_engine *engine = engine_with(&callbacks, database);
  skillsmith_sync_history_repository *history = RUBBISH(skillsmith_sync_history_repository);
  skillsmith_sync_history_list *entries = RUBBISH(skillsmith_sync_history_list);
  OPTIONS(skillsmith_sync_options, options);
  skillsmith_sync_result *result;
  RUN(SKILLSMITH_OK, "", engine, NULL);
  it.from.skills = 240;
  options.prune = 1;
  result = sync_with(engine, &options);
  CHECK(result->success);
  CHECK_EQ(result->skills_removed, 0);
  CHECK_HAS(result->warnings[0].data, "10 skills are no longer listed");
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  CHECK_EQ(skills_in(database), 250);
  result = sync_with(engine, &options);
  CHECK(result->success);
  CHECK_EQ(result->skills_removed, 10);
  CHECK_EQ(result->total_processed, 240);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  CHECK_EQ(skills_in(database), 240);
  OK(skillsmith_sync_history_repository_new(database, &history, &error));
  OK(skillsmith_sync_history_repository_get_history(history, 1, &entries, &error));
  CHECK_EQ(entries->entries[0]->skills_removed, 10);
  CODE(SKILLSMITH_OK, skillsmith_sync_history_list_free(entries));
  CODE(SKILLSMITH_OK, skillsmith_sync_history_repository_free(history));
  it.from.skills = 200;
  RUN(SKILLSMITH_OK, "", engine, &options);
  result = sync_with(engine, &options);
  CHECK_EQ(result->status, SKILLSMITH_SYNC_STATUS_PARTIAL);
  CHECK_EQ(result->skills_removed, 0);
  CHECK_HAS(result->errors[0].data, "40 of 240 skills");
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  options.force = 1;
  result = sync_with(engine, &options);
  CHECK(result->success);
  CHECK_EQ(result->skills_removed, 40);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  CHECK_EQ(skills_in(database), 200);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

static void hosts_without_it(void) {
  int way;
  for (way = 0; way < 4; way++) {
    skillsmith_database *database = open_in_memory();
    host it = serving(25);
    skillsmith_registry_callbacks callbacks = callbacks_of(&it);
    skillsmith_sync_engine *engine;
    skillsmith_background_sync_service *service = RUBBISH(skillsmith_background_sync_service);
    skillsmith_sync_result *result = RUBBISH(skillsmith_sync_result);
    OPTIONS(skillsmith_sync_options, options);
    if (way >= 2) {
      engine = engine_with(&callbacks, database);
      RUN(SKILLSMITH_OK, "", engine, NULL);
      CHECK(it.pages > 0);
      CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
    }
    if (way % 2 == 0) {
      callbacks.sync_registry = NULL;
    } else {
      callbacks.sync_registry = never;
      callbacks.struct_size = offsetof(skillsmith_registry_callbacks, sync_registry);
    }
    engine = engine_with(&callbacks, database);
    it.pages = 0;
    options.listing = SKILLSMITH_LISTING_AUTO;
    result = sync_with(engine, &options);
    CHECK(result->success);
    /* The pages and the check of its health. */
    CHECK_EQ(result->requests, it.from.pages + 1);
    CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
    it.from.pages = 0;
    OK(skillsmith_background_sync_service_new(engine, NULL, &service, &error));
    OK(skillsmith_background_sync_service_manual_sync(service, &result, &error));
    CHECK(result->success);
    CHECK_EQ(result->requests, it.from.pages + 1);
    CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
    CODE(SKILLSMITH_OK, skillsmith_background_sync_service_free(service));
    CHECK_EQ(it.pages, 0);
    /* The two listings have ids of their own. */
    CHECK_EQ(skills_in(database), way < 2 ? 25 : 50);
    CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
    CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  }
}

static void hosts_that_fail(void) {
  static const int missing[] = {404, 405, 410, 501};
  size_t index;
  skillsmith_database *database = open_in_memory();
  host it = serving(25);
  skillsmith_registry_callbacks callbacks = callbacks_of(&it);
  skillsmith_sync_engine *engine = engine_with(&callbacks, database);
  it.says_nothing = 1;
  RUN(SKILLSMITH_HOST_ERROR, "sync_registry callback gave neither a page nor a failure", engine, NULL);
  it.returned = 7;
  RUN(SKILLSMITH_HOST_ERROR, "sync_registry callback failed (it returned 7)", engine, NULL);
  it.says_nothing = it.returned = 0;
  it.fail_http = 403;
  RUN(SKILLSMITH_FORBIDDEN, "", engine, NULL);
  CHECK_EQ(it.from.pages, 0);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  for (index = 0; index < 4; index++) {
    database = open_in_memory();
    it = serving(25);
    engine = engine_with(&callbacks, database);
    it.fail_http = missing[index];
    RUN(SKILLSMITH_OK, "", engine, NULL);
    CHECK_EQ(it.pages, 1);
    /* Not again today. */
    RUN(SKILLSMITH_OK, "", engine, NULL);
    CHECK_EQ(it.pages, 1);
    CHECK(it.from.pages > 0);
    CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
    CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  }
  /* One that was there yesterday. */
  database = open_in_memory();
  it = serving(25);
  engine = engine_with(&callbacks, database);
  RUN(SKILLSMITH_OK, "", engine, NULL);
  it.fail_http = 404;
  RUN(SKILLSMITH_REQUEST_REFUSED, "404", engine, NULL);
  CHECK_EQ(it.from.pages, 0);
  RUN(SKILLSMITH_OK, "", engine, NULL);
  CHECK(it.from.pages > 0);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

PROGRAM(CASE(only_what_changed), CASE(one_is_chosen), CASE(none_of_them), CASE(one_that_plans_pay_for),
        CASE(in_the_background), CASE(a_budget_of_a_run), CASE(a_budget_of_a_month), CASE(a_host_with_it), CASE(withdrawn_skills),
        CASE(hosts_without_it), CASE(hosts_that_fail))
