//! The tables of a new database, and the step that prepares an old one.
//!
//! The file is shared with the TypeScript stack, whose own migrations continue after the
//! highest row of `schema_version`. So a new file has everything of versions 1 to 3, and all or
//! nothing of a later step: such a step adds its columns one by one and stops at the first one
//! that exists.

use rusqlite::{Connection, ErrorCode, params};

use super::objects::Object;
use super::{keys, raw};
use crate::statements::Statements;
use crate::stored::{text, whole};
use crate::{Error, Result};

/// Version 1 of a new file, with `source` and the widest list of tiers.
///
/// Steps 16 and 17 of the other stack do not change a table with a `source` column and the word
/// 'curated' in its definition.
const SKILLS: &str = "
CREATE TABLE schema_version (
  version    INTEGER PRIMARY KEY,
  applied_at TEXT NOT NULL DEFAULT (datetime('now'))
);

CREATE TABLE skills (
  id            TEXT PRIMARY KEY,
  name          TEXT NOT NULL,
  description   TEXT,
  author        TEXT,
  repo_url      TEXT UNIQUE,           -- NULL too where another skill holds the URL
  quality_score REAL CHECK (quality_score IS NULL OR quality_score BETWEEN 0 AND 1),
  trust_tier    TEXT DEFAULT 'unknown' CHECK (trust_tier IN
                  ('official', 'verified', 'curated', 'community', 'unverified', 'experimental', 'unknown', 'local')),
  tags          TEXT DEFAULT '[]',     -- a JSON array of strings
  source        TEXT NOT NULL DEFAULT 'registry' CHECK (source IN ('registry', 'local')),
  -- What step 4 adds, all of it: the other stack's createDatabase makes indexes
  -- on these columns before it runs any step, and fails where they are missing.
  risk_score              INTEGER CHECK (risk_score IS NULL OR risk_score BETWEEN 0 AND 100),
  security_findings_count INTEGER DEFAULT 0,
  security_scanned_at     TEXT,
  security_passed         INTEGER,     -- NULL: never scanned
  created_at    TEXT NOT NULL DEFAULT (datetime('now')),
  updated_at    TEXT NOT NULL DEFAULT (datetime('now'))
);
CREATE INDEX idx_skills_author        ON skills (author);
CREATE INDEX idx_skills_trust_tier    ON skills (trust_tier);
CREATE INDEX idx_skills_quality_score ON skills (quality_score);
CREATE INDEX idx_skills_updated_at    ON skills (updated_at);
CREATE INDEX idx_skills_created_at    ON skills (created_at);
";

/// The full-text index of the skills.
const INDEX: &str = "
CREATE VIRTUAL TABLE skills_fts USING fts5 (
  name, description, tags, author,
  content = 'skills', content_rowid = 'rowid', tokenize = 'porter unicode61'
);
";

/// What keeps the index in step, and the tables of the other stack.
const TRIGGERS_AND_OTHERS: &str = "
CREATE TRIGGER skills_ai AFTER INSERT ON skills BEGIN
  INSERT INTO skills_fts (rowid, name, description, tags, author)
  VALUES (new.rowid, new.name, new.description, new.tags, new.author);
END;
CREATE TRIGGER skills_ad AFTER DELETE ON skills BEGIN
  INSERT INTO skills_fts (skills_fts, rowid, name, description, tags, author)
  VALUES ('delete', old.rowid, old.name, old.description, old.tags, old.author);
END;
CREATE TRIGGER skills_au AFTER UPDATE ON skills BEGIN
  INSERT INTO skills_fts (skills_fts, rowid, name, description, tags, author)
  VALUES ('delete', old.rowid, old.name, old.description, old.tags, old.author);
  INSERT INTO skills_fts (rowid, name, description, tags, author)
  VALUES (new.rowid, new.name, new.description, new.tags, new.author);
END;

CREATE TABLE sources (
  id           TEXT PRIMARY KEY,
  name         TEXT NOT NULL,
  type         TEXT NOT NULL CHECK (type IN ('github', 'gitlab', 'local', 'registry')),
  url          TEXT NOT NULL UNIQUE,
  last_sync_at TEXT,
  is_active    INTEGER NOT NULL DEFAULT 1,
  created_at   TEXT NOT NULL DEFAULT (datetime('now'))
);
CREATE INDEX idx_sources_type      ON sources (type);
CREATE INDEX idx_sources_is_active ON sources (is_active);

