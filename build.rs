//! The build script of the C library, `bindings/c`: makes its header and its error table, and what is
//! made of the header, into `OUT_DIR` only.
//!
//! The committed header is `include/skillsmith_sync.h`, beside it the declarations for FFI; a test
//! compares both with those made here. The fuzzer's packages, which compile the same sources, have
//! this script as well.

#[path = "bindings/c/documents/mod.rs"]
mod documents;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    for input in [
        "build.rs",
        CODES,
        CHANGES,
        "bindings/c/src",
        "bindings/c/documents",
    ] {
        println!("cargo::rerun-if-changed={}", root().join(input).display());
    }
    let status = out_dir().join("status.rs");
    write(&status, &status_of_codes(&read(CODES)));
    let header = header(&status);
    write(&out_dir().join("skillsmith_sync.h"), &header);
    write_documents(&header);
    if package() == root().join("bindings/c") {
        name_of_the_shared_library();
    }
}

/// What is made of the header, into a folder of its own.
fn write_documents(header: &str) {
    let folder = out_dir().join("documents");
    // With the page of a function that is no more.
    _ = std::fs::remove_dir_all(&folder);
    let pages = folder.join("man");
    std::fs::create_dir_all(&pages).unwrap_or_else(|error| panic!("{}: {error}", pages.display()));
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    for (path, text) in documents::of(header, &version, &read(CHANGES)) {
        write(&folder.join(path), &text);
    }
}

/// What says when a version was released.
const CHANGES: &str = "CHANGELOG.md";

/// The core's table of error codes.
const CODES: &str = "src/error/code.rs";

/// What is shown to cbindgen, in the order in which the header shows it.
const SOURCES: [&str; 23] = [
    "bindings/c/src/api/version.rs",
    "bindings/c/src/ffi/user_data.rs",
    "bindings/c/src/api/status.rs",
    "bindings/c/src/ffi/error.rs",
    "bindings/c/src/api/error.rs",
    "bindings/c/src/ffi/records.rs",
    "bindings/c/src/api/objects.rs",
    "bindings/c/src/api/cancel.rs",
    "bindings/c/src/api/database.rs",
    "bindings/c/src/api/config.rs",
    "bindings/c/src/api/history.rs",
    "bindings/c/src/api/skills.rs",
    "bindings/c/src/api/freshness.rs",
    "bindings/c/src/api/search.rs",
    "bindings/c/src/api/token.rs",
    "bindings/c/src/api/log.rs",
    "bindings/c/src/api/client.rs",
    "bindings/c/src/api/registry/lifetime.rs",
    "bindings/c/src/api/registry/callbacks.rs",
    "bindings/c/src/api/registry/call.rs",
    "bindings/c/src/api/options.rs",
    "bindings/c/src/api/engine.rs",
    "bindings/c/src/api/background.rs",
];

/// Types of parameters and members that carry a promise about a pointer, and that pointer: cbindgen
/// does not look through a transparent type.
const POINTERS: [(&str, &str); 6] = [
    ("OutPtr<", "*mut "),
    ("HandlePtr<", "*const "),
    ("OwnedHandle<", "*mut "),
    ("OptionsPtr<", "*const "),
    ("TextPtr", "*const c_char"),
    ("ErrorPtr", "*mut *mut skillsmith_error"),
];

fn out_dir() -> PathBuf {
    std::env::var_os("OUT_DIR").expect("cargo sets it").into()
}

/// The folder of the package that is built.
fn package() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR")
        .expect("cargo sets it")
        .into()
}

/// The root of the project, which has this script.
fn root() -> PathBuf {
    package()
        .ancestors()
        .find(|folder| folder.join("build.rs").is_file() && folder.join(CODES).is_file())
        .expect("the packages with this script lie below it")
        .into()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// The name under which programs look for the library when they start: another one for
/// each incompatible interface, so that several can be installed.
fn name_of_the_shared_library() {
    let abi = abi_version();
    let argument = match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("windows") => return,
        Ok("macos" | "ios") => format!("-Wl,-install_name,@rpath/libskillsmith_sync.{abi}.dylib"),
        _ => format!("-Wl,-soname,libskillsmith_sync.so.{abi}"),
    };
    println!("cargo::rustc-cdylib-link-arg={argument}");
    // dlclose leaves it in place: a request that was left behind may still end on its own thread.
    if std::env::var("CARGO_CFG_TARGET_VENDOR").as_deref() != Ok("apple") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}

/// What a C programmer has to know before anything else.
const PREAMBLE: &str = include_str!("bindings/c/src/preamble.txt");

