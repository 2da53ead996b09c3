/* Pages as the client fetches them: what is asked for, what comes, and every way in which it does not. */
#include "check.h"

static void remove_known(void) {
  tell("POST", "remove", "[\"known/1\", \"known/2\", \"known/3\", \"known/4\"]");
}

/* Four rows that differ in what they can be searched by, and share a word that no other has. */
#define ONE "{\"categories\":[\"testing\"],\"id\":\"known/1\",\"name\":\"xyzzy crab\",\"quality_score\":0.9,\"trust_tier\":\"verified\"}"
#define TWO "{\"categories\":[\"design\"],\"id\":\"known/2\",\"name\":\"xyzzy\",\"quality_score\":0.5,\"trust_tier\":\"verified\"}"
#define THREE "{\"categories\":[\"testing\"],\"id\":\"known/3\",\"name\":\"xyzzy\",\"quality_score\":0.25,\"trust_tier\":\"community\"}"
#define FOUR "{\"description\":\"a\\u0000b\",\"id\":\"known/4\",\"name\":\"xyzzy\",\"quality_score\":null}"

static void add_known(void) { tell("POST", "upsert", "[" ONE "," TWO "," THREE "," FOUR "]"); }

/* The search gives this very text. */
static void serves(const skillsmith_api_client *client, const skillsmith_search_options *options, const char *page) {
  char *json = RUBBISH(char);
  OK(skillsmith_api_client_search(client, options, NULL, &json, &error));
  CHECK_TEXT(json, page);
  CODE(SKILLSMITH_OK, skillsmith_string_free(json));
}

static void a_page(void) {
  skillsmith_api_client *client = client_of(registry_url());
  OPTIONS(skillsmith_search_options, options);
  char *json = RUBBISH(char);
  add_known();
#define META(total, limit, offset) "\"meta\":{\"total\":" total ",\"limit\":" limit ",\"offset\":" offset "}"
  options.query = "xyzzy";
  serves(client, &options, "{\"data\":[" ONE "," TWO "," THREE "," FOUR "]," META("4", "100", "0") "}");
  options.query = "xyzzy crab";
  serves(client, &options, "{\"data\":[" ONE "]," META("1", "100", "0") "}");
  options.query = "xyzzy";
  options.category = "testing";
  serves(client, &options, "{\"data\":[" ONE "," THREE "]," META("2", "100", "0") "}");
  options.trust_tier = "community";
  serves(client, &options, "{\"data\":[" THREE "]," META("1", "100", "0") "}");
  options.category = NULL;
  options.trust_tier = NULL;
  options.min_score = 0.5;
  serves(client, &options, "{\"data\":[" ONE "," TWO "]," META("2", "100", "0") "}");
  /* 0 asks for nothing; less is 0, which a row without a score has not. */
  options.min_score = -1;
  serves(client, &options, "{\"data\":[" ONE "," TWO "," THREE "]," META("3", "100", "0") "}");
  options.min_score = 0;
  options.limit = 2;
  serves(client, &options, "{\"data\":[" ONE "," TWO "]," META("4", "2", "0") "}");
  options.offset = 3;
  serves(client, &options, "{\"data\":[" FOUR "]," META("4", "2", "3") "}");
  options.offset = 4;
  serves(client, &options, "{\"data\":[]," META("4", "2", "4") "}");
  /* All of them. */
  OK(skillsmith_api_client_search(client, NULL, NULL, &json, &error));
  CHECK_HAS(json, META("254", "100", "0"));
  CODE(SKILLSMITH_OK, skillsmith_string_free(json));
  CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_string_free(json));
  remove_known();
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(client));
}

/* The search sends one request, which has these parameters and no others. */
static void asked(const skillsmith_api_client *client, const skillsmith_search_options *options, const char *parameters) {
  char wanted[512], *log, *json = RUBBISH(char);
  tell("DELETE", "requests", "");
  OK(skillsmith_api_client_search(client, options, NULL, &json, &error));
  CODE(SKILLSMITH_OK, skillsmith_string_free(json));
  CHECK_EQ(registry_requests(), 1);
  log = command("GET", "requests", "");
  snprintf(wanted, sizeof wanted, "\"params\":{%s}", parameters);
  CHECK_HAS(log, wanted);
  CHECK_HAS(log, "/skills-search\"");
  free(log);
}

