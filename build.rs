//! Generates the C header from `src/capi` (feature `capi`), into `OUT_DIR` only.
//!
//! The committed copy is `include/skillsmith_sync.h`; a test compares the two.

fn main() {
    println!("cargo::rerun-if-changed=src/capi");
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "capi")]
    {
        header();
        name_of_the_shared_library();
    }
}

/// The name under which programs look for the library when they start: another one for
/// each incompatible interface, so that several can be installed.
#[cfg(feature = "capi")]
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
#[cfg(feature = "capi")]
const PREAMBLE: &str = include_str!("src/capi/preamble.txt");

#[cfg(feature = "capi")]
fn header() {
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
            include: vec!["skillsmith_switch".into()],
            ..cbindgen::ExportConfig::default()
        },
        ..cbindgen::Config::default()
    };
    let sources = std::path::Path::new(&var("CARGO_MANIFEST_DIR")).join("src/capi/mod.rs");
    let target = std::path::Path::new(&var("OUT_DIR")).join("skillsmith_sync.h");
    let mut header = Vec::new();
    cbindgen::Builder::new()
        .with_config(config)
        .with_src(sources)
        .generate()
        .expect("src/capi is what cbindgen can read")
        .write(&mut header);
    let header = String::from_utf8(header).expect("the sources are UTF-8");
    let header = with_short_comments(&without_safety(&header));
    std::fs::write(target, header).expect("OUT_DIR can be written");
}

/// Names that stand for any number where a caller gives them.
#[cfg(feature = "capi")]
const ENUMERATIONS: [&str; 3] = [
    "skillsmith_status",
    "skillsmith_switch",
    "skillsmith_sync_frequency",
];

/// Takes Rust's sections on safety out: to C, the preamble says the same.
#[cfg(feature = "capi")]
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
#[cfg(feature = "capi")]
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

/// The number that stands in the source, so that it is written down once.
#[cfg(feature = "capi")]
fn abi_version() -> u32 {
    let source = std::fs::read_to_string("src/capi/version.rs").expect("it is readable");
    source
        .lines()
        .find_map(|line| {
            line.strip_prefix("const ABI_VERSION: u32 = ")?
                .strip_suffix(';')?
                .parse()
                .ok()
        })
        .expect("src/capi/version.rs names its ABI_VERSION")
}
