//! The binary interface, compared with `docs/abi.txt`.
//!
//! `SKILLSMITH_UPDATE_ABI=1` writes that file anew: what is added is added, and what changes or goes away takes a
//! new `ABI_VERSION`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use regex::Regex;

use crate::build::{root, succeeds};
use crate::header;
use crate::parse::{Header, Item, Kind};

const HEAD: &str = "\
# The binary interface of the C library on 64-bit systems, as a program that was compiled with the header depends on it: numbers
# of constants, offsets and types of members, and signatures. Sizes are not among it: structures grow at their end. A test
# compares it; docs/abi.md says what may change.
";

fn baseline() -> PathBuf {
    root().join("docs/abi.txt")
}

fn plain(code: &str) -> String {
    let code = Regex::new(r"(?s)/\*.*?\*/").unwrap().replace_all(code, "");
    code.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `(type, name)` of each member.
fn members(item: &Item) -> Vec<(String, String)> {
    let code = plain(&item.code);
    let (_, body) = code.split_once('{').unwrap();
    let (body, _) = body.rsplit_once('}').unwrap();
    body.split(';')
        .map(str::trim)
        .filter(|member| !member.is_empty())
        .map(|member| {
            let start = member.rfind([' ', '*']).unwrap() + 1;
            let (kind, name) = member.split_at(start);
            (kind.trim().to_owned(), name.to_owned())
        })
        .collect()
}

/// Without the names of parameters, which no program depends on.
fn signature(item: &Item) -> String {
    let code = plain(&item.code);
    Regex::new(r"([ *])[a-z_0-9]+([,)])")
        .unwrap()
        .replace_all(&code, |found: &regex::Captures<'_>| {
            if found[0].trim() == "void)" {
                return found[0].to_owned();
            }
            format!("{}{}", found[1].trim(), &found[2])
        })
        .trim_end_matches(';')
        .trim_start_matches("typedef ")
        .to_owned()
}

/// A line for each thing that compiled programs depend on; a compiler tells the numbers.
fn dump() -> String {
    let header = Header::parse(header::text());
    let mut program = String::from(
        "#include <skillsmith_sync.h>\n#include <stdio.h>\nint main(void) {\n\
         printf(\"abi %d\\n\", SKILLSMITH_ABI_VERSION);\n",
    );
    let constants = Regex::new(r"(SKILLSMITH_[A-Z0-9_]+) =").unwrap();
    for item in &header.items {
        let name = &item.name;
        match item.kind {
            Kind::Enumeration => {
                for found in constants.captures_iter(&plain(&item.code)) {
                    let constant = &found[1];
                    _ = writeln!(
                        program,
                        "printf(\"constant {name} {constant} %d\\n\", (int){constant});"
                    );
                }
            }
            Kind::Structure => {
                for (kind, member) in members(item) {
                    _ = writeln!(
                        program,
                        "printf(\"member {name} %zu {kind} {member}\\n\", offsetof({name}, {member}));"
                    );
                }
            }
            Kind::Handle => _ = writeln!(program, "puts(\"handle {name}\");"),
            Kind::Callback => _ = writeln!(program, "puts(\"callback {}\");", signature(item)),
            Kind::Function => _ = writeln!(program, "puts(\"function {}\");", signature(item)),
        }
    }
    program.push_str("return 0; }\n");
    let folder = tempfile::tempdir().unwrap();
    let (source, file) = (folder.path().join("abi.c"), folder.path().join("abi"));
    std::fs::write(&source, program).unwrap();
    succeeds(
        Command::new("gcc")
            .args(["-std=c99", "-Wall", "-Werror", "-I"])
            .arg(root().join("include"))
            .arg(&source)
            .arg("-o")
            .arg(&file),
    );
    succeeds(&mut Command::new(file))
}

fn lines(text: &str) -> BTreeSet<&str> {
    text.lines().filter(|line| !line.starts_with('#')).collect()
}

/// What compiled programs have lost, unless it is another ABI.
fn broken<'a>(old: &'a str, new: &str) -> Vec<&'a str> {
    let (old, new) = (lines(old), lines(new));
    let version = |lines: &BTreeSet<&str>| {
        lines
            .iter()
            .find(|line| line.starts_with("abi "))
            .map(|line| (*line).to_owned())
    };
    if version(&old) != version(&new) {
        return Vec::new();
    }
    old.into_iter().filter(|line| !new.contains(line)).collect()
}

#[test]
#[cfg(target_pointer_width = "64")]
fn compiled_programs_keep_what_they_depend_on() {
    let now = HEAD.to_owned() + &dump();
    for kind in ["constant ", "member ", "handle ", "callback ", "function "] {
        assert!(now.matches(kind).count() > 5, "{kind}: {now}");
    }
    let before = std::fs::read_to_string(baseline()).unwrap_or_default();
    let broken = broken(&before, &now);
    assert!(
        broken.is_empty(),
        "compiled programs depend on {broken:#?}; keep it, or raise ABI_VERSION (docs/abi.md)"
    );
    if std::env::var_os("SKILLSMITH_UPDATE_ABI").is_some() {
        std::fs::write(baseline(), &now).unwrap();
    }
    let before = std::fs::read_to_string(baseline()).unwrap_or_default();
    let added: Vec<_> = lines(&now)
        .difference(&lines(&before))
        .copied()
        .map(str::to_owned)
        .collect();
    assert!(
        before == now,
        "docs/abi.txt lacks {added:#?}; write it anew with SKILLSMITH_UPDATE_ABI=1"
    );
}

/// The comparison sees what it is for.
#[test]
fn a_change_of_the_interface_is_seen() {
    let old = "abi 1\nmember s 0 size_t a\nmember s 8 int b\nfunction int f(int)\nconstant e A 1\n";
    let same = |new: &str| broken(old, new);
    assert!(same(&format!("{old}member s 12 int c\nfunction int g(void)\n")).is_empty());
    assert_eq!(
        same(&old.replace("8 int b", "16 int b")),
        ["member s 8 int b"]
    );
    assert_eq!(
        same(&old.replace("f(int)", "f(long)")),
        ["function int f(int)"]
    );
    assert_eq!(same(&old.replace("A 1", "A 2")), ["constant e A 1"]);
    assert!(same("abi 2\n").is_empty());
}

/// The numbers that `docs/abi.md` ties together are those of the build.
#[test]
fn soname_abi_number_and_version_are_told_as_they_are() {
    let page = std::fs::read_to_string(root().join("docs/abi.md")).unwrap();
    let manifest = std::fs::read_to_string(root().join("bindings/c/Cargo.toml")).unwrap();
    let (_, library) = manifest
        .split_once("[package.metadata.capi.library]")
        .unwrap();
    let number = Regex::new(r#"(?m)^version = "([0-9.]+)"$"#).unwrap();
    let number = &number.captures(library).unwrap()[1];
    let abi = number.split('.').next().unwrap();
    assert!(header::text().contains(&format!("#define SKILLSMITH_ABI_VERSION {abi}\n")));
    for told in [
        format!("`{}`", env!("CARGO_PKG_VERSION")),
        format!("`SKILLSMITH_ABI_VERSION` {abi}"),
        format!("`libskillsmith_sync.so.{abi}`"),
        format!("`libskillsmith_sync.so.{number}`"),
    ] {
        assert!(page.contains(&told), "docs/abi.md does not say {told}");
    }
}
