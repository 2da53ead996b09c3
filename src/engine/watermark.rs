//! The watermark: the stamp after which the sync endpoint is asked for changes.
//!
//! A stamp is set when the registry's transaction begins, so a row can become visible after one
//! with a later stamp; a listing takes time, during which rows already read may change; and clocks
//! differ. So the watermark lies before the latest stamp, by [`OVERLAP`] plus the time that the
//! listing took, until it is certain that no more rows can appear before that stamp.
#![warn(clippy::arithmetic_side_effects)]

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::clock::{from_iso, later, to_iso};
use crate::registry::Page;

/// How long after a row with a later stamp a row may become visible.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);

/// Once the latest stamp is older than this, no row before it is still to become visible.
const SETTLED_AFTER: TimeDelta = TimeDelta::days(1);

/// How far a clock may be off before times that were kept make no sense.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::days(1);

/// A longer stamp moves no watermark: it would be part of an address, and its row comes again.
const LONGEST_STAMP: usize = 64;

/// How far the sync endpoint of a registry has been listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Watermark {
    /// The next listing asks for rows stamped later than this.
    pub(super) since: String,
    /// The latest stamp seen, with every digit that was served.
    stamp: String,
    /// When the first listing that saw it ended, as ISO time: by the registry's clock if it tells
    /// the time.
    met_at: String,
    /// When the last full listing began, as local ISO time.
    whole_at: String,
}

/// What a listing of the sync endpoint has learned about stamps and time. Part of its cursor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Horizon {
    /// The latest stamp seen, with every digit that was served.
    latest: Option<String>,
    /// The time told by the registry, at the first page and at the last one.
    began: Option<String>,
    ended: Option<String>,
}

impl Horizon {
    /// Notes a page. `now`: our time.
    pub(super) fn note(&mut self, page: &Page, now: DateTime<Utc>) {
        let told = page.served_at;
        if let Some(told) = told {
            self.began.get_or_insert_with(|| to_iso(told));
            self.ended = Some(to_iso(told));
        }
        // Where it does not tell its time, its clock may be ahead of ours: then its newest stamps do not
        // count yet, and their rows come again.
        let most = told.unwrap_or(now);
        let mut latest = self.latest.as_deref().and_then(from_iso);
        let stamps = page.rows.iter().filter_map(|row| row.stamp());
        for stamp in stamps.filter(|stamp| stamp.len() <= LONGEST_STAMP) {
            // A stamp in the future would move the watermark out of reach.
            if let Some(at) = from_iso(stamp).filter(|at| *at <= most)
                && latest.is_none_or(|latest| at > latest)
            {
                latest = Some(at);
                self.latest = Some(stamp.to_owned());
            }
        }
    }
}

/// When a finished listing began and ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// By our clock.
    pub(super) began: DateTime<Utc>,
    pub(super) ended: DateTime<Utc>,
}

impl Watermark {
    /// The watermark after a listing that was read to its end. `old`: the watermark that it used;
    /// `None` for a full listing.
    ///
    /// `None` if no row has a valid stamp, or a clock went backwards meanwhile.
    pub(super) fn after(old: Option<&Self>, horizon: &Horizon, times: Times) -> Option<Self> {
        let known = old.map(|old| old.stamp.as_str());
        let at = |stamp: Option<&str>| stamp.and_then(from_iso);
        let is_news = at(horizon.latest.as_deref()) > at(known);
        let stamp = if is_news {
            horizon.latest.as_deref()?
        } else {
            known?
        };
        let latest = from_iso(stamp)?;
        let told = |text: &Option<String>| text.as_deref().and_then(from_iso);
        let (began, ended) = told(&horizon.began)
            .zip(told(&horizon.ended))
            .unwrap_or((times.began, times.ended));
        // By both clocks, since either may have stood still.
        let took = times.ended.signed_duration_since(times.began);
        let took_there = ended.signed_duration_since(began);
        if took < TimeDelta::zero() || took_there < TimeDelta::zero() {
            return None;
        }
        let met_at = match old {
            Some(old) if !is_news => old.met_at.clone(),
            _ => to_iso(ended),
        };
        // As of the start of the listing: rows that became visible later may have been missed.
        let is_old = began.signed_duration_since(latest) > SETTLED_AFTER;
        // An answer that is empty by mistake confirms nothing: the row with that stamp must have
        // been served.
        let has_come = at(horizon.latest.as_deref()) == Some(latest);
        let was_confirmed = !is_news
            && from_iso(&met_at).is_some_and(|met| began.signed_duration_since(met) > OVERLAP);
        let since = if let Some(old) = old.filter(|_| !has_come) {
            old.since.clone()
        } else if is_old || was_confirmed {
            stamp.to_owned()
        } else {
            let margin = later_by(OVERLAP, took.max(took_there));
            to_iso(latest.checked_sub_signed(margin)?)
        };
        Some(Self {
            since,
            stamp: stamp.to_owned(),
            met_at,
            whole_at: old.map_or_else(|| to_iso(times.began), |old| old.whole_at.clone()),
        })
    }

