//! Which of the skills that earlier whole listings did not have come again.

use std::collections::HashMap;

use rusqlite::Connection;

use crate::database::state;
use crate::fingerprint::row_of_id;
use crate::skills::unmet;
use crate::{Result, history, memory};

/// Begins a run with its history entry, inside the caller's transaction.
///
/// Another engine, or a version of this one that does not know the notes, may have met what they
/// name, so they are worth nothing where one has run since.
pub(in crate::engine) fn begin_run(
    conn: &Connection,
    start: impl FnOnce() -> Result<String>,
) -> Result<String> {
    if !are_current(conn)? {
        unmet::forget_all(conn)?;
    }
    let id = start()?;
    state::set(conn, state::key::COMPARED, &id)?;
    Ok(id)
}

/// Whether the last run that wrote to the history compared what it met with the notes.
fn are_current(conn: &Connection) -> Result<bool> {
    let compared: Option<String> = state::get(conn, state::key::COMPARED)?;
    Ok(compared.is_some() && compared == history::newest(conn)?)
}

/// The skills of a registry that are noted as unmet.
pub(super) struct Unmet {
    pub(super) registry: String,
    /// Their ids, by identity: a page that is still the stored one tells no more.
    noted: HashMap<u64, String>,
    /// Those that came again since the last commit.
    met: Vec<String>,
    /// No other engine has run since they were noted; only a dry run leaves it open.
    pub(super) are_current: bool,
}

impl Unmet {
    pub(super) fn load(conn: &Connection, registry: String) -> Result<Self> {
        Ok(Self {
            noted: unmet::load(conn, &registry, row_of_id)?,
            registry,
            met: Vec::new(),
            are_current: are_current(conn)?,
        })
    }

    /// Notes that a skill came, also where its row cannot be stored.
    pub(super) fn meet(&mut self, identity: u64) -> Result<()> {
        if self.noted.is_empty() {
            return Ok(());
        }
        memory::reserve_one(&mut self.met)?;
        self.met.extend(self.noted.remove(&identity));
        Ok(())
    }

    pub(super) const fn has_met(&self) -> bool {
        !self.met.is_empty()
    }

    /// Forgets those that came again, inside the caller's transaction.
    pub(super) fn forget_met(&self, conn: &Connection) -> Result<()> {
        unmet::forget(conn, &self.registry, &self.met)
    }

    /// To be called after the commit.
    pub(super) fn clear_met(&mut self) {
        self.met.clear();
    }
}
