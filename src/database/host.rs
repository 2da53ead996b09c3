//! Short calls through the host's own connection.
//!
//! A host may call a repository inside a transaction of its own connection, which another SQLite has opened, or while that
//! connection has the file to itself. The call then must run there: to commit or roll back with that transaction, and because
//! no other connection could write. The statements are the same.
#![warn(clippy::arithmetic_side_effects)]

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{ToSql, ffi, params};

pub use rusqlite::types::Value;

use super::Database;
use super::schema::{self, ensure_sync_tables};
use crate::statements::{Columns, Parameters, Statements};
use crate::{Error, Result};

/// A connection of the host, for the bindings.
pub trait HostConnection {
    /// Runs one statement that returns no rows, with values for its parameters, each a `?`. Returns how many it has changed.
    fn run(&self, sql: &str, values: Vec<Value>) -> Result<usize, HostFailure>;

    /// Runs several statements.
    fn run_batch(&self, sql: &str) -> Result<(), HostFailure>;

    /// Runs a query. Returns its rows, each with the names of the columns.
    fn rows(&self, sql: &str, values: Vec<Value>) -> Result<Vec<HostRow>, HostFailure>;
}

/// The columns of a row, with their names.
pub type HostRow = Vec<(String, Value)>;

/// Why the host's connection refused a statement.
#[derive(Debug)]
pub struct HostFailure {
    /// SQLite's extended error code, if it is one of SQLite.
    pub code: Option<i32>,
    /// The host's message.
    pub message: String,
}

impl From<HostFailure> for Error {
    fn from(HostFailure { code, message }: HostFailure) -> Self {
        match code {
            Some(code) => {
                let code = ffi::Error::new(code);
                rusqlite::Error::SqliteFailure(code, Some(message)).into()
            }
            None => Self::Host(message),
        }
    }
}

thread_local! {
    /// The connection that short calls of this thread on that database go through.
    static THROUGH: RefCell<Option<(Database, Rc<dyn HostConnection>)>> = const { RefCell::new(None) };
}

/// Puts back what was there before.
struct Restore(Option<(Database, Rc<dyn HostConnection>)>);

impl Drop for Restore {
    fn drop(&mut self) {
        let ended = THROUGH.replace(self.0.take());
        drop(ended);
    }
}

impl Database {
    /// Calls `body`. Meanwhile the short calls of this thread on this database go through the connection of the host.
    pub fn through<T>(&self, host: Rc<dyn HostConnection>, body: impl FnOnce() -> T) -> T {
        let _restore = Restore(THROUGH.replace(Some((self.clone(), host))));
        body()
    }

    /// The connection of the host that calls go through now.
    pub(super) fn host(&self) -> Option<Host<'_>> {
        let connection = THROUGH.with_borrow(|through| {
            let (database, connection) = through.as_ref()?;
            database.is_clone_of(self).then(|| Rc::clone(connection))
        })?;
        Some(Host {
            connection,
            database: self,
        })
    }
}

pub(super) struct Host<'d> {
    connection: Rc<dyn HostConnection>,
    database: &'d Database,
}

impl Host<'_> {
    pub(super) fn read<T>(&self, call: impl FnOnce(&dyn Statements) -> Result<T>) -> Result<T> {
        schema::names(self)?;
        call(self)
    }

    /// Runs a write in a savepoint, which begins a transaction where there is none.
    pub(super) fn write<T>(&self, call: impl FnOnce(&dyn Statements) -> Result<T>) -> Result<T> {
        let statements: &dyn Statements = self;
        statements.execute("SAVEPOINT skillsmith_call", params![])?;
        let outcome = ensure_sync_tables(self)
            .and_then(|()| call(self))
            .and_then(|value| {
                statements.execute("RELEASE skillsmith_call", params![])?;
                Ok(value)
            });
        if outcome.is_err() {
            // Fails where the error has ended the host's transaction, and the savepoint with it.
            _ = statements.execute("ROLLBACK TO skillsmith_call", params![]);
            _ = statements.execute("RELEASE skillsmith_call", params![]);
        }
        outcome
    }

    /// Calls the host. What it calls in turn, such as a repository in an SQL function, is no part of this call.
    fn ask<T>(
        &self,
        call: impl FnOnce(&dyn HostConnection) -> Result<T, HostFailure>,
    ) -> Result<T> {
        let _restore = Restore(THROUGH.take());
        call(&*self.connection)
            .map_err(Error::from)
            .map_err(|error| self.database.name_damage(error))
    }
}

