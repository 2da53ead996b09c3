//! System calls that ask what the file system of a file can do.
#![expect(unsafe_code, reason = "system calls")]

use std::ffi::CString;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::ptr;

use super::os;
#[cfg(feature = "cli")]
use crate::own_file::{self, Link};

/// The size of SQLite's -shm.
const SIZE: usize = 32 * 1024;

/// Whether a file that is made as `probe`, and deleted at once, can be mapped as shared memory. True where
/// that could not be tried: whoever needs it meets the cause then.
pub(in crate::database) fn maps_shared_memory(probe: &Path) -> bool {
    os::fill_standard_descriptors();
    let mut options = File::options();
    options.read(true).write(true).create_new(true).mode(0o600);
    let Ok(mut file) = options.open(probe) else {
        return true;
    };
    // Before anything else, so that a killed process leaves none.
    _ = std::fs::remove_file(probe);
    // A mapped page for which the disk has no space would end the process.
    if file.write_all(&vec![0; SIZE]).is_err() {
        return true;
    }
    is_mapped(&file, true)
}

/// Gives a file space behind its end, which does not change what is read from it. Returns false if the disk lacks it.
pub(in crate::database) fn reserve_behind_the_end(file: &File, length: usize) -> bool {
    let end = file.metadata().map(|found| found.len());
    let end = end.ok().and_then(|end| end.try_into().ok());
    end.is_none_or(|end| os::reserve(file.as_raw_fd(), end, length))
}

/// Whether a file that is there and is not a database can be. It is not changed.
#[cfg(feature = "cli")]
pub(in crate::database) fn maps_as_shared_memory(path: &Path) -> bool {
    os::fill_standard_descriptors();
    let file = own_file::open(File::options().read(true).write(true), path, Link::Refused);
    file.map_or(true, |file| is_mapped(&file, false))
}

fn is_mapped(file: &File, is_written: bool) -> bool {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let fd = file.as_raw_fd();
    // SAFETY: a new mapping, which is used only as below.
    let place = unsafe { libc::mmap(ptr::null_mut(), SIZE, access, libc::MAP_SHARED, fd, 0) };
    if place == libc::MAP_FAILED {
        return !refuses_mapping(os::errno());
    }
    // SAFETY: the mapping is of this size and writable, and written only if it is of a file of this size that
    // nobody else can open; then it is given up.
    unsafe {
        if is_written {
            place.cast::<u8>().write_volatile(1);
        }
        libc::munmap(place, SIZE);
    }
    true
}

/// Whether this system error of a mapping is the file system's own, not a shortage.
pub(in crate::database) const fn refuses_mapping(error: i32) -> bool {
    matches!(
        error,
        libc::ENODEV | libc::EACCES | libc::EPERM | libc::EINVAL | libc::ENOSYS | libc::EOPNOTSUPP
    )
}

/// Whether the file system has space but no inode left.
#[expect(
    clippy::allow_attributes,
    reason = "the types of these fields differ between systems"
)]
#[allow(clippy::absurd_extreme_comparisons, reason = "some are signed")]
pub(in crate::database) fn holds_no_more_files(path: &Path) -> bool {
    statvfs(path)
        .is_some_and(|found| found.f_files > 0 && found.f_favail == 0 && found.f_bavail > 0)
}

/// How many files and bytes the file system of an existing place still takes from this user; no number of files where it
/// does not count them.
#[cfg(feature = "cli")]
#[expect(
    clippy::allow_attributes,
    reason = "the types of these fields differ between systems"
)]
#[allow(clippy::useless_conversion, reason = "some have 32 bits")]
pub(in crate::database) fn room(path: &Path) -> Option<(Option<u64>, u64)> {
    let found = statvfs(path)?;
    let files = (found.f_files > 0).then(|| u64::from(found.f_favail));
    // The reserve is root's.
    let is_root = rustix::process::geteuid().is_root();
    let blocks = if is_root {
        found.f_bfree
    } else {
        found.f_bavail
    };
    let bytes = u64::from(blocks).saturating_mul(u64::from(found.f_frsize));
    Some((files, bytes))
}

fn statvfs(path: &Path) -> Option<libc::statvfs> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: all zeros is a valid statvfs, and only read after the call has filled it.
    let mut found: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: a valid C string and structure.
    (unsafe { libc::statvfs(path.as_ptr(), &raw mut found) } == 0).then_some(found)
}

/// The number by which Linux knows the type of a file system: `f_type` of statfs.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[expect(
    clippy::allow_attributes,
    reason = "the type of this field differs between systems"
)]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unnecessary_cast,
    reason = "a number of 32 bits"
)]
pub(in crate::database) fn file_system_type(path: &Path) -> Option<u32> {
    Some(statfs(path)?.f_type as u32)
}

/// The name of the type, such as `smbfs`, if the file system is another machine's.
#[cfg(target_vendor = "apple")]
#[expect(clippy::cast_sign_loss, reason = "a flag, and bytes of a name")]
pub(in crate::database) fn remote_file_system(path: &Path) -> Option<String> {
    let found = statfs(path)?;
    if found.f_flags & libc::MNT_LOCAL as u32 != 0 {
        return None;
    }
    let name = found.f_fstypename.iter().map(|&c| c as u8);
    let name: Vec<u8> = name.take_while(|&c| c != 0).collect();
    Some(String::from_utf8_lossy(&name).into_owned())
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn statfs(path: &Path) -> Option<libc::statfs> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: all zeros is a valid statfs, and only read after the call has filled it.
    let mut found: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: a valid C string and structure.
    (unsafe { libc::statfs(path.as_ptr(), &raw mut found) } == 0).then_some(found)
}
