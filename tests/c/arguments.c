/* What callers pass: structures of other versions, texts that are none, numbers at their ends. */
#include "check.h"

#include <float.h>
#include <math.h>

/* ---- structures of options ---------------------------------------------------------- */

/* A structure with room behind it, as a later version of the header might have. */
typedef struct sized {
  union {
    size_t size;
    skillsmith_open_options open;
    skillsmith_client_options client;
    skillsmith_search_options search;
    skillsmith_skill_search_options find;
    skillsmith_skill_list_options list;
    skillsmith_skill_filter filter;
    skillsmith_sync_options sync;
    skillsmith_sync_config_update update;
    skillsmith_sync_run_result run;
    skillsmith_background_options background;
    skillsmith_registry_callbacks callbacks;
  } known;
  unsigned char room[5000];
} sized;

typedef skillsmith_status (*sized_call)(const sized *options, skillsmith_error **out_error);

static void one_size(sized_call call, sized options, size_t size, skillsmith_status wanted,
                     const char *part) {
  options.known.size = size;
  if (wanted == SKILLSMITH_OK) {
    OK(call(&options, &error));
  } else {
    FAILS(wanted, part, call(&options, &error));
  }
}

/* A size within a member, from one behind its first byte to one before its last. */
static void cut(sized_call call, sized options, size_t first, size_t behind) {
  size_t within;
  for (within = first + 1; within < behind; within++)
    one_size(call, options, within, SKILLSMITH_INVALID_ARGUMENT, "within its member");
  one_size(call, options, behind, SKILLSMITH_OK, "");
}

static void sizes(sized_call call, size_t size, sized options) {
  size_t later;
  one_size(call, options, size, SKILLSMITH_OK, "");
  one_size(call, options, 0, SKILLSMITH_INVALID_ARGUMENT, "struct_size");
  one_size(call, options, 1, SKILLSMITH_INVALID_ARGUMENT, "struct_size");
  one_size(call, options, sizeof(size_t) - 1, SKILLSMITH_INVALID_ARGUMENT, "struct_size");
  one_size(call, options, 4097, SKILLSMITH_INVALID_ARGUMENT, "struct_size");
  one_size(call, options, SIZE_MAX, SKILLSMITH_INVALID_ARGUMENT, "struct_size");
  for (later = size + 1; later < size + 40; later += 13) {
    sized larger = options;
    one_size(call, larger, later, SKILLSMITH_OK, "");
    ((unsigned char *)&larger)[later - 1] = 1;
    one_size(call, larger, later, SKILLSMITH_INVALID_ARGUMENT, "does not know");
    /* Behind the structure is nothing of it. */
    one_size(call, larger, size, SKILLSMITH_OK, "");
  }
}

static skillsmith_database *database;
static skillsmith_sync_config_repository *config;
static skillsmith_sync_history_repository *history;
static skillsmith_sync_engine *engine;
static char *run_id;
static served nothing;

static void set_up(void) {
  skillsmith_registry_callbacks callbacks;
  memset(&callbacks, 0, sizeof callbacks);
  callbacks.struct_size = sizeof callbacks;
  callbacks.search = serve;
  callbacks.user_data = &nothing;
  database = open_in_memory();
  engine = engine_with(&callbacks, database);
  OK(skillsmith_sync_config_repository_new(database, &config, &error));
  OK(skillsmith_sync_history_repository_new(database, &history, &error));
  OK(skillsmith_sync_history_repository_start_run(history, &run_id, &error));
}

static void tear_down(void) {
  CODE(SKILLSMITH_OK, skillsmith_string_free(run_id));
  CODE(SKILLSMITH_OK, skillsmith_sync_history_repository_free(history));
  CODE(SKILLSMITH_OK, skillsmith_sync_config_repository_free(config));
  CODE(SKILLSMITH_OK, skillsmith_sync_engine_free(engine));
  CODE(SKILLSMITH_OK, skillsmith_database_free(database));
}

static skillsmith_status call_open(const sized *options, skillsmith_error **out_error) {
  skillsmith_database *opened = RUBBISH(skillsmith_database);
  skillsmith_status status = skillsmith_database_open(":memory:", &options->known.open, &opened, out_error);
  CHECK((opened == NULL) == (status != SKILLSMITH_OK));
  CODE(SKILLSMITH_OK, skillsmith_database_free(opened));
  return status;
}

static skillsmith_status call_client(const sized *options, skillsmith_error **out_error) {
  skillsmith_api_client *client = RUBBISH(skillsmith_api_client);
  skillsmith_status status = skillsmith_api_client_new(&options->known.client, &client, out_error);
  CHECK((client == NULL) == (status != SKILLSMITH_OK));
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(client));
  return status;
}

