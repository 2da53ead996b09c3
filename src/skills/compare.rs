//! Whether a served row differs from the stored one.

use std::cmp::Ordering;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension};

use super::stamp::canonical;
use super::table::Table;
use crate::clock::from_iso;
use crate::database::text::value;
use crate::registry::field::{FIELDS, Field, Kind, at};
use crate::registry::wire::Skill;
use crate::{Result, memory};

/// A row as it stands in the table.
pub(crate) struct Stored {
    name: Value,
    is_local: bool,
    values: Vec<Value>,
}

impl Stored {
    /// The stored value of a field, if it has a column and is text.
    pub(crate) fn text(&self, table: &Table, wanted: usize) -> Option<&str> {
        let at = table
            .columns
            .iter()
            .position(|column| column.field == wanted)?;
        match &self.values[at] {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Whether one copy of a row is later than another, by their stamps. A copy without one is never later.
pub(crate) fn is_later(stamp: Option<&str>, known: Option<&str>) -> bool {
    let Some(stamp) = stamp else { return false };
    let Some(time) = from_iso(stamp) else {
        return false;
    };
    let Some((known, known_time)) = known.and_then(|known| Some((known, from_iso(known)?))) else {
        return true;
    };
    match time.cmp(&known_time) {
        // A stamp may have more digits than a clock type holds.
        Ordering::Equal => canonical(stamp) > canonical(known),
        order => order == Ordering::Greater,
    }
}

/// What has to be done with a served row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It stands here as it was served, or belongs to the user.
    Unchanged,
    /// It stands here but for its URL, which another row had.
    OnlyUrlMissing,
    /// It has to be written.
    Changed,
}

/// Reads a row, or `None` where there is none of that id.
pub(crate) fn stored(conn: &Connection, table: &Table, id: &str) -> Result<Option<Stored>> {
    let row = conn
        .prepare_cached(&table.sql.stored)?
        .query_row([id], |row| {
            memory::ensure_row_available(row)?;
            let is_local = row.get_ref(1)? == ValueRef::Text(b"local");
            let values = (2..2 + table.columns.len())
                .map(|at| Ok(value(row.get_ref(at)?)))
                .collect::<rusqlite::Result<_>>()?;
            Ok(Stored {
                name: value(row.get_ref(0)?),
                is_local,
                values,
            })
        })
        .optional()?;
    Ok(row)
}

/// Compares by the registry's stamp; by content where there is none, or where `force` asks for it.
pub(crate) fn compare(skill: &Skill, stored: &Stored, table: &Table, force: bool) -> Verdict {
    if stored.is_local {
        return Verdict::Unchanged;
    }
    let by_stamp = skill.stamp().filter(|_| table.has.stamp && !force);
    if let Some(stamp) = by_stamp {
        let same = stored
            .text(table, at::UPDATED_AT)
            .is_some_and(|stored| canonical(stored) == canonical(stamp));
        if !same {
            return Verdict::Changed;
        }
    }
    let mut url_missing = false;
    let mut differs = stored.name != Value::Text(skill.name.clone());
    for (column, value) in table.columns.iter().zip(&stored.values) {
        let served = &skill.fields[column.field];
        if same(
            served,
            value,
            FIELDS[column.field].1,
            column.field,
            column.not_null,
        ) {
            continue;
        }
        if column.field == at::REPO_URL && table.has.unique_url && *value == Value::Null {
            url_missing = true;
        } else {
            differs = true;
        }
    }
    // A row that has more to tell under its old stamp than its URL is not as it was served.
    match (
        (by_stamp.is_some() && !url_missing) || !differs,
        url_missing,
    ) {
        (true, true) => Verdict::OnlyUrlMissing,
        (true, false) => Verdict::Unchanged,
        (false, _) => Verdict::Changed,
    }
}

fn same(served: &Field, stored: &Value, kind: Kind, at: usize, not_null: bool) -> bool {
    match (served, stored) {
        (Field::Absent, _) | (Field::Null, Value::Null) => true,
        (Field::Null, _) => not_null,
        (Field::Text(served), Value::Text(stored)) => {
            served == stored
                || (kind == Kind::Json && same_json(served, stored))
                || (matches!(at, at::UPDATED_AT | at::CREATED_AT)
                    && canonical(served) == canonical(stored))
        }
        (Field::Real(served), Value::Real(stored)) => equal(*served, *stored),
        #[expect(
            clippy::cast_precision_loss,
            reason = "SQLite stores a whole REAL as an integer and compares the same way"
        )]
        (Field::Real(served), Value::Integer(stored)) => equal(*served, *stored as f64),
        (Field::Integer(served), Value::Integer(stored)) => served == stored,
        #[expect(clippy::cast_precision_loss, reason = "as above")]
        (Field::Integer(served), Value::Real(stored)) => equal(*served as f64, *stored),
        _ => false,
    }
}

/// Exactly: a score is stored as it was served, to the last bit.
fn equal(served: f64, stored: f64) -> bool {
    served.partial_cmp(&stored) == Some(Ordering::Equal)
}

/// The other stack may have spelled the same array in another way.
fn same_json(one: &str, other: &str) -> bool {
    let parse = |text| serde_json::from_str::<serde_json::Value>(text).ok();
    parse(one).is_some_and(|one| Some(one) == parse(other))
}
