//! What the file system of a database can do.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ffi};

#[cfg(unix)]
use super::coexistence;
use super::raw;
use crate::Error;

/// A file that is kept beside the database, the same through every symbolic link.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path
        .canonicalize()
        .unwrap_or_else(|_| path.to_owned())
        .into_os_string();
    name.push(suffix);
    name.into()
}

/// Whether a write-ahead log can be used for the database at `path`: it needs memory that processes share
/// through a file, which virtiofs, 9p, the Windows drives of WSL and file systems with direct I/O lack.
pub(super) fn can_have_log(path: &Path) -> bool {
    #[cfg(unix)]
    {
        let probe = beside(path, &format!("-probe-{:x}", fastrand::u64(..)));
        coexistence::maps_shared_memory(&probe)
    }
    #[cfg(not(unix))]
    {
        _ = path;
        true
    }
}

/// Whether the connection failed because a database with a write-ahead log is on a file system that cannot
/// have one.
pub(super) fn has_log_in_vain(conn: &Connection, error: &Error) -> bool {
    let Error::Database(error) = error else {
        return false;
    };
    let code = error.sqlite_error().map(|error| error.extended_code);
    let is_of_memory = matches!(
        code,
        Some(ffi::SQLITE_IOERR_SHMMAP | ffi::SQLITE_IOERR_SHMOPEN | ffi::SQLITE_IOERR_SHMSIZE)
    );
    is_of_memory && is_refused(conn)
}

#[cfg(unix)]
fn is_refused(conn: &Connection) -> bool {
    let cause = raw::last_io_error(conn).and_then(|cause| cause.raw_os_error());
    cause.is_some_and(coexistence::refuses_mapping)
}

#[cfg(not(unix))]
fn is_refused(_: &Connection) -> bool {
    false
}
