/*
 A host that runs out of memory.

 Reads commands from its standard input, one a line, and answers each with one line:

   strike SCENARIO once|from|ever|large|system N PATH [URL]
   heal SCENARIO PATH [URL]

 Each is done by a child of its own, which opens the database, syncs, reads and closes.
 "strike" has allocations fail on the way: with "from", until the call of the library
 returns in which that began; with "ever", to the end, which is then to be reached by
 freeing everything. The answer begins with how the child ended.
 */
#define _GNU_SOURCE

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skillsmith_sync.h>

#include "shortage.h"

/* What a library with the feature test-hooks has besides. */
extern void skillsmith_test_reserve_off(void);
extern size_t skillsmith_test_reserve_in_use(void);
extern size_t skillsmith_test_reserve_most(void);

enum { SKILLS = 12, PAGE_SIZE = 8, TIME_LIMIT = 60 };

/* ---- what went wrong ---------------------------------------------------------------- */

static void fail(const char *step, const char *format, ...) {
  va_list arguments;
  printf("FAILED in %s: ", step);
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  printf("\n");
  fflush(stdout);
  _exit(1);
}

/* ---- the registry in this process --------------------------------------------------- */

/* 1: as it begins. 2: every other skill has changed. 3: one skill with a text of that many bytes. */
struct catalogue {
  int generation;
  size_t large;
  char *page;
};

static size_t row(char *place, size_t room, int index, int generation) {
  const int changed = generation == 2 && index % 2 == 0;
  return (size_t)snprintf(
      place, room,
      "{\"id\":\"skill/%d\",\"name\":\"Skill %d\",\"description\":\"Generation %d of a \\u201cskill\\u201d "
      "that does this and that, and tells of it at some length\",\"author\":\"someone\","
      "\"repo_url\":\"https://example.org/%d\",\"quality_score\":0.5,\"trust_tier\":\"community\","
      "\"tags\":[\"one\",\"two\"],\"created_at\":\"2026-01-01T00:00:00Z\","
      "\"updated_at\":\"2026-0%d-01T00:00:00Z\"}",
      index, index, changed ? 2 : 1, index, changed ? 3 : 2);
}

static int search(void *user_data, const skillsmith_page_request *request,
                  skillsmith_registry_call *call) {
  static char small[64 * 1024];
  const struct catalogue *catalogue = user_data;
  char *page = catalogue->large > 0 ? catalogue->page : small;
  const size_t room = catalogue->large > 0 ? catalogue->large + 4096 : sizeof small;
  size_t length = (size_t)snprintf(page, room, "{\"data\":[");
  if (catalogue->large > 0 && request->offset == 0) {
    /* With an escape, so that it has to be put together. */
    length += (size_t)snprintf(page + length, room - length,
                               "{\"id\":\"large\",\"name\":\"Large\",\"description\":\"\\n");
    memset(page + length, 'x', catalogue->large);
    length += catalogue->large;
    length += (size_t)snprintf(page + length, room - length,
                               "\",\"updated_at\":\"2026-01-01T00:00:00Z\"}");
  } else if (catalogue->large == 0) {
    for (uint64_t at = request->offset; at < request->offset + request->limit && at < SKILLS; at++) {
      if (at > request->offset) page[length++] = ',';
      length += row(page + length, room - length, (int)at, catalogue->generation);
    }
  }
  length += (size_t)snprintf(page + length, room - length, "],\"meta\":{\"total\":%d}}",
                             catalogue->large > 0 ? 1 : SKILLS);
  return (int)skillsmith_registry_call_set_page(call, page, length, NULL);
}

static int health(void *user_data, skillsmith_registry_call *call) {
  (void)user_data;
  (void)call;
  return SKILLSMITH_HEALTH_HEALTHY;
}

/* ---- one call of the library -------------------------------------------------------- */

static int striking;
/* The shortage never ends. */
static int for_ever;
/* Nothing is called any more but what frees. */
static int given_up;
/* The system refuses mappings, too, of which shortage.c does not know. */
static int by_system;

static int struck(void) { return by_system || shortage_refused() > 0; }

static void enter(void) {
  if (striking) shortage_arm();
}

/* A shortage ends with the call in which it began. */
static void leave(void) {
  shortage_disarm();
  if (shortage_refused() > 0 && !for_ever) striking = 0;
}

/* The status of a call that gave `out`, which is checked to be as promised. */
static skillsmith_status checked(const char *step, skillsmith_status status, const void *out,
                                 skillsmith_error *error) {
  if (status == SKILLSMITH_OK) {
    if (out == NULL) fail(step, "OK, but nothing was given");
    if (error != NULL) fail(step, "OK, but an error was given");
    return status;
  }
  if (!struck())
    fail(step, "%s without a shortage: %s", skillsmith_status_name(status),
         skillsmith_error_message(error));
  if (out != NULL) fail(step, "%s, but something was given", skillsmith_status_name(status));
  if (error == NULL) fail(step, "%s, but no error was given", skillsmith_status_name(status));
  if (skillsmith_error_code(error) != status || *skillsmith_error_message(error) == '\0')
    fail(step, "%s, but the error says something else", skillsmith_status_name(status));
  printf("%s=%s ", step, skillsmith_error_name(error));
  if (status != SKILLSMITH_OUT_OF_MEMORY) printf("(%s) ", skillsmith_error_message(error));
  if (skillsmith_error_free(error) != SKILLSMITH_OK) fail(step, "the error cannot be freed");
  return status;
}

