//! Hooks for this project's own tests of the C interface; not in a published library.

use skillsmith_sync::{Error, Result};

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
    let is_wanted = |error: &Error| error.code().number() == status;
    match examples().find(is_wanted) {
        Some(error) => Err(error),
        // The tests expect each number, and find that it is missing.
        None => Ok(()),
    }
}

/// An error of each code.
fn examples() -> impl Iterator<Item = Error> {
    of_the_caller()
        .into_iter()
        .chain(of_the_network())
        .chain(of_the_database())
        .chain(of_the_protocol_and_this_library())
}

const ACTION: &str = "test";

fn text() -> String {
    "a test wants it so".into()
}

fn of_the_caller() -> [Error; 9] {
    [
        Error::InvalidArgument(text()),
        Error::RunNotFound(text()),
        Error::SyncInProgress,
        Error::Cancelled,
        Error::DatabaseClosed,
        Error::OpenedBeforeFork,
        Error::Host(text()),
        Error::NullArgument(ACTION),
        Error::InvalidHandle(ACTION),
    ]
}

fn of_the_network() -> [Error; 12] {
    [
        Error::Offline,
        Error::Unhealthy(Some(text().into())),
        Error::Unreachable(text().into()),
        Error::Timeout(text().into()),
        Error::RateLimited {
            retry_at: chrono::DateTime::from_timestamp_millis(1_800_000_000_000),
        },
        Error::QuotaExceeded {
            detail: Some(text()),
            resets_at: None,
        },
        Error::Unauthorized(text()),
        Error::Forbidden(text()),
        Error::PlanRequired(text()),
        Error::SignInExpired(text()),
        Error::Server {
            status: 500,
            detail: Some(text()),
            retry_at: None,
        },
        Error::RunDeadline(std::time::Duration::from_secs(1)),
    ]
}

fn of_the_database() -> [Error; 12] {
    let path = std::path::PathBuf::from("/test");
    let detail = text();
    [
        Error::Database(rusqlite::Error::InvalidQuery),
        Error::DatabaseBusy,
        Error::NotADatabase(path.clone()),
        Error::DatabaseDamaged {
            path: path.clone(),
            detail: detail.clone(),
        },
        Error::NotSkillsmith {
            path: path.clone(),
            detail,
        },
        Error::PermissionDenied {
            action: ACTION,
            path: path.clone(),
        },
        Error::ReadOnly,
        Error::DiskFull,
        Error::Io {
            action: ACTION,
            path: path.clone(),
            source: std::io::ErrorKind::Other.into(),
        },
        Error::DatabaseInUse(path.clone()),
        Error::DatabaseReplaced(path.clone()),
        Error::TooManyFiles {
            action: ACTION,
            path,
        },
    ]
}

fn of_the_protocol_and_this_library() -> [Error; 6] {
    [
        Error::Protocol(text().into()),
        Error::Refused {
            status: 418,
            detail: Some(text()),
        },
        Error::RedirectRefused(text()),
        Error::TooLarge(1),
        Error::OutOfMemory,
        // With a NUL in its message, which C cannot represent.
        Error::Internal("before\0behind".into()),
    ]
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
