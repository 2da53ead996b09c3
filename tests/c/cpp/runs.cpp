// Syncs: the client, the engine, a registry of the host's, callbacks that throw.
#include <atomic>
#include <cstdlib>
#include <limits>
#include <thread>

#include "check.hpp"

using namespace skillsmith;
using namespace std::chrono_literals;

static ClientOptions at(const Place &place) {
  ClientOptions options;
  options.base_url = place.url;
  return options;
}

TEST(clients) {
  ClientOptions options = at(place);
  options.anon_key = "anonymous";
  options.api_key = "sk-12345";
  options.jwt_token = "jwt";
  options.timeout = 5s;
  options.max_retries = 0;
  SkillsmithApiClient client(options);
  CHECK(client.native() != nullptr);
  CHECK_EQ(client.base_url(), place.url);
  CHECK(!client.is_offline());
  CHECK(client.check_health() == Health::healthy);
  CancelToken gone;
  const CancelToken token = std::move(gone);
  CHECK(client.check_health(&token) == Health::healthy);
  CHECK_THROWS(SKILLSMITH_NULL_ARGUMENT, client.check_health(&gone));
  token.cancel();
  CHECK_THROWS(SKILLSMITH_CANCELLED, client.check_health(&token));

  options.base_url = "http://registry.test";
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, SkillsmithApiClient(options));
  options.allow_insecure_http = true;
  CHECK_EQ(SkillsmithApiClient(options).base_url(), "http://registry.test");

  options.offline = true;
  options.max_retries = UINT32_MAX;
  const SkillsmithApiClient offline(options);
  CHECK(offline.is_offline());
  CHECK_THROWS(SKILLSMITH_OFFLINE, offline.check_health());
  CHECK(SyncEngine(offline, Database::in_memory()).is_offline());

  options.offline = false;
  CHECK(!SkillsmithApiClient(options).is_offline());
  options.timeout = 0ms;
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, SkillsmithApiClient(options));
  options = at(place);
  options.api_key = std::string("a\0b", 3);
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, SkillsmithApiClient(options));
  options.api_key = "two\nlines";
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, SkillsmithApiClient(options));
}

TEST(tokens) {
  auto alive = std::make_shared<std::string>("signed-in");
  const std::weak_ptr<std::string> watched = alive;
  ClientOptions options = at(place);
  std::atomic<int> asked{0};
  options.token = [alive, &asked](const TokenRequest &request) {
    asked++;
    CHECK(!request.is_refused() && !request.is_cancelled());
    return *alive;
  };
  {
    const SkillsmithApiClient client(options);
    options.token = nullptr;
    alive.reset();
    CHECK(client.search() == client.search());
    CHECK_EQ(asked.load(), 1);
    CHECK(!watched.expired());
  }
  // The thread that asked may end a little later.
  while (!watched.expired()) std::this_thread::sleep_for(1ms);
  options.token = [](const TokenRequest &) -> std::string { throw std::runtime_error("locked"); };
  CHECK_THROWS(SKILLSMITH_HOST_ERROR, SkillsmithApiClient(options).search());
  options.token = [](const TokenRequest &) -> std::string { throw 5; };
  CHECK_THROWS(SKILLSMITH_HOST_ERROR, SkillsmithApiClient(options).search());
  options.token = [](const TokenRequest &) { return std::string("a\0b", 3); };
  CHECK_THROWS(SKILLSMITH_HOST_ERROR, SkillsmithApiClient(options).search());
  // One that is not taken over is destroyed all the same.
  options.base_url = "no address";
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, SkillsmithApiClient(options));
}

TEST(refused_tokens) {
  ClientOptions options;
  // The registry takes "first" once, and "fresh" always.
  options.base_url = std::getenv("SIGN_IN_REGISTRY");
  std::atomic<int> refusals{0};
  options.token = [&refusals](const TokenRequest &request) {
    if (request.is_refused()) refusals++;
    return std::string(request.is_refused() ? "fresh" : "first");
  };
  const SkillsmithApiClient refreshed(options);
  CHECK(refreshed.search() == refreshed.search());
  CHECK_EQ(refusals.load(), 1);

  options.token = [&refusals](const TokenRequest &request) {
    if (request.is_refused()) refusals++;
    return std::string("expired");
  };
  CHECK_THROWS(SKILLSMITH_SIGN_IN_EXPIRED, SkillsmithApiClient(options).search());
  CHECK_EQ(refusals.load(), 2);
}

