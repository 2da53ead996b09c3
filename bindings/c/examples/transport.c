/*
 Syncs from a registry of the program's own: a file with one skill (a JSON object) per line.

    transport SKILLS.jsonl [DATABASE]

 A program with its own HTTP stack does the same with its responses: it passes the body
 of a page unchanged, or reports the HTTP status or the reason of a failure.

 Ends with 0: success, 1: anything else, 2: usage.
*/
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skillsmith_sync.h>

/* State of the callbacks. They run one after the other, on a thread of the engine. */
struct catalogue {
  const char *path;
  /* The last page, kept so that its memory can be used again. */
  char *page;
  size_t length;
  size_t room;
};

static int append(struct catalogue *catalogue, const char *text, size_t length) {
  if (catalogue->room - catalogue->length < length) {
    size_t room = (catalogue->room + length) * 2;
    char *page = realloc(catalogue->page, room);
    if (page == NULL) return 0;
    catalogue->page = page;
    catalogue->room = room;
  }
  memcpy(catalogue->page + catalogue->length, text, length);
  catalogue->length += length;
  return 1;
}

/* Returns up to `limit` lines from `offset` on, as a page. */
static int write_page(struct catalogue *catalogue, FILE *file, uint64_t offset, uint32_t limit,
                      skillsmith_registry_call *call) {
  char piece[4096];
  uint64_t line = 0;
  uint64_t last = UINT64_MAX;

  catalogue->length = 0;
  if (!append(catalogue, "{\"data\":[", 9)) return 0;
  while (fgets(piece, sizeof piece, file) != NULL) {
    /* A line longer than the buffer comes in several pieces. */
    size_t length = strcspn(piece, "\n");
    int is_end = piece[length] == '\n';
    if (line >= offset && line - offset < limit && length > 0) {
      if (last != line && last != UINT64_MAX && !append(catalogue, ",", 1)) return 0;
      if (!append(catalogue, piece, length)) return 0;
      last = line;
    }
    if (is_end) {
      line++;
      if (line % 1000 == 0 && skillsmith_registry_call_is_cancelled(call)) break;
    }
  }
  return append(catalogue, "]}", 2);
}

static int on_search(void *user_data, const skillsmith_page_request *request,
                     skillsmith_registry_call *call) {
  struct catalogue *catalogue = user_data;
  FILE *file;
  int is_written;

  if (request->query.data != NULL || request->trust_tier.data != NULL) {
    /* Only used after a plain listing was refused with a 400. */
    skillsmith_registry_call_fail_http(call, 400, -1, "This registry knows plain listings only.");
    return 0;
  }
  file = fopen(catalogue->path, "r");
  if (file == NULL) {
    char why[512];
    snprintf(why, sizeof why, "%s: %s", catalogue->path, strerror(errno));
    skillsmith_registry_call_fail(call, SKILLSMITH_NETWORK_UNREACHABLE, why);
    return 0;
  }
  is_written = write_page(catalogue, file, request->offset, request->limit, call);
  fclose(file);
  if (!is_written) {
    skillsmith_registry_call_fail(call, SKILLSMITH_HOST_ERROR, "Out of memory.");
    return 0;
  }
  /* A page that is not JSON fails the request, with the reason. */
  skillsmith_registry_call_set_page(call, catalogue->page, catalogue->length, NULL);
  return 0;
}

/* Called once, after the last call of on_search. */
static void on_destroy(void *user_data) {
  struct catalogue *catalogue = user_data;
  free(catalogue->page);
  free(catalogue);
}

/* Owns only the new registry. */
static skillsmith_registry *open_registry(const char *path, skillsmith_error **out_error) {
  skillsmith_registry_callbacks callbacks = {0};
  skillsmith_registry *registry = NULL;
  struct catalogue *catalogue = calloc(1, sizeof *catalogue);

  if (catalogue == NULL) return NULL;
  catalogue->path = path;
  callbacks.struct_size = sizeof callbacks;
  callbacks.search = on_search;
  callbacks.user_data = catalogue;
  callbacks.destroy = on_destroy;
  /* The name identifies this registry: an unfinished listing continues under it. */
  if (skillsmith_registry_new(path, &callbacks, &registry, out_error) != SKILLSMITH_OK) {
    on_destroy(catalogue);
  }
  return registry;
}

int main(int argc, char **argv) {
  skillsmith_database *database = NULL;
  skillsmith_registry *registry = NULL;
  skillsmith_sync_engine *engine = NULL;
  skillsmith_sync_result *result = NULL;
  skillsmith_error *error = NULL;
  size_t i;
  int status = 1;

  if (argc != 2 && argc != 3) {
    fprintf(stderr, "usage: %s SKILLS.jsonl [DATABASE]\n", argv[0]);
    return 2;
  }
  if (skillsmith_abi_version() != SKILLSMITH_ABI_VERSION) {
    fprintf(stderr, "The library that was loaded is not the one of the header.\n");
    return 1;
  }

  registry = open_registry(argv[1], &error);
  if (registry != NULL &&
      skillsmith_database_open(argv[2], NULL, &database, &error) == SKILLSMITH_OK &&
      skillsmith_sync_engine_new_with_registry(registry, database, &engine, &error) ==
          SKILLSMITH_OK &&
      skillsmith_sync_engine_sync(engine, NULL, &result, &error) == SKILLSMITH_OK) {
    for (i = 0; i < result->error_count; i++) {
      fprintf(stderr, "error: %s\n", result->errors[i].data);
    }
    printf("%llu new, %llu updated, %llu unchanged\n", (unsigned long long)result->skills_added,
           (unsigned long long)result->skills_updated,
           (unsigned long long)result->skills_unchanged);
    status = result->success ? 0 : 1;
  }
  if (error != NULL) {
    fprintf(stderr, "%s: %s\n", skillsmith_error_name(error), skillsmith_error_message(error));
  }

  skillsmith_error_free(error);
  skillsmith_sync_result_free(result);
  skillsmith_sync_engine_free(engine);
  skillsmith_database_free(database);
  skillsmith_registry_free(registry);
  return status;
}
