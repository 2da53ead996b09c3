//! `sync_state` as a newer version of this library may leave it: read or ignored, never misread, and
//! no reason for a run to fail.

use serde_json::{Value, json};
use skillsmith_sync::background::{Decision, Schedule};
use skillsmith_sync::{Coverage, SyncOptions};
use skillsmith_test_registry::{Fault, Options, SyncEndpoint};

use crate::support::{World, assert_success, rows};

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

/// What the version before the sync endpoint left of a run that ended after 199 of 300 rows.
const INTERRUPTED: &str = include_str!("../fixtures/sync_state/interrupted.json");

/// What it left of a run to which the registry refused the row at offset 40.
const GAP: &str = include_str!("../fixtures/sync_state/gap.json");

/// Takes the place of all that this version left, as if it had been left just now.
fn replace_by(world: &World, rows: &str) {
    world.look().execute("DELETE FROM sync_state", []).unwrap();
    let now = skillsmith_sync::clock::to_iso(world.clock_now());
    let mut rows: Value = serde_json::from_str(rows).unwrap();
    for pointer in ["/cursor/started_at", "/cursor/fresh_since"] {
        if let Some(time) = rows.pointer_mut(pointer) {
            *time = json!(now);
        }
    }
    put(world, &rows);
}

#[test]
fn promise_4_a_run_that_an_older_version_did_not_end_is_resumed() {
    let world = World::new(300, Options::default());
    let fault = Fault::status(401).from_offset(150).always();
    world.server.fault(fault);
    assert_eq!(world.sync().skills_added, 199);
    world.server.clear_faults();
    replace_by(&world, INTERRUPTED);
    let result = world.sync();
    assert_success(&result);
    // With the last row before it.
    assert_eq!((result.skills_added, result.total_processed), (101, 102));
    assert_eq!(result.coverage, Coverage::Complete);
    world.assert_mirrored();
}

#[test]
fn a_gap_that_an_older_version_left_is_asked_for_again() {
    let world = World::new(300, Options::default());
    let fault = Fault::status(422).covering(40).always();
    world.server.fault(fault);
    assert_eq!(world.sync().skills_added, 299);
    replace_by(&world, GAP);
    let result = world.sync();
    assert_eq!(result.skills_unchanged, 299, "{result:?}");
    assert!(result.errors[0].contains("number 41"), "{result:?}");
    world.server.clear_faults();
    replace_by(&world, GAP);
    let result = world.sync();
    assert_success(&result);
    assert_eq!(result.skills_added, 1);
    world.assert_mirrored();
}

#[test]
fn where_the_sync_endpoint_is_new_an_older_version_left_nothing_in_the_way() {
    for left in [INTERRUPTED, GAP] {
        let world = World::new(300, Options::default());
        assert_success(&world.sync());
        replace_by(&world, left);
        let endpoint = Some(SyncEndpoint::default());
        world
            .server
            .options(|options| options.sync_endpoint = endpoint);
        for _ in 0..2 {
            assert_success(&world.sync());
        }
        world.assert_mirrored();
    }
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
        "compared",
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

/// What another engine leaves that brings a skill again: it does not know what is noted as unmet.
#[test]
fn tables_of_another_shape_are_made_anew() {
    for options in [Options::default(), with_endpoint()] {
        let world = World::new(150, options);
        assert_success(&world.sync());
        for table in ["sync_pages", "sync_unmet"] {
            let look = world.look();
            let sql = format!("DROP TABLE IF EXISTS {table}; CREATE TABLE {table} (another TEXT)");
            look.execute_batch(&sql).unwrap();
        }
        world.server.catalogue(|catalogue| {
            let id = catalogue.ids().swap_remove(7);
            catalogue.remove(&id);
            catalogue.change(3, 1);
        });
        assert_success(&world.sync());
        assert_success(&world.sync_with(SyncOptions::new().dry_run(true).prune(true)));
        let prune = || {
            world
                .sync_with(SyncOptions::new().prune(true))
                .skills_removed
        };
        // Both shapes are this version's again.
        assert_eq!(prune() + prune(), 1);
        world.assert_mirrored();
    }
}

#[test]
fn a_watermark_that_cannot_be_is_not_believed() {
    for since in [
        "9999-01-01T00:00:00Z".to_owned(),
        format!("2020-01-01T00:00:00.{}Z", "1".repeat(70)),
    ] {
        let world = World::new(150, with_endpoint());
        assert_success(&world.sync());
        world
            .look()
            .execute(
                "UPDATE sync_state SET value = json_set(value, '$.endpoint.watermark.since', ?1) WHERE key LIKE 'plan:%'",
                [&since],
            )
            .unwrap();
        world.server.catalogue(|catalogue| catalogue.change(3, 1));
        assert_success(&world.sync());
        world.assert_mirrored();
        let asked = world.server.requests();
        assert!(
            asked
                .iter()
                .all(|request| !format!("{request:?}").contains(&since)),
            "{since}"
        );
    }
}

/// Its row comes again with the others of its time; a longer address would be no valid one.
#[test]
fn promise_5_a_stamp_of_many_digits_costs_no_later_run() {
    let world = World::new(150, with_endpoint());
    world.server.catalogue(|catalogue| {
        let id = catalogue.ids().swap_remove(0);
        let long = format!(
            "{}.{}Z",
            world.clock_now().format("%Y-%m-%dT%H:%M:%S"),
            "1".repeat(70_000)
        );
        catalogue.edit(&id, |skill| skill["updated_at"] = json!(long));
    });
    for _ in 0..3 {
        let result = world.sync();
        assert_success(&result);
        assert_eq!(result.coverage, Coverage::Complete);
    }
    world
        .server
        .catalogue(|catalogue| catalogue.change_at(3, 1, world.clock_now()));
    assert_success(&world.sync());
    world.assert_mirrored();
}

fn run_of_another_engine(world: &World) {
    let sql = "INSERT INTO sync_history (id, started_at, status) VALUES ('another', '2020-01-01T00:00:00Z', 'success')";
    world.look().execute(sql, []).unwrap();
}

#[test]
fn promise_1_what_another_engine_may_have_met_again_is_not_removed() {
    let world = World::new(300, with_endpoint());
    assert_success(&world.sync());
    let gone = world.server.catalogue(|catalogue| {
        let id = catalogue.ids().swap_remove(7);
        catalogue.remove(&id);
        id
    });
    let prune = || {
        let result = world.sync_with(SyncOptions::new().prune(true));
        assert_success(&result);
        result.skills_removed
    };
    let dry = || {
        let result = world.sync_with(SyncOptions::new().prune(true).dry_run(true));
        result.skills_removed
    };
    assert_eq!((prune(), dry()), (0, 1));
    run_of_another_engine(&world);
    assert_eq!((dry(), prune()), (0, 0));
    assert!(rows(&world.path()).contains_key(&gone));
    assert_eq!((dry(), prune()), (1, 1));
    world.assert_mirrored();
}