TEST(logs) {
  auto alive = std::make_shared<std::atomic<int>>(0);
  const std::weak_ptr<std::atomic<int>> watched = alive;
  ClientOptions options = at(place);
  options.log = [alive](skillsmith_log_level level, std::string_view target, std::string_view message) {
    if (target == "http" && message.substr(0, 4) == "GET ") ++*alive;
    CHECK(level == SKILLSMITH_LOG_DEBUG);
    throw 5;
  };
  {
    const SkillsmithApiClient client(options);
    options.log = nullptr;
    client.search();
    CHECK_EQ(alive->load(), 1);
    alive.reset();
    CHECK(!watched.expired());
  }
  while (!watched.expired()) std::this_thread::sleep_for(1ms);
}

TEST(searches) {
  const SkillsmithApiClient client(at(place));
  const std::string whole = client.search();
  CHECK(whole.find(R"("meta":{"total":250,"limit":100,"offset":0}})") != std::string::npos);
  SearchOptions options;
  CHECK_EQ(client.search(options), whole);
  options.limit = 2;
  options.offset = 3;
  CHECK(client.search(options).find(R"("meta":{"total":250,"limit":2,"offset":3}})") != std::string::npos);
  // Each of them finds less than all there is.
  const auto total = [&](const SearchOptions &wanted) {
    const std::string page = client.search(wanted);
    return std::stoi(page.substr(page.rfind(R"("total":)") + 8));
  };
  options = SearchOptions();
  options.query = "git";
  const int with_word = total(options);
  options = SearchOptions();
  options.trust_tier = "community";
  const int of_tier = total(options);
  options = SearchOptions();
  options.category = "testing";
  const int of_category = total(options);
  options = SearchOptions();
  options.min_score = 0.5;
  const int with_score = total(options);
  options.min_score = 0;
  const int with_any_score = total(options);
  for (const int found : {with_word, of_tier, of_category, with_score, with_any_score}) CHECK(found > 0 && found < 250);
  CHECK(with_score < with_any_score);

  // What cannot be is refused, and nothing is sent.
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinite = std::numeric_limits<double>::infinity();
  for (const double score : {-1.0, nan, infinite, -infinite}) {
    options.min_score = score;
    CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, client.search(options));
  }
  options = SearchOptions();
  options.limit = 0;
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, client.search(options));
  for (const auto member : {&SearchOptions::query, &SearchOptions::category, &SearchOptions::trust_tier}) {
    for (const std::string &text : {std::string("a\0b", 3), std::string("\xff")}) {
      options = SearchOptions();
      options.*member = text;
      CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, client.search(options));
    }
  }
  options = SearchOptions();
  options.trust_tier = "none of them";
  CHECK_THROWS(SKILLSMITH_REQUEST_REFUSED, client.search(options));

  CancelToken gone;
  const CancelToken token = std::move(gone);
  CHECK_EQ(client.search({}, &token), whole);
  CHECK_THROWS(SKILLSMITH_NULL_ARGUMENT, client.search({}, &gone));
  token.cancel();
  CHECK_THROWS(SKILLSMITH_CANCELLED, client.search({}, &token));
  ClientOptions off = at(place);
  off.offline = true;
  CHECK_THROWS(SKILLSMITH_OFFLINE, SkillsmithApiClient(off).search());
}

