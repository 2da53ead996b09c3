//! What `bindings/c/build` installs, used through pkg-config and CMake: the commands of the
//! examples' README, as they stand there.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;
use skillsmith_test_registry::{Catalogue, Options, Server};
use tempfile::TempDir;

use crate::place::{Place, output, root, says, succeeds};

/// Made once a run of all tests, however many processes that has. Not optimized, because that takes
/// minutes, except where the tests that take longer run.
static PREFIX: LazyLock<PathBuf> = LazyLock::new(|| {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let prefix = scratch.join("c-install");
    let mut made = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(scratch.join("c-install.made"))
        .unwrap();
    made.lock().unwrap();
    let run = std::env::var("NEXTEST_RUN_ID").unwrap_or_default();
    let mut last_run = String::new();
    made.read_to_string(&mut last_run).unwrap();
    if run.is_empty() || run != last_run {
        _ = std::fs::remove_dir_all(&prefix);
        // By its name where the caller is, which is another folder than the script's.
        succeeds(build(scratch).arg("c-install"));
        made.set_len(0).unwrap();
        made.rewind().unwrap();
        made.write_all(run.as_bytes()).unwrap();
    }
    prefix
});

/// The script, called from there.
pub(crate) fn build(folder: &Path) -> Command {
    build_of(root(), folder)
}

/// That of other sources.
pub(crate) fn build_of(sources: &Path, folder: &Path) -> Command {
    let mut build = Command::new(sources.join("bindings/c/build"));
    // The directory that this test was built in.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    build.current_dir(folder).env("CARGO_TARGET_DIR", target);
    if std::env::var_os("SKILLSMITH_LONG_TESTS").is_none() {
        build.args(["--profile", "quick"]);
    }
    without_package(&mut build);
    build
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

fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root());
    without_package(&mut cargo);
    cargo
}

