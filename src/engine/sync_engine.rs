//! The public sync engine.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::context::EngineParts;
use super::options::SyncOptions;
use super::result::SyncResult;
use super::status::{EngineStatus, status};
use super::{outcome, run};
use crate::clock::{Clock, SystemClock};
use crate::database::{Database, SyncLock};
use crate::registry::Registry;
use crate::{Error, Result};

/// Brings a database up to date with a registry.
///
/// Usable from any thread. Only one sync runs on a database at a time, across all engines and
/// processes; a second one returns at once, with [`Error::SyncInProgress`] as its cause.
///
/// ```no_run
/// use std::sync::Arc;
/// use skillsmith_sync::{ClientOptions, Database, SkillsmithApiClient, SyncEngine, SyncOptions};
///
/// let client = SkillsmithApiClient::new(ClientOptions::new())?;
/// let engine = SyncEngine::new(Arc::new(client), &Database::open("skills.db")?);
/// let result = engine.sync(SyncOptions::new())?;
/// println!("{} new, {} updated", result.skills_added, result.skills_updated);
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Clone)]
pub struct SyncEngine {
    parts: EngineParts,
}

impl SyncEngine {
    /// Creates an engine for a registry and an open database.
    pub fn new(registry: Arc<dyn Registry>, database: &Database) -> Self {
        Self::with_clock(registry, database, Arc::new(SystemClock))
    }

    /// Creates an engine with the caller's clock.
    pub fn with_clock(
        registry: Arc<dyn Registry>,
        database: &Database,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let database = database.clone();
        Self {
            parts: EngineParts {
                registry,
                database,
                clock,
            },
        }
    }

    /// Runs one sync. Blocks on network and disk until the run ends.
    ///
    /// An error during the run is reported in the result and in the history, not as an `Err`:
    /// `success` is then false, and `errors` begins with the cause. What was written is kept, and
    /// the next run continues where this one ended.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for options out of range, [`Error::DatabaseClosed`] for a closed
    /// database. Nothing is done in either case.
    pub fn sync(&self, options: SyncOptions<'_>) -> Result<SyncResult> {
        options.check()?;
        if !self.parts.database.is_open() {
            return Err(Error::DatabaseClosed);
        }
        let begun = self.parts.clock.elapsed();
        let dry_run = options.dry_run;
        let target = self.parts.database.lock_target();
        let error = match SyncLock::acquire(target, &options.cancel) {
            Ok(Some(mut lock)) => {
                let mut result = self.sync_with(&mut lock, options, begun);
                drop(lock);
                result.warnings.extend(self.parts.database.warnings());
                result.warnings.extend(self.parts.registry.warnings());
                return Ok(result);
            }
            Ok(None) => Error::SyncInProgress,
            Err(error) => error,
        };
        let mut result = outcome::not_begun(&error, dry_run);
        result.warnings = self.parts.database.warnings();
        Ok(result)
    }

    /// Runs one sync, which ends early if another machine takes the lock over.
    #[inline(never)]
    fn sync_with(
        &self,
        lock: &mut SyncLock,
        mut options: SyncOptions<'_>,
        begun: Duration,
    ) -> SyncResult {
        let kept_log = if options.dry_run {
            None
        } else {
            self.parts.database.give_up_log()
        };
        let room = (!options.dry_run).then(|| lock.keep_room()).flatten();
        let claim = lock.claim().cloned();
        let ends = claim.as_ref().map(|claim| {
            let of_caller = std::mem::take(&mut options.cancel);
            options.cancel = of_caller.child();
            // The hooks of a child are called only if the child itself is cancelled.
            [&of_caller, claim.lost()].map(|cause| {
                let run = options.cancel.clone();
                cause.on_cancel(move || run.cancel())
            })
        });
        let mut result = run::execute(&self.parts, options, begun, (claim, room));
        drop(ends);
        result.warnings.extend(kept_log);
        result
    }

    /// Returns the current status. Quick; blocks on the disk only.
    pub fn get_status(&self) -> Result<EngineStatus> {
        status(&self.parts.database, &self.parts.clock)
    }

    /// Whether the registry is used offline, so that every sync fails without sending anything.
    pub fn is_offline(&self) -> bool {
        self.parts.registry.is_offline()
    }

    pub(crate) fn registry(&self) -> &dyn Registry {
        &*self.parts.registry
    }

    pub(crate) const fn clock(&self) -> &Arc<dyn Clock> {
        &self.parts.clock
    }

    /// The database of this engine.
    pub fn database(&self) -> &Database {
        &self.parts.database
    }
}

impl fmt::Debug for SyncEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncEngine")
            .field("registry", &self.parts.registry.name())
            .field("database", &self.parts.database)
            .finish_non_exhaustive()
    }
}

const _: () = {
    const fn shareable<T: Send + Sync>() {}
    shareable::<SyncEngine>();
};
