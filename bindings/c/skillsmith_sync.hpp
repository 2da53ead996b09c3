/*
 skillsmith-sync for C++17: classes, exceptions and std types over skillsmith_sync.h.

 Header-only. Link with the C library; there is nothing else to compile.

    #include <iostream>
    #include <skillsmith_sync.hpp>

    int main() try {
      auto database = skillsmith::Database::open_default();
      skillsmith::SyncEngine engine(skillsmith::SkillsmithApiClient(), database);
      auto result = engine.sync();
      std::cout << result.skills_added << " new\n";
      for (const auto &problem : result.errors) std::cerr << problem << '\n';
      return result.success ? 0 : 1;
    } catch (const skillsmith::Error &error) {
      std::cerr << error.name() << ": " << error.what() << '\n';
      return 1;
    }

 The rules of skillsmith_sync.h hold here, too. What differs:

 - Objects free themselves, in any order. They can be moved, not copied. One that was moved
   from may be destroyed and assigned to; anything else with it throws NULL_ARGUMENT. What is
   noexcept cannot: it does nothing, and gives false or a null pointer.
 - Records are plain structures of the caller's own. Texts are UTF-8. A text of a database
   may hold U+0000; one that is passed in may not, and is refused with INVALID_ARGUMENT.
 - A function that fails throws `Error`; where it is the program's side that has no memory,
   `std::bad_alloc`. What goes wrong in a run is in its result.
 - Callbacks may throw. Each of them says where the exception goes; none is lost, and none
   ever reaches the C library. Only a thread's exit (pthread_exit, pthread_cancel) may not
   leave a callback.
 - Times in records stay the text that they are; `parse_time` makes time points of them.
 - Any thread may call any method at any time, but for moving and destroying.
 - Enumerations may get values that this header does not know, from a later library.
 */

#ifndef SKILLSMITH_SYNC_HPP
#define SKILLSMITH_SYNC_HPP

#include <skillsmith_sync.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skillsmith {

/// A time in UTC, in milliseconds, of the years 0 to 9999.
using TimePoint = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

/// An error: a code, a message for the person who has to act on it, and details.
class Error : public std::runtime_error {
 public:
  /// `code` is a status of the C library, as skillsmith_sync.h names it.
  Error(skillsmith_status code, const std::string &message)
      : Error(code, message, skillsmith_status_is_retryable(code), std::nullopt) {}

  Error(skillsmith_status code, const std::string &message, bool retryable,
        std::optional<TimePoint> retry_at)
      : std::runtime_error(message), code_(code), retryable_(retryable), retry_at_(retry_at) {}

  /// Its code, such as SKILLSMITH_NETWORK_TIMEOUT.
  skillsmith_status code() const noexcept { return code_; }

  /// The name of the error's code, such as "NETWORK_TIMEOUT". Lives as long as the library
  /// is loaded.
  const char *name() const noexcept { return skillsmith_status_name(code_); }

  /// Whether the same call may succeed later without any change by the caller.
  bool retryable() const noexcept { return retryable_; }

  /// The earliest time to retry, if the registry named one.
  std::optional<TimePoint> retry_at() const noexcept { return retry_at_; }

 private:
  skillsmith_status code_;
  bool retryable_;
  std::optional<TimePoint> retry_at_;
};

/// The loaded library has a different ABI version than the header of this program.
class VersionError : public Error {
 public:
  VersionError(std::uint32_t header, std::uint32_t library)
      : Error(SKILLSMITH_INVALID_ARGUMENT,
              "The program was compiled for version " + std::to_string(header) +
                  " of the C interface of skillsmith-sync, but the library that was loaded has version " +
                  std::to_string(library) + ". Compile it with the header of that library.") {}
};

/// How often a sync becomes due.
enum class SyncFrequency : std::int32_t {
  daily = SKILLSMITH_SYNC_FREQUENCY_DAILY,
  weekly = SKILLSMITH_SYNC_FREQUENCY_WEEKLY,
};

/// Status of a run.
enum class SyncStatus : std::int32_t {
  running = SKILLSMITH_SYNC_STATUS_RUNNING,
  success = SKILLSMITH_SYNC_STATUS_SUCCESS,
  failed = SKILLSMITH_SYNC_STATUS_FAILED,
  partial = SKILLSMITH_SYNC_STATUS_PARTIAL,
};

/// Health of a registry.
enum class Health : std::int32_t {
  healthy = SKILLSMITH_HEALTH_HEALTHY,
  degraded = SKILLSMITH_HEALTH_DEGRADED,
  unhealthy = SKILLSMITH_HEALTH_UNHEALTHY,
};

/// Phase of a run. Fetching and upserting alternate.
enum class SyncPhase : std::int32_t {
  connecting = SKILLSMITH_SYNC_PHASE_CONNECTING,
  fetching = SKILLSMITH_SYNC_PHASE_FETCHING,
  comparing = SKILLSMITH_SYNC_PHASE_COMPARING,
  upserting = SKILLSMITH_SYNC_PHASE_UPSERTING,
  complete = SKILLSMITH_SYNC_PHASE_COMPLETE,
};

/// Whether the run read the whole listing.
enum class Coverage : std::int32_t {
  complete = SKILLSMITH_COVERAGE_COMPLETE,
  best_effort = SKILLSMITH_COVERAGE_BEST_EFFORT,
};

/// Which listings of a registry may be used.
enum class Listing : std::int32_t {
  /// What `SKILLSMITH_LISTING` says (`auto` or `search`), else `all`.
  standard = SKILLSMITH_LISTING_DEFAULT,
  /// The sync endpoint or, if the registry has none, its search. If it reserves the endpoint for
  /// some plans, the run fails with PLAN_REQUIRED.
  all = SKILLSMITH_LISTING_AUTO,
  /// Only its search: for a registry of your own, or where you are allowed to use it.
  search = SKILLSMITH_LISTING_SEARCH,
};

/// A snapshot of the configuration.
struct SyncConfig {
  std::string id;                              ///< Always "default".
  bool enabled = false;                        ///< Whether automatic syncing is enabled.
  SyncFrequency frequency{};                   ///< How often a sync becomes due.
  std::chrono::milliseconds interval{};        ///< The time between two syncs.
  std::optional<std::string> last_sync_at;     ///< When the last complete sync started.
  std::optional<std::string> next_sync_at;     ///< When the next sync is due; none means now.
  std::int64_t last_sync_count = 0;            ///< Number of skills that it added or updated.
  std::optional<std::string> last_sync_error;  ///< Error of the last sync, if it failed.
  std::string created_at;                      ///< When the row was created.
  std::string updated_at;                      ///< When the row was last changed.
};

/// Changes for `SyncConfigRepository::update_config`. Empty members leave the setting
/// unchanged.
struct SyncConfigUpdate {
  std::optional<bool> enabled{};             ///< Enables or disables automatic syncing.
  std::optional<SyncFrequency> frequency{};  ///< Changes the frequency and reschedules the next sync.
};

/// Counters of a run, for its history entry.
struct SyncRunResult {
  std::uint64_t skills_added = 0;      ///< Number of skills added.
  std::uint64_t skills_updated = 0;    ///< Number of skills updated.
  std::uint64_t skills_unchanged = 0;  ///< Number of skills that had not changed.
  std::uint64_t skills_removed = 0;    ///< Number of withdrawn skills that were removed.
};

/// A snapshot of one entry of the history.
struct SyncHistoryEntry {
  std::string id;                                     ///< `sync-YYYYMMDDHHMMSS-` and six random characters.
  std::string started_at;                             ///< When the run started.
  std::optional<std::string> completed_at;            ///< When the run ended; none while it is running.
  SyncStatus status{};                                ///< Status of the run.
  std::int64_t skills_added = 0;                      ///< Number of skills added.
  std::int64_t skills_updated = 0;                    ///< Number of skills updated.
  std::int64_t skills_unchanged = 0;                  ///< Number of skills that had not changed.
  std::optional<std::string> error_message;           ///< Error of the run; none if there was none.
  std::optional<std::chrono::milliseconds> duration;  ///< Duration; none while the run is running.
  std::string created_at;                             ///< When the entry was created.
  std::int64_t skills_removed = 0;                    ///< Number of withdrawn skills that were removed.
  skillsmith_status code = SKILLSMITH_OK;             ///< Code of `error_message`, where it is known.
};

/// Statistics of the whole history.
struct SyncStats {
  std::int64_t total_runs = 0;                                ///< Number of entries.
  std::int64_t successful_runs = 0;                           ///< Number of successful runs.
  std::int64_t failed_runs = 0;                               ///< Number of failed runs.
  std::optional<std::string> last_success_at;                 ///< When the last successful run ended.
  std::optional<std::chrono::milliseconds> average_duration;  ///< Mean duration of successful runs.
};

/// A snapshot of a skill in the database.
struct Skill {
  std::string id;                          ///< Id of the skill in the registry.
  std::string name;                        ///< The name.
  std::optional<std::string> description;  ///< Description of the skill.
  std::optional<std::string> author;       ///< Author of the skill.
  std::optional<std::string> repo_url;     ///< URL of its repository.
  std::optional<double> quality_score;     ///< Quality score from 0 to 1.
  std::string trust_tier;                  ///< Trust tier, or "unknown".
  std::vector<std::string> tags;           ///< Its tags.
  std::string created_at;                  ///< When the skill was created, as stored.
  std::string updated_at;                  ///< When the skill was last changed, as stored.
  bool installable = false;                ///< Whether the skill can be installed.
  /// Risk score of the last security scan, the registry's or the host's, from 0 to 100.
  std::optional<std::int64_t> risk_score;
  std::int64_t security_findings_count = 0;        ///< Number of findings of the security scan.
  std::optional<std::string> security_scanned_at;  ///< When the security scan ran, as stored.
  std::optional<bool> security_passed;             ///< Whether the skill passed the scan; none before a verdict.
};

/// How complete and how old the skills of a database are, so that a database that is empty or old
/// is not taken for "no match".
struct Freshness {
  bool is_empty = false;                         ///< Whether there is no skill at all.
  std::optional<std::string> listed_at;          ///< When the last whole listing ended; none if there was none.
  std::optional<std::chrono::milliseconds> age;  ///< How long ago that was.
  bool is_stale = false;             ///< Whether that is longer ago than the time between two automatic syncs, or never was.
  std::optional<Coverage> coverage;  ///< Whether that listing could see every skill; none if that is not known.
  bool by_words = false;  ///< Whether it was a listing by a few search words, which finds a part of the skills only.
};

/// Which skills a search or a list may return. Each condition that is set has to hold.
struct SkillFilter {
  std::optional<std::string> category{};    ///< By its id or its name; the letters A to Z in either case.
  std::optional<std::string> trust_tier{};  ///< Such as "verified"; skills without one are "unknown".
  std::optional<double> min_score{};        ///< From 0 to 1. None: all skills, including those without a score.
  bool safe_only = false;                   ///< Only skills that have passed a security scan.
  std::optional<std::string> source{};      ///< "registry", or "local" for the user's own.
};

/// Options of `SkillRepository::search`.
struct SkillSearchOptions {
  SkillFilter filter{};      ///< Which skills count at all.
  std::uint32_t limit = 20;  ///< Most skills in the answer, from 1 to 1000.
  std::uint32_t offset = 0;  ///< How many of the best matches to leave out.
};

/// Options of `SkillRepository::list` and `SkillRepository::all`.
struct SkillListOptions {
  SkillFilter filter{};                ///< Which skills count at all.
  std::uint32_t limit = 100;           ///< Most skills of a page, from 1 to 1000.
  std::optional<std::string> after{};  ///< The page begins behind this id, which need not exist.
};

/// A skill that matches.
struct SkillMatch {
  Skill skill;                         ///< The skill.
  double rank = 0;                     ///< How well it matches: more is better; 0 where no index was asked, or no word.
  std::optional<std::string> snippet;  ///< The part of its texts in which most words are found, on one line.
};

/// The answer to a search.
struct SkillSearchResults {
  std::vector<SkillMatch> matches;  ///< The best match first.
  bool has_more = false;            ///< Whether more skills match than these.
  /// Whether the full-text index was asked. Without it, texts are compared letter by letter, and the
  /// best quality comes first.
  bool indexed = false;
  Freshness freshness;  ///< How complete and how old the skills are.
};

