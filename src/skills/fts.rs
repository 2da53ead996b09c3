//! The full-text index. Its triggers keep it in step; another program may have upset it before us.

use rusqlite::{Connection, ErrorCode};

use crate::{Error, Result};

/// Checks the index against the table and builds it anew where it is out of step.
///
/// Inside the caller's transaction. Returns whether it had to be rebuilt.
/// `INSERT OR REPLACE` of a row whose URL another row has deletes that row
/// without its delete trigger; files in the field have such an index.
pub(crate) fn repair_index(conn: &Connection) -> Result<bool> {
    let check = conn.execute(
        "INSERT INTO main.skills_fts (skills_fts, rank) VALUES ('integrity-check', 1)",
        [],
    );
    match check {
        Ok(_) => Ok(false),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
            rebuild(conn)?;
            Ok(true)
        }
        Err(error) => Err(Error::from(error)),
    }
}

/// Builds the index anew from the table, inside the caller's transaction.
pub(crate) fn rebuild(conn: &Connection) -> Result<()> {
    conn.execute(
        "INSERT INTO main.skills_fts (skills_fts) VALUES ('rebuild')",
        [],
    )?;
    Ok(())
}
