//! Times in any spelling: a registry's stamps, and what its headers say of when to come back.
//!
//! The first two lines are stamps; every further one is a header, `name: value`.

use chrono::{DateTime, Datelike, SubsecRound, Utc};
use skillsmith_sync::clock::{from_iso, to_iso};
use skillsmith_sync::testing;

pub fn stamps(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let (one, other) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    for stamp in [one, other] {
        written_and_read(stamp);
    }
    in_order(one, other);
    headers(lines);
}

fn written_and_read(stamp: &str) {
    let canonical = testing::canonical_stamp(stamp);
    assert!(canonical.len() <= stamp.len() + 32);
    let Some(time) = from_iso(stamp) else { return };
    let written = to_iso(time);
    if (0..=9999).contains(&time.year()) {
        assert_eq!(from_iso(&written), Some(time.trunc_subsecs(3)), "{stamp}");
        assert_eq!(written.len(), "2026-01-31T08:00:00.000Z".len(), "{stamp}");
    }
}

fn in_order(one: &str, other: &str) {
    let (Some(first), Some(second)) = (from_iso(one), from_iso(other)) else {
        return;
    };
    assert_eq!(testing::is_newer(one, second), first > second);
    assert_eq!(testing::is_newer(other, first), second > first);
    let is_same = testing::canonical_stamp(one) == testing::canonical_stamp(other);
    assert!(
        !is_same || first == second,
        "{one} and {other} are one stamp, and two times"
    );
}

fn headers<'a>(lines: impl Iterator<Item = &'a str>) {
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .take(8)
        .collect();
    for now in [
        DateTime::UNIX_EPOCH,
        DateTime::<Utc>::MIN_UTC,
        DateTime::<Utc>::MAX_UTC,
    ] {
        let (_, pause) = testing::waits(&headers, now);
        // A month at most: more is a broken header.
        assert!(pause.is_none_or(|pause| pause.as_secs() <= 31 * 86_400));
    }
}
