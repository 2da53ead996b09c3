//! Being safe beside another SQLite in the same process.
//!
//! The host of this library has the same database open through its own copy of
//! SQLite: better-sqlite3 in a Node server, `sqlite3` in Python, libsqlite3 in a
//! C program. SQLite's unix locks are POSIX record locks, and those belong to the
//! process: the two copies do not see each other's locks, and when either closes
//! any descriptor of the file, the kernel drops all locks that the process has on
//! it. Commits then vanish, silently.
//!
//! The cure: system calls of our copy's unix VFS are replaced.
//! - `fcntl`: record locks become open-file-description locks. They conflict with
//!   POSIX locks even inside the process, and survive the host's closes.
//! - `open`: all our descriptors of a file share one open file description, and so
//!   are one lock owner, as SQLite's unix code expects of a process.
//! - `close`: descriptors of databases and -shm files are kept for the next `open`
//!   and never really closed, so that the host's locks are not dropped by us.
//!
//! A forked child must not use what it inherits: the description, and with it the
//! locks, would be shared with its parent. The child's descriptors are made to lead
//! nowhere, it gets no mapping of them, its handles refuse to work, and `stat` and `fstat` give it other device
//! numbers, so that SQLite does not find its parent's files when it opens its own.
//!
//! Only our copy is touched: its symbols are hidden, and it keeps the table of its
//! system calls to itself. Where the calls cannot be replaced, or a file system has
//! no such locks, the [`guard`] refuses a file that somebody else in the process has
//! open. On Windows locks belong to handles, so there is nothing to cure.

#[cfg(unix)]
mod forks;
#[cfg(unix)]
mod guard;
#[cfg(unix)]
mod install;
#[cfg(unix)]
mod os;
#[cfg(unix)]
mod pool;
#[cfg(unix)]
mod vfs;

use std::path::Path;

#[cfg(unix)]
pub(crate) use self::guard::Ticket;
use crate::Result;

/// To be called before our SQLite opens the file.
#[cfg(unix)]
pub(super) fn before_open(path: &Path) -> Result<()> {
    install::prepare()?;
    if install::installed() || install::unguarded() {
        Ok(())
    } else {
        guard::before_open(path)
    }
}

/// To be called once our SQLite has opened the file, before it reads or locks anything.
///
/// What it returns, if anything, is to be dropped after the connection.
#[cfg(unix)]
pub(super) fn after_open(path: &Path) -> Result<Option<Ticket>> {
    if install::unguarded() {
        return Ok(None);
    }
    if !install::installed() {
        return Ok(guard::after_open(path));
    }
    if pool::has_plain_locks(path) {
        guard::refuse_others(path)?;
    }
    Ok(None)
}

/// The system's word where the -shm of a new file is the one that we use for an old file at the same path.
#[cfg(unix)]
pub(super) const IN_USE_BY_ANOTHER_FILE: i32 = libc::EBUSY;

/// Does something in which no child may be forked: what is locked in it would be locked in the child for ever.
#[cfg(unix)]
pub(super) fn without_forks<T>(call: impl FnOnce() -> T) -> T {
    forks::without_forks(call)
}

/// Whether nobody can write there, whatever the permissions.
#[cfg(unix)]
pub(super) fn is_mounted_read_only(path: &Path) -> bool {
    os::is_mounted_read_only(path)
}

/// Opens a file that is no database, and has a forked child lose it: a lock on it must end with us, not with the
/// child. Its descriptor is not one of the host's standard ones.
#[cfg(unix)]
pub(super) fn open_apart(
    open: impl FnOnce() -> std::io::Result<std::fs::File>,
) -> std::io::Result<std::fs::File> {
    use std::os::fd::AsRawFd;
    os::fill_standard_descriptors();
    without_forks(|| {
        let mut file = open()?;
        if file.as_raw_fd() < 3 {
            // The duplicate is not.
            file = file.try_clone()?;
        }
        pool::mark(file.as_raw_fd());
        Ok(file)
    })
}

/// To be called before such a file is closed.
#[cfg(unix)]
pub(super) fn about_to_close(file: &std::fs::File) {
    pool::unmark(std::os::fd::AsRawFd::as_raw_fd(file));
}

/// A lock on the database file itself, which all names of the file share; given back when dropped.
#[cfg(unix)]
#[derive(Debug)]
pub(super) struct FileLock {
    pid: u32,
    fd: std::ffi::c_int,
}

/// The lock; `Ok(None)` where files cannot be locked so, or SQLite has not opened this one; `Err` where another
/// sync has it.
#[cfg(unix)]
pub(super) fn lock_for_sync(path: &Path) -> std::result::Result<Option<FileLock>, ()> {
    if !install::installed() {
        return Ok(None);
    }
    match pool::lock_for_sync(path) {
        pool::SyncByte::Locked(fd) => Ok(Some(FileLock {
            pid: std::process::id(),
            fd,
        })),
        pool::SyncByte::Taken => Err(()),
        pool::SyncByte::Unavailable => Ok(None),
    }
}

/// Whether a sync holds that lock. Locks nothing, not even for an instant.
#[cfg(unix)]
pub(super) fn is_locked_for_sync(path: &Path) -> bool {
    install::installed() && pool::is_locked_for_sync(path)
}

#[cfg(unix)]
impl Drop for FileLock {
    fn drop(&mut self) {
        // In a forked child it is its parent's.
        if self.pid == std::process::id() {
            pool::unlock_after_sync(self.fd);
        }
    }
}

/// Whether the system calls of our SQLite are replaced.
#[cfg(all(unix, feature = "test-hooks"))]
pub(crate) fn is_installed() -> bool {
    install::installed()
}

/// Descriptors of databases and -shm files that are kept, used or not.
#[cfg(all(unix, feature = "test-hooks"))]
pub(crate) fn descriptors() -> usize {
    pool::descriptors()
}

#[cfg(not(unix))]
pub(super) fn before_open(_: &Path) -> Result<()> {
    Ok(())
}

/// Nothing has to be noted here.
#[cfg(not(unix))]
#[derive(Debug)]
pub(crate) enum Ticket {}

#[cfg(not(unix))]
pub(super) fn after_open(_: &Path) -> Result<Option<Ticket>> {
    Ok(None)
}

#[cfg(not(unix))]
pub(super) fn without_forks<T>(call: impl FnOnce() -> T) -> T {
    call()
}

#[cfg(not(unix))]
pub(super) fn open_apart(
    open: impl FnOnce() -> std::io::Result<std::fs::File>,
) -> std::io::Result<std::fs::File> {
    open()
}

#[cfg(not(unix))]
pub(super) fn about_to_close(_: &std::fs::File) {}

/// There are none here.
#[cfg(not(unix))]
#[derive(Debug)]
pub(super) enum FileLock {}

#[cfg(not(unix))]
pub(super) fn lock_for_sync(_: &Path) -> std::result::Result<Option<FileLock>, ()> {
    Ok(None)
}

#[cfg(not(unix))]
pub(super) fn is_locked_for_sync(_: &Path) -> bool {
    false
}

#[cfg(all(not(unix), feature = "test-hooks"))]
pub(crate) fn is_installed() -> bool {
    false
}

#[cfg(all(not(unix), feature = "test-hooks"))]
pub(crate) fn descriptors() -> usize {
    0
}
