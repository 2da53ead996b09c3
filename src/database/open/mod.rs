//! Opens connections: creates, checks and refuses files.
//!
//! Only SQLite opens the file, even for checks: closing any descriptor of it would drop the
//! locks that another SQLite in this process holds.

mod connect;
mod file;
mod opening;
mod prepare;
mod rollback;

pub(super) use self::file::{as_it_is, file, memory};
#[cfg(feature = "cli")]
pub(crate) use self::file::{foreign_empty_file, holds_nothing, too_long};
pub(super) use self::opening::Opening;