/// A page of a list.
struct SkillPage {
  std::vector<Skill> skills;        ///< In the order of their ids.
  std::optional<std::string> next;  ///< The id behind which the next page begins; none for the last page.
  Freshness freshness;              ///< How complete and how old the skills are.
};

/// A skill with what other tables have of it.
struct SkillDetails {
  Skill skill;                          ///< The skill.
  std::vector<std::string> categories;  ///< The names of the categories that it is in, in their order.
  std::string source;                   ///< "registry", or "local" for the user's own.
};

/// Progress of a run.
struct SyncProgress {
  SyncPhase phase{};                   ///< Current phase.
  std::uint64_t current = 0;           ///< Rows read; while upserting, changed rows written.
  std::uint64_t total = 0;             ///< Rows of the listing, 0 while unknown; while upserting, changed rows found so far.
  std::uint64_t skills_processed = 0;  ///< Number of skills compared so far.
  std::uint64_t skills_changed = 0;    ///< Number of new or changed skills found so far.
  std::string message;                 ///< Message for the user: the progress, or the reason for a wait; may be empty.
};

/// Result of a run. Always: added + updated + unchanged + rejected = processed.
struct SyncResult {
  bool success = false;                       ///< Whether the run succeeded without errors.
  bool dry_run = false;                       ///< Whether this was a dry run, which writes nothing.
  SyncStatus status{};                        ///< Status of the run, as in its history entry.
  skillsmith_status code = SKILLSMITH_OK;     ///< Code of the cause if the run failed or ended early.
  Coverage coverage{};                        ///< Whether the run read the whole listing.
  std::uint64_t skills_added = 0;             ///< Number of skills added.
  std::uint64_t skills_updated = 0;           ///< Number of skills updated.
  std::uint64_t skills_unchanged = 0;         ///< Number of skills that had not changed, or are the user's own.
  std::uint64_t skills_rejected = 0;          ///< Number of rows that could not be stored. `errors` names them.
  std::uint64_t total_processed = 0;          ///< Number of different skills that the registry sent.
  std::chrono::milliseconds duration{};       ///< Duration.
  std::vector<std::string> errors;            ///< The cause of a failed run, and the first 20 rejected rows.
  std::vector<std::string> warnings;          ///< Problems that did not cost any rows.
  std::uint64_t requests = 0;                 ///< Number of requests: pages, retries and the check of health.
  std::uint64_t skills_removed = 0;           ///< Number of withdrawn skills that were removed; not among those processed.
};

/// Current status of an engine.
struct EngineStatus {
  SyncConfig config;                         ///< The configuration.
  std::optional<SyncHistoryEntry> last_run;  ///< The last successful run.
  bool is_running = false;                   ///< Whether a sync is running, in this process or another.
  bool is_due = false;                       ///< Whether automatic syncing is on and the next sync is due.
  std::uint64_t requests_this_month = 0;     ///< Number of requests of this calendar month (UTC), without dry runs.
  std::optional<std::uint64_t> request_budget;  ///< The most requests in such a month; none: no bound.
  std::optional<std::string> paused_until;   ///< Until when no automatic sync starts, as ISO time; none: no pause.
};

/// A snapshot of the state of a service.
struct BackgroundSyncState {
  bool is_started = false;                ///< Whether the service is started.
  bool is_running = false;                ///< Whether a sync of this service is running.
  std::optional<SyncResult> last_result;  ///< Result of the last sync; none before the first.
  std::optional<std::string> last_error;  ///< Error of the last sync or check, if it failed.
  std::uint64_t checks_performed = 0;     ///< Number of checks.
  std::uint64_t syncs_triggered = 0;      ///< Number of syncs started, including manual ones.
};

/// A request for one page of the listing.
struct PageRequest {
  std::optional<std::string> query;       ///< A search word, if the registry refused plain listings.
  std::optional<std::string> trust_tier;  ///< Only skills of this tier; none: all.
  std::uint32_t limit = 0;                ///< Number of rows; the page may have fewer.
  std::uint64_t offset = 0;               ///< Number of rows to skip.
  std::optional<double> min_score;        ///< Only skills with at least this score; none: all skills, including those without one.
};

/// A request for one page of the sync endpoint.
struct SyncRequest {
  std::optional<std::string> since;  ///< Only rows whose `updated_at` is later than this (ISO 8601); none: all.
  std::uint32_t limit = 0;           ///< Number of rows; the page may have fewer.
  std::uint64_t offset = 0;          ///< Number of rows to skip.
};

// ---- What is inside -------------------------------------------------------------------

/// Not for use from outside.
namespace detail {

inline void check_abi() {
  const std::uint32_t library = skillsmith_abi_version();
  if (library != SKILLSMITH_ABI_VERSION) throw VersionError(SKILLSMITH_ABI_VERSION, library);
}

/// Frees a handle, a record or a string. Ignores the returned status: a destructor cannot
/// act on it.
template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T *owned) const noexcept {
    static_cast<void>(Free(owned));
  }
};

template <typename T, auto Free>
using Owned = std::unique_ptr<T, Freed<Free>>;

using OwnedError = Owned<skillsmith_error, skillsmith_error_free>;
using OwnedString = Owned<char, skillsmith_string_free>;

/// Calls a function of the C library with its last parameter, and throws if it fails.
template <typename Call>
void check(Call &&call) {
  skillsmith_error *given = nullptr;
  const skillsmith_status status = std::forward<Call>(call)(&given);
  const OwnedError error(given);
  if (status == SKILLSMITH_OK) return;
  // Out of memory for the error object: only the number is known.
  if (!error) throw Error(status, skillsmith_status_name(status));
  const std::int64_t retry_at = skillsmith_error_retry_at_ms(error.get());
  throw Error(status, skillsmith_error_message(error.get()),
              skillsmith_error_is_retryable(error.get()),
              retry_at < 0 ? std::nullopt
                           : std::optional(TimePoint(std::chrono::milliseconds(retry_at))));
}

/// The same for a function with an owned output before that parameter. The output may be
/// empty.
template <typename T, auto Free, typename Call>
Owned<T, Free> take(Call &&call) {
  T *given = nullptr;
  check([&](skillsmith_error **error) { return call(&given, error); });
  return Owned<T, Free>(given);
}

template <typename Call>
std::string take_string(Call &&call) {
  return take<char, skillsmith_string_free>(std::forward<Call>(call)).get();
}

[[noreturn]] inline void refuse(const char *name, const char *why) {
  throw Error(SKILLSMITH_INVALID_ARGUMENT, std::string("The argument '") + name + "' " + why);
}

/// C would silently cut the text at a U+0000.
inline const char *text_in(const std::string &text, const char *name) {
  if (text.find('\0') != std::string::npos) refuse(name, "contains U+0000.");
  return text.c_str();
}

inline const char *text_in(const std::optional<std::string> &text, const char *name) {
  return text ? text_in(*text, name) : nullptr;
}

/// In C, 0 stands for the default.
inline std::uint64_t time_in(const std::optional<std::chrono::milliseconds> &time, const char *name) {
  if (!time) return 0;
  if (time->count() <= 0) refuse(name, "must be longer than 0 ms.");
  return static_cast<std::uint64_t>(time->count());
}

/// The same for a number of requests.
inline std::uint64_t budget_in(const std::optional<std::uint64_t> &requests, const char *name) {
  if (requests && *requests == 0) refuse(name, "must be at least 1.");
  return requests.value_or(0);
}

inline skillsmith_switch switch_in(const std::optional<bool> &on) {
  if (!on) return SKILLSMITH_SWITCH_DEFAULT;
  return *on ? SKILLSMITH_SWITCH_ON : SKILLSMITH_SWITCH_OFF;
}

inline skillsmith_sync_frequency frequency_in(SyncFrequency frequency) {
  return static_cast<skillsmith_sync_frequency>(frequency);
}

inline skillsmith_listing listing_in(Listing listing) {
  return static_cast<skillsmith_listing>(listing);
}

inline std::string text(const skillsmith_text &given) {
  return given.data == nullptr ? std::string() : std::string(given.data, given.length);
}

inline std::optional<std::string> optional_text(const skillsmith_text &given) {
  if (given.data == nullptr) return std::nullopt;
  return std::string(given.data, given.length);
}

inline std::vector<std::string> texts(const skillsmith_text *given, std::size_t count) {
  std::vector<std::string> copied;
  copied.reserve(count);
  for (std::size_t i = 0; i < count; ++i) copied.push_back(text(given[i]));
  return copied;
}

/// In C, -1 stands for none.
inline std::optional<std::chrono::milliseconds> optional_time(std::int64_t milliseconds) {
  if (milliseconds < 0) return std::nullopt;
  return std::chrono::milliseconds(milliseconds);
}

inline SyncConfig copy(const skillsmith_sync_config &given) {
  SyncConfig config;
  config.id = text(given.id);
  config.enabled = given.enabled;
  config.frequency = static_cast<SyncFrequency>(given.frequency);
  config.interval = std::chrono::milliseconds(given.interval_ms);
  config.last_sync_at = optional_text(given.last_sync_at);
  config.next_sync_at = optional_text(given.next_sync_at);
  config.last_sync_count = given.last_sync_count;
  config.last_sync_error = optional_text(given.last_sync_error);
  config.created_at = text(given.created_at);
  config.updated_at = text(given.updated_at);
  return config;
}

inline SyncHistoryEntry copy(const skillsmith_sync_history_entry &given) {
  SyncHistoryEntry entry;
  entry.id = text(given.id);
  entry.started_at = text(given.started_at);
  entry.completed_at = optional_text(given.completed_at);
  entry.status = static_cast<SyncStatus>(given.status);
  entry.skills_added = given.skills_added;
  entry.skills_updated = given.skills_updated;
  entry.skills_unchanged = given.skills_unchanged;
  entry.error_message = optional_text(given.error_message);
  entry.duration = optional_time(given.duration_ms);
  entry.created_at = text(given.created_at);
  entry.skills_removed = given.skills_removed;
  entry.code = given.code;
  return entry;
}

inline std::vector<SyncHistoryEntry> copy(const skillsmith_sync_history_list &given) {
  std::vector<SyncHistoryEntry> entries;
  entries.reserve(given.count);
  for (std::size_t i = 0; i < given.count; ++i) entries.push_back(copy(*given.entries[i]));
  return entries;
}

inline SyncStats copy(const skillsmith_sync_stats &given) {
  SyncStats stats;
  stats.total_runs = given.total_runs;
  stats.successful_runs = given.successful_runs;
  stats.failed_runs = given.failed_runs;
  stats.last_success_at = optional_text(given.last_success_at);
  stats.average_duration = optional_time(given.average_duration_ms);
  return stats;
}

inline Skill copy(const skillsmith_skill &given) {
  Skill skill;
  skill.id = text(given.id);
  skill.name = text(given.name);
  skill.description = optional_text(given.description);
  skill.author = optional_text(given.author);
  skill.repo_url = optional_text(given.repo_url);
  if (given.has_quality_score) skill.quality_score = given.quality_score;
  skill.trust_tier = text(given.trust_tier);
  skill.tags = texts(given.tags, given.tag_count);
  skill.created_at = text(given.created_at);
  skill.updated_at = text(given.updated_at);
  skill.installable = given.installable;
  if (given.has_risk_score) skill.risk_score = given.risk_score;
  skill.security_findings_count = given.security_findings_count;
  skill.security_scanned_at = optional_text(given.security_scanned_at);
  if (given.has_security_verdict) skill.security_passed = given.security_passed;
  return skill;
}

inline Freshness copy(const skillsmith_freshness &given) {
  Freshness freshness;
  freshness.is_empty = given.is_empty;
  freshness.listed_at = optional_text(given.listed_at);
  freshness.age = optional_time(given.age_ms);
  freshness.is_stale = given.is_stale;
  if (given.has_coverage) freshness.coverage = static_cast<Coverage>(given.coverage);
  freshness.by_words = given.by_words;
  return freshness;
}

inline SkillSearchResults copy(const skillsmith_skill_search_results &given) {
  SkillSearchResults results;
  results.matches.reserve(given.count);
  for (std::size_t i = 0; i < given.count; ++i) {
    const skillsmith_skill_match &match = *given.matches[i];
    results.matches.push_back({copy(*match.skill), match.rank, optional_text(match.snippet)});
  }
  results.has_more = given.has_more;
  results.indexed = given.indexed;
  results.freshness = copy(*given.freshness);
  return results;
}

