//! When to send the next request, according to the headers of responses.
#![warn(clippy::arithmetic_side_effects)]

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use ureq::http::{HeaderMap, StatusCode};

use crate::clock::LONGEST_PAUSE;

/// Used if the reset is in the past by our clock: it still means "not at once".
pub(super) const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// How long to wait before the next request, if this response used up the rate limit.
pub(crate) fn pause_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    if number(text(headers, "x-ratelimit-remaining")?)? > 0 {
        return None;
    }
    until_reset(headers, now)
}

fn until_reset(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let reset = number(text(headers, "x-ratelimit-reset")?)?;
    let reset = DateTime::from_timestamp(reset, 0)?;
    let wait = until(reset, headers, now);
    // A longer wait is a broken header (in milliseconds, for example), not a rate limit.
    (wait <= longest()).then_some(wait.max(SHORTEST_WAIT))
}

/// The number of requests allowed per minute.
pub(super) fn rate_limit(headers: &HeaderMap) -> Option<u64> {
    u64::try_from(number(text(headers, "x-ratelimit-limit")?)?).ok()
}

/// `Retry-After`, in either form: seconds, or a date. At most a month.
pub(crate) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = text(headers, "retry-after")?;
    let wait = match number(text) {
        Some(seconds) => Duration::from_secs(u64::try_from(seconds).ok()?),
        None => until(http_date(text)?, headers, now),
    };
    Some(wait.min(longest()))
}

/// How long to wait after a failure with this status. After a 429 the reset tells it where a proxy
/// has dropped `Retry-After`.
pub(super) fn asked_pause(
    status: StatusCode,
    headers: &HeaderMap,
    now: DateTime<Utc>,
) -> Option<Duration> {
    let told = retry_after(headers, now);
    if status != StatusCode::TOO_MANY_REQUESTS {
        return told;
    }
    let is_told_what_remains = headers.contains_key("x-ratelimit-remaining");
    told.or_else(|| pause_after(headers, now))
        .or_else(|| until_reset(headers, now).filter(|_| !is_told_what_remains))
}

fn longest() -> Duration {
    LONGEST_PAUSE.to_std().unwrap_or(Duration::MAX)
}

/// The time until `at`; `None` if it has passed.
fn until(at: DateTime<Utc>, headers: &HeaderMap, now: DateTime<Utc>) -> Duration {
    at.signed_duration_since(server_now(headers, now))
        .to_std()
        .unwrap_or_default()
}

/// The current time by the server's clock, which may differ from ours: its headers refer to it.
fn server_now(headers: &HeaderMap, now: DateTime<Utc>) -> DateTime<Utc> {
    date(headers).unwrap_or(now)
}

/// The time in the `Date` header.
pub(super) fn date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    text(headers, "date").and_then(http_date)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

/// A whole number. Fractions are rounded up; a number out of range becomes the largest one.
fn number(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = whole.strip_prefix(['+', '-']).unwrap_or(whole);
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(digits) || !all_digits(fraction) {
        return None;
    }
    let number = digits.parse::<i64>().unwrap_or(i64::MAX);
    if whole.starts_with('-') {
        return number.checked_neg();
    }
    let rest = fraction.bytes().any(|digit| digit != b'0');
    Some(number.saturating_add(i64::from(rest)))
}

