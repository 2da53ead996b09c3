//! What a function returns: the table of `src/error.rs`, in C.

use std::ffi::{CStr, c_char};

use super::boundary::getter;
use crate::ErrorCode;

/// What a function returns: `SKILLSMITH_OK`, or the number of an error.
///
/// The hundreds tell the area: 1xx the caller, 2xx the network, 3xx the database, 4xx
/// the registry's protocol, 9xx this library. Numbers never change their meaning. Later
/// versions add some, so that a `switch` needs a `default`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum skillsmith_status {
    /// It worked.
    SKILLSMITH_OK = 0,
    /// An argument cannot be used; nothing was changed.
    SKILLSMITH_INVALID_ARGUMENT = 101,
    /// The run id names no entry of the history.
    SKILLSMITH_RUN_NOT_FOUND = 102,
    /// Another sync of this database is under way, here or in another process.
    SKILLSMITH_SYNC_IN_PROGRESS = 103,
    /// Stopped on request.
    SKILLSMITH_CANCELLED = 104,
    /// `skillsmith_database_close` was called.
    SKILLSMITH_DATABASE_CLOSED = 105,
    /// The handle was made by the process that this one was forked from.
    SKILLSMITH_OPENED_BEFORE_FORK = 106,
    /// A callback of the host, or the registry that it supplies, failed.
    SKILLSMITH_HOST_ERROR = 107,
    /// A pointer that is needed is NULL.
    SKILLSMITH_NULL_ARGUMENT = 108,
    /// The handle, string or record was freed already, or never was one.
    SKILLSMITH_INVALID_HANDLE = 109,
    /// Offline mode is on.
    SKILLSMITH_OFFLINE = 201,
    /// The registry says of itself that it cannot serve, or cannot be reached.
    SKILLSMITH_API_UNHEALTHY = 202,
    /// No connection, or a cut one.
    SKILLSMITH_NETWORK_UNREACHABLE = 203,
    /// A network deadline ran out.
    SKILLSMITH_NETWORK_TIMEOUT = 204,
    /// Too many requests; the error knows when to come back.
    SKILLSMITH_RATE_LIMITED = 205,
    /// The plan's monthly quota is used up.
    SKILLSMITH_QUOTA_EXCEEDED = 206,
    /// A key is missing or wrong.
    SKILLSMITH_UNAUTHORIZED = 207,
    /// The key does not allow it.
    SKILLSMITH_FORBIDDEN = 208,
    /// The registry fails (5xx).
    SKILLSMITH_SERVER_ERROR = 209,
    /// The run's own deadline came before the end of the listing.
    SKILLSMITH_RUN_DEADLINE = 210,
    /// The registry gives its listing to certain plans only, and the caller has another one.
    SKILLSMITH_PLAN_REQUIRED = 211,
    /// SQLite failed in a way that has no number of its own.
    SKILLSMITH_DATABASE_ERROR = 301,
    /// Another program kept the write lock for longer than the busy budget.
    SKILLSMITH_DATABASE_BUSY = 302,
    /// The file is no SQLite database. It was not changed.
    SKILLSMITH_NOT_A_DATABASE = 303,
    /// The file is a damaged SQLite database. It was not changed.
    SKILLSMITH_DATABASE_DAMAGED = 304,
    /// The file is some other program's database. It was not changed.
    SKILLSMITH_NOT_SKILLSMITH = 305,
    /// The operating system refuses to read, write or create the file.
    SKILLSMITH_PERMISSION_DENIED = 306,
    /// The database was opened read-only.
    SKILLSMITH_READ_ONLY = 307,
    /// No space left.
    SKILLSMITH_DISK_FULL = 308,
    /// Another failure of the file system.
    SKILLSMITH_IO_ERROR = 309,
    /// Another SQLite of this process has the file open, and the two cannot be kept apart.
    SKILLSMITH_DATABASE_IN_USE = 310,
    /// The file was replaced, moved or deleted by another program while it was in use; the next call
    /// uses the file that is there then.
    SKILLSMITH_DATABASE_REPLACED = 311,
    /// Too many files are open, in this process or in the system.
    SKILLSMITH_TOO_MANY_FILES = 312,
    /// The registry's answer cannot be understood.
    SKILLSMITH_PROTOCOL_ERROR = 401,
    /// The registry refuses the request.
    SKILLSMITH_REQUEST_REFUSED = 402,
    /// The registry redirects to somewhere else, which is not followed.
    SKILLSMITH_REDIRECT_REFUSED = 403,
    /// The registry's answer is over the size bound.
    SKILLSMITH_RESPONSE_TOO_LARGE = 404,
    /// A bug of this library, caught before it could do harm. Please report it.
    SKILLSMITH_INTERNAL = 901,
    /// The system gives no more memory, or no more threads.
    SKILLSMITH_OUT_OF_MEMORY = 902,
}