impl Statements for Host<'_> {
    fn run(&self, sql: &str, parameters: Parameters<'_>) -> Result<usize> {
        let (sql, values) = in_order(sql, parameters)?;
        self.ask(|host| host.run(&sql, values))
    }

    fn run_batch(&self, sql: &str) -> Result<()> {
        self.ask(|host| host.run_batch(sql))
    }

    fn each(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
        take: &mut dyn FnMut(&dyn Columns) -> Result<()>,
    ) -> Result<()> {
        let (sql, values) = in_order(sql, parameters)?;
        let rows = self.ask(|host| host.rows(&sql, values))?;
        rows.iter().try_for_each(|row| take(row))
    }

    fn path(&self) -> PathBuf {
        self.database.path().map(Path::to_owned).unwrap_or_default()
    }
}

impl Columns for HostRow {
    fn value(&self, column: &str) -> rusqlite::Result<ValueRef<'_>> {
        self.iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(column))
            .map(|(_, value)| value.into())
            .ok_or_else(|| rusqlite::Error::InvalidColumnName(column.to_owned()))
    }

    fn bytes(&self) -> rusqlite::Result<usize> {
        let of = |value: &Value| match value {
            Value::Text(text) => text.len(),
            Value::Blob(bytes) => bytes.len(),
            _ => 0,
        };
        let all = self.iter().map(|(_, value)| of(value));
        Ok(all.fold(0, usize::saturating_add))
    }
}

/// Writes every parameter of a statement as `?`, which all libraries for SQLite bind in the same way, and returns the values in
/// that order. No statement of ours has `?` or `:` in a literal or a comment.
fn in_order(sql: &str, parameters: Parameters<'_>) -> Result<(String, Vec<Value>)> {
    let mut text = String::with_capacity(sql.len());
    let mut values = Vec::new();
    let mut rest = sql;
    while let Some(at) = rest.find(['?', ':']) {
        let (before, from) = rest.split_at(at);
        let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let name = &from[1..];
        let length = name.find(|letter| !is_of_name(letter));
        let (name, behind) = name.split_at(length.unwrap_or(name.len()));
        text.push_str(before);
        if name.is_empty() {
            text.push_str(&from[..1]);
        } else {
            text.push('?');
            values.push(value_of(name, parameters)?);
        }
        rest = behind;
    }
    text.push_str(rest);
    Ok((text, values))
}

