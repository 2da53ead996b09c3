/* Who owns what: freeing in any order, twice, of the wrong type, of what never was. */
#include "check.h"

/* Every kind of handle, from one database and one client. */
typedef struct all_handles {
  skillsmith_database *database;
  skillsmith_sync_config_repository *config;
  skillsmith_sync_history_repository *history;
  skillsmith_skill_repository *skills;
  skillsmith_api_client *client;
  skillsmith_registry *registry;
  skillsmith_sync_engine *engine;
  skillsmith_background_sync_service *service;
  skillsmith_cancel_token *token;
  skillsmith_error *error;
} all_handles;

static served nothing;

static all_handles make_all(void) {
  all_handles all;
  char *name = RUBBISH(char);
  OPTIONS(skillsmith_registry_callbacks, callbacks);
  callbacks.search = serve;
  callbacks.user_data = &nothing;
  memset(&all, 0xBD, sizeof all);
  all.database = open_in_memory();
  all.client = client_of("http://127.0.0.1:1/functions/v1");
  all.registry = registry_with(&callbacks);
  OK(skillsmith_sync_config_repository_new(all.database, &all.config, &error));
  OK(skillsmith_sync_history_repository_new(all.database, &all.history, &error));
  OK(skillsmith_skill_repository_new(all.database, &all.skills, &error));
  OK(skillsmith_sync_engine_new(all.client, all.database, &all.engine, &error));
  OK(skillsmith_background_sync_service_new(all.engine, NULL, &all.service, &error));
  OK(skillsmith_cancel_token_new(&all.token, &error));
  CODE(SKILLSMITH_NULL_ARGUMENT, skillsmith_database_name(NULL, &name, &all.error));
  CHECK(name == NULL);
  return all;
}

static void free_all(all_handles all, skillsmith_status wanted) {
  CODE(wanted, skillsmith_database_free(all.database));
  CODE(wanted, skillsmith_sync_config_repository_free(all.config));
  CODE(wanted, skillsmith_sync_history_repository_free(all.history));
  CODE(wanted, skillsmith_skill_repository_free(all.skills));
  CODE(wanted, skillsmith_api_client_free(all.client));
  CODE(wanted, skillsmith_registry_free(all.registry));
  CODE(wanted, skillsmith_sync_engine_free(all.engine));
  CODE(wanted, skillsmith_background_sync_service_free(all.service));
  CODE(wanted, skillsmith_cancel_token_free(all.token));
  CODE(wanted, skillsmith_error_free(all.error));
}

static void twice(void) {
  all_handles all = make_all(), none;
  CHECK_EQ(skillsmith_live_objects(), 10);
  free_all(all, SKILLSMITH_OK);
  CHECK_EQ(skillsmith_live_objects(), 0);
  free_all(all, SKILLSMITH_INVALID_HANDLE);
  memset(&none, 0, sizeof none);
  free_all(none, SKILLSMITH_OK);
}

/* The number of a handle that was freed is not given out again. */
static void never_again(void) {
  all_handles first = make_all(), second;
  free_all(first, SKILLSMITH_OK);
  second = make_all();
  free_all(first, SKILLSMITH_INVALID_HANDLE);
  CHECK_EQ(skillsmith_live_objects(), 10);
  free_all(second, SKILLSMITH_OK);
}

/* Anything that was never a handle. Nothing is read from there. */
static void never_one(void) {
  int variable = 0;
  const uintptr_t numbers[] = {1, 2, 3, 0xBAD, (uintptr_t)&variable, (uintptr_t)&twice,
                               UINTPTR_MAX, UINTPTR_MAX - 1, UINTPTR_MAX / 2};
  size_t index;
  for (index = 0; index < sizeof numbers / sizeof numbers[0]; index++) {
    all_handles all;
    all.database = (skillsmith_database *)numbers[index];
    all.config = (skillsmith_sync_config_repository *)numbers[index];
    all.history = (skillsmith_sync_history_repository *)numbers[index];
    all.skills = (skillsmith_skill_repository *)numbers[index];
    all.client = (skillsmith_api_client *)numbers[index];
    all.registry = (skillsmith_registry *)numbers[index];
    all.engine = (skillsmith_sync_engine *)numbers[index];
    all.service = (skillsmith_background_sync_service *)numbers[index];
    all.token = (skillsmith_cancel_token *)numbers[index];
    all.error = (skillsmith_error *)numbers[index];
    free_all(all, SKILLSMITH_INVALID_HANDLE);
    CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_string_free((char *)numbers[index]));
    CODE(SKILLSMITH_INVALID_HANDLE,
         skillsmith_sync_result_free((skillsmith_sync_result *)numbers[index]));
  }
}

