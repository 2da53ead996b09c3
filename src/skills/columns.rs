//! The columns and other features of a table of skills.

use crate::registry::field::Field;

/// A column for a field of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) field: Field,
    pub(crate) not_null: bool,
    /// The SQL expression of its default, if any.
    pub(crate) default: Option<String>,
}

impl Column {
    /// Its name in the table.
    pub(crate) const fn name(&self) -> &'static str {
        self.field.name()
    }
}

/// Features that differ between files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that have nothing to do with each other"
)]
pub(crate) struct TableFeatures {
    /// `updated_at`, which shows that a row is unchanged.
    pub(crate) stamp: bool,
    pub(crate) source: bool,
    /// A UNIQUE `repo_url`.
    pub(crate) unique_url: bool,
    pub(crate) versions: bool,
    pub(crate) fts: bool,
    /// The triggers that keep the full-text index in step.
    pub(crate) fts_triggers: bool,
}
