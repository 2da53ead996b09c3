//! Opening: failing steps, newer files, several at once, read-only.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use skillsmith_sync::database::OpenOptions;
use skillsmith_sync::{
    Database, ErrorCode, SkillRepository, SyncConfigRepository, SyncFrequency,
    SyncHistoryRepository, SyncRunResult, SyncStatus,
};
use skillsmith_test_registry::{Catalogue, Options, Server};

use super::fixture::Field;
use super::support::{
    SYNC_TABLES, assert_sound, dump, has_table, listing, look, number, schema, skills, sync,
    sync_well, text, versions,
};

/// Statements that stand in the way of the tables of version 3, and the error that they are.
const IN_THE_WAY: [(&str, ErrorCode); 3] = [
    // A table of that name, but of another shape.
    (
        "CREATE TABLE sync_config (setting TEXT, value TEXT); INSERT INTO sync_config VALUES ('a', 'b')",
        ErrorCode::NotSkillsmith,
    ),
    (
        "CREATE TABLE sync_history (what TEXT); INSERT INTO sync_history VALUES ('kept')",
        ErrorCode::NotSkillsmith,
    ),
    // The stamp fails last, after all tables were made.
    (
        "CREATE TRIGGER no_stamps BEFORE INSERT ON schema_version BEGIN SELECT raise(ABORT, 'no'); END",
        ErrorCode::Database,
    ),
];

#[test]
fn a_failing_step_leaves_data_and_version_untouched() {
    for (obstacle, code) in IN_THE_WAY {
        let field = Field::with("v2", obstacle);
        let conn = look(&field.path);
        let before = (schema_of_all(&conn), dump(&conn), versions(&conn));
        drop(conn);

        // The tables are made by the first change.
        let outcome = Database::open(&field.path)
            .and_then(|database| SyncConfigRepository::new(&database).disable());
        let error = outcome.map(|_| ()).expect_err(obstacle);
        assert_eq!(error.code(), code, "{obstacle}: {error}");
        let conn = look(&field.path);
        assert_eq!(
            (schema_of_all(&conn), dump(&conn), versions(&conn)),
            before,
            "{obstacle}"
        );
        assert_sound(&conn);
        drop(conn);
        assert_eq!(listing(field.folder.path()), ["skills.db"], "{obstacle}");
    }
}

fn schema_of_all(conn: &rusqlite::Connection) -> Vec<String> {
    let mut all = schema(conn);
    all.extend(SYNC_TABLES.map(|table| format!("{table}: {}", has_table(conn, table))));
    all
}

#[test]
fn what_is_there_of_version_3_is_completed() {
    let field = Field::with(
        "v2",
        "CREATE TABLE sync_config (
           id TEXT PRIMARY KEY DEFAULT 'default', enabled INTEGER NOT NULL DEFAULT 1,
           frequency TEXT NOT NULL DEFAULT 'daily' CHECK(frequency IN ('daily', 'weekly')),
           interval_ms INTEGER NOT NULL DEFAULT 86400000, last_sync_at TEXT, next_sync_at TEXT,
           last_sync_count INTEGER DEFAULT 0, last_sync_error TEXT,
           created_at TEXT NOT NULL DEFAULT (datetime('now')), updated_at TEXT NOT NULL DEFAULT (datetime('now')));
         INSERT INTO sync_config (id, enabled, frequency, interval_ms) VALUES ('default', 0, 'weekly', 604800000);",
    );
    let database = Database::open(&field.path).unwrap();
    let config = SyncConfigRepository::new(&database).get_config().unwrap();
    assert!(!config.enabled);
    assert_eq!(config.frequency, SyncFrequency::Weekly);
    sync_well(&database, &super::served::start());
    assert_eq!(versions(&look(&field.path)), Some(vec![1, 2, 3]));
    assert_sound(&look(&field.path));
}

