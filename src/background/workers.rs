//! Who works for the service now: its thread, and threads that sync by hand.

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
    /// Adds a worker, and returns its number; `thread` is 0 until it has begun.
    pub(super) fn add(&mut self, thread: usize) -> Result<u64> {
        self.list.try_reserve(1)?;
        let number = self.next;
        self.next += 1;
        self.list.push(Worker { number, thread });
        Ok(number)
    }

    /// Says that a worker works on this thread.
    pub(super) fn is_this_thread(&mut self, number: u64) {
        let own = |worker: &&mut Worker| worker.number == number;
        if let Some(worker) = self.list.iter_mut().find(own) {
            worker.thread = this_thread();
        }
    }

    /// Removes a worker, whose work is done.
    pub(super) fn remove(&mut self, number: u64) {
        self.list.retain(|worker| worker.number != number);
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