inline SkillPage copy(const skillsmith_skill_page &given) {
  SkillPage page;
  page.skills.reserve(given.count);
  for (std::size_t i = 0; i < given.count; ++i) page.skills.push_back(copy(*given.skills[i]));
  page.next = optional_text(given.next);
  page.freshness = copy(*given.freshness);
  return page;
}

inline SkillDetails copy(const skillsmith_skill_details &given) {
  return {copy(*given.skill), texts(given.categories, given.category_count), text(given.source)};
}

/// In C, 0 stands for the default, and less than 0 for any score.
inline skillsmith_skill_filter filter_in(const SkillFilter &given) {
  skillsmith_skill_filter filter{};
  filter.struct_size = sizeof filter;
  filter.category = text_in(given.category, "category");
  filter.trust_tier = text_in(given.trust_tier, "trust_tier");
  if (given.min_score && *given.min_score < 0) refuse("min_score", "must be from 0 to 1.");
  if (given.min_score) filter.min_score = *given.min_score > 0 || *given.min_score != *given.min_score ? *given.min_score : -1;
  filter.safe_only = given.safe_only ? 1 : 0;
  filter.source = text_in(given.source, "source");
  return filter;
}

/// The same for a limit.
inline std::uint32_t limit_in(std::uint32_t limit) {
  if (limit == 0) refuse("limit", "must be from 1 to 1000.");
  return limit;
}

inline SyncProgress copy(const skillsmith_sync_progress &given) {
  SyncProgress progress;
  progress.phase = static_cast<SyncPhase>(given.phase);
  progress.current = given.current;
  progress.total = given.total;
  progress.skills_processed = given.skills_processed;
  progress.skills_changed = given.skills_changed;
  progress.message = given.message;
  return progress;
}

/// A budget; -1 is none.
inline std::optional<std::uint64_t> budget(std::int64_t given) {
  if (given < 0) return std::nullopt;
  return static_cast<std::uint64_t>(given);
}

inline SyncResult copy(const skillsmith_sync_result &given) {
  SyncResult result;
  result.success = given.success;
  result.dry_run = given.dry_run;
  result.status = static_cast<SyncStatus>(given.status);
  result.code = given.code;
  result.coverage = static_cast<Coverage>(given.coverage);
  result.skills_added = given.skills_added;
  result.skills_updated = given.skills_updated;
  result.skills_unchanged = given.skills_unchanged;
  result.skills_rejected = given.skills_rejected;
  result.total_processed = given.total_processed;
  result.duration = std::chrono::milliseconds(given.duration_ms);
  result.errors = texts(given.errors, given.error_count);
  result.warnings = texts(given.warnings, given.warning_count);
  result.requests = given.requests;
  result.skills_removed = given.skills_removed;
  return result;
}

/// A record that may be missing.
template <typename T>
auto copy_if(const T *given) -> std::optional<decltype(copy(*given))> {
  if (given == nullptr) return std::nullopt;
  return copy(*given);
}

inline PageRequest copy(const skillsmith_page_request &given) {
  PageRequest request;
  request.query = optional_text(given.query);
  request.trust_tier = optional_text(given.trust_tier);
  request.limit = given.limit;
  request.offset = given.offset;
  if (given.min_score >= 0) request.min_score = given.min_score;
  return request;
}

inline SyncRequest copy(const skillsmith_sync_request &given) {
  SyncRequest request;
  request.since = optional_text(given.since);
  request.limit = given.limit;
  request.offset = given.offset;
  return request;
}

/// The exception of a callback, kept until it can be rethrown.
class Thrown {
 public:
  void keep_first(std::exception_ptr thrown) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!thrown_) thrown_ = std::move(thrown);
  }
  void keep_last(std::exception_ptr thrown) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::swap(thrown_, thrown);
  }
  std::exception_ptr take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(thrown_, nullptr);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr thrown_;
};

/// A reader of the digits in a text.
class TimeReader {
 public:
  explicit TimeReader(std::string_view rest) : rest_(rest) {}

  bool is_at_end() const { return rest_.empty(); }

  bool skip(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// A digit, or -1.
  int digit() {
    if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') return -1;
    const int value = rest_.front() - '0';
    rest_.remove_prefix(1);
    return value;
  }

  /// Exactly so many digits, of a number within these bounds.
  bool number(int digits, int least, int most, int &value) {
    value = 0;
    for (int i = 0; i < digits; ++i) {
      const int next = digit();
      if (next < 0) return false;
      value = value * 10 + next;
    }
    return value >= least && value <= most;
  }

 private:
  std::string_view rest_;
};

/// Days since 1970-01-01 in the Gregorian calendar, before 1582 too.
inline std::int64_t days_since_1970(int year, int month, int day) {
  // The year begins in March, so that the leap day is its last.
  const std::int64_t shifted = month > 2 ? year : year - 1;
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400;
  const std::int64_t of_era = shifted - era * 400;
  const std::int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

}  // namespace detail

// ---- Times ----------------------------------------------------------------------------

/// Converts a time in a record to a time point.
///
/// `text` is ISO 8601 as the registry and this library write it
/// (`2026-08-01T12:00:00.123Z`, or with an offset), or as SQLite does (`2026-08-01
/// 12:00:00`, which is UTC). Fractions of a millisecond are cut off.
///
/// Returns nothing if the text is not such a time: a database can contain any text. Does
/// not block or throw.
inline std::optional<TimePoint> parse_time(std::string_view text) noexcept {
  detail::TimeReader reader(text);
  int year, month, day, hour, minute, second;
  if (!reader.number(4, 0, 9999, year) || !reader.skip('-') || !reader.number(2, 1, 12, month) ||
      !reader.skip('-') || !reader.number(2, 1, 31, day)) {
    return std::nullopt;
  }
  const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  const int days = month == 2 ? (is_leap ? 29 : 28)
                              : (month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31);
  const bool is_sqlite = reader.skip(' ');
  if (day > days || (!is_sqlite && !reader.skip('T')) || !reader.number(2, 0, 23, hour) ||
      !reader.skip(':') || !reader.number(2, 0, 59, minute) || !reader.skip(':') ||
      !reader.number(2, 0, 59, second)) {
    return std::nullopt;
  }
  int milliseconds = 0;
  if (reader.skip('.')) {
    int digits = 0;
    for (int next = reader.digit(); next >= 0; next = reader.digit(), ++digits) {
      if (digits < 3) milliseconds = milliseconds * 10 + next;
    }
    if (digits == 0) return std::nullopt;
    for (; digits < 3; ++digits) milliseconds *= 10;
  }
  int offset = 0;
  if (!reader.skip('Z')) {
    const bool is_ahead = reader.skip('+');
    if (is_ahead || reader.skip('-')) {
      int hours, minutes = 0;
      if (!reader.number(2, 0, 23, hours)) return std::nullopt;
      if (!reader.is_at_end() &&
          (static_cast<void>(reader.skip(':')), !reader.number(2, 0, 59, minutes))) {
        return std::nullopt;
      }
      offset = (is_ahead ? 1 : -1) * (hours * 60 + minutes);
    } else if (!is_sqlite) {
      return std::nullopt;  // A local time of an unknown time zone.
    }
  }
  if (!reader.is_at_end()) return std::nullopt;
  const std::int64_t minutes =
      (detail::days_since_1970(year, month, day) * 24 + hour) * 60 + minute - offset;
  return TimePoint(std::chrono::minutes(minutes) + std::chrono::seconds(second) +
                   std::chrono::milliseconds(milliseconds));
}

/// Formats a time point as this library does: `2026-08-01T12:00:00.123Z`.
///
/// Does not block. Errors: INVALID_ARGUMENT before the year 0 and after 9999.
inline std::string format_time(TimePoint time) {
  constexpr std::int64_t day_length = 86400000;
  const std::int64_t since_1970 = time.time_since_epoch().count();
  const std::int64_t days = since_1970 / day_length - (since_1970 % day_length < 0 ? 1 : 0);
  if (days < detail::days_since_1970(0, 1, 1) || days > detail::days_since_1970(9999, 12, 31)) {
    detail::refuse("time", "is not between the years 0 and 9999.");
  }
  const std::int64_t of_day = since_1970 - days * day_length;
  // The inverse of days_since_1970: the year begins in March.
  const std::int64_t shifted = days + 719468;
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  const std::int64_t of_era = shifted - era * 146097;
  const std::int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const std::int64_t of_year = of_era - (365 * years + years / 4 - years / 100);
  const std::int64_t months = (5 * of_year + 2) / 153;
  const std::int64_t day = of_year - (153 * months + 2) / 5 + 1;
  const std::int64_t month = months < 10 ? months + 3 : months - 9;
  const std::int64_t year = years + era * 400 + (month <= 2 ? 1 : 0);

  std::string text = "0000-00-00T00:00:00.000Z";
  const auto put = [&text](std::size_t end, int digits, std::int64_t number) {
    for (; digits > 0; --digits, number /= 10) text[--end] = static_cast<char>('0' + number % 10);
  };
  put(4, 4, year);
  put(7, 2, month);
  put(10, 2, day);
  put(13, 2, of_day / 3600000);
  put(16, 2, of_day / 60000 % 60);
  put(19, 2, of_day / 1000 % 60);
  put(23, 3, of_day % 1000);
  return text;
}

// ---- The library ----------------------------------------------------------------------

/// Checks that the library has the ABI version that this program was compiled for.
///
/// Every constructor does this too. Does not block. Errors: `VersionError`.
inline void check_version() { detail::check_abi(); }

/// The version of the loaded library, such as "0.1.0".
inline std::string version() { return skillsmith_version_string(); }

/// Number of handles, strings and records that are not freed yet; for leak tests.
inline std::size_t live_objects() noexcept { return skillsmith_live_objects(); }

// ---- Cancelling -----------------------------------------------------------------------

/// Cancels the calls that it is passed to. A cancelled token cannot be used again.
///
/// Several calls may share a token; cancelling it ends all of them.
class CancelToken {
 public:
  /// Creates a token. Does not block.
  CancelToken() {
    detail::check_abi();
    handle_ = detail::take<skillsmith_cancel_token, skillsmith_cancel_token_free>(
        skillsmith_cancel_token_new);
  }

  /// Cancels every call that uses it, within 200 ms: aborts network requests and ends
  /// waits.
  ///
  /// Calling it again is safe. Does not block; any thread may call it, callbacks included,
  /// but not a signal handler.
  void cancel() const noexcept { static_cast<void>(skillsmith_cancel_token_cancel(handle_.get())); }

  /// Cancels from a signal handler: it only stores to atomic variables.
  ///
  /// The token must live as long as the handler is installed.
  void raise() const noexcept { static_cast<void>(skillsmith_cancel_token_raise(handle_.get())); }

  /// Whether the token was cancelled or raised. Does not block.
  bool is_cancelled() const noexcept { return skillsmith_cancel_token_is_cancelled(handle_.get()); }

  /// The handle, for calls of the C library. This object still owns it.
  const skillsmith_cancel_token *native() const noexcept { return handle_.get(); }

 private:
  detail::Owned<skillsmith_cancel_token, skillsmith_cancel_token_free> handle_;
};

namespace detail {

/// NULL means no token in C: a run with a moved-from token could not be cancelled.
inline const skillsmith_cancel_token *cancel_in(const CancelToken *cancel) {
  if (cancel == nullptr) return nullptr;
  if (cancel->native() == nullptr) {
    throw Error(SKILLSMITH_NULL_ARGUMENT, "The argument 'cancel' is a token that was moved from.");
  }
  return cancel->native();
}

}  // namespace detail

// ---- The database ---------------------------------------------------------------------

/// Options for opening a database.
struct OpenOptions {
  /// Open the file read-only; it must exist.
  bool read_only = false;
  /// How long a short call waits while another program writes; 0: it does not wait.
  /// Default: 5 s.
  std::optional<std::chrono::milliseconds> busy_budget{};
};

/// An open database.
///
/// Objects made from it keep it open after it is destroyed.
class Database {
 public:
  /// Opens a database.
  ///
  /// `path` is UTF-8; ":memory:" is a new database in memory. Creates a missing file with
  /// the whole schema, and its folder. Accepts a file of any schema version. Refuses a file
  /// that is not a database, is damaged, or belongs to another program, and leaves it
  /// unchanged.
  ///
  /// Blocks on the disk. Errors: INVALID_ARGUMENT, and all from 301 to 312.
  explicit Database(const std::string &path, const OpenOptions &options = {})
      : Database(detail::text_in(path, "path"), options) {}

