/* The service: its life, its callbacks, and the one call for servers. */
#include "check.h"

typedef struct watcher {
  int completed, failed, destroyed;
  int wrong_thread;
  pthread_t not_here;
  skillsmith_background_sync_service *service;
  int stop, free_it;
  char words[512];
} watcher;

static void act(watcher *it) {
  if (pthread_equal(it->not_here, pthread_self())) set(&it->wrong_thread, 1);
  if (it->service == NULL) return;
  if (it->stop) OK(skillsmith_background_sync_service_stop(it->service, &error));
  if (it->free_it) {
    CODE(SKILLSMITH_OK, skillsmith_background_sync_service_free(it->service));
    CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_background_sync_service_free(it->service));
  }
}

static void completed(void *user_data, const skillsmith_sync_result *result) {
  watcher *it = (watcher *)user_data;
  CHECK(result->success && result->status == SKILLSMITH_SYNC_STATUS_SUCCESS);
  act(it);
  count_up(&it->completed);
}

static void failed(void *user_data, const char *message) {
  watcher *it = (watcher *)user_data;
  strncpy(it->words, message, sizeof it->words - 1);
  act(it);
  count_up(&it->failed);
}

static void destroyed(void *user_data) { count_up(&((watcher *)user_data)->destroyed); }

static skillsmith_background_options told(watcher *it) {
  OPTIONS(skillsmith_background_options, options);
  memset(it, 0, sizeof *it);
  it->not_here = pthread_self();
  options.on_sync_complete = completed;
  options.on_sync_error = failed;
  options.user_data = it;
  options.destroy = destroyed;
  options.check_interval_ms = 20;
  return options;
}

static skillsmith_background_sync_service *service_of(const skillsmith_sync_engine *engine,
                                                      const skillsmith_background_options *options) {
  skillsmith_background_sync_service *service = RUBBISH(skillsmith_background_sync_service);
  OK(skillsmith_background_sync_service_new(engine, options, &service, &error));
  return service;
}

static skillsmith_background_sync_state *state_of(const skillsmith_background_sync_service *service) {
  skillsmith_background_sync_state *state = RUBBISH(skillsmith_background_sync_state);
  OK(skillsmith_background_sync_service_get_state(service, &state, &error));
  return state;
}

