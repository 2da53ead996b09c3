// A program with two static libraries in Rust: each keeps its own runtime, and all unwind.
#include "hooks.h"

#include <cstdio>
#include <cstring>
#include <stdexcept>

extern "C" int other_rust(int count);

int main() {
  for (int round = 0; round < 2; round++) {
    if (other_rust(10) != 45) return 1;
    skillsmith_error *error = nullptr;
    if (skillsmith_test_panic(&error) != SKILLSMITH_INTERNAL) return 2;
    if (std::strstr(skillsmith_error_message(error), "a test wants it so") == nullptr) return 3;
    skillsmith_error_free(error);
    if (!skillsmith_test_panic_on_thread()) return 4;
    skillsmith_database *database = nullptr;
    if (skillsmith_database_open_in_memory(&database, nullptr) != SKILLSMITH_OK) return 5;
    if (skillsmith_database_free(database) != SKILLSMITH_OK) return 6;
    try {
      throw std::runtime_error("of the program's own");
    } catch (const std::exception &) {
      continue;
    }
    return 7;
  }
  return skillsmith_live_objects() == 0 ? 0 : 8;
}
