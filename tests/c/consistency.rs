//! What is said of the C interface in several places is the same in all of them.

use std::collections::BTreeMap;

use regex::Regex;
use skillsmith_sync::ErrorCode;

use crate::build::root;

fn read(name: &str) -> Option<String> {
    std::fs::read_to_string(root().join(name)).ok()
}

fn header() -> String {
    read("include/skillsmith_sync.h").unwrap()
}

/// The header's lines, each with the line before it.
fn lines_with_the_one_before(header: &str) -> Vec<(&str, &str)> {
    let lines: Vec<&str> = header.lines().collect();
    lines.windows(2).map(|pair| (pair[0], pair[1])).collect()
}

#[test]
fn the_committed_header_is_the_generated_one() {
    let generated = include_str!(concat!(env!("OUT_DIR"), "/skillsmith_sync.h"));
    assert!(
        header() == generated,
        "include/skillsmith_sync.h has drifted; copy {}/skillsmith_sync.h over it",
        env!("OUT_DIR")
    );
    let version = env!("CARGO_PKG_VERSION");
    assert!(generated.contains(&format!("#define SKILLSMITH_VERSION \"{version}\"")));
    let parts: Vec<u32> = version
        .split('.')
        .map(|part| part.parse().unwrap())
        .collect();
    let number = parts[0] * 1_000_000 + parts[1] * 1_000 + parts[2];
    assert!(generated.contains(&format!("#define SKILLSMITH_VERSION_NUMBER {number}\n")));
}

#[test]
fn the_header_compiles_as_c99_and_as_cpp17() {
    let folder = tempfile::tempdir().unwrap();
    let source = "#include <skillsmith_sync.h>\nint main(void) { return skillsmith_abi_version() == SKILLSMITH_ABI_VERSION ? 0 : 1; }\n";
    for (name, arguments) in [
        ("a.c", ["-std=c99", "-pedantic"]),
        ("a.cpp", ["-std=c++17", "-pedantic"]),
    ] {
        let file = folder.path().join(name);
        std::fs::write(&file, source).unwrap();
        let done = std::process::Command::new("gcc")
            .args(arguments)
            .args(["-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I"])
            .arg(root().join("include"))
            .arg(file)
            .output()
            .expect("gcc is on the PATH");
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    }
}

#[test]
fn every_item_of_the_header_has_documentation() {
    let header = header();
    let declares = Regex::new(
        r"(?x)^(?:
            (?:typedef[ \n]|enum[ \n])                      # a type or a callback
            | [a-z].*(?-u:\b)(skillsmith_[A-Za-z0-9_]+)\(             # a function
            | \ \ (?:SKILLSMITH_[A-Za-z0-9_]+\ =|[a-z].*;$)     # a constant or a member
        )",
    )
    .unwrap();
    // The second name of an enumeration, which has its documentation before.
    let second_name =
        Regex::new(r"^typedef (?:int32_t|enum [A-Za-z0-9_]+) [A-Za-z0-9_]+;$").unwrap();
    let mut documented = 0;
    for (before, line) in lines_with_the_one_before(&header) {
        if !declares.is_match(line) || second_name.is_match(line) {
            continue;
        }
        assert!(
            before.trim_end().ends_with("*/"),
            "the header does not document: {line}"
        );
        documented += 1;
    }
    assert!(documented > 250, "only {documented} items were found");
}

#[test]
fn every_function_says_who_may_call_it_and_what_fails() {
    let header = header();
    let comments = Regex::new(
        r"(?s)/\*(.*?)\*/[ \n]*([a-z][^;/]*?)(?-u:\b)(skillsmith_[A-Za-z0-9_]+)\(([^;]*)\);",
    )
    .unwrap();
    let mut functions = 0;
    for found in comments.captures_iter(&header) {
        let (comment, result, name, parameters) = (&found[1], &found[2], &found[3], &found[4]);
        if result.starts_with("typedef") {
            continue;
        }
        functions += 1;
        assert!(
            comment.to_lowercase().contains("thread") || comment.contains("Does not block"),
            "{name} says nothing of threads"
        );
        if parameters.contains("out_error") {
            assert!(
                comment.contains("Errors"),
                "{name} says nothing of its errors"
            );
        }
        if parameters.contains("char **") {
            assert!(
                comment.contains("skillsmith_string_free"),
                "{name} does not say how its string is freed"
            );
        }
    }
    assert!(functions > 85, "only {functions} functions were found");
}

#[test]
fn what_is_given_can_be_freed() {
    let header = header();
    let outputs = Regex::new(r"struct (skillsmith_[A-Za-z0-9_]+) \*\*out_").unwrap();
    for found in outputs.captures_iter(&header) {
        let free = format!("skillsmith_status {}_free(", &found[1]);
        assert!(header.contains(&free), "the header lacks {free}");
    }
}

