/* A registry that the program supplies itself. */
#include "check.h"

typedef struct host {
  served from;
  int health;
  int returned;
  /* What search does instead of serving. */
  skillsmith_status fail;
  int fail_http;
  int64_t retry_after;
  const char *words;
  const char *page;
  /* Whether it gives that at every offset, and not nothing behind the first. */
  int page_everywhere;
  int short_pages;
  int only_tiers;
  /* Not even with a smallest score it lists without a tier. */
  int only_named_tiers;
  /* The row whose pages fail, and how often; negative: always. */
  uint64_t bad_row;
  int bad_times;
  int only_queries;
  int entered, left, noticed;
  skillsmith_registry_call *last_call;
} host;

static int health_of(void *user_data, skillsmith_registry_call *call) {
  host *it = (host *)user_data;
  CHECK(!skillsmith_registry_call_is_cancelled(call));
  if (it->health == SKILLSMITH_HEALTH_UNKNOWN && it->words != NULL)
    CODE(SKILLSMITH_OK, skillsmith_registry_call_fail(call, it->fail, it->words));
  return it->health;
}

static int search(void *user_data, const skillsmith_page_request *request, skillsmith_registry_call *call) {
  host *it = (host *)user_data;
  count_up(&it->from.pages);
  it->last_call = call;
  CHECK(!skillsmith_registry_call_is_cancelled(call));
  CODE(SKILLSMITH_OK, skillsmith_registry_call_wait(call, 1));
  CHECK(request->limit >= 1);
  if (it->fail != SKILLSMITH_OK) {
    CODE(SKILLSMITH_OK, skillsmith_registry_call_fail(call, it->fail, it->words));
    /* The first failure stays, and no page counts after it. */
    CODE(SKILLSMITH_OK, skillsmith_registry_call_fail(call, SKILLSMITH_NETWORK_TIMEOUT, "another"));
    CODE(SKILLSMITH_OK, skillsmith_registry_call_set_page(call, "{\"data\": []}", 12, NULL));
    return it->returned;
  }
  if (it->bad_times != 0 && request->offset <= it->bad_row && it->bad_row - request->offset < request->limit) {
    if (it->bad_times > 0) it->bad_times--;
    CODE(SKILLSMITH_OK, skillsmith_registry_call_fail(call, SKILLSMITH_HOST_ERROR, it->words));
    return 0;
  }
  if (it->fail_http != 0) {
    CODE(SKILLSMITH_OK, skillsmith_registry_call_fail_http(call, it->fail_http, it->retry_after, it->words));
    return it->returned;
  }
  if (it->page != NULL && !it->page_everywhere && request->offset > 0)
    return skillsmith_registry_call_set_page(call, "{\"data\": []}", 12, NULL);
  if (it->page != NULL) {
    if (*it->page != 0) (void)skillsmith_registry_call_set_page(call, it->page, strlen(it->page), NULL);
    return it->returned;
  }
  if (it->returned != 0) return it->returned;
  if ((it->only_tiers && request->trust_tier.data == NULL && request->query.data == NULL &&
       (it->only_named_tiers || request->min_score < 0)) ||
      (it->only_queries && request->query.data == NULL)) {
    CODE(SKILLSMITH_OK, skillsmith_registry_call_fail_http(call, 400, -1, NULL));
    return 0;
  }
  if (it->only_tiers && request->trust_tier.data != NULL && strcmp(request->trust_tier.data, "unknown") != 0 &&
      strcmp(request->trust_tier.data, "community") != 0) {
    return skillsmith_registry_call_set_page(call, "{\"data\": []}", 12, NULL);
  }
  if (it->short_pages) {
    skillsmith_page_request fewer = *request;
    if (fewer.limit > 3) fewer.limit = 3;
    return serve_page(&it->from, &fewer, call);
  }
  return serve_page(&it->from, request, call);
}

static host healthy(int skills) {
  host it;
  memset(&it, 0, sizeof it);
  it.from.skills = skills;
  it.health = SKILLSMITH_HEALTH_HEALTHY;
  it.retry_after = -1;
  return it;
}

static skillsmith_sync_engine *engine_by(host *it, const skillsmith_database *database) {
  OPTIONS(skillsmith_registry_callbacks, callbacks);
  callbacks.health = health_of;
  callbacks.search = search;
  callbacks.user_data = it;
  callbacks.destroy = serve_no_more;
  return engine_with(&callbacks, database);
}

