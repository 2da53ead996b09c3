//! One row of the registry, serialised once and then served as bytes.

use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::stamp;

/// A skill as the registry serves it.
///
/// Only its bytes and what listings are ordered and filtered by stay in memory; [`Skill::value`] parses the rest when
/// it is asked for.
#[derive(Debug)]
pub struct Skill {
    id: Box<str>,
    bytes: Box<[u8]>,
    trust_tier: Option<Box<str>>,
    quality_score: Option<f64>,
    updated_at: Option<DateTime<Utc>>,
    // What queries look at, in lower case; made at the first query.
    text: OnceLock<Box<str>>,
}

impl Skill {
    /// Any JSON value may be a row, so that tests can serve broken ones; `fallback_id` stands in for a missing id.
    pub(crate) fn new(value: &Value, fallback_id: impl FnOnce() -> String) -> Self {
        let id = string(value, "id").map_or_else(fallback_id, str::to_owned);
        Self {
            id: id.into(),
            bytes: value.to_string().into_bytes().into(),
            trust_tier: string(value, "trust_tier").map(Into::into),
            quality_score: value.get("quality_score").and_then(Value::as_f64),
            updated_at: string(value, "updated_at").and_then(stamp::read),
            text: OnceLock::new(),
        }
    }

    /// The skill's `id`; a row that has no string `id` is known by a made-up one, which is not served.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The JSON text that is served, without spaces, keys in alphabetical order.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The row as a JSON value, parsed anew at each call.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    /// The `trust_tier`, if it is a string.
    pub fn trust_tier(&self) -> Option<&str> {
        self.trust_tier.as_deref()
    }

    /// The `quality_score`, if it is a number.
    pub fn quality_score(&self) -> Option<f64> {
        self.quality_score
    }

    /// The moment of `updated_at`, if it is one.
    pub(crate) fn updated_at(&self) -> Option<DateTime<Utc>> {
        self.updated_at
    }

    /// Name, description and tags in lower case, one to a line.
    pub(crate) fn text(&self) -> &str {
        self.text.get_or_init(|| {
            let value = self.value();
            let mut text = String::new();
            for field in ["name", "description"] {
                text.push_str(string(&value, field).unwrap_or_default());
                text.push('\n');
            }
            for tag in value
                .get("tags")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                text.push_str(tag.as_str().unwrap_or_default());
                text.push('\n');
            }
            text.to_lowercase().into()
        })
    }

    /// Whether one of its `categories` (or a single `category`) has this name, whatever the case.
    pub(crate) fn is_in_category(&self, category: &str) -> bool {
        let value = self.value();
        let listed = value
            .get("categories")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        listed
            .chain(value.get("category"))
            .filter_map(Value::as_str)
            .any(|one| one.eq_ignore_ascii_case(category))
    }
}

fn string<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field).and_then(Value::as_str)
}