TEST(syncs) {
  const auto database = Database::in_memory();
  SyncEngine engine(SkillsmithApiClient(at(place)), database);
  CHECK(engine.native() != nullptr);
  CHECK(!engine.is_offline());
  EngineStatus status = engine.get_status();
  CHECK(!status.last_run && !status.is_running && status.is_due);
  CHECK_EQ(status.config.id, "default");

  std::vector<SyncProgress> told;
  SyncOptions options;
  options.dry_run = true;
  options.page_size = 50;
  options.deadline = 1min;
  options.on_progress = [&](const SyncProgress &progress) { told.push_back(progress); };
  SyncResult result = engine.sync(options);
  CHECK(result.success && result.dry_run);
  CHECK_EQ(result.skills_added, 250U);
  CHECK(told.front().phase == SyncPhase::connecting);
  CHECK(told.back().phase == SyncPhase::complete);
  CHECK_EQ(told.back().skills_processed, 250U);
  CHECK_EQ(told.back().skills_changed, 250U);
  CHECK(!told.back().message.empty());
  CHECK_EQ(SkillRepository(database).count(), 0);

  result = engine.sync();
  CHECK(result.success && !result.dry_run && result.status == SyncStatus::success);
  CHECK(result.code == SKILLSMITH_OK && result.coverage == Coverage::complete);
  CHECK(result.errors.empty() && result.warnings.empty() && result.skills_rejected == 0);
  CHECK_EQ(result.total_processed, 250U);
  CHECK_EQ(SkillRepository(database).count(), 250);
  status = engine.get_status();
  CHECK(status.last_run && !status.is_due);
  CHECK_EQ(status.last_run->skills_added, 250);
  options = SyncOptions();
  options.force = true;
  CHECK_EQ(engine.sync(options).skills_unchanged, 250U);

  options.page_size = 0;
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, engine.sync(options));
  options.page_size = 10001;
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, engine.sync(options));
  options.page_size = std::nullopt;
  options.deadline = -1ms;
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, engine.sync(options));
}

TEST(cancelling) {
  const auto shelf = std::make_shared<Shelf>();
  SyncEngine engine(shelf, Database::in_memory());
  for (const bool is_signal : {false, true}) {
    // Shared: what a cancelled run leaves behind may use them after it.
    const auto token = std::make_shared<CancelToken>();
    CHECK(!token->is_cancelled());
    shelf->on_search = [token, is_signal](const PageRequest &, RegistryCall &call) {
      CHECK(!call.is_cancelled() && call.native() != nullptr);
      CHECK(call.wait(-1ms) && call.wait(1ms));
      is_signal ? token->raise() : token->cancel();
      CHECK(!call.wait(1min));
      CHECK(call.is_cancelled());
      // Nobody waits for this any more.
      throw Mine(1);
    };
    SyncOptions options;
    options.cancel = token.get();
    CHECK_EQ(engine.sync(options).code, SKILLSMITH_CANCELLED);
    CHECK(token->is_cancelled());
    shelf->on_search = nullptr;
    CHECK_EQ(engine.sync(options).code, SKILLSMITH_CANCELLED);
  }
  // With one that was moved from nothing runs that could not be cancelled.
  CancelToken gone;
  const CancelToken token = std::move(gone);
  SyncOptions options;
  options.cancel = &gone;
  const int asked = shelf->asked;
  CHECK_THROWS(SKILLSMITH_NULL_ARGUMENT, engine.sync(options));
  CHECK_EQ(shelf->asked.load(), asked);
  CHECK(engine.sync().success);
}

TEST(a_registry_that_is_left_behind) {
  const auto shelf = std::make_shared<Shelf>();
  SyncEngine engine(shelf, Database::in_memory());
  const CancelToken token;
  std::atomic<bool> is_asked{false}, may_end{false};
  shelf->on_search = [&](const PageRequest &, RegistryCall &) {
    token.cancel();
    is_asked = true;
    while (!may_end) std::this_thread::sleep_for(1ms);
    throw Mine(1);
  };
  SyncOptions options;
  options.cancel = &token;
  CHECK_EQ(engine.sync(options).code, SKILLSMITH_CANCELLED);
  CHECK(is_asked);
  // The engine and all else goes while the callback still runs.
  engine = SyncEngine(std::make_shared<Shelf>(), Database::in_memory());
  may_end = true;
  CHECK(engine.sync().success);
  eventually([&] { return shelf.use_count() == 1; });
}

