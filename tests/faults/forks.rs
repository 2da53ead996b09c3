//! A host in C that forks while other threads of it sync and ask for the status.

use std::path::Path;
use std::process::Command;

use crate::samples;
use crate::shim::{compile, folder};

#[test]
fn promise_6_a_fork_beside_get_status_keeps_no_lock() {
    let scratch = tempfile::tempdir().unwrap();
    let library = scratch.path().join("libskillsmith_sync.so");
    std::fs::copy(
        std::env::current_exe()
            .unwrap()
            .with_file_name("libskillsmith_sync.so"),
        &library,
    )
    .expect("the shared library lies beside the tests that were built with it");
    std::os::unix::fs::symlink(&library, scratch.path().join("libskillsmith_sync.so.1")).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = scratch.path().join("forks");
    compile(
        Command::new("gcc")
            .args(["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"])
            .args(["-D_GNU_SOURCE", "-g", "-O1", "-pthread", "-I"])
            .arg(root.join("include"))
            .arg("-I")
            .arg(root.join("tests/c"))
            .arg(folder().join("forks.c"))
            .arg("-o")
            .arg(&program)
            .arg("-L")
            .arg(scratch.path())
            .arg("-lskillsmith_sync")
            .arg(format!("-Wl,-rpath,{}", scratch.path().display())),
    );
    let forks = if samples::long() { "2000" } else { "400" };
    let output = Command::new(program)
        .env_clear()
        .env("HOME", scratch.path())
        .env("CHECK_SCRATCH", scratch.path())
        .env("CHECK_FORKS", forks)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}
