//! Says what an error of SQLite means for a file, by the system error behind it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, ffi};

use super::file_system::{self, beside};
use super::raw;
#[cfg(unix)]
use super::{coexistence, own_journals};
use crate::Error;
use crate::error::in_words;

pub(super) fn name(conn: &Connection, path: &Path, error: Error) -> Error {
    match error {
        Error::Database(error) => explain_on(conn, path, error),
        Error::ReadOnly if !is_read_only(conn) => not_writable(path, "write"),
        Error::ReadOnly => without_index(conn, path).unwrap_or(Error::ReadOnly),
        error => error,
    }
}

/// Whether the connection is. If not, SQLite means the -shm, which it could not create.
fn is_read_only(conn: &Connection) -> bool {
    conn.is_readonly(rusqlite::MAIN_DB).unwrap_or(true)
}

pub(super) fn explain_on(conn: &Connection, path: &Path, error: rusqlite::Error) -> Error {
    // SQLite has a code for the folder, or says that it cannot open a file.
    let may_be_of_folder = matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
    );
    may_be_of_folder
        .then(|| without_index(conn, path))
        .flatten()
        .unwrap_or_else(|| {
            let cause = if is_of_content(&error) {
                unreadable(conn)
            } else {
                raw::last_io_error(conn)
            };
            explain(path, error, cause)
        })
}

/// The error for a file that is open for reading and cannot be read, if that is because SQLite cannot create the -shm of
/// its log in the folder. To read the file as if nobody changed it is not safe: others who may write to the folder may
/// have it open, or open it meanwhile.
fn without_index(conn: &Connection, path: &Path) -> Option<Error> {
    // SQLite has it beside the file itself, not beside a link to it.
    let real = path.canonicalize().ok()?;
    let folder = real.parent()?;
    let lacks_files = ["-shm", "-journal"].map(|suffix| !beside(&real, suffix).exists());
    let is_of_folder = is_read_only(conn)
        && lacks_files == [true; 2]
        && !is_writable(folder)
        && !is_mounted_read_only(folder);
    is_of_folder.then(|| Error::FolderNotWritable {
        path: path.to_owned(),
        folder: folder.to_owned(),
    })
}

/// Maps a disk failure by the system error of the connection, if SQLite has no code for it.
pub(crate) fn with_cause(conn: &Connection, error: Error) -> Error {
    match error {
        Error::Database(error) => {
            let path = Path::new(conn.path().unwrap_or_default());
            if is_replaced(&error) {
                return Error::DatabaseReplaced(path.to_owned());
            }
            if is_of_content(&error)
                && let Some(cause) = unreadable(conn)
            {
                return Error::file("read", path, cause);
            }
            of_the_disk(path, &error, raw::last_io_error(conn))
                .unwrap_or_else(|| Error::Database(error))
        }
        Error::ReadOnly if !is_read_only(conn) => {
            not_writable(Path::new(conn.path().unwrap_or_default()), "write")
        }
        error => error,
    }
}

/// Maps an SQLite error for the file at `path`; `cause` is the last system error, if known.
pub(super) fn explain(path: &Path, error: rusqlite::Error, cause: Option<std::io::Error>) -> Error {
    if is_replaced(&error) {
        return Error::DatabaseReplaced(path.to_owned());
    }
    #[cfg(unix)]
    if let Some(found) = &cause
        && found.raw_os_error() == Some(coexistence::IN_USE_BY_ANOTHER_FILE)
        && error.sqlite_error_code() == Some(ErrorCode::CannotOpen)
    {
        return Error::DatabaseReplaced(path.to_owned());
    }
    let cause = match cause {
        Some(cause) if is_of_content(&error) && is_unreadable(&cause) => {
            return Error::file("read", path, cause);
        }
        cause => cause,
    };
    if let Some(told) = of_the_disk(path, &error, cause) {
        return told;
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => Error::NotADatabase(path.to_owned()),
        Some(ErrorCode::DatabaseCorrupt) => damaged(path, error.to_string()),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => cannot_open(path, error),
        Some(ErrorCode::ReadOnly) => not_writable(path, "write"),
        _ => error.into(),
    }
}

