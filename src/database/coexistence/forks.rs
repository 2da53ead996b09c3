//! Keeps a forked child away from its parent's files.
//!
//! The replaced `stat`, `fstat` and `mmap` of our copy of SQLite, and the fork handlers.
#![expect(
    unsafe_code,
    reason = "C functions that SQLite calls, and the system calls they make"
)]

use std::ffi::{c_char, c_int, c_void};
use std::mem;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::ffi;

use super::os::{self, Syscall, real_close};
use super::pool::{self, Owner};

type Map =
    unsafe extern "C" fn(*mut c_void, usize, c_int, c_int, c_int, libc::off_t) -> *mut c_void;

pub(super) fn stat() -> Syscall {
    let call: unsafe extern "C" fn(*const c_char, *mut libc::stat) -> c_int = stat_here;
    // SAFETY: SQLite casts it back to this very signature before it calls.
    unsafe { mem::transmute(call) }
}

pub(super) fn fstat() -> Syscall {
    let call: unsafe extern "C" fn(c_int, *mut libc::stat) -> c_int = fstat_here;
    // SAFETY: as above.
    unsafe { mem::transmute(call) }
}

pub(super) fn map() -> Syscall {
    let call: Map = map_for_us_only;
    // SAFETY: as above.
    unsafe { mem::transmute(call) }
}

/// # Safety
/// `path` is a C string, and `found` the caller's to be written.
unsafe extern "C" fn stat_here(path: *const c_char, found: *mut libc::stat) -> c_int {
    // SAFETY: the caller's promise.
    let outcome = unsafe { libc::stat(path, found) };
    // SAFETY: likewise; filled where the call succeeded.
    unsafe { distinguish(outcome, found) }
}

/// # Safety
/// `found` is the caller's to be written.
unsafe extern "C" fn fstat_here(fd: c_int, found: *mut libc::stat) -> c_int {
    // SAFETY: the caller's promise.
    let outcome = unsafe { libc::fstat(fd, found) };
    // SAFETY: likewise; filled where the call succeeded.
    unsafe { distinguish(outcome, found) }
}

/// A mapping keeps the open file description and its locks alive. In a forked child it would
/// outlive us, so the child does not inherit it.
///
/// # Safety
/// As for `mmap`.
unsafe extern "C" fn map_for_us_only(
    address: *mut c_void,
    length: usize,
    protection: c_int,
    flags: c_int,
    fd: c_int,
    offset: libc::off_t,
) -> *mut c_void {
    let is_ours = matches!(pool::owner(fd), Owner::Us { .. });
    if is_ours && !os::reserve(fd, offset, length) {
        return libc::MAP_FAILED;
    }
    // SAFETY: the caller's promise.
    let mapped = unsafe { libc::mmap(address, length, protection, flags, fd, offset) };
    if mapped != libc::MAP_FAILED && is_ours {
        // If it fails, a lock may outlive its owner; nothing else.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        // SAFETY: the mapping that was just made.
        unsafe {
            libc::madvise(mapped, length, libc::MADV_DONTFORK);
        }
        #[cfg(target_vendor = "apple")]
        // SAFETY: as above; the constant is VM_INHERIT_NONE.
        unsafe {
            minherit(mapped, length, 2);
        }
    }
    mapped
}

#[cfg(target_vendor = "apple")]
unsafe extern "C" {
    fn minherit(address: *mut c_void, length: usize, inherit: c_int) -> c_int;
}

/// The process in which the calls were replaced.
static FIRST_PROCESS: AtomicU32 = AtomicU32::new(0);

/// SQLite knows a file by device and inode. A forked child has its parent's list of open files,
/// and must not match its own files with them, so it sees other device numbers.
///
/// # Safety
/// `found` is valid where `outcome` is 0.
unsafe fn distinguish(outcome: c_int, found: *mut libc::stat) -> c_int {
    let pid = std::process::id();
    if outcome == 0 && pid != FIRST_PROCESS.load(Ordering::Acquire) {
        #[expect(
            clippy::allow_attributes,
            reason = "the type of a device number differs between systems"
        )]
        #[allow(
            clippy::cast_possible_wrap,
            clippy::cast_possible_truncation,
            clippy::unnecessary_cast,
            clippy::cast_lossless,
            reason = "any other number will do"
        )]
        let other = pid.rotate_left(8) as libc::dev_t;
        // SAFETY: the caller's promise.
        unsafe { (*found).st_dev ^= other };
    }
    outcome
}

