//! Decides whether to start a sync now.
//!
//! A state machine without threads, timers or network. The service of this crate drives it from
//! its thread. The Node package, whose engines may belong to the host, keeps its state in
//! JavaScript and calls [`decide`].
#![warn(clippy::arithmetic_side_effects)]

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::clock::Clock;
use crate::config::is_due;
use crate::database::SyncLock;
use crate::engine::{DEFAULT_DEADLINE, Listing, backoff, reserved};
use crate::history::{SyncStatus, is_recent};
use crate::registry::Registry;
use crate::{
    Database, Error, ErrorCode, Result, SyncConfigRepository, SyncEngine, SyncHistoryRepository,
    SyncResult,
};

/// Outcome of a check.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Start a sync now, and report its end with [`Schedule::finished`].
    Begin,
    /// A sync of this service is running.
    Running,
    /// Automatic syncing is off, the next sync is not due, or offline mode is on.
    NotDue,
    /// A sync is due, but the backoff after a failure is not over, or the registry reserves its
    /// listing for other plans.
    BackingOff,
    /// The database could not be read; the next check tries again.
    Unknown,
}

/// The state of a [`BackgroundSyncService`](crate::BackgroundSyncService).
///
/// ```
/// use skillsmith_sync::BackgroundSyncState;
///
/// let state = BackgroundSyncState::default();
/// assert_eq!((state.is_started, state.checks_performed), (false, 0));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BackgroundSyncState {
    /// Whether the service is started.
    pub is_started: bool,
    /// Whether a sync of this service is running, or the callback that is told of its end.
    pub is_running: bool,
    /// Result of the last sync.
    pub last_result: Option<SyncResult>,
    /// Error of the last check, if it failed, else of the last sync; `None` if it succeeded.
    pub last_error: Option<String>,
    /// Number of checks.
    pub checks_performed: u64,
    /// Number of syncs started, including manual ones.
    pub syncs_triggered: u64,
}

/// The state of a service, and its rules.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Schedule {
    state: BackgroundSyncState,
    /// Error of the last sync, while `state` has that of a check.
    sync_error: Option<String>,
    /// The reasons for failed checks that were reported since a check succeeded.
    reported: Vec<String>,
    /// The reason of the last check, if it is to be reported.
    unreported: Option<String>,
}

/// How many reasons for failed checks are reported before a check succeeds. Texts may differ without end.
const MAX_REPORTED: usize = 16;

impl Schedule {
    /// The state of a new service.
    pub fn new() -> Self {
        Self::default()
    }

    /// The current state.
    pub const fn state(&self) -> &BackgroundSyncState {
        &self.state
    }

    /// Records the start. Returns whether the service was stopped before.
    pub const fn start(&mut self) -> bool {
        !std::mem::replace(&mut self.state.is_started, true)
    }

    /// Records the stop. Returns whether the service was started before.
    pub const fn stop(&mut self) -> bool {
        std::mem::replace(&mut self.state.is_started, false)
    }

    /// Decides for this moment, for syncs with [`Listing::Auto`]; reads the database briefly.
    pub fn check(&mut self, engine: &SyncEngine) -> Decision {
        if !self.begin_check() {
            return Decision::Running;
        }
        self.checked(ask(engine, Listing::Auto))
    }

    /// Records a check. Returns whether to read the database.
    pub(super) const fn begin_check(&mut self) -> bool {
        self.state.checks_performed = self.state.checks_performed.saturating_add(1);
        !self.state.is_running
    }

    /// Turns the state of the database into a decision.
    pub(super) fn checked(&mut self, answer: Result<Decision>) -> Decision {
        if answer.is_ok() {
            self.reported.clear();
            self.state.last_error.clone_from(&self.sync_error);
        }
        match answer {
            // Started manually while the database was read.
            Ok(Decision::Begin) if self.state.is_running => Decision::Running,
            Ok(Decision::Begin) => {
                self.begun();
                Decision::Begin
            }
            Ok(decision) => decision,
            Err(error) => {
                self.check_failed(error.to_string());
                Decision::Unknown
            }
        }
    }

    /// A check that fails for ever must not do so in silence, nor report the same every minute.
    fn check_failed(&mut self, reason: String) {
        if !self.reported.contains(&reason) && self.reported.len() < MAX_REPORTED {
            self.reported.push(reason.clone());
            self.unreported = Some(reason.clone());
        }
        self.state.last_error = Some(reason);
    }

    /// The reason of the last check, if it failed for a new one. Returns it once.
    pub(super) const fn take_unreported(&mut self) -> Option<String> {
        self.unreported.take()
    }

    /// Starts a manual sync, whether or not one is due.
    ///
    /// # Errors
    /// [`Error::SyncInProgress`] while a sync of this service is running.
    pub fn begin_manual(&mut self) -> Result<()> {
        if self.state.is_running {
            return Err(Error::SyncInProgress);
        }
        self.begun();
        Ok(())
    }

    const fn begun(&mut self) {
        self.state.is_running = true;
        self.state.syncs_triggered = self.state.syncs_triggered.saturating_add(1);
    }

    /// Records that a started sync was not needed.
    pub(super) const fn another_was_faster(&mut self) {
        self.state.is_running = false;
        self.state.syncs_triggered = self.state.syncs_triggered.saturating_sub(1);
    }

    /// Records the end of a sync whose callback has returned.
    pub fn finished(&mut self, outcome: &Result<SyncResult>) {
        self.recorded(outcome);
        self.released();
    }

