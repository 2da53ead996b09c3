//! When the full-text index was last compared with the skills, word for word.

use serde::{Deserialize, Serialize};

use super::state;
use crate::Result;
use crate::statements::Statements;

/// Kept in `sync_state`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checked {
    /// As ISO time.
    pub(crate) at: String,
    pub(crate) sound: bool,
}

/// Inside the caller's transaction.
pub(crate) fn note(conn: &dyn Statements, checked: &Checked) -> Result<()> {
    state::set(conn, state::key::CHECKED, checked)
}

#[cfg(feature = "cli")]
pub(crate) fn load(conn: &dyn Statements) -> Result<Option<Checked>> {
    state::get(conn, state::key::CHECKED)
}
