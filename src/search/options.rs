//! What a search and a list take.

use super::SkillFilter;
use crate::{Error, Result};

/// Most skills that one call returns.
const MOST: u32 = 1_000;

/// What a search and a list have in common: how many skills of an answer, and which count at all.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Selection {
    limit: u32,
    pub(super) filter: SkillFilter,
}

impl Selection {
    fn new(limit: u32) -> Self {
        Self {
            limit,
            filter: SkillFilter::default(),
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        if !(1..=MOST).contains(&self.limit) {
            return Err(Error::InvalidArgument(format!(
                "The limit is {}. Use a whole number from 1 to {MOST}.",
                self.limit
            )));
        }
        self.filter.check()
    }

    /// How many rows to read: one more than are asked for tells whether there are more.
    pub(super) fn most(&self) -> i64 {
        i64::from(self.limit).saturating_add(1)
    }

    /// Leaves out the one more, and tells whether it was there.
    pub(super) fn cut<T>(&self, rows: &mut Vec<T>) -> bool {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        has_more
    }
}

/// Options of [`SkillRepository::search`](crate::SkillRepository::search).
///
/// ```
/// use skillsmith_sync::search::{SearchOptions, SkillFilter};
///
/// let options = SearchOptions::new()
///     .limit(5)
///     .filter(SkillFilter::new().category("testing").safe_only(true));
/// # drop(options);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SearchOptions {
    pub(super) selection: Selection,
    pub(super) offset: u32,
}

impl SearchOptions {
    /// The first 20 of all skills that match.
    pub fn new() -> Self {
        Self::default()
    }

    /// Most skills in the answer, from 1 to 1,000. Default: 20.
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.selection.limit = limit;
        self
    }

    /// How many of the best matches to leave out. Default: 0.
    #[must_use]
    pub fn offset(mut self, offset: u32) -> Self {
        self.offset = offset;
        self
    }

    /// Which skills count at all. Default: all.
    #[must_use]
    pub fn filter(mut self, filter: SkillFilter) -> Self {
        self.selection.filter = filter;
        self
    }
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            selection: Selection::new(20),
            offset: 0,
        }
    }
}

/// Options of [`SkillRepository::list`](crate::SkillRepository::list) and
/// [`SkillRepository::iter`](crate::SkillRepository::iter).
///
/// ```
/// use skillsmith_sync::search::ListOptions;
///
/// let next = ListOptions::new().after("community/git-helper").limit(50);
/// # drop(next);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ListOptions {
    pub(super) selection: Selection,
    pub(super) after: Option<String>,
}

impl ListOptions {
    /// The first 100 of all skills.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins behind this id, which need not exist: the last one of the page before.
    #[must_use]
    pub fn after(mut self, id: impl Into<String>) -> Self {
        self.after = Some(id.into());
        self
    }

    /// Most skills of a page, from 1 to 1,000. Default: 100.
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.selection.limit = limit;
        self
    }

    /// Which skills count at all. Default: all.
    #[must_use]
    pub fn filter(mut self, filter: SkillFilter) -> Self {
        self.selection.filter = filter;
        self
    }
}

impl Default for ListOptions {
    fn default() -> Self {
        Self {
            selection: Selection::new(100),
            after: None,
        }
    }
}
