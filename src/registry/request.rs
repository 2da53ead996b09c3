//! Requests for a page.

use ureq::http::StatusCode;

use super::Validator;
use crate::{Error, Result};

/// The longest URL that the HTTP library takes, in bytes.
pub(super) const MAX_URL: usize = 65_534;

/// Default number of rows per page.
const DEFAULT_LIMIT: u32 = 100;

/// A request for one page of the listing. Parameters that are not set are not sent.
///
/// ```
/// use skillsmith_sync::registry::PageRequest;
///
/// let request = PageRequest::new().query("git").limit(20).offset(40);
/// assert_eq!((request.limit, request.offset), (20, 40));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PageRequest {
    /// A search word. The live registry requires one, or one of the next three.
    pub query: Option<String>,
    /// Only skills of this tier.
    pub trust_tier: Option<String>,
    /// Only skills of this category. The engine never sets it.
    pub category: Option<String>,
    /// Only skills with at least this quality score, on the registry's own scale. The engine never
    /// sets it.
    pub min_score: Option<f64>,
    /// Number of rows wanted; the registry may return fewer.
    pub limit: u32,
    /// Number of rows to skip.
    pub offset: u64,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self {
            query: None,
            trust_tier: None,
            category: None,
            min_score: None,
            limit: DEFAULT_LIMIT,
            offset: 0,
        }
    }
}

impl PageRequest {
    /// The first 100 rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the search word.
    #[must_use]
    pub fn query(mut self, word: impl Into<String>) -> Self {
        self.query = Some(word.into());
        self
    }

    /// Asks only for skills of this tier, such as `verified`.
    #[must_use]
    pub fn trust_tier(mut self, tier: impl Into<String>) -> Self {
        self.trust_tier = Some(tier.into());
        self
    }

    /// Asks only for skills of this category.
    #[must_use]
    pub fn category(mut self, category: impl Into<String>) -> Self {
        self.category = Some(category.into());
        self
    }

    /// Asks only for skills with at least this quality score, on the registry's own scale.
    #[must_use]
    pub const fn min_score(mut self, score: f64) -> Self {
        self.min_score = Some(score);
        self
    }

    /// Sets how many rows are wanted. Default: 100.
    #[must_use]
    pub const fn limit(mut self, rows: u32) -> Self {
        self.limit = rows;
        self
    }

    /// Sets how many rows to skip. Default: 0.
    #[must_use]
    pub const fn offset(mut self, rows: u64) -> Self {
        self.offset = rows;
        self
    }

    /// A text that is equal for equal requests.
    pub(crate) fn key(&self) -> String {
        let pairs = self.query_pairs().into_iter();
        let pairs: Vec<String> = pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("&")
    }

    /// The parameters of the URL.
    pub(super) fn query_pairs(&self) -> Vec<(&'static str, String)> {
        let mut query = page_query(self.limit, self.offset);
        query.extend(self.query.clone().map(|word| ("query", word)));
        query.extend(self.trust_tier.clone().map(|tier| ("trust_tier", tier)));
        query.extend(self.category.clone().map(|word| ("category", word)));
        query.extend(self.min_score.map(|score| ("min_score", score.to_string())));
        query
    }
}

/// A request for one page of the sync endpoint.
///
/// ```
/// use skillsmith_sync::registry::SyncRequest;
///
/// let request = SyncRequest::new().since("2026-08-01T12:00:00Z").limit(50).offset(100);
/// assert_eq!(request.since.as_deref(), Some("2026-08-01T12:00:00Z"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncRequest {
    /// Only rows whose `updated_at` is later than this ISO 8601 time; all rows if it is not set.
    pub since: Option<String>,
    /// Number of rows wanted; the registry may return fewer.
    pub limit: u32,
    /// Number of rows to skip.
    pub offset: u64,
}

impl Default for SyncRequest {
    fn default() -> Self {
        Self {
            since: None,
            limit: DEFAULT_LIMIT,
            offset: 0,
        }
    }
}

impl SyncRequest {
    /// The first 100 of all rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks only for rows changed later than this. Default: all rows.
    #[must_use]
    pub fn since(mut self, stamp: impl Into<String>) -> Self {
        self.since = Some(stamp.into());
        self
    }

    /// Sets how many rows are wanted. Default: 100.
    #[must_use]
    pub const fn limit(mut self, rows: u32) -> Self {
        self.limit = rows;
        self
    }

    /// Sets how many rows to skip. Default: 0.
    #[must_use]
    pub const fn offset(mut self, rows: u64) -> Self {
        self.offset = rows;
        self
    }

    /// The parameters of the URL.
    pub(super) fn query_pairs(&self) -> Vec<(&'static str, String)> {
        let mut query = page_query(self.limit, self.offset);
        query.extend(self.since.clone().map(|stamp| ("since", stamp)));
        query
    }
}

fn page_query(limit: u32, offset: u64) -> Vec<(&'static str, String)> {
    vec![("limit", limit.to_string()), ("offset", offset.to_string())]
}

/// A request as the client sends it.
pub(super) struct Ask<'a> {
    /// The path below the base address.
    pub(super) path: &'static str,
    pub(super) query: Vec<(&'static str, String)>,
    /// The answer is wanted only if it is no longer the one that came with this.
    known: Option<&'a Validator>,
}

impl<'a> Ask<'a> {
    /// Without a condition.
    pub(super) const fn new(path: &'static str, query: Vec<(&'static str, String)>) -> Self {
        Self {
            path,
            query,
            known: None,
        }
    }

    pub(super) const fn unless(mut self, known: &'a Validator) -> Self {
        self.known = Some(known);
        self
    }

    /// Fails if its URL cannot be sent.
    pub(super) fn check(&self, base: &str) -> Result<()> {
        let with_value = |(name, value): &(&'static str, String)| {
            (encoded_length(value), name.len().saturating_add(2), *name)
        };
        let parts = self.query.iter().map(with_value);
        let length = parts
            .clone()
            .fold(base.len().saturating_add(self.path.len()), |all, part| {
                all.saturating_add(part.0).saturating_add(part.1)
            });
        match parts.max() {
            Some((_, _, name)) if length > MAX_URL => Err(Error::InvalidArgument(format!(
                "'{name}' is too long: with it, the request's URL would have {length} bytes, and at most {MAX_URL} can be sent (a character outside of ASCII takes 6 to 12 of them). Use a shorter text."
            ))),
            _ => Ok(()),
        }
    }

    /// The header of its condition.
    pub(super) fn condition(&self) -> Option<(&'static str, String)> {
        let known = self.known?;
        Some((known.header(), known.as_str().to_owned()))
    }

    /// Whether an answer says that what is known stands.
    pub(super) fn is_unchanged(&self, status: StatusCode) -> bool {
        self.known.is_some() && status == StatusCode::NOT_MODIFIED
    }

    /// Whether an answer sends the client elsewhere. 300 offers a choice and 304 answers a condition, also with
    /// a `location`.
    pub(super) const fn is_redirect(status: StatusCode) -> bool {
        matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
    }
}

/// The length of a value in a URL: these characters stand for themselves, and each byte of any other takes three.
fn encoded_length(value: &str) -> usize {
    let of_byte = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"!()*-._~".contains(&byte) {
            1
        } else {
            3
        }
    };
    value
        .bytes()
        .fold(0, |all: usize, byte| all.saturating_add(of_byte(byte)))
}
