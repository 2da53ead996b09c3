// The database, the repositories, and what is converted on the way.
#include <type_traits>

#include "check.hpp"

extern "C" skillsmith_status skillsmith_test_fail(std::int32_t status, skillsmith_error **out_error);

using namespace skillsmith;
using namespace std::chrono_literals;

TEST(databases) {
  const std::string path = place.folder + "/databases/sk\u00fclls.db";
  {
    Database database(path);
    CHECK(database.is_open());
    CHECK(!database.is_read_only());
    CHECK_EQ(database.name(), path);
    CHECK(database.native() != nullptr);
    database.close();
    database.close();
    CHECK(!database.is_open());
    CHECK_THROWS(SKILLSMITH_DATABASE_CLOSED, SkillRepository(database).count());
  }
  OpenOptions options;
  options.read_only = true;
  options.busy_budget = 0ms;
  Database database(path, options);
  CHECK(database.is_read_only());
  CHECK_THROWS(SKILLSMITH_READ_ONLY, SyncConfigRepository(database).enable());
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, Database(std::string("a\0b", 3)));
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, Database("\xff"));
  CHECK_THROWS(SKILLSMITH_IO_ERROR, Database("/proc/none/skills.db"));

  CHECK_EQ(Database::in_memory().name(), ":memory:");
  CHECK_EQ(Database(":memory:").name(), ":memory:");
  const std::string usual = place.folder + "/usual.db";
  ::setenv("SKILLSMITH_DB_PATH", usual.c_str(), 1);
  CHECK_EQ(Database::default_path(), usual);
  CHECK_EQ(Database::open_default().name(), usual);
  CHECK_EQ(Database::open_default(options).is_read_only(), true);
  ::unsetenv("SKILLSMITH_DB_PATH");
}

TEST(busy_budget) {
  const std::string path = place.folder + "/busy.db";
  const Database holder(path);
  for (const auto budget : {std::optional(0ms), std::optional(-1ms), std::optional(50ms)}) {
    OpenOptions options;
    options.busy_budget = budget;
    CHECK(Database(path, options).is_open());
  }
}

TEST(configuration) {
  const auto database = Database::in_memory();
  SyncConfigRepository repository(database);
  CHECK(repository.native() != nullptr);
  SyncConfig config = repository.get_config();
  CHECK_EQ(config.id, "default");
  CHECK(config.enabled);
  CHECK(config.frequency == SyncFrequency::daily);
  CHECK(config.interval == 24h);
  CHECK(!config.last_sync_at && !config.next_sync_at && !config.last_sync_error);
  CHECK_EQ(config.last_sync_count, 0);
  CHECK(parse_time(config.created_at) && parse_time(config.updated_at));
  CHECK(repository.is_sync_due());

  CHECK(!repository.disable().enabled);
  CHECK(!repository.is_sync_due());
  CHECK(repository.enable().enabled);
  CHECK(repository.set_frequency(SyncFrequency::weekly).interval == 7 * 24h);
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, repository.set_frequency(static_cast<SyncFrequency>(9)));

  SyncConfigUpdate update;
  CHECK(repository.update_config(update).enabled);
  update.enabled = false;
  CHECK(!repository.update_config(update).enabled);
  update.enabled = std::nullopt;
  update.frequency = SyncFrequency::daily;
  config = repository.update_config(update);
  CHECK(!config.enabled && config.frequency == SyncFrequency::daily);

  const TimePoint now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  repository.set_last_sync_error("it broke");
  CHECK_EQ(repository.get_config().last_sync_error.value(), "it broke");
  repository.clear_error();
  CHECK(!repository.get_config().last_sync_error);
  repository.set_last_sync(format_time(now), 42);
  config = repository.get_config();
  CHECK_EQ(config.last_sync_count, 42);
  CHECK(parse_time(config.last_sync_at.value()) == now);
  CHECK(parse_time(config.next_sync_at.value()) == now + 24h);
  CHECK_EQ(repository.calculate_next_sync("2026-08-01T12:00:00.000Z", 1h), "2026-08-01T13:00:00.000Z");

  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, repository.set_last_sync("yesterday", 0));
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, repository.set_last_sync_error(std::string("a\0b", 3)));
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, repository.calculate_next_sync(std::string(1, '\0'), 1h));
}

