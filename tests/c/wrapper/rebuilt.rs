//! What `bindings/c/build` makes when it is run again elsewhere, and for old systems. Each is a whole build.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::installed::{build, build_of};
use crate::place::{output, root, says, succeeds};

/// A copy of the sources: what git would give another builder, with what is not committed yet.
fn copy_of_the_sources(folder: &Path) {
    let files = "git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from=- --ignore-failed-read \
                 | tar --extract --directory \"$1\"";
    succeeds(
        Command::new("bash")
            .args(["-euo", "pipefail", "-c", files, "copy"])
            .arg(folder)
            .current_dir(root()),
    );
}

/// Every file below a folder, and what is in it; of a link, where it leads.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() {
                folders.push(path);
                continue;
            }
            let content = if kind.is_symlink() {
                std::fs::read_link(&path)
                    .unwrap()
                    .into_os_string()
                    .into_encoded_bytes()
            } else {
                std::fs::read(&path).unwrap()
            };
            found.insert(path.strip_prefix(folder).unwrap().to_owned(), content);
        }
    }
    found
}

#[test]
fn two_builds_in_two_folders_are_identical() {
    // Both copies before the first build, which takes minutes: the sources may change meanwhile.
    let [one, other] = ["one", "another-builder"]
        .map(|name| {
            let place = TempDir::with_prefix(name).unwrap();
            let sources = place.path().join("sources");
            std::fs::create_dir(&sources).unwrap();
            copy_of_the_sources(&sources);
            (place, sources)
        })
        .map(|(place, sources)| {
            succeeds(
                build_of(&sources, place.path())
                    .env("CARGO_TARGET_DIR", place.path().join("target"))
                    .args(["/opt/skillsmith", "--destdir", "made"]),
            );
            files(&place.path().join("made/opt/skillsmith"))
        });
    assert!(one.len() > 150, "{:?}", one.keys());
    assert_eq!(
        one.keys().collect::<Vec<_>>(),
        other.keys().collect::<Vec<_>>()
    );
    for (path, content) in &one {
        assert!(*content == other[path], "{} differs", path.display());
    }
}

/// The versions of glibc that a library asks for.
fn wanted(library: &Path) -> Vec<(u32, u32)> {
    let symbols = succeeds(Command::new("objdump").arg("-T").arg(library));
    symbols
        .split("GLIBC_")
        .skip(1)
        .filter_map(|rest| {
            let mut numbers = rest.split(|letter: char| !letter.is_ascii_digit());
            Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
        })
        .collect()
}

#[test]
fn a_build_for_an_old_glibc_needs_no_newer_one_and_works() {
    let place = TempDir::new().unwrap();
    let (prefix, program) = (place.path().join("old"), place.path().join("memory"));
    succeeds(build(place.path()).args(["old", "--glibc", "2.17"]));
    let library = prefix.join("lib/libskillsmith_sync.so");
    let wanted = wanted(&library);
    assert!(
        !wanted.is_empty() && wanted.iter().all(|version| *version <= (2, 17)),
        "{wanted:?}"
    );
    // Both libraries, in a program of today.
    let source = place.path().join("memory.c");
    let text = "#include <skillsmith_sync.h>
int main(void) {
  skillsmith_database *database = NULL;
  if (skillsmith_database_open_in_memory(&database, NULL) != SKILLSMITH_OK) return 1;
  return skillsmith_database_free(database) == SKILLSMITH_OK && skillsmith_live_objects() == 0 ? 0 : 2;
}";
    std::fs::write(&source, text).unwrap();
    for kind in [&["--libs"][..], &["--static", "--libs"]] {
        let flags = succeeds(
            Command::new("pkg-config")
                .args(kind)
                .arg("--cflags")
                .arg("skillsmith_sync")
                .env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig")),
        );
        let mut compiler = Command::new("gcc");
        compiler.arg(&source).arg("-o").arg(&program);
        if kind.len() > 1 {
            compiler.arg("-static");
        }
        succeeds(compiler.args(flags.split_whitespace()));
        let said = output(Command::new(&program).env("LD_LIBRARY_PATH", prefix.join("lib")));
        assert_eq!(said.status.code(), Some(0), "{kind:?}: {}", says(&said));
    }
}
