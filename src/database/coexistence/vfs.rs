//! The replaced `open`, `close` and `fcntl`, as our copy of SQLite calls them.
//!
//! They run inside SQLite on any thread, so they neither panic nor call back into it. They
//! report errors like the system, with -1 and `errno`.
#![expect(unsafe_code, reason = "C functions that SQLite calls")]

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int};
use std::mem;

use super::os::{
    Open, SYNC_BYTE, Syscall, errno, fill_standard_descriptors, lock_commands, real_close,
    set_errno,
};
use super::planted;
use super::pool::{self, Owner};
use crate::fingerprint::fingerprint;

pub(super) fn open() -> Syscall {
    let call: Open = open_shared;
    // SAFETY: SQLite casts it back to this very signature before it calls.
    unsafe { mem::transmute(call) }
}

pub(super) fn close() -> Syscall {
    let call: unsafe extern "C" fn(c_int) -> c_int = close_kept;
    // SAFETY: as above.
    unsafe { mem::transmute(call) }
}

/// SQLite calls it through `int (*)(int, int, ...)`.
///
/// A variadic function cannot be written in stable Rust. On Linux (x86-64 and
/// arm64) and on macOS on x86-64 a variadic pointer argument is passed just as an
/// ordinary third one is. On Apple's arm64 it is passed on the stack, where an
/// ordinary argument stands only after eight others.
pub(super) fn fcntl() -> Syscall {
    #[cfg(not(all(target_vendor = "apple", target_arch = "aarch64")))]
    let call: unsafe extern "C" fn(c_int, c_int, usize) -> c_int = fcntl_described;
    #[cfg(all(target_vendor = "apple", target_arch = "aarch64"))]
    let call: unsafe extern "C" fn(
        c_int,
        c_int,
        usize,
        usize,
        usize,
        usize,
        usize,
        usize,
        usize,
    ) -> c_int = {
        unsafe extern "C" fn on_the_stack(
            fd: c_int,
            command: c_int,
            _: usize,
            _: usize,
            _: usize,
            _: usize,
            _: usize,
            _: usize,
            argument: usize,
        ) -> c_int {
            // SAFETY: the caller's promise, passed on.
            unsafe { fcntl_described(fd, command, argument) }
        }
        on_the_stack
    };
    // SAFETY: as above, with the convention that the comment explains.
    unsafe { mem::transmute(call) }
}

/// # Safety
/// `path` is a C string.
unsafe extern "C" fn open_shared(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
    // SAFETY: SQLite's promise.
    let name = unsafe { CStr::from_ptr(path) };
    let fd = if pool::is_shared_kind(name.to_bytes(), flags) {
        pool::open(name, flags, mode)
    } else {
        fill_standard_descriptors();
        planted::open(name, flags, mode)
    };
    keep_first_cause(name, flags, fd);
    fd
}

/// SQLite opens a file that it cannot create for reading, which fails because the file is missing and hides
/// the cause. This call keeps the cause.
fn keep_first_cause(name: &CStr, flags: c_int, fd: c_int) {
    thread_local! {
        static FIRST: Cell<(u64, c_int)> = const { Cell::new((0, 0)) };
    }
    if fd >= 0 {
        return;
    }
    let cause = errno();
    let name = fingerprint(name);
    if flags & libc::O_CREAT != 0 {
        FIRST.set((name, cause));
    } else if cause == libc::ENOENT {
        match FIRST.get() {
            (first, code) if first == name => set_errno(code),
            _ => {}
        }
    }
}

/// # Safety
/// None beyond what `close` asks: `fd` is the caller's to give up.
unsafe extern "C" fn close_kept(fd: c_int) -> c_int {
    match pool::owner(fd) {
        Owner::Other => real_close(fd),
        Owner::Us { .. } => pool::give_back(fd),
        // A forked child: the description belongs to the parent, so it is not touched.
        Owner::Parent => 0,
    }
}

/// # Safety
/// As [`locked`].
unsafe extern "C" fn fcntl_described(fd: c_int, command: c_int, argument: usize) -> c_int {
    // SAFETY: passed on as it came.
    let outcome = unsafe { locked(fd, command, argument) };
    // SQLite takes ENOLCK for a lock of another program, and would wait for its end. ENOSYS is a failure.
    if outcome == -1 && errno() == libc::ENOLCK {
        set_errno(libc::ENOSYS);
    }
    outcome
}

/// # Safety
/// For a lock command `argument` points to a `flock` that the caller owns.
unsafe fn locked(fd: c_int, command: c_int, argument: usize) -> c_int {
    let described = match command {
        libc::F_SETLK => lock_commands::SETLK,
        libc::F_SETLKW => lock_commands::SETLKW,
        libc::F_GETLK => lock_commands::GETLK,
        // SAFETY: passed on as it came.
        _ => return unsafe { libc::fcntl(fd, command, argument) },
    };
    match pool::owner(fd) {
        Owner::Us { plain_locks: false } => {}
        Owner::Us { plain_locks: true } | Owner::Other => {
            // SAFETY: passed on as it came.
            return unsafe { libc::fcntl(fd, command, argument) };
        }
        Owner::Parent => {
            set_errno(libc::EBADF);
            return -1;
        }
    }
    let lock = argument as *mut libc::flock;
    // SAFETY: the caller's promise.
    let mut copy = unsafe { *lock };
    // The kernel requires 0 here; SQLite does not set it.
    copy.l_pid = 0;
    // "To the end of the file" means only SQLite's locks here.
    if c_int::from(copy.l_type) == c_int::from(libc::F_UNLCK) && copy.l_len == 0 {
        copy.l_len = SYNC_BYTE.saturating_sub(copy.l_start).max(1);
    }
    // SAFETY: a valid lock structure of our own.
    let outcome = unsafe { libc::fcntl(fd, described, &raw mut copy) };
    if described == lock_commands::GETLK && outcome == 0 {
        // SAFETY: the caller's promise.
        unsafe { *lock = copy };
    }
    outcome
}
