//! Hosts that a program of `tests/c` cannot be: with two copies of the library, with another library in Rust, and with
//! callbacks that do what they must not do.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::build::{Flavour, Linkage, Workshop, output, root, sources, succeeds};
use crate::run;

fn compile(workshop: &Workshop, compiler: &str, name: &str, arguments: &[&str]) -> PathBuf {
    let file = workshop.file(Path::new(name).file_stem().unwrap().to_str().unwrap());
    succeeds(
        Command::new(compiler)
            .args([
                "-Wall",
                "-Wextra",
                "-Werror",
                "-D_GNU_SOURCE",
                "-g",
                "-pthread",
                "-I",
            ])
            .arg(root().join("include"))
            .arg("-I")
            .arg(sources())
            .arg(sources().join("hosts").join(name))
            .arg("-o")
            .arg(&file)
            .args(arguments),
    );
    file
}

/// Each refuses the handles of the other, whichever was loaded first; a program with the static library beside a plugin
/// with the shared one is the same.
#[test]
fn a_handle_of_another_copy_is_refused() {
    let workshop = Workshop::new(Linkage::Shared);
    let other = workshop.file("other.so");
    std::fs::copy(workshop.file("libskillsmith_sync.so.1"), &other).unwrap();
    let program = compile(&workshop, "gcc", "two_copies.c", &["-ldl"]);
    let said = output(
        Command::new(program)
            .arg(workshop.file("libskillsmith_sync.so.1"))
            .arg(other)
            .env("HOME", workshop.file("home")),
    );
    assert!(said.status.success(), "{said:?}");
}

/// The linkers of Debian; each has its own way with COMDAT groups.
const LINKERS: [&str; 4] = ["bfd", "gold", "lld", "mold"];

/// Another library in Rust has the same names: of the runtime, and of COMDAT groups.
#[test]
fn the_static_library_beside_another_one_in_rust() {
    let workshop = Workshop::new(Linkage::Static);
    let (ours, other) = (
        workshop.file("libskillsmith_sync.a"),
        workshop.file("libother.a"),
    );
    succeeds(
        Command::new("rustc")
            .args(["--edition=2024", "--crate-type=staticlib", "-O", "-o"])
            .arg(&other)
            .arg(sources().join("hosts/other.rs")),
    );
    let (ours, other) = (ours.to_str().unwrap(), other.to_str().unwrap());
    for linker in LINKERS {
        for libraries in [[ours, other], [other, ours]] {
            let choice = format!("-fuse-ld={linker}");
            let [first, second] = libraries;
            let program = compile(
                &workshop,
                "g++",
                "two_in_rust.cpp",
                &[&choice, first, second, "-lm", "-ldl"],
            );
            let said = output(Command::new(program).env("HOME", workshop.file("home")));
            assert!(said.status.success(), "{linker} {libraries:?}: {said:?}");
        }
    }
}

/// A program may link it into an object first. mold's own `-r` ends by an assertion over this library.
#[test]
fn the_static_library_in_another_object() {
    let workshop = Workshop::new(Linkage::Static);
    let library = workshop.file("libskillsmith_sync.a");
    let (source, object) = (workshop.file("in_memory.c"), workshop.file("in_memory.o"));
    let text = "#include <skillsmith_sync.h>
int main(void) {
  skillsmith_database *database = 0;
  if (skillsmith_database_open_in_memory(&database, 0) != SKILLSMITH_OK) return 1;
  return skillsmith_database_free(database) != SKILLSMITH_OK || skillsmith_live_objects() != 0;
}
";
    std::fs::write(&source, text).unwrap();
    let include = root().join("include");
    succeeds(
        Command::new("gcc")
            .arg("-I")
            .arg(include)
            .arg("-c")
            .arg(&source)
            .arg("-o")
            .arg(&object),
    );
    for linker in ["bfd", "gold", "lld"] {
        let (both, program) = (workshop.file("both.o"), workshop.file("program"));
        succeeds(
            Command::new(format!("ld.{linker}"))
                .args(["-r", "-o"])
                .args([&both, &object, &library]),
        );
        succeeds(
            Command::new("gcc")
                .arg(&both)
                .arg("-o")
                .arg(&program)
                .args(["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"]),
        );
        let said = output(Command::new(program).env("HOME", workshop.file("home")));
        assert!(said.status.success(), "{linker}: {said:?}");
    }
}

/// As the header and promise 13 say; what the classes of `skillsmith_sync.hpp` do instead is tested with them.
#[test]
fn an_exception_out_of_a_raw_callback_ends_the_process() {
    const SIGABRT: i32 = 6;
    let workshop = Workshop::new(Linkage::Shared);
    let folder = workshop.folder().to_str().unwrap();
    let rpath = format!("-Wl,-rpath,{folder}");
    let program = compile(
        &workshop,
        "g++",
        "throws.cpp",
        &["-L", folder, "-lskillsmith_sync", &rpath],
    );
    for callback in ["search", "progress", "log", "complete"] {
        let said = output(
            Command::new(&program)
                .arg(callback)
                .env_clear()
                .env("HOME", workshop.file("home")),
        );
        assert_eq!(said.status.signal(), Some(SIGABRT), "{callback}: {said:?}");
    }
    let said = output(Command::new(&program).env("HOME", workshop.file("home")));
    assert_eq!(said.status.code(), Some(0), "{said:?}");
}

/// What they have in common with the programs: the static library's threads are not cancelled either.
#[test]
fn the_static_library_and_cancelled_threads() {
    let workshop = Workshop::new(Linkage::Static);
    let file = workshop.compile("pthread_cancel", Flavour::C99, Linkage::Static);
    let outcome = run::run(&workshop, &file, Flavour::C99, &[]);
    run::judge("pthread_cancel", Flavour::C99, &outcome);
}

/// The cases in which no thread of the program is unwound. GCC's AddressSanitizer keeps the frames of such a thread poisoned, and
/// then reports its own call of `sigaltstack` on that stack, in a program of ten lines without this library, too.
#[test]
fn cancelled_threads_under_the_sanitizers() {
    let workshop = Workshop::new(Linkage::Shared);
    let file = workshop.compile("pthread_cancel", Flavour::Sanitized, Linkage::Shared);
    let cases = [
        "in_a_thread_of_the_library",
        "the_state_is_the_caller_s",
        "main_ends_by_pthread_exit",
    ];
    let outcome = run::run(&workshop, &file, Flavour::Sanitized, &cases);
    run::judge("pthread_cancel", Flavour::Sanitized, &outcome);
}

/// Nothing is reported of either library with the suppressions that are installed.
#[test]
fn valgrind_has_nothing_to_say_with_the_installed_suppressions() {
    let flavour = Flavour::ValgrindOfUsers;
    for linkage in [Linkage::Shared, Linkage::Static] {
        let workshop = Workshop::new(linkage);
        let file = workshop.compile("repositories", flavour, linkage);
        run::judge(
            "database",
            flavour,
            &run::run(&workshop, &file, flavour, &[]),
        );
    }
}

/// An FFI without a preprocessor takes the declarations as they are.
#[test]
fn luajit_takes_the_declarations() {
    let workshop = Workshop::new(Linkage::Shared);
    succeeds(
        Command::new("luajit")
            .arg(sources().join("hosts/declarations.lua"))
            .arg(root().join("include/skillsmith_sync.ffi.h"))
            .arg(workshop.file("libskillsmith_sync.so.1"))
            .env("HOME", workshop.file("home")),
    );
}
