// Syncs, with a progress line: sync.c with the C++ wrapper.
//
//    sync [DATABASE]
//
// Ends with 0: success, 1: failed, 2: usage, 3: partial, 4: another sync is running,
// 130: interrupted.
#include <chrono>
#include <csignal>
#include <iostream>

#include <skillsmith_sync.hpp>

namespace {

// Used by the signal handler; it lives as long as the handler is installed.
const skillsmith::CancelToken *interrupt = nullptr;

extern "C" void on_interrupt(int) { interrupt->raise(); }

// A token that Ctrl-C raises. The handler is removed before the token, even after an
// exception.
struct Interrupt {
  Interrupt() {
    interrupt = &token;
    std::signal(SIGINT, on_interrupt);
  }
  ~Interrupt() { std::signal(SIGINT, SIG_DFL); }

  const skillsmith::CancelToken token;
};

int report(const skillsmith::SyncResult &result) {
  for (const auto &warning : result.warnings) std::cerr << "warning: " << warning << '\n';
  for (const auto &error : result.errors) std::cerr << "error: " << error << '\n';
  std::cout << result.skills_added << " new, " << result.skills_updated << " updated, "
            << result.skills_unchanged << " unchanged, in " << result.duration.count() << " ms\n";
  if (result.code == SKILLSMITH_CANCELLED) return 130;
  if (result.code == SKILLSMITH_SYNC_IN_PROGRESS) return 4;
  if (result.status == skillsmith::SyncStatus::partial) return 3;
  return result.success ? 0 : 1;
}

int sync(const char *path) {
  const Interrupt ctrl_c;

  const auto database =
      path != nullptr ? skillsmith::Database(path) : skillsmith::Database::open_default();
  skillsmith::SyncEngine engine(skillsmith::SkillsmithApiClient(), database);

  skillsmith::SyncOptions options;
  options.cancel = &ctrl_c.token;
  // An exception here would end the run, and sync() would rethrow it.
  options.on_progress = [](const skillsmith::SyncProgress &progress) {
    if (progress.phase == skillsmith::SyncPhase::complete) {
      std::cerr << progress.skills_changed << " of " << progress.skills_processed
                << " skills changed\n";
    }
  };
  const int status = report(engine.sync(options));

  const auto now = engine.get_status();
  if (now.config.next_sync_at) std::cout << "the next one is due at " << *now.config.next_sync_at << '\n';
  return status;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc > 2) {
    std::cerr << "usage: " << argv[0] << " [DATABASE]\n";
    return 2;
  }
  try {
    return sync(argc == 2 ? argv[1] : nullptr);
  } catch (const skillsmith::Error &error) {
    std::cerr << error.name() << ": " << error.what() << '\n';
    return 1;
  }
}
