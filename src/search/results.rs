//! What is found.

use serde::Serialize;

use super::Freshness;
use crate::SkillRecord;

/// A skill that matches.
///
/// ```
/// use skillsmith_sync::search::SearchOptions;
/// use skillsmith_sync::{Database, SkillRepository};
///
/// let skills = SkillRepository::new(&Database::open_in_memory()?);
/// for found in skills.search("git", &SearchOptions::new())?.matches {
///     println!("{:.2} {}", found.rank, found.skill.name);
/// }
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SkillMatch {
    /// The skill.
    #[serde(flatten)]
    pub skill: SkillRecord,
    /// How well it matches by BM25, in which a word in the name weighs most: more is better. It compares the skills of one
    /// answer; 0 where no index was asked, or no word.
    pub rank: f64,
    /// The part of its texts in which most words are found, on one line; `None` where no index was asked.
    pub snippet: Option<String>,
}

/// The answer to a search.
///
/// ```
/// use skillsmith_sync::search::SearchOptions;
/// use skillsmith_sync::{Database, SkillRepository};
///
/// let skills = SkillRepository::new(&Database::open_in_memory()?);
/// let found = skills.search("git", &SearchOptions::new())?;
/// assert!(found.indexed && !found.has_more);
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SearchResults {
    /// The skills, the best match first.
    pub matches: Vec<SkillMatch>,
    /// Whether more skills match than these.
    pub has_more: bool,
    /// Whether the full-text index was asked. Without it, or where it is damaged, texts are compared letter by letter, so that
    /// "testing" does not find "tests"; the best quality comes first then.
    pub indexed: bool,
    /// What is known of how complete and how old the skills are.
    pub freshness: Freshness,
}

/// A page of a list.
///
/// ```
/// use skillsmith_sync::search::ListOptions;
/// use skillsmith_sync::{Database, SkillRepository};
///
/// let skills = SkillRepository::new(&Database::open_in_memory()?);
/// let page = skills.list(&ListOptions::new())?;
/// assert_eq!(page.next, None);
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SkillPage {
    /// The skills, in the order of their ids.
    pub skills: Vec<SkillRecord>,
    /// The id behind which the next page begins; `None` for the last one.
    pub next: Option<String>,
    /// What is known of how complete and how old the skills are.
    pub freshness: Freshness,
}

/// A skill with what other tables have of it.
///
/// ```
/// use skillsmith_sync::search::SkillDetails;
/// use skillsmith_sync::{Database, SkillRepository};
///
/// let skills = SkillRepository::new(&Database::open_in_memory()?);
/// let skill: Option<SkillDetails> = skills.get("community/git-helper")?;
/// assert!(skill.is_none_or(|skill| skill.categories.is_empty()));
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SkillDetails {
    /// The skill.
    #[serde(flatten)]
    pub skill: SkillRecord,
    /// The names of the categories that it is in, in their order.
    pub categories: Vec<String>,
    /// Where it is from: `registry`, or `local` for the user's own.
    pub source: String,
}
