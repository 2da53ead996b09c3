//! What a search and a list take.

use super::SkillFilter;
use crate::{Error, Result};

/// Most skills that one call returns.
pub(super) const MOST: u32 = 1_000;

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
    pub(super) limit: u32,
    pub(super) offset: u32,
    pub(super) filter: SkillFilter,
}

impl SearchOptions {
    /// The first 20 of all skills that match.
    pub fn new() -> Self {
        Self::default()
    }

    /// Most skills in the answer, from 1 to 1,000. Default: 20.
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = limit;
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
        self.filter = filter;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        check_limit(self.limit)?;
        self.filter.check()
    }
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            limit: 20,
            offset: 0,
            filter: SkillFilter::default(),
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
    pub(super) after: Option<String>,
    pub(super) limit: u32,
    pub(super) filter: SkillFilter,
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
        self.limit = limit;
        self
    }

    /// Which skills count at all. Default: all.
    #[must_use]
    pub fn filter(mut self, filter: SkillFilter) -> Self {
        self.filter = filter;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        check_limit(self.limit)?;
        self.filter.check()
    }
}

impl Default for ListOptions {
    fn default() -> Self {
        Self {
            after: None,
            limit: 100,
            filter: SkillFilter::default(),
        }
    }
}

fn check_limit(limit: u32) -> Result<()> {
    if (1..=MOST).contains(&limit) {
        return Ok(());
    }
    Err(Error::InvalidArgument(format!(
        "The limit is {limit}. Use a whole number from 1 to {MOST}."
    )))
}