static skillsmith_status call_search(const sized *options, skillsmith_error **out_error) {
  skillsmith_api_client *client = client_of(registry_url());
  char *json = RUBBISH(char);
  skillsmith_status status = skillsmith_api_client_search(client, &options->known.search, NULL, &json, out_error);
  CHECK((json == NULL) == (status != SKILLSMITH_OK));
  CODE(SKILLSMITH_OK, skillsmith_string_free(json));
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(client));
  return status;
}

static skillsmith_status find_with(const skillsmith_skill_search_options *options, skillsmith_error **out_error) {
  skillsmith_skill_repository *skills = RUBBISH(skillsmith_skill_repository);
  skillsmith_skill_search_results *found = RUBBISH(skillsmith_skill_search_results);
  skillsmith_status status;
  OK(skillsmith_skill_repository_new(database, &skills, &error));
  status = skillsmith_skill_repository_search(skills, "git", options, &found, out_error);
  CHECK((found == NULL) == (status != SKILLSMITH_OK));
  CODE(SKILLSMITH_OK, skillsmith_skill_search_results_free(found));
  CODE(SKILLSMITH_OK, skillsmith_skill_repository_free(skills));
  return status;
}

static skillsmith_status call_find(const sized *options, skillsmith_error **out_error) {
  return find_with(&options->known.find, out_error);
}

static skillsmith_status call_filter(const sized *options, skillsmith_error **out_error) {
  OPTIONS(skillsmith_skill_search_options, with_filter);
  with_filter.filter = &options->known.filter;
  return find_with(&with_filter, out_error);
}

static skillsmith_status call_list(const sized *options, skillsmith_error **out_error) {
  skillsmith_skill_repository *skills = RUBBISH(skillsmith_skill_repository);
  skillsmith_skill_page *page = RUBBISH(skillsmith_skill_page);
  skillsmith_status status;
  OK(skillsmith_skill_repository_new(database, &skills, &error));
  status = skillsmith_skill_repository_list(skills, &options->known.list, &page, out_error);
  CHECK((page == NULL) == (status != SKILLSMITH_OK));
  CODE(SKILLSMITH_OK, skillsmith_skill_page_free(page));
  CODE(SKILLSMITH_OK, skillsmith_skill_repository_free(skills));
  return status;
}

static skillsmith_status call_sync(const sized *options, skillsmith_error **out_error) {
  skillsmith_sync_result *result = RUBBISH(skillsmith_sync_result);
  skillsmith_status status = skillsmith_sync_engine_sync(engine, &options->known.sync, &result, out_error);
  CHECK((result == NULL) == (status != SKILLSMITH_OK));
  CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result));
  return status;
}

static skillsmith_status call_update(const sized *options, skillsmith_error **out_error) {
  skillsmith_sync_config *changed = RUBBISH(skillsmith_sync_config);
  skillsmith_status status =
      skillsmith_sync_config_repository_update_config(config, &options->known.update, &changed, out_error);
  CHECK((changed == NULL) == (status != SKILLSMITH_OK));
  CODE(SKILLSMITH_OK, skillsmith_sync_config_free(changed));
  return status;
}

static skillsmith_status call_complete(const sized *options, skillsmith_error **out_error) {
  return skillsmith_sync_history_repository_complete_run(history, run_id, &options->known.run, out_error);
}

static skillsmith_status call_partial(const sized *options, skillsmith_error **out_error) {
  return skillsmith_sync_history_repository_complete_run_partial(history, run_id, &options->known.run,
                                                                 "why", out_error);
}

static skillsmith_status call_service(const sized *options, skillsmith_error **out_error) {
  skillsmith_background_sync_service *service = RUBBISH(skillsmith_background_sync_service);
  skillsmith_status status =
      skillsmith_background_sync_service_new(engine, &options->known.background, &service, out_error);
  CHECK((service == NULL) == (status != SKILLSMITH_OK));
  CODE(SKILLSMITH_OK, skillsmith_background_sync_service_free(service));
  return status;
}

static skillsmith_status call_start(const sized *options, skillsmith_error **out_error) {
  OPTIONS(skillsmith_client_options, client);
  skillsmith_background_sync_service *service = RUBBISH(skillsmith_background_sync_service);
  skillsmith_status status;
  client.offline = SKILLSMITH_SWITCH_ON;
  status = skillsmith_start_background_sync(database, &client, &options->known.background, &service, out_error);
  CHECK(service == NULL);
  return status;
}

static skillsmith_status call_registry(const sized *options, skillsmith_error **out_error) {
  skillsmith_registry *registry = RUBBISH(skillsmith_registry);
  skillsmith_status status =
      skillsmith_registry_new("name", &options->known.callbacks, &registry, out_error);
  CHECK((registry == NULL) == (status != SKILLSMITH_OK));
  CODE(SKILLSMITH_OK, skillsmith_registry_free(registry));
  return status;
}

