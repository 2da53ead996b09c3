//! What the files of a run share: what it works with, and what it has done so far.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::counter::Counter;
use super::options::SyncOptions;
use super::plan::Listing;
use super::tally::Tally;
use crate::Error;
use crate::clock::Clock;
use crate::database::{Claim, Database, GRACE, Limit, LockWait, Room};
use crate::log::Log;
use crate::registry::Registry;

/// Lock wait for the run record, which must be written even if a host holds the lock for a while.
pub(super) const RECORD_BUDGET: Duration = Duration::from_secs(10);

/// The parts of an engine, of which every run makes use.
#[derive(Clone)]
pub(super) struct EngineParts {
    pub(super) registry: Arc<dyn Registry>,
    pub(super) database: Database,
    pub(super) clock: Arc<dyn Clock>,
}

/// What a run works with: the engine's parts, its options and when it began.
pub(super) struct Context<'e, 'o> {
    pub(super) engine: &'e EngineParts,
    pub(super) options: SyncOptions<'o>,
    /// When the run began, in the clock's elapsed time.
    pub(super) begun: Duration,
    pub(super) started_at: DateTime<Utc>,
    pub(super) log: Log,
    /// Where another machine may take the database over.
    pub(super) claim: Option<Claim>,
    /// Space for the record, where the disk is full.
    pub(super) room: Option<Room>,
}

impl Context<'_, '_> {
    /// When a long statement must give up: the deadline of the run.
    pub(super) fn ends_at(&self) -> Option<Instant> {
        Instant::now().checked_add(self.left())
    }

    /// What the statements of the run obey, for this long.
    pub(super) fn limit(&self, most: Duration) -> Limit {
        Limit {
            cancel: self.options.cancel.clone(),
            deadline: Instant::now().checked_add(most),
            grace: GRACE,
        }
    }

    pub(super) fn lock_wait(&self) -> LockWait<'_> {
        LockWait {
            budget: RECORD_BUDGET.min(self.left()),
            cancel: &self.options.cancel,
            claim: self.claim.as_ref(),
        }
    }

    /// How long the run has taken so far, by a clock that does not jump.
    pub(super) fn took(&self) -> Duration {
        self.engine.clock.elapsed().saturating_sub(self.begun)
    }

    pub(super) fn left(&self) -> Duration {
        self.options.deadline.saturating_sub(self.took())
    }

    /// The registry, and which of its listings the run may use.
    pub(super) fn listing(&self) -> (&dyn Registry, Listing) {
        (&*self.engine.registry, self.options.listing)
    }

    /// Why nothing more may be written, if another machine has taken the database over.
    pub(super) fn taken_over(&self) -> Option<Error> {
        let claim = self.claim.as_ref()?;
        claim.check().err()
    }

    pub(super) fn is_over(&self) -> bool {
        self.left().is_zero()
    }
}

/// What a run has done so far.
#[derive(Default)]
pub(super) struct Run {
    pub(super) requests: Counter,
    /// Id of the history entry, once there is one.
    pub(super) id: Option<String>,
    pub(super) tally: Tally,
    /// The full-text index was in sync when the run began to write, or was repaired.
    pub(super) index_is_known: bool,
    /// What the listing could not read, in words.
    pub(super) gaps: Vec<String>,
    /// The listing was read to its end, and nothing in it is missing or in doubt.
    pub(super) is_complete: bool,
}
