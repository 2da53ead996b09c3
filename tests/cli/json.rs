//! `--json`: exactly one document on stdout in every case.

use insta::assert_snapshot;
use serde_json::{Value, json};
use skillsmith_test_registry::Fault;

use crate::support::Place;

fn keys(document: &Value) -> Vec<&str> {
    document
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

fn assert_adds_up(result: &Value) {
    let of = |name: &str| result[name].as_u64().unwrap();
    assert_eq!(
        of("skillsAdded") + of("skillsUpdated") + of("skillsUnchanged") + of("skillsRejected"),
        of("totalProcessed"),
        "{result}"
    );
}

#[test]
fn a_sync_gives_its_result() {
    let place = Place::with_skills(210);
    let first = place.run(&["sync", "--json"]);
    assert_eq!((first.code, first.stderr.as_str()), (0, ""));
    assert_snapshot!(place.settled(&first.stdout), @r#"
    {
      "success": true,
      "skillsAdded": 210,
      "skillsUpdated": 0,
      "skillsUnchanged": 0,
      "skillsRejected": 0,
      "skillsRemoved": 0,
      "totalProcessed": 210,
      "errors": [],
      "warnings": [],
      "coverage": "complete",
      "durationMs": <ms>,
      "requests": 7,
      "dryRun": false
    }
    "#);
    place.server().catalogue(|catalogue| {
        catalogue.change(7, 1);
        catalogue.add(3, 2);
    });
    for (args, dry_run) in [
        (vec!["sync", "--dry-run", "--json"], true),
        (vec!["--json", "sync"], false),
    ] {
        let result = place.json(&args);
        assert_adds_up(&result);
        assert_eq!(
            (
                &result["skillsAdded"],
                &result["skillsUpdated"],
                &result["dryRun"]
            ),
            (&json!(3), &json!(7), &json!(dry_run))
        );
    }
}

#[test]
fn a_failed_sync_gives_its_result_too() {
    let place = Place::with_skills(50);
    place.server().fault(Fault::status(403).times(0));
    let outcome = place.run(&["sync", "--json"]);
    assert_eq!(outcome.code, 1);
    let result = outcome.json();
    assert_eq!(result["success"], false);
    assert_eq!(result["errors"].as_array().unwrap().len(), 1);
    assert_adds_up(&result);
    assert!(
        outcome.stderr.starts_with("Sync failed: "),
        "{}",
        outcome.stderr
    );
    assert_eq!(outcome.stderr.lines().count(), 1);
}

#[test]
fn a_partial_sync_adds_up() {
    let place = Place::with_skills(50);
    place
        .server()
        .catalogue(|catalogue| catalogue.push(json!({"id": "nameless"})));
    let outcome = place.run(&["sync", "--json"]);
    assert_eq!(outcome.code, 3);
    let result = outcome.json();
    assert_adds_up(&result);
    assert_eq!(result["skillsRejected"], 1);
    assert_eq!(result["success"], false);
}

#[test]
fn status_has_the_shape_of_the_contract() {
    let place = Place::with_skills(40);
    let before = place.json(&["sync", "status", "--json"]);
    assert_eq!(before["lastRun"], Value::Null);
    assert_eq!(before["isDue"], true);
    place.ok(&["sync", "-q"]);
    let status = place.json(&["sync", "status", "--json"]);
    assert_eq!(
        keys(&status),
        [
            "config",
            "isDue",
            "isRunning",
            "lastRun",
            "pausedUntil",
            "requestBudget",
            "requestsThisMonth",
            "stats"
        ]
    );
    assert_eq!(
        keys(&status["stats"]),
        [
            "averageDurationMs",
            "failedRuns",
            "lastSuccessAt",
            "successfulRuns",
            "totalRuns"
        ]
    );
    assert_eq!(status["lastRun"]["status"], "success");
    assert_eq!(status["lastRun"]["skillsAdded"], 40);
    assert_eq!(
        (&status["isRunning"], &status["isDue"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(status["stats"]["totalRuns"], 1);
}

#[test]
fn history_is_an_array_of_entries() {
    let place = Place::with_skills(40);
    assert_eq!(place.json(&["sync", "history", "--json"]), json!([]));
    place.ok(&["sync", "-q"]);
    place.ok(&["sync", "-q"]);
    let history = place.json(&["sync", "history", "--json"]);
    assert_eq!(history.as_array().unwrap().len(), 2);
    assert_eq!(
        keys(&history[0]),
        [
            "completedAt",
            "createdAt",
            "durationMs",
            "errorMessage",
            "id",
            "skillsAdded",
            "skillsRemoved",
            "skillsUnchanged",
            "skillsUpdated",
            "startedAt",
            "status"
        ]
    );
    assert_eq!(history[0]["skillsUnchanged"], 40);
    assert_eq!(history[1]["skillsAdded"], 40);
}

#[test]
fn config_is_the_configuration() {
    let place = Place::without_registry();
    let config = place.json(&["sync", "config", "--json"]);
    assert_eq!(
        keys(&config),
        [
            "createdAt",
            "enabled",
            "frequency",
            "id",
            "intervalMs",
            "lastSyncAt",
            "lastSyncCount",
            "lastSyncError",
            "nextSyncAt",
            "requestBudget",
            "updatedAt"
        ]
    );
    let changed = place.json(&[
        "sync",
        "config",
        "--disable",
        "--frequency",
        "weekly",
        "--json",
    ]);
    assert_eq!(
        (
            &changed["enabled"],
            &changed["frequency"],
            &changed["intervalMs"]
        ),
        (&json!(false), &json!("weekly"), &json!(604_800_000))
    );
}

#[test]
fn what_is_no_run_gives_an_error_document() {
    let place = Place::without_registry();
    std::fs::write(
        place.path("notes.txt"),
        "no database at all, but long enough to be looked at",
    )
    .unwrap();
    let outcome = place.run(&["sync", "status", "--json", "--db", "notes.txt"]);
    assert_eq!(outcome.code, 1);
    assert_snapshot!(place.settled(&outcome.stdout), @r#"
    {
      "success": false,
      "error": {
        "code": "NOT_A_DATABASE",
        "message": "<home>/notes.txt is not a database. It was left as it is; choose another file, or move this one away.",
        "retryable": false
      }
    }
    "#);
    assert!(outcome.stderr.starts_with("error: "));
}
