//! Reads values of the sync tables, which may have any type.
//!
//! SQLite stores any type in any column, and both tables are older than this library. A value of
//! the wrong type is read as the TypeScript stack would read it, or as the default: an error
//! would make the row unreadable for ever.
#![warn(clippy::arithmetic_side_effects)]

use rusqlite::types::ValueRef;

use crate::statements::Columns;

/// An integer; a fraction is cut off. `None` if the value is not a number.
pub(crate) fn whole(row: &dyn Columns, column: &str) -> rusqlite::Result<Option<i64>> {
    Ok(match row.value(column)? {
        ValueRef::Integer(number) => Some(number),
        ValueRef::Real(number) => Some(truncated(number)),
        ValueRef::Text(text) => std::str::from_utf8(text).ok().and_then(|text| {
            let text = text.trim();
            text.parse()
                .ok()
                .or_else(|| text.parse().ok().map(truncated))
        }),
        ValueRef::Null | ValueRef::Blob(_) => None,
    })
}

/// A count; 0 if the value is not a number.
pub(crate) fn count(row: &dyn Columns, column: &str) -> rusqlite::Result<i64> {
    Ok(whole(row, column)?.unwrap_or(0))
}

/// Whether a switch is on: only 1 is, as in the TypeScript stack.
pub(crate) fn is_on(row: &dyn Columns, column: &str) -> rusqlite::Result<bool> {
    Ok(match row.value(column)? {
        ValueRef::Integer(number) => number == 1,
        ValueRef::Real(number) => number.to_bits() == 1.0_f64.to_bits(),
        ValueRef::Null | ValueRef::Text(_) | ValueRef::Blob(_) => false,
    })
}

/// A text; empty if there is none.
pub(crate) fn text(row: &dyn Columns, column: &str) -> rusqlite::Result<String> {
    Ok(optional_text(row, column)?.unwrap_or_default())
}

/// What is read of a text at most, in bytes: a crafted table gives 128 MiB a row, and a history has many rows. What a
/// program may have stored itself is shorter.
const LONGEST: usize = 16 << 20;

/// A text, or a number as a text; `None` if the column is NULL. Bytes that are not UTF-8 become
/// U+FFFD. What comes after 16 MiB is left out.
pub(crate) fn optional_text(row: &dyn Columns, column: &str) -> rusqlite::Result<Option<String>> {
    Ok(match row.value(column)? {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            let mut most = bytes.len().min(LONGEST);
            // Not inside a character, whose bytes have these first two bits.
            while most > 0 && bytes.get(most).is_some_and(|byte| byte >> 6 == 0b10) {
                most = most.saturating_sub(1);
            }
            Some(String::from_utf8_lossy(&bytes[..most]).into_owned())
        }
    })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "that is what it is for; what is out of range becomes the nearest that is not"
)]
const fn truncated(number: f64) -> i64 {
    number as i64
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn read<T>(sql: &str, how: fn(&dyn Columns, &str) -> rusqlite::Result<T>) -> T {
        Connection::open_in_memory()
            .unwrap()
            .query_row(&format!("SELECT {sql} AS it"), [], |row| how(row, "it"))
            .unwrap()
    }

    #[test]
    fn promise_13_any_value_is_read() {
        for (sql, number, amount, on, text) in [
            ("1", Some(1), 1, true, Some("1")),
            ("1.0", Some(1), 1, true, Some("1")),
            ("2", Some(2), 2, false, Some("2")),
            ("7.9", Some(7), 7, false, Some("7.9")),
            ("-7.9", Some(-7), -7, false, Some("-7.9")),
            ("'12'", Some(12), 12, false, Some("12")),
            ("' 12.7 '", Some(12), 12, false, Some(" 12.7 ")),
            ("'many'", None, 0, false, Some("many")),
            ("x'ff31'", None, 0, false, Some("\u{fffd}1")),
            ("CAST(x'ff31' AS TEXT)", None, 0, false, Some("\u{fffd}1")),
            ("NULL", None, 0, false, None),
        ] {
            assert_eq!(read(sql, whole), number, "{sql}");
            assert_eq!(read(sql, count), amount, "{sql}");
            assert_eq!(read(sql, is_on), on, "{sql}");
            assert_eq!(read(sql, optional_text).as_deref(), text, "{sql}");
        }
        let long = read("hex(zeroblob(20000000))", super::text);
        assert!(long == "0".repeat(16 << 20));
        let cut = read(
            "'a' || replace(hex(zeroblob(9000000)), '0', 'é')",
            super::text,
        );
        assert!(cut == "a".to_owned() + &"é".repeat((8 << 20) - 1));
        assert_eq!(read("9e999", whole), Some(i64::MAX));
        assert_eq!(read("-9e999", count), i64::MIN);
        assert_eq!(read("'nan'", whole), Some(0));
        assert_eq!(read("NULL", super::text), "");
    }
}
