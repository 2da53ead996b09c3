//! Safe use beside another SQLite in the same process.
//!
//! The host of this library has the same database open through its own copy of
//! SQLite: better-sqlite3 in a Node server, `sqlite3` in Python, libsqlite3 in a
//! C program. SQLite's unix locks are POSIX record locks, and those belong to the
//! process: the two copies do not see each other's locks, and when either closes
//! any descriptor of the file, the kernel drops all locks that the process has on
//! it. Commits then vanish, silently.
//!
//! The fix: system calls of our copy's unix VFS are replaced.
//! - `fcntl`: record locks become open-file-description locks. They conflict with
//!   POSIX locks even inside the process, and survive the host's closes.
//! - `open`: all our descriptors of a file share one open file description, so they are one
//!   lock owner, as SQLite's unix code expects of a process.
//! - `close`: descriptors of databases and -shm files are kept for the next `open` and never
//!   really closed, so that we do not drop the host's locks.
//!
//! A forked child must not use what it inherits, because it would share the description and its locks with
//! its parent. So its descriptors are redirected, its mappings are not inherited, its handles return an
//! error, and `stat` and `fstat` return other device numbers, so that SQLite does not find its parent's files
//! when it opens its own.
//!
//! Only our copy is affected: its symbols and its table of system calls are private. If the
//! calls cannot be replaced, or a file system has no such locks, the [`guard`] refuses a file
//! that is open elsewhere in the process. On Windows locks belong to handles, so no fix is
//! needed.

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

/// Call it before our SQLite opens the file.
#[cfg(unix)]
pub(super) fn before_open(path: &Path) -> Result<()> {
    install::prepare()?;
    if install::installed() || install::unguarded() {
        Ok(())
    } else {
        guard::before_open(path)
    }
}

/// Call it after our SQLite has opened the file, before it reads or locks anything.
///
/// Drop the returned guard, if any, after the connection.
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

/// The system error when the -shm of a new file is still in use for an old file at the same path.
#[cfg(unix)]
pub(super) const IN_USE_BY_ANOTHER_FILE: i32 = libc::EBUSY;

/// Runs a call during which no child may be forked: locks that it holds would stay locked in the child.
#[cfg(unix)]
pub(super) fn without_forks<T>(call: impl FnOnce() -> T) -> T {
    forks::without_forks(call)
}

/// Whether the file system is mounted read-only.
#[cfg(unix)]
pub(super) fn is_mounted_read_only(path: &Path) -> bool {
    os::is_mounted_read_only(path)
}

/// Whether this process may write to a file, or create files in a folder.
#[cfg(unix)]
pub(super) fn is_writable(path: &Path) -> bool {
    os::is_writable(path)
}

/// Opens a file that is not a database, and keeps it away from forked children: a lock on it must end with
/// us, not with the child. Its descriptor is never below 3.
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

/// Call it before such a file is closed.
#[cfg(unix)]
pub(super) fn about_to_close(file: &std::fs::File) {
    pool::unmark(std::os::fd::AsRawFd::as_raw_fd(file));
}

/// A lock on the database file itself, shared by all names of the file; released when dropped.
#[cfg(unix)]
#[derive(Debug)]
pub(super) struct FileLock {
    pid: u32,
    fd: std::ffi::c_int,
}

/// Takes the lock. `Ok(None)`: such locks are not available, or SQLite has not opened this file; `Err`:
/// another sync holds it.
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

/// Whether a sync holds that lock. Never takes it.
#[cfg(unix)]
pub(super) fn is_locked_for_sync(path: &Path) -> bool {
    install::installed() && pool::is_locked_for_sync(path)
}

#[cfg(unix)]
impl Drop for FileLock {
    fn drop(&mut self) {
        // In a forked child it belongs to the parent.
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

/// Nothing to record here.
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
