//! What the rest of the room calls, where locks belong to processes.

use super::Holder;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::guard::{self, Ticket};
use super::{forks, install, os, pool};
use crate::Result;

/// Call it before our SQLite opens the file.
pub(in crate::database) fn before_open(path: &Path) -> Result<()> {
    install::prepare()?;
    if install::installed() || install::unguarded() {
        Ok(())
    } else {
        guard::before_open(path)
    }
}

/// Sees to it that a new database is its owner's from its first moment, and so are its -wal and -shm, to which
/// SQLite gives the same mode.
pub(in crate::database) fn create_private(path: &Path) -> Result<io::Result<()>> {
    install::prepare()?;
    // The replaced call does it.
    if install::installed() {
        return Ok(Ok(()));
    }
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600);
    // Closed at once: where nothing is replaced, a file that this process has open is refused.
    Ok(match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        // Or another process was faster.
        _ => Ok(()),
    })
}

/// Call it after our SQLite has opened the file, before it reads or locks anything.
///
/// Drop the returned guard, if any, after the connection.
pub(in crate::database) fn after_open(path: &Path) -> Result<Option<Ticket>> {
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

/// Runs a call during which no child may be forked: locks that it holds would stay locked in the child.
pub(in crate::database) fn without_forks<T>(call: impl FnOnce() -> T) -> T {
    forks::without_forks(call)
}

/// Whether the file system is mounted read-only.
pub(in crate::database) fn is_mounted_read_only(path: &Path) -> bool {
    os::is_mounted_read_only(path)
}

/// Whether this process may write to a file, or create files in a folder.
pub(in crate::database) fn is_writable(path: &Path) -> bool {
    os::is_writable(path)
}

/// Opens a file that is not a database, and keeps it away from forked children: a lock on it must end with
/// us, not with the child. Its descriptor is never below 3.
pub(in crate::database) fn open_apart(open: impl FnOnce() -> io::Result<File>) -> io::Result<File> {
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
pub(in crate::database) fn about_to_close(file: &File) {
    pool::unmark(file.as_raw_fd());
}

/// A lock on the database file itself, shared by all names of the file; released when dropped.
#[derive(Debug)]
pub(in crate::database) struct FileLock {
    pid: u32,
    fd: std::ffi::c_int,
}

/// Takes the lock. `Ok(None)`: such locks are not available, or SQLite has not opened this file; `Err`:
/// another sync holds it.
pub(in crate::database) fn lock_for_sync(
    path: &Path,
) -> std::result::Result<Option<FileLock>, Holder> {
    if !install::installed() {
        return Ok(None);
    }
    match pool::lock_for_sync(path) {
        pool::SyncByte::Locked(fd) => Ok(Some(FileLock {
            pid: std::process::id(),
            fd,
        })),
        pool::SyncByte::Taken => Err(Holder::Sync),
        pool::SyncByte::Read => Err(Holder::Reader),
        pool::SyncByte::Unavailable => Ok(None),
    }
}

/// Whether a sync holds that lock. Never takes it.
pub(in crate::database) fn is_locked_for_sync(path: &Path) -> bool {
    install::installed() && pool::is_locked_for_sync(path)
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // In a forked child it belongs to the parent.
        if self.pid == std::process::id() {
            pool::unlock_after_sync(self.fd);
        }
    }
}

/// Whether the system calls of our SQLite are replaced.
#[cfg(feature = "test-hooks")]
pub(crate) fn is_installed() -> bool {
    install::installed()
}

/// Descriptors of databases and -shm files that are kept, used or not.
#[cfg(feature = "test-hooks")]
pub(crate) fn descriptors() -> usize {
    pool::descriptors()
}
