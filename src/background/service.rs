//! The service: a thread that checks at its start and then every minute, and manual syncs.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;

use super::options::BackgroundOptions;
use super::schedule::{self, BackgroundSyncState, Decision, Schedule, UnwrittenBackoff};
use crate::engine::Listing;
use crate::environment::Environment;
use crate::memory::guarded;
use crate::registry::{ClientOptions, Registry, SkillsmithApiClient};
use crate::unpoisoned::{lock, wait};
use crate::{
    CancelToken, Database, Error, ErrorCode, Result, SyncConfigRepository, SyncEngine,
    SyncFrequency, SyncOptions, SyncResult,
};

/// Syncs in the background: while started, when syncing is enabled and due, with a backoff
/// after a failure.
///
/// Usable from any thread. Dropping it stops it. [`start_background_sync`] creates one from the
/// environment.
///
/// ```no_run
/// use std::sync::Arc;
/// use skillsmith_sync::{
///     BackgroundOptions, BackgroundSyncService, ClientOptions, Database, SkillsmithApiClient, SyncEngine,
/// };
///
/// let client = SkillsmithApiClient::new(ClientOptions::new())?;
/// let engine = SyncEngine::new(Arc::new(client), &Database::open("skills.db")?);
/// let service = BackgroundSyncService::new(engine, BackgroundOptions::new())?;
/// service.start()?;
/// // The server works …
/// service.stop();
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
pub struct BackgroundSyncService {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
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
struct Progress {
    schedule: Schedule,
    unwritten: UnwrittenBackoff,
    /// Threads that work for the service now, callbacks included.
    workers: Vec<Worker>,
    /// The number of the next one.
    next_worker: u64,
}

/// The service's thread, or one that syncs by hand.
struct Worker {
    number: u64,
    /// Of [`this_thread`]; 0 until it has begun.
    thread: usize,
}

impl BackgroundSyncService {
    /// Creates a service that is not started yet.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a check interval of 0.
    pub fn new(engine: SyncEngine, options: BackgroundOptions) -> Result<Self> {
        if options.check_interval.is_zero() {
            return Err(Error::InvalidArgument(
                "The check interval is 0. Use at least 1 millisecond.".into(),
            ));
        }
        Ok(Self {
            shared: Arc::new(Shared {
                engine,
                options,
                progress: Mutex::default(),
                settled: Condvar::new(),
                stop: Mutex::default(),
            }),
            thread: Mutex::default(),
        })
    }

    /// Starts the checks, on their own thread. Returns at once; calling it again is safe.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the system has no memory or no thread left.
    pub fn start(&self) -> Result<()> {
        let mut thread = lock(&self.thread);
        let mut progress = self.shared.progress();
        if !progress.schedule.start() {
            return Ok(());
        }
        // Under the same lock as in `stop`, so that `stop` sees both.
        let stop = self.shared.fresh_stop();
        let at_work = self.shared.at_work(&mut progress, 0);
        drop(progress);
        let spawned = at_work.and_then(|at_work| {
            crate::memory::spawn("skillsmith-background", move || {
                at_work.is_this_thread();
                at_work.shared.watch(&stop);
            })
        });
        match spawned {
            Ok(handle) => {
                *thread = Some(handle);
                Ok(())
            }
            Err(error) => {
                self.shared.progress().schedule.stop();
                Err(error)
            }
        }
    }

    /// Stops the checks and cancels a running sync; blocks until both have ended and every
    /// callback has returned.
    ///
    /// Takes about 200 ms at most, plus the time of running callbacks. Calling it again is
    /// safe. From a callback it does not wait.
    pub fn stop(&self) {
        let mut thread = lock(&self.thread);
        let mut progress = self.shared.progress();
        progress.schedule.stop();
        lock(&self.shared.stop).cancel();
        // Otherwise a callback would wait for itself, or two callbacks for each other.
        let here = this_thread();
        if progress.workers.iter().any(|worker| worker.thread == here) {
            return;
        }
        let handle = thread.take();
        drop(thread);
        // Do not wait for work that started later.
        let end = progress.next_worker;
        while progress.workers.iter().any(|worker| worker.number < end) {
            progress = wait(&self.shared.settled, progress);
        }
        drop(progress);
        if let Some(handle) = handle {
            _ = handle.join();
        }
    }

    /// Syncs now, on the caller's thread, whether or not a sync is due. Blocks until the run
    /// ends.
    ///
    /// # Errors
    /// [`Error::SyncInProgress`] while a sync of this service is running.
    pub fn manual_sync(&self) -> Result<SyncResult> {
        let mut progress = self.shared.progress();
        let _at_work = {
            let at_work = self.shared.at_work(&mut progress, this_thread())?;
            if let Err(error) = progress.schedule.begin_manual() {
                drop(progress);
                return Err(error);
            }
            at_work
        };
        // Under the same lock as in `stop`, so that `stop` sees it.
        let stop = self.shared.fresh_stop();
        drop(progress);
        let outcome = self.shared.run(&stop);
        self.shared.ended(&outcome);
        outcome
    }

    /// Returns the current state.
    pub fn get_state(&self) -> BackgroundSyncState {
        self.shared.progress().schedule.state().clone()
    }

    /// Whether a sync of this service is running.
    pub fn is_sync_running(&self) -> bool {
        self.shared.progress().schedule.state().is_running
    }

