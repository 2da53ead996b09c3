//! System calls of this room: descriptors, locks of open file descriptions, file identities.
#![expect(unsafe_code, reason = "system calls")]

use std::ffi::{CStr, CString, c_char, c_int};
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicPtr, Ordering};

/// The system error when the -shm of a new file is still in use for an old file at the same path.
pub(in crate::database) const IN_USE_BY_ANOTHER_FILE: i32 = libc::EBUSY;

/// SQLite's type for a system call: an untyped function pointer, cast by its caller.
pub(super) type Syscall = unsafe extern "C" fn();
pub(super) type Open = unsafe extern "C" fn(*const c_char, c_int, c_int) -> c_int;

/// Whether this system has locks that belong to an open file description.
///
/// On 32-bit systems SQLite's structures for locks and files are not those of the
/// libc crate.
pub(super) const HAS_DESCRIPTION_LOCKS: bool = cfg!(all(
    target_pointer_width = "64",
    any(
        target_os = "linux",
        target_os = "android",
        target_vendor = "apple"
    )
));

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) mod lock_commands {
    pub(in super::super) const GETLK: i32 = libc::F_OFD_GETLK;
    pub(in super::super) const SETLK: i32 = libc::F_OFD_SETLK;
    pub(in super::super) const SETLKW: i32 = libc::F_OFD_SETLKW;
}

// In <sys/fcntl.h> of macOS since 10.15; not in every version of the libc crate.
#[cfg(target_vendor = "apple")]
pub(super) mod lock_commands {
    pub(in super::super) const SETLK: i32 = 90;
    pub(in super::super) const SETLKW: i32 = 91;
    pub(in super::super) const GETLK: i32 = 92;
}

// Never used: nothing is installed on such a system.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(super) mod lock_commands {
    pub(in super::super) const GETLK: i32 = libc::F_GETLK;
    pub(in super::super) const SETLK: i32 = libc::F_SETLK;
    pub(in super::super) const SETLKW: i32 = libc::F_SETLKW;
}

/// SQLite's own `open`, which takes its mode as an ordinary argument.
static ORIGINAL_OPEN: AtomicPtr<()> = AtomicPtr::new(std::ptr::null_mut());

pub(super) fn remember_open(open: Syscall) {
    ORIGINAL_OPEN.store(open as *mut (), Ordering::Release);
}

pub(super) fn real_open(path: &CStr, flags: c_int, mode: c_int) -> c_int {
    let original = ORIGINAL_OPEN.load(Ordering::Acquire);
    if original.is_null() {
        set_errno(libc::ENOSYS);
        return -1;
    }
    // SAFETY: set once, from SQLite's table, where "open" has this signature.
    let original: Open = unsafe { mem::transmute(original) };
    // SAFETY: a valid C string.
    unsafe { original(path.as_ptr(), flags, mode) }
}

pub(super) fn real_close(fd: c_int) -> c_int {
    // SAFETY: the descriptor is the caller's to give up.
    unsafe { libc::close(fd) }
}

/// Opens the descriptors 0 to 2 if the host has closed them: otherwise a database could get such a number,
/// and the host's next line to stderr would be written into it.
///
/// Children that the host starts inherit them, as they would inherit its own.
pub(super) fn fill_standard_descriptors() {
    // SAFETY: no memory is involved.
    let is_open = |fd| unsafe { libc::fcntl(fd, libc::F_GETFD) } >= 0;
    while !(0..3).all(is_open) {
        // SAFETY: C strings. Without devices, a folder: what is written there fails.
        let fd = unsafe {
            match libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) {
                -1 => libc::open(c"/".as_ptr(), libc::O_RDONLY),
                fd => fd,
            }
        };
        if !(0..3).contains(&fd) {
            if fd >= 0 {
                real_close(fd);
            }
            return;
        }
    }
}

/// Moves the descriptor above 2: another thread of the host may have closed a standard one at this moment.
pub(super) fn above_standard(fd: c_int) -> c_int {
    if !(0..3).contains(&fd) {
        return fd;
    }
    let higher = duplicate(fd);
    let cause = errno();
    // This drops the host's locks on the file. Keeping the number would risk its data.
    real_close(fd);
    fill_standard_descriptors();
    set_errno(cause);
    higher
}

