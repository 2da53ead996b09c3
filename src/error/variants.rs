//! The enum itself.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use super::Cause;

/// All errors, grouped by their origin.
///
/// Each message is written for the person who has to act on it. Neither the message nor its
/// [`source`](std::error::Error::source), the underlying error of SQLite, the file system, HTTP
/// or JSON, contains a credential or the query of a URL.
///
/// ```
/// use skillsmith_sync::{Database, Error, ErrorCode};
///
/// let error = Database::open("").unwrap_err();
/// assert!(matches!(error, Error::InvalidArgument(_)));
/// assert_eq!(error.code(), ErrorCode::InvalidArgument);
/// assert!(!error.is_retryable());
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    // ---- 1xx: the caller -------------------------------------------------
    /// The caller passed an invalid argument. Nothing was changed.
    InvalidArgument(String),
    /// `sync_history` has no entry with this run id.
    RunNotFound(String),
    /// Another run holds this database's sync lock, here or in another process.
    SyncInProgress,
    /// A sync of another machine has taken the lock over, because this one stood still: its machine was
    /// suspended, say. Nothing more was written. The code is that of [`Error::SyncInProgress`].
    TakenOver(PathBuf),
    /// The caller asked the run to stop.
    Cancelled,
    /// The caller closed the database.
    DatabaseClosed,
    /// The handle belongs to the process that this one was forked from.
    OpenedBeforeFork,
    /// A callback or the registry of the host failed; the text is the host's.
    Host(String),
    /// The host's token provider failed, gave no token, or did not answer in time. The code is that of
    /// [`Error::Host`]; unlike there, nothing can be requested without a token.
    TokenProvider(String),
    /// A C caller passed NULL for a required parameter, which is named here.
    #[doc(hidden)]
    NullArgument(&'static str),
    /// A C caller passed a handle that is invalid or was already freed.
    #[doc(hidden)]
    InvalidHandle(&'static str),

    // ---- 2xx: the network ------------------------------------------------
    /// Offline mode is on: nothing is sent.
    Offline,
    /// The registry reports that it is unhealthy, or its health check failed.
    Unhealthy(Option<Cause>),
    /// The connection failed: name lookup, connecting or TLS.
    Unreachable(Cause),
    /// The connection broke off before the end of the response. Same code as
    /// [`Error::Unreachable`], but another page may still succeed.
    CutOff(Cause),
    /// Connecting, the headers or the body timed out.
    Timeout(Cause),
    /// 429: the registry asks for a pause that ends after the run's deadline.
    RateLimited {
        /// When the registry accepts requests again.
        retry_at: Option<DateTime<Utc>>,
    },
    /// The plan's monthly quota is used up.
    QuotaExceeded {
        /// What the registry said about the quota.
        detail: Option<String>,
        /// When the quota resets.
        resets_at: Option<DateTime<Utc>>,
    },
    /// The user's own budget of requests is used up. The run ends as partial, without an error.
    BudgetUsed {
        /// When the next month begins; `None` if the budget is that of one run.
        resumes_at: Option<DateTime<Utc>>,
    },
    /// 401: a credential is missing or invalid.
    Unauthorized(String),
    /// 401: the token of a signed-in user has expired, and there is no other one.
    SignInExpired(String),
    /// 403: the credential does not give access to the listing.
    Forbidden(String),
    /// 403: the caller's plan does not give access to the listing.
    PlanRequired(String),
    /// 408 or 5xx, after all retries.
    Server {
        /// The HTTP status.
        status: u16,
        /// The message in the body, shortened.
        detail: Option<String>,
        /// When to retry, if the response had a `Retry-After`.
        retry_at: Option<DateTime<Utc>>,
    },
    /// The run reached its deadline before the end of the listing.
    RunDeadline(std::time::Duration),

    // ---- 3xx: the database -----------------------------------------------
    /// Another error of SQLite.
    Database(rusqlite::Error),
    /// Another connection held the write lock for longer than the busy budget.
    DatabaseBusy,
    /// The file is not an SQLite database. It was not changed.
    NotADatabase(PathBuf),
    /// The file is a damaged SQLite database. It was not changed.
    DatabaseDamaged {
        /// The file.
        path: PathBuf,
        /// What SQLite or the check found.
        detail: String,
    },
    /// The same on a file system that other machines may use: what looks like damage may be a write of one of
    /// them.
    DatabaseDamagedWhileShared {
        /// The file.
        path: PathBuf,
        /// What SQLite or the check found.
        detail: String,
        /// What the file system is called.
        file_system: String,
    },
    /// An intact SQLite database of another program.
    NotSkillsmith {
        /// The file.
        path: PathBuf,
        /// What is missing or different.
        detail: String,
    },
    /// The operating system denies access to the file.
    PermissionDenied {
        /// What was attempted.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
    },
    /// The database was opened read-only.
    ReadOnly,
    /// The disk is full.
    DiskFull,
    /// The file system holds no more files, though it has space. Same code as [`Error::DiskFull`].
    NoMoreFiles(PathBuf),
    /// The user's share of the disk is used up. The code is that of [`Error::DiskFull`].
    DiskQuotaUsed,
    /// Another SQLite in this process has the file open, and this system cannot isolate the
    /// two.
    DatabaseInUse(PathBuf),
    /// The file is on a file system that is mounted read-only.
    ReadOnlyFileSystem(PathBuf),
    /// The same, but the file cannot be read either: its last changes are still in a journal.
    JournalOnReadOnlyFileSystem {
        /// The database.
        path: PathBuf,
        /// Its `-wal` or `-journal`.
        journal: PathBuf,
    },
    /// The file has a write-ahead log, so that SQLite reads it only where it can create a file beside it, and this user
    /// cannot write to its folder. The code is that of [`Error::PermissionDenied`].
    FolderNotWritable {
        /// The database.
        path: PathBuf,
        /// The folder that it is in.
        folder: PathBuf,
    },
    /// The path no longer names the file that was opened.
    DatabaseReplaced(PathBuf),
    /// The process or the system has reached its limit of open files.
    TooManyFiles {
        /// What was attempted.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
    },
    /// Another error of the file system.
    Io {
        /// What was attempted.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },

    // ---- 4xx: the protocol -----------------------------------------------
    /// The response is not a page of skills.
    Protocol(Cause),
    /// The registry refused the request (a 4xx without a code of its own).
    Refused {
        /// The HTTP status.
        status: u16,
        /// The message in the body, shortened.
        detail: Option<String>,
    },
    /// A redirect to another address, which is not followed.
    RedirectRefused(String),
    /// A page exceeds the size limit after decompression.
    TooLarge(u64),

    // ---- 9xx: this library -----------------------------------------------
    /// Out of memory, or out of threads.
    OutOfMemory,
    /// The system starts no more threads for this process, though it has memory. Same code as
    /// [`Error::OutOfMemory`].
    OutOfThreads,
    /// A bug in this library.
    Internal(String),
}

/// Written by hand: a [`Cause`] may have no source, which a derive cannot express.
impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreachable(cause)
            | Self::CutOff(cause)
            | Self::Timeout(cause)
            | Self::Protocol(cause)
            | Self::Unhealthy(Some(cause)) => cause.source(),
            Self::Database(error) => Some(error),
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
