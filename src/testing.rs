//! Doors for this project's own tests (feature `test-hooks`); not part of any published library.

use std::path::Path;
use std::time::Duration;

use crate::Result;
use crate::database::{Handle, OpenOptions, coexistence};

/// A bare connection, made exactly as every connection of the library is made.
#[derive(Debug)]
pub struct RawConnection(Handle);

impl RawConnection {
    /// Opens a database as [`Database::open`](crate::Database::open) does.
    pub fn open(path: impl AsRef<Path>, busy_ms: u32) -> Result<Self> {
        let busy = Duration::from_millis(busy_ms.into());
        let database = OpenOptions::new().busy_budget(busy).open(path)?;
        let conn = database.connect()?;
        conn.busy_timeout(busy)?;
        Ok(Self(conn))
    }

    /// Runs statements.
    pub fn exec(&self, sql: &str) -> Result<()> {
        self.0.check()?;
        Ok(self.0.execute_batch(sql)?)
    }

    /// The first column of the first row.
    pub fn int(&self, sql: &str) -> Result<i64> {
        self.0.check()?;
        Ok(self.0.query_row(sql, [], |row| row.get(0))?)
    }
}

/// Whether the system calls of our SQLite are replaced.
pub fn coexistence_is_installed() -> bool {
    coexistence::is_installed()
}

/// Descriptors of databases and -shm files that are kept, used or not.
pub fn descriptors() -> usize {
    coexistence::descriptors()
}