#[test]
fn error_numbers_are_the_same_in_rust_header_readme_and_node() {
    let header = header();
    let constant = Regex::new(r"(?-u:\b)SKILLSMITH_([A-Za-z0-9_]+) = ([0-9]+),").unwrap();
    let list = header
        .split("enum skillsmith_status\n")
        .nth(1)
        .and_then(|rest| rest.split("};").next())
        .unwrap();
    let in_header: BTreeMap<i32, String> = constant
        .captures_iter(list)
        .map(|found| (found[2].parse().unwrap(), found[1].to_owned()))
        .collect();
    let mut in_rust: BTreeMap<i32, String> = ErrorCode::ALL
        .iter()
        .map(|code| (code.number(), code.name().to_owned()))
        .collect();

    let row = Regex::new(r"(?m)^\| ([0-9]+) \| `([A-Za-z0-9_]+)` \| (?:yes|no) \|$").unwrap();
    let readme = read("README.md").unwrap();
    let in_readme: BTreeMap<i32, String> = row
        .captures_iter(&readme)
        .map(|found| (found[1].parse().unwrap(), found[2].to_owned()))
        .collect();
    assert_eq!(in_readme, in_rust);

    // The Node package knows them by their names, and documents the numbers.
    let member =
        Regex::new(r"/\*\* ([0-9]+): [^\n]*\n\treadonly ([A-Z0-9_]+): (true|false);").unwrap();
    let types = read("npm/index.d.ts").unwrap();
    let in_types: BTreeMap<i32, (String, bool)> = member
        .captures_iter(&types)
        .map(|found| {
            (
                found[1].parse().unwrap(),
                (found[2].to_owned(), &found[3] == "true"),
            )
        })
        .collect();
    let expected: BTreeMap<i32, (String, bool)> = ErrorCode::ALL
        .iter()
        .map(|code| (code.number(), (code.name().to_owned(), code.retryable())))
        .collect();
    assert_eq!(in_types, expected);

    in_rust.insert(0, "OK".into());
    assert_eq!(in_header, in_rust);
}

#[test]
fn the_number_of_the_shared_library_begins_with_that_of_its_interface() {
    let manifest = read("bindings/c/Cargo.toml").unwrap();
    let library = manifest
        .split("[package.metadata.capi.library]")
        .nth(1)
        .unwrap();
    let major = Regex::new("(?m)^version = \"([0-9]+)[.]")
        .unwrap()
        .captures(library)
        .unwrap()[1]
        .to_owned();
    let abi = format!("#define SKILLSMITH_ABI_VERSION {major}\n");
    assert!(header().contains(&abi), "the SONAME and the ABI differ");
}

/// The storeys of the border: `ffi` lies below `api`, and each file of it below the next.
#[test]
fn no_file_of_ffi_imports_one_above_it() {
    let folder = root().join("bindings/c/src/ffi");
    let map = std::fs::read_to_string(folder.join("mod.rs")).unwrap();
    let names: Vec<&str> = map
        .lines()
        .filter_map(|line| line.strip_prefix("pub(crate) mod ")?.strip_suffix(';'))
        .collect();
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), names.len() + 1);
    for (at, name) in names.iter().enumerate() {
        let text = std::fs::read_to_string(folder.join(format!("{name}.rs"))).unwrap();
        assert!(!text.contains("crate::api"), "{name} imports from api");
        for above in &names[at..] {
            let import = format!("crate::ffi::{above}");
            assert!(!text.contains(&import), "{name} imports {above}");
        }
        assert!(!text.contains("no_mangle"), "{name} exports a function");
    }
}

#[test]
fn no_door_for_tests_is_in_the_header() {
    assert!(!header().contains("skillsmith_test"));
}

#[test]
fn the_preamble_names_only_what_there_is() {
    let header = header();
    let (preamble, declarations) = header.split_once("#ifndef SKILLSMITH_SYNC_H").unwrap();
    let names = Regex::new(r"(?-u:\b)(?:skillsmith|SKILLSMITH)_[A-Za-z0-9_]+").unwrap();
    for name in names.find_iter(preamble) {
        let name = name.as_str();
        assert!(
            name == "skillsmith_sync" || declarations.contains(name),
            "the preamble names {name}"
        );
    }
}

#[test]
fn the_first_program_of_the_preamble_compiles() {
    let program = header()
        .split("A FIRST PROGRAM\n")
        .nth(1)
        .and_then(|rest| rest.split(" FINDING SKILLS").next())
        .unwrap()
        .to_owned();
    assert_compiles(&program);
}

#[test]
fn the_search_of_the_preamble_compiles() {
    let header = header();
    let (_, rest) = header
        .split_once(" FINDING SKILLS, with an open database\n")
        .unwrap();
    let (body, _) = rest.split_once(" CALLS AND ERRORS").unwrap();
    assert_compiles(&format!(
        "#include <stdio.h>\n#include <skillsmith_sync.h>\n\
         void find(const skillsmith_database *database);\n\
         void find(const skillsmith_database *database) {{\n    skillsmith_error *error = NULL;\n{body}\
         skillsmith_error_free(error);\n}}\n"
    ));
}

#[test]
fn the_program_of_the_readme_compiles() {
    let readme = read("README.md").unwrap();
    let program = readme
        .split("```c\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    assert_compiles(program);
}

/// As C99 and as C++17, without a warning.
fn assert_compiles(program: &str) {
    let folder = tempfile::tempdir().unwrap();
    for (name, standard) in [("first.c", "-std=c99"), ("first.cpp", "-std=c++17")] {
        let file = folder.path().join(name);
        std::fs::write(&file, program).unwrap();
        let done = std::process::Command::new("gcc")
            .args([
                standard,
                "-pedantic",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-fsyntax-only",
                "-I",
            ])
            .arg(root().join("include"))
            .arg(file)
            .output()
            .expect("gcc is on the PATH");
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    }
}