/// The same for what a check of the connection has found.
pub(super) fn damaged_on(conn: &Connection, path: &Path, detail: String) -> Error {
    match unreadable(conn) {
        Some(cause) => Error::file("read", path, cause),
        None => damaged(path, detail),
    }
}

/// Whether the file is damaged, as far as SQLite knows. What cannot be read looks so to it.
fn is_of_content(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// Why the files of the connection cannot be read, if they cannot.
fn unreadable(conn: &Connection) -> Option<std::io::Error> {
    raw::read_errors(conn)
        .chain(raw::last_io_error(conn))
        .find(is_unreadable)
}

/// Whether the disk, or what serves the file, has failed.
fn is_unreadable(cause: &std::io::Error) -> bool {
    #[cfg(unix)]
    return matches!(
        cause.raw_os_error(),
        Some(libc::EIO | libc::ENXIO | libc::ESTALE | libc::ETIMEDOUT | libc::ENOTCONN)
    );
    #[cfg(not(unix))]
    {
        _ = cause;
        false
    }
}

/// The file is damaged, or looks so while another machine writes to it.
pub(super) fn damaged(path: &Path, detail: String) -> Error {
    let path = path.to_owned();
    match file_system::shared(&path) {
        Some(file_system) => Error::DatabaseDamagedWhileShared {
            path,
            detail,
            file_system,
        },
        None => Error::DatabaseDamaged { path, detail },
    }
}

fn is_replaced(error: &rusqlite::Error) -> bool {
    error
        .sqlite_error()
        .is_some_and(|error| error.extended_code == ffi::SQLITE_READONLY_DBMOVED)
}

/// Maps an SQLite error by the underlying system error; `None` if that adds nothing.
fn of_the_disk(
    path: &Path,
    error: &rusqlite::Error,
    cause: Option<std::io::Error>,
) -> Option<Error> {
    let (action, cause) = match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen) => ("open", cause?),
        Some(ErrorCode::SystemIoFailure) => ("use", cause?),
        _ => return None,
    };
    #[cfg(unix)]
    let is_of_the_system = matches!(
        cause.raw_os_error(),
        Some(libc::ENOMEM | libc::EOVERFLOW | libc::EILSEQ | libc::EOPNOTSUPP)
    );
    #[cfg(not(unix))]
    let is_of_the_system = false;
    #[cfg(unix)]
    if action == "open" && cause.raw_os_error() == Some(coexistence::IS_PLANTED) {
        return Some(own_journals::refused(path));
    }
    match cause.kind() {
        ErrorKind::StorageFull if action == "open" && holds_no_more_files(path) => {
            Some(Error::NoMoreFiles(path.to_owned()))
        }
        ErrorKind::StorageFull
        | ErrorKind::QuotaExceeded
        | ErrorKind::FileTooLarge
        | ErrorKind::ReadOnlyFilesystem
        | ErrorKind::InvalidFilename
        | ErrorKind::NotADirectory => Some(Error::file(action, path, cause)),
        // What FAT, SMB and others say of a name that they do not take.
        ErrorKind::InvalidInput if action == "open" => Some(Error::file(
            action,
            path,
            std::io::Error::other("its file system does not take this name"),
        )),
        _ => match (
            in_words(&cause, is_of_lock(error)),
            Error::file(action, path, cause),
        ) {
            (_, told @ Error::TooManyFiles { .. }) => Some(told),
            (Some(words), _) => Some(Error::Io {
                action,
                path: path.to_owned(),
                source: std::io::Error::other(words),
            }),
            // "disk I/O error" says less than what the system does. Without the memory of a log, there is another way.
            (None, told) if action == "use" && !file_system::is_of_log(error) => Some(told),
            // Nor is it a lack of permission, which is assumed otherwise.
            (None, told) if is_of_the_system => Some(told),
            _ => None,
        },
    }
}

/// Whether it was a lock that could not be taken, given up or looked at.
fn is_of_lock(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| {
        matches!(
            error.extended_code,
            ffi::SQLITE_IOERR_LOCK
                | ffi::SQLITE_IOERR_UNLOCK
                | ffi::SQLITE_IOERR_RDLOCK
                | ffi::SQLITE_IOERR_CHECKRESERVEDLOCK
                | ffi::SQLITE_IOERR_SHMLOCK
        )
    })
}

