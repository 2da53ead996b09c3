//! Text from other programs: SQLite does not check that it is UTF-8.
//!
//! A host that cuts a text inside a character stores such bytes (better-sqlite3 stores half a
//! surrogate pair unchanged). They are read as U+FFFD, like in the TypeScript stack; an error
//! would make the row unreadable for ever.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, Value, ValueRef};

/// A text of any bytes. A blob or a number in its place is one too: an error would stop every run over one such row.
pub(crate) struct Text(pub(crate) String);

impl FromSql for Text {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                Ok(Self(String::from_utf8_lossy(bytes).into_owned()))
            }
            ValueRef::Integer(number) => Ok(Self(number.to_string())),
            ValueRef::Real(number) => Ok(Self(number.to_string())),
            ValueRef::Null => Err(FromSqlError::InvalidType),
        }
    }
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
