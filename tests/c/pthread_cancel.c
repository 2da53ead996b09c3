/* Threads of the host that it cancels, or that end otherwise, in calls and around them. */
#include "check.h"

#include <sys/wait.h>

typedef struct worker {
  void (*body)(struct worker *self);
  const char *path;
  skillsmith_sync_engine *engine;
  int begun, calls, finished, cleaned;
} worker;

static void clean(void *argument) { count_up(&((worker *)argument)->cleaned); }

/* One call after the other; the thread owns nothing where it may end. */
static void open_and_free(worker *self) {
  for (;;) {
    skillsmith_database *database = RUBBISH(skillsmith_database);
    OK(skillsmith_database_open(self->path, NULL, &database, &error));
    CODE(SKILLSMITH_OK, skillsmith_database_free(database));
    count_up(&self->calls);
    pthread_testcancel();
  }
}

static void *run_worker(void *argument) {
  pthread_cleanup_push(clean, argument);
  ((worker *)argument)->body((worker *)argument);
  pthread_cleanup_pop(0);
  return NULL;
}

static void is_cancelled(pthread_t thread) {
  void *end = NULL;
  CHECK_EQ(pthread_join(thread, &end), 0);
  CHECK(end == PTHREAD_CANCELED);
}

static void in_any_call(void) {
  int round;
  for (round = 0; round < (slowness() > 1 ? 3 : 20); round++) {
    worker self;
    pthread_t thread;
    memset(&self, 0, sizeof self);
    self.body = open_and_free;
    self.path = place("skills.db");
    thread = start(run_worker, &self);
    WAIT_UNTIL(get(&self.calls) > 0);
    /* Somewhere else each time. */
    if (round % 4 != 0) usleep((unsigned)(round * 137 % 2000));
    CHECK_EQ(pthread_cancel(thread), 0);
    is_cancelled(thread);
    CHECK_EQ(get(&self.cleaned), 1);
  }
}

static int has_begun(void *user_data, const skillsmith_sync_progress *progress) {
  (void)progress;
  count_up(&((worker *)user_data)->begun);
  /* A cancellation point. */
  pause_ms(1);
  pthread_testcancel();
  return 0;
}

static void sync_once(worker *self) {
  skillsmith_sync_result *result;
  int state = -1;
  OPTIONS(skillsmith_sync_options, options);
  options.on_progress = has_begun;
  options.user_data = self;
  result = sync_with(self->engine, &options);
  CHECK_EQ(result->code, SKILLSMITH_OK);
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  count_up(&self->finished);
  /* As it was before. */
  CHECK_EQ(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state), 0);
  CHECK_EQ(state, PTHREAD_CANCEL_ENABLE);
  pthread_testcancel();
}

/* The run goes on to its end, of which the caller is told; the thread ends after it. */
static void in_a_sync(void) {
  skillsmith_database *database = open_at(place("skills.db"));
  worker self;
  pthread_t thread;
  memset(&self, 0, sizeof self);
  self.body = sync_once;
  self.engine = engine_for(database);
  registry_fault("{}", "{\"delay\": {\"ms\": 300}}");
  thread = start(run_worker, &self);
  WAIT_UNTIL(get(&self.begun) > 0);
  CHECK_EQ(get(&self.finished), 0);
  CHECK_EQ(pthread_cancel(thread), 0);
  is_cancelled(thread);
  CHECK_EQ(get(&self.finished), 1);
  CHECK_EQ(get(&self.cleaned), 1);
  CHECK_EQ(skills_in(database), 250);
  /* The lock of the run is free. */
  RUN(SKILLSMITH_OK, "", self.engine, NULL);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(self.engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* The thread of a callback, which is the library's, does not end either. */
static int cancel_this_thread(void *user_data, const skillsmith_page_request *request, skillsmith_registry_call *call) {
  CHECK_EQ(pthread_cancel(pthread_self()), 0);
  pthread_testcancel();
  pause_ms(1);
  return serve_page((served *)user_data, request, call);
}

static void in_a_thread_of_the_library(void) {
  skillsmith_database *database = open_at(place("skills.db"));
  OPTIONS(skillsmith_registry_callbacks, callbacks);
  served rows = {250, 0, 0};
  skillsmith_sync_engine *engine;
  callbacks.search = cancel_this_thread;
  callbacks.user_data = &rows;
  engine = engine_with(&callbacks, database);
  RUN(SKILLSMITH_OK, "", engine, NULL);
  CHECK_EQ(skills_in(database), 250);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

/* Whoever has switched it off finds it off after a call, and on otherwise. */
static void the_state_is_the_caller_s(void) {
  int wanted, found;
  for (wanted = 0; wanted < 2; wanted++) {
    const int state = wanted == 0 ? PTHREAD_CANCEL_ENABLE : PTHREAD_CANCEL_DISABLE;
    CHECK_EQ(pthread_setcancelstate(state, NULL), 0);
    CODE(SKILLSMITH_OK, skillsmith_database_free(open_in_memory()));
    CHECK(!skillsmith_database_is_open(NULL));
    CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_database_free(RUBBISH(skillsmith_database)));
    CHECK_EQ(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &found), 0);
    CHECK_EQ(found, state);
  }
}

/* ---- a main thread that ends -------------------------------------------------------- */

static pthread_t main_thread;
static skillsmith_background_sync_service *service;

static void *outlive_main(void *argument) {
  skillsmith_background_sync_state *state = RUBBISH(skillsmith_background_sync_state);
  uint64_t checks = 0;
  int64_t end = now_ms() + 20000 * (int64_t)slowness();
  (void)argument;
  if (pthread_join(main_thread, NULL) != 0) _exit(2);
  /* The service goes on. */
  while (checks < 3 && now_ms() < end) {
    if (skillsmith_background_sync_service_get_state(service, &state, NULL) != SKILLSMITH_OK) _exit(3);
    checks = state->checks_performed;
    skillsmith_background_sync_state_free(state);
    pause_ms(5);
  }
  if (skillsmith_background_sync_service_free(service) != SKILLSMITH_OK) _exit(4);
  _exit(checks < 3 ? 5 : 0);
}

static void main_ends_by_pthread_exit(void) {
  const char *path = place("skills.db");
  const char *url = registry_url();
  int status = 0;
  pid_t child = fork();
  if (child == 0) {
    skillsmith_database *database = NULL;
    OPTIONS(skillsmith_client_options, client);
    OPTIONS(skillsmith_background_options, options);
    client.base_url = url;
    options.check_interval_ms = 5;
    if (skillsmith_database_open(path, NULL, &database, NULL) != SKILLSMITH_OK) _exit(1);
    if (skillsmith_start_background_sync(database, &client, &options, &service, NULL) != SKILLSMITH_OK) _exit(1);
    main_thread = pthread_self();
    start(outlive_main, NULL);
    pthread_exit(NULL);
  }
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status));
  CHECK_EQ(WEXITSTATUS(status), 0);
}

PROGRAM(CASE(in_any_call), CASE(in_a_sync), CASE(in_a_thread_of_the_library), CASE(the_state_is_the_caller_s),
        CASE(main_ends_by_pthread_exit))