TEST(registries) {
  const auto shelf = std::make_shared<Shelf>(250);
  const auto database = Database::in_memory();
  SyncEngine engine(shelf, database);
  CHECK_EQ(engine.sync().skills_added, 250U);
  CHECK(shelf->asked >= 3);

  // The codes of its failures, and what they say.
  SyncOptions force;
  force.force = true;
  for (const auto code : {SKILLSMITH_HOST_ERROR, SKILLSMITH_NETWORK_UNREACHABLE, SKILLSMITH_NETWORK_TIMEOUT,
                          SKILLSMITH_API_UNHEALTHY, SKILLSMITH_PROTOCOL_ERROR}) {
    shelf->on_search = [&](const PageRequest &, RegistryCall &) { throw RegistryFailure(code, "the cable"); };
    const SyncResult result = engine.sync(force);
    CHECK_EQ(result.code, code);
    CHECK_EQ(SyncHistoryRepository(database).get_history(1).at(0).code, code);
    CHECK(result.errors.at(0).find("the cable") != std::string::npos);
    // From the health check, too.
    shelf->on_health = [&](RegistryCall &) -> Health { throw RegistryFailure(code, "the cable"); };
    CHECK_EQ(engine.sync(force).code, code);
    shelf->on_health = nullptr;
  }
  shelf->on_search = [&](const PageRequest &, RegistryCall &) { throw RegistryFailure(SKILLSMITH_DISK_FULL, "odd"); };
  CHECK_EQ(engine.sync(force).code, SKILLSMITH_HOST_ERROR);
  // A text that is not UTF-8 costs the text, not the code.
  shelf->on_search = [&](const PageRequest &, RegistryCall &) { throw RegistryFailure(SKILLSMITH_NETWORK_TIMEOUT, "\xff"); };
  SyncResult unreadable = engine.sync(force);
  CHECK_EQ(unreadable.code, SKILLSMITH_NETWORK_TIMEOUT);
  CHECK(unreadable.errors.at(0).find("UTF-8") != std::string::npos);
  shelf->on_search = [&](const PageRequest &, RegistryCall &) { throw RegistryFailure(SKILLSMITH_DISK_FULL, "\xff"); };
  unreadable = engine.sync(force);
  CHECK_EQ(unreadable.code, SKILLSMITH_HOST_ERROR);
  CHECK(unreadable.errors.at(0).find("UTF-8") != std::string::npos);

  const std::pair<int, skillsmith_status> answers[] = {
      {401, SKILLSMITH_UNAUTHORIZED}, {403, SKILLSMITH_FORBIDDEN},    {429, SKILLSMITH_RATE_LIMITED},
      {500, SKILLSMITH_SERVER_ERROR}, {418, SKILLSMITH_REQUEST_REFUSED}, {200, SKILLSMITH_HOST_ERROR}};
  for (const auto &[status, code] : answers) {
    const int http = status;
    shelf->on_search = [http](const PageRequest &, RegistryCall &) { throw HttpFailure(http, 5s, "no tea"); };
    CHECK_EQ(engine.sync(force).code, code);
    shelf->on_search = [http](const PageRequest &, RegistryCall &) { throw HttpFailure(http); };
    CHECK_EQ(engine.sync(force).code, code);
    shelf->on_search = [http](const PageRequest &, RegistryCall &) { throw HttpFailure(http, 5s, "\xff"); };
    CHECK_EQ(engine.sync(force).code, code);
  }
  // Nor does it cost what a Retry-After said.
  for (const char *detail : {"no tea", "\xff"}) {
    shelf->on_search = [detail](const PageRequest &, RegistryCall &) { throw HttpFailure(429, 24h, detail); };
    CHECK(engine.sync(force).errors.at(0).find("Try again after ") != std::string::npos);
  }
  const HttpFailure failure(429, 5s);
  CHECK(failure.status() == 429 && failure.retry_after() == 5000ms);

  // A plain listing that is refused is asked for by tier.
  bool has_tier = false;
  shelf->on_search = [&](const PageRequest &request, RegistryCall &) {
    if (!request.trust_tier) throw HttpFailure(400);
    has_tier = true;
  };
  static_cast<void>(engine.sync(force));
  CHECK(has_tier);
  shelf->on_search = nullptr;

  shelf->on_health = [](RegistryCall &) { return Health::degraded; };
  CHECK(engine.sync(force).success);
  shelf->on_health = [](RegistryCall &) { return Health::unhealthy; };
  CHECK_EQ(engine.sync(force).code, SKILLSMITH_API_UNHEALTHY);
  shelf->on_health = [](RegistryCall &) { return static_cast<Health>(77); };
  CHECK_EQ(engine.sync(force).code, SKILLSMITH_HOST_ERROR);

  struct Babble : Shelf {
    std::string search(const PageRequest &, RegistryCall &) override { return "<html>"; }
  };
  CHECK_EQ(SyncEngine(std::make_shared<Babble>(), database).sync().code, SKILLSMITH_PROTOCOL_ERROR);
  struct Flood : Shelf {
    std::string search(const PageRequest &, RegistryCall &) override { return std::string(17U << 20U, ' '); }
  };
  CHECK_EQ(SyncEngine(std::make_shared<Flood>(), database).sync().code, SKILLSMITH_RESPONSE_TOO_LARGE);
  struct Nameless : Shelf {
    std::string name() const override { return ""; }
  };
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, SyncEngine(std::make_shared<Nameless>(), database));
  struct Cut : Shelf {
    std::string name() const override { return std::string("a\0b", 3); }
  };
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, SyncEngine(std::make_shared<Cut>(), database));
  CHECK_THROWS(SKILLSMITH_NULL_ARGUMENT, SyncEngine(std::shared_ptr<Registry>(), database));
  // Made, but for the engine.
  Database gone = Database::in_memory();
  const Database kept = std::move(gone);
  std::weak_ptr<Shelf> unused;
  {
    const auto registry = std::make_shared<Shelf>();
    unused = registry;
    CHECK_THROWS(SKILLSMITH_NULL_ARGUMENT, SyncEngine(registry, gone));
  }
  CHECK(unused.expired());
}

