//! The codes of the errors of runs. `sync_history` has no column for them, and the text of an error does not tell its code, so
//! they are kept in `sync_state`, for the newest runs of this engine that ended with one.

use std::collections::BTreeMap;

use super::{SyncHistoryEntry, SyncStatus};
use crate::database::state;
use crate::statements::Statements;
use crate::{ErrorCode, Result};

/// Ids begin with their time, so that the newest are kept.
const MOST: usize = 100;

/// The names of codes, by the ids of entries. A newer version may have others.
type Codes = BTreeMap<String, String>;

/// Notes it for the entry with this `id`, inside the caller's transaction; `None` forgets it.
pub(crate) fn note(conn: &dyn Statements, id: &str, code: Option<ErrorCode>) -> Result<()> {
    let mut kept = load(conn)?;
    let name = code.map(|code| code.name().to_owned());
    if kept.get(id) == name.as_ref() {
        return Ok(());
    }
    match name {
        Some(name) => kept.insert(id.to_owned(), name),
        None => kept.remove(id),
    };
    while kept.len() > MOST {
        kept.pop_first();
    }
    state::set(conn, state::key::CODES, &kept)
}

fn load(conn: &dyn Statements) -> Result<Codes> {
    Ok(state::get(conn, state::key::CODES)?.unwrap_or_default())
}

/// Tells it in entries that were read.
pub(super) fn fill<'e>(
    conn: &dyn Statements,
    entries: impl IntoIterator<Item = &'e mut SyncHistoryEntry>,
) -> Result<()> {
    let has_error = |entry: &&mut SyncHistoryEntry| {
        matches!(entry.status, SyncStatus::Failed | SyncStatus::Partial)
            && entry.error_message.is_some()
    };
    let mut entries = entries.into_iter().filter(has_error).peekable();
    if entries.peek().is_none() {
        return Ok(());
    }
    let kept = load(conn)?;
    for entry in entries {
        entry.code = kept
            .get(&entry.id)
            .and_then(|name| ErrorCode::of_name(name));
    }
    Ok(())
}