/// Maps a failure to create a file beside the database.
pub(super) fn not_created(action: &'static str, path: &Path, cause: std::io::Error) -> Error {
    match (cause.kind(), path.parent()) {
        (ErrorKind::StorageFull, _) if holds_no_more_files(path) => {
            Error::NoMoreFiles(path.to_owned())
        }
        (ErrorKind::PermissionDenied, Some(folder)) if folder.exists() && !is_writable(folder) => {
            Error::PermissionDenied {
                action: "create files in",
                path: folder.to_owned(),
            }
        }
        _ => Error::file(action, path, cause),
    }
}

/// The same for the folder of the database.
pub(super) fn folder_not_created(folder: &Path, cause: std::io::Error) -> Error {
    if cause.kind() == ErrorKind::StorageFull && holds_no_more_files(folder) {
        Error::NoMoreFiles(folder.to_owned())
    } else {
        Error::file("create the folder", folder, cause)
    }
}

/// Whether the file system of the path, or of the folder that is there, has space but no room for another file.
fn holds_no_more_files(path: &Path) -> bool {
    #[cfg(unix)]
    return path
        .ancestors()
        .find(|place| place.exists())
        .is_some_and(coexistence::holds_no_more_files);
    #[cfg(not(unix))]
    {
        _ = path;
        false
    }
}

/// SQLite opens a file for reading that it could not create or open for writing, which hides the first
/// system error. This finds it.
fn cannot_open(path: &Path, error: rusqlite::Error) -> Error {
    if std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) && !path.exists() {
        let missing = std::io::Error::new(
            ErrorKind::NotFound,
            "it is a link to a place that does not exist",
        );
        return Error::file("open", path, missing);
    }
    match std::fs::metadata(path) {
        // The file exists: access to it, or to its -wal and -shm, was denied.
        Ok(_) => not_writable(path, "open"),
        Err(found) if found.kind() == ErrorKind::NotFound => {
            match path.parent().map(std::fs::metadata) {
                Some(Ok(folder)) if folder.is_dir() => not_writable(path, "create"),
                Some(Err(cause)) => Error::file("open", path, cause),
                _ => Error::Database(error),
            }
        }
        Err(found) => Error::file("open", path, found),
    }
}

/// Permission denied, or a read-only file system.
pub(super) fn not_writable(path: &Path, action: &'static str) -> Error {
    if is_mounted_read_only(path) || path.parent().is_some_and(is_mounted_read_only) {
        Error::ReadOnlyFileSystem(path.to_owned())
    } else {
        let (action, path) = match path.parent() {
            // SQLite creates its journal beside the file.
            Some(folder) if is_writable(path) && !is_writable(folder) => {
                ("create files in", folder.to_owned())
            }
            _ => match unwritable_beside(path) {
                Some(journal) if is_writable(path) => ("write", journal),
                _ => (action, path.to_owned()),
            },
        };
        Error::PermissionDenied { action, path }
    }
}

/// A file of SQLite beside a database that this user may not write: another user, who may only read the database,
/// has looked at it, and so made the file.
pub(crate) fn unwritable_beside(path: &Path) -> Option<PathBuf> {
    ["-wal", "-shm", "-journal"]
        .iter()
        .map(|suffix| beside(path, suffix))
        .find(|journal| journal.exists() && !is_writable(journal))
}

/// True where the system does not tell.
fn is_writable(path: &Path) -> bool {
    #[cfg(unix)]
    return coexistence::is_writable(path);
    #[cfg(not(unix))]
    {
        _ = path;
        true
    }
}

