//! Databases that mean harm: triggers that do not end or take back what was written, values of any type in our own
//! tables, damage inside a valid file.

use std::time::Duration;

use rusqlite::Connection;
use skillsmith_sync::database::OpenOptions;
use skillsmith_sync::{
    CancelToken, Database, ErrorCode, SyncConfigRepository, SyncHistoryRepository, SyncOptions,
    SyncResult, SyncRunResult, SyncStatus,
};
use skillsmith_test_registry::Options;

use crate::support::{World, assert_sound, assert_success, row_count};

/// A statement of a trigger that does not end.
const ENDLESS: &str = "SELECT count(*) FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n)";

/// Adds a trigger with another program.
fn with_trigger(world: &World, trigger: &str) {
    world
        .look()
        .execute_batch(&format!("CREATE TRIGGER odd {trigger}"))
        .unwrap();
}

fn without_trigger(world: &World) {
    world.look().execute_batch("DROP TRIGGER odd").unwrap();
}

/// The newest entry of the history says what the result says, and both what is in the table.
#[track_caller]
fn assert_honest(world: &World, result: &SyncResult) {
    let stored = row_count(&world.path()) as u64;
    assert_eq!(
        result.skills_added + result.skills_updated + result.skills_unchanged,
        stored,
        "{result:?}"
    );
    let (status, _, counts) = world.last_entry();
    assert_eq!(status, result.status.as_str(), "{result:?}");
    assert_eq!(
        counts,
        [
            result.skills_added,
            result.skills_updated,
            result.skills_unchanged
        ]
    );
    assert_sound(&world.path());
}

#[test]
fn promise_12_a_trigger_that_does_not_end_ends_with_the_token() {
    for on in [
        "AFTER INSERT ON skills",
        "BEFORE INSERT ON sync_history",
        "BEFORE INSERT ON sync_state",
    ] {
        let world = World::new(30, Options::default());
        with_trigger(&world, &format!("{on} BEGIN {ENDLESS}; END"));
        let cancel = CancelToken::new();
        let result = std::thread::scope(|scope| {
            let run = scope.spawn(|| world.sync_with(SyncOptions::new().cancel(cancel.clone())));
            std::thread::sleep(Duration::from_millis(300));
            cancel.cancel();
            run.join().unwrap()
        });
        assert_eq!(result.code, Some(ErrorCode::Cancelled), "{on}: {result:?}");
        without_trigger(&world);
        assert_success(&world.sync());
        world.assert_mirrored();
    }
}

#[test]
fn promise_8_a_trigger_that_does_not_end_ends_with_the_deadline() {
    let world = World::new(30, Options::default());
    with_trigger(
        &world,
        &format!("AFTER INSERT ON skills BEGIN {ENDLESS}; END"),
    );
    let result = world.sync_with(SyncOptions::new().deadline(Duration::from_secs(1)));
    assert_eq!(result.code, Some(ErrorCode::RunDeadline), "{result:?}");
}

#[test]
fn promise_8_a_short_call_ends_whatever_the_database_does() {
    let world = World::new(30, Options::default());
    let database = OpenOptions::new()
        .busy_budget(Duration::ZERO)
        .open(world.path())
        .unwrap();
    with_trigger(
        &world,
        &format!("BEFORE UPDATE ON sync_config BEGIN {ENDLESS}; END"),
    );
    let config = SyncConfigRepository::new(&database);
    let error = config.disable().unwrap_err();
    assert_eq!(error.code(), ErrorCode::Database, "{error}");
    assert!(error.to_string().contains("took too long"), "{error}");
    assert!(config.get_config().unwrap().enabled);
    // The same of a view that has come since the file was opened.
    let view = ENDLESS.replace(
        "SELECT count(*) FROM ",
        "SELECT i AS id, 'running' AS status, i AS started_at FROM ",
    );
    world
        .look()
        .execute_batch(&format!(
            "DROP TABLE sync_history; CREATE VIEW sync_history AS {view}"
        ))
        .unwrap();
    let error = SyncHistoryRepository::new(&database).count().unwrap_err();
    assert!(error.to_string().contains("took too long"), "{error}");
}

