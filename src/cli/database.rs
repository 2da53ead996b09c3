//! Which database, and opening it no wider than a command needs.

use std::path::{Path, PathBuf};

use super::args::Global;
use super::console::Console;
use crate::database::{OpenOptions, holds_nothing};
use crate::environment::Environment;
use crate::{Database, Error, Result};

/// `--db`, `SKILLSMITH_DB_PATH`, or the one at home.
pub(super) fn path(global: &Global, environment: &Environment) -> Result<PathBuf> {
    global
        .database
        .clone()
        .or_else(|| environment.database_path())
        .ok_or_else(|| {
            Error::InvalidArgument(
                "There is no home folder to keep the database in. Name the file with --db <PATH> or SKILLSMITH_DB_PATH."
                    .into(),
            )
        })
}

/// For a command that writes.
pub(super) fn for_writing(path: &Path, console: &Console<'_>) -> Result<Database> {
    options(console).open(path)
}

/// For a command that only looks: what is missing is not created but taken as empty,
/// and what may not be written is opened for reading.
pub(super) fn for_reading(path: &Path, console: &Console<'_>) -> Result<Database> {
    if is_missing(path) {
        return Database::open_in_memory();
    }
    options(console).open(path).or_else(|error| match error {
        Error::PermissionDenied { .. } | Error::ReadOnlyFileSystem(_) => options(console)
            .read_only(true)
            .open(path)
            .map_err(|second| match second {
                // It says more than that nothing can be written there.
                Error::JournalOnReadOnlyFileSystem { .. } | Error::Cancelled => second,
                _ => error,
            }),
        error => Err(error),
    })
}

/// Opening obeys Ctrl-C.
fn options(console: &Console<'_>) -> OpenOptions {
    OpenOptions::new().cancel(console.terminal.cancel.clone())
}

/// Whether there is no database yet, but can be one.
pub(super) fn is_missing(path: &Path) -> bool {
    path != Path::new(":memory:") && holds_nothing(path)
}
