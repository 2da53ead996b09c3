//! The database file: opening, creating and preparing it, and who may use which connection.

#[cfg_attr(not(feature = "test-hooks"), expect(dead_code, reason = "tests ask"))]
pub(crate) mod coexistence;
mod handle;
mod lock;
mod open;
mod schema;
pub(crate) mod state;
pub(crate) mod text;
mod transaction;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

pub(crate) use self::handle::Handle;
pub(crate) use self::lock::{LockTarget, SyncLock};
pub(crate) use self::transaction::{Patience, write};
use crate::{CancelToken, Error, Result};

/// How long a short call waits for the write lock unless told otherwise.
pub const DEFAULT_BUSY_BUDGET: Duration = Duration::from_secs(5);

/// How long opening waits for other connections unless told otherwise: another process may
/// be creating or recovering the same file at this moment.
pub const DEFAULT_OPEN_BUDGET: Duration = Duration::from_secs(10);

/// As long as SQLite can wait: 24 days.
const LONGEST_BUSY_BUDGET: Duration = Duration::from_millis(i32::MAX as u64);

/// Databases in memory made so far; each needs a name of its own.
static IN_MEMORY: AtomicU64 = AtomicU64::new(0);

/// How a database is opened.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    read_only: bool,
    busy_budget: Duration,
    open_budget: Duration,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            read_only: false,
            busy_budget: DEFAULT_BUSY_BUDGET,
            open_budget: DEFAULT_OPEN_BUDGET,
        }
    }
}

impl OpenOptions {
    /// For writing, with [`DEFAULT_BUSY_BUDGET`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens without writing anything into the file, ever; it must exist. Default: false.
    ///
    /// SQLite may leave an empty `-wal` and its `-shm` beside a file in WAL mode that
    /// nobody else has open: it cannot take them away without the right to write.
    #[must_use]
    pub const fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// How long a short call waits while another connection writes, before it
    /// fails with [`Error::DatabaseBusy`]; 24 days at most.
    #[must_use]
    pub fn busy_budget(mut self, budget: Duration) -> Self {
        self.busy_budget = budget.min(LONGEST_BUSY_BUDGET);
        self
    }

    /// How long opening waits where the file has to be made or prepared first and another
    /// connection writes, before it fails with [`Error::DatabaseBusy`]; 24 days at most.
    #[must_use]
    pub fn open_budget(mut self, budget: Duration) -> Self {
        self.open_budget = budget.min(LONGEST_BUSY_BUDGET);
        self
    }

    /// Opens the database at `path`; `:memory:` is a new one in memory.
    ///
    /// A missing file is created complete, with its folder, readable by its
    /// owner only. An existing one of any version is used as it is; the tables
    /// of a sync are added where they are missing. Blocks on the disk.
    ///
    /// # Errors
    /// Refuses, unchanged, what is no database, is damaged, or belongs to some
    /// other program; says so where permission is missing.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Database> {
        let path = path.as_ref();
        if path.as_os_str().is_empty() {
            return Err(Error::InvalidArgument(
                "The database path is empty. Give a file path, or \":memory:\".".into(),
            ));
        }
        if path.as_os_str().as_encoded_bytes().contains(&0) {
            return Err(Error::InvalidArgument(
                "The database path contains a NUL character. Give a file path.".into(),
            ));
        }
        if path == Path::new(":memory:") {
            return self.open_in_memory();
        }
        let path = std::path::absolute(path).map_err(|error| Error::file("find", path, error))?;
        let conn = open::file(&path, self)?;
        let lock = LockTarget::beside(&path);
        Ok(Database::new(
            Location::File(path),
            lock,
            self.clone(),
            conn,
        ))
    }

    fn open_in_memory(&self) -> Result<Database> {
        if self.read_only {
            return Err(Error::InvalidArgument(
                "A new database in memory cannot be read-only: it would stay empty.".into(),
            ));
        }
        let name = format!("/skillsmith-{}", IN_MEMORY.fetch_add(1, Ordering::Relaxed));
        let conn = open::memory(&name, self)?;
        let lock = LockTarget::Flag(Arc::default());
        Ok(Database::new(
            Location::Memory(name),
            lock,
            self.clone(),
            conn,
        ))
    }
}

/// An open skill database. Clones share one connection, as do all repositories made from it.
///
/// Usable from any thread: short calls wait for each other. A sync has a
/// connection of its own, so that short calls never wait for a whole run.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    location: Location,
    lock: LockTarget,
    options: OpenOptions,
    conn: Mutex<Option<Handle>>,
    /// A forked child must not even wait for the lock: its holder may not exist there.
    pid: u32,
}

