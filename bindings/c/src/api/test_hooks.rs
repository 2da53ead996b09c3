//! Hooks for this project's own tests of the C interface; not in a published library.

use skillsmith_sync::{Error, ErrorCode, Result};

use crate::allocator::hooks;
use crate::ffi::boundary::{boundary, getter};
use crate::ffi::error::ErrorPtr;
use crate::ffi::status::skillsmith_status;

/// Panics inside a function that returns a status.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_test_panic(out_error: ErrorPtr) -> skillsmith_status {
    boundary(out_error, || panic!("a test wants it so"))
}

/// Panics inside a function that returns a value; returns -1.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_test_panic_in_getter() -> i32 {
    getter(-1, || panic!("a test wants it so"))
}

/// Panics on a thread of the library. Returns whether it did, without other effects.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_test_panic_on_thread() -> bool {
    getter(false, || {
        let thread = std::thread::Builder::new()
            .name("skillsmith-test".into())
            .spawn(|| panic!("a test wants it so"))
            .map_err(|error| Error::Internal(error.to_string()))?;
        Ok(thread.join().is_err())
    })
}

/// Fails with the error of that number, so that tests can reach every error.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_test_fail(status: i32, out_error: ErrorPtr) -> skillsmith_status {
    boundary(out_error, || fail(status))
}

fn fail(status: i32) -> Result<()> {
    let Some(code) = ErrorCode::ALL.iter().find(|code| code.number() == status) else {
        return Ok(());
    };
    let text = String::from("a test wants it so");
    let path = std::path::PathBuf::from("/test");
    let action = "test";
    Err(match code {
        ErrorCode::InvalidArgument => Error::InvalidArgument(text),
        ErrorCode::RunNotFound => Error::RunNotFound(text),
        ErrorCode::SyncInProgress => Error::SyncInProgress,
        ErrorCode::Cancelled => Error::Cancelled,
        ErrorCode::DatabaseClosed => Error::DatabaseClosed,
        ErrorCode::OpenedBeforeFork => Error::OpenedBeforeFork,
        ErrorCode::Host => Error::Host(text),
        ErrorCode::NullArgument => Error::NullArgument(action),
        ErrorCode::InvalidHandle => Error::InvalidHandle(action),
        ErrorCode::Offline => Error::Offline,
        ErrorCode::Unhealthy => Error::Unhealthy(Some(text.into())),
        ErrorCode::Unreachable => Error::Unreachable(text.into()),
        ErrorCode::Timeout => Error::Timeout(text.into()),
        ErrorCode::RateLimited => Error::RateLimited {
            retry_at: chrono::DateTime::from_timestamp_millis(1_800_000_000_000),
        },
        ErrorCode::QuotaExceeded => Error::QuotaExceeded {
            detail: Some(text),
            resets_at: None,
        },
        ErrorCode::Unauthorized => Error::Unauthorized(text),
        ErrorCode::Forbidden => Error::Forbidden(text),
        ErrorCode::PlanRequired => Error::PlanRequired(text),
        ErrorCode::SignInExpired => Error::SignInExpired(text),
        ErrorCode::Server => Error::Server {
            status: 500,
            detail: Some(text),
            retry_at: None,
        },
        ErrorCode::RunDeadline => Error::RunDeadline(std::time::Duration::from_secs(1)),
        ErrorCode::Database => Error::Database(rusqlite::Error::InvalidQuery),
        ErrorCode::DatabaseBusy => Error::DatabaseBusy,
        ErrorCode::NotADatabase => Error::NotADatabase(path),
        ErrorCode::DatabaseDamaged => Error::DatabaseDamaged { path, detail: text },
        ErrorCode::NotSkillsmith => Error::NotSkillsmith { path, detail: text },
        ErrorCode::PermissionDenied => Error::PermissionDenied { action, path },
        ErrorCode::ReadOnly => Error::ReadOnly,
        ErrorCode::DiskFull => Error::DiskFull,
        ErrorCode::Io => Error::Io {
            action,
            path,
            source: std::io::ErrorKind::Other.into(),
        },
        ErrorCode::DatabaseInUse => Error::DatabaseInUse(path),
        ErrorCode::DatabaseReplaced => Error::DatabaseReplaced(path),
        ErrorCode::TooManyFiles => Error::TooManyFiles { action, path },
        ErrorCode::Protocol => Error::Protocol(text.into()),
        ErrorCode::Refused => Error::Refused {
            status: 418,
            detail: Some(text),
        },
        ErrorCode::RedirectRefused => Error::RedirectRefused(text),
        ErrorCode::TooLarge => Error::TooLarge(1),
        ErrorCode::OutOfMemory => Error::OutOfMemory,
        // With a NUL in its message, which C cannot represent.
        ErrorCode::Internal => Error::Internal("before\0behind".into()),
        // The tests expect each number, and find that it is missing.
        _ => return Ok(()),
    })
}

/// Makes allocations fail as without the reserve of this library.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_test_reserve_off() {
    hooks::switch_off();
}

/// Bytes of the reserve in use now.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_test_reserve_in_use() -> usize {
    hooks::in_use_and_most().0
}

/// Largest number of bytes of the reserve ever in use.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_test_reserve_most() -> usize {
    hooks::in_use_and_most().1
}
