//! Values that are longer than a connection reads. Any program may have put one into a table of a sync, where each statement
//! that meets it would fail for ever.

use rusqlite::{Connection, ErrorCode};

use super::{has_table, raw};
use crate::{Error, Result};

/// How many bytes a text, a blob or a row may have: far more than any skill has, or an answer of a registry. An expression
/// of the file may ask for a text of any length.
pub(crate) const LONGEST: i32 = 128 * 1024 * 1024;

/// What SQLite itself allows.
const OF_SQLITE: i32 = i32::MAX;

/// Tables from which a row with such a value goes as a whole: all in them can be determined again.
const STATES: [&str; 3] = ["sync_state", "sync_pages", "sync_unmet"];

/// Tables that short calls read.
const READ: [&str; 3] = ["sync_state", "sync_config", "sync_history"];

/// The value of a column, or NULL where it is too long. What is too long is not loaded.
pub(crate) fn bounded(column: &str) -> String {
    format!("CASE WHEN octet_length({column}) <= {LONGEST} THEN {column} END")
}

/// What a statement reads of skills. Each way is tried where the one before meets a value that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// All values.
    Whole,
    /// Those that are not too long.
    Bounded,
    /// The same without [`SCORE`].
    WithoutScore,
}

/// The column of skills whose values SQLite makes numbers before it looks at their length: for that, it loads them.
pub(crate) const SCORE: &str = "quality_score";

impl Reading {
    /// Calls what reads so.
    pub(crate) fn each<T>(mut read: impl FnMut(Self) -> Result<T>) -> Result<T> {
        for reading in [Self::Whole, Self::Bounded] {
            match read(reading) {
                Err(error) if is_of_length(&error) => {}
                outcome => return outcome,
            }
        }
        read(Self::WithoutScore)
    }

    /// A column of the row `k`.
    pub(crate) fn column(self, name: &str) -> String {
        let column = format!("k.{}", quoted(name));
        match self {
            Self::Whole => column,
            Self::WithoutScore if name == SCORE => "NULL".to_owned(),
            Self::Bounded | Self::WithoutScore => format!("({})", bounded(&column)),
        }
    }

    /// All columns of the row `k`, whose names are these.
    pub(crate) fn all(self, names: &[String]) -> String {
        if self == Self::Whole {
            return "k.*".to_owned();
        }
        let columns = names
            .iter()
            .map(|name| format!("{} AS {}", self.column(name), quoted(name)));
        columns.collect::<Vec<_>>().join(", ")
    }
}

/// Whether a statement failed over such a value.
pub(crate) fn is_of_length(error: &Error) -> bool {
    matches!(error, Error::Database(error) if error.sqlite_error_code() == Some(ErrorCode::TooBig))
}

/// Takes such values out of the tables of a sync, inside the caller's transaction: from the settings and the history only
/// what is too long.
pub(crate) fn mend(conn: &Connection) -> Result<()> {
    if !may_hold_one(conn)? {
        return Ok(());
    }
    // An index has them too, and is read where the row goes.
    raw::limit_length(conn, OF_SQLITE);
    let outcome = mend_all(conn);
    raw::limit_length(conn, LONGEST);
    outcome
}

/// A file that is not longer than a value may be has none that is too long.
pub(crate) fn may_hold_one(conn: &Connection) -> Result<bool> {
    let number = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let bytes = number("page_count")?.saturating_mul(number("page_size")?);
    Ok(bytes > i64::from(LONGEST))
}

fn mend_all(conn: &Connection) -> Result<()> {
    for table in STATES {
        delete(conn, table, |_| true)?;
    }
    delete(conn, "sync_history", |column| column != "error_message")?;
    shorten(conn, "sync_history", |column| column == "error_message")?;
    delete(conn, "sync_config", |column| column == "id")?;
    shorten(conn, "sync_config", |column| column != "id")
}

/// Deletes the rows that have such a value in one of these columns.
fn delete(conn: &Connection, table: &str, is_meant: fn(&str) -> bool) -> Result<()> {
    let meant = columns(conn, table)?;
    let meant = meant.iter().filter(|(name, _)| is_meant(name));
    if let Some(which) = any_too_long(meant.map(|(name, _)| name)) {
        conn.execute(&format!("DELETE FROM main.{table} WHERE {which}"), [])?;
    }
    Ok(())
}