/* Calls until it works: at once, or after the one shortage. */
#define CALL(step, out, call)                                                    \
  do {                                                                           \
    for (int tries = 1; !given_up; tries++) {                                    \
      skillsmith_error *error = NULL;                                            \
      skillsmith_status status;                                                  \
      enter();                                                                   \
      status = (call);                                                           \
      leave();                                                                   \
      if (checked(step, status, (const void *)(out), error) == SKILLSMITH_OK) break; \
      if (!for_ever) striking = 0;                                               \
      given_up = for_ever && tries == 2;                                         \
      if (tries == 2 && !given_up) fail(step, "it does not recover");            \
    }                                                                            \
  } while (0)

#define FREE(step, call)                                                          \
  do {                                                                            \
    skillsmith_status status;                                                     \
    enter();                                                                      \
    status = (call);                                                              \
    leave();                                                                      \
    if (status != SKILLSMITH_OK) fail(step, "%s", skillsmith_status_name(status)); \
  } while (0)

/* ---- the scenario ------------------------------------------------------------------- */

static void sync_once(const skillsmith_sync_engine *engine, int must_succeed) {
  skillsmith_sync_options options;
  skillsmith_sync_result *result = NULL;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.page_size = PAGE_SIZE;
  CALL("sync", result, skillsmith_sync_engine_sync(engine, &options, &result, &error));
  if (given_up) return;
  if (result->success) {
    if (result->code != SKILLSMITH_OK || result->error_count != 0)
      fail("sync", "success with an error");
  } else {
    if (must_succeed || !struck())
      fail("sync", "%s: %s", skillsmith_status_name((int)result->code),
           result->error_count > 0 ? result->errors[0].data : "no success, and no error");
    if (result->code == SKILLSMITH_OK || result->error_count == 0)
      fail("sync", "no success without a cause");
    printf("run=%s ", skillsmith_status_name((int)result->code));
    if (result->code != SKILLSMITH_OUT_OF_MEMORY) printf("(%s) ", result->errors[0].data);
  }
  if (result->skills_added + result->skills_updated + result->skills_unchanged +
          result->skills_rejected != result->total_processed)
    fail("sync", "the counts do not add up");
  FREE("sync_result_free", skillsmith_sync_result_free(result));
}

static void scenario(const char *name, const char *path, const char *url, size_t large, int must_succeed) {
  struct catalogue catalogue = {strcmp(name, "update") == 0 ? 2 : 1, large, NULL};
  skillsmith_registry_callbacks callbacks;
  skillsmith_client_options client_options;
  skillsmith_database *database = NULL;
  skillsmith_sync_config_repository *configs = NULL;
  skillsmith_sync_config *config = NULL;
  skillsmith_registry *registry = NULL;
  skillsmith_api_client *client = NULL;
  skillsmith_sync_engine *engine = NULL;
  skillsmith_engine_status *status_record = NULL;
  skillsmith_sync_history_repository *histories = NULL;
  skillsmith_sync_history_list *list = NULL;
  skillsmith_skill_repository *skills = NULL;
  skillsmith_skill *skill = NULL;
  skillsmith_skill_search_results *found = NULL;
  skillsmith_skill_page *page = NULL;

  if (large > 0) catalogue.page = malloc(large + 4096);
  CALL("open", database, skillsmith_database_open(path, NULL, &database, &error));
  CALL("config_new", configs, skillsmith_sync_config_repository_new(database, &configs, &error));
  CALL("config", config, skillsmith_sync_config_repository_get_config(configs, &config, &error));
  FREE("config_free", skillsmith_sync_config_free(config));
  if (strcmp(name, "text") == 0) {
    /* A text of the host's, as large as the page of the other scenarios. */
    char *text = malloc(large + 1);
    memset(text, 'x', large);
    text[large] = '\0';
    /* It gives nothing but its status. */
    CALL("text", status == SKILLSMITH_OK ? text : NULL,
         skillsmith_sync_config_repository_set_last_sync_error(configs, text, &error));
    free(text);
  }
  FREE("config_repository_free", skillsmith_sync_config_repository_free(configs));

  if (url != NULL) {
    memset(&client_options, 0, sizeof client_options);
    client_options.struct_size = sizeof client_options;
    client_options.base_url = url;
    client_options.max_retries = -1;
    CALL("client_new", client, skillsmith_api_client_new(&client_options, &client, &error));
    CALL("engine_new", engine, skillsmith_sync_engine_new(client, database, &engine, &error));
  } else {
    memset(&callbacks, 0, sizeof callbacks);
    callbacks.struct_size = sizeof callbacks;
    callbacks.health = health;
    callbacks.search = search;
    callbacks.user_data = &catalogue;
    CALL("registry_new", registry, skillsmith_registry_new("rig", &callbacks, &registry, &error));
    CALL("engine_new", engine,
         skillsmith_sync_engine_new_with_registry(registry, database, &engine, &error));
  }
  sync_once(engine, must_succeed);
  CALL("status", status_record, skillsmith_sync_engine_get_status(engine, &status_record, &error));
  if (!given_up && status_record->is_running) fail("status", "it is still running");
  FREE("status_free", skillsmith_engine_status_free(status_record));

  CALL("history_new", histories,
       skillsmith_sync_history_repository_new(database, &histories, &error));
  CALL("history", list,
       skillsmith_sync_history_repository_get_history(histories, 10, &list, &error));
  if (must_succeed && list->count == 0) fail("history", "it is empty");
  FREE("history_list_free", skillsmith_sync_history_list_free(list));
  FREE("history_repository_free", skillsmith_sync_history_repository_free(histories));

  if (must_succeed && url == NULL) {
    CALL("skills_new", skills, skillsmith_skill_repository_new(database, &skills, &error));
    CALL("skill", skill,
         skillsmith_skill_repository_find_by_id(skills, large > 0 ? "large" : "skill/1", &skill, &error));
    FREE("skill_free", skillsmith_skill_free(skill));
    CALL("search", found, skillsmith_skill_repository_search(skills, "skill", NULL, &found, &error));
    FREE("search_free", skillsmith_skill_search_results_free(found));
    CALL("list", page, skillsmith_skill_repository_list(skills, NULL, &page, &error));
    FREE("list_free", skillsmith_skill_page_free(page));
    FREE("skill_repository_free", skillsmith_skill_repository_free(skills));
  }

  FREE("engine_free", skillsmith_sync_engine_free(engine));
  FREE("registry_free", skillsmith_registry_free(registry));
  FREE("client_free", skillsmith_api_client_free(client));
  if (database != NULL) {
    skillsmith_error *error = NULL;
    FREE("close", skillsmith_database_close(database, &error));
  }
  FREE("database_free", skillsmith_database_free(database));
  if (skillsmith_live_objects() != 0) fail("end", "%zu objects live", skillsmith_live_objects());
  free(catalogue.page);
}

