//! `sync_state`: what this library has to remember and the specification's tables have no column for.
//!
//! Each value is a small JSON text. A value that cannot be read is treated as
//! missing: everything kept here can be found out anew.

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// The keys in use.
pub(crate) mod key {
    /// When this engine first listed the registry to its end.
    pub(crate) const LISTED: &str = "listed";
    /// Where a listing that stopped early goes on.
    pub(crate) const PLACE: &str = "place";
    /// The run that this engine has under way.
    pub(crate) const CURRENT_RUN: &str = "current_run";
    /// The sign of the full-text index as our last run left it.
    pub(crate) const INDEX: &str = "index";
    /// Failed runs in a row, and when to try again.
    pub(crate) const BACKOFF: &str = "backoff";

    /// The listing plan that worked for a registry.
    pub(crate) fn plan(registry: &str) -> String {
        format!("plan:{registry}")
    }
}

pub(crate) fn get<T: DeserializeOwned>(conn: &Connection, key: &str) -> Result<Option<T>> {
    let text: Option<String> = conn
        .prepare_cached("SELECT value FROM sync_state WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

pub(crate) fn set<T: Serialize>(conn: &Connection, key: &str, value: &T) -> Result<()> {
    let text = serde_json::to_string(value).map_err(|error| Error::Internal(error.to_string()))?;
    conn.prepare_cached(
        "INSERT INTO sync_state (key, value) VALUES (?1, ?2)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )?
    .execute([key, text.as_str()])?;
    Ok(())
}

pub(crate) fn remove(conn: &Connection, key: &str) -> Result<()> {
    conn.prepare_cached("DELETE FROM sync_state WHERE key = ?1")?
        .execute([key])?;
    Ok(())
}

/// Whether nothing was ever kept: no run of this engine has ended here.
pub(crate) fn is_empty(conn: &Connection) -> Result<bool> {
    Ok(
        conn.query_row("SELECT NOT EXISTS (SELECT 1 FROM sync_state)", [], |row| {
            row.get(0)
        })?,
    )
}