CREATE TABLE categories (
  id          TEXT PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE,
  description TEXT,
  parent_id   TEXT REFERENCES categories (id) ON DELETE SET NULL,
  skill_count INTEGER NOT NULL DEFAULT 0,
  created_at  TEXT NOT NULL DEFAULT (datetime('now'))
);
CREATE INDEX idx_categories_parent ON categories (parent_id);

CREATE TABLE skill_categories (
  skill_id    TEXT NOT NULL REFERENCES skills (id) ON DELETE CASCADE,
  category_id TEXT NOT NULL REFERENCES categories (id) ON DELETE CASCADE,
  PRIMARY KEY (skill_id, category_id)
);
CREATE INDEX idx_skill_categories_category ON skill_categories (category_id);

CREATE TABLE cache (
  key        TEXT PRIMARY KEY,
  value      TEXT NOT NULL,
  expires_at INTEGER,                  -- Unix seconds; NULL: never
  created_at TEXT NOT NULL DEFAULT (datetime('now'))
);
CREATE INDEX idx_cache_expires ON cache (expires_at);

INSERT INTO schema_version (version) VALUES (1), (2), (3);
";

/// The tables of version 3, and our own table; each only if it is missing.
///
/// `sync_state` is not STRICT: a host with a SQLite older than 3.37 could then
/// not open the file at all.
const SYNC_TABLES: &str = "
CREATE TABLE IF NOT EXISTS sync_config (
  id              TEXT PRIMARY KEY DEFAULT 'default' CHECK (id = 'default'),
  enabled         INTEGER NOT NULL DEFAULT 1,
  frequency       TEXT NOT NULL DEFAULT 'daily' CHECK (frequency IN ('daily', 'weekly')),
  interval_ms     INTEGER NOT NULL DEFAULT 86400000,
  last_sync_at    TEXT,                -- NULL: never synced
  next_sync_at    TEXT,                -- NULL: due at once
  last_sync_count INTEGER NOT NULL DEFAULT 0,
  last_sync_error TEXT,                -- NULL: the last sync went well
  created_at      TEXT NOT NULL DEFAULT (datetime('now')),
  updated_at      TEXT NOT NULL DEFAULT (datetime('now'))
);

CREATE TABLE IF NOT EXISTS sync_history (
  id               TEXT PRIMARY KEY,
  started_at       TEXT NOT NULL,
  completed_at     TEXT,               -- NULL: still running
  status           TEXT NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'success', 'failed', 'partial')),
  skills_added     INTEGER NOT NULL DEFAULT 0,
  skills_updated   INTEGER NOT NULL DEFAULT 0,
  skills_unchanged INTEGER NOT NULL DEFAULT 0,
  error_message    TEXT,
  duration_ms      INTEGER,
  created_at       TEXT NOT NULL DEFAULT (datetime('now'))
);
CREATE INDEX IF NOT EXISTS idx_sync_history_started ON sync_history (started_at DESC);
CREATE INDEX IF NOT EXISTS idx_sync_history_status  ON sync_history (status);

CREATE TABLE IF NOT EXISTS sync_state (
  key   TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL
);
";

/// The schema of a file, as far as opening it is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// No table at all: a new file, or an empty one.
    Empty,
    /// The table of skills and everything that a sync needs.
    Ready,
    /// The table of skills, but version-3 tables are missing.
    Old,
    /// Tables, but no table of skills.
    Foreign,
}

/// Reads the schema; fails if the file is not an intact database, or holds under a name of ours what is none of it.
pub(super) fn inspect(conn: &dyn Statements) -> Result<Content> {
    let names = names(conn)?;
    let has = |name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    if names.is_empty() {
        return Ok(Content::Empty);
    }
    if !has("skills") {
        return Ok(Content::Foreign);
    }
    let complete = [
        "sync_config",
        "sync_history",
        "sync_state",
        "idx_sync_history_started",
        "idx_sync_history_status",
    ];
    if !complete.into_iter().all(has)
        || !config_row_exists(conn)?
        || stamp_is_missing(conn, has("schema_version"))?
    {
        return Ok(Content::Old);
    }
    Ok(Content::Ready)
}

