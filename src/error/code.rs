//! The public codes, and what an error tells a caller who may retry.

use chrono::{DateTime, Utc};
use serde::Serializer;
use serde::ser::SerializeMap;

use super::Error;

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

            /// The code with this name, if this version has it.
            pub(crate) fn of_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.name() == name)
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
    /// The registry failed (HTTP 408 or 5xx).
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

/// Writes both members of what may have an error, in the JSON of the command line; neither where there is no code.
#[expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "so serde calls it"
)]
pub(crate) fn code_and_retryable<S: Serializer>(
    code: &Option<ErrorCode>,
    into: S,
) -> Result<S::Ok, S::Error> {
    let mut members = into.serialize_map(None)?;
    if let Some(code) = code {
        members.serialize_entry("code", code.name())?;
        members.serialize_entry("retryable", &code.retryable())?;
    }
    members.end()
}

impl Error {
    /// The public code of this error.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidArgument(_) => ErrorCode::InvalidArgument,
            Self::RunNotFound(_) => ErrorCode::RunNotFound,
            Self::SyncInProgress | Self::TakenOver(_) => ErrorCode::SyncInProgress,
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
            Self::DatabaseDamaged { .. } | Self::DatabaseDamagedWhileShared { .. } => {
                ErrorCode::DatabaseDamaged
            }
            Self::NotSkillsmith { .. } => ErrorCode::NotSkillsmith,
            Self::PermissionDenied { .. } | Self::FolderNotWritable { .. } => {
                ErrorCode::PermissionDenied
            }
            Self::ReadOnly
            | Self::ReadOnlyFileSystem(_)
            | Self::JournalOnReadOnlyFileSystem { .. } => ErrorCode::ReadOnly,
            Self::DiskFull | Self::DiskQuotaUsed | Self::NoMoreFiles(_) => ErrorCode::DiskFull,
            Self::Io { .. } => ErrorCode::Io,
            Self::DatabaseInUse(_) => ErrorCode::DatabaseInUse,
            Self::DatabaseReplaced(_) => ErrorCode::DatabaseReplaced,
            Self::TooManyFiles { .. } => ErrorCode::TooManyFiles,
            Self::Protocol(_) => ErrorCode::Protocol,
            Self::Refused { .. } => ErrorCode::Refused,
            Self::RedirectRefused(_) => ErrorCode::RedirectRefused,
            Self::TooLarge(_) => ErrorCode::TooLarge,
            Self::OutOfMemory | Self::OutOfThreads => ErrorCode::OutOfMemory,
            Self::Internal(_) => ErrorCode::Internal,
        }
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
}
