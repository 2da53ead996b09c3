//! The error type of the library and the public table of error codes.
//!
//! Rust callers match on the enum. An error from a lower level (SQLite, the file system, HTTP,
//! JSON) is kept as the source, unless it could contain a credential. Other languages see the
//! [`ErrorCode`]: C its number, JavaScript its name.

mod cause;

use std::fmt;
use std::path::PathBuf;

use chrono::{DateTime, Utc};

pub use self::cause::Cause;

/// The result type of this library.
///
/// ```
/// fn skills() -> skillsmith_sync::Result<i64> {
///     let database = skillsmith_sync::Database::open_in_memory()?;
///     skillsmith_sync::SkillRepository::new(&database).count()
/// }
/// assert_eq!(skills()?, 0);
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

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
    /// 5xx, after all retries.
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
    /// A bug in this library.
    Internal(String),
}

impl fmt::Display for Error {
    #[expect(clippy::too_many_lines, reason = "one arm for each variant")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidArgument(words)
            | Self::Host(words)
            | Self::TokenProvider(words)
            | Self::Unauthorized(words)
            | Self::SignInExpired(words)
            | Self::Forbidden(words)
            | Self::PlanRequired(words) => f.write_str(words),
            Self::RunNotFound(id) => write!(f, "Sync run not found: {id}"),
            Self::SyncInProgress => f.write_str("Sync already in progress"),
            Self::Cancelled => f.write_str("Sync cancelled"),
            Self::DatabaseClosed => {
                f.write_str("The database is closed. Open it again before using it.")
            }
            Self::OpenedBeforeFork => f.write_str(
                "The database was opened before a fork. Open it again in this \
                 process.",
            ),
            Self::NullArgument(name) => write!(f, "The argument '{name}' is NULL."),
            Self::InvalidHandle(what) => write!(
                f,
                "The {what} is not a valid handle: it was already freed, or is not \
                 from this library."
            ),
            Self::Offline => f.write_str("API client is in offline mode. Cannot sync."),
            Self::Unhealthy(cause) => write!(
                f,
                "API is unhealthy. Try again later.{}",
                in_brackets(cause.as_ref().map(Cause::message))
            ),
            Self::Unreachable(cause) | Self::CutOff(cause) => {
                write!(f, "Cannot reach the registry: {cause}")
            }
            Self::Timeout(cause) => write!(f, "The registry did not answer in time ({cause})"),
            Self::RateLimited { retry_at } => write!(
                f,
                "The registry limits the rate of requests. Try again {}.",
                when(*retry_at)
            ),
            Self::BudgetUsed { resumes_at: None } => f.write_str(
                "The budget of requests for one run is used up. The next sync continues from here.",
            ),
            Self::BudgetUsed {
                resumes_at: Some(at),
            } => write!(
                f,
                "The budget of requests for this month is used up. Syncs continue after {}.",
                at.format("%Y-%m-%d %H:%M:%S UTC")
            ),
            Self::QuotaExceeded { detail, resets_at } => write!(
                f,
                "The monthly quota of the registry is used up{}. It resets {}.",
                in_brackets(detail.as_deref()),
                when(*resets_at)
            ),
            Self::Server { status, detail, .. } => write!(
                f,
                "The registry failed to answer: HTTP {status}{}",
                in_brackets(detail.as_deref())
            ),
            Self::RunDeadline(deadline) => write!(
                f,
                "The sync stopped at its deadline of {} s. What was read is kept; \
                 the next sync continues from there.",
                deadline.as_secs()
            ),
            Self::Database(error) => write!(f, "Database error: {error}"),
            Self::DatabaseBusy => {
                f.write_str("The database is busy: another program is writing to it. Try again.")
            }
            Self::NotADatabase(path) => write!(
                f,
                "{} is not a database. It was left as it is; choose another file, \
                 or move this one away.",
                path.display()
            ),
            Self::DatabaseDamaged { path, detail } => write!(
                f,
                "{} is damaged ({detail}). It was left as it is; restore it from a \
                 backup, or move it away to start over.",
                path.display()
            ),
            Self::NotSkillsmith { path, detail } => write!(
                f,
                "{} is not a Skillsmith database: {detail}. It was left as it is; \
                 choose another file.",
                path.display()
            ),
            Self::PermissionDenied { action, path } => write!(
                f,
                "No permission to {action} {}. Check the owner and the mode of the \
                 file and its folder.",
                path.display()
            ),
            Self::ReadOnly => {
                f.write_str("The database was opened read-only. Open it for writing first.")
            }
            Self::DiskFull => f.write_str(
                "The disk is full; the last batch was not written. Free some space \
                 and sync again.",
            ),
            Self::DatabaseInUse(path) => write!(
                f,
                "{} is open in this process through another SQLite, and this system \
                 cannot isolate the two. Close it there first, or sync in another \
                 process with `skillsmith sync`.",
                path.display()
            ),
            Self::ReadOnlyFileSystem(path) => write!(
                f,
                "{} is on a file system that is mounted read-only: it can be read, \
                 but not written. Copy it to a writable folder and use the copy.",
                path.display()
            ),
            Self::JournalOnReadOnlyFileSystem { path, journal } => write!(
                f,
                "{} is on a file system that is mounted read-only, and its last \
                 changes are still in {}, which cannot be applied there. Copy both \
                 files to a writable folder and open the copy.",
                path.display(),
                journal.display()
            ),
            Self::DatabaseReplaced(path) => write!(
                f,
                "{} was replaced, moved or deleted by another program while it was \
                 in use. Nothing more was written. Try again: the next call uses \
                 the file that is there now.",
                path.display()
            ),
            Self::TooManyFiles { action, path } => write!(
                f,
                "Cannot {action} {}: too many files are open. Close some, or raise \
                 the limit (`ulimit -n`), and try again.",
                path.display()
            ),
            Self::Io {
                action,
                path,
                source,
            } => write!(f, "Cannot {action} {}: {source}", path.display()),
            Self::Protocol(cause) => {
                write!(f, "The registry's answer could not be understood: {cause}")
            }
            Self::Refused { status, detail } => write!(
                f,
                "The registry refused the request: HTTP {status}{}",
                in_brackets(detail.as_deref())
            ),
            Self::RedirectRefused(place) => write!(
                f,
                "The registry redirects {place}, which is not followed: credentials \
                 are sent to the configured address only. Set the base URL to the \
                 new address if you trust it."
            ),
            Self::TooLarge(limit) => write!(
                f,
                "The registry's answer is larger than {limit} bytes and was not \
                 read"
            ),
            Self::OutOfMemory => f.write_str(
                "The process is out of memory. What was written is kept; try again \
                 when more memory is available.",
            ),
            Self::Internal(words) => write!(f, "Internal error (please report it): {words}"),
        }
    }
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