#[test]
fn promise_3_rows_that_a_trigger_removes_are_not_claimed() {
    for trigger in [
        "AFTER INSERT ON skills BEGIN DELETE FROM skills WHERE id = new.id; END",
        "AFTER INSERT ON skills WHEN new.rowid % 3 = 0 BEGIN DELETE FROM skills WHERE id = new.id; END",
        "AFTER INSERT ON skills BEGIN DELETE FROM skills WHERE id <> new.id; END",
        "AFTER INSERT ON skills WHEN (SELECT count(*) FROM skills) > 250 BEGIN DELETE FROM skills WHERE rowid < 50; END",
        "AFTER UPDATE ON sync_state BEGIN DELETE FROM skills WHERE rowid < 50; END",
        "AFTER INSERT ON sync_state WHEN new.key = 'cursor' BEGIN DELETE FROM skills; END",
    ] {
        let world = World::new(300, Options::default());
        with_trigger(&world, trigger);
        let result = world.sync();
        assert!(!result.success, "{trigger}: {result:?}");
        assert_eq!(result.status, SyncStatus::Partial, "{trigger}: {result:?}");
        assert!(result.skills_rejected > 0, "{trigger}: {result:?}");
        assert_honest(&world, &result);
        without_trigger(&world);
        // What was taken back comes again.
        assert_success(&world.sync());
        world.assert_mirrored();
    }
}

#[test]
fn promise_3_rows_that_another_row_replaces_are_not_claimed() {
    let world = World::new(0, Options::default());
    let look = world.look();
    let sql: String = look
        .query_row(
            "SELECT sql FROM sqlite_master WHERE name = 'skills'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let sql = sql.replacen(
        "name          TEXT NOT NULL",
        "name TEXT NOT NULL UNIQUE ON CONFLICT REPLACE",
        1,
    );
    look.execute_batch(&format!(
        "PRAGMA foreign_keys = OFF; DROP TABLE skills; {sql}"
    ))
    .unwrap();
    for id in 0..40 {
        let row = serde_json::json!({ "id": format!("s{id}"), "name": "the same", "updated_at": "2026-01-01T00:00:00Z" });
        world.server.catalogue(|catalogue| catalogue.push(row));
    }
    let result = world.sync();
    assert!(!result.success, "{result:?}");
    assert_eq!(row_count(&world.path()), 1);
    assert_eq!(result.skills_added, 1, "{result:?}");
}

#[test]
fn promise_3_the_end_of_a_run_takes_no_skill_with_it() {
    let world = World::new(300, Options::default());
    with_trigger(
        &world,
        "AFTER UPDATE ON sync_config BEGIN DELETE FROM skills; END",
    );
    let result = world.sync();
    assert_eq!(result.status, SyncStatus::Failed, "{result:?}");
    assert_eq!(row_count(&world.path()) as u64, result.skills_added);
    without_trigger(&world);
    assert_success(&world.sync());
    world.assert_mirrored();
}

#[test]
fn promise_3_a_record_that_a_trigger_leaves_out_is_no_success() {
    for trigger in [
        "BEFORE INSERT ON sync_history BEGIN SELECT RAISE(IGNORE); END",
        "AFTER INSERT ON sync_history BEGIN DELETE FROM sync_history WHERE id = new.id; END",
        "BEFORE UPDATE ON sync_history BEGIN SELECT RAISE(IGNORE); END",
        "BEFORE UPDATE ON sync_history BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
        "AFTER UPDATE ON sync_history BEGIN UPDATE sync_history SET status = 'running' WHERE id = new.id; END",
        "BEFORE UPDATE ON sync_config BEGIN SELECT RAISE(IGNORE); END",
        "AFTER UPDATE ON sync_config BEGIN UPDATE sync_config SET last_sync_at = NULL; END",
        "BEFORE INSERT ON sync_state BEGIN SELECT RAISE(IGNORE); END",
        "BEFORE INSERT ON sync_state BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
        "BEFORE DELETE ON sync_state BEGIN SELECT RAISE(IGNORE); END",
    ] {
        let world = World::new(300, Options::default());
        with_trigger(&world, trigger);
        let result = world.sync();
        assert_eq!(result.status, SyncStatus::Failed, "{trigger}: {result:?}");
        assert!(!result.errors.is_empty());
        assert_eq!(
            row_count(&world.path()) as u64,
            result.skills_added,
            "{trigger}"
        );
        without_trigger(&world);
        assert_success(&world.sync());
        world.assert_mirrored();
    }
}

