/* One set of handles, many threads; and handles that end while others use them. */
#include "check.h"

#include <sys/resource.h>

enum { THREADS = 8 };

typedef struct common {
  skillsmith_database *database;
  skillsmith_sync_config_repository *config;
  skillsmith_sync_history_repository *history;
  skillsmith_skill_repository *skills;
  skillsmith_sync_engine *engine;
  int rounds, succeeded, running, begun;
} common;

static void *use_all(void *argument) {
  common *all = (common *)argument;
  int round;
  for (round = 0; round < all->rounds; round++) {
    skillsmith_sync_config *config = RUBBISH(skillsmith_sync_config);
    skillsmith_sync_history_list *list = RUBBISH(skillsmith_sync_history_list);
    skillsmith_engine_status *status = RUBBISH(skillsmith_engine_status);
    skillsmith_skill *skill = RUBBISH(skillsmith_skill);
    skillsmith_skill_search_results *found = RUBBISH(skillsmith_skill_search_results);
    skillsmith_skill_page *page = RUBBISH(skillsmith_skill_page);
    skillsmith_sync_result *result;
    char *name = RUBBISH(char);
    OK(skillsmith_sync_config_repository_enable(all->config, &config, &error));
    CHECK_IS(config->id, "default");
    CODE(SKILLSMITH_OK, skillsmith_sync_config_free(config));
    OK(skillsmith_sync_history_repository_get_history(all->history, 3, &list, &error));
    CODE(SKILLSMITH_OK, skillsmith_sync_history_list_free(list));
    OK(skillsmith_sync_engine_get_status(all->engine, &status, &error));
    CODE(SKILLSMITH_OK, skillsmith_engine_status_free(status));
    OK(skillsmith_skill_repository_find_by_id(all->skills, "own/7", &skill, &error));
    CODE(SKILLSMITH_OK, skillsmith_skill_free(skill));
    OK(skillsmith_skill_repository_search(all->skills, "skill", NULL, &found, &error));
    CODE(SKILLSMITH_OK, skillsmith_skill_search_results_free(found));
    OK(skillsmith_skill_repository_list(all->skills, NULL, &page, &error));
    CODE(SKILLSMITH_OK, skillsmith_skill_page_free(page));
    OK(skillsmith_database_name(all->database, &name, &error));
    CODE(SKILLSMITH_OK, skillsmith_string_free(name));
    FAILS(SKILLSMITH_NULL_ARGUMENT, "'id'",
          skillsmith_skill_repository_find_by_id(all->skills, NULL, &skill, &error));
    result = sync_with(all->engine, NULL);
    if (result->success) count_up(&all->succeeded);
    else if (result->code == SKILLSMITH_SYNC_IN_PROGRESS) count_up(&all->running);
    else FAIL("%s: %s", skillsmith_status_name(result->code), result->errors[0].data);
    CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  }
  return NULL;
}

static served from;

static void make_common(common *all, skillsmith_database *database, int skills) {
  OPTIONS(skillsmith_registry_callbacks, callbacks);
  memset(all, 0, sizeof *all);
  memset(&from, 0, sizeof from);
  from.skills = skills;
  callbacks.search = serve;
  callbacks.user_data = &from;
  callbacks.destroy = serve_no_more;
  all->database = database;
  all->engine = engine_with(&callbacks, database);
  OK(skillsmith_sync_config_repository_new(database, &all->config, &error));
  OK(skillsmith_sync_history_repository_new(database, &all->history, &error));
  OK(skillsmith_skill_repository_new(database, &all->skills, &error));
}

static void free_common(common *all, skillsmith_status wanted) {
  CODE(wanted, skillsmith_sync_engine_free(all->engine));
  CODE(wanted, skillsmith_sync_config_repository_free(all->config));
  CODE(wanted, skillsmith_sync_history_repository_free(all->history));
  CODE(wanted, skillsmith_skill_repository_free(all->skills));
  CODE(wanted, skillsmith_database_free(all->database));
}

static void shared(void) {
  common all;
  pthread_t threads[THREADS];
  int index;
  make_common(&all, open_at(place("skills.db")), 60);
  all.rounds = slowness() > 1 ? 2 : 12;
  for (index = 0; index < THREADS; index++) threads[index] = start(use_all, &all);
  for (index = 0; index < THREADS; index++) join(threads[index]);
  CHECK_EQ(all.succeeded + all.running, THREADS * all.rounds);
  CHECK(all.succeeded >= 1);
  CHECK_EQ(skills_in(all.database), 60);
  free_common(&all, SKILLSMITH_OK);
  WAIT_UNTIL(get(&from.destroyed) == 1);
}

