/* Versions, statuses and error objects. */
#include "check.h"
#include "hooks.h"

static void versions(void) {
  char text[64];
  CHECK_EQ(skillsmith_abi_version(), SKILLSMITH_ABI_VERSION);
  CHECK_TEXT(skillsmith_version_string(), SKILLSMITH_VERSION);
  CHECK_EQ(skillsmith_version_number(), SKILLSMITH_VERSION_NUMBER);
  CHECK_EQ(SKILLSMITH_VERSION_NUMBER, SKILLSMITH_VERSION_MAJOR * 1000000 +
                                          SKILLSMITH_VERSION_MINOR * 1000 + SKILLSMITH_VERSION_PATCH);
  sprintf(text, "%d.%d.%d", SKILLSMITH_VERSION_MAJOR, SKILLSMITH_VERSION_MINOR,
          SKILLSMITH_VERSION_PATCH);
  CHECK_TEXT(SKILLSMITH_VERSION, text);
}

#define ROW(name, retryable) {SKILLSMITH_##name, #name, retryable}

static const struct {
  skillsmith_status status;
  const char *name;
  int retryable;
} table[] = {
    ROW(INVALID_ARGUMENT, 0),    ROW(RUN_NOT_FOUND, 0),       ROW(SYNC_IN_PROGRESS, 1),
    ROW(CANCELLED, 1),           ROW(DATABASE_CLOSED, 0),     ROW(OPENED_BEFORE_FORK, 0),
    ROW(HOST_ERROR, 1),          ROW(NULL_ARGUMENT, 0),       ROW(INVALID_HANDLE, 0),
    ROW(OFFLINE, 0),             ROW(API_UNHEALTHY, 1),       ROW(NETWORK_UNREACHABLE, 1),
    ROW(NETWORK_TIMEOUT, 1),     ROW(RATE_LIMITED, 1),        ROW(QUOTA_EXCEEDED, 0),
    ROW(UNAUTHORIZED, 0),        ROW(FORBIDDEN, 0),           ROW(SERVER_ERROR, 1),
    ROW(RUN_DEADLINE, 1),        ROW(PLAN_REQUIRED, 0),       ROW(SIGN_IN_EXPIRED, 0),     ROW(DATABASE_ERROR, 0),      ROW(DATABASE_BUSY, 1),
    ROW(NOT_A_DATABASE, 0),      ROW(DATABASE_DAMAGED, 0),    ROW(NOT_SKILLSMITH, 0),
    ROW(PERMISSION_DENIED, 0),   ROW(READ_ONLY, 0),           ROW(DISK_FULL, 1),
    ROW(IO_ERROR, 0),            ROW(DATABASE_IN_USE, 1),     ROW(DATABASE_REPLACED, 1),
    ROW(TOO_MANY_FILES, 1),      ROW(PROTOCOL_ERROR, 1),      ROW(REQUEST_REFUSED, 0),
    ROW(REDIRECT_REFUSED, 0),    ROW(RESPONSE_TOO_LARGE, 0),  ROW(INTERNAL, 0),
    ROW(OUT_OF_MEMORY, 1),
};

static void names(void) {
  static const int32_t none[] = {-1, 1, 99, 100, 999, INT32_MAX, INT32_MIN};
  size_t index;
  for (index = 0; index < sizeof table / sizeof table[0]; index++) {
    CHECK_TEXT(skillsmith_status_name(table[index].status), table[index].name);
    if (skillsmith_status_is_retryable(table[index].status) != (table[index].retryable != 0))
      FAIL("whether %s is retryable", table[index].name);
  }
  CHECK_TEXT(skillsmith_status_name(SKILLSMITH_OK), "OK");
  CHECK(!skillsmith_status_is_retryable(SKILLSMITH_OK));
  for (index = 0; index < sizeof none / sizeof none[0]; index++) {
    CHECK_TEXT(skillsmith_status_name((skillsmith_status)none[index]), "UNKNOWN");
    CHECK(!skillsmith_status_is_retryable((skillsmith_status)none[index]));
  }
}

/* Every error can cross the border, with its texts. */
static void objects(void) {
  size_t index;
  for (index = 0; index < sizeof table / sizeof table[0]; index++) {
    skillsmith_error *error = check_rubbish();
    skillsmith_status status = table[index].status;
    CODE(status, skillsmith_test_fail(status, &error));
    CHECK_EQ(skillsmith_error_code(error), status);
    CHECK_TEXT(skillsmith_error_name(error), table[index].name);
    CHECK(skillsmith_error_message(error)[0] != 0);
    CHECK_EQ(skillsmith_error_is_retryable(error), table[index].retryable);
    CHECK_EQ(skillsmith_error_retry_at_ms(error),
             status == SKILLSMITH_RATE_LIMITED ? INT64_C(1800000000000) : -1);
    if (status == SKILLSMITH_INTERNAL)
      CHECK_HAS(skillsmith_error_message(error), "before\xEF\xBF\xBD" "behind");
    CODE(SKILLSMITH_OK, skillsmith_error_free(error));
    CODE(SKILLSMITH_INVALID_HANDLE, skillsmith_error_free(error));
    CHECK_EQ(skillsmith_error_code(error), SKILLSMITH_OK);
    CHECK_TEXT(skillsmith_error_name(error), "OK");
    CHECK_TEXT(skillsmith_error_message(error), "");
    CHECK(!skillsmith_error_is_retryable(error));
    CHECK_EQ(skillsmith_error_retry_at_ms(error), -1);
    CODE(status, skillsmith_test_fail(status, NULL));
  }
  CODE(SKILLSMITH_OK, skillsmith_test_fail(SKILLSMITH_OK, NULL));
  CODE(SKILLSMITH_OK, skillsmith_error_free(NULL));
}

/* An error that is found in the variable is overwritten, and stays its owner's. */
static void overwritten(void) {
  skillsmith_error *error = NULL, *first;
  CODE(SKILLSMITH_OFFLINE, skillsmith_test_fail(SKILLSMITH_OFFLINE, &error));
  first = error;
  CODE(SKILLSMITH_OK, skillsmith_test_fail(SKILLSMITH_OK, &error));
  CHECK(error == NULL);
  CHECK_EQ(skillsmith_error_code(first), SKILLSMITH_OFFLINE);
  CHECK_EQ(skillsmith_live_objects(), 1);
  CODE(SKILLSMITH_OK, skillsmith_error_free(first));
}

PROGRAM(CASE(versions), CASE(names), CASE(objects), CASE(overwritten))
