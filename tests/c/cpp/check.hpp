// What the tests of the wrapper need: assertions, a list of tests, and a registry in memory.
#ifndef CHECK_HPP
#define CHECK_HPP

#include <atomic>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <skillsmith_sync.hpp>

[[noreturn]] inline void fail(const char *file, int line, const std::string &what) {
  std::cerr << file << ':' << line << ": " << what << std::endl;
  // Callbacks come here, too, out of which no exception would come.
  std::_Exit(1);
}

#define CHECK(condition)                                        \
  do {                                                          \
    if (!(condition)) fail(__FILE__, __LINE__, #condition);     \
  } while (false)

#define CHECK_EQ(found, wanted)                                                              \
  do {                                                                                       \
    const auto found_ = (found);                                                             \
    if (!(found_ == (wanted))) fail(__FILE__, __LINE__, std::string(#found ": ") + show(found_)); \
  } while (false)

// It throws an Error of that code.
#define CHECK_THROWS(wanted, expression)                                                      \
  do {                                                                                        \
    skillsmith_status code_ = SKILLSMITH_OK;                                                  \
    try {                                                                                     \
      static_cast<void>(expression);                                                          \
    } catch (const skillsmith::Error &error_) {                                               \
      code_ = error_.code();                                                                  \
      CHECK(error_.what()[0] != '\0');                                                        \
    }                                                                                         \
    if (code_ != (wanted)) fail(__FILE__, __LINE__, std::string(#expression ": ") + skillsmith_status_name(code_)); \
  } while (false)

template <typename T>
std::string show(const T &value) {
  if constexpr (std::is_enum_v<T>) {
    return std::to_string(static_cast<long long>(value));
  } else if constexpr (std::is_convertible_v<T, std::string>) {
    return value;
  } else if constexpr (std::is_arithmetic_v<T>) {
    return std::to_string(value);
  } else {
    return "another value";
  }
}

struct Place {
  std::string url;     // of a registry with 250 skills
  std::string folder;  // an empty one
};

using Test = void (*)(const Place &);

inline std::vector<std::pair<const char *, Test>> &tests() {
  static std::vector<std::pair<const char *, Test>> all;
  return all;
}

struct Listed {
  Listed(const char *name, Test test) { tests().emplace_back(name, test); }
};

#define TEST(name)                                  \
  static void name(const Place &);                  \
  static const Listed listed_##name(#name, name);   \
  static void name([[maybe_unused]] const Place &place)

inline std::string row(int number) {
  const std::string id = std::to_string(number);
  return R"({"id":"skill-)" + id + R"(","name":"Skill )" + id + R"(","description":"number )" + id +
         R"(","trust_tier":"community","quality_score":0.5,"tags":["a","b"],)"
         R"("updated_at":"2026-08-01T12:00:00Z","created_at":"2026-07-01T12:00:00Z"})";
}

// A function that may be replaced while another thread is in it: a run that was cancelled
// leaves a call of the registry behind.
template <typename Function>
class Hook {
 public:
  Hook &operator=(Function function) {
    const std::lock_guard<std::mutex> lock(mutex_);
    function_ = std::move(function);
    return *this;
  }

  Function get() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return function_;
  }

 private:
  std::mutex mutex_;
  Function function_;
};

// So many skills, and whatever a test wants to happen when a page is asked for.
class Shelf : public skillsmith::Registry {
 public:
  explicit Shelf(int skills = 25) : count(skills) {}

  std::string name() const override { return "shelf"; }

  skillsmith::Health check_health(skillsmith::RegistryCall &call) override {
    if (const auto hook = on_health.get()) return hook(call);
    return skillsmith::Registry::check_health(call);
  }

  std::string search(const skillsmith::PageRequest &request, skillsmith::RegistryCall &call) override {
    ++asked;
    if (const auto hook = on_search.get()) hook(request, call);
    std::string page = R"({"data":[)";
    const int from = static_cast<int>(request.offset);
    const int to = std::min(count.load(), from + static_cast<int>(request.limit));
    for (int i = from; i < to; ++i) page += (i > from ? "," : "") + row(i);
    return page + R"(],"meta":{"total":)" + std::to_string(count) + "}}";
  }

  std::atomic<int> count;
  std::atomic<int> asked{0};
  Hook<std::function<skillsmith::Health(skillsmith::RegistryCall &)>> on_health;
  Hook<std::function<void(const skillsmith::PageRequest &, skillsmith::RegistryCall &)>> on_search;
};

// An exception of the host's own.
struct Mine : std::runtime_error {
  explicit Mine(int which) : std::runtime_error("mine"), number(which) {}
  int number;
};

template <typename Condition>
void eventually(Condition condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  fail(__FILE__, __LINE__, "never came true");
}

#endif