/// A date in one of the three forms that HTTP allows, or in ISO 8601. The weekday is ignored: it
/// adds nothing, and may be wrong.
pub(super) fn http_date(text: &str) -> Option<DateTime<Utc>> {
    let bare = text.split_once(',').map_or(text, |(_, rest)| rest.trim());
    if let Ok(date) = DateTime::parse_from_rfc2822(bare) {
        return Some(date.with_timezone(&Utc));
    }
    let zoneless = bare.trim_end_matches("GMT").trim_end_matches("UTC").trim();
    let dayless = zoneless.split_once(' ').map_or(zoneless, |(_, rest)| rest);
    [
        (zoneless, "%d-%b-%y %H:%M:%S"),
        (zoneless, "%d-%b-%Y %H:%M:%S"),
        (dayless.trim(), "%b %e %H:%M:%S %Y"),
    ]
    .into_iter()
    .find_map(|(text, form)| NaiveDateTime::parse_from_str(text, form).ok())
    .map(|date| date.and_utc())
    .or_else(|| crate::clock::from_iso(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    #[test]
    fn retry_after_has_two_forms() {
        let seconds = headers(&[("retry-after", "17")]);
        assert_eq!(retry_after(&seconds, now()), Some(Duration::from_secs(17)));
        let date = headers(&[("retry-after", "Fri, 15 Jan 2027 08:00:30 GMT")]);
        assert_eq!(retry_after(&date, now()), Some(Duration::from_secs(30)));
        let past = headers(&[("retry-after", "Fri, 15 Jan 2027 07:00:00 GMT")]);
        assert_eq!(retry_after(&past, now()), Some(Duration::ZERO));
        for broken in [
            "",
            "-3",
            "soon",
            "1e9",
            "1.",
            ".5",
            "1.x",
            "17 s",
            "Fri, 99 Foo 2027",
        ] {
            assert_eq!(
                retry_after(&headers(&[("retry-after", broken)]), now()),
                None,
                "{broken}"
            );
        }
    }

    #[test]
    fn dates_are_read_by_the_servers_clock() {
        let skewed = headers(&[
            ("date", "Fri, 15 Jan 2027 06:00:00 GMT"),
            ("retry-after", "Fri, 15 Jan 2027 06:00:30 GMT"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1799992840"), // 06:00:40
        ]);
        assert_eq!(retry_after(&skewed, now()), Some(Duration::from_secs(30)));
        assert_eq!(pause_after(&skewed, now()), Some(Duration::from_secs(40)));
    }

    #[test]
    fn only_a_used_up_limit_pauses() {
        let pause = |remaining, reset| {
            pause_after(
                &headers(&[
                    ("x-ratelimit-remaining", remaining),
                    ("x-ratelimit-reset", reset),
                ]),
                now(),
            )
        };
        assert_eq!(pause("1", "1800000060"), None);
        assert_eq!(pause("0", "1800000060"), Some(Duration::from_secs(60)));
        assert_eq!(pause("0", "1700000000"), Some(SHORTEST_WAIT));
        assert_eq!(pause("-1", "1800000059.2"), Some(Duration::from_secs(60)));
        assert_eq!(pause("0.0", "1800000060"), Some(Duration::from_secs(60)));
        assert_eq!(pause("1.5", "1800000060"), None);
        for broken in [
            "99999999999",
            "1800000060000",
            "99999999999999999999",
            "later",
        ] {
            assert_eq!(pause("0", broken), None, "{broken}");
        }
    }

    #[test]
    fn after_a_refusal_the_reset_is_enough() {
        let reset = ("x-ratelimit-reset", "1800000060");
        let pause = |status, pairs: &[_]| asked_pause(status, &headers(pairs), now());
        let minute = Some(Duration::from_secs(60));
        let limit = StatusCode::TOO_MANY_REQUESTS;
        assert_eq!(
            pause(limit, &[("x-ratelimit-remaining", "0"), reset]),
            minute
        );
        assert_eq!(pause(limit, &[reset]), minute);
        let first = [("retry-after", "7"), ("x-ratelimit-remaining", "0"), reset];
        assert_eq!(pause(limit, &first), Some(Duration::from_secs(7)));
        // Not this limit was used up.
        assert_eq!(pause(limit, &[("x-ratelimit-remaining", "9"), reset]), None);
        // A page that fails with the last request of a minute fails for its own reasons.
        let last = [("x-ratelimit-remaining", "0"), reset];
        assert_eq!(pause(StatusCode::BAD_GATEWAY, &last), None);
        assert_eq!(pause(limit, &[]), None);
    }

    #[test]
    fn promise_9_retry_after_is_read_however_it_is_written() {
        for (written, seconds) in [
            ("  17 ", 17),
            ("+17", 17),
            ("16.2", 17),
            ("17.0", 17),
            ("0", 0),
            ("0017", 17),
            ("Friday, 15-Jan-27 08:00:17 GMT", 17),
            ("Friday, 15-Jan-2027 08:00:17 GMT", 17),
            ("Fri Jan 15 08:00:17 2027", 17),
            ("Fri, 15 Jan 2027 08:00:17 +0000", 17),
            ("Fri, 15 Jan 2027 10:00:17 +0200", 17),
            // It was a Friday.
            ("Mon, 15 Jan 2027 08:00:17 GMT", 17),
            ("15 Jan 2027 08:00:17 GMT", 17),
            ("2027-01-15T08:00:17Z", 17),
            // All of these are in the past.
            ("Friday, 15-Jan-27 07:00:17 GMT", 0),
            ("Fri Jan  1 08:00:17 2027", 0),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("-262143-01-01T00:00:00Z", 0),
        ] {
            let wait = retry_after(&headers(&[("retry-after", written)]), now());
            assert_eq!(wait, Some(Duration::from_secs(seconds)), "{written}");
        }
        assert_eq!(retry_after(&headers(&[]), now()), None);
    }

    #[test]
    fn promise_9_nobody_sends_us_away_for_more_than_a_month() {
        for written in [
            "99999999999",
            "99999999999999999999999999",
            "9223372036854775807.9",
            "Fri, 31 Dec 9999 23:59:59 GMT",
            "Fri Dec 31 23:59:59 9999",
            "+262142-12-31T23:59:59Z",
        ] {
            let far = headers(&[("retry-after", written)]);
            assert_eq!(retry_after(&far, now()), Some(longest()), "{written}");
            // Even if the server's clock is at the end of the range.
            let far = headers(&[
                ("retry-after", written),
                ("date", "-262143-01-01T00:00:00Z"),
            ]);
            assert_eq!(retry_after(&far, now()), Some(longest()), "{written}");
        }
        let reset = [
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1802000000"),
        ];
        let wait = pause_after(&headers(&reset), now());
        assert_eq!(wait, Some(Duration::from_secs(2_000_000)));
    }
}
