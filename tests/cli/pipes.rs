//! Outputs that are closed early or cannot be written.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::support::{Outcome, Place};

#[test]
fn a_reader_that_leaves_is_no_error() {
    let place = Place::with_skills(20);
    place.ok(&["sync", "-q"]);
    // Enough to fill the pipe before the reader closes it.
    place
        .look()
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
             INSERT INTO sync_history (id, started_at, status, error_message)
             SELECT 'sync-' || i, '2026-01-01T00:00:00.000Z', 'failed', 'some error ' || i FROM n",
        )
        .unwrap();
    for args in [
        &["sync", "history", "-l", "5000"][..],
        &["sync", "history", "-l", "5000", "--json"],
        &["completions", "bash"],
        &["sync", "--help"],
        &["sync", "status"],
        &["sync"],
    ] {
        let mut sync = place.start(args);
        let stdout = sync.child().stdout.take().unwrap();
        let mut line = String::new();
        BufReader::with_capacity(16, stdout)
            .read_line(&mut line)
            .unwrap();
        assert!(!line.is_empty());
        let outcome = sync.end();
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{args:?}");
    }
}

#[test]
fn a_sync_whose_outputs_are_closed_still_syncs() {
    let place = Place::with_skills(20);
    let mut sync = place.start(&["sync"]);
    drop(sync.child().stdout.take());
    drop(sync.child().stderr.take());
    assert_eq!(sync.end().code, 0);
    assert_eq!(place.count("SELECT count(*) FROM skills"), 20);
}

#[test]
fn a_full_disk_under_the_output_is_an_error() {
    let Ok(full) = File::options().write(true).open("/dev/full") else {
        return;
    };
    let place = Place::with_skills(20);
    let child = place
        .command(&["sync"])
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let outcome = Outcome::from(child.wait_with_output().unwrap());
    assert_eq!(outcome.code, 1);
    assert!(
        outcome
            .stderr
            .starts_with("error: Cannot write the output: "),
        "{}",
        outcome.stderr
    );
}
