/* Tokens that the program gives, and that expire. */
#include "check.h"

typedef struct host {
  /* What it gives, one after the other; the last one for ever. NULL: nothing. */
  const char *tokens[3];
  const char *failure;
  int returned;
  /* It waits until it is let go. */
  int hangs;
  int asked, refusals, noticed, left, destroyed;
  skillsmith_token_call *last_call;
} host;

static int token_of(void *user_data, int refused, skillsmith_token_call *call) {
  host *it = (host *)user_data;
  int turn = count_up(&it->asked) - 1;
  it->last_call = call;
  if (refused) count_up(&it->refusals);
  if (it->hangs) {
    while (!skillsmith_token_call_is_cancelled(call)) pause_ms(2);
    set(&it->noticed, 1);
    while (get(&it->hangs)) pause_ms(2);
  } else {
    CHECK(!skillsmith_token_call_is_cancelled(call));
  }
  if (it->failure != NULL) {
    CODE(SKILLSMITH_OK, skillsmith_token_call_fail(call, it->failure));
    /* The first failure stays, and no token counts after it. */
    CODE(SKILLSMITH_OK, skillsmith_token_call_fail(call, "another"));
  }
  if (it->tokens[turn < 2 ? turn : 2] != NULL) {
    CODE(SKILLSMITH_OK, skillsmith_token_call_set_token(call, "not the last one"));
    CODE(SKILLSMITH_OK, skillsmith_token_call_set_token(call, it->tokens[turn < 2 ? turn : 2]));
  }
  set(&it->left, 1);
  return it->returned;
}

static void destroy(void *user_data) { count_up(&((host *)user_data)->destroyed); }

static host giving(const char *first, const char *second, const char *third) {
  host it;
  memset(&it, 0, sizeof it);
  it.tokens[0] = first;
  it.tokens[1] = second;
  it.tokens[2] = third;
  return it;
}

static skillsmith_client_options options_by(host *it) {
  OPTIONS(skillsmith_client_options, options);
  options.base_url = registry_url();
  options.max_retries = -1;
  options.token = token_of;
  options.user_data = it;
  options.destroy = destroy;
  return options;
}

static skillsmith_sync_engine *engine_by(host *it, const skillsmith_database *database) {
  skillsmith_client_options options = options_by(it);
  skillsmith_api_client *client = RUBBISH(skillsmith_api_client);
  OK(skillsmith_api_client_new(&options, &client, &error));
  return engine_of(client, database);
}

static void tokens(const char *json) {
  char options[256];
  snprintf(options, sizeof options, "{\"sign_in\": {\"tokens\": %s, \"error\": \"expired_token\"}}", json);
  registry_options(options);
}

static void a_fresh_token(void) {
  skillsmith_database *database = open_in_memory();
  host it = giving("one", "two", "three");
  skillsmith_sync_engine *engine = engine_by(&it, database);
  tokens("{\"one\": 1, \"two\": 1, \"three\": 1000000}");
  RUN(SKILLSMITH_OK, "", engine, NULL);
  CHECK_EQ(skills_in(database), 250);
  CHECK_EQ(it.asked, 3);
  CHECK_EQ(it.refusals, 2);
  /* A call is over with its callback. */
  CHECK(skillsmith_token_call_is_cancelled(it.last_call));
  CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_token_call_set_token(it.last_call, "late"));
  CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_token_call_fail(it.last_call, "late"));
  CODE(SKILLSMITH_NULL_ARGUMENT, skillsmith_token_call_set_token(NULL, "nobody's"));
  CODE(SKILLSMITH_NULL_ARGUMENT, skillsmith_token_call_fail(NULL, "nobody's"));
  CHECK(skillsmith_token_call_is_cancelled(NULL));
  CHECK_EQ(get(&it.destroyed), 0);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  WAIT_UNTIL(get(&it.destroyed) == 1);
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

static void no_other_token(void) {
  int way;
  for (way = 0; way < 3; way++) {
    skillsmith_database *database = open_in_memory();
    host it = giving("one", way == 0 ? "one" : way == 1 ? NULL : "", NULL);
    skillsmith_sync_engine *engine = engine_by(&it, database);
    tokens("{\"one\": 1}");
    RUN(SKILLSMITH_SIGN_IN_EXPIRED, "sign-in has expired: run `skillsmith login`, or set SKILLSMITH_API_KEY", engine,
        NULL);
    CHECK_EQ(it.asked, 2);
    CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
    WAIT_UNTIL(get(&it.destroyed) == 1);
    CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  }
}

static void failures(void) {
  int way;
  for (way = 0; way < 5; way++) {
    static const char *const words[] = {"the key ring is locked", "it gave no token", "characters that no token has",
                                        "its callback returned 7", "its callback returned 7"};
    skillsmith_database *database = open_in_memory();
    host it = giving(way == 2 ? "a\nX-Evil: b" : way == 1 ? NULL : "one", NULL, NULL);
    skillsmith_sync_engine *engine = engine_by(&it, database);
    if (way == 0) it.failure = "the key ring is locked";
    if (way >= 3) it.returned = 7;
    if (way == 4) it.tokens[0] = NULL;
    tokens("{\"one\": 1000000}");
    tell("DELETE", "requests", "");
    RUN(SKILLSMITH_HOST_ERROR, words[way], engine, NULL);
    /* Nothing but the question how the registry is. */
    CHECK_EQ(registry_requests(), 1);
    CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
    WAIT_UNTIL(get(&it.destroyed) == 1);
    CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  }
}

