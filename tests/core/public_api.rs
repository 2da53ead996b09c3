//! `docs/public-api.txt` lists the public API of the crate, so that no change goes unnoticed; and
//! every public type has an example.

use std::path::{Path, PathBuf};
use std::process::Command;

use public_api::Builder;
use serde_json::Value;

const LISTING: &str = "docs/public-api.txt";

const UPDATE: &str = "SKILLSMITH_UPDATE_PUBLIC_API";

/// The crate's documentation as JSON, made by the rustdoc of this toolchain.
fn rustdoc_json() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // The parent of the tests' own folder is the target folder.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([
            "rustdoc",
            "--quiet",
            "--lib",
            "--package",
            "skillsmith-sync",
        ])
        .arg("--all-features")
        .arg("--target-dir")
        .arg(target)
        .args(["--", "-Z", "unstable-options", "--output-format", "json"])
        .env("RUSTDOC", root.join("tests/core/rustdoc-json"))
        .env_remove("RUSTDOCFLAGS")
        .current_dir(root);
    without_package(&mut cargo);
    let made = cargo.output().unwrap();
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "cargo rustdoc failed: {said}");
    target.join("doc/skillsmith_sync.json")
}

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

#[test]
fn every_public_type_has_an_example() {
    let json = std::fs::read(rustdoc_json()).unwrap();
    let document: Value = serde_json::from_slice(&json).unwrap();
    let items = document["index"].as_object().unwrap().values();
    let kinds = ["struct", "enum", "trait", "type_alias"];
    let types = items.filter(|item| {
        let is_type = kinds.iter().any(|kind| item["inner"].get(kind).is_some());
        is_type && item["crate_id"] == 0 && item["visibility"] == "public"
    });
    let (with, without): (Vec<_>, Vec<_>) = types.partition(|item| {
        let documentation = item["docs"].as_str().unwrap_or_default();
        documentation.contains("```")
    });
    assert!(with.len() > 30, "there are only {}", with.len());
    let names: Vec<_> = without.iter().map(|item| &item["name"]).collect();
    assert!(names.is_empty(), "types without an example: {names:?}");
}

#[test]
#[expect(clippy::print_stderr, reason = "says why nothing was compared")]
fn the_public_api_is_the_one_that_is_listed() {
    let json = rustdoc_json();
    let api = Builder::from_rustdoc_json(&json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .build();
    let found = match api {
        Ok(api) => api.to_string(),
        Err(error) => {
            // A newer Rust with another JSON format.
            let told = format!(
                "the crate public-api cannot read what this rustdoc writes; use a newer one in Cargo.toml: {error}"
            );
            assert!(std::env::var_os("CI").is_none(), "{told}");
            eprintln!("not compared: {told}");
            return;
        }
    };
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join(LISTING);
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&place, &found).unwrap();
    }
    let listed = std::fs::read_to_string(&place).unwrap_or_default();
    let lines = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
    let (listed, found) = (lines(&listed), lines(&found));
    let only_in = |one: &[String], other: &[String], mark: &str| -> Vec<String> {
        one.iter()
            .filter(|line| !other.contains(line))
            .map(|line| format!("{mark} {line}"))
            .collect()
    };
    let changes = [only_in(&listed, &found, "-"), only_in(&found, &listed, "+")].concat();
    assert!(
        listed == found,
        "The public API is not the one in {LISTING}:\n{}\nIf that is meant, write the listing anew: \
         {UPDATE}=1 cargo test --all-features --test core public_api",
        changes.join("\n")
    );
}