static void the_request(void) {
  skillsmith_api_client *client = client_of(registry_url());
  OPTIONS(skillsmith_search_options, options);
  asked(client, NULL, "\"limit\":\"100\",\"offset\":\"0\"");
  asked(client, &options, "\"limit\":\"100\",\"offset\":\"0\"");
  options.query = "crab \xF0\x9F\xA6\x80";
  asked(client, &options, "\"limit\":\"100\",\"offset\":\"0\",\"query\":\"crab \xF0\x9F\xA6\x80\"");
  options.category = "this & that=+%20";
  options.trust_tier = "verified";
  options.min_score = 0.5;
  options.limit = 7;
  options.offset = 11;
  asked(client, &options,
        "\"category\":\"this & that=+%20\",\"limit\":\"7\",\"min_score\":\"0.5\",\"offset\":\"11\","
        "\"query\":\"crab \xF0\x9F\xA6\x80\",\"trust_tier\":\"verified\"");
  {
    static char long_text[70001];
    OPTIONS(skillsmith_search_options, too_long);
    char *json = RUBBISH(char);
    memset(long_text, 'a', sizeof long_text - 1);
    too_long.query = long_text;
    FAILS(SKILLSMITH_INVALID_ARGUMENT, "'query' is too long", skillsmith_api_client_search(client, &too_long, NULL, &json, &error));
    too_long.query = "a";
    too_long.category = long_text;
    FAILS(SKILLSMITH_INVALID_ARGUMENT, "'category' is too long", skillsmith_api_client_search(client, &too_long, NULL, &json, &error));
    too_long.category = NULL;
    too_long.trust_tier = long_text;
    FAILS(SKILLSMITH_INVALID_ARGUMENT, "'trust_tier' is too long", skillsmith_api_client_search(client, &too_long, NULL, &json, &error));
  }
  /* Empty is not none. */
  options.query = "";
  options.category = "";
  options.trust_tier = "";
  options.min_score = -0.75;
  asked(client, &options,
        "\"category\":\"\",\"limit\":\"7\",\"min_score\":\"0\",\"offset\":\"11\",\"query\":\"\",\"trust_tier\":\"\"");
  options.min_score = -0.0;
  asked(client, &options, "\"category\":\"\",\"limit\":\"7\",\"offset\":\"11\",\"query\":\"\",\"trust_tier\":\"\"");
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(client));
}

/* The next answer has this body; these characters of it are escaped for the command. */
static void next_body(const char *text, const char *escaped) {
  char action[256];
  size_t at = (size_t)sprintf(action, "{\"status\": {\"code\": 200, \"body\": \"");
  for (; *text != 0; text++) {
    if (strchr(escaped, *text) != NULL) action[at++] = '\\';
    action[at++] = *text;
  }
  strcpy(action + at, "\"}}");
  registry_fault("{}", action);
}

/* An answer that is JSON is given, whatever it says; any other is not. */
static void answers(void) {
  static const char *const good[] = {"7", "null", "[]", "{\"data\": \"none\"}", "\"\\u0000\""};
  static const char *const bad[] = {"", "{", "{}{}", "{\"data\": \"a\\u0000b\"}", "\\u0000", "<html>"};
  skillsmith_api_client *client = client_of(registry_url());
  char *json = RUBBISH(char);
  size_t index;
  for (index = 0; index < sizeof good / sizeof good[0]; index++) {
    next_body(good[index], "\"\\");
    serves(client, NULL, good[index]);
  }
  for (index = 0; index < sizeof bad / sizeof bad[0]; index++) {
    /* The escapes are the command's, so that the answer holds a real NUL. */
    next_body(bad[index], "\"");
    FAILS(SKILLSMITH_PROTOCOL_ERROR, "not JSON", skillsmith_api_client_search(client, NULL, NULL, &json, &error));
    CHECK(json == NULL);
  }
  /* Large, and larger than the bound. */
  registry_fault("{}", "{\"bomb\": {\"megabytes\": 10}}");
  OK(skillsmith_api_client_search(client, NULL, NULL, &json, &error));
  CHECK(strlen(json) >= 10000000);
  CODE(SKILLSMITH_OK, skillsmith_string_free(json));
  registry_fault("{}", "{\"bomb\": {\"megabytes\": 40}}");
  FAILS(SKILLSMITH_RESPONSE_TOO_LARGE, "larger than 16777216 bytes",
        skillsmith_api_client_search(client, NULL, NULL, &json, &error));
  CHECK(json == NULL);
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(client));
}

