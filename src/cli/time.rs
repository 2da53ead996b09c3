//! Times and durations as people read them.

use chrono::{DateTime, Offset, TimeDelta, Timelike, Utc};

use super::text::clean;
use super::zone;
use crate::clock::from_iso;

/// The zone in which times are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    /// That of this process.
    Local,
    Utc,
}

impl Zone {
    /// `2026-11-22 16:48`, and `+01:00` or `UTC`.
    pub(super) fn show(self, time: DateTime<Utc>) -> (String, String) {
        let offset = match self {
            Self::Local => zone::offset(time),
            Self::Utc => None,
        };
        let offset = offset.unwrap_or_else(|| Utc.fix());
        let name = if offset.local_minus_utc() == 0 {
            "UTC".to_owned()
        } else {
            offset.to_string()
        };
        let time = time.with_timezone(&offset).format("%Y-%m-%d %H:%M");
        (time.to_string(), name)
    }

    /// A message of the library, which tells times in UTC, with those of this zone.
    pub(super) fn in_message(self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        for piece in text.split_inclusive(" UTC") {
            match at_the_end(piece) {
                Some((before, time)) if self == Self::Local => {
                    let (minute, offset) = self.show(time);
                    let second = format!(":{:02} ", time.second());
                    shown.extend([before, &minute, &second, &offset]);
                }
                _ => shown.push_str(piece),
            }
        }
        shown
    }

    /// `2026-11-22 16:48 +01:00 (3 minutes ago)`; a text that is not a time is returned unchanged.
    pub(super) fn moment_from(self, iso: &str, now: DateTime<Utc>) -> String {
        let Some(time) = from_iso(iso) else {
            return clean(iso);
        };
        let (text, zone) = self.show(time);
        format!("{text} {zone} ({})", relative(time - now))
    }
}

/// The length of `2026-11-22 15:48:00`.
const STAMP: usize = 19;

/// The time at the end of `text`, in UTC, and what stands before it.
fn at_the_end(text: &str) -> Option<(&str, DateTime<Utc>)> {
    let text = text.strip_suffix(" UTC")?;
    let (before, stamp) = text.split_at_checked(text.len().checked_sub(STAMP)?)?;
    // Not a date alone.
    let time = stamp.contains(':').then(|| from_iso(stamp))??;
    Some((before, time))
}

/// `3 minutes ago`, `in 5 hours`.
fn relative(ahead: TimeDelta) -> String {
    let seconds = ahead.num_seconds().unsigned_abs();
    let (number, unit) = match seconds {
        0..60 if ahead <= TimeDelta::zero() => return "just now".into(),
        0..60 => return "in less than a minute".into(),
        60..3_600 => (seconds / 60, "minute"),
        3_600..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if number == 1 { "" } else { "s" };
    if ahead < TimeDelta::zero() {
        format!("{number} {unit}{plural} ago")
    } else {
        format!("in {number} {unit}{plural}")
    }
}

/// `850 ms`, `1.2 s`, `2 min 5 s`, `1 h 30 min`.
pub(super) fn duration(ms: u64) -> String {
    let seconds = ms / 1_000;
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{seconds}.{} s", ms % 1_000 / 100),
        60_000..3_600_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_fit_their_size() {
        for (ms, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_250, "1.2 s"),
            (59_999, "59.9 s"),
            (125_000, "2 min 5 s"),
            (5_400_000, "1 h 30 min"),
        ] {
            assert_eq!(duration(ms), text);
        }
    }

    #[test]
    fn distances_are_rounded_down() {
        for (seconds, text) in [
            (0, "just now"),
            (-59, "just now"),
            (30, "in less than a minute"),
            (-60, "1 minute ago"),
            (-3_599, "59 minutes ago"),
            (3_600, "in 1 hour"),
            (-90_000, "25 hours ago"),
            (172_800, "in 2 days"),
        ] {
            assert_eq!(relative(TimeDelta::seconds(seconds)), text);
        }
    }

    #[test]
    fn times_in_messages_are_found_at_any_place() {
        let (before, time) = at_the_end("after 2026-11-18 11:03:40 UTC").unwrap();
        assert_eq!(before, "after ");
        assert_eq!(time.to_rfc3339(), "2026-11-18T11:03:40+00:00");
        for text in [
            "UTC",
            " UTC",
            "in UTC",
            "é2026-11-18 11:03:4 UTC",
            "after the sync of 2026 UTC",
        ] {
            assert!(at_the_end(text).is_none(), "{text}");
            assert_eq!(Zone::Local.in_message(text), text);
        }
        let text = "from 2026-11-18 11:03:40 UTC to 2026-11-18 11:03:41 UTC.";
        assert_eq!(Zone::Utc.in_message(text), text);
    }

    #[test]
    fn what_is_no_time_is_shown_without_control_characters() {
        let now = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        assert_eq!(
            Zone::Utc.moment_from("soon\u{1b}[2J", now),
            r"soon\u{1b}[2J"
        );
        assert_eq!(
            Zone::Utc.moment_from("2026-11-18 11:03:40", now),
            "2026-11-18 11:03 UTC (3 minutes ago)"
        );
    }
}