    /// Whether the service is started.
    pub fn is_service_started(&self) -> bool {
        self.shared.progress().schedule.state().is_started
    }
}

/// Creates and starts a service for `database` and the registry that `client` and `environment`
/// name. A server calls this once when it starts.
///
/// Returns `None` if background syncing is off: `SKILLSMITH_BACKGROUND_SYNC` is off,
/// `SKILLSMITH_OFFLINE_MODE` is on, or automatic syncing is disabled in the configuration.
/// Dropping the service stops it. Blocks on the disk for a short time.
///
/// ```
/// use skillsmith_sync::environment::Environment;
/// use skillsmith_sync::{BackgroundOptions, ClientOptions, Database, start_background_sync};
///
/// let database = Database::open_in_memory()?;
/// let environment = Environment::of_process();
/// # let environment = Environment::new(|name| (name == "SKILLSMITH_OFFLINE_MODE").then(|| "true".into()));
/// let service =
///     start_background_sync(&database, ClientOptions::new(), &environment, BackgroundOptions::new())?;
/// // Keep it as long as the server runs.
/// # assert!(service.is_none());
/// drop(service);
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
///
/// # Errors
/// The client or the service cannot be created, or the configuration cannot be read.
pub fn start_background_sync(
    database: &Database,
    client: ClientOptions,
    environment: &Environment,
    mut options: BackgroundOptions,
) -> Result<Option<BackgroundSyncService>> {
    let client = SkillsmithApiClient::with_environment(client, environment)?;
    let enabled = SyncConfigRepository::new(database).get_config()?.enabled;
    if !enabled || !environment.background_sync() || client.is_offline() {
        return Ok(None);
    }
    if options.listing.is_none() {
        options.listing = Some(Listing::of_environment(environment)?);
    }
    let engine = SyncEngine::new(Arc::new(client), database);
    let service = BackgroundSyncService::new(engine, options)?;
    service.start()?;
    Ok(Some(service))
}

/// A number that is unique among living threads. Unlike a thread id, it needs no memory.
fn this_thread() -> usize {
    thread_local! {
        static HERE: u8 = const { 0 };
    }
    HERE.with(|here| std::ptr::from_ref(here).addr())
}

/// Counts as work for the service while it lives.
struct AtWork {
    shared: Arc<Shared>,
    number: u64,
}

impl AtWork {
    fn is_this_thread(&self) {
        let mut progress = self.shared.progress();
        let own = |worker: &&mut Worker| worker.number == self.number;
        if let Some(worker) = progress.workers.iter_mut().find(own) {
            worker.thread = this_thread();
        }
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        let mut progress = self.shared.progress();
        progress
            .workers
            .retain(|worker| worker.number != self.number);
        drop(progress);
        self.shared.settled.notify_all();
    }
}

impl Shared {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        lock(&self.progress)
    }

    /// Adds a worker.
    fn at_work(self: &Arc<Self>, progress: &mut Progress, thread: usize) -> Result<AtWork> {
        progress.workers.try_reserve(1)?;
        let number = progress.next_worker;
        progress.next_worker += 1;
        progress.workers.push(Worker { number, thread });
        Ok(AtWork {
            shared: Arc::clone(self),
            number,
        })
    }

    /// The token that `stop` cancels; a new one if the old one is cancelled.
    fn fresh_stop(&self) -> CancelToken {
        let mut stop = lock(&self.stop);
        if stop.is_cancelled() {
            *stop = CancelToken::new();
        }
        stop.clone()
    }

    fn watch(&self, stop: &CancelToken) {
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
        let answer = guarded(|| schedule::ask(&self.engine));
        let mut progress = self.progress();
        // Stopped meanwhile.
        if stop.is_cancelled() {
            return Decision::NotDue;
        }
        let answer = progress.unwritten.over(answer, self.engine.clock().now());
        progress.schedule.checked(answer)
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

    /// Runs one sync that the schedule started, and records its end in any case.
    fn run(&self, stop: &CancelToken) -> Result<SyncResult> {
        guarded(|| {
            self.engine.sync(SyncOptions {
                cancel: stop.clone(),
                listing: self.options.listing.unwrap_or_default(),
                ..SyncOptions::default()
            })
        })
    }

    fn ended(&self, outcome: &Result<SyncResult>) {
        let left_no_trace = self.left_no_trace(outcome);
        let mut progress = self.progress();
        match left_no_trace {
            Some(interval_ms) => {
                let now = self.engine.clock().now();
                progress.unwritten.note(now, interval_ms);
            }
            None => progress.unwritten.clear(),
        }
        progress.schedule.finished(outcome);
        drop(progress);
        // A panic in a callback is a bug of the host; the next cycle still runs.
        _ = catch_unwind(AssertUnwindSafe(|| self.tell(outcome)));
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
        match guarded(|| schedule::ask(&self.engine)) {
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
                    callback(result);
                }
            }
            (error, _) => {
                if let Some(callback) = &self.options.on_sync_error {
                    callback(&error.unwrap_or_default());
                }
            }
        }
    }
}

impl Drop for BackgroundSyncService {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for BackgroundSyncService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackgroundSyncService")
            .field("engine", &self.shared.engine)
            .field("state", &self.get_state())
            .finish_non_exhaustive()
    }
}