#[test]
fn promise_3_a_setting_that_a_trigger_leaves_out_is_an_error() {
    let world = World::new(3, Options::default());
    let config = SyncConfigRepository::new(&world.database);
    let history = world.history();
    let id = history.start_run().unwrap();
    with_trigger(
        &world,
        "BEFORE UPDATE ON sync_config BEGIN SELECT RAISE(IGNORE); END",
    );
    for outcome in [
        config.disable().map(|_| ()),
        config.set_last_sync("2026-01-01T00:00:00.000Z", 1),
        config.set_last_sync_error("words"),
    ] {
        assert_eq!(outcome.unwrap_err().code(), ErrorCode::Database);
    }
    without_trigger(&world);
    with_trigger(
        &world,
        "AFTER UPDATE ON sync_config BEGIN UPDATE sync_config SET enabled = 1; END",
    );
    config.disable().unwrap_err();
    without_trigger(&world);
    with_trigger(
        &world,
        "BEFORE UPDATE ON sync_history BEGIN SELECT RAISE(IGNORE); END",
    );
    history
        .complete_run(&id, SyncRunResult::default())
        .unwrap_err();
    history.fail_run(&id, "words").unwrap_err();
    without_trigger(&world);
    with_trigger(
        &world,
        "BEFORE INSERT ON sync_state BEGIN SELECT RAISE(IGNORE); END",
    );
    config.set_request_budget(Some(7)).unwrap_err();
}

/// Somebody who keeps every entry.
#[test]
fn a_trigger_that_keeps_old_entries_costs_no_run() {
    for action in ["ABORT, 'kept'", "ROLLBACK, 'kept'", "IGNORE"] {
        let world = World::new(3, Options::default());
        world
            .look()
            .execute_batch(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
                 INSERT INTO sync_history (id, started_at, status) SELECT 'old-' || i, '2020-01-01T00:00:00.000Z', 'success' FROM n",
            )
            .unwrap();
        with_trigger(
            &world,
            &format!("BEFORE DELETE ON sync_history BEGIN SELECT RAISE({action}); END"),
        );
        assert_success(&world.sync());
        assert_eq!(world.history().count().unwrap(), 1_201, "{action}");
        without_trigger(&world);
        assert_success(&world.sync());
        assert_eq!(world.history().count().unwrap(), 1_000, "{action}");
    }
}

const VALUES: [&str; 16] = [
    "x'ff'",
    "x'00'",
    "x'7b7d'",
    "CAST(x'ff' AS TEXT)",
    "''",
    "'text'",
    "'null'",
    "'true'",
    "'{}'",
    "'[]'",
    "'\"text\"'",
    "'[[[[[['",
    "0",
    "-9223372036854775808",
    "1e400",
    "'{\"month\":\"2026-11\",\"count\":-1}'",
];

#[test]
fn promise_13_any_value_of_our_own_state_is_read_and_repaired() {
    let world = World::new(30, Options::default());
    assert_success(&world.sync());
    let look = world.look();
    let keys: Vec<String> = look
        .prepare("SELECT key FROM sync_state")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    let own = [
        "cursor",
        "place",
        "current_run",
        "removed",
        "backoff",
        "request_budget",
        "compared",
        "checked",
    ];
    let mut keys: Vec<String> = keys.into_iter().chain(own.map(str::to_owned)).collect();
    let url = world.server.base_url();
    keys.extend([
        format!("gaps:{url}"),
        format!("reserved:{url}"),
        "gaps:".to_owned(),
        "plan:http://other.example".to_owned(),
        "url:s1".to_owned(),
    ]);
    // Any type at all can stand in such a column.
    look.execute_batch(
        "CREATE TABLE loose (key PRIMARY KEY, value); INSERT INTO loose SELECT * FROM sync_state;
         DROP TABLE sync_state; ALTER TABLE loose RENAME TO sync_state;",
    )
    .unwrap();
    for key in keys {
        for value in VALUES {
            look.execute(
                &format!("INSERT OR REPLACE INTO sync_state (key, value) VALUES (?1, {value})"),
                [&key],
            )
            .unwrap();
            let what = format!("{key} = {value}");
            world
                .engine()
                .get_status()
                .unwrap_or_else(|error| panic!("{what}: {error}"));
            world
                .history()
                .get_history(3)
                .unwrap_or_else(|error| panic!("{what}: {error}"));
            let result = world.sync();
            // A budget of nothing is one.
            let is_budget = key == "request_budget" && value == "0";
            assert!(result.success || is_budget, "{what}: {result:?}");
            if key == "request_budget" {
                let config = SyncConfigRepository::new(&world.database);
                config.set_request_budget(None).unwrap();
            }
        }
    }
    world.assert_mirrored();
}

