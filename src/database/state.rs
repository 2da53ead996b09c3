//! `sync_state`: state of this library for which the specification's tables have no column.
//!
//! Each value is a small JSON text. A value that cannot be read is treated as missing: all of
//! it can be determined again.

use rusqlite::params;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{ensure_written, has_table};
use crate::statements::Statements;
use crate::{Error, Result};

/// Missing in a file that this library has not changed yet.
const TABLE: &str = "sync_state";

/// The keys.
pub(crate) mod key {
    /// When this engine last read a listing to its end.
    pub(crate) const LISTED: &str = "listed";
    /// What that listing could see.
    pub(crate) const COVERAGE: &str = "coverage";
    /// The cursor of an unfinished listing.
    pub(crate) const CURSOR: &str = "cursor";
    /// The same in versions before 0.2, which must not find an old one.
    pub(super) const SUPERSEDED: &str = "place";
    /// The running sync of this engine.
    pub(crate) const CURRENT_RUN: &str = "current_run";
    /// The totals of the full-text index after our last run.
    pub(crate) const INDEX: &str = "index";
    /// The number of entries in the record of versions after our last run.
    pub(crate) const VERSIONS: &str = "versions";
    /// Requests of the current month.
    pub(crate) const REQUESTS: &str = "requests";
    /// The most requests that the user allows in a month.
    pub(crate) const REQUEST_BUDGET: &str = "request_budget";
    /// The last run that compared what it met with the skills noted as unmet.
    pub(crate) const COMPARED: &str = "compared";
    /// How many skills each run removed, by the ids of history entries.
    pub(crate) const REMOVED: &str = "removed";
    /// How runs ended whose entries could not be changed, by their ids.
    pub(crate) const ENDS: &str = "ends";
    /// The codes of the errors of runs, by the ids of history entries.
    pub(crate) const CODES: &str = "codes";
    /// The last check of the full-text index.
    pub(crate) const CHECKED: &str = "checked";
    /// Number of failed runs in a row, and the time of the next attempt.
    pub(crate) const BACKOFF: &str = "backoff";

    /// The profile of a registry, above all the listing plan that worked.
    pub(crate) fn plan(registry: &str) -> String {
        format!("plan:{registry}")
    }

    /// Callers to whom a registry refused its listing because of their plan.
    pub(crate) fn reserved(registry: &str) -> String {
        format!("reserved:{registry}")
    }

    /// The gaps of the last listing of a registry.
    pub(crate) fn gaps(registry: &str) -> String {
        format!("gaps:{registry}")
    }
}

pub(crate) fn get<T: DeserializeOwned>(conn: &dyn Statements, key: &str) -> Result<Option<T>> {
    if !has_table(conn, TABLE)? {
        return Ok(None);
    }
    let sql = "SELECT value FROM sync_state WHERE key = ?1";
    let value = conn.first(sql, params![key], |row| {
        // Another program may have stored anything here.
        let bytes = row.value("value")?.as_bytes().ok();
        Ok(bytes.and_then(|bytes| serde_json::from_slice(bytes).ok()))
    })?;
    Ok(value.flatten())
}

pub(crate) fn set<T: Serialize>(conn: &dyn Statements, key: &str, value: &T) -> Result<()> {
    let text = serde_json::to_string(value).map_err(|error| Error::Internal(error.to_string()))?;
    // Not every file has the UNIQUE that an upsert needs.
    let mut written = conn.execute(
        "UPDATE sync_state SET value = ?2 WHERE key = ?1",
        params![key, text],
    )?;
    if written == 0 {
        written = conn.execute(
            "INSERT INTO sync_state (key, value) VALUES (?1, ?2)",
            params![key, text],
        )?;
    }
    ensure_written(written > 0)
}

pub(crate) fn remove(conn: &dyn Statements, key: &str) -> Result<()> {
    let deleted = conn.execute("DELETE FROM sync_state WHERE key = ?1", params![key])?;
    // None where there was none, or where a trigger keeps it.
    let is_kept = deleted == 0
        && conn.exists(
            "SELECT EXISTS (SELECT 1 FROM sync_state WHERE key = ?1) AS found",
            params![key],
        )?;
    ensure_written(!is_kept)
}

/// Deletes values that only older versions read, and would now misread.
pub(crate) fn remove_superseded(conn: &dyn Statements) -> Result<()> {
    remove(conn, key::SUPERSEDED)
}

/// Whether the table is there.
pub(crate) fn exists(conn: &dyn Statements) -> Result<bool> {
    has_table(conn, TABLE)
}

/// Whether any listing was read to its end.
pub(crate) fn has_profiles(conn: &dyn Statements) -> Result<bool> {
    if !has_table(conn, TABLE)? {
        return Ok(false);
    }
    conn.exists(
        "SELECT EXISTS (SELECT 1 FROM sync_state WHERE key > 'plan:' AND key < 'plan;') AS found",
        params![],
    )
}

/// Whether a listing of another registry was read to its end.
pub(crate) fn has_other_profiles(conn: &dyn Statements, registry: &str) -> Result<bool> {
    if !has_table(conn, TABLE)? {
        return Ok(false);
    }
    conn.exists(
        "SELECT EXISTS (SELECT 1 FROM sync_state WHERE key > 'plan:' AND key < 'plan;' AND key <> ?1) AS found",
        params![key::plan(registry)],
    )
}

/// Whether no run of this engine has ended here: nothing stands in the table but the user's budget.
pub(crate) fn is_empty(conn: &dyn Statements) -> Result<bool> {
    if !has_table(conn, TABLE)? {
        return Ok(true);
    }
    let has_more = conn.exists(
        "SELECT EXISTS (SELECT 1 FROM sync_state WHERE key <> ?1) AS found",
        params![key::REQUEST_BUDGET],
    )?;
    Ok(!has_more)
}
