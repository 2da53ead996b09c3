//! Generates the C header from `src/capi` (feature `capi`), into `OUT_DIR` only.
//!
//! The committed copy is `include/skillsmith_sync.h`; a test compares the two.

fn main() {
    println!("cargo::rerun-if-changed=src/capi");
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "capi")]
    header();
}

/// What a C programmer has to know before anything else.
#[cfg(feature = "capi")]
const PREAMBLE: &str = "\
/*
 skillsmith-sync: generated from src/capi by cbindgen, not to be edited.

 Another SQLite in the process: a program that has the same database open through
 its own SQLite may go on using it while this library opens, syncs and closes it;
 neither loses a commit or a lock to the other. Where the system has no locks that
 allow this, opening such a file fails with DATABASE_IN_USE (310) instead.
 */";

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
        header: Some(PREAMBLE.into()),
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
        ..cbindgen::Config::default()
    };
    let sources = std::path::Path::new(&var("CARGO_MANIFEST_DIR")).join("src/capi/mod.rs");
    let target = std::path::Path::new(&var("OUT_DIR")).join("skillsmith_sync.h");
    cbindgen::Builder::new()
        .with_config(config)
        .with_src(sources)
        .generate()
        .expect("src/capi is what cbindgen can read")
        .write_to_file(target);
}

/// The number that stands in the source, so that it is written down once.
#[cfg(feature = "capi")]
fn abi_version() -> u32 {
    let source = std::fs::read_to_string("src/capi/mod.rs").expect("src/capi/mod.rs is readable");
    source
        .lines()
        .find_map(|line| {
            line.strip_prefix("const ABI_VERSION: u32 = ")?
                .strip_suffix(';')?
                .parse()
                .ok()
        })
        .expect("src/capi/mod.rs names its ABI_VERSION")
}
