//! What the service does on its threads: checks, syncs, and tells of their end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use super::options::BackgroundOptions;
use super::schedule::{self, Decision, Schedule, UnwrittenBackoff};
use super::workers::Workers;
use crate::engine::Listing;
use crate::memory::guarded;
use crate::unpoisoned::{lock, wait};
use crate::{
    CancelToken, ErrorCode, Result, SyncConfigRepository, SyncEngine, SyncFrequency, SyncOptions,
    SyncResult,
};

/// What the service and its threads share.
pub(super) struct Shared {
    engine: SyncEngine,
    options: BackgroundOptions,
    progress: Mutex<Progress>,
    /// Signalled when some work has ended.
    settled: Condvar,
    /// Ends the thread and a running sync; a new one after each stop. Locks are taken in the
    /// order thread, progress, stop.
    stop: Mutex<CancelToken>,
}

#[derive(Default)]
pub(super) struct Progress {
    pub(super) schedule: Schedule,
    unwritten: UnwrittenBackoff,
    pub(super) workers: Workers,
}

impl Shared {
    pub(super) fn new(engine: SyncEngine, options: BackgroundOptions) -> Self {
        Self {
            engine,
            options,
            progress: Mutex::default(),
            settled: Condvar::new(),
            stop: Mutex::default(),
        }
    }

    pub(super) const fn engine(&self) -> &SyncEngine {
        &self.engine
    }

    /// Adds a worker. The caller has locked `progress`.
    pub(super) fn at_work(
        self: &Arc<Self>,
        progress: &mut Progress,
        thread: usize,
    ) -> Result<AtWork> {
        let number = progress.workers.add(thread)?;
        Ok(AtWork {
            shared: Arc::clone(self),
            number,
        })
    }

    /// Wakes those who wait for workers to end.
    pub(super) fn notify_settled(&self) {
        self.settled.notify_all();
    }

    /// Waits for all work that has begun so far.
    pub(super) fn wait_for_workers<'s>(&'s self, mut progress: MutexGuard<'s, Progress>) {
        let end = progress.workers.end();
        while progress.workers.any_before(end) {
            progress = wait(&self.settled, progress);
        }
    }

    /// Cancels what runs with the current token.
    pub(super) fn cancel(&self) {
        lock(&self.stop).cancel();
    }

    pub(super) fn progress(&self) -> MutexGuard<'_, Progress> {
        lock(&self.progress)
    }

    /// The token that `stop` cancels; a new one if the old one is cancelled.
    pub(super) fn fresh_stop(&self) -> CancelToken {
        let mut stop = lock(&self.stop);
        if stop.is_cancelled() {
            *stop = CancelToken::new();
        }
        stop.clone()
    }

    pub(super) fn watch(&self, stop: &CancelToken) {
        let clock = self.engine.clock();
        if !self.options.sync_on_start && !clock.wait(self.options.check_interval, stop) {
            return;
        }
        loop {
            if self.check(stop) == Decision::Begin {
                self.sync_by_itself(stop);
            }
            if stop.is_cancelled() || !clock.wait(self.options.check_interval, stop) {
                return;
            }
        }
    }

    /// The database is read without the lock: a slow read must not delay `state`.
    fn check(&self, stop: &CancelToken) -> Decision {
        if !self.progress().schedule.begin_check() {
            return Decision::Running;
        }
        let answer = guarded(|| schedule::ask(&self.engine, self.listing()));
        let mut progress = self.progress();
        // Stopped meanwhile.
        if stop.is_cancelled() {
            return Decision::NotDue;
        }
        let answer = progress.unwritten.over(answer, self.engine.clock().now());
        let decision = progress.schedule.checked(answer);
        let failed = progress.schedule.take_unreported();
        drop(progress);
        if let Some(reason) = failed {
            self.report(&reason);
        }
        decision
    }

    fn sync_by_itself(&self, stop: &CancelToken) {
        let outcome = self.run(stop);
        // Another sync started after our check: not a failure, nothing to report.
        let is_done_elsewhere = outcome
            .as_ref()
            .is_ok_and(|result| result.code == Some(ErrorCode::SyncInProgress));
        if is_done_elsewhere {
            self.progress().schedule.another_was_faster();
        } else {
            self.ended(&outcome);
        }
    }

    fn listing(&self) -> Listing {
        self.options.listing.unwrap_or_default()
    }

    /// Runs one sync that the schedule started, and records its end in any case.
    pub(super) fn run(&self, stop: &CancelToken) -> Result<SyncResult> {
        guarded(|| {
            self.engine.sync(SyncOptions {
                cancel: stop.clone(),
                listing: self.listing(),
                ..SyncOptions::default()
            })
        })
    }

    pub(super) fn ended(&self, outcome: &Result<SyncResult>) {
        let left_no_trace = self.left_no_trace(outcome);
        let mut progress = self.progress();
        match left_no_trace {
            Some(interval_ms) => {
                let now = self.engine.clock().now();
                progress.unwritten.note(now, interval_ms);
            }
            None => progress.unwritten.clear(),
        }
        progress.schedule.recorded(outcome);
        drop(progress);
        if !schedule::is_stopped(outcome) {
            self.tell(outcome);
        }
        self.progress().schedule.released();
    }

    /// The check interval, if a run failed and a sync is still due at once: the failure could not be recorded
    /// in the database.
    fn left_no_trace(&self, outcome: &Result<SyncResult>) -> Option<i64> {
        let code = match outcome {
            Ok(result) if result.success => return None,
            Ok(result) => result.code,
            Err(error) => Some(error.code()),
        };
        if matches!(code, Some(ErrorCode::Cancelled | ErrorCode::SyncInProgress)) {
            return None;
        }
        match guarded(|| schedule::ask(&self.engine, self.listing())) {
            Ok(Decision::Begin) | Err(_) => {
                let config = SyncConfigRepository::new(self.engine.database()).get_config();
                Some(config.map_or(SyncFrequency::Daily.interval_ms(), |config| {
                    config.interval_ms
                }))
            }
            Ok(_) => None,
        }
    }

    fn tell(&self, outcome: &Result<SyncResult>) {
        match (schedule::error_of(outcome), outcome) {
            (None, Ok(result)) => {
                if let Some(callback) = &self.options.on_sync_complete {
                    // A panic in a callback is a bug of the host; the next cycle still runs.
                    _ = catch_unwind(AssertUnwindSafe(|| callback(result)));
                }
            }
            (error, _) => self.report(&error.unwrap_or_default()),
        }
    }

    fn report(&self, reason: &str) {
        if let Some(callback) = &self.options.on_sync_error {
            _ = catch_unwind(AssertUnwindSafe(|| callback(reason)));
        }
    }
}

/// Counts as work for the service while it lives.
pub(super) struct AtWork {
    shared: Arc<Shared>,
    number: u64,
}

impl AtWork {
    /// Says that the work is done on this thread.
    pub(super) fn is_this_thread(&self) {
        self.shared.progress().workers.is_this_thread(self.number);
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.shared.progress().workers.remove(self.number);
        self.shared.notify_settled();
    }
}
