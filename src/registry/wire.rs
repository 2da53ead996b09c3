//! From the bytes of an answer to rows: parsed once, row by row.
//!
//! A row that cannot be read costs that row and nothing more, so each one is
//! first cut out as text and then parsed on its own. Which fields exist is one
//! table; what a row holds for each is `Absent`, `Null`, a value or `Invalid`,
//! and only the store knows which of them matter for the database at hand.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::{
    self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde_json::value::RawValue;

use super::credentials::Credentials;
use super::field::{Field, FieldSeed, FieldValue, Fields, Kind, Value, json_field};
use super::mend::{mend_numbers, mend_surrogates};
use crate::fingerprint::fingerprint;
use crate::{Cause, Error, Result, memory};

/// A page with more rows than this is no answer to what was asked: the largest
/// limit is 10,000. It bounds the memory that a page of tiny rows can take.
const MAX_ROWS: usize = 20_000;

/// One skill as it was served.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Skill {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) fields: Fields,
    /// One of its texts held half of a character, which is U+FFFD now.
    pub(crate) mended: bool,
}

impl Skill {
    /// The registry's stamp of the last change, where the row has one.
    pub(crate) fn stamp(&self) -> Option<&str> {
        self.fields[Field::UpdatedAt].as_text()
    }

    /// Whether one of its texts holds that character.
    fn holds(&self, wanted: char) -> bool {
        self.id.contains(wanted)
            || self.name.contains(wanted)
            || self.fields.texts().any(|text| text.contains(wanted))
    }
}

/// One element of a page: a skill, or a row that cannot be read as one.
///
/// ```
/// use skillsmith_sync::registry::{Page, Value};
///
/// let page = Page::parse(br#"{"data": [
///     {"id": "a/b", "name": "b", "stars": 7, "tags": ["git"]},
///     {"id": "c/d", "name": 5}
/// ]}"#)?;
/// let [skill, rejected] = page.rows() else { unreachable!() };
///
/// assert_eq!((skill.id(), skill.name()), (Some("a/b"), Some("b")));
/// assert_eq!(skill.field("stars"), Some(Value::Integer(7)));
/// assert_eq!(skill.field("tags"), Some(Value::Json(r#"["git"]"#)));
/// assert_eq!(skill.field("description"), None);
///
/// assert_eq!(rejected.rejection(), Some("its name is not a text"));
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Row(pub(crate) Content);

impl Row {
    /// The skill's id. Of a rejected row, its id where that can be read.
    pub fn id(&self) -> Option<&str> {
        match &self.0 {
            Content::Skill(skill) => Some(&skill.id),
            Content::Rejected(row) => row.id.as_deref(),
        }
    }

    /// The skill's name; `None` for a rejected row.
    pub fn name(&self) -> Option<&str> {
        Some(&self.skill()?.name)
    }

    /// A field by the name that the registry gives it, such as `description`, `repo_url` or
    /// `trust_tier`. Of `security_findings` only their number is kept.
    ///
    /// `None` where the row lacks it or has `null` or a value of the wrong type there, for a
    /// field that no skill has, and for a rejected row.
    pub fn field(&self, name: &str) -> Option<Value<'_>> {
        let skill = self.skill()?;
        match name {
            "id" => Some(Value::Text(&skill.id)),
            "name" => Some(Value::Text(&skill.name)),
            name => {
                let field = Field::named(name)?;
                skill.fields[field].public(field.kind())
            }
        }
    }

    /// Why the row is rejected; `None` for a skill.
    pub fn rejection(&self) -> Option<&str> {
        match &self.0 {
            Content::Skill(_) => None,
            Content::Rejected(row) => Some(&row.reason),
        }
    }

    /// The registry's stamp of the last change, where the row has one.
    pub(crate) fn stamp(&self) -> Option<&str> {
        self.skill()?.stamp()
    }

    fn skill(&self) -> Option<&Skill> {
        match &self.0 {
            Content::Skill(skill) => Some(skill),
            Content::Rejected(_) => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Skill(Box<Skill>),
    Rejected(Rejected),
}

/// A row that is no skill.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rejected {
    /// Its id, where that can be read.
    pub(crate) id: Option<String>,
    /// Its id or name, where it has one.
    pub(crate) label: Option<String>,
    pub(crate) reason: String,
    /// Tells it from other rejected rows when pages are read again.
    pub(crate) fingerprint: u64,
}

/// One page of the listing, as [`Registry::search`](super::Registry::search) gives it.
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
    /// `meta.total`, whatever this server means by it.
    pub(crate) total: Option<u64>,
    /// `meta.limit`: the limit that the server really used.
    pub(crate) limit: Option<u64>,
    /// The registry's own time when it served the page, where it says so.
    pub(crate) served_at: Option<DateTime<Utc>>,
}