  /// Opens the database at `default_path`, like the constructor.
  static Database open_default(const OpenOptions &options = {}) {
    return Database(static_cast<const char *>(nullptr), options);
  }

  /// Creates a database in memory with the whole schema. It is deleted with the last object
  /// made from it. Does not block. Errors: DATABASE_ERROR.
  static Database in_memory() {
    detail::check_abi();
    return Database(
        detail::take<skillsmith_database, skillsmith_database_free>(skillsmith_database_open_in_memory));
  }

  /// `SKILLSMITH_DB_PATH`, or `~/.skillsmith/skills.db`. Does not block. Errors:
  /// INVALID_ARGUMENT if there is no home folder.
  static std::string default_path() {
    detail::check_abi();
    return detail::take_string(skillsmith_default_database_path);
  }

  /// Closes it for all objects made from it; their later calls fail with DATABASE_CLOSED. A
  /// running sync ends normally. Calling it again is safe. Blocks briefly on the disk.
  /// Errors: OPENED_BEFORE_FORK.
  void close() {
    detail::check([&](auto error) { return skillsmith_database_close(handle_.get(), error); });
  }

  /// Whether the database is open. May wait for a short call on another thread.
  bool is_open() const noexcept { return skillsmith_database_is_open(handle_.get()); }

  /// Whether the database was opened read-only. Does not block.
  bool is_read_only() const noexcept { return skillsmith_database_is_read_only(handle_.get()); }

  /// The absolute path of the file, or ":memory:". Does not block.
  std::string name() const {
    return detail::take_string(
        [&](auto name, auto error) { return skillsmith_database_name(handle_.get(), name, error); });
  }

  /// The handle, for calls of the C library. This object still owns it.
  const skillsmith_database *native() const noexcept { return handle_.get(); }

 private:
  using Handle = detail::Owned<skillsmith_database, skillsmith_database_free>;

  explicit Database(Handle handle) : handle_(std::move(handle)) {}

  Database(const char *path, const OpenOptions &given) {
    detail::check_abi();
    skillsmith_open_options options{};
    options.struct_size = sizeof options;
    options.read_only = given.read_only ? 1 : 0;
    if (given.busy_budget) {
      options.busy_budget_ms = given.busy_budget->count() > 0 ? given.busy_budget->count() : -1;
    }
    handle_ = detail::take<skillsmith_database, skillsmith_database_free>(
        [&](auto out, auto error) { return skillsmith_database_open(path, &options, out, error); });
  }

  Handle handle_;
};

// ---- The repositories -----------------------------------------------------------------

/// Reads and changes the configuration of a database.
///
/// Every call blocks on the disk only: briefly to read, for at most the busy budget to
/// change. Errors of all: DATABASE_CLOSED, OPENED_BEFORE_FORK, DATABASE_ERROR; of those
/// that change: DATABASE_BUSY, READ_ONLY, DISK_FULL, INVALID_ARGUMENT.
class SyncConfigRepository {
 public:
  /// For an open database. Does not block. Errors: OPENED_BEFORE_FORK.
  explicit SyncConfigRepository(const Database &database)
      : handle_(detail::take<skillsmith_sync_config_repository, skillsmith_sync_config_repository_free>(
            [&](auto out, auto error) {
              return skillsmith_sync_config_repository_new(database.native(), out, error);
            })) {}

  /// The current configuration.
  SyncConfig get_config() const {
    return config([&](auto out, auto error) {
      return skillsmith_sync_config_repository_get_config(handle_.get(), out, error);
    });
  }

  /// Changes the settings in `update` and returns the new configuration.
  SyncConfig update_config(const SyncConfigUpdate &update) {
    skillsmith_sync_config_update change{};
    change.struct_size = sizeof change;
    change.enabled = detail::switch_in(update.enabled);
    if (update.frequency) change.frequency = detail::frequency_in(*update.frequency);
    return config([&](auto out, auto error) {
      return skillsmith_sync_config_repository_update_config(handle_.get(), &change, out, error);
    });
  }

  /// The most requests that syncs of the database send in a calendar month (UTC); none: no
  /// bound. Blocks briefly on the disk. Errors: as for `get_config`.
  std::optional<std::uint64_t> get_request_budget() const {
    std::int64_t budget = -1;
    detail::check([&](auto error) {
      return skillsmith_sync_config_repository_get_request_budget(handle_.get(), &budget, error);
    });
    return detail::budget(budget);
  }

  /// Sets it; none removes the bound. A sync that reaches it ends as partial, without an error,
  /// and the next one continues from there. Errors: as for `update_config`.
  void set_request_budget(std::optional<std::uint64_t> budget) {
    constexpr std::uint64_t most = (std::numeric_limits<std::int64_t>::max)();
    const std::int64_t wanted = budget ? static_cast<std::int64_t>((std::min)(*budget, most)) : -1;
    detail::check([&](auto error) {
      return skillsmith_sync_config_repository_set_request_budget(handle_.get(), wanted, error);
    });
  }

  /// Records a complete sync that started at `timestamp` (ISO 8601, see `format_time`) and
  /// changed `count` skills. The engine does this itself.
  void set_last_sync(const std::string &timestamp, std::int64_t count) {
    const char *moment = detail::text_in(timestamp, "timestamp");
    detail::check([&](auto error) {
      return skillsmith_sync_config_repository_set_last_sync(handle_.get(), moment, count, error);
    });
  }

  /// Records the error of the last sync. The engine does this itself.
  void set_last_sync_error(const std::string &message) {
    const char *why = detail::text_in(message, "message");
    detail::check([&](auto error) {
      return skillsmith_sync_config_repository_set_last_sync_error(handle_.get(), why, error);
    });
  }

  /// Clears the error of the last sync.
  void clear_error() {
    detail::check([&](auto error) {
      return skillsmith_sync_config_repository_clear_error(handle_.get(), error);
    });
  }

  /// The time `interval` after `last_sync_at` (ISO 8601), in ISO 8601 with milliseconds and
  /// `Z`. Does not block. Errors: INVALID_ARGUMENT.
  std::string calculate_next_sync(const std::string &last_sync_at,
                                  std::chrono::milliseconds interval) const {
    const char *moment = detail::text_in(last_sync_at, "last_sync_at");
    return detail::take_string([&](auto out, auto error) {
      return skillsmith_sync_config_repository_calculate_next_sync(handle_.get(), moment,
                                                                   interval.count(), out, error);
    });
  }

  /// Whether automatic syncing is on and the next sync is due.
  bool is_sync_due() const {
    bool due = false;
    detail::check([&](auto error) {
      return skillsmith_sync_config_repository_is_sync_due(handle_.get(), &due, error);
    });
    return due;
  }

  /// Enables automatic syncing and returns the result.
  SyncConfig enable() {
    return config([&](auto out, auto error) {
      return skillsmith_sync_config_repository_enable(handle_.get(), out, error);
    });
  }

  /// Disables automatic syncing and returns the result. A manual sync still works.
  SyncConfig disable() {
    return config([&](auto out, auto error) {
      return skillsmith_sync_config_repository_disable(handle_.get(), out, error);
    });
  }

  /// Changes the frequency, reschedules the next sync, and returns the result.
  SyncConfig set_frequency(SyncFrequency frequency) {
    return config([&](auto out, auto error) {
      return skillsmith_sync_config_repository_set_frequency(
          handle_.get(), detail::frequency_in(frequency), out, error);
    });
  }

  /// The handle, for calls of the C library. This object still owns it.
  const skillsmith_sync_config_repository *native() const noexcept { return handle_.get(); }

 private:
  template <typename Call>
  static SyncConfig config(Call &&call) {
    return detail::copy(*detail::take<skillsmith_sync_config, skillsmith_sync_config_free>(
        std::forward<Call>(call)));
  }

  detail::Owned<skillsmith_sync_config_repository, skillsmith_sync_config_repository_free> handle_;
};

/// Reads and writes the history of a database.
///
/// Every call blocks on the disk only: briefly to read, for at most the busy budget to
/// write. Errors of all: INVALID_ARGUMENT, DATABASE_CLOSED, OPENED_BEFORE_FORK,
/// DATABASE_ERROR; of those that write: DATABASE_BUSY, READ_ONLY, DISK_FULL.
class SyncHistoryRepository {
 public:
  /// For an open database. Does not block. Errors: OPENED_BEFORE_FORK.
  explicit SyncHistoryRepository(const Database &database)
      : handle_(detail::take<skillsmith_sync_history_repository, skillsmith_sync_history_repository_free>(
            [&](auto out, auto error) {
              return skillsmith_sync_history_repository_new(database.native(), out, error);
            })) {}

  /// Creates an entry for a run that starts now, and returns its id. The engine does this
  /// itself.
  std::string start_run() {
    return detail::take_string([&](auto out, auto error) {
      return skillsmith_sync_history_repository_start_run(handle_.get(), out, error);
    });
  }

  /// Marks a run as successful. The engine does this itself. Errors: also RUN_NOT_FOUND.
  void complete_run(const std::string &id, const SyncRunResult &result) {
    const auto given = run_result(result);
    const char *run = detail::text_in(id, "id");
    detail::check([&](auto error) {
      return skillsmith_sync_history_repository_complete_run(handle_.get(), run, &given, error);
    });
  }

  /// Marks a run as partially successful, with the reason. The engine does this itself.
  /// Errors: also RUN_NOT_FOUND.
  void complete_run_partial(const std::string &id, const SyncRunResult &result,
                            const std::string &error_message) {
    const auto given = run_result(result);
    const char *run = detail::text_in(id, "id");
    const char *why = detail::text_in(error_message, "error_message");
    detail::check([&](auto error) {
      return skillsmith_sync_history_repository_complete_run_partial(handle_.get(), run, &given, why,
                                                                     error);
    });
  }

  /// Marks a run as failed, with the reason. The engine does this itself. Errors: also
  /// RUN_NOT_FOUND.
  void fail_run(const std::string &id, const std::string &error_message) {
    const char *run = detail::text_in(id, "id");
    const char *why = detail::text_in(error_message, "error_message");
    detail::check([&](auto error) {
      return skillsmith_sync_history_repository_fail_run(handle_.get(), run, why, error);
    });
  }

  /// The entry with this id, if there is one.
  std::optional<SyncHistoryEntry> get_by_id(const std::string &id) const {
    const char *run = detail::text_in(id, "id");
    return entry([&](auto out, auto error) {
      return skillsmith_sync_history_repository_get_by_id(handle_.get(), run, out, error);
    });
  }

  /// Up to `limit` entries, newest first.
  std::vector<SyncHistoryEntry> get_history(std::uint32_t limit = 10) const {
    return entries([&](auto out, auto error) {
      return skillsmith_sync_history_repository_get_history(handle_.get(), limit, out, error);
    });
  }

  /// The newest successful entry, if there is one.
  std::optional<SyncHistoryEntry> get_last_successful() const {
    return entry([&](auto out, auto error) {
      return skillsmith_sync_history_repository_get_last_successful(handle_.get(), out, error);
    });
  }

  /// The entries of running syncs, newest first. Entries of this library whose process has
  /// died are marked as failed first.
  std::vector<SyncHistoryEntry> get_running() const {
    return entries([&](auto out, auto error) {
      return skillsmith_sync_history_repository_get_running(handle_.get(), out, error);
    });
  }

  /// Whether a sync is running, after the same check.
  bool is_running() const {
    bool running = false;
    detail::check([&](auto error) {
      return skillsmith_sync_history_repository_is_running(handle_.get(), &running, error);
    });
    return running;
  }

  /// Deletes the entries of runs that started more than `days_to_keep` days ago. Returns
  /// their number. Errors: also `INVALID_ARGUMENT` if that is before the first possible
  /// date.
  std::uint64_t cleanup(std::uint32_t days_to_keep = 30) {
    std::uint64_t deleted = 0;
    detail::check([&](auto error) {
      return skillsmith_sync_history_repository_cleanup(handle_.get(), days_to_keep, &deleted, error);
    });
    return deleted;
  }

  /// Number of entries.
  std::int64_t count() const {
    std::int64_t number = 0;
    detail::check([&](auto error) {
      return skillsmith_sync_history_repository_count(handle_.get(), &number, error);
    });
    return number;
  }

