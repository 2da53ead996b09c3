/* The library's threads do not read the environment, which the host may be changing. */
#include "check.h"

#include <sys/prctl.h>

extern char **environ;

/* Takes the place of libc's for the library, too. */
static int calls, calls_of_threads;
static char first[64];

#ifdef __cplusplus
extern "C" char *getenv(const char *name) throw();
char *getenv(const char *name) throw() {
#else
char *getenv(const char *name) {
#endif
  const size_t length = strlen(name);
  char thread[17] = "";
  char **each;
  prctl(PR_GET_NAME, thread);
  /* Doors for tests are not in a published library. */
  if (strncmp(thread, "skillsmith-", 11) == 0 && strncmp(name, "SKILLSMITH_TEST_", 16) != 0) {
    if (count_up(&calls_of_threads) == 1) snprintf(first, sizeof first, "%s reads %.30s", thread, name);
  } else {
    count_up(&calls);
  }
  for (each = environ; *each != NULL; each++) {
    if (strncmp(*each, name, length) == 0 && (*each)[length] == '=') return *each + length + 1;
  }
  return NULL;
}

static void none_were_read(void) {
  if (get(&calls_of_threads) != 0) FAIL("%s", first);
}

/* So that "none" means something. */
static void is_seen_when_a_client_is_made(void) {
  int before = get(&calls);
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(client_of("http://127.0.0.1:1/functions/v1")));
  CHECK(get(&calls) > before);
}

static int give_token(void *user_data, int refused, skillsmith_token_call *call) {
  (void)user_data;
  (void)refused;
  return skillsmith_token_call_set_token(call, "a-token-of-the-host");
}

/* Over http and https: certificates are loaded before the connection is refused. */
static void a_client(void) {
  static const char *const urls[] = {NULL, "https://127.0.0.1:1/functions/v1"};
  size_t index;
  for (index = 0; index < 2; index++) {
    skillsmith_database *database = open_at(place("skills.db"));
    skillsmith_api_client *client = RUBBISH(skillsmith_api_client);
    skillsmith_sync_engine *engine;
    char *json = RUBBISH(char);
    OPTIONS(skillsmith_client_options, options);
    options.base_url = urls[index] == NULL ? registry_url() : urls[index];
    options.max_retries = -1;
    options.token = give_token;
    OK(skillsmith_api_client_new(&options, &client, &error));
    if (urls[index] == NULL) {
      OK(skillsmith_api_client_search(client, NULL, NULL, &json, &error));
      CODE(SKILLSMITH_OK, skillsmith_string_free(json));
    } else {
      FAILS(SKILLSMITH_NETWORK_UNREACHABLE, "", skillsmith_api_client_search(client, NULL, NULL, &json, &error));
    }
    engine = engine_of(client, database);
    RUN(urls[index] == NULL ? SKILLSMITH_OK : SKILLSMITH_API_UNHEALTHY, "", engine, NULL);
    CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
    CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  }
  none_were_read();
}

static void completed(void *user_data, const skillsmith_sync_result *result) {
  (void)result;
  count_up((int *)user_data);
}

static void a_service(void) {
  skillsmith_database *database = open_at(place("skills.db"));
  skillsmith_background_sync_service *service = RUBBISH(skillsmith_background_sync_service);
  int syncs = 0;
  OPTIONS(skillsmith_client_options, client);
  OPTIONS(skillsmith_background_options, options);
  client.base_url = registry_url();
  options.on_sync_complete = completed;
  options.user_data = &syncs;
  OK(skillsmith_start_background_sync(database, &client, &options, &service, &error));
  WAIT_UNTIL(get(&syncs) > 0);
  CODE(SKILLSMITH_OK, skillsmith_background_sync_service_free(service));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  none_were_read();
}

PROGRAM(CASE(is_seen_when_a_client_is_made), CASE(a_client), CASE(a_service))
