//! Time as a parameter: the wall clock, elapsed time and waiting.
//!
//! Everything that waits or compares times takes a [`Clock`], so that a test can skip hours. No
//! clock or stored time, however wrong, makes arithmetic panic.
#![warn(clippy::arithmetic_side_effects)]

use std::fmt;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, TimeDelta, Utc};

use crate::cancel::CancelToken;

/// The source of time for the library.
///
/// A clock whose waits take no time, for tests:
///
/// ```
/// use std::sync::Mutex;
/// use std::time::Duration;
/// use chrono::{DateTime, TimeDelta, Utc};
/// use skillsmith_sync::CancelToken;
/// use skillsmith_sync::clock::Clock;
///
/// #[derive(Debug, Default)]
/// struct Skipping(Mutex<Duration>);
///
/// impl Clock for Skipping {
///     fn now(&self) -> DateTime<Utc> {
///         DateTime::UNIX_EPOCH + TimeDelta::from_std(self.elapsed()).unwrap()
///     }
///
///     fn elapsed(&self) -> Duration {
///         *self.0.lock().unwrap()
///     }
///
///     fn wait(&self, duration: Duration, cancel: &CancelToken) -> bool {
///         *self.0.lock().unwrap() += duration;
///         !cancel.is_cancelled()
///     }
/// }
///
/// let clock = Skipping::default();
/// assert!(clock.wait(Duration::from_secs(3_600), &CancelToken::new()));
/// assert_eq!(clock.now().to_string(), "1970-01-01 01:00:00 UTC");
/// ```
pub trait Clock: Send + Sync + fmt::Debug {
    /// The wall clock. It may jump, forwards and backwards.
    fn now(&self) -> DateTime<Utc>;

    /// Monotonic time since a fixed moment. Deadlines use it.
    fn elapsed(&self) -> Duration;

    /// Waits for `duration`, or less if `cancel` is cancelled meanwhile.
    ///
    /// Returns whether it waited to the end.
    fn wait(&self, duration: Duration, cancel: &CancelToken) -> bool;
}

/// The computer's own clock.
///
/// ```
/// use skillsmith_sync::clock::{Clock, SystemClock, from_iso, to_iso};
///
/// let now = to_iso(SystemClock.now());
/// assert!(from_iso(&now).is_some());
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        in_utc(SystemTime::now())
    }

    fn elapsed(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }

    fn wait(&self, duration: Duration, cancel: &CancelToken) -> bool {
        !cancel.wait(duration)
    }
}

/// The longest pause that a registry can impose: quotas are monthly, and a later time is a
/// mistake.
pub(crate) const LONGEST_PAUSE: TimeDelta = TimeDelta::days(31);

/// The time `duration` later, or the last possible time.
#[doc(hidden)]
pub fn later(time: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    time.checked_add_signed(by)
        .unwrap_or(if by < TimeDelta::zero() {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        })
}

/// Limits a retry time to 31 days after `now`.
#[doc(hidden)]
pub fn within_a_month(at: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    at.min(later(now, LONGEST_PAUSE))
}

/// The system's time, which is before 1970 if the clock was never set. Limited to years of four
/// digits: their texts sort like the times, and every other program can read them.
fn in_utc(time: SystemTime) -> DateTime<Utc> {
    const FIRST: DateTime<Utc> = NaiveDate::from_ymd_opt(0, 1, 1)
        .unwrap()
        .and_hms_opt(0, 0, 0)
        .unwrap()
        .and_utc();
    const LAST: DateTime<Utc> = NaiveDate::from_ymd_opt(9999, 12, 31)
        .unwrap()
        .and_hms_milli_opt(23, 59, 59, 999)
        .unwrap()
        .and_utc();
    let epoch = DateTime::UNIX_EPOCH;
    let time = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => TimeDelta::from_std(since)
            .ok()
            .and_then(|since| epoch.checked_add_signed(since))
            .unwrap_or(LAST),
        Err(before) => TimeDelta::from_std(before.duration())
            .ok()
            .and_then(|before| epoch.checked_sub_signed(before))
            .unwrap_or(FIRST),
    };
    time.clamp(FIRST, LAST)
}

/// Formats a time as ISO 8601 with milliseconds and `Z`.
pub fn to_iso(time: DateTime<Utc>) -> String {
    let text = time.to_rfc3339_opts(SecondsFormat::Millis, true);
    // A year of more than four digits has six in JavaScript, which reads no other form.
    let signed = text
        .strip_prefix(['+', '-'])
        .and_then(|rest| rest.split_once('-'));
    match signed {
        Some((year, rest)) => {
            let sign = if text.starts_with('-') { '-' } else { '+' };
            format!("{sign}{year:0>6}-{rest}")
        }
        None => text,
    }
}

/// Parses a time in any format that existing databases have.
///
/// That is ISO 8601 with `Z` or an offset, or without, and SQLite's own `YYYY-MM-DD HH:MM:SS`;
/// a time without an offset is in UTC.
pub fn from_iso(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let with_offset = DateTime::parse_from_rfc3339(text).ok().or_else(|| {
        ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z"]
            .iter()
            .find_map(|form| DateTime::parse_from_str(text, form).ok())
    });
    let time = match with_offset {
        Some(time) => time.with_timezone(&Utc),
        None => without_offset(text)?.and_utc(),
    };
    // A leap second becomes the next second: most readers of these times do not support it.
    DateTime::from_timestamp(time.timestamp(), 0)?
        .checked_add_signed(TimeDelta::nanoseconds(time.timestamp_subsec_nanos().into()))
}

