//! Databases that mean harm: triggers that do not end or take back what was written, values of any type in our own
//! tables, damage inside a valid file.

use std::time::Duration;

use rusqlite::Connection;
use skillsmith_sync::database::OpenOptions;
use skillsmith_sync::{
    CancelToken, Database, ErrorCode, SyncConfigRepository, SyncFrequency, SyncHistoryRepository,
    SyncOptions, SyncResult, SyncRunResult, SyncStatus,
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

/// The same, which fires after those that keep the full-text index.
fn with_trigger_behind(world: &World, trigger: &str) {
    let look = world.look();
    let of_index: Vec<String> = look
        .prepare("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'skills'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    assert_eq!(of_index.len(), 3);
    // The one that was created last comes first.
    look.execute_batch(&format!(
        "DROP TRIGGER skills_ai; DROP TRIGGER skills_ad; DROP TRIGGER skills_au; CREATE TRIGGER odd {trigger}; {};",
        of_index.join(";")
    ))
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
    let history = SyncHistoryRepository::new(&database);
    let is_refused = |error: skillsmith_sync::Error| {
        let told = error.to_string();
        assert_eq!(error.code(), ErrorCode::NotSkillsmith, "{told}");
        assert!(told.contains("its 'sync_history' is a view"), "{told}");
    };
    is_refused(history.count().unwrap_err());
    is_refused(history.start_run().unwrap_err());
    is_refused(config.enable().unwrap_err());
}

/// After the library has looked at what is beside the file, and before SQLite opens it.
#[cfg(unix)]
#[test]
fn promise_15_a_journal_that_is_put_there_later_is_refused_without_waiting() {
    let world = World::new(3, Options::default());
    world.database.close();
    world
        .look()
        .pragma_update(None, "journal_mode", "delete")
        .unwrap();
    let path = world.path();
    let journal = path.with_file_name(format!(
        "{}-journal",
        path.file_name().unwrap().to_str().unwrap()
    ));
    let other = path.with_file_name("other");
    std::fs::write(&other, "mine").unwrap();
    let put: [(&str, &dyn Fn()); 3] = [
        ("not a regular file but a named pipe", &|| {
            let made = std::process::Command::new("mkfifo").arg(&journal).status();
            assert!(made.unwrap().success());
        }),
        ("not a regular file but a symbolic link", &|| {
            std::os::unix::fs::symlink(&other, &journal).unwrap();
        }),
        ("another name of a file (a hard link)", &|| {
            std::fs::hard_link(&other, &journal).unwrap();
        }),
    ];
    for (why, put) in put {
        let database = Database::open(&path).unwrap();
        let config = SyncConfigRepository::new(&database);
        config.enable().unwrap();
        put();
        for outcome in [config.get_config(), config.disable()] {
            // An empty file is no journal to SQLite, whatever else it is.
            let Err(error) = outcome else { continue };
            let told = error.to_string();
            assert_eq!(error.code(), ErrorCode::Io, "{told}");
            assert!(
                told.contains("-journal: it is ") && told.contains(why),
                "{told}"
            );
        }
        config.disable().unwrap_err();
        std::fs::remove_file(&journal).unwrap();
        assert!(config.get_config().unwrap().enabled);
        config.disable().unwrap();
    }
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "mine");
}

#[test]
fn promise_3_a_table_that_is_replaced_during_a_run_ends_it() {
    for (table, columns) in [
        ("skills", "'x' AS id, 'x' AS name"),
        (
            "sync_history",
            "i AS id, 'running' AS status, i AS started_at",
        ),
        ("sync_state", "i AS key, i AS value"),
        ("sync_config", "'default' AS id, 1 AS enabled"),
    ] {
        let world = World::new(300, Options::default());
        assert_success(&world.sync());
        world.server.catalogue(|catalogue| catalogue.change(300, 8));
        let path = world.path();
        let view = ENDLESS.replace("SELECT count(*) FROM ", &format!("SELECT {columns} FROM "));
        let mut is_put = false;
        let options = SyncOptions::new()
            .deadline(Duration::from_secs(20))
            .on_progress(move |progress| {
                if !is_put && progress.current > 0 {
                    is_put = true;
                    let other = Connection::open(&path).unwrap();
                    other.busy_timeout(Duration::from_secs(5)).unwrap();
                    other
                        .execute_batch(&format!(
                            "PRAGMA foreign_keys = OFF; DROP TABLE {table}; CREATE VIEW {table} AS {view}"
                        ))
                        .unwrap();
                }
            });
        let result = world.sync_with(options);
        assert_eq!(result.code, Some(ErrorCode::NotSkillsmith), "{result:?}");
        let told = result.errors.join("; ");
        assert!(told.contains(&format!("its '{table}' is a view")), "{told}");
    }
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
fn promise_3_a_constraint_that_replaces_rows_takes_none_of_the_user_s_own() {
    let world = World::new(25, Options::default());
    let look = world.look();
    let sql: String = look
        .query_row(
            "SELECT sql FROM sqlite_master WHERE name = 'skills'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let sql = sql.trim_end_matches(')').to_owned() + ", UNIQUE (author) ON CONFLICT REPLACE)";
    look.execute_batch(&format!(
        "PRAGMA foreign_keys = OFF; DROP TABLE skills; {sql};
         INSERT INTO skills (id, name, author, source) VALUES ('mine', 'mine', 'me', 'local')"
    ))
    .unwrap();
    let row = serde_json::json!({ "id": "theirs", "name": "theirs", "author": "me", "updated_at": "2026-01-01T00:00:00Z" });
    world.server.catalogue(|catalogue| catalogue.push(row));
    let mine = || {
        let found: i64 = look
            .query_row(
                "SELECT count(*) FROM skills WHERE id = 'mine' AND source = 'local'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        found
    };
    for _ in 0..2 {
        let result = world.sync();
        assert_eq!(mine(), 1, "{result:?}");
        assert_eq!(result.status, SyncStatus::Partial, "{result:?}");
    }
}

#[test]
fn promise_13_an_id_of_another_type_stops_no_run() {
    let world = World::new(25, Options::default());
    assert_success(&world.sync());
    for id in ["x'ff'", "7", "2.5", "NULL"] {
        world
            .look()
            .execute_batch(&format!("UPDATE skills SET id = {id} WHERE rowid = 1"))
            .unwrap();
        for force in [false, true] {
            let result = world.sync_with(SyncOptions::new().force(force));
            assert_ne!(result.status, SyncStatus::Failed, "{id}: {result:?}");
        }
    }
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

/// The row that the history gives for the newest run.
fn newest(world: &World) -> (SyncStatus, String) {
    let entry = world.history().get_history(1).unwrap().remove(0);
    (entry.status, entry.error_message.unwrap_or_default())
}

#[test]
fn promise_3_the_history_says_why_a_run_failed_whose_record_a_trigger_refuses() {
    for trigger in [
        "BEFORE UPDATE ON sync_history BEGIN SELECT RAISE(IGNORE); END",
        "BEFORE UPDATE ON sync_history BEGIN SELECT RAISE(ABORT, 'not mine'); END",
        "BEFORE UPDATE ON sync_history BEGIN SELECT RAISE(ROLLBACK, 'not mine'); END",
        "AFTER UPDATE ON sync_history BEGIN UPDATE sync_history SET status = 'running' WHERE id = new.id; END",
        "BEFORE UPDATE ON sync_config BEGIN SELECT RAISE(ABORT, 'not mine'); END",
        "BEFORE DELETE ON sync_state BEGIN SELECT RAISE(ABORT, 'not mine'); END",
        "BEFORE INSERT ON sync_state WHEN new.key = 'listed' BEGIN SELECT RAISE(ROLLBACK, 'not mine'); END",
    ] {
        let world = World::new(30, Options::default());
        with_trigger(&world, trigger);
        let result = world.sync();
        assert_eq!(result.status, SyncStatus::Failed, "{trigger}: {result:?}");
        let cause = &result.errors[0];
        assert_eq!(
            newest(&world),
            (SyncStatus::Failed, cause.clone()),
            "{trigger}"
        );
        let history = world.history();
        assert!(!history.is_running().unwrap(), "{trigger}");
        let code = || history.get_history(9).unwrap().pop().unwrap().code;
        assert_eq!(code(), result.code, "{trigger}");
        if !trigger.contains("sync_config") {
            let config = SyncConfigRepository::new(&world.database);
            let told = config.get_config().unwrap().last_sync_error;
            assert_eq!(told.as_ref(), Some(cause), "{trigger}");
        }
        // The entry itself says it once the trigger is gone.
        without_trigger(&world);
        assert_success(&world.sync());
        let sql = "SELECT error_message FROM sync_history WHERE status = 'failed'";
        let stored: String = world.look().query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(&stored, cause, "{trigger}");
        assert_eq!(code(), result.code, "{trigger}");
        let entries = history.get_history(9).unwrap();
        assert!(
            entries
                .iter()
                .all(|entry| entry.status != SyncStatus::Running)
        );
    }
}

#[test]
fn promise_12_a_cancelled_run_whose_record_a_trigger_refuses_leaves_no_error() {
    for trigger in [
        "BEFORE UPDATE ON sync_history BEGIN SELECT RAISE(ABORT, 'not mine'); END",
        "BEFORE DELETE ON sync_state BEGIN SELECT RAISE(IGNORE); END",
    ] {
        let world = World::new(300, Options::default());
        with_trigger(&world, trigger);
        world.while_one_hangs(|| {});
        let (_, message) = newest(&world);
        assert_eq!(message, "Sync cancelled", "{trigger}");
        let config = SyncConfigRepository::new(&world.database);
        let told = config.get_config().unwrap().last_sync_error;
        assert_eq!(told, None, "{trigger}");
    }
}

#[test]
fn promise_3_the_status_says_why_runs_fail_that_a_trigger_lets_begin_nothing() {
    for trigger in [
        "BEFORE INSERT ON sync_history BEGIN SELECT RAISE(IGNORE); END",
        "BEFORE INSERT ON sync_history BEGIN SELECT RAISE(ABORT, 'not mine'); END",
        "AFTER INSERT ON sync_state BEGIN SELECT RAISE(ROLLBACK, 'not mine'); END",
    ] {
        let world = World::new(30, Options::default());
        with_trigger(&world, trigger);
        let result = world.sync();
        assert_eq!(result.status, SyncStatus::Failed, "{trigger}: {result:?}");
        let status = world.engine().get_status().unwrap();
        assert_eq!(
            status.config.last_sync_error.as_ref(),
            Some(&result.errors[0]),
            "{trigger}"
        );
        without_trigger(&world);
        assert_success(&world.sync());
        let status = world.engine().get_status().unwrap();
        assert_eq!(status.config.last_sync_error, None);
    }
}

#[test]
fn promise_1_a_row_that_a_trigger_changes_is_no_success() {
    for trigger in [
        "AFTER INSERT ON skills BEGIN UPDATE skills SET description = 'evil' WHERE id = new.id; END",
        "AFTER INSERT ON skills BEGIN UPDATE skills SET name = 'evil' WHERE id = new.id; END",
        "AFTER INSERT ON skills BEGIN UPDATE skills SET trust_tier = 'official' WHERE id = new.id; END",
        "AFTER INSERT ON skills BEGIN UPDATE skills SET source = 'local' WHERE id = new.id; END",
        // Another row than its own; and where the batch is written row by row.
        "AFTER INSERT ON skills WHEN new.rowid % 2 = 0 BEGIN UPDATE skills SET tags = '[]', author = NULL WHERE rowid = new.rowid - 1; END",
        "AFTER INSERT ON skills BEGIN SELECT CASE WHEN new.rowid = 7 THEN RAISE(ABORT, 'no') END; UPDATE skills SET description = 'evil' WHERE id = new.id; END",
    ] {
        let world = World::new(300, Options::default());
        with_trigger_behind(&world, trigger);
        let result = world.sync();
        assert_eq!(result.status, SyncStatus::Partial, "{trigger}: {result:?}");
        let told = result.errors.join("; ");
        assert!(told.contains("stored with other values"), "{told}");
        assert!(newest(&world).1.contains("stored with other values"));
        assert_honest(&world, &result);
        without_trigger(&world);
        world
            .look()
            .execute_batch("UPDATE skills SET source = 'registry'")
            .unwrap();
        assert_success(&world.sync_with(SyncOptions::new().force(true)));
        world.assert_mirrored();
    }
}

/// Such as a host's own columns, or a copy for its search.
#[test]
fn a_trigger_that_leaves_our_values_alone_costs_nothing() {
    let world = World::new(300, Options::default());
    let own = "ALTER TABLE skills ADD COLUMN seen TEXT; CREATE TABLE host_log (id TEXT)";
    world.look().execute_batch(own).unwrap();
    with_trigger_behind(
        &world,
        "AFTER INSERT ON skills BEGIN
           UPDATE skills SET seen = 'yes' WHERE id = new.id; INSERT INTO host_log VALUES (new.id); END",
    );
    assert_success(&world.sync());
    world.assert_mirrored();
    world.server.catalogue(|catalogue| catalogue.change(100, 9));
    assert_success(&world.sync());
    assert_success(&world.sync_with(SyncOptions::new().force(true)));
    world.assert_mirrored();
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

/// Values that are wrong for any column.
#[test]
fn promise_13_any_value_of_the_settings_and_the_history_locks_nobody_out() {
    for table in ["sync_config", "sync_history"] {
        let world = World::new(3, Options::default());
        assert_success(&world.sync());
        let look = world.look();
        let columns: Vec<String> = look
            .prepare("SELECT name FROM pragma_table_info(?1)")
            .unwrap()
            .query_map([table], |row| row.get(0))
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap();
        look.execute_batch(&format!(
            "CREATE TABLE sound AS SELECT * FROM {table}; CREATE TABLE loose AS SELECT * FROM {table};
             DROP TABLE {table}; ALTER TABLE loose RENAME TO {table};"
        ))
        .unwrap();
        for column in &columns {
            for value in VALUES.into_iter().chain(["NULL"]) {
                let what = format!("{table}.{column} = {value}");
                look.execute_batch(&format!(
                    "DELETE FROM {table}; INSERT INTO {table} SELECT * FROM sound; UPDATE {table} SET {column} = {value}"
                ))
                .unwrap();
                let (config, history) =
                    (SyncConfigRepository::new(&world.database), world.history());
                let fine = |call: &str, outcome: skillsmith_sync::Result<()>| {
                    outcome.unwrap_or_else(|error| panic!("{what}: {call}: {error}"));
                };
                fine("get_config", config.get_config().map(|_| ()));
                fine("is_sync_due", config.is_sync_due().map(|_| ()));
                fine("get_history", history.get_history(9).map(|_| ()));
                fine("get_running", history.get_running().map(|_| ()));
                fine("get_stats", history.get_stats().map(|_| ()));
                fine(
                    "get_last_successful",
                    history.get_last_successful().map(|_| ()),
                );
                fine("get_by_id", history.get_by_id("x").map(|_| ()));
                fine("get_status", world.engine().get_status().map(|_| ()));
                let result = world.sync();
                assert!(result.success, "{what}: {result:?}");
                fine("disable", config.disable().map(|_| ()));
                assert!(!config.get_config().unwrap().enabled, "{what}");
                assert!(config.enable().unwrap().enabled, "{what}");
                fine(
                    "set_frequency",
                    config.set_frequency(SyncFrequency::Weekly).map(|_| ()),
                );
                fine("cleanup", history.cleanup(30).map(|_| ()));
            }
        }
    }
}

/// Its key may be anything where the check of the column is missing, or was not kept.
#[test]
fn promise_13_a_configuration_under_another_key_is_no_lock_out() {
    for table in [
        "(id INTEGER PRIMARY KEY",
        "(id TEXT PRIMARY KEY CHECK (id = 'main')",
        "(id TEXT PRIMARY KEY COLLATE NOCASE",
        "(id BLOB",
    ] {
        for key in ["5", "'Default'", "NULL", "'main'"] {
            let world = World::new(3, Options::default());
            let look = world.look();
            look.execute_batch(&format!(
                "DROP TABLE sync_config; PRAGMA ignore_check_constraints = ON;
                 CREATE TABLE sync_config {table}, enabled INTEGER DEFAULT 1, frequency TEXT, interval_ms INTEGER, last_sync_at TEXT,
                   next_sync_at TEXT, last_sync_count INTEGER, last_sync_error TEXT, created_at TEXT, updated_at TEXT);"
            ))
            .unwrap();
            // Not every key can stand in every column.
            _ = look.execute_batch(&format!("INSERT INTO sync_config (id) VALUES ({key})"));
            let what = format!("{table}, {key}");
            let config = SyncConfigRepository::new(&world.database);
            assert!(config.get_config().unwrap().enabled, "{what}");
            let result = world.sync();
            if result.success {
                assert!(!config.disable().unwrap().enabled, "{what}");
            } else {
                // It can hold no settings, which is told with what helps.
                assert_eq!(
                    result.code,
                    Some(ErrorCode::NotSkillsmith),
                    "{what}: {result:?}"
                );
                assert!(
                    result.errors[0].contains("its 'sync_config' takes no row"),
                    "{result:?}"
                );
                look.execute_batch("DROP TABLE sync_config").unwrap();
                assert_success(&world.sync());
                assert!(!config.disable().unwrap().enabled, "{what}");
            }
        }
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

/// SQLite finds rows by their index, so one that misses some of them hides them from every statement.
#[test]
fn promise_3_a_forced_run_mends_an_index_that_misses_rows() {
    let world = World::new(30, Options::default());
    let mut bytes = sound_file(&world);
    let (root, page): (i64, i64) = world
        .look()
        .query_row(
            "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_schema WHERE name = 'sqlite_autoindex_skills_1'",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    let (root, page) = (
        usize::try_from(root).unwrap(),
        usize::try_from(page).unwrap(),
    );
    let index = &mut bytes[(root - 1) * page..root * page];
    for skill in &world.server.visible_skills()[..5] {
        let id = skill["id"].as_str().unwrap().as_bytes();
        let at = index.windows(id.len()).position(|window| window == id);
        index[at.expect("the index is one page") + id.len() - 1] = b'~';
    }
    std::fs::write(world.path(), bytes).unwrap();
    let database = Database::open(world.path()).unwrap();
    let engine = skillsmith_sync::SyncEngine::new(std::sync::Arc::new(world.client()), &database);
    let result = engine.sync(SyncOptions::new().force(true)).unwrap();
    assert_success(&result);
    assert_eq!(result.skills_added, 0, "{result:?}");
    world.assert_mirrored();
    let sql = "PRAGMA integrity_check";
    let verdict: String = world.look().query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}

/// As a program leaves it that has two rows of one id: nothing that can be mended without choosing one of them.
#[test]
fn promise_3_an_index_that_cannot_be_mended_ends_a_forced_run() {
    let world = World::new(30, Options::default());
    assert_success(&world.sync());
    let schema = |sql: &str| {
        let look = world.look();
        look.pragma_update(None, "writable_schema", true).unwrap();
        look.execute_batch(sql).unwrap();
    };
    schema("CREATE INDEX of_names ON skills (name)");
    schema("UPDATE skills SET name = 'the same' WHERE rowid < 3");
    schema(
        "UPDATE sqlite_schema SET sql = 'CREATE UNIQUE INDEX of_names ON skills (name)' WHERE name = 'of_names'",
    );
    let before = row_count(&world.path());
    let result = world.engine().sync(SyncOptions::new().force(true)).unwrap();
    assert_eq!(result.code, Some(ErrorCode::DatabaseDamaged), "{result:?}");
    assert_eq!(row_count(&world.path()), before);
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

/// FTS5 says to run 'rebuild' then, and does not run it.
#[test]
fn promise_3_an_index_of_an_unknown_format_is_made_anew() {
    for sql in [
        "UPDATE skills_fts_config SET v = 99 WHERE k = 'version'",
        "UPDATE skills_fts_config SET v = x'ff' WHERE k = 'version'",
        "DELETE FROM skills_fts_config",
    ] {
        for (force, changes) in [(true, false), (true, true), (false, true)] {
            let world = World::new(30, Options::default());
            assert_success(&world.sync());
            world.look().execute_batch(sql).unwrap();
            if changes {
                world.server.catalogue(|catalogue| catalogue.change(10, 8));
            }
            assert_success(&world.sync_with(SyncOptions::new().force(force)));
            world.assert_mirrored();
            assert!(index_is_sound(&world.look()), "{sql}");
        }
    }
}

/// Only this one step may write where only FTS5 may.
#[test]
fn promise_15_what_makes_an_index_anew_leaves_the_connection_as_it_was() {
    let world = World::new(30, Options::default());
    assert_success(&world.sync());
    world
        .look()
        .execute_batch(
            "UPDATE skills_fts_config SET v = 99 WHERE k = 'version';
             CREATE TRIGGER odd AFTER UPDATE ON sync_config BEGIN UPDATE skills_fts_config SET v = 98 WHERE k = 'version'; END;",
        )
        .unwrap();
    let result = world.sync_with(SyncOptions::new().force(true));
    assert_eq!(result.status, SyncStatus::Failed, "{result:?}");
    assert!(
        result.errors[0].contains("may not be modified"),
        "{result:?}"
    );
    without_trigger(&world);
    assert_success(&world.sync_with(SyncOptions::new().force(true)));
    world.assert_mirrored();
}

/// Whoever made the tables: what a sync reads and writes of them must be there.
#[test]
fn promise_3_a_table_of_a_sync_that_lacks_columns_is_named_before_anything_is_stored() {
    for (table, left, missing) in [
        ("sync_history", "id TEXT PRIMARY KEY, started_at TEXT, skills_added INTEGER, skills_updated INTEGER,
           skills_unchanged INTEGER, error_message TEXT, duration_ms INTEGER, created_at TEXT",
         "no columns 'completed_at', 'status'"),
        ("sync_config", "id TEXT PRIMARY KEY, enabled INTEGER DEFAULT 1, frequency TEXT, interval_ms INTEGER, last_sync_at TEXT,
           next_sync_at TEXT, last_sync_error TEXT, created_at TEXT, updated_at TEXT",
         "no column 'last_sync_count'"),
        ("sync_config", "enabled INTEGER", "no columns 'id', "),
        ("sync_state", "key TEXT PRIMARY KEY", "no column 'value'"),
    ] {
        let world = World::new(30, Options::default());
        let look = world.look();
        look.execute_batch(&format!("DROP TABLE {table}; CREATE TABLE {table} ({left})"))
            .unwrap();
        let config = SyncConfigRepository::new(&world.database);
        let is_told = |told: &str| {
            assert!(told.contains(&format!("its '{table}' has {missing}")), "{told}");
            assert!(told.contains("rename or drop that table"), "{told}");
        };
        for dry_run in [true, false] {
            let result = world.sync_with(SyncOptions::new().dry_run(dry_run));
            assert_eq!(result.code, Some(ErrorCode::NotSkillsmith), "{result:?}");
            is_told(&result.errors[0]);
            assert_eq!(row_count(&world.path()), 0);
        }
        let error = config.disable().unwrap_err();
        assert_eq!(error.code(), ErrorCode::NotSkillsmith, "{error}");
        is_told(&error.to_string());
        is_told(&world.engine().get_status().unwrap_err().to_string());
        look.execute_batch(&format!("DROP TABLE {table}")).unwrap();
        assert_success(&world.sync());
        assert!(!config.disable().unwrap().enabled);
        world.assert_mirrored();
    }
}

/// Its triggers are left, and each write to the skills fails.
#[test]
fn promise_3_a_full_text_index_that_was_dropped_is_made_again() {
    let world = World::new(60, Options::default());
    assert_success(&world.sync());
    world.look().execute_batch("DROP TABLE skills_fts").unwrap();
    let changed = serde_json::json!({ "id": "author/new", "name": "zyzzyva", "updated_at": "2026-02-01T00:00:00Z" });
    world
        .server
        .catalogue(|catalogue| catalogue.upsert(changed));
    assert_success(&world.sync());
    let skills = skillsmith_sync::SkillRepository::new(&world.database);
    let found = skills
        .search("zyzzyva", &skillsmith_sync::search::SearchOptions::new())
        .unwrap();
    assert_eq!((found.indexed, found.matches.len()), (true, 1));
    assert_sound(&world.path());
}
