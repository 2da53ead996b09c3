//! What the answers' headers say of when to ask again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use ureq::http::HeaderMap;

/// A reset time further away than this is a broken header, not a rate limit.
const LONGEST_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// A reset that has passed by our clock still means "not at once".
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// How long to wait before the next request, where this answer used up the rate limit.
pub(super) fn pause_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    if number(headers, "x-ratelimit-remaining")? > 0 {
        return None;
    }
    let reset = number(headers, "x-ratelimit-reset")?;
    let reset = DateTime::from_timestamp(i64::try_from(reset).ok()?, 0)?;
    let wait = (reset - server_now(headers, now))
        .to_std()
        .unwrap_or(SHORTEST_WAIT);
    (wait <= LONGEST_WINDOW).then_some(wait.max(SHORTEST_WAIT))
}

/// `Retry-After`, in either form: seconds, or an HTTP date.
pub(super) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?.with_timezone(&Utc);
    Some(
        (date - server_now(headers, now))
            .to_std()
            .unwrap_or(Duration::ZERO),
    )
}

/// The server's idea of now: its stamps are meant by its own clock, which may differ from ours.
fn server_now(headers: &HeaderMap, now: DateTime<Utc>) -> DateTime<Utc> {
    headers
        .get("date")
        .and_then(|date| date.to_str().ok())
        .and_then(|date| DateTime::parse_from_rfc2822(date).ok())
        .map_or(now, |date| date.with_timezone(&Utc))
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
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
        for broken in ["", "-3", "soon", "1e9"] {
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
        assert_eq!(pause("0", "99999999999"), None);
        assert_eq!(pause("0", "later"), None);
    }
}