static void pages(void) {
  int way;
  for (way = 0; way < 5; way++) {
    skillsmith_database *database = open_in_memory();
    host it = healthy(way == 0 ? 250 : 40);
    skillsmith_sync_engine *engine;
    skillsmith_sync_result *result;
    it.short_pages = way == 1;
    it.only_tiers = way == 2 || way == 4;
    it.only_queries = way == 3;
    it.only_named_tiers = way == 4;
    engine = engine_by(&it, database);
    result = sync_with(engine, NULL);
    if (result->code != SKILLSMITH_OK) FAIL("way %d: %s", way, result->errors[0].data);
    CHECK_EQ(skills_in(database), it.from.skills);
    /* By tiers, skills without one are found by their score only. */
    CHECK_EQ(result->coverage, way >= 3 ? SKILLSMITH_COVERAGE_BEST_EFFORT : SKILLSMITH_COVERAGE_COMPLETE);
    CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
    CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
    CHECK_EQ(get(&it.from.destroyed), 1);
    CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  }
}

/* Promise 2: a page that fails costs its own rows, and those only as long as it fails. */
static void a_page_that_fails(void) {
  skillsmith_database *database = open_in_memory();
  host it = healthy(250);
  skillsmith_sync_engine *engine = engine_by(&it, database);
  skillsmith_sync_result *result;
  it.words = "the cat sat on it";
  it.bad_row = 150;
  it.bad_times = -1;
  result = sync_with(engine, NULL);
  CHECK_EQ(result->code, SKILLSMITH_OK);
  CHECK(!result->success);
  CHECK_EQ(result->coverage, SKILLSMITH_COVERAGE_BEST_EFFORT);
  CHECK_EQ(result->error_count, 1);
  CHECK(strstr(result->errors[0].data, "number 151") != NULL);
  CHECK(strstr(result->errors[0].data, it.words) != NULL);
  CHECK_EQ(skills_in(database), 249);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  it.bad_times = 0;
  RUN(SKILLSMITH_OK, "", engine, NULL);
  CHECK_EQ(skills_in(database), 250);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));

  /* Only once: nobody has to hear of it. */
  database = open_in_memory();
  it = healthy(250);
  engine = engine_by(&it, database);
  it.words = "once";
  it.bad_row = 150;
  it.bad_times = 1;
  result = sync_with(engine, NULL);
  CHECK(result->success);
  CHECK_EQ(result->coverage, SKILLSMITH_COVERAGE_COMPLETE);
  CHECK_EQ(skills_in(database), 250);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

