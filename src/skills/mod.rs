//! The table of skills: its layout in this file, its content, and writing it.

pub(crate) mod categories;
pub(crate) mod columns;
pub(crate) mod compare;
mod fingerprints;
pub(crate) mod fts;
pub(crate) mod indexes;
pub(crate) mod repository;
pub(crate) mod row;
mod sql;
pub(crate) mod stage;
pub(crate) mod stamp;
pub(crate) mod table;
mod triggers;
pub(crate) mod unmet;
pub(crate) mod urls;

pub(crate) use self::fingerprints::{Fingerprints, RowOutcome, Shape};
pub use self::repository::{SkillRecord, SkillRepository};
pub(crate) use self::stage::Stage;
pub(crate) use self::table::Table;
