//! `skillsmith sync status`.

use insta::assert_snapshot;
use serde_json::{Value, json};
use skillsmith_test_registry::Fault;

use crate::support::{Outcome, Place, wait_until};

fn status(place: &Place) -> String {
    place.settled(&place.ok(&["sync", "status"]))
}

#[test]
fn before_the_first_sync_nothing_is_created() {
    let place = Place::without_registry();
    assert_snapshot!(status(&place), @"
    Database:    <home>/.skillsmith/skills.db (not created yet)
    Skills:      0
    Auto-sync:   on, daily
    Last sync:   never
    Next sync:   due now
    Running now: no
    Runs:        none
    Requests:    0 this month
    ");
    assert!(!place.path(".skillsmith").exists());
}

#[test]
fn after_syncs() {
    let place = Place::with_skills(130);
    place.ok(&["sync"]);
    assert_snapshot!(status(&place), @"
    Database:    <home>/.skillsmith/skills.db
    Skills:      130
    Auto-sync:   on, daily
    Last sync:   YYYY-MM-DD HH:MM UTC (just now)
    Next sync:   YYYY-MM-DD HH:MM UTC (in <a day>)
    Last result: success: 130 new, 0 updated, 0 unchanged in <duration>
    Running now: no
    Runs:        1 in all, 1 succeeded, 0 failed; <duration> on average
    Requests:    6 this month
    ");
}

#[test]
fn after_a_failure_and_a_partial_run() {
    let place = Place::with_skills(130);
    place.ok(&["sync"]);
    place.server().fault(Fault::status(403).always());
    assert_eq!(place.run(&["sync"]).code, 1);
    place.server().clear_faults();
    place.ok(&["sync", "config", "--disable", "-q"]);
    assert_snapshot!(status(&place), @"
    Database:    <home>/.skillsmith/skills.db
    Skills:      130
    Auto-sync:   off, daily
    Last sync:   YYYY-MM-DD HH:MM UTC (just now)
    Next sync:   manual only
    Last result: failed: 0 new, 0 updated, 0 unchanged in <duration>
    Last error:  The registry does not allow this (403: Forbidden; sent no credential).
    Running now: no
    Runs:        2 in all, 1 succeeded, 1 failed; <duration> on average
    Requests:    12 this month
    ");
    place
        .server()
        .catalogue(|catalogue| catalogue.push(json!({"id": "nameless"})));
    assert_eq!(place.run(&["sync"]).code, 3);
    assert!(status(&place).contains("3 in all, 1 succeeded, 1 partial, 1 failed"));
}

#[test]
fn a_pause_is_told_with_its_end() {
    let place = Place::with_skills(130);
    assert_eq!(
        place.json(&["sync", "status", "--json"])["pausedUntil"],
        Value::Null
    );
    let fault = Fault::status(429).with_header("Retry-After", "7200");
    place.server().fault(fault.always());
    assert_eq!(place.run(&["sync"]).code, 1);
    let shown = place.json(&["sync", "status", "--json"]);
    assert_eq!(shown["isDue"], true);
    assert!(shown["pausedUntil"].is_string(), "{shown}");
    for command in ["status", "config"] {
        let outcome = Outcome::of(place.command(&["sync", command]).env("TZ", "<+0930>-9:30"));
        let text = outcome.stdout;
        let next = text.lines().find(|line| line.starts_with("Next sync:"));
        assert!(
            next.is_some_and(|line| line.contains(" +09:30 (") && line.ends_with(", after a pause")),
            "{text}"
        );
    }
    place.server().clear_faults();
    place.ok(&["sync"]);
    assert_eq!(
        place.json(&["sync", "status", "--json"])["pausedUntil"],
        Value::Null
    );
}

#[test]
fn while_a_sync_is_running() {
    let place = Place::with_skills(250);
    place.server().fault(Fault::stall_after(50).at_request(2));
    let sync = place.start(&["sync"]);
    wait_until("the second page stalls", || {
        place.server().listings().len() >= 2
    });
    wait_until("the run has its entry", || {
        status(&place).contains("Running now: yes")
    });
    let now = place.json(&["sync", "status", "--json"]);
    assert_eq!(now["isRunning"], true);
    assert!(status(&place).contains("Last result: running"));
    drop(sync);
    // It was killed: its entry does not stay 'running' forever.
    let text = status(&place);
    assert!(text.contains("Running now: no"), "{text}");
    assert!(text.contains("Last result: failed"), "{text}");
}

#[test]
fn what_holds_automatic_syncing_off_is_told() {
    let place = Place::without_registry();
    for (name, value) in [
        ("SKILLSMITH_OFFLINE_MODE", "true"),
        ("SKILLSMITH_BACKGROUND_SYNC", "false"),
    ] {
        let outcome = Outcome::of(place.command(&["sync", "status"]).env(name, value));
        let expected = format!("on, daily (disabled by {name})");
        assert!(outcome.stdout.contains(&expected), "{}", outcome.stdout);
        let outcome = Outcome::of(place.command(&["sync", "status"]).env(name, "ture"));
        let expected = format!("on, daily ({name} is neither true nor false. ");
        assert!(outcome.stdout.contains(&expected), "{}", outcome.stdout);
    }
}

#[test]
fn a_database_in_memory_has_no_path() {
    let place = Place::without_registry();
    let text = place.ok(&["sync", "status", "--db", ":memory:"]);
    assert!(text.starts_with("Database:    :memory:\n"), "{text}");
    let outcome = place.run(&["sync", "--db", ":memory:"]);
    assert_eq!(outcome.code, 1);
    assert_eq!(
        outcome.stderr,
        "error: The database :memory: would be gone when the command ends. Give the path of a file.\n"
    );
}
