/* Stopping a run: from another thread and from a signal, wherever it stands. */
#include "check.h"

#include <dirent.h>
#include <sqlite3.h>

/* A token that another thread cancels a moment after the run is where it should be. */
typedef struct stopper {
  skillsmith_cancel_token *token;
  int requests;
  int pause;
  int only_raises;
  int64_t at;
} stopper;

static void *stop(void *argument) {
  stopper *it = (stopper *)argument;
  if (it->requests > 0) WAIT_UNTIL(registry_requests() >= it->requests);
  pause_ms(it->pause);
  it->at = now_ms();
  CODE(SKILLSMITH_OK, it->only_raises ? skillsmith_cancel_token_raise(it->token) : skillsmith_cancel_token_cancel(it->token));
  return NULL;
}

static void stopped(const skillsmith_sync_engine *engine, int requests) {
  OPTIONS(skillsmith_sync_options, options);
  stopper it;
  pthread_t thread;
  int64_t took;
  memset(&it, 0, sizeof it);
  OK(skillsmith_cancel_token_new(&it.token, &error));
  CHECK(!skillsmith_cancel_token_is_cancelled(it.token));
  it.requests = requests;
  it.pause = 60;
  options.cancel = it.token;
  options.force = 1;
  thread = start(stop, &it);
  RUN(SKILLSMITH_CANCELLED, "cancelled", engine, &options);
  took = now_ms();
  join(thread);
  took -= it.at;
  if (took > PROMPTLY) FAIL("the run ended %d ms later", (int)took);
  CHECK(skillsmith_cancel_token_is_cancelled(it.token));
  CODE(SKILLSMITH_OK, skillsmith_cancel_token_free(it.token));
}

/* A listener whose queue is full: the system answers no further connection. */
static int deaf_listener(int *port, int clients[], int count) {
  struct sockaddr_in address;
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0), index;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK_EQ(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
  CHECK_EQ(listen(listener, 0), 0);
  CHECK_EQ(getsockname(listener, (struct sockaddr *)&address, &length), 0);
  *port = ntohs(address.sin_port);
  for (index = 0; index < count; index++) {
    clients[index] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)connect(clients[index], (struct sockaddr *)&address, sizeof address);
  }
  pause_ms(20);
  return listener;
}

static void connecting(void) {
  int port, clients[4], index, listener = deaf_listener(&port, clients, 4);
  char url[64];
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine;
  sprintf(url, "http://127.0.0.1:%d/x", port);
  engine = engine_of(client_of(url), database);
  stopped(engine, 0);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  for (index = 0; index < 4; index++) close(clients[index]);
  close(listener);
}