/* Calls that were begun end normally; those that come later find no handle. */
static void *until_freed(void *argument) {
  common *all = (common *)argument;
  for (;;) {
    int64_t count = 7;
    skillsmith_sync_config *config = RUBBISH(skillsmith_sync_config);
    skillsmith_sync_result *result = RUBBISH(skillsmith_sync_result);
    skillsmith_error *error = check_rubbish();
    skillsmith_status status = skillsmith_skill_repository_count(all->skills, &count, &error);
    CHECK(status == SKILLSMITH_OK || status == SKILLSMITH_INVALID_HANDLE);
    CHECK((error == NULL) == (status == SKILLSMITH_OK));
    CODE(SKILLSMITH_OK, skillsmith_error_free(error));
    if (status != SKILLSMITH_OK) CHECK_EQ(count, 0);
    status = skillsmith_sync_config_repository_get_config(all->config, &config, NULL);
    CHECK(status == SKILLSMITH_OK || status == SKILLSMITH_INVALID_HANDLE);
    CODE(SKILLSMITH_OK, skillsmith_sync_config_free(config));
    status = skillsmith_sync_engine_sync(all->engine, NULL, &result, NULL);
    CHECK(status == SKILLSMITH_OK || status == SKILLSMITH_INVALID_HANDLE);
    CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
    count_up(&all->begun);
    if (status == SKILLSMITH_INVALID_HANDLE) return NULL;
  }
}

static void freed_meanwhile(void) {
  int round, rounds = slowness() > 1 ? 2 : 10;
  for (round = 0; round < rounds; round++) {
    common all;
    pthread_t threads[THREADS];
    int index;
    make_common(&all, open_in_memory(), 20);
    for (index = 0; index < THREADS; index++) threads[index] = start(until_freed, &all);
    WAIT_UNTIL(get(&all.begun) > THREADS);
    free_common(&all, SKILLSMITH_OK);
    free_common(&all, SKILLSMITH_INVALID_HANDLE);
    for (index = 0; index < THREADS; index++) join(threads[index]);
    WAIT_UNTIL(get(&from.destroyed) == 1);
  }
}

/* Many free the same thing at once: one of them does. */
typedef struct race {
  skillsmith_error *error;
  skillsmith_cancel_token *token;
  char *string;
  skillsmith_engine_status *status;
  int go, freed;
} race;

static void *free_once(void *argument) {
  race *it = (race *)argument;
  while (!get(&it->go)) continue;
  if (skillsmith_error_free(it->error) == SKILLSMITH_OK) count_up(&it->freed);
  if (skillsmith_cancel_token_free(it->token) == SKILLSMITH_OK) count_up(&it->freed);
  if (skillsmith_string_free(it->string) == SKILLSMITH_OK) count_up(&it->freed);
  if (skillsmith_engine_status_free(it->status) == SKILLSMITH_OK) count_up(&it->freed);
  return NULL;
}