static void failures(void) {
  static const skillsmith_status statuses[] = {SKILLSMITH_HOST_ERROR, SKILLSMITH_NETWORK_UNREACHABLE,
                                               SKILLSMITH_NETWORK_TIMEOUT, SKILLSMITH_API_UNHEALTHY,
                                               SKILLSMITH_PROTOCOL_ERROR};
  static const struct {
    int http;
    skillsmith_status code;
  } answers[] = {{401, SKILLSMITH_UNAUTHORIZED}, {403, SKILLSMITH_FORBIDDEN},     {404, SKILLSMITH_REQUEST_REFUSED},
                 {408, SKILLSMITH_SERVER_ERROR}, {429, SKILLSMITH_RATE_LIMITED},  {500, SKILLSMITH_SERVER_ERROR},
                 {599, SKILLSMITH_SERVER_ERROR}, {300, SKILLSMITH_REQUEST_REFUSED}};
  size_t index;
  skillsmith_database *database = open_in_memory();
  host it = healthy(5);
  skillsmith_sync_engine *engine = engine_by(&it, database);
  it.words = "\xF0\x9F\xA6\x80 what happened";
  for (index = 0; index < 5; index++) {
    it.fail = statuses[index];
    it.returned = (int)index;
    RUN(statuses[index], it.words, engine, NULL);
  }
  it.fail = SKILLSMITH_OK;
  it.returned = 0;
  for (index = 0; index < 8; index++) {
    it.fail_http = answers[index].http;
    it.retry_after = index % 2 == 0 ? INT64_MAX : 1;
    RUN(answers[index].code, "", engine, NULL);
  }
  it.fail_http = 0;
  it.words = NULL;
  it.page = "";
  it.page_everywhere = 1;
  RUN(SKILLSMITH_HOST_ERROR, "neither a page nor a failure", engine, NULL);
  it.returned = 9;
  RUN(SKILLSMITH_HOST_ERROR, "returned 9", engine, NULL);
  /* A page does not make up for it. */
  it.page = "{\"data\": []}";
  RUN(SKILLSMITH_HOST_ERROR, "returned 9", engine, NULL);
  it.returned = 0;
  it.page = "no json";
  RUN(SKILLSMITH_PROTOCOL_ERROR, "", engine, NULL);
  it.page = NULL;
  it.page_everywhere = 0;

  it.health = SKILLSMITH_HEALTH_UNHEALTHY;
  RUN(SKILLSMITH_API_UNHEALTHY, "unhealthy", engine, NULL);
  it.health = SKILLSMITH_HEALTH_UNKNOWN;
  RUN(SKILLSMITH_HOST_ERROR, "returned 0", engine, NULL);
  it.health = 77;
  RUN(SKILLSMITH_HOST_ERROR, "returned 77", engine, NULL);
  it.health = SKILLSMITH_HEALTH_UNKNOWN;
  it.fail = SKILLSMITH_NETWORK_UNREACHABLE;
  it.words = "no cable";
  RUN(SKILLSMITH_NETWORK_UNREACHABLE, "no cable", engine, NULL);
  it.fail = SKILLSMITH_OK;
  it.health = SKILLSMITH_HEALTH_DEGRADED;
  RUN(SKILLSMITH_OK, "", engine, NULL);
  CHECK_EQ(skills_in(database), 5);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CHECK_EQ(it.from.destroyed, 1);
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* What the functions of a call refuse, and that the call ends with its callback. */
static int probe(void *user_data, const skillsmith_page_request *request, skillsmith_registry_call *call) {
  static const int http[] = {INT_MIN, -1, 0, 200, 299, 600, INT_MAX};
  static const skillsmith_status codes[] = {SKILLSMITH_OK, SKILLSMITH_CANCELLED, SKILLSMITH_INTERNAL,
                                            SKILLSMITH_DATABASE_BUSY};
  host *it = (host *)user_data;
  size_t index;
  char *large;
  it->last_call = call;
  for (index = 0; index < 7; index++)
    CODE(SKILLSMITH_INVALID_ARGUMENT, skillsmith_registry_call_fail_http(call, http[index], INT64_MIN, "x"));
  for (index = 0; index < 4; index++)
    CODE(SKILLSMITH_INVALID_ARGUMENT, skillsmith_registry_call_fail(call, codes[index], "x"));
  CODE(SKILLSMITH_INVALID_ARGUMENT, skillsmith_registry_call_fail(call, (skillsmith_status)-7, "x"));
  CODE(SKILLSMITH_INVALID_ARGUMENT, skillsmith_registry_call_fail(call, SKILLSMITH_HOST_ERROR, "\xFF"));
  CODE(SKILLSMITH_INVALID_ARGUMENT, skillsmith_registry_call_fail_http(call, 500, 0, "\xED\xA0\x80"));
  CODE(SKILLSMITH_NULL_ARGUMENT, skillsmith_registry_call_fail(call, SKILLSMITH_HOST_ERROR, NULL));
  FAILS(SKILLSMITH_NULL_ARGUMENT, "'json'", skillsmith_registry_call_set_page(call, NULL, 5, &error));
  CODE(SKILLSMITH_NULL_ARGUMENT, skillsmith_registry_call_set_page(NULL, "x", 1, NULL));
  CODE(SKILLSMITH_NULL_ARGUMENT, skillsmith_registry_call_fail(NULL, SKILLSMITH_HOST_ERROR, "x"));
  CODE(SKILLSMITH_NULL_ARGUMENT, skillsmith_registry_call_fail_http(NULL, 500, -1, NULL));
  CODE(SKILLSMITH_NULL_ARGUMENT, skillsmith_registry_call_wait(NULL, 1));
  CHECK(skillsmith_registry_call_is_cancelled(NULL));
  CODE(SKILLSMITH_OK, skillsmith_registry_call_wait(call, 0));
  /* Refused so far, and so without effect: the page still counts. */
  if (it->page == NULL) return serve_page(&it->from, request, call);
  large = (char *)malloc(17 << 20);
  memset(large, ' ', 17 << 20);
  FAILS(SKILLSMITH_RESPONSE_TOO_LARGE, "", skillsmith_registry_call_set_page(call, large, 17 << 20, &error));
  free(large);
  return 0;
}

static void the_call(void) {
  skillsmith_database *database = open_in_memory();
  host it = healthy(5);
  OPTIONS(skillsmith_registry_callbacks, callbacks);
  skillsmith_sync_engine *engine;
  callbacks.search = probe;
  callbacks.user_data = &it;
  engine = engine_with(&callbacks, database);
  RUN(SKILLSMITH_OK, "", engine, NULL);
  CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_registry_call_wait(it.last_call, 1));
  CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_registry_call_fail(it.last_call, SKILLSMITH_HOST_ERROR, "late"));
  CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_registry_call_fail_http(it.last_call, 500, -1, NULL));
  FAILS(SKILLSMITH_INVALID_HANDLE, "call", skillsmith_registry_call_set_page(it.last_call, "{}", 2, &error));
  CHECK(skillsmith_registry_call_is_cancelled(it.last_call));
  it.page = "too much";
  RUN(SKILLSMITH_RESPONSE_TOO_LARGE, "", engine, NULL);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* Pages whose parts are what they should not be cost rows and never more. */
