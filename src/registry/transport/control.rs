//! What ends the waits of a pool's connections early.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use ureq::unversioned::transport::NextTimeout;
use ureq::unversioned::transport::time::Duration;

use crate::unpoisoned::lock;

/// Shared by a pool of connections, those that are being made, and who uses the pool.
#[derive(Debug, Default)]
pub(in crate::registry) struct Control {
    /// A cancellation has ended everything here.
    pub(in crate::registry) cut: AtomicBool,
    /// Nothing is read for longer.
    read_until: Mutex<Option<Instant>>,
}

impl Control {
    /// Bounds the reading of what is left of an answer; `None`: as its request says.
    pub(in crate::registry) fn read_until(&self, end: Option<Instant>) {
        *lock(&self.read_until) = end;
    }

    /// The time that one read may take.
    pub(super) fn bounded(&self, timeout: NextTimeout) -> NextTimeout {
        let Some(end) = *lock(&self.read_until) else {
            return timeout;
        };
        let left = Duration::Exact(end.saturating_duration_since(Instant::now()));
        NextTimeout {
            after: timeout.after.min(left),
            ..timeout
        }
    }
}