fn value_of(name: &str, parameters: Parameters<'_>) -> Result<Value> {
    let found: Option<&dyn ToSql> = match parameters {
        Parameters::Listed(values) => name
            .parse::<usize>()
            .ok()
            .and_then(|number| values.get(number.checked_sub(1)?).copied()),
        Parameters::Named(values) => values
            .iter()
            .find(|(known, _)| known.get(1..) == Some(name))
            .map(|(_, value)| *value),
    };
    let found = found.ok_or_else(|| Error::Internal(format!("no value for {name}")))?;
    Ok(match found.to_sql()? {
        ToSqlOutput::Borrowed(value) => super::text::value(value),
        ToSqlOutput::Owned(value) => value,
        _ => return Err(Error::Internal(format!("no plain value for {name}"))),
    })
}

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, named_params};

    use super::*;
    use crate::{SkillRepository, SyncConfigRepository, SyncConfigUpdate, SyncHistoryRepository};

    /// Another connection, in the place of another library.
    struct Other(Connection);

    fn failure(error: &rusqlite::Error) -> HostFailure {
        HostFailure {
            code: error.sqlite_error().map(|error| error.extended_code),
            message: error.to_string(),
        }
    }

    impl HostConnection for Other {
        fn run(&self, sql: &str, values: Vec<Value>) -> Result<usize, HostFailure> {
            let values = rusqlite::params_from_iter(values);
            self.0.execute(sql, values).map_err(|error| failure(&error))
        }

        fn run_batch(&self, sql: &str) -> Result<(), HostFailure> {
            self.0.execute_batch(sql).map_err(|error| failure(&error))
        }

        fn rows(&self, sql: &str, values: Vec<Value>) -> Result<Vec<HostRow>, HostFailure> {
            let rows = || -> rusqlite::Result<_> {
                let mut query = self.0.prepare(sql)?;
                let names: Vec<String> = query.column_names().map(Into::into).collect();
                query
                    .query_map(rusqlite::params_from_iter(values), |row| {
                        let value = |at: usize| Ok((names[at].clone(), row.get(at)?));
                        (0..names.len()).map(value).collect()
                    })?
                    .collect()
            };
            rows().map_err(|error| failure(&error))
        }
    }

    #[test]
    fn parameters_stand_in_the_order_of_their_places() {
        let sql = "SELECT ?2, ?1, ?2 -- why: so\n";
        let (text, values) = in_order(sql, params![1, "two"].into()).unwrap();
        assert_eq!(text, "SELECT ?, ?, ? -- why: so\n");
        let two = || Value::Text("two".into());
        assert_eq!(values, [two(), Value::Integer(1), two()]);
        let named = named_params! { ":a": 1, ":b_c": None::<i64> };
        let (text, values) = in_order("UPDATE t SET x = :b_c WHERE y=:a", named.into()).unwrap();
        assert_eq!(text, "UPDATE t SET x = ? WHERE y=?");
        assert_eq!(values, [Value::Null, Value::Integer(1)]);
        assert!(in_order("SELECT ?3", params![1, 2].into()).is_err());
    }

    #[test]
    fn calls_take_part_in_the_transaction_of_the_host() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("skills.db");
        let database = Database::open(&path).unwrap();
        let host = Rc::new(Other(Connection::open(&path).unwrap()));
        let config = SyncConfigRepository::new(&database);
        let history = SyncHistoryRepository::new(&database);
        let off = SyncConfigUpdate::new().enabled(false);
        host.0.execute_batch("BEGIN IMMEDIATE").unwrap();
        let inside = database.through(host.clone(), || {
            config.update_config(off).unwrap();
            history.start_run().unwrap();
            assert!(
                SkillRepository::new(&database)
                    .find_by_id("a/b")
                    .unwrap()
                    .is_none()
            );
            (
                config.get_config().unwrap().enabled,
                history.count().unwrap(),
            )
        });
        assert_eq!(inside, (false, 1));
        let outside = || {
            (
                config.get_config().unwrap().enabled,
                history.count().unwrap(),
            )
        };
        assert_eq!(outside(), (true, 0));
        host.0.execute_batch("ROLLBACK").unwrap();
        assert_eq!(outside(), (true, 0));
    }

    #[test]
    fn other_databases_have_their_own_connection_meanwhile() {
        let one = Database::open_in_memory().unwrap();
        let two = Database::open_in_memory().unwrap();
        let host = Rc::new(Other(Connection::open_in_memory().unwrap()));
        one.through(host, || {
            assert!(
                SkillRepository::new(&one).count().is_err(),
                "it has no table of skills"
            );
            assert_eq!(SkillRepository::new(&two).count().unwrap(), 0);
        });
        assert_eq!(SkillRepository::new(&one).count().unwrap(), 0);
    }

    #[test]
    fn a_call_that_fails_leaves_the_transaction_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("skills.db");
        let database = Database::open(&path).unwrap();
        let host = Rc::new(Other(Connection::open(&path).unwrap()));
        host.0
            .execute_batch("BEGIN; UPDATE sync_config SET last_sync_count = 7;")
            .unwrap();
        database.through(host.clone(), || {
            let history = SyncHistoryRepository::new(&database);
            let error = history.fail_run("sync-none", "x").unwrap_err();
            assert!(matches!(error, Error::RunNotFound(_)), "{error}");
        });
        host.0.execute_batch("COMMIT").unwrap();
        let config = SyncConfigRepository::new(&database).get_config().unwrap();
        assert_eq!(config.last_sync_count, 7);
    }
}