static void struct_sizes(void) {
  sized zero;
  memset(&zero, 0, sizeof zero);
  set_up();
  sizes(call_open, sizeof(skillsmith_open_options), zero);
  sizes(call_client, sizeof(skillsmith_client_options), zero);
  sizes(call_search, sizeof(skillsmith_search_options), zero);
  sizes(call_find, sizeof(skillsmith_skill_search_options), zero);
  sizes(call_list, sizeof(skillsmith_skill_list_options), zero);
  sizes(call_filter, sizeof(skillsmith_skill_filter), zero);
  sizes(call_sync, sizeof(skillsmith_sync_options), zero);
  sizes(call_update, sizeof(skillsmith_sync_config_update), zero);
  sizes(call_complete, sizeof(skillsmith_sync_run_result), zero);
  sizes(call_partial, sizeof(skillsmith_sync_run_result), zero);
  sizes(call_service, sizeof(skillsmith_background_options), zero);
  sizes(call_start, sizeof(skillsmith_background_options), zero);
  /* What an older header lacks is at its default. */
  one_size(call_open, zero, sizeof(size_t), SKILLSMITH_OK, "");
  one_size(call_client, zero, sizeof(size_t), SKILLSMITH_OK, "");
  one_size(call_search, zero, sizeof(size_t), SKILLSMITH_OK, "");
  one_size(call_find, zero, sizeof(size_t), SKILLSMITH_OK, "");
  one_size(call_list, zero, sizeof(size_t), SKILLSMITH_OK, "");
  one_size(call_filter, zero, sizeof(size_t), SKILLSMITH_OK, "");
  one_size(call_sync, zero, sizeof(size_t), SKILLSMITH_OK, "");
  one_size(call_update, zero, sizeof(size_t), SKILLSMITH_OK, "");
  one_size(call_complete, zero, sizeof(size_t), SKILLSMITH_OK, "");
  one_size(call_service, zero, sizeof(size_t), SKILLSMITH_OK, "");
  /* So is what came later than that header, whatever lies there. */
  zero.known.sync.listing = (skillsmith_listing)77;
  one_size(call_sync, zero, offsetof(skillsmith_sync_options, listing), SKILLSMITH_OK, "");
  one_size(call_sync, zero, sizeof(skillsmith_sync_options), SKILLSMITH_INVALID_ARGUMENT, "Unknown listing 77");
  memset(&zero, 0, sizeof zero);
  zero.known.background.listing = (skillsmith_listing)77;
  one_size(call_service, zero, offsetof(skillsmith_background_options, listing), SKILLSMITH_OK, "");
  one_size(call_service, zero, sizeof(skillsmith_background_options), SKILLSMITH_INVALID_ARGUMENT, "Unknown listing 77");
  one_size(call_start, zero, sizeof(skillsmith_background_options), SKILLSMITH_INVALID_ARGUMENT, "Unknown listing 77");
  memset(&zero, 0, sizeof zero);
  /* No half of a pointer is followed, and no half of a number counts. */
  zero.known.client.base_url = registry_url();
  zero.known.client.timeout_ms = 1000;
  cut(call_client, zero, offsetof(skillsmith_client_options, base_url), offsetof(skillsmith_client_options, anon_key));
  cut(call_client, zero, offsetof(skillsmith_client_options, timeout_ms), offsetof(skillsmith_client_options, max_retries));
  memset(&zero, 0, sizeof zero);
  cut(call_open, zero, offsetof(skillsmith_open_options, read_only), offsetof(skillsmith_open_options, read_only) + sizeof(int));
  /* That is padding. */
  one_size(call_open, zero, offsetof(skillsmith_open_options, busy_budget_ms) - 1, SKILLSMITH_OK, "");
  cut(call_open, zero, offsetof(skillsmith_open_options, busy_budget_ms), sizeof(skillsmith_open_options));
  memset(&zero, 0, sizeof zero);
  zero.known.search.query = "git";
  cut(call_search, zero, offsetof(skillsmith_search_options, query), offsetof(skillsmith_search_options, category));
  cut(call_search, zero, offsetof(skillsmith_search_options, limit), offsetof(skillsmith_search_options, limit) + sizeof(uint32_t));
  memset(&zero, 0, sizeof zero);
  zero.known.list.after = "git";
  cut(call_list, zero, offsetof(skillsmith_skill_list_options, after), offsetof(skillsmith_skill_list_options, after_length));
  memset(&zero, 0, sizeof zero);
  zero.known.filter.category = "git";
  cut(call_filter, zero, offsetof(skillsmith_skill_filter, category), offsetof(skillsmith_skill_filter, trust_tier));
  cut(call_filter, zero, offsetof(skillsmith_skill_filter, min_score), offsetof(skillsmith_skill_filter, safe_only));
  memset(&zero, 0, sizeof zero);
  cut(call_find, zero, offsetof(skillsmith_skill_search_options, filter), offsetof(skillsmith_skill_search_options, limit));
  cut(call_find, zero, offsetof(skillsmith_skill_search_options, offset), sizeof(skillsmith_skill_search_options));
  cut(call_sync, zero, offsetof(skillsmith_sync_options, on_progress), offsetof(skillsmith_sync_options, user_data));
  cut(call_update, zero, offsetof(skillsmith_sync_config_update, frequency), sizeof(skillsmith_sync_config_update));
  cut(call_complete, zero, offsetof(skillsmith_sync_run_result, skills_added), offsetof(skillsmith_sync_run_result, skills_updated));
  cut(call_service, zero, offsetof(skillsmith_background_options, destroy), offsetof(skillsmith_background_options, listing));
  /* Needed, so that a structure that ends before it has none. */
  one_size(call_registry, zero, sizeof(size_t), SKILLSMITH_NULL_ARGUMENT, "'search'");
  zero.known.callbacks.search = serve;
  sizes(call_registry, sizeof(skillsmith_registry_callbacks), zero);
  cut(call_registry, zero, offsetof(skillsmith_registry_callbacks, search), offsetof(skillsmith_registry_callbacks, user_data));
  tear_down();
}

