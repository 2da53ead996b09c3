//! From the bytes of a response to rows, parsed once and row by row.
//!
//! An unreadable row costs only itself, so each one is cut out as text first and then parsed on its
//! own. The fields are listed in one table. A row holds `Absent`, `Null`, a value or `Invalid` for
//! each of them; only the store knows which ones matter for the database at hand.

mod draft;
mod envelope;
mod page;
mod row;
mod shortened;
#[cfg(test)]
mod tests;

pub use self::page::Page;
pub use self::row::Row;
pub(crate) use self::row::{Content, Rejected, Skill};
pub(crate) use self::shortened::shortened;
