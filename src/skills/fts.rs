//! The full-text index. Triggers keep it in step; another program may break it.
//!
//! Two ways are known. `INSERT OR REPLACE` of a row whose URL another row has deletes that row
//! without its delete trigger. And the TypeScript stack's `openDatabase`, which a server calls
//! at its start, adds every row to the index again. An index that is out of step makes updates
//! fail, so it is rebuilt before a run writes.
//!
//! A check or a rebuild holds the write lock for some seconds with 100,000 skills, so a cheap
//! test decides: FTS5 keeps the numbers of its rows and words in one record, which every write
//! to the index changes.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OptionalExtension, ffi};

use crate::database::oversize;
use crate::fingerprint::hex;
use crate::{Error, Result};

/// The format that FTS5 gives to a rebuilt index.
const FORMAT: i64 = 4;

/// The record of totals, as hexadecimal text; it changes with every write to the index.
pub(crate) fn signature(conn: &Connection) -> Result<Option<String>> {
    Ok(totals(conn)?.as_deref().map(hex))
}

/// Checks the index against the table and rebuilds it if it is out of step.
///
/// Inside the caller's transaction. Returns whether it was rebuilt.
pub(crate) fn repair(conn: &Connection) -> Result<bool> {
    // A wrong number of rows needs no check of the whole index.
    if !counts_agree(conn)? {
        rebuild(conn)?;
        return Ok(true);
    }
    match integrity_check(conn) {
        Ok(()) => Ok(false),
        Err(Error::Database(error))
            if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt)
                || is_of_format(&error) =>
        {
            rebuild(conn)?;
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

/// The same, and fails where the rebuilt index does not agree either: pages of it are damaged.
pub(crate) fn repair_and_check(conn: &Connection) -> Result<()> {
    if repair(conn)? {
        integrity_check(conn)?;
    }
    Ok(())
}

/// Whether the index agrees with the table, which is read in full. Holds the write lock meanwhile, and
/// changes nothing.
#[cfg(feature = "cli")]
pub(crate) fn agrees(conn: &Connection) -> Result<bool> {
    if !counts_agree(conn)? {
        return Ok(false);
    }
    match integrity_check(conn) {
        Err(Error::Database(error))
            if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt)
                || is_of_format(&error) =>
        {
            Ok(false)
        }
        outcome => outcome.map(|()| true),
    }
}

fn integrity_check(conn: &Connection) -> Result<()> {
    let sql = "INSERT INTO main.skills_fts (skills_fts, rank) VALUES ('integrity-check', 1)";
    run(conn, sql)
}

/// Runs a command of the index. It reads every skill.
fn run(conn: &Connection, sql: &str) -> Result<()> {
    oversize::with_room_for_skills(conn, || conn.execute(sql, []))?;
    Ok(())
}

/// Whether the index has as many rows as the table.
pub(crate) fn counts_agree(conn: &Connection) -> Result<bool> {
    let rows: i64 = conn.query_row("SELECT count(*) FROM main.skills", [], |row| row.get(0))?;
    let indexed = totals(conn)?.as_deref().map_or(0, first_varint);
    Ok(u64::try_from(rows) == Ok(indexed))
}

/// Rebuilds the index from the table, inside the caller's transaction.
pub(crate) fn rebuild(conn: &Connection) -> Result<()> {
    let sql = "INSERT INTO main.skills_fts (skills_fts) VALUES ('rebuild')";
    match run(conn, sql) {
        Err(Error::Database(error)) if is_of_format(&error) => {
            // What FTS5 says to run it does not run itself then.
            set_format(conn)?;
            run(conn, sql)
        }
        outcome => outcome,
    }
}

/// Whether the index says of itself that it has a format that this version of FTS5 does not know, or says nothing.
pub(crate) fn is_of_format(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(code, Some(words)) => {
            code.extended_code == ffi::SQLITE_ERROR
                && (words.starts_with("invalid fts5 file format")
                    || words == "vtable constructor failed: skills_fts")
        }
        _ => false,
    }
}

/// Whether this SQLite cannot use the index at all: it has another format, or a tokenizer that only its own program has.
pub(crate) fn is_unusable(error: &Error) -> bool {
    let Error::Database(error) = error else {
        return false;
    };
    is_of_format(error)
        || matches!(error, rusqlite::Error::SqliteFailure(_, Some(words))
            if words.contains("no such tokenizer") || words.contains("vtable constructor failed: skills_fts"))
}

/// Puts the format of a rebuilt index down, where only FTS5 may write otherwise; inside the caller's transaction.
fn set_format(conn: &Connection) -> Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)?;
    let written = conn
        .execute("DELETE FROM main.skills_fts_config WHERE k = 'version'", [])
        .and_then(|_| {
            let sql = "INSERT INTO main.skills_fts_config (k, v) VALUES ('version', ?1)";
            conn.execute(sql, [FORMAT])
        });
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    written?;
    Ok(())
}

/// FTS5 keeps it under id 1: rows, then words by column, as varints.
fn totals(conn: &Connection) -> Result<Option<Vec<u8>>> {
    Ok(conn
        .query_row(
            "SELECT block FROM main.skills_fts_data WHERE id = 1",
            [],
            |row| row.get(0),
        )
        .optional()?)
}

/// SQLite's variable-length integer: seven bits per byte, the highest first.
fn first_varint(bytes: &[u8]) -> u64 {
    let mut value = 0_u64;
    for byte in bytes.iter().take(8) {
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Connection {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            "CREATE TABLE skills (name, description, tags, author);
             CREATE VIRTUAL TABLE skills_fts USING fts5 (
               name, description, tags, author, content = 'skills', content_rowid = 'rowid');
             CREATE TRIGGER skills_ai AFTER INSERT ON skills BEGIN
               INSERT INTO skills_fts (rowid, name, description, tags, author)
               VALUES (new.rowid, new.name, new.description, new.tags, new.author);
             END;
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
             INSERT INTO skills SELECT 'name ' || i, 'words', '[]', 'me' FROM n;",
        )
        .unwrap();
        conn
    }

    #[test]
    fn a_sound_index_is_left_alone() {
        let conn = table();
        let known = signature(&conn).unwrap();
        assert!(counts_agree(&conn).unwrap());
        assert!(!repair(&conn).unwrap());
        assert_eq!(signature(&conn).unwrap(), known);
    }

    #[test]
    fn an_upset_index_is_told_by_its_signature_and_mended() {
        let upsets = [
            // As the other stack opens a file.
            "INSERT INTO skills_fts (rowid, name, description, tags, author)
             SELECT rowid, name, description, tags, author FROM skills",
            // A row is deleted without its trigger.
            "DELETE FROM skills WHERE rowid = 7",
            // A row changes without its trigger.
            "UPDATE skills SET description = 'more words than before' WHERE rowid = 7",
        ];
        for (at, upset) in upsets.iter().enumerate() {
            let conn = table();
            let known = signature(&conn).unwrap();
            conn.execute_batch(upset).unwrap();
            // Only a write to the index itself changes the record; the check finds the others.
            assert_eq!(signature(&conn).unwrap() == known, at > 0);
            assert!(repair(&conn).unwrap(), "{upset}");
            assert!(!repair(&conn).unwrap(), "{upset}");
        }
    }
}
