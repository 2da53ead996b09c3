//! The table of searches, lists and ids that every surface is asked, with what each has to find: `table.json`, over the skills
//! of `skills.sql`.

use std::path::Path;

use serde::Deserialize;

/// All of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    pub(crate) searches: Vec<Search>,
    pub(crate) lists: Vec<List>,
    pub(crate) details: Vec<Details>,
}

/// A search, and what it finds or the code of its error.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Search {
    pub(crate) text: Text,
    #[serde(default)]
    pub(crate) options: Options,
    #[serde(default)]
    pub(crate) ids: Vec<String>,
    #[serde(default)]
    pub(crate) has_more: bool,
    pub(crate) error: Option<String>,
}

/// A page of a list, and the id behind which the next one begins.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct List {
    #[serde(default)]
    pub(crate) options: Options,
    #[serde(default)]
    pub(crate) ids: Vec<String>,
    pub(crate) next: Option<String>,
    pub(crate) error: Option<String>,
}

/// An id; and the categories and the source of its skill, if there is one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Details {
    pub(crate) id: String,
    pub(crate) categories: Option<Vec<String>>,
    pub(crate) source: Option<String>,
}

/// The options by their names in Node.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Options {
    pub(crate) limit: Option<u32>,
    pub(crate) offset: Option<u32>,
    pub(crate) after: Option<String>,
    pub(crate) category: Option<String>,
    pub(crate) trust_tier: Option<String>,
    pub(crate) min_score: Option<f64>,
    #[serde(default)]
    pub(crate) safe_only: bool,
    pub(crate) source: Option<String>,
}

/// A text, or one that would be too long to write down.
#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Text {
    Whole(String),
    Repeated { repeat: String, times: usize },
}

impl Text {
    pub(crate) fn whole(&self) -> String {
        match self {
            Self::Whole(text) => text.clone(),
            Self::Repeated { repeat, times } => repeat.repeat(*times),
        }
    }
}

/// Reads the table in the root of the project.
pub(crate) fn read(root: &Path) -> Table {
    let text = std::fs::read_to_string(root.join("tests/searches/table.json")).unwrap();
    let table: Table = serde_json::from_str(&text).unwrap();
    assert!(table.searches.len() > 100 && table.lists.len() > 15 && table.details.len() > 5);
    table
}

/// The statements that write its skills.
pub(crate) fn skills(root: &Path) -> String {
    std::fs::read_to_string(root.join("tests/searches/skills.sql")).unwrap()
}
