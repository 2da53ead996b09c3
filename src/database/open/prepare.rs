//! Checks the content of a file, and creates the schema in an empty one.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use super::Opening;
use crate::database::explain::{damaged_on, explain_on, name};
use crate::database::limits::{SHORT_CALL, explain_stop, limit_to};
use crate::database::schema::{self, Content};
use crate::database::transaction::{self, LockWait, SLICE};
use crate::database::{file_system, in_place, keys, raw};
use crate::{Error, Result};

/// Checks the content of the file, refuses other databases, and creates the schema in an empty file.
pub(super) fn prepare(conn: &Connection, path: &Path, opening: Opening<'_>) -> Result<()> {
    // What is in the file is not known yet.
    let most = SHORT_CALL.saturating_add(opening.options.busy_budget);
    let guard = limit_to(conn, opening.cancel, most);
    let outcome = check_and_create(conn, path, opening);
    drop(guard);
    explain_stop(outcome, opening.cancel)
}

fn check_and_create(conn: &Connection, path: &Path, opening: Opening<'_>) -> Result<()> {
    let options = opening.options;
    let content = opening.retry_while_busy(options.busy_budget, || inspect(conn, path))?;
    match content {
        Content::Foreign => return Err(not_skillsmith(path, "it has no table 'skills'")),
        Content::Ready => {}
        Content::Old => {
            if opening.search {
                opening.retry_while_busy(options.busy_budget, || {
                    let _guard = raw::interruptible(conn, opening.cancel, None);
                    check_before_first_change(conn, path)
                })?;
            }
        }
        Content::Empty if options.read_only => {
            return Err(not_skillsmith(
                path,
                "it is empty, and was opened read-only; open it for writing once",
            ));
        }
        Content::Empty => create(conn, path, opening)?,
    }
    // With a WAL, a power cut can at worst lose the last commit. With a rollback journal it
    // could damage the file, so SQLite's default stays.
    conn.busy_timeout(SLICE)?;
    let mode: String = opening.retry_while_busy(options.busy_budget, || {
        conn.pragma_query_value(None, "journal_mode", |row| row.get(0))
            .map_err(|error| explain_on(conn, path, error))
    })?;
    if mode == "wal" {
        conn.pragma_update(None, "synchronous", "normal")?;
    }
    in_place::note_version_read(conn, path);
    conn.busy_timeout(options.busy_budget)?;
    Ok(())
}

/// Creates the schema in an empty file.
fn create(conn: &Connection, path: &Path, opening: Opening<'_>) -> Result<()> {
    if path == Path::new(":memory:") || file_system::lacks_log(path).is_none() {
        switch_to_wal(conn, path, opening)?;
    }
    let lock_wait = LockWait {
        budget: opening.options.open_budget,
        cancel: opening.cancel,
        claim: None,
    };
    transaction::write(conn, lock_wait, |conn| match schema::inspect(conn)? {
        Content::Empty => schema::create(conn),
        // Another process was faster.
        _ => Ok(()),
    })
    .map_err(|error| name(conn, path, error))?;
    in_place::checkpoint_at_end(conn);
    Ok(())
}

/// SQLite does not wait for a lock here, and another process may be creating the same file.
fn switch_to_wal(conn: &Connection, path: &Path, opening: Opening<'_>) -> Result<()> {
    opening.retry_while_busy(opening.options.open_budget, || {
        conn.pragma_update(None, "journal_mode", "wal")
            .map_err(|error| explain_on(conn, path, error))
            .inspect_err(|error| {
                if matches!(error, Error::DatabaseBusy) {
                    std::thread::sleep(Duration::from_millis(5));
                }
            })
    })
}

fn inspect(conn: &Connection, path: &Path) -> Result<Content> {
    let content = schema::inspect(conn).map_err(|error| match error {
        // By the path that the caller knows.
        Error::NotSkillsmith { detail, .. } => not_skillsmith(path, &detail),
        error => name(conn, path, error),
    })?;
    if matches!(content, Content::Ready | Content::Old) {
        check_skills(conn, path)?;
    }
    Ok(content)
}

/// Checks that the table can be used for skills.
fn check_skills(conn: &Connection, path: &Path) -> Result<()> {
    if let Some(detail) = keys::fault(conn) {
        return Err(not_skillsmith(path, &detail));
    }
    for column in ["id", "name"] {
        let found: bool = conn
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM pragma_table_info('skills') WHERE name = ?1)",
                [column],
                |row| row.get(0),
            )
            .map_err(|error| explain_on(conn, path, error))?;
        if !found {
            return Err(not_skillsmith(
                path,
                &format!("its table 'skills' has no column '{column}'"),
            ));
        }
    }
    // Rows are written, and found in the full-text index, by their numbers.
    if let Err(error) = conn.prepare("SELECT rowid FROM main.skills LIMIT 0") {
        return Err(match error.sqlite_error_code() {
            Some(ErrorCode::Unknown) => not_skillsmith(path, "its table 'skills' is WITHOUT ROWID"),
            _ => explain_on(conn, path, error),
        });
    }
    Ok(())
}

/// A damaged file must not be changed, so it is checked before the first change by this
/// library. Later damage is reported when it is met.
fn check_before_first_change(conn: &Connection, path: &Path) -> Result<()> {
    // Every table except virtual ones: a full-text index that is out of step is rebuilt by the
    // sync, and not a reason to refuse the file.
    let tables: Vec<String> = conn
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0")
        .and_then(|mut found| found.query_map([], |row| row.get(0))?.collect())
        .map_err(|error| explain_on(conn, path, error))?;
    for table in tables {
        let verdict: String = conn
            .query_row(
                "SELECT quick_check FROM pragma_quick_check(?1)",
                [&table],
                |row| row.get(0),
            )
            .map_err(|error| explain_on(conn, path, error))?;
        if verdict != "ok" {
            return Err(damaged_on(conn, path, verdict));
        }
    }
    Ok(())
}

fn not_skillsmith(path: &Path, detail: &str) -> Error {
    Error::NotSkillsmith {
        path: path.to_owned(),
        detail: detail.to_owned(),
    }
}
