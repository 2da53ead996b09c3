//! What ends the waits of a pool's connections early.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use ureq::unversioned::transport::NextTimeout;
use ureq::unversioned::transport::time::Duration;

use crate::unpoisoned::lock;

/// Shared by a pool of connections, those that are being made, and who uses the pool.
///
/// ureq bounds the parts of an answer, but not what may come between and behind them: interim answers, and the trailers of
/// a chunked body.
#[derive(Debug, Default)]
pub(in crate::registry) struct Control {
    /// A cancellation has ended everything here.
    pub(in crate::registry) cut: AtomicBool,
    /// Nothing is read for longer.
    read_until: Mutex<Option<Instant>>,
    /// How many bytes may still be read.
    left: AtomicU64,
}

impl Control {
    /// Bounds all that is read from now on, of whatever part of an answer.
    pub(in crate::registry) fn allow(&self, end: Option<Instant>, bytes: u64) {
        *lock(&self.read_until) = end;
        self.left.store(bytes, Ordering::Relaxed);
    }

    /// Bounds the time once more.
    pub(in crate::registry) fn read_until(&self, end: Instant) {
        let mut bound = lock(&self.read_until);
        *bound = Some(bound.map_or(end, |bound| bound.min(end)));
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

    /// Counts what was read.
    pub(super) fn count(&self, amount: usize) -> Result<(), ureq::Error> {
        let amount = u64::try_from(amount).unwrap_or(u64::MAX);
        let subtract = |left: u64| left.checked_sub(amount);
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, subtract)
            .map(|_| ())
            .map_err(|_| ureq::Error::BodyExceedsLimit(MOST_BYTES))
    }
}

/// Of one answer with all that belongs to it: what a body may have, in small chunks too.
pub(in crate::registry) const MOST_BYTES: u64 = 64 * 1024 * 1024;