/// A mutex that SQLite provides to applications. Only we use it, because our copy is private.
const WITHOUT_FORKS: c_int = ffi::SQLITE_MUTEX_STATIC_APP1;

/// Blocks forks while `call` runs. `call` must not fork.
pub(super) fn without_forks<T>(call: impl FnOnce() -> T) -> T {
    struct Held(*mut ffi::sqlite3_mutex);
    impl Drop for Held {
        fn drop(&mut self) {
            // SAFETY: entered below, by this thread.
            unsafe { ffi::sqlite3_mutex_leave(self.0) };
        }
    }
    // SAFETY: a static mutex, which lives as long as the process; null, where there is no memory for the first of
    // them, is fine with all three.
    let _held = unsafe {
        let mutex = ffi::sqlite3_mutex_alloc(WITHOUT_FORKS);
        ffi::sqlite3_mutex_enter(mutex);
        Held(mutex)
    };
    call()
}

/// The process-wide locks of our SQLite, each before those that a thread may take while it
/// holds it. (The random number generator looks up the VFS the first time, which takes the main
/// lock.)
const GLOBAL_LOCKS: [c_int; 8] = [
    WITHOUT_FORKS,
    ffi::SQLITE_MUTEX_STATIC_PRNG,
    ffi::SQLITE_MUTEX_STATIC_MAIN,
    ffi::SQLITE_MUTEX_STATIC_OPEN,
    ffi::SQLITE_MUTEX_STATIC_VFS1,
    ffi::SQLITE_MUTEX_STATIC_LRU,
    ffi::SQLITE_MUTEX_STATIC_PMEM,
    ffi::SQLITE_MUTEX_STATIC_MEM,
];

/// Registers the fork handlers. Returns whether the system accepted them.
pub(super) fn prepare_for_forks() -> bool {
    FIRST_PROCESS.store(std::process::id(), Ordering::Release);
    // SAFETY: functions that live as long as the library. The one of the child does only
    // what a child of a process with threads may do.
    unsafe {
        libc::pthread_atfork(
            Some(hold_global_locks),
            Some(release_global_locks),
            Some(lose_inherited),
        ) == 0
    }
}

/// Before a fork: a lock that another thread holds at that moment would stay locked in the
/// child, and its first open would never return.
unsafe extern "C" fn hold_global_locks() {
    for lock in GLOBAL_LOCKS {
        // SAFETY: static mutexes, which are there since SQLite was initialized. No
        // thread of ours forks while it holds one.
        unsafe { ffi::sqlite3_mutex_enter(ffi::sqlite3_mutex_alloc(lock)) };
    }
}

/// After a fork, in the parent and in the child, where only the forking thread exists.
unsafe extern "C" fn release_global_locks() {
    for lock in GLOBAL_LOCKS.into_iter().rev() {
        // SAFETY: this thread took them before the fork.
        unsafe { ffi::sqlite3_mutex_leave(ffi::sqlite3_mutex_alloc(lock)) };
    }
}

/// In the child: redirects its descriptors of our files, so that their locks end with the
/// parent. The numbers stay in use, because SQLite still has them.
unsafe extern "C" fn lose_inherited() {
    // SAFETY: as it is meant to be called.
    unsafe { release_global_locks() };
    // SAFETY: a C string; the calls here are allowed after a fork.
    let nowhere = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) };
    if nowhere < 0 {
        return;
    }
    pool::each_marked(|fd| {
        // SAFETY: no memory is involved; the number is one of ours.
        unsafe {
            libc::dup2(nowhere, fd);
            libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    });
    real_close(nowhere);
}