TEST(listings) {
  const auto database = Database::in_memory();
  SyncEngine engine(SkillsmithApiClient(at(place)), database);
  SyncOptions options;
  const auto refused = [&] { CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, engine.sync(options)); };
  options.listing = static_cast<Listing>(77);
  refused();
  options.listing = Listing::search;
  options.request_budget = 0;
  refused();
  options.request_budget = std::nullopt;
  options.monthly_request_budget = 0;
  refused();
  options.monthly_request_budget = std::nullopt;
  options.full_listing_every = 0ms;
  refused();
  options.full_listing_every = std::nullopt;
  BackgroundOptions background;
  background.listing = static_cast<Listing>(-1);
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, BackgroundSyncService(engine, background));
  CHECK_EQ(engine.get_status().requests_this_month, 0U);

  options.request_budget = 2;
  SyncResult result = engine.sync(options);
  CHECK(result.status == SyncStatus::partial && result.errors.empty() && result.code == SKILLSMITH_OK);
  CHECK_EQ(result.requests, 2U);
  options.request_budget = std::nullopt;
  options.monthly_request_budget = 3;
  CHECK_EQ(engine.sync(options).requests, 1U);
  EngineStatus status = engine.get_status();
  CHECK_EQ(status.requests_this_month, 3U);
  CHECK(status.paused_until && status.paused_until->size() > 19);
  CHECK(!status.request_budget);

  SyncConfigRepository config(database);
  CHECK(!config.get_request_budget());
  config.set_request_budget(0);
  CHECK_EQ(config.get_request_budget().value(), 0U);
  CHECK_EQ(engine.sync().requests, 0U);
  config.set_request_budget(UINT64_MAX);
  CHECK_EQ(config.get_request_budget().value(), static_cast<std::uint64_t>(INT64_MAX));
  config.set_request_budget(500);
  CHECK_EQ(engine.get_status().request_budget.value(), 500U);
  CHECK(engine.sync().success);
  config.set_request_budget(std::nullopt);
  CHECK(!config.get_request_budget() && !engine.get_status().request_budget);
}

