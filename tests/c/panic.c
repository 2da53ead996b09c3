/* Bugs behind the border: an error, a message, nothing printed, and no lock left behind. */
#include "check.h"
#include "hooks.h"

static void behind_every_kind_of_function(void) {
  skillsmith_database *database = open_in_memory();
  int round;
  for (round = 0; round < 3; round++) {
    FAILS(SKILLSMITH_INTERNAL, "a test wants it so", skillsmith_test_panic(&error));
    FAILS(SKILLSMITH_INTERNAL, "please report it", skillsmith_test_panic(&error));
    CODE(SKILLSMITH_INTERNAL, skillsmith_test_panic(NULL));
    CHECK_EQ(skillsmith_test_panic_in_getter(), -1);
    CHECK(skillsmith_test_panic_on_thread());
    CHECK_EQ(skills_in(database), 0);
  }
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

static void *panic_often(void *argument) {
  int round;
  (void)argument;
  for (round = 0; round < 50; round++) FAILS(SKILLSMITH_INTERNAL, "a test wants it so", skillsmith_test_panic(&error));
  return NULL;
}

static void on_many_threads(void) {
  pthread_t threads[4];
  int index;
  for (index = 0; index < 4; index++) threads[index] = start(panic_often, NULL);
  for (index = 0; index < 4; index++) join(threads[index]);
}

/* In the middle of a run, from both of its callbacks. */
static int panic_in_search(void *user_data, const skillsmith_page_request *request, skillsmith_registry_call *call) {
  FAILS(SKILLSMITH_INTERNAL, "a test wants it so", skillsmith_test_panic(&error));
  return serve_page((served *)user_data, request, call);
}

static int panic_in_progress(void *user_data, const skillsmith_sync_progress *progress) {
  (void)user_data;
  (void)progress;
  FAILS(SKILLSMITH_INTERNAL, "a test wants it so", skillsmith_test_panic(&error));
  CHECK_EQ(skillsmith_test_panic_in_getter(), -1);
  return 0;
}

static void during_a_run(void) {
  skillsmith_database *database = open_at(place("skills.db"));
  OPTIONS(skillsmith_registry_callbacks, callbacks);
  OPTIONS(skillsmith_sync_options, options);
  served rows = {40, 0, 0};
  skillsmith_sync_engine *engine;
  callbacks.search = panic_in_search;
  callbacks.user_data = &rows;
  options.on_progress = panic_in_progress;
  engine = engine_with(&callbacks, database);
  RUN(SKILLSMITH_OK, "", engine, &options);
  CHECK_EQ(skills_in(database), 40);
  /* The lock of the run is free. */
  RUN(SKILLSMITH_OK, "", engine, &options);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

PROGRAM(CASE(behind_every_kind_of_function), CASE(on_many_threads), CASE(during_a_run))
