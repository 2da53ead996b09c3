//! Rows over which an expression of the database fails: they are rejected by name, and cost only themselves.

use skillsmith_sync::{SyncOptions, SyncResult, SyncStatus};
use skillsmith_test_registry::Options;

use crate::support::{World, assert_sound, assert_success, row_count};

/// The row that the databases of this file refuse.
const REFUSED: &str = "author/refused";

/// Enough rows for more than one batch.
const ROWS: usize = 300;

fn world() -> World {
    let world = World::new(ROWS, Options::default());
    world
        .server
        .catalogue(|catalogue| catalogue.push(row("2026-01-01T00:00:00Z", "words")));
    world
}

fn row(stamp: &str, words: &str) -> serde_json::Value {
    serde_json::json!({ "id": REFUSED, "name": "refused", "description": words, "author": "nobody", "updated_at": stamp })
}

/// Makes the table anew, with more in its definition.
fn with_constraint(world: &World, constraint: &str) {
    let look = world.look();
    let objects = "SELECT sql FROM sqlite_master WHERE tbl_name = 'skills' AND sql IS NOT NULL ORDER BY type <> 'table'";
    let mut of_table: Vec<String> = look
        .prepare(objects)
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    let table = of_table[0].trim_end().trim_end_matches(')').to_owned();
    of_table[0] = format!("{table}, {constraint})");
    look.execute_batch(&format!(
        "PRAGMA foreign_keys = OFF; DROP TABLE skills; {}",
        of_table.join(";")
    ))
    .unwrap();
}

/// One row is rejected with these words; all others are stored.
#[track_caller]
fn assert_costs_itself(world: &World, result: &SyncResult, words: &str) {
    assert_eq!(result.status, SyncStatus::Partial, "{result:?}");
    assert_eq!(result.skills_rejected, 1, "{result:?}");
    let told = result.errors.join("; ");
    assert!(told.contains(REFUSED) && told.contains(words), "{told}");
    let stored = result.skills_added + result.skills_updated + result.skills_unchanged;
    assert_eq!(stored, ROWS as u64, "{result:?}");
    assert_sound(&world.path());
}

#[test]
fn promise_5_a_row_whose_expression_fails_costs_only_itself() {
    let of_row = format!("id = '{REFUSED}'");
    let insert = |does: &str| {
        format!("CREATE TRIGGER odd BEFORE INSERT ON skills WHEN new.{of_row} BEGIN {does}; END")
    };
    for (schema, words) in [
        (
            format!("CREATE INDEX odd ON skills (CASE WHEN {of_row} THEN json(name) END)"),
            "malformed JSON",
        ),
        (
            format!(
                "ALTER TABLE skills ADD COLUMN more AS (CASE WHEN {of_row} THEN json_extract(name, '$') END);
                 CREATE INDEX odd ON skills (more)"
            ),
            "malformed JSON",
        ),
        (
            format!(
                "CREATE INDEX odd ON skills (name) WHERE {of_row} AND abs(-9223372036854775807 - length(name) / 7)"
            ),
            "integer overflow",
        ),
        (insert("SELECT json(new.name)"), "malformed JSON"),
        (
            insert("SELECT '{}' -> 'no path', json_extract('{}', 'no path')"),
            "no path",
        ),
        (
            format!(
                "CREATE TABLE seen (id TEXT REFERENCES none (id) DEFERRABLE INITIALLY DEFERRED); CREATE TABLE none (id TEXT PRIMARY KEY);
                 {}",
                insert("INSERT INTO seen VALUES (new.id)")
            ),
            "FOREIGN KEY",
        ),
    ] {
        let world = world();
        world.look().execute_batch(&schema).unwrap();
        for force in [false, true] {
            let result = world.sync_with(SyncOptions::new().force(force));
            assert_costs_itself(&world, &result, words);
            assert_eq!(row_count(&world.path()), ROWS, "{schema}");
        }
        world
            .look()
            .execute_batch("DROP INDEX IF EXISTS odd; DROP TRIGGER IF EXISTS odd")
            .unwrap();
        _ = world
            .look()
            .execute_batch("ALTER TABLE skills DROP COLUMN more");
        assert_success(&world.sync());
        world.assert_mirrored();
    }
}

#[test]
fn promise_5_a_row_that_a_constraint_of_the_table_cannot_weigh_costs_only_itself() {
    for (constraint, words) in [
        (
            format!("CHECK (id <> '{REFUSED}' OR json(name))"),
            "malformed JSON",
        ),
        (
            "FOREIGN KEY (author) REFERENCES people (name) DEFERRABLE INITIALLY DEFERRED".into(),
            "FOREIGN KEY",
        ),
    ] {
        let world = world();
        with_constraint(&world, &constraint);
        let look = world.look();
        look.execute_batch("CREATE TABLE people (name TEXT PRIMARY KEY)")
            .unwrap();
        for skill in world.server.visible_skills() {
            let author = skill["author"]
                .as_str()
                .filter(|author| *author != "nobody");
            look.execute("INSERT OR IGNORE INTO people VALUES (?1)", [author])
                .unwrap();
        }
        let result = world.sync();
        assert_costs_itself(&world, &result, words);
        assert_eq!(row_count(&world.path()), ROWS, "{constraint}");
    }
}