  /// Statistics of the whole history.
  SyncStats get_stats() const {
    return detail::copy(*detail::take<skillsmith_sync_stats, skillsmith_sync_stats_free>(
        [&](auto out, auto error) {
          return skillsmith_sync_history_repository_get_stats(handle_.get(), out, error);
        }));
  }

  /// The handle, for calls of the C library. This object still owns it.
  const skillsmith_sync_history_repository *native() const noexcept { return handle_.get(); }

 private:
  static skillsmith_sync_run_result run_result(const SyncRunResult &given) {
    skillsmith_sync_run_result result{};
    result.struct_size = sizeof result;
    result.skills_added = given.skills_added;
    result.skills_updated = given.skills_updated;
    result.skills_unchanged = given.skills_unchanged;
    result.skills_removed = given.skills_removed;
    return result;
  }

  template <typename Call>
  static std::optional<SyncHistoryEntry> entry(Call &&call) {
    return detail::copy_if<skillsmith_sync_history_entry>(
        detail::take<skillsmith_sync_history_entry, skillsmith_sync_history_entry_free>(
            std::forward<Call>(call))
            .get());
  }

  template <typename Call>
  static std::vector<SyncHistoryEntry> entries(Call &&call) {
    return detail::copy(*detail::take<skillsmith_sync_history_list, skillsmith_sync_history_list_free>(
        std::forward<Call>(call)));
  }

  detail::Owned<skillsmith_sync_history_repository, skillsmith_sync_history_repository_free> handle_;
};

/// The skills of a list, for a range-based `for`; see `SkillRepository::all`.
class SkillRange {
 public:
  /// An input iterator: copies of it are one. Going on may read a page, and throws as
  /// `SkillRepository::list` does.
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Skill;
    using difference_type = std::ptrdiff_t;
    using pointer = const Skill *;
    using reference = const Skill &;

    /// The end.
    Iterator() = default;

    reference operator*() const { return state_->page.skills[state_->at]; }
    pointer operator->() const { return &**this; }

    Iterator &operator++() {
      ++state_->at;
      settle();
      return *this;
    }

    /// What is returned has the skill that was current.
    class Before {
     public:
      explicit Before(Skill skill) : skill_(std::move(skill)) {}
      const Skill &operator*() const noexcept { return skill_; }

     private:
      Skill skill_;
    };

    Before operator++(int) {
      Before before(**this);
      ++*this;
      return before;
    }

    friend bool operator==(const Iterator &one, const Iterator &other) noexcept {
      return one.state_ == other.state_;
    }
    friend bool operator!=(const Iterator &one, const Iterator &other) noexcept { return !(one == other); }

   private:
    friend class SkillRange;

    struct State {
      std::function<SkillPage(const SkillListOptions &)> read;
      SkillListOptions options;
      SkillPage page;
      std::size_t at = 0;
    };

    explicit Iterator(std::shared_ptr<State> state) : state_(std::move(state)) { settle(); }

    /// Reads pages until there is a skill, or becomes the end.
    void settle() {
      while (state_ && state_->at == state_->page.skills.size()) {
        if (!state_->page.next) {
          state_.reset();
          return;
        }
        state_->options.after = std::move(state_->page.next);
        try {
          state_->page = state_->read(state_->options);
        } catch (...) {
          // There is no skill here any more.
          state_.reset();
          throw;
        }
        state_->at = 0;
      }
    }

    std::shared_ptr<State> state_;
  };

  /// Reads the first page.
  Iterator begin() const {
    auto state = std::make_shared<Iterator::State>(Iterator::State{read_, options_, read_(options_), 0});
    return Iterator(std::move(state));
  }

  Iterator end() const noexcept { return {}; }

 private:
  friend class SkillRepository;

  SkillRange(std::function<SkillPage(const SkillListOptions &)> read, SkillListOptions options)
      : read_(std::move(read)), options_(std::move(options)) {}

  std::function<SkillPage(const SkillListOptions &)> read_;
  SkillListOptions options_;
};

/// Reads the skills of a database.
///
/// Every call is short and blocks on the disk only. Errors of all: INVALID_ARGUMENT,
/// DATABASE_CLOSED, OPENED_BEFORE_FORK, DATABASE_ERROR.
class SkillRepository {
 public:
  /// For an open database. Does not block. Errors: OPENED_BEFORE_FORK.
  explicit SkillRepository(const Database &database)
      : handle_(detail::take<skillsmith_skill_repository, skillsmith_skill_repository_free>(
            [&](auto out, auto error) {
              return skillsmith_skill_repository_new(database.native(), out, error);
            })) {}

  /// The skill with this id, if there is one.
  std::optional<Skill> find_by_id(const std::string &id) const {
    const char *wanted = detail::text_in(id, "id");
    return detail::copy_if<skillsmith_skill>(
        detail::take<skillsmith_skill, skillsmith_skill_free>([&](auto out, auto error) {
          return skillsmith_skill_repository_find_by_id(handle_.get(), wanted, out, error);
        }).get());
  }

  /// Whether a skill with this id exists.
  bool exists(const std::string &id) const {
    const char *wanted = detail::text_in(id, "id");
    bool found = false;
    detail::check([&](auto error) {
      return skillsmith_skill_repository_exists(handle_.get(), wanted, &found, error);
    });
    return found;
  }

  /// Number of skills, including the user's own.
  std::int64_t count() const {
    std::int64_t number = 0;
    detail::check([&](auto error) {
      return skillsmith_skill_repository_count(handle_.get(), &number, error);
    });
    return number;
  }

  /// The skills in which every word of `text` is found, the best match first, then the best
  /// quality, then by id. Nothing in the text is an operator; the last word, if it has three
  /// letters, matches every word that begins with it; "" leaves nothing out. Waits for no sync.
  /// INVALID_ARGUMENT also for a text of more than 1000 characters.
  SkillSearchResults search(const std::string &text, const SkillSearchOptions &options = {}) const {
    const char *words = detail::text_in(text, "text");
    const skillsmith_skill_filter filter = detail::filter_in(options.filter);
    skillsmith_skill_search_options given{};
    given.struct_size = sizeof given;
    given.filter = &filter;
    given.limit = detail::limit_in(options.limit);
    given.offset = options.offset;
    return detail::copy(*detail::take<skillsmith_skill_search_results, skillsmith_skill_search_results_free>(
        [&](auto out, auto error) {
          return skillsmith_skill_repository_search(handle_.get(), words, &given, out, error);
        }));
  }

  /// A page of all skills, in the order of their ids. Waits for no sync.
  SkillPage list(const SkillListOptions &options = {}) const { return list_of(handle_.get(), options); }

  /// All skills of a list, read page by page. No lock is held in between, so a sync may write
  /// meanwhile; what it adds behind the last id is found too. This object has to live as long as
  /// the loop runs.
  ///
  ///     for (const auto &skill : skills.all()) std::cout << skill.name << '\n';
  SkillRange all(SkillListOptions options = {}) const {
    const auto *handle = handle_.get();
    return {[handle](const SkillListOptions &page) { return list_of(handle, page); }, std::move(options)};
  }

  /// The skill with this id, its categories and where it is from, if there is one.
  std::optional<SkillDetails> get(const std::string &id) const {
    const char *wanted = detail::text_in(id, "id");
    return detail::copy_if<skillsmith_skill_details>(
        detail::take<skillsmith_skill_details, skillsmith_skill_details_free>([&](auto out, auto error) {
          return skillsmith_skill_repository_get(handle_.get(), wanted, out, error);
        }).get());
  }

  /// How complete and how old the skills are. Each answer of `search` and `list` says it, too.
  Freshness freshness() const {
    return detail::copy(*detail::take<skillsmith_freshness, skillsmith_freshness_free>(
        [&](auto out, auto error) { return skillsmith_skill_repository_freshness(handle_.get(), out, error); }));
  }

  /// The handle, for calls of the C library. This object still owns it.
  const skillsmith_skill_repository *native() const noexcept { return handle_.get(); }

 private:
  static SkillPage list_of(const skillsmith_skill_repository *handle, const SkillListOptions &options) {
    const skillsmith_skill_filter filter = detail::filter_in(options.filter);
    skillsmith_skill_list_options given{};
    given.struct_size = sizeof given;
    given.filter = &filter;
    given.limit = detail::limit_in(options.limit);
    if (options.after) {
      given.after = options.after->c_str();
      given.after_length = options.after->size();
    }
    return detail::copy(*detail::take<skillsmith_skill_page, skillsmith_skill_page_free>(
        [&](auto out, auto error) { return skillsmith_skill_repository_list(handle, &given, out, error); }));
  }

  detail::Owned<skillsmith_skill_repository, skillsmith_skill_repository_free> handle_;
};

// ---- The live registry ----------------------------------------------------------------

/// A request for a token. Valid until the function that provides the token returns.
class TokenRequest {
 public:
  /// Whether the registry has refused the last token with 401, so that a fresh one is needed.
  bool is_refused() const noexcept { return refused_; }

  /// Whether the token is no longer needed. A function that blocks checks this repeatedly, and
  /// returns.
  bool is_cancelled() const noexcept { return skillsmith_token_call_is_cancelled(call_); }

  /// @cond
  TokenRequest(bool refused, const skillsmith_token_call *call) noexcept
      : refused_(refused), call_(call) {}
  /// @endcond

 private:
  bool refused_;
  const skillsmith_token_call *call_;
};

/// Options of a client. An empty member means its default.
struct ClientOptions {
  /// Such as `https://host/functions/v1`. Default: `SKILLSMITH_API_URL`, `SUPABASE_URL` +
  /// `/functions/v1`, `apiBaseUrl` in `~/.skillsmith/config.json`, or the live service.
  std::optional<std::string> base_url{};
  /// The anonymous key. Default: `SUPABASE_ANON_KEY`.
  std::optional<std::string> anon_key{};
  /// The API key. Default: `SKILLSMITH_API_KEY`, or `accessToken` (of a signed-in user) or
  /// `apiKey` in that file.
  std::optional<std::string> api_key{};
  /// Token of a signed-in user. It takes precedence over the API key.
  std::optional<std::string> jwt_token{};
  /// Timeout for the headers of a response, and again for its body. Default: 30 s.
  std::optional<std::chrono::milliseconds> timeout{};
  /// Retries after the first attempt. Default: 3.
  std::optional<std::uint32_t> max_retries{};
  /// Whether to send no requests. Default: `SKILLSMITH_OFFLINE_MODE`, else no.
  std::optional<bool> offline{};
  /// Whether credentials may be sent over plain http to another machine, where everybody on the way
  /// can read them; without it, that is INVALID_ARGUMENT. Default: `SKILLSMITH_ALLOW_INSECURE_HTTP`,
  /// else no.
  std::optional<bool> allow_insecure_http{};
  /// Provides the token of a signed-in user, or "" if there is none. It takes precedence over
  /// the API key. Called before the first request, unless `jwt_token` is set, and once for each
  /// token that the registry has refused, on a thread of its own. It may block: the call that
  /// needs the token stops waiting when it is cancelled or reaches its deadline. The text of an
  /// exception is shown, so it must not contain credentials. Default: none.
  std::function<std::string(const TokenRequest &)> token{};
  /// Called with messages for a log: how important, what about ("http" or "sync"), and one line.
  /// None contains a credential. Called on several threads at once: that which makes the
  /// client, those of requests, and that of a sync. No lock is held. An exception is ignored.
  /// Default: none.
  std::function<void(skillsmith_log_level, std::string_view target, std::string_view message)> log{};
};

namespace detail {

/// A function for the log, as the C library calls it.
class LogSink {
 public:
  using Function = std::function<void(skillsmith_log_level, std::string_view, std::string_view)>;

  /// Sets it in the options, where there is one.
  LogSink(const Function &given, skillsmith_client_options &options) {
    if (!given) return;
    kept_ = std::make_unique<Function>(given);
    options.log = on_log;
    options.log_user_data = kept_.get();
    options.log_destroy = on_destroy;
  }

  /// From now on it is the C library's.
  void release() noexcept { static_cast<void>(kept_.release()); }

 private:
  static void on_log(void *user_data, skillsmith_log_level level, const char *target,
                     const char *message) noexcept {
    try {
      (*static_cast<Function *>(user_data))(level, target, message);
    } catch (...) {
    }
  }

  static void on_destroy(void *user_data) noexcept { delete static_cast<Function *>(user_data); }

  std::unique_ptr<Function> kept_;
};

/// A function that gives tokens, as the C library calls it.
class TokenSource {
 public:
  using Function = std::function<std::string(const TokenRequest &)>;

