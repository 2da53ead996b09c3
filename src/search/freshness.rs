//! How complete and how old the skills of a database are.

use chrono::Utc;
use rusqlite::params;
use serde::Serialize;

use crate::Result;
use crate::clock::from_iso;
use crate::config;
use crate::database::state;
use crate::engine::{Coverage, NotedListing};
use crate::statements::Statements;

/// What is known of how complete and how old the skills of a database are.
///
/// ```
/// use skillsmith_sync::search::Freshness;
/// use skillsmith_sync::{Database, SkillRepository};
///
/// let skills = SkillRepository::new(&Database::open_in_memory()?);
/// let fresh: Freshness = skills.freshness()?;
/// assert!(fresh.is_empty && fresh.coverage.is_none());
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Freshness {
    /// Whether there is no skill at all.
    pub is_empty: bool,
    /// When the last listing was read to its end, in ISO 8601; `None` if none was.
    pub listed_at: Option<String>,
    /// How long ago that was, in milliseconds; 0 for a time in the future.
    pub age_ms: Option<u64>,
    /// Whether that is longer ago than the time between two automatic syncs, or never was.
    pub is_stale: bool,
    /// Whether that listing could see every skill of the registry; `None` if a version of this library that did not note it
    /// read it, or another program.
    pub coverage: Option<Coverage>,
    /// Whether it was a listing by a few search words, which finds a part of the skills only.
    pub by_words: bool,
}

impl Freshness {
    pub(super) fn read(conn: &dyn Statements) -> Result<Self> {
        let is_there = "SELECT EXISTS (SELECT 1 FROM skills) AS found";
        let config = config::load(conn)?;
        let noted: Option<NotedListing> = state::get(conn, state::key::COVERAGE)?;
        let at: Option<String> = state::get(conn, state::key::LISTED)?;
        // Another program notes only when it began its last sync.
        let listed_at = at.or(config.last_sync_at);
        let age = listed_at
            .as_deref()
            .and_then(from_iso)
            .map(|at| Utc::now() - at);
        let age_ms = age.map(|age| u64::try_from(age.num_milliseconds()).unwrap_or(0));
        Ok(Self {
            is_empty: !conn.exists(is_there, params![])?,
            is_stale: age_ms.is_none_or(|age| age > config.interval_ms.unsigned_abs()),
            age_ms,
            coverage: noted.map(NotedListing::coverage),
            by_words: noted.is_some_and(|noted| noted.by_words),
            listed_at,
        })
    }
}
