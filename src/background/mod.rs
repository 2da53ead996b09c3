//! Syncing by itself, as long as a session lasts: a thread that checks at start and then every minute.

mod schedule;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

pub use self::schedule::{BackgroundSyncState, Decision, Schedule, decide};
use crate::environment::Environment;
use crate::registry::{ClientOptions, Registry, SkillsmithApiClient};
use crate::{
    CancelToken, Database, Error, Result, SyncConfigRepository, SyncEngine, SyncOptions, SyncResult,
};

/// How often a started service checks unless told otherwise.
pub const DEFAULT_CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// Called on the service's thread (or that of a manual sync) after a sync.
type OnComplete = Box<dyn Fn(&SyncResult) + Send + Sync>;
type OnError = Box<dyn Fn(&str) + Send + Sync>;

/// How a service works.
pub struct BackgroundOptions {
    /// Time between two checks. Default: 60 s.
    pub check_interval: Duration,
    /// Whether it checks at once when started. Default: true.
    pub sync_on_start: bool,
    /// Told of every sync that was a success.
    pub on_sync_complete: Option<OnComplete>,
    /// Told why a sync was not.
    pub on_sync_error: Option<OnError>,
}

impl Default for BackgroundOptions {
    fn default() -> Self {
        Self {
            check_interval: DEFAULT_CHECK_INTERVAL,
            sync_on_start: true,
            on_sync_complete: None,
            on_sync_error: None,
        }
    }
}

impl fmt::Debug for BackgroundOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackgroundOptions")
            .field("check_interval", &self.check_interval)
            .field("sync_on_start", &self.sync_on_start)
            .finish_non_exhaustive()
    }
}

/// Syncs while it is started: when enabled and due, and not while an earlier failure asks for patience.
///
/// Usable from any thread. Dropping it stops it.
pub struct BackgroundSyncService {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    engine: SyncEngine,
    options: BackgroundOptions,
    schedule: Mutex<Schedule>,
    /// A sync has ended.
    settled: Condvar,
    /// Ends the thread and the sync that is under way; a new one after each stop.
    /// Locks are taken in the order thread, schedule, stop.
    stop: Mutex<CancelToken>,
}

impl BackgroundSyncService {
    /// A service that is not started yet.
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
                schedule: Mutex::default(),
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
        let mut schedule = self.shared.schedule();
        if !schedule.start() {
            return Ok(());
        }
        // Under the same lock as in `stop`, which must not miss it.
        let stop = self.shared.fresh_stop();
        drop(schedule);
        let shared = Arc::clone(&self.shared);
        let spawned = crate::memory::spawn("skillsmith-background", move || shared.watch(&stop));
        match spawned {
            Ok(handle) => {
                *thread = Some(handle);
                Ok(())
            }
            Err(error) => {
                self.shared.schedule().stop();
                Err(error)
            }
        }
    }

    /// Stops checking, and the sync that is under way; waits until both have ended.
    ///
    /// Takes at most about 200 ms. Stopping twice is fine; so is stopping from a
    /// callback, which does not wait for its own thread.
    pub fn stop(&self) {
        let (handle, running) = {
            let mut thread = lock(&self.thread);
            let mut schedule = self.shared.schedule();
            schedule.stop();
            lock(&self.shared.stop).cancel();
            let state = schedule.state();
            (
                thread.take(),
                state.is_running.then_some(state.syncs_triggered),
            )
        };
        let own = handle
            .as_ref()
            .is_some_and(|handle| handle.thread().id() == std::thread::current().id());
        if own {
            return;
        }
        if let Some(handle) = handle {
            _ = handle.join();
        }
        // A manual sync on another thread that was under way; one that has begun since
        // is nothing to wait for, and one on this thread is our own caller.
        let Some(number) = running.filter(|_| !SYNCING.get()) else {
            return;
        };
        let mut schedule = self.shared.schedule();
        while schedule.state().is_running && schedule.state().syncs_triggered == number {
            schedule = self
                .shared
                .settled
                .wait(schedule)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Syncs now, on the caller's thread, due or not. Blocks until the end.
    ///
    /// # Errors
    /// [`Error::SyncInProgress`] while a sync of this service is under way.
    pub fn manual_sync(&self) -> Result<SyncResult> {
        let mut schedule = self.shared.schedule();
        schedule.begin_manual()?;
        // Under the same lock as in `stop`, which must not miss it.
        let stop = self.shared.fresh_stop();
        drop(schedule);
        self.shared.sync(&stop)
    }

    /// How things stand.
    pub fn get_state(&self) -> BackgroundSyncState {
        self.shared.schedule().state().clone()
    }

    /// Whether a sync of this service is under way.
    pub fn is_sync_running(&self) -> bool {
        self.shared.schedule().state().is_running
    }

    /// Whether it was started and not stopped since.
    pub fn is_service_started(&self) -> bool {
        self.shared.schedule().state().is_started
    }
}

/// All that a server does at its start, in one call: a service for `database` and the
/// registry that `client` and `environment` name, started.
///
/// `None` where there is to be none: `SKILLSMITH_BACKGROUND_SYNC` is off,
/// `SKILLSMITH_OFFLINE_MODE` is on, or automatic syncing is disabled in the
/// configuration. Dropping the service stops it. Blocks on the disk, shortly.
///
/// # Errors
/// Where the client or the service cannot be made, or the configuration not be read.
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

thread_local! {
    /// This thread is inside a sync of a service, or one of its callbacks.
    static SYNCING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

impl Shared {
    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        lock(&self.schedule)
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
            let decision = self.schedule().check(&self.engine);
            if decision == Decision::Begin {
                _ = self.sync(stop);
            }
            if stop.is_cancelled() || !clock.wait(self.options.check_interval, stop) {
                return;
            }
        }
    }

    /// One sync that the schedule has begun.
    fn sync(&self, stop: &CancelToken) -> Result<SyncResult> {
        let outer = SYNCING.replace(true);
        let outcome = self.engine.sync(SyncOptions {
            cancel: stop.clone(),
            ..SyncOptions::default()
        });
        self.schedule().finished(&outcome);
        self.settled.notify_all();
        // A callback that panics is the host's bug; the next cycle still runs.
        _ = catch_unwind(AssertUnwindSafe(|| self.tell(&outcome)));
        SYNCING.set(outer);
        outcome
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