  /// Sets it in the options, where there is one.
  TokenSource(const Function &given, skillsmith_client_options &options) {
    if (!given) return;
    kept_ = std::make_unique<Function>(given);
    options.token = on_token;
    options.user_data = kept_.get();
    options.destroy = on_destroy;
  }

  /// From now on it is the C library's.
  void release() noexcept { static_cast<void>(kept_.release()); }

 private:
  static int on_token(void *user_data, int refused, skillsmith_token_call *call) noexcept {
    try {
      const std::string token = (*static_cast<Function *>(user_data))(TokenRequest(refused != 0, call));
      // A NUL would end it early.
      if (token.find('\0') == std::string::npos &&
          skillsmith_token_call_set_token(call, token.c_str()) == SKILLSMITH_OK) {
        return 0;
      }
      fail(call, "its token contains characters that no token has");
    } catch (const std::exception &exception) {
      fail(call, exception.what());
    } catch (...) {
      fail(call, "it threw something that is no std::exception");
    }
    return 1;
  }

  static void fail(skillsmith_token_call *call, const char *why) noexcept {
    if (skillsmith_token_call_fail(call, why) == SKILLSMITH_OK) return;
    static_cast<void>(skillsmith_token_call_fail(call, "it failed with a text that is not UTF-8"));
  }

  static void on_destroy(void *user_data) noexcept { delete static_cast<Function *>(user_data); }

  std::unique_ptr<Function> kept_;
};

/// The options point into `given`.
inline skillsmith_client_options client_options(const ClientOptions &given) {
  skillsmith_client_options options{};
  options.struct_size = sizeof options;
  options.base_url = text_in(given.base_url, "base_url");
  options.anon_key = text_in(given.anon_key, "anon_key");
  options.api_key = text_in(given.api_key, "api_key");
  options.jwt_token = text_in(given.jwt_token, "jwt_token");
  options.timeout_ms = time_in(given.timeout, "timeout");
  if (given.max_retries) {
    const std::uint32_t most = INT_MAX;
    options.max_retries =
        *given.max_retries == 0 ? -1 : static_cast<int>((std::min)(*given.max_retries, most));
  }
  options.offline = switch_in(given.offline);
  options.allow_insecure_http = switch_in(given.allow_insecure_http);
  return options;
}

}  // namespace detail

/// Options of `SkillsmithApiClient::search`: filters, and the page of the listing. An empty
/// member means its default.
struct SearchOptions {
  /// A search word. Default: none, which the live registry refuses unless one of the next
  /// three members is set.
  std::optional<std::string> query{};
  /// Only skills of this category. Default: all.
  std::optional<std::string> category{};
  /// Only skills of this tier, such as "verified". Default: all.
  std::optional<std::string> trust_tier{};
  /// Only skills with at least this quality score, on the registry's scale; 0: with any
  /// score. Default: all skills, including those without a score.
  std::optional<double> min_score{};
  /// Number of rows, at least 1. The registry may send fewer; the live one sends 100 at
  /// most. Default: 100.
  std::optional<std::uint32_t> limit{};
  /// Number of rows to skip.
  std::uint64_t offset = 0;
};

namespace detail {

/// The options point into `given`.
inline skillsmith_search_options search_options(const SearchOptions &given) {
  skillsmith_search_options options{};
  options.struct_size = sizeof options;
  options.query = text_in(given.query, "query");
  options.category = text_in(given.category, "category");
  options.trust_tier = text_in(given.trust_tier, "trust_tier");
  if (given.min_score) {
    // Nor is "not a number" 0 or more.
    if (!(*given.min_score >= 0)) refuse("min_score", "must be 0 or more.");
    options.min_score = *given.min_score > 0 ? *given.min_score : -1;
  }
  if (given.limit) {
    if (*given.limit == 0) refuse("limit", "must be at least 1.");
    options.limit = *given.limit;
  }
  options.offset = given.offset;
  return options;
}

}  // namespace detail

/// An HTTP client for the live registry. Several engines may share it.
class SkillsmithApiClient {
 public:
  /// Creates a client. Sends nothing. Reads the environment, `~/.skillsmith/config.json`
  /// and the system's certificates. Errors: INVALID_ARGUMENT if the address, a key or the
  /// proxy is invalid; IO_ERROR, PERMISSION_DENIED if that file is needed, exists, and cannot
  /// be read or parsed.
  explicit SkillsmithApiClient(const ClientOptions &options = {}) {
    detail::check_abi();
    auto given = detail::client_options(options);
    detail::TokenSource source(options.token, given);
    detail::LogSink log(options.log, given);
    handle_ = detail::take<skillsmith_api_client, skillsmith_api_client_free>(
        [&](auto out, auto error) { return skillsmith_api_client_new(&given, out, error); });
    source.release();
    log.release();
  }

  /// Whether offline mode is on, so that every sync fails with OFFLINE. Does not block.
  bool is_offline() const noexcept { return skillsmith_api_client_is_offline(handle_.get()); }

  /// The registry's address. Does not block.
  std::string base_url() const {
    return detail::take_string(
        [&](auto url, auto error) { return skillsmith_api_client_base_url(handle_.get(), url, error); });
  }

  /// Requests the health of the registry.
  ///
  /// `cancel` stops it. Blocks on the network, for at most about 5 s. Errors: OFFLINE,
  /// CANCELLED, REDIRECT_REFUSED; API_UNHEALTHY, with the reason, if the registry does not
  /// respond.
  Health check_health(const CancelToken *cancel = nullptr) const {
    const auto token = detail::cancel_in(cancel);
    skillsmith_health health = SKILLSMITH_HEALTH_UNKNOWN;
    detail::check([&](auto error) {
      return skillsmith_api_client_check_health(handle_.get(), token, &health, error);
    });
    return static_cast<Health>(health);
  }

  /// Fetches one page of the listing: the JSON text as the registry serves it, `{"data":
  /// [...], "meta": {...}}`. It is checked to be JSON; its content is not checked.
  ///
  /// `cancel` stops it. Blocks on the network: each attempt for at most the client's
  /// timeout, plus the pauses, about 30 minutes in total at most. Errors: INVALID_ARGUMENT,
  /// OFFLINE, CANCELLED, NETWORK_UNREACHABLE, NETWORK_TIMEOUT, RATE_LIMITED,
  /// QUOTA_EXCEEDED, UNAUTHORIZED, FORBIDDEN, PLAN_REQUIRED, SERVER_ERROR,
  /// REDIRECT_REFUSED; REQUEST_REFUSED for any other 4xx; PROTOCOL_ERROR if the response is
  /// not JSON; RESPONSE_TOO_LARGE over 16 MiB.
  std::string search(const SearchOptions &options = {}, const CancelToken *cancel = nullptr) const {
    const auto given = detail::search_options(options);
    const auto token = detail::cancel_in(cancel);
    return detail::take_string([&](auto json, auto error) {
      return skillsmith_api_client_search(handle_.get(), &given, token, json, error);
    });
  }

  /// The handle, for calls of the C library. This object still owns it.
  const skillsmith_api_client *native() const noexcept { return handle_.get(); }

 private:
  detail::Owned<skillsmith_api_client, skillsmith_api_client_free> handle_;
};

// ---- A registry of the program's own --------------------------------------------------

/// One call of a `Registry`; valid until the method returns.
class RegistryCall {
 public:
  explicit RegistryCall(skillsmith_registry_call *call) noexcept : call_(call) {}
  RegistryCall(const RegistryCall &) = delete;
  RegistryCall &operator=(const RegistryCall &) = delete;

  /// Whether the call was cancelled. A method that blocks should poll this, and return or
  /// throw when it is true. Does not block.
  bool is_cancelled() const noexcept { return skillsmith_registry_call_is_cancelled(call_); }

  /// Waits, such as between two attempts. Returns true after that time, false as soon as
  /// the call is cancelled.
  bool wait(std::chrono::milliseconds time) const noexcept {
    const auto milliseconds = time.count() > 0 ? static_cast<std::uint64_t>(time.count()) : 0;
    return skillsmith_registry_call_wait(call_, milliseconds) == SKILLSMITH_OK;
  }

  /// The handle, for calls of the C library.
  skillsmith_registry_call *native() const noexcept { return call_; }

 private:
  skillsmith_registry_call *call_;
};

/// Thrown by a `Registry`: the request failed. The result of the run has the reason;
/// `SyncEngine::sync` does not throw it.
class RegistryFailure : public std::runtime_error {
 public:
  /// `code` is SKILLSMITH_HOST_ERROR, _NETWORK_UNREACHABLE, _NETWORK_TIMEOUT,
  /// _API_UNHEALTHY or _PROTOCOL_ERROR, and any other is HOST_ERROR. `message` is UTF-8 for
  /// the person who has to act on it. It appears in the history, so it must not contain
  /// credentials.
  RegistryFailure(skillsmith_status code, const std::string &message)
      : std::runtime_error(message), code_(code) {}

  /// Its code.
  skillsmith_status code() const noexcept { return code_; }

 private:
  skillsmith_status code_;
};

/// Thrown by a `Registry`: the registry responded with an HTTP status other than success.
///
/// The engine treats it like the same response of the live registry: after 400 it requests
/// the listing in another way; other statuses fail the page or the run, and the result has
/// the reason. `SyncEngine::sync` does not throw it.
class HttpFailure : public std::runtime_error {
 public:
  /// `status` is between 300 and 599. `retry_after` is the `Retry-After`; after 429 and 5xx
  /// no automatic sync starts before then. `detail` is the message in the body.
  explicit HttpFailure(int status, std::optional<std::chrono::milliseconds> retry_after = {},
                       const std::string &detail = {})
      : std::runtime_error(detail), status_(status), retry_after_(retry_after) {}

  /// The status.
  int status() const noexcept { return status_; }

  /// How long to wait, if the registry said so.
  std::optional<std::chrono::milliseconds> retry_after() const noexcept { return retry_after_; }

 private:
  int status_;
  std::optional<std::chrono::milliseconds> retry_after_;
};

class SyncRegistry;

namespace detail {
class HostRegistry;
using RegistryHandle = Owned<skillsmith_registry, skillsmith_registry_free>;
}  // namespace detail

/// A registry that the program supplies: its own HTTP stack, a file, a test. One that has a
/// sync endpoint, too, is a `SyncRegistry`.
///
/// Its methods run on a thread of the engine, one after the other during a
/// run; several engines that share it call it concurrently. They may block on the network,
/// and should return soon after the call is cancelled: a stopped run waits for them for 100
/// ms at most. They may call any function of this library.
///
/// An exception ends the run: a `RegistryFailure` or an `HttpFailure` with its own code,
/// any other with HOST_ERROR and its `what()`, and then `SyncEngine::sync` and
/// `BackgroundSyncService::manual_sync` rethrow it. An exception after the call was
/// cancelled is dropped.
///
/// It is shared: engines and services keep it until the last call has returned.
class Registry {
 public:
  Registry() = default;
  Registry(const Registry &) = delete;
  Registry &operator=(const Registry &) = delete;
  virtual ~Registry() = default;

  /// Identifies the registry, like a base URL: the database keeps the cursor of an
  /// unfinished listing under it. Not empty. Called once for each engine.
  virtual std::string name() const = 0;

  /// Returns the health of the registry. Called at the start of a run. Default: healthy.
  virtual Health check_health(RegistryCall &call) {
    static_cast<void>(call);
    return Health::healthy;
  }

  /// Fetches one page of the listing: the JSON text of the registry's response, `{"data":
  /// [...], "meta": {...}}`, of at most 16 MiB. An empty `data` is the end. It does its own
  /// retries: the engine requests each page once.
  virtual std::string search(const PageRequest &request, RegistryCall &call) = 0;

  /// Turns offline mode on or off. When it is on, every sync fails with OFFLINE, and no
  /// method is called. A new registry is not offline. Does not block.
  void set_offline(bool offline) {
    const std::lock_guard<std::mutex> lock(mutex_);
    offline_ = offline;
    for (const auto &weak : handles_) {
      if (const auto handle = weak.lock()) tell(*handle);
    }
  }

 private:
  friend class detail::HostRegistry;

  /// Itself, if it has a sync endpoint. There may be no run-time type information.
  virtual SyncRegistry *with_sync_endpoint() noexcept { return nullptr; }

