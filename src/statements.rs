//! Statements of short calls: on a connection of ours, or on one of the host (`database::host`), by the same SQL.
#![warn(clippy::arithmetic_side_effects)]

use std::path::PathBuf;

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, ErrorCode, Row, ToSql, ffi};

use crate::{Error, Result, memory};

/// The values for the parameters of a statement: in their order, or by name.
#[derive(Clone, Copy)]
pub(crate) enum Parameters<'p> {
    Listed(&'p [&'p dyn ToSql]),
    Named(&'p [(&'p str, &'p dyn ToSql)]),
}

impl<'p> From<&'p [&'p dyn ToSql]> for Parameters<'p> {
    fn from(values: &'p [&'p dyn ToSql]) -> Self {
        Self::Listed(values)
    }
}

impl<'p> From<&'p [(&'p str, &'p dyn ToSql)]> for Parameters<'p> {
    fn from(values: &'p [(&'p str, &'p dyn ToSql)]) -> Self {
        Self::Named(values)
    }
}

/// One row. A host's connection gives its values by name only.
pub(crate) trait Columns {
    fn value(&self, column: &str) -> rusqlite::Result<ValueRef<'_>>;

    /// How long its texts and blobs are together, in bytes.
    fn bytes(&self) -> rusqlite::Result<usize>;
}

impl Columns for Row<'_> {
    fn value(&self, column: &str) -> rusqlite::Result<ValueRef<'_>> {
        self.get_ref(column)
    }

    fn bytes(&self) -> rusqlite::Result<usize> {
        let mut bytes = 0_usize;
        for column in 0..self.as_ref().column_count() {
            if let ValueRef::Text(text) | ValueRef::Blob(text) = self.get_ref(column)? {
                bytes = bytes.saturating_add(text.len());
            }
        }
        Ok(bytes)
    }
}

/// What runs statements.
pub(crate) trait Statements {
    /// Runs one statement that returns no rows. Returns how many it has changed.
    fn run(&self, sql: &str, parameters: Parameters<'_>) -> Result<usize>;

    /// Runs several statements without parameters.
    fn run_batch(&self, sql: &str) -> Result<()>;

    /// Runs one statement and calls `take` with each of its rows.
    fn each(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
        take: &mut dyn FnMut(&dyn Columns) -> Result<()>,
    ) -> Result<()>;

    /// The file, for error messages.
    fn path(&self) -> PathBuf;
}

impl Statements for Connection {
    fn run(&self, sql: &str, parameters: Parameters<'_>) -> Result<usize> {
        let mut statement = self.prepare_cached(sql)?;
        let outcome = match parameters {
            Parameters::Listed(values) => statement.execute(values),
            Parameters::Named(values) => statement.execute(values),
        };
        outcome.map_err(|error| explain(error, parameters))
    }

    fn run_batch(&self, sql: &str) -> Result<()> {
        Ok(self.execute_batch(sql)?)
    }

    fn each(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
        take: &mut dyn FnMut(&dyn Columns) -> Result<()>,
    ) -> Result<()> {
        let mut statement = self.prepare_cached(sql)?;
        let outcome = match parameters {
            Parameters::Listed(values) => statement.query(values),
            Parameters::Named(values) => statement.query(values),
        };
        let mut rows = outcome.map_err(|error| explain(error, parameters))?;
        while let Some(row) = rows.next()? {
            take(row)?;
        }
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.path().unwrap_or_default().into()
    }
}

/// Longer than anything but a text of a caller's that a database cannot take.
const LONG: usize = 16 << 20;

/// Says of a statement that failed for its length when that is the length of a parameter.
fn explain(error: rusqlite::Error, parameters: Parameters<'_>) -> Error {
    let longest = match parameters {
        Parameters::Listed(values) => values.iter().map(|value| length(*value)).max(),
        Parameters::Named(values) => values.iter().map(|(_, value)| length(*value)).max(),
    };
    match (error.sqlite_error_code(), longest) {
        (Some(ErrorCode::TooBig), Some(bytes)) if bytes > LONG => Error::InvalidArgument(format!(
            "A text of {bytes} bytes is longer than a database takes. Use a shorter one."
        )),
        _ => error.into(),
    }
}

/// The length of a text or blob, in bytes.
fn length(value: &dyn ToSql) -> usize {
    match value.to_sql() {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(bytes) | ValueRef::Blob(bytes))) => bytes.len(),
        Ok(ToSqlOutput::Owned(Value::Text(text))) => text.len(),
        _ => 0,
    }
}

impl dyn Statements + '_ {
    /// Runs one statement that returns no rows. Returns how many it has changed.
    pub(crate) fn execute<'p>(
        &self,
        sql: &str,
        parameters: impl Into<Parameters<'p>>,
    ) -> Result<usize> {
        self.run(sql, parameters.into())
    }

    /// The first row of a query, if there is one.
    pub(crate) fn first<'p, T>(
        &self,
        sql: &str,
        parameters: impl Into<Parameters<'p>>,
        mut read: impl FnMut(&dyn Columns) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let mut found = None;
        self.each(sql, parameters.into(), &mut |row| {
            if found.is_none() {
                found = Some(read(row)?);
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// The row of a query that always has one.
    pub(crate) fn one<'p, T>(
        &self,
        sql: &str,
        parameters: impl Into<Parameters<'p>>,
        read: impl FnMut(&dyn Columns) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let found = self.first(sql, parameters, read)?;
        Ok(found.ok_or(rusqlite::Error::QueryReturnedNoRows)?)
    }

    /// Whether `SELECT EXISTS (…) AS found` has found something.
    pub(crate) fn exists<'p>(
        &self,
        sql: &str,
        parameters: impl Into<Parameters<'p>>,
    ) -> Result<bool> {
        self.one(sql, parameters, |row| {
            Ok(row.value("found")? != ValueRef::Integer(0))
        })
    }

    /// All rows of a query, however many there are.
    pub(crate) fn all<'p, T>(
        &self,
        sql: &str,
        parameters: impl Into<Parameters<'p>>,
        mut read: impl FnMut(&dyn Columns) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        self.each(sql, parameters.into(), &mut |row| {
            memory::reserve_one(&mut all)?;
            all.push(read(row)?);
            Ok(())
        })?;
        Ok(all)
    }
}

/// Fails if there is no memory for copies of the texts of a row, if a binding watches.
pub(crate) fn ensure_row_available(row: &dyn Columns) -> rusqlite::Result<()> {
    if !memory::is_watched() {
        return Ok(());
    }
    // Also for the record of a C caller.
    memory::ensure_available(row.bytes()?.saturating_mul(3))
        .map_err(|_| rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_NOMEM), None))
}
