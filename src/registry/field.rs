//! The fields of a skill, and how each is read from JSON without failing.

use std::fmt;
use std::ops::{Index, IndexMut};

use serde::Deserializer;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The type of a field, and how it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// A number from 0 to 1.
    Score,
    Real,
    Integer,
    /// Stored as 0 or 1.
    Bool,
    /// A JSON array or object, stored as its compact text.
    Json,
    /// A JSON array; only its length is kept.
    Count,
}

/// A field of a skill other than `id` and `name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Description,
    Author,
    RepoUrl,
    QualityScore,
    TrustTier,
    Tags,
    CreatedAt,
    UpdatedAt,
    Stars,
    Installable,
    ContentHash,
    Compatibility,
    Categories,
    License,
    SecurityScore,
    SecurityFindings,
    LastScannedAt,
    Quarantined,
}

impl Field {
    pub(crate) const ALL: [Self; 18] = [
        Self::Description,
        Self::Author,
        Self::RepoUrl,
        Self::QualityScore,
        Self::TrustTier,
        Self::Tags,
        Self::CreatedAt,
        Self::UpdatedAt,
        Self::Stars,
        Self::Installable,
        Self::ContentHash,
        Self::Compatibility,
        Self::Categories,
        Self::License,
        Self::SecurityScore,
        Self::SecurityFindings,
        Self::LastScannedAt,
        Self::Quarantined,
    ];

    /// Its name in JSON, and its type.
    const fn definition(self) -> (&'static str, Kind) {
        match self {
            Self::Description => ("description", Kind::Text),
            Self::Author => ("author", Kind::Text),
            Self::RepoUrl => ("repo_url", Kind::Text),
            Self::QualityScore => ("quality_score", Kind::Score),
            Self::TrustTier => ("trust_tier", Kind::Text),
            Self::Tags => ("tags", Kind::Json),
            Self::CreatedAt => ("created_at", Kind::Text),
            Self::UpdatedAt => ("updated_at", Kind::Text),
            Self::Stars => ("stars", Kind::Integer),
            Self::Installable => ("installable", Kind::Bool),
            Self::ContentHash => ("content_hash", Kind::Text),
            Self::Compatibility => ("compatibility", Kind::Json),
            Self::Categories => ("categories", Kind::Json),
            Self::License => ("license", Kind::Text),
            Self::SecurityScore => ("security_score", Kind::Real),
            Self::SecurityFindings => ("security_findings", Kind::Count),
            Self::LastScannedAt => ("last_scanned_at", Kind::Text),
            Self::Quarantined => ("quarantined", Kind::Bool),
        }
    }

    /// The field with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    pub(crate) const fn name(self) -> &'static str {
        self.definition().0
    }

    pub(crate) const fn kind(self) -> Kind {
        self.definition().1
    }
}

/// What a row has for each field.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Fields([FieldValue; Field::ALL.len()]);

impl Fields {
    /// Those that are text.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(FieldValue::as_text)
    }
}

impl Index<Field> for Fields {
    type Output = FieldValue;

    fn index(&self, field: Field) -> &FieldValue {
        &self.0[field as usize]
    }
}

impl IndexMut<Field> for Fields {
    fn index_mut(&mut self, field: Field) -> &mut FieldValue {
        &mut self.0[field as usize]
    }
}

/// What a row has for one field.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum FieldValue {
    #[default]
    Absent,
    Null,
    Text(String),
    Real(f64),
    Integer(i64),
    /// A value of the wrong type; holds a description of the expected one.
    Invalid(&'static str),
}

/// The value of a field of a [`Row`](super::Row).
///
/// ```
/// use skillsmith_sync::registry::Value;
///
/// assert_eq!(Value::Text("verified").as_str(), Some("verified"));
/// assert_eq!(Value::Integer(7).as_f64(), Some(7.0));
/// assert_eq!(Value::Bool(true).as_str(), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// A text.
    Text(&'a str),
    /// A number that may have a fraction, such as a score.
    Real(f64),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Bool(bool),
    /// An array or object, as compact JSON text.
    Json(&'a str),
}

impl<'a> Value<'a> {
    /// The text, or the text of the JSON.
    pub const fn as_str(self) -> Option<&'a str> {
        match self {
            Self::Text(text) | Self::Json(text) => Some(text),
            _ => None,
        }
    }

    /// The number.
    pub const fn as_f64(self) -> Option<f64> {
        match self {
            Self::Real(number) => Some(number),
            #[expect(
                clippy::cast_precision_loss,
                reason = "a JSON number is a double to everyone else, too"
            )]
            Self::Integer(number) => Some(number as f64),
            _ => None,
        }
    }
}

