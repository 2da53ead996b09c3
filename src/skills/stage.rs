//! Writes a batch: stages it without a lock, then moves it over in one short transaction.

mod categories;
mod taken_urls;

use std::borrow::Cow;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OptionalExtension, ToSql, ffi, params_from_iter};
use sha2::{Digest, Sha256};

use super::categories::Categories;
use super::columns::{Column, Versions};
use super::compare::Stored;
use super::fts;
use super::sql::given_categories;
use super::table::Table;
use super::urls;
use crate::database::oversize;
use crate::error::in_brackets;
use crate::fingerprint::hex;
use crate::registry::field::{Field, FieldValue};
use crate::registry::wire::Skill;
use crate::{Error, Result};

const EMPTY: &str = "DELETE FROM temp.skillsmith_stage; DELETE FROM temp.skillsmith_categories;
                     DELETE FROM temp.skillsmith_unchanged;";

/// Outcome of a row that was written separately.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is stored.
    Stored,
    /// It is stored, with other values: a trigger has changed them.
    Altered,
    /// It now belongs to the user, and was not changed.
    Local,
    /// The database rejected it.
    Refused(String),
}

/// The rows of one batch, in a TEMP table of the run's connection.
pub(crate) struct Stage<'c> {
    conn: &'c Connection,
    table: &'c Table,
    rows: usize,
    /// Rows that stay as they are, and whose version is missing.
    unchanged: usize,
}

impl<'c> Stage<'c> {
    pub(crate) fn new(conn: &'c Connection, table: &'c Table) -> Result<Self> {
        conn.execute_batch(&table.sql.create_stage)?;
        conn.execute_batch(EMPTY)?;
        Ok(Self {
            conn,
            table,
            rows: 0,
            unchanged: 0,
        })
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rows == 0 && self.unchanged == 0
    }

    /// Adds a row. No row with its id may be staged.
    ///
    /// `now` is the stamp of a change without one. `stored` is what stands there: an absent field leaves it.
    pub(crate) fn push(
        &mut self,
        skill: &Skill,
        categories: Option<&Categories>,
        stored: Option<&Stored>,
        now: &str,
    ) -> Result<()> {
        urls::forget_set_aside(self.conn, &skill.id)?;
        let columns = &self.table.columns;
        let values = columns.iter().enumerate().map(|(at, column)| {
            let stored = stored.map(|stored| stored.value(at));
            column.value(skill, stored)
        });
        let values: Vec<_> = values.collect();
        let is_restamped = self.is_restamped(skill, stored);
        let mut mask = given_columns(columns, &values, is_restamped);
        if let Some(categories) = categories {
            mask |= given_categories(columns);
            self.push_categories(&skill.id, categories)?;
        }
        let hash = self.version_hash(skill, stored);
        let head = [
            ValueRef::Integer(mask),
            ValueRef::Integer(stored.is_none().into()),
            hash.as_deref()
                .map_or(ValueRef::Null, |hash| ValueRef::Text(hash.as_bytes())),
            ValueRef::Text(skill.id.as_bytes()),
            ValueRef::Text(skill.name.as_bytes()),
        ];
        let fields = columns.iter().zip(&values).map(|(column, value)| {
            if is_restamped && column.field == Field::UpdatedAt {
                ValueRef::Text(now.as_bytes())
            } else {
                stored_as(value)
            }
        });
        self.conn
            .prepare_cached(&self.table.sql.stage)?
            .execute(params_from_iter(
                head.into_iter().chain(fields).map(Borrowed),
            ))?;
        self.rows += 1;
        Ok(())
    }

    /// Whether the row gets a stamp of our own: a changed row without a stamp must not keep its old
    /// one, because the registry may serve that stamp again, and the row would look unchanged.
    fn is_restamped(&self, skill: &Skill, stored: Option<&Stored>) -> bool {
        stored.is_some() && self.table.has.stamp && skill.stamp().is_none()
    }

