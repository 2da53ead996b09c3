//! Tables that compare their keys otherwise than byte by byte: two skills would be one there, and what is counted not so.

use rusqlite::Connection;
use skillsmith_sync::database::OpenOptions;
use skillsmith_sync::{Database, ErrorCode, SkillRepository, SyncOptions};
use skillsmith_test_registry::{Options, Validators};

use crate::support::{World, assert_success, row_count};

/// The definition of the table of skills, with another one of its ids.
fn with_ids(world: &World, ids: &str) -> String {
    let sql: String = world
        .look()
        .query_row(
            "SELECT sql FROM sqlite_master WHERE name = 'skills'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let of_ids = "id            TEXT PRIMARY KEY,";
    assert!(sql.contains(of_ids), "{sql}");
    sql.replacen(of_ids, ids, 1)
}

/// A world whose table of skills has such ids.
fn world(ids: &str) -> World {
    let world = World::new(0, Options::default());
    let sql = with_ids(&world, ids);
    world
        .look()
        .execute_batch(&format!(
            "PRAGMA foreign_keys = OFF; DROP TABLE skills; {sql}"
        ))
        .unwrap();
    for id in ["abc", "ABC", "1", "01", "1e0", "x"] {
        let row = serde_json::json!({ "id": id, "name": id, "updated_at": "2026-01-01T00:00:00Z" });
        world.server.catalogue(|catalogue| catalogue.push(row));
    }
    world
}

#[test]
fn promise_1_ids_that_are_not_compared_byte_by_byte_are_refused() {
    for (ids, words) in [
        (
            "id TEXT COLLATE NOCASE PRIMARY KEY,",
            "by the collation NOCASE",
        ),
        (
            "id TEXT COLLATE rtrim PRIMARY KEY,",
            "by the collation rtrim",
        ),
        ("id NUMERIC PRIMARY KEY,", "as numbers (NUMERIC)"),
        ("id CHARINT PRIMARY KEY,", "as numbers (CHARINT)"),
        ("id INTEGER PRIMARY KEY,", "as numbers (INTEGER)"),
        ("id DOUBLE PRIMARY KEY,", "as numbers (DOUBLE)"),
        ("id STRING PRIMARY KEY,", "as numbers (STRING)"),
    ] {
        let world = world(ids);
        for read_only in [false, true] {
            let error = OpenOptions::new()
                .read_only(read_only)
                .open(world.path())
                .unwrap_err();
            let told = error.to_string();
            assert_eq!(error.code(), ErrorCode::NotSkillsmith, "{ids}: {told}");
            assert!(
                told.contains("its 'skills' compares 'id' ") && told.contains(words),
                "{told}"
            );
            assert!(told.contains("'id TEXT PRIMARY KEY'"), "{told}");
        }
        // On a connection that was open before, too.
        let skills = SkillRepository::new(&world.database);
        assert_eq!(
            skills.find_by_id("abc").unwrap_err().code(),
            ErrorCode::NotSkillsmith,
            "{ids}"
        );
        let result = world.sync();
        assert_eq!(result.code, Some(ErrorCode::NotSkillsmith), "{result:?}");
        assert_eq!(row_count(&world.path()), 0);
    }
}

#[test]
fn promise_1_ids_of_any_type_that_are_compared_byte_by_byte_are_kept_apart() {
    for ids in [
        "id TEXT PRIMARY KEY,",
        "id VARCHAR(64) PRIMARY KEY,",
        "id PRIMARY KEY,",
        "id BLOB PRIMARY KEY,",
        "id TEXT COLLATE binary UNIQUE,",
    ] {
        let world = world(ids);
        assert_success(&world.sync());
        assert_eq!(row_count(&world.path()), 6, "{ids}");
        let again = world.sync_with(SyncOptions::new().force(true));
        assert_eq!(again.skills_unchanged, 6, "{ids}: {again:?}");
    }
    // A constraint may have a collation of its own, which refuses rows by name.
    let world = world("id TEXT UNIQUE COLLATE binary, ");
    world
        .look()
        .execute_batch("CREATE UNIQUE INDEX odd ON skills (id COLLATE NOCASE)")
        .unwrap();
    let result = world.sync();
    assert_eq!(result.skills_rejected, 1, "{result:?}");
    assert_eq!(row_count(&world.path()), 5);
}

#[test]
fn promise_1_ids_that_are_compared_in_another_way_from_now_on_end_a_run() {
    let world = World::new(300, Options::default());
    assert_success(&world.sync());
    world.server.catalogue(|catalogue| catalogue.change(300, 8));
    let (path, sql) = (
        world.path(),
        with_ids(&world, "id TEXT COLLATE NOCASE PRIMARY KEY,"),
    );
    let mut is_put = false;
    let options = SyncOptions::new().on_progress(move |progress| {
        if !is_put && progress.current > 0 {
            is_put = true;
            let other = Connection::open(&path).unwrap();
            other
                .busy_timeout(std::time::Duration::from_secs(5))
                .unwrap();
            other
                .execute_batch(&format!(
                    "PRAGMA foreign_keys = OFF; DROP TABLE skills; {sql}"
                ))
                .unwrap();
        }
    });
    let result = world.sync_with(options);
    assert_eq!(result.code, Some(ErrorCode::NotSkillsmith), "{result:?}");
}

#[test]
fn promise_1_a_state_whose_keys_are_not_compared_byte_by_byte_is_refused() {
    for key in [
        "key TEXT COLLATE NOCASE PRIMARY KEY",
        "key INTEGER PRIMARY KEY",
    ] {
        let world = World::new(3, Options::default());
        let look = world.look();
        look.execute_batch(&format!(
            "DROP TABLE sync_state; CREATE TABLE sync_state ({key}, value TEXT)"
        ))
        .unwrap();
        let error = Database::open(world.path()).unwrap_err();
        let told = error.to_string();
        assert_eq!(error.code(), ErrorCode::NotSkillsmith, "{told}");
        assert!(
            told.contains("its 'sync_state' compares 'key' ") && told.contains("drop that table"),
            "{told}"
        );
        look.execute_batch("DROP TABLE sync_state").unwrap();
        assert_success(&world.sync());
    }
}

/// What is known by such a key goes with its table, as that of another version does.
#[test]
fn promise_1_notes_whose_keys_are_not_compared_byte_by_byte_are_made_anew() {
    for (table, from, to) in [
        (
            "sync_unmet",
            "id       TEXT NOT NULL",
            "id TEXT COLLATE NOCASE",
        ),
        (
            "sync_pages",
            "request   TEXT NOT NULL",
            "request TEXT COLLATE NOCASE",
        ),
    ] {
        let world = World::new(
            30,
            Options {
                validators: Validators::Etag,
                ..Options::default()
            },
        );
        assert_success(&world.sync());
        let gone = world
            .server
            .catalogue(|catalogue| catalogue.ids()[3].clone());
        world.server.catalogue(|catalogue| catalogue.remove(&gone));
        let prune = || world.sync_with(SyncOptions::new().prune(true));
        prune();
        let look = world.look();
        let definition = || -> String {
            let sql = "SELECT sql FROM sqlite_master WHERE name = ?1";
            look.query_row(sql, [table], |row| row.get(0)).unwrap()
        };
        let sql = definition();
        assert!(sql.contains(from), "{sql}");
        let sql = sql.replacen(from, to, 1);
        look.execute_batch(&format!("DROP TABLE {table}; {sql}"))
            .unwrap();
        world.server.catalogue(|catalogue| catalogue.change(10, 8));
        assert_success(&prune());
        assert_success(&prune());
        assert!(!definition().contains("NOCASE"), "{table}");
        assert_eq!(row_count(&world.path()), 29);
    }
}

/// A skill that goes takes nothing with it that is known of another one.
#[test]
fn promise_1_what_other_tables_hold_of_another_skill_stays() {
    let world = World::new(25, Options::default());
    for id in ["abc", "ABC"] {
        let row = serde_json::json!({ "id": id, "name": id, "updated_at": "2026-01-01T00:00:00Z" });
        world.server.catalogue(|catalogue| catalogue.push(row));
    }
    assert_success(&world.sync());
    world
        .look()
        .execute_batch(
            "CREATE TABLE skill_versions (id INTEGER PRIMARY KEY, skill_id TEXT COLLATE NOCASE, content_hash TEXT, recorded_at INTEGER);
             DROP TABLE skill_categories;
             CREATE TABLE skill_categories (skill_id TEXT COLLATE NOCASE, category_id TEXT COLLATE NOCASE);
             INSERT INTO categories (id, name) VALUES ('git', 'Git');
             INSERT INTO skill_versions (skill_id, content_hash) VALUES ('abc', 'hash');
             INSERT INTO skill_categories VALUES ('abc', 'git')",
        )
        .unwrap();
    world.server.catalogue(|catalogue| catalogue.remove("ABC"));
    let prune = || world.sync_with(SyncOptions::new().prune(true).force(true));
    prune();
    assert_eq!(prune().skills_removed, 1);
    let kept: i64 = world
        .look()
        .query_row(
            "SELECT (SELECT count(*) FROM skill_versions WHERE skill_id = 'abc') + (SELECT count(*) FROM skill_categories)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(kept, 2);
}
