/*
 The destructors of keys are called in rounds; in the later ones, a thread has destroyed the locals of Rust's runtime.
 Whatever needs a thread, waits or calls back works there as well.
 */
#include "check.h"

static pthread_key_t key;
static int rounds_of_key;

static void last_calls(void *argument) {
  OPTIONS(skillsmith_search_options, search);
  skillsmith_database *database = open_in_memory();
  skillsmith_sync_engine *engine = engine_for(database);
  skillsmith_background_sync_service *service = NULL;
  skillsmith_api_client *client = client_of(registry_url());
  skillsmith_health health;
  char *json = NULL;
  search.query = "git";
  OK(skillsmith_api_client_search(client, &search, NULL, &json, &error));
  CODE(SKILLSMITH_OK, skillsmith_string_free(json));
  OK(skillsmith_api_client_check_health(client, NULL, &health, &error));
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(client));
  RUN(SKILLSMITH_OK, "", engine, NULL);
  OK(skillsmith_background_sync_service_new(engine, NULL, &service, &error));
  OK(skillsmith_background_sync_service_start(service, &error));
  OK(skillsmith_background_sync_service_stop(service, &error));
  CODE(SKILLSMITH_OK, skillsmith_background_sync_service_free(service));
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
  if (++rounds_of_key < 4) pthread_setspecific(key, argument);
}

static void *first_call(void *argument) {
  CODE(SKILLSMITH_OK, skillsmith_database_free(open_in_memory()));
  pthread_setspecific(key, argument);
  return NULL;
}

static void in_the_destructor_of_a_key(void) {
  CHECK_EQ(pthread_key_create(&key, last_calls), 0);
  join(start(first_call, &key));
  CHECK_EQ(rounds_of_key, 4);
  CHECK_EQ(pthread_key_delete(key), 0);
}

PROGRAM(CASE(in_the_destructor_of_a_key))
