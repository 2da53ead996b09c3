//! Searches where something is different: no index, a damaged one, files of every version, a writer beside, a medium that
//! cannot be written.

use rusqlite::Connection;
use skillsmith_sync::database::OpenOptions;
use skillsmith_sync::search::{ListOptions, SearchOptions, SkillFilter};
use skillsmith_sync::{Coverage, Database, SkillRepository};
use skillsmith_test_registry::Options;

use super::{four, ids};
use crate::field_databases::fixture::{Field, all};
use crate::support::{World, assert_success};

#[test]
fn without_an_index_texts_are_compared_letter_by_letter() {
    let (folder, skills) = four();
    let conn = Connection::open(folder.path().join("skills.db")).unwrap();
    conn.execute_batch(
        "DROP TRIGGER skills_ai; DROP TRIGGER skills_ad; DROP TRIGGER skills_au; DROP TABLE skills_fts;",
    )
    .unwrap();
    for (text, expected) in [
        ("git", &["a/described", "c/better", "b/named"][..]),
        ("HELPER commits", &["c/better", "b/named"]),
        ("50%", &["d/other"]),
        ("5_%", &[]),
        ("tested", &[]),
    ] {
        let found = skills.search(text, &SearchOptions::new()).unwrap();
        assert!(!found.indexed);
        let found: Vec<_> = found
            .matches
            .iter()
            .map(|found| found.skill.id.as_str())
            .collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn a_damaged_index_is_told_and_not_needed() {
    let (folder, skills) = four();
    let conn = Connection::open(folder.path().join("skills.db")).unwrap();
    conn.execute_batch("UPDATE skills_fts_data SET block = x'00ff' WHERE id > 10")
        .unwrap();
    let found = skills.search("git", &SearchOptions::new()).unwrap();
    assert_eq!((found.indexed, found.matches.len()), (false, 3));
}

/// Of a later version of FTS5, or with a tokenizer that only another program has.
#[test]
fn an_index_that_cannot_be_used_is_told_and_not_needed() {
    for change in [
        "UPDATE skills_fts_config SET v = 99 WHERE k = 'version'",
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_master SET sql = replace(sql, 'porter unicode61', 'mycjk') WHERE name = 'skills_fts'",
    ] {
        let (folder, _) = four();
        let path = folder.path().join("skills.db");
        let conn = Connection::open(&path).unwrap();
        conn.execute_batch(change).unwrap();
        drop(conn);
        let skills = SkillRepository::new(&Database::open(&path).unwrap());
        let found = skills.search("git", &SearchOptions::new()).unwrap();
        assert_eq!((found.indexed, found.matches.len()), (false, 3), "{change}");
        assert_eq!(skills.list(&ListOptions::new()).unwrap().skills.len(), 4);
        assert!(skills.get("b/named").unwrap().is_some());
    }
}

#[test]
fn an_index_that_was_never_filled_finds_nothing_and_is_not_believed() {
    let (folder, skills) = four();
    let conn = Connection::open(folder.path().join("skills.db")).unwrap();
    conn.execute_batch("INSERT INTO skills_fts (skills_fts) VALUES ('delete-all')")
        .unwrap();
    let found = skills.search("git", &SearchOptions::new()).unwrap();
    assert_eq!((found.indexed, found.matches.len()), (false, 3));
    // Nor is an empty database one without an index.
    conn.execute_batch("DROP TRIGGER skills_ad; DELETE FROM skills")
        .unwrap();
    let found = skills.search("git", &SearchOptions::new()).unwrap();
    assert_eq!((found.indexed, found.matches.len()), (true, 0));
}

/// No call could ask for them, and none of them is a place to go on from.
#[test]
fn pages_pass_over_ids_that_are_not_texts() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path().join("skills.db")).unwrap();
    let conn = Connection::open(folder.path().join("skills.db")).unwrap();
    for number in 0..30 {
        let ids = [
            format!("'a{number:02}'"),
            format!("x'62{number:02}ff'"),
            format!("CAST(x'61{:02x}80' AS TEXT)", 0x30 + number),
            "NULL".to_owned(),
        ];
        for id in ids {
            let sql = format!("INSERT INTO skills (id, name) VALUES ({id}, 'n')");
            conn.execute_batch(&sql).unwrap();
        }
    }
    // It is a text, and looks like what stands for one that is not.
    conn.execute_batch("INSERT INTO skills (id, name) VALUES ('a' || char(65533), 'n')")
        .unwrap();
    let skills = SkillRepository::new(&database);
    let mut expected: Vec<_> = (0..30).map(|number| format!("a{number:02}")).collect();
    expected.push("a\u{FFFD}".into());
    for limit in [1, 2, 7, 1_000] {
        let listed = skills.iter(ListOptions::new().limit(limit));
        // It would not end.
        let listed: Vec<_> = listed.take(200).map(|skill| skill.unwrap().id).collect();
        assert_eq!(listed, expected, "{limit}");
    }
}

