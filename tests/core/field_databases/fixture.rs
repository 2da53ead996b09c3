//! The fixtures: `tests/fixtures/*.sql`, each a whole file.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

/// A file made from a fixture, in a folder of its own.
pub(crate) struct Field {
    pub(crate) folder: TempDir,
    pub(crate) path: PathBuf,
}

impl Field {
    /// From `tests/fixtures/{name}.sql`.
    pub(crate) fn new(name: &str) -> Self {
        Self::with(name, "")
    }

    /// The same, with some statements more.
    pub(crate) fn with(name: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("skills.db");
        let conn = Connection::open(&path).unwrap();
        conn.execute_batch(&sql(name))
            .and_then(|()| conn.execute_batch(more))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        drop(conn);
        Self { folder, path }
    }
}

fn sql(name: &str) -> String {
    let path = folder().join(format!("{name}.sql"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of all fixtures.
pub(crate) fn all() -> Vec<String> {
    super::support::listing(&folder())
        .into_iter()
        .filter_map(|name| name.strip_suffix(".sql").map(str::to_owned))
        .collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}
