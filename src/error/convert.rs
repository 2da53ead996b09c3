//! Errors of the file system, of SQLite and of the allocator.

use std::path::{Path, PathBuf};

use super::Error;

impl Error {
    /// Whether a file cannot grow: the disk, a quota or a limit to the size of files does not let it.
    pub(crate) fn lacks_room(&self) -> bool {
        match self {
            Self::DiskFull | Self::DiskQuotaUsed => true,
            Self::Io { source, .. } => source.kind() == std::io::ErrorKind::FileTooLarge,
            _ => false,
        }
    }

    /// Maps a failed file operation to its error.
    pub(crate) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
        source: std::io::Error,
    ) -> Self {
        use std::io::ErrorKind;
        let path = path.into();
        let source = match source.kind() {
            ErrorKind::PermissionDenied => return Self::PermissionDenied { action, path },
            ErrorKind::ReadOnlyFilesystem => return Self::ReadOnlyFileSystem(path),
            ErrorKind::StorageFull => return Self::DiskFull,
            ErrorKind::QuotaExceeded => return Self::DiskQuotaUsed,
            ErrorKind::OutOfMemory => return Self::OutOfMemory,
            _ if is_too_many_files(&source) => return Self::TooManyFiles { action, path },
            ErrorKind::FileTooLarge => std::io::Error::new(ErrorKind::FileTooLarge, too_large()),
            ErrorKind::InvalidFilename => std::io::Error::new(
                ErrorKind::InvalidFilename,
                "File name too long for its file system. Choose a shorter one; the files beside a database have names of up to 14 characters more",
            ),
            ErrorKind::NotADirectory => match in_place_of_a_folder(&path) {
                Some(found) => std::io::Error::new(
                    ErrorKind::NotADirectory,
                    format!(
                        "{} is not a folder. Move it away, or choose another path",
                        found.display()
                    ),
                ),
                None => source,
            },
            kind => match in_words(&source, action == "lock") {
                Some(words) => std::io::Error::new(kind, words),
                None => source,
            },
        };
        Self::Io {
            action,
            path,
            source,
        }
    }
}

/// The folder on the way to a path that is something else.
fn in_place_of_a_folder(path: &Path) -> Option<&Path> {
    let mut above = path.ancestors().skip(1);
    let found = above.find(|place| place.symlink_metadata().is_ok())?;
    (!found.is_dir()).then_some(found)
}

/// What is said where a file cannot be opened at once.
#[cfg(unix)]
pub(crate) const LEASED: &str = "another program holds a lease on it (`fcntl` with F_SETLEASE) and does not give it up. \
     End that program (`lslocks` names it), or try again in a minute, when the system has taken the lease away";

#[cfg(unix)]
const DAMAGED_FILE_SYSTEM: &str =
    "its file system is damaged. Unmount it, let `fsck` mend it, and try again";

/// What to do where the disk or the file system itself fails. `locks`: the call may have taken a lock.
#[cfg(unix)]
pub(crate) fn in_words(cause: &std::io::Error, locks: bool) -> Option<&'static str> {
    match cause.raw_os_error()? {
        libc::EIO => Some(
            "the disk reports an error. Check the system's log, and move the file to another disk",
        ),
        // SQLite takes ENOLCK for a lock of another program: the coexistence layer tells it ENOSYS.
        libc::ENOLCK | libc::ENOSYS | libc::EOPNOTSUPP if locks => {
            Some("the file system has no locks, which SQLite needs. Move the file to a local disk")
        }
        libc::ENOSYS => Some(
            "the system does not allow this system call, or does not have it. Allow it in the sandbox (such as a seccomp filter) of this process",
        ),
        // Opening a file is never waited for.
        libc::EWOULDBLOCK if !locks => Some(LEASED),
        libc::ESTALE => Some(
            "the file server no longer knows it (a stale handle). Look whether it is still there, and mount the file system again if not",
        ),
        libc::ENOTCONN => Some(
            "the program that serves its file system has ended. Mount the file system again, and try again",
        ),
        #[cfg(any(target_os = "linux", target_os = "android"))]
        libc::EUCLEAN => Some(DAMAGED_FILE_SYSTEM),
        libc::EBADMSG => Some(DAMAGED_FILE_SYSTEM),
        libc::EHOSTDOWN | libc::EHOSTUNREACH => Some(
            "the file server cannot be reached. Look at the network and the server, and try again",
        ),
        libc::ETIMEDOUT => Some(
            "the file server does not answer. Look at the network and the server, and try again",
        ),
        #[cfg(any(target_os = "linux", target_os = "android"))]
        libc::EREMOTEIO => Some(
            "the file server, or the program that serves its file system, reports an error. Look at its log, and try again",
        ),
        libc::ENXIO => Some(
            "the device that it is on is not there. Mount the file system again, and try again",
        ),
        libc::ELOOP => Some(
            "there are too many symbolic links on the way to it, perhaps one that leads to itself. Look at them with `ls -l`",
        ),
        _ => None,
    }
}

#[cfg(not(unix))]
pub(crate) const fn in_words(_: &std::io::Error, _: bool) -> Option<&'static str> {
    None
}

/// What is said of a file that may not grow. `ulimit -f` is asked, because a file system may have a limit too, such as the
/// 4 GB of FAT.
fn too_large() -> &'static str {
    #[cfg(unix)]
    if rustix::process::getrlimit(rustix::process::Resource::Fsize)
        .current
        .is_some()
    {
        return "it would exceed the largest size that this process may write. Raise the limit (`ulimit -f`), and try again";
    }
    "it would exceed the largest size of a file on its file system. Move it to another one"
}

fn is_too_many_files(error: &std::io::Error) -> bool {
    #[cfg(unix)]
    let codes = [libc::EMFILE, libc::ENFILE];
    // ERROR_TOO_MANY_OPEN_FILES
    #[cfg(not(unix))]
    let codes = [4];
    error
        .raw_os_error()
        .is_some_and(|code| codes.contains(&code))
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Sqlite;
        let extended = error.sqlite_error().map(|error| error.extended_code);
        match error.sqlite_error_code() {
            // The path is known to the connection only.
            _ if extended == Some(rusqlite::ffi::SQLITE_READONLY_DBMOVED) => Self::Database(error),
            Some(Sqlite::DatabaseBusy | Sqlite::DatabaseLocked) => Self::DatabaseBusy,
            // Only `database::interruptible` interrupts.
            Some(Sqlite::OperationInterrupted) => Self::Cancelled,
            Some(Sqlite::DiskFull) => Self::DiskFull,
            Some(Sqlite::ReadOnly) => Self::ReadOnly,
            Some(Sqlite::OutOfMemory) => Self::OutOfMemory,
            _ if extended == Some(rusqlite::ffi::SQLITE_IOERR_NOMEM) => Self::OutOfMemory,
            _ => Self::Database(error),
        }
    }
}

impl From<std::collections::TryReserveError> for Error {
    fn from(_: std::collections::TryReserveError) -> Self {
        Self::OutOfMemory
    }
}
