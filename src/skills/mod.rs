//! The table of skills: what it looks like in the file at hand, what stands in it, and how it is written.

mod compare;
mod fingerprints;
mod fts;
mod repository;
mod row;
mod sql;
mod stage;
pub(crate) mod stamp;
mod table;
mod urls;

pub(crate) use self::compare::{Verdict, compare, is_later, stored};
pub(crate) use self::fingerprints::{Fingerprints, RowOutcome};
pub(crate) use self::fts::{counts_agree, index_sign, rebuild, repair_index};
pub use self::repository::{SkillRecord, SkillRepository};
pub(crate) use self::row::{Unfit, fit};
pub(crate) use self::stage::{Stage, Written, is_index_fault, is_row_fault};
pub(crate) use self::stamp::newer_than;
pub(crate) use self::table::{Table, has_registry_rows};
pub(crate) use self::urls::{Settled, create_list, keep_list, list_after, set_aside, settle};
