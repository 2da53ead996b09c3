// Objects that move, and go in any order.
#include <type_traits>

#include "check.hpp"

using namespace skillsmith;

template <typename T>
constexpr bool moves_and_does_not_copy =
    std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T> &&
    !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T> && std::is_nothrow_destructible_v<T>;

static_assert(moves_and_does_not_copy<CancelToken>);
static_assert(moves_and_does_not_copy<Database>);
static_assert(moves_and_does_not_copy<SyncConfigRepository>);
static_assert(moves_and_does_not_copy<SyncHistoryRepository>);
static_assert(moves_and_does_not_copy<SkillRepository>);
static_assert(moves_and_does_not_copy<SkillsmithApiClient>);
static_assert(moves_and_does_not_copy<SyncEngine>);
static_assert(moves_and_does_not_copy<BackgroundSyncService>);

// Moves it there and back and onto itself; what stays behind is refused and harmless.
template <typename T, typename Use>
static void move_about(T object, T other, Use use) {
  use(object);
  T moved = std::move(object);
  use(moved);
  CHECK(object.native() == nullptr);
  if constexpr (!std::is_same_v<T, CancelToken>) CHECK_THROWS(SKILLSMITH_NULL_ARGUMENT, use(object));
  const std::size_t before = live_objects();
  other = std::move(moved);
  CHECK_EQ(live_objects(), before - 1);
  use(other);
  T &same = other;
  other = std::move(same);
  use(other);
  object = std::move(other);
  use(object);
  using std::swap;
  swap(object, other);
  use(other);
  CHECK(object.native() == nullptr);
}

TEST(moves) {
  ClientOptions client;
  client.base_url = place.url;
  const auto database = Database::in_memory();
  const auto shelf = std::make_shared<Shelf>();
  move_about(CancelToken(), CancelToken(), [](auto &token) { CHECK(!token.is_cancelled()); });
  move_about(Database::in_memory(), Database::in_memory(), [](auto &one) { CHECK_EQ(one.name(), ":memory:"); });
  move_about(SyncConfigRepository(database), SyncConfigRepository(database),
             [](auto &repository) { CHECK_EQ(repository.get_config().id, "default"); });
  move_about(SyncHistoryRepository(database), SyncHistoryRepository(database),
             [](auto &repository) { CHECK_EQ(repository.count(), 0); });
  move_about(SkillRepository(database), SkillRepository(database),
             [](auto &repository) { CHECK_EQ(repository.count(), 0); });
  move_about(SkillsmithApiClient(client), SkillsmithApiClient(client),
             [&](auto &one) { CHECK_EQ(one.base_url(), place.url); });
  move_about(SyncEngine(SkillsmithApiClient(client), database), SyncEngine(SkillsmithApiClient(client), database),
             [](auto &engine) { CHECK_EQ(engine.get_status().config.id, "default"); });
}

TEST(moves_of_what_has_callbacks) {
  const auto shelf = std::make_shared<Shelf>();
  const auto other = std::make_shared<Shelf>();
  {
    SyncEngine engine(shelf, Database::in_memory());
    SyncEngine &same = engine;
    engine = std::move(same);
    CHECK(engine.sync().success);
    shelf->on_search = [](const PageRequest &, RegistryCall &) { throw Mine(4); };
    SyncEngine moved = std::move(engine);
    CHECK_THROWS(SKILLSMITH_NULL_ARGUMENT, engine.sync());
    CHECK(!engine.is_offline());
    SyncOptions force;
    force.force = true;
    try {
      static_cast<void>(moved.sync(force));
      fail(__FILE__, __LINE__, "it was swallowed");
    } catch (const Mine &mine) {
      CHECK_EQ(mine.number, 4);
    }
    engine = SyncEngine(other, Database::in_memory());
    moved = std::move(engine);
    eventually([&] { return shelf.use_count() == 1; });
    CHECK(moved.sync().success);
  }
  eventually([&] { return other.use_count() == 1; });
  shelf->on_search = nullptr;

  const auto held = std::make_shared<int>(0);
  BackgroundOptions options;
  options.on_sync_complete = [held](const SyncResult &) { ++*held; };
  {
    BackgroundSyncService service(SyncEngine(shelf, Database::in_memory()), options);
    BackgroundSyncService &same = service;
    service = std::move(same);
    CHECK(service.manual_sync().success);
    BackgroundSyncService moved = std::move(service);
    CHECK_THROWS(SKILLSMITH_NULL_ARGUMENT, service.manual_sync());
    CHECK_THROWS(SKILLSMITH_NULL_ARGUMENT, service.start());
    CHECK_THROWS(SKILLSMITH_NULL_ARGUMENT, service.stop());
    CHECK_THROWS(SKILLSMITH_NULL_ARGUMENT, service.get_state());
    CHECK(!service.is_service_started() && !service.is_sync_running());
    CHECK_EQ(service.take_callback_exception(), nullptr);
    moved.start();
    // The one that it was is stopped and gone.
    moved = BackgroundSyncService(SyncEngine(other, Database::in_memory()));
    eventually([&] { return shelf.use_count() == 1; });
    CHECK(moved.manual_sync().success);
  }
  options = BackgroundOptions();
  eventually([&] { return held.use_count() == 1; });
  CHECK_EQ(*held, 1);
}

TEST(any_order) {
  ClientOptions client;
  client.base_url = place.url;
  // What is made from another keeps what it needs.
  auto database = std::make_unique<Database>(Database::in_memory());
  auto live = std::make_unique<SkillsmithApiClient>(client);
  SyncEngine engine(*live, *database);
  SyncConfigRepository config(*database);
  SyncHistoryRepository history(*database);
  SkillRepository skills(*database);
  live.reset();
  database.reset();
  CHECK(engine.sync().success);
  CHECK_EQ(skills.count(), 250);
  CHECK_EQ(history.count(), 1);
  CHECK(config.get_config().last_sync_at.has_value());

  auto another = std::make_unique<SyncEngine>(std::make_shared<Shelf>(), Database::in_memory());
  BackgroundSyncService service(*another);
  another.reset();
  CHECK(service.manual_sync().success);
}

TEST(exceptions_in_between) {
  // Nothing leaks where the second of two cannot be made.
  const auto before = live_objects();
  CHECK_THROWS(SKILLSMITH_IO_ERROR,
               SyncEngine(SkillsmithApiClient(), Database("/proc/none/skills.db")));
  CHECK_EQ(live_objects(), before);
}
