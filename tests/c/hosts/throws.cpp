// throws [CALLBACK]: an exception leaves this callback of a sync.
#include <skillsmith_sync.h>

#include <chrono>
#include <cstring>
#include <thread>

namespace {

const char *thrower = "";

void may_throw(const char *name) {
  if (std::strcmp(thrower, name) == 0) throw 1;
}

int search(void *, const skillsmith_page_request *, skillsmith_registry_call *call) {
  may_throw("search");
  const char page[] = R"({"data": []})";
  return skillsmith_registry_call_set_page(call, page, sizeof page - 1, nullptr);
}

int progress(void *, const skillsmith_sync_progress *) {
  may_throw("progress");
  return 0;
}

void complete(void *, const skillsmith_sync_result *) { may_throw("complete"); }

void log_line(void *, skillsmith_log_level, const char *, const char *) { may_throw("log"); }

}  // namespace

int main(int count, char **arguments) {
  if (count > 1) thrower = arguments[1];
  skillsmith_client_options client_options{};
  client_options.struct_size = sizeof client_options;
  client_options.base_url = "http://127.0.0.1:1/functions/v1";
  client_options.log = log_line;
  skillsmith_api_client *client = nullptr;
  if (skillsmith_api_client_new(&client_options, &client, nullptr) != SKILLSMITH_OK) return 1;

  skillsmith_registry_callbacks callbacks{};
  callbacks.struct_size = sizeof callbacks;
  callbacks.search = search;
  skillsmith_sync_options options{};
  options.struct_size = sizeof options;
  options.on_progress = progress;
  skillsmith_database *database = nullptr;
  skillsmith_registry *registry = nullptr;
  skillsmith_sync_engine *engine = nullptr;
  skillsmith_sync_result *result = nullptr;
  skillsmith_database_open_in_memory(&database, nullptr);
  skillsmith_registry_new("x", &callbacks, &registry, nullptr);
  skillsmith_sync_engine_new_with_registry(registry, database, &engine, nullptr);
  if (skillsmith_sync_engine_sync(engine, &options, &result, nullptr) != SKILLSMITH_OK) return 2;

  skillsmith_background_options background{};
  background.struct_size = sizeof background;
  background.on_sync_complete = complete;
  skillsmith_background_sync_service *service = nullptr;
  if (skillsmith_background_sync_service_new(engine, &background, &service, nullptr) != SKILLSMITH_OK) return 3;
  skillsmith_sync_result *again = nullptr;
  if (skillsmith_background_sync_service_manual_sync(service, &again, nullptr) != SKILLSMITH_OK) return 4;
  return result->success && again->success ? 0 : 5;
}