fn in_brackets(text: Option<&str>) -> String {
    text.map_or_else(String::new, |text| format!(" ({text})"))
}

fn when(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(
        || "later".to_owned(),
        |at| format!("after {}", at.format("%Y-%m-%d %H:%M:%S UTC")),
    )
}

/// The public codes: one row per code, `number, name, retryable`. The build script of the C library
/// generates its enumeration from these rows.
///
/// Numbers are spaced by area (1xx usage, 2xx network, 3xx database, 4xx
/// protocol, 9xx internal) and never reused.
macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $number:literal, $name:literal, $retryable:literal;)+) => {
        /// A stable code of an [`Error`]: the number is what C sees, the name what JavaScript sees.
        ///
        /// ```
        /// use skillsmith_sync::{Error, ErrorCode};
        ///
        /// let code = Error::Offline.code();
        /// assert_eq!(code, ErrorCode::Offline);
        /// assert_eq!((code.number(), code.name(), code.retryable()), (201, "OFFLINE", false));
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(i32)]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ $variant = $number,)+
        }

        impl ErrorCode {
            /// Every code, in the order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The number that C sees.
            pub const fn number(self) -> i32 {
                self as i32
            }

            /// The name that JavaScript sees.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Whether the same call may succeed later without any change by the caller.
            pub const fn retryable(self) -> bool {
                match self { $(Self::$variant => $retryable,)+ }
            }
        }
    };
}