  void attach(const std::shared_ptr<detail::RegistryHandle> &handle) {
    const std::lock_guard<std::mutex> lock(mutex_);
    handles_.erase(std::remove_if(handles_.begin(), handles_.end(),
                                  [](const auto &weak) { return weak.expired(); }),
                   handles_.end());
    handles_.push_back(handle);
    tell(*handle);
  }

  void tell(const detail::RegistryHandle &handle) const {
    static_cast<void>(skillsmith_registry_set_offline(handle.get(), offline_ ? 1 : 0));
  }

  std::mutex mutex_;
  bool offline_ = false;
  std::vector<std::weak_ptr<detail::RegistryHandle>> handles_;
};

/// A registry of the program's own that has a sync endpoint, which is requested before `search`
/// is used at all: later syncs then request only what has changed.
class SyncRegistry : public Registry {
 public:
  /// Fetches one page of the sync endpoint, as JSON text like that of `search`: every row of the
  /// registry in the order of their ids or, with `since`, those that have changed later.
  ///
  /// After an `HttpFailure` with 404, 405, 410 or 501 the engine uses `search`, for a day; where
  /// the endpoint has worked before, such an answer first fails one run.
  virtual std::string sync_registry(const SyncRequest &request, RegistryCall &call) = 0;

 private:
  SyncRegistry *with_sync_endpoint() noexcept final { return this; }
};

namespace detail {

/// A `Registry` as one engine uses it. An engine has one database, which has one run at a
/// time, so the last exception belongs to the run that has just failed.
class HostRegistry {
 public:
  explicit HostRegistry(std::shared_ptr<Registry> registry) : registry_(std::move(registry)) {}

  /// A handle of the C library that keeps `host`.
  static std::shared_ptr<RegistryHandle> handle(const std::shared_ptr<HostRegistry> &host) {
    const std::string given = host->registry_->name();
    const char *name = text_in(given, "name");
    auto kept = std::make_unique<std::shared_ptr<HostRegistry>>(host);
    skillsmith_registry_callbacks callbacks{};
    callbacks.struct_size = sizeof callbacks;
    callbacks.health = on_health;
    callbacks.search = on_search;
    callbacks.user_data = kept.get();
    callbacks.destroy = on_destroy;
    if (host->registry_->with_sync_endpoint() != nullptr) callbacks.sync_registry = on_sync_registry;
    auto made = std::make_shared<RegistryHandle>(
        take<skillsmith_registry, skillsmith_registry_free>([&](auto out, auto error) {
          const skillsmith_status status = skillsmith_registry_new(name, &callbacks, out, error);
          if (status == SKILLSMITH_OK) static_cast<void>(kept.release());
          return status;
        }));
    host->registry_->attach(made);
    return made;
  }

  /// The exception that ended a run with HOST_ERROR, if any.
  std::exception_ptr take_thrown() { return thrown_.take(); }

 private:
  static int on_health(void *user_data, skillsmith_registry_call *handle) noexcept {
    int answer = SKILLSMITH_HEALTH_UNKNOWN;
    of(user_data).answer(handle, [&](Registry &registry, RegistryCall &call) {
      answer = static_cast<int>(registry.check_health(call));
    });
    return answer;
  }

  static int on_search(void *user_data, const skillsmith_page_request *request,
                       skillsmith_registry_call *handle) noexcept {
    return of(user_data).answer(handle, [&](Registry &registry, RegistryCall &call) {
      set_page(handle, registry.search(copy(*request), call));
    });
  }

  static int on_sync_registry(void *user_data, const skillsmith_sync_request *request,
                              skillsmith_registry_call *handle) noexcept {
    return of(user_data).answer(handle, [&](Registry &registry, RegistryCall &call) {
      set_page(handle, registry.with_sync_endpoint()->sync_registry(copy(*request), call));
    });
  }

  static void set_page(skillsmith_registry_call *handle, const std::string &page) noexcept {
    // A text that is not a page has already failed the request.
    static_cast<void>(skillsmith_registry_call_set_page(handle, page.data(), page.size(), nullptr));
  }

  static void on_destroy(void *user_data) noexcept {
    delete static_cast<std::shared_ptr<HostRegistry> *>(user_data);
  }

  static HostRegistry &of(void *user_data) noexcept {
    return **static_cast<std::shared_ptr<HostRegistry> *>(user_data);
  }

  /// 0, or 1 if it threw; the call then has the reason.
  template <typename Ask>
  int answer(skillsmith_registry_call *handle, Ask &&ask) noexcept {
    // If there is no memory to report a failure, the 1 ends the run.
    thrown_.keep_last(nullptr);
    try {
      RegistryCall call(handle);
      ask(*registry_, call);
      return 0;
    } catch (const RegistryFailure &failure) {
      if (!fail(handle, failure.code(), failure.what())) {
        fail(handle, SKILLSMITH_HOST_ERROR, failure.what());
      }
    } catch (const HttpFailure &failure) {
      if (!fail_http(handle, failure)) {
        fail(handle, SKILLSMITH_HOST_ERROR, "The registry failed with an HTTP status that is none.");
      }
    } catch (const std::exception &exception) {
      fail(handle, SKILLSMITH_HOST_ERROR, exception.what());
      keep(handle);
    } catch (...) {
      fail(handle, SKILLSMITH_HOST_ERROR, "The registry threw an exception that is not a std::exception.");
      keep(handle);
    }
    return 1;
  }

  /// False if no page can fail with that code. A text that is not UTF-8 is replaced, so
  /// that the code still arrives.
  static bool fail(skillsmith_registry_call *handle, skillsmith_status code, const char *why) noexcept {
    return skillsmith_registry_call_fail(handle, code, why) == SKILLSMITH_OK ||
           skillsmith_registry_call_fail(
               handle, code, "The registry failed with a text that is not UTF-8.") == SKILLSMITH_OK;
  }

  /// The same for an HTTP status and its Retry-After.
  static bool fail_http(skillsmith_registry_call *handle, const HttpFailure &failure) noexcept {
    const auto wait = failure.retry_after();
    const auto fails = [&](const char *detail) {
      return skillsmith_registry_call_fail_http(handle, failure.status(), wait ? wait->count() : -1,
                                                detail) == SKILLSMITH_OK;
    };
    return (failure.what()[0] != '\0' && fails(failure.what())) || fails(nullptr);
  }

  void keep(skillsmith_registry_call *handle) noexcept {
    if (!skillsmith_registry_call_is_cancelled(handle)) thrown_.keep_last(std::current_exception());
  }

  const std::shared_ptr<Registry> registry_;
  Thrown thrown_;
};

/// State that an engine and its services share when the registry is the program's own.
struct HostSide {
  std::shared_ptr<HostRegistry> registry;
  std::shared_ptr<RegistryHandle> handle;

  /// Called at the end of a run: rethrows the exception of the registry, if that ended it.
  void rethrow(const SyncResult &result) const {
    if (!registry || result.code != SKILLSMITH_HOST_ERROR) return;
    if (auto thrown = registry->take_thrown()) std::rethrow_exception(std::move(thrown));
  }
};

}  // namespace detail

// ---- The engine -----------------------------------------------------------------------

/// Options of a sync. An empty member means its default.
struct SyncOptions {
  /// Compare the content of every row instead of its timestamp, and ignore the time of the
  /// last sync.
  bool force = false;
  /// Only count the changes; write no row, history entry or schedule.
  bool dry_run = false;
  /// Rows per page, from 1 to 10000; the registry may send fewer. Default: 100.
  std::optional<std::uint32_t> page_size{};
  /// Longest duration of the run. The next run continues where this one stopped. Default:
  /// 30 minutes.
  std::optional<std::chrono::milliseconds> deadline{};
  /// Called with the progress of the run, on the thread that called `sync`, while no lock
  /// is held. An exception ends the run as failed with HOST_ERROR, and `sync` rethrows it;
  /// what was written is kept. It may call any function of this library.
  std::function<void(const SyncProgress &)> on_progress{};
  /// Cancels the run. It must live until `sync` returns.
  const CancelToken *cancel = nullptr;
  /// Which listings of the registry may be used.
  Listing listing = Listing::standard;
  /// How long runs request only changes from the sync endpoint before one lists everything
  /// again, which finds what changed without a new timestamp; 1 ms: every run lists everything.
  /// For as long, a page of the search is requested with a condition (its ETag or
  /// Last-Modified), and not sent while it is unchanged. Default: 30 days.
  std::optional<std::chrono::milliseconds> full_listing_every{};
  /// The most requests of this run, at least 1. If it reaches them, it ends as partial, without
  /// an error, and the next run continues from there. Default: no bound.
  std::optional<std::uint64_t> request_budget{};
  /// The most requests of all runs of the database in a calendar month (UTC), at least 1.
  /// Default: that of `SyncConfigRepository::set_request_budget`, else no bound.
  std::optional<std::uint64_t> monthly_request_budget{};
  /// Read a whole listing, and remove the skills that neither it nor the whole listing before
  /// has. The user's own skills always stay. Nothing is removed after a listing that was read in
  /// several runs or leaves anything in doubt, in a database that several registries have filled
  /// or whose skills have no `source`, or if it would be more than a tenth of the table, unless
  /// `force` is set; the errors and warnings then say why. Where another engine has synced the
  /// file since, it takes two such listings again.
  bool prune = false;
};

/// Brings a database up to date with a registry.
///
/// Only one sync runs on a database at a time, across all engines and processes; a second
/// one fails at once. It keeps the client or the registry, and the database.
class SyncEngine {
 public:
  /// For the live registry. Does not block. Errors: OPENED_BEFORE_FORK.
  SyncEngine(const SkillsmithApiClient &client, const Database &database)
      : handle_(make([&](auto out, auto error) {
          return skillsmith_sync_engine_new(client.native(), database.native(), out, error);
        })) {}

  /// For a registry of the program's own. Does not block. Errors: OPENED_BEFORE_FORK;
  /// INVALID_ARGUMENT for an empty name, NULL_ARGUMENT without a registry.
  SyncEngine(std::shared_ptr<Registry> registry, const Database &database) {
    if (!registry) throw Error(SKILLSMITH_NULL_ARGUMENT, "The argument 'registry' is NULL.");
    host_.registry = std::make_shared<detail::HostRegistry>(std::move(registry));
    host_.handle = detail::HostRegistry::handle(host_.registry);
    handle_ = make([&](auto out, auto error) {
      return skillsmith_sync_engine_new_with_registry(host_.handle->get(), database.native(), out,
                                                      error);
    });
  }

  /// Syncs. Blocks on the network and the disk until the run ends.
  ///
  /// The result says what went wrong in the run. What was written is kept, and the next run
  /// continues where this one stopped. Errors, before the run starts: INVALID_ARGUMENT,
  /// DATABASE_CLOSED, OPENED_BEFORE_FORK. Rethrows exceptions of `on_progress` and the
  /// registry.
  SyncResult sync(const SyncOptions &options = {}) {
    // A callback may destroy this object.
    const detail::HostSide host = host_;
    struct Told {
      const std::function<void(const SyncProgress &)> &on_progress;
      std::exception_ptr thrown;

      static int on_tell(void *user_data, const skillsmith_sync_progress *progress) noexcept {
        auto &told = *static_cast<Told *>(user_data);
        if (told.thrown) return 1;
        try {
          told.on_progress(detail::copy(*progress));
          return 0;
        } catch (...) {
          told.thrown = std::current_exception();
          return 1;
        }
      }
    };
    Told told{options.on_progress, nullptr};
    skillsmith_sync_options given{};
    given.struct_size = sizeof given;
    given.force = options.force ? 1 : 0;
    given.dry_run = options.dry_run ? 1 : 0;
    if (options.page_size) {
      if (*options.page_size == 0) detail::refuse("page_size", "must be at least 1.");
      given.page_size = *options.page_size;
    }
    given.deadline_ms = detail::time_in(options.deadline, "deadline");
    if (options.on_progress) {
      given.on_progress = Told::on_tell;
      given.user_data = &told;
    }
    given.cancel = detail::cancel_in(options.cancel);
    given.listing = detail::listing_in(options.listing);
    given.full_listing_every_ms = detail::time_in(options.full_listing_every, "full_listing_every");
    given.request_budget = detail::budget_in(options.request_budget, "request_budget");
    given.monthly_request_budget =
        detail::budget_in(options.monthly_request_budget, "monthly_request_budget");
    given.prune = options.prune ? 1 : 0;
    const auto result = detail::take<skillsmith_sync_result, skillsmith_sync_result_free>(
        [&](auto out, auto error) {
          return skillsmith_sync_engine_sync(handle_.get(), &given, out, error);
        });
    if (told.thrown) std::rethrow_exception(told.thrown);
    SyncResult copied = detail::copy(*result);
    host.rethrow(copied);
    return copied;
  }

