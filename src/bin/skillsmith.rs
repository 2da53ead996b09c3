//! The program `skillsmith`: what only a process of its own may do.

use std::process::exit;

use skillsmith_sync::cli::{Terminal, run};

const INTERRUPTED: i32 = 130;

fn main() {
    let terminal = Terminal::of_process();
    let_writes_fail();
    let cancel = terminal.cancel.clone();
    // Ctrl-C and SIGTERM stop a sync at a safe place; who asks twice does not want to wait.
    // Without a handler the process ends at once, which the database survives too.
    _ = ctrlc::set_handler(move || {
        if cancel.is_cancelled() {
            exit(INTERRUPTED);
        }
        cancel.cancel();
    });
    exit(run(std::env::args_os(), &terminal).into());
}

/// Has a write beyond the limit of `ulimit -f` fail, and be told of, where the system's way is to end the process
/// without a word. Only a program may decide that: the library leaves the signals of its host alone.
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
