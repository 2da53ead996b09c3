//! The database file: opening, creating and preparing it, and who may use which connection.

#[cfg_attr(not(feature = "test-hooks"), expect(dead_code, reason = "tests ask"))]
pub(crate) mod coexistence;
mod handle;
mod in_place;
mod lock;
mod open;
mod raw;
mod schema;
pub(crate) mod state;
pub(crate) mod text;
mod transaction;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use rusqlite::Connection;

pub(crate) use self::handle::Handle;
pub(crate) use self::in_place::{check_in_place, checkpoint_at_end, checkpoint_passive};
pub(crate) use self::lock::{LockTarget, SyncLock};
use self::open::Opening;
#[cfg(feature = "cli")]
pub(crate) use self::open::holds_nothing;
pub(crate) use self::raw::interruptible;
pub(crate) use self::schema::{ensure_sync_tables, has_table};
pub(crate) use self::transaction::{Patience, write};
use crate::unpoisoned::lock;
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
    cancel: CancelToken,
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

    /// Ends the waiting of [`open`](Self::open), which then fails with [`Error::Cancelled`] within
    /// 200 ms. What is opened does not heed it any more.
    #[must_use]
    pub fn cancel(mut self, cancel: CancelToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// Opens the database at `path`; `:memory:` is a new one in memory.
    ///
    /// A missing file is created complete, with its folder, readable by its
    /// owner only. An existing one of any version is used as it is; the tables
    /// of a sync are added where they are missing, by the first call that writes.
    /// Blocks on the disk.
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
            conn,
        ))
    }

    /// For the connection that a caller opens; see [`Opening`].
    const fn opening<'a>(&'a self, cancel: &'a CancelToken) -> Opening<'a> {
        Opening {
            options: self,
            cancel,
            create: true,
            search: true,
        }
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
    conn: Mutex<Shared>,
    /// A forked child must not even wait for the lock: its holder may not exist there.
    pid: u32,
}

/// The connection that all clones share.
enum Shared {
    Open(Handle),
    /// The file at the path was replaced; the next call opens the one that is there now.
    Replaced,
    /// By the caller, for good.
    Closed,
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
        let patience = Patience {
            budget,
            cancel: &CancelToken::new(),
        };
        let mut attempt = || {
            let shared = self.shared_in_place(true)?;
            self.call(&shared, |conn| {
                write(conn, patience, |conn| {
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

impl Inner {
    fn shared(&self) -> MutexGuard<'_, Shared> {
        lock(&self.conn)
    }

    /// Whether the path leads to another file than the shared connection has open, or did at the last look.
    fn is_replaced(&self) -> bool {
        match &self.location {
            Location::File(path) => self.shared().is_replaced(path),
            Location::Memory(_) => false,
        }
    }
}

impl Shared {
    fn is_replaced(&self, path: &Path) -> bool {
        match self {
            Self::Open(conn) => check_in_place(conn, path).is_err(),
            Self::Replaced => true,
            Self::Closed => false,
        }
    }

    fn let_go(&mut self) {
        if let Self::Open(conn) = self {
            in_place::empty_journal(conn);
        }
        if !matches!(self, Self::Closed) {
            *self = Self::Replaced;
        }
    }
}

/// Closes the shared connections of this process whose file is not at its path any more.
fn let_go_of_replaced() {
    let mut all = Vec::new();
    in_use(|known| all.extend(known.iter().filter_map(Weak::upgrade)));
    for inner in all {
        // Whoever is busy with one finds out at the next call.
        if inner.pid == std::process::id()
            && let Ok(mut shared) = inner.conn.try_lock()
            && let Location::File(path) = &inner.location
            && shared.is_replaced(path)
        {
            shared.let_go();
        }
    }
}

/// The databases of this process, of any path.
fn in_use(call: impl FnOnce(&mut Vec<Weak<Inner>>)) {
    static IN_USE: Mutex<Vec<Weak<Inner>>> = Mutex::new(Vec::new());
    // A child that is forked at this moment would wait for the lock for ever.
    coexistence::without_forks(|| {
        let mut known = lock(&IN_USE);
        known.retain(|weak| weak.strong_count() > 0);
        call(&mut known);
    });
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
