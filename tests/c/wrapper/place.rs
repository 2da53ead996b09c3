//! A folder of a test's own, with the shared library in it, and what is compiled there.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const ADVICE: &str =
    "These tests need gcc, g++ and python3 (Debian: apt-get install gcc g++ python3 binutils)";

pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self {
            folder: TempDir::new().unwrap(),
        };
        let built = std::env::current_exe()
            .unwrap()
            .with_file_name("libskillsmith_sync.so");
        std::fs::copy(&built, place.library())
            .expect("the shared library lies beside the tests that were built with it");
        std::os::unix::fs::symlink(place.library(), place.file("libskillsmith_sync.so")).unwrap();
        std::fs::create_dir(place.file("home")).unwrap();
        place
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Under the name that programs look for.
    pub(crate) fn library(&self) -> PathBuf {
        self.file("libskillsmith_sync.so.1")
    }

    /// A program in an environment that says nothing of registries and databases.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("SKILLSMITH_") || name.starts_with("SUPABASE_") {
                command.env_remove(&*name);
            }
        }
        command
            .env("HOME", self.file("home"))
            .env("NO_PROXY", "127.0.0.1")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(self.folder());
        command
    }

    /// Compiles and links, once; the program finds the library in this folder.
    pub(crate) fn compile(
        &self,
        compiler: &mut Command,
        sources: &[impl AsRef<OsStr>],
        name: &str,
    ) -> PathBuf {
        let program = self.file(name);
        if program.exists() {
            return program;
        }
        compiler
            .args(sources)
            .arg("-o")
            .arg(&program)
            .arg("-L")
            .arg(self.folder())
            .args(["-lskillsmith_sync", "-pthread"])
            .arg(format!("-Wl,-rpath,{}", self.folder().display()));
        succeeds(compiler);
        program
    }
}

/// With the headers of the source tree.
pub(crate) fn compiler(name: &str) -> Command {
    let mut compiler = Command::new(name);
    compiler
        .current_dir(root())
        .args(["-Iinclude", "-Ibindings/c"]);
    compiler
}

pub(crate) fn output(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("{ADVICE}: {command:?}: {error}"))
}

/// What it has written, to either.
pub(crate) fn says(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(out).into_owned() + &String::from_utf8_lossy(err)
}

/// Runs what has to succeed, and gives what it has written.
pub(crate) fn succeeds(command: &mut Command) -> String {
    let output = output(command);
    assert!(output.status.success(), "{command:?}:\n{}", says(&output));
    says(&output)
}