/* ---- texts -------------------------------------------------------------------------- */

/* Cut off, stray, overlong, beyond Unicode, half of a surrogate pair; and where it begins. */
static const struct {
  const char *text;
  const char *at;
} bad[] = {
    {"\xFF", "(at byte 0)"},
    {"ab\x80", "(at byte 2)"},
    {"\xC0\x80", "(at byte 0)"},
    {"a\xE0\x80\xAF", "(at byte 1)"},
    {"\xE2\x82", "(at byte 0)"},
    {"\xED\xA0\x80", "(at byte 0)"},
    {"\xF4\x90\x80\x80", "(at byte 0)"},
    {"caf\xE9", "(at byte 3)"},
};

static void texts_that_are_none(void) {
  size_t index;
  set_up();
  for (index = 0; index < sizeof bad / sizeof bad[0]; index++) {
    const char *text = bad[index].text, *at = bad[index].at;
    OPTIONS(skillsmith_client_options, client_options);
    OPTIONS(skillsmith_search_options, search_options);
    OPTIONS(skillsmith_sync_run_result, result);
    OPTIONS(skillsmith_registry_callbacks, callbacks);
    skillsmith_database *opened;
    skillsmith_api_client *client;
    skillsmith_registry *registry;
    skillsmith_background_sync_service *service;
    skillsmith_skill_repository *skills;
    skillsmith_skill *skill;
    skillsmith_sync_history_entry *entry;
    bool found = true;
    char *next;
    callbacks.search = serve;
#define REFUSED(call) FAILS(SKILLSMITH_INVALID_ARGUMENT, at, call)
    REFUSED(skillsmith_database_open(text, NULL, &opened, &error));
    REFUSED(skillsmith_sync_config_repository_set_last_sync(config, text, 1, &error));
    REFUSED(skillsmith_sync_config_repository_set_last_sync_error(config, text, &error));
    REFUSED(skillsmith_sync_config_repository_calculate_next_sync(config, text, 1, &next, &error));
    REFUSED(skillsmith_sync_history_repository_complete_run(history, text, &result, &error));
    REFUSED(skillsmith_sync_history_repository_complete_run_partial(history, run_id, &result, text, &error));
    REFUSED(skillsmith_sync_history_repository_complete_run_partial(history, text, &result, "why", &error));
    REFUSED(skillsmith_sync_history_repository_fail_run(history, run_id, text, &error));
    REFUSED(skillsmith_sync_history_repository_fail_run(history, text, "why", &error));
    REFUSED(skillsmith_sync_history_repository_get_by_id(history, text, &entry, &error));
    REFUSED(skillsmith_registry_new(text, &callbacks, &registry, &error));
    OK(skillsmith_skill_repository_new(database, &skills, &error));
    REFUSED(skillsmith_skill_repository_find_by_id(skills, text, &skill, &error));
    REFUSED(skillsmith_skill_repository_exists(skills, text, &found, &error));
    CHECK(!found);
    {
      skillsmith_skill_search_results *results = RUBBISH(skillsmith_skill_search_results);
      skillsmith_skill_page *page = RUBBISH(skillsmith_skill_page);
      skillsmith_skill_details *details = RUBBISH(skillsmith_skill_details);
      OPTIONS(skillsmith_skill_search_options, find_options);
      OPTIONS(skillsmith_skill_list_options, list_options);
      OPTIONS(skillsmith_skill_filter, filter);
      const char **members[3];
      size_t member;
      members[0] = &filter.category, members[1] = &filter.trust_tier, members[2] = &filter.source;
      REFUSED(skillsmith_skill_repository_search(skills, text, NULL, &results, &error));
      REFUSED(skillsmith_skill_repository_get(skills, text, &details, &error));
      list_options.after = text;
      REFUSED(skillsmith_skill_repository_list(skills, &list_options, &page, &error));
      list_options.after = NULL;
      find_options.filter = list_options.filter = &filter;
      for (member = 0; member < 3; member++) {
        *members[member] = text;
        REFUSED(skillsmith_skill_repository_search(skills, "git", &find_options, &results, &error));
        REFUSED(skillsmith_skill_repository_list(skills, &list_options, &page, &error));
        *members[member] = NULL;
      }
      CHECK(results == NULL && page == NULL && details == NULL);
    }
    CODE(SKILLSMITH_OK, skillsmith_skill_repository_free(skills));
    client_options.base_url = text;
    REFUSED(skillsmith_api_client_new(&client_options, &client, &error));
    REFUSED(skillsmith_start_background_sync(database, &client_options, NULL, &service, &error));
    client_options.base_url = NULL;
    client_options.anon_key = text;
    REFUSED(skillsmith_api_client_new(&client_options, &client, &error));
    client_options.anon_key = NULL;
    client_options.api_key = text;
    REFUSED(skillsmith_api_client_new(&client_options, &client, &error));
    client_options.api_key = NULL;
    client_options.jwt_token = text;
    REFUSED(skillsmith_api_client_new(&client_options, &client, &error));
    client = client_of(registry_url());
#define SEARCH() REFUSED(skillsmith_api_client_search(client, &search_options, NULL, &next, &error))
    search_options.query = text;
    SEARCH();
    search_options.query = NULL;
    search_options.category = text;
    SEARCH();
    search_options.category = NULL;
    search_options.trust_tier = text;
    SEARCH();
    CHECK(next == NULL);
    CODE(SKILLSMITH_OK, skillsmith_api_client_free(client));
  }
  CHECK_EQ(registry_requests(), 0);
  tear_down();
}

