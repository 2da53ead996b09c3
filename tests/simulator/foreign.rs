//! Other programs: they create the file, and write to it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use rusqlite::types::Value;
use rusqlite::{Connection, params};
use skillsmith_sync::Database;

use crate::scenario::{FileKind, Foreign, NewColumn, Scenario, Trigger};
use crate::skill::{Expected, Row, Stamp};
use crate::table::CATEGORIES;

/// The other stack's table at version 1.
const VERSION_1: &str = "
CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL DEFAULT (datetime('now')));
INSERT INTO schema_version (version) VALUES (1);
CREATE TABLE skills (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT, author TEXT, repo_url TEXT UNIQUE,
  quality_score REAL CHECK (quality_score IS NULL OR (quality_score >= 0 AND quality_score <= 1)),
  trust_tier TEXT CHECK (trust_tier IN ('verified', 'community', 'experimental', 'unknown')) DEFAULT 'unknown',
  tags TEXT DEFAULT '[]',
  created_at TEXT NOT NULL DEFAULT (datetime('now')), updated_at TEXT NOT NULL DEFAULT (datetime('now')));
CREATE VIRTUAL TABLE skills_fts USING fts5 (
  name, description, tags, author, content = 'skills', content_rowid = 'rowid', tokenize = 'porter unicode61');
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
END;";

/// Creates the file with which the scenario starts.
pub fn make_file(folder: &Path, scenario: &Scenario) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join("skills.db");
    if scenario.file == FileKind::New && !scenario.rollback_journal && scenario.open_late {
        return Ok(());
    }
    if scenario.file != FileKind::Version1 {
        std::fs::write(&path, template(folder)?)?;
    }
    let conn = Connection::open(&path)?;
    match scenario.file {
        FileKind::New => {}
        FileKind::NoTriggers => conn.execute_batch(
            "DROP TRIGGER skills_ai; DROP TRIGGER skills_ad; DROP TRIGGER skills_au;",
        )?,
        FileKind::Version1 => {
            conn.pragma_update(None, "journal_mode", "wal")?;
            conn.execute_batch(VERSION_1)?;
        }
    }
    if scenario.rollback_journal {
        conn.pragma_update(None, "journal_mode", "delete")?;
    }
    Ok(())
}

/// A new file as the library creates it; created once.
fn template(folder: &Path) -> Result<&'static [u8], Box<dyn std::error::Error>> {
    static TEMPLATE: OnceLock<Vec<u8>> = OnceLock::new();
    if TEMPLATE.get().is_none() {
        let path = folder.join("template.db");
        Database::open(&path)?.close();
        let made = std::fs::read(&path)?;
        std::fs::remove_file(&path)?;
        _ = TEMPLATE.set(made);
    }
    Ok(TEMPLATE.get().map(Vec::as_slice).unwrap_or_default())
}

/// A write of another program. If the file does not allow it, nothing happens.
pub fn apply(conn: &Connection, foreign: &Foreign, ever: &BTreeMap<u32, Vec<Row>>) {
    match foreign {
        Foreign::Local(n, url) => {
            let row = Row {
                n: *n,
                url: *url,
                ..Row::default()
            };
            _ = conn.execute(
                "INSERT INTO skills (id, name, description, repo_url, source, trust_tier)
                 VALUES (?1, 'my own', 'written by hand', ?2, 'local', 'local')
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name, description = excluded.description,
                   repo_url = excluded.repo_url, source = 'local', trust_tier = 'local'",
                params![row.id(), row.url_text()],
            );
        }
        Foreign::Stale(n) => {
            let Some(row) = ever
                .get(n)
                .and_then(|rows| rows.iter().find(|row| is_dated(row)))
            else {
                return;
            };
            for column in [
                "name",
                "description",
                "author",
                "trust_tier",
                "tags",
                "quality_score",
                "security_scanned_at",
                "risk_score",
                "security_passed",
                "updated_at",
            ] {
                if let Expected::Is(value) = row.expected(column, is_narrow(conn)) {
                    let sql = format!(
                        "UPDATE skills SET {column} = ?2 WHERE id = ?1 AND trust_tier IS NOT 'local'"
                    );
                    _ = conn.execute(&sql, params![row.id(), value]);
                }
            }
            if let Expected::Is(Value::Text(names)) = row.expected(CATEGORIES, false) {
                link(
                    conn,
                    &row.id(),
                    names.split(',').filter(|name| !name.is_empty()),
                );
            }
        }
        Foreign::Reindex => {
            _ = conn.execute_batch(
                "INSERT INTO skills_fts (rowid, name, description, tags, author)
                 SELECT rowid, name, description, tags, author FROM skills",
            );
        }
        Foreign::Trigger(trigger, n) => {
            let id = Row {
                n: *n,
                ..Row::default()
            }
            .id();
            let (when, action) = match trigger {
                Trigger::Abort => (
                    format!("new.id = '{id}'"),
                    "SELECT RAISE(ABORT, 'not this one')",
                ),
                Trigger::Rollback => (
                    format!("new.id = '{id}'"),
                    "SELECT RAISE(ROLLBACK, 'none of it')",
                ),
                Trigger::MissingTable => ("1".into(), "INSERT INTO sim_missing VALUES (new.id)"),
            };
            for event in ["INSERT", "UPDATE"] {
                _ = conn.execute_batch(&format!(
                    "CREATE TRIGGER IF NOT EXISTS sim_{event} BEFORE {event} ON skills WHEN {when}
                     BEGIN {action}; END"
                ));
            }
        }
        Foreign::Interval(milliseconds) => {
            _ = conn.execute("UPDATE sync_config SET interval_ms = ?1", [milliseconds]);
        }
        Foreign::LastSync(text) => {
            _ = conn.execute("UPDATE sync_config SET last_sync_at = ?1", [text]);
        }
        Foreign::AddColumn(column) => {
            let column = match column {
                NewColumn::Stars => "stars INTEGER",
                NewColumn::License => "license TEXT",
            };
            _ = conn.execute_batch(&format!("ALTER TABLE skills ADD COLUMN {column}"));
        }
    }
}

/// Links a skill to existing categories, and removes it from all others.
fn link<'n>(conn: &Connection, id: &str, names: impl Iterator<Item = &'n str>) {
    let not_local = "(SELECT id FROM skills WHERE id = ?1 AND trust_tier IS NOT 'local')";
    let clear = format!("DELETE FROM skill_categories WHERE skill_id IN {not_local}");
    _ = conn.execute(&clear, [id]);
    for name in names {
        let add = format!(
            "INSERT OR IGNORE INTO skill_categories SELECT ?1, id FROM categories WHERE name = ?2 AND ?1 IN {not_local}"
        );
        _ = conn.execute(&add, [id, name]);
    }
}

/// The user removes what kept rows from being stored.
pub fn mend(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch("DROP TRIGGER IF EXISTS sim_INSERT; DROP TRIGGER IF EXISTS sim_UPDATE;")
}

/// Whether the row has its own timestamp: content that changes under the same timestamp is not
/// noticed without `--force`.
fn is_dated(row: &Row) -> bool {
    row.is_valid() && matches!(row.stamp, Stamp::At(_))
}

/// Whether the table allows the older tiers only.
fn is_narrow(conn: &Connection) -> bool {
    let sql = "SELECT sql NOT LIKE '%official%' FROM sqlite_master WHERE name = 'skills'";
    conn.query_row(sql, [], |row| row.get(0)).unwrap_or(false)
}