static void odd_pages(void) {
  static const char *const rows[] = {"null", "7", "\"text\"", "[]", "{}", "{\"id\": null, \"name\": \"x\"}",
                                     "{\"id\": \"a\\u0000b\", \"name\": \"x\"}", "{\"id\": \"\\ud800\", \"name\": \"x\"}",
                                     "{\"id\": \"ok/1\", \"name\": \"\\ud83e\\udd80\"}"};
  size_t index;
  skillsmith_database *database = open_in_memory();
  host it = healthy(0);
  skillsmith_sync_engine *engine = engine_by(&it, database);
  for (index = 0; index < sizeof rows / sizeof rows[0]; index++) {
    char page[256];
    skillsmith_sync_result *result;
    sprintf(page, "{\"data\": [%s], \"meta\": {\"total\": 1}}", rows[index]);
    it.page = page;
    result = sync_with(engine, NULL);
    CHECK(result->code == SKILLSMITH_OK || result->code == SKILLSMITH_PROTOCOL_ERROR);
    if (index + 1 < sizeof rows / sizeof rows[0]) CHECK(!result->success || result->skills_added == 1);
    CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  }
  CHECK(skills_in(database) >= 1);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

static void offline(void) {
  skillsmith_database *database = open_in_memory();
  host it = healthy(5);
  OPTIONS(skillsmith_registry_callbacks, callbacks);
  skillsmith_registry *registry;
  skillsmith_sync_engine *engine = RUBBISH(skillsmith_sync_engine);
  callbacks.search = search;
  callbacks.health = health_of;
  callbacks.user_data = &it;
  callbacks.destroy = serve_no_more;
  registry = registry_with(&callbacks);
  OK(skillsmith_sync_engine_new_with_registry(registry, database, &engine, &error));
  CODE(SKILLSMITH_OK, skillsmith_registry_set_offline(registry, INT_MIN));
  CHECK(skillsmith_sync_engine_is_offline(engine));
  RUN(SKILLSMITH_OFFLINE, "offline", engine, NULL);
  CHECK_EQ(it.from.pages, 0);
  CODE(SKILLSMITH_OK, skillsmith_registry_set_offline(registry, 0));
  CHECK(!skillsmith_sync_engine_is_offline(engine));
  RUN(SKILLSMITH_OK, "", engine, NULL);
  CODE(SKILLSMITH_NULL_ARGUMENT, skillsmith_registry_set_offline(NULL, 1));
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CHECK_EQ(it.from.destroyed, 0);
  CODE(SKILLSMITH_OK, skillsmith_registry_free(registry));
  CHECK_EQ(it.from.destroyed, 1);
  CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_registry_set_offline(registry, 1));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* A host that blocks until it is told that nobody waits any more. */
static int blocking(void *user_data, const skillsmith_page_request *request, skillsmith_registry_call *call) {
  host *it = (host *)user_data;
  (void)request;
  count_up(&it->entered);
  if (it->short_pages) {
    while (!skillsmith_registry_call_is_cancelled(call)) pause_ms(1);
    /* Such a host is deaf for a while longer than the run waits for it. */
    pause_ms(400);
  } else {
    CODE(SKILLSMITH_CANCELLED, skillsmith_registry_call_wait(call, UINT64_MAX));
  }
  count_up(&it->noticed);
  /* Nobody hears it any more. */
  (void)skillsmith_registry_call_fail(call, SKILLSMITH_HOST_ERROR, "too late");
  count_up(&it->left);
  return 1;
}

static void *cancel_soon(void *argument) {
  void **both = (void **)argument;
  WAIT_UNTIL(get(&((host *)both[0])->entered) == 1);
  CODE(SKILLSMITH_OK, skillsmith_cancel_token_cancel((skillsmith_cancel_token *)both[1]));
  return NULL;
}

static void blocked(void) {
  int deaf;
  for (deaf = 0; deaf < 2; deaf++) {
    skillsmith_database *database = open_in_memory();
    host it = healthy(5);
    OPTIONS(skillsmith_registry_callbacks, callbacks);
    OPTIONS(skillsmith_sync_options, options);
    skillsmith_cancel_token *token = RUBBISH(skillsmith_cancel_token);
    skillsmith_sync_engine *engine;
    pthread_t thread;
    void *both[2];
    it.short_pages = deaf;
    callbacks.search = blocking;
    callbacks.user_data = &it;
    callbacks.destroy = serve_no_more;
    engine = engine_with(&callbacks, database);
    OK(skillsmith_cancel_token_new(&token, &error));
    both[0] = &it;
    both[1] = token;
    options.cancel = token;
    thread = start(cancel_soon, both);
    RUN(SKILLSMITH_CANCELLED, "cancelled", engine, &options);
    if (deaf && slowness() == 1) CHECK_EQ(get(&it.left), 0);
    join(thread);
    CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
    /* What it left behind still uses the user data, which ends with it. */
    WAIT_UNTIL(get(&it.from.destroyed) == 1);
    CHECK_EQ(get(&it.left), 1);
    CHECK_EQ(get(&it.noticed), 1);
    CODE(SKILLSMITH_OK, skillsmith_cancel_token_free(token));
    CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  }
}

/* Everything is freed by the callback itself. */
typedef struct suicidal {
  served from;
  skillsmith_registry *registry;
  skillsmith_sync_engine *engine;
  skillsmith_database *database;
} suicidal;

static int free_everything(void *user_data, const skillsmith_page_request *request, skillsmith_registry_call *call) {
  suicidal *it = (suicidal *)user_data;
  if (it->engine != NULL) {
    CODE(SKILLSMITH_OK, skillsmith_registry_free(it->registry));
    CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(it->engine));
    CODE(SKILLSMITH_OK, skillsmith_database_free(it->database));
    it->engine = NULL;
  }
  return serve_page(&it->from, request, call);
}

