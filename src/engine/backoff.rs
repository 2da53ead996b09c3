//! When to try again after a run that failed. Kept in `sync_state`, so that a restart does not forget it.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use crate::clock::{from_iso, to_iso};
use crate::database::state;
use crate::{Error, Result};

/// What is kept of failed runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Backoff {
    /// Failed runs in a row that got nowhere.
    failures: u32,
    failed_at: String,
    /// The next automatic try.
    next_try_at: String,
    /// The registry said: not before.
    not_before: Option<String>,
}

impl Backoff {
    /// After another failure: 1, 2, 4 … minutes, at most the interval of the
    /// configuration, and never before the registry's own word.
    ///
    /// A run that read something was worth its while, so counting starts anew.
    fn after(
        old: Option<&Self>,
        error: &Error,
        progressed: bool,
        interval_ms: i64,
        now: DateTime<Utc>,
    ) -> Self {
        let failures = match old {
            Some(old) if !progressed => old.failures.saturating_add(1),
            _ => 1,
        };
        let minutes = TimeDelta::minutes(1 << (failures - 1).min(20));
        let delay = minutes.min(TimeDelta::milliseconds(interval_ms.max(60_000)));
        let not_before = error.retry_at().filter(|at| *at > now);
        let next = (now + delay).max(not_before.unwrap_or(now));
        Self {
            failures,
            failed_at: to_iso(now),
            next_try_at: to_iso(next),
            not_before: not_before.map(to_iso),
        }
    }

    /// Whether an automatic run may be tried at `now`.
    pub(crate) fn is_over(&self, now: DateTime<Utc>) -> bool {
        // Written under a clock that was ahead: its times mean nothing.
        let clock_went_back = from_iso(&self.failed_at).is_none_or(|failed| failed > now);
        clock_went_back || from_iso(&self.next_try_at).is_none_or(|next| now >= next)
    }
}

/// The back-off that is in force, if any.
pub(crate) fn load(conn: &Connection) -> Result<Option<Backoff>> {
    state::get(conn, state::key::BACKOFF)
}

/// Notes a failed run; inside the caller's transaction. A cancelled run is nobody's failure.
pub(super) fn note(
    conn: &Connection,
    error: &Error,
    progressed: bool,
    interval_ms: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    if matches!(error, Error::Cancelled | Error::SyncInProgress) {
        return Ok(());
    }
    let old = load(conn)?;
    let new = Backoff::after(old.as_ref(), error, progressed, interval_ms, now);
    state::set(conn, state::key::BACKOFF, &new)
}

/// Forgets failures; inside the caller's transaction.
pub(super) fn clear(conn: &Connection) -> Result<()> {
    state::remove(conn, state::key::BACKOFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn minutes(backoff: &Backoff, from: DateTime<Utc>) -> i64 {
        (from_iso(&backoff.next_try_at).unwrap() - from).num_minutes()
    }

    #[test]
    fn it_doubles_up_to_the_interval() {
        let mut old = None;
        let mut waits = Vec::new();
        for _ in 0..13 {
            let new = Backoff::after(old.as_ref(), &Error::Unhealthy(None), false, DAY_MS, now());
            waits.push(minutes(&new, now()));
            old = Some(new);
        }
        assert_eq!(
            waits,
            [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440, 1440]
        );
    }

    #[test]
    fn a_run_that_got_on_starts_anew() {
        let third = Backoff {
            failures: 3,
            failed_at: to_iso(now()),
            next_try_at: to_iso(now()),
            not_before: None,
        };
        let new = Backoff::after(Some(&third), &Error::Unhealthy(None), true, DAY_MS, now());
        assert_eq!((new.failures, minutes(&new, now())), (1, 1));
    }

    #[test]
    fn the_registrys_own_word_is_kept() {
        let error = Error::RateLimited {
            retry_at: Some(now() + TimeDelta::days(3)),
        };
        let new = Backoff::after(None, &error, false, DAY_MS, now());
        assert_eq!(minutes(&new, now()), 3 * 1440);
        assert!(!new.is_over(now() + TimeDelta::days(2)));
        assert!(new.is_over(now() + TimeDelta::days(3)));
    }

    #[test]
    fn a_clock_that_was_ahead_does_not_stop_us() {
        let ahead = Backoff::after(
            None,
            &Error::Unhealthy(None),
            false,
            DAY_MS,
            now() + TimeDelta::days(400),
        );
        assert!(ahead.is_over(now()));
    }
}
