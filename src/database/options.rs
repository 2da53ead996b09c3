//! Options for opening a database.

use std::time::Duration;

use crate::CancelToken;

/// Default time that a short call waits for the write lock.
pub const DEFAULT_BUSY_BUDGET: Duration = Duration::from_secs(5);

/// Default time that opening waits for other connections: another process may be creating or
/// recovering the same file.
pub const DEFAULT_OPEN_BUDGET: Duration = Duration::from_secs(10);

/// The longest wait that SQLite supports: 24 days.
const LONGEST_BUSY_BUDGET: Duration = Duration::from_millis(i32::MAX as u64);

/// Options for opening a [`Database`](crate::Database).
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
    pub(super) rests: bool,
    /// Cancels the statements of short calls on the open database.
    pub(super) calls: CancelToken,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            read_only: false,
            busy_budget: DEFAULT_BUSY_BUDGET,
            open_budget: DEFAULT_OPEN_BUDGET,
            cancel: CancelToken::new(),
            rests: false,
            calls: CancelToken::new(),
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
    /// fails with [`Error::DatabaseBusy`](crate::Error::DatabaseBusy); 24 days at most.
    #[must_use]
    pub fn busy_budget(mut self, budget: Duration) -> Self {
        self.busy_budget = budget.min(LONGEST_BUSY_BUDGET);
        self
    }

    /// How long opening waits while another connection writes, if the file must be created or
    /// prepared first, before it fails with [`Error::DatabaseBusy`](crate::Error::DatabaseBusy); 24 days at most.
    #[must_use]
    pub fn open_budget(mut self, budget: Duration) -> Self {
        self.open_budget = budget.min(LONGEST_BUSY_BUDGET);
        self
    }

    /// Cancels a waiting [`open`](Self::open), which then fails with [`Error::Cancelled`](crate::Error::Cancelled) within
    /// 200 ms. It does not affect the open database.
    #[must_use]
    pub fn cancel(mut self, cancel: CancelToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// Whether short calls leave no connection open behind them. In WAL mode an open connection holds a lock for as long as it is
    /// open, and no other can have the file to itself then: a host whose own connection may want that. Default: false.
    #[doc(hidden)]
    #[must_use]
    pub const fn rests(mut self, rests: bool) -> Self {
        self.rests = rests;
        self
    }

    /// Cancels short calls on the open database too.
    #[cfg(feature = "cli")]
    pub(crate) fn cancel_calls(mut self, cancel: CancelToken) -> Self {
        self.calls = cancel;
        self
    }
}
