/*
 What every program here needs: assertions that say where they failed, a scratch folder,
 and the registry server of the test, which also takes commands.

 The programs are C99 and C++17 at once. They say nothing unless something is wrong, so
 that whatever else comes out of them was written by the library.
 */
#ifndef CHECK_H
#define CHECK_H

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <skillsmith_sync.h>

/* Not every program uses every helper. */
#define HELPER __attribute__((unused)) static

static const char *check_case = "";

/* ---- assertions --------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4), noreturn)) HELPER void check_failed(const char *file, int line,
                                                                         const char *format, ...) {
  va_list arguments;
  const char *name = strrchr(file, '/');
  fprintf(stderr, "%s:%d in %s: ", name == NULL ? file : name + 1, line, check_case);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  fflush(stderr);
  /* Callbacks and other threads come here, too. */
  _exit(1);
}

#define FAIL(...) check_failed(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(condition)                     \
  do {                                       \
    if (!(condition)) FAIL("%s", #condition); \
  } while (0)

/* Whole numbers that fit into 64 bits with a sign. */
#define CHECK_EQ(found, wanted)                                                        \
  do {                                                                                 \
    int64_t found_ = (int64_t)(found), wanted_ = (int64_t)(wanted);                    \
    if (found_ != wanted_) FAIL("%s is %" PRId64 ", not %" PRId64, #found, found_, wanted_); \
  } while (0)

#define CHECK_TEXT(found, wanted)                                             \
  do {                                                                        \
    const char *found_ = (found), *wanted_ = (wanted);                        \
    if (found_ == NULL || strcmp(found_, wanted_) != 0)                       \
      FAIL("%s is \"%s\", not \"%s\"", #found, found_ ? found_ : "(NULL)", wanted_); \
  } while (0)

#define CHECK_HAS(found, part)                                                   \
  do {                                                                           \
    const char *found_ = (found), *part_ = (part);                               \
    if (found_ == NULL || strstr(found_, part_) == NULL)                         \
      FAIL("%s is \"%s\", without \"%s\"", #found, found_ ? found_ : "(NULL)", part_); \
  } while (0)

/* A text of a record, which may hold a NUL. */
#define CHECK_RECORD_TEXT(found, bytes, size)                                        \
  do {                                                                               \
    skillsmith_text found_ = (found);                                                \
    if (found_.data == NULL || found_.length != (size) ||                            \
        memcmp(found_.data, (bytes), (size)) != 0 || found_.data[found_.length] != 0) \
      FAIL("%s is \"%s\" (%zu bytes)", #found, found_.data ? found_.data : "(NULL)",  \
           found_.length);                                                           \
  } while (0)

#define CHECK_IS(found, wanted) CHECK_RECORD_TEXT(found, wanted, strlen(wanted))
#define CHECK_NONE(found) CHECK((found).data == NULL && (found).length == 0)

/* A call that returns this status. */
#define CODE(wanted, call)                                                             \
  do {                                                                                 \
    skillsmith_status found_ = (call);                                                 \
    if (found_ != (wanted))                                                            \
      FAIL("%s returned %s, not %s", #call, skillsmith_status_name(found_), #wanted); \
  } while (0)

/* A call that has an argument &error, and succeeds. */
#define OK(call)                                                              \
  do {                                                                        \
    skillsmith_error *error = check_rubbish();                                \
    skillsmith_status found_ = (call);                                        \
    if (found_ != SKILLSMITH_OK)                                              \
      FAIL("%s returned %s: %s", #call, skillsmith_status_name(found_),        \
           skillsmith_error_message(error));                                  \
    if (error != NULL) FAIL("%s left an error", #call);                       \
  } while (0)

/* A call that has an argument &error, and fails with this code and such a message. */
#define FAILS(wanted, part, call)                                                         \
  do {                                                                                    \
    skillsmith_error *error = check_rubbish();                                            \
    skillsmith_status found_ = (call);                                                    \
    if (found_ != (wanted))                                                               \
      FAIL("%s returned %s, not %s: %s", #call, skillsmith_status_name(found_), #wanted,  \
           skillsmith_error_message(error));                                              \
    CHECK_EQ(skillsmith_error_code(error), (wanted));                                     \
    CHECK_TEXT(skillsmith_error_name(error), skillsmith_status_name(wanted));             \
    CHECK_HAS(skillsmith_error_message(error), part);                                     \
    CHECK_EQ(skillsmith_error_is_retryable(error), skillsmith_status_is_retryable(wanted)); \
    CODE(SKILLSMITH_OK, skillsmith_error_free(error));                                    \
  } while (0)

/* What an output holds before a call that has to empty it. */
HELPER skillsmith_error *check_rubbish(void) { return (skillsmith_error *)(uintptr_t)0xBAD; }
#define RUBBISH(type) ((type *)(uintptr_t)0xBAD)

/* Options with every member at its default. ({0} is no C++ without a warning.) */
#define OPTIONS(type, name)       \
  type name;                      \
  memset(&name, 0, sizeof name);  \
  name.struct_size = sizeof name

/* ---- time --------------------------------------------------------------------------- */

HELPER int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

HELPER void pause_ms(int ms) {
  struct timespec time;
  time.tv_sec = ms / 1000;
  time.tv_nsec = (long)(ms % 1000) * 1000000;
  while (nanosleep(&time, &time) != 0 && errno == EINTR) continue;
}

/* How many times longer everything may take here. */
HELPER int slowness(void) {
  const char *text = getenv("CHECK_SLOWNESS");
  return text == NULL ? 1 : atoi(text);
}

/* Far less than any timeout of the library's, and far more than what is promised. */
#define PROMPTLY (1500 * slowness())

#define WAIT_UNTIL(condition)                                              \
  do {                                                                     \
    int64_t end_ = now_ms() + 20000 * (int64_t)slowness();                 \
    while (!(condition)) {                                                 \
      if (now_ms() > end_) FAIL("waited in vain until %s", #condition);    \
      pause_ms(2);                                                         \
    }                                                                      \
  } while (0)

/* ---- numbers that several threads use ----------------------------------------------- */

HELPER int get(const int *number) { return __atomic_load_n(number, __ATOMIC_SEQ_CST); }
HELPER void set(int *number, int value) { __atomic_store_n(number, value, __ATOMIC_SEQ_CST); }
HELPER int count_up(int *number) { return __atomic_add_fetch(number, 1, __ATOMIC_SEQ_CST); }

HELPER pthread_t start(void *(*body)(void *), void *argument) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, body, argument) != 0) FAIL("pthread_create");
  return thread;
}

HELPER void join(pthread_t thread) { CHECK_EQ(pthread_join(thread, NULL), 0); }

/* ---- files -------------------------------------------------------------------------- */

/* A path in a folder of this case. Eight of them live at a time. */
HELPER const char *place(const char *name) {
  static char paths[8][4096];
  static int next = 0;
  char *path = paths[next++ % 8];
  const char *scratch = getenv("CHECK_SCRATCH");
  if (scratch == NULL) FAIL("CHECK_SCRATCH is not set");
  snprintf(path, sizeof paths[0], "%s/%s", scratch, check_case);
  if (mkdir(path, 0755) != 0 && errno != EEXIST) FAIL("mkdir %s: %s", path, strerror(errno));
  if (*name != 0) {
    strcat(path, "/");
    strncat(path, name, sizeof paths[0] - strlen(path) - 1);
  }
  return path;
}

HELPER void write_file(const char *path, const void *bytes, size_t length) {
  FILE *file = fopen(path, "wb");
  CHECK(file != NULL);
  CHECK_EQ(fwrite(bytes, 1, length, file), length);
  CHECK_EQ(fclose(file), 0);
}

/* ---- the registry ------------------------------------------------------------------- */

HELPER const char *registry_url(void) {
  const char *url = getenv("CHECK_REGISTRY");
  if (url == NULL) FAIL("CHECK_REGISTRY is not set");
  return url;
}

/* Sends a command to the registry server; gives its answer, to be freed. */
HELPER char *command(const char *method, const char *path, const char *body) {
  struct sockaddr_in address;
  size_t length = 0, room = 1 << 16;
  char *answer = (char *)malloc(room);
  char head[512];
  int port = 0;
  ssize_t got;
  int connection = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(sscanf(registry_url(), "http://127.0.0.1:%d/", &port) == 1);
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(connect(connection, (struct sockaddr *)&address, sizeof address) == 0);
  snprintf(head, sizeof head,
           "%s /_control/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
           method, path, strlen(body));
  CHECK_EQ(send(connection, head, strlen(head), MSG_NOSIGNAL), strlen(head));
  CHECK_EQ(send(connection, body, strlen(body), MSG_NOSIGNAL), strlen(body));
  while ((got = recv(connection, answer + length, room - length - 1, 0)) > 0) {
    length += (size_t)got;
    if (room - length < 4096) answer = (char *)realloc(answer, room *= 2);
  }
  close(connection);
  answer[length] = 0;
  if (strncmp(answer, "HTTP/1.1 2", 10) != 0) FAIL("%s %s %s: %s", method, path, body, answer);
  return answer;
}

HELPER void tell(const char *method, const char *path, const char *body) {
  free(command(method, path, body));
}

HELPER void registry_options(const char *json) { tell("POST", "options", json); }

/* One fault: {"when": ..., "action": ...} without the braces around. */
HELPER void registry_fault(const char *when, const char *action) {
  char json[2048];
  snprintf(json, sizeof json, "[{\"when\": %s, \"action\": %s}]", when, action);
  tell("POST", "faults", json);
}

/* How often a text stands in the registry's log of the requests since the case began. */
HELPER int registry_log_has(const char *part) {
  char *answer = command("GET", "requests", "");
  int count = 0;
  const char *at = answer;
  while ((at = strstr(at, part)) != NULL) {
    count++;
    at++;
  }
  free(answer);
  return count;
}

/* How many requests the registry has got since the case began. */
HELPER int registry_requests(void) { return registry_log_has("\"path\""); }

/* Everything as it was at first, but for the skills. */
HELPER void registry_reset(void) {
  if (getenv("CHECK_REGISTRY") == NULL) return;
  tell("DELETE", "faults", "");
  registry_options(
      "{\"plain\": \"allowed\", \"max_limit\": 100, \"api_keys\": [], \"forbidden\": null,"
      "\"plan_required\": null, \"sign_in\": {},"
      " \"rate_limit\": null, \"monthly_quota\": null, \"delay_ms\": 0, \"health\": \"healthy\","
      " \"redirect\": null, \"retry_after_form\": \"seconds\", \"hide_every\": null,"
      " \"sync_endpoint\": null}");
  tell("DELETE", "requests", "");
}

/* ---- what the library makes --------------------------------------------------------- */

HELPER skillsmith_database *open_at(const char *path) {
  skillsmith_database *database = RUBBISH(skillsmith_database);
  OK(skillsmith_database_open(path, NULL, &database, &error));
  return database;
}

HELPER skillsmith_database *open_in_memory(void) {
  skillsmith_database *database = RUBBISH(skillsmith_database);
  OK(skillsmith_database_open_in_memory(&database, &error));
  return database;
}

/* A client that tries everything once. */
HELPER skillsmith_api_client *client_of(const char *url) {
  OPTIONS(skillsmith_client_options, options);
  skillsmith_api_client *client = RUBBISH(skillsmith_api_client);
  options.base_url = url;
  options.max_retries = -1;
  OK(skillsmith_api_client_new(&options, &client, &error));
  return client;
}

HELPER skillsmith_sync_engine *engine_of(skillsmith_api_client *client,
                                         const skillsmith_database *database) {
  skillsmith_sync_engine *engine = RUBBISH(skillsmith_sync_engine);
  OK(skillsmith_sync_engine_new(client, database, &engine, &error));
  CODE(SKILLSMITH_OK, skillsmith_api_client_free(client));
  return engine;
}

/* An engine for the registry server. */
HELPER skillsmith_sync_engine *engine_for(const skillsmith_database *database) {
  return engine_of(client_of(registry_url()), database);
}

HELPER skillsmith_sync_result *sync_with(const skillsmith_sync_engine *engine,
                                         const skillsmith_sync_options *options) {
  skillsmith_sync_result *result = RUBBISH(skillsmith_sync_result);
  OK(skillsmith_sync_engine_sync(engine, options, &result, &error));
  CHECK_EQ(result->total_processed, result->skills_added + result->skills_updated +
                                        result->skills_unchanged + result->skills_rejected);
  CHECK_EQ(result->success, result->status == SKILLSMITH_SYNC_STATUS_SUCCESS);
  return result;
}

/* A run that ends with this code, and such an error. Its code is a CODE, too. */
#define RUN(wanted, part, engine, options)                                        \
  do {                                                                            \
    skillsmith_sync_result *result_ = sync_with(engine, options);                 \
    if (result_->code != (wanted))                                                \
      FAIL("the run ended with %s, not %s: %s", skillsmith_status_name(result_->code), \
           #wanted, result_->error_count > 0 ? result_->errors[0].data : "");     \
    if ((wanted) != SKILLSMITH_OK) {                                              \
      CHECK(!result_->success && result_->error_count >= 1);                      \
      CHECK_HAS(result_->errors[0].data, part);                                   \
    }                                                                             \
    CODE(SKILLSMITH_OK, skillsmith_sync_result_free(result_));                    \
  } while (0)

HELPER int64_t skills_in(const skillsmith_database *database) {
  skillsmith_skill_repository *skills = RUBBISH(skillsmith_skill_repository);
  int64_t count = -1;
  OK(skillsmith_skill_repository_new(database, &skills, &error));
  OK(skillsmith_skill_repository_count(skills, &count, &error));
  CODE(SKILLSMITH_OK, skillsmith_skill_repository_free(skills));
  return count;
}

/* ---- a registry of the program's own ------------------------------------------------ */

/* So many skills, which it serves by itself. */
typedef struct served {
  int skills;
  int pages;
  int destroyed;
} served;

HELPER int serve_page(served *from, const skillsmith_page_request *request,
                      skillsmith_registry_call *call) {
  size_t room = 256 + 128 * (size_t)request->limit, length;
  char *json = (char *)malloc(room);
  uint64_t row = request->offset, end = row + request->limit;
  skillsmith_status status;
  CHECK(json != NULL);
  if (end > (uint64_t)from->skills) end = (uint64_t)from->skills;
  length = (size_t)sprintf(json, "{\"meta\": {\"total\": %d}, \"data\": [", from->skills);
  for (; row < end; row++) {
    length += (size_t)sprintf(json + length, "%s{\"id\": \"own/%" PRIu64 "\", \"name\": \"skill %" PRIu64 "\", \"trust_tier\": \"community\"}",
                              row > request->offset ? ", " : "", row, row);
  }
  length += (size_t)sprintf(json + length, "]}");
  count_up(&from->pages);
  status = skillsmith_registry_call_set_page(call, json, length, NULL);
  free(json);
  return status;
}

HELPER int serve(void *user_data, const skillsmith_page_request *request,
                 skillsmith_registry_call *call) {
  return serve_page((served *)user_data, request, call);
}

HELPER void serve_no_more(void *user_data) { count_up(&((served *)user_data)->destroyed); }

HELPER skillsmith_registry *registry_with(const skillsmith_registry_callbacks *callbacks) {
  skillsmith_registry *registry = RUBBISH(skillsmith_registry);
  OK(skillsmith_registry_new("a registry of the test's", callbacks, &registry, &error));
  return registry;
}

HELPER skillsmith_sync_engine *engine_with(const skillsmith_registry_callbacks *callbacks,
                                           const skillsmith_database *database) {
  skillsmith_registry *registry = registry_with(callbacks);
  skillsmith_sync_engine *engine = RUBBISH(skillsmith_sync_engine);
  OK(skillsmith_sync_engine_new_with_registry(registry, database, &engine, &error));
  CODE(SKILLSMITH_OK, skillsmith_registry_free(registry));
  return engine;
}

/* ---- the program -------------------------------------------------------------------- */

typedef struct check_program {
  const char *name;
  void (*run)(void);
} check_program;

#define CASE(name) {#name, name}

/* Runs the cases that the command line names, or all. Each leaves nothing behind. */
#define PROGRAM(...)                                                        \
  int main(int argc, char **argv) {                                         \
    static const check_program cases[] = {__VA_ARGS__};                     \
    return check_run(cases, sizeof cases / sizeof cases[0], argc, argv);    \
  }

HELPER int check_run(const check_program *cases, size_t count, int argc, char **argv) {
  size_t index;
  int ran = 0;
  /* A shell starts what runs in its background with this signal ignored. */
  signal(SIGINT, SIG_DFL);
  for (index = 0; index < count; index++) {
    int wanted = argc < 2, argument;
    for (argument = 1; argument < argc; argument++) {
      if (strcmp(argv[argument], cases[index].name) == 0) wanted = 1;
    }
    if (!wanted) continue;
    check_case = cases[index].name;
    ran++;
    registry_reset();
    cases[index].run();
    /* A thread that was left behind may hold a handle for a moment longer. */
    WAIT_UNTIL(skillsmith_live_objects() == 0);
  }
  check_case = "main";
  CHECK(ran > 0);
  return 0;
}

#endif
