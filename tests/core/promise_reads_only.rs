//! Reading changes nothing in the file, and opening can be cancelled.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use skillsmith_sync::database::OpenOptions;
use skillsmith_sync::{
    CancelToken, Database, ErrorCode, SkillRepository, SyncConfigRepository, SyncEngine,
    SyncFrequency, SyncHistoryRepository, SyncOptions, SyncStats,
};
use skillsmith_test_registry::{Catalogue, Options, Server};

use crate::support::{assert_success, client};

/// Tables of skills as found in the field, each with some or none of the tables for syncing.
const OLD: [&str; 5] = [
    "",
    "CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at TEXT);
     INSERT INTO schema_version (version) VALUES (1), (2);",
    "CREATE TABLE sync_config (id TEXT PRIMARY KEY DEFAULT 'default', enabled INTEGER NOT NULL DEFAULT 1,
       frequency TEXT NOT NULL DEFAULT 'daily', interval_ms INTEGER NOT NULL DEFAULT 86400000, last_sync_at TEXT,
       next_sync_at TEXT, last_sync_count INTEGER DEFAULT 0, last_sync_error TEXT,
       created_at TEXT NOT NULL DEFAULT (datetime('now')), updated_at TEXT NOT NULL DEFAULT (datetime('now')));",
    "CREATE TABLE sync_history (id TEXT PRIMARY KEY, started_at TEXT NOT NULL, completed_at TEXT,
       status TEXT NOT NULL DEFAULT 'running', skills_added INTEGER DEFAULT 0, skills_updated INTEGER DEFAULT 0,
       skills_unchanged INTEGER DEFAULT 0, error_message TEXT, duration_ms INTEGER,
       created_at TEXT NOT NULL DEFAULT (datetime('now')));",
    "CREATE TABLE sync_state (key TEXT PRIMARY KEY, value TEXT);",
];

fn make(path: &Path, more: &str) {
    let conn = Connection::open(path).unwrap();
    conn.execute_batch(
        "PRAGMA journal_mode = WAL;
         CREATE TABLE skills (id TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT, author TEXT,
           repo_url TEXT UNIQUE, quality_score REAL, trust_tier TEXT, tags TEXT, created_at TEXT, updated_at TEXT);
         INSERT INTO skills (id, name) VALUES ('own/skill', 'skill');",
    )
    .unwrap();
    conn.execute_batch(more).unwrap();
}

#[test]
fn promise_15_what_only_reads_leaves_an_old_file_byte_for_byte() {
    for more in OLD {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("skills.db");
        make(&path, more);
        let before = std::fs::read(&path).unwrap();
        let server = Server::start(Catalogue::generate(120, 1), Options::default());
        {
            let database = Database::open(&path).unwrap();
            let config = SyncConfigRepository::new(&database);
            let defaults = config.get_config().unwrap();
            assert!(defaults.enabled && defaults.last_sync_at.is_none());
            assert_eq!(defaults.frequency, SyncFrequency::Daily);
            assert!(config.is_sync_due().unwrap());
            let history = SyncHistoryRepository::new(&database);
            assert_eq!(history.get_history(10).unwrap(), []);
            assert_eq!(history.get_running().unwrap(), []);
            assert_eq!(history.get_last_successful().unwrap(), None);
            assert_eq!(history.get_by_id("sync-1").unwrap(), None);
            assert_eq!(history.count().unwrap(), 0);
            assert_eq!(history.get_stats().unwrap(), SyncStats::default());
            assert_eq!(SkillRepository::new(&database).count().unwrap(), 1);
            let engine = SyncEngine::new(Arc::new(client(&server.base_url())), &database);
            let status = engine.get_status().unwrap();
            assert!(status.is_due && !status.is_running && status.last_run.is_none());
            let result = engine.sync(SyncOptions::new().dry_run(true)).unwrap();
            assert!(result.success, "{more}: {result:?}");
            assert_eq!(result.skills_added, 120);
        }
        assert!(std::fs::read(&path).unwrap() == before, "{more}");

        // The first change creates what is missing.
        let database = Database::open(&path).unwrap();
        SyncConfigRepository::new(&database).disable().unwrap();
        assert!(
            !SyncConfigRepository::new(&database)
                .get_config()
                .unwrap()
                .enabled
        );
        let engine = SyncEngine::new(Arc::new(client(&server.base_url())), &database);
        assert_success(&engine.sync(SyncOptions::default()).unwrap());
        assert_eq!(SyncHistoryRepository::new(&database).count().unwrap(), 1);
    }
}

