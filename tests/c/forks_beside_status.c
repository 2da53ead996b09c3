/* A host that forks at any moment, beside threads that sync and ask for the status: what a child
   keeps must not keep its parent from syncing. */
#include <sys/prctl.h>

#include "check.h"

static int stop_now;
static int runs;
static int questions;

static void *syncs(void *argument) {
  const skillsmith_sync_engine *engine = (const skillsmith_sync_engine *)argument;
  while (!get(&stop_now)) {
    RUN(SKILLSMITH_OK, "", engine, NULL);
    count_up(&runs);
  }
  return NULL;
}

static void *asks(void *argument) {
  const skillsmith_sync_engine *engine = (const skillsmith_sync_engine *)argument;
  while (!get(&stop_now)) {
    skillsmith_engine_status *status = RUBBISH(skillsmith_engine_status);
    OK(skillsmith_sync_engine_get_status(engine, &status, &error));
    CODE(SKILLSMITH_OK, skillsmith_engine_status_free(status));
    count_up(&questions);
  }
  return NULL;
}

static pid_t sleeper(void) {
  pid_t parent = getpid(), child = fork();
  if (child < 0) FAIL("fork: %s", strerror(errno));
  if (child == 0) {
    /* Nobody is left behind by a test that fails. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getppid() == parent) pause_ms(20);
    _exit(0);
  }
  return child;
}

static void end(pid_t child) {
  CHECK_EQ(kill(child, SIGKILL), 0);
  CHECK_EQ(waitpid(child, NULL, 0), child);
}

enum { SLEEPERS = 40 };

static void beside_get_status(void) {
  static served few;
  OPTIONS(skillsmith_registry_callbacks, callbacks);
  skillsmith_database *database = open_at(place("skills.db"));
  skillsmith_sync_engine *engine;
  pid_t children[SLEEPERS] = {0};
  pthread_t threads[3];
  const char *text = getenv("CHECK_FORKS");
  int forks = text == NULL ? 0 : atoi(text), index;
  unsigned int seed = 1;
  CHECK(forks > 0);
  few.skills = 3;
  callbacks.search = serve;
  callbacks.user_data = &few;
  engine = engine_with(&callbacks, database);
  RUN(SKILLSMITH_OK, "", engine, NULL);
  threads[0] = start(syncs, engine);
  threads[1] = start(asks, engine);
  threads[2] = start(asks, engine);
  for (index = 0; index < forks; index++) {
    pid_t *child = &children[index % SLEEPERS];
    if (*child != 0) end(*child);
    usleep((useconds_t)rand_r(&seed) % 3000);
    *child = sleeper();
  }
  /* At least one whole run after the last child was born. */
  index = get(&runs) + 2;
  WAIT_UNTIL(get(&runs) >= index);
  CHECK(get(&questions) > 10);
  set(&stop_now, 1);
  for (index = 0; index < 3; index++) join(threads[index]);
  for (index = 0; index < SLEEPERS; index++) {
    if (children[index] != 0) end(children[index]);
  }
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

PROGRAM(CASE(beside_get_status))
