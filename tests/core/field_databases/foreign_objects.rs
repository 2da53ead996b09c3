//! Objects under the names of our tables that are something else: nothing is read from them.

use rusqlite::Connection;
use skillsmith_sync::database::OpenOptions;
use skillsmith_sync::{Database, ErrorCode, SkillRepository, SyncConfigRepository};
use skillsmith_test_registry::{Catalogue, Options, Server};

use super::fixture::Field;
use super::support::{assert_sound, look, sync, sync_well};

/// A query without an end.
const ENDLESS: &str =
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";

/// A file of version 3, changed in a way that SQLite itself allows.
fn changed(statements: &str) -> Field {
    let field = Field::with(
        "v3",
        "CREATE TABLE IF NOT EXISTS sync_state (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL);
         CREATE TABLE sync_pages (x); CREATE TABLE sync_unmet (x);",
    );
    let conn = Connection::open(&field.path).unwrap();
    conn.execute_batch(statements)
        .unwrap_or_else(|error| panic!("{statements}: {error}"));
    field
}

fn assert_refused(field: &Field, found: &str) {
    let before = std::fs::read(&field.path).unwrap();
    for read_only in [false, true] {
        let outcome = OpenOptions::new().read_only(read_only).open(&field.path);
        let error = outcome.map(|_| ()).expect_err(found);
        assert_eq!(error.code(), ErrorCode::NotSkillsmith, "{error}");
        assert!(error.to_string().contains(found), "{found}: {error}");
    }
    assert!(
        std::fs::read(&field.path).unwrap() == before,
        "{found}: changed"
    );
}

#[test]
fn a_view_is_not_taken_for_a_table() {
    for table in [
        "sync_config",
        "sync_history",
        "sync_state",
        "sync_pages",
        "sync_unmet",
        "schema_version",
        "skills",
    ] {
        for view in [table.to_owned(), table.to_ascii_uppercase()] {
            let field = changed(&format!(
                "DROP TABLE {table}; CREATE VIEW {view} AS
                 SELECT i AS id, i AS name, i AS key, i AS value, i AS version, 'running' AS status FROM ({ENDLESS})"
            ));
            let found = format!("its '{table}' is a view, not an ordinary table");
            assert_refused(&field, &found);
        }
    }
    let field = changed(&format!(
        "PRAGMA writable_schema = ON;
         DELETE FROM sqlite_schema WHERE name = 'skills_fts_data';
         INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql)
           VALUES ('view', 'skills_fts_data', 'skills_fts_data', 0,
                   'CREATE VIEW skills_fts_data AS SELECT i AS id, i AS block FROM ({ENDLESS})')"
    ));
    assert_refused(&field, "its 'skills_fts_data' is a view");
}

#[test]
fn a_virtual_table_is_not_taken_for_a_table() {
    for table in ["sync_config", "sync_history", "sync_state", "skills"] {
        let field = changed(&format!(
            "DROP TABLE {table};
             CREATE VIRTUAL TABLE {table} USING fts5(id, name, key, value, status, started_at)"
        ));
        let found = format!("its '{table}' is a virtual table, not an ordinary table");
        assert_refused(&field, &found);
    }
}

#[test]
fn another_index_is_not_taken_for_ours() {
    for (index, found) in [
        ("CREATE VIEW skills_fts AS SELECT 1 AS name", "a view"),
        ("CREATE TABLE skills_fts (name)", "a table"),
        (
            "CREATE VIRTUAL TABLE skills_fts USING fts5(name, content='elsewhere')",
            "an FTS5 table over something else",
        ),
    ] {
        let field = changed(&format!("DROP TABLE skills_fts; {index}"));
        let found = format!("its 'skills_fts' is {found}, not an FTS5 table over 'skills'");
        assert_refused(&field, &found);
    }
}

#[test]
fn a_table_is_not_taken_for_a_function() {
    let field = changed("CREATE TABLE pragma_table_info (name, 'notnull', dflt_value)");
    assert_refused(&field, "its 'pragma_table_info' is a table");
}

/// What the other stack may have and we only add to is passed over.
#[test]
fn a_view_of_the_other_stack_is_left_alone() {
    let field = changed(&format!(
        "DROP TABLE skill_categories; DROP TABLE categories; DROP TABLE IF EXISTS skill_versions;
         CREATE VIEW skill_categories AS SELECT i AS skill_id, i AS category_id FROM ({ENDLESS});
         CREATE VIEW categories AS SELECT i AS id, i AS name FROM ({ENDLESS});
         CREATE VIEW skill_versions AS SELECT i AS skill_id, i AS content_hash, i AS recorded_at FROM ({ENDLESS});
         DROP TABLE sync_pages; DROP TABLE sync_unmet;"
    ));
    let server = Server::start(Catalogue::generate(30, 1), Options::default());
    sync_well(&Database::open(&field.path).unwrap(), &server);
    assert_sound(&look(&field.path));
}

#[test]
fn what_changes_after_opening_is_looked_at_by_the_next_run() {
    let field = changed("DROP TABLE sync_pages; DROP TABLE sync_unmet;");
    let database = Database::open(&field.path).unwrap();
    let server = Server::start(Catalogue::generate(30, 1), Options::default());
    sync_well(&database, &server);
    let swap = format!(
        "DROP TABLE sync_state; CREATE VIEW sync_state AS SELECT i AS key, i AS value FROM ({ENDLESS})"
    );
    look(&field.path).execute_batch(&swap).unwrap();
    let result = sync(&database, &server);
    assert_eq!(result.code, Some(ErrorCode::NotSkillsmith), "{result:?}");
    let error = SyncConfigRepository::new(&database).disable().unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotSkillsmith, "{error}");
    let error = SkillRepository::new(&database).count().unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotSkillsmith, "{error}");
}
