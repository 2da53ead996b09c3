//! Finds the database, and opens it with the access that a command needs.

use std::path::{Path, PathBuf};

use super::args::Global;
use super::console::Console;
use crate::database::{OpenOptions, holds_nothing};
use crate::environment::Environment;
use crate::{Database, Error, Result};

/// `--db`, `SKILLSMITH_DB_PATH`, or the one at home. No shell replaces the `~` of `--db=~/skills.db`.
pub(super) fn path(global: &Global, environment: &Environment) -> Result<PathBuf> {
    match &global.database {
        Some(path) => environment.path_of_setting("--db", path),
        None => environment.database_path(),
    }
}

/// Opens the database for a command that writes.
pub(super) fn for_writing(path: &Path, console: &Console<'_>) -> Result<Database> {
    if path == Path::new(":memory:") {
        return Err(Error::InvalidArgument(
            "The database :memory: would be gone when the command ends. Give the path of a file."
                .into(),
        ));
    }
    options(console).open(path)
}

/// For a command that only reads: a missing file counts as empty and is not created, and a file
/// without write access is opened read-only.
pub(super) fn for_reading(path: &Path, console: &Console<'_>) -> Result<Database> {
    if is_missing(path) {
        return Database::open_in_memory();
    }
    let options = || options(console).cancel_calls(console.terminal.cancel.clone());
    options().open(path).or_else(|error| match error {
        Error::PermissionDenied { .. } | Error::ReadOnlyFileSystem(_) => options()
            .read_only(true)
            .open(path)
            .map_err(|second| match second {
                // More specific than the first error.
                Error::JournalOnReadOnlyFileSystem { .. }
                | Error::FolderNotWritable { .. }
                | Error::Cancelled => second,
                _ => error,
            }),
        error => Err(error),
    })
}

/// Options that let Ctrl-C cancel opening.
fn options(console: &Console<'_>) -> OpenOptions {
    OpenOptions::new().cancel(console.terminal.cancel.clone())
}

/// Whether the database does not exist yet but can be created.
pub(super) fn is_missing(path: &Path) -> bool {
    path != Path::new(":memory:") && holds_nothing(path)
}
