//! Compiling the programs, with the library that was built with this test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// How a program is compiled and run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    C99,
    Cpp17,
    /// With AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer.
    Sanitized,
    /// Under valgrind, with its leak check.
    Valgrind,
    /// The same as a user of the library has it: with valgrind's own depth, and the suppressions that are installed.
    ValgrindOfUsers,
}

/// Which library a program is linked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Linkage {
    Shared,
    Static,
}

const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-pedantic", "-Werror"];

const ADVICE: &str = "The programs need gcc, g++ and SQLite with its headers (Debian: apt-get install gcc g++ libsqlite3-dev)";

pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Where the programs stand.
pub(crate) fn sources() -> PathBuf {
    root().join("tests/c")
}

/// A folder of a test's own, with the library.
pub(crate) struct Workshop {
    folder: TempDir,
}

impl Workshop {
    pub(crate) fn new(linkage: Linkage) -> Self {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let workshop = Self {
            folder: TempDir::new().unwrap(),
        };
        // A program that gives its rights up still has to reach its scratch folder.
        std::fs::set_permissions(workshop.folder(), std::fs::Permissions::from_mode(0o755))
            .unwrap();
        for folder in ["home", "scratch"] {
            std::fs::create_dir(workshop.file(folder)).unwrap();
        }
        let built = |name| std::env::current_exe().unwrap().with_file_name(name);
        if linkage == Linkage::Shared {
            let library = workshop.file("libskillsmith_sync.so.1");
            std::fs::copy(built("libskillsmith_sync.so"), &library)
                .expect("the shared library lies beside the tests that were built with it");
            symlink(&library, workshop.file("libskillsmith_sync.so")).unwrap();
        } else {
            succeeds(
                Command::new(root().join("bindings/c/hide-symbols"))
                    .arg(built("libskillsmith_sync.a"))
                    .arg(workshop.file("libskillsmith_sync.a")),
            );
        }
        workshop
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Compiles a program; the C file is one of `tests/c`, or the one that the checks make.
    pub(crate) fn compile(&self, program: &str, flavour: Flavour, linkage: Linkage) -> PathBuf {
        let source = if program == "border" {
            let path = self.file("border.c");
            std::fs::write(&path, crate::border::program()).unwrap();
            path
        } else {
            sources().join(format!("{program}.c"))
        };
        let is_cpp = flavour == Flavour::Cpp17;
        let mut compiler = Command::new(if is_cpp { "g++" } else { "gcc" });
        compiler
            .arg(if is_cpp { "-std=c++17" } else { "-std=c99" })
            .args(WARNINGS)
            .args(["-D_GNU_SOURCE", "-g", "-pthread"])
            // It is long, and made to be run once.
            .arg(if program == "border" { "-O0" } else { "-O1" })
            .arg("-I")
            .arg(root().join("include"))
            .arg("-I")
            .arg(sources());
        if flavour == Flavour::Sanitized {
            compiler.args([
                "-fsanitize=address,undefined",
                "-fno-sanitize-recover=all",
                "-fno-omit-frame-pointer",
            ]);
        }
        let output = self.file(program);
        compiler
            .args(["-x", if is_cpp { "c++" } else { "c" }])
            .arg(&source)
            .args(["-x", "none", "-o"])
            .arg(&output)
            .arg("-L")
            .arg(self.folder())
            .arg("-lskillsmith_sync")
            .arg(format!("-Wl,-rpath,{}", self.folder().display()));
        let text = std::fs::read_to_string(&source).unwrap();
        if text.contains("<sqlite3.h>") {
            compiler.arg("-lsqlite3");
        }
        compiler.args(match linkage {
            Linkage::Shared => &["-ldl"][..],
            Linkage::Static => &["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"][..],
        });
        succeeds(&mut compiler);
        output
    }
}

pub(crate) fn output(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("{ADVICE}: {command:?}: {error}"))
}

/// Runs what has to succeed, and gives what it has written.
pub(crate) fn succeeds(command: &mut Command) -> String {
    let output = output(command);
    assert!(
        output.status.success(),
        "{ADVICE}: {command:?}:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
