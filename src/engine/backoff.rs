//! Backoff after failed runs. Kept in `sync_state`, so that it survives a restart.
#![warn(clippy::arithmetic_side_effects)]

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use crate::clock::{from_iso, later, to_iso, within_a_month};
use crate::database::state;
use crate::statements::Statements;
use crate::{Error, ErrorCode, Result};

/// The stored state of failed runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Backoff {
    /// Consecutive failed runs without progress.
    failures: u32,
    failed_at: String,
    /// When the next automatic run may start.
    next_try_at: String,
    /// The registry asked for no request before this time.
    not_before: Option<String>,
    /// The failure has a cause that waiting does not mend.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_lasting: bool,
}

impl Backoff {
    /// The backoff after another failure: 1, 2, 4 … minutes, at most the configured interval, but
    /// never before the time that the registry asked for; never more than a month.
    ///
    /// A run that made progress resets the count. `spread`, in thousandths: so much of a tenth longer, or
    /// of a minute after the registry's time, so that clients that failed together do not return
    /// together.
    fn after(
        old: Option<&Self>,
        error: &Error,
        progressed: bool,
        interval_ms: i64,
        now: DateTime<Utc>,
        spread: i64,
    ) -> Self {
        let failures = match old {
            Some(old) if !progressed => old.failures.saturating_add(1),
            _ => 1,
        };
        let interval =
            TimeDelta::try_milliseconds(interval_ms.max(60_000)).unwrap_or(TimeDelta::MAX);
        let minutes = match error {
            // Nothing failed: the next run is due after the normal interval.
            Error::BudgetUsed { .. } => interval,
            _ => TimeDelta::minutes(1 << failures.saturating_sub(1).min(20)),
        };
        let asked = error
            .retry_at()
            .filter(|at| *at > now)
            .map(|at| within_a_month(at, now));
        let share = |of: TimeDelta| {
            let thousandth = of.num_milliseconds().max(0).div_euclid(1_000);
            TimeDelta::try_milliseconds(thousandth.saturating_mul(spread)).unwrap_or_default()
        };
        let longer = minutes
            .min(interval)
            .checked_div(10)
            .map_or(TimeDelta::zero(), share);
        let pause = minutes
            .checked_add(&longer)
            .unwrap_or(TimeDelta::MAX)
            .min(interval);
        let after = asked.map(|at| later(at, share(TimeDelta::minutes(1))));
        let next = later(now, pause).max(after.unwrap_or(now));
        let next = within_a_month(next, now);
        Self {
            failures,
            failed_at: to_iso(now),
            next_try_at: to_iso(next),
            not_before: asked.map(to_iso),
            is_lasting: is_lasting(error.code()),
        }
    }

    /// Whether the last failed run had a cause that waiting does not mend: the next one fails too.
    #[cfg(feature = "cli")]
    pub(crate) const fn is_lasting(&self) -> bool {
        self.is_lasting
    }

    /// Whether an automatic run may be tried at `now`.
    pub(crate) fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.ends_at(now).is_none()
    }

    /// When an automatic run may be tried, if that is later than `now`.
    pub(super) fn ends_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // Written while the clock was ahead: its times mean nothing.
        let failed_at = from_iso(&self.failed_at).filter(|failed| *failed <= now)?;
        // An older version of this library may have stored any time.
        let next = from_iso(&self.next_try_at)?;
        Some(within_a_month(next, failed_at)).filter(|next| *next > now)
    }
}

/// A quota is there again in the next month, and whoever set the offline mode knows.
const fn is_lasting(code: ErrorCode) -> bool {
    !code.retryable() && !matches!(code, ErrorCode::QuotaExceeded | ErrorCode::Offline)
}

/// The stored backoff, if any.
pub(crate) fn load(conn: &dyn Statements) -> Result<Option<Backoff>> {
    state::get(conn, state::key::BACKOFF)
}

/// Records a failed run, inside the caller's transaction. A cancelled run is not a failure.
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
    let new = Backoff::after(
        old.as_ref(),
        error,
        progressed,
        interval_ms,
        now,
        crate::random::rng().i64(0..1_000),
    );
    state::set(conn, state::key::BACKOFF, &new)
}

/// Records how long a run waits, because the registry asked for it or between two attempts, inside the
/// caller's transaction: if the run is cancelled or its process ends, the next automatic run waits for
/// the rest.
pub(super) fn note_wait(conn: &Connection, wait: Duration, now: DateTime<Utc>) -> Result<()> {
    let wait = TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX);
    let next = to_iso(within_a_month(later(now, wait), now));
    let pause = Backoff {
        failures: load(conn)?.map_or(0, |old| old.failures),
        failed_at: to_iso(now),
        next_try_at: next.clone(),
        not_before: Some(next),
        is_lasting: false,
    };
    state::set(conn, state::key::BACKOFF, &pause)
}

