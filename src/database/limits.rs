//! How long statements may take. Triggers, checks and expressions of the file run inside them, and anybody may
//! have written those.

use std::time::{Duration, Instant};

use rusqlite::{Connection, ffi};

use super::raw::{Interruptible, Limit, limited};
use crate::{CancelToken, Error, Result};

/// How long the statements of a short call may take, after its wait for a lock. A host may wait for them on
/// its event loop.
pub(super) const SHORT_CALL: Duration = Duration::from_secs(5);

/// How long a statement of a run may still take after a cancellation or the deadline: a batch that is being
/// written is stored.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// How many steps of SQLite's virtual machine the rows of one transaction may take: a second or two, and ten times as many as
/// a trigger takes that looks at each of 500,000 rows. No row needs as many, however slow the machine or the disk is.
pub(crate) const MOST_STEPS: u64 = 50_000_000;

/// While the guard lives, statements on `conn` end once the token is cancelled, or after `most`.
pub(crate) fn limit_to<'c>(
    conn: &'c Connection,
    cancel: &CancelToken,
    most: Duration,
) -> Interruptible<'c> {
    let deadline = Instant::now().checked_add(most);
    limited(conn, Limit::new(cancel, deadline))
}

/// The error of a call that was limited: a statement may have been stopped though nobody cancelled it.
pub(crate) fn explain_stop<T>(outcome: Result<T>, cancel: &CancelToken) -> Result<T> {
    match outcome {
        Err(Error::Cancelled) if !cancel.is_cancelled() => Err(took_too_long()),
        outcome => outcome,
    }
}

const TOO_LONG: &str =
    "a statement took too long and was stopped; look at the triggers of the database";

/// Whether a statement of a call was stopped because it took too long.
pub(crate) fn is_too_long(error: &Error) -> bool {
    matches!(error, Error::Database(rusqlite::Error::SqliteFailure(_, Some(words))) if words == TOO_LONG)
}

fn took_too_long() -> Error {
    of_database(TOO_LONG)
}

/// The error of a transaction whose statements took all their [`MOST_STEPS`]: one of its rows may be at fault.
pub(super) fn took_all_steps() -> Error {
    // Not the code of a statement that the caller has interrupted.
    let code = ffi::Error::new(ffi::SQLITE_ABORT);
    Error::Database(rusqlite::Error::SqliteFailure(
        code,
        Some(TOO_LONG.to_owned()),
    ))
}

/// What is counted as written is compared with what should have been: `RAISE(IGNORE)` in a trigger leaves a
/// write out without an error.
pub(crate) fn ensure_written(is_written: bool) -> Result<()> {
    if is_written {
        Ok(())
    } else {
        Err(of_database(
            "what a sync must write down is not stored; look at the triggers of the database",
        ))
    }
}

/// Fails where a trigger has ended the transaction, so that what follows would be written outside of it.
pub(super) fn ensure_in_transaction(conn: &Connection) -> Result<()> {
    if conn.is_autocommit() {
        Err(of_database(
            "a trigger of the database ended the transaction",
        ))
    } else {
        Ok(())
    }
}

fn of_database(words: &str) -> Error {
    let code = ffi::Error::new(ffi::SQLITE_ERROR);
    Error::Database(rusqlite::Error::SqliteFailure(code, Some(words.to_owned())))
}