error_codes! {
    /// An argument is invalid. Nothing was changed.
    InvalidArgument = 101, "INVALID_ARGUMENT", false;
    /// The history has no entry with this run id.
    RunNotFound = 102, "RUN_NOT_FOUND", false;
    /// Another sync of this database is running, in this process or another.
    SyncInProgress = 103, "SYNC_IN_PROGRESS", true;
    /// The caller cancelled the run.
    Cancelled = 104, "CANCELLED", true;
    /// The caller closed the database.
    DatabaseClosed = 105, "DATABASE_CLOSED", false;
    /// The handle belongs to the process that this one was forked from.
    OpenedBeforeFork = 106, "OPENED_BEFORE_FORK", false;
    /// A callback or the registry of the host failed.
    Host = 107, "HOST_ERROR", true;
    /// A required pointer is NULL.
    NullArgument = 108, "NULL_ARGUMENT", false;
    /// The handle, string or record is invalid or was already freed.
    InvalidHandle = 109, "INVALID_HANDLE", false;
    /// Offline mode is on.
    Offline = 201, "OFFLINE", false;
    /// The registry reports that it is unhealthy, or its health check failed.
    Unhealthy = 202, "API_UNHEALTHY", true;
    /// The connection failed or broke off.
    Unreachable = 203, "NETWORK_UNREACHABLE", true;
    /// A request timed out.
    Timeout = 204, "NETWORK_TIMEOUT", true;
    /// The registry limits the rate of requests; the error has the time of the next attempt.
    RateLimited = 205, "RATE_LIMITED", true;
    /// The plan's monthly quota is used up.
    QuotaExceeded = 206, "QUOTA_EXCEEDED", false;
    /// A key is missing or wrong.
    Unauthorized = 207, "UNAUTHORIZED", false;
    /// The key does not give access.
    Forbidden = 208, "FORBIDDEN", false;
    /// The registry failed (HTTP 5xx).
    Server = 209, "SERVER_ERROR", true;
    /// The run reached its deadline before the end of the listing.
    RunDeadline = 210, "RUN_DEADLINE", true;
    /// The caller's plan does not give access to the listing.
    PlanRequired = 211, "PLAN_REQUIRED", false;
    /// The sign-in has expired: its token was refused, and there is no other one.
    SignInExpired = 212, "SIGN_IN_EXPIRED", false;
    /// Another error of SQLite.
    Database = 301, "DATABASE_ERROR", false;
    /// Another connection held the write lock for longer than the busy budget.
    DatabaseBusy = 302, "DATABASE_BUSY", true;
    /// The file is not an SQLite database. It was not changed.
    NotADatabase = 303, "NOT_A_DATABASE", false;
    /// The file is a damaged SQLite database. It was not changed.
    DatabaseDamaged = 304, "DATABASE_DAMAGED", false;
    /// The database belongs to another program. It was not changed.
    NotSkillsmith = 305, "NOT_SKILLSMITH", false;
    /// The operating system denies access to the file.
    PermissionDenied = 306, "PERMISSION_DENIED", false;
    /// The database was opened read-only.
    ReadOnly = 307, "READ_ONLY", false;
    /// The disk is full.
    DiskFull = 308, "DISK_FULL", true;
    /// Another error of the file system.
    Io = 309, "IO_ERROR", false;
    /// Another SQLite in this process has the file open, and this system cannot isolate the
    /// two.
    DatabaseInUse = 310, "DATABASE_IN_USE", true;
    /// Another program replaced, moved or deleted the file while it was in use. The next call uses
    /// the file that is there then.
    DatabaseReplaced = 311, "DATABASE_REPLACED", true;
    /// Too many files are open in this process or system.
    TooManyFiles = 312, "TOO_MANY_FILES", true;
    /// The registry sent an invalid response.
    Protocol = 401, "PROTOCOL_ERROR", true;
    /// The registry refused the request.
    Refused = 402, "REQUEST_REFUSED", false;
    /// The registry redirects to another address. The redirect was not followed.
    RedirectRefused = 403, "REDIRECT_REFUSED", false;
    /// The response is too large.
    TooLarge = 404, "RESPONSE_TOO_LARGE", false;
    /// A bug in this library. Please report it.
    Internal = 901, "INTERNAL", false;
    /// Out of memory, or out of threads.
    OutOfMemory = 902, "OUT_OF_MEMORY", true;
}