/// Looks again at what the objects are, if the schema has changed since the connection last looked.
pub(crate) fn look_again(conn: &Connection) -> Result<()> {
    let version = conn
        .prepare_cached("PRAGMA main.schema_version")?
        .query_row([], |row| row.get(0))?;
    if raw::mark(conn, raw::Mark::Schema) != Some(version) {
        names(conn)?;
        if let Some(detail) = keys::fault(conn) {
            return Err(not_ours(conn, detail));
        }
        raw::set_mark(conn, raw::Mark::Schema, version);
    }
    Ok(())
}

/// The names of all objects, of which nothing else is read before this.
pub(super) fn names(conn: &dyn Statements) -> Result<Vec<String>> {
    let sql = "SELECT type, name, rootpage, sql FROM main.sqlite_master";
    let mut names = Vec::new();
    conn.each(sql, params![].into(), &mut |row| {
        let text = |column| -> Result<_> {
            let bytes = row.value(column)?.as_bytes_or_null();
            Ok(String::from_utf8_lossy(
                bytes.ok().flatten().unwrap_or_default(),
            ))
        };
        let name = text("name")?;
        let object = Object {
            kind: &text("type")?,
            name: &name,
            root_page: row.value("rootpage")?.as_i64().unwrap_or_default(),
            sql: &text("sql")?,
        };
        if let Some(detail) = object.fault() {
            return Err(not_ours(conn, detail));
        }
        if object.kind != "trigger" {
            names.push(name.into_owned());
        }
        Ok(())
    })?;
    Ok(names)
}

/// What a sync reads and writes of its tables.
const COLUMNS: [(&str, &[&str]); 3] = [
    (
        "sync_config",
        &[
            "id",
            "enabled",
            "frequency",
            "interval_ms",
            "last_sync_at",
            "next_sync_at",
            "last_sync_count",
            "last_sync_error",
            "created_at",
            "updated_at",
        ],
    ),
    (
        "sync_history",
        &[
            "id",
            "started_at",
            "completed_at",
            "status",
            "skills_added",
            "skills_updated",
            "skills_unchanged",
            "error_message",
            "duration_ms",
            "created_at",
        ],
    ),
    ("sync_state", &["key", "value"]),
];

/// Fails where a table of a sync lacks columns: whoever made it, no step of either stack adds them.
pub(crate) fn ensure_columns(conn: &dyn Statements) -> Result<()> {
    for (table, wanted) in COLUMNS {
        // Generated columns, too.
        let sql = "SELECT name FROM pragma_table_xinfo(?1)";
        let here = conn.all(sql, params![table], |row| text(row, "name"))?;
        let is_here = |name: &str| here.iter().any(|here| here.eq_ignore_ascii_case(name));
        let missing = wanted.iter().filter(|name| !is_here(name));
        let missing: Vec<_> = missing.map(|name| format!("'{name}'")).collect();
        if here.is_empty() || missing.is_empty() {
            continue;
        }
        let columns = if missing.len() == 1 {
            "column"
        } else {
            "columns"
        };
        let missing = missing.join(", ");
        let detail = format!(
            "its '{table}' has no {columns} {missing}; rename or drop that table, and the next sync makes a new one"
        );
        return Err(not_ours(conn, detail));
    }
    Ok(())
}

fn not_ours(conn: &dyn Statements, detail: String) -> Error {
    Error::NotSkillsmith {
        path: conn.path(),
        detail,
    }
}

fn config_row_exists(conn: &dyn Statements) -> Result<bool> {
    // The first call that uses it says that.
    if ensure_columns(conn).is_err() {
        return Ok(false);
    }
    conn.exists(
        "SELECT EXISTS (SELECT 1 FROM sync_config WHERE id = 'default') AS found",
        params![],
    )
}

/// Version 3 may be stamped only on top of 2: the other stack runs the steps
/// above the highest stamp, so a 3 on a version-1 file would hide step 2 for ever.
fn stamp_is_missing(conn: &dyn Statements, has_versions: bool) -> Result<bool> {
    if !has_versions {
        return Ok(false);
    }
    let sql =
        "SELECT max(version) AS highest FROM schema_version WHERE typeof(version) = 'integer'";
    let highest = conn.one(sql, params![], |row| whole(row, "highest"))?;
    Ok(highest == Some(2))
}

