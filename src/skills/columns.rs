//! The columns of a table of skills, and what else its statements depend on.

use crate::registry::field::Field;

/// A column that one of the registry's fields goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) field: Field,
    pub(crate) not_null: bool,
    /// The SQL expression of its default, where it has one.
    pub(crate) default: Option<String>,
}

impl Column {
    /// Its name in the table.
    pub(crate) const fn name(&self) -> &'static str {
        self.field.name()
    }
}

/// What the table of this file can hold, and others cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that have nothing to do with each other"
)]
pub(crate) struct TableFeatures {
    /// `updated_at`, so that "unchanged" can be told from it.
    pub(crate) stamp: bool,
    pub(crate) source: bool,
    /// A `repo_url` that no two rows can share.
    pub(crate) unique_url: bool,
    pub(crate) versions: bool,
    pub(crate) fts: bool,
    /// The triggers that keep the full-text index in step.
    pub(crate) fts_triggers: bool,
}