static void freed_meanwhile(void) {
  suicidal it;
  OPTIONS(skillsmith_registry_callbacks, callbacks);
  memset(&it, 0, sizeof it);
  it.from.skills = 30;
  callbacks.search = free_everything;
  callbacks.user_data = &it;
  callbacks.destroy = serve_no_more;
  it.database = open_at(place("skills.db"));
  it.registry = registry_with(&callbacks);
  OK(skillsmith_sync_engine_new_with_registry(it.registry, it.database, &it.engine, &error));
  RUN(SKILLSMITH_OK, "", it.engine, NULL);
  WAIT_UNTIL(get(&it.from.destroyed) == 1);
  it.database = open_at(place("skills.db"));
  CHECK_EQ(skills_in(it.database), 30);
  CODE(SKILLSMITH_OK, skillsmith_database_free(it.database));
}

/* Two engines share a registry: the user data ends with the last. */
static void shared(void) {
  skillsmith_database *one = open_in_memory(), *two = open_in_memory();
  host it = healthy(12);
  OPTIONS(skillsmith_registry_callbacks, callbacks);
  skillsmith_registry *registry;
  skillsmith_sync_engine *first = RUBBISH(skillsmith_sync_engine), *second = RUBBISH(skillsmith_sync_engine);
  callbacks.search = search;
  callbacks.user_data = &it;
  callbacks.destroy = serve_no_more;
  registry = registry_with(&callbacks);
  OK(skillsmith_sync_engine_new_with_registry(registry, one, &first, &error));
  OK(skillsmith_sync_engine_new_with_registry(registry, two, &second, &error));
  CODE(SKILLSMITH_OK, skillsmith_registry_free(registry));
  RUN(SKILLSMITH_OK, "", first, NULL);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(first));
  CHECK_EQ(it.from.destroyed, 0);
  RUN(SKILLSMITH_OK, "", second, NULL);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(second));
  CHECK_EQ(it.from.destroyed, 1);
  CHECK_EQ(skills_in(one) + skills_in(two), 24);
  CODE(SKILLSMITH_OK, skillsmith_database_free(one));
  CODE(SKILLSMITH_OK, skillsmith_database_free(two));
}

PROGRAM(CASE(pages), CASE(a_page_that_fails), CASE(failures), CASE(the_call), CASE(odd_pages), CASE(offline), CASE(blocked),
        CASE(freed_meanwhile), CASE(shared))
