//! Replacing the system calls of our copy of SQLite, once, before its first connection.
#![expect(
    unsafe_code,
    reason = "SQLite's table of system calls is reached through its C interface"
)]

use std::ffi::{CStr, c_char};
use std::ptr;
use std::sync::OnceLock;

use rusqlite::ffi::{self, sqlite3_vfs};

use super::os::Syscall;
use super::{forks, os, vfs};
use crate::Result;

/// Initializes our SQLite. Call it first: whether the calls are replaced is decided once, and
/// must not be decided while memory is short.
pub(super) fn prepare() -> Result<()> {
    // SAFETY: any thread may call it at any time.
    match unsafe { ffi::sqlite3_initialize() } {
        ffi::SQLITE_OK => Ok(()),
        code => Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into()),
    }
}

/// Whether the calls are replaced. The first call replaces them.
pub(super) fn installed() -> bool {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    *INSTALLED.get_or_init(|| switch().is_none() && replace())
}

/// A switch for tests that disables this module.
pub(super) fn unguarded() -> bool {
    switch().as_deref() == Some("off")
}

/// `off`: nothing is replaced or guarded; `guard`: as on a system where the calls cannot be
/// replaced.
fn switch() -> Option<String> {
    if cfg!(any(test, feature = "test-hooks")) {
        std::env::var("SKILLSMITH_TEST_COEXISTENCE").ok()
    } else {
        None
    }
}

fn replace() -> bool {
    if !os::HAS_DESCRIPTION_LOCKS {
        return false;
    }
    // SAFETY: a null name asks for the default VFS, which lives as long as the
    // process. This call also initializes SQLite.
    let vfs = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
    // SAFETY: a VFS that was found is a valid structure, and its name a C string.
    let Some(calls) = (unsafe { Calls::of(vfs) }) else {
        return false;
    };
    // Descriptors that share a description also share its file offset: safe only for a SQLite
    // that reads and writes at explicit offsets.
    if calls.get(c"pread").is_none() && calls.get(c"pread64").is_none() {
        return false;
    }
    let Some(open) = calls.get(c"open") else {
        return false;
    };
    os::remember_open(open);
    if !forks::prepare_for_forks() {
        return false;
    }
    let replacements: [(&CStr, Syscall); 6] = [
        (c"mmap", forks::map()),
        (c"stat", forks::stat()),
        (c"fstat", forks::fstat()),
        (c"fcntl", vfs::fcntl()),
        (c"close", vfs::close()),
        (c"open", vfs::open()),
    ];
    for (name, call) in replacements {
        if !calls.set(name, Some(call)) {
            // All or nothing: a null call restores the original.
            for (name, _) in replacements {
                calls.set(name, None);
            }
            return false;
        }
    }
    true
}

/// The table of system calls of a unix VFS.
struct Calls {
    vfs: *mut sqlite3_vfs,
    set: unsafe extern "C" fn(*mut sqlite3_vfs, *const c_char, Option<Syscall>) -> std::ffi::c_int,
    get: unsafe extern "C" fn(*mut sqlite3_vfs, *const c_char) -> Option<Syscall>,
}

impl Calls {
    /// # Safety
    /// `vfs` is null or a valid VFS with a valid name.
    unsafe fn of(vfs: *mut sqlite3_vfs) -> Option<Self> {
        // SAFETY: the caller's promise.
        let found = unsafe { vfs.as_ref() }?;
        // SAFETY: likewise.
        let name = unsafe { CStr::from_ptr(found.zName) };
        // Another default VFS may use these names for anything.
        if name != c"unix" || found.iVersion < 3 {
            return None;
        }
        Some(Self {
            vfs,
            set: found.xSetSystemCall?,
            get: found.xGetSystemCall?,
        })
    }

    fn get(&self, name: &CStr) -> Option<Syscall> {
        // SAFETY: the VFS is valid for ever, the name for the call.
        unsafe { (self.get)(self.vfs, name.as_ptr()) }
    }

    fn set(&self, name: &CStr, call: Option<Syscall>) -> bool {
        // SAFETY: as above; the replacement has the signature that SQLite casts
        // this name's call to, and being a function lives for ever.
        unsafe { (self.set)(self.vfs, name.as_ptr(), call) == ffi::SQLITE_OK }
    }
}
