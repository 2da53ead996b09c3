//! How runs ended whose entries could not be changed: a trigger of another program refuses that. Kept in `sync_state`
//! until the entry says it itself.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{SyncHistoryEntry, SyncStatus};
use crate::Result;
use crate::clock::to_iso;
use crate::database::state;
use crate::statements::Statements;

/// Ids begin with their time, so that the newest are kept.
const MOST: usize = 20;

/// The end of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct End {
    /// As ISO time.
    pub(super) at: String,
    pub(super) error: String,
}

/// By the ids of entries.
pub(super) type Ends = BTreeMap<String, End>;

/// Notes it for the entry with this `id`, inside the caller's transaction.
pub(crate) fn note(conn: &dyn Statements, id: &str, now: DateTime<Utc>, error: &str) -> Result<()> {
    let mut kept = load(conn)?;
    let (at, error) = (to_iso(now), error.to_owned());
    kept.insert(id.to_owned(), End { at, error });
    while kept.len() > MOST {
        kept.pop_first();
    }
    state::set(conn, state::key::ENDS, &kept)
}

pub(super) fn load(conn: &dyn Statements) -> Result<Ends> {
    Ok(state::get(conn, state::key::ENDS)?.unwrap_or_default())
}

/// Forgets them, once the entries say it, inside the caller's transaction.
pub(super) fn forget(conn: &dyn Statements, told: &[String]) -> Result<()> {
    let mut kept = load(conn)?;
    let before = kept.len();
    kept.retain(|id, _| !told.contains(id));
    if kept.len() == before {
        return Ok(());
    }
    state::set(conn, state::key::ENDS, &kept)
}

/// Tells it in entries that were read.
pub(super) fn fill<'e>(
    conn: &dyn Statements,
    entries: impl IntoIterator<Item = &'e mut SyncHistoryEntry>,
) -> Result<()> {
    let kept = load(conn)?;
    for entry in entries {
        if entry.status == SyncStatus::Running
            && let Some(end) = kept.get(&entry.id)
        {
            entry.status = SyncStatus::Failed;
            entry.completed_at = Some(end.at.clone());
            entry.error_message = Some(end.error.clone());
        }
    }
    Ok(())
}
