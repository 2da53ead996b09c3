//! Our SQLite as a shared library, for tests in Node, Python and C: the host has
//! another SQLite of its own, and both have the same file open.
//!
//! A connection is made exactly as every connection of the library is made.
//! `SKILLSMITH_TEST_COEXISTENCE=off` leaves the system calls alone, which shows
//! that the tests fail without the cure.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int, c_longlong};

use skillsmith_sync::testing::{self, RawConnection};

/// Done.
const OK: c_int = 0;
/// Another connection holds the lock.
const BUSY: c_int = 5;
/// Anything else; `probe_error` says what.
const FAILED: c_int = 1;

thread_local! {
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

fn fail(error: &skillsmith_sync::Error) -> c_int {
    let text = CString::new(format!("{}: {error}", error.code().name())).unwrap_or_default();
    LAST_ERROR.with(|last| *last.borrow_mut() = text);
    if error.code() == skillsmith_sync::ErrorCode::DatabaseBusy {
        BUSY
    } else {
        FAILED
    }
}

/// The text of this thread's last error; valid until the next one.
#[unsafe(no_mangle)]
pub extern "C" fn probe_error() -> *const c_char {
    LAST_ERROR.with(|last| last.borrow().as_ptr())
}

/// Whether our system calls are replaced: 1 or 0.
#[unsafe(no_mangle)]
pub extern "C" fn probe_installed() -> c_int {
    testing::coexistence_is_installed().into()
}

/// Descriptors of databases and -shm files that are kept, used or not.
#[unsafe(no_mangle)]
pub extern "C" fn probe_descriptors() -> c_longlong {
    c_longlong::try_from(testing::descriptors()).unwrap_or(c_longlong::MAX)
}

/// Opens a database, creating it if need be; NULL where that fails.
/// `busy_ms`: how long a statement waits for a lock.
///
/// # Safety
/// `path` is a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn probe_open(path: *const c_char, busy_ms: c_int) -> *mut RawConnection {
    // SAFETY: the caller's promise.
    let path = unsafe { CStr::from_ptr(path) }.to_string_lossy();
    match RawConnection::open(path.as_ref(), u32::try_from(busy_ms).unwrap_or(0)) {
        Ok(connection) => Box::into_raw(Box::new(connection)),
        Err(error) => {
            fail(&error);
            std::ptr::null_mut()
        }
    }
}

/// Runs statements: 0 done, 5 busy, 1 failed.
///
/// # Safety
/// `connection` came from `probe_open` and is not closed; `sql` is NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn probe_exec(connection: *mut RawConnection, sql: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    let (connection, sql) = unsafe { (&*connection, CStr::from_ptr(sql)) };
    connection
        .exec(&sql.to_string_lossy())
        .map_or_else(|error| fail(&error), |()| OK)
}

/// The first column of the first row as a number; -1 where that fails.
///
/// # Safety
/// As for `probe_exec`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn probe_int(
    connection: *mut RawConnection,
    sql: *const c_char,
) -> c_longlong {
    // SAFETY: the caller's promise.
    let (connection, sql) = unsafe { (&*connection, CStr::from_ptr(sql)) };
    connection
        .int(&sql.to_string_lossy())
        .unwrap_or_else(|error| {
            fail(&error);
            -1
        })
}

/// Closes a connection.
///
/// # Safety
/// `connection` came from `probe_open` and is not used any more; NULL is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn probe_close(connection: *mut RawConnection) {
    if !connection.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { Box::from_raw(connection) });
    }
}
