//! That nothing of the header is left out, that the tools find what they are to find,
//! and what the libraries show.

use std::process::Command;

use regex::Regex;

use crate::build::{Flavour, Linkage, Workshop, sources, succeeds};
use crate::{header, run};

/// All programs, as they stand there.
fn programs() -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(sources()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "c" || end == "h") {
            all += &std::fs::read_to_string(path).unwrap();
        }
    }
    all
}

#[test]
fn every_function_is_called() {
    let programs = programs();
    let missing: Vec<_> = header::functions()
        .into_iter()
        .map(|function| function.name)
        .filter(|name| {
            // Called, or passed to one of the macros that call.
            !Regex::new(&format!(r"(?-u:\b){name}[ \n]*[(,]"))
                .unwrap()
                .is_match(&programs)
        })
        .collect();
    assert!(missing.is_empty(), "no program calls {missing:?}");
}

#[test]
fn every_member_is_used() {
    let programs = programs();
    let missing: Vec<_> = header::members()
        .into_iter()
        .filter(|(_, member)| {
            !Regex::new(&format!(r"(->|\.){member}(?-u:\b)"))
                .unwrap()
                .is_match(&programs)
        })
        .collect();
    assert!(missing.is_empty(), "no program uses {missing:?}");
}

/// Errors that no program here can provoke, and where they are.
const ELSEWHERE: [(&str, &str); 3] = [
    // Need a rename, or a limit, in the middle of a run.
    ("DATABASE_REPLACED", "tests/core/promise_file_at_path.rs"),
    ("TOO_MANY_FILES", "tests/cli/system.rs"),
    // Needs a system without locks of open file descriptions.
    ("DATABASE_IN_USE", "tests/coexistence/driver/mod.rs"),
];

#[test]
fn every_error_is_reached() {
    let programs = programs();
    let root = crate::build::root();
    for error in header::errors() {
        let expected =
            Regex::new(&format!(r"(CODE|FAILS|RUN|REFUSED)\(SKILLSMITH_{error},")).unwrap();
        let elsewhere = ELSEWHERE.iter().find(|(name, _)| *name == error);
        match elsewhere {
            None => assert!(expected.is_match(&programs), "no program expects {error}"),
            Some((_, path)) => {
                assert!(!expected.is_match(&programs), "{error} is reached here");
                assert!(root.join(path).exists(), "{path}");
            }
        }
    }
    // What was handed in with no cause is in the table of `errors.c` all the same.
    for error in header::errors() {
        assert!(programs.contains(&format!("ROW({error},")), "{error}");
    }
}

/// A program that ends as a tool ends it, and says so.
fn found_by(flavour: Flavour, case: &str, code: i32, words: &str) {
    let workshop = Workshop::new(Linkage::Shared);
    let file = workshop.compile("faults", flavour, Linkage::Shared);
    let outcome = run::run(&workshop, &file, flavour, &[case]);
    assert!(
        outcome.code == Some(code) && outcome.stderr.contains(words),
        "{flavour:?} has not found {case}: {outcome:?}"
    );
    // The same program is nothing to complain of where nothing looks.
    if case == "leak" {
        let file = workshop.compile("faults", Flavour::C99, Linkage::Shared);
        assert_eq!(
            run::run(&workshop, &file, Flavour::C99, &[case]).code,
            Some(0)
        );
    }
}

#[test]
fn the_sanitizers_find_mistakes() {
    let flavour = Flavour::Sanitized;
    found_by(flavour, "leak", 98, "LeakSanitizer: detected memory leaks");
    found_by(flavour, "overrun", 98, "heap-buffer-overflow");
    found_by(flavour, "used_after_free", 98, "heap-use-after-free");
    found_by(flavour, "undefined", 1, "signed integer overflow");
}

#[test]
fn valgrind_finds_mistakes() {
    let flavour = Flavour::Valgrind;
    found_by(flavour, "leak", 99, "definitely lost");
    found_by(flavour, "overrun", 99, "Invalid read");
    found_by(flavour, "used_after_free", 99, "Invalid read");
}

/// With the static library a program keeps the system's SQLite, too.
#[test]
fn the_static_library_leaves_sqlite_alone() {
    let workshop = Workshop::new(Linkage::Static);
    for (program, flavour) in [
        ("beside_sqlite", Flavour::C99),
        ("database", Flavour::Cpp17),
        ("panic", Flavour::C99),
        ("threads", Flavour::Sanitized),
    ] {
        let file = workshop.compile(program, flavour, Linkage::Static);
        let linked = succeeds(Command::new("ldd").arg(&file));
        assert!(!linked.contains("libskillsmith_sync"), "{linked}");
        run::judge(program, flavour, &run::run(&workshop, &file, flavour, &[]));
    }
}

/// The library of these tests shows what the header declares and the doors of `hooks.h`.
#[test]
fn the_library_shows_nothing_else() {
    let workshop = Workshop::new(Linkage::Shared);
    let listed = succeeds(
        Command::new("nm")
            .args(["-D", "--defined-only", "--extern-only"])
            .arg(workshop.file("libskillsmith_sync.so")),
    );
    let declared: Vec<_> = header::functions()
        .into_iter()
        .map(|function| function.name)
        .collect();
    let mut doors = 0;
    for line in listed.lines() {
        let name = line.split_whitespace().nth(2).unwrap();
        if name.starts_with("skillsmith_test_") {
            doors += 1;
        } else {
            assert!(declared.iter().any(|known| known == name), "{name}");
        }
    }
    assert!(doors >= 4, "built without the feature test-hooks");
    for name in &declared {
        assert!(listed.contains(&format!(" {name}\n")), "{name} is missing");
    }
}
