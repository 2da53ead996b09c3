//! Building the shared library and the C rig, once for all tests.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use super::Host;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/coexistence")
}

fn scratch() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// What to install where a rig cannot be started or built.
pub(super) fn advice(host: Host) -> &'static str {
    match host {
        Host::C => {
            "The C rig needs gcc and SQLite with its headers (Debian: apt-get install gcc libsqlite3-dev)"
        }
        Host::Node => {
            "The Node rig needs Node 20 or newer, and the packages that tests/node/setup installs"
        }
        Host::Python => {
            "The rigs need python3 with its sqlite3 module (Debian: apt-get install python3)"
        }
    }
}

/// The program that plays a host's scenarios. All need Python: it is the third process.
pub(super) fn rig(host: Host) -> Command {
    let python = Command::new("python3")
        .args(["-c", "import sqlite3"])
        .output();
    assert!(
        python.is_ok_and(|output| output.status.success()),
        "{}",
        advice(Host::Python)
    );
    match host {
        Host::C => Command::new(&*C_RIG),
        Host::Node => {
            let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node/node_modules");
            assert!(
                packages.join("better-sqlite3").exists() && packages.join("koffi").exists(),
                "{}",
                advice(host)
            );
            let mut command = Command::new("node");
            command.arg(folder().join("node/rig.mjs"));
            command
        }
        Host::Python => {
            let mut command = Command::new("python3");
            command.arg(folder().join("python/rig.py"));
            command
        }
    }
}

/// The shared library with our SQLite.
pub(super) fn library() -> &'static Path {
    &LIBRARY
}

static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let target = scratch().parent().unwrap();
    once("library", || {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(["build", "--quiet", "--locked"])
            // Just as the tests are built, down to the features of what they depend on: cargo gives
            // the shared library one name whatever its features, so that another build would take
            // it away from running tests, and be repeated every time.
            .args(["--workspace", "--all-features"])
            .args(["--lib", "--bins", "--tests"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .arg("--target-dir")
            .arg(target);
        without_package(&mut cargo);
        run(&mut cargo, "The shared library cannot be built");
    });
    target.join("debug").join(format!(
        "{}skillsmith_coexistence_probe{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    ))
});

/// Takes the variables away by which a test knows its package. A build script that asks for them (ring's) would find them
/// changed: everything above it would be built anew, here and by the next build outside of tests.
fn without_package(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
}

static C_RIG: LazyLock<PathBuf> = LazyLock::new(|| {
    let program = scratch().join("coexistence-c-rig");
    once("c-rig", || {
        let folder = folder().join("c");
        let mut gcc = Command::new("gcc");
        gcc.args([
            "-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-pthread",
        ])
        .arg(format!(
            "-DOUTSIDER_PROGRAM=\"{}\"",
            folder.with_file_name("python/outsider.py").display()
        ))
        .args(["main.c", "party.c", "locks.c", "load.c", "forks.c", "-o"])
        .arg(&program)
        .args(["-lsqlite3", "-ldl"])
        .current_dir(&folder);
        run(&mut gcc, advice(Host::C));
    });
    program
});

/// Makes something once a run of all tests, however many processes that has.
fn once(name: &str, make: impl FnOnce()) {
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(scratch().join(format!("coexistence-{name}.made")))
        .unwrap();
    file.lock().unwrap();
    let run = std::env::var("NEXTEST_RUN_ID").unwrap_or_default();
    let mut last_run = String::new();
    file.read_to_string(&mut last_run).unwrap();
    if run.is_empty() || run != last_run {
        make();
        file.set_len(0).unwrap();
        file.rewind().unwrap();
        file.write_all(run.as_bytes()).unwrap();
    }
}

fn run(command: &mut Command, otherwise: &str) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{otherwise}: {error}"));
    assert!(
        output.status.success(),
        "{otherwise}:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A name that the dynamic linker sees.
#[derive(Debug)]
pub(crate) struct Symbol {
    pub(crate) name: String,
    /// Ours, rather than wanted from elsewhere.
    pub(crate) is_defined: bool,
}

/// Every one of the shared library.
pub(crate) fn dynamic_symbols() -> Vec<Symbol> {
    let mut nm = Command::new("nm");
    if cfg!(target_vendor = "apple") {
        nm.arg("-g");
    } else {
        nm.arg("-D");
    }
    let listed = run(
        nm.args(["-P"]).arg(library()),
        "nm is needed (Debian: apt-get install binutils)",
    );
    let symbols: Vec<Symbol> = listed
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next()?;
            let kind = words.next()?;
            // A leading underscore is Apple's way of writing C names.
            let name = if cfg!(target_vendor = "apple") {
                name.strip_prefix('_').unwrap_or(name)
            } else {
                name
            };
            Some(Symbol {
                name: name.into(),
                is_defined: !["U", "w", "v"].contains(&kind),
            })
        })
        .collect();
    assert!(symbols.iter().any(|symbol| symbol.name == "probe_open"));
    symbols
}