/// Clears the backoff, inside the caller's transaction.
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
        from_iso(&backoff.next_try_at)
            .unwrap()
            .signed_duration_since(from)
            .num_minutes()
    }

    #[test]
    fn it_doubles_up_to_the_interval() {
        let mut old = None;
        let mut waits = Vec::new();
        for _ in 0..13 {
            let new = Backoff::after(
                old.as_ref(),
                &Error::Unhealthy(None),
                false,
                DAY_MS,
                now(),
                0,
            );
            waits.push(minutes(&new, now()));
            old = Some(new);
        }
        assert_eq!(
            waits,
            [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440, 1440]
        );
    }

    #[test]
    fn clients_that_failed_together_do_not_return_together() {
        let error = Error::Unhealthy(None);
        let after = |spread| Backoff::after(None, &error, false, DAY_MS, now(), spread).next_try_at;
        assert_eq!(after(0), to_iso(now() + TimeDelta::seconds(60)));
        assert_eq!(after(500), to_iso(now() + TimeDelta::seconds(63)));
        // Never before the registry's time, and never longer than the interval.
        let at = now() + TimeDelta::days(2);
        let error = Error::RateLimited { retry_at: Some(at) };
        let new = Backoff::after(None, &error, false, DAY_MS, now(), 500);
        assert_eq!(new.next_try_at, to_iso(at + TimeDelta::seconds(30)));
        let last = Backoff {
            failures: 20,
            ..new
        };
        let error = Error::Unhealthy(None);
        let new = Backoff::after(Some(&last), &error, false, DAY_MS, now(), 900);
        assert_eq!(minutes(&new, now()), 1_440);
    }

    #[test]
    fn a_run_that_got_on_starts_anew() {
        let third = Backoff {
            failures: 3,
            failed_at: to_iso(now()),
            next_try_at: to_iso(now()),
            not_before: None,
            is_lasting: false,
        };
        let new = Backoff::after(
            Some(&third),
            &Error::Unhealthy(None),
            true,
            DAY_MS,
            now(),
            0,
        );
        assert_eq!((new.failures, minutes(&new, now())), (1, 1));
    }

    #[test]
    fn the_registrys_own_word_is_kept() {
        let error = Error::RateLimited {
            retry_at: Some(now() + TimeDelta::days(3)),
        };
        let new = Backoff::after(None, &error, false, DAY_MS, now(), 0);
        assert_eq!(minutes(&new, now()), 3 * 1440);
        assert!(!new.is_over(now() + TimeDelta::days(2)));
        assert!(new.is_over(now() + TimeDelta::days(3)));
    }

    #[test]
    fn promise_9_a_month_is_the_longest_pause() {
        let month = 31 * 1_440;
        for retry_at in [now() + TimeDelta::days(32), DateTime::<Utc>::MAX_UTC] {
            let error = Error::RateLimited {
                retry_at: Some(retry_at),
            };
            let new = Backoff::after(None, &error, false, DAY_MS, now(), 0);
            assert_eq!(minutes(&new, now()), month);
            assert!(
                new.not_before
                    .as_ref()
                    .is_some_and(|at| *at == new.next_try_at)
            );
            assert!(!new.is_over(now() + TimeDelta::days(30)));
            assert!(new.is_over(now() + TimeDelta::days(31)));
        }
        // As stored by an older version.
        for next in ["5195-01-01T00:00:00.000Z", "+262142-12-31T23:59:60.9+00:00"] {
            let old = Backoff {
                failures: 1,
                failed_at: to_iso(now()),
                next_try_at: next.into(),
                not_before: Some(next.into()),
                is_lasting: false,
            };
            assert!(old.is_over(now() + TimeDelta::days(31)), "{next}");
        }
    }

    #[test]
    fn promise_13_no_count_and_no_interval_is_too_large() {
        for failures in [0, 1, u32::MAX] {
            let old = Backoff {
                failures,
                failed_at: "+262142-12-31T23:59:60.9+00:00".into(),
                next_try_at: String::new(),
                not_before: None,
                is_lasting: false,
            };
            assert!(old.is_over(now()));
            for interval_ms in [i64::MIN, 0, i64::MAX] {
                for at in [now(), DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
                    let error = Error::Unhealthy(None);
                    let new = Backoff::after(Some(&old), &error, false, interval_ms, at, 0);
                    assert!(new.is_over(later(at, TimeDelta::days(31))));
                }
            }
        }
    }

    #[test]
    fn a_clock_that_was_ahead_does_not_stop_us() {
        let ahead = Backoff::after(
            None,
            &Error::Unhealthy(None),
            false,
            DAY_MS,
            now() + TimeDelta::days(400),
            0,
        );
        assert!(ahead.is_over(now()));
    }
}
