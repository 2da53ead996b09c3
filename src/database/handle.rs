//! A connection that knows its process.

use std::mem::ManuallyDrop;
use std::ops::Deref;

use rusqlite::Connection;

use super::coexistence::Ticket;
use super::{raw, replaced};
use crate::{Error, Result};

/// A connection of this process. A forked child can neither use nor close it, because SQLite
/// would then act on the parent's file.
#[derive(Debug)]
pub(crate) struct Handle {
    pid: u32,
    conn: ManuallyDrop<Connection>,
    /// Dropped after the connection.
    ticket: Option<Ticket>,
    /// What its user is to be told of the file that it created.
    pub(super) of_new: Vec<String>,
}

impl Handle {
    pub(super) fn new(conn: Connection, ticket: Option<Ticket>) -> Self {
        Self {
            pid: std::process::id(),
            conn: ManuallyDrop::new(conn),
            ticket,
            of_new: Vec::new(),
        }
    }

    /// Fails in a process that was forked from the handle's.
    pub(crate) fn check(&self) -> Result<()> {
        if self.pid == std::process::id() {
            Ok(())
        } else {
            Err(Error::OpenedBeforeFork)
        }
    }
}

impl Deref for Handle {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.conn
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut was_replaced = false;
        if self.check().is_ok() {
            was_replaced = raw::has_moved(&self.conn);
            #[expect(unsafe_code, reason = "the one place where the connection is dropped")]
            // SAFETY: nobody uses it after this.
            unsafe {
                ManuallyDrop::drop(&mut self.conn);
            }
        }
        drop(self.ticket.take());
        if was_replaced {
            // As long as any process has the old file open, its -shm is wrong for the new one.
            replaced::let_go();
        }
    }
}