fn header(status: &Path) -> String {
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    let part = |name: &str| {
        var(&format!("CARGO_PKG_VERSION_{name}"))
            .parse::<u32>()
            .unwrap_or(0)
    };
    let (major, minor, patch) = (part("MAJOR"), part("MINOR"), part("PATCH"));
    let config = cbindgen::Config {
        language: cbindgen::Language::C,
        header: Some(PREAMBLE.trim_end().into()),
        include_guard: Some("SKILLSMITH_SYNC_H".into()),
        no_includes: true,
        sys_includes: vec!["stdbool.h".into(), "stddef.h".into(), "stdint.h".into()],
        cpp_compat: true,
        usize_is_size_t: true,
        documentation_style: cbindgen::DocumentationStyle::C,
        after_includes: Some(format!(
            "\n#define SKILLSMITH_VERSION_MAJOR {major}\n#define SKILLSMITH_VERSION_MINOR {minor}\n\
             #define SKILLSMITH_VERSION_PATCH {patch}\n\
             #define SKILLSMITH_VERSION_NUMBER {}\n#define SKILLSMITH_VERSION \"{}\"\n\
             /* Compare with skillsmith_abi_version(). */\n#define SKILLSMITH_ABI_VERSION {}",
            major * 1_000_000 + minor * 1_000 + patch,
            var("CARGO_PKG_VERSION"),
            abi_version(),
        )),
        export: cbindgen::ExportConfig {
            // An enumeration that a caller passes is any number in Rust, and has its name in C.
            rename: ENUMERATIONS
                .iter()
                .map(|name| (format!("{name}_value"), (*name).into()))
                .collect(),
            exclude: ENUMERATIONS
                .iter()
                .map(|name| format!("{name}_value"))
                .collect(),
            // Nothing but options names it.
            include: vec!["skillsmith_switch".into(), "skillsmith_listing".into()],
            ..cbindgen::ExportConfig::default()
        },
        ..cbindgen::Config::default()
    };
    let mut builder = cbindgen::Builder::new()
        .with_config(config)
        .with_src(status);
    for source in SOURCES {
        let shown = out_dir().join(source.replace('/', "-"));
        write(&shown, &with_plain_pointers(&read(source)));
        builder = builder.with_src(shown);
    }
    let mut header = Vec::new();
    builder
        .generate()
        .expect("bindings/c/src is what cbindgen can read")
        .write(&mut header);
    let header = String::from_utf8(header).expect("the sources are UTF-8");
    with_short_comments(&without_safety(&header))
}

/// Names that stand for any number where a caller gives them.
const ENUMERATIONS: [&str; 4] = [
    "skillsmith_status",
    "skillsmith_switch",
    "skillsmith_listing",
    "skillsmith_sync_frequency",
];

/// Puts the pointers that they are in place of [`POINTERS`].
fn with_plain_pointers(source: &str) -> String {
    let mut plain = source.to_owned();
    for (name, pointer) in POINTERS {
        let is_generic = name.ends_with('<');
        let mut rest = plain.as_str();
        let mut done = String::new();
        while let Some((before, after)) = rest.split_once(&format!(": {name}")) {
            done.extend([before, ": ", pointer]);
            rest = after;
            if is_generic {
                let (inner, after) = after.split_once('>').expect("what is opened is closed");
                done.push_str(inner);
                rest = after;
            }
        }
        done.push_str(rest);
        plain = done;
    }
    plain
}

/// The status enumeration, made from the rows of the core's table: documentation, then
/// `Variant = 101, "NAME", false;`.
fn status_of_codes(source: &str) -> String {
    let table = source
        .split_once("\nerror_codes! {\n")
        .and_then(|(_, rest)| rest.split_once("\n}"))
        .unwrap_or_else(|| panic!("{CODES} has no table of codes"))
        .0;
    let mut variants = String::from("    /// Success.\n    SKILLSMITH_OK = 0,\n");
    let mut names = String::from("        (Self::SKILLSMITH_OK, c\"OK\"),\n");
    for line in table.lines() {
        if line.trim_start().starts_with("///") {
            variants.extend([line, "\n"]);
            continue;
        }
        let (number, name) = line
            .split_once(" = ")
            .and_then(|(_, row)| row.split_once(", \""))
            .and_then(|(number, rest)| Some((number, rest.split_once('"')?.0)))
            .unwrap_or_else(|| panic!("{CODES}: not a row of the table of codes: {line}"));
        _ = writeln!(variants, "    SKILLSMITH_{name} = {number},");
        _ = writeln!(names, "        (Self::SKILLSMITH_{name}, c\"{name}\"),");
    }
    format!(
        "{STATUS}pub enum skillsmith_status {{\n{variants}}}\n\n\
         impl skillsmith_status {{\n    /// Every status and its name.\n    \
         const ALL: &'static [(Self, &'static CStr)] = &[\n{names}    ];\n}}\n"
    )
}

/// Documentation and attributes of that enumeration.
const STATUS: &str = "\
/// Status of a call: `SKILLSMITH_OK`, or the number of an error.
///
/// The hundreds give the area: 1xx the caller, 2xx the network, 3xx the database, 4xx the
/// registry's protocol, 9xx this library. Numbers never change their meaning. Later versions
/// may add numbers, so a `switch` needs a `default`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
";

/// Removes Rust's safety sections: the preamble says the same to C.
fn without_safety(header: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut inside = false;
    for line in header.lines() {
        if line.trim() == "# Safety" {
            inside = true;
            while kept.last().is_some_and(|line| line.trim().is_empty()) {
                kept.pop();
            }
        }
        inside &= line.trim() != "*/";
        if !inside {
            kept.push(line);
        }
    }
    kept.join("\n") + "\n"
}

/// Puts comments of one line on one line.
fn with_short_comments(header: &str) -> String {
    let lines: Vec<&str> = header.lines().collect();
    let mut kept: Vec<String> = Vec::new();
    let mut rest = lines.as_slice();
    while let [line, after @ ..] = rest {
        rest = after;
        match after {
            [text, end, after @ ..] if line.trim() == "/*" && end.trim() == "*/" => {
                kept.push(format!("{line} {} */", text.trim()));
                rest = after;
            }
            _ => kept.push((*line).to_owned()),
        }
    }
    kept.join("\n") + "\n"
}

/// The ABI version, read from the source so that it is defined once.
fn abi_version() -> u32 {
    read("bindings/c/src/api/version.rs")
        .lines()
        .find_map(|line| {
            line.strip_prefix("const ABI_VERSION: u32 = ")?
                .strip_suffix(';')?
                .parse()
                .ok()
        })
        .expect("bindings/c/src/api/version.rs names its ABI_VERSION")
}
