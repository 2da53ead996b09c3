//! SQLite's own files beside a database: what another user has put in their place is refused.

use std::fs::Metadata;
use std::io;
use std::path::Path;

use super::file_system::beside;
use crate::{Error, Result, own_file};

/// Fails with the first one that SQLite must not open. `found`: the database, if it is there.
pub(super) fn check(path: &Path, found: Option<&Metadata>) -> Result<()> {
    // SQLite has them beside the file itself, not beside a link to it.
    let real = path.canonicalize();
    let path = real.as_deref().unwrap_or(path);
    for suffix in ["-wal", "-shm", "-journal"] {
        let journal = beside(path, suffix);
        own_file::ensure_beside(&journal, found).map_err(|error| {
            let words = format!("{error}. Look who can write to its folder, and delete it if no program has the database open");
            Error::file("use", &journal, io::Error::new(error.kind(), words))
        })?;
    }
    Ok(())
}

/// What SQLite was kept from opening, since the library has looked.
#[cfg(unix)]
pub(super) fn refused(path: &Path) -> Error {
    let found = path.metadata().ok();
    check(path, found.as_ref()).err().unwrap_or_else(|| {
        let words = "another user put a file in the place of its journal for a moment. Look who can write to its folder";
        Error::file("use", path, io::Error::other(words))
    })
}