/// Other programs make these tables, and anything may stand in their place.
#[test]
fn categories_that_are_not_tables_are_not_read() {
    let (folder, skills) = four();
    let conn = Connection::open(folder.path().join("skills.db")).unwrap();
    conn.execute_batch(
        "DROP TABLE skill_categories; DROP TABLE categories;
         CREATE VIEW categories AS WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n)
           SELECT id, id AS name FROM n;
         CREATE VIEW skill_categories AS SELECT id AS category_id, id AS skill_id FROM categories;",
    )
    .unwrap();
    let found = skills.get("b/named").unwrap().unwrap();
    assert!(found.categories.is_empty());
    let options = SearchOptions::new().filter(SkillFilter::new().category("Version Control"));
    assert!(skills.search("git", &options).unwrap().matches.is_empty());
}

/// The file and what stands beside it, which no connection has open: its journals, and their bytes.
fn bytes_in(folder: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn search_all(skills: &SkillRepository) {
    assert_eq!(ids(skills, "git", &SearchOptions::new()).len(), 3);
    assert_eq!(ids(skills, "", &SearchOptions::new()).len(), 4);
    assert_eq!(skills.list(&ListOptions::new()).unwrap().skills.len(), 4);
    assert!(skills.get("b/named").unwrap().is_some());
    assert!(!skills.freshness().unwrap().is_empty);
}

#[test]
fn a_search_changes_nothing_and_works_in_a_file_that_cannot_be_written() {
    let (folder, skills) = four();
    let path = folder.path().join("skills.db");
    drop(skills);
    let before = bytes_in(folder.path());
    assert_eq!(before.len(), 1, "a file without journals");

    // With every right, and without the right to write.
    let database = Database::open(&path).unwrap();
    search_all(&SkillRepository::new(&database));
    drop(database);
    assert!(before == bytes_in(folder.path()), "a search has written");
    let database = OpenOptions::new().read_only(true).open(&path).unwrap();
    search_all(&SkillRepository::new(&database));
    drop(database);
    // SQLite leaves empty journals beside a file in WAL mode that it may only read.
    let after = bytes_in(folder.path());
    assert!(before[0] == after[0], "a search has written");
    for (name, bytes) in &after[1..] {
        let is_empty = match name.as_str() {
            "skills.db-wal" => bytes.is_empty(),
            "skills.db-shm" => true,
            _ => false,
        };
        assert!(is_empty, "{name} has {} bytes", bytes.len());
    }
}

/// The bytes of a file that SQLite has open here: were it opened and closed in this process, its locks would be gone.
#[cfg(unix)]
fn bytes_of(path: &std::path::Path) -> Vec<u8> {
    let said = std::process::Command::new("cat")
        .arg(path)
        .output()
        .unwrap();
    assert!(said.status.success());
    said.stdout
}

/// What another program has written and not yet brought into the file stays in the journal.
#[cfg(unix)]
#[test]
fn a_search_leaves_the_journal_of_a_writer_alone() {
    let (folder, skills) = four();
    let path = folder.path().join("skills.db");
    drop(skills);
    let writer = Connection::open(&path).unwrap();
    writer
        .execute_batch(
            "PRAGMA wal_autocheckpoint = 0; UPDATE skills SET author = 'later' WHERE id = 'a/described'",
        )
        .unwrap();
    let journal = folder.path().join("skills.db-wal");
    let before = (bytes_of(&path), bytes_of(&journal));
    assert!(!before.1.is_empty());
    let skills = SkillRepository::new(&Database::open(&path).unwrap());
    search_all(&skills);
    assert_eq!(
        ids(&skills, "later", &SearchOptions::new()),
        ["a/described"]
    );
    drop(skills);
    assert!(
        before == (bytes_of(&path), bytes_of(&journal)),
        "a search has written"
    );
}

#[test]
fn a_writer_beside_holds_nobody_up() {
    let (folder, skills) = four();
    let writer = Connection::open(folder.path().join("skills.db")).unwrap();
    writer
        .execute_batch("BEGIN IMMEDIATE; UPDATE skills SET name = 'Renamed' WHERE id = 'b/named'")
        .unwrap();
    assert_eq!(ids(&skills, "git", &SearchOptions::new()).len(), 3);
    assert_eq!(
        skills.get("b/named").unwrap().unwrap().skill.name,
        "Git helper"
    );
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(ids(&skills, "renamed", &SearchOptions::new()), ["b/named"]);
}

#[test]
fn an_answer_says_how_complete_and_how_old_the_skills_are() {
    let world = World::new(30, Options::default());
    let path = world.path();
    let skills = SkillRepository::new(&Database::open(&path).unwrap());
    let fresh = skills.freshness().unwrap();
    assert!(
        fresh.is_empty && fresh.is_stale && fresh.listed_at.is_none() && fresh.coverage.is_none()
    );
    assert_success(&world.sync());
    let fresh = skills
        .search("git", &SearchOptions::new())
        .unwrap()
        .freshness;
    assert!(!fresh.is_empty && !fresh.is_stale && !fresh.by_words);
    assert_eq!(fresh.coverage, Some(Coverage::Complete));
    assert!(fresh.age_ms.unwrap() < 60_000);
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch(
        "UPDATE sync_state SET value = '\"2020-01-01T00:00:00.000Z\"' WHERE key = 'listed'",
    )
    .unwrap();
    let fresh = skills.freshness().unwrap();
    assert!(fresh.is_stale && fresh.age_ms.unwrap() > 86_400_000);
}

/// By the index of the file, if it has one that agrees with its table; and each skill once in either case.
#[test]
fn files_of_every_version_are_searched() {
    for name in all() {
        let field = Field::new(&name);
        let database = OpenOptions::new()
            .read_only(true)
            .open(&field.path)
            .unwrap();
        let skills = SkillRepository::new(&database);
        let listed: Vec<_> = skills
            .iter(ListOptions::new().limit(2))
            .map(Result::unwrap)
            .collect();
        assert_eq!(
            i64::try_from(listed.len()),
            Ok(skills.count().unwrap()),
            "{name}"
        );
        for skill in &listed {
            let details = skills.get(&skill.id).unwrap().unwrap();
            assert_eq!(&details.skill, skill, "{name}");
            let found = skills
                .search(&skill.name, &SearchOptions::new().limit(1_000))
                .unwrap();
            let same = found
                .matches
                .iter()
                .filter(|found| found.skill.id == skill.id)
                .count();
            let has_left_index = name.contains("fts") || name.contains("upset");
            assert!(
                same == 1 || (same == 0 && has_left_index),
                "{name}: {} {same}",
                skill.id
            );
        }
    }
}
