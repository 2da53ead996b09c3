//! Validators of pages: what a conditional request sends back to ask whether a page is still the
//! same.

use chrono::TimeDelta;
use ureq::http::HeaderMap;

use super::pacing;

/// Longer ones are not kept.
const LONGEST: usize = 256;

/// `Last-Modified` counts seconds, so a page may still change within the second that it names.
const SETTLED_AFTER: TimeDelta = TimeDelta::seconds(60);

/// What came with a page: its `ETag`, or where it has none, its `Last-Modified`.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validator(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    ETag(String),
    LastModified(String),
}

impl Validator {
    /// Reads the text of an `ETag` or of a `Last-Modified`; `None` if it is not one that can be sent
    /// back as it is.
    pub fn new(text: &str) -> Option<Self> {
        let is_plain = text.len() <= LONGEST && text.bytes().all(|b| matches!(b, b' '..=b'~'));
        if !is_plain {
            return None;
        }
        if is_etag(text) {
            return Some(Self(Kind::ETag(text.to_owned())));
        }
        let is_date = text.ends_with(" GMT") && pacing::http_date(text).is_some();
        is_date.then(|| Self(Kind::LastModified(text.to_owned())))
    }

    /// The validator of an answer.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        if headers.contains_key("etag") {
            let text = only(headers, "etag")?;
            return Self::new(text).filter(|found| matches!(found.0, Kind::ETag(_)));
        }
        let text = only(headers, "last-modified")?;
        let age = pacing::date(headers)?.signed_duration_since(pacing::http_date(text)?);
        Self::new(text)
            .filter(|found| matches!(found.0, Kind::LastModified(_)) && age >= SETTLED_AFTER)
    }

    /// The text that [`new`](Self::new) reads.
    pub fn as_str(&self) -> &str {
        let (Kind::ETag(text) | Kind::LastModified(text)) = &self.0;
        text
    }

    /// The header of a conditional request.
    pub(super) const fn header(&self) -> &'static str {
        match self.0 {
            Kind::ETag(_) => "if-none-match",
            Kind::LastModified(_) => "if-modified-since",
        }
    }
}

/// `"…"` or `W/"…"`. An unquoted `*` would match every page.
fn is_etag(text: &str) -> bool {
    let quoted = text.strip_prefix("W/").unwrap_or(text);
    let opaque = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    opaque.is_some_and(|opaque| !opaque.contains(['"', ' ']))
}

/// The value of a header that came once.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.to_str().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[(&'static str, &str)]) -> Option<Validator> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        Validator::of(&map)
    }

    #[test]
    fn only_what_can_be_sent_back_safely_is_kept() {
        let longest = format!("\"{}\"", "x".repeat(LONGEST - 2));
        for text in ["\"abc\"", "W/\"1,2\"", "\"\"", &longest] {
            assert_eq!(of(&[("etag", text)]).unwrap().as_str(), text);
        }
        let longer = format!("\"{}\"", "x".repeat(LONGEST - 1));
        for text in [
            "*", "abc", "\"a\"b\"", "\"", "w/\"a\"", "\"a b\"", "", &longer,
        ] {
            assert_eq!(of(&[("etag", text)]), None, "{text}");
        }
        for text in ["\"a\r\nx: y\"", "\"\u{e9}\"", "\"\t\"", "\"a\0\""] {
            assert_eq!(Validator::new(text), None, "{text:?}");
        }
        assert_eq!(of(&[("etag", "\"a\""), ("etag", "\"b\"")]), None);
    }

    #[test]
    fn a_modification_time_counts_once_it_is_a_minute_old() {
        let modified = ("last-modified", "Fri, 27 Nov 2026 07:00:00 GMT");
        let settled = ("date", "Fri, 27 Nov 2026 07:01:00 GMT");
        assert_eq!(of(&[modified, settled]).unwrap().as_str(), modified.1);
        let at_once = ("date", "Fri, 27 Nov 2026 07:00:59 GMT");
        assert_eq!(of(&[modified, at_once]), None);
        assert_eq!(of(&[modified]), None);
        assert_eq!(of(&[("last-modified", "yesterday GMT"), settled]), None);
        // An ETag that cannot be kept says that the time is not exact enough.
        assert_eq!(of(&[("etag", "*"), modified, settled]), None);
    }
}
