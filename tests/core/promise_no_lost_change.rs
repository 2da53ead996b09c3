//! Promise 2, *No lost change*: no failure can make a later run skip a change.

use chrono::TimeDelta;
use skillsmith_sync::{CancelToken, SyncConfigRepository, SyncOptions, SyncStatus};
use skillsmith_test_registry::{Fault, Plain};

use crate::support::{World, assert_success};

fn world() -> World {
    World::by_id(600, Plain::Allowed)
}

/// The next run catches up, whatever happened.
#[track_caller]
fn assert_made_up(world: &World) {
    world.server.clear_faults();
    // A listing that ended early is resumed; changes in the part already read come with the next
    // listing.
    assert_success(&world.sync());
    assert_success(&world.sync());
    world.assert_mirrored();
}

#[test]
fn promise_2_a_change_behind_the_reader_is_found_by_the_next_run() {
    let world = world();
    world.server.on_listing(|number, catalogue| {
        if number == 4 {
            // On the first page, which was already read.
            let first = catalogue.ids().into_iter().min().unwrap();
            catalogue.edit(&first, |skill| {
                skill["description"] = "changed while the listing was read".into();
                // Stamped when the server's transaction started, which was before the run.
                skill["updated_at"] = "2026-02-02T02:02:02Z".into();
            });
        }
    });
    assert_success(&world.sync());
    let result = world.sync();
    assert_eq!(result.skills_updated, 1, "{result:?}");
    world.assert_mirrored();
}

#[test]
fn promise_2_a_failed_page_loses_nothing() {
    let world = world();
    // Only this page: its rows come in halves, at the end.
    world
        .server
        .fault(Fault::status(500).at_offset(198).always());
    assert_success(&world.sync());
    world.assert_mirrored();
    // From some moment on: an outage ends the run, which keeps its cursor.
    world.server.catalogue(|catalogue| catalogue.change(20, 7));
    world.server.clear_faults();
    world.server.clear_requests();
    world
        .server
        .fault(Fault::status(500).at_request(4).always());
    let result = world.sync();
    assert_eq!(result.status, SyncStatus::Partial, "{result:?}");
    assert!(result.errors[0].contains("HTTP 500"), "{result:?}");
    world.server.catalogue(|catalogue| catalogue.change(20, 8));
    assert_made_up(&world);
}

#[test]
fn promise_2_an_aborted_run_loses_nothing() {
    let world = world();
    let cancel = CancelToken::new();
    world.server.on_listing({
        let cancel = cancel.clone();
        move |number, _| {
            if number == 3 {
                cancel.cancel();
            }
        }
    });
    let result = world.sync_with(SyncOptions::new().cancel(cancel));
    assert_eq!(result.status, SyncStatus::Failed);
    assert_eq!(result.errors, ["Sync cancelled"]);
    world.server.catalogue(|catalogue| catalogue.change(20, 7));
    assert_made_up(&world);
}

#[test]
fn promise_2_a_dry_run_changes_nothing_at_all() {
    let world = world();
    let before = dump(&world);
    let result = world.sync_with(SyncOptions::new().dry_run(true));
    assert_success(&result);
    assert_eq!((result.skills_added, result.dry_run), (600, true));
    assert_eq!(dump(&world), before);
    assert_made_up(&world);

    world.server.catalogue(|catalogue| catalogue.change(20, 7));
    let before = dump(&world);
    let result = world.sync_with(SyncOptions::new().dry_run(true));
    assert_eq!((result.skills_updated, result.skills_unchanged), (20, 580));
    assert_eq!(dump(&world), before);
    assert_made_up(&world);
}

/// All tables of the file.
fn dump(world: &World) -> Vec<String> {
    let conn = world.look();
    let tables: Vec<String> = conn
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let mut lines = Vec::new();
    for table in tables {
        let mut found = conn.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = found.column_count();
        let mut rows = found.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<String> = (0..columns)
                .map(|at| format!("{:?}", row.get_ref(at).unwrap()))
                .collect();
            lines.push(format!("{table}: {}", values.join(", ")));
        }
    }
    lines
}

#[test]
fn promise_2_no_clock_can_hide_a_change() {
    for hours in [-20_000, -2, 2, 20_000] {
        let world = world();
        assert_success(&world.sync());
        // The registry's clock is behind or ahead of ours by that much.
        let at = chrono::Utc::now() + TimeDelta::hours(hours);
        world
            .server
            .catalogue(|catalogue| catalogue.change_at(25, 3, at));
        let result = world.sync();
        assert_eq!(result.skills_updated, 25, "{hours} h: {result:?}");
        world.assert_mirrored();
        // Our own clock jumps as well.
        *world.clock.skew.lock().unwrap() = TimeDelta::hours(hours);
        world
            .server
            .catalogue(|catalogue| catalogue.change_at(25, 4, at + TimeDelta::seconds(1)));
        assert_eq!(world.sync().skills_updated, 25);
        world.assert_mirrored();
    }
}

#[test]
fn promise_2_force_finds_what_a_stamp_does_not_tell() {
    let world = world();
    assert_success(&world.sync());
    world
        .look()
        .execute_batch("UPDATE skills SET description = 'spoilt by hand' WHERE rowid % 10 = 0")
        .unwrap();
    assert_eq!(world.sync().skills_updated, 0);
    let result = world.sync_with(SyncOptions::new().force(true));
    assert_eq!(
        (result.skills_updated, result.skills_unchanged),
        (60, 540),
        "{result:?}"
    );
    world.assert_mirrored();
}

#[test]
fn promise_2_the_specifications_filter_holds_where_the_caller_has_set_it() {
    let world = world();
    let stamps: Vec<String> = world.server.catalogue(|catalogue| {
        catalogue
            .values()
            .iter()
            .map(|skill| skill["updated_at"].as_str().unwrap().to_owned())
            .collect()
    });
    let since = skillsmith_sync::clock::from_iso("2026-04-01T00:00:00Z").unwrap();
    let newer = stamps
        .iter()
        .filter(|stamp| skillsmith_sync::clock::from_iso(stamp).unwrap() > since)
        .count();
    assert!(newer > 0 && newer < 600, "{newer}");
    SyncConfigRepository::new(&world.database)
        .set_last_sync("2026-04-01T00:00:00.000Z", 0)
        .unwrap();
    let result = world.sync();
    assert_success(&result);
    assert_eq!(
        (result.skills_added as usize, result.total_processed),
        (newer, 600)
    );
    // From then on this engine has listed it, and completes it.
    assert_success(&world.sync());
    world.assert_mirrored();
}
