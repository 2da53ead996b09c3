//! Who works for the service now: its thread, and threads that sync by hand.

use std::sync::Arc;

use super::cycle::Shared;
use crate::Result;

/// The threads that work for the service now, callbacks included.
#[derive(Default)]
pub(super) struct Workers {
    list: Vec<Worker>,
    /// The number of the next one.
    next: u64,
}

/// The service's thread, or one that syncs by hand.
struct Worker {
    number: u64,
    /// Of [`this_thread`]; 0 until it has begun.
    thread: usize,
}

impl Workers {
    /// Adds a worker; `thread` is 0 until it has begun.
    pub(super) fn add(&mut self, shared: &Arc<Shared>, thread: usize) -> Result<AtWork> {
        self.list.try_reserve(1)?;
        let number = self.next;
        self.next += 1;
        self.list.push(Worker { number, thread });
        Ok(AtWork {
            shared: Arc::clone(shared),
            number,
        })
    }

    /// Whether this thread is one of them.
    pub(super) fn has_this_thread(&self) -> bool {
        let here = this_thread();
        self.list.iter().any(|worker| worker.thread == here)
    }

    /// The number below which every worker of today is.
    pub(super) const fn end(&self) -> u64 {
        self.next
    }

    /// Whether a worker with a number below `end` is still at work.
    pub(super) fn any_before(&self, end: u64) -> bool {
        self.list.iter().any(|worker| worker.number < end)
    }
}

/// A number that is unique among living threads. Unlike a thread id, it needs no memory.
pub(super) fn this_thread() -> usize {
    thread_local! {
        static HERE: u8 = const { 0 };
    }
    HERE.with(|here| std::ptr::from_ref(here).addr())
}

/// Counts as work for the service while it lives.
pub(super) struct AtWork {
    shared: Arc<Shared>,
    number: u64,
}

impl AtWork {
    /// Says that the work is done on this thread.
    pub(super) fn is_this_thread(&self) {
        let mut progress = self.shared.progress();
        let own = |worker: &&mut Worker| worker.number == self.number;
        if let Some(worker) = progress.workers.list.iter_mut().find(own) {
            worker.thread = this_thread();
        }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        let mut progress = self.shared.progress();
        progress
            .workers
            .list
            .retain(|worker| worker.number != self.number);
        drop(progress);
        self.shared.notify_settled();
    }
}
