//! The record of versions that files from version 6 on keep.
//!
//! The hashes were computed apart from this library: Python's `hashlib` over the JSON text, and once more by Node's
//! `crypto` over `JSON.stringify`.

use serde_json::json;
use skillsmith_sync::Database;
use skillsmith_test_registry::{Options, Server};

use super::fixture::Field;
use super::support::{look, number, sync_well};
use super::{served, support};

const OLDER: &str = "549088bac9e0ee9a502a4e1a8003bf1893e5803f8dc1283a4ade2a5226d72750";
const OLDER_AGAIN: &str = "454d7da1c3e84080be89cf2704a8076ee6ecb46b593783dc3dc35fa7a19e9033";

fn recorded(field: &Field, id: &str) -> Vec<String> {
    look(&field.path)
        .prepare("SELECT content_hash FROM skill_versions WHERE skill_id = ?1 ORDER BY id")
        .unwrap()
        .query_map([id], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

#[test]
fn a_written_skill_is_recorded_with_the_hash_of_its_text() {
    let field = Field::new("with_skill_versions");
    let database = Database::open(&field.path).unwrap();
    let server = served::start();
    server.catalogue(|catalogue| {
        catalogue.upsert(json!({"id": "own/slashes", "name": "a/b \"c\" \\d",
            "description": "tab\t, del\u{7f}, \u{2028} separator, \u{1f}", "updated_at": "2026-05-01T00:00:00Z"}));
    });
    sync_well(&database, &server);
    for (id, hash) in [
        (
            "field/nulls",
            "fe78a85d9aa7fcec5b77be0d5e5f4b1b89d0620aef437b4d3ef9f2ae71f571c5",
        ),
        // The description that it has kept.
        (
            "field/sparse",
            "a7a85f99373c686d186841da79ef4dc4455795138d8b7e5ec0e7b1b76c9ad74b",
        ),
        (
            "field/new-sparse",
            "7de36e5796fa770c70a0e5e93ddbe1e69ca00f5ee913af9ca42d20edde6d8c1d",
        ),
        (
            "field/ünï-😀",
            "2bb0d5bd1c2436f0ce8fdba8da0be78a26b1fb73a10b8e5d97d7c12cedc63605",
        ),
        (
            "own/slashes",
            "2e8248089e31e5031f5c07097c3472e93db1ee02e64e946c8ecf71d6f986547d",
        ),
    ] {
        assert_eq!(recorded(&field, id), [hash], "{id}");
    }
    // After the one that stood there.
    assert_eq!(recorded(&field, "field/older")[1..], [OLDER]);
    assert_eq!(recorded(&field, "field/equal"), [] as [&str; 0]);
    assert_eq!(recorded(&field, "field/unstamped"), [] as [&str; 0]);
    let conn = look(&field.path);
    let odd = "SELECT count(*) FROM skill_versions WHERE typeof(recorded_at) <> 'integer' OR recorded_at <= 0
               OR length(content_hash) <> 64 OR content_hash <> lower(content_hash)";
    assert_eq!(number(&conn, odd), 0);
}

#[test]
fn each_version_is_recorded_once() {
    let field = Field::new("with_skill_versions");
    let database = Database::open(&field.path).unwrap();
    let row = |stamp: &str| json!({"id": "field/older", "name": "older, renamed", "description": "A newer text", "updated_at": stamp});
    let (first, second) = (
        row("2026-03-01T12:30:00.123456+00:00"),
        row("2027-01-01T00:00:00Z"),
    );
    let server = Server::start([first.clone()].into_iter().collect(), Options::default());
    let stood = recorded(&field, "field/older");
    for (served, hashes) in [
        (&first, vec![OLDER]),
        (&first, vec![OLDER]),
        (&second, vec![OLDER, OLDER_AGAIN]),
        // Back to one that is recorded already.
        (&first, vec![OLDER, OLDER_AGAIN]),
    ] {
        server.catalogue(|catalogue| catalogue.upsert(served.clone()));
        sync_well(&database, &server);
        assert_eq!(
            recorded(&field, "field/older"),
            [
                stood.clone(),
                hashes.into_iter().map(str::to_owned).collect()
            ]
            .concat()
        );
    }
    support::assert_sound(&look(&field.path));
}

#[test]
fn a_skill_without_a_stamp_is_recorded_when_its_text_changes() {
    let field = Field::new("with_skill_versions");
    let database = Database::open(&field.path).unwrap();
    let row = json!({"id": "field/unstamped", "name": "unstamped", "description": "Another text"});
    let server = Server::start([row].into_iter().collect(), Options::default());
    for _ in 0..2 {
        sync_well(&database, &server);
        assert_eq!(
            recorded(&field, "field/unstamped"),
            ["d6986d806967afc771bfc315b358ea95e965b7841618b38fd100cc608d4a78b8"]
        );
    }
}

fn upgrade(field: &Field) {
    look(&field.path)
        .execute_batch(
            "DELETE FROM skill_versions; INSERT INTO schema_version (version) VALUES (18)",
        )
        .unwrap();
}

/// The step to version 18 empties the record; what stays as it is comes back with the registry's own hash.
#[test]
fn from_version_18_on_every_skill_is_recorded_with_the_registrys_hash() {
    let field = Field::new("v17_created");
    let database = Database::open(&field.path).unwrap();
    let row = |id: &str| json!({"id": id, "name": id, "content_hash": "ab12", "updated_at": "2026-05-01T00:00:00Z"});
    let without = json!({"id": "without", "name": "x", "content_hash": null, "updated_at": "2026-05-01T00:00:00Z"});
    let server = Server::start(
        [row("a"), row("own/local"), without].into_iter().collect(),
        Options::default(),
    );
    sync_well(&database, &server);
    assert_eq!(recorded(&field, "a")[0].len(), 64);
    upgrade(&field);

    let unchanged = sync_well(&database, &server);
    assert_eq!(unchanged.skills_unchanged, 3, "{unchanged:?}");
    for (id, hashes) in [("a", &["ab12"][..]), ("own/local", &[]), ("without", &[])] {
        assert_eq!(recorded(&field, id), hashes, "{id}");
    }
    // Where the record is lost for another reason than the step.
    look(&field.path)
        .execute_batch("DELETE FROM skill_versions")
        .unwrap();
    let before = support::dump(&look(&field.path));
    sync_well(&database, &server);
    assert_eq!(recorded(&field, "a"), ["ab12"]);
    let after = support::dump(&look(&field.path));
    assert_eq!(after["skills"], before["skills"]);
    sync_well(&database, &server);
    assert_eq!(
        support::dump(&look(&field.path))["skill_versions"],
        after["skill_versions"]
    );

    let changed = json!({"id": "a", "name": "a", "content_hash": "cd34", "updated_at": "2026-05-02T00:00:00Z"});
    server.catalogue(|catalogue| catalogue.upsert(changed));
    sync_well(&database, &server);
    assert_eq!(recorded(&field, "a"), ["ab12", "cd34"]);
}

/// Two kinds of hashes side by side would make every skill look out of date.
#[test]
fn an_upgrade_during_a_sync_lets_no_older_hash_in() {
    let field = Field::with(
        "v17_created",
        // As soon as the first row is written, and before its version is.
        "CREATE TRIGGER step AFTER INSERT ON skills BEGIN
           DELETE FROM skill_versions; INSERT OR IGNORE INTO schema_version (version) VALUES (18); END",
    );
    let database = Database::open(&field.path).unwrap();
    let row = json!({"id": "a", "name": "a", "content_hash": "ab12", "updated_at": "2026-05-01T00:00:00Z"});
    let server = Server::start([row].into_iter().collect(), Options::default());
    sync_well(&database, &server);
    assert_eq!(recorded(&field, "a"), [] as [&str; 0]);
    look(&field.path)
        .execute_batch("DROP TRIGGER step")
        .unwrap();
    sync_well(&database, &server);
    assert_eq!(recorded(&field, "a"), ["ab12"]);
}

/// The steps in between change nothing of it.
#[test]
fn every_version_before_18_has_the_older_hash() {
    for version in 6..18 {
        let stamps: Vec<String> = (6..=version).map(|stamp| format!("({stamp})")).collect();
        let stamps = format!(
            "INSERT OR IGNORE INTO schema_version (version) VALUES {}",
            stamps.join(", ")
        );
        let field = Field::with("with_skill_versions", &stamps);
        let database = Database::open(&field.path).unwrap();
        let row = json!({"id": "field/older", "name": "older, renamed", "description": "A newer text",
            "content_hash": "ab12", "updated_at": "2026-03-01T12:30:00.123456+00:00"});
        let server = Server::start([row].into_iter().collect(), Options::default());
        sync_well(&database, &server);
        assert_eq!(recorded(&field, "field/older")[1..], [OLDER], "{version}");
    }
}

/// Not every file has the UNIQUE that would ignore it.
#[test]
fn a_record_without_a_unique_index_takes_each_version_once() {
    let field = Field::with("v18_created", "DROP INDEX idx_skill_versions_hash");
    let database = Database::open(&field.path).unwrap();
    let server = served::start();
    sync_well(&database, &server);
    sync_well(&database, &server);
    let twice = "SELECT count(*) FROM (SELECT 1 FROM skill_versions GROUP BY skill_id, content_hash HAVING count(*) > 1)";
    assert_eq!(number(&look(&field.path), twice), 0);
    assert!(number(&look(&field.path), "SELECT count(*) FROM skill_versions") > 10);
}
