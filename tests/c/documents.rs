//! What is made of the header, for other readers than a C compiler.

use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;

use crate::build::{root, succeeds};
use crate::header;
use crate::parse::{Header, Kind};

fn made() -> PathBuf {
    Path::new(env!("OUT_DIR")).join("documents")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_committed_declarations_are_the_generated_ones() {
    let made = made().join("skillsmith_sync.ffi.h");
    assert!(
        read(&root().join("include/skillsmith_sync.ffi.h")) == read(&made),
        "include/skillsmith_sync.ffi.h has drifted; copy {} over it",
        made.display()
    );
}

/// They need no preprocessor, and say the same as the header: a compiler accepts both in one file.
#[test]
fn the_declarations_are_those_of_the_header() {
    let declarations = read(&root().join("include/skillsmith_sync.ffi.h"));
    assert!(!declarations.contains('#'));
    for function in header::functions() {
        assert!(
            declarations.contains(&format!("{}(", function.name)),
            "{} is not declared",
            function.name
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let types = "#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n";
    let alone = folder.path().join("alone.c");
    std::fs::write(&alone, format!("{types}{declarations}")).unwrap();
    // Types cannot be declared twice in C99, functions can.
    let parts = Header::parse(header::text());
    let functions: String = parts
        .items
        .iter()
        .filter(|item| item.kind == Kind::Function)
        .flat_map(|item| [item.code.as_str(), "\n"])
        .collect();
    for function in functions.split(';').map(str::trim) {
        assert!(declarations.contains(function), "{function}");
    }
    let both = folder.path().join("both.c");
    std::fs::write(&both, format!("#include <skillsmith_sync.h>\n{functions}")).unwrap();
    for file in [alone, both] {
        succeeds(
            Command::new("gcc")
                .args([
                    "-std=c99",
                    "-pedantic",
                    "-Wall",
                    "-Werror",
                    "-fsyntax-only",
                    "-I",
                ])
                .arg(root().join("include"))
                .arg(file),
        );
    }
}

#[test]
fn every_item_has_a_manual_page_and_a_section() {
    let parts = Header::parse(header::text());
    let reference = read(&made().join("reference.html"));
    assert!(parts.items.len() > 130, "{}", parts.items.len());
    for item in &parts.items {
        let page = read(&made().join(format!("man/{}.3", item.name)));
        assert!(page.contains(&format!("\n{} \\- ", item.name)), "{page}");
        assert!(!item.comment.is_empty(), "{}", item.name);
        assert!(
            reference.contains(&format!("<h3 id=\"{}\">", item.name)),
            "{}",
            item.name
        );
    }
    let overview = read(&made().join("man/skillsmith_sync.3"));
    for heading in ["CALLS AND ERRORS", "OWNERSHIP", "FORK", "STABILITY"] {
        assert!(
            overview.contains(&format!("\n.SH {heading}\n")),
            "{heading}"
        );
        assert!(
            reference.contains(&format!("<h2>{heading}</h2>")),
            "{heading}"
        );
    }
}

/// A name that is hyphenated can be neither searched for nor copied.
#[test]
fn manual_pages_keep_names_whole_and_lead_to_what_frees() {
    let parts = Header::parse(header::text());
    let needless = Regex::new("\n\\.SH [^\n]+\n\\.PP\n").unwrap();
    let names = parts.items.iter().map(|item| item.name.as_str());
    for name in names.chain(["skillsmith_sync"]) {
        let page = read(&made().join(format!("man/{name}.3")));
        let mut lines = page.lines();
        assert!(
            lines.next().is_some_and(|line| line.starts_with(".TH ")),
            "{page}"
        );
        assert_eq!(lines.next(), Some(".nh"), "{name}");
        assert!(!page.contains('`'), "{name}");
        assert!(!page.contains("cbindgen"), "{name}");
        assert!(!needless.is_match(&page), "{page}");
    }
    for (name, frees) in [
        ("skillsmith_database_open", &["database", "error"][..]),
        ("skillsmith_database", &["database"]),
        ("skillsmith_sync_engine_sync", &["error", "sync_result"]),
        ("skillsmith_sync_result", &["sync_result"]),
        ("skillsmith_api_client_search", &["error", "string"]),
        ("skillsmith_database_free", &[]),
    ] {
        let page = read(&made().join(format!("man/{name}.3")));
        let (_, listed) = page.split_once(".SH SEE ALSO\n").unwrap();
        let wanted: String = frees
            .iter()
            .map(|kind| format!(".BR skillsmith_{kind}_free (3),\n"))
            .chain([".BR skillsmith_sync (3)\n".to_owned()])
            .collect();
        assert_eq!(listed, wanted, "{name}");
    }
}
