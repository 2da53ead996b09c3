// Every test of the wrapper, one after the other: wrapper URL FOLDER [NAME].
#include "check.hpp"

int main(int argc, char **argv) {
  const Place place{argv[1], argv[2]};
  const std::string only = argc > 3 ? argv[3] : "";
  int run = 0;
  for (const auto &[name, test] : tests()) {
    if (!only.empty() && only != name) continue;
    try {
      test(place);
    } catch (const std::exception &exception) {
      fail(name, 0, exception.what());
    }
    // What a thread of the library's lets go of may take a moment.
    eventually([] { return skillsmith::live_objects() == 0; });
    ++run;
  }
  std::cout << run << " tests\n";
  return run > 0 ? 0 : 1;
}
