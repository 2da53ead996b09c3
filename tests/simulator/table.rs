//! The current content of the file: rows, history, and whether SQLite finds damage.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

/// The key for the names of a row's categories, among its columns.
pub const CATEGORIES: &str = "(categories)";

/// A row by its columns, and its categories.
pub type Stored = BTreeMap<String, Value>;

/// The rows of `skills` by id.
pub type Skills = BTreeMap<String, Stored>;

/// The newest entry of the history.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    pub id: String,
    pub status: String,
    pub added: u64,
    pub updated: u64,
    pub removed: u64,
    pub started_at: String,
}

/// A connection separate from the library's; it never creates a file.
pub fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(Duration::from_secs(5))?;
    Ok(conn)
}

pub fn skills(conn: &Connection) -> rusqlite::Result<Skills> {
    if !has_table(conn, "skills")? {
        return Ok(Skills::new());
    }
    let names = "coalesce((SELECT group_concat(c.name, ',' ORDER BY c.name) FROM skill_categories AS l
                           JOIN categories AS c ON c.id = l.category_id WHERE l.skill_id = s.id), '')";
    let sql = if has_table(conn, "skill_categories")? {
        format!("SELECT *, {names} AS \"{CATEGORIES}\" FROM skills AS s")
    } else {
        "SELECT * FROM skills".to_owned()
    };
    let mut found = conn.prepare(&sql)?;
    let columns: Vec<String> = found.column_names().map(Into::into).collect();
    found
        .query_map([], |row| {
            let mut stored = Stored::new();
            for (at, column) in columns.iter().enumerate() {
                stored.insert(column.clone(), row.get(at)?);
            }
            let id = stored.get("id").map(shown).unwrap_or_default();
            Ok((id, stored))
        })?
        .collect()
}

/// A file that has just been created may still be empty.
fn has_table(conn: &Connection, name: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = ?1)";
    conn.query_row(sql, [name], |row| row.get(0))
}

pub fn text<'s>(stored: &'s Stored, column: &str) -> Option<&'s str> {
    match stored.get(column) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

pub fn is_local(stored: &Stored) -> bool {
    text(stored, "source") == Some("local")
}

pub fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => text.chars().take(60).collect(),
        other => format!("{other:?}"),
    }
}

/// The newest entry of the history, by order of insertion and not by its timestamp.
pub fn newest_entry(conn: &Connection) -> rusqlite::Result<Option<Entry>> {
    let mut found = conn.prepare(
        "SELECT id, status, skills_added, skills_updated, started_at FROM sync_history ORDER BY rowid DESC LIMIT 1",
    )?;
    let mut rows = found.query([])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let id: String = row.get(0)?;
    Ok(Some(Entry {
        removed: removed_by(conn, &id),
        id,
        status: row.get(1)?,
        started_at: row.get(4)?,
        added: u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0),
        updated: u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0),
    }))
}

/// What the history has as removed by this run.
fn removed_by(conn: &Connection, id: &str) -> u64 {
    let sql = "SELECT value ->> ?1 FROM sync_state WHERE key = 'removed'";
    let count = conn.query_row(sql, [id], |row| row.get::<_, Option<i64>>(0));
    u64::try_from(count.ok().flatten().unwrap_or(0)).unwrap_or(0)
}

/// When the next automatic sync is scheduled.
pub fn next_try(conn: &Connection) -> Option<String> {
    let sql = "SELECT json_extract(value, '$.next_try_at') FROM sync_state WHERE key = 'backoff'";
    conn.query_row(sql, [], |row| row.get(0)).ok()
}

pub fn running(conn: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT count(*) FROM sync_history WHERE status = 'running'";
    conn.query_row(sql, [], |row| row.get(0))
}

/// What is wrong with the file as a database, if anything.
pub fn damage(conn: &Connection) -> Option<String> {
    let verdict = conn.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0));
    match verdict {
        Ok(verdict) if verdict == "ok" => None,
        Ok(verdict) => Some(verdict),
        Err(error) => Some(error.to_string()),
    }
}

/// Whether the full-text index is out of step with the table.
pub fn index_damage(conn: &Connection) -> Option<String> {
    if !has_table(conn, "skills_fts").unwrap_or(true) {
        return None;
    }
    conn.execute(
        "INSERT INTO skills_fts (skills_fts, rank) VALUES ('integrity-check', 1)",
        [],
    )
    .err()
    .map(|error| error.to_string())
}

/// The whole content of the file as text, which a dry run must not change.
pub fn dump(conn: &Connection) -> rusqlite::Result<String> {
    let mut tables =
        conn.prepare("SELECT name, coalesce(sql, '') FROM sqlite_master ORDER BY name")?;
    let tables: Vec<(String, String)> = tables
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut text = String::new();
    for (name, sql) in tables {
        text.push_str(&sql);
        text.push('\n');
        if !sql.starts_with("CREATE TABLE") {
            continue;
        }
        let mut rows = conn.prepare(&format!("SELECT * FROM \"{name}\""))?;
        let columns = rows.column_count();
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            for at in 0..columns {
                _ = write!(text, "{:?}|", row.get::<_, Value>(at)?);
            }
            text.push('\n');
        }
    }
    Ok(text)
}
