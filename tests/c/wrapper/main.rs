//! The C++ wrapper and the examples of the C library, as a user compiles and runs them,
//! and Python's ctypes beside its own sqlite3.
//!
//! The programs are linked to the shared library that was built with these tests; the
//! ways through pkg-config and CMake use what `bindings/c/build` installs.
#![cfg(target_os = "linux")]

mod examples;
mod installed;
mod place;
mod rebuilt;
#[path = "../../searches/table.rs"]
mod searches;
#[path = "../../searches/lines.rs"]
mod searches_lines;

use std::path::Path;

use place::{Place, compiler, output, says};
use rusqlite::Connection;
use skillsmith_sync::Database;
use skillsmith_test_registry::{Catalogue, Options, Server};

const WARNINGS: [&str; 7] = [
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Wshadow",
    "-Wsign-conversion",
    "-Werror",
];

const SANITIZERS: [&str; 3] = [
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-O1",
];

/// Compiles the tests of the wrapper, which are several files that include it, and runs them.
fn wrapper(options: &[&str]) -> Place {
    let place = Place::new();
    let sources = ["main", "records", "find", "runs", "ownership"].map(cpp);
    let mut command = compiler("g++");
    command.args(WARNINGS).args(options);
    let program = place.compile(&mut command, &sources, "wrapper");

    // Text and results of a scan that only another program can have put there.
    let path = place.file("nul.db");
    Database::open(&path).unwrap().close();
    Connection::open(&path)
        .unwrap()
        .execute_batch(
            "ALTER TABLE skills ADD COLUMN installable INTEGER;
             INSERT INTO skills (id, name, installable, risk_score, security_findings_count, security_scanned_at,
                 security_passed)
             VALUES ('nul', 'a' || char(0) || 'b', 1, 40, 3, '2026-01-02T00:00:00.000Z', 0)",
        )
        .unwrap();

    let path = place.file("searches.db");
    Database::open(&path).unwrap().close();
    Connection::open(&path)
        .unwrap()
        .execute_batch(&searches::skills(place::root()))
        .unwrap();
    let lines = searches_lines::of(&searches::read(place::root()));
    std::fs::write(place.file("searches.txt"), lines).unwrap();

    let server = Server::start(Catalogue::generate(250, 1), Options::default());
    let mut signed_in = Options::default();
    signed_in.sign_in.tokens = [
        ("first".into(), 1),
        ("fresh".into(), 1_000),
        ("expired".into(), 0),
    ]
    .into();
    let signed_in = Server::start(Catalogue::generate(250, 1), signed_in);
    let said = output(
        place
            .command(&program)
            .env("SIGN_IN_REGISTRY", signed_in.base_url())
            .arg(server.base_url())
            .arg(place.folder()),
    );
    assert_eq!(said.status.code(), Some(0), "{}", says(&said));
    assert!(says(&said).contains(" tests"), "{}", says(&said));
    place
}

fn cpp(name: &str) -> String {
    format!("tests/c/cpp/{name}.cpp")
}

#[test]
fn the_wrapper_is_cpp_17() {
    wrapper(&["-std=c++17"]);
}

#[test]
fn the_wrapper_is_cpp_20() {
    wrapper(&["-std=c++20", "-O2"]);
}

#[test]
fn the_wrapper_needs_no_rtti() {
    wrapper(&["-std=c++17", "-fno-rtti"]);
}

#[test]
fn the_wrapper_holds_under_sanitizers() {
    let place = wrapper(&[&["-std=c++17", "-g"], &SANITIZERS[..]].concat());
    let symbols = says(&output(place.command("nm").arg(place.file("wrapper"))));
    assert!(symbols.contains("__asan_init") && symbols.contains("__ubsan_handle"));
}

/// So that the test above means something: the sanitizers see a leak of a handle's owner.
#[test]
fn the_sanitizers_see_a_leak() {
    let place = Place::new();
    let source = place.file("leak.cpp");
    std::fs::write(
        &source,
        "#include <skillsmith_sync.hpp>\n\
         int main() { auto *token = new skillsmith::CancelToken; token->cancel(); token = nullptr; }\n",
    )
    .unwrap();
    let mut command = compiler("g++");
    command.arg("-std=c++17").args(SANITIZERS);
    let program = place.compile(&mut command, &[source.to_str().unwrap()], "leak");
    let said = output(&mut place.command(&program));
    assert_ne!(said.status.code(), Some(0));
    assert!(says(&said).contains("LeakSanitizer"), "{}", says(&said));
}

#[test]
fn the_wrapper_refuses_another_library() {
    let place = Place::new();
    let mut command = compiler("g++");
    command.args(WARNINGS).arg("-std=c++17");
    let program = place.compile(&mut command, &[&cpp("other_abi")], "other");
    let said = output(place.command(&program).arg(place.folder()));
    assert_eq!(said.status.code(), Some(0), "{}", says(&said));
    assert!(!place.file("never.db").exists());
}

/// `SKILLSMITH_LONG_TESTS=1`: for 20 seconds instead of 2.
#[test]
fn python_writes_beside_the_library() {
    let place = Place::new();
    let server = Server::start(Catalogue::generate(300, 1), Options::default());
    let is_long = std::env::var_os("SKILLSMITH_LONG_TESTS").is_some_and(|value| value == "1");
    let mut python = place.command(Path::new("python3"));
    python
        .arg("-B")
        .arg(place::root().join("tests/c/python/beside_sqlite3.py"))
        .arg(place.library())
        .arg(server.base_url().trim_end_matches("/functions/v1"))
        .arg(place.folder())
        .arg(if is_long { "20" } else { "2" });
    let said = output(&mut python);
    assert_eq!(said.status.code(), Some(0), "{}", says(&said));
}

/// Threads that a cancelled run has left behind may still be in its code.
#[test]
fn the_library_stays_when_it_is_unloaded() {
    const UNLOAD: &str = "
import ctypes, _ctypes, os, sys
library = ctypes.CDLL(sys.argv[1])
library.skillsmith_abi_version()
_ctypes.dlclose(library._handle)
ctypes.CDLL(sys.argv[1], mode=os.RTLD_NOW | os.RTLD_NOLOAD)
";
    let place = Place::new();
    let mut python = place.command(Path::new("python3"));
    let said = output(python.args(["-c", UNLOAD]).arg(place.library()));
    assert_eq!(said.status.code(), Some(0), "{}", says(&said));
}
