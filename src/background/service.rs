//! The service: starts and stops the thread that checks every minute, and syncs by hand.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::cycle::Shared;
use super::options::BackgroundOptions;
use super::schedule::BackgroundSyncState;
use super::workers::this_thread;
use crate::engine::Listing;
use crate::environment::Environment;
use crate::registry::{ClientOptions, Registry, SkillsmithApiClient};
use crate::unpoisoned::lock;
use crate::{Database, Error, Result, SyncConfigRepository, SyncEngine, SyncResult};

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
            shared: Arc::new(Shared::new(engine, options)),
            thread: Mutex::default(),
        })
    }

    /// Starts the checks, on their own thread. Returns at once; calling it again is safe.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] or [`Error::OutOfThreads`] if the system has no memory or no thread left.
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
                at_work.shared().watch(&stop);
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
        self.shared.cancel();
        // Otherwise a callback would wait for itself, or two callbacks for each other.
        if progress.workers.has_this_thread() {
            return;
        }
        let handle = thread.take();
        drop(thread);
        // Not for work that starts later.
        self.shared.wait_for_workers(progress);
        if let Some(handle) = handle {
            _ = handle.join();
        }
    }

    /// Syncs now, on the caller's thread, whether or not a sync is due. Blocks until the run
    /// ends.
    ///
    /// # Errors
    /// [`Error::SyncInProgress`] while a sync of this service is running, and in its callbacks.
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
/// The client or the service cannot be created, the configuration cannot be read, or a variable is neither
/// true nor false.
pub fn start_background_sync(
    database: &Database,
    client: ClientOptions,
    environment: &Environment,
    mut options: BackgroundOptions,
) -> Result<Option<BackgroundSyncService>> {
    let client = SkillsmithApiClient::with_environment(client, environment)?;
    // Asked first, so that a misspelt word is an error also where syncing is off.
    let is_wanted = environment.background_sync()?;
    let enabled = SyncConfigRepository::new(database).get_config()?.enabled;
    if !enabled || !is_wanted || client.is_offline() {
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

impl Drop for BackgroundSyncService {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for BackgroundSyncService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackgroundSyncService")
            .field("engine", self.shared.engine())
            .field("state", &self.get_state())
            .finish_non_exhaustive()
    }
}