    /// The hash to be recorded with the row, if the database has a record of versions.
    fn version_hash<'s>(&self, skill: &'s Skill, stored: Option<&Stored>) -> Option<Cow<'s, str>> {
        match self.table.has.versions {
            Versions::None => None,
            Versions::OfRow { .. } => {
                let description =
                    stored.and_then(|stored| stored.text(self.table, Field::Description));
                Some(Cow::Owned(version_hash(skill, description)))
            }
            Versions::OfContent => content_hash(skill).map(Cow::Borrowed),
        }
    }

    /// Has the version of a row recorded that stays as it is, where the record holds the registry's
    /// own hashes and lacks this one: the step that made it so has emptied it. Returns whether it does.
    pub(crate) fn push_version(&mut self, skill: &Skill) -> Result<bool> {
        let (Versions::OfContent, Some(hash), Some(sql)) = (
            self.table.has.versions,
            content_hash(skill),
            &self.table.sql.versions,
        ) else {
            return Ok(false);
        };
        let is_missing = self
            .conn
            .prepare_cached(&sql.is_missing)?
            .query_row([&skill.id, hash], |row| row.get(0))?;
        if is_missing {
            self.conn
                .prepare_cached(
                    "INSERT OR REPLACE INTO temp.skillsmith_unchanged (id, version_hash) VALUES (?1, ?2)",
                )?
                .execute([&skill.id, hash])?;
            self.unchanged += 1;
        }
        Ok(is_missing)
    }

    /// Empties the stage, after a commit.
    pub(crate) fn clear(&mut self) -> Result<()> {
        if !self.is_empty() {
            self.conn.execute_batch(EMPTY)?;
            self.rows = 0;
            self.unchanged = 0;
        }
        Ok(())
    }

    /// Moves the batch into the table, inside the caller's transaction: one
    /// statement for all new rows and one for all others.
    ///
    /// Returns whether SQLite counted all rows. If not, a trigger or a concurrent row interfered:
    /// the caller rolls back and writes row by row.
    pub(crate) fn write_all(&self) -> Result<bool> {
        if self.is_empty() {
            return Ok(true);
        }
        let sql = &self.table.sql;
        let expected: (i64, i64) = self
            .conn
            .prepare_cached(&sql.expected)?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let inserted = self.conn.prepare_cached(&sql.insert)?.execute([])?;
        let updated = self.conn.prepare_cached(&sql.update)?.execute([])?;
        if let Some(versions) = &sql.versions {
            self.conn.prepare_cached(&versions.of_all)?.execute([])?;
            if self.unchanged > 0 {
                self.conn
                    .prepare_cached(&versions.of_unchanged)?
                    .execute([])?;
            }
        }
        self.write_categories(None)?;
        let are_counted =
            (i64::try_from(inserted), i64::try_from(updated)) == (Ok(expected.0), Ok(expected.1));
        Ok(are_counted && self.all_stand(expected.0.saturating_add(expected.1))?)
    }

    /// Whether all staged rows are in the table. SQLite counts one too that a trigger removes again.
    fn all_stand(&self, staged: i64) -> Result<bool> {
        if !self.table.has.foreign_writes {
            return Ok(true);
        }
        let standing: i64 = self
            .conn
            .prepare_cached(
                "SELECT count(*) FROM temp.skillsmith_stage AS s CROSS JOIN main.skills AS k ON k.id = s.id",
            )?
            .query_row([], |row| row.get(0))?;
        Ok(standing == staged)
    }

    /// The ids of the rows that were written and are stored with other values.
    pub(crate) fn altered(&self) -> Result<Vec<String>> {
        if !self.table.has.foreign_writes || self.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self
            .conn
            .prepare_cached(&self.table.sql.altered)?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// Whether this one is.
    pub(crate) fn is_altered(&self, id: &str) -> Result<bool> {
        Ok(self.table.has.foreign_writes
            && self
                .conn
                .prepare_cached(&self.table.sql.altered_one)?
                .exists([id])?)
    }

    /// The stamp of a staged row, if it has one.
    pub(crate) fn stamp(&self, id: &str) -> Result<Option<String>> {
        if !self.table.has.stamp {
            return Ok(None);
        }
        let stamp = self
            .conn
            .prepare_cached("SELECT updated_at FROM temp.skillsmith_stage WHERE id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?;
        Ok(stamp.flatten())
    }

    /// Whether a row with this id is staged.
    pub(crate) fn contains(&self, id: &str) -> Result<bool> {
        if self.is_empty() {
            return Ok(false);
        }
        Ok(self
            .conn
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM temp.skillsmith_stage WHERE id = ?1)")?
            .query_row([id], |row| row.get(0))?)
    }

    /// The ids of the batch, in their order.
    pub(crate) fn ids(&self) -> Result<Vec<String>> {
        Ok(self
            .conn
            .prepare_cached("SELECT id FROM temp.skillsmith_stage ORDER BY rowid")?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// Moves one row, inside the caller's transaction. If the database rejects it, nothing
    /// changes, unless a trigger has ended the transaction: the caller must check for that.
    pub(crate) fn write_one(&self, id: &str) -> Result<Written> {
        // Another program may have added or deleted it since the check.
        let exists = self.exists(id)?;
        let sql = &self.table.sql;
        let one = if exists {
            &sql.update_one
        } else {
            &sql.insert_one
        };
        // RAISE(FAIL) keeps what the statement has done so far.
        self.conn.prepare_cached("SAVEPOINT one_row")?.execute([])?;
        let write = || self.conn.prepare_cached(one)?.execute([id]);
        let written = oversize::with_room_for_skills(self.conn, write)
            .map_err(Error::from)
            .and_then(|written| {
                if written == 1 {
                    if let Some(versions) = &sql.versions {
                        self.conn.prepare_cached(&versions.of_one)?.execute([id])?;
                    }
                    self.write_categories(Some(id))?;
                }
                // A trigger may have removed it again.
                Ok(written == 1 && self.exists(id)?)
            });
        // Unless a trigger has ended the whole transaction.
        if !self.conn.is_autocommit() {
            if !matches!(written, Ok(true)) {
                self.conn
                    .prepare_cached("ROLLBACK TO one_row")?
                    .execute([])?;
            }
            self.conn.prepare_cached("RELEASE one_row")?.execute([])?;
        }
        match written {
            Ok(true) => Ok(Written::Stored),
            Ok(false) if exists && self.is_local(id)? => Ok(Written::Local),
            Ok(false) => Ok(Written::Refused(
                "a trigger of the database leaves it out".into(),
            )),
            Err(Error::Database(error)) if is_row_fault(&error) => {
                self.ensure_statements_stand(one)?;
                Ok(Written::Refused(in_words(&error)))
            }
            Err(error) if is_index_fault(&error) && self.table.has.foreign_writes => Ok(
                Written::Refused("a trigger of the database breaks the full-text index".into()),
            ),
            Err(error) => Err(error),
        }
    }

    /// Fails where a statement that writes a row cannot even be prepared: its trigger names a table that is gone, say. The
    /// code of SQLite is the same as where an expression fails over one row.
    fn ensure_statements_stand(&self, one: &str) -> Result<()> {
        let sql = &self.table.sql;
        let versions = sql.versions.iter().map(|sql| sql.of_one.as_str());
        let categories = sql.categories.iter().flat_map(|sql| &sql.of_one);
        let all = versions.chain(categories.map(String::as_str));
        for statement in std::iter::once(one).chain(all) {
            self.conn.prepare(statement)?;
        }
        Ok(())
    }

    fn exists(&self, id: &str) -> Result<bool> {
        Ok(self
            .conn
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM main.skills WHERE id = ?1)")?
            .query_row([id], |row| row.get(0))?)
    }

    fn is_local(&self, id: &str) -> Result<bool> {
        if !self.table.has.source {
            return Ok(false);
        }
        Ok(self
            .conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM main.skills WHERE id = ?1 AND source IS 'local')",
            )?
            .query_row([id], |row| row.get(0))?)
    }
}

