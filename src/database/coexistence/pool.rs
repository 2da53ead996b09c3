//! The descriptors of databases and -shm files: one open file description per file, never closed while the
//! process lives.

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};

use super::os::{self, Identity, Probe};
use super::planted;
use crate::unpoisoned::lock;

/// Descriptors above this number are not handed out; no process has so many.
const TABLE: usize = 1 << 16;

/// A flag beside the process id in [`OWNERS`]; process ids have at most 22 bits.
const PLAIN_LOCKS: u32 = 1 << 31;

/// By descriptor: the process that got it from us, or 0.
///
/// A table of atomics, so that a forked child can always read it. Unused pages of it cost
/// nothing.
static OWNERS: [AtomicU32; TABLE] = [const { AtomicU32::new(0) }; TABLE];

/// The owner of a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// Not from the pool.
    Other,
    /// From the pool of this process.
    Us {
        /// Its file system has POSIX locks only.
        plain_locks: bool,
    },
    /// From the pool of the process that this one was forked from.
    Parent,
}

pub(super) fn owner(fd: c_int) -> Owner {
    let entry = slot(fd).map_or(0, |slot| slot.load(Ordering::Acquire));
    match entry & !PLAIN_LOCKS {
        0 => Owner::Other,
        pid if pid == std::process::id() => Owner::Us {
            plain_locks: entry & PLAIN_LOCKS != 0,
        },
        _ => Owner::Parent,
    }
}

fn slot(fd: c_int) -> Option<&'static AtomicU32> {
    OWNERS.get(usize::try_from(fd).ok()?)
}

/// Records another descriptor that a forked child must lose.
pub(super) fn mark(fd: c_int) {
    if let Some(slot) = slot(fd) {
        slot.store(std::process::id(), Ordering::Release);
    }
}

/// Removes it, before it is closed.
pub(super) fn unmark(fd: c_int) {
    if let Some(slot) = slot(fd) {
        slot.store(0, Ordering::Release);
    }
}

/// Every descriptor that is ours or our parent's. Takes no lock and allocates no memory.
pub(super) fn each_marked(mut call: impl FnMut(c_int)) {
    for (fd, slot) in (0..).zip(&OWNERS) {
        if slot.load(Ordering::Acquire) != 0 {
            call(fd);
        }
    }
}

/// Whether SQLite, or another SQLite, would lock a file of this name.
///
/// Journals and temporary files are never locked, and directories are opened only to sync them.
pub(super) fn is_shared_kind(path: &[u8], flags: c_int) -> bool {
    let is_journal =
        path.ends_with(b"-journal") || path.ends_with(b"-wal") || is_super_journal(path);
    flags & (libc::O_EXCL | libc::O_DIRECTORY) == 0 && !is_journal
}

/// `NAME-mj` and nine hexadecimal digits, about: see `sqlite3BtreeBeginTrans` and its callers.
fn is_super_journal(path: &[u8]) -> bool {
    path.len() > 12
        && path[path.len() - 12..].starts_with(b"-mj")
        && path[path.len() - 9..].iter().all(u8::is_ascii_hexdigit)
}

/// One file.
#[derive(Debug)]
struct Entry {
    /// The first descriptor; all descriptors that are handed out are this one or duplicates. None is below 3:
    /// the host writes to those.
    source: c_int,
    writable: bool,
    plain_locks: bool,
    /// A sync of this process holds the lock of [`lock_for_sync`]: to the system, all of ours are one
    /// owner.
    syncing: bool,
    /// Handed out and not returned.
    in_use: usize,
    free: Vec<c_int>,
    /// Of other descriptions of the same file; never used, and never closed while another owner
    /// may have locked the file.
    parked: Vec<c_int>,
}

impl Entry {
    fn hand_out(&mut self) -> c_int {
        let fd = self
            .free
            .pop()
            .unwrap_or_else(|| os::duplicate(self.source));
        if fd < 0 {
            return -1;
        }
        let Some(slot) = slot(fd) else {
            self.parked.push(fd);
            os::set_errno(libc::EMFILE);
            return -1;
        };
        let flag = if self.plain_locks { PLAIN_LOCKS } else { 0 };
        slot.store(std::process::id() | flag, Ordering::Release);
        self.in_use += 1;
        fd
    }

    #[cfg(any(test, feature = "test-hooks"))]
    fn kept(&self) -> usize {
        // The source is among those in use or free.
        self.in_use + self.free.len() + self.parked.len()
    }
}

/// All files of one process.
#[derive(Debug, Default)]
struct Pool {
    files: HashMap<(u64, u64), Entry>,
}

struct OfProcess {
    pid: u32,
    pool: Mutex<Pool>,
}

