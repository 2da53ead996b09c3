//! The categories of a skill: names in its row, rows of two tables here.
//!
//! A category that is missing is added; those that are there are only used. A row that tells of
//! categories decides which ones its skill is in; one that does not leaves them.

use std::fmt;

use rusqlite::Connection;
use serde::Deserializer as _;
use serde::de::{SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::table::Table;
use crate::Result;
use crate::registry::field::{Field, FieldValue};
use crate::registry::wire::Skill;

/// What a row can bring at most; no skill needs as many, and none as long.
const MOST_NAMES: usize = 50;
const LONGEST_NAME: usize = 200;

/// What a row says of its skill's categories.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Categories {
    pub(super) names: Vec<Name>,
    /// Names that are none, or too many.
    left_out: u64,
}

/// A category, and the id that it gets where there is none of that name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) id: String,
    pub(super) name: String,
}

/// The categories that a row tells of; `None` where it does not, or this file has no place for them.
pub(crate) fn of(skill: &Skill, table: &Table) -> Option<Categories> {
    if !table.has.categories {
        return None;
    }
    match &skill.fields[Field::Categories] {
        FieldValue::Null => Some(Categories::default()),
        FieldValue::Text(json) => read(json),
        _ => None,
    }
}

/// The names in a JSON array; `None` for anything else.
fn read(json: &str) -> Option<Categories> {
    struct Names;
    impl<'de> Visitor<'de> for Names {
        type Value = Categories;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Categories, A::Error> {
            let mut found = Categories::default();
            while let Some(raw) = seq.next_element::<&RawValue>()? {
                found.add(raw);
            }
            Ok(found)
        }
    }
    serde_json::Deserializer::from_str(json)
        .deserialize_seq(Names)
        .ok()
}

impl Categories {
    fn add(&mut self, raw: &RawValue) {
        let is_short = raw.get().len() <= 6 * LONGEST_NAME;
        let name = is_short
            .then(|| serde_json::from_str::<String>(raw.get()).ok())
            .flatten();
        let name = name.as_deref().map(str::trim).filter(|name| {
            name.len() <= LONGEST_NAME && !name.is_empty() && !name.contains(char::is_control)
        });
        let Some(name) = name else {
            self.left_out = self.left_out.saturating_add(1);
            return;
        };
        let words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
        let id = words.join("-");
        if self.names.iter().any(|known| known.id == id) {
            return;
        }
        if self.names.len() == MOST_NAMES {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        self.names.push(Name {
            id,
            name: name.to_owned(),
        });
    }

    /// What the user is told where not all of them are stored.
    pub(crate) fn note(&self) -> Option<String> {
        (self.left_out > 0).then(|| format!("{} of its categories are left out", self.left_out))
    }

    /// Whether the skill is in others than these.
    pub(crate) fn differ(&self, conn: &Connection, table: &Table, id: &str) -> Result<bool> {
        let Some(sql) = &table.sql.categories else {
            return Ok(false);
        };
        let names: Vec<[&str; 2]> = self
            .names
            .iter()
            .map(|name| [name.id.as_str(), name.name.as_str()])
            .collect();
        let names = serde_json::to_string(&names).unwrap_or_default();
        Ok(conn
            .prepare_cached(sql.differ)?
            .query_row([id, &names], |row| row.get(0))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(json: &str) -> Vec<String> {
        let found = read(json).unwrap();
        found.names.into_iter().map(|name| name.id).collect()
    }

    #[test]
    fn a_name_in_lower_case_with_dashes_is_its_id() {
        assert_eq!(
            ids(r#"["Testing", " Code  Review ", "DevOps", "ÜBER uns", "C++"]"#),
            ["testing", "code-review", "devops", "über-uns", "c++"]
        );
    }

    #[test]
    fn what_is_no_name_is_left_out() {
        let long = "x".repeat(LONGEST_NAME + 1);
        let found = read(&format!(
            r#"["a", 1, null, ["b"], {{"c":1}}, "", "  ", "{long}", "a\u0000b", "A", "\ud83d"]"#
        ))
        .unwrap();
        assert_eq!(found.names.len(), 1);
        assert_eq!(found.left_out, 9);
        assert_eq!(read(r#"{"a": 1}"#), None);
    }

    #[test]
    fn a_row_brings_no_more_than_a_few() {
        let many: Vec<String> = (0..10_000).map(|n| format!("c{n}")).collect();
        let found = read(&serde_json::to_string(&many).unwrap()).unwrap();
        assert_eq!((found.names.len(), found.left_out), (50, 9_950));
        assert_eq!(
            found.note().as_deref(),
            Some("9950 of its categories are left out")
        );
    }
}
