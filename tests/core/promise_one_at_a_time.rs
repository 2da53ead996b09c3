//! Promise 6, *One sync at a time* per database; and what a dead run leaves behind.

use std::time::Duration;

use skillsmith_sync::database::OpenOptions;
use skillsmith_sync::{Database, ErrorCode, SyncHistoryRepository, SyncOptions, SyncStatus};
use skillsmith_test_registry::Options;

use crate::support::{World, assert_success};

#[test]
fn promise_6_the_second_sync_returns_at_once() {
    let world = World::new(300, Options::default());
    world.while_one_hangs(|| {
        assert!(world.engine().get_status().unwrap().is_running);
        // The same handle, and another handle on the same file under another name.
        let link = world.folder.path().join("link.db");
        std::os::unix::fs::symlink(world.path(), &link).unwrap();
        let other = Database::open(link).unwrap();
        let engine = skillsmith_sync::SyncEngine::new(std::sync::Arc::new(world.client()), &other);
        for result in [world.sync(), engine.sync(SyncOptions::default()).unwrap()] {
            assert!(!result.success);
            assert_eq!(result.errors, ["Sync already in progress"]);
            assert_eq!(result.code, Some(ErrorCode::SyncInProgress));
        }
        // The refused run leaves no entry.
        assert_eq!(world.history().count().unwrap(), 1);
    });
    assert!(!world.engine().get_status().unwrap().is_running);
    assert_success(&world.sync());
    world.assert_mirrored();
}

#[test]
fn promise_6_databases_do_not_lock_each_other_out() {
    let world = World::new(300, Options::default());
    world.while_one_hangs(|| {
        for other in [
            Database::open(world.folder.path().join("other.db")).unwrap(),
            Database::open_in_memory().unwrap(),
            Database::open_in_memory().unwrap(),
        ] {
            let engine =
                skillsmith_sync::SyncEngine::new(std::sync::Arc::new(world.client()), &other);
            assert_success(&engine.sync(SyncOptions::default()).unwrap());
        }
    });
}

#[test]
fn promise_6_an_entry_without_an_owner_becomes_interrupted() {
    let world = World::new(30, Options::default());
    // As left by a crashed run of another program: its owner is unknown, so it may live for as long as a run may take, and
    // the next sync after that marks it.
    let dead = world.history().start_run().unwrap();
    assert!(world.history().is_running().unwrap());
    assert_success(&world.sync());
    assert!(world.history().is_running().unwrap());
    world.clock.advance(Duration::from_secs(31 * 60));
    assert_success(&world.sync());
    let entry = world.history().get_by_id(&dead).unwrap().unwrap();
    assert_eq!(
        (entry.status, entry.error_message.as_deref()),
        (SyncStatus::Failed, Some("interrupted"))
    );
    assert!(!world.history().is_running().unwrap());
}

#[test]
fn promise_6_a_dead_run_of_ours_is_settled_by_whoever_looks() {
    let world = World::new(30, Options::default());
    let dead = world.history().start_run().unwrap();
    // As left by a killed process of this library: the entry is recorded as the engine's.
    world
        .look()
        .execute(
            "INSERT INTO sync_state (key, value) VALUES ('current_run', json_quote(?1))",
            [&dead],
        )
        .unwrap();
    let status = world.engine().get_status().unwrap();
    assert!(!status.is_running);
    let other = SyncHistoryRepository::new(&world.database);
    assert_eq!(
        other
            .get_by_id(&dead)
            .unwrap()
            .unwrap()
            .error_message
            .as_deref(),
        Some("interrupted")
    );
}

/// Who only reads says of it what the next run will write, and leaves the file as it is.
#[test]
fn promise_6_a_dead_run_of_ours_is_read_as_interrupted() {
    let world = World::new(30, Options::default());
    let dead = world.history().start_run().unwrap();
    let is_ours = "INSERT INTO sync_state (key, value) VALUES ('current_run', json_quote(?1))";
    world.look().execute(is_ours, [&dead]).unwrap();
    let other = world.history().start_run().unwrap();

    let database = OpenOptions::new()
        .read_only(true)
        .open(world.path())
        .unwrap();
    let history = SyncHistoryRepository::new(&database);
    let told = |id: &str| {
        let entry = history.get_by_id(id).unwrap().unwrap();
        let listed = history.get_history(10).unwrap();
        assert!(listed.contains(&entry), "{listed:?}");
        (entry.status, entry.error_message)
    };
    let interrupted = (SyncStatus::Failed, Some("interrupted".to_owned()));
    assert_eq!(told(&dead), interrupted);
    // That of another engine, which has no lock, may be alive.
    assert_eq!(told(&other), (SyncStatus::Running, None));
    let stored: String = world
        .look()
        .query_row(
            "SELECT status FROM sync_history WHERE id = ?1",
            [&dead],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(stored, "running");
}

#[test]
fn promise_6_a_run_under_way_is_not_read_as_interrupted() {
    let world = World::new(300, Options::default());
    world.while_one_hangs(|| {
        let entry = world.history().get_history(1).unwrap().remove(0);
        assert_eq!(entry.status, SyncStatus::Running);
        let again = world.history().get_by_id(&entry.id).unwrap().unwrap();
        assert_eq!(again.status, SyncStatus::Running);
    });
}

#[test]
fn promise_6_a_database_in_memory_syncs_too() {
    let world = World::new(250, Options::default());
    let database = Database::open_in_memory().unwrap();
    let engine = skillsmith_sync::SyncEngine::new(std::sync::Arc::new(world.client()), &database);
    let result = engine.sync(SyncOptions::default()).unwrap();
    assert_success(&result);
    assert_eq!(result.skills_added, 250);
    assert_eq!(
        skillsmith_sync::SkillRepository::new(&database)
            .count()
            .unwrap(),
        250
    );
    assert_eq!(
        engine
            .sync(SyncOptions::default())
            .unwrap()
            .skills_unchanged,
        250
    );
}