#[test]
fn promise_15_the_path_of_a_folder_is_refused_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["data/", "data/more/", "./"] {
        for read_only in [false, true] {
            let outcome = OpenOptions::new()
                .read_only(read_only)
                .open(folder.path().join(name));
            let error = outcome.unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument);
            assert!(error.to_string().contains("is a folder"), "{error}");
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn promise_15_a_refused_new_file_is_not_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let cancel = CancelToken::new();
    cancel.cancel();
    let outcome = OpenOptions::new()
        .cancel(cancel)
        .open(folder.path().join("skills.db"));
    assert_eq!(outcome.unwrap_err().code(), ErrorCode::Cancelled);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Cancels opening a database that another connection keeps locked, and returns how long that took.
fn cancelled_after(path: &Path) -> Duration {
    let cancel = CancelToken::new();
    std::thread::scope(|scope| {
        let opening = scope.spawn(|| {
            let outcome = OpenOptions::new()
                .busy_budget(Duration::from_secs(600))
                .open_budget(Duration::from_secs(600))
                .cancel(cancel.clone())
                .open(path);
            (outcome.unwrap_err().code(), Instant::now())
        });
        std::thread::sleep(Duration::from_millis(150));
        assert!(!opening.is_finished());
        let asked = Instant::now();
        // As a signal handler does.
        cancel.raise();
        let (code, ended) = opening.join().unwrap();
        assert_eq!(code, ErrorCode::Cancelled);
        ended.saturating_duration_since(asked)
    })
}

#[test]
fn promise_12_opening_a_locked_database_is_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    // Readers have to wait.
    let path = folder.path().join("locked.db");
    make(&path, "PRAGMA journal_mode = DELETE;");
    let host = Connection::open(&path).unwrap();
    host.execute_batch("BEGIN EXCLUSIVE").unwrap();
    // Far less than the ten minutes that it would wait.
    assert!(cancelled_after(&path) < Duration::from_secs(60));
    // So does the creator of a new file.
    let path = folder.path().join("empty.db");
    let host = Connection::open(&path).unwrap();
    host.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(cancelled_after(&path) < Duration::from_secs(60));
}

#[test]
fn promise_12_a_run_that_waits_for_a_locked_database_is_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("skills.db");
    make(&path, "PRAGMA journal_mode = DELETE;");
    let database = OpenOptions::new()
        .busy_budget(Duration::from_secs(600))
        .open(&path)
        .unwrap();
    let server = Server::start(Catalogue::generate(30, 1), Options::default());
    let engine = SyncEngine::new(Arc::new(client(&server.base_url())), &database);
    let host = Connection::open(&path).unwrap();
    host.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let cancel = CancelToken::new();
    let result = std::thread::scope(|scope| {
        let run = scope.spawn(|| engine.sync(SyncOptions::new().cancel(cancel.clone())));
        std::thread::sleep(Duration::from_millis(150));
        assert!(!run.is_finished());
        cancel.raise();
        run.join().unwrap().unwrap()
    });
    assert_eq!(result.code, Some(ErrorCode::Cancelled), "{result:?}");
    host.execute_batch("COMMIT").unwrap();
    assert_success(&engine.sync(SyncOptions::default()).unwrap());
    drop(host);
    assert_eq!(SkillRepository::new(&database).count().unwrap(), 31);
}