/// Creates the missing tables that a sync needs, inside the caller's transaction: before the first change to
/// a file, not when it is only read. Cheap if nothing is missing.
pub(crate) fn ensure_sync_tables(conn: &dyn Statements) -> Result<()> {
    // Before a column is read: the error of SQLite says less.
    names(conn)?;
    ensure_columns(conn)?;
    match inspect(conn)? {
        Content::Ready => Ok(()),
        Content::Old => prepare_old(conn),
        // Another program has emptied the file since it was opened.
        Content::Empty => create(conn),
        Content::Foreign => Err(not_ours(conn, "its table 'skills' is gone".into())),
    }
}

/// Whether the table exists: before its first change a file may lack those of a sync.
pub(crate) fn has_table(conn: &dyn Statements, name: &str) -> Result<bool> {
    // rusqlite's `table_exists` would not see a table that another connection has created.
    conn.exists(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = ?1 COLLATE NOCASE) AS found",
        params![name],
    )
}

/// Whether there is such a table, and not a view or a virtual table, which may do anything when it is read.
pub(crate) fn has_ordinary_table(conn: &dyn Statements, name: &str) -> Result<bool> {
    conn.exists(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master
                        WHERE name = ?1 COLLATE NOCASE AND type = 'table' AND rootpage > 0
                          AND sql LIKE 'CREATE TABLE %') AS found",
        params![name],
    )
}

/// Whether there is a table with all of these columns: one of another shape is another version's.
pub(crate) fn has_columns(conn: &Connection, table: &str, columns: &[&str]) -> Result<bool> {
    let mut found = conn.prepare_cached("SELECT name FROM pragma_table_info(?1)")?;
    let names = found.query_map([table], |row| row.get(0))?;
    let names: Vec<String> = names.collect::<rusqlite::Result<_>>()?;
    Ok(columns
        .iter()
        .all(|column| names.iter().any(|name| name == column)))
}

/// Creates the whole schema, inside the caller's transaction.
pub(super) fn create(conn: &dyn Statements) -> Result<()> {
    for part in [SKILLS, INDEX, TRIGGERS_AND_OTHERS, SYNC_TABLES] {
        conn.run_batch(part)?;
    }
    add_config_row(conn)
}

/// Whether the triggers that keep the full-text index are there, and it is not: every write to the skills would fail.
pub(crate) fn lacks_index(conn: &dyn Statements) -> Result<bool> {
    conn.exists(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master
                        WHERE type = 'trigger' AND tbl_name = 'skills' COLLATE NOCASE
                          AND name IN ('skills_ai', 'skills_ad', 'skills_au') AND sql LIKE '%skills_fts%')
            AND NOT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'skills_fts' COLLATE NOCASE) AS found",
        params![],
    )
}

/// Makes the index again, without content; inside the caller's transaction.
pub(crate) fn create_index(conn: &dyn Statements) -> Result<()> {
    conn.run_batch(INDEX)
}

/// Adds the row of the configuration where it is missing. A table of another kind can refuse it.
fn add_config_row(conn: &dyn Statements) -> Result<()> {
    let made = conn.execute(
        "INSERT OR IGNORE INTO sync_config (id) VALUES ('default')",
        params![],
    );
    let refused = match made {
        Ok(_) if config_row_exists(conn)? => return Ok(()),
        Ok(_) => None,
        Err(Error::Database(error)) => match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) => Some(error),
            _ => return Err(error.into()),
        },
        Err(error) => return Err(error),
    };
    let why = refused.map_or_else(String::new, |error| format!(" ({error})"));
    let detail = format!(
        "its 'sync_config' takes no row with the id 'default'{why}; drop that table, and the next sync makes a new one"
    );
    Err(not_ours(conn, detail))
}

/// Adds the tables of version 3, inside the caller's transaction.
fn prepare_old(conn: &dyn Statements) -> Result<()> {
    conn.run_batch(SYNC_TABLES)?;
    add_config_row(conn)?;
    let has_versions = has_table(conn, "schema_version")?;
    if stamp_is_missing(conn, has_versions)? {
        conn.execute("INSERT INTO schema_version (version) VALUES (3)", params![])?;
    }
    Ok(())
}
