//! Gives a database with a write-ahead log a rollback journal, on a file system that cannot have the log.

use std::path::Path;

use super::{Opening, connect};
use crate::database::explain::explain_on;
use crate::{Error, Result};

/// Changes the journal of the file. The log is applied first.
pub(super) fn change_to(path: &Path, opening: Opening<'_>) -> Result<()> {
    if opening.options.read_only {
        return Err(cannot(
            path,
            "its write-ahead log needs memory that processes share, which this file system lacks. \
             Open it for writing once: it then gets a rollback journal",
        ));
    }
    let change = || change_on_own_connection(path, opening);
    let outcome = opening.retry_while_busy(opening.options.busy_budget, change);
    outcome.map_err(|error| match error {
        Error::DatabaseBusy => cannot(
            path,
            "its write-ahead log needs memory that processes share, which this file system lacks, and the log \
             cannot be given up while another program has the file open. End that program, and try again",
        ),
        error => error,
    })
}

fn change_on_own_connection(path: &Path, opening: Opening<'_>) -> Result<()> {
    let conn = connect::connect(path, opening.options, false)?;
    connect::configure(&conn)?;
    let set = |name, value| {
        conn.pragma_update(None, name, value)
            .map_err(|error| explain_on(&conn, path, error))
    };
    // Alone, a connection keeps in its own memory what others would share. It must be set before the first
    // read, and ends with the connection.
    set("locking_mode", "exclusive")?;
    set("journal_mode", "delete")
}

fn cannot(path: &Path, words: &str) -> Error {
    Error::Io {
        action: "use",
        path: path.to_owned(),
        source: std::io::Error::other(words),
    }
}
