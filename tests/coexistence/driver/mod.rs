//! Runs the rigs and judges them.

mod build;
mod kill;

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub(crate) use build::dynamic_symbols;
pub(crate) use kill::{survives_kills, write_together};

/// Far more than any scenario takes, and less than a test runner allows.
const DEADLINE: Duration = Duration::from_secs(240);

/// Tries to let a race go wrong. One does nearly always.
const TRIES: usize = 6;

/// A program with another SQLite in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    /// Linked to the system's SQLite.
    C,
    /// With better-sqlite3.
    Node,
    /// With the sqlite3 module.
    Python,
}

/// A journal mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// With a -wal file.
    Wal,
    /// With a rollback journal.
    Delete,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Wal => "wal",
            Self::Delete => "delete",
        }
    }
}

/// Whether our system calls are replaced.
#[derive(Debug, Clone, Copy)]
enum Cure {
    On,
    Off,
    /// As where they cannot be.
    Guard,
}

fn is_long() -> bool {
    std::env::var_os("SKILLSMITH_LONG_TESTS").is_some_and(|value| value == "1")
}

/// How long everybody writes.
fn seconds() -> u32 {
    if is_long() { 20 } else { 2 }
}

/// The rig of a host, ready to start in a folder of its own.
fn rig(host: Host, scenario: &str, seconds: u32, mode: Mode, cure: Cure, folder: &Path) -> Command {
    let mut command = build::rig(host);
    command
        .arg(build::library())
        .args([scenario, &seconds.to_string(), mode.name()])
        .arg(folder)
        .env_remove("SKILLSMITH_TEST_COEXISTENCE")
        .env_remove("NODE_OPTIONS")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null());
    match cure {
        Cure::On => {}
        Cure::Off => _ = command.env("SKILLSMITH_TEST_COEXISTENCE", "off"),
        Cure::Guard => _ = command.env("SKILLSMITH_TEST_COEXISTENCE", "guard"),
    }
    command
}

/// What a rig found.
#[derive(Debug)]
enum Verdict {
    Holds,
    Violated(String),
}

fn play(host: Host, scenario: &str, mode: Mode, cure: Cure) -> Verdict {
    // SQLite resolves links, and so should the rigs that compare names.
    let folder = TempDir::new().unwrap();
    let place = folder.path().canonicalize().unwrap();
    let words = place.join("words");
    let file = File::create(&words).unwrap();
    let scratch = place.join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let started = rig(host, scenario, seconds(), mode, cure, &scratch)
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .spawn();
    let mut child = started.unwrap_or_else(|error| panic!("{}: {error}", build::advice(host)));
    let status = wait(&mut child);
    let said = std::fs::read_to_string(&words).unwrap_or_default();
    match status {
        Some(0) => Verdict::Holds,
        Some(1) => Verdict::Violated(said),
        // What it hits in a damaged file without the cure can also be its end.
        None if matches!(cure, Cure::Off) => Verdict::Violated(said),
        status => panic!(
            "{host:?} {scenario} {}: the rig itself failed ({status:?}):\n{said}",
            mode.name()
        ),
    }
}

/// The exit status; none where a signal ended it, this function's own included.
fn wait(child: &mut Child) -> Option<i32> {
    let end = Instant::now() + DEADLINE;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap().code()
}

/// With the cure the property holds.
pub(crate) fn holds(host: Host, scenario: &str, mode: Mode) {
    if let Verdict::Violated(said) = play(host, scenario, mode, Cure::On) {
        panic!("{host:?} {scenario} {}:\n{said}", mode.name());
    }
}

/// Where there can be no cure, what the host has open is refused.
pub(crate) fn refuses_where_it_cannot_be_cured(mode: Mode) {
    if let Verdict::Violated(said) = play(Host::Python, "guarded", mode, Cure::Guard) {
        panic!("{}:\n{said}", mode.name());
    }
}

/// Without it each of the decisive scenarios goes wrong.
pub(crate) fn fails_without_the_cure(host: Host) {
    for (scenario, mode, tries) in [
        ("idle", Mode::Wal, 1),
        ("reading", Mode::Wal, 1),
        ("reading", Mode::Delete, 1),
        ("host_writes", Mode::Wal, 1),
        ("host_writes", Mode::Delete, 1),
        ("we_write", Mode::Wal, 1),
        ("we_write", Mode::Delete, 1),
        ("load", Mode::Wal, TRIES),
        ("load", Mode::Delete, TRIES),
    ] {
        let violated = (0..tries)
            .any(|_| matches!(play(host, scenario, mode, Cure::Off), Verdict::Violated(_)));
        assert!(
            violated,
            "{host:?} {scenario} {}: nothing goes wrong without the cure, so this tests nothing",
            mode.name()
        );
    }
}