/// The other stack's columns allow NULL in the counts, and somebody may have put one there.
#[test]
fn nulls_in_the_books_of_the_other_stack_can_be_read() {
    let field = Field::with(
        "v3",
        "UPDATE sync_config SET last_sync_count = NULL;
         UPDATE sync_history SET skills_added = NULL, skills_updated = NULL, skills_unchanged = NULL;",
    );
    let database = Database::open(&field.path).unwrap();
    let config = SyncConfigRepository::new(&database).get_config().unwrap();
    assert_eq!(config.last_sync_count, 0);
    let history = SyncHistoryRepository::new(&database)
        .get_history(10)
        .unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(history[0].skills_added, 0);
}

#[test]
fn a_newer_version_is_opened_and_left_alone() {
    let field = Field::with(
        "v17_created",
        "INSERT INTO schema_version (version, applied_at) VALUES (18, '2027-01-01'), (99, '2027-02-01');
         ALTER TABLE skills ADD COLUMN from_the_future TEXT NOT NULL DEFAULT 'who knows';
         CREATE TABLE future (x INTEGER PRIMARY KEY, y BLOB); INSERT INTO future VALUES (1, x'00ff');
         CREATE TRIGGER future_ai AFTER INSERT ON skills BEGIN UPDATE future SET x = x; END;
         CREATE VIEW future_view AS SELECT * FROM skills;",
    );
    let conn = look(&field.path);
    let before = (schema(&conn), dump(&conn)["schema_version"].clone());
    let database = Database::open(&field.path).unwrap();
    sync_well(&database, &super::served::start());
    assert_eq!(
        (schema(&conn), dump(&conn)["schema_version"].clone()),
        before
    );
    assert_sound(&conn);
    let odd = "SELECT count(*) FROM skills WHERE from_the_future <> 'who knows'";
    assert_eq!(number(&conn, odd), 0);
}

#[test]
fn opening_twice_is_the_same_as_once() {
    for name in super::fixture::all() {
        let field = Field::new(&name);
        drop(Database::open(&field.path).unwrap());
        let conn = look(&field.path);
        let once = (schema_of_all(&conn), dump(&conn));
        drop(conn);
        let bytes = std::fs::read(&field.path).unwrap();
        for _ in 0..2 {
            drop(Database::open(&field.path).unwrap());
        }
        assert_eq!(std::fs::read(&field.path).unwrap(), bytes, "{name}");
        let conn = look(&field.path);
        assert_eq!((schema_of_all(&conn), dump(&conn)), once, "{name}");
    }
}

#[test]
fn a_new_file_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("not/there/yet/skills.db");
    let database = Database::open(&path).unwrap();
    assert_new_and_whole(&path);
    drop(database);
    assert_eq!(listing(path.parent().unwrap()), ["skills.db"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
    }
}

#[test]
fn an_empty_file_becomes_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("skills.db");
    std::fs::write(&path, b"").unwrap();
    let database = Database::open(&path).unwrap();
    assert_new_and_whole(&path);
    sync_well(&database, &super::served::start());
    assert_sound(&look(&path));
}

fn assert_new_and_whole(path: &Path) {
    let conn = look(path);
    assert_eq!(versions(&conn), Some(vec![1, 2, 3]));
    assert_eq!(text(&conn, "PRAGMA journal_mode").as_deref(), Some("wal"));
    assert_eq!(number(&conn, "SELECT count(*) FROM sync_config"), 1);
    for table in [
        "skills",
        "skills_fts",
        "sources",
        "categories",
        "skill_categories",
        "cache",
        "sync_history",
        "sync_state",
    ] {
        assert!(has_table(&conn, table), "{table}");
    }
    let triggers = "SELECT group_concat(name) FROM (SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name)";
    assert_eq!(
        text(&conn, triggers).as_deref(),
        Some("skills_ad,skills_ai,skills_au")
    );
    assert_sound(&conn);
}

