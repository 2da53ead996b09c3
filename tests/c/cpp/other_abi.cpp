// A library with another C interface than the header: every way in refuses it.
#include "check.hpp"

// The program's own goes before the library's.
extern "C" std::uint32_t skillsmith_abi_version() { return SKILLSMITH_ABI_VERSION + 1; }

using namespace skillsmith;

template <typename Call>
static void refuses(Call call) {
  try {
    call();
  } catch (const VersionError &error) {
    CHECK_EQ(error.code(), SKILLSMITH_INVALID_ARGUMENT);
    return;
  }
  fail(__FILE__, __LINE__, "it was taken");
}

int main(int, char **argv) {
  const std::string path = std::string(argv[1]) + "/never.db";
  refuses([] { check_version(); });
  refuses([] { CancelToken(); });
  refuses([] { SkillsmithApiClient(); });
  refuses([] { Database::in_memory(); });
  refuses([] { Database::open_default(); });
  refuses([] { Database::default_path(); });
  refuses([&] { Database database(path); });
  return 0;
}
