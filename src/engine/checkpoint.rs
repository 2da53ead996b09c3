//! Copies the write-ahead log into the database while a run writes.
//!
//! By default SQLite does it inside a commit, where it takes a fifth of the time of a first sync.
//! Here a thread with its own connection does it while the next batch is staged: a passive
//! checkpoint waits for nobody and blocks nobody. It also keeps the log short for a host, whose own
//! commits would otherwise have to copy what we have written.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use crate::database::{self, Database};
use crate::{Result, memory};

/// In pages: if the thread cannot keep up, the writer copies 64 MB itself.
const BACKSTOP: i64 = 16_000;

/// The checkpoint thread; ends when this is dropped.
pub(super) struct Checkpointer {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread for the writing connection `conn` of a run; does nothing for a database
    /// without a write-ahead log.
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
        // At most one request waits: a checkpoint copies everything there is.
        let (wake, requests) = sync_channel(1);
        let spawned = memory::spawn("skillsmith-checkpoint", move || work(&own, &requests));
        // Without the thread, SQLite keeps doing it by itself.
        if let Ok(thread) = spawned {
            conn.pragma_update(None, "wal_autocheckpoint", BACKSTOP)?;
            idle = Self {
                wake: Some(wake),
                thread: Some(thread),
            };
        }
        Ok(idle)
    }

    /// Requests a checkpoint after a batch was committed.
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
        database::checkpoint_passive(conn);
    }
    database::checkpoint_at_end(conn);
}
