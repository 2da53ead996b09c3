//! From the bytes of an answer to rows: parsed once, row by row.
//!
//! A row that cannot be read costs that row and nothing more, so each one is
//! first cut out as text and then parsed on its own. Which fields exist is one
//! table; what a row holds for each is `Absent`, `Null`, a value or `Invalid`,
//! and only the store knows which of them matter for the database at hand.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};
use serde_json::value::RawValue;

use super::credentials::Credentials;
use super::field::{FIELDS, Field, FieldSeed, Kind, at, json_field};
use crate::{Error, Result, memory};

/// A page with more rows than this is no answer to what was asked: the largest
/// limit is 10,000. It bounds the memory that a page of tiny rows can take.
const MAX_ROWS: usize = 20_000;

/// One skill as it was served.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Skill {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) fields: [Field; FIELDS.len()],
}

impl Skill {
    /// The registry's stamp of the last change, where the row has one.
    pub(crate) fn stamp(&self) -> Option<&str> {
        self.fields[at::UPDATED_AT].as_text()
    }
}

/// One element of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(pub(crate) Content);

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Skill(Box<Skill>),
    Rejected(Rejected),
}

/// A row that is no skill.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rejected {
    /// Its id or name, where it has one.
    pub(crate) label: Option<String>,
    pub(crate) reason: String,
    /// Tells it from other rejected rows when pages are read again.
    pub(crate) print: u64,
}

/// One page of the listing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    pub(crate) rows: Vec<Row>,
    /// `meta.total`, whatever this server means by it.
    pub(crate) total: Option<u64>,
    /// `meta.limit`: the limit that the server really used.
    pub(crate) limit: Option<u64>,
}

impl Page {
    /// Reads a page from the JSON text of an answer, `{"data": […], "meta": {…}}`.
    ///
    /// Rows that cannot be read are kept as rejected ones.
    ///
    /// # Errors
    /// [`Error::Protocol`] where the text as a whole is no page.
    pub fn parse(body: &[u8]) -> Result<Self> {
        let (text, damaged) = if let Ok(text) = std::str::from_utf8(body) {
            (std::borrow::Cow::Borrowed(text), false)
        } else {
            // A character of three bytes for every damaged one.
            memory::afford(body.len().saturating_mul(4))?;
            (String::from_utf8_lossy(body), true)
        };
        // The rows hold what the text holds; a text with escapes is put together first.
        memory::afford(text.len().saturating_mul(3))?;
        let envelope: Envelope<'_> =
            serde_json::from_str(&text).map_err(|error| match memory::check() {
                Ok(()) => Error::Protocol(describe(&text, &error)),
                Err(error) => error,
            })?;
        let mut page = Self {
            rows: envelope.data.0,
            total: None,
            limit: None,
        };
        if let Some(meta) = envelope
            .meta
            .and_then(|meta| serde_json::from_str::<Meta>(meta.get()).ok())
        {
            page.total = whole(&meta.total);
            page.limit = whole(&meta.limit).filter(|limit| *limit > 0);
        }
        if damaged {
            reject_damaged(&mut page.rows);
        }
        Ok(page)
    }

    /// Takes our credentials out of what is told of rows. An id or a tier that holds one is
    /// none, and is not kept either.
    pub(super) fn redact(&mut self, credentials: &Credentials) {
        for row in &mut self.rows {
            match &mut row.0 {
                Content::Rejected(row) => {
                    row.label = row.label.as_deref().map(|label| credentials.redact(label));
                }
                Content::Skill(skill) => {
                    let tier = skill.fields[at::TRUST_TIER].as_text().unwrap_or_default();
                    if credentials.are_in(&skill.id) || credentials.are_in(tier) {
                        row.0 = Content::Rejected(Rejected {
                            print: fingerprint(&skill.id),
                            label: Some(credentials.redact(&skill.id)),
                            reason: "it repeats the key that was sent".into(),
                        });
                    }
                }
            }
        }
    }
}

/// Says what is wrong with an answer in words, and not in its own: it may repeat the key
/// that was sent.
fn describe(text: &str, error: &serde_json::Error) -> String {
    if text.trim().is_empty() {
        return "it is empty".into();
    }
    let start = text.trim_start().chars().next();
    match start {
        Some('{') if error.is_data() => format!("it is JSON, but no page of skills: {error}"),
        _ if error.is_data() => "it is JSON, but no page of skills: it is no object".into(),
        Some('<') => "it is no JSON; it looks like a web page".into(),
        _ => "it is no JSON".into(),
    }
}

/// A text from outside, without what a terminal would take for commands, and cut where it
/// would be too long to read.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    let mut shown = text.chars().filter(|c| !c.is_control());
    let mut text: String = shown.by_ref().take(most).collect();
    if shown.next().is_some() {
        text.push('…');
    }
    text
}