static void a_key_over_plain_http(void) {
  OPTIONS(skillsmith_client_options, options);
  skillsmith_api_client *client;
  size_t kind;
  for (kind = 0; kind < 3; kind++) {
    options.base_url = "http://registry.test";
    options.api_key = kind == 0 ? "sk-12345" : NULL;
    options.anon_key = kind == 1 ? "anonymous" : NULL;
    options.jwt_token = kind == 2 ? "jwt" : NULL;
    options.allow_insecure_http = SKILLSMITH_SWITCH_DEFAULT;
    FAILS(SKILLSMITH_INVALID_ARGUMENT, "plain http to registry.test", skillsmith_api_client_new(&options, &client, &error));
    options.allow_insecure_http = SKILLSMITH_SWITCH_OFF;
    FAILS(SKILLSMITH_INVALID_ARGUMENT, "plain http to registry.test", skillsmith_api_client_new(&options, &client, &error));
    options.allow_insecure_http = SKILLSMITH_SWITCH_ON;
    OK(skillsmith_api_client_new(&options, &client, &error));
    CODE(SKILLSMITH_OK, skillsmith_api_client_free(client));
    options.allow_insecure_http = (skillsmith_switch)7;
    FAILS(SKILLSMITH_INVALID_ARGUMENT, "allow_insecure_http", skillsmith_api_client_new(&options, &client, &error));
  }
  options.allow_insecure_http = SKILLSMITH_SWITCH_DEFAULT;
  options.jwt_token = NULL;
  OK(skillsmith_api_client_new(&options, &client, &error));
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(client));
}

static char *of_length(size_t length, const char *unit) {
  char *text = (char *)malloc(length + 8);
  size_t at = 0;
  CHECK(text != NULL);
  while (at < length) {
    strcpy(text + at, unit);
    at += strlen(unit);
  }
  return text;
}

static void texts_of_all_kinds(void) {
  static const char *const kinds[] = {"", "plain", "\xF0\x9F\xA6\x80 crab", "\xC2\x80\xE0\xA0\x80\xF0\x90\x80\x80",
                                      "\xF4\x8F\xBF\xBF\xEF\xBF\xBF", "a\tb\nc\x7F\x01", "'; DROP TABLE skills; --",
                                      "e\xCC\x81 \xE2\x80\xAE right to left"};
  size_t index;
  char *large = of_length(1 << 20, "\xF0\x9F\xA6\x80");
  set_up();
  for (index = 0; index <= sizeof kinds / sizeof kinds[0]; index++) {
    const char *text = index < sizeof kinds / sizeof kinds[0] ? kinds[index] : large;
    skillsmith_sync_config *found = RUBBISH(skillsmith_sync_config);
    skillsmith_sync_history_entry *entry = RUBBISH(skillsmith_sync_history_entry);
    OK(skillsmith_sync_config_repository_set_last_sync_error(config, text, &error));
    OK(skillsmith_sync_config_repository_get_config(config, &found, &error));
    CHECK_IS(found->last_sync_error, text);
    CODE(SKILLSMITH_OK, skillsmith_sync_config_free(found));
    OK(skillsmith_sync_history_repository_fail_run(history, run_id, text, &error));
    OK(skillsmith_sync_history_repository_get_by_id(history, run_id, &entry, &error));
    CHECK_IS(entry->error_message, text);
    CODE(SKILLSMITH_OK, skillsmith_sync_history_entry_free(entry));
    /* No id of a run, and none of a skill. */
    OK(skillsmith_sync_history_repository_get_by_id(history, text, &entry, &error));
    CHECK(entry == NULL);
    FAILS(SKILLSMITH_RUN_NOT_FOUND, "Sync run not found",
          skillsmith_sync_history_repository_fail_run(history, text, "why", &error));
  }
  tear_down();
  free(large);
}

