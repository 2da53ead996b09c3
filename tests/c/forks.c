/* A forked child: its parent's handles are no use to it, its own are, and the parent goes on. */
#include "check.h"

typedef struct everything {
  skillsmith_database *database;
  skillsmith_sync_config_repository *config;
  skillsmith_sync_history_repository *history;
  skillsmith_skill_repository *skills;
  skillsmith_api_client *client;
  skillsmith_registry *registry;
  skillsmith_sync_engine *engine;
  skillsmith_background_sync_service *service;
  skillsmith_cancel_token *token;
} everything;

static served nothing;

static everything make(const char *path) {
  everything all;
  OPTIONS(skillsmith_registry_callbacks, callbacks);
  callbacks.search = serve;
  callbacks.user_data = &nothing;
  callbacks.destroy = serve_no_more;
  memset(&all, 0, sizeof all);
  all.database = open_at(path);
  all.client = client_of(registry_url());
  all.registry = registry_with(&callbacks);
  OK(skillsmith_sync_config_repository_new(all.database, &all.config, &error));
  OK(skillsmith_sync_history_repository_new(all.database, &all.history, &error));
  OK(skillsmith_skill_repository_new(all.database, &all.skills, &error));
  OK(skillsmith_sync_engine_new(all.client, all.database, &all.engine, &error));
  OK(skillsmith_background_sync_service_new(all.engine, NULL, &all.service, &error));
  OK(skillsmith_cancel_token_new(&all.token, &error));
  return all;
}

static void unmake(everything all, skillsmith_status wanted) {
  CODE(wanted, skillsmith_background_sync_service_free(all.service));
  CODE(wanted, skillsmith_sync_engine_free(all.engine));
  CODE(wanted, skillsmith_sync_config_repository_free(all.config));
  CODE(wanted, skillsmith_sync_history_repository_free(all.history));
  CODE(wanted, skillsmith_skill_repository_free(all.skills));
  CODE(wanted, skillsmith_api_client_free(all.client));
  CODE(wanted, skillsmith_registry_free(all.registry));
  CODE(wanted, skillsmith_cancel_token_free(all.token));
  CODE(wanted, skillsmith_database_free(all.database));
}

static void ended_well(pid_t child) {
  int status = -1;
  CHECK_EQ(waitpid(child, &status, 0), child);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) FAIL("the child ended with status %d", status);
}

/* The parent had threads in the library at the time of the fork. */
static int there_were_threads;

__attribute__((noreturn)) static void end_well(void) {
  /* What only a thread knew that is gone in the child is a leak there to valgrind, which
     does not look for leaks where another program takes over. */
  if (there_were_threads) execl("/bin/true", "true", (char *)NULL);
  _exit(0);
}

static void the_child(everything all, const char *path) {
  skillsmith_sync_config *config = RUBBISH(skillsmith_sync_config);
  skillsmith_engine_status *status = RUBBISH(skillsmith_engine_status);
  skillsmith_sync_result *result = RUBBISH(skillsmith_sync_result);
  skillsmith_background_sync_state *state = RUBBISH(skillsmith_background_sync_state);
  skillsmith_skill_repository *skills = RUBBISH(skillsmith_skill_repository);
  skillsmith_sync_engine *engine = RUBBISH(skillsmith_sync_engine);
  char *text = RUBBISH(char);
  int64_t count = 7;
  everything own;
  CHECK_EQ(skillsmith_live_objects(), 0);
#define BEFORE(call) FAILS(SKILLSMITH_OPENED_BEFORE_FORK, "fork", call)
  CHECK(!skillsmith_database_is_open(all.database));
  BEFORE(skillsmith_database_close(all.database, &error));
  BEFORE(skillsmith_database_name(all.database, &text, &error));
  BEFORE(skillsmith_skill_repository_new(all.database, &skills, &error));
  BEFORE(skillsmith_sync_config_repository_get_config(all.config, &config, &error));
  BEFORE(skillsmith_sync_config_repository_enable(all.config, NULL, &error));
  BEFORE(skillsmith_sync_history_repository_count(all.history, &count, &error));
  BEFORE(skillsmith_skill_repository_count(all.skills, &count, &error));
  BEFORE(skillsmith_sync_engine_get_status(all.engine, &status, &error));
  BEFORE(skillsmith_sync_engine_sync(all.engine, NULL, &result, &error));
  BEFORE(skillsmith_api_client_search(all.client, NULL, NULL, &text, &error));
  BEFORE(skillsmith_sync_engine_new(all.client, all.database, &engine, &error));
  BEFORE(skillsmith_sync_engine_new_with_registry(all.registry, all.database, &engine, &error));
  BEFORE(skillsmith_background_sync_service_start(all.service, &error));
  BEFORE(skillsmith_background_sync_service_stop(all.service, &error));
  BEFORE(skillsmith_background_sync_service_get_state(all.service, &state, &error));
  BEFORE(skillsmith_background_sync_service_manual_sync(all.service, &result, &error));
  CODE(SKILLSMITH_OPENED_BEFORE_FORK, skillsmith_cancel_token_cancel(all.token));
  CODE(SKILLSMITH_OPENED_BEFORE_FORK, skillsmith_registry_set_offline(all.registry, 1));
  CHECK(config == NULL && status == NULL && result == NULL && state == NULL && skills == NULL && engine == NULL);
  CHECK(text == NULL && count == 0);
  unmake(all, SKILLSMITH_OPENED_BEFORE_FORK);
  CHECK_EQ(nothing.destroyed, 0);
  /* And again: it stays what it was. */
  unmake(all, SKILLSMITH_OPENED_BEFORE_FORK);
  own = make(path);
  CHECK_EQ(skillsmith_live_objects(), 9);
  RUN(SKILLSMITH_OK, "", own.engine, NULL);
  CHECK_EQ(skills_in(own.database), 250);
  unmake(own, SKILLSMITH_OK);
  CHECK_EQ(skillsmith_live_objects(), 0);
  end_well();
}

