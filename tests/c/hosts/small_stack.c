/*
 Every kind of call on a stack of so many KiB: small_stack KIB URL DATABASE...

 Each call has a thread of its own: the first one on a thread needs a little more.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skillsmith_sync.h>

static size_t stack_size;
static const char *url, *path, *name;
static skillsmith_error *error;
static skillsmith_database *database;
static skillsmith_sync_config_repository *config;
static skillsmith_sync_history_repository *history;
static skillsmith_skill_repository *skills;
static skillsmith_api_client *client;
static skillsmith_sync_engine *engine;
static skillsmith_background_sync_service *service;

static void must(skillsmith_status status) {
  if (status == SKILLSMITH_OK) return;
  fprintf(stderr, "%s: %s: %s\n", path, name, skillsmith_error_message(error));
  exit(1);
}

static void sync_with(int force, int dry_run, int prune) {
  skillsmith_sync_options options;
  skillsmith_sync_result *result = NULL;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.force = force;
  options.dry_run = dry_run;
  options.prune = prune;
  must(skillsmith_sync_engine_sync(engine, &options, &result, &error));
  if (result->code != SKILLSMITH_OK) {
    fprintf(stderr, "%s: %s: %s\n", path, name, result->errors[0].data);
    exit(1);
  }
  must(skillsmith_sync_result_free(result));
}

#define CALL(what, ...)                 \
  static void *what(void *argument) { \
    __VA_ARGS__                         \
    return argument;                    \
  }

CALL(opening, must(skillsmith_database_open(path, NULL, &database, &error));)
CALL(in_memory, skillsmith_database *other = NULL; must(skillsmith_database_open_in_memory(&other, &error));
     must(skillsmith_database_free(other));)
CALL(refused, skillsmith_database *none = NULL;
     if (skillsmith_database_open("/dev/null/none", NULL, &none, &error) == SKILLSMITH_OK) exit(2);
     must(skillsmith_error_free(error)); error = NULL;)
CALL(making, skillsmith_client_options options; memset(&options, 0, sizeof options); options.struct_size = sizeof options;
     options.base_url = url; must(skillsmith_api_client_new(&options, &client, &error));
     must(skillsmith_sync_engine_new(client, database, &engine, &error));
     must(skillsmith_sync_config_repository_new(database, &config, &error));
     must(skillsmith_sync_history_repository_new(database, &history, &error));
     must(skillsmith_skill_repository_new(database, &skills, &error));)
CALL(first_sync, sync_with(0, 0, 0);)
CALL(second_sync, sync_with(0, 0, 0);)
CALL(forced_sync, sync_with(1, 0, 0);)
CALL(dry_sync, sync_with(0, 1, 0);)
CALL(pruning_sync, sync_with(0, 0, 1);)
CALL(status, skillsmith_engine_status *found = NULL; must(skillsmith_sync_engine_get_status(engine, &found, &error));
     must(skillsmith_engine_status_free(found));)
CALL(configuring, skillsmith_sync_config *found = NULL;
     must(skillsmith_sync_config_repository_disable(config, &found, &error)); must(skillsmith_sync_config_free(found));
     must(skillsmith_sync_config_repository_enable(config, &found, &error)); must(skillsmith_sync_config_free(found));
     must(skillsmith_sync_config_repository_set_frequency(config, SKILLSMITH_SYNC_FREQUENCY_WEEKLY, &found, &error));
     must(skillsmith_sync_config_free(found));)
CALL(reading_history, skillsmith_sync_history_list *list = NULL; skillsmith_sync_stats *stats = NULL; bool running;
     must(skillsmith_sync_history_repository_get_history(history, 10, &list, &error));
     must(skillsmith_sync_history_list_free(list));
     must(skillsmith_sync_history_repository_get_stats(history, &stats, &error)); must(skillsmith_sync_stats_free(stats));
     must(skillsmith_sync_history_repository_is_running(history, &running, &error));)
CALL(writing_history, char *id = NULL; must(skillsmith_sync_history_repository_start_run(history, &id, &error));
     must(skillsmith_sync_history_repository_fail_run(history, id, "a test", &error)); must(skillsmith_string_free(id));)
CALL(reading_skills, skillsmith_skill *skill = NULL; int64_t count;
     must(skillsmith_skill_repository_find_by_id(skills, "none", &skill, &error));
     must(skillsmith_skill_repository_count(skills, &count, &error)); if (count < 250) exit(3);)
CALL(searching, char *json = NULL; must(skillsmith_api_client_search(client, NULL, NULL, &json, &error));
     must(skillsmith_string_free(json));)
CALL(asking_health, skillsmith_health health; must(skillsmith_api_client_check_health(client, NULL, &health, &error));)
CALL(starting, must(skillsmith_background_sync_service_new(engine, NULL, &service, &error));
     must(skillsmith_background_sync_service_start(service, &error));)
CALL(polling, skillsmith_background_sync_state *state = NULL;
     must(skillsmith_background_sync_service_get_state(service, &state, &error));
     must(skillsmith_background_sync_state_free(state));)
CALL(by_hand, skillsmith_sync_result *result = NULL;
     must(skillsmith_background_sync_service_manual_sync(service, &result, &error)); must(skillsmith_sync_result_free(result));)
CALL(stopping, must(skillsmith_background_sync_service_stop(service, &error));
     must(skillsmith_background_sync_service_free(service));)
CALL(freeing, must(skillsmith_sync_engine_free(engine)); must(skillsmith_api_client_free(client));
     must(skillsmith_skill_repository_free(skills)); must(skillsmith_sync_history_repository_free(history));
     must(skillsmith_sync_config_repository_free(config)); must(skillsmith_database_free(database));)

static void on_its_stack(const char *what, void *(*call)(void *)) {
  pthread_attr_t attributes;
  pthread_t thread;
  name = what;
  if (pthread_attr_init(&attributes) != 0 || pthread_attr_setstacksize(&attributes, stack_size) != 0 ||
      pthread_create(&thread, &attributes, call, NULL) != 0 || pthread_join(thread, NULL) != 0)
    exit(4);
  pthread_attr_destroy(&attributes);
}

#define ON_ITS_STACK(call) on_its_stack(#call, call)

int main(int argc, char **argv) {
  int each;
  if (argc < 4) return 5;
  stack_size = strtoul(argv[1], NULL, 10) * 1024;
  url = argv[2];
  for (each = 3; each < argc; each++) {
    path = argv[each];
    ON_ITS_STACK(refused);
    ON_ITS_STACK(in_memory);
    ON_ITS_STACK(opening);
    ON_ITS_STACK(making);
    ON_ITS_STACK(asking_health);
    ON_ITS_STACK(searching);
    ON_ITS_STACK(first_sync);
    ON_ITS_STACK(second_sync);
    ON_ITS_STACK(forced_sync);
    ON_ITS_STACK(dry_sync);
    ON_ITS_STACK(pruning_sync);
    ON_ITS_STACK(status);
    ON_ITS_STACK(configuring);
    ON_ITS_STACK(writing_history);
    ON_ITS_STACK(reading_history);
    ON_ITS_STACK(reading_skills);
    ON_ITS_STACK(starting);
    ON_ITS_STACK(polling);
    ON_ITS_STACK(by_hand);
    ON_ITS_STACK(stopping);
    ON_ITS_STACK(freeing);
  }
  return skillsmith_live_objects() != 0;
}