/// Whether an error may be about one row and not about the database: a constraint, an expression of an index, a check or
/// a trigger that fails over its values or does not end, such as "malformed JSON" and "integer overflow". One by one, the rows tell.
pub(crate) fn is_row_fault(error: &rusqlite::Error) -> bool {
    let is_of_expression = || {
        // With this code in full, since SQLite has others that begin with it.
        let found = error.sqlite_error();
        found.is_some_and(|error| error.extended_code == ffi::SQLITE_ERROR)
    };
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig)
    ) || is_of_expression()
        || is_endless(error)
}

/// Whether a statement took more steps than the rows of a transaction have.
pub(crate) fn is_endless(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::OperationAborted)
}

/// Whether a constraint is violated.
pub(crate) fn is_constraint(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}

/// Whether the full-text index is out of step with the table; a rebuild fixes that.
pub(crate) fn is_index_fault(error: &Error) -> bool {
    matches!(error, Error::Database(error) if fts::is_of_format(error)
        || error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_CORRUPT_VTAB))
}

/// SQLite's message, such as "CHECK constraint failed: …", without rusqlite's prefix.
pub(crate) fn in_words(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => refused(text),
        other => refused(&other.to_string()),
    }
}

fn refused(why: &str) -> String {
    format!("the database refuses it{}", in_brackets(Some(why)))
}

/// A bit for each column that the row sets.
fn given_columns(columns: &[Column], values: &[Cow<'_, FieldValue>], is_restamped: bool) -> i64 {
    let mut mask = 0_i64;
    for (bit, (column, value)) in columns.iter().zip(values).enumerate() {
        let is_given = **value != FieldValue::Absent;
        if is_given || (is_restamped && column.field == Field::UpdatedAt) {
            mask |= 1 << bit;
        }
    }
    mask
}

/// A field's value as SQLite stores it.
fn stored_as(value: &FieldValue) -> ValueRef<'_> {
    match value {
        FieldValue::Absent | FieldValue::Null | FieldValue::Invalid(_) => ValueRef::Null,
        FieldValue::Text(text) => ValueRef::Text(text.as_bytes()),
        FieldValue::Real(real) => ValueRef::Real(*real),
        FieldValue::Integer(integer) => ValueRef::Integer(*integer),
    }
}

struct Borrowed<'v>(ValueRef<'v>);

impl ToSql for Borrowed<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}

/// The registry's hash of the skill itself, where the row carries one.
fn content_hash(skill: &Skill) -> Option<&str> {
    let hash = skill.fields[Field::ContentHash].as_text();
    hash.filter(|hash| !hash.is_empty())
}

/// SHA-256 in lower-case hex over the JSON text of the four keys, as the other stack has it.
fn version_hash(skill: &Skill, description: Option<&str>) -> String {
    #[derive(serde::Serialize)]
    struct Versioned<'s> {
        id: &'s str,
        name: &'s str,
        description: Option<&'s str>,
        updated_at: Option<&'s str>,
    }
    let description = match &skill.fields[Field::Description] {
        FieldValue::Absent => description,
        served => served.as_text(),
    };
    let versioned = Versioned {
        id: &skill.id,
        name: &skill.name,
        description,
        updated_at: skill.stamp(),
    };
    let text = serde_json::to_string(&versioned).unwrap_or_default();
    hex(&Sha256::digest(text.as_bytes()))
}
