/* Deliberate mistakes, which the tools have to find: without that, finding none means nothing. */
#include "check.h"

static void leak(void) {
  char *name = RUBBISH(char);
  skillsmith_database *database = open_in_memory();
  OK(skillsmith_database_name(database, &name, &error));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  /* Lost: no pointer to it is left. */
  name = NULL;
  (void)name;
  exit(0);
}

/* Two bytes behind a text of the library's. */
static void overrun(void) {
  char *name = RUBBISH(char);
  skillsmith_database *database = open_in_memory();
  volatile char found;
  OK(skillsmith_database_name(database, &name, &error));
  found = name[strlen(name) + 2];
  (void)found;
  exit(0);
}

static void used_after_free(void) {
  skillsmith_database *database = open_in_memory();
  volatile char found;
  char *name = RUBBISH(char);
  OK(skillsmith_database_name(database, &name, &error));
  CODE(SKILLSMITH_OK, skillsmith_string_free(name));
  found = name[0];
  (void)found;
  exit(0);
}

static void undefined(void) {
  volatile int large = INT_MAX;
  large = large + 1;
  exit(0);
}

PROGRAM(CASE(leak), CASE(overrun), CASE(used_after_free), CASE(undefined))
