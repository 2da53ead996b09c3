//! Other file systems: a preloaded library answers for them, on any machine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use super::{Outcome, Place, Running};

/// The home folder of a place, as it were on another file system.
pub struct FileSystem<'p> {
    place: &'p Place,
    answers: Vec<(&'static str, String)>,
}

impl<'p> FileSystem<'p> {
    pub fn of(place: &'p Place) -> Self {
        Self {
            place,
            answers: Vec::new(),
        }
    }

    /// Sets one of the variables of `file_system.c`.
    pub fn with(mut self, name: &'static str, number: i64) -> Self {
        self.answers.push((name, number.to_string()));
        self
    }

    /// Sets one that is a path.
    pub fn with_path(mut self, name: &'static str, path: &Path) -> Self {
        self.answers.push((name, path.to_str().unwrap().to_owned()));
        self
    }

    pub fn start(&self, args: &[&str]) -> Running {
        Running::start(self.answer(&mut self.place.command(args)))
    }

    pub fn run(&self, args: &[&str]) -> Outcome {
        Outcome::of(self.answer(&mut self.place.command(args)))
    }

    /// Runs the program from a shell script, in which `"$@"` is its command line.
    pub fn run_behind(&self, shell: &str, args: &[&str]) -> Outcome {
        let mut all = vec!["-c", shell, "sh", env!("CARGO_BIN_EXE_skillsmith")];
        all.extend(args);
        Outcome::of(self.answer(&mut self.place.command_of("/bin/sh", &all)))
    }

    fn answer<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .env("LD_PRELOAD", &*LIBRARY)
            .env("FS_FOLDER", self.place.home())
            .envs(self.answers.iter().map(|(name, value)| (name, value)))
    }
}

static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let library = scratch.join("file-system.so");
    // Several processes may compile it at once.
    let own = scratch.join(format!("file-system-{}.so", std::process::id()));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/support/file_system.c");
    let output = Command::new("gcc")
        .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1"])
        .args(["-fPIC", "-shared", "-o"])
        .args([&own, &source])
        .arg("-ldl")
        .output()
        .unwrap_or_else(|error| panic!("gcc is needed (Debian: apt-get install gcc): {error}"));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    std::fs::rename(&own, &library).unwrap();
    library
});