/* Each handle is none of every other type. */
static void other_types(void) {
  all_handles all = make_all(), turned;
  void *from[10], *to[10];
  size_t turn, index;
  memcpy(from, &all, sizeof all);
  for (turn = 1; turn < 10; turn++) {
    for (index = 0; index < 10; index++) to[index] = from[(index + turn) % 10];
    memcpy(&turned, to, sizeof turned);
    free_all(turned, SKILLSMITH_INVALID_HANDLE);
    CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_string_free((char *)from[turn]));
    CODE(SKILLSMITH_INVALID_HANDLE,
         skillsmith_sync_config_free((skillsmith_sync_config *)from[turn]));
  }
  CHECK(skillsmith_database_is_open(all.database));
  CHECK_EQ(skillsmith_live_objects(), 10);
  free_all(all, SKILLSMITH_OK);
}

/* What is made from another lives on without its handle. */
static void any_order(void) {
  all_handles all = make_all();
  skillsmith_engine_status *status = RUBBISH(skillsmith_engine_status);
  skillsmith_sync_config *config = RUBBISH(skillsmith_sync_config);
  skillsmith_background_sync_state *state = RUBBISH(skillsmith_background_sync_state);
  int64_t count = -1;
  CODE(SKILLSMITH_OK, skillsmith_database_free(all.database));
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(all.client));
  OK(skillsmith_sync_config_repository_get_config(all.config, &config, &error));
  OK(skillsmith_skill_repository_count(all.skills, &count, &error));
  CHECK_EQ(count, 0);
  OK(skillsmith_sync_history_repository_count(all.history, &count, &error));
  OK(skillsmith_sync_engine_get_status(all.engine, &status, &error));
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(all.engine));
  OK(skillsmith_background_sync_service_start(all.service, &error));
  OK(skillsmith_background_sync_service_get_state(all.service, &state, &error));
  /* Records outlive everything. */
  all.database = NULL;
  all.client = NULL;
  all.engine = NULL;
  free_all(all, SKILLSMITH_OK);
  CHECK_IS(config->id, "default");
  CHECK_IS(status->config->id, "default");
  CHECK(state->is_started);
  CODE(SKILLSMITH_OK, skillsmith_sync_config_free(config));
  CODE(SKILLSMITH_OK, skillsmith_engine_status_free(status));
  CODE(SKILLSMITH_OK, skillsmith_background_sync_state_free(state));
}

