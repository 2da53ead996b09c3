//! Gives a database a rollback journal before a run, where other machines may use its file system.

use super::{Database, file_system};
use crate::{Error, Result};

impl Database {
    /// Changes a write-ahead log, which machines cannot share, to a rollback journal. SQLite allows that only
    /// where no other connection has the file open. Returns why the log is still there, if it is.
    pub(crate) fn give_up_log(&self) -> Option<String> {
        let path = self.path().filter(|_| !self.is_read_only())?;
        let kind = file_system::shared(path)?;
        let why = match self.change_journal() {
            Ok(()) => return None,
            Err(Error::DatabaseBusy) => {
                "another program, or another connection of this one, has the file open. End it, and sync again"
                    .into()
            }
            Err(error) => error.to_string(),
        };
        Some(format!(
            "{} has a write-ahead log, which damages a database that several machines use ({kind}), and it could not be changed to a rollback journal: {why}",
            path.display()
        ))
    }

    fn change_journal(&self) -> Result<()> {
        self.read(|conn| {
            let mode: String = conn.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
            if mode == "wal" {
                conn.pragma_update(None, "journal_mode", "delete")?;
                // SQLite's default, which is the safe one without a log.
                conn.pragma_update(None, "synchronous", "full")?;
            }
            Ok(())
        })
    }
}
