//! The error type of the library and the public table of error codes.
//!
//! Rust callers match on the enum. An error from a lower level (SQLite, the file system, HTTP,
//! JSON) is kept as the source, unless it could contain a credential. Other languages see the
//! [`ErrorCode`]: C its number, JavaScript its name.

mod cause;
mod code;
mod convert;
mod messages;
mod origin;
mod retry;
mod status;
mod variants;

pub use self::cause::Cause;
pub use self::code::ErrorCode;
pub(crate) use self::code::code_and_retryable;
#[cfg(unix)]
pub(crate) use self::convert::LEASED;
pub(crate) use self::convert::in_words;
pub(crate) use self::messages::{TIME, in_brackets};
pub(crate) use self::status::NOT_ENTITLED;
pub use self::variants::Error;

/// The result type of this library.
///
/// ```
/// fn skills() -> skillsmith_sync::Result<i64> {
///     let database = skillsmith_sync::Database::open_in_memory()?;
///     skillsmith_sync::SkillRepository::new(&database).count()
/// }
/// assert_eq!(skills()?, 0);
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;