impl Error {
    /// The public code of this error.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidArgument(_) => ErrorCode::InvalidArgument,
            Self::RunNotFound(_) => ErrorCode::RunNotFound,
            Self::SyncInProgress => ErrorCode::SyncInProgress,
            Self::Cancelled => ErrorCode::Cancelled,
            Self::DatabaseClosed => ErrorCode::DatabaseClosed,
            Self::OpenedBeforeFork => ErrorCode::OpenedBeforeFork,
            Self::Host(_) | Self::TokenProvider(_) => ErrorCode::Host,
            Self::NullArgument(_) => ErrorCode::NullArgument,
            Self::InvalidHandle(_) => ErrorCode::InvalidHandle,
            Self::Offline => ErrorCode::Offline,
            Self::Unhealthy(_) => ErrorCode::Unhealthy,
            Self::Unreachable(_) | Self::CutOff(_) => ErrorCode::Unreachable,
            Self::Timeout(_) => ErrorCode::Timeout,
            Self::RateLimited { .. } => ErrorCode::RateLimited,
            Self::QuotaExceeded { .. } | Self::BudgetUsed { .. } => ErrorCode::QuotaExceeded,
            Self::Unauthorized(_) => ErrorCode::Unauthorized,
            Self::SignInExpired(_) => ErrorCode::SignInExpired,
            Self::Forbidden(_) => ErrorCode::Forbidden,
            Self::PlanRequired(_) => ErrorCode::PlanRequired,
            Self::Server { .. } => ErrorCode::Server,
            Self::RunDeadline(_) => ErrorCode::RunDeadline,
            Self::Database(_) => ErrorCode::Database,
            Self::DatabaseBusy => ErrorCode::DatabaseBusy,
            Self::NotADatabase(_) => ErrorCode::NotADatabase,
            Self::DatabaseDamaged { .. } => ErrorCode::DatabaseDamaged,
            Self::NotSkillsmith { .. } => ErrorCode::NotSkillsmith,
            Self::PermissionDenied { .. } => ErrorCode::PermissionDenied,
            Self::ReadOnly
            | Self::ReadOnlyFileSystem(_)
            | Self::JournalOnReadOnlyFileSystem { .. } => ErrorCode::ReadOnly,
            Self::DiskFull => ErrorCode::DiskFull,
            Self::Io { .. } => ErrorCode::Io,
            Self::DatabaseInUse(_) => ErrorCode::DatabaseInUse,
            Self::DatabaseReplaced(_) => ErrorCode::DatabaseReplaced,
            Self::TooManyFiles { .. } => ErrorCode::TooManyFiles,
            Self::Protocol(_) => ErrorCode::Protocol,
            Self::Refused { .. } => ErrorCode::Refused,
            Self::RedirectRefused(_) => ErrorCode::RedirectRefused,
            Self::TooLarge(_) => ErrorCode::TooLarge,
            Self::OutOfMemory => ErrorCode::OutOfMemory,
            Self::Internal(_) => ErrorCode::Internal,
        }
    }

    /// A 401 to a token that has expired; `said` is what is known of it.
    #[doc(hidden)]
    pub fn sign_in_expired(said: &str) -> Self {
        Self::SignInExpired(format!(
            "Your sign-in has expired: run `skillsmith login`, or set SKILLSMITH_API_KEY ({said})."
        ))
    }

    /// Whether a refusal says that a token has expired: `expired_token`, or `JWT expired`.
    #[doc(hidden)]
    pub fn says_expired(text: &str) -> bool {
        text.to_ascii_lowercase().contains("expired")
    }

    /// Whether the same call may succeed later without any change by the caller.
    pub const fn is_retryable(&self) -> bool {
        self.code().retryable()
    }

    /// When to retry, if the registry named a time.
    pub const fn retry_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::RateLimited { retry_at } | Self::Server { retry_at, .. } => *retry_at,
            Self::QuotaExceeded { resets_at, .. } => *resets_at,
            Self::BudgetUsed { resumes_at } => *resumes_at,
            _ => None,
        }
    }

    /// Whether every other request would fail in the same way now. If not, the failure may
    /// concern this page only, and the next page may still succeed.
    ///
    /// No `_` arm: a new variant must be classified here.
    pub(crate) const fn nothing_can_come(&self) -> bool {
        match self {
            // The registry responds, or begins to, but not with this page.
            Self::CutOff(_)
            | Self::Timeout(_)
            | Self::Forbidden(_)
            | Self::Protocol(_)
            | Self::Refused { .. }
            | Self::TooLarge(_) => false,
            // A 503 with a retry time concerns the registry, not the page.
            Self::Server { retry_at, .. } => retry_at.is_some(),
            // The caller wants no more pages, or they cannot be used.
            Self::InvalidArgument(_)
            | Self::RunNotFound(_)
            | Self::SyncInProgress
            | Self::Cancelled
            | Self::DatabaseClosed
            | Self::OpenedBeforeFork
            | Self::Host(_)
            | Self::NullArgument(_)
            | Self::InvalidHandle(_)
            | Self::RunDeadline(_)
            | Self::Database(_)
            | Self::DatabaseBusy
            | Self::NotADatabase(_)
            | Self::DatabaseDamaged { .. }
            | Self::NotSkillsmith { .. }
            | Self::PermissionDenied { .. }
            | Self::ReadOnly
            | Self::DiskFull
            | Self::DatabaseInUse(_)
            | Self::DatabaseReplaced(_)
            | Self::ReadOnlyFileSystem(_)
            | Self::JournalOnReadOnlyFileSystem { .. }
            | Self::TooManyFiles { .. }
            | Self::Io { .. }
            | Self::OutOfMemory
            | Self::Internal(_)
            // The registry as a whole cannot be reached.
            | Self::Offline
            | Self::Unhealthy(_)
            | Self::Unreachable(_)
            | Self::RateLimited { .. }
            | Self::QuotaExceeded { .. }
            | Self::BudgetUsed { .. }
            | Self::Unauthorized(_)
            | Self::SignInExpired(_)
            | Self::TokenProvider(_)
            | Self::PlanRequired(_)
            | Self::RedirectRefused(_) => true,
        }
    }

    /// Maps a failed file operation to its error.
    pub(crate) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
        source: std::io::Error,
    ) -> Self {
        use std::io::ErrorKind;
        let path = path.into();
        let source = match source.kind() {
            ErrorKind::PermissionDenied => return Self::PermissionDenied { action, path },
            ErrorKind::ReadOnlyFilesystem => return Self::ReadOnlyFileSystem(path),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => return Self::DiskFull,
            ErrorKind::OutOfMemory => return Self::OutOfMemory,
            _ if is_too_many_files(&source) => return Self::TooManyFiles { action, path },
            ErrorKind::FileTooLarge => std::io::Error::new(
                ErrorKind::FileTooLarge,
                "the file would become larger than this process may make one. Raise the limit (`ulimit -f`)",
            ),
            _ => source,
        };
        Self::Io {
            action,
            path,
            source,
        }
    }
}