/// Puts the default of the column in the place of such a value.
fn shorten(conn: &Connection, table: &str, is_meant: fn(&str) -> bool) -> Result<()> {
    let mut meant = columns(conn, table)?;
    meant.retain(|(name, _)| is_meant(name));
    if let Some(which) = any_too_long(meant.iter().map(|(name, _)| name)) {
        let values = meant.iter().map(|(name, default)| {
            let default = default.as_deref().unwrap_or("NULL");
            let name = quoted(name);
            format!(
                "{name} = CASE WHEN octet_length({name}) > {LONGEST} THEN ({default}) ELSE {name} END"
            )
        });
        let values: Vec<_> = values.collect();
        let values = values.join(", ");
        conn.execute(
            &format!("UPDATE main.{table} SET {values} WHERE {which}"),
            [],
        )?;
    }
    Ok(())
}

fn any_too_long<'n>(columns: impl Iterator<Item = &'n String>) -> Option<String> {
    let each = columns.map(|name| format!("octet_length({}) > {LONGEST}", quoted(name)));
    let each: Vec<_> = each.collect();
    (!each.is_empty()).then(|| each.join(" OR "))
}

/// The columns of a table, each with its default; none where the table is missing.
fn columns(conn: &Connection, table: &str) -> Result<Vec<(String, Option<String>)>> {
    let mut found =
        conn.prepare("SELECT name, dflt_value FROM pragma_table_info(?1) ORDER BY cid")?;
    let found = found.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Calls what only reads: where it meets such a value in a table of a sync, once more with copies in the place of these tables,
/// in which the value is missing. The file stays as it is.
pub(super) fn read<T>(
    conn: &Connection,
    call: &mut impl FnMut(&Connection) -> Result<T>,
) -> Result<T> {
    match call(conn) {
        Err(error) if is_of_length(&error) => {}
        outcome => return outcome,
    }
    let outcome = hide(conn).and_then(|()| call(conn));
    for table in READ {
        conn.execute_batch(&format!("DROP TABLE IF EXISTS temp.{table}"))?;
    }
    outcome
}

/// An unqualified name is that of a temporary table first: what is read by it on this connection lacks such values.
pub(crate) fn hide(conn: &Connection) -> Result<()> {
    for table in READ {
        if !has_table(conn, table)? {
            continue;
        }
        let names = columns(conn, table)?;
        let names = names.iter().map(|(name, _)| quoted(name));
        let values: Vec<_> = names
            .map(|name| format!("{} AS {name}", bounded(&name)))
            .collect();
        conn.execute_batch(&format!(
            "CREATE TEMP TABLE {table} AS SELECT {} FROM main.{table} ORDER BY rowid",
            values.join(", ")
        ))?;
    }
    Ok(())
}

/// Calls what reads or writes whole skills: where it meets such a value in one, once more with room for what is there.
pub(crate) fn with_room_for_skills<T>(
    conn: &Connection,
    call: impl Fn() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let outcome = call();
    match &outcome {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::TooBig) => {}
        _ => return outcome,
    }
    let Some(longest) = longest_skill(conn)? else {
        return outcome;
    };
    raw::limit_length(conn, longest.saturating_add(LONGEST));
    let outcome = call();
    raw::limit_length(conn, LONGEST);
    outcome
}

/// How many bytes the longest skill has, if one has such a value.
fn longest_skill(conn: &Connection) -> rusqlite::Result<Option<i32>> {
    let names: Vec<String> = conn
        .prepare("SELECT name FROM pragma_table_info('skills')")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let Some(which) = any_too_long(names.iter()) else {
        return Ok(None);
    };
    let sum = names
        .iter()
        .map(|name| format!("coalesce(octet_length({}), 0)", quoted(name)));
    let sum: Vec<_> = sum.collect();
    let sql = format!(
        "SELECT max({}) FROM main.skills WHERE {which}",
        sum.join(" + ")
    );
    // One of them is loaded for its length.
    raw::limit_length(conn, OF_SQLITE);
    let longest = conn.query_row(&sql, [], |row| row.get::<_, Option<i64>>(0));
    raw::limit_length(conn, LONGEST);
    let longest = longest?;
    Ok(longest.map(|longest| i32::try_from(longest).unwrap_or(OF_SQLITE)))
}