TEST(a_registry_with_a_sync_endpoint) {
  struct Synced : SyncRegistry {
    std::string name() const override { return "synced"; }
    std::string search(const PageRequest &request, RegistryCall &call) override { return shelf.search(request, call); }
    std::string sync_registry(const SyncRequest &request, RegistryCall &call) override {
      CHECK(!call.is_cancelled());
      ++pages;
      if (mine) throw Mine(5);
      if (status != 0) throw HttpFailure(status);
      if (request.since) ++of_changes;
      PageRequest page;
      page.limit = request.limit;
      page.offset = request.offset;
      if (request.since) page.offset += 9;
      return shelf.search(page, call);
    }
    Shelf shelf{9};
    std::atomic<int> pages{0}, of_changes{0}, status{0};
    std::atomic<bool> mine{false};
  };
  const auto registry = std::make_shared<Synced>();
  const auto database = Database::in_memory();
  SyncEngine engine(registry, database);
  CHECK_EQ(engine.sync().skills_added, 9U);
  CHECK(registry->pages > 0 && registry->of_changes == 0);
  SyncResult result = engine.sync();
  CHECK(result.success && registry->of_changes > 0);
  CHECK_EQ(result.total_processed, 0U);
  // Everything, each time.
  SyncOptions options;
  options.full_listing_every = 1ms;
  std::this_thread::sleep_for(5ms);
  CHECK_EQ(engine.sync(options).total_processed, 9U);
  const int pages = registry->pages;
  options.listing = Listing::search;
  CHECK(engine.sync(options).success);
  BackgroundOptions background;
  background.listing = Listing::search;
  CHECK(BackgroundSyncService(engine, background).manual_sync().success);
  CHECK_EQ(registry->pages.load(), pages);

  registry->mine = true;
  try {
    static_cast<void>(engine.sync());
    fail(__FILE__, __LINE__, "it was swallowed");
  } catch (const Mine &mine) {
    CHECK_EQ(mine.number, 5);
  }
  registry->mine = false;
  registry->status = 403;
  CHECK_EQ(engine.sync().code, SKILLSMITH_FORBIDDEN);
  registry->status = 404;
  CHECK(SyncEngine(registry, Database::in_memory()).sync().success);

  // One without it is never asked for it: its pages and the check of its health.
  const auto shelf = std::make_shared<Shelf>();
  options.listing = Listing::all;
  result = SyncEngine(shelf, Database::in_memory()).sync(options);
  CHECK(result.success);
  CHECK_EQ(result.requests, static_cast<std::uint64_t>(shelf->asked + 1));
}

TEST(offline) {
  const auto shelf = std::make_shared<Shelf>();
  const auto database = Database::in_memory();
  SyncEngine first(shelf, database);
  shelf->set_offline(true);
  CHECK(first.is_offline());
  CHECK_EQ(first.sync().code, SKILLSMITH_OFFLINE);
  CHECK(SyncEngine(shelf, database).is_offline());
  std::optional<SyncEngine> second(std::in_place, shelf, database);
  BackgroundSyncService service(*second);
  second.reset();
  CHECK_EQ(service.manual_sync().code, SKILLSMITH_OFFLINE);
  CHECK(shelf->asked == 0);
  // It also reaches a service whose engine is gone.
  shelf->set_offline(false);
  CHECK(!first.is_offline());
  CHECK(service.manual_sync().success);
}

TEST(progress_that_throws) {
  const auto database = Database::in_memory();
  const auto shelf = std::make_shared<Shelf>(250);
  SyncEngine engine(shelf, database);
  SyncOptions options;
  int told = 0;
  options.on_progress = [&](const SyncProgress &) {
    ++told;
    throw Mine(7);
  };
  try {
    static_cast<void>(engine.sync(options));
    fail(__FILE__, __LINE__, "it was swallowed");
  } catch (const Mine &mine) {
    CHECK_EQ(mine.number, 7);
  }
  CHECK_EQ(told, 1);
  const auto entry = SyncHistoryRepository(database).get_history(1).at(0);
  CHECK(entry.status == SyncStatus::failed);

  // What was written until then is kept, and something that is no std::exception comes out, too.
  options.page_size = 50;
  options.on_progress = [&](const SyncProgress &progress) {
    if (progress.skills_processed >= 100) throw 42;
  };
  try {
    static_cast<void>(engine.sync(options));
    fail(__FILE__, __LINE__, "it was swallowed");
  } catch (int number) {
    CHECK_EQ(number, 42);
  }
  CHECK(SkillRepository(database).count() >= 100);
  CHECK(engine.sync().success);
  CHECK_EQ(SkillRepository(database).count(), 250);
}