    /// Whether the next listing may ask for changes only.
    pub(super) fn is_good_at(&self, now: DateTime<Utc>, whole_every: TimeDelta) -> bool {
        let is_recent = is_within(&self.whole_at, now, whole_every);
        let stamp = from_iso(&self.stamp);
        let is_past = stamp.is_some_and(|stamp| stamp <= later(now, CLOCKS_DIFFER));
        // Neither holds for what this version has written.
        let is_sound = self.since.len() <= LONGEST_STAMP && from_iso(&self.since) <= stamp;
        is_recent && is_past && is_sound
    }
}

/// Whether something that is to be read again after `every` was read at `at` and not longer ago.
pub(super) fn is_within(at: &str, now: DateTime<Utc>, every: TimeDelta) -> bool {
    from_iso(at).is_some_and(|at| {
        let age = now.signed_duration_since(at);
        // A clock that was set back a little does not cost a full listing.
        age > -CLOCKS_DIFFER && age < every
    })
}

fn later_by(one: TimeDelta, other: TimeDelta) -> TimeDelta {
    one.checked_add(&other).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-08-20T12:00:00.000Z";

    fn time(text: &str) -> DateTime<Utc> {
        from_iso(text).unwrap()
    }

    fn horizon(stamps: &[&str], served_at: Option<&str>, now: &str) -> Horizon {
        let rows: Vec<String> = stamps
            .iter()
            .enumerate()
            .map(|(n, stamp)| format!(r#"{{"id":"{n}","name":"n","updated_at":"{stamp}"}}"#))
            .collect();
        let mut page =
            Page::parse(format!(r#"{{"data":[{}]}}"#, rows.join(",")).as_bytes()).unwrap();
        page.served_at = served_at.map(time);
        let mut horizon = Horizon::default();
        horizon.note(&page, time(now));
        horizon
    }

    fn times(began: &str, ended: &str) -> Times {
        Times {
            began: time(began),
            ended: time(ended),
        }
    }

    /// A listing that took no time at all.
    fn at(now: &str) -> Times {
        times(now, now)
    }

    #[test]
    fn it_lies_before_the_latest_stamp_by_ten_minutes_and_the_time_of_the_listing() {
        let met = horizon(&["2026-08-20T11:50:00Z", "2026-08-20T11:00:00Z"], None, NOW);
        let mark = Watermark::after(None, &met, at(NOW)).unwrap();
        assert_eq!(mark.since, "2026-08-20T11:40:00.000Z");
        let long = times("2026-08-20T09:00:00Z", NOW);
        let mark = Watermark::after(None, &met, long).unwrap();
        assert_eq!(mark.since, "2026-08-20T08:40:00.000Z");
    }

    #[test]
    fn a_stamp_of_more_than_a_day_ago_is_taken_with_every_digit() {
        let stamp = "2026-08-18T11:00:00.1234567+02:00";
        let mark = Watermark::after(None, &horizon(&[stamp], None, NOW), at(NOW)).unwrap();
        assert_eq!(mark.since, stamp);
    }

    #[test]
    fn a_listing_of_days_does_not_make_its_stamp_old() {
        let met = horizon(&["2026-08-18T11:50:00Z"], None, NOW);
        let mark = Watermark::after(None, &met, times("2026-08-18T12:00:00Z", NOW)).unwrap();
        assert_eq!(mark.since, "2026-08-16T11:40:00.000Z");
    }

    #[test]
    fn a_later_listing_without_news_confirms_the_stamp() {
        let stamp = "2026-08-20T11:59:00.5Z";
        let first = Watermark::after(None, &horizon(&[stamp], None, NOW), at(NOW)).unwrap();
        let soon = "2026-08-20T12:09:00Z";
        let again =
            Watermark::after(Some(&first), &horizon(&[stamp], None, soon), at(soon)).unwrap();
        assert_eq!(again.since, "2026-08-20T11:49:00.500Z");
        let later = "2026-08-20T12:11:00Z";
        let empty = Watermark::after(Some(&again), &Horizon::default(), at(later)).unwrap();
        assert_eq!(empty, again);
        let met = horizon(&[stamp], None, later);
        let confirmed = Watermark::after(Some(&again), &met, at(later)).unwrap();
        assert_eq!(confirmed.since, stamp);
        assert_eq!(confirmed.whole_at, NOW);
        // Later changes: the overlap applies again.
        let news = horizon(&["2026-08-20T12:10:30Z"], None, later);
        let moved = Watermark::after(Some(&confirmed), &news, at(later)).unwrap();
        assert_eq!(moved.since, "2026-08-20T12:00:30.000Z");
    }

    #[test]
    fn stamps_of_the_future_do_not_count() {
        let stamps = [
            "2026-08-20T11:00:00Z",
            "2026-08-20T13:00:00Z",
            "2999-01-01T00:00:00Z",
        ];
        let told = horizon(&stamps, Some(NOW), NOW);
        let mark = Watermark::after(None, &told, at(NOW)).unwrap();
        assert_eq!(mark.stamp, stamps[0]);
        // Without the registry's time, by ours.
        let untold = horizon(&stamps, None, NOW);
        let mark = Watermark::after(None, &untold, at(NOW)).unwrap();
        assert_eq!(mark.stamp, stamps[0]);
        // The registry's clock is two hours ahead, and its stamps with it.
        let ahead = horizon(&stamps, Some("2026-08-20T14:00:00Z"), NOW);
        let mark = Watermark::after(None, &ahead, at(NOW)).unwrap();
        assert_eq!(mark.since, "2026-08-20T12:50:00.000Z");
    }

    #[test]
    fn without_stamps_or_with_a_clock_that_runs_backwards_there_is_none() {
        let none = horizon(&["soon", "9999999"], None, NOW);
        assert_eq!(Watermark::after(None, &none, at(NOW)), None);
        let some = horizon(&["2026-08-20T11:00:00Z"], None, NOW);
        let backwards = times(NOW, "2026-08-20T11:59:59Z");
        assert_eq!(Watermark::after(None, &some, backwards), None);
    }

    #[test]
    fn a_whole_listing_is_due_after_its_time_or_where_the_clock_makes_no_sense() {
        let mark = Watermark::after(
            None,
            &horizon(&["2026-08-01T00:00:00Z"], None, NOW),
            at(NOW),
        )
        .unwrap();
        let every = TimeDelta::days(30);
        assert!(mark.is_good_at(time("2026-09-19T11:59:59Z"), every));
        assert!(!mark.is_good_at(time("2026-09-19T12:00:01Z"), every));
        assert!(mark.is_good_at(time("2026-08-20T11:00:00Z"), every));
        assert!(!mark.is_good_at(time("2026-07-20T11:00:00Z"), every));
    }

    #[test]
    fn promise_13_no_stamp_is_out_of_range() {
        for stamp in [
            "+262142-12-31T23:59:60.9+00:00",
            "-262143-01-01T00:00:00Z",
            "",
        ] {
            for served_at in [
                Some("+262142-12-31T23:59:59Z"),
                Some("-262143-01-01T00:00:00Z"),
                None,
            ] {
                let met = horizon(&[stamp], served_at, NOW);
                for times in [
                    at(NOW),
                    times("-262143-01-01T00:00:00Z", "+262142-12-31T23:59:59Z"),
                ] {
                    if let Some(mark) = Watermark::after(None, &met, times) {
                        _ = mark.is_good_at(DateTime::<Utc>::MAX_UTC, TimeDelta::MAX);
                        _ = mark.is_good_at(DateTime::<Utc>::MIN_UTC, TimeDelta::zero());
                    }
                }
            }
        }
    }
}