/// The pool of this process. A forked child gets a new one and does not touch the old one: a
/// thread that does not exist here may hold its lock.
fn pool() -> MutexGuard<'static, Pool> {
    static CURRENT: AtomicPtr<OfProcess> = AtomicPtr::new(std::ptr::null_mut());
    loop {
        let current = CURRENT.load(Ordering::Acquire);
        if let Some(found) = current_pool(current)
            && found.pid == std::process::id()
        {
            return lock(&found.pool);
        }
        let new = Box::leak(Box::new(OfProcess {
            pid: std::process::id(),
            pool: Mutex::default(),
        }));
        // If another thread was faster, use its pool; one small allocation leaks.
        _ = CURRENT.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire);
    }
}

#[expect(unsafe_code, reason = "one dereference")]
fn current_pool(current: *const OfProcess) -> Option<&'static OfProcess> {
    // SAFETY: null, or leaked by `pool` and never freed.
    unsafe { current.as_ref() }
}

/// Opens a descriptor of the file, with the one description that all of ours share.
pub(super) fn open(path: &CStr, flags: c_int, mode: c_int) -> c_int {
    if planted::is_planted_at(path) {
        os::set_errno(planted::IS_PLANTED);
        return -1;
    }
    let mut pool = pool();
    pool.drop_dead_files();
    let wants_write = flags & libc::O_ACCMODE != libc::O_RDONLY;
    let known = os::identity_at(path).and_then(|found| pool.files.get_mut(&found.key));
    if let Some(entry) = known {
        if entry.in_use > 0 && path.to_bytes().ends_with(b"-shm") {
            // SQLite opens it once for all connections of a file. So it belongs to an old file that was at the
            // path of this one. As the same lock owner, the new connection would cut it off under the old one.
            os::set_errno(os::IN_USE_BY_ANOTHER_FILE);
            return -1;
        }
        if entry.writable || !wants_write {
            return entry.hand_out();
        }
        if entry.in_use > 0 {
            // Two descriptions would be two lock owners. SQLite then opens the file read-only.
            os::set_errno(libc::EACCES);
            return -1;
        }
    }
    os::fill_standard_descriptors();
    // Whoever holds a lease on the file would have this call, and all others, wait for 45 seconds. To a regular file, the flag
    // means nothing else.
    let flags = flags | planted::flags_of(path) | libc::O_NONBLOCK;
    let (fd, writable) = open_new(path, flags, mode_of_new(path, mode));
    let fd = os::above_standard(fd);
    if fd < 0 {
        if os::errno() == libc::ELOOP && path.to_bytes().ends_with(b"-shm") {
            os::set_errno(planted::IS_PLANTED);
        }
        return fd;
    }
    let is_planted = planted::is_planted(path, fd) || wants_write && planted::is_given(path, fd);
    let handed = match os::identity_of(fd) {
        Some(found) if found.is_regular => pool.adopt(fd, found, writable),
        _ if is_planted => {
            os::real_close(fd);
            -1
        }
        _ => fd,
    };
    if !is_planted {
        return handed;
    }
    // It may be another name of a file that the host has locked, so it is not closed.
    if handed >= 0 {
        pool.take_back(handed);
    }
    os::set_errno(planted::IS_PLANTED);
    -1
}

/// A new database is its owner's from its first moment. SQLite asks for its default; for a -shm file it asks for
/// the mode of the database.
fn mode_of_new(path: &CStr, mode: c_int) -> c_int {
    const DEFAULT: c_int = 0o644;
    if mode == DEFAULT && !path.to_bytes().ends_with(b"-shm") {
        0o600
    } else {
        mode
    }
}

/// Opens for writing even if only reading is requested, when permitted: a later connection gets
/// the same description.
fn open_new(path: &CStr, flags: c_int, mode: c_int) -> (c_int, bool) {
    if flags & libc::O_ACCMODE != libc::O_RDONLY {
        return (os::real_open(path, flags, mode), true);
    }
    let fd = os::real_open(path, flags & !libc::O_ACCMODE | libc::O_RDWR, mode);
    if fd < 0
        && matches!(
            os::errno(),
            libc::EACCES | libc::EPERM | libc::EROFS | libc::ETXTBSY
        )
    {
        return (os::real_open(path, flags, mode), false);
    }
    (fd, true)
}

/// Takes a descriptor back; SQLite treats it as closed.
pub(super) fn give_back(fd: c_int) -> c_int {
    let mut pool = pool();
    if pool.take_back(fd) {
        0
    } else {
        os::set_errno(libc::EBADF);
        -1
    }
}