fn is_too_many_files(error: &std::io::Error) -> bool {
    #[cfg(unix)]
    let codes = [libc::EMFILE, libc::ENFILE];
    // ERROR_TOO_MANY_OPEN_FILES
    #[cfg(not(unix))]
    let codes = [4];
    error
        .raw_os_error()
        .is_some_and(|code| codes.contains(&code))
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Sqlite;
        let extended = error.sqlite_error().map(|error| error.extended_code);
        match error.sqlite_error_code() {
            // The path is known to the connection only.
            _ if extended == Some(rusqlite::ffi::SQLITE_READONLY_DBMOVED) => Self::Database(error),
            Some(Sqlite::DatabaseBusy | Sqlite::DatabaseLocked) => Self::DatabaseBusy,
            // Only `database::interruptible` interrupts.
            Some(Sqlite::OperationInterrupted) => Self::Cancelled,
            Some(Sqlite::DiskFull) => Self::DiskFull,
            Some(Sqlite::ReadOnly) => Self::ReadOnly,
            Some(Sqlite::OutOfMemory) => Self::OutOfMemory,
            _ if extended == Some(rusqlite::ffi::SQLITE_IOERR_NOMEM) => Self::OutOfMemory,
            _ => Self::Database(error),
        }
    }
}

impl From<std::collections::TryReserveError> for Error {
    fn from(_: std::collections::TryReserveError) -> Self {
        Self::OutOfMemory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_spaced_by_area() {
        let mut numbers: Vec<_> = ErrorCode::ALL.iter().map(|code| code.number()).collect();
        assert!(numbers.is_sorted());
        numbers.dedup();
        assert_eq!(numbers.len(), ErrorCode::ALL.len());
        assert!(
            numbers
                .iter()
                .all(|number| matches!(number / 100, 1..=4 | 9))
        );

        let mut names: Vec<_> = ErrorCode::ALL.iter().map(|code| code.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ErrorCode::ALL.len());
    }

    #[test]
    fn a_page_that_fails_is_told_from_a_registry_that_fails() {
        let server = |retry_at| Error::Server {
            status: 503,
            detail: None,
            retry_at,
        };
        for of_the_page in [
            Error::CutOff("".into()),
            Error::Timeout("".into()),
            Error::Forbidden(String::new()),
            Error::Protocol("".into()),
            Error::TooLarge(1),
            Error::Refused {
                status: 416,
                detail: None,
            },
            server(None),
        ] {
            assert!(!of_the_page.nothing_can_come(), "{of_the_page:?}");
        }
        for of_the_registry in [
            server(DateTime::from_timestamp(1_800_000_000, 0)),
            Error::Unreachable("".into()),
            Error::Unauthorized(String::new()),
            Error::SignInExpired(String::new()),
            Error::TokenProvider(String::new()),
            Error::PlanRequired(String::new()),
            Error::RedirectRefused(String::new()),
            Error::RateLimited { retry_at: None },
            Error::Cancelled,
            Error::DatabaseBusy,
        ] {
            assert!(of_the_registry.nothing_can_come(), "{of_the_registry:?}");
        }
    }

    #[test]
    fn texts_say_what_to_do() {
        let at = DateTime::from_timestamp(1_800_000_000, 0);
        assert_eq!(
            Error::RateLimited { retry_at: at }.to_string(),
            "The registry limits the rate of requests. Try again after 2027-01-15 08:00:00 UTC."
        );
        assert_eq!(
            Error::Unhealthy(None).to_string(),
            "API is unhealthy. Try again later."
        );
        assert_eq!(
            Error::Server {
                status: 502,
                detail: Some("bad gateway".into()),
                retry_at: None
            }
            .to_string(),
            "The registry failed to answer: HTTP 502 (bad gateway)"
        );
    }
}