TEST(history) {
  const auto database = Database::in_memory();
  SyncHistoryRepository repository(database);
  CHECK(repository.native() != nullptr);
  CHECK_EQ(repository.count(), 0);
  CHECK(repository.get_history().empty() && repository.get_running().empty());
  CHECK(!repository.get_last_successful() && !repository.get_by_id("nobody") && !repository.is_running());
  CHECK(!repository.get_stats().last_success_at && !repository.get_stats().average_duration);

  const SyncRunResult numbers{1, 2, 3};
  const std::string success = repository.start_run();
  const auto begun = repository.get_by_id(success).value();
  CHECK(begun.status == SyncStatus::running && !begun.completed_at && !begun.duration);
  CHECK(parse_time(begun.started_at) && parse_time(begun.created_at));
  repository.complete_run(success, numbers);
  const auto done = repository.get_last_successful().value();
  CHECK_EQ(done.id, success);
  CHECK(done.status == SyncStatus::success && done.completed_at && done.duration && !done.error_message);
  CHECK(done.skills_added == 1 && done.skills_updated == 2 && done.skills_unchanged == 3);

  const std::string partial = repository.start_run();
  repository.complete_run_partial(partial, numbers, "some were bad");
  CHECK_EQ(repository.get_by_id(partial)->error_message.value(), "some were bad");
  CHECK(repository.get_by_id(partial)->status == SyncStatus::partial);
  const std::string failed = repository.start_run();
  repository.fail_run(failed, "it broke");
  CHECK(repository.get_by_id(failed)->status == SyncStatus::failed);

  CHECK_EQ(repository.get_history().size(), 3U);
  CHECK_EQ(repository.get_history(2).size(), 2U);
  CHECK_EQ(repository.get_history(1)[0].id, failed);
  CHECK_EQ(repository.get_stats().total_runs, 3);
  CHECK_EQ(repository.get_stats().successful_runs, 1);
  CHECK_EQ(repository.get_stats().failed_runs, 1);
  CHECK(repository.get_stats().last_success_at && repository.get_stats().average_duration);
  CHECK_EQ(repository.cleanup(), 0U);
  CHECK_EQ(repository.cleanup(1), 0U);

  CHECK_THROWS(SKILLSMITH_RUN_NOT_FOUND, repository.complete_run("nobody", numbers));
  CHECK_THROWS(SKILLSMITH_RUN_NOT_FOUND, repository.complete_run_partial("nobody", numbers, ""));
  CHECK_THROWS(SKILLSMITH_RUN_NOT_FOUND, repository.fail_run("nobody", ""));
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, repository.get_by_id(std::string("a\0b", 3)));
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, repository.fail_run(failed, std::string("a\0b", 3)));
}

TEST(skills) {
  const auto database = Database::in_memory();
  const SkillRepository repository(database);
  CHECK(repository.native() != nullptr);
  CHECK_EQ(repository.count(), 0);
  CHECK(!repository.find_by_id("skill-1") && !repository.exists("skill-1"));

  struct Two : Shelf {
    std::string search(const PageRequest &request, RegistryCall &) override {
      if (request.offset > 0) return R"({"data":[]})";
      return R"({"data":[)" + row(1) + R"(,{"id":"bare","name":"Bare"}]})";
    }
  };
  CHECK_EQ(SyncEngine(std::make_shared<Two>(), database).sync().skills_added, 2U);
  CHECK_EQ(repository.count(), 2);
  CHECK(repository.exists("skill-1"));
  const Skill whole = repository.find_by_id("skill-1").value();
  CHECK_EQ(whole.name, "Skill 1");
  CHECK_EQ(whole.description.value(), "number 1");
  CHECK(whole.quality_score == 0.5);
  CHECK_EQ(whole.trust_tier, "community");
  CHECK(whole.tags == (std::vector<std::string>{"a", "b"}));
  CHECK(parse_time(whole.updated_at) == parse_time("2026-08-01T12:00:00Z"));
  CHECK(parse_time(whole.created_at));
  const Skill bare = repository.find_by_id("bare").value();
  CHECK(!bare.description && !bare.author && !bare.repo_url && !bare.quality_score && bare.tags.empty());
  CHECK_EQ(bare.trust_tier, "unknown");
  CHECK(!bare.installable && !bare.risk_score && !bare.security_scanned_at && !bare.security_passed);
  CHECK_EQ(bare.security_findings_count, 0);
  // Somebody has put this into the file before the test.
  const Skill scanned = SkillRepository(Database(place.folder + "/nul.db")).find_by_id("nul").value();
  CHECK_EQ(scanned.name, std::string("a\0b", 3));
  CHECK(scanned.installable && scanned.risk_score == 40 && scanned.security_passed == false);
  CHECK_EQ(scanned.security_findings_count, 3);
  CHECK_EQ(scanned.security_scanned_at.value(), "2026-01-02T00:00:00.000Z");
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, repository.exists(std::string("a\0b", 3)));
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, repository.find_by_id(std::string("a\0b", 3)));
}