TEST(a_registry_that_throws) {
  const auto database = Database::in_memory();
  const auto shelf = std::make_shared<Shelf>();
  SyncEngine engine(shelf, database);
  shelf->on_search = [](const PageRequest &, RegistryCall &) { throw Mine(8); };
  try {
    static_cast<void>(engine.sync());
    fail(__FILE__, __LINE__, "it was swallowed");
  } catch (const Mine &mine) {
    CHECK_EQ(mine.number, 8);
  }
  CHECK_EQ(SyncHistoryRepository(database).get_history(1).at(0).error_message.value(), "mine");
  shelf->on_search = [](const PageRequest &, RegistryCall &) { throw "a word"; };
  try {
    static_cast<void>(engine.sync());
    fail(__FILE__, __LINE__, "it was swallowed");
  } catch (const char *word) {
    CHECK_EQ(std::string(word), "a word");
  }
  shelf->on_search = nullptr;
  shelf->on_health = [](RegistryCall &) -> Health { throw Mine(9); };
  try {
    static_cast<void>(engine.sync());
    fail(__FILE__, __LINE__, "it was swallowed");
  } catch (const Mine &mine) {
    CHECK_EQ(mine.number, 9);
  }
  // An exception of an earlier run is not thrown for a later one.
  shelf->on_health = [](RegistryCall &) { return static_cast<Health>(77); };
  CHECK_EQ(engine.sync().code, SKILLSMITH_HOST_ERROR);
  shelf->on_health = nullptr;
  CHECK(engine.sync().success);
}

TEST(callbacks_that_call_back) {
  const auto database = Database::in_memory();
  const auto shelf = std::make_shared<Shelf>();
  auto engine = std::make_unique<SyncEngine>(shelf, database);
  shelf->on_search = [&](const PageRequest &, RegistryCall &) {
    CHECK(SkillRepository(database).count() >= 0);
    CHECK(Database::in_memory().is_open());
  };
  int told = 0;
  SyncOptions options;
  options.on_progress = [&](const SyncProgress &) {
    if (++told > 1) return;
    CHECK_EQ(engine->sync().code, SKILLSMITH_SYNC_IN_PROGRESS);
    CHECK(engine->get_status().is_running);
    engine.reset();
  };
  CHECK(engine->sync(options).success);
  CHECK(engine == nullptr && told > 1);
}

TEST(services) {
  const auto database = Database::in_memory();
  const auto shelf = std::make_shared<Shelf>();
  std::atomic<int> completed{0}, failed{0};
  BackgroundOptions options;
  options.check_interval = 20ms;
  options.on_sync_complete = [&](const SyncResult &result) {
    CHECK_EQ(result.skills_added, 25U);
    ++completed;
  };
  options.on_sync_error = [&](const std::string &) { ++failed; };
  {
    BackgroundSyncService service(SyncEngine(shelf, database), options);
    CHECK(service.native() != nullptr);
    CHECK(!service.is_service_started() && !service.is_sync_running());
    BackgroundSyncState state = service.get_state();
    CHECK(!state.is_started && !state.is_running && !state.last_result && !state.last_error);
    service.start();
    service.start();
    CHECK(service.is_service_started());
    eventually([&] { return service.get_state().checks_performed > 3; });
    service.stop();
    service.stop();
    state = service.get_state();
    CHECK(!state.is_started && state.last_result && state.last_result->success);
    CHECK_EQ(state.syncs_triggered, 1U);
    CHECK(completed == 1);
    CHECK(failed == 0);
    CHECK_EQ(service.take_callback_exception(), nullptr);
    service.start();
  }
  // Its destructor has stopped it.
  const auto before = SyncHistoryRepository(database).count();
  SyncConfigRepository(database).set_last_sync("2020-01-01T00:00:00.000Z", 0);
  std::this_thread::sleep_for(100ms);
  CHECK_EQ(SyncHistoryRepository(database).count(), before);

  options.check_interval = 0ms;
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, BackgroundSyncService(SyncEngine(shelf, database), options));
}

TEST(a_service_that_is_destroyed_in_the_midst_of_a_sync) {
  const auto shelf = std::make_shared<Shelf>();
  std::atomic<bool> is_asked{false}, is_cancelled{false};
  shelf->on_search = [&](const PageRequest &, RegistryCall &call) {
    is_asked = true;
    is_cancelled = !call.wait(1min);
  };
  {
    BackgroundSyncService service(SyncEngine(shelf, Database::in_memory()));
    service.start();
    eventually([&] { return is_asked.load(); });
    CHECK(service.is_sync_running());
    CHECK_THROWS(SKILLSMITH_SYNC_IN_PROGRESS, service.manual_sync());
  }
  eventually([&] { return is_cancelled.load(); });
  eventually([&] { return shelf.use_count() == 1; });
}