/* Every kind of record and the string: once, by its own function, by its own address. */
static void records(void) {
  skillsmith_sync_config *config = RUBBISH(skillsmith_sync_config);
  skillsmith_sync_history_entry *entry = RUBBISH(skillsmith_sync_history_entry);
  skillsmith_sync_history_list *list = RUBBISH(skillsmith_sync_history_list);
  skillsmith_sync_stats *stats = RUBBISH(skillsmith_sync_stats);
  skillsmith_skill *skill = RUBBISH(skillsmith_skill);
  skillsmith_engine_status *status = RUBBISH(skillsmith_engine_status);
  skillsmith_background_sync_state *state = RUBBISH(skillsmith_background_sync_state);
  skillsmith_sync_result *result;
  char *id = RUBBISH(char);
  all_handles all = make_all();
  skillsmith_sync_engine *engine = RUBBISH(skillsmith_sync_engine);
  void *every[9];
  size_t index, live;

  nothing.skills = 1;
  OK(skillsmith_sync_engine_new_with_registry(all.registry, all.database, &engine, &error));
  result = sync_with(engine, NULL);
  nothing.skills = 0;
  OK(skillsmith_sync_config_repository_get_config(all.config, &config, &error));
  OK(skillsmith_sync_history_repository_start_run(all.history, &id, &error));
  OK(skillsmith_sync_history_repository_get_by_id(all.history, id, &entry, &error));
  OK(skillsmith_sync_history_repository_get_history(all.history, 5, &list, &error));
  OK(skillsmith_sync_history_repository_get_stats(all.history, &stats, &error));
  OK(skillsmith_skill_repository_find_by_id(all.skills, "own/0", &skill, &error));
  OK(skillsmith_sync_engine_get_status(engine, &status, &error));
  OK(skillsmith_background_sync_service_get_state(all.service, &state, &error));
  CHECK(skill != NULL && entry != NULL && list->count == 2);
  live = skillsmith_live_objects();
  CHECK_EQ(live, 11 + 9);

  every[0] = config, every[1] = entry, every[2] = list, every[3] = stats, every[4] = skill;
  every[5] = status, every[6] = state, every[7] = result, every[8] = id;
  /* A function frees its own kind alone, and nothing from the middle of one. */
  for (index = 0; index < 9; index++) {
#define WRONG(own, type, function)                                                             \
  if (index != (own)) CODE(SKILLSMITH_INVALID_HANDLE, function((type *)every[index]));          \
  CODE(SKILLSMITH_INVALID_HANDLE, function((type *)(void *)((char *)every[index] + sizeof(void *))))
    WRONG(0, skillsmith_sync_config, skillsmith_sync_config_free);
    WRONG(1, skillsmith_sync_history_entry, skillsmith_sync_history_entry_free);
    WRONG(2, skillsmith_sync_history_list, skillsmith_sync_history_list_free);
    WRONG(3, skillsmith_sync_stats, skillsmith_sync_stats_free);
    WRONG(4, skillsmith_skill, skillsmith_skill_free);
    WRONG(5, skillsmith_engine_status, skillsmith_engine_status_free);
    WRONG(6, skillsmith_background_sync_state, skillsmith_background_sync_state_free);
    WRONG(7, skillsmith_sync_result, skillsmith_sync_result_free);
    WRONG(8, char, skillsmith_string_free);
  }
  /* What belongs to a record is not freed by itself. */
  CODE(SKILLSMITH_INVALID_HANDLE,
       skillsmith_sync_history_entry_free((skillsmith_sync_history_entry *)list->entries[0]));
  CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_sync_config_free((skillsmith_sync_config *)status->config));
  CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_string_free((char *)config->id.data));
  CHECK_EQ(skillsmith_live_objects(), live);

#define ONCE(function, record)                                  \
  CODE(SKILLSMITH_OK, function(record));                        \
  CODE(SKILLSMITH_INVALID_HANDLE, function(record));            \
  CODE(SKILLSMITH_OK, function(NULL))
  ONCE(skillsmith_sync_config_free, config);
  ONCE(skillsmith_sync_history_entry_free, entry);
  ONCE(skillsmith_sync_history_list_free, list);
  ONCE(skillsmith_sync_stats_free, stats);
  ONCE(skillsmith_skill_free, skill);
  ONCE(skillsmith_engine_status_free, status);
  ONCE(skillsmith_background_sync_state_free, state);
  ONCE(skillsmith_sync_result_free, result);
  ONCE(skillsmith_string_free, id);
  CHECK_EQ(skillsmith_live_objects(), live - 9);
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  free_all(all, SKILLSMITH_OK);
}

/* So many that the lists have to grow. */
static void many(void) {
  enum { COUNT = 500 };
  skillsmith_cancel_token *tokens[COUNT];
  int index;
  for (index = 0; index < COUNT; index++) OK(skillsmith_cancel_token_new(&tokens[index], &error));
  CHECK_EQ(skillsmith_live_objects(), COUNT);
  CODE(SKILLSMITH_OK, skillsmith_cancel_token_raise(tokens[COUNT - 1]));
  CODE(SKILLSMITH_OK, skillsmith_cancel_token_cancel(tokens[COUNT - 2]));
  for (index = 0; index < COUNT; index++) {
    CHECK_EQ(skillsmith_cancel_token_is_cancelled(tokens[index]), index >= COUNT - 2);
    CODE(SKILLSMITH_OK, skillsmith_cancel_token_free(tokens[index]));
    CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_cancel_token_raise(tokens[index]));
    CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_cancel_token_cancel(tokens[index]));
  }
}

PROGRAM(CASE(twice), CASE(never_again), CASE(never_one), CASE(other_types), CASE(any_order),
        CASE(records), CASE(many))
