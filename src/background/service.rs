//! The service: a thread that checks at its start and then every minute, and syncs made by hand.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;

use super::options::BackgroundOptions;
use super::schedule::{self, BackgroundSyncState, Decision, Schedule, UnwrittenBackoff};
use crate::environment::Environment;
use crate::memory::guarded;
use crate::registry::{ClientOptions, Registry, SkillsmithApiClient};
use crate::unpoisoned::{lock, wait};
use crate::{
    CancelToken, Database, Error, ErrorCode, Result, SyncConfigRepository, SyncEngine,
    SyncFrequency, SyncOptions, SyncResult,
};

/// Syncs in the background while it is started: when sync is enabled and due, and not while it
/// waits after a failure (backoff).
///
/// Usable from any thread. Dropping it stops it. [`start_background_sync`] makes one from the
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
    /// Some work has ended.
    settled: Condvar,
    /// Ends the thread and the sync that is under way; a new one after each stop.
    /// Locks are taken in the order thread, progress, stop.
    stop: Mutex<CancelToken>,
}

#[derive(Default)]
struct Progress {
    schedule: Schedule,
    unwritten: UnwrittenBackoff,
    /// Who works for the service just now, callbacks included.
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
    /// Makes a service that is not started yet.
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

    /// Starts checking, on a thread of its own. Returns at once; starting twice is fine.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] where the system has no memory for it, or no thread left.
    pub fn start(&self) -> Result<()> {
        let mut thread = lock(&self.thread);
        let mut progress = self.shared.progress();
        if !progress.schedule.start() {
            return Ok(());
        }
        // Under the same lock as in `stop`, which must miss neither.
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

    /// Stops checking, and the sync that is under way; waits until both have ended, and
    /// every callback has returned.
    ///
    /// Takes at most about 200 ms, and as long as the host's callbacks take. Stopping twice
    /// is fine; so is stopping from a callback, which does not wait.
    pub fn stop(&self) {
        let mut thread = lock(&self.thread);
        let mut progress = self.shared.progress();
        progress.schedule.stop();
        lock(&self.shared.stop).cancel();
        // Our caller would wait for itself, and two callbacks for each other.
        let here = this_thread();
        if progress.workers.iter().any(|worker| worker.thread == here) {
            return;
        }
        let handle = thread.take();
        drop(thread);
        // What has begun since is nothing to wait for.
        let end = progress.next_worker;
        while progress.workers.iter().any(|worker| worker.number < end) {
            progress = wait(&self.shared.settled, progress);
        }
        drop(progress);
        if let Some(handle) = handle {
            _ = handle.join();
        }
    }

    /// Syncs now, on the caller's thread, due or not. Blocks until the end.
    ///
    /// # Errors
    /// [`Error::SyncInProgress`] while a sync of this service is under way.
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
        // Under the same lock as in `stop`, which must not miss it.
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

    /// Whether a sync of this service is under way.
    pub fn is_sync_running(&self) -> bool {
        self.shared.progress().schedule.state().is_running
    }

    /// Whether it was started and not stopped since.
    pub fn is_service_started(&self) -> bool {
        self.shared.progress().schedule.state().is_started
    }
}

/// Makes and starts a service for `database` and the registry that `client` and `environment`
/// name: all that a server does at its start.
///
/// Returns `None` if nothing is to sync: `SKILLSMITH_BACKGROUND_SYNC` is off,
/// `SKILLSMITH_OFFLINE_MODE` is on, or automatic syncing is disabled in the
/// configuration. Dropping the service stops it. Blocks on the disk for a short time.
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
/// The client or the service cannot be made, or the configuration cannot be read.
pub fn start_background_sync(
    database: &Database,
    client: ClientOptions,
    environment: &Environment,
    options: BackgroundOptions,
) -> Result<Option<BackgroundSyncService>> {
    let client = SkillsmithApiClient::with_environment(client, environment)?;
    let enabled = SyncConfigRepository::new(database).get_config()?.enabled;
    if !enabled || !environment.background_sync() || client.is_offline() {
        return Ok(None);
    }
    let engine = SyncEngine::new(Arc::new(client), database);
    let service = BackgroundSyncService::new(engine, options)?;
    service.start()?;
    Ok(Some(service))
}

/// Tells threads that live at the same time apart. Unlike their ids it needs no memory.
fn this_thread() -> usize {
    thread_local! {
        static HERE: u8 = const { 0 };
    }
    HERE.with(|here| std::ptr::from_ref(here).addr())
}

/// Somebody works for the service as long as this lives.
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

    /// Notes one more at work.
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

    /// The token that `stop` cancels; a new one where the old one is spent.
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

    /// The database is asked without the lock: it may keep us waiting, and nobody who only
    /// wants to know how things stand.
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
        // Somebody else has begun between our check and this: no failure, and nothing to tell.
        let is_done_elsewhere = outcome
            .as_ref()
            .is_ok_and(|result| result.code == Some(ErrorCode::SyncInProgress));
        if is_done_elsewhere {
            self.progress().schedule.another_was_faster();
        } else {
            self.ended(&outcome);
        }
    }

    /// One sync that the schedule has begun, whatever happens in it.
    fn run(&self, stop: &CancelToken) -> Result<SyncResult> {
        guarded(|| {
            self.engine.sync(SyncOptions {
                cancel: stop.clone(),
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
        // A callback that panics is the host's bug; the next cycle still runs.
        _ = catch_unwind(AssertUnwindSafe(|| self.tell(outcome)));
    }

    /// The interval, where a run has failed and the database wants another one at once all the same: it could not be
    /// written there that it has failed.
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