#[test]
fn threads_may_create_the_same_file_at_once() {
    for _ in 0..25 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("skills.db");
        let barrier = Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    barrier.wait();
                    let database = Database::open(&path).unwrap();
                    let id = SyncHistoryRepository::new(&database).start_run().unwrap();
                    SyncHistoryRepository::new(&database)
                        .complete_run(&id, SyncRunResult::default())
                        .unwrap();
                });
            }
        });
        assert_new_and_whole(&path);
        assert_eq!(number(&look(&path), "SELECT count(*) FROM sync_history"), 4);
    }
}

#[test]
fn threads_may_prepare_the_same_old_file_at_once() {
    for name in ["v2", "v4_without_sync_tables", "imported"] {
        let field = Field::new(name);
        let barrier = Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    barrier.wait();
                    let database = Database::open(&field.path).unwrap();
                    SyncConfigRepository::new(&database).enable().unwrap();
                });
            }
        });
        let conn = look(&field.path);
        assert_eq!(number(&conn, "SELECT count(*) FROM sync_config"), 1);
        assert_sound(&conn);
    }
}

/// The path that a helper process opens; see [`helper_that_opens`].
const HELPER: &str = "SKILLSMITH_TEST_OPENS";

/// Not a test: the other process of the test below. It waits for a line, then opens the file.
#[test]
fn helper_that_opens() {
    let Ok(path) = std::env::var(HELPER) else {
        return;
    };
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let database = Database::open(path).unwrap();
    let id = SyncHistoryRepository::new(&database).start_run().unwrap();
    SyncHistoryRepository::new(&database)
        .complete_run(&id, SyncRunResult::default())
        .unwrap();
}

#[test]
fn processes_may_create_the_same_file_at_once() {
    use std::io::Write;

    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("skills.db");
        let mut helpers: Vec<_> = (0..3)
            .map(|_| {
                Command::new(std::env::current_exe().unwrap())
                    .args([
                        "--exact",
                        "field_databases::opening::helper_that_opens",
                        "--nocapture",
                    ])
                    .env(HELPER, &path)
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for helper in &mut helpers {
            helper.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
        }
        for helper in helpers {
            let output = helper.wait_with_output().unwrap();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        assert_new_and_whole(&path);
        assert_eq!(
            number(&look(&path), "SELECT count(*) FROM sync_history"),
            3,
            "every helper has written its entry"
        );
    }
}

#[test]
fn a_read_only_database_can_be_read_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("skills.db");
    let server = Server::start(Catalogue::generate(120, 3), Options::default());
    {
        let database = Database::open(&path).unwrap();
        sync_well(&database, &server);
        SyncConfigRepository::new(&database)
            .set_frequency(SyncFrequency::Weekly)
            .unwrap();
    }
    let before = std::fs::read(&path).unwrap();

    let database = OpenOptions::new().read_only(true).open(&path).unwrap();
    assert!(database.is_read_only());
    let config = SyncConfigRepository::new(&database);
    let history = SyncHistoryRepository::new(&database);
    assert_eq!(
        config.get_config().unwrap().frequency,
        SyncFrequency::Weekly
    );
    assert!(!config.is_sync_due().unwrap());
    let runs = history.get_history(10).unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].status, SyncStatus::Success);
    assert_eq!(history.get_stats().unwrap().successful_runs, 1);
    assert!(!history.is_running().unwrap());
    let skills = SkillRepository::new(&database);
    assert_eq!(skills.count().unwrap(), 120);
    let id = server.catalogue(|catalogue| catalogue.ids()[0].clone());
    assert_eq!(skills.find_by_id(&id).unwrap().unwrap().id, id);

    let refused = [
        config.enable().map(|_| ()),
        config.disable().map(|_| ()),
        config.set_frequency(SyncFrequency::Daily).map(|_| ()),
        config.set_last_sync("2026-01-01T00:00:00.000Z", 1),
        config.set_last_sync_error("no"),
        config.clear_error(),
        history.start_run().map(|_| ()),
        history.complete_run(&runs[0].id, SyncRunResult::default()),
        history.fail_run(&runs[0].id, "no"),
        history.cleanup(0).map(|_| ()),
    ];
    for outcome in refused {
        assert_eq!(outcome.unwrap_err().code(), ErrorCode::ReadOnly);
    }
    let result = sync(&database, &server);
    assert!(!result.success);
    assert_eq!(result.code, Some(ErrorCode::ReadOnly), "{result:?}");

    drop((config, history, skills, database));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_read_only_open_creates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing/skills.db");
    let outcome = OpenOptions::new().read_only(true).open(&path);
    assert_eq!(outcome.unwrap_err().code(), ErrorCode::Io);
    assert_eq!(listing(folder.path()), [] as [&str; 0]);

    let field = Field::new("v2");
    let before = std::fs::read(&field.path).unwrap();
    let database = OpenOptions::new()
        .read_only(true)
        .open(&field.path)
        .unwrap();
    // What is not there yet is empty.
    assert!(
        SyncConfigRepository::new(&database)
            .get_config()
            .unwrap()
            .enabled
    );
    assert_eq!(SyncHistoryRepository::new(&database).count().unwrap(), 0);
    assert_eq!(std::fs::read(&field.path).unwrap(), before);
}

