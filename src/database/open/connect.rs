//! Connections to a file, before its content is looked at.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::database::explain::explain;
use crate::database::handle::Handle;
use crate::database::oversize::LONGEST;
use crate::database::raw::OpenFailure;
use crate::database::transaction::SLICE;
use crate::database::{OpenOptions, coexistence, raw};
use crate::{Error, Result};

pub(super) fn connect(path: &Path, options: &OpenOptions, create: bool) -> Result<Handle> {
    let access = if options.read_only {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    } else if create {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
    } else {
        OpenFlags::SQLITE_OPEN_READ_WRITE
    };
    connect_with(path, path, access).map_err(|error| match path.symlink_metadata() {
        // Deleted since the check.
        Err(missing) if !create && missing.kind() == ErrorKind::NotFound => {
            Error::file("open", path, missing)
        }
        _ => error,
    })
}

/// Reads the file as it is, without locks and without journals.
pub(super) fn connect_unchanging(path: &Path) -> Result<Handle> {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                uri.push(char::from(*byte));
            }
            other => {
                // Writing to a string cannot fail.
                _ = write!(uri, "%{other:02x}");
            }
        }
    }
    uri.push_str("?immutable=1");
    connect_with(
        path,
        Path::new(&uri),
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
    )
}

fn connect_with(path: &Path, name: &Path, access: OpenFlags) -> Result<Handle> {
    coexistence::before_open(path)?;
    let conn = open_unleased(name, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|failure| explain(path, failure.error, failure.cause))?;
    let ticket = coexistence::after_open(path)?;
    Ok(Handle::new(conn, ticket))
}

/// How long to wait for a program that holds a lease on the file, in attempts. A file server gives it up at once.
const LEASE_ATTEMPTS: u32 = 50;

fn open_unleased(name: &Path, flags: OpenFlags) -> std::result::Result<Connection, OpenFailure> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match raw::open(name, flags) {
            Err(failure) if failure.is_of_lease() && attempts < LEASE_ATTEMPTS => {
                std::thread::sleep(Duration::from_millis(20));
            }
            outcome => return outcome,
        }
    }
}

/// Settings of every connection.
pub(super) fn configure(conn: &Connection) -> Result<()> {
    // While opening, it waits in slices.
    conn.busy_timeout(SLICE)?;
    conn.set_prepared_statement_cache_capacity(48);
    // The TypeScript stack relies on both; SQLite's default is off.
    conn.pragma_update(None, "foreign_keys", true)?;
    distrust(conn)?;
    // Batches are staged in TEMP tables: in memory, so that they need no file.
    conn.pragma_update(None, "temp_store", "memory")?;
    Ok(())
}

/// The file may be anybody's: functions with side effects are not called from its schema, nothing but FTS5 writes
/// to the tables of an index, and a damaged page is found when it is read. The triggers of the field use FTS5 and
/// harmless functions only.
fn distrust(conn: &Connection) -> Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    conn.pragma_update(None, "cell_size_check", true)?;
    raw::limit_length(conn, LONGEST);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Database;

    #[test]
    fn no_connection_trusts_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("skills.db");
        let own = Database::open(&path).unwrap();
        let others = [
            Database::open_in_memory().unwrap(),
            OpenOptions::new().read_only(true).open(&path).unwrap(),
        ];
        for database in others.iter().chain([&own]) {
            let settings = database.read(|conn| {
                let checks: bool =
                    conn.pragma_query_value(None, "cell_size_check", |row| row.get(0))?;
                let defensive = conn.db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE)?;
                let trusts = conn.db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA)?;
                Ok((checks, defensive, trusts))
            });
            assert_eq!(settings.unwrap(), (true, true, false));
        }
    }
}