static void a_token_that_never_comes(void) {
  skillsmith_database *database = open_in_memory();
  host it = giving("one", NULL, NULL);
  skillsmith_sync_engine *engine = engine_by(&it, database);
  OPTIONS(skillsmith_sync_options, options);
  tokens("{\"one\": 1000000}");
  it.hangs = 1;
  options.deadline_ms = (uint64_t)(300 * slowness());
  RUN(SKILLSMITH_RUN_DEADLINE, "deadline", engine, &options);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  WAIT_UNTIL(get(&it.noticed));
  /* Its user data outlives everything else that it belongs to. */
  CHECK_EQ(get(&it.destroyed), 0);
  set(&it.hangs, 0);
  WAIT_UNTIL(get(&it.destroyed) == 1);
  CHECK_EQ(get(&it.left), 1);
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

static void what_stays_the_programs(void) {
  host it = giving("one", NULL, NULL);
  skillsmith_client_options options = options_by(&it);
  skillsmith_api_client *client = RUBBISH(skillsmith_api_client);
  char *json = RUBBISH(char);
  options.base_url = "no address";
  FAILS(SKILLSMITH_INVALID_ARGUMENT, "address", skillsmith_api_client_new(&options, &client, &error));
  CHECK_EQ(it.destroyed, 0);
  /* Single requests have a token, too. */
  options.base_url = registry_url();
  tokens("{\"one\": 1}");
  OK(skillsmith_api_client_new(&options, &client, &error));
  OK(skillsmith_api_client_search(client, NULL, NULL, &json, &error));
  CODE(SKILLSMITH_OK, skillsmith_string_free(json));
  FAILS(SKILLSMITH_SIGN_IN_EXPIRED, "401", skillsmith_api_client_search(client, NULL, NULL, &json, &error));
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(client));
  WAIT_UNTIL(get(&it.destroyed) == 1);
}

typedef struct journal {
  int messages, requests, batches, ends, levels_seen[4], secrets, destroyed;
} journal;

static void note(void *user_data, skillsmith_log_level level, const char *target, const char *message) {
  journal *it = (journal *)user_data;
  count_up(&it->messages);
  count_up(&it->levels_seen[(int)level]);
  CHECK(strcmp(target, "http") == 0 || strcmp(target, "sync") == 0);
  if (strncmp(message, "GET http://127.0.0.1:", 21) == 0) count_up(&it->requests);
  if (strncmp(message, "a batch of ", 11) == 0) count_up(&it->batches);
  if (strncmp(message, "the sync ends: success", 22) == 0) count_up(&it->ends);
  if (strstr(message, "sk-of-the-log") != NULL) count_up(&it->secrets);
  /* It may call the library. */
  CHECK(skillsmith_version_string() != NULL);
}

static void forget(void *user_data) { count_up(&((journal *)user_data)->destroyed); }

static void a_log(void) {
  skillsmith_database *database = open_in_memory();
  skillsmith_api_client *client = RUBBISH(skillsmith_api_client);
  skillsmith_sync_engine *engine = NULL;
  OPTIONS(skillsmith_client_options, options);
  journal it;
  memset(&it, 0, sizeof it);
  registry_options("{}");
  options.base_url = registry_url();
  options.api_key = "sk-of-the-log-0123456789";
  options.log = note;
  options.log_user_data = &it;
  options.log_destroy = forget;
  OK(skillsmith_api_client_new(&options, &client, &error));
  engine = engine_of(client, database);
  RUN(SKILLSMITH_OK, "", engine, NULL);
  CHECK(get(&it.requests) >= 4);
  CHECK(get(&it.batches) >= 1);
  CHECK_EQ(get(&it.ends), 1);
  CHECK_EQ(get(&it.secrets), 0);
  CHECK(get(&it.levels_seen[SKILLSMITH_LOG_INFO]) >= 2);
  CHECK(get(&it.levels_seen[SKILLSMITH_LOG_DEBUG]) >= 5);
  CHECK_EQ(get(&it.levels_seen[SKILLSMITH_LOG_WARNING]), 0);
  CHECK_EQ(get(&it.destroyed), 0);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  WAIT_UNTIL(get(&it.destroyed) == 1);
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  /* Not the library's where no client was made. */
  options.base_url = "http://127.0.0.1:99999";
  FAILS(SKILLSMITH_INVALID_ARGUMENT, "port", skillsmith_api_client_new(&options, &client, &error));
  CHECK_EQ(get(&it.destroyed), 1);
}

PROGRAM(CASE(a_fresh_token), CASE(no_other_token), CASE(failures), CASE(a_token_that_never_comes),
        CASE(what_stays_the_programs), CASE(a_log))