/* It fails with this code after so many requests, and gives nothing. */
#define SEARCH_FAILS(wanted, part, client, requests)                                               \
  do {                                                                                            \
    char *json = RUBBISH(char);                                                                   \
    tell("DELETE", "requests", "");                                                               \
    FAILS(wanted, part, skillsmith_api_client_search(client, NULL, NULL, &json, &error));          \
    CHECK(json == NULL);                                                                          \
    CHECK_EQ(registry_requests(), requests);                                                      \
  } while (0)

static void errors(void) {
  skillsmith_api_client *client = client_of(registry_url()), *quick = RUBBISH(skillsmith_api_client), *nobody;
  OPTIONS(skillsmith_client_options, impatient);
  skillsmith_error *error = check_rubbish();
  char *json = RUBBISH(char);
  impatient.base_url = registry_url();
  impatient.max_retries = -1;
  impatient.timeout_ms = (uint64_t)(150 * slowness());
  OK(skillsmith_api_client_new(&impatient, &quick, &error));
  registry_fault("{}", "\"close\"");
  SEARCH_FAILS(SKILLSMITH_NETWORK_UNREACHABLE, "reach the registry", client, 1);
  nobody = client_of("http://127.0.0.1:1/nobody");
  SEARCH_FAILS(SKILLSMITH_NETWORK_UNREACHABLE, "refused", nobody, 0);
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(nobody));
  registry_fault("{}", "{\"stall_after\": {\"bytes\": 100}}");
  SEARCH_FAILS(SKILLSMITH_NETWORK_TIMEOUT, "in time", quick, 1);
  registry_fault("{}", "{\"status\": {\"code\": 429, \"headers\": {\"Retry-After\": \"7200\"}}}");
  CODE(SKILLSMITH_RATE_LIMITED, skillsmith_api_client_search(client, NULL, NULL, &json, &error));
  CHECK(json == NULL);
  CHECK(skillsmith_error_retry_at_ms(error) / 1000 > (int64_t)time(NULL) + 3600);
  CODE(SKILLSMITH_OK, skillsmith_error_free(error));
  registry_options("{\"monthly_quota\": {\"limit\": 10, \"used\": 10, \"tier\": \"pro\","
                   " \"resets_at\": \"2999-01-01T00:00:00Z\"}}");
  SEARCH_FAILS(SKILLSMITH_QUOTA_EXCEEDED, "quota", client, 1);
  registry_reset();
  registry_options("{\"api_keys\": [\"right\"]}");
  SEARCH_FAILS(SKILLSMITH_UNAUTHORIZED, "401", client, 1);
  registry_reset();
  registry_options("{\"forbidden\": \"not in this plan\"}");
  SEARCH_FAILS(SKILLSMITH_FORBIDDEN, "not in this plan", client, 1);
  registry_reset();
  registry_options("{\"plan_required\": \"community\"}");
  SEARCH_FAILS(SKILLSMITH_PLAN_REQUIRED, "Team and Enterprise", client, 1);
  registry_reset();
  registry_fault("{}", "{\"status\": {\"code\": 503}}");
  SEARCH_FAILS(SKILLSMITH_SERVER_ERROR, "503", client, 1);
  registry_fault("{}", "{\"status\": {\"code\": 418}}");
  SEARCH_FAILS(SKILLSMITH_REQUEST_REFUSED, "418", client, 1);
  registry_options("{\"plain\": \"needs_filter\"}");
  SEARCH_FAILS(SKILLSMITH_REQUEST_REFUSED, "Query or filter required", client, 1);
  registry_options("{\"redirect\": {\"status\": 302, \"location\": \"http://127.0.0.2:1{path}?{query}\"}}");
  SEARCH_FAILS(SKILLSMITH_REDIRECT_REFUSED, "", client, 1);
  /* Nothing of that stays. */
  registry_reset();
  OK(skillsmith_api_client_search(client, NULL, NULL, &json, &error));
  CODE(SKILLSMITH_OK, skillsmith_string_free(json));
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(quick));
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(client));
}