/// Another descriptor of the same open file description, not below 3 and closed on exec.
pub(super) fn duplicate(fd: c_int) -> c_int {
    // SAFETY: no memory is involved.
    unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) }
}

/// What conflicts with a lock on the whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    Free,
    Locked,
    /// This file system has no open-file-description locks.
    Unsupported,
}

/// Checks whether another owner has a lock on the file, in this process or another.
pub(super) fn probe(fd: c_int) -> Probe {
    let mut lock = whole_file(libc::F_WRLCK);
    // SAFETY: a valid lock structure of our own.
    let outcome = unsafe { libc::fcntl(fd, lock_commands::GETLK, &raw mut lock) };
    if outcome != 0 {
        Probe::Unsupported
    } else if c_int::from(lock.l_type) == c_int::from(libc::F_UNLCK) {
        Probe::Free
    } else {
        Probe::Locked
    }
}

/// The byte of the database file that a sync locks: far after those that SQLite locks (at 1 GiB), and after
/// the end of any file. It is never read or written.
pub(super) const SYNC_BYTE: libc::off_t = 1 << 62;

/// Locks the byte for the description, without waiting.
pub(super) fn lock_sync_byte(fd: c_int) -> bool {
    let mut lock = sync_byte(libc::F_WRLCK);
    // SAFETY: a valid lock structure of our own.
    unsafe { libc::fcntl(fd, lock_commands::SETLK, &raw mut lock) == 0 }
}

pub(super) fn unlock_sync_byte(fd: c_int) {
    let mut lock = sync_byte(libc::F_UNLCK);
    // SAFETY: a valid lock structure of our own.
    unsafe { libc::fcntl(fd, lock_commands::SETLK, &raw mut lock) };
}

/// Whether another description has locked the byte as a sync does. Whoever may only read the file can have a lock
/// for reading on it.
pub(super) fn sync_byte_is_locked(fd: c_int) -> bool {
    // Nothing but a lock for writing is in the way of this one.
    is_in_the_way(fd, sync_byte(libc::F_RDLCK))
}

/// Whether another description has locked the byte in any way.
pub(super) fn sync_byte_is_taken(fd: c_int) -> bool {
    is_in_the_way(fd, sync_byte(libc::F_WRLCK))
}

fn is_in_the_way(fd: c_int, mut lock: libc::flock) -> bool {
    // SAFETY: a valid lock structure of our own.
    let outcome = unsafe { libc::fcntl(fd, lock_commands::GETLK, &raw mut lock) };
    outcome == 0 && c_int::from(lock.l_type) != c_int::from(libc::F_UNLCK)
}

fn sync_byte(kind: impl Into<c_int>) -> libc::flock {
    let mut lock = whole_file(kind);
    lock.l_start = SYNC_BYTE;
    lock.l_len = 1;
    lock
}

/// Releases every lock of the description, as closing its last descriptor would.
pub(super) fn unlock_all(fd: c_int) {
    let mut lock = whole_file(libc::F_UNLCK);
    // SAFETY: a valid lock structure of our own.
    unsafe { libc::fcntl(fd, lock_commands::SETLK, &raw mut lock) };
}

#[expect(
    clippy::allow_attributes,
    reason = "the types of these constants differ between systems"
)]
#[allow(
    clippy::cast_possible_truncation,
    clippy::unnecessary_cast,
    reason = "small constants"
)]
fn whole_file(kind: impl Into<c_int>) -> libc::flock {
    // SAFETY: all zeros is a valid flock: the whole file, from its start.
    let mut lock: libc::flock = unsafe { mem::zeroed() };
    lock.l_type = kind.into() as _;
    lock.l_whence = libc::SEEK_SET as _;
    lock
}

/// Device and inode, links, and whether it is a regular file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity {
    pub(super) key: (u64, u64),
    pub(super) links: u64,
    pub(super) is_regular: bool,
}

