//! Whatever is stated in two places is the same in both.

use std::path::{Path, PathBuf};

use skillsmith_sync::ErrorCode;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The contents of the README's `sh` blocks.
fn commands() -> Vec<String> {
    read("README.md")
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().trim().to_owned())
        .collect()
}

#[test]
fn the_readme_opens_with_the_two_commands() {
    assert_eq!(commands()[..2], ["tests/demo", "tests/run"]);
    let check = read(".ci/run");
    for command in ["\ntests/demo\n", "\ntests/run\n"] {
        assert!(check.contains(command), "{command:?} is not in .ci/run");
    }
}

#[test]
fn the_readme_lists_every_error_code() {
    let readme = read("README.md");
    for code in ErrorCode::ALL {
        let retryable = if code.retryable() { "yes" } else { "no" };
        let row = format!("| {} | `{}` | {retryable} |", code.number(), code.name());
        assert!(readme.contains(&row), "the README lacks the row {row}");
    }
    let is_row = |line: &&str| {
        line.strip_prefix("| ")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            && (line.ends_with("| yes |") || line.ends_with("| no |"))
    };
    let rows = readme.lines().filter(is_row).count();
    assert_eq!(rows, ErrorCode::ALL.len());
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// Promise 16: closing any descriptor of a database drops the locks that another SQLite in the
/// process holds on it, so only SQLite may open one.
#[test]
fn promise_16_no_file_is_opened_read_copied_or_hashed_where_it_could_be_a_database() {
    let calls = [
        "File::open",
        "File::create",
        "File::options",
        "fs::read",
        "fs::write",
        "fs::copy",
        "OpenOptions::new()",
        "libc::open",
        "libc::read",
        "libc::pread",
        "fs::rename",
    ];
    // The allowed exceptions.
    let known = [
        ("src/database/coexistence/disk.rs", "File::options"), // a new file, deleted at once; the lock file
        ("src/database/coexistence/machine.rs", "fs::read"),   // /proc
        ("src/database/file_system.rs", "fs::read"),           // /proc
        ("src/database/coexistence/unix.rs", "File::options"), // a new database, where no other SQLite may have it
        ("src/database/lock.rs", "File::open"),                // the lock file, to ask who holds it
        ("src/database/lock/presence.rs", "File::open"),       // the lock file's line
        ("src/database/lock.rs", "File::options"),             // the lock file
        ("src/database/open_database.rs", "OpenOptions::new()"), // our own OpenOptions, which open through SQLite
        ("src/database/options.rs", "OpenOptions::new()"),       // likewise, in an example
        ("src/testing.rs", "OpenOptions::new()"),                // likewise
        ("src/environment/config_file.rs", "OpenOptions::new()"), // config.json
        ("src/own_file.rs", "OpenOptions::new()"), // PEM files that the environment names
        ("src/registry/transport/certificates.rs", "fs::read"), // the list of a folder
        ("src/database/coexistence/forks.rs", "libc::open"), // /dev/null
        ("src/database/coexistence/os.rs", "libc::open"), // /dev/null
        ("src/database/coexistence/guard.rs", "fs::read"), // the list of descriptors
        ("src/cli/database.rs", "OpenOptions::new()"), // our own OpenOptions
        ("src/cli/doctor/system.rs", "fs::read"),  // /proc
    ];
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    sources(&root().join("bindings/c/src"), &mut files);
    assert!(files.len() > 40);
    for file in files {
        let name = file
            .strip_prefix(root())
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        // Unit tests are at the end of a file, or in their own.
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        if name.ends_with("tests.rs") {
            continue;
        }
        for call in calls {
            if text.contains(call) {
                assert!(
                    known.contains(&(name.as_str(), call)),
                    "{name} calls {call}; is it never a database?"
                );
            }
        }
    }
}

#[test]
fn the_library_never_prints() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    sources(&root().join("bindings/c/src"), &mut files);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        // Examples in comments are code of the host.
        let is_code = |line: &&str| !line.trim_start().starts_with("//");
        let text: String = text.split_inclusive('\n').filter(is_code).collect();
        for call in [
            "println!",
            "eprintln!",
            "dbg!(",
            "print!(",
            "process::exit",
            "process::abort",
        ] {
            let is_program = file.ends_with("src/bin/skillsmith.rs") && call == "process::exit";
            assert!(
                is_program || !text.contains(call),
                "{}: {call}",
                file.display()
            );
        }
    }
}
