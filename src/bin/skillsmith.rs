//! The program `skillsmith`: signals and the exit code.

use std::process::exit;

use skillsmith_sync::cli::{Terminal, run};

const INTERRUPTED: i32 = 130;

fn main() {
    let terminal = Terminal::of_process();
    let_writes_fail();
    let cancel = terminal.cancel.clone();
    // Ctrl-C and SIGTERM stop a sync at a safe point; a second one ends the process at once.
    // Without a handler the process ends at once, which is safe for the database too.
    _ = ctrlc::set_handler(move || {
        if cancel.is_cancelled() {
            exit(INTERRUPTED);
        }
        cancel.cancel();
    });
    exit(run(std::env::args_os(), &terminal).into());
}

/// Makes a write beyond the limit of `ulimit -f` fail with an error; by default the system ends the process
/// silently. Only a program may decide this: the library does not change the signals of its host.
#[cfg(unix)]
fn let_writes_fail() {
    #[expect(unsafe_code, reason = "one call of the system's")]
    // SAFETY: no handler is installed, and no other thread runs yet.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

#[cfg(not(unix))]
fn let_writes_fail() {}
