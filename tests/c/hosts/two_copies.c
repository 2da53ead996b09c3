/* two_copies ONE.so OTHER.so: what one copy has made is nothing to the other. */
#include <skillsmith_sync.h>

#include <dlfcn.h>
#include <stdio.h>

#define FAIL(...) return fprintf(stderr, __VA_ARGS__), 1
#define OF(copy, name) ((__typeof__(&name))dlsym(copy, #name))

int main(int count, char **arguments) {
  void *copies[2];
  skillsmith_database *databases[2] = {NULL, NULL};
  skillsmith_cancel_token *tokens[2] = {NULL, NULL};
  skillsmith_error *errors[2] = {NULL, NULL};
  char *names[2] = {NULL, NULL};
  int one;
  if (count != 3) return 2;
  for (one = 0; one < 2; one++) {
    copies[one] = dlopen(arguments[one + 1], RTLD_NOW | RTLD_LOCAL);
    if (copies[one] == NULL) FAIL("%s\n", dlerror());
  }
  if (copies[0] == copies[1]) FAIL("one copy\n");
  for (one = 0; one < 2; one++) {
    OF(copies[one], skillsmith_database_open_in_memory)(&databases[one], NULL);
    OF(copies[one], skillsmith_cancel_token_new)(&tokens[one], NULL);
    OF(copies[one], skillsmith_database_name)(databases[one], &names[one], NULL);
    OF(copies[one], skillsmith_database_name)(NULL, NULL, &errors[one]);
    if (databases[one] == NULL || tokens[one] == NULL || names[one] == NULL || errors[one] == NULL) FAIL("nothing made\n");
  }
  for (one = 0; one < 2; one++) {
    void *copy = copies[one];
    const int other = 1 - one;
    char *name = NULL;
    skillsmith_error *error = NULL;
    if (OF(copy, skillsmith_database_name)(databases[other], &name, &error) != SKILLSMITH_INVALID_HANDLE) FAIL("name\n");
    OF(copy, skillsmith_error_free)(error);
    if (OF(copy, skillsmith_database_is_open)(databases[other])) FAIL("is_open\n");
    if (OF(copy, skillsmith_database_free)(databases[other]) != SKILLSMITH_INVALID_HANDLE) FAIL("free\n");
    if (OF(copy, skillsmith_cancel_token_raise)(tokens[other]) != SKILLSMITH_INVALID_HANDLE) FAIL("raise\n");
    if (OF(copy, skillsmith_string_free)(names[other]) != SKILLSMITH_INVALID_HANDLE) FAIL("string\n");
    if (OF(copy, skillsmith_error_code)(errors[other]) != SKILLSMITH_OK) FAIL("error\n");
    if (OF(copy, skillsmith_error_free)(errors[other]) != SKILLSMITH_INVALID_HANDLE) FAIL("error_free\n");
  }
  for (one = 0; one < 2; one++) {
    void *copy = copies[one];
    if (!OF(copy, skillsmith_database_is_open)(databases[one])) FAIL("not open\n");
    if (OF(copy, skillsmith_cancel_token_is_cancelled)(tokens[one])) FAIL("cancelled\n");
    if (OF(copy, skillsmith_live_objects)() != 4) FAIL("live objects\n");
    if (OF(copy, skillsmith_database_free)(databases[one]) != SKILLSMITH_OK) FAIL("own free\n");
    if (OF(copy, skillsmith_cancel_token_free)(tokens[one]) != SKILLSMITH_OK) FAIL("own token\n");
    if (OF(copy, skillsmith_string_free)(names[one]) != SKILLSMITH_OK) FAIL("own string\n");
    if (OF(copy, skillsmith_error_free)(errors[one]) != SKILLSMITH_OK) FAIL("own error\n");
  }
  return 0;
}