#[test]
fn promise_5_a_change_over_which_an_expression_fails_costs_only_its_row() {
    let world = world();
    assert_success(&world.sync());
    world
        .look()
        .execute_batch(&format!(
            "CREATE TRIGGER odd BEFORE UPDATE ON skills WHEN new.id = '{REFUSED}' BEGIN SELECT json(new.name); END"
        ))
        .unwrap();
    world.server.catalogue(|catalogue| {
        catalogue.change(ROWS, 8);
        catalogue.upsert(row("2026-02-01T00:00:00Z", "other words"));
    });
    let result = world.sync();
    assert_costs_itself(&world, &result, "malformed JSON");
    world.look().execute_batch("DROP TRIGGER odd").unwrap();
    assert_success(&world.sync());
    world.assert_mirrored();
}

/// Two skills swap their URLs, so both are stored without one first; then one of them cannot be given its own.
#[test]
fn promise_5_a_url_that_an_expression_refuses_costs_only_itself() {
    let world = World::new(30, Options::default());
    let row = |id: &str, url: &str, stamp: &str| serde_json::json!({ "id": id, "name": id, "repo_url": url, "updated_at": stamp });
    let (one, two) = ("https://example.com/one", "https://example.com/two");
    world.server.catalogue(|catalogue| {
        catalogue.push(row("a/one", one, "2026-01-01T00:00:00Z"));
        catalogue.push(row("a/two", two, "2026-01-01T00:00:00Z"));
    });
    assert_success(&world.sync());
    world
        .look()
        .execute_batch(
            "CREATE TRIGGER odd BEFORE UPDATE OF repo_url ON skills
             WHEN new.id = 'a/two' AND old.repo_url IS NULL AND new.repo_url IS NOT NULL
             BEGIN SELECT json(new.name); END",
        )
        .unwrap();
    world.server.catalogue(|catalogue| {
        catalogue.upsert(row("a/one", two, "2026-02-01T00:00:00Z"));
        catalogue.upsert(row("a/two", one, "2026-02-01T00:00:00Z"));
    });
    for _ in 0..2 {
        let result = world.sync();
        assert_ne!(result.status, SyncStatus::Failed, "{result:?}");
        let told = [&result.errors[..], &result.warnings[..]]
            .concat()
            .join("; ");
        assert!(
            told.contains("a/two") && told.contains("malformed JSON"),
            "{told}"
        );
    }
    world.look().execute_batch("DROP TRIGGER odd").unwrap();
    assert_success(&world.sync());
    world.assert_mirrored();
}