static void paths(void) {
  skillsmith_database *opened = RUBBISH(skillsmith_database);
  char *large = of_length(1 << 20, "long"), *name = RUBBISH(char);
  const char *path = place("\xF0\x9F\xA6\x80 'crab' %s?mode=ro#x.db");
  FAILS(SKILLSMITH_INVALID_ARGUMENT, "empty", skillsmith_database_open("", NULL, &opened, &error));
  CHECK(opened == NULL);
  FAILS(SKILLSMITH_IO_ERROR, "long", skillsmith_database_open(large, NULL, &opened, &error));
  FAILS(SKILLSMITH_INVALID_ARGUMENT, "folder", skillsmith_database_open(place(""), NULL, &opened, &error));
  opened = open_at(path);
  OK(skillsmith_database_name(opened, &name, &error));
  CHECK_TEXT(name, path);
  CHECK(access(path, F_OK) == 0);
  CODE(SKILLSMITH_OK, skillsmith_string_free(name));
  CODE(SKILLSMITH_OK, skillsmith_database_free(opened));
  free(large);
}

/* ---- numbers ------------------------------------------------------------------------ */

static void numbers_of_repositories(void) {
  static const uint32_t limits[] = {0, 1, INT32_MAX, UINT32_MAX};
  OPTIONS(skillsmith_sync_run_result, result);
  OPTIONS(skillsmith_sync_config_update, update);
  skillsmith_sync_history_list *list = RUBBISH(skillsmith_sync_history_list);
  skillsmith_sync_history_entry *entry = RUBBISH(skillsmith_sync_history_entry);
  skillsmith_sync_config *found = RUBBISH(skillsmith_sync_config);
  uint64_t deleted = 9;
  char *next = RUBBISH(char);
  size_t index;
  set_up();
  for (index = 0; index < 4; index++) {
    OK(skillsmith_sync_history_repository_get_history(history, limits[index], &list, &error));
    CHECK_EQ(list->count, index == 0 ? 0 : 1);
    CHECK((list->entries == NULL) == (index == 0));
    CODE(SKILLSMITH_OK, skillsmith_sync_history_list_free(list));
  }
  OK(skillsmith_sync_history_repository_cleanup(history, 100000, &deleted, &error));
  CHECK_EQ(deleted, 0);
  deleted = 9;
  FAILS(SKILLSMITH_INVALID_ARGUMENT, "4294967295 days",
        skillsmith_sync_history_repository_cleanup(history, UINT32_MAX, &deleted, &error));
  CHECK_EQ(deleted, 0);
  result.skills_added = UINT64_MAX;
  result.skills_updated = INT64_MAX;
  result.skills_unchanged = (uint64_t)INT64_MAX + 1;
  OK(skillsmith_sync_history_repository_complete_run(history, run_id, &result, &error));
  OK(skillsmith_sync_history_repository_get_by_id(history, run_id, &entry, &error));
  CHECK_EQ(entry->skills_added, INT64_MAX);
  CHECK_EQ(entry->skills_updated, INT64_MAX);
  CHECK_EQ(entry->skills_unchanged, INT64_MAX);
  CODE(SKILLSMITH_OK, skillsmith_sync_history_entry_free(entry));

#define NEXT(ms) \
  skillsmith_sync_config_repository_calculate_next_sync(config, "2026-01-31T08:00:00.000Z", ms, &next, &error)
  FAILS(SKILLSMITH_INVALID_ARGUMENT, "out of range", NEXT(INT64_MAX));
  CHECK(next == NULL);
  FAILS(SKILLSMITH_INVALID_ARGUMENT, "out of range", NEXT(INT64_MIN));
  OK(NEXT(0));
  CHECK_TEXT(next, "2026-01-31T08:00:00.000Z");
  CODE(SKILLSMITH_OK, skillsmith_string_free(next));
  OK(NEXT(-1));
  CHECK_TEXT(next, "2026-01-31T07:59:59.999Z");
  CODE(SKILLSMITH_OK, skillsmith_string_free(next));

#define LAST(count) \
  skillsmith_sync_config_repository_set_last_sync(config, "2026-01-31T08:00:00.000Z", count, &error)
  FAILS(SKILLSMITH_INVALID_ARGUMENT, "negative", LAST(-1));
  FAILS(SKILLSMITH_INVALID_ARGUMENT, "negative", LAST(INT64_MIN));
  OK(LAST(INT64_MAX));
  OK(skillsmith_sync_config_repository_get_config(config, &found, &error));
  CHECK_EQ(found->last_sync_count, INT64_MAX);
  CODE(SKILLSMITH_OK, skillsmith_sync_config_free(found));

#define UPDATE() skillsmith_sync_config_repository_update_config(config, &update, &found, &error)
  for (index = 0; index < 3; index++) {
    static const int32_t none[] = {3, -1, INT32_MAX};
    update.enabled = (skillsmith_switch)none[index];
    FAILS(SKILLSMITH_INVALID_ARGUMENT, "'enabled'", UPDATE());
    CHECK(found == NULL);
    update.enabled = SKILLSMITH_SWITCH_DEFAULT;
    update.frequency = (skillsmith_sync_frequency)none[index];
    FAILS(SKILLSMITH_INVALID_ARGUMENT, "frequency", UPDATE());
    update.frequency = SKILLSMITH_SYNC_FREQUENCY_DEFAULT;
    FAILS(SKILLSMITH_INVALID_ARGUMENT, "frequency",
          skillsmith_sync_config_repository_set_frequency(config, (skillsmith_sync_frequency)none[index],
                                                          &found, &error));
  }
  FAILS(SKILLSMITH_INVALID_ARGUMENT, "frequency",
        skillsmith_sync_config_repository_set_frequency(config, SKILLSMITH_SYNC_FREQUENCY_DEFAULT, NULL, &error));
  tear_down();
}