static void offline(void) {
  OPTIONS(skillsmith_client_options, options);
  skillsmith_api_client *client = RUBBISH(skillsmith_api_client);
  options.base_url = registry_url();
  options.offline = SKILLSMITH_SWITCH_ON;
  OK(skillsmith_api_client_new(&options, &client, &error));
  SEARCH_FAILS(SKILLSMITH_OFFLINE, "offline", client, 0);
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(client));
}

/* As often as the client's options say. */
static void retries(void) {
  OPTIONS(skillsmith_client_options, options);
  skillsmith_api_client *client = RUBBISH(skillsmith_api_client);
  char *json = RUBBISH(char);
  options.base_url = registry_url();
  options.max_retries = 1;
  OK(skillsmith_api_client_new(&options, &client, &error));
  registry_fault("{}", "{\"status\": {\"code\": 503}}");
  OK(skillsmith_api_client_search(client, NULL, NULL, &json, &error));
  CODE(SKILLSMITH_OK, skillsmith_string_free(json));
  CHECK_EQ(registry_requests(), 2);
  registry_fault("{\"times\": 2}", "{\"status\": {\"code\": 503}}");
  SEARCH_FAILS(SKILLSMITH_SERVER_ERROR, "503", client, 2);
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(client));
}

/* ---- several threads ---------------------------------------------------------------- */

typedef struct reader {
  const skillsmith_api_client *client;
  int number;
  int done;
} reader;

static void *read_pages(void *argument) {
  reader *it = (reader *)argument;
  int round;
  for (round = 0; round < 4; round++) {
    OPTIONS(skillsmith_search_options, options);
    char *json = RUBBISH(char), offset[32];
    options.limit = 3;
    options.offset = (uint64_t)(10 * it->number + round);
    OK(skillsmith_api_client_search(it->client, &options, NULL, &json, &error));
    sprintf(offset, "\"offset\":%d}", 10 * it->number + round);
    CHECK_HAS(json, offset);
    CODE(SKILLSMITH_OK, skillsmith_string_free(json));
  }
  set(&it->done, 1);
  return NULL;
}

static void at_once(void) {
  skillsmith_api_client *client = client_of(registry_url());
  pthread_t threads[4];
  reader readers[4];
  int index;
  for (index = 0; index < 4; index++) {
    readers[index].client = client;
    readers[index].number = index;
    readers[index].done = 0;
    threads[index] = start(read_pages, &readers[index]);
  }
  for (index = 0; index < 4; index++) {
    join(threads[index]);
    CHECK_EQ(get(&readers[index].done), 1);
  }
  CHECK_EQ(registry_requests(), 16);
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(client));
}

static void *one_search(void *argument) {
  char *json = RUBBISH(char);
  OK(skillsmith_api_client_search((skillsmith_api_client *)argument, NULL, NULL, &json, &error));
  CHECK_HAS(json, "\"data\":[{");
  CODE(SKILLSMITH_OK, skillsmith_string_free(json));
  return NULL;
}

/* A search keeps its client. */
static void freed_meanwhile(void) {
  skillsmith_api_client *client = client_of(registry_url());
  pthread_t thread;
  registry_fault("{}", "{\"delay\": {\"ms\": 300}}");
  thread = start(one_search, client);
  WAIT_UNTIL(registry_requests() == 1);
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(client));
  join(thread);
}

PROGRAM(CASE(a_page), CASE(the_request), CASE(answers), CASE(errors), CASE(offline), CASE(retries), CASE(at_once),
        CASE(freed_meanwhile))
