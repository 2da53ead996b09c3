//! Syncing, and looking into files past the library.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension};
use skillsmith_sync::environment::Environment;
use skillsmith_sync::{
    ClientOptions, Database, SkillsmithApiClient, SyncEngine, SyncOptions, SyncResult,
};
use skillsmith_test_registry::Server;

/// A client that knows nothing but the server's address.
pub(crate) fn client(server: &Server) -> Arc<SkillsmithApiClient> {
    let options = ClientOptions::new().base_url(server.base_url());
    Arc::new(SkillsmithApiClient::with_environment(options, &Environment::new(|_| None)).unwrap())
}

pub(crate) fn sync(database: &Database, server: &Server) -> SyncResult {
    SyncEngine::new(client(server), database)
        .sync(SyncOptions::default())
        .unwrap()
}

/// A sync that has to succeed, and whose counts have to add up.
pub(crate) fn sync_well(database: &Database, server: &Server) -> SyncResult {
    let result = sync(database, server);
    assert!(result.success, "{result:?}");
    assert_eq!(result.errors, [] as [&str; 0]);
    assert_eq!(
        result.skills_added
            + result.skills_updated
            + result.skills_unchanged
            + result.skills_rejected,
        result.total_processed
    );
    result
}

/// A connection without anything of the library's.
pub(crate) fn look(path: &Path) -> Connection {
    Connection::open(path).unwrap()
}

pub(crate) fn text(conn: &Connection, sql: &str) -> Option<String> {
    conn.query_row(sql, [], |row| row.get(0))
        .optional()
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
        .flatten()
}

pub(crate) fn number(conn: &Connection, sql: &str) -> i64 {
    conn.query_row(sql, [], |row| row.get(0))
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// The tables that the library may write at any time.
pub(crate) const SYNC_TABLES: [&str; 4] =
    ["sync_config", "sync_history", "sync_state", "sync_unmet"];

/// Every row of every table with its rowid and the types of its values; shadow tables too.
///
/// Virtual tables are left out: they are what their shadow tables are.
pub(crate) fn dump(conn: &Connection) -> BTreeMap<String, Vec<String>> {
    let tables: Vec<String> = conn
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    tables
        .into_iter()
        .map(|table| {
            let rows = dump_table(conn, &table);
            (table, rows)
        })
        .collect()
}

pub(crate) fn dump_table(conn: &Connection, table: &str) -> Vec<String> {
    let mut found = conn
        .prepare(&format!("SELECT rowid, * FROM \"{table}\" ORDER BY rowid"))
        .or_else(|_| conn.prepare(&format!("SELECT * FROM \"{table}\"")))
        .unwrap();
    let columns = found.column_count();
    found
        .query_map([], |row| {
            (0..columns)
                .map(|at| Ok(format!("{:?}", row.get_ref(at)?)))
                .collect::<Result<Vec<_>, _>>()
        })
        .unwrap()
        .map(|row| row.unwrap().join(" | "))
        .collect()
}

/// What the file consists of, as text, without what belongs to the library.
pub(crate) fn schema(conn: &Connection) -> Vec<String> {
    conn.prepare(
        "SELECT type, name, tbl_name, sql FROM sqlite_master
         WHERE tbl_name NOT IN ('sync_config', 'sync_history', 'sync_state', 'sync_unmet')
         ORDER BY type, name",
    )
    .unwrap()
    .query_map([], |row| {
        Ok(format!(
            "{} {} on {}: {:?}",
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, String>(2)?,
            row.get::<_, Option<String>>(3)?
        ))
    })
    .unwrap()
    .collect::<Result<_, _>>()
    .unwrap()
}

pub(crate) fn has_table(conn: &Connection, name: &str) -> bool {
    conn.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1)",
        [name],
        |row| row.get(0),
    )
    .unwrap()
}

pub(crate) fn versions(conn: &Connection) -> Option<Vec<i64>> {
    has_table(conn, "schema_version").then(|| {
        conn.prepare("SELECT version FROM schema_version ORDER BY version")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    })
}

/// One row of `skills`, by the names of its columns.
pub(crate) type SkillRow = BTreeMap<String, Value>;

pub(crate) fn skills(conn: &Connection) -> BTreeMap<String, SkillRow> {
    let mut found = conn.prepare("SELECT * FROM skills").unwrap();
    let names: Vec<String> = found.column_names().map(str::to_owned).collect();
    found
        .query_map([], |row| {
            let id: String = row.get("id")?;
            let values = names
                .iter()
                .map(|name| Ok((name.clone(), row.get(name.as_str())?)))
                .collect::<Result<_, rusqlite::Error>>()?;
            Ok((id, values))
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

pub(crate) fn skill(path: &Path, id: &str) -> SkillRow {
    skills(&look(path))
        .remove(id)
        .unwrap_or_else(|| panic!("no skill {id}"))
}

/// Everything that can be checked of a file without knowing what is in it.
pub(crate) fn assert_sound(conn: &Connection) {
    assert_eq!(text(conn, "PRAGMA integrity_check").as_deref(), Some("ok"));
    assert!(
        !conn
            .prepare("PRAGMA foreign_key_check")
            .unwrap()
            .exists([])
            .unwrap(),
        "a foreign key points nowhere"
    );
    if has_table(conn, "skills_fts") {
        conn.execute(
            "INSERT INTO skills_fts (skills_fts, rank) VALUES ('integrity-check', 1)",
            [],
        )
        .unwrap_or_else(|error| panic!("the full-text index does not fit the table: {error}"));
    }
}

/// The ids that the full-text index finds, in order.
pub(crate) fn matching(conn: &Connection, query: &str) -> Vec<String> {
    conn.prepare(
        "SELECT s.id FROM skills_fts JOIN skills AS s ON s.rowid = skills_fts.rowid
         WHERE skills_fts MATCH ?1 ORDER BY s.id",
    )
    .unwrap()
    .query_map([query], |row| row.get(0))
    .unwrap()
    .collect::<Result<_, _>>()
    .unwrap()
}

/// The names in a folder.
pub(crate) fn listing(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