/* Inside the headers, the body, and the wait between two tries. */
static void at_every_stage(void) {
  static const char *const actions[] = {
      "{\"delay\": {\"ms\": 60000}}", "{\"stall_after\": {\"bytes\": 40}}", "{\"drip\": {\"ms\": 50, \"bytes\": 1}}",
      "{\"status\": {\"code\": 503, \"headers\": {\"Retry-After\": \"60\"}}}"};
  size_t index;
  skillsmith_database *database = open_at(place("skills.db"));
  OPTIONS(skillsmith_client_options, patient);
  skillsmith_api_client *client = RUBBISH(skillsmith_api_client);
  skillsmith_sync_engine *engine;
  patient.base_url = registry_url();
  OK(skillsmith_api_client_new(&patient, &client, &error));
  engine = engine_of(client, database);
  for (index = 0; index < 4; index++) {
    registry_reset();
    if (index < 3) {
      /* A health check is not repeated. */
      registry_fault("{\"path\": \"any\"}", actions[index]);
      stopped(engine, 1);
    }
    registry_reset();
    registry_fault("{}", actions[index]);
    stopped(engine, 2);
  }
  registry_reset();
  RUN(SKILLSMITH_OK, "", engine, NULL);
  CHECK_EQ(skills_in(database), 250);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* While another program keeps the write lock. */
static void locked_database(void) {
  const char *path = place("skills.db");
  skillsmith_database *database = open_at(path);
  skillsmith_sync_engine *engine = engine_for(database);
  sqlite3 *other = NULL;
  RUN(SKILLSMITH_OK, "", engine, NULL);
  tell("POST", "change?count=10&seed=3", "");
  CHECK_EQ(sqlite3_open(path, &other), SQLITE_OK);
  CHECK_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  stopped(engine, 0);
  CHECK_EQ(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
  CHECK_EQ(sqlite3_close(other), SQLITE_OK);
  RUN(SKILLSMITH_OK, "", engine, NULL);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* What a client is asked by itself. */
enum { HEALTH, SEARCH };

static void asks(const skillsmith_api_client *client, int question, const skillsmith_cancel_token *token) {
  skillsmith_health health = SKILLSMITH_HEALTH_HEALTHY;
  char *json = RUBBISH(char);
  if (question == HEALTH) {
    FAILS(SKILLSMITH_CANCELLED, "cancelled", skillsmith_api_client_check_health(client, token, &health, &error));
    CHECK_EQ(health, SKILLSMITH_HEALTH_UNKNOWN);
  } else {
    FAILS(SKILLSMITH_CANCELLED, "cancelled", skillsmith_api_client_search(client, NULL, token, &json, &error));
    CHECK(json == NULL);
  }
}

static void before_the_run(void) {
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine = engine_for(database);
  OPTIONS(skillsmith_sync_options, options);
  skillsmith_cancel_token *token = RUBBISH(skillsmith_cancel_token);
  skillsmith_api_client *client = client_of(registry_url());
  char *json = RUBBISH(char);
  OK(skillsmith_cancel_token_new(&token, &error));
  CODE(SKILLSMITH_OK, skillsmith_cancel_token_cancel(token));
  CODE(SKILLSMITH_OK, skillsmith_cancel_token_cancel(token));
  options.cancel = token;
  RUN(SKILLSMITH_CANCELLED, "cancelled", engine, &options);
  asks(client, HEALTH, token);
  asks(client, SEARCH, token);
  CHECK_EQ(registry_requests(), 0);
  CODE(SKILLSMITH_OK, skillsmith_cancel_token_free(token));
  {
    /* A token that was freed is no token. */
    skillsmith_sync_result *result = RUBBISH(skillsmith_sync_result);
    FAILS(SKILLSMITH_INVALID_HANDLE, "token", skillsmith_sync_engine_sync(engine, &options, &result, &error));
    CHECK(result == NULL);
    FAILS(SKILLSMITH_INVALID_HANDLE, "token", skillsmith_api_client_search(client, NULL, token, &json, &error));
    CHECK(json == NULL);
  }
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(client));
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* ---- questions of the client -------------------------------------------------------- */

/* Threads of this process that ask for a client. */
static int askers(void) {
  DIR *threads = opendir("/proc/self/task");
  const struct dirent *entry;
  int count = 0;
  CHECK(threads != NULL);
  while ((entry = readdir(threads)) != NULL) {
    char path[300], name[32] = "";
    FILE *file;
    snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
    /* One may end meanwhile. */
    if ((file = fopen(path, "r")) == NULL) continue;
    if (fgets(name, sizeof name, file) != NULL && strncmp(name, "skillsmith-clie", 15) == 0) count++;
    fclose(file);
  }
  closedir(threads);
  return count;
}

static void *one_question(void *argument) {
  char *json = RUBBISH(char);
  OK(skillsmith_api_client_search((skillsmith_api_client *)argument, NULL, NULL, &json, &error));
  CODE(SKILLSMITH_OK, skillsmith_string_free(json));
  return NULL;
}

/* So that "none" means something. */
static void askers_are_seen(skillsmith_api_client *client) {
  pthread_t thread;
  registry_fault("{}", "{\"delay\": {\"ms\": 300}}");
  thread = start(one_question, client);
  WAIT_UNTIL(askers() == 1);
  join(thread);
  WAIT_UNTIL(askers() == 0);
}

/* By a token that is cancelled, and by one that is only raised. */
static void unasked(const skillsmith_api_client *client, int question, int requests) {
  int only_raises;
  for (only_raises = 0; only_raises < 2; only_raises++) {
    stopper it;
    pthread_t thread;
    int64_t took;
    memset(&it, 0, sizeof it);
    tell("DELETE", "requests", "");
    OK(skillsmith_cancel_token_new(&it.token, &error));
    it.requests = requests;
    it.pause = 60;
    it.only_raises = only_raises;
    thread = start(stop, &it);
    asks(client, question, it.token);
    took = now_ms();
    join(thread);
    took -= it.at;
    if (took > PROMPTLY) FAIL("question %d ended %d ms later", question, (int)took);
    CHECK_EQ(registry_requests(), requests);
    CODE(SKILLSMITH_OK, skillsmith_cancel_token_free(it.token));
  }
}

static void questions(void) {
  static const char *const actions[] = {
      "{\"delay\": {\"ms\": 60000}}", "{\"stall_after\": {\"bytes\": 10}}", "{\"drip\": {\"ms\": 500, \"bytes\": 1}}",
      "{\"status\": {\"code\": 503, \"headers\": {\"Retry-After\": \"60\"}}}"};
  OPTIONS(skillsmith_client_options, patient);
  skillsmith_api_client *client = RUBBISH(skillsmith_api_client);
  char *json = RUBBISH(char);
  size_t index;
  patient.base_url = registry_url();
  OK(skillsmith_api_client_new(&patient, &client, &error));
  askers_are_seen(client);
  for (index = 0; index < 4; index++) {
    registry_fault("{\"path\": \"any\", \"times\": 0}", actions[index]);
    /* A health check is not repeated. */
    if (index < 3) unasked(client, HEALTH, 1);
    unasked(client, SEARCH, 1);
    /* What was asked for is no longer waited for. */
    WAIT_UNTIL(askers() == 0);
    registry_reset();
    /* The client is none the worse for it. */
    OK(skillsmith_api_client_search(client, NULL, NULL, &json, &error));
    CODE(SKILLSMITH_OK, skillsmith_string_free(json));
  }
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(client));
}

/* Nothing can interrupt it, so it is left behind. */
static void questions_while_connecting(void) {
  int port, clients[4], index, listener = deaf_listener(&port, clients, 4);
  char url[64];
  skillsmith_api_client *client;
  sprintf(url, "http://127.0.0.1:%d/x", port);
  client = client_of(url);
  unasked(client, HEALTH, 0);
  unasked(client, SEARCH, 0);
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(client));
  for (index = 0; index < 4; index++) close(clients[index]);
  close(listener);
}

/* One token ends several runs; freed meanwhile, it ends none. */
static void *one_run(void *argument) {
  OPTIONS(skillsmith_sync_options, options);
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine = engine_for(database);
  options.cancel = (skillsmith_cancel_token *)argument;
  RUN(SKILLSMITH_CANCELLED, "cancelled", engine, &options);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  return NULL;
}

static void several_runs(void) {
  skillsmith_cancel_token *token = RUBBISH(skillsmith_cancel_token);
  pthread_t threads[3];
  int index;
  registry_options("{\"delay_ms\": 3000}");
  OK(skillsmith_cancel_token_new(&token, &error));
  for (index = 0; index < 3; index++) threads[index] = start(one_run, token);
  WAIT_UNTIL(registry_requests() >= 3);
  CODE(SKILLSMITH_OK, skillsmith_cancel_token_cancel(token));
  CODE(SKILLSMITH_OK, skillsmith_cancel_token_free(token));
  for (index = 0; index < 3; index++) join(threads[index]);
}

static int free_token(void *user_data, const skillsmith_sync_progress *progress) {
  skillsmith_cancel_token **token = (skillsmith_cancel_token **)user_data;
  (void)progress;
  if (*token != NULL) {
    CODE(SKILLSMITH_OK, skillsmith_cancel_token_free(*token));
    CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_cancel_token_cancel(*token));
    *token = NULL;
  }
  return 0;
}

