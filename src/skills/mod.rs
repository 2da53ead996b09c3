//! The table of skills: what it looks like in the file at hand, what stands in it, and how it is written.

mod compare;
mod fts;
mod prints;
mod repository;
mod row;
mod sql;
mod stage;
mod stamp;
mod table;
mod urls;

pub(crate) use self::compare::{Verdict, compare, stored};
pub(crate) use self::fts::{counts_agree, index_sign, rebuild, repair_index};
pub(crate) use self::prints::{Class, Prints};
pub use self::repository::{SkillRecord, SkillRepository};
pub(crate) use self::row::{Unfit, fit};
pub(crate) use self::stage::{Refused, Stage, is_index_fault, is_row_fault};
pub(crate) use self::stamp::newer_than;
pub(crate) use self::table::Table;
pub(crate) use self::urls::{Settled, create_list, list_after, set_aside, settle};