fn is_mounted_read_only(path: &Path) -> bool {
    #[cfg(unix)]
    return coexistence::is_mounted_read_only(path);
    #[cfg(not(unix))]
    {
        _ = path;
        false
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::ErrorCode as Code;

    fn told(sqlite: i32, system: i32) -> Error {
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(sqlite), None);
        let cause = std::io::Error::from_raw_os_error(system);
        explain(Path::new("/no/such/skills.db"), error, Some(cause))
    }

    #[test]
    fn a_failure_of_the_disk_has_its_own_code_and_words() {
        for (sqlite, system, code, words) in [
            (
                ffi::SQLITE_IOERR_READ,
                libc::EIO,
                Code::Io,
                "the disk reports an error",
            ),
            (
                ffi::SQLITE_IOERR_LOCK,
                libc::ENOSYS,
                Code::Io,
                "has no locks",
            ),
            (
                ffi::SQLITE_IOERR_LOCK,
                libc::ENOLCK,
                Code::Io,
                "has no locks",
            ),
            (
                ffi::SQLITE_IOERR_READ,
                libc::ESTALE,
                Code::Io,
                "no longer knows it",
            ),
            (
                ffi::SQLITE_IOERR_READ,
                libc::ENOTCONN,
                Code::Io,
                "has ended. Mount",
            ),
            (
                ffi::SQLITE_IOERR_WRITE,
                libc::ENOSPC,
                Code::DiskFull,
                "disk is full",
            ),
            (
                ffi::SQLITE_IOERR_WRITE,
                libc::EDQUOT,
                Code::DiskFull,
                "disk quota is used up",
            ),
            // Nothing limits this process.
            (
                ffi::SQLITE_IOERR_WRITE,
                libc::EFBIG,
                Code::Io,
                "largest size of a file on its file system. Move it to another one.",
            ),
            (
                ffi::SQLITE_IOERR_FSYNC,
                libc::EINVAL,
                Code::Io,
                "Invalid argument",
            ),
            (
                ffi::SQLITE_IOERR_WRITE,
                libc::ETIMEDOUT,
                Code::Io,
                "file server does not answer",
            ),
            (
                ffi::SQLITE_IOERR_DELETE,
                libc::EBUSY,
                Code::Io,
                "/no/such/skills.db",
            ),
            (
                ffi::SQLITE_CANTOPEN,
                libc::EINVAL,
                Code::Io,
                "does not take this name",
            ),
            (
                ffi::SQLITE_CORRUPT,
                libc::EIO,
                Code::Io,
                "the disk reports an error",
            ),
            (
                ffi::SQLITE_NOTADB,
                libc::ESTALE,
                Code::Io,
                "no longer knows it",
            ),
            (
                ffi::SQLITE_CANTOPEN,
                libc::ENAMETOOLONG,
                Code::Io,
                "too long",
            ),
        ] {
            let error = told(sqlite, system);
            assert_eq!(error.code(), code, "{system}: {error}");
            assert!(error.to_string().contains(words), "{system}: {error}");
        }
    }

    #[test]
    fn a_failure_of_what_serves_the_file_has_words_that_do_not_speak_of_permission() {
        for (sqlite, system, code, words) in [
            (
                ffi::SQLITE_CANTOPEN,
                libc::ENXIO,
                Code::Io,
                "device that it is on is not there",
            ),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            (
                ffi::SQLITE_CANTOPEN,
                libc::EUCLEAN,
                Code::Io,
                "file system is damaged",
            ),
            (
                ffi::SQLITE_CANTOPEN,
                libc::EHOSTDOWN,
                Code::Io,
                "cannot be reached",
            ),
            (ffi::SQLITE_CANTOPEN, libc::EOVERFLOW, Code::Io, "too large"),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            (
                ffi::SQLITE_CANTOPEN,
                libc::EREMOTEIO,
                Code::Io,
                "reports an error. Look at its log",
            ),
        ] {
            let error = told(sqlite, system);
            assert_eq!(error.code(), code, "{system}: {error}");
            assert!(error.to_string().contains(words), "{system}: {error}");
        }
    }

    #[test]
    fn only_a_lock_that_fails_is_said_to_be_missing() {
        for sqlite in [
            ffi::SQLITE_IOERR_READ,
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_IOERR_TRUNCATE,
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_DELETE,
            ffi::SQLITE_CANTOPEN,
        ] {
            let error = told(sqlite, libc::ENOSYS);
            assert_eq!(error.code(), Code::Io, "{error}");
            let text = error.to_string();
            assert!(text.contains("does not allow this system call"), "{text}");
        }
        let error = told(ffi::SQLITE_IOERR_FSYNC, libc::EOPNOTSUPP);
        assert!(error.to_string().contains("not supported"), "{error}");
        for sqlite in [
            ffi::SQLITE_IOERR_LOCK,
            ffi::SQLITE_IOERR_UNLOCK,
            ffi::SQLITE_IOERR_RDLOCK,
        ] {
            let text = told(sqlite, libc::ENOSYS).to_string();
            assert!(text.contains("has no locks"), "{text}");
        }
    }
}
