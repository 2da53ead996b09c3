//! What a person who looks for a fault wants to know of a database.

use std::path::Path;

use rusqlite::Connection;

use super::{Database, file_system, has_table, interruptible, raw};
use crate::{CancelToken, Result};

/// Where the header of a database file says how it is to be read, and what stands there for a write-ahead log.
const READ_VERSION: i64 = 19;
const OF_LOG: u8 = 2;

/// How commits are made safe.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    /// Such as `wal`.
    pub(crate) mode: String,
    /// Why it is not `wal`, if that is known.
    pub(crate) reason: Option<String>,
}

/// The state of an open database.
#[derive(Debug, Clone)]
pub(crate) struct Examination {
    pub(crate) journal: Journal,
    /// The highest version in `schema_version`, if there is one.
    pub(crate) schema_version: Option<i64>,
    /// Bytes that deleted rows have left free in the file.
    pub(crate) free_bytes: i64,
}

impl Database {
    /// Reads a few values; quick.
    pub(crate) fn examine(&self) -> Result<Examination> {
        self.read(|conn| {
            let pragma = |name| conn.pragma_query_value(None, name, |row| row.get(0));
            let free: i64 = pragma("freelist_count")?;
            let page: i64 = pragma("page_size")?;
            let schema_version = if has_table(conn, "schema_version")? {
                let sql =
                    "SELECT max(version) FROM schema_version WHERE typeof(version) = 'integer'";
                conn.query_row(sql, [], |row| row.get(0))?
            } else {
                None
            };
            Ok(Examination {
                journal: journal(conn, self.path())?,
                schema_version,
                free_bytes: free.saturating_mul(page),
            })
        })
    }

    /// The journal of a file, if it is not a write-ahead log.
    pub(crate) fn rollback_journal(&self) -> Result<Option<Journal>> {
        if self.path().is_none() {
            return Ok(None);
        }
        let journal = self.read(|conn| journal(conn, self.path()))?;
        Ok((journal.mode != "wal").then_some(journal))
    }

    /// Reads every page, and compares each index with its table, which SQLite's quick check leaves out. Returns the first
    /// fault, if there is one.
    pub(crate) fn integrity_check(&self, cancel: &CancelToken) -> Result<Option<String>> {
        self.read(|conn| {
            let _guard = interruptible(conn, cancel, None);
            let verdict: String =
                conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
            Ok((verdict != "ok").then_some(verdict))
        })
    }
}

fn journal(conn: &Connection, path: Option<&Path>) -> Result<Journal> {
    let mut mode: String = conn.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    // Where nothing can be written, SQLite reads such a file without its log, and tells another mode.
    if raw::header_byte(conn, READ_VERSION) == Some(OF_LOG) {
        mode = "wal".into();
    }
    let path = path.filter(|_| mode != "wal");
    Ok(Journal {
        reason: path.and_then(file_system::lacks_log_as_read),
        mode,
    })
}
