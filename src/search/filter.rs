//! Which skills count, the same for a search and a list.

use rusqlite::ToSql;

use super::columns::Layout;
use crate::{Error, Result};

/// Which skills a search or a list may return. Each condition has to hold.
///
/// ```
/// use skillsmith_sync::search::SkillFilter;
///
/// let filter = SkillFilter::new().trust_tier("verified").min_score(0.5);
/// # drop(filter);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SkillFilter {
    category: Option<String>,
    trust_tier: Option<String>,
    min_score: Option<f64>,
    safe_only: bool,
    source: Option<String>,
}

impl SkillFilter {
    /// All skills.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only skills in this category, by its id or its name; the letters A to Z in either case.
    #[must_use]
    pub fn category(mut self, category: impl Into<String>) -> Self {
        self.category = Some(category.into());
        self
    }

    /// Only skills of this trust tier. Those without one are `unknown`.
    #[must_use]
    pub fn trust_tier(mut self, tier: impl Into<String>) -> Self {
        self.trust_tier = Some(tier.into());
        self
    }

    /// Only skills with at least this quality score, from 0 to 1.
    #[must_use]
    pub fn min_score(mut self, score: f64) -> Self {
        self.min_score = Some(score);
        self
    }

    /// Only skills that have passed a security scan: not those without one, and not those in quarantine. Default: false.
    #[must_use]
    pub fn safe_only(mut self, safe_only: bool) -> Self {
        self.safe_only = safe_only;
        self
    }

    /// Only skills from there: `registry`, or `local` for the user's own.
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        match self.min_score {
            Some(score) if !(0.0..=1.0).contains(&score) => Err(Error::InvalidArgument(format!(
                "The lowest score is {score}. Use a number from 0 to 1."
            ))),
            _ => Ok(()),
        }
    }

    /// The condition on a row `k`, whose parameters are [`Self::values`].
    pub(super) fn condition(layout: &Layout) -> String {
        let category = if layout.has_categories {
            "EXISTS (
               SELECT 1 FROM skill_categories AS placed JOIN categories AS place ON place.id = placed.category_id
               WHERE placed.skill_id = k.id
                 AND (place.id = ?1 COLLATE NOCASE OR place.name = ?1 COLLATE NOCASE))"
        } else {
            "0"
        };
        let tier = layout.or("trust_tier", "NULL");
        let score = layout.score();
        let passed = layout.or("security_passed", "NULL");
        let source = layout.or("source", "NULL");
        format!(
            "(?1 IS NULL OR {category})
             AND (?2 IS NULL OR coalesce({tier}, 'unknown') = ?2)
             AND (?3 IS NULL OR {score} >= ?3)
             AND (NOT ?4 OR {passed} IS 1)
             AND (?5 IS NULL OR coalesce({source}, 'registry') = ?5)"
        )
    }

    /// Those of `?1` to `?5`.
    pub(super) fn values(&self) -> [&dyn ToSql; 5] {
        [
            &self.category,
            &self.trust_tier,
            &self.min_score,
            &self.safe_only,
            &self.source,
        ]
    }
}
