//! Options for opening a database.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::lock::LockTarget;
use super::open::{self, Opening};
use super::open_database::Database;
use super::shared::Location;
use crate::{CancelToken, Error, Result};

/// Default time that a short call waits for the write lock.
pub const DEFAULT_BUSY_BUDGET: Duration = Duration::from_secs(5);

/// Default time that opening waits for other connections: another process may be creating or
/// recovering the same file.
pub const DEFAULT_OPEN_BUDGET: Duration = Duration::from_secs(10);

/// The longest wait that SQLite supports: 24 days.
const LONGEST_BUSY_BUDGET: Duration = Duration::from_millis(i32::MAX as u64);

/// Number of databases in memory so far; each needs its own name.
static IN_MEMORY: AtomicU64 = AtomicU64::new(0);

/// Options for opening a [`Database`].
///
/// ```
/// use std::time::Duration;
/// use skillsmith_sync::ErrorCode;
/// use skillsmith_sync::database::OpenOptions;
///
/// let options = OpenOptions::new().read_only(true).busy_budget(Duration::from_millis(100));
/// // It must exist.
/// let error = options.open("/no/such/folder/skills.db").unwrap_err();
/// assert_eq!(error.code(), ErrorCode::Io);
/// ```
#[derive(Debug, Clone)]
pub struct OpenOptions {
    pub(super) read_only: bool,
    pub(super) busy_budget: Duration,
    pub(super) open_budget: Duration,
    pub(super) cancel: CancelToken,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            read_only: false,
            busy_budget: DEFAULT_BUSY_BUDGET,
            open_budget: DEFAULT_OPEN_BUDGET,
            cancel: CancelToken::new(),
        }
    }
}

impl OpenOptions {
    /// Options for opening for writing, with [`DEFAULT_BUSY_BUDGET`] and
    /// [`DEFAULT_OPEN_BUDGET`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether to open the file read-only; it must exist. Default: false.
    ///
    /// SQLite may leave an empty `-wal` and `-shm` beside a file in WAL mode that is not open
    /// elsewhere: it cannot delete them without write access.
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

    /// How long opening waits while another connection writes, if the file must be created or
    /// prepared first, before it fails with [`Error::DatabaseBusy`]; 24 days at most.
    #[must_use]
    pub fn open_budget(mut self, budget: Duration) -> Self {
        self.open_budget = budget.min(LONGEST_BUSY_BUDGET);
        self
    }

    /// Cancels a waiting [`open`](Self::open), which then fails with [`Error::Cancelled`] within
    /// 200 ms. It does not affect the open database.
    #[must_use]
    pub fn cancel(mut self, cancel: CancelToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// Opens the database at `path`; `:memory:` is a new one in memory.
    ///
    /// Creates a missing file with the whole schema, and its folder, accessible to their owner
    /// only. Accepts a file of any schema version; the first call that writes adds the tables
    /// for syncing if they are missing. Blocks on the disk.
    ///
    /// # Errors
    /// A file that is not a database, is damaged or belongs to another program is
    /// refused and left unchanged. Denied access is an error too.
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
        if self.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let conn = open::file(&path, self.opening(&self.cancel))?;
        let lock = LockTarget::File(path.clone());
        Ok(Database::new(
            Location::File(path),
            lock,
            self.clone(),
            conn,
        ))
    }

    pub(super) fn open_in_memory(&self) -> Result<Database> {
        if self.read_only {
            return Err(Error::InvalidArgument(
                "A new database in memory cannot be read-only: it would stay empty.".into(),
            ));
        }
        let name = format!("/skillsmith-{}", IN_MEMORY.fetch_add(1, Ordering::Relaxed));
        let conn = open::memory(&name, self.opening(&self.cancel))?;
        let lock = LockTarget::Flag(Arc::default());
        Ok(Database::new(
            Location::Memory(name),
            lock,
            self.clone(),
            conn,
        ))
    }

    /// For the connection that a caller opens; see [`Opening`].
    pub(super) const fn opening<'a>(&'a self, cancel: &'a CancelToken) -> Opening<'a> {
        Opening {
            options: self,
            cancel,
            create: true,
            search: true,
        }
    }
}