static void its_life(void) {
  skillsmith_database *database = open_at(place("skills.db"));
  skillsmith_sync_engine *engine = engine_for(database);
  watcher it;
  skillsmith_background_options options = told(&it);
  skillsmith_background_sync_service *service = service_of(engine, &options);
  skillsmith_background_sync_state *state = state_of(service);
  skillsmith_sync_result *result = RUBBISH(skillsmith_sync_result);
  int round;
  CHECK(!state->is_started && !state->is_running && state->last_result == NULL);
  CHECK_NONE(state->last_error);
  CHECK(state->checks_performed == 0 && state->syncs_triggered == 0);
  CODE(SKILLSMITH_OK, skillsmith_background_sync_state_free(state));
  CHECK(!skillsmith_background_sync_service_is_service_started(service));
  OK(skillsmith_background_sync_service_stop(service, &error));
  for (round = 0; round < 2; round++) {
    OK(skillsmith_background_sync_service_start(service, &error));
    OK(skillsmith_background_sync_service_start(service, &error));
    CHECK(skillsmith_background_sync_service_is_service_started(service));
    WAIT_UNTIL(get(&it.completed) == 1);
    WAIT_UNTIL(!skillsmith_background_sync_service_is_sync_running(service));
    OK(skillsmith_background_sync_service_stop(service, &error));
    OK(skillsmith_background_sync_service_stop(service, &error));
    CHECK(!skillsmith_background_sync_service_is_service_started(service));
  }
  CHECK_EQ(get(&it.wrong_thread), 0);
  CHECK_EQ(skills_in(database), 250);
  state = state_of(service);
  CHECK(!state->is_started && !state->is_running);
  CHECK(state->checks_performed >= 1);
  CHECK_EQ(state->syncs_triggered, 1);
  CHECK_EQ(state->last_result->skills_added, 250);
  CHECK_NONE(state->last_error);
  CODE(SKILLSMITH_OK, skillsmith_background_sync_state_free(state));
  /* By hand, on this thread. */
  OK(skillsmith_background_sync_service_manual_sync(service, &result, &error));
  CHECK(result->success);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  CHECK_EQ(get(&it.completed), 2);
  CHECK_EQ(get(&it.wrong_thread), 1);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CHECK_EQ(get(&it.destroyed), 0);
  CODE(SKILLSMITH_OK, skillsmith_background_sync_service_free(service));
  CHECK_EQ(get(&it.destroyed), 1);
  CHECK(!skillsmith_background_sync_service_is_service_started(service));
  CHECK(!skillsmith_background_sync_service_is_sync_running(service));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

static void failing(void) {
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine = engine_for(database);
  watcher it;
  skillsmith_background_options options = told(&it);
  skillsmith_background_sync_service *service = service_of(engine, &options);
  skillsmith_background_sync_state *state;
  registry_options("{\"forbidden\": \"not for you\"}");
  OK(skillsmith_background_sync_service_start(service, &error));
  WAIT_UNTIL(get(&it.failed) == 1);
  CHECK_HAS(it.words, "not for you");
  pause_ms(100);
  /* A failure is not repeated at once. */
  CHECK_EQ(get(&it.failed), 1);
  state = state_of(service);
  CHECK(state->is_started);
  CHECK_HAS(state->last_error.data, "not for you");
  CHECK_EQ(state->last_result->code, SKILLSMITH_FORBIDDEN);
  CODE(SKILLSMITH_OK, skillsmith_background_sync_state_free(state));
  CODE(SKILLSMITH_OK, skillsmith_background_sync_service_free(service));
  CHECK_EQ(get(&it.destroyed), 1);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* It begins only after its first interval. */
static void not_on_start(void) {
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine = engine_for(database);
  watcher it;
  skillsmith_background_options options = told(&it);
  skillsmith_background_sync_service *service;
  options.sync_on_start = SKILLSMITH_SWITCH_OFF;
  options.check_interval_ms = 3600000;
  service = service_of(engine, &options);
  OK(skillsmith_background_sync_service_start(service, &error));
  pause_ms(60);
  CHECK_EQ(registry_requests(), 0);
  CODE(SKILLSMITH_OK, skillsmith_background_sync_service_free(service));
  CHECK_EQ(get(&it.completed), 0);
  CHECK_EQ(get(&it.destroyed), 1);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* Stopped and freed by its own callbacks, on its own thread and on that of a manual sync. */
static void within_a_callback(void) {
  int way;
  for (way = 0; way < 4; way++) {
    skillsmith_database *database = open_in_memory();
    skillsmith_sync_engine *engine = engine_for(database);
    watcher it;
    skillsmith_background_options options = told(&it);
    skillsmith_background_sync_service *service = service_of(engine, &options);
    it.service = service;
    it.stop = 1;
    it.free_it = way % 2;
    if (way < 2) {
      OK(skillsmith_background_sync_service_start(service, &error));
      WAIT_UNTIL(get(&it.completed) == 1);
    } else {
      skillsmith_sync_result *result = RUBBISH(skillsmith_sync_result);
      OK(skillsmith_background_sync_service_manual_sync(service, &result, &error));
      CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
      CHECK_EQ(get(&it.completed), 1);
    }
    CHECK(!skillsmith_background_sync_service_is_service_started(service));
    CODE(it.free_it ? SKILLSMITH_INVALID_HANDLE : SKILLSMITH_OK, skillsmith_background_sync_service_free(service));
    WAIT_UNTIL(get(&it.destroyed) == 1);
    CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
    CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  }
}

/* In the middle of a sync. */
static void stopped_while_running(void) {
  int freed;
  for (freed = 0; freed < 2; freed++) {
    skillsmith_database *database = open_in_memory();
    skillsmith_sync_engine *engine = engine_for(database);
    watcher it;
    skillsmith_background_options options = told(&it);
    skillsmith_background_sync_service *service = service_of(engine, &options);
    skillsmith_sync_result *result = RUBBISH(skillsmith_sync_result);
    int64_t at;
    registry_reset();
    registry_fault("{}", "{\"delay\": {\"ms\": 60000}}");
    OK(skillsmith_background_sync_service_start(service, &error));
    WAIT_UNTIL(registry_requests() >= 2);
    CHECK(skillsmith_background_sync_service_is_sync_running(service));
    FAILS(SKILLSMITH_SYNC_IN_PROGRESS, "in progress",
          skillsmith_background_sync_service_manual_sync(service, &result, &error));
    CHECK(result == NULL);
    at = now_ms();
    if (freed) CODE(SKILLSMITH_OK, skillsmith_background_sync_service_free(service));
    else OK(skillsmith_background_sync_service_stop(service, &error));
    CHECK(now_ms() - at < PROMPTLY);
    CHECK(!skillsmith_background_sync_service_is_sync_running(service));
    if (!freed) CODE(SKILLSMITH_OK, skillsmith_background_sync_service_free(service));
    WAIT_UNTIL(get(&it.destroyed) == 1);
    CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
    CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  }
}

static void *by_hand(void *argument) {
  skillsmith_sync_result *result = RUBBISH(skillsmith_sync_result);
  OK(skillsmith_background_sync_service_manual_sync((skillsmith_background_sync_service *)argument, &result, &error));
  CHECK_EQ(result->code, SKILLSMITH_CANCELLED);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  return NULL;
}

/* A manual sync on another thread is ended by stop, and by free. */
static void manual_syncs_end(void) {
  int freed;
  for (freed = 0; freed < 2; freed++) {
    skillsmith_database *database = open_in_memory();
    skillsmith_sync_engine *engine = engine_for(database);
    skillsmith_background_sync_service *service = service_of(engine, NULL);
    pthread_t thread;
    registry_reset();
    registry_fault("{}", "{\"stall_after\": {\"bytes\": 30}}");
    thread = start(by_hand, service);
    WAIT_UNTIL(registry_requests() >= 2);
    if (!freed) OK(skillsmith_background_sync_service_stop(service, &error));
    CODE(SKILLSMITH_OK, skillsmith_background_sync_service_free(service));
    join(thread);
    CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
    CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  }
}

/* Two services on one database: one of them syncs, and neither is harmed. */
static void two_services(void) {
  const char *path = place("skills.db");
  skillsmith_database *one = open_at(path), *two = open_at(path);
  skillsmith_sync_engine *first = engine_for(one), *second = engine_for(two);
  watcher it, other;
  skillsmith_background_options options = told(&it), more = told(&other);
  skillsmith_background_sync_service *a = service_of(first, &options), *b = service_of(second, &more);
  OK(skillsmith_background_sync_service_start(a, &error));
  OK(skillsmith_background_sync_service_start(b, &error));
  WAIT_UNTIL(get(&it.completed) + get(&other.completed) >= 1);
  pause_ms(80);
  CHECK_EQ(get(&it.failed) + get(&other.failed), 0);
  CODE(SKILLSMITH_OK, skillsmith_background_sync_service_free(a));
  CODE(SKILLSMITH_OK, skillsmith_background_sync_service_free(b));
  CHECK_EQ(skills_in(one), 250);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(first));
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(second));
  CODE(SKILLSMITH_OK, skillsmith_database_free(one));
  CODE(SKILLSMITH_OK, skillsmith_database_free(two));
}

/* ---- the one call for servers ------------------------------------------------------- */

static skillsmith_background_sync_service *start_with(const skillsmith_database *database, watcher *it) {
  skillsmith_background_options options = told(it);
  skillsmith_background_sync_service *service = RUBBISH(skillsmith_background_sync_service);
  OK(skillsmith_start_background_sync(database, NULL, &options, &service, &error));
  return service;
}

static void for_servers(void) {
  static const char *const off[] = {"false", "0", "OFF", "no"};
  skillsmith_database *database = open_at(place("skills.db"));
  skillsmith_sync_config_repository *config = RUBBISH(skillsmith_sync_config_repository);
  skillsmith_background_sync_service *service;
  watcher it;
  size_t index;
  setenv("SKILLSMITH_API_URL", registry_url(), 1);
  for (index = 0; index < 4; index++) {
    setenv("SKILLSMITH_BACKGROUND_SYNC", off[index], 1);
    CHECK(start_with(database, &it) == NULL);
    CHECK_EQ(it.destroyed, 0);
  }
  setenv("SKILLSMITH_BACKGROUND_SYNC", "flase", 1);
  service = RUBBISH(skillsmith_background_sync_service);
  FAILS(SKILLSMITH_INVALID_ARGUMENT, "SKILLSMITH_BACKGROUND_SYNC is neither true nor false.",
        skillsmith_start_background_sync(database, NULL, NULL, &service, &error));
  CHECK(service == NULL);
  unsetenv("SKILLSMITH_BACKGROUND_SYNC");
  setenv("SKILLSMITH_OFFLINE_MODE", "true", 1);
  CHECK(start_with(database, &it) == NULL);
  setenv("SKILLSMITH_OFFLINE_MODE", "", 1);
  OK(skillsmith_sync_config_repository_new(database, &config, &error));
  OK(skillsmith_sync_config_repository_disable(config, NULL, &error));
  CHECK(start_with(database, &it) == NULL);
  CHECK_EQ(it.destroyed, 0);
  CHECK_EQ(registry_requests(), 0);
  OK(skillsmith_sync_config_repository_enable(config, NULL, &error));
  CODE(SKILLSMITH_OK, skillsmith_sync_config_repository_free(config));
  service = start_with(database, &it);
  CHECK(skillsmith_background_sync_service_is_service_started(service));
  WAIT_UNTIL(get(&it.completed) == 1);
  CODE(SKILLSMITH_OK, skillsmith_background_sync_service_free(service));
  CHECK_EQ(get(&it.destroyed), 1);
  CHECK_EQ(skills_in(database), 250);
  setenv("SKILLSMITH_API_URL", "nonsense", 1);
  {
    skillsmith_background_options options = told(&it);
    FAILS(SKILLSMITH_INVALID_ARGUMENT, "address",
          skillsmith_start_background_sync(database, NULL, &options, &service, &error));
    CHECK(service == NULL);
    CHECK_EQ(it.destroyed, 0);
  }
  unsetenv("SKILLSMITH_API_URL");
  unsetenv("SKILLSMITH_OFFLINE_MODE");
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

PROGRAM(CASE(its_life), CASE(failing), CASE(not_on_start), CASE(within_a_callback), CASE(stopped_while_running),
        CASE(manual_syncs_end), CASE(two_services), CASE(for_servers))
