//! Which database, and opening it no wider than a command needs.

use std::path::{Path, PathBuf};

use super::args::Global;
use crate::database::OpenOptions;
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

/// For a command that only looks: what is missing is not created but taken as empty,
/// and what may not be written is opened for reading.
pub(super) fn for_reading(path: &Path) -> Result<Database> {
    if is_missing(path) {
        return Database::open_in_memory();
    }
    Database::open(path).or_else(|error| match error {
        Error::PermissionDenied { .. } => OpenOptions::new()
            .read_only(true)
            .open(path)
            .map_err(|_| error),
        error => Err(error),
    })
}

/// For a dry run, which works on a database that is not there yet as on an empty one.
pub(super) fn for_trying(path: &Path) -> Result<Database> {
    if is_missing(path) {
        return Database::open_in_memory();
    }
    Database::open(path)
}

/// Whether nothing is there; a file that cannot be looked at is something.
pub(super) fn is_missing(path: &Path) -> bool {
    path != Path::new(":memory:") && matches!(path.try_exists(), Ok(false))
}
