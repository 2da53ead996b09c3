//! The preloaded library: compiles and configures it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// All intercepted calls.
pub(crate) const EVERY_CALL: &str = "wstourlm";
/// Calls that need space on the disk.
pub(crate) const WRITES: &str = "w";
/// The call that commits a transaction.
pub(crate) const COMMITS: &str = "c";
pub(crate) const EVERY_FILE: &str = "dwsjl";

/// A fault, and the call at which it occurs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// Letters of `shim.c`.
    pub(crate) calls: &'static str,
    pub(crate) files: &'static str,
    /// The number of the call, from 1; 0: only count.
    pub(crate) at: u64,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    KillBefore,
    KillAfter,
    /// This call fails.
    Once(i32),
    /// This call and every later one.
    FromThenOn(i32),
}

impl Fault {
    pub(crate) const fn kills(self) -> bool {
        matches!(self.kind, Kind::KillBefore | Kind::KillAfter)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (calls, files) = (self.calls, self.files);
        match self.kind {
            Kind::KillBefore => write!(f, "killed before")?,
            Kind::KillAfter => write!(f, "killed after")?,
            Kind::Once(errno) => write!(f, "error {errno} once at")?,
            Kind::FromThenOn(errno) => write!(f, "error {errno} from")?,
        }
        write!(f, " call {} of kinds '{calls}' on files '{files}'", self.at)
    }
}

/// The counters of one process.
pub(crate) struct Counters(PathBuf);

impl Counters {
    /// Arms the fault in the process.
    pub(crate) fn arm(command: &mut Command, folder: &Path, database: &Path, fault: Fault) -> Self {
        let counters = folder.join("counters");
        std::fs::write(&counters, [0_u8; 4096]).unwrap();
        let (errno, sticky, after) = match fault.kind {
            Kind::KillBefore => (0, "0", "0"),
            Kind::KillAfter => (0, "0", "1"),
            Kind::Once(errno) => (errno, "0", "0"),
            Kind::FromThenOn(errno) => (errno, "1", "0"),
        };
        command
            .env("LD_PRELOAD", &*LIBRARY)
            .env("SHIM_DATABASE", database)
            .env("SHIM_COUNTERS", &counters)
            .env("SHIM_CALLS", fault.calls)
            .env("SHIM_FILES", fault.files)
            .env("SHIM_AT", fault.at.to_string())
            .env("SHIM_ERRNO", errno.to_string())
            .env("SHIM_STICKY", sticky)
            .env("SHIM_AFTER", after);
        Self(counters)
    }

    /// The number of matching calls so far.
    pub(crate) fn calls(&self) -> u64 {
        self.number(0)
    }

    /// Whether the fault occurred.
    pub(crate) fn fired(&self) -> bool {
        self.number(1) > 0
    }

    fn number(&self, index: usize) -> u64 {
        let bytes = std::fs::read(&self.0).unwrap();
        let bytes = bytes[index * 8..index * 8 + 8].try_into().unwrap();
        u64::from_ne_bytes(bytes)
    }
}

static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let library = scratch.join("faults-shim.so");
    // Several processes may compile it at once.
    let own = scratch.join(format!("faults-shim-{}.so", std::process::id()));
    compile(
        Command::new("gcc")
            .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1"])
            .args(["-fPIC", "-shared", "-o"])
            .arg(&own)
            .arg(folder().join("shim.c"))
            .arg("-ldl"),
    );
    std::fs::rename(&own, &library).unwrap();
    library
});

/// The folder of the C files.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults")
}

/// Runs a compiler.
fn compile(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("gcc is needed (Debian: apt-get install gcc): {error}"));
    assert!(
        output.status.success(),
        "{command:?}:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
