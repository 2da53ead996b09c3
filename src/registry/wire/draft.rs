//! One row, field by field.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Unexpected, Visitor};
use serde_json::value::RawValue;

use super::{Content, Rejected, Row, Skill};
use crate::Result;
use crate::fingerprint::fingerprint;
use crate::registry::field::{Field, FieldSeed, FieldValue, Fields, Kind, json_field};
use crate::registry::mend::mend_surrogates;

/// A string in the wrong place. By default, Serde's message would quote it, whatever it contains
/// and however long it is.
pub(super) const UNTOLD: Unexpected<'_> = Unexpected::Other("string");

pub(super) fn parse_row(raw: &str) -> Row {
    let text = mend_surrogates(raw);
    let damaged = matches!(text, Cow::Owned(_));
    // Again, field by field, if one of them stops the parser.
    let draft = Draft::read(&text, false).or_else(|_| Draft::read(&text, true));
    let content = match draft {
        Ok(draft) => draft.finish(raw, damaged),
        Err(error) => Content::Rejected(Rejected {
            id: salvage_label(&text),
            label: salvage_label(&text),
            // serde_json's "at line 1 column 5" is relative to the row, and of no use to anybody.
            reason: error
                .to_string()
                .split(" at line ")
                .next()
                .unwrap_or_default()
                .to_owned(),
            fingerprint: fingerprint(raw),
        }),
    };
    Row(content)
}

/// The id of a row that cannot be read otherwise.
fn salvage_label(raw: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct OnlyId {
        id: String,
    }
    serde_json::from_str::<OnlyId>(raw).ok().map(|row| row.id)
}

#[derive(Default)]
struct Draft {
    id: FieldValue,
    name: FieldValue,
    fields: Fields,
}

impl Draft {
    /// Reads a row. With `by_field`, each field is cut out first, so that none can stop the others.
    fn read(row: &str, by_field: bool) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(row);
        DraftSeed { by_field }.deserialize(&mut deserializer)
    }

    fn finish(self, raw: &str, damaged: bool) -> Content {
        let reject = |id: Option<&str>, label: Option<&str>, reason: &str| {
            Content::Rejected(Rejected {
                id: id.map(str::to_owned),
                label: label.map(str::to_owned),
                reason: reason.to_owned(),
                fingerprint: fingerprint(raw),
            })
        };
        match (self.id, self.name) {
            (FieldValue::Text(id), name) if id.is_empty() => {
                reject(None, name.as_text(), "its id is empty")
            }
            (FieldValue::Text(id), FieldValue::Text(name)) => {
                let mut skill = Skill {
                    id,
                    name,
                    fields: self.fields,
                    mended: false,
                };
                // Not if the damage is in a field that is ignored.
                skill.mended = damaged && skill.holds(char::REPLACEMENT_CHARACTER);
                Content::Skill(Box::new(skill))
            }
            (FieldValue::Text(id), FieldValue::Invalid(expected)) => {
                reject(Some(&id), Some(&id), &format!("its name is not {expected}"))
            }
            (FieldValue::Text(id), _) => reject(Some(&id), Some(&id), "it has no name"),
            (FieldValue::Invalid(expected), name) => {
                reject(None, name.as_text(), &format!("its id is not {expected}"))
            }
            (_, name) => reject(None, name.as_text(), "it has no id"),
        }
    }
}

struct DraftSeed {
    by_field: bool,
}

impl<'de> DeserializeSeed<'de> for DraftSeed {
    type Value = Draft;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Draft, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for DraftSeed {
    type Value = Draft;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a skill")
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Draft, E> {
        Err(E::invalid_type(UNTOLD, &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Draft, A::Error> {
        let mut draft = Draft::default();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let (slot, kind) = match key.as_ref() {
                "id" => (&mut draft.id, Kind::Text),
                "name" => (&mut draft.name, Kind::Text),
                key => {
                    if let Some(field) = Field::named(key) {
                        (&mut draft.fields[field], field.kind())
                    } else {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    }
                }
            };
            *slot = if kind == Kind::Json {
                json_field(map.next_value::<&RawValue>()?)
            } else if self.by_field {
                FieldSeed(kind).read(map.next_value::<&RawValue>()?)
            } else {
                map.next_value_seed(FieldSeed(kind))?
            };
        }
        Ok(draft)
    }
}