impl Page {
    /// Reads a page from the JSON text of an answer, `{"data": […], "meta": {…}}`.
    ///
    /// Rows that cannot be read are kept as rejected ones.
    ///
    /// # Errors
    /// [`Error::Protocol`] if the text as a whole is not a page.
    pub fn parse(body: &[u8]) -> Result<Self> {
        let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
        let (text, damaged) = if let Ok(text) = std::str::from_utf8(body) {
            (Cow::Borrowed(text), false)
        } else {
            // A character of three bytes for every damaged one.
            memory::ensure_available(body.len().saturating_mul(4))?;
            (String::from_utf8_lossy(body), true)
        };
        // The rows hold what the text holds; a text with escapes is put together first.
        memory::ensure_available(text.len().saturating_mul(3))?;
        let mended;
        let envelope: Envelope<'_> = match serde_json::from_str(&text) {
            Ok(envelope) => envelope,
            Err(error) => {
                memory::check()?;
                // There may be memory again by now.
                if error.to_string().contains(&Error::OutOfMemory.to_string()) {
                    return Err(Error::OutOfMemory);
                }
                memory::ensure_available(text.len().saturating_mul(2))?;
                mended = mend_numbers(&text);
                // The first error is told: its cause stands in what was served.
                mended
                    .as_deref()
                    .and_then(|text| serde_json::from_str(text).ok())
                    .ok_or_else(|| {
                        Error::Protocol(Cause::new(describe(&text, &error)).with_source(error))
                    })?
            }
        };
        let mut page = Self {
            rows: envelope.data.0,
            total: None,
            limit: None,
            served_at: None,
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

    /// Says what the registry's own time was when it served the page, as a `Date` header does. Where it
    /// is not said, stamps of rows count up to a day after our own time.
    #[must_use]
    pub const fn with_served_at(mut self, time: DateTime<Utc>) -> Self {
        self.served_at = Some(time);
        self
    }

    /// The rows, in the order of the listing, rejected ones included.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The registry's `meta.total`. What registries count there differs.
    pub const fn total(&self) -> Option<u64> {
        self.total
    }

    /// The registry's `meta.limit`: how many rows it gives at most, if it says so.
    pub const fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// Takes our credentials out of what is told of rows. An id or a tier that holds one is
    /// none, and is not kept either.
    pub(super) fn redact(&mut self, credentials: &Credentials) {
        for row in &mut self.rows {
            match &mut row.0 {
                Content::Rejected(row) => {
                    row.label = row.label.as_deref().map(|label| credentials.redact(label));
                    row.reason = credentials.redact(&row.reason);
                }
                Content::Skill(skill) => {
                    let tier = skill.fields[Field::TrustTier].as_text().unwrap_or_default();
                    if credentials.are_in(&skill.id) || credentials.are_in(tier) {
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

/// Says what is wrong with an answer in words, and not in its own: it may repeat the key
/// that was sent.
fn describe(text: &str, error: &serde_json::Error) -> String {
    if text.trim().is_empty() {
        return "it is empty".into();
    }
    let start = text.trim_start().chars().next();
    match start {
        Some('{') if error.is_data() => format!("it is JSON, but not a page of skills: {error}"),
        _ if error.is_data() => "it is JSON, but not a page of skills: it is not an object".into(),
        Some('<') => "it is not JSON; it looks like a web page".into(),
        _ => "it is not JSON".into(),
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
    for row in rows {
        if let Content::Skill(skill) = &row.0 {
            // What was mended is what was served, but for half a character.
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

struct Envelope<'a> {
    data: Rows,
    meta: Option<&'a RawValue>,
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
                // A name that is there twice counts where it comes last, as in JavaScript.
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
        // As bytes: a text with half a character in it is an error, and a name that nobody
        // asks for must not cost the page.
        deserializer.deserialize_bytes(KeyVisitor)
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
                    rows.try_reserve(1)
                        .map_err(|error| de::Error::custom(Error::from(error)))?;
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
    let text = mend_surrogates(raw);
    let damaged = matches!(text, Cow::Owned(_));
    // Once more, field by field, where one of them stops the parser.
    let draft = Draft::read(&text, false).or_else(|_| Draft::read(&text, true));
    let content = match draft {
        Ok(draft) => draft.finish(raw, damaged),
        Err(error) => Content::Rejected(Rejected {
            id: salvage_label(&text),
            label: salvage_label(&text),
            // serde_json's "at line 1 column 5" counts within the row; nobody can use it.
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

/// The id of a row whose other fields cannot be read.
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
    /// Reads a row; `by_field` cuts out each field first, so that none can stop the others.
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
                // Not where the damage is in a field that nobody reads.
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

#[cfg(test)]
mod tests;
