//! The indexes of the table: what SQLite finds a row by.
//!
//! One that does not agree with the table, after damage or a change of the schema by hand, hides rows from every statement:
//! a row that is written again for ever, and never there.

use rusqlite::{Connection, ErrorCode, ffi};

use crate::database::{LockWait, oversize, transaction};
use crate::{Error, Result};

/// Makes the indexes anew if one of them does not agree with the table, which is read in full.
///
/// # Errors
/// That of a damaged file if they do not agree even so.
pub(crate) fn repair(conn: &Connection, lock_wait: LockWait<'_>) -> Result<()> {
    if first_fault(conn)?.is_none() {
        return Ok(());
    }
    transaction::write(conn, lock_wait, |conn| {
        let anew = || conn.execute_batch("REINDEX main.skills");
        oversize::with_room_for_skills(conn, anew).map_err(|error| {
            match error.sqlite_error_code() {
                // Two rows have what only one may have.
                Some(ErrorCode::ConstraintViolation) => damaged(error.to_string()),
                _ => error.into(),
            }
        })?;
        first_fault(conn)?.map_or(Ok(()), |fault| Err(damaged(fault)))
    })
}

/// The first thing that is wrong with an index. What SQLite finds in rows, such as a value that a CHECK forbids, is
/// the business of those who wrote them.
fn first_fault(conn: &Connection) -> Result<Option<String>> {
    Ok(oversize::with_room_for_skills(conn, || find_fault(conn))?)
}

fn find_fault(conn: &Connection) -> rusqlite::Result<Option<String>> {
    let mut check = conn.prepare("PRAGMA main.integrity_check('skills')")?;
    let mut rows = check.query([])?;
    while let Some(row) = rows.next()? {
        let fault: String = row.get(0)?;
        if fault.contains(" index ") {
            return Ok(Some(fault));
        }
    }
    Ok(None)
}

fn damaged(fault: String) -> Error {
    let code = ffi::Error::new(ffi::SQLITE_CORRUPT_INDEX);
    Error::Database(rusqlite::Error::SqliteFailure(code, Some(fault)))
}
