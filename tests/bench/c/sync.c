/* One first sync through the C library: sync URL DATABASE. Says nothing where it is a success. */

#include <skillsmith_sync.h>
#include <stdio.h>

static int heard(void *user_data, const skillsmith_sync_progress *progress) {
  *(uint64_t *)user_data += progress->current;
  return 0;
}

int main(int argc, char **argv) {
  skillsmith_database *database = NULL;
  skillsmith_api_client *client = NULL;
  skillsmith_sync_engine *engine = NULL;
  skillsmith_sync_result *result = NULL;
  skillsmith_error *error = NULL;
  skillsmith_client_options where = {0};
  skillsmith_sync_options options = {0};
  uint64_t steps = 0;
  int success = 0;

  if (argc != 3) return 2;
  where.struct_size = sizeof where;
  where.base_url = argv[1];
  options.struct_size = sizeof options;
  options.on_progress = heard;
  options.user_data = &steps;
  if (skillsmith_database_open(argv[2], NULL, &database, &error) == SKILLSMITH_OK &&
      skillsmith_api_client_new(&where, &client, &error) == SKILLSMITH_OK &&
      skillsmith_sync_engine_new(client, database, &engine, &error) == SKILLSMITH_OK &&
      skillsmith_sync_engine_sync(engine, &options, &result, &error) == SKILLSMITH_OK) {
    success = result->success && steps > 0;
  }
  if (error != NULL) fprintf(stderr, "%s\n", skillsmith_error_message(error));
  skillsmith_error_free(error);
  skillsmith_sync_result_free(result);
  skillsmith_sync_engine_free(engine);
  skillsmith_api_client_free(client);
  skillsmith_database_free(database);
  return success ? 0 : 1;
}
