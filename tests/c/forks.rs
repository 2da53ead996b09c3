//! A host in C that forks while other threads of it sync and ask for the status.
//!
//! `SKILLSMITH_LONG_TESTS=1`: 2,000 times instead of 400.

use std::process::Command;

use crate::build::{Flavour, Linkage, Workshop};

#[test]
fn promise_6_a_fork_beside_get_status_keeps_no_lock() {
    let workshop = Workshop::new(Linkage::Shared);
    let program = workshop.compile("forks_beside_status", Flavour::C99, Linkage::Shared);
    let is_long = std::env::var_os("SKILLSMITH_LONG_TESTS").is_some_and(|value| value == "1");
    let output = Command::new(program)
        .env_clear()
        .env("HOME", workshop.file("home"))
        .env("CHECK_SCRATCH", workshop.file("scratch"))
        .env("CHECK_FORKS", if is_long { "2000" } else { "400" })
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}