    /// Records the outcome of a sync. It counts as running until [`released`](Self::released), so that a callback
    /// that syncs again at once, for ever, does not.
    pub(super) fn recorded(&mut self, outcome: &Result<SyncResult>) {
        if !is_stopped(outcome) {
            self.sync_error = error_of(outcome);
            self.state.last_error.clone_from(&self.sync_error);
        }
        if let Ok(result) = outcome {
            self.state.last_result = Some(result.clone());
        }
    }

    /// Records that the callback of a sync has returned.
    pub(super) const fn released(&mut self) {
        self.state.is_running = false;
    }
}

/// Whether the service was stopped during that sync: nothing but its stop cancels one, and that is not a failure.
pub(super) fn is_stopped(outcome: &Result<SyncResult>) -> bool {
    let code = match outcome {
        Ok(result) => result.code,
        Err(error) => Some(error.code()),
    };
    code == Some(ErrorCode::Cancelled)
}

/// The backoff after failed runs that could not be recorded in the database, such as on a full disk: also 1,
/// 2, 4 … minutes, but lost with the service.
#[derive(Debug, Default)]
pub(super) struct UnwrittenBackoff {
    failures: u32,
    wait: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl UnwrittenBackoff {
    /// Records a failed run that the database does not have.
    pub(super) fn note(&mut self, now: DateTime<Utc>, interval_ms: i64) {
        self.failures = self.failures.saturating_add(1);
        let minutes = TimeDelta::minutes(1 << self.failures.saturating_sub(1).min(20));
        let longest = TimeDelta::try_milliseconds(interval_ms.max(60_000)).unwrap_or(minutes);
        let end = now.checked_add_signed(minutes.min(longest));
        self.wait = end.map(|end| (now, end));
    }

    /// Records any other end of a run.
    pub(super) const fn clear(&mut self) {
        self.failures = 0;
        self.wait = None;
    }

    /// Turns the state of the database into a decision, at `now`.
    pub(super) fn over(&self, answer: Result<Decision>, now: DateTime<Utc>) -> Result<Decision> {
        match (answer, self.wait) {
            // The clock was ahead when it started, so its end means nothing.
            (Ok(Decision::Begin), Some((start, end))) if (start..end).contains(&now) => {
                Ok(Decision::BackingOff)
            }
            (answer, _) => answer,
        }
    }
}

/// Whether to start a sync with this listing; blocks briefly on the disk.
pub(super) fn ask(engine: &SyncEngine, listing: Listing) -> Result<Decision> {
    if engine.is_offline() {
        return Ok(Decision::NotDue);
    }
    let asked = Some((engine.registry(), listing));
    decide(engine.database(), asked, engine.clock())
}

/// Whether to start a sync now, for services with their own timers. Blocks briefly on the disk.
///
/// `asked`: the registry, if its client is ours, and the listing that the sync would use.
#[doc(hidden)]
pub fn decide(
    database: &Database,
    asked: Option<(&dyn Registry, Listing)>,
    clock: &Arc<dyn Clock>,
) -> Result<Decision> {
    let config =
        SyncConfigRepository::with_clock(database, Arc::clone(clock)).scheduled_config()?;
    let now = clock.now();
    if !is_due(&config, now)
        || SyncLock::is_held(database.lock_target())
        || runs_without_lock(database, clock)?
    {
        return Ok(Decision::NotDue);
    }
    let must_wait = database.read(|conn| {
        let backoff = backoff::load(conn)?;
        Ok(backoff.is_some_and(|backoff| !backoff.is_over(now))
            || match asked {
                Some(asked) => reserved::is_known(conn, asked, now)?,
                None => false,
            })
    })?;
    Ok(if must_wait {
        Decision::BackingOff
    } else {
        Decision::Begin
    })
}

/// Whether an engine without our lock, such as the TypeScript one, seems to be running.
///
/// If that engine has died, its entry says "running" for ever. So an entry older than our
/// longest run counts as dead; the next sync marks it as failed.
fn runs_without_lock(database: &Database, clock: &Arc<dyn Clock>) -> Result<bool> {
    let running = SyncHistoryRepository::with_clock(database, Arc::clone(clock)).get_running()?;
    let now = clock.now();
    Ok(running
        .iter()
        .any(|entry| is_recent(&entry.started_at, now, DEFAULT_DEADLINE)))
}

/// The text for the error callback, if a sync did not succeed.
pub(super) fn error_of(outcome: &Result<SyncResult>) -> Option<String> {
    match outcome {
        Ok(result) if result.status == SyncStatus::Success => None,
        Ok(result) => Some(result.errors.first().cloned().unwrap_or_default()),
        Err(error) => Some(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_that_are_not_written_double_and_end() {
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let minutes = |count| start + TimeDelta::minutes(count);
        let mut backoff = UnwrittenBackoff::default();
        let at = |backoff: &UnwrittenBackoff, now| backoff.over(Ok(Decision::Begin), now).unwrap();
        assert_eq!(at(&backoff, start), Decision::Begin);
        for wait in [1, 2, 4, 8, 10, 10] {
            backoff.note(start, 600_000);
            assert_eq!(at(&backoff, start), Decision::BackingOff);
            assert_eq!(
                at(&backoff, minutes(wait) - TimeDelta::milliseconds(1)),
                Decision::BackingOff
            );
            assert_eq!(at(&backoff, minutes(wait)), Decision::Begin);
            assert_eq!(at(&backoff, minutes(-1)), Decision::Begin);
        }
        // Other decisions, and the database's own backoff, are unchanged.
        let answer = backoff.over(Ok(Decision::NotDue), start).unwrap();
        assert_eq!(answer, Decision::NotDue);
        backoff.clear();
        assert_eq!(at(&backoff, start), Decision::Begin);
    }
}