/* ---- commands ----------------------------------------------------------------------- */

static void strike(const char *name, const char *how, long n, const char *path, const char *url) {
  const enum shortage kind = strcmp(how, "once") == 0   ? SHORTAGE_ONCE
                             : strcmp(how, "from") == 0   ? SHORTAGE_FROM
                             : strcmp(how, "ever") == 0   ? SHORTAGE_FROM
                             : strcmp(how, "system") == 0 ? SHORTAGE_OF_SYSTEM
                                                          : SHORTAGE_OF_LARGE;
  const int with_large = kind == SHORTAGE_OF_LARGE || kind == SHORTAGE_OF_SYSTEM;
  for_ever = strcmp(how, "ever") == 0;
  by_system = kind == SHORTAGE_OF_SYSTEM;
  shortage_plan(kind, n);
  striking = 1;
  scenario(name, path, url, with_large ? 10 * 1024 * 1024 : 0, 0);
  printf("refused=%ld counted=%ld in_use=%zu most=%zu", shortage_refused(), shortage_counted(),
         skillsmith_test_reserve_in_use(), skillsmith_test_reserve_most());
}

static void command(char *line) {
  char *words[6] = {NULL};
  char *rest = line;
  int count = 0;
  while (count < 6 && (words[count] = strsep(&rest, " ")) != NULL) count++;
  alarm(TIME_LIMIT);
  if (count >= 5 && strcmp(words[0], "strike") == 0) {
    strike(words[1], words[2], strtol(words[3], NULL, 10), words[4], words[5]);
  } else if (count >= 3 && strcmp(words[0], "heal") == 0) {
    scenario(words[1], words[2], words[3], 0, 1);
  } else {
    fail("command", "%s", line);
  }
}

int main(int argc, char **argv) {
  static char line[8192];
  const int without_reserve = argc > 1 && strcmp(argv[1], "without-reserve") == 0;
  while (fgets(line, sizeof line, stdin) != NULL) {
    int ends[2];
    int ended;
    char byte;
    pid_t child;
    line[strcspn(line, "\n")] = '\0';
    if (pipe(ends) != 0 || (child = fork()) < 0) return 2;
    if (child == 0) {
      dup2(ends[1], STDOUT_FILENO);
      dup2(ends[1], STDERR_FILENO);
      if (without_reserve) skillsmith_test_reserve_off();
      command(line);
      fflush(stdout);
      _exit(0);
    }
    close(ends[1]);
    /* After the line: how it ended. */
    while (read(ends[0], &byte, 1) == 1) putchar(byte == '\n' ? '|' : byte);
    close(ends[0]);
    if (waitpid(child, &ended, 0) != child) return 2;
    if (WIFEXITED(ended)) printf(" -> exit %d\n", WEXITSTATUS(ended));
    else printf(" -> signal %d\n", WTERMSIG(ended));
    fflush(stdout);
  }
  return 0;
}
