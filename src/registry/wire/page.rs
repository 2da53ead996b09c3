//! A page: its rows, and the metadata of the listing.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use super::envelope::Envelope;
use super::{Content, Rejected, Row};
use crate::fingerprint::fingerprint;
use crate::registry::Validator;
use crate::registry::credentials::Credentials;
use crate::registry::field::Field;
use crate::registry::mend::{mend_numbers, mend_surrogates};
use crate::{Cause, Error, Result, memory};

/// One page of the listing, as returned by [`Registry::search`](crate::Registry::search).
///
/// ```
/// use skillsmith_sync::registry::Page;
///
/// let page = Page::parse(br#"{
///     "data": [{"id": "a/b", "name": "b"}],
///     "meta": {"total": 40, "limit": 1}
/// }"#)?;
/// assert_eq!(page.rows().len(), 1);
/// assert_eq!((page.total(), page.limit()), (Some(40), Some(1)));
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    pub(crate) rows: Vec<Row>,
    /// `meta.total`. Servers count different things there.
    pub(crate) total: Option<u64>,
    /// `meta.limit`: the limit that the server applied.
    pub(crate) limit: Option<u64>,
    /// When the registry served the page, by its own clock, if known.
    pub(crate) served_at: Option<DateTime<Utc>>,
    /// What to ask with whether the page is still the same, if the registry told it.
    pub(crate) validator: Option<Validator>,
}

impl Page {
    /// How many rows it has, with those that cannot be read.
    #[doc(hidden)]
    pub fn row_count(&self) -> usize {
        self.rows.len()
    }

    /// Reads a page from the JSON text of a response, `{"data": […], "meta": {…}}`.
    ///
    /// Rows that cannot be read are kept as rejected rows.
    ///
    /// # Errors
    /// [`Error::Protocol`] if the text as a whole is not a page.
    pub fn parse(body: &[u8]) -> Result<Self> {
        let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
        let (text, damaged) = if let Ok(text) = std::str::from_utf8(body) {
            (Cow::Borrowed(text), false)
        } else {
            // Each invalid byte becomes a character of three bytes.
            memory::ensure_available(body.len().saturating_mul(4))?;
            (String::from_utf8_lossy(body), true)
        };
        // The rows copy the text, and strings with escapes are assembled in a buffer first.
        memory::ensure_available(text.len().saturating_mul(3))?;
        let mended;
        let envelope: Envelope<'_> = match serde_json::from_str(&text) {
            Ok(envelope) => envelope,
            Err(error) => {
                memory::check()?;
                memory::ensure_available(text.len().saturating_mul(2))?;
                mended = mend_numbers(&text);
                // Report the first error: it describes the text as served.
                mended
                    .as_deref()
                    .and_then(|text| serde_json::from_str(text).ok())
                    .ok_or_else(|| {
                        Error::Protocol(Cause::new(describe(&text, &error)).with_source(error))
                    })?
            }
        };
        let mut page = Self {
            rows: envelope.data.0?,
            total: None,
            limit: None,
            served_at: None,
            validator: None,
        };
        if let Some(meta) = envelope.meta {
            let text = mend_surrogates(meta.get());
            let said: BTreeMap<String, &RawValue> = serde_json::from_str(&text).unwrap_or_default();
            let number = |name: &str| whole(&serde_json::from_str(said.get(name)?.get()).ok()?);
            page.total = number("total");
            page.limit = number("limit").filter(|limit| *limit > 0);
        }
        if damaged {
            reject_damaged(&mut page.rows);
        }
        Ok(page)
    }

    /// Sets when the registry served the page, by its own clock, as a `Date` header does. If it is
    /// not set, timestamps later than our clock are not trusted.
    #[must_use]
    pub const fn with_served_at(mut self, time: DateTime<Utc>) -> Self {
        self.served_at = Some(time);
        self
    }

    /// Sets what to ask with whether the page is still the same.
    #[doc(hidden)]
    #[must_use]
    pub fn with_validator(mut self, validator: Validator) -> Self {
        self.validator = Some(validator);
        self
    }

    /// The rows, in the order of the listing, rejected ones included.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The registry's `meta.total`. Registries count different things there.
    pub const fn total(&self) -> Option<u64> {
        self.total
    }

    /// The registry's `meta.limit`: the largest number of rows in a page, if it is given.
    pub const fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// Removes our credentials from everything that is shown about rows. A row is rejected that has one in its id, its
    /// tier or a stamp, which become part of requests and of what status says; other values are the registry's to choose.
    pub(in crate::registry) fn redact(&mut self, credentials: &Credentials) {
        for row in &mut self.rows {
            match &mut row.0 {
                Content::Rejected(row) => {
                    row.label = row.label.as_deref().map(|label| credentials.redact(label));
                    row.reason = credentials.redact(&row.reason);
                }
                Content::Skill(skill) => {
                    let used = [Field::TrustTier, Field::CreatedAt, Field::UpdatedAt];
                    let mut texts = used
                        .iter()
                        .filter_map(|field| skill.fields[*field].as_text());
                    if credentials.are_in(&skill.id) || texts.any(|text| credentials.are_in(text)) {
                        row.0 = Content::Rejected(Rejected {
                            fingerprint: fingerprint(&skill.id),
                            id: None,
                            label: Some(credentials.redact(&skill.id)),
                            reason: "it repeats the key that was sent".into(),
                        });
                    }
                }
            }
        }
    }
}

/// Describes what is wrong with a response without quoting it: it may echo the key that was sent.
fn describe(text: &str, error: &serde_json::Error) -> String {
    if text.trim().is_empty() {
        return "it is empty".into();
    }
    let start = text.trim_start().chars().next();
    match start {
        Some('{') if error.is_data() => format!("it is JSON, but not a page of skills: {error}"),
        _ if error.is_data() => "it is JSON, but not a page of skills: it is not an object".into(),
        Some('<') => {
            "it is not JSON; it looks like a web page, such as the sign-in of this network".into()
        }
        _ => "it is not JSON".into(),
    }
}

/// The body was not valid UTF-8: rejects the rows that contain the damage.
fn reject_damaged(rows: &mut [Row]) {
    for row in rows {
        if let Content::Skill(skill) = &row.0 {
            // A mended row differs from the served one only by an unpaired surrogate.
            if !skill.mended && skill.holds(char::REPLACEMENT_CHARACTER) {
                row.0 = Content::Rejected(Rejected {
                    fingerprint: fingerprint(&skill.id),
                    id: Some(skill.id.clone()),
                    label: Some(skill.id.clone()),
                    reason: "its text is not valid UTF-8".into(),
                });
            }
        }
    }
}

fn whole(value: &serde_json::Value) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked: whole, and from 0 to 2^53"
    )]
    let from_real = |real: f64| {
        (real.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&real))
            .then_some(real as u64)
    };
    value
        .as_u64()
        .or_else(|| value.as_f64().and_then(from_real))
}