/// The body was not valid UTF-8: the rows that hold the damage are not what was served.
fn reject_damaged(rows: &mut [Row]) {
    let holds_damage = |text: &str| text.contains(char::REPLACEMENT_CHARACTER);
    for row in rows {
        if let Content::Skill(skill) = &row.0 {
            let damaged = holds_damage(&skill.id)
                || holds_damage(&skill.name)
                || skill
                    .fields
                    .iter()
                    .filter_map(Field::as_text)
                    .any(holds_damage);
            if damaged {
                row.0 = Content::Rejected(Rejected {
                    print: fingerprint(&skill.id),
                    label: Some(skill.id.clone()),
                    reason: "its text is not valid UTF-8".into(),
                });
            }
        }
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    data: Rows,
    #[serde(borrow, default)]
    meta: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    total: serde_json::Value,
    #[serde(default)]
    limit: serde_json::Value,
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

/// A text in the wrong place. Serde would repeat it, whatever it holds and however long it is.
const UNTOLD: Unexpected<'_> = Unexpected::Other("string");

struct Rows(Vec<Row>);

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowsVisitor;
        impl<'de> Visitor<'de> for RowsVisitor {
            type Value = Rows;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of skills")
            }

            fn visit_str<E: de::Error>(self, _: &str) -> Result<Rows, E> {
                Err(E::invalid_type(UNTOLD, &self))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Rows, A::Error> {
                let mut rows = Vec::with_capacity(100);
                while let Some(raw) = seq.next_element::<&RawValue>()? {
                    if rows.len() == MAX_ROWS {
                        return Err(de::Error::custom(format!(
                            "more than {MAX_ROWS} rows in one page"
                        )));
                    }
                    rows.try_reserve(1).map_err(de::Error::custom)?;
                    memory::check().map_err(de::Error::custom)?;
                    rows.push(parse_row(raw.get()));
                }
                Ok(Rows(rows))
            }
        }
        // As whatever it is: for a sequence serde_json would not ask the visitor about a text.
        deserializer.deserialize_any(RowsVisitor)
    }
}

fn parse_row(raw: &str) -> Row {
    let content = match serde_json::from_str::<Draft>(raw) {
        Ok(draft) => draft.finish(raw),
        Err(error) => Content::Rejected(Rejected {
            label: salvage_label(raw),
            // serde_json's "at line 1 column 5" counts within the row; nobody can use it.
            reason: error
                .to_string()
                .split(" at line ")
                .next()
                .unwrap_or_default()
                .to_owned(),
            print: fingerprint(raw),
        }),
    };
    Row(content)
}

/// The id of a row whose other fields cannot be read.
fn salvage_label(raw: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct OnlyId {
        id: String,
    }
    serde_json::from_str::<OnlyId>(raw).ok().map(|row| row.id)
}

fn fingerprint(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[derive(Default)]
struct Draft {
    id: Field,
    name: Field,
    fields: [Field; FIELDS.len()],
}

impl Draft {
    fn finish(self, raw: &str) -> Content {
        let reject = |label: Option<&str>, reason: &str| {
            Content::Rejected(Rejected {
                label: label.map(str::to_owned),
                reason: reason.to_owned(),
                print: fingerprint(raw),
            })
        };
        match (self.id, self.name) {
            (Field::Text(id), name) if id.is_empty() => reject(name.as_text(), "its id is empty"),
            (Field::Text(id), Field::Text(name)) => Content::Skill(Box::new(Skill {
                id,
                name,
                fields: self.fields,
            })),
            (Field::Text(id), Field::Invalid(expected)) => {
                reject(Some(&id), &format!("its name is not {expected}"))
            }
            (Field::Text(id), _) => reject(Some(&id), "it has no name"),
            (Field::Invalid(expected), name) => {
                reject(name.as_text(), &format!("its id is not {expected}"))
            }
            (_, name) => reject(name.as_text(), "it has no id"),
        }
    }
}

impl<'de> Deserialize<'de> for Draft {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DraftVisitor;
        impl<'de> Visitor<'de> for DraftVisitor {
            type Value = Draft;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a skill")
            }

            fn visit_str<E: de::Error>(self, _: &str) -> Result<Draft, E> {
                Err(E::invalid_type(UNTOLD, &self))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Draft, A::Error> {
                let mut draft = Draft::default();
                while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                    let (slot, kind) = match key.as_ref() {
                        "id" => (&mut draft.id, Kind::Text),
                        "name" => (&mut draft.name, Kind::Text),
                        key => {
                            if let Some(at) = FIELDS.iter().position(|(known, _)| *known == key) {
                                (&mut draft.fields[at], FIELDS[at].1)
                            } else {
                                map.next_value::<IgnoredAny>()?;
                                continue;
                            }
                        }
                    };
                    *slot = if kind == Kind::Json {
                        json_field(map.next_value::<&RawValue>()?)
                    } else {
                        map.next_value_seed(FieldSeed(kind))?
                    };
                }
                Ok(draft)
            }
        }
        deserializer.deserialize_any(DraftVisitor)
    }
}

#[cfg(test)]
mod tests;