impl FieldValue {
    /// The value as callers see it.
    pub(super) fn public(&self, kind: Kind) -> Option<Value<'_>> {
        match self {
            Self::Absent | Self::Null | Self::Invalid(_) => None,
            Self::Text(text) if kind == Kind::Json => Some(Value::Json(text)),
            Self::Text(text) => Some(Value::Text(text)),
            Self::Real(number) => Some(Value::Real(*number)),
            Self::Integer(number) if kind == Kind::Bool => Some(Value::Bool(*number != 0)),
            Self::Integer(number) => Some(Value::Integer(*number)),
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The compact text of a JSON array or object, independent of the server's formatting.
pub(super) fn json_field(raw: &RawValue) -> FieldValue {
    if is_compact_list_of_texts(raw.get()) {
        return FieldValue::Text(raw.get().to_owned());
    }
    match serde_json::from_str::<serde_json::Value>(raw.get()) {
        Ok(serde_json::Value::Null) => FieldValue::Null,
        Ok(value @ (serde_json::Value::Array(_) | serde_json::Value::Object(_))) => {
            // A NUL stays escaped, as in JSON, so it truncates the text nowhere.
            FieldValue::Text(value.to_string())
        }
        _ => FieldValue::Invalid("an array or object"),
    }
}

/// Whether valid JSON is an array of texts without escapes, written as we would write it. Almost every list of tags
/// is one, and reading it into values to write it again would be a tenth of the time of an unchanged run.
fn is_compact_list_of_texts(json: &str) -> bool {
    let inner = json
        .strip_prefix('[')
        .and_then(|json| json.strip_suffix(']'));
    inner.is_some_and(|inner| {
        let mut outside = inner.split('"').step_by(2);
        !inner.contains('\\') && outside.all(|text| text.is_empty() || text == ",")
    })
}

/// Reads one scalar. A value of the wrong type becomes `Invalid`, not an error.
pub(super) struct FieldSeed(pub(super) Kind);

impl<'de> DeserializeSeed<'de> for FieldSeed {
    type Value = FieldValue;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<FieldValue, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl FieldSeed {
    /// Reads a scalar from its JSON text. Not even a number out of range is an error.
    pub(super) fn read(self, raw: &RawValue) -> FieldValue {
        let invalid = self.invalid();
        let mut deserializer = serde_json::Deserializer::from_str(raw.get());
        self.deserialize(&mut deserializer).unwrap_or(invalid)
    }

    const fn invalid(&self) -> FieldValue {
        FieldValue::Invalid(match self.0 {
            Kind::Text => "a text",
            Kind::Score => "a number from 0 to 1",
            Kind::Real => "a number",
            Kind::Integer => "a whole number",
            Kind::Bool => "true or false",
            Kind::Json => "an array or object",
            Kind::Count => "an array",
        })
    }

    fn real(&self, value: f64) -> FieldValue {
        match self.0 {
            // Adding zero turns -0 into 0; the database does not distinguish them.
            Kind::Score if (0.0..=1.0).contains(&value) => FieldValue::Real(value + 0.0),
            Kind::Real => FieldValue::Real(value + 0.0),
            // Some servers write 5 as 5.0.
            #[expect(
                clippy::cast_possible_truncation,
                reason = "checked: whole, and below 2^53"
            )]
            Kind::Integer if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 => {
                FieldValue::Integer(value as i64)
            }
            _ => self.invalid(),
        }
    }
}

impl<'de> Visitor<'de> for FieldSeed {
    type Value = FieldValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<FieldValue, E> {
        Ok(FieldValue::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<FieldValue, E> {
        Ok(match self.0 {
            Kind::Bool => FieldValue::Integer(value.into()),
            _ => self.invalid(),
        })
    }

    fn visit_i64<E>(self, value: i64) -> Result<FieldValue, E> {
        Ok(match self.0 {
            Kind::Integer => FieldValue::Integer(value),
            Kind::Bool if value == 0 || value == 1 => FieldValue::Integer(value),
            #[expect(
                clippy::cast_precision_loss,
                reason = "a JSON number is a double to everyone else, too"
            )]
            _ => self.real(value as f64),
        })
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<FieldValue, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            #[expect(clippy::cast_precision_loss, reason = "as above")]
            Err(_) => Ok(self.real(value as f64)),
        }
    }

    fn visit_f64<E>(self, value: f64) -> Result<FieldValue, E> {
        Ok(self.real(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<FieldValue, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<FieldValue, E> {
        Ok(match self.0 {
            // The registry's database cannot store a NUL, and C would truncate the text there.
            Kind::Text if value.contains('\0') => FieldValue::Invalid("free of NUL characters"),
            Kind::Text => FieldValue::Text(value),
            _ => self.invalid(),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<FieldValue, A::Error> {
        let mut length = 0_i64;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            length = length.saturating_add(1);
        }
        Ok(match self.0 {
            Kind::Count => FieldValue::Integer(length),
            _ => self.invalid(),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FieldValue, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self.invalid())
    }
}
