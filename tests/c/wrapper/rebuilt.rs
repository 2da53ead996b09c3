//! What `bindings/c/build` makes for old systems, which is a whole build of its own.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::installed::build;
use crate::place::{output, says, succeeds};

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
