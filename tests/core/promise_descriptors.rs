//! Promise 3 for hosts that run with a standard descriptor closed: none of our files gets its
//! number.
#![cfg(unix)]

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;

use rusqlite::Connection;
use skillsmith_sync::{Database, SyncConfigRepository, SyncEngine, SyncOptions, SyncPhase};
use skillsmith_test_registry::{Catalogue, Options, Server};

use crate::support::{assert_mirrored, client};

const HELPER: [&str; 3] = [
    "SKILLSMITH_TEST_CLOSES",
    "SKILLSMITH_TEST_PATH",
    "SKILLSMITH_TEST_REGISTRY",
];

/// Not a test: a host without some of its descriptors, which logs a line to them all the same.
#[test]
fn helper_without_descriptors() {
    let [Ok(closed), Ok(path), Ok(registry)] = HELPER.map(std::env::var) else {
        return;
    };
    let closed: Vec<i32> = closed.split(',').map(|fd| fd.parse().unwrap()).collect();
    #[expect(unsafe_code, reason = "what such a host does")]
    let log = |line: &str| {
        for fd in &closed {
            // SAFETY: the buffer is ours.
            unsafe { libc::write(*fd, line.as_ptr().cast(), line.len()) };
        }
    };
    for fd in &closed {
        #[expect(unsafe_code, reason = "what such a host does")]
        // SAFETY: the harness writes there at the very end only.
        unsafe {
            libc::close(*fd);
        }
    }
    let database = Database::open(&path).unwrap();
    log(
        "the host logs one line, which is longer than the header of a database file, and then some more\n",
    );
    SyncConfigRepository::new(&database).disable().unwrap();
    log("another\n");
    let engine = SyncEngine::new(Arc::new(client(&registry)), &database);
    let result = engine
        .sync(SyncOptions::new().on_progress(|progress| {
            if progress.phase == SyncPhase::Upserting {
                log("one while it syncs\n");
                assert_no_file_is_standard();
            }
        }))
        .unwrap();
    assert!(result.success, "{result:?}");
    log("one afterwards\n");
    assert_no_file_is_standard();
    drop((engine, database));
    log("one more\n");
    std::fs::write(Path::new(&path).with_extension("done"), "").unwrap();
}

/// Runs [`helper_without_descriptors`].
fn run_without(descriptors: &str, path: &Path, server: &Server) -> ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "promise_descriptors::helper_without_descriptors"])
        .env(HELPER[0], descriptors)
        .env(HELPER[1], path)
        .env(HELPER[2], server.base_url())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
}

fn assert_no_file_is_standard() {
    for fd in 0..3 {
        let target = std::fs::read_link(format!("/proc/self/fd/{fd}")).unwrap();
        assert!(
            !target.to_string_lossy().contains("skills.db"),
            "{fd}: {}",
            target.display()
        );
    }
}

#[test]
fn promise_3_a_host_without_standard_descriptors_cannot_write_into_the_database() {
    for journal in ["WAL", "DELETE"] {
        for closed in ["2", "0", "1", "1,2", "0,1,2"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("skills.db");
            drop(Database::open(&path).unwrap());
            Connection::open(&path)
                .unwrap()
                .execute_batch(&format!("PRAGMA journal_mode = {journal}"))
                .unwrap();
            let server = Server::start(Catalogue::generate(150, 1), Options::default());
            let status = run_without(closed, &path, &server);
            assert!(status.success(), "{journal}, {closed}: {status}");
            assert!(path.with_extension("done").exists());
            assert_mirrored(&path, &server.catalogue(|catalogue| catalogue.values()));
            assert_eq!(&std::fs::read(&path).unwrap()[..15], b"SQLite format 3");
        }
    }
}

/// Also for a new file.
#[test]
fn promise_3_a_new_database_gets_no_standard_descriptor_either() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("skills.db");
    let server = Server::start(Catalogue::generate(10, 1), Options::default());
    let status = run_without("0,1,2", &path, &server);
    assert!(status.success(), "{status}");
    assert_mirrored(&path, &server.catalogue(|catalogue| catalogue.values()));
}
