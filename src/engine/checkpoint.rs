//! Copying the write-ahead log into the database, beside the writing.
//!
//! SQLite does it inside a commit, where it is a fifth of the time of a first
//! sync. A thread with a connection of its own does it while the next batch is
//! staged: a passive checkpoint waits for nobody, and nobody waits for it. It
//! also keeps the log short for a host, whose own commits would otherwise have to
//! copy what we have written.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use crate::database::{Database, checkpoint_at_end, checkpoint_passive};
use crate::{Result, memory};

/// In pages: where the thread cannot keep up, the writer copies 64 MB itself.
const BACKSTOP: i64 = 16_000;

/// The thread; ends when dropped.
pub(super) struct Checkpointer {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// For the writing connection `conn` of a run; does nothing for a file without such a log.
    pub(super) fn start(database: &Database, conn: &Connection) -> Result<Self> {
        let mut idle = Self {
            wake: None,
            thread: None,
        };
        let mode: String = conn.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        if mode != "wal" || database.path().is_none() {
            return Ok(idle);
        }
        let own = database.connect_again()?;
        // One request waits at most: a checkpoint takes everything there is.
        let (wake, requests) = sync_channel(1);
        let spawned = memory::spawn("skillsmith-checkpoint", move || work(&own, &requests));
        // Without a thread SQLite goes on doing it by itself.
        if let Ok(thread) = spawned {
            conn.pragma_update(None, "wal_autocheckpoint", BACKSTOP)?;
            idle = Self {
                wake: Some(wake),
                thread: Some(thread),
            };
        }
        Ok(idle)
    }

    /// A batch was committed.
    pub(super) fn committed(&self) {
        if let Some(wake) = &self.wake {
            _ = wake.try_send(());
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.wake.take();
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

fn work(conn: &Connection, requests: &Receiver<()>) {
    while requests.recv().is_ok() {
        checkpoint_passive(conn);
    }
    checkpoint_at_end(conn);
}
