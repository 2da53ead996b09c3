//! Whether the file at the path is still the one that is open.
//!
//! Other programs replace a database with a new file: a SQLite in WebAssembly that saves its copy, a restore,
//! a synchronised folder. Later writes to the old file are lost. Because journals are found by name, a `-wal`
//! with our commits would also be applied to the new file and damage it.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::raw;
use crate::{Error, Result};

/// How long to wait for another checkpoint; a thread of a run makes one after each batch.
const OTHERS_CHECKPOINT: Duration = Duration::from_millis(500);

/// Fails with [`Error::DatabaseReplaced`] if `path` no longer names the file that `conn` has open.
pub(crate) fn check_in_place(conn: &Connection, path: &Path) -> Result<()> {
    if raw::has_moved(conn) || leads_elsewhere(conn, path) {
        Err(Error::DatabaseReplaced(path.to_owned()))
    } else {
        Ok(())
    }
}

/// The same for the name that SQLite itself knows, which is never a symbolic link.
pub(super) fn check_own_name(conn: &Connection) -> Result<()> {
    if raw::has_moved(conn) {
        Err(Error::DatabaseReplaced(
            conn.path().unwrap_or_default().into(),
        ))
    } else {
        Ok(())
    }
}

/// Whether `path` is a symbolic link that now leads to another file.
#[cfg(unix)]
fn leads_elsewhere(conn: &Connection, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path: &Path| {
        std::fs::metadata(path)
            .ok()
            .map(|found| (found.dev(), found.ino()))
    };
    conn.path().is_some_and(|own| {
        let own = Path::new(own);
        own != path && !own.as_os_str().is_empty() && identity(own) != identity(path)
    })
}

#[cfg(not(unix))]
fn leads_elsewhere(_: &Connection, _: &Path) -> bool {
    false
}

/// Records that all commits so far went to the file that the connection has open, which is at its path.
/// Called inside each write transaction, after that check.
pub(super) fn note_version(conn: &Connection) -> Result<()> {
    raw::set_mark(conn, raw::Mark::Data, data_version(conn)?);
    Ok(())
}

/// The same after a call that has read.
pub(super) fn note_version_read(conn: &Connection, path: &Path) {
    if let Ok(version) = data_version(conn)
        && check_in_place(conn, path).is_ok()
    {
        raw::set_mark(conn, raw::Mark::Data, version);
    }
}

/// Changes whenever another connection commits.
fn data_version(conn: &Connection) -> Result<i64> {
    Ok(conn
        .prepare_cached("PRAGMA data_version")?
        .query_row([], |row| row.get(0))?)
}

/// Empties the `-wal`, which would otherwise be applied to the new file. Its content goes into the old file,
/// which may still exist under another name.
///
/// Does nothing if another connection has committed since the old file was last seen at its path: that commit
/// may belong to the new file. Best effort: it may already be too late.
pub(super) fn empty_journal(conn: &Connection) {
    let is_of_old_file = || {
        raw::mark(conn, raw::Mark::Data).is_some_and(|known| data_version(conn).ok() == Some(known))
    };
    let is_busy = || {
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
            row.get::<_, bool>(0)
        })
    };
    let end = Instant::now() + OTHERS_CHECKPOINT;
    // SQLite does not wait for another checkpoint.
    while is_of_old_file() && matches!(is_busy(), Ok(true)) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Copies the `-wal` into the database, as far as possible without blocking others; after each batch.
///
/// Does nothing if the file was replaced or has no `-wal`. Best effort: the next writer meets any failure
/// again.
pub(crate) fn checkpoint_passive(conn: &Connection) {
    if !raw::has_moved(conn) {
        _ = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    }
}

/// The same for the end of a run. Also empties the `-wal` if no other connection reads or writes now:
/// otherwise a new file at the path would get its content.
pub(crate) fn checkpoint_at_end(conn: &Connection) {
    checkpoint_passive(conn);
    if !raw::has_moved(conn) && conn.busy_timeout(Duration::ZERO).is_ok() {
        _ = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }
}
