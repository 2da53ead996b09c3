//! An open database: short calls use the shared connection, and each run has its own.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use rusqlite::Connection;

use super::handle::Handle;
use super::limits::{SHORT_CALL, explain_stop, limit_to};
use super::lock::LockTarget;
use super::open::{self, Opening};
use super::options::OpenOptions;
use super::schema::{self, ensure_sync_tables};
use super::shared::{InUse, Inner, Location, Shared};
use super::transaction::{self, LockWait};
use super::{explain, file_system, in_place, oversize, replaced};
use crate::statements::Statements;
use crate::unpoisoned::lock;
use crate::{CancelToken, Error, Result};

/// Number of databases in memory so far; each needs its own name.
static IN_MEMORY: AtomicU64 = AtomicU64::new(0);

/// An open skill database. Clones share one connection, as do all repositories made from it.
///
/// Usable from any thread: short calls wait for each other. A sync uses its own connection, so
/// short calls never wait for a whole run.
///
/// ```
/// use skillsmith_sync::{Database, SkillRepository};
///
/// let folder = tempfile::tempdir().unwrap();
/// let database = Database::open(folder.path().join("skills.db"))?;
/// assert_eq!(SkillRepository::new(&database).count()?, 0);
/// database.close();
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

impl Database {
    /// Opens the database at `path` with the default [`OpenOptions`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        OpenOptions::new().open(path)
    }

    /// Creates a database in memory with the whole schema. It is deleted with its last clone.
    pub fn open_in_memory() -> Result<Self> {
        OpenOptions::new().open_in_memory()
    }

    fn new(location: Location, lock: LockTarget, options: OpenOptions, mut conn: Shared) -> Self {
        let of_new = match &mut conn {
            Shared::Open(conn) => std::mem::take(&mut conn.of_new),
            _ => Vec::new(),
        };
        let inner = Arc::new(Inner {
            location,
            lock,
            options: options.cancel(CancelToken::new()),
            of_new: Mutex::new(of_new),
            conn: Mutex::new(conn),
            pid: std::process::id(),
        });
        if matches!(inner.location, Location::File(_)) {
            let holder: Weak<Inner> = Arc::downgrade(&inner);
            replaced::add(holder);
        }
        Self { inner }
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

    /// Whether the database was opened read-only.
    pub fn is_read_only(&self) -> bool {
        self.inner.options.read_only
    }

    /// Whether the database is open: [`close`](Self::close) was not called.
    pub fn is_open(&self) -> bool {
        self.check_process().is_ok() && !matches!(*self.inner.shared(), Shared::Closed)
    }

    /// Closes the shared connection. Later calls fail with [`Error::DatabaseClosed`].
    ///
    /// Calling it again is safe. A running sync keeps its own connection and ends normally.
    pub fn close(&self) {
        if self.check_process().is_ok() {
            *self.inner.shared() = Shared::Closed;
        }
    }

    /// Runs a read on the shared connection, on the file that is at the path now.
    ///
    /// A file that was deleted is read as an empty database, and not created.
    pub(crate) fn read<T>(&self, mut call: impl FnMut(&Connection) -> Result<T>) -> Result<T> {
        let call = |conn: &Connection| oversize::read(conn, &mut call);
        match self.shared_in_place(false) {
            Ok(shared) => self.call(&shared, call),
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                let stand_in = OpenOptions::new().open_in_memory()?;
                let shared = stand_in.inner.shared();
                self.call(&shared, call)
            }
            Err(error @ Error::DatabaseReplaced(_)) => {
                let Some(path) = self.path() else {
                    return Err(error);
                };
                // A sync of this process still uses the old file, and the new one cannot be opened normally
                // beside its -wal. The new file's own content can be read.
                let options = self.inner.options.clone().read_only(true);
                let cancel = CancelToken::new();
                let opening = Opening {
                    search: false,
                    ..options.opening(&cancel)
                };
                let conn = open::as_it_is(path, opening)?;
                self.call(&Shared::Open(conn), call)
            }
            Err(error) => Err(error),
        }
    }

    fn call<T>(&self, shared: &Shared, call: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let Shared::Open(conn) = shared else {
            return Err(Error::DatabaseClosed);
        };
        let options = &self.inner.options;
        // A reader may wait for a lock as well.
        let most = SHORT_CALL.saturating_add(options.busy_budget);
        let guard = limit_to(conn, &options.calls, most);
        let mut outcome = schema::look_again(conn).and_then(|()| call(conn));
        if outcome.is_err() {
            // Since the look; or SQLite says no more than that there is no such column.
            let other = schema::look_again(conn).and_then(|()| schema::ensure_columns(&**conn));
            if let Err(other @ Error::NotSkillsmith { .. }) = other {
                outcome = Err(other);
            }
        }
        drop(guard);
        let outcome = explain_stop(outcome, &options.calls)
            .map_err(|error| explain::with_cause(conn, error))
            .map_err(|error| self.name_damage(error));
        if let (Ok(_), Location::File(path)) = (&outcome, &self.inner.location) {
            in_place::note_version_read(conn, path);
        }
        outcome
    }

    /// Opens the shared connection if it is not open, with the same errors as [`Database::open`].
    #[doc(hidden)]
    pub fn check(&self) -> Result<()> {
        self.shared_in_place(true).map(drop)
    }

    /// Runs a write in one IMMEDIATE transaction on the shared connection.
    pub(crate) fn write<T>(&self, call: impl FnMut(&Connection) -> Result<T>) -> Result<T> {
        self.write_within(self.inner.options.busy_budget, call)
    }

    /// Runs a short read on the shared connection, or on the one of the host that calls go [`through`](Self::through) now.
    pub(crate) fn short_read<T>(
        &self,
        mut call: impl FnMut(&dyn Statements) -> Result<T>,
    ) -> Result<T> {
        match self.host() {
            Some(host) => self.check_open().and_then(|()| host.read(call)),
            None => self.read(|conn| call(conn)),
        }
    }

    /// The same for a short write, in a transaction of its own or as a part of the host's.
    pub(crate) fn short_write<T>(
        &self,
        mut call: impl FnMut(&dyn Statements) -> Result<T>,
    ) -> Result<T> {
        let Some(host) = self.host() else {
            return self.write(|conn| call(conn));
        };
        if self.is_read_only() {
            return Err(Error::ReadOnly);
        }
        self.check_open().and_then(|()| host.write(call))
    }

    /// The same, if no other connection is writing now. For writes that can be postponed: what the host only reads must not
    /// become a transaction that writes.
    pub(crate) fn write_at_once<T>(
        &self,
        mut call: impl FnMut(&dyn Statements) -> Result<T>,
    ) -> Result<T> {
        if self.host().is_some() {
            return Err(Error::DatabaseBusy);
        }
        self.write_within(Duration::ZERO, |conn| call(conn))
    }

    /// Whether short calls of this thread go through a connection of the host, perhaps in the middle of its transaction.
    pub(crate) fn is_through_host(&self) -> bool {
        self.host().is_some()
    }

    fn check_open(&self) -> Result<()> {
        if self.is_open() {
            Ok(())
        } else {
            Err(Error::DatabaseClosed)
        }
    }

    /// Whether both share one connection.
    pub(super) fn is_clone_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    fn write_within<T>(
        &self,
        budget: Duration,
        mut call: impl FnMut(&Connection) -> Result<T>,
    ) -> Result<T> {
        if self.is_read_only() {
            return Err(Error::ReadOnly);
        }
        let lock_wait = LockWait {
            budget,
            cancel: &CancelToken::new(),
            claim: None,
        };
        let mut attempt = || {
            let shared = self.shared_in_place(true)?;
            self.call(&shared, |conn| {
                transaction::write(conn, lock_wait, |conn| {
                    let _guard = limit_to(conn, &self.inner.options.calls, SHORT_CALL);
                    ensure_sync_tables(conn)?;
                    oversize::mend(conn)?;
                    call(conn)
                })
            })
        };
        match attempt() {
            // Replaced during the call: the call was rolled back, and is repeated on the new
            // file.
            Err(Error::DatabaseReplaced(_)) => attempt(),
            outcome => outcome,
        }
    }

    /// Opens a separate connection for a run. The wait for the file can be cancelled.
    pub(crate) fn connect_for(&self, cancel: &CancelToken) -> Result<Handle> {
        // Opens or creates the file at the path, as the caller's own call would.
        drop(self.shared_in_place(true)?);
        self.connect_within(cancel, false)
    }

    /// Opens another connection for a running sync, which ends normally even if the database is closed
    /// meanwhile.
    ///
    /// Never creates the file: a file deleted during the run counts as missing.
    pub(crate) fn connect_again(&self) -> Result<Handle> {
        self.check_process()?;
        // A file that was put there meanwhile has not been checked.
        let search = self.let_go_if_replaced();
        self.connect_within(&CancelToken::new(), search)
    }

    /// The same for who cannot wait for a lock as long as the caller of the run allows.
    pub(crate) fn connect_again_within(&self, most: Duration) -> Result<Handle> {
        self.check_process()?;
        let search = self.let_go_if_replaced();
        let options = &self.inner.options;
        let hurried = options.clone().busy_budget(options.busy_budget.min(most));
        self.connect_with(&hurried, &CancelToken::new(), search)
    }

    fn connect_within(&self, cancel: &CancelToken, search: bool) -> Result<Handle> {
        self.connect_with(&self.inner.options, cancel, search)
    }

    fn connect_with(
        &self,
        options: &OpenOptions,
        cancel: &CancelToken,
        search: bool,
    ) -> Result<Handle> {
        let opening = Opening {
            create: false,
            search,
            ..options.opening(cancel)
        };
        match &self.inner.location {
            Location::File(path) => open::file(path, opening),
            Location::Memory(name) => open::memory(name, opening),
        }
    }

    /// The shared connection to the file that is at the path now, or the error that it is
    /// closed.
    fn shared_in_place(&self, create: bool) -> Result<InUse<'_>> {
        self.check_process()?;
        self.let_go_if_replaced();
        let mut shared = self.inner.shared();
        if let (Shared::Replaced | Shared::Resting(_), Location::File(path)) =
            (&*shared, &self.inner.location)
        {
            let cancel = CancelToken::new();
            let opening = Opening {
                create,
                search: !shared.knows(path),
                ..self.inner.options.opening(&cancel)
            };
            let mut conn = open::file(path, opening)?;
            lock(&self.inner.of_new).append(&mut conn.of_new);
            *shared = Shared::Open(conn);
        }
        Ok(InUse::new(&self.inner, shared))
    }

    /// If the file at the path was replaced, closes every connection of this process except those of runs.
    /// Returns whether it was.
    fn let_go_if_replaced(&self) -> bool {
        let is_replaced = self.inner.is_replaced();
        if is_replaced {
            self.inner.shared().let_go();
            replaced::let_go();
        }
        is_replaced
    }

    fn check_process(&self) -> Result<()> {
        if self.inner.pid == std::process::id() {
            Ok(())
        } else {
            Err(Error::OpenedBeforeFork)
        }
    }

    /// Empties the journal of a run's connection if its file is no longer the one at the path.
    pub(crate) fn leave(&self, conn: &Connection) {
        if let Some(path) = self.path()
            && in_place::check_in_place(conn, path).is_err()
        {
            in_place::empty_journal(conn);
        }
    }

    /// What the result of a run says of the file, beside what it says of the run.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let Some(path) = self.path() else {
            return Vec::new();
        };
        let mut warnings = Vec::new();
        if let Some(kind) = file_system::shared(path) {
            warnings.push(format!(
                "{} is on a file system that other machines may use at the same time ({kind}), and SQLite cannot be safe there. Sync it from one machine only, or keep it on a local disk.",
                path.display()
            ));
        }
        warnings.append(&mut lock(&self.inner.of_new));
        warnings
    }

    /// What a sync of this database locks.
    pub(crate) fn lock_target(&self) -> &LockTarget {
        &self.inner.lock
    }

    /// Adds the file's name to an error about damage.
    pub(crate) fn name_damage(&self, error: Error) -> Error {
        match (error, self.path()) {
            (Error::Database(error), Some(path)) => explain::explain(path, error, None),
            (error, _) => error,
        }
    }
}

impl OpenOptions {
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
        let path = absolute(path)?;
        if self.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let conn = open::file(&path, self.opening(&self.cancel))?;
        let lock = LockTarget::File(path.clone());
        Ok(Database::new(
            Location::File(path),
            lock,
            self.clone(),
            Shared::Open(conn),
        ))
    }

    /// The database at `path`, which exists. The first call on a connection of its own opens it, and checks it then;
    /// [`Database::check`] does nothing else.
    #[doc(hidden)]
    pub fn open_later(&self, path: impl AsRef<Path>) -> Result<Database> {
        let path = path.as_ref();
        let path = absolute(path)?;
        let lock = LockTarget::File(path.clone());
        let location = Location::File(path);
        Ok(Database::new(
            location,
            lock,
            self.clone(),
            Shared::Replaced,
        ))
    }

    fn open_in_memory(&self) -> Result<Database> {
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
            Shared::Open(conn),
        ))
    }
}

/// The same path from the root on.
fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| {
        let words = format!(
            "the folder that this program was started in cannot be used ({error}). Change to another one, or give an absolute path"
        );
        Error::file("find", path, std::io::Error::new(error.kind(), words))
    })
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
