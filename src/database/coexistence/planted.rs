//! What others may have put in the place of a -wal, -shm or -journal since the library has looked: SQLite opens it only
//! if it is its own file still.
#![expect(unsafe_code, reason = "a descriptor is looked at as a file")]

use std::ffi::{CStr, OsStr, c_int};
use std::fs::{File, Metadata};
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::os;
use crate::own_file;

/// The system error where it is not. SQLite itself never meets it, and gives it on.
pub(in crate::database) const IS_PLANTED: i32 = libc::EMLINK;

/// Opens like the system, and closes what is not SQLite's.
pub(super) fn open(name: &CStr, flags: c_int, mode: c_int) -> c_int {
    let fd = os::real_open(name, flags | flags_of(name), mode);
    if fd < 0 {
        if os::errno() == libc::ELOOP && database_of(name).is_some() {
            os::set_errno(IS_PLANTED);
        }
        return fd;
    }
    if is_planted(name, fd) {
        os::real_close(fd);
        os::set_errno(IS_PLANTED);
        return -1;
    }
    fd
}

/// So that no link is followed and no pipe waited for.
pub(super) fn flags_of(name: &CStr) -> c_int {
    if database_of(name).is_some() {
        libc::O_NOFOLLOW | libc::O_NONBLOCK
    } else {
        0
    }
}

/// Whether something is at the path, in the place of one of SQLite's own files, and is not one.
pub(super) fn is_planted_at(name: &CStr) -> bool {
    database_of(name).is_some_and(|database| {
        let database = as_path(database).metadata().ok();
        own_file::ensure_beside(as_path(name.to_bytes()), database.as_ref()).is_err()
    })
}

/// Whether the open file is in the place of one of SQLite's own, and is not one.
pub(super) fn is_planted(name: &CStr, fd: c_int) -> bool {
    let Some(database) = database_of(name) else {
        return false;
    };
    let database = as_path(database).metadata().ok();
    metadata(fd).is_some_and(|found| {
        let path = as_path(name.to_bytes());
        own_file::ensure_usable_beside(&found, path, database.as_ref()).is_err()
    })
}

/// Whether the open file is an empty one that somebody else has put in the place of a database: who made it would read,
/// and could change, all that is written into it.
pub(super) fn is_given(name: &CStr, fd: c_int) -> bool {
    database_of(name).is_none()
        && metadata(fd).is_some_and(|found| {
            let path = as_path(name.to_bytes());
            found.is_file() && found.len() == 0 && own_file::ensure_own(&found, path).is_err()
        })
}

/// The name of the database whose file this is, if it is one.
fn database_of(name: &CStr) -> Option<&[u8]> {
    let name = name.to_bytes();
    [&b"-wal"[..], b"-shm", b"-journal"]
        .into_iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .filter(|database| !database.is_empty())
}

fn as_path(name: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(name))
}

fn metadata(fd: c_int) -> Option<Metadata> {
    // SAFETY: the descriptor is open, and not closed here.
    let file = ManuallyDrop::new(unsafe { File::from_raw_fd(fd) });
    file.metadata().ok()
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;
    use std::fs;
    use std::os::unix::fs::{chown, symlink};

    use super::*;
    use crate::database::coexistence::{install, pool};

    fn opened(path: &Path, flags: c_int) -> Result<c_int, i32> {
        assert!(install::installed());
        let name = CString::new(path.as_os_str().as_bytes()).unwrap();
        let fd = if pool::is_shared_kind(name.to_bytes(), flags) {
            pool::open(&name, flags | libc::O_CLOEXEC, 0o600)
        } else {
            open(&name, flags | libc::O_CLOEXEC, 0o600)
        };
        if fd < 0 { Err(os::errno()) } else { Ok(fd) }
    }

    #[test]
    fn promise_15_an_empty_file_of_another_user_is_not_opened_for_writing() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("f.db");
        fs::write(&database, "").unwrap();
        chown(&database, Some(54_321), None).unwrap();
        let outcome = opened(&database, libc::O_RDWR | libc::O_CREAT);
        assert_eq!(outcome, Err(IS_PLANTED));
        pool::give_back(opened(&database, libc::O_RDONLY).unwrap());
        // One with content is told before.
        fs::write(&database, "content").unwrap();
        pool::give_back(opened(&database, libc::O_RDWR).unwrap());
        // As is one in a folder of its owner.
        fs::write(&database, "").unwrap();
        chown(folder.path(), Some(54_321), None).unwrap();
        pool::give_back(opened(&database, libc::O_RDWR).unwrap());
    }

    #[test]
    fn what_is_not_sqlites_own_file_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let (database, other) = (folder.path().join("f.db"), folder.path().join("other"));
        fs::write(&database, "content").unwrap();
        fs::write(&other, "mine").unwrap();
        for suffix in ["-wal", "-journal", "-shm"] {
            let beside = folder.path().join(format!("f.db{suffix}"));
            let put: [&dyn Fn(); 4] = [
                &|| symlink(&other, &beside).unwrap(),
                &|| fs::hard_link(&other, &beside).unwrap(),
                &|| {
                    let made = std::process::Command::new("mkfifo").arg(&beside).status();
                    assert!(made.unwrap().success());
                },
                &|| {
                    fs::write(&beside, "").unwrap();
                    if rustix::process::geteuid().is_root() {
                        chown(&beside, Some(54_321), None).unwrap();
                    } else {
                        fs::remove_file(&beside).unwrap();
                        symlink(&other, &beside).unwrap();
                    }
                },
            ];
            for (number, put) in put.iter().enumerate() {
                put();
                for flags in [libc::O_RDONLY, libc::O_RDWR | libc::O_CREAT] {
                    let outcome = opened(&beside, flags);
                    assert_eq!(outcome, Err(IS_PLANTED), "{suffix}, {number}");
                }
                fs::remove_file(&beside).unwrap();
            }
            let fd = opened(&beside, libc::O_RDWR | libc::O_CREAT).unwrap();
            if suffix == "-shm" {
                pool::give_back(fd);
            } else {
                os::real_close(fd);
            }
        }
        assert_eq!(fs::read_to_string(other).unwrap(), "mine");
    }
}
