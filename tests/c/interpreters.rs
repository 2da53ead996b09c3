//! Hosts in other languages, as `docs/bindings.md` has them: each is a small program that syncs in the background. It polls the
//! state, and where its FFI takes calls on foreign threads it waits for a callback instead, too.

use std::path::Path;
use std::process::Command;

use skillsmith_test_registry::{Catalogue, Options, Server};

use crate::build::{Linkage, Workshop, output, root, sources};

const SKILLS: usize = 250;

fn declarations() -> String {
    let path = root().join("include/skillsmith_sync.ffi.h");
    path.to_str().unwrap().to_owned()
}

fn source(name: &str) -> String {
    sources()
        .join("hosts")
        .join(name)
        .to_str()
        .unwrap()
        .to_owned()
}

/// Runs `words`, with the path of a new database and `last` behind them. What it needs comes from Debian's `packages`.
fn syncs(workshop: &Workshop, words: &[&str], last: &[&str], packages: &str) {
    let server = Server::start(Catalogue::generate(SKILLS, 7), Options::default());
    let database = workshop.file(&format!("scratch/{}.db", last.join("-")));
    let said = output(
        Command::new("timeout")
            .arg("60")
            .args(words)
            .arg(database)
            .args(last)
            .env("HOME", workshop.file("home"))
            .env("NO_PROXY", "127.0.0.1")
            .env("SKILLSMITH_API_URL", server.base_url()),
    );
    let (out, err) = (
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr),
    );
    assert!(
        said.status.success() && out.trim() == SKILLS.to_string(),
        "{words:?} {last:?} (Debian: apt-get install {packages}): {:?}\n{out}{err}",
        said.status
    );
}

fn library(workshop: &Workshop) -> String {
    let path = workshop.file("libskillsmith_sync.so.1");
    path.to_str().unwrap().to_owned()
}

#[test]
fn luajit_polls() {
    let workshop = Workshop::new(Linkage::Shared);
    let (program, library, ffi) = (source("poll.lua"), library(&workshop), declarations());
    syncs(
        &workshop,
        &["luajit", &program, &library, &ffi],
        &[],
        "luajit",
    );
}

#[test]
fn php_polls() {
    let workshop = Workshop::new(Linkage::Shared);
    let (program, library, ffi) = (source("poll.php"), library(&workshop), declarations());
    let php = ["php", "-d", "ffi.enable=1", &program, &library, &ffi];
    syncs(&workshop, &php, &[], "php-cli");
}

#[test]
fn perl_polls() {
    let workshop = Workshop::new(Linkage::Shared);
    let (program, library) = (source("poll.pl"), library(&workshop));
    // Debian's own, whatever else is installed.
    let perl = ["/usr/bin/perl", &program, &library];
    syncs(&workshop, &perl, &[], "libffi-platypus-perl");
}

#[test]
fn python_with_cffi_polls_and_is_called() {
    let workshop = Workshop::new(Linkage::Shared);
    let (program, library, ffi) = (source("poll.py"), library(&workshop), declarations());
    let python = ["/usr/bin/python3", &program, &library, &ffi];
    for last in [&[][..], &["callback"]] {
        syncs(&workshop, &python, last, "python3-cffi");
    }
}

#[test]
fn ruby_polls_and_is_called() {
    let workshop = Workshop::new(Linkage::Shared);
    let (program, library) = (source("poll.rb"), library(&workshop));
    for last in [&[][..], &["callback"]] {
        syncs(
            &workshop,
            &["/usr/bin/ruby", &program, &library],
            last,
            "ruby ruby-ffi",
        );
    }
}

#[test]
fn go_polls_and_is_called() {
    let workshop = Workshop::new(Linkage::Shared);
    let program = workshop.file("poll");
    let folder = workshop.folder().to_str().unwrap();
    let said = output(
        Command::new("go")
            .args(["build", "-o"])
            .arg(&program)
            .arg(source("poll.go"))
            .env("HOME", workshop.file("home"))
            // Its compiled libraries are kept for the next run.
            .env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go"))
            .env("GO111MODULE", "off")
            .env("GOTOOLCHAIN", "local")
            .env("CGO_ENABLED", "1")
            .env("CGO_CFLAGS", format!("-I{}/include", root().display()))
            .env(
                "CGO_LDFLAGS",
                format!("-L{folder} -lskillsmith_sync -Wl,-rpath,{folder}"),
            ),
    );
    assert!(
        said.status.success(),
        "go (Debian: apt-get install golang-go): {}",
        String::from_utf8_lossy(&said.stderr)
    );
    for last in [&[][..], &["callback"]] {
        syncs(&workshop, &[program.to_str().unwrap()], last, "golang-go");
    }
}
