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
mod disk;
#[cfg(not(unix))]
mod elsewhere;
#[cfg(unix)]
mod forks;
#[cfg(unix)]
mod guard;
#[cfg(unix)]
mod install;
#[cfg(unix)]
mod machine;
#[cfg(unix)]
mod os;
#[cfg(unix)]
mod planted;
#[cfg(unix)]
mod pool;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
mod vfs;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use self::disk::file_system_type;
#[cfg(all(unix, feature = "cli"))]
pub(super) use self::disk::maps_as_shared_memory;
#[cfg(target_vendor = "apple")]
pub(super) use self::disk::remote_file_system;
#[cfg(all(unix, feature = "cli"))]
pub(super) use self::disk::room;
#[cfg(unix)]
pub(super) use self::disk::{
    holds_no_more_files, maps_shared_memory, refuses_mapping, reserve_behind_the_end,
};
#[cfg(not(unix))]
pub(crate) use self::elsewhere::Ticket;
#[cfg(not(unix))]
pub(super) use self::elsewhere::{
    FileLock, about_to_close, after_open, before_open, boot_id, create_private, host_name,
    is_locked_for_sync, lock_for_sync, open_apart, without_forks,
};
#[cfg(all(not(unix), feature = "test-hooks"))]
pub(crate) use self::elsewhere::{descriptors, is_installed};
#[cfg(unix)]
pub(crate) use self::guard::Ticket;
#[cfg(unix)]
pub(super) use self::machine::{boot_id, host_name};
#[cfg(unix)]
pub(super) use self::os::IN_USE_BY_ANOTHER_FILE;
#[cfg(unix)]
pub(super) use self::planted::IS_PLANTED;
#[cfg(unix)]
pub(super) use self::unix::{
    FileLock, about_to_close, after_open, before_open, create_private, is_locked_for_sync,
    is_mounted_read_only, is_writable, lock_for_sync, open_apart, without_forks,
};
#[cfg(all(unix, feature = "test-hooks"))]
pub(crate) use self::unix::{descriptors, is_installed};

/// Who has a lock that a sync wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    Sync,
    /// Somebody who has locked the file for reading, as no sync does.
    Reader,
}