static void numbers_of_options(void) {
  static const uint32_t good_pages[] = {1, 99, 10000}, bad_pages[] = {10001, INT32_MAX, UINT32_MAX};
  static const int64_t budgets[] = {INT64_MIN, -1, 1, INT64_MAX};
  static const int retries[] = {INT_MIN, -1, 1, INT_MAX};
  size_t index;
  set_up();
  for (index = 0; index < 3; index++) {
    OPTIONS(skillsmith_sync_options, options);
    skillsmith_sync_result *result = RUBBISH(skillsmith_sync_result);
    options.deadline_ms = UINT64_MAX;
    options.force = INT_MIN;
    options.page_size = good_pages[index];
    RUN(SKILLSMITH_OK, "", engine, &options);
    options.page_size = bad_pages[index];
    FAILS(SKILLSMITH_INVALID_ARGUMENT, "page size",
          skillsmith_sync_engine_sync(engine, &options, &result, &error));
    CHECK(result == NULL);
  }
  for (index = 0; index < 4; index++) {
    OPTIONS(skillsmith_open_options, open_options);
    OPTIONS(skillsmith_client_options, client_options);
    OPTIONS(skillsmith_background_options, background_options);
    skillsmith_database *opened = RUBBISH(skillsmith_database);
    skillsmith_api_client *client = RUBBISH(skillsmith_api_client);
    skillsmith_background_sync_service *service = RUBBISH(skillsmith_background_sync_service);
    open_options.busy_budget_ms = budgets[index];
    OK(skillsmith_database_open(place("numbers.db"), &open_options, &opened, &error));
    CHECK_EQ(skills_in(opened), 0);
    CODE(SKILLSMITH_OK, skillsmith_database_free(opened));
    client_options.max_retries = retries[index];
    client_options.timeout_ms = index % 2 == 0 ? UINT64_MAX : 1;
    client_options.base_url = "http://127.0.0.1:1";
    OK(skillsmith_api_client_new(&client_options, &client, &error));
    CODE(SKILLSMITH_OK, skillsmith_api_client_free(client));
    client_options.offline = (skillsmith_switch)(3 + index);
    FAILS(SKILLSMITH_INVALID_ARGUMENT, "'offline'",
          skillsmith_api_client_new(&client_options, &client, &error));
    background_options.check_interval_ms = index % 2 == 0 ? UINT64_MAX : 1;
    OK(skillsmith_background_sync_service_new(engine, &background_options, &service, &error));
    OK(skillsmith_background_sync_service_start(service, &error));
    CODE(SKILLSMITH_OK, skillsmith_background_sync_service_free(service));
    background_options.sync_on_start = (skillsmith_switch)-1;
    FAILS(SKILLSMITH_INVALID_ARGUMENT, "'sync_on_start'",
          skillsmith_background_sync_service_new(engine, &background_options, &service, &error));
    CHECK(service == NULL);
  }
  tear_down();
}