TEST(service_callbacks_that_throw) {
  const auto database = Database::in_memory();
  const auto shelf = std::make_shared<Shelf>();
  std::vector<std::string> said;
  BackgroundOptions options;
  options.sync_on_start = true;
  options.on_sync_complete = [](const SyncResult &) { throw Mine(1); };
  options.on_sync_error = [&](const std::string &message) {
    said.push_back(message);
    throw Mine(2);
  };
  BackgroundSyncService service(SyncEngine(shelf, database), options);
  // By hand: it comes out.
  for (const int number : {1, 2}) {
    try {
      static_cast<void>(service.manual_sync());
      fail(__FILE__, __LINE__, "it was swallowed");
    } catch (const Mine &mine) {
      CHECK_EQ(mine.number, number);
    }
    shelf->on_search = [](const PageRequest &, RegistryCall &) { throw RegistryFailure(SKILLSMITH_HOST_ERROR, "gone"); };
  }
  CHECK_EQ(said.size(), 1U);
  CHECK_EQ(said.at(0), "gone");
  CHECK_EQ(service.take_callback_exception(), nullptr);
  // What the registry threw is the cause, and goes before.
  shelf->on_search = [](const PageRequest &, RegistryCall &) { throw Mine(3); };
  try {
    static_cast<void>(service.manual_sync());
    fail(__FILE__, __LINE__, "it was swallowed");
  } catch (const Mine &mine) {
    CHECK_EQ(mine.number, 3);
  }
  CHECK_EQ(said.at(1), "mine");

  // On its own thread: it is kept.
  shelf->on_search = nullptr;
  const auto fresh = Database::in_memory();
  BackgroundSyncService alone(SyncEngine(shelf, fresh), options);
  alone.start();
  std::exception_ptr thrown;
  eventually([&] { return (thrown = alone.take_callback_exception()) != nullptr; });
  try {
    std::rethrow_exception(thrown);
  } catch (const Mine &mine) {
    CHECK_EQ(mine.number, 1);
  }
  CHECK_EQ(alone.take_callback_exception(), nullptr);
  CHECK(alone.is_service_started());
}

TEST(a_service_that_its_callback_destroys) {
  for (const bool is_manual : {false, true}) {
    const auto shelf = std::make_shared<Shelf>();
    const auto held = std::make_shared<int>(5);
    auto service = std::unique_ptr<BackgroundSyncService>();
    std::atomic<bool> is_gone{false};
    {
      BackgroundOptions options;
      options.on_sync_complete = [&service, &is_gone, held](const SyncResult &) {
        service.reset();
        // The function itself lives on until it returns.
        CHECK_EQ(*held, 5);
        is_gone = true;
      };
      service = std::make_unique<BackgroundSyncService>(SyncEngine(shelf, Database::in_memory()), options);
    }
    if (is_manual) {
      CHECK(service->manual_sync().success);
    } else {
      service->start();
    }
    eventually([&] { return is_gone.load(); });
    eventually([&] { return held.use_count() == 1 && shelf.use_count() == 1; });
  }
}

TEST(a_start_in_one_call) {
  const auto database = Database::in_memory();
  const auto held = std::make_shared<int>(5);
  std::atomic<int> completed{0};
  BackgroundOptions options;
  options.on_sync_complete = [&completed, held](const SyncResult &result) {
    CHECK_EQ(result.skills_added, completed == 0 ? 250U : 0U);
    ++completed;
  };
  auto service = start_background_sync(database, at(place), options);
  CHECK(service.has_value());
  CHECK(service->is_service_started());
  eventually([&] { return completed == 1; });
  eventually([&] { return !service->is_sync_running(); });
  CHECK(service->manual_sync().success);
  CHECK(completed == 2);
  service.reset();

  SyncConfigRepository(database).disable();
  CHECK(!start_background_sync(database, at(place), options));
  ClientOptions bad = at(place);
  bad.base_url = "no address";
  SyncConfigRepository(database).enable();
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, start_background_sync(database, bad, options));
  options = BackgroundOptions();
  CHECK_EQ(held.use_count(), 1);
}
