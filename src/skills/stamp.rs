//! The registry's timestamps, which have several spellings.
#![warn(clippy::arithmetic_side_effects)]

use std::borrow::Cow;
use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use crate::clock::from_iso;

/// A text that is equal for equal times, to the last digit of the fraction.
///
/// A text that is not a timestamp is returned unchanged.
pub(crate) fn canonical(stamp: &str) -> Cow<'_, str> {
    // The two spellings of almost every registry, once or twice for each row of a table.
    let plain = stamp.strip_suffix('Z').or(stamp.strip_suffix("+00:00"));
    if let Some(plain) = plain
        && plain.as_bytes().get(10) == Some(&b'T')
    {
        return Cow::Borrowed(without_zeros(plain));
    }
    let Some(time) = from_iso(stamp) else {
        return Cow::Borrowed(stamp);
    };
    // The seconds as a date, the fraction as text: it may have more digits than a time type
    // supports.
    let seconds = time.format("%Y-%m-%dT%H:%M:%S");
    let fraction: String = stamp
        .split_once('.')
        .map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect())
        .unwrap_or_default();
    let text = format!("{seconds}.{fraction}");
    Cow::Owned(without_zeros(&text).to_owned())
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

/// Whether a stamp is after `since`; true if it cannot be parsed.
pub(crate) fn newer_than(stamp: &str, since: DateTime<Utc>) -> bool {
    from_iso(stamp).is_none_or(|time| time > since)
}

/// Whether one copy of a row is later than another, by their stamps. A copy without a stamp is never
/// later.
pub(crate) fn is_later(stamp: Option<&str>, known: Option<&str>) -> bool {
    let Some(stamp) = stamp else { return false };
    let Some(time) = from_iso(stamp) else {
        return false;
    };
    let Some((known, known_time)) = known.and_then(|known| Some((known, from_iso(known)?))) else {
        return true;
    };
    match time.cmp(&known_time) {
        // A stamp may have more digits than a time type supports.
        Ordering::Equal => canonical(stamp) > canonical(known),
        order => order == Ordering::Greater,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_instant_has_one_form() {
        let same = [
            "2026-01-31T08:00:00Z",
            "2026-01-31T08:00:00.0Z",
            "2026-01-31T08:00:00.000000Z",
            "2026-01-31T08:00:00+00:00",
            "2026-01-31T08:00:00.000+00:00",
            "2026-01-31T08:00:00-00:00",
            "2026-01-31T09:30:00.00+01:30",
            "2026-01-31 08:00:00",
        ];
        for stamp in same {
            assert_eq!(canonical(stamp), "2026-01-31T08:00:00", "{stamp}");
        }
    }

    #[test]
    fn every_digit_counts() {
        assert_ne!(
            canonical("2026-01-31T08:00:00.0000000001Z"),
            canonical("2026-01-31T08:00:00.0000000002Z")
        );
        assert_eq!(
            canonical("2026-01-31T08:00:00.1234567890+00:00"),
            canonical("2026-01-31T08:00:00.123456789Z")
        );
        assert_ne!(
            canonical("2026-01-31T08:00:10Z"),
            canonical("2026-01-31T08:00:01Z")
        );
    }

    #[test]
    fn what_is_no_time_stands_for_itself() {
        for far in [
            "+262142-12-31T23:59:60.9+00:00",
            "+275760-09-13T00:00:00.000Z",
        ] {
            assert_eq!(canonical(far), far);
            assert!(newer_than(far, DateTime::UNIX_EPOCH));
        }
        assert_eq!(
            canonical("+010000-01-01T01:00:00.50+01:00"),
            canonical("+010000-01-01T00:00:00.5Z")
        );
        assert!(!newer_than(
            "-000001-01-01T00:00:00.000Z",
            DateTime::UNIX_EPOCH
        ));
        assert_eq!(canonical("v10.0"), "v10.0");
        assert_eq!(canonical("soonZ"), "soonZ");
    }
}
