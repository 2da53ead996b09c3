//! The object around the rows: `{"data": […], "meta": {…}}`.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Row;
use super::draft::{UNTOLD, parse_row};
use crate::{Result, memory};

/// Largest number of rows in a page; the largest limit in a request is 10,000. Bounds the memory
/// for a page of tiny rows.
pub(super) const MAX_ROWS: usize = 20_000;

pub(super) struct Envelope<'a> {
    pub(super) data: Rows,
    pub(super) meta: Option<&'a RawValue>,
}

impl<'de> Deserialize<'de> for Envelope<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EnvelopeVisitor;
        impl<'de> Visitor<'de> for EnvelopeVisitor {
            type Value = Envelope<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope<'de>, A::Error> {
                let (mut data, mut meta) = (None, None);
                // Of duplicate names, the last one counts, as in JavaScript.
                while let Some(key) = map.next_key::<Key>()? {
                    match key {
                        Key::Data => data = Some(map.next_value::<Rows>()?),
                        Key::Meta => meta = Some(map.next_value::<&RawValue>()?),
                        Key::Other => _ = map.next_value::<IgnoredAny>()?,
                    }
                }
                Ok(Envelope {
                    data: data.ok_or_else(|| de::Error::missing_field("data"))?,
                    meta,
                })
            }
        }
        deserializer.deserialize_map(EnvelopeVisitor)
    }
}

/// A name in the envelope.
enum Key {
    Data,
    Meta,
    Other,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_bytes<E>(self, name: &[u8]) -> Result<Key, E> {
                Ok(match name {
                    b"data" => Key::Data,
                    b"meta" => Key::Meta,
                    _ => Key::Other,
                })
            }
        }
        // As bytes: a string with an unpaired surrogate is an error, and an unknown name must not
        // cost the page.
        deserializer.deserialize_bytes(KeyVisitor)
    }
}

/// The rows; an error if there was no memory for them, which is not the fault of the text.
pub(super) struct Rows(pub(super) Result<Vec<Row>>);

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
                    if let Err(error) = reserve_one(&mut rows) {
                        while seq.next_element::<IgnoredAny>()?.is_some() {}
                        return Ok(Rows(Err(error)));
                    }
                    rows.push(parse_row(raw.get()));
                }
                Ok(Rows(Ok(rows)))
            }
        }
        // As any type: `deserialize_seq` would reject a string without asking the visitor.
        deserializer.deserialize_any(RowsVisitor)
    }
}

fn reserve_one(rows: &mut Vec<Row>) -> Result<()> {
    rows.try_reserve(1)?;
    memory::check()
}
