//! Whole database files: a sound one, damaged where the bytes say, or with other objects and values in it.
//!
//! Whatever is in the file: no panic, every call ends, a run that ends well leaves a sound index, and the counts are
//! those of the table.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rusqlite::Connection;
use skillsmith_sync::registry::{Call, Page, PageRequest};
use skillsmith_sync::{
    Database, Result, SkillRepository, SyncConfigRepository, SyncEngine, SyncHistoryRepository,
    SyncOptions,
};

use super::answering::Answering;
use super::bytes::Bytes;
use super::folder::Folder;

const ROWS: u32 = 40;

/// What another program may have done to the file.
const STATEMENTS: [&str; 16] = [
    "CREATE TRIGGER a AFTER INSERT ON skills BEGIN DELETE FROM skills WHERE id = new.id; END",
    "CREATE TRIGGER b BEFORE UPDATE ON skills BEGIN SELECT RAISE(IGNORE); END",
    "CREATE TRIGGER c BEFORE INSERT ON sync_state BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
    "CREATE TRIGGER d AFTER UPDATE ON sync_config BEGIN DELETE FROM skills WHERE rowid < 9; END",
    "CREATE TRIGGER e BEFORE INSERT ON sync_history BEGIN SELECT RAISE(IGNORE); END",
    "DROP TABLE sync_history; CREATE VIEW sync_history AS SELECT id, name AS status FROM skills",
    "DROP TABLE skills_fts",
    "DROP TABLE skills_fts; CREATE VIRTUAL TABLE skills_fts USING fts5(name, content='')",
    "DROP TRIGGER skills_au",
    "UPDATE sync_config SET interval_ms = x'ff', last_sync_at = 5",
    "UPDATE sync_state SET value = x'ff'",
    "UPDATE sync_state SET value = CAST(x'5bff5d' AS TEXT)",
    "UPDATE skills SET id = x'00' WHERE rowid = 3",
    "UPDATE skills SET updated_at = x'ff', name = 5 WHERE rowid < 7",
    "DELETE FROM skills WHERE rowid > 20",
    "INSERT INTO sync_state VALUES ('url:x', '7'), (CAST(x'75726c3aff' AS TEXT), '\"u\"')",
];

pub fn files(data: &[u8]) {
    let mut bytes = Bytes(data);
    let folder = Folder::new();
    let path = folder.0.join("f.db");
    let is_damaged = bytes.byte() & 1 == 1;
    let mut file = sound_file().to_vec();
    let flips = if is_damaged { bytes.below(16) } else { 0 };
    for _ in 0..flips {
        let at = usize::from(u16::from_le_bytes([bytes.byte(), bytes.byte()])) * 4;
        let at = (at + usize::from(bytes.below(4))) % file.len();
        file[at] ^= bytes.byte();
    }
    std::fs::write(&path, file).expect("a file");
    if !is_damaged {
        let conn = Connection::open(&path).expect("a sound file");
        for _ in 0..bytes.below(4) {
            _ = conn.execute_batch(bytes.one_of(&STATEMENTS));
        }
    }
    let Ok(database) = Database::open(&path) else {
        return;
    };
    let engine = SyncEngine::new(Arc::new(Answering(page)), &database);
    _ = engine.get_status();
    let history = SyncHistoryRepository::new(&database);
    _ = (history.get_history(9), history.get_stats());
    _ = SkillRepository::new(&database).find_by_id("s3");
    _ = SyncConfigRepository::new(&database).enable();
    let options = SyncOptions::new().deadline(Duration::from_secs(5));
    let result = engine.sync(options.force(true)).expect("sound options");
    let counted = result.skills_added + result.skills_updated + result.skills_unchanged;
    assert_eq!(
        counted + result.skills_rejected,
        result.total_processed,
        "{result:?}"
    );
    if result.success {
        assert_eq!(counted, u64::from(ROWS), "{result:?}");
        assert_sound(&path);
    }
}

fn assert_sound(path: &Path) {
    let conn = Connection::open(path).expect("the file");
    let served = "SELECT count(*) FROM skills WHERE typeof(id) = 'text' AND id GLOB 's[0-9]*'";
    let rows: i64 = conn
        .query_row(served, [], |row| row.get(0))
        .expect("a table");
    assert_eq!(rows, i64::from(ROWS));
    let index = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'skills_fts')";
    if conn
        .query_row(index, [], |row| row.get(0))
        .expect("a schema")
    {
        let check = "INSERT INTO skills_fts (skills_fts, rank) VALUES ('integrity-check', 1)";
        conn.execute(check, []).expect("a sound index");
    }
}

/// A database after a sync.
fn sound_file() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let folder = Folder::new();
        let path = folder.0.join("f.db");
        let database = Database::open(&path).expect("a new database");
        let engine = SyncEngine::new(Arc::new(Answering(page)), &database);
        let result = engine.sync(SyncOptions::new()).expect("sound options");
        assert!(result.success, "{result:?}");
        database.close();
        std::fs::read(path).expect("the file")
    })
}

/// A page of a registry of a few skills.
fn page(request: &PageRequest, _: &Call<'_>) -> Result<Page> {
    let first = u32::try_from(request.offset).unwrap_or(u32::MAX).min(ROWS);
    let last = first.saturating_add(request.limit).min(ROWS);
    let rows: Vec<String> = (first..last)
        .map(|number| {
            format!(
                r#"{{"id":"s{number}","name":"name {number}","description":"words","updated_at":"2026-01-01T00:00:00Z"}}"#
            )
        })
        .collect();
    let body = format!(
        r#"{{"data":[{}],"meta":{{"total":{ROWS}}}}}"#,
        rows.join(",")
    );
    Page::parse(body.as_bytes())
}