static void freed_at_once(void) {
  int round, rounds = slowness() > 1 ? 3 : 40;
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine = engine_of(client_of("http://127.0.0.1:1"), database);
  for (round = 0; round < rounds; round++) {
    race it;
    pthread_t threads[4];
    int index;
    memset(&it, 0, sizeof it);
    CODE(SKILLSMITH_NULL_ARGUMENT, skillsmith_cancel_token_new(NULL, &it.error));
    OK(skillsmith_cancel_token_new(&it.token, &error));
    OK(skillsmith_database_name(database, &it.string, &error));
    OK(skillsmith_sync_engine_get_status(engine, &it.status, &error));
    for (index = 0; index < 4; index++) threads[index] = start(free_once, &it);
    set(&it.go, 1);
    for (index = 0; index < 4; index++) join(threads[index]);
    CHECK_EQ(it.freed, 4);
  }
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* Closing, while others read. */
static void *until_closed(void *argument) {
  common *all = (common *)argument;
  for (;;) {
    int64_t count = 7;
    skillsmith_status status = skillsmith_skill_repository_count(all->skills, &count, NULL);
    count_up(&all->begun);
    if (status == SKILLSMITH_DATABASE_CLOSED) return NULL;
    CODE(SKILLSMITH_OK, status);
  }
}

static void closed_meanwhile(void) {
  common all;
  pthread_t threads[THREADS];
  int index;
  make_common(&all, open_at(place("skills.db")), 5);
  for (index = 0; index < THREADS; index++) threads[index] = start(until_closed, &all);
  WAIT_UNTIL(get(&all.begun) > THREADS);
  OK(skillsmith_database_close(all.database, &error));
  for (index = 0; index < THREADS; index++) join(threads[index]);
  free_common(&all, SKILLSMITH_OK);
}

/* A thread that ends takes nothing along that another one has made of its handles. */
static void *make_one(void *argument) {
  *(skillsmith_database **)argument = open_in_memory();
  return NULL;
}

static void made_elsewhere(void) {
  skillsmith_database *database = NULL;
  join(start(make_one, &database));
  CHECK_EQ(skills_in(database), 0);
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* Threads of the library's block no signals, and have names by which they are known. */
static int look_at_threads(void *user_data, const skillsmith_page_request *request, skillsmith_registry_call *call) {
  char name[32];
  sigset_t blocked;
  int number;
  CHECK_EQ(pthread_getname_np(pthread_self(), name, sizeof name), 0);
  CHECK_HAS(name, "skillsmith-");
  CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &blocked), 0);
  for (number = 1; number < 32; number++) CHECK(sigismember(&blocked, number) == 0);
  return serve_page((served *)user_data, request, call);
}

static void their_names(void) {
  OPTIONS(skillsmith_registry_callbacks, callbacks);
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine;
  served rows = {3, 0, 0};
  callbacks.search = look_at_threads;
  callbacks.user_data = &rows;
  engine = engine_with(&callbacks, database);
  RUN(SKILLSMITH_OK, "", engine, NULL);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* The stack that the header asks for in a library that is not optimized. */
static void *on_a_small_stack(void *argument) {
  skillsmith_database *database = open_at(place("small.db"));
  skillsmith_sync_engine *engine = engine_for(database);
  skillsmith_api_client *client = client_of(registry_url());
  char *json = RUBBISH(char);
  RUN(SKILLSMITH_OK, "", engine, NULL);
  OK(skillsmith_api_client_search(client, NULL, NULL, &json, &error));
  CODE(SKILLSMITH_OK, skillsmith_string_free(json));
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(client));
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  return argument;
}

static void a_small_stack(void) {
  pthread_attr_t attributes;
  pthread_t thread;
  CHECK_EQ(pthread_attr_init(&attributes), 0);
  CHECK_EQ(pthread_attr_setstacksize(&attributes, 128 * 1024), 0);
  CHECK_EQ(pthread_create(&thread, &attributes, on_a_small_stack, NULL), 0);
  join(thread);
  CHECK_EQ(pthread_attr_destroy(&attributes), 0);
}

/* The system starts no threads for a user who has reached the limit of processes; in a process of its own, since there is no
   way back. Nobody else is this user. */
static void no_more_threads(void) {
  pid_t child = fork();
  int status = 0;
  if (child == 0) {
    struct rlimit one = {1, 1};
    skillsmith_database *database;
    skillsmith_sync_engine *engine;
    skillsmith_background_sync_service *service = RUBBISH(skillsmith_background_sync_service);
    if (geteuid() == 0) CHECK(setgid(64321) == 0 && setuid(64321) == 0);
    CHECK_EQ(setrlimit(RLIMIT_NPROC, &one), 0);
    database = open_in_memory();
    engine = engine_for(database);
    RUN(SKILLSMITH_OUT_OF_MEMORY, "no more threads", engine, NULL);
    OK(skillsmith_background_sync_service_new(engine, NULL, &service, &error));
    FAILS(SKILLSMITH_OUT_OF_MEMORY, "no more threads", skillsmith_background_sync_service_start(service, &error));
    _exit(0);
  }
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK_EQ(status, 0);
}

PROGRAM(CASE(shared), CASE(freed_meanwhile), CASE(freed_at_once), CASE(closed_meanwhile), CASE(made_elsewhere),
        CASE(their_names), CASE(a_small_stack), CASE(no_more_threads))
