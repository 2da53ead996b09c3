//! An open database: short calls on the shared connection, and connections of their own for runs.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rusqlite::Connection;

use super::handle::Handle;
use super::in_place::{self, check_in_place};
use super::lock::LockTarget;
use super::open::{self, Opening};
use super::options::OpenOptions;
use super::schema::ensure_sync_tables;
use super::shared::{Inner, Location, Shared, in_use, let_go_of_replaced};
use super::transaction::{LockWait, write};
use crate::{CancelToken, Error, Result};

/// An open skill database. Clones share one connection, as do all repositories made from it.
///
/// Usable from any thread: short calls wait for each other. A sync has a
/// connection of its own, so that short calls never wait for a whole run.
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

    /// Makes a new, complete database in memory. It is gone with its last clone.
    pub fn open_in_memory() -> Result<Self> {
        OpenOptions::new().open_in_memory()
    }

    pub(super) fn new(
        location: Location,
        lock: LockTarget,
        options: OpenOptions,
        conn: Handle,
    ) -> Self {
        let inner = Arc::new(Inner {
            location,
            lock,
            options: options.cancel(CancelToken::new()),
            conn: Mutex::new(Shared::Open(conn)),
            pid: std::process::id(),
        });
        if matches!(inner.location, Location::File(_)) {
            in_use(|known| known.push(Arc::downgrade(&inner)));
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

    /// Whether it was opened read-only.
    pub fn is_read_only(&self) -> bool {
        self.inner.options.read_only
    }

    /// Whether [`close`](Self::close) has not been called yet.
    pub fn is_open(&self) -> bool {
        self.check_process().is_ok() && !matches!(*self.inner.shared(), Shared::Closed)
    }

    /// Closes the shared connection. Later calls fail with [`Error::DatabaseClosed`].
    ///
    /// Closing twice is fine. A sync that is under way keeps its own connection
    /// and ends normally.
    pub fn close(&self) {
        if self.check_process().is_ok() {
            *self.inner.shared() = Shared::Closed;
        }
    }

    /// Runs a short reading call on the shared connection, on the file that is at the path now.
    ///
    /// A file that was deleted is read as an empty database, and not created.
    pub(crate) fn read<T>(&self, call: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
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
                // A sync of this process still works on the old file, beside whose -wal the new one cannot be
                // opened as usual. What is in the new one itself can be read.
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
        let outcome = call(conn)
            .map_err(|error| open::with_cause(conn, error))
            .map_err(|error| self.name_damage(error));
        if let (Ok(_), Location::File(path)) = (&outcome, &self.inner.location) {
            in_place::note_version_read(conn, path);
        }
        outcome
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
        mut call: impl FnMut(&Connection) -> Result<T>,
    ) -> Result<T> {
        if self.is_read_only() {
            return Err(Error::ReadOnly);
        }
        let lock_wait = LockWait {
            budget,
            cancel: &CancelToken::new(),
        };
        let mut attempt = || {
            let shared = self.shared_in_place(true)?;
            self.call(&shared, |conn| {
                write(conn, lock_wait, |conn| {
                    ensure_sync_tables(conn)?;
                    call(conn)
                })
            })
        };
        match attempt() {
            // In the middle of the call: it was rolled back, and is made on the new file.
            Err(Error::DatabaseReplaced(_)) => attempt(),
            outcome => outcome,
        }
    }

    /// A connection of its own for a run, which can be cancelled while it waits for the file.
    pub(crate) fn connect_for(&self, cancel: &CancelToken) -> Result<Handle> {
        // What is at the path now is opened, or created, as the caller's own call would have done it.
        drop(self.shared_in_place(true)?);
        self.connect_within(cancel, false)
    }

    /// Another one for a run that has begun: it ends normally, though the database is closed meanwhile.
    ///
    /// Never creates the file: one that was deleted under the run is missing.
    pub(crate) fn connect_again(&self) -> Result<Handle> {
        self.check_process()?;
        // Nobody has looked at a file that was put there meanwhile.
        let search = self.let_go_if_replaced();
        self.connect_within(&CancelToken::new(), search)
    }

    fn connect_within(&self, cancel: &CancelToken, search: bool) -> Result<Handle> {
        let opening = Opening {
            create: false,
            search,
            ..self.inner.options.opening(cancel)
        };
        match &self.inner.location {
            Location::File(path) => open::file(path, opening),
            Location::Memory(name) => open::memory(name, opening),
        }
    }

    /// The shared connection, of the file that is at the path now; or that it is closed.
    fn shared_in_place(&self, create: bool) -> Result<MutexGuard<'_, Shared>> {
        self.check_process()?;
        self.let_go_if_replaced();
        let mut shared = self.inner.shared();
        if let (Shared::Replaced, Location::File(path)) = (&*shared, &self.inner.location) {
            let cancel = CancelToken::new();
            let opening = Opening {
                create,
                ..self.inner.options.opening(&cancel)
            };
            *shared = Shared::Open(open::file(path, opening)?);
        }
        Ok(shared)
    }

    /// Closes every connection of this process but those of runs, where the file at the path is another one by now,
    /// and tells whether it is.
    fn let_go_if_replaced(&self) -> bool {
        let is_replaced = self.inner.is_replaced();
        if is_replaced {
            self.inner.shared().let_go();
            let_go_of_replaced();
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

    /// Takes the commits of a run's connection out of the journal, where its file is not the one at the path any more.
    pub(crate) fn leave(&self, conn: &Connection) {
        if let Some(path) = self.path()
            && check_in_place(conn, path).is_err()
        {
            in_place::empty_journal(conn);
        }
    }

    /// What a sync of this database locks.
    pub(crate) fn lock_target(&self) -> &LockTarget {
        &self.inner.lock
    }

    /// Puts the file's name to an error that says it is damaged.
    pub(crate) fn name_damage(&self, error: Error) -> Error {
        match (error, self.path()) {
            (Error::Database(error), Some(path)) => open::explain(path, error, None),
            (error, _) => error,
        }
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