static void addresses(void) {
  static const char *const wrong[] = {"", "nonsense", "ftp://host/x", "http://", "http://user:word@host/",
                                      "http://host/?query", "http://host/#part"};
  size_t index;
  skillsmith_api_client *client = RUBBISH(skillsmith_api_client);
  OPTIONS(skillsmith_client_options, options);
  for (index = 1; index < sizeof wrong / sizeof wrong[0]; index++) {
    options.base_url = wrong[index];
    FAILS(SKILLSMITH_INVALID_ARGUMENT, "address", skillsmith_api_client_new(&options, &client, &error));
    CHECK(client == NULL);
  }
  options.base_url = NULL;
  options.api_key = "line\nbreak";
  FAILS(SKILLSMITH_INVALID_ARGUMENT, "key", skillsmith_api_client_new(&options, &client, &error));
}

/* The user data of a function that fails is not the library's. */
static void user_data_of_a_failure(void) {
  OPTIONS(skillsmith_registry_callbacks, callbacks);
  OPTIONS(skillsmith_background_options, options);
  OPTIONS(skillsmith_client_options, offline);
  skillsmith_registry *registry = RUBBISH(skillsmith_registry);
  skillsmith_background_sync_service *service = RUBBISH(skillsmith_background_sync_service);
  served data = {0, 0, 0};
  set_up();
  callbacks.user_data = &data;
  callbacks.destroy = serve_no_more;
  FAILS(SKILLSMITH_NULL_ARGUMENT, "'search'", skillsmith_registry_new("name", &callbacks, &registry, &error));
  callbacks.search = serve;
  FAILS(SKILLSMITH_INVALID_ARGUMENT, "empty", skillsmith_registry_new(" ", &callbacks, &registry, &error));
  FAILS(SKILLSMITH_NULL_ARGUMENT, "'out_registry'", skillsmith_registry_new("name", &callbacks, NULL, &error));
  options.user_data = &data;
  options.destroy = serve_no_more;
  FAILS(SKILLSMITH_NULL_ARGUMENT, "'out_service'",
        skillsmith_background_sync_service_new(engine, &options, NULL, &error));
  FAILS(SKILLSMITH_NULL_ARGUMENT, "'database'",
        skillsmith_start_background_sync(NULL, NULL, &options, &service, &error));
  offline.offline = SKILLSMITH_SWITCH_ON;
  OK(skillsmith_start_background_sync(database, &offline, &options, &service, &error));
  CHECK(service == NULL);
  options.sync_on_start = (skillsmith_switch)7;
  FAILS(SKILLSMITH_INVALID_ARGUMENT, "'sync_on_start'",
        skillsmith_background_sync_service_new(engine, &options, &service, &error));
  CHECK_EQ(get(&data.destroyed), 0);
  tear_down();
  CHECK_EQ(get(&data.destroyed), 0);
}

/* Whatever is a number is for the registry to judge. */
static void numbers_of_searches(void) {
  static const double good[] = {DBL_MIN, 1, 1e6, DBL_MAX, -DBL_MIN, -1, -DBL_MAX};
  static const double bad[] = {NAN, -NAN, INFINITY, -INFINITY};
  static const uint32_t limits[] = {1, 10001, INT32_MAX, UINT32_MAX};
  static const uint64_t offsets[] = {1, UINT32_MAX, INT64_MAX, UINT64_MAX};
  skillsmith_api_client *client = client_of(registry_url());
  OPTIONS(skillsmith_search_options, options);
  char *json = RUBBISH(char);
  size_t index;
  int requests = 0;
#define FOUND()                                                                    \
  OK(skillsmith_api_client_search(client, &options, NULL, &json, &error));         \
  CODE(SKILLSMITH_OK, skillsmith_string_free(json));                               \
  requests++
  for (index = 0; index < sizeof good / sizeof good[0]; index++) {
    options.min_score = good[index];
    FOUND();
  }
  for (index = 0; index < sizeof bad / sizeof bad[0]; index++) {
    options.min_score = bad[index];
    FAILS(SKILLSMITH_INVALID_ARGUMENT, "'min_score'",
          skillsmith_api_client_search(client, &options, NULL, &json, &error));
    CHECK(json == NULL);
  }
  options.min_score = 0;
  for (index = 0; index < 4; index++) {
    options.limit = limits[index];
    options.offset = offsets[index];
    FOUND();
  }
  CHECK_EQ(registry_requests(), requests);
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(client));
}

PROGRAM(CASE(struct_sizes), CASE(texts_that_are_none), CASE(texts_of_all_kinds), CASE(paths),
        CASE(numbers_of_repositories), CASE(numbers_of_options), CASE(numbers_of_searches),
        CASE(addresses), CASE(a_key_over_plain_http), CASE(user_data_of_a_failure))
