//! Whether the file at the path is still the one that is open.
//!
//! Other programs put a new file in the place of a database: a SQLite in WebAssembly that saves its copy, a restore, a
//! synchronised folder. What is written into the old file afterwards is lost; and since journals are found by name, a
//! `-wal` with our commits would be taken for the new file's and damage it.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::raw;
use crate::{Error, Result};

/// How long to wait where somebody else copies from the `-wal`, which is what a thread of a run does after each batch.
const OTHERS_CHECKPOINT: Duration = Duration::from_millis(500);

/// Fails with [`Error::DatabaseReplaced`] where the file at `path` is another one than `conn` has open, or none.
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

/// Whether `path` is a symbolic link that leads to another file by now.
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

/// Notes that all that was committed so far was committed to the file that the connection has open, which is at its
/// path; inside each write transaction, where that was just asked.
pub(super) fn note_version(conn: &Connection) -> Result<()> {
    raw::set_mark(conn, data_version(conn)?);
    Ok(())
}

/// The same after a call that has read.
pub(super) fn note_version_read(conn: &Connection, path: &Path) {
    if let Ok(version) = data_version(conn)
        && check_in_place(conn, path).is_ok()
    {
        raw::set_mark(conn, version);
    }
}

/// Changes whenever somebody else commits.
fn data_version(conn: &Connection) -> Result<i64> {
    Ok(conn
        .prepare_cached("PRAGMA data_version")?
        .query_row([], |row| row.get(0))?)
}

/// Empties the `-wal` that whoever opens the new file would take for its own. What is in it goes into the old file,
/// which may live on under another name.
///
/// Not where somebody else has committed since the old file was last seen in its place: that may be to the new
/// one. Best effort: it may be too late already.
pub(super) fn empty_journal(conn: &Connection) {
    let is_of_old_file =
        || raw::mark(conn).is_some_and(|known| data_version(conn).ok() == Some(known));
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

/// Copies what is in the `-wal` into the database, as far as that makes nobody wait; after each batch.
///
/// Does nothing where the file was replaced, and in a database without a `-wal`. Best effort: whatever fails here,
/// the next writer meets.
pub(crate) fn checkpoint_passive(conn: &Connection) {
    if !raw::has_moved(conn) {
        _ = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    }
}

/// The same for the end of a run, and empties the `-wal` if nobody reads or writes just now: what was copied
/// is still in it, and whoever opened a new file beside it would find it there.
pub(crate) fn checkpoint_at_end(conn: &Connection) {
    checkpoint_passive(conn);
    if !raw::has_moved(conn) && conn.busy_timeout(Duration::ZERO).is_ok() {
        _ = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }
}
