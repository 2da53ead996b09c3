//! The fields of a skill: which there are, and how one is read from JSON without ever failing.

use std::fmt;

use serde::Deserializer;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// What a field holds, and how it is stored.
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
}

/// The fields of a skill beside `id` and `name`; each goes to the column of its name, if there is one.
pub(crate) const FIELDS: [(&str, Kind); 17] = [
    ("description", Kind::Text),
    ("author", Kind::Text),
    ("repo_url", Kind::Text),
    ("quality_score", Kind::Score),
    ("trust_tier", Kind::Text),
    ("tags", Kind::Json),
    ("created_at", Kind::Text),
    ("updated_at", Kind::Text),
    ("stars", Kind::Integer),
    ("installable", Kind::Bool),
    ("content_hash", Kind::Text),
    ("compatibility", Kind::Json),
    ("categories", Kind::Json),
    ("license", Kind::Text),
    ("security_score", Kind::Real),
    ("last_scanned_at", Kind::Text),
    ("quarantined", Kind::Bool),
];

/// Places in [`FIELDS`] that the engine knows by name.
pub(crate) mod at {
    pub(crate) const DESCRIPTION: usize = 0;
    pub(crate) const REPO_URL: usize = 2;
    pub(crate) const QUALITY_SCORE: usize = 3;
    pub(crate) const TRUST_TIER: usize = 4;
    pub(crate) const CREATED_AT: usize = 6;
    pub(crate) const UPDATED_AT: usize = 7;
}

/// What a row says of one field.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Field {
    #[default]
    Absent,
    Null,
    Text(String),
    Real(f64),
    Integer(i64),
    /// Something else than the field can be; what it should have been.
    Invalid(&'static str),
}

impl Field {
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The compact text of a JSON array or object, the same however the server spells it.
pub(super) fn json_field(raw: &RawValue) -> Field {
    match serde_json::from_str::<serde_json::Value>(raw.get()) {
        Ok(serde_json::Value::Null) => Field::Null,
        Ok(value @ (serde_json::Value::Array(_) | serde_json::Value::Object(_))) => {
            // A NUL stays the escape that it is in JSON, so it cuts the text nowhere.
            Field::Text(value.to_string())
        }
        _ => Field::Invalid("an array or object"),
    }
}

/// Reads one scalar; whatever does not fit becomes `Invalid` instead of an error.
pub(super) struct FieldSeed(pub(super) Kind);

impl<'de> DeserializeSeed<'de> for FieldSeed {
    type Value = Field;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl FieldSeed {
    /// Reads a scalar that was cut out as text. Not even a number that no type can hold is an error.
    pub(super) fn read(self, raw: &RawValue) -> Field {
        let invalid = self.invalid();
        let mut deserializer = serde_json::Deserializer::from_str(raw.get());
        self.deserialize(&mut deserializer).unwrap_or(invalid)
    }

    const fn invalid(&self) -> Field {
        Field::Invalid(match self.0 {
            Kind::Text => "a text",
            Kind::Score => "a number from 0 to 1",
            Kind::Real => "a number",
            Kind::Integer => "a whole number",
            Kind::Bool => "true or false",
            Kind::Json => "an array or object",
        })
    }

    fn real(&self, value: f64) -> Field {
        match self.0 {
            // Plus zero makes 0 of -0, which the database does not tell apart.
            Kind::Score if (0.0..=1.0).contains(&value) => Field::Real(value + 0.0),
            Kind::Real => Field::Real(value + 0.0),
            // 5.0 is how some servers write 5.
            #[expect(
                clippy::cast_possible_truncation,
                reason = "checked: whole, and below 2^53"
            )]
            Kind::Integer if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 => {
                Field::Integer(value as i64)
            }
            _ => self.invalid(),
        }
    }
}

impl<'de> Visitor<'de> for FieldSeed {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Field, E> {
        Ok(Field::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Field, E> {
        Ok(match self.0 {
            Kind::Bool => Field::Integer(value.into()),
            _ => self.invalid(),
        })
    }

    fn visit_i64<E>(self, value: i64) -> Result<Field, E> {
        Ok(match self.0 {
            Kind::Integer => Field::Integer(value),
            Kind::Bool if value == 0 || value == 1 => Field::Integer(value),
            #[expect(
                clippy::cast_precision_loss,
                reason = "a JSON number is a double to everyone else, too"
            )]
            _ => self.real(value as f64),
        })
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Field, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            #[expect(clippy::cast_precision_loss, reason = "as above")]
            Err(_) => Ok(self.real(value as f64)),
        }
    }

    fn visit_f64<E>(self, value: f64) -> Result<Field, E> {
        Ok(self.real(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Field, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Field, E> {
        Ok(match self.0 {
            // No text of the registry's database can hold one, and C would cut the text there.
            Kind::Text if value.contains('\0') => Field::Invalid("free of NUL characters"),
            Kind::Text => Field::Text(value),
            _ => self.invalid(),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Field, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self.invalid())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self.invalid())
    }
}