pub(super) fn identity_of(fd: c_int) -> Option<Identity> {
    // SAFETY: all zeros is a valid stat, and only read after the call has filled it.
    let mut found: libc::stat = unsafe { mem::zeroed() };
    // SAFETY: a valid structure of our own.
    (unsafe { libc::fstat(fd, &raw mut found) } == 0).then(|| identity(&found))
}

pub(super) fn identity_at(path: &CStr) -> Option<Identity> {
    // SAFETY: as above.
    let mut found: libc::stat = unsafe { mem::zeroed() };
    // SAFETY: a valid C string and structure.
    (unsafe { libc::stat(path.as_ptr(), &raw mut found) } == 0).then(|| identity(&found))
}

#[expect(
    clippy::allow_attributes,
    reason = "the types of these fields differ between systems"
)]
#[allow(
    clippy::cast_sign_loss,
    clippy::unnecessary_cast,
    clippy::useless_conversion,
    reason = "compared only"
)]
fn identity(found: &libc::stat) -> Identity {
    Identity {
        key: (found.st_dev as u64, found.st_ino as u64),
        links: found.st_nlink as u64,
        is_regular: found.st_mode & libc::S_IFMT == libc::S_IFREG,
    }
}

/// Gives a part of a file its space on the disk, so that writing to a mapping of it cannot end the process where the
/// disk is full: SQLite writes one byte to each 4 KiB of a new -shm, which leaves the rest without space in smaller
/// blocks. Returns false, with `errno`, if there is none.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn reserve(fd: c_int, offset: libc::off_t, length: usize) -> bool {
    let length = libc::off_t::try_from(length).unwrap_or(libc::off_t::MAX);
    // SAFETY: no memory is involved. Without the C library, which would write where a file system cannot reserve.
    let outcome = unsafe { libc::fallocate(fd, libc::FALLOC_FL_KEEP_SIZE, offset, length) };
    outcome == 0 || !matches!(errno(), libc::ENOSPC | libc::EDQUOT)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn reserve(_: c_int, _: libc::off_t, _: usize) -> bool {
    true
}

pub(super) fn is_mounted_read_only(path: &Path) -> bool {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else {
        return false;
    };
    // SAFETY: all zeros is a valid statvfs, and only read after the call has filled it.
    let mut found: libc::statvfs = unsafe { mem::zeroed() };
    // SAFETY: a valid C string and structure.
    let outcome = unsafe { libc::statvfs(path.as_ptr(), &raw mut found) };
    outcome == 0 && found.f_flag & libc::ST_RDONLY != 0
}

pub(super) fn is_writable(path: &Path) -> bool {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else {
        return false;
    };
    // SAFETY: a valid C string.
    unsafe { libc::access(path.as_ptr(), libc::W_OK) == 0 }
}

pub(super) fn errno() -> c_int {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

pub(super) fn set_errno(code: c_int) {
    #[cfg(any(target_os = "linux", target_os = "emscripten", target_os = "redox"))]
    // SAFETY: the address of this thread's errno is always valid.
    unsafe {
        *libc::__errno_location() = code;
    }
    #[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
    // SAFETY: as above.
    unsafe {
        *libc::__error() = code;
    }
    #[cfg(any(target_os = "android", target_os = "netbsd", target_os = "openbsd"))]
    // SAFETY: as above.
    unsafe {
        *libc::__errno() = code;
    }
}

#[cfg(test)]
pub(super) fn test_lock(kind: impl Into<c_int>) -> libc::flock {
    whole_file(kind)
}

/// A lock as the host's SQLite takes it.
#[cfg(test)]
pub(super) fn test_posix_lock(file: &std::fs::File, lock: &mut libc::flock) -> c_int {
    use std::os::fd::AsRawFd;
    // SAFETY: a valid descriptor and structure.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw mut *lock) }
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_mapped_part_has_its_space() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(32 * 1024).unwrap();
        assert!(reserve(file.as_raw_fd(), 0, 32 * 1024));
        let found = file.metadata().unwrap();
        assert_eq!((found.len(), found.blocks()), (32 * 1024, 64));
    }
}