#[test]
fn promise_13_any_key_of_our_own_state_is_passed_over() {
    let world = World::new(30, Options::default());
    assert_success(&world.sync());
    world
        .look()
        .execute_batch(
            "CREATE TABLE loose (key, value); INSERT INTO loose SELECT * FROM sync_state;
             DROP TABLE sync_state; ALTER TABLE loose RENAME TO sync_state;
             CREATE UNIQUE INDEX by_key ON sync_state (key);
             INSERT INTO sync_state VALUES (CAST(x'75726c3aff' AS TEXT), '\"https://x.example/1\"'),
               (x'75726c3aff', '\"https://x.example/2\"'), (NULL, '1'), (5, '1'), (1.5, x'ff'), (x'', NULL),
               (CAST(x'706c616e3aff' AS TEXT), '{\"endpoint\":{\"watermark\":1}}'), ('plan:x', x'ff'), ('url:', '\"u\"');",
        )
        .unwrap();
    for _ in 0..2 {
        assert_success(&world.sync_with(SyncOptions::new().deadline(Duration::from_secs(20))));
        world.engine().get_status().unwrap();
    }
}

#[test]
fn promise_13_a_configuration_of_any_type_is_repaired_by_the_next_write() {
    for value in [
        "'true'",
        "x'01'",
        "x'ff'",
        "2",
        "1.5",
        "'1'",
        "CAST(x'ff' AS TEXT)",
    ] {
        let world = World::new(3, Options::default());
        let look = world.look();
        look.execute_batch(&format!(
            "CREATE TABLE loose AS SELECT * FROM sync_config; DROP TABLE sync_config;
             ALTER TABLE loose RENAME TO sync_config; UPDATE sync_config SET enabled = {value}"
        ))
        .unwrap();
        let config = SyncConfigRepository::new(&world.database);
        config.get_config().unwrap();
        assert!(config.enable().unwrap().enabled, "{value}");
        assert!(!config.disable().unwrap().enabled, "{value}");
        // The row itself may be of another type.
        look.execute_batch("UPDATE sync_config SET id = x'64656661756c74'")
            .unwrap();
        assert!(config.enable().unwrap().enabled, "{value}");
        assert_success(&world.sync());
    }
}

/// A file of some hundred rows, by its bytes.
fn sound_file(world: &World) -> Vec<u8> {
    assert_success(&world.sync());
    world
        .look()
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    world.database.close();
    std::fs::read(world.path()).unwrap()
}

fn index_is_sound(conn: &Connection) -> bool {
    let sql = "INSERT INTO skills_fts (skills_fts, rank) VALUES ('integrity-check', 1)";
    conn.execute(sql, []).is_ok()
}

#[test]
fn a_forced_run_over_damage_does_not_end_well_over_a_damaged_index() {
    let world = World::new(300, Options::default());
    let sound = sound_file(&world);
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut ended_well = 0;
    for _ in 0..100 {
        let mut bytes = sound.clone();
        for _ in 0..3 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            // Not the header, which would only be refused.
            let at = 100 + seed as usize % (bytes.len() - 100);
            bytes[at] ^= 1 << (seed >> 60 & 7);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("skills.db");
        std::fs::write(&path, bytes).unwrap();
        let Ok(database) = Database::open(&path) else {
            continue;
        };
        let engine =
            skillsmith_sync::SyncEngine::new(std::sync::Arc::new(world.client()), &database);
        let result = engine.sync(SyncOptions::new().force(true)).unwrap();
        if result.success {
            ended_well += 1;
            let conn = Connection::open(&path).unwrap();
            assert!(index_is_sound(&conn), "{result:?}");
        }
    }
    assert!(ended_well > 10, "{ended_well}");
}

/// The numbers of the index agree all the same.
#[test]
fn a_forced_run_leaves_a_sound_index_where_a_trigger_does_not() {
    let world = World::new(300, Options::default());
    assert_success(&world.sync());
    world
        .look()
        .execute_batch(
            "DROP TRIGGER skills_au;
             CREATE TRIGGER skills_au AFTER UPDATE ON skills WHEN false BEGIN
               INSERT INTO skills_fts (skills_fts) VALUES ('rebuild'); END;",
        )
        .unwrap();
    world.server.catalogue(|catalogue| catalogue.change(300, 8));
    assert_success(&world.sync_with(SyncOptions::new().force(true)));
    world.assert_mirrored();
}
