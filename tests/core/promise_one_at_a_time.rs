//! Promise 6, *One sync at a time* per database; and what a dead run leaves behind.

use std::time::Duration;

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
