//! Files that are refused, and left byte for byte as they are.

use std::path::Path;

use rusqlite::Connection;
use skillsmith_sync::database::OpenOptions;
use skillsmith_sync::{Database, ErrorCode};
use skillsmith_test_registry::{Catalogue, Options, Server};
use tempfile::TempDir;

use super::fixture::Field;
use super::support::{listing, sync, sync_well};

/// Opening is refused for writing and for reading, nothing changes, nothing is left beside the file.
fn assert_refused(path: &Path, codes: &[ErrorCode], what: &str) {
    let folder = path.parent().unwrap();
    let before = (std::fs::read(path).unwrap(), listing(folder));
    for read_only in [false, true] {
        let outcome = OpenOptions::new().read_only(read_only).open(path);
        let error = outcome
            .map(|_| ())
            .expect_err(&format!("{what} was opened (read-only: {read_only})"));
        assert!(codes.contains(&error.code()), "{what}: {error:?}");
        assert!(error.to_string().contains("skills.db"), "{what}: {error}");
        assert!(
            std::fs::read(path).unwrap() == before.0,
            "{what} was changed"
        );
        // SQLite leaves the -wal and -shm files of a database that it may not write; see below.
        if !read_only {
            assert_eq!(listing(folder), before.1, "{what}");
        }
    }
}

fn file_of(bytes: &[u8]) -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("skills.db");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// Bytes that look random, always the same.
fn garbage(count: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect()
}

