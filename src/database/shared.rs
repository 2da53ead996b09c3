//! The connection that all clones of a database share, and its handling when the file is replaced.

use std::ops::Deref;
use std::path::{Path, PathBuf};
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
    /// What is to be told of a file that was created, and no run has said yet.
    pub(super) of_new: Mutex<Vec<String>>,
    pub(super) conn: Mutex<Shared>,
    /// A forked child must not wait for the lock: its holder may not exist there.
    pub(super) pid: u32,
}

/// The connection that all clones share.
pub(super) enum Shared {
    Open(Handle),
    /// The file at the path was replaced; the next call opens the one that is there now.
    Replaced,
    /// Not open between calls, as [`OpenOptions::rests`] wants it; the next call opens it. With which file it was.
    Resting(Option<Identity>),
    /// Closed by the caller, permanently.
    Closed,
}

/// Device and number of a file.
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Path) -> Option<Identity> {
    None
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
            Self::Resting(_) | Self::Closed => false,
        }
    }

    /// Whether the file at the path was open before, and so has been checked.
    pub(super) fn knows(&self, path: &Path) -> bool {
        matches!(self, Self::Resting(known @ Some(_)) if *known == identity(path))
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

/// The shared connection during one call.
pub(super) struct InUse<'i> {
    inner: &'i Inner,
    shared: MutexGuard<'i, Shared>,
}

impl<'i> InUse<'i> {
    pub(super) const fn new(inner: &'i Inner, shared: MutexGuard<'i, Shared>) -> Self {
        Self { inner, shared }
    }
}

impl Deref for InUse<'_> {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        let (Location::File(path), true) = (&self.inner.location, self.inner.options.rests) else {
            return;
        };
        if self.shared.is_replaced(path) {
            self.shared.let_go();
        } else if matches!(*self.shared, Shared::Open(_)) {
            *self.shared = Shared::Resting(identity(path));
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
