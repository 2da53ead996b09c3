//! The program `skillsmith`: signals and the exit code.

#[cfg(unix)]
use std::io::Write;
use std::process::exit;
#[cfg(unix)]
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use skillsmith_sync::cli::{Terminal, run};

const INTERRUPTED: i32 = 130;

/// Signals this close together are one request: `timeout` signals its command and then their process group, and who was
/// started by npx gets the terminal's Ctrl-C and that which npx passes on. Nobody presses keys that fast.
const ONE_REQUEST: Duration = Duration::from_millis(50);

/// A stack that is large enough: that of every thread which the library starts.
#[cfg(unix)]
const ENOUGH: usize = 2 * 1024 * 1024;

fn main() {
    let terminal = Terminal::of_process();
    let_writes_fail();
    let cancel = terminal.cancel.clone();
    // Ctrl-C and SIGTERM stop a sync at a safe point; a second one ends the process at once.
    // Without a handler the process ends at once, which is safe for the database too.
    let mut first = None;
    _ = ctrlc::set_handler(move || match first {
        None => {
            first = Some(Instant::now());
            cancel.cancel();
        }
        Some(first) if first.elapsed() < ONE_REQUEST => {}
        Some(_) => exit(INTERRUPTED),
    });
    leave_signals_to_their_thread();
    exit(with_room(move || {
        run(std::env::args_os(), &terminal).into()
    }));
}

/// Blocks what ends a sync on this thread and those that it starts, so that the thread which waits for signals gets each at
/// once. While this one waits for a slow disk, the system would keep the first for it, and drop those that follow.
#[cfg(unix)]
fn leave_signals_to_their_thread() {
    #[expect(unsafe_code, reason = "calls of the system's")]
    // SAFETY: a set of signals is all zeros until it is emptied, and used only after that.
    unsafe {
        let mut signals: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut signals);
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            libc::sigaddset(&raw mut signals, signal);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const signals, std::ptr::null_mut());
    }
}

#[cfg(not(unix))]
fn leave_signals_to_their_thread() {}

/// Runs the work on this thread if its stack is large enough, else on one of its own: `ulimit -s` limits the stack of
/// the first thread, and a stack that ends is the end of the process.
#[cfg(unix)]
fn with_room(work: impl FnOnce() -> i32 + Send + 'static) -> i32 {
    use rustix::process::{Resource, getrlimit};
    let limit = getrlimit(Resource::Stack).current;
    if limit.is_none_or(|limit| limit >= ENOUGH as u64) {
        return work();
    }
    let thread = std::thread::Builder::new().stack_size(ENOUGH);
    match thread.spawn(work).map(JoinHandle::join) {
        Ok(Ok(code)) => code,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(error) => {
            let words = format!(
                "error: The stack is too small (`ulimit -s`), and no thread with a larger one can be started: {error}\n"
            );
            _ = std::io::stderr().write_all(words.as_bytes());
            1
        }
    }
}

#[cfg(not(unix))]
fn with_room(work: impl FnOnce() -> i32) -> i32 {
    work()
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