/// Locks the file itself for a sync, independent of its name, if SQLite has it open.
///
/// The lock belongs to the description that all our connections share. SQLite releases only its own bytes,
/// and the descriptor kept with the lock prevents the pool from releasing it.
pub(super) fn lock_for_sync(path: &Path) -> SyncByte {
    let mut pool = pool();
    let Some(entry) = pool.find(path) else {
        return SyncByte::Unavailable;
    };
    if entry.syncing {
        return SyncByte::Taken;
    }
    // A POSIX lock would end when any code in the process closes the file.
    if entry.plain_locks || !entry.writable {
        return SyncByte::Unavailable;
    }
    let fd = entry.hand_out();
    if fd < 0 {
        return SyncByte::Unavailable;
    }
    if os::lock_sync_byte(fd) {
        entry.syncing = true;
        return SyncByte::Locked(fd);
    }
    let is_taken = matches!(os::errno(), libc::EAGAIN | libc::EACCES);
    let is_read = os::sync_byte_is_taken(fd) && !os::sync_byte_is_locked(fd);
    pool.take_back(fd);
    if is_taken && is_read {
        SyncByte::Read
    } else if is_taken {
        SyncByte::Taken
    } else {
        SyncByte::Unavailable
    }
}

/// Releases such a lock, in the process that took it.
pub(super) fn unlock_after_sync(fd: c_int) {
    let mut pool = pool();
    if let Some(entry) = os::identity_of(fd).and_then(|found| pool.files.get_mut(&found.key)) {
        entry.syncing = false;
        os::unlock_sync_byte(fd);
    }
    pool.take_back(fd);
}

/// Whether a sync holds the lock on the file, in this process or another. Never takes it.
pub(super) fn is_locked_for_sync(path: &Path) -> bool {
    let mut pool = pool();
    pool.find(path).is_some_and(|entry| {
        entry.syncing || !entry.plain_locks && os::sync_byte_is_locked(entry.source)
    })
}

/// Result of [`lock_for_sync`].
#[derive(Debug)]
pub(super) enum SyncByte {
    /// Held with this descriptor.
    Locked(c_int),
    /// By another sync.
    Taken,
    /// By somebody who has locked it for reading, as no sync does.
    Read,
    /// The file is not open, not writable, or has no such locks.
    Unavailable,
}

impl Pool {
    fn find(&mut self, path: &Path) -> Option<&mut Entry> {
        let path = CString::new(path.as_os_str().as_bytes()).ok()?;
        self.files.get_mut(&os::identity_at(&path)?.key)
    }

    /// Returns the descriptor to the pool. False if it is not from the pool.
    fn take_back(&mut self, fd: c_int) -> bool {
        let Some(entry) = os::identity_of(fd).and_then(|found| self.files.get_mut(&found.key))
        else {
            return false;
        };
        // It stays marked as ours for the guard.
        entry.free.push(fd);
        entry.in_use = entry.in_use.saturating_sub(1);
        if entry.in_use == 0 && !entry.plain_locks {
            // SQLite relies on the close to release the lock that marks the -shm as in use.
            os::unlock_all(entry.source);
            self.drop_dead_files();
        }
        true
    }

    /// Adds a newly opened descriptor, and hands one out.
    fn adopt(&mut self, fd: c_int, found: Identity, writable: bool) -> c_int {
        if let Some(entry) = self.files.get_mut(&found.key) {
            // The name was moved to a known file at this moment, or a file that was read-only is now
            // writable. Closing either description would drop the host's locks.
            if writable && !entry.writable && entry.in_use == 0 {
                entry.parked.append(&mut entry.free);
                entry.source = fd;
                entry.writable = true;
                entry.free.push(fd);
            } else {
                entry.parked.push(fd);
            }
            return entry.hand_out();
        }
        let mut entry = Entry {
            source: fd,
            writable,
            plain_locks: os::probe(fd) == Probe::Unsupported,
            syncing: false,
            in_use: 0,
            free: vec![fd],
            parked: Vec::new(),
        };
        let handed = entry.hand_out();
        self.files.insert(found.key, entry);
        handed
    }

    /// Closes the descriptors of files that are deleted and not locked.
    fn drop_dead_files(&mut self) {
        self.files.retain(|_, entry| {
            let dead = entry.in_use == 0
                && os::identity_of(entry.source).is_some_and(|found| found.links == 0)
                && os::probe(entry.source) == Probe::Free;
            if dead {
                for fd in entry.free.drain(..).chain(entry.parked.drain(..)) {
                    unmark(fd);
                    os::real_close(fd);
                }
            }
            !dead
        });
    }
}

/// Whether the file has only POSIX locks.
pub(super) fn has_plain_locks(path: &Path) -> bool {
    CString::new(path.as_os_str().as_bytes())
        .ok()
        .and_then(|path| os::identity_at(&path))
        .is_some_and(|found| {
            pool()
                .files
                .get(&found.key)
                .is_some_and(|entry| entry.plain_locks)
        })
}

/// Descriptors that are kept, used or not.
#[cfg(any(test, feature = "test-hooks"))]
pub(super) fn descriptors() -> usize {
    pool().files.values().map(Entry::kept).sum()
}

#[cfg(test)]
mod tests;
