//! Triggers that do not end for some rows: these are rejected by name, and cost neither the others nor the time of the run.

use skillsmith_sync::{ErrorCode, SyncOptions, SyncResult, SyncStatus};
use skillsmith_test_registry::Options;

use crate::support::{World, assert_sound, assert_success, row_count};

/// A statement of a trigger that does not end.
const ENDLESS: &str = "SELECT count(*) FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n)";

/// The row of which the trigger is.
const ODD: &str = "author/odd";

/// Enough rows for more than one batch.
const ROWS: usize = 300;

fn world() -> World {
    let world = World::new(ROWS, Options::default());
    put(&world, "2026-01-01T00:00:00Z");
    world
}

fn put(world: &World, stamp: &str) {
    let row =
        serde_json::json!({ "id": ODD, "name": "odd", "description": stamp, "updated_at": stamp });
    world.server.catalogue(|catalogue| catalogue.upsert(row));
}

fn with_trigger(world: &World, on: &str) {
    world
        .look()
        .execute_batch(&format!("CREATE TRIGGER odd {on} BEGIN {ENDLESS}; END"))
        .unwrap();
}

#[track_caller]
fn assert_costs_itself(world: &World, result: &SyncResult) {
    assert_eq!(result.status, SyncStatus::Partial, "{result:?}");
    assert_eq!(result.skills_rejected, 1, "{result:?}");
    let told = result.errors.join("; ");
    assert!(
        told.contains(ODD) && told.contains("took too long") && told.contains("trigger"),
        "{told}"
    );
    assert_eq!(
        result.skills_added + result.skills_updated + result.skills_unchanged,
        ROWS as u64,
        "{result:?}"
    );
    assert_sound(&world.path());
}

#[test]
fn promise_5_a_new_row_for_which_a_trigger_does_not_end_costs_only_itself() {
    let world = world();
    with_trigger(
        &world,
        &format!("BEFORE INSERT ON skills WHEN new.id = '{ODD}'"),
    );
    let result = world.sync();
    assert_costs_itself(&world, &result);
    assert_eq!(row_count(&world.path()), ROWS);
    world.look().execute_batch("DROP TRIGGER odd").unwrap();
    assert_success(&world.sync());
    world.assert_mirrored();
}

#[test]
fn promise_5_a_changed_row_for_which_a_trigger_does_not_end_costs_only_itself() {
    let world = world();
    assert_success(&world.sync());
    with_trigger(
        &world,
        &format!("AFTER UPDATE ON skills WHEN new.id = '{ODD}'"),
    );
    world
        .server
        .catalogue(|catalogue| catalogue.change(ROWS, 8));
    put(&world, "2026-02-01T00:00:00Z");
    assert_costs_itself(&world, &world.sync());
    world.look().execute_batch("DROP TRIGGER odd").unwrap();
    assert_success(&world.sync());
    world.assert_mirrored();
}

#[test]
fn promise_5_a_withdrawn_skill_for_which_a_trigger_does_not_end_stays_and_is_named() {
    let world = world();
    assert_success(&world.sync());
    with_trigger(
        &world,
        &format!("BEFORE DELETE ON skills WHEN old.id = '{ODD}'"),
    );
    let gone = world.server.catalogue(|catalogue| {
        let gone = catalogue.ids()[0].clone();
        catalogue.remove(&gone);
        catalogue.remove(ODD);
        gone
    });
    let prune = || world.sync_with(SyncOptions::new().prune(true));
    prune();
    let result = prune();
    assert_eq!(result.status, SyncStatus::Success, "{result:?}");
    assert_eq!(result.skills_removed, 1, "{result:?}");
    let told = result.warnings.join("; ");
    assert!(told.contains(ODD) && told.contains("keeps it"), "{told}");
    let here = crate::support::rows(&world.path());
    assert!(here.contains_key(ODD) && !here.contains_key(&gone));
}

/// Where the trigger is of the record, no row is at fault.
#[test]
fn promise_8_a_trigger_of_the_record_that_does_not_end_ends_the_run_with_words() {
    for (on, stored) in [
        ("BEFORE INSERT ON sync_history", 0),
        ("BEFORE INSERT ON sync_state WHEN new.key = 'cursor'", 30),
    ] {
        let world = World::new(30, Options::default());
        with_trigger(&world, on);
        let result = world.sync();
        assert_eq!(result.code, Some(ErrorCode::Database), "{on}: {result:?}");
        assert!(result.errors[0].contains("took too long"), "{result:?}");
        assert_eq!(row_count(&world.path()), stored, "{on}");
        world.look().execute_batch("DROP TRIGGER odd").unwrap();
        assert_success(&world.sync());
    }
}

/// Each takes its steps, and others write in between.
#[test]
fn promise_5_several_rows_for_which_a_trigger_does_not_end_let_others_write() {
    const ENDLESS_ROWS: usize = 6;
    let world = World::new(60, Options::default());
    for number in 0..ENDLESS_ROWS {
        let row = serde_json::json!({ "id": format!("author/odd-{number}"), "name": "odd", "updated_at": "2026-01-01T00:00:00Z" });
        world.server.catalogue(|catalogue| catalogue.upsert(row));
    }
    with_trigger(&world, "BEFORE INSERT ON skills WHEN new.name = 'odd'");
    let conn = world.look();
    conn.execute_batch("CREATE TABLE others (n)").unwrap();
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    let other = std::thread::spawn(move || {
        conn.busy_timeout(std::time::Duration::from_secs(60))
            .unwrap();
        let mut written = 0;
        while is_done.try_recv().is_err() {
            conn.execute_batch("INSERT INTO others VALUES (1)").unwrap();
            written += 1;
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        written
    });
    let result = world.sync();
    done.send(()).unwrap();
    let written = other.join().unwrap();
    assert_eq!(result.skills_rejected, ENDLESS_ROWS as u64, "{result:?}");
    assert_eq!(result.skills_added, 60, "{result:?}");
    // At the least once after each of them.
    assert!(written > ENDLESS_ROWS, "{written}");
    assert_sound(&world.path());
}
