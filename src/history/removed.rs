//! How many withdrawn skills each run removed. `sync_history` has no column for it, so it is kept
//! in `sync_state`, for those runs that removed any.

use std::collections::BTreeMap;

use rusqlite::params;

use super::SyncHistoryEntry;
use crate::Result;
use crate::database::state;
use crate::statements::Statements;

type Removed = BTreeMap<String, u64>;

/// Notes it for the entry with this `id`, inside the caller's transaction.
pub(super) fn note(conn: &dyn Statements, id: &str, count: u64) -> Result<()> {
    let kept: Option<Removed> = state::get(conn, state::key::REMOVED)?;
    let mut kept = kept.unwrap_or_default();
    let exists = "SELECT EXISTS (SELECT 1 FROM sync_history WHERE id = ?1) AS found";
    let mut gone = Vec::new();
    for id in kept.keys() {
        if !conn.exists(exists, params![id])? {
            gone.push(id.clone());
        }
    }
    kept.retain(|id, _| !gone.contains(id));
    kept.insert(id.to_owned(), count);
    state::set(conn, state::key::REMOVED, &kept)
}

/// Adds it to entries that were read.
pub(super) fn fill<'e>(
    conn: &dyn Statements,
    entries: impl IntoIterator<Item = &'e mut SyncHistoryEntry>,
) -> Result<()> {
    let kept: Option<Removed> = state::get(conn, state::key::REMOVED)?;
    let Some(kept) = kept else { return Ok(()) };
    for entry in entries {
        let count = kept.get(&entry.id).copied().unwrap_or_default();
        entry.skills_removed = i64::try_from(count).unwrap_or(i64::MAX);
    }
    Ok(())
}
