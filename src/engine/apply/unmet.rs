//! Which of the skills that earlier whole listings did not have come again.

use std::collections::HashMap;

use rusqlite::Connection;

use crate::fingerprint::row_of_id;
use crate::skills::unmet;
use crate::{Result, memory};

/// The skills of a registry that are noted as unmet.
pub(super) struct Unmet {
    pub(super) registry: String,
    /// Their ids, by identity: a page that is still the stored one tells no more.
    noted: HashMap<u64, String>,
    /// Those that came again since the last commit.
    met: Vec<String>,
}

impl Unmet {
    pub(super) fn load(conn: &Connection, registry: String) -> Result<Self> {
        Ok(Self {
            noted: unmet::load(conn, &registry, row_of_id)?,
            registry,
            met: Vec::new(),
        })
    }

    /// Notes that a skill came, whatever becomes of its row.
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