#[test]
fn what_is_no_database_is_refused() {
    let text = "These are my notes.\n".repeat(100);
    let half_a_header = [b"SQLite format 3\0".as_slice(), &garbage(584)].concat();
    for (what, bytes) in [
        ("text", text.as_bytes()),
        ("5 bytes", b"notes"),
        (
            "a short text",
            b"Just some notes, longer than a header's magic",
        ),
        ("600 bytes of garbage", &garbage(600)),
        ("4,096 bytes of garbage", &garbage(4_096)),
        ("100,000 bytes of garbage", &garbage(100_000)),
        ("JSON", br#"{"apiKey": "x"}"#),
        ("600 zeros", &[0; 600]),
        ("a database's first words and then garbage", &half_a_header),
    ] {
        let (_folder, path) = file_of(bytes);
        assert_refused(
            &path,
            &[ErrorCode::NotADatabase, ErrorCode::DatabaseDamaged],
            what,
        );
    }
    let (_folder, path) = file_of(text.as_bytes());
    assert_eq!(
        Database::open(&path).unwrap_err().code(),
        ErrorCode::NotADatabase
    );
}

/// SQLite itself takes such a file for an empty one.
#[test]
fn a_file_of_one_byte_is_refused() {
    let (_folder, path) = file_of(b"x");
    assert_refused(&path, &[ErrorCode::NotADatabase], "1 byte");
}

/// A sound database with a few hundred pages: an old one that has to be prepared, or one that we have synced.
fn sound(of_ours: bool) -> Vec<u8> {
    let field = Field::new("v2");
    {
        let server = Server::start(Catalogue::generate(600, 1), Options::default());
        sync_well(&Database::open(&field.path).unwrap(), &server);
    }
    if !of_ours {
        let conn = Connection::open(&field.path).unwrap();
        conn.execute_batch(
            "DROP TABLE sync_config; DROP TABLE sync_history; DROP TABLE sync_state;
             DELETE FROM schema_version WHERE version = 3; VACUUM; PRAGMA wal_checkpoint(TRUNCATE);",
        )
        .unwrap();
    }
    std::fs::read(&field.path).unwrap()
}

const PAGE: usize = 4_096;

fn truncated(mut bytes: Vec<u8>, to: usize) -> Vec<u8> {
    assert!(to < bytes.len());
    bytes.truncate(to);
    bytes
}

#[test]
fn a_truncated_database_is_refused() {
    for of_ours in [false, true] {
        let whole = sound(of_ours);
        let pages = whole.len() / PAGE;
        for (what, to) in [
            ("one page", PAGE),
            ("one and a half pages", PAGE + PAGE / 2),
            ("half of its pages", pages / 2 * PAGE),
            ("all but one page", (pages - 1) * PAGE),
            ("all but one byte", whole.len() - 1),
        ] {
            // SQLite itself does not miss the last byte, and only an old file is searched for damage.
            if of_ours && to % PAGE == PAGE - 1 {
                continue;
            }
            let (_folder, path) = file_of(&truncated(whole.clone(), to));
            let what = format!("{what}, of ours: {of_ours}");
            assert_refused(&path, &[ErrorCode::DatabaseDamaged], &what);
        }
        let (_folder, path) = file_of(&truncated(whole, 60));
        assert_refused(
            &path,
            &[ErrorCode::NotADatabase, ErrorCode::DatabaseDamaged],
            "60 bytes",
        );
    }
}

#[test]
fn a_database_with_a_zeroed_header_is_refused() {
    for of_ours in [false, true] {
        for zeros in [16, 100, PAGE] {
            let mut bytes = sound(of_ours);
            bytes[..zeros].fill(0);
            let (_folder, path) = file_of(&bytes);
            assert_refused(
                &path,
                &[ErrorCode::NotADatabase, ErrorCode::DatabaseDamaged],
                &format!("{zeros} zeros, of ours: {of_ours}"),
            );
        }
    }
}

/// The number (from 0) of a page in the middle of the table `skills`.
fn page_of_skills(bytes: &[u8]) -> usize {
    let (_folder, path) = file_of(bytes);
    let conn = Connection::open(&path).unwrap();
    // Long descriptions and short rows alike stand in leaf pages, so one in the
    // middle of the table is found by a text of it.
    let needle: String = conn
        .query_row(
            "SELECT description FROM skills ORDER BY rowid LIMIT 1 OFFSET 300",
            [],
            |row| row.get(0),
        )
        .unwrap();
    drop(conn);
    let needle = &needle.as_bytes()[..40];
    let at = bytes
        .windows(needle.len())
        .position(|window| window == needle)
        .unwrap();
    at / PAGE
}

/// An old file is searched for damage before the first change.
#[test]
fn an_old_database_with_an_overwritten_page_is_refused() {
    let mut bytes = sound(false);
    let page = page_of_skills(&bytes);
    bytes[page * PAGE..(page + 1) * PAGE].copy_from_slice(&garbage(PAGE));
    let (_folder, path) = file_of(&bytes);
    let before = listing(path.parent().unwrap());
    let error = Database::open(&path).map(|_| ()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::DatabaseDamaged, "{error:?}");
    assert!(std::fs::read(&path).unwrap() == bytes, "it was changed");
    assert_eq!(listing(path.parent().unwrap()), before);
}

fn ours_with_an_overwritten_page() -> (Vec<u8>, TempDir, std::path::PathBuf) {
    let mut bytes = sound(true);
    let page = page_of_skills(&bytes);
    bytes[page * PAGE..(page + 1) * PAGE].copy_from_slice(&garbage(PAGE));
    let (folder, path) = file_of(&bytes);
    (bytes, folder, path)
}

/// In a file of ours it is found at the latest by the sync.
#[test]
fn damage_in_a_database_of_ours_fails_the_sync() {
    let (_, _folder, path) = ours_with_an_overwritten_page();
    sync_into_damage(&path);
}

#[test]
fn a_database_of_ours_with_an_overwritten_page_is_left_alone() {
    let (bytes, _folder, path) = ours_with_an_overwritten_page();
    sync_into_damage(&path);
    assert!(std::fs::read(&path).unwrap() == bytes, "it was changed");
}

fn sync_into_damage(path: &Path) {
    let server = Server::start(Catalogue::generate(700, 1), Options::default());
    match Database::open(path) {
        Err(error) => assert_eq!(error.code(), ErrorCode::DatabaseDamaged, "{error:?}"),
        Ok(database) => {
            let result = sync(&database, &server);
            assert!(!result.success);
            assert_eq!(
                result.code,
                Some(ErrorCode::DatabaseDamaged),
                "{:?}",
                result.errors
            );
        }
    }
}

#[test]
fn another_programs_database_is_refused() {
    for (what, sql) in [
        (
            "a browser's bookmarks",
            "CREATE TABLE bookmarks (id INTEGER PRIMARY KEY, url TEXT); INSERT INTO bookmarks (url) VALUES ('x')",
        ),
        (
            "a table of other skills",
            "CREATE TABLE skills (employee INTEGER, skill TEXT); INSERT INTO skills VALUES (1, 'juggling')",
        ),
        (
            "a view of skills",
            "CREATE TABLE people (id TEXT, name TEXT); CREATE VIEW skills AS SELECT id, name FROM people",
        ),
    ] {
        for journal in ["delete", "wal"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("skills.db");
            let conn = Connection::open(&path).unwrap();
            conn.execute_batch(&format!("PRAGMA journal_mode = {journal}; {sql}"))
                .unwrap();
            drop(conn);
            assert_refused(&path, &[ErrorCode::NotSkillsmith], what);
        }
    }
}

#[test]
fn a_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("skills.db");
    std::fs::create_dir(&path).unwrap();
    for read_only in [false, true] {
        let outcome = OpenOptions::new().read_only(read_only).open(&path);
        assert_eq!(outcome.unwrap_err().code(), ErrorCode::InvalidArgument);
    }
    assert_eq!(listing(&path), [] as [&str; 0]);
    assert_eq!(listing(folder.path()), ["skills.db"]);
}

#[test]
fn a_path_through_a_file_is_refused() {
    let (folder, file) = file_of(b"notes");
    let outcome = Database::open(file.join("skills.db"));
    assert_eq!(outcome.unwrap_err().code(), ErrorCode::Io);
    assert_eq!(std::fs::read(&file).unwrap(), b"notes");
    assert_eq!(listing(folder.path()), ["skills.db"]);
}

#[test]
fn an_empty_path_is_refused() {
    assert_eq!(
        Database::open("").unwrap_err().code(),
        ErrorCode::InvalidArgument
    );
}

#[test]
fn what_is_no_file_at_all_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(folder.path().join("nowhere/x.db"), &link).unwrap();
    let error = Database::open(&link).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Io);
    assert!(
        error
            .to_string()
            .contains("link to a place that does not exist"),
        "{error}"
    );
    let error = Database::open("/dev/null").unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    assert!(
        error
            .to_string()
            .contains("/dev/null is not a regular file"),
        "{error}"
    );
}