  /// Current status. Blocks briefly on the disk. Errors: DATABASE_CLOSED,
  /// OPENED_BEFORE_FORK, DATABASE_ERROR.
  EngineStatus get_status() const {
    const auto given = detail::take<skillsmith_engine_status, skillsmith_engine_status_free>(
        [&](auto out, auto error) {
          return skillsmith_sync_engine_get_status(handle_.get(), out, error);
        });
    EngineStatus status;
    status.config = detail::copy(*given->config);
    status.last_run = detail::copy_if(given->last_run);
    status.is_running = given->is_running;
    status.is_due = given->is_due;
    status.requests_this_month = given->requests_this_month;
    status.request_budget = detail::budget(given->request_budget);
    status.paused_until = detail::optional_text(given->paused_until);
    return status;
  }

  /// Whether offline mode is on, so that every sync fails with OFFLINE. Does not block.
  bool is_offline() const noexcept { return skillsmith_sync_engine_is_offline(handle_.get()); }

  /// The handle, for calls of the C library. This object still owns it.
  const skillsmith_sync_engine *native() const noexcept { return handle_.get(); }

 private:
  friend class BackgroundSyncService;

  using Handle = detail::Owned<skillsmith_sync_engine, skillsmith_sync_engine_free>;

  template <typename Call>
  static Handle make(Call &&call) {
    return detail::take<skillsmith_sync_engine, skillsmith_sync_engine_free>(std::forward<Call>(call));
  }

  detail::HostSide host_;
  Handle handle_;
};

// ---- The background service -----------------------------------------------------------

/// Options of a service. An empty member means its default.
///
/// The callbacks run on the service's own thread, or on the one that called `manual_sync`,
/// while no lock is held. They may call any function of this library, and destroy the
/// service. They are destroyed, with their captures, when the service is gone and none of
/// them is running, on the thread that used them last.
///
/// `manual_sync` rethrows an exception on its thread. For the service's own thread, see
/// `BackgroundSyncService::take_callback_exception`.
struct BackgroundOptions {
  /// The time between two checks. Default: 60 s.
  std::optional<std::chrono::milliseconds> check_interval{};
  /// Whether to check at once when started.
  bool sync_on_start = true;
  /// Called after every successful sync.
  std::function<void(const SyncResult &)> on_sync_complete{};
  /// Called with the reason when a sync does not succeed.
  std::function<void(const std::string &)> on_sync_error{};
  /// Which listings of the registry the syncs may use.
  Listing listing = Listing::standard;
};

namespace detail {

/// The callbacks of a service.
class ServiceCallbacks {
 public:
  ServiceCallbacks(std::function<void(const SyncResult &)> on_complete,
                   std::function<void(const std::string &)> on_error)
      : on_complete_(std::move(on_complete)), on_error_(std::move(on_error)) {}

  /// A call of `manual_sync` on this thread, which receives the exceptions of callbacks
  /// meanwhile.
  class Manual {
   public:
    explicit Manual(const ServiceCallbacks *callbacks) : callbacks_(callbacks), outer_(innermost()) {
      innermost() = this;
    }
    Manual(const Manual &) = delete;
    Manual &operator=(const Manual &) = delete;
    ~Manual() { innermost() = outer_; }

    void rethrow() {
      if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
    }

   private:
    friend class ServiceCallbacks;

    static Manual *&innermost() noexcept {
      static thread_local Manual *manual = nullptr;
      return manual;
    }

    const ServiceCallbacks *callbacks_;
    Manual *outer_;
    std::exception_ptr thrown_;
  };

  /// Exceptions of callbacks on the service's own thread.
  Thrown thrown;

  /// The options for C. The user data is `kept`; C owns it after success.
  static skillsmith_background_options options(const BackgroundOptions &given,
                                               std::shared_ptr<ServiceCallbacks> *kept) {
    skillsmith_background_options options{};
    options.struct_size = sizeof options;
    options.check_interval_ms = time_in(given.check_interval, "check_interval");
    options.sync_on_start = switch_in(given.sync_on_start);
    if (given.on_sync_complete) options.on_sync_complete = on_complete;
    if (given.on_sync_error) options.on_sync_error = on_error;
    options.user_data = kept;
    options.destroy = on_destroy;
    options.listing = listing_in(given.listing);
    return options;
  }

 private:
  static void on_complete(void *user_data, const skillsmith_sync_result *result) noexcept {
    ServiceCallbacks &callbacks = of(user_data);
    callbacks.guard([&] { callbacks.on_complete_(copy(*result)); });
  }

  static void on_error(void *user_data, const char *message) noexcept {
    ServiceCallbacks &callbacks = of(user_data);
    callbacks.guard([&] { callbacks.on_error_(message); });
  }

  static void on_destroy(void *user_data) noexcept {
    delete static_cast<std::shared_ptr<ServiceCallbacks> *>(user_data);
  }

  static ServiceCallbacks &of(void *user_data) noexcept {
    return **static_cast<std::shared_ptr<ServiceCallbacks> *>(user_data);
  }

  template <typename Call>
  void guard(Call &&call) noexcept {
    try {
      call();
    } catch (...) {
      for (Manual *manual = Manual::innermost(); manual != nullptr; manual = manual->outer_) {
        if (manual->callbacks_ == this) {
          manual->thrown_ = std::current_exception();
          return;
        }
      }
      thrown.keep_first(std::current_exception());
    }
  }

  const std::function<void(const SyncResult &)> on_complete_;
  const std::function<void(const std::string &)> on_error_;
};

}  // namespace detail

/// Syncs in the background: while started, when syncing is enabled and due, with a backoff
/// after a failure. Its destructor stops it and cancels a running sync.
class BackgroundSyncService {
 public:
  /// Creates a service that is not started yet. Does not block. Errors: INVALID_ARGUMENT,
  /// OPENED_BEFORE_FORK.
  explicit BackgroundSyncService(const SyncEngine &engine, const BackgroundOptions &options = {})
      : BackgroundSyncService(engine.host_, options,
                              [&](const skillsmith_background_options *given, auto out, auto error) {
                                return skillsmith_background_sync_service_new(engine.native(), given,
                                                                              out, error);
                              }) {}

  BackgroundSyncService(BackgroundSyncService &&) noexcept = default;
  BackgroundSyncService &operator=(BackgroundSyncService &&other) noexcept {
    // The old service first: it may still use the objects it was made from.
    handle_ = std::move(other.handle_);
    host_ = std::move(other.host_);
    callbacks_ = std::move(other.callbacks_);
    return *this;
  }

  /// Stops it; blocks as `stop` does.
  ~BackgroundSyncService() = default;

  /// Starts the checks, on their own thread. Returns at once; calling it again is safe.
  /// Errors: OPENED_BEFORE_FORK; OUT_OF_MEMORY, also if the system has no thread left.
  void start() {
    detail::check(
        [&](auto error) { return skillsmith_background_sync_service_start(handle_.get(), error); });
  }

  /// Stops the checks and cancels a running sync; blocks until both have ended, which takes
  /// about 200 ms at most, plus the time of a running callback. From a callback it does not
  /// wait. Calling it again is safe, and the service may be started again. Errors:
  /// OPENED_BEFORE_FORK.
  void stop() {
    detail::check(
        [&](auto error) { return skillsmith_background_sync_service_stop(handle_.get(), error); });
  }

  /// Current state. Does not block. Errors: OPENED_BEFORE_FORK.
  BackgroundSyncState get_state() const {
    const auto given =
        detail::take<skillsmith_background_sync_state, skillsmith_background_sync_state_free>(
            [&](auto out, auto error) {
              return skillsmith_background_sync_service_get_state(handle_.get(), out, error);
            });
    BackgroundSyncState state;
    state.is_started = given->is_started;
    state.is_running = given->is_running;
    state.last_result = detail::copy_if(given->last_result);
    state.last_error = detail::optional_text(given->last_error);
    state.checks_performed = given->checks_performed;
    state.syncs_triggered = given->syncs_triggered;
    return state;
  }

  /// Syncs now, on the caller's thread, whether or not a sync is due. Blocks on the network
  /// and the disk until the run ends; `stop` on another thread ends it.
  ///
  /// The result says what went wrong in the run. Errors: DATABASE_CLOSED,
  /// OPENED_BEFORE_FORK; SYNC_IN_PROGRESS while a sync of this service is running. Rethrows
  /// exceptions of the registry and of callbacks.
  SyncResult manual_sync() {
    // A callback may destroy this object.
    const detail::HostSide host = host_;
    const auto callbacks = callbacks_;
    detail::ServiceCallbacks::Manual manual(callbacks.get());
    const auto result = detail::take<skillsmith_sync_result, skillsmith_sync_result_free>(
        [&](auto out, auto error) {
          return skillsmith_background_sync_service_manual_sync(handle_.get(), out, error);
        });
    SyncResult copied = detail::copy(*result);
    host.rethrow(copied);
    manual.rethrow();
    return copied;
  }

  /// Whether a sync of this service is running. Does not block.
  bool is_sync_running() const noexcept {
    return skillsmith_background_sync_service_is_sync_running(handle_.get());
  }

  /// Whether the service is started. Does not block.
  bool is_service_started() const noexcept {
    return skillsmith_background_sync_service_is_service_started(handle_.get());
  }

  /// The first exception of a callback on the service's own thread since the last call;
  /// nothing if there was none. The service continues after it. Does not block.
  std::exception_ptr take_callback_exception() {
    return callbacks_ ? callbacks_->thrown.take() : nullptr;
  }

  /// The handle, for calls of the C library. This object still owns it.
  const skillsmith_background_sync_service *native() const noexcept { return handle_.get(); }

 private:
  friend std::optional<BackgroundSyncService> start_background_sync(const Database &,
                                                                    const ClientOptions &,
                                                                    const BackgroundOptions &);

  template <typename Make>
  BackgroundSyncService(detail::HostSide host, const BackgroundOptions &options, Make &&make)
      : host_(std::move(host)),
        callbacks_(std::make_shared<detail::ServiceCallbacks>(options.on_sync_complete,
                                                              options.on_sync_error)) {
    auto kept = std::make_unique<std::shared_ptr<detail::ServiceCallbacks>>(callbacks_);
    const auto given = detail::ServiceCallbacks::options(options, kept.get());
    handle_ = detail::take<skillsmith_background_sync_service, skillsmith_background_sync_service_free>(
        [&](auto out, auto error) { return make(&given, out, error); });
    // If no service is created, we still own the user data.
    if (handle_) static_cast<void>(kept.release());
  }

  detail::HostSide host_;
  std::shared_ptr<detail::ServiceCallbacks> callbacks_;
  // Last, and so destroyed first.
  detail::Owned<skillsmith_background_sync_service, skillsmith_background_sync_service_free> handle_;
};

/// Creates and starts a service for `database` and the registry that `client_options` and
/// the environment name. A server calls this once when it starts.
///
/// Returns nothing if background syncing is off: `SKILLSMITH_BACKGROUND_SYNC` is off,
/// `SKILLSMITH_OFFLINE_MODE` is on, or automatic syncing is disabled in the configuration.
/// A sync that is due starts at once, on the service's thread, which never keeps the
/// process alive: a program may return from `main` or call `exit` at any time. No signal
/// handler is installed. Blocks briefly on the disk.
///
/// Errors: those of `SkillsmithApiClient`, `SyncConfigRepository::get_config` and
/// `BackgroundSyncService::start`.
inline std::optional<BackgroundSyncService> start_background_sync(
    const Database &database, const ClientOptions &client_options = {},
    const BackgroundOptions &options = {}) {
  auto client = detail::client_options(client_options);
  detail::TokenSource source(client_options.token, client);
  detail::LogSink log(client_options.log, client);
  BackgroundSyncService service(
      detail::HostSide(), options,
      [&](const skillsmith_background_options *given, auto out, auto error) {
        return skillsmith_start_background_sync(database.native(), &client, given, out, error);
      });
  if (service.native() == nullptr) return std::nullopt;
  source.release();
  log.release();
  return service;
}

}  // namespace skillsmith

#endif  // SKILLSMITH_SYNC_HPP
