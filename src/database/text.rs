//! Text that some program has written: SQLite does not check that it is UTF-8.
//!
//! A host that cuts a text inside a character leaves such bytes (better-sqlite3 stores
//! half a surrogate pair as it is). They read as U+FFFD, as they do in the TypeScript
//! stack; failing would lock everybody out of the row for ever.

use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, Value, ValueRef};

/// A text, whatever bytes it is made of.
pub(crate) struct Text(pub(crate) String);

impl FromSql for Text {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Text(bytes) => Ok(Self(String::from_utf8_lossy(bytes).into_owned())),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

/// The text in a column.
pub(crate) fn text(row: &Row<'_>, column: &str) -> rusqlite::Result<String> {
    Ok(row.get::<_, Text>(column)?.0)
}

/// Any value.
pub(crate) fn value(found: ValueRef<'_>) -> Value {
    match found {
        ValueRef::Text(bytes) => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}