#[test]
fn promise_5_a_skill_that_an_expression_keeps_is_named_and_the_others_go() {
    for schema in [
        "CREATE TRIGGER odd BEFORE DELETE ON skills WHEN old.id = 'author/refused' BEGIN SELECT json(old.name); END",
        "CREATE TABLE notes (skill TEXT REFERENCES skills (id) DEFERRABLE INITIALLY DEFERRED);
         INSERT INTO notes VALUES ('author/refused')",
    ] {
        let world = world();
        assert_success(&world.sync());
        world.look().execute_batch(schema).unwrap();
        let gone = world.server.visible_skills()[0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        world.server.catalogue(|catalogue| {
            catalogue.remove(REFUSED);
            catalogue.remove(&gone);
        });
        let prune = || world.sync_with(SyncOptions::new().prune(true).force(true));
        prune();
        let result = prune();
        assert_eq!(result.skills_removed, 1, "{result:?}");
        let told = result.warnings.join("; ");
        assert!(
            told.contains(REFUSED) && told.contains("keeps it"),
            "{told}"
        );
        assert_eq!(row_count(&world.path()), ROWS);
    }
}

/// What fails for every row is not about a row.
#[test]
fn promise_5_a_statement_that_cannot_run_at_all_ends_the_run_with_its_words() {
    let world = world();
    world
        .look()
        .execute_batch(
            "CREATE TRIGGER odd AFTER INSERT ON skills BEGIN INSERT INTO gone VALUES (new.id); END",
        )
        .unwrap();
    let result = world.sync();
    assert_eq!(result.status, SyncStatus::Failed, "{result:?}");
    assert!(result.errors[0].contains("gone"), "{result:?}");
    assert_eq!(result.skills_rejected, 0, "{result:?}");
}

#[test]
fn promise_5_a_row_without_an_id_that_has_a_url_stops_no_run() {
    let world = World::new(30, Options::default());
    assert_success(&world.sync());
    world
        .look()
        .execute_batch("UPDATE skills SET id = NULL WHERE rowid = (SELECT min(rowid) FROM skills WHERE repo_url IS NOT NULL)")
        .unwrap();
    world.server.catalogue(|catalogue| catalogue.change(30, 8));
    for force in [false, true] {
        let result = world.sync_with(SyncOptions::new().force(force));
        assert_success(&result);
    }
}

/// What the table cannot hold is told by the run that fills it first.
#[test]
fn columns_that_are_missing_are_told_once() {
    let world = World::new(30, Options::default());
    world
        .look()
        .execute_batch(
            "DROP TRIGGER skills_ai; DROP TRIGGER skills_ad; DROP TRIGGER skills_au; DROP TABLE skills_fts;
             DROP INDEX idx_skills_author; ALTER TABLE skills DROP COLUMN author; ALTER TABLE skills DROP COLUMN tags",
        )
        .unwrap();
    let result = world.engine().sync(SyncOptions::new()).unwrap();
    assert_success(&result);
    let words =
        "The table of skills has no columns 'author', 'tags', so that a sync does not store";
    assert!(result.warnings[0].starts_with(words), "{result:?}");
    assert_eq!(result.skills_added, 30);
    let result = world.engine().sync(SyncOptions::new()).unwrap();
    assert_eq!(result.warnings, [""; 0], "{result:?}");
}

/// A withdrawn skill that the database does not let go, without an error.
#[test]
fn promise_3_a_withdrawn_skill_that_a_trigger_keeps_is_named_and_not_counted() {
    for (trigger, kept) in [
        ("BEFORE DELETE ON skills WHEN old.id = 'author/refused' BEGIN SELECT RAISE(IGNORE); END", REFUSED),
        (
            "AFTER DELETE ON skills WHEN old.id = 'author/refused' BEGIN
               INSERT INTO skills (id, name, source) VALUES (old.id, 'zombie', 'registry'); END",
            REFUSED,
        ),
        // With the removal of another one.
        (
            "AFTER DELETE ON skills WHEN old.id = 'z/last' BEGIN
               INSERT INTO skills (id, name, source) VALUES ('author/refused', 'zombie', 'registry'); END",
            REFUSED,
        ),
    ] {
        let world = world();
        let last = serde_json::json!({ "id": "z/last", "name": "last", "updated_at": "2026-01-01T00:00:00Z" });
        world.server.catalogue(|catalogue| catalogue.push(last));
        assert_success(&world.sync());
        world
            .look()
            .execute_batch(&format!("CREATE TRIGGER odd {trigger}"))
            .unwrap();
        world.server.catalogue(|catalogue| {
            catalogue.remove(REFUSED);
            catalogue.remove("z/last");
        });
        let prune = || world.sync_with(SyncOptions::new().prune(true));
        prune();
        let result = prune();
        assert_eq!(result.skills_removed, 1, "{trigger}: {result:?}");
        assert_eq!(row_count(&world.path()), ROWS + 1, "{trigger}");
        let told = result.warnings.join("; ");
        assert!(told.contains(kept) && told.contains("keeps it"), "{trigger}: {told}");
        let removed = || world.history().get_history(1).unwrap()[0].skills_removed;
        assert_eq!(removed(), 1, "{trigger}");
        if trigger.contains("IGNORE") {
            // As long as it stays, each run says so.
            for _ in 0..2 {
                let again = prune();
                assert_eq!(again.skills_removed, 0, "{trigger}: {again:?}");
                assert!(again.warnings.join("; ").contains("keeps it"), "{again:?}");
                assert!(!again.warnings.join("; ").contains("no longer listed. The next"), "{again:?}");
            }
        }
        world.look().execute_batch("DROP TRIGGER odd").unwrap();
        prune();
        prune();
        assert_eq!(row_count(&world.path()), ROWS, "{trigger}");
        assert_sound(&world.path());
    }
}

/// What is told of one skill is told in the singular.
#[test]
fn one_withdrawn_skill_is_told_as_one() {
    let world = world();
    assert_success(&world.sync());
    world
        .server
        .catalogue(|catalogue| catalogue.remove(REFUSED));
    let result = world.sync_with(SyncOptions::new().prune(true));
    assert_eq!(
        result.warnings,
        [
            "1 skill is no longer listed. The next sync with prune removes it, if it is not listed again."
        ]
    );
}

/// What a trigger refuses is not known before something is written.
#[test]
fn promise_3_a_dry_run_says_what_it_cannot_know() {
    let world = world();
    let dry_run = || world.sync_with(SyncOptions::new().dry_run(true));
    assert_eq!(dry_run().warnings, [""; 0]);
    world
        .look()
        .execute_batch(
            "CREATE TRIGGER odd BEFORE INSERT ON skills BEGIN SELECT RAISE(ABORT, 'no'); END",
        )
        .unwrap();
    let result = dry_run();
    assert_eq!(result.skills_added, ROWS as u64 + 1, "{result:?}");
    let told = result.warnings.join("; ");
    assert!(
        told.contains("A dry run writes nothing") && told.contains("triggers"),
        "{told}"
    );
    assert!(!world.sync().warnings.join("; ").contains("dry run"));
}
