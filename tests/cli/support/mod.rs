//! A home folder, a registry, and the program between them.

#[cfg(target_os = "linux")]
mod file_system;
mod place;
mod pty;
mod settle;

#[cfg(target_os = "linux")]
pub use file_system::FileSystem;
pub use place::{Outcome, Place, Running};
pub use pty::Pty;
pub use settle::settled;

use std::time::{Duration, Instant};

/// Waits until `done`, for at most 20 s.
pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
