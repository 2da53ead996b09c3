/*
 Syncs, with a progress line.

    sync [DATABASE]

 Without DATABASE: SKILLSMITH_DB_PATH, or ~/.skillsmith/skills.db. The registry and the key
 come from the environment, as for every client (SKILLSMITH_API_URL, SKILLSMITH_API_KEY).
 Ctrl-C stops it; what was written is kept, and the next sync continues from there.

 Ends with 0: success, 1: failed, 2: usage, 3: partial, 4: another sync is running,
 130: interrupted.
*/
#define _POSIX_C_SOURCE 200809L

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skillsmith_sync.h>

/* Set before the handler is installed, and not changed while it is. */
static skillsmith_cancel_token *interrupt;

static void on_interrupt(int signal_number) {
  (void)signal_number;
  /* One of the few functions that a signal handler may call. */
  (void)skillsmith_cancel_token_raise(interrupt);
}

static int on_progress(void *user_data, const skillsmith_sync_progress *progress) {
  const int *is_terminal = user_data;
  if (*is_terminal) {
    fprintf(stderr, "\r\033[K%s", progress->message);
  } else if (progress->phase == SKILLSMITH_SYNC_PHASE_COMPLETE) {
    fprintf(stderr, "%llu of %llu skills changed\n", (unsigned long long)progress->skills_changed,
            (unsigned long long)progress->skills_processed);
  }
  fflush(stderr);
  return 0;
}

static int report(const skillsmith_sync_result *result) {
  size_t i;
  for (i = 0; i < result->warning_count; i++) {
    fprintf(stderr, "warning: %s\n", result->warnings[i].data);
  }
  for (i = 0; i < result->error_count; i++) fprintf(stderr, "error: %s\n", result->errors[i].data);
  printf("%llu new, %llu updated, %llu unchanged, in %llu ms\n",
         (unsigned long long)result->skills_added, (unsigned long long)result->skills_updated,
         (unsigned long long)result->skills_unchanged, (unsigned long long)result->duration_ms);
  if (result->code == SKILLSMITH_CANCELLED) return 130;
  if (result->code == SKILLSMITH_SYNC_IN_PROGRESS) return 4;
  if (result->status == SKILLSMITH_SYNC_STATUS_PARTIAL) return 3;
  return result->success ? 0 : 1;
}

int main(int argc, char **argv) {
  skillsmith_database *database = NULL;
  skillsmith_api_client *client = NULL;
  skillsmith_sync_engine *engine = NULL;
  skillsmith_sync_result *result = NULL;
  skillsmith_error *error = NULL;
  skillsmith_sync_options options = {0};
  struct sigaction action;
  int is_terminal = isatty(STDERR_FILENO);
  int status = 1;

  if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
    fprintf(stderr, "usage: %s [DATABASE]\n", argv[0]);
    return 2;
  }
  if (skillsmith_abi_version() != SKILLSMITH_ABI_VERSION) {
    fprintf(stderr, "The library that was loaded (%s) is not the one of the header (%s).\n",
            skillsmith_version_string(), SKILLSMITH_VERSION);
    return 1;
  }

  options.struct_size = sizeof options;
  options.on_progress = on_progress;
  options.user_data = &is_terminal;

  if (skillsmith_cancel_token_new(&interrupt, &error) != SKILLSMITH_OK) goto end;
  memset(&action, 0, sizeof action);
  sigemptyset(&action.sa_mask);
  action.sa_handler = on_interrupt;
  action.sa_flags = (int)SA_RESETHAND; /* A second Ctrl-C ends the program at once. */
  sigaction(SIGINT, &action, NULL);
  options.cancel = interrupt;

  if (skillsmith_database_open(argv[1], NULL, &database, &error) == SKILLSMITH_OK &&
      skillsmith_api_client_new(NULL, &client, &error) == SKILLSMITH_OK &&
      skillsmith_sync_engine_new(client, database, &engine, &error) == SKILLSMITH_OK &&
      skillsmith_sync_engine_sync(engine, &options, &result, &error) == SKILLSMITH_OK) {
    if (is_terminal) fputs("\r\033[K", stderr);
    status = report(result);
  }
  signal(SIGINT, SIG_DFL);

end:
  if (error != NULL) {
    fprintf(stderr, "%s: %s\n", skillsmith_error_name(error), skillsmith_error_message(error));
  }
  skillsmith_error_free(error);
  skillsmith_sync_result_free(result);
  skillsmith_sync_engine_free(engine);
  skillsmith_api_client_free(client);
  skillsmith_database_free(database);
  skillsmith_cancel_token_free(interrupt);
  return status;
}
