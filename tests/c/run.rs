//! Running a program against a registry server, and judging what it says.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use skillsmith_test_registry::{Catalogue, Options, Server};

use crate::build::{Flavour, Linkage, Workshop, root, succeeds};
use crate::{searches, searches_lines};

/// How a program ended, and all that it has written.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A program that says nothing and ends with 0.
pub(crate) fn passes(program: &str, flavour: Flavour) {
    let workshop = Workshop::new(Linkage::Shared);
    let file = workshop.compile(program, flavour, Linkage::Shared);
    if flavour == Flavour::Sanitized {
        let symbols = succeeds(Command::new("nm").arg(&file));
        for sign in ["__asan_init", "__ubsan_handle"] {
            assert!(symbols.contains(sign), "{program} has no {sign}");
        }
    }
    judge(program, flavour, &run(&workshop, &file, flavour, &[]));
}

pub(crate) fn judge(program: &str, flavour: Flavour, outcome: &Outcome) {
    assert!(
        outcome.code == Some(0) && outcome.stdout.is_empty() && outcome.stderr.is_empty(),
        "{program} ({flavour:?}) ended with {:?} and said:\n{}{}",
        outcome.code,
        outcome.stdout,
        outcome.stderr
    );
}

/// Runs a program in an environment that says nothing but what it has to know.
pub(crate) fn run(workshop: &Workshop, file: &Path, flavour: Flavour, cases: &[&str]) -> Outcome {
    let server = Server::start(Catalogue::generate(250, 7), Options::default());
    let mut words: Vec<OsString> = Vec::new();
    if matches!(flavour, Flavour::Valgrind | Flavour::ValgrindOfUsers) {
        words.extend(["valgrind", "--quiet", "--error-exitcode=99"].map(Into::into));
        words.extend(["--leak-check=full", "--show-leak-kinds=definite,possible"].map(Into::into));
        words.extend(["--errors-for-leak-kinds=definite,possible"].map(Into::into));
        words.push("--fair-sched=try".into());
        let suppressions = if flavour == Flavour::Valgrind {
            words.push("--num-callers=25".into());
            root().join("tests/c/valgrind.supp")
        } else {
            root().join("bindings/c/skillsmith_sync.supp")
        };
        words.push(format!("--suppressions={}", suppressions.display()).into());
    }
    words.push(file.into());
    words.extend(cases.iter().map(Into::into));
    let mut command = Command::new(&words[0]);
    let said = |name: &str| File::create(workshop.file(name)).unwrap();
    let slowness = match flavour {
        Flavour::C99 | Flavour::Cpp17 => "1",
        Flavour::Sanitized => "3",
        Flavour::Valgrind | Flavour::ValgrindOfUsers => "20",
    };
    let (version, source_id) = system_sqlite();
    command
        .args(&words[1..])
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", workshop.file("home"))
        .env("NO_PROXY", "127.0.0.1")
        .env("CHECK_REGISTRY", server.base_url())
        .env("CHECK_SCRATCH", workshop.file("scratch"))
        .env("CHECK_SLOWNESS", slowness)
        .env("CHECK_SQLITE_VERSION", version)
        .env("CHECK_SQLITE_SOURCE_ID", source_id)
        .env(
            "ASAN_OPTIONS",
            "detect_leaks=1:abort_on_error=0:exitcode=98",
        )
        .env("UBSAN_OPTIONS", "print_stacktrace=1")
        .current_dir(workshop.file("home"))
        .stdin(Stdio::null())
        .stdout(said("stdout"))
        .stderr(said("stderr"));
    if file.ends_with("find") {
        let searches = workshop.file("searches.txt");
        std::fs::write(&searches, searches_lines::of(&searches::read(root()))).unwrap();
        command.env("CHECK_SEARCHES", searches);
    }
    let mut child = command.spawn().unwrap_or_else(|error| {
        panic!(
            "{}: {error} (Debian: apt-get install valgrind)",
            command.get_program().display()
        )
    });
    let end = Instant::now() + Duration::from_secs(240);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > end {
            child.kill().unwrap();
            break child.wait().unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let read = |name: &str| {
        String::from_utf8_lossy(&std::fs::read(workshop.file(name)).unwrap()).into_owned()
    };
    Outcome {
        code: status.code(),
        stdout: read("stdout"),
        stderr: read("stderr"),
    }
}

/// What the system's SQLite says of itself, where nothing of ours is near.
fn system_sqlite() -> (String, String) {
    let said = succeeds(Command::new("python3").args([
        "-c",
        "import ctypes; l = ctypes.CDLL('libsqlite3.so.0')\n\
         for f in l.sqlite3_libversion, l.sqlite3_sourceid:\n f.restype = ctypes.c_char_p; print(f().decode())",
    ]));
    let (version, source_id) = said.trim_end().split_once('\n').unwrap();
    (version.into(), source_id.into())
}