TEST(errors) {
  // Every number of the library arrives with its name, its text and its advice.
  int known = 0;
  for (std::int32_t number = 1; number < 1000; ++number) {
    const auto wanted = static_cast<skillsmith_status>(number);
    if (std::string(skillsmith_status_name(wanted)) == "UNKNOWN") continue;
    ++known;
    try {
      detail::check([&](skillsmith_error **error) { return skillsmith_test_fail(number, error); });
      fail(__FILE__, __LINE__, "nothing was thrown for " + std::to_string(number));
    } catch (const Error &error) {
      CHECK_EQ(error.code(), wanted);
      CHECK_EQ(std::string(error.name()), skillsmith_status_name(wanted));
      CHECK_EQ(error.retryable(), skillsmith_status_is_retryable(wanted));
      CHECK(error.what()[0] != '\0');
      if (wanted == SKILLSMITH_RATE_LIMITED) {
        CHECK(error.retry_at() == TimePoint(1800000000000ms));
      } else {
        CHECK(!error.retry_at());
      }
      const Error copied = error;
      CHECK_EQ(std::string(copied.what()), error.what());
      static_assert(std::is_nothrow_copy_constructible_v<Error>, "as an exception should be");
    }
  }
  CHECK(known >= 31);
  // As where there was no memory for the error object.
  CHECK_THROWS(SKILLSMITH_DISK_FULL, detail::check([](skillsmith_error **) { return SKILLSMITH_DISK_FULL; }));
  const VersionError other(1, 2);
  CHECK(std::string(other.what()).find("version 2") != std::string::npos);
}

TEST(versions) {
  check_version();
  CHECK_EQ(version(), SKILLSMITH_VERSION);
}

TEST(times) {
  const auto at = [](const char *text) { return parse_time(text).value().time_since_epoch().count(); };
  CHECK_EQ(at("1970-01-01T00:00:00Z"), 0);
  CHECK_EQ(at("1970-01-01T00:00:00.001Z"), 1);
  CHECK_EQ(at("1969-12-31T23:59:59.999Z"), -1);
  CHECK_EQ(at("2026-08-01T12:00:00.123456789Z"), 1785585600123);
  CHECK_EQ(at("2026-08-01T12:00:00.1Z"), 1785585600100);
  CHECK_EQ(at("2026-08-01 12:00:00"), 1785585600000);
  CHECK_EQ(at("2026-08-01T14:30:00+02:30"), 1785585600000);
  CHECK_EQ(at("2026-08-01 10:00:00-0200"), 1785585600000);
  CHECK_EQ(at("2026-08-01 12:00:00.5+00"), 1785585600500);
  CHECK_EQ(at("2024-02-29T00:00:00Z"), 1709164800000);
  CHECK_EQ(at("0000-01-01T00:00:00Z"), -62167219200000);
  CHECK_EQ(at("9999-12-31T23:59:59.999Z"), 253402300799999);
  for (const char *text :
       {"", "now", "2026-08-01", "2026-08-01T12:00:00", "2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-04-31T00:00:00Z", "2026-08-01T24:00:00Z",
        "2026-08-01T12:60:00Z", "2026-08-01T12:00:60Z", "2026-08-01T12:00:00.Z", "2026-08-01T12:00:00Zx",
        "2026-08-01T12:00:00+", "2026-08-01T12:00:00+24:00", "2026-08-01T12:00:00+02:", "+026-08-01T12:00:00Z",
        "2026-08-01x12:00:00Z", "2026-8-1T12:00:00Z", " 2026-08-01T12:00:00Z"}) {
    if (parse_time(text)) fail(__FILE__, __LINE__, text);
  }
  CHECK(!parse_time(std::string_view("2026-08-01T12:00:00Z\0", 21)));
  // There and back, over every day of some centuries and the ends of the range.
  const TimePoint first = parse_time("0000-01-01T00:00:00.000Z").value();
  const TimePoint last = parse_time("9999-12-31T23:59:59.999Z").value();
  for (TimePoint time = first; time <= last; time += 24h * 17 + 12345677ms) {
    CHECK(parse_time(format_time(time)) == time);
  }
  CHECK_EQ(format_time(first), "0000-01-01T00:00:00.000Z");
  CHECK_EQ(format_time(last), "9999-12-31T23:59:59.999Z");
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, format_time(first - 1ms));
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, format_time(last + 1ms));
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, format_time((TimePoint::max)()));
  CHECK_THROWS(SKILLSMITH_INVALID_ARGUMENT, format_time((TimePoint::min)()));
}