impl skillsmith_status {
    /// The status of a code. There is no `_` arm: a new code has to be named here.
    pub(super) const fn of(code: ErrorCode) -> Self {
        match code {
            ErrorCode::InvalidArgument => Self::SKILLSMITH_INVALID_ARGUMENT,
            ErrorCode::RunNotFound => Self::SKILLSMITH_RUN_NOT_FOUND,
            ErrorCode::SyncInProgress => Self::SKILLSMITH_SYNC_IN_PROGRESS,
            ErrorCode::Cancelled => Self::SKILLSMITH_CANCELLED,
            ErrorCode::DatabaseClosed => Self::SKILLSMITH_DATABASE_CLOSED,
            ErrorCode::OpenedBeforeFork => Self::SKILLSMITH_OPENED_BEFORE_FORK,
            ErrorCode::Host => Self::SKILLSMITH_HOST_ERROR,
            ErrorCode::NullArgument => Self::SKILLSMITH_NULL_ARGUMENT,
            ErrorCode::InvalidHandle => Self::SKILLSMITH_INVALID_HANDLE,
            ErrorCode::Offline => Self::SKILLSMITH_OFFLINE,
            ErrorCode::Unhealthy => Self::SKILLSMITH_API_UNHEALTHY,
            ErrorCode::Unreachable => Self::SKILLSMITH_NETWORK_UNREACHABLE,
            ErrorCode::Timeout => Self::SKILLSMITH_NETWORK_TIMEOUT,
            ErrorCode::RateLimited => Self::SKILLSMITH_RATE_LIMITED,
            ErrorCode::QuotaExceeded => Self::SKILLSMITH_QUOTA_EXCEEDED,
            ErrorCode::Unauthorized => Self::SKILLSMITH_UNAUTHORIZED,
            ErrorCode::Forbidden => Self::SKILLSMITH_FORBIDDEN,
            ErrorCode::PlanRequired => Self::SKILLSMITH_PLAN_REQUIRED,
            ErrorCode::Server => Self::SKILLSMITH_SERVER_ERROR,
            ErrorCode::RunDeadline => Self::SKILLSMITH_RUN_DEADLINE,
            ErrorCode::Database => Self::SKILLSMITH_DATABASE_ERROR,
            ErrorCode::DatabaseBusy => Self::SKILLSMITH_DATABASE_BUSY,
            ErrorCode::NotADatabase => Self::SKILLSMITH_NOT_A_DATABASE,
            ErrorCode::DatabaseDamaged => Self::SKILLSMITH_DATABASE_DAMAGED,
            ErrorCode::NotSkillsmith => Self::SKILLSMITH_NOT_SKILLSMITH,
            ErrorCode::PermissionDenied => Self::SKILLSMITH_PERMISSION_DENIED,
            ErrorCode::ReadOnly => Self::SKILLSMITH_READ_ONLY,
            ErrorCode::DiskFull => Self::SKILLSMITH_DISK_FULL,
            ErrorCode::Io => Self::SKILLSMITH_IO_ERROR,
            ErrorCode::DatabaseInUse => Self::SKILLSMITH_DATABASE_IN_USE,
            ErrorCode::DatabaseReplaced => Self::SKILLSMITH_DATABASE_REPLACED,
            ErrorCode::TooManyFiles => Self::SKILLSMITH_TOO_MANY_FILES,
            ErrorCode::Protocol => Self::SKILLSMITH_PROTOCOL_ERROR,
            ErrorCode::Refused => Self::SKILLSMITH_REQUEST_REFUSED,
            ErrorCode::RedirectRefused => Self::SKILLSMITH_REDIRECT_REFUSED,
            ErrorCode::TooLarge => Self::SKILLSMITH_RESPONSE_TOO_LARGE,
            ErrorCode::Internal => Self::SKILLSMITH_INTERNAL,
            ErrorCode::OutOfMemory => Self::SKILLSMITH_OUT_OF_MEMORY,
        }
    }
}

/// A status as the caller gives it: any number at all.
pub type skillsmith_status_value = i32;

fn code_of(status: skillsmith_status_value) -> Option<ErrorCode> {
    ErrorCode::ALL
        .iter()
        .copied()
        .find(|code| code.number() == status)
}

/// The name of a status, such as "NETWORK_TIMEOUT"; "OK" for 0, "UNKNOWN" for a number
/// that is none.
///
/// The same names stand in the README and in the Node package. Do not free it: the text
/// lives as long as the library is loaded. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_status_name(status: skillsmith_status_value) -> *const c_char {
    getter(c"UNKNOWN".as_ptr(), || {
        let name = match code_of(status) {
            _ if status == skillsmith_status::SKILLSMITH_OK as i32 => c"OK",
            None => c"UNKNOWN",
            Some(code) => terminated_name(code),
        };
        Ok(name.as_ptr())
    })
}

/// Whether the same call may succeed later without any change by the caller.
///
/// False for `SKILLSMITH_OK` and for numbers that are no status. Does not block; any
/// thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_status_is_retryable(status: skillsmith_status_value) -> bool {
    getter(false, || {
        Ok(code_of(status).is_some_and(ErrorCode::retryable))
    })
}

/// The name with a NUL behind it.
pub(super) fn terminated_name(code: ErrorCode) -> &'static CStr {
    static NAMES: std::sync::LazyLock<Vec<(ErrorCode, std::ffi::CString)>> =
        std::sync::LazyLock::new(|| {
            let terminate = |code: &ErrorCode| std::ffi::CString::new(code.name()).ok();
            ErrorCode::ALL
                .iter()
                .filter_map(|code| Some((*code, terminate(code)?)))
                .collect()
        });
    NAMES
        .iter()
        .find(|(known, _)| *known == code)
        .map_or(c"UNKNOWN", |(_, name)| name)
}
