//! Time as a parameter: the wall clock, elapsed time and waiting.
//!
//! Everything that waits or compares times takes a [`Clock`], so that a test
//! can let hours pass in no time.

use std::fmt;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, TimeDelta, Utc};

use crate::cancel::CancelToken;

/// Where the library takes its time from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The wall clock. It may jump, forwards and backwards.
    fn now(&self) -> DateTime<Utc>;

    /// Time that only ever grows, since some fixed moment. Deadlines use it.
    fn elapsed(&self) -> Duration;

    /// Waits for `duration`, or less if `cancel` is cancelled meanwhile.
    ///
    /// Returns whether it waited to the end.
    fn wait(&self, duration: Duration, cancel: &CancelToken) -> bool;
}

/// The computer's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn elapsed(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }

    fn wait(&self, duration: Duration, cancel: &CancelToken) -> bool {
        !cancel.wait(duration)
    }
}

/// A time as this library writes it: ISO 8601 with milliseconds and `Z`.
pub fn to_iso(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Reads a time in any form that stands in the databases in the field.
///
/// That is ISO 8601 with `Z` or an offset, or without, and SQLite's own
/// `YYYY-MM-DD HH:MM:SS`; what has no offset is in UTC.
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
    // A leap second, which most of what reads these times has never heard of, is the next second.
    DateTime::from_timestamp(time.timestamp(), 0)
        .map(|whole| whole + TimeDelta::nanoseconds(time.timestamp_subsec_nanos().into()))
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
    fn writes_milliseconds_and_z() {
        let time = DateTime::from_timestamp(1_795_000_000, 7_999_999).unwrap();
        assert_eq!(to_iso(time), "2026-11-18T11:06:40.007Z");
    }
}
