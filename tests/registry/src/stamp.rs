//! Moments in the several ISO 8601 spellings that registries use.

use chrono::{DateTime, TimeDelta, Utc};

/// How many spellings [`write`] knows.
pub(crate) const FORMS: u64 = 6;

/// A moment in one of the spellings: `Z` or an offset, with no, three or six fraction digits.
pub(crate) fn write(moment: DateTime<Utc>, form: u64) -> String {
    let pattern = match form % FORMS {
        0 => "%Y-%m-%dT%H:%M:%SZ",
        1 => "%Y-%m-%dT%H:%M:%S%.3fZ",
        2 => "%Y-%m-%dT%H:%M:%S%.6fZ",
        3 => "%Y-%m-%dT%H:%M:%S+00:00",
        4 => "%Y-%m-%dT%H:%M:%S%.3f+00:00",
        _ => "%Y-%m-%dT%H:%M:%S%.6f+00:00",
    };
    moment.format(pattern).to_string()
}

/// Reads any ISO 8601 stamp with an offset; `None` for everything else.
pub(crate) fn read(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|moment| moment.to_utc())
}

/// This many microseconds after 2025-03-01T00:00:00Z, where the generated registries begin.
pub(crate) fn after_start(microseconds: u64) -> DateTime<Utc> {
    const START: i64 = 1_740_787_200_000_000;
    let moment = i64::try_from(microseconds)
        .ok()
        .and_then(|us| DateTime::from_timestamp_micros(START.saturating_add(us)));
    moment.unwrap_or(DateTime::UNIX_EPOCH)
}

/// The server's idea of now: the machine's clock moved by `offset_ms` milliseconds.
pub(crate) fn now(offset_ms: i64) -> DateTime<Utc> {
    let now = Utc::now();
    TimeDelta::try_milliseconds(offset_ms)
        .and_then(|offset| now.checked_add_signed(offset))
        .unwrap_or(now)
}

/// The form of date that HTTP headers carry.
pub(crate) fn http_date(moment: DateTime<Utc>) -> String {
    moment.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_back() {
        let moment = after_start(1_234_567_000_000);
        for form in 0..FORMS {
            assert_eq!(read(&write(moment, form)), Some(moment), "form {form}");
        }
    }

    #[test]
    fn http_dates_have_the_fixed_form() {
        assert_eq!(http_date(after_start(0)), "Sat, 01 Mar 2025 00:00:00 GMT");
    }
}