/// A row that another program deletes or adds while a file is open is no trouble for the next sync.
#[test]
fn what_another_program_does_between_two_syncs_is_mended() {
    let field = Field::new("v3");
    let server = super::served::start();
    let database = Database::open(&field.path).unwrap();
    sync_well(&database, &server);
    let before = skills(&look(&field.path));
    look(&field.path)
        .execute_batch(
            "DELETE FROM skills WHERE id IN ('field/older', 'field/equal');
             INSERT OR REPLACE INTO skills (id, name, repo_url) VALUES ('own/thief', 'thief', NULL);
             UPDATE skills SET updated_at = datetime('now'), description = 'changed here' WHERE id = 'field/nulls';",
        )
        .unwrap();
    let result = sync_well(&database, &server);
    assert_eq!((result.skills_added, result.skills_updated), (2, 1));
    let conn = look(&field.path);
    let mut after = skills(&conn);
    assert!(after.remove("own/thief").is_some());
    let without_made_up_times =
        |mut rows: std::collections::BTreeMap<String, super::support::SkillRow>| {
            // Columns of the old row that the registry does not know are gone with it.
            for row in rows.values_mut() {
                row.remove("stars");
                row.remove("source");
            }
            rows
        };
    let (after, before) = (without_made_up_times(after), without_made_up_times(before));
    for (id, row) in &before {
        if id == "field/equal" {
            assert!(after.contains_key(id));
        } else {
            assert_eq!(&after[id], row, "{id}");
        }
    }
    assert_sound(&conn);
}

#[test]
fn opening_waits_for_a_writer_as_long_as_it_is_told() {
    let impatient = OpenOptions::new().open_budget(Duration::from_millis(50));
    // An empty file has to be made a database first.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("skills.db");
    let host = rusqlite::Connection::open(&path).unwrap();
    host.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    let error = impatient.open(&path).unwrap_err();
    assert_eq!(error.code(), ErrorCode::DatabaseBusy);
    // Ten seconds unless told otherwise.
    assert!(begun.elapsed() < Duration::from_secs(5));
    host.execute_batch("COMMIT").unwrap();
    impatient.open(&path).unwrap();
    // What is only read waits for no writer.
    let field = Field::new("v2");
    let host = look(&field.path);
    host.execute_batch("BEGIN IMMEDIATE").unwrap();
    impatient.open(&field.path).unwrap();
}

#[test]
fn reads_of_a_rollback_journal_wait_after_a_write_too() {
    let field = Field::new("rollback_journal");
    let database = Database::open(&field.path).unwrap();
    let config = SyncConfigRepository::new(&database);
    config.disable().unwrap();
    let host = look(&field.path);
    host.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let committed = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        host.execute_batch("COMMIT").unwrap();
    });
    assert!(!config.get_config().unwrap().enabled);
    committed.join().unwrap();
}