fn names(folder: &Path) -> BTreeSet<String> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// A copy of the examples, and the blocks of commands in their README.
fn examples() -> (Place, Vec<String>) {
    let place = Place::new();
    for file in std::fs::read_dir(root().join("bindings/c/examples")).unwrap() {
        let file = file.unwrap().path();
        if file.is_file() {
            std::fs::copy(
                &file,
                place.file(file.file_name().unwrap().to_str().unwrap()),
            )
            .unwrap();
        }
    }
    let readme = std::fs::read_to_string(place.file("README.md")).unwrap();
    let blocks = readme
        .split("```sh\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect();
    (place, blocks)
}

fn shell(place: &Place, commands: &str) -> Command {
    let mut shell = place.command("bash");
    shell
        .args(["-euo", "pipefail", "-c", commands])
        .env("PREFIX", &*PREFIX);
    // Not what this test itself was linked with.
    shell
        .env_remove("LD_LIBRARY_PATH")
        .env_remove("PKG_CONFIG_PATH");
    shell
}

fn needs(program: &str) {
    let found = Command::new(program).arg("--version").output();
    assert!(
        found.is_ok_and(|output| output.status.success()),
        "{program} is missing (Debian: apt-get install {program})"
    );
}

/// Each finds the 250 skills of a registry, or the 2 of its own.
fn work(place: &Place, folder: &str, libraries: &Path) {
    let server = Server::start(Catalogue::generate(250, 1), Options::default());
    std::fs::write(
        place.file("rows.jsonl"),
        "{\"id\":\"a\",\"name\":\"A\"}\n{\"id\":\"b\",\"name\":\"B\"}\n",
    )
    .unwrap();
    for (name, argument, wanted) in [
        ("sync", None, "250 new"),
        ("sync_cpp", None, "250 new"),
        ("transport", Some("rows.jsonl"), "2 new"),
    ] {
        let mut program = place.command(place.file(folder).join(name));
        program
            .args(argument)
            .arg(format!("{folder}-{name}.db"))
            .env("LD_LIBRARY_PATH", libraries)
            .env("SKILLSMITH_API_URL", server.base_url());
        let said = output(&mut program);
        assert_eq!(said.status.code(), Some(0), "{name}: {}", says(&said));
        assert!(says(&said).contains(wanted), "{name}: {}", says(&said));
    }
}

#[test]
fn pkg_config_and_the_readme() {
    needs("pkg-config");
    let (place, blocks) = examples();
    assert_eq!(blocks.len(), 3);
    // Nothing but what is installed.
    std::fs::remove_file(place.library()).unwrap();
    succeeds(&mut shell(&place, &blocks[0]));
    work(&place, ".", &PREFIX.join("lib"));
    in_memory(&place);

    let server = Server::start(Catalogue::generate(250, 1), Options::default());
    let run = format!("export LD_LIBRARY_PATH=\"$PREFIX/lib\"\n{}", blocks[2]);
    let said = succeeds(shell(&place, &run).env("SKILLSMITH_API_URL", server.base_url()));
    assert!(said.contains("250 new, 0 updated"), "{said}");
    assert!(said.contains("0 new, 0 updated"), "{said}");
}

/// The library is built with its own choice of SQLite's parts.
fn in_memory(place: &Place) {
    let program = "
#include <skillsmith_sync.h>
int main(void) {
  skillsmith_database *database = NULL;
  skillsmith_skill_repository *skills = NULL;
  int64_t count = -1;
  if (skillsmith_database_open(\":memory:\", NULL, &database, NULL) != SKILLSMITH_OK) return 1;
  if (skillsmith_skill_repository_new(database, &skills, NULL) != SKILLSMITH_OK) return 2;
  if (skillsmith_skill_repository_count(skills, &count, NULL) != SKILLSMITH_OK) return 3;
  return count == 0 ? 0 : 4;
}";
    std::fs::write(place.file("memory.c"), program).unwrap();
    let build = "export PKG_CONFIG_PATH=\"$PREFIX/lib/pkgconfig\" LD_LIBRARY_PATH=\"$PREFIX/lib\"
gcc memory.c -o memory $(pkg-config --cflags --libs skillsmith_sync)
./memory";
    succeeds(&mut shell(place, build));
}

#[test]
fn cmake() {
    needs("cmake");
    let (place, blocks) = examples();
    std::fs::remove_file(place.library()).unwrap();
    succeeds(&mut shell(&place, &blocks[1]));
    // CMake writes where the library is into the programs; nothing else is needed.
    work(&place, "build", Path::new(""));
}

/// What the README says of a program against a library that the system does not find.
#[test]
fn the_program_of_the_readme_runs_and_says_how_the_sync_ended() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let block = |fence: &str, with: &str| {
        let mut blocks = readme.split(fence).skip(1);
        let found = blocks.find(|block| block.contains(with)).unwrap();
        found.split("```").next().unwrap().to_owned()
    };
    let place = Place::new();
    std::fs::remove_file(place.library()).unwrap();
    std::fs::write(
        place.file("program.c"),
        block("```c\n", "skillsmith_sync.h"),
    )
    .unwrap();
    let commands = block("```console\n", "program.c");
    let server = Server::start(Catalogue::generate(250, 1), Options::default());
    let run = |url: &str| output(shell(&place, &commands).env("SKILLSMITH_API_URL", url));
    let said = run(&server.base_url());
    assert_eq!(said.status.code(), Some(0), "{}", says(&said));
    assert!(
        says(&said).contains("250 new, 0 updated"),
        "{}",
        says(&said)
    );
    let said = run("http://127.0.0.1:1/functions/v1");
    assert_eq!(said.status.code(), Some(1), "{}", says(&said));
    assert!(
        says(&said).contains("Cannot reach the registry"),
        "{}",
        says(&said)
    );
}

/// Wholly: of the system, too.
#[test]
fn pkg_config_links_statically() {
    needs("pkg-config");
    let (place, _) = examples();
    std::fs::remove_file(place.library()).unwrap();
    let commands = "export PKG_CONFIG_PATH=\"$PREFIX/lib/pkgconfig\"
eval gcc -static -o sync sync.c $(pkg-config --static --cflags --libs skillsmith_sync) 2>/dev/null
! readelf --dynamic sync | grep NEEDED";
    succeeds(&mut shell(&place, commands));
    let server = Server::start(Catalogue::generate(250, 1), Options::default());
    let mut program = place.command(place.file("sync"));
    let said = output(
        program
            .arg("static.db")
            .env("SKILLSMITH_API_URL", server.base_url()),
    );
    assert!(says(&said).contains("250 new"), "{}", says(&said));
}

/// In the shell and in CMake it is one word.
#[test]
fn a_prefix_with_a_space_works() {
    // After this cargo has nothing to do.
    LazyLock::force(&PREFIX);
    let (place, blocks) = examples();
    std::fs::remove_file(place.library()).unwrap();
    let prefix = place.file("two words/usr");
    succeeds(build(place.folder()).arg(&prefix));
    let in_it = |commands: &str| {
        let mut shell = shell(&place, commands);
        shell.env("PREFIX", &prefix);
        shell
    };
    let commands = "export PKG_CONFIG_PATH=\"$PREFIX/lib/pkgconfig\"
eval gcc -o sync sync.c $(pkg-config --cflags --libs skillsmith_sync)
eval g++ -std=c++17 -o sync_cpp sync.cpp $(pkg-config --cflags --libs skillsmith_sync)
eval gcc -o transport transport.c $(pkg-config --cflags --libs skillsmith_sync)
eval gcc -o static sync.c $(pkg-config --cflags skillsmith_sync) \
  $(pkg-config --static --libs skillsmith_sync | sed 's/-lskillsmith_sync/-l:libskillsmith_sync.a/')";
    succeeds(&mut in_it(commands));
    work(&place, ".", &prefix.join("lib"));
    let needed = succeeds(&mut in_it("readelf --dynamic static"));
    assert!(!needed.contains("libskillsmith_sync"), "{needed}");
    succeeds(&mut in_it(&blocks[1]));
    work(&place, "build", Path::new(""));
}

/// As the header says. The databases are new ones and such of the TypeScript stack, whose triggers SQLite compiles within the
/// statements of a sync.
#[test]
fn every_call_works_on_the_stack_that_the_header_names() {
    let place = Place::new();
    std::fs::remove_file(place.library()).unwrap();
    let source = root().join("tests/c/hosts/small_stack.c");
    let commands = "export PKG_CONFIG_PATH=\"$PREFIX/lib/pkgconfig\"
gcc -Wall -Wextra -Werror -O1 -pthread -o small \"$SOURCE\" $(pkg-config --cflags --libs skillsmith_sync)";
    succeeds(shell(&place, commands).env("SOURCE", source));
    let mut databases = vec!["new.db".to_owned()];
    for name in ["v1", "v18_created", "v18_upgraded", "with_skill_versions"] {
        let path = format!("{name}.db");
        let sql = root().join(format!("tests/fixtures/{name}.sql"));
        let connection = rusqlite::Connection::open(place.file(&path)).unwrap();
        connection
            .execute_batch(&std::fs::read_to_string(sql).unwrap())
            .unwrap();
        databases.push(path);
    }
    // `build` takes the profile that is not optimized.
    let is_optimized = std::env::var_os("SKILLSMITH_LONG_TESTS").is_some();
    let server = Server::start(Catalogue::generate(250, 1), Options::default());
    let said = output(
        place
            .command("./small")
            .arg(if is_optimized { "32" } else { "128" })
            .arg(server.base_url())
            .args(databases)
            .env("LD_LIBRARY_PATH", PREFIX.join("lib")),
    );
    assert_eq!(said.status.code(), Some(0), "{}", says(&said));
}

/// They are needed, and say nothing of a program that frees what it owns; one that does not is told.
#[test]
fn the_suppressions_are_right() {
    needs("valgrind");
    let (place, _) = examples();
    std::fs::remove_file(place.library()).unwrap();
    let leaky = "#include <skillsmith_sync.h>
int main(void) {
  skillsmith_database *database = 0;
  skillsmith_sync_config_repository *repository = 0;
  int n;
  if (skillsmith_database_open_in_memory(&database, 0) != SKILLSMITH_OK) return 1;
  if (skillsmith_sync_config_repository_new(database, &repository, 0) != SKILLSMITH_OK) return 2;
  for (n = 0; n < 5; n++) {
    skillsmith_sync_config *config = 0;
    if (skillsmith_sync_config_repository_get_config(repository, &config, 0) != SKILLSMITH_OK) return 3;
  }
  return 0;
}";
    let many = "#include <skillsmith_sync.h>
#include <stdio.h>
int main(void) {
  int n;
  for (n = 0; n < 40; n++) {
    char path[64];
    skillsmith_database *database = 0;
    snprintf(path, sizeof path, \"many-%d.db\", n);
    if (skillsmith_database_open(path, 0, &database, 0) != SKILLSMITH_OK) return 1;
    if (skillsmith_database_free(database) != SKILLSMITH_OK) return 2;
  }
  return skillsmith_live_objects() != 0;
}";
    std::fs::write(place.file("leaky.c"), leaky).unwrap();
    std::fs::write(place.file("many.c"), many).unwrap();
    let commands = "export PKG_CONFIG_PATH=\"$PREFIX/lib/pkgconfig\"
for name in sync many leaky; do gcc -g -o $name $name.c $(pkg-config --cflags --libs skillsmith_sync); done";
    succeeds(&mut shell(&place, commands));
    let server = Server::start(Catalogue::generate(250, 1), Options::default());
    let suppressions = PREFIX.join("share/skillsmith-sync/valgrind.supp");
    let suppressions = format!("--suppressions={}", suppressions.display());
    let run = |suppressions: &[&str], words: &[&str]| {
        let mut valgrind = place.command("valgrind");
        valgrind
            .args([
                "--quiet",
                "--error-exitcode=99",
                "--leak-check=full",
                "--fair-sched=try",
            ])
            .args([
                "--show-leak-kinds=definite,possible",
                "--errors-for-leak-kinds=definite,possible",
            ])
            .args(suppressions)
            .args(words)
            .env("LD_LIBRARY_PATH", PREFIX.join("lib"))
            .env("SKILLSMITH_API_URL", server.base_url());
        output(&mut valgrind)
    };
    let said = run(&[], &["./many"]);
    assert_eq!(said.status.code(), Some(99), "{}", says(&said));
    for program in ["./many", "./sync"] {
        let said = run(&[&suppressions], &[program]);
        assert_eq!(said.status.code(), Some(0), "{program}: {}", says(&said));
        assert!(!says(&said).contains("=="), "{program}: {}", says(&said));
    }
    let said = run(&[&suppressions], &["./leaky"]);
    assert_eq!(said.status.code(), Some(99), "{}", says(&said));
    assert!(says(&said).contains("definitely lost"), "{}", says(&said));
}

/// Ranges are what a program says; a single version fits as CMake's own do.
#[test]
fn cmake_takes_versions_and_ranges() {
    needs("cmake");
    let place = Place::new();
    for (wanted, is_found) in [
        ("", true),
        ("0.1", true),
        ("0.1.0 EXACT", true),
        ("0.2", false),
        ("1.0", false),
        ("0.0.9...0.3", true),
        ("0.1...<0.2", true),
        ("0.0.1...<0.1", false),
        ("0.0.1...0.1.0", true),
        ("0.2...1.0", false),
    ] {
        let list = format!(
            "cmake_minimum_required(VERSION 3.19)\nproject(x NONE)\nfind_package(skillsmith_sync {wanted} REQUIRED)\n"
        );
        std::fs::write(place.file("CMakeLists.txt"), list).unwrap();
        _ = std::fs::remove_dir_all(place.file("build"));
        let said = output(&mut shell(
            &place,
            "cmake -S . -B build -DCMAKE_PREFIX_PATH=\"$PREFIX\"",
        ));
        assert_eq!(said.status.success(), is_found, "{wanted}: {}", says(&said));
    }
}

/// No folder of this machine is in what is installed, debug symbols included; the lines of those are found.
#[test]
fn no_path_of_the_builder_is_installed() {
    let cargo_home = std::env::var("CARGO_HOME")
        .unwrap_or_else(|_| format!("{}/.cargo", std::env::var("HOME").unwrap()));
    let here = root().canonicalize().unwrap();
    let library = PREFIX
        .join("lib/libskillsmith_sync.so.1")
        .canonicalize()
        .unwrap();
    let name = library.file_name().unwrap().to_str().unwrap();
    let debug = PREFIX.join(format!("lib/.debug/{name}.debug"));
    for file in [&library, &PREFIX.join("lib/libskillsmith_sync.a"), &debug] {
        let bytes = std::fs::read(file).unwrap();
        for folder in [cargo_home.as_str(), here.to_str().unwrap()] {
            let found = bytes
                .windows(folder.len())
                .any(|bytes| bytes == folder.as_bytes());
            assert!(!found, "{} contains {folder}", file.display());
        }
    }
    let place = Place::new();
    let commands = "address=$(nm -D \"$PREFIX/lib/libskillsmith_sync.so\" | awk '$3 == \"skillsmith_database_open\" { print $1 }')
addr2line -e \"$PREFIX/lib/libskillsmith_sync.so\" \"$address\"";
    let said = succeeds(&mut shell(&place, commands));
    assert!(
        said.contains("/skillsmith-sync/bindings/c/src/api/database.rs:"),
        "{said}"
    );
}

#[test]
fn licences_pages_and_suppressions_are_installed() {
    let doc = PREFIX.join("share/doc/skillsmith-sync");
    let third = std::fs::read_to_string(doc.join("THIRD-PARTY.txt")).unwrap();
    for package in ["\nureq ", "\nrustls ", "\nring ", "\nrusqlite "] {
        assert!(third.contains(package), "{package}");
    }
    for file in ["LICENSE", "LICENSE-MIT", "LICENSE-APACHE", "reference.html"] {
        assert!(doc.join(file).is_file(), "{file}");
    }
    let pages = names(&PREFIX.join("share/man/man3"));
    assert!(
        pages.len() > 130 && pages.contains("skillsmith_sync.3"),
        "{pages:?}"
    );
    assert!(PREFIX.join("share/skillsmith-sync/valgrind.supp").is_file());
}

/// The wrapper is installed beside the header, and is the one of the source tree.
#[test]
fn the_wrapper_is_installed() {
    for (installed, source) in [
        ("skillsmith_sync.hpp", "bindings/c/skillsmith_sync.hpp"),
        ("skillsmith_sync.h", "include/skillsmith_sync.h"),
        ("skillsmith_sync.ffi.h", "include/skillsmith_sync.ffi.h"),
    ] {
        let installed = std::fs::read(PREFIX.join("include").join(installed)).unwrap();
        assert!(
            installed == std::fs::read(root().join(source)).unwrap(),
            "{source}"
        );
    }
}

#[test]
fn relative_folders_are_the_callers() {
    // After this cargo has nothing to do.
    LazyLock::force(&PREFIX);
    let folder = TempDir::new().unwrap();
    succeeds(build(folder.path()).args(["usr", "--destdir", "pkg"]));
    assert_eq!(names(folder.path()), BTreeSet::from(["pkg".to_owned()]));
    let prefix = folder.path().join("usr");
    let installed = folder
        .path()
        .join("pkg")
        .join(prefix.strip_prefix("/").unwrap());
    assert_eq!(
        names(&installed.join("include")),
        names(&PREFIX.join("include"))
    );
    let found = std::fs::read_to_string(installed.join("lib/pkgconfig/skillsmith_sync.pc"));
    let named = format!("prefix={}\n", prefix.display());
    assert!(found.unwrap().starts_with(&named));
}

#[test]
fn the_script_says_how_it_is_used() {
    let mut build = Command::new("./build");
    let said = output(build.current_dir(root().join("bindings/c")));
    assert_eq!(said.status.code(), Some(2));
    assert!(says(&said).contains("bindings/c/build PREFIX"), "{said:?}");
}

/// What cargo-c is told to install beside the libraries; it was never run.
#[test]
fn cargo_c_has_the_same_headers_and_the_package_has_none() {
    let told = output(cargo().args([
        "metadata",
        "--format-version=1",
        "--no-deps",
        "--offline",
        "--locked",
    ]));
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let assets = told["packages"]
        .as_array()
        .unwrap()
        .iter()
        .find_map(|package| package["metadata"].pointer("/capi/install/include/asset"))
        .unwrap();
    let sources: Vec<&str> = assets
        .as_array()
        .unwrap()
        .iter()
        .map(|asset| asset["from"].as_str().unwrap())
        .collect();

    for source in &sources {
        let source = root().join("bindings/c").join(source);
        assert!(source.is_file(), "{}", source.display());
    }
    let file_names = sources.iter().map(|source| {
        let name = Path::new(source).file_name().unwrap();
        name.to_str().unwrap().to_owned()
    });
    assert_eq!(
        file_names.collect::<BTreeSet<_>>(),
        names(&PREFIX.join("include"))
    );
    // What is only the C library's is no part of the package for Rust programs.
    let packed = output(cargo().args([
        "package",
        "--list",
        "--allow-dirty",
        "--offline",
        "--package=skillsmith-sync",
    ]));
    let packed = String::from_utf8(packed.stdout).unwrap();
    let tops: BTreeSet<&str> = packed
        .lines()
        .filter_map(|path| path.split('/').next())
        .collect();
    assert!(tops.contains("src"), "{tops:?}");
    for name in ["bindings", "include", "build.rs"] {
        assert!(!tops.contains(name), "{name}");
    }
}
