//! Compares a served row with the stored one.

use std::cmp::Ordering;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension};

use super::categories::Categories;
use super::columns::{Column, Made};
use super::stamp::canonical;
use super::table::Table;
use crate::Result;
use crate::database::oversize::is_of_length;
use crate::database::text::value;
use crate::registry::field::{Field, FieldValue, Kind};
use crate::registry::wire::Skill;
use crate::statements::ensure_row_available;

/// A row in the table.
pub(crate) struct Stored {
    name: Value,
    is_local: bool,
    values: Vec<Value>,
}

impl Stored {
    /// The stored value of a field, if it has a column and is text.
    pub(crate) fn text(&self, table: &Table, wanted: Field) -> Option<&str> {
        let at = table
            .columns
            .iter()
            .position(|column| column.field == wanted)?;
        match &self.values[at] {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value in a column, by its place in the table.
    pub(super) fn value(&self, at: usize) -> &Value {
        &self.values[at]
    }
}

/// What to do with a served row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is stored as it was served, or belongs to the user.
    Unchanged,
    /// It is stored, except for its URL, which another row had.
    OnlyUrlMissing,
    /// It must be written.
    Changed,
}

/// Reads a row; `None` if there is none with this id.
pub(crate) fn stored(conn: &Connection, table: &Table, id: &str) -> Result<Option<Stored>> {
    match stored_by(conn, table, &table.sql.stored, id) {
        Err(error) if is_of_length(&error) => {
            stored_by(conn, table, &table.sql.stored_without_score, id)
        }
        stored => stored,
    }
}

fn stored_by(conn: &Connection, table: &Table, sql: &str, id: &str) -> Result<Option<Stored>> {
    let row = conn
        .prepare_cached(sql)?
        .query_row([id], |row| {
            ensure_row_available(row)?;
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

/// Compares the registry's stamp, or the content if there is none or `force` is set.
pub(crate) fn verdict(
    conn: &Connection,
    skill: &Skill,
    categories: Option<&Categories>,
    stored: &Stored,
    table: &Table,
    force: bool,
) -> Result<Verdict> {
    if stored.is_local {
        return Ok(Verdict::Unchanged);
    }
    let by_stamp = skill.stamp().filter(|_| table.has.stamp && !force);
    if let Some(stamp) = by_stamp {
        let same = stored
            .text(table, Field::UpdatedAt)
            .is_some_and(|stored| canonical(stored) == canonical(stamp));
        if !same {
            return Ok(Verdict::Changed);
        }
    }
    let mut url_missing = false;
    let mut mark_differs = false;
    let mut differs = stored.name != Value::Text(skill.name.clone());
    for (column, value) in table.columns.iter().zip(&stored.values) {
        let served = column.value(skill, Some(value));
        if same(&served, value, column) {
            continue;
        }
        if column.field == Field::RepoUrl && table.has.unique_url && *value == Value::Null {
            url_missing = true;
        } else {
            differs = true;
        }
        mark_differs |= column.made == Made::Passed && changes_mark(skill, &served, value);
    }
    if !differs
        && (by_stamp.is_none() || url_missing)
        && let Some(categories) = categories
    {
        differs = categories.differ(conn, table, &skill.id)?;
    }
    // A row with its old stamp is only unchanged if nothing but its URL differs.
    let stands = !mark_differs && ((by_stamp.is_some() && !url_missing) || !differs);
    Ok(match (stands, url_missing) {
        (true, true) => Verdict::OnlyUrlMissing,
        (true, false) => Verdict::Unchanged,
        (false, _) => Verdict::Changed,
    })
}

/// Whether the row tells that a skill has got into quarantine, or out of it.
fn changes_mark(skill: &Skill, served: &FieldValue, stored: &Value) -> bool {
    quarantine(skill).is_some()
        && (*served == FieldValue::Integer(0)) != (*stored == Value::Integer(0))
}

/// What a row says of the quarantine, if anything.
pub(crate) fn quarantine(skill: &Skill) -> Option<bool> {
    match skill.fields[Field::Quarantined] {
        FieldValue::Integer(is_in) => Some(is_in != 0),
        _ => None,
    }
}

/// Whether the row is marked as not safe once it is written over what is stored.
pub(crate) fn is_marked_after(skill: &Skill, stored: Option<&Stored>, table: &Table) -> bool {
    let mut columns = table.columns.iter().enumerate();
    let Some((at, column)) = columns.find(|(_, column)| column.made == Made::Passed) else {
        return false;
    };
    let stored = stored.map(|stored| stored.value(at));
    match *column.value(skill, stored) {
        FieldValue::Absent => stored == Some(&Value::Integer(0)),
        ref value => *value == FieldValue::Integer(0),
    }
}

fn same(served: &FieldValue, stored: &Value, column: &Column) -> bool {
    match (served, stored) {
        (FieldValue::Absent, _) | (FieldValue::Null, Value::Null) => true,
        (FieldValue::Null, _) => column.not_null,
        (FieldValue::Text(served), Value::Text(stored)) => {
            served == stored
                || (column.field.kind() == Kind::Json && same_json(served, stored))
                || (matches!(
                    column.field,
                    Field::UpdatedAt | Field::CreatedAt | Field::LastScannedAt
                ) && canonical(served) == canonical(stored))
        }
        (FieldValue::Real(served), Value::Real(stored)) => equal(*served, *stored),
        #[expect(
            clippy::cast_precision_loss,
            reason = "SQLite stores a whole REAL as an integer and compares the same way"
        )]
        (FieldValue::Real(served), Value::Integer(stored)) => equal(*served, *stored as f64),
        (FieldValue::Integer(served), Value::Integer(stored)) => served == stored,
        #[expect(clippy::cast_precision_loss, reason = "as above")]
        (FieldValue::Integer(served), Value::Real(stored)) => equal(*served as f64, *stored),
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
