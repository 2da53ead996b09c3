//! `sync_state` as a newer version of this library may leave it: read or ignored, never misread, and
//! no reason for a run to fail.

use serde_json::{Value, json};
use skillsmith_sync::background::{Decision, Schedule};
use skillsmith_sync::{Coverage, SyncOptions};
use skillsmith_test_registry::{Options, SyncEndpoint};

use crate::support::{World, assert_success};

fn with_endpoint() -> Options {
    Options {
        sync_endpoint: Some(SyncEndpoint::default()),
        ..Options::default()
    }
}

/// Puts rows into `sync_state`; `REGISTRY` in them stands for the registry's address.
fn put(world: &World, rows: &Value) {
    let look = world.look();
    for (key, value) in rows.as_object().unwrap() {
        let text = match value {
            // As it is: no JSON at all.
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        let here = |text: &str| text.replace("REGISTRY", &world.server.base_url());
        look.execute(
            "INSERT OR REPLACE INTO sync_state (key, value) VALUES (?1, ?2)",
            [here(key), here(&text)],
        )
        .unwrap();
    }
}

/// Status, schedule, history and a dry run are possible, and a run brings everything.
#[track_caller]
fn assert_harmless(world: &World) {
    let engine = world.engine();
    engine.get_status().unwrap();
    world.history().get_history(10).unwrap();
    world.history().is_running().unwrap();
    assert_ne!(Schedule::new().check(&engine), Decision::Unknown);
    assert_success(&world.sync_with(SyncOptions::new().dry_run(true)));
    let result = world.sync();
    assert_success(&result);
    assert_eq!(result.coverage, Coverage::Complete, "{result:?}");
    world.assert_mirrored();
    assert_success(&world.sync_with(SyncOptions::new().prune(true).force(true)));
    world.assert_mirrored();
}

/// Values of a made-up version: other types, unknown words and fields.
fn of_the_future() -> Vec<Value> {
    let odd = [
        json!(7),
        json!([1, "two", null]),
        json!({"format": 99, "what": {"ever": true}}),
        json!("no JSON at all {"),
        json!(null),
    ];
    let keys = [
        "cursor",
        "listed",
        "current_run",
        "index",
        "requests",
        "request_budget",
        "removed",
        "backoff",
        "plan:REGISTRY",
        "gaps:REGISTRY",
        "reserved:REGISTRY",
        "a key of the future",
    ];
    let mut all: Vec<Value> = odd
        .iter()
        .map(|odd| {
            // A number is a budget in every version.
            let keys = keys
                .iter()
                .filter(|key| **key != "request_budget" || !odd.is_number());
            keys.map(|key| ((*key).to_owned(), odd.clone())).collect()
        })
        .collect();
    all.push(json!({
        "plan:REGISTRY": {"plan": "stream", "chosen_at": "2026-11-27T00:00:00Z", "table": "", "new": 1},
        "gaps:REGISTRY": [{"pass": {"stream": "x"}, "from": 0, "to": 9, "cause": "c", "since": null}],
        "reserved:REGISTRY": [{"caller": {"fingerprint": 7}, "listing": "stream", "at": 12}],
        "requests": {"week": "2026-48", "count": 9},
    }));
    all
}

#[test]
fn what_a_newer_version_left_is_ignored() {
    for rows in of_the_future() {
        for is_listed in [false, true] {
            let world = World::new(300, with_endpoint());
            if is_listed {
                assert_success(&world.sync());
            }
            put(&world, &rows);
            assert_harmless(&world);
            // What this version does not know is still there for the newer one.
            let kept: Option<String> = world
                .look()
                .query_row(
                    "SELECT max(value) FROM sync_state WHERE key = 'a key of the future'",
                    [],
                    |row| row.get(0),
                )
                .unwrap();
            let put = rows.get("a key of the future");
            assert_eq!(kept.is_some(), put.is_some(), "{rows}");
        }
    }
}

#[test]
fn refusals_that_only_a_newer_version_reads_are_kept() {
    let world = World::new(20, with_endpoint());
    let unknown = json!({"caller": {"fingerprint": 7}, "listing": "stream", "at": 12});
    put(&world, &json!({ "reserved:REGISTRY": [unknown] }));
    assert_success(&world.sync());
    let kept: String = world
        .look()
        .query_row(
            "SELECT value FROM sync_state WHERE key LIKE 'reserved:%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&kept).unwrap(),
        json!([unknown])
    );
}