static void a_token_that_is_freed(void) {
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine = engine_for(database);
  OPTIONS(skillsmith_sync_options, options);
  skillsmith_cancel_token *token = RUBBISH(skillsmith_cancel_token);
  OK(skillsmith_cancel_token_new(&token, &error));
  options.cancel = token;
  options.on_progress = free_token;
  options.user_data = &token;
  RUN(SKILLSMITH_OK, "", engine, &options);
  CHECK(token == NULL);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* ---- SIGINT ------------------------------------------------------------------------- */

static skillsmith_cancel_token *volatile interrupted;

static void on_signal(int number) {
  (void)number;
  skillsmith_cancel_token_raise(interrupted);
}

static void *interrupt(void *argument) {
  int64_t *at = (int64_t *)argument;
  WAIT_UNTIL(registry_requests() >= 2);
  *at = now_ms();
  kill(getpid(), SIGINT);
  return NULL;
}

static void a_signal(void) {
  static const char *const actions[] = {"{\"delay\": {\"ms\": 60000}}", "{\"stall_after\": {\"bytes\": 40}}"};
  struct sigaction action, before;
  int index;
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine = engine_for(database);
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  for (index = 0; index < 2; index++) {
    OPTIONS(skillsmith_sync_options, options);
    skillsmith_cancel_token *token = RUBBISH(skillsmith_cancel_token);
    int64_t at = 0;
    pthread_t thread;
    registry_reset();
    registry_fault("{}", actions[index]);
    OK(skillsmith_cancel_token_new(&token, &error));
    interrupted = token;
    CHECK_EQ(sigaction(SIGINT, &action, &before), 0);
    /* The library has installed none of its own. */
    CHECK(before.sa_handler == SIG_DFL);
    options.cancel = token;
    thread = start(interrupt, &at);
    RUN(SKILLSMITH_CANCELLED, "cancelled", engine, &options);
    CHECK(now_ms() - at < PROMPTLY);
    join(thread);
    CHECK(skillsmith_cancel_token_is_cancelled(token));
    CHECK_EQ(sigaction(SIGINT, &before, NULL), 0);
    CODE(SKILLSMITH_OK, skillsmith_cancel_token_free(token));
    /* A signal that comes late finds no token, and harms nothing. */
    on_signal(SIGINT);
    CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_cancel_token_raise(token));
  }
  CODE(SKILLSMITH_NULL_ARGUMENT, skillsmith_cancel_token_raise(NULL));
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* A storm of signals while tokens come and go on every thread that it may hit. */
static void *come_and_go(void *argument) {
  int index;
  (void)argument;
  for (index = 0; index < 200; index++) {
    skillsmith_cancel_token *tokens[3];
    int each;
    for (each = 0; each < 3; each++) OK(skillsmith_cancel_token_new(&tokens[each], &error));
    for (each = 0; each < 3; each++) {
      CHECK(!skillsmith_cancel_token_is_cancelled(tokens[each]));
      CODE(SKILLSMITH_OK, skillsmith_cancel_token_free(tokens[each]));
    }
  }
  return NULL;
}

static void a_storm(void) {
  struct sigaction action, before;
  skillsmith_cancel_token *token = RUBBISH(skillsmith_cancel_token);
  pthread_t threads[2];
  int index;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  OK(skillsmith_cancel_token_new(&token, &error));
  interrupted = token;
  CHECK_EQ(sigaction(SIGUSR1, &action, &before), 0);
  for (index = 0; index < 2; index++) threads[index] = start(come_and_go, NULL);
  for (index = 0; index < 300; index++) {
    pthread_kill(threads[index % 2], SIGUSR1);
    kill(getpid(), SIGUSR1);
  }
  for (index = 0; index < 2; index++) join(threads[index]);
  CHECK(skillsmith_cancel_token_is_cancelled(token));
  CHECK_EQ(sigaction(SIGUSR1, &before, NULL), 0);
  CODE(SKILLSMITH_OK, skillsmith_cancel_token_free(token));
}

PROGRAM(CASE(connecting), CASE(at_every_stage), CASE(locked_database), CASE(before_the_run), CASE(questions),
        CASE(questions_while_connecting), CASE(several_runs), CASE(a_token_that_is_freed), CASE(a_signal), CASE(a_storm))