enum Location {
    File(PathBuf),
    /// The name under which connections of this process share it.
    Memory(String),
}

impl Database {
    /// Opens the database at `path` with the default [`OpenOptions`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        OpenOptions::new().open(path)
    }

    /// A new, complete database in memory; it is gone with its last clone.
    pub fn open_in_memory() -> Result<Self> {
        OpenOptions::new().open_in_memory()
    }

    fn new(location: Location, lock: LockTarget, options: OpenOptions, conn: Handle) -> Self {
        Self {
            inner: Arc::new(Inner {
                location,
                lock,
                options,
                conn: Mutex::new(Some(conn)),
                pid: std::process::id(),
            }),
        }
    }

    /// The absolute path, or `None` for a database in memory.
    pub fn path(&self) -> Option<&Path> {
        match &self.inner.location {
            Location::File(path) => Some(path),
            Location::Memory(_) => None,
        }
    }

    /// The absolute path as text, or `:memory:`.
    pub fn name(&self) -> String {
        self.path().map_or_else(
            || ":memory:".into(),
            |path| path.to_string_lossy().into_owned(),
        )
    }

    /// Whether it was opened read-only.
    pub fn is_read_only(&self) -> bool {
        self.inner.options.read_only
    }

    /// Whether [`close`](Self::close) has not been called yet.
    pub fn is_open(&self) -> bool {
        self.check_process().is_ok() && self.conn_slot().is_some()
    }

    /// Closes the shared connection. Later calls fail with [`Error::DatabaseClosed`].
    ///
    /// Closing twice is fine. A sync that is under way keeps its own connection
    /// and ends normally.
    pub fn close(&self) {
        if self.check_process().is_ok() {
            self.conn_slot().take();
        }
    }

    /// Runs a short reading call on the shared connection.
    pub(crate) fn read<T>(&self, call: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.check_process()?;
        call(self.conn_slot().as_ref().ok_or(Error::DatabaseClosed)?)
            .map_err(|error| self.name_damage(error))
    }

    /// Runs a short writing call in one IMMEDIATE transaction on the shared connection.
    pub(crate) fn write<T>(&self, call: impl FnMut(&Connection) -> Result<T>) -> Result<T> {
        self.write_within(self.inner.options.busy_budget, call)
    }

    /// The same if nobody else writes just now, for what can be done another time.
    pub(crate) fn write_at_once<T>(&self, call: impl FnMut(&Connection) -> Result<T>) -> Result<T> {
        self.write_within(Duration::ZERO, call)
    }

    fn write_within<T>(
        &self,
        budget: Duration,
        call: impl FnMut(&Connection) -> Result<T>,
    ) -> Result<T> {
        if self.is_read_only() {
            return Err(Error::ReadOnly);
        }
        let patience = Patience {
            budget,
            cancel: &CancelToken::new(),
        };
        self.read(|conn| write(conn, patience, call))
    }

    /// A connection of its own for a run.
    pub(crate) fn connect(&self) -> Result<Handle> {
        self.check_process()?;
        if !self.is_open() {
            return Err(Error::DatabaseClosed);
        }
        self.connect_again()
    }

    /// Another one for a run that has begun: it ends normally, though the database is closed meanwhile.
    pub(crate) fn connect_again(&self) -> Result<Handle> {
        self.check_process()?;
        match &self.inner.location {
            Location::File(path) => open::file(path, &self.inner.options),
            Location::Memory(name) => open::memory(name, &self.inner.options),
        }
    }

    fn check_process(&self) -> Result<()> {
        if self.inner.pid == std::process::id() {
            Ok(())
        } else {
            Err(Error::OpenedBeforeFork)
        }
    }

    /// What a sync of this database locks.
    pub(crate) fn lock_target(&self) -> &LockTarget {
        &self.inner.lock
    }

    /// Puts the file's name to an error that says it is damaged.
    pub(crate) fn name_damage(&self, error: Error) -> Error {
        match (error, self.path()) {
            (Error::Database(error), Some(path)) => open::explain(path, error),
            (error, _) => error,
        }
    }

    fn conn_slot(&self) -> std::sync::MutexGuard<'_, Option<Handle>> {
        self.inner
            .conn
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("name", &self.name())
            .field("read_only", &self.is_read_only())
            .field("open", &self.is_open())
            .finish()
    }
}

const _: () = {
    const fn shareable<T: Send + Sync>() {}
    shareable::<Database>();
};
