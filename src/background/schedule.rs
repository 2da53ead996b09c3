//! The decision: is a sync to be begun now?
//!
//! A small state machine without a thread, a timer or a network. The service of
//! this crate drives it from its thread; the Node package, whose engines may be
//! the host's own, has its state in JavaScript and asks [`decide`].
#![warn(clippy::arithmetic_side_effects)]

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::clock::{Clock, from_iso};
use crate::config::is_due;
use crate::database::SyncLock;
use crate::engine::{DEFAULT_DEADLINE, backoff};
use crate::history::SyncStatus;
use crate::{
    Database, Error, Result, SyncConfigRepository, SyncEngine, SyncHistoryRepository, SyncResult,
};

/// What a check came to.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Begin a sync now, and report it with [`Schedule::finished`].
    Begin,
    /// A sync of this service is under way.
    Running,
    /// Automatic syncing is off, the next sync is not due, or nothing may be sent.
    NotDue,
    /// It is due, but an earlier one failed and the next try has to wait.
    BackingOff,
    /// The database could not be asked; the next check asks again.
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
    /// Whether it was started and not stopped since.
    pub is_started: bool,
    /// Whether a sync of its own is under way.
    pub is_running: bool,
    /// What the last sync did.
    pub last_result: Option<SyncResult>,
    /// Why the last sync or check failed; `None` if it did not.
    pub last_error: Option<String>,
    /// Checks made.
    pub checks_performed: u64,
    /// Syncs begun, those by hand included.
    pub syncs_triggered: u64,
}

/// The state of a service, and its rules.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Schedule {
    state: BackgroundSyncState,
}

impl Schedule {
    /// Nothing has happened yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The state now.
    pub const fn state(&self) -> &BackgroundSyncState {
        &self.state
    }

    /// Notes the start. Returns whether the service was stopped before.
    pub const fn start(&mut self) -> bool {
        !std::mem::replace(&mut self.state.is_started, true)
    }

    /// Notes the stop. Returns whether the service was started before.
    pub const fn stop(&mut self) -> bool {
        std::mem::replace(&mut self.state.is_started, false)
    }

    /// Decides for this moment; reads the database, shortly.
    pub fn check(&mut self, engine: &SyncEngine) -> Decision {
        if !self.begin_check() {
            return Decision::Running;
        }
        self.checked(ask(engine))
    }

    /// Notes a check. Returns whether the database is to be asked.
    pub(super) const fn begin_check(&mut self) -> bool {
        self.state.checks_performed = self.state.checks_performed.saturating_add(1);
        !self.state.is_running
    }

    /// What comes of the database's answer, at this moment.
    pub(super) fn checked(&mut self, answer: Result<Decision>) -> Decision {
        match answer {
            // Begun by hand, while the database was asked.
            Ok(Decision::Begin) if self.state.is_running => Decision::Running,
            Ok(Decision::Begin) => {
                self.begun();
                Decision::Begin
            }
            Ok(decision) => decision,
            Err(error) => {
                self.state.last_error = Some(error.to_string());
                Decision::Unknown
            }
        }
    }

    /// Begins a sync that was asked for by hand, due or not.
    ///
    /// # Errors
    /// [`Error::SyncInProgress`] while one of this service is under way.
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

    /// Notes that a sync that was begun was not needed.
    pub(super) const fn another_was_faster(&mut self) {
        self.state.is_running = false;
        self.state.syncs_triggered = self.state.syncs_triggered.saturating_sub(1);
    }

    /// Notes how a sync that was begun has ended.
    pub fn finished(&mut self, outcome: &Result<SyncResult>) {
        self.state.is_running = false;
        match outcome {
            Ok(result) => {
                self.state.last_error = result.errors.first().filter(|_| !result.success).cloned();
                self.state.last_result = Some(result.clone());
            }
            Err(error) => self.state.last_error = Some(error.to_string()),
        }
    }
}

/// The waits after failed runs that could not be written into the database, such as on a full disk: the same as
/// there, 1, 2, 4 … minutes, but gone with the service.
#[derive(Debug, Default)]
pub(super) struct UnwrittenBackoff {
    failures: u32,
    wait: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl UnwrittenBackoff {
    /// Notes a run that failed without leaving a trace.
    pub(super) fn note(&mut self, now: DateTime<Utc>, interval_ms: i64) {
        self.failures = self.failures.saturating_add(1);
        let minutes = TimeDelta::minutes(1 << self.failures.saturating_sub(1).min(20));
        let longest = TimeDelta::try_milliseconds(interval_ms.max(60_000)).unwrap_or(minutes);
        let end = now.checked_add_signed(minutes.min(longest));
        self.wait = end.map(|end| (now, end));
    }

    /// Notes any other end of a run.
    pub(super) const fn clear(&mut self) {
        self.failures = 0;
        self.wait = None;
    }

    /// What comes of the database's answer at `now`.
    pub(super) fn over(&self, answer: Result<Decision>, now: DateTime<Utc>) -> Result<Decision> {
        match (answer, self.wait) {
            // Before its start the clock was ahead, and the end means nothing.
            (Ok(Decision::Begin), Some((start, end))) if (start..end).contains(&now) => {
                Ok(Decision::BackingOff)
            }
            (answer, _) => answer,
        }
    }
}

/// Whether a sync is to be begun; blocks on the disk, shortly.
pub(super) fn ask(engine: &SyncEngine) -> Result<Decision> {
    if engine.is_offline() {
        return Ok(Decision::NotDue);
    }
    decide(engine.database(), engine.clock())
}

/// Whether the database asks for a sync at this moment: for services that have
/// timers of their own. Blocks on the disk, shortly.
#[doc(hidden)]
pub fn decide(database: &Database, clock: &Arc<dyn Clock>) -> Result<Decision> {
    let config = SyncConfigRepository::with_clock(database, Arc::clone(clock)).get_config()?;
    let now = clock.now();
    if !is_due(&config, now)
        || SyncLock::is_held(database.lock_target())
        || runs_without_lock(database, clock)?
    {
        return Ok(Decision::NotDue);
    }
    let backoff = database.read(backoff::load)?;
    Ok(match backoff {
        Some(backoff) if !backoff.is_over(now) => Decision::BackingOff,
        _ => Decision::Begin,
    })
}

/// Whether an engine without our lock seems to be at work, such as the TypeScript one.
///
/// Where that has died, its entry says "running" for ever. So one that is older than a run of
/// ours may become is taken for dead; the sync that begins then marks it as failed.
fn runs_without_lock(database: &Database, clock: &Arc<dyn Clock>) -> Result<bool> {
    let running = SyncHistoryRepository::with_clock(database, Arc::clone(clock)).get_running()?;
    let now = clock.now();
    Ok(running.iter().any(|entry| {
        from_iso(&entry.started_at).is_some_and(|started| {
            // In the future it is the work of a wrong clock, which may have been right as well.
            now.signed_duration_since(started)
                .abs()
                .to_std()
                .is_ok_and(|age| age < DEFAULT_DEADLINE)
        })
    }))
}

/// The text for the error callback, where a sync was not a success.
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
        // Other answers stay, and so does the database's own word.
        let answer = backoff.over(Ok(Decision::NotDue), start).unwrap();
        assert_eq!(answer, Decision::NotDue);
        backoff.clear();
        assert_eq!(at(&backoff, start), Decision::Begin);
    }
}
