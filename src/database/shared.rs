//! The connection that all clones of a database share, and its handling when the file is replaced.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard};

use super::handle::Handle;
use super::in_place;
use super::lock::LockTarget;
use super::options::OpenOptions;
use super::replaced::Holder;
use crate::unpoisoned::lock;

/// State that the clones of a database share.
pub(super) struct Inner {
    pub(super) location: Location,
    pub(super) lock: LockTarget,
    pub(super) options: OpenOptions,
    /// The file was created where others can read it, and no run has said so yet.
    pub(super) is_unprotected: AtomicBool,
    pub(super) conn: Mutex<Shared>,
    /// A forked child must not wait for the lock: its holder may not exist there.
    pub(super) pid: u32,
}

/// The connection that all clones share.
pub(super) enum Shared {
    Open(Handle),
    /// The file at the path was replaced; the next call opens the one that is there now.
    Replaced,
    /// Closed by the caller, permanently.
    Closed,
}

/// Where the database is.
pub(super) enum Location {
    File(PathBuf),
    /// The name under which connections of this process share it.
    Memory(String),
}

impl Inner {
    pub(super) fn shared(&self) -> MutexGuard<'_, Shared> {
        lock(&self.conn)
    }

    /// Whether the path names another file than the shared connection has open, or did at the last check.
    pub(super) fn is_replaced(&self) -> bool {
        match &self.location {
            Location::File(path) => self.shared().is_replaced(path),
            Location::Memory(_) => false,
        }
    }
}

impl Shared {
    fn is_replaced(&self, path: &Path) -> bool {
        match self {
            Self::Open(conn) => in_place::check_in_place(conn, path).is_err(),
            Self::Replaced => true,
            Self::Closed => false,
        }
    }

    pub(super) fn let_go(&mut self) {
        if let Self::Open(conn) = self {
            in_place::empty_journal(conn);
        }
        if !matches!(self, Self::Closed) {
            *self = Self::Replaced;
        }
    }
}

impl Holder for Inner {
    fn let_go_if_replaced(&self) {
        // A connection that is in use is checked at its next call.
        if self.pid == std::process::id()
            && let Ok(mut shared) = self.conn.try_lock()
            && let Location::File(path) = &self.location
            && shared.is_replaced(path)
        {
            shared.let_go();
        }
    }
}