static void a_child(void) {
  const char *path = place("skills.db");
  everything all = make(path);
  size_t live = skillsmith_live_objects();
  pid_t child = fork();
  if (child == 0) the_child(all, path);
  ended_well(child);
  CHECK_EQ(skillsmith_live_objects(), live);
  CHECK_EQ(skills_in(all.database), 250);
  RUN(SKILLSMITH_OK, "", all.engine, NULL);
  unmake(all, SKILLSMITH_OK);
  CHECK_EQ(nothing.destroyed, 1);
}

/* The child is made while other threads are inside of the library, and so hold its locks. */
static int stop_now;

static void *busy(void *argument) {
  everything *all = (everything *)argument;
  while (!get(&stop_now)) {
    int64_t count = 0;
    skillsmith_cancel_token *token = RUBBISH(skillsmith_cancel_token);
    OK(skillsmith_skill_repository_count(all->skills, &count, &error));
    OK(skillsmith_cancel_token_new(&token, &error));
    CODE(SKILLSMITH_OK, skillsmith_cancel_token_free(token));
  }
  return NULL;
}

static void while_others_are_busy(void) {
  int rounds = slowness() > 1 ? 2 : 10;
#ifdef __SANITIZE_ADDRESS__
  /* The allocator of gcc 12's AddressSanitizer keeps a lock for ever that another thread held. */
  rounds = 0;
#endif
  const char *path = place("skills.db");
  everything all = make(path);
  pthread_t threads[3];
  int index;
  nothing.destroyed = 0;
  for (index = 0; index < 3; index++) threads[index] = start(busy, &all);
  for (index = 0; index < rounds; index++) {
    pid_t child = fork();
    if (child == 0) {
      there_were_threads = 1;
      the_child(all, path);
    }
    ended_well(child);
  }
  set(&stop_now, 1);
  for (index = 0; index < 3; index++) join(threads[index]);
  unmake(all, SKILLSMITH_OK);
}

/* The parent's service goes on; the child's end does not end it. */
static void with_a_service(void) {
  everything all = make(place("skills.db"));
  pid_t child;
  OK(skillsmith_background_sync_service_start(all.service, &error));
  WAIT_UNTIL(skills_in(all.database) == 250);
  child = fork();
  if (child == 0) {
    unmake(all, SKILLSMITH_OPENED_BEFORE_FORK);
    CHECK(!skillsmith_background_sync_service_is_service_started(all.service));
    there_were_threads = 1;
    end_well();
  }
  ended_well(child);
  CHECK(skillsmith_background_sync_service_is_service_started(all.service));
  unmake(all, SKILLSMITH_OK);
}

/* A grandchild has two generations before it. */
static void a_grandchild(void) {
  everything all = make(place("skills.db"));
  pid_t child = fork();
  if (child == 0) {
    everything own = make(place("skills.db"));
    pid_t grandchild = fork();
    if (grandchild == 0) {
      unmake(all, SKILLSMITH_OPENED_BEFORE_FORK);
      unmake(own, SKILLSMITH_OPENED_BEFORE_FORK);
      _exit(0);
    }
    ended_well(grandchild);
    unmake(own, SKILLSMITH_OK);
    _exit(0);
  }
  ended_well(child);
  unmake(all, SKILLSMITH_OK);
}

PROGRAM(CASE(a_child), CASE(while_others_are_busy), CASE(with_a_service), CASE(a_grandchild))
