//! The statements of a run. They depend on the columns of the file, so they are built once per run.

use std::fmt::Write;

use super::columns::{Column, TableFeatures};

/// The texts of the statements, for one table.
#[derive(Debug)]
pub(crate) struct Sql {
    /// Reads every row's id and stamp, and whether it has a URL.
    pub(super) fingerprints: String,
    /// One row: name, source, then the columns.
    pub(super) stored: String,
    /// Creates the staging table.
    pub(super) create_stage: String,
    /// Inserts a row into it.
    pub(super) stage: String,
    /// All staged rows that are new, in one statement: a statement that fires
    /// triggers opens a savepoint, and FTS5 writes its index out at every one.
    pub(super) insert: String,
    /// All staged rows that exist, likewise.
    pub(super) update: String,
    /// One staged row by its id, as a new one, or over the one that stands there.
    pub(super) insert_one: String,
    pub(super) update_one: String,
    /// The numbers of staged rows that are new and that exist, as the two statements above should count
    /// them.
    pub(super) expected: String,
    /// The version of each staged row, and of one.
    pub(super) versions: Option<String>,
    pub(super) version_of_one: Option<String>,
}

impl Sql {
    pub(super) fn new(columns: &[Column], has: TableFeatures) -> Self {
        let names = |prefix: &str| {
            columns.iter().fold(String::new(), |mut list, column| {
                _ = write!(list, ", {prefix}{}", column.name());
                list
            })
        };
        let stamp = if has.stamp { "updated_at" } else { "NULL" };
        let has_url = if has.unique_url {
            "repo_url IS NOT NULL"
        } else {
            "0"
        };
        let source = if has.source { "source" } else { "NULL" };
        let not_local = if has.source {
            " AND k.source IS NOT 'local'"
        } else {
            ""
        };
        Self {
            fingerprints: format!("SELECT id, {stamp}, {has_url} FROM main.skills"),
            stored: format!("SELECT name, {source}{} FROM main.skills WHERE id = ?1", names("")),
            create_stage: format!(
                "CREATE TEMP TABLE IF NOT EXISTS skillsmith_stage (
                   id TEXT PRIMARY KEY, name{}, mask INTEGER, is_new INTEGER, version_hash TEXT);
                 CREATE INDEX IF NOT EXISTS temp.skillsmith_stage_new ON skillsmith_stage (is_new);",
                names("")
            ) + if has.unique_url {
                "CREATE INDEX IF NOT EXISTS temp.skillsmith_stage_url ON skillsmith_stage (repo_url);"
            } else {
                ""
            },
            stage: format!(
                "INSERT OR REPLACE INTO temp.skillsmith_stage (mask, is_new, version_hash, id, name{}) VALUES ({})",
                names(""),
                vec!["?"; columns.len() + 5].join(", ")
            ),
            insert: insert(columns, has.source, &names(""), "is_new = 1"),
            update: update(columns, not_local, "s.is_new = 0"),
            insert_one: insert(columns, has.source, &names(""), "id = ?1"),
            update_one: update(columns, not_local, "s.id = ?1"),
            expected: "SELECT count(*) FILTER (WHERE is_new = 1), count(*) FILTER (WHERE is_new = 0)
                       FROM temp.skillsmith_stage"
                .to_owned(),
            versions: has.versions.then(|| VERSIONS.to_owned()),
            version_of_one: has.versions.then(|| format!("{VERSIONS} WHERE id = ?1")),
        }
    }
}

const VERSIONS: &str =
    "INSERT OR IGNORE INTO main.skill_versions (skill_id, content_hash, recorded_at)
     SELECT id, version_hash, CAST(strftime('%s', 'now') AS INTEGER) FROM temp.skillsmith_stage";

/// An absent field gets the column's default; so does a null if the column is NOT NULL.
fn insert(columns: &[Column], has_source: bool, names: &str, which: &str) -> String {
    let mut values = String::new();
    for (bit, column) in columns.iter().enumerate() {
        let name = column.name();
        _ = match (&column.default, column.not_null) {
            (Some(default), true) => write!(values, ", coalesce({name}, {default})"),
            (Some(default), false) => write!(
                values,
                ", CASE WHEN mask & {} THEN {name} ELSE ({default}) END",
                1_u64 << bit
            ),
            (None, _) => write!(values, ", {name}"),
        };
    }
    let (source, registry) = if has_source {
        (", source", ", 'registry'")
    } else {
        ("", "")
    };
    format!(
        "INSERT INTO main.skills (id, name{names}{source})
         SELECT id, name{values}{registry} FROM temp.skillsmith_stage WHERE {which}"
    )
}

/// An absent field keeps the stored value; so does a null if the column is NOT NULL.
fn update(columns: &[Column], not_local: &str, which: &str) -> String {
    let mut values = String::new();
    for (bit, column) in columns.iter().enumerate() {
        let name = column.name();
        _ = if column.not_null {
            write!(values, ", {name} = coalesce(s.{name}, k.{name})")
        } else {
            write!(
                values,
                ", {name} = CASE WHEN s.mask & {} THEN s.{name} ELSE k.{name} END",
                1_u64 << bit
            )
        };
    }
    format!(
        "UPDATE main.skills AS k SET name = s.name{values}
         FROM temp.skillsmith_stage AS s WHERE {which} AND k.id = s.id{not_local}"
    )
}