/// Such a time is in UTC.
fn without_offset(text: &str) -> Option<NaiveDateTime> {
    let forms = [
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M",
    ];
    forms
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .or_else(|| Some(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_in_the_field() {
        let expected = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        for text in [
            "2026-11-18T11:06:40Z",
            "2026-11-18T11:06:40.000Z",
            "2026-11-18T12:06:40+01:00",
            "2026-11-18 11:06:40",
            "2026-11-18T11:06:40.000000000",
            "2026-11-18T12:06:40+0100",
            "2026-11-18T11:06:40.0Z",
        ] {
            assert_eq!(from_iso(text), Some(expected), "{text}");
        }
        for (text, full) in [
            ("2026-11-18", "2026-11-18T00:00:00.000Z"),
            ("2026-11-18T11:06Z", "2026-11-18T11:06:00.000Z"),
            ("2026-11-18T11:06+01:00", "2026-11-18T10:06:00.000Z"),
            ("2026-11-18T11:06", "2026-11-18T11:06:00.000Z"),
            ("2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.500Z"),
        ] {
            assert_eq!(from_iso(text).map(to_iso).as_deref(), Some(full), "{text}");
        }
        assert_eq!(from_iso("yesterday"), None);
        assert_eq!(from_iso(""), None);
    }

    #[test]
    fn promise_13_times_of_any_year_are_read() {
        for (text, full) in [
            // As JavaScript writes the years that have more than four digits, or are before the first.
            ("+010000-01-01T00:00:00.000Z", "+010000-01-01T00:00:00.000Z"),
            // As an older version of this library wrote them.
            ("+10000-01-01T00:00:00.000Z", "+010000-01-01T00:00:00.000Z"),
            ("+262142-12-31T23:59:59.9Z", "+262142-12-31T23:59:59.900Z"),
            ("-000001-12-31T23:59:59.000Z", "-000001-12-31T23:59:59.000Z"),
            ("-262143-01-01T00:00:00Z", "-262143-01-01T00:00:00.000Z"),
            ("0000-01-01", "0000-01-01T00:00:00.000Z"),
            ("1969-12-31T16:00:00Z", "1969-12-31T16:00:00.000Z"),
        ] {
            let time = from_iso(text);
            assert_eq!(time.map(to_iso).as_deref(), Some(full), "{text}");
            assert_eq!(from_iso(full), time);
        }
        // After the last second, before the first one, and years out of range.
        for text in [
            "+262142-12-31T23:59:60.9+00:00",
            "+262142-12-31T23:59:59-14:00",
            "-262143-01-01T00:00:00+14:00",
            "+262143-01-01T00:00:00Z",
            "+275760-09-13T00:00:00.000Z",
            "-271821-04-20T00:00:00.000Z",
            "+99999999999999999999-01-01T00:00:00Z",
        ] {
            assert_eq!(from_iso(text), None, "{text}");
        }
    }

    #[test]
    fn promise_13_the_systems_clock_may_show_anything() {
        let epoch = SystemTime::UNIX_EPOCH;
        assert_eq!(to_iso(in_utc(epoch)), "1970-01-01T00:00:00.000Z");
        for (before_ms, text) in [
            (1, "1969-12-31T23:59:59.999Z"),
            (28_800_000, "1969-12-31T16:00:00.000Z"),
            (100_000_000_000_000, "0000-01-01T00:00:00.000Z"),
        ] {
            // The clock of Windows begins in 1601.
            let Some(time) = epoch.checked_sub(Duration::from_millis(before_ms)) else {
                continue;
            };
            assert_eq!(to_iso(in_utc(time)), text);
        }
        for (seconds, text) in [
            (1_795_000_000, "2026-11-18T11:06:40.000Z"),
            (253_402_300_800, "9999-12-31T23:59:59.999Z"),
            (
                u64::try_from(i64::MAX).unwrap() - 1,
                "9999-12-31T23:59:59.999Z",
            ),
        ] {
            let time = epoch.checked_add(Duration::from_secs(seconds)).unwrap();
            assert_eq!(to_iso(in_utc(time)), text);
        }
    }

    #[test]
    fn promise_9_no_pause_is_longer_than_a_month() {
        let now = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let in_days = |days| later(now, TimeDelta::days(days));
        assert_eq!(within_a_month(in_days(30), now), in_days(30));
        assert_eq!(within_a_month(in_days(32), now), in_days(31));
        assert_eq!(within_a_month(DateTime::<Utc>::MAX_UTC, now), in_days(31));
        assert_eq!(later(now, TimeDelta::MAX), DateTime::<Utc>::MAX_UTC);
        assert_eq!(later(now, TimeDelta::MIN), DateTime::<Utc>::MIN_UTC);
    }

    #[test]
    fn writes_milliseconds_and_z() {
        let time = DateTime::from_timestamp(1_795_000_000, 7_999_999).unwrap();
        assert_eq!(to_iso(time), "2026-11-18T11:06:40.007Z");
    }
}
