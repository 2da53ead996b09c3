//! What finished listings have taught about a registry. Kept in `sync_state` under its base URL.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::plan::{Pass, Plan};
use super::watermark::Watermark;
use crate::clock::from_iso;

/// A registry that refused a better plan may allow it by now.
const RETRY_AFTER: TimeDelta = TimeDelta::days(1);

/// What is known of a registry.
///
/// Older versions of this library wrote the first three fields and ignore the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RegistryProfile {
    /// The plan that worked. What older versions do not know they take for no profile at all.
    pub(super) plan: Plan,
    /// When the better plans were last refused, as local ISO time.
    pub(super) chosen_at: String,
    /// The layout of the table that was filled by a complete listing; empty if there was none.
    pub(super) table: String,
    /// Whether its totals may be believed.
    #[serde(default)]
    pub(super) totals: Totals,
    /// Passes whose total said more than two readings brought.
    #[serde(default)]
    pub(super) doubts: Vec<Doubt>,
    /// Skills without a tier were met, or with one that is not known.
    #[serde(default)]
    pub(super) untiered: bool,
    /// Rows that it did not list when the table was filled: they are compared by content when they come.
    #[serde(default)]
    pub(super) unfilled: Vec<String>,
    /// Ids that it lists twice, with two stamps.
    #[serde(default)]
    pub(super) twice: Vec<String>,
    /// What is known of its sync endpoint; nothing where an older version wrote this.
    #[serde(default)]
    pub(super) endpoint: Endpoint,
}

/// What is known of the sync endpoint of a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Endpoint {
    /// It was there when it was asked last.
    pub(super) has_worked: bool,
    /// When it was found to be missing, as local ISO time.
    #[serde(default)]
    pub(super) missing_at: Option<String>,
    /// Up to where it has been listed.
    #[serde(default)]
    pub(super) watermark: Option<Watermark>,
}

impl Endpoint {
    /// Whether it is asked. One that was missing is asked for again once a day.
    pub(super) fn is_asked_at(&self, now: DateTime<Utc>) -> bool {
        !self
            .missing_at
            .as_deref()
            .is_some_and(|at| is_within_a_day(at, now))
    }
}

/// Whether `now` lies within a day of a time before it.
pub(super) fn is_within_a_day(at: &str, now: DateTime<Utc>) -> bool {
    from_iso(at).is_some_and(|at| {
        let age = now.signed_duration_since(at);
        (TimeDelta::zero()..RETRY_AFTER).contains(&age)
    })
}

/// Whether the totals of a registry count the rows of a listing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Totals {
    /// No whole listing has shown it yet.
    #[default]
    Unknown,
    /// A whole listing of several pages brought exactly as many rows.
    Confirmed,
    /// Rows came that they did not count.
    Untrue,
}

/// A pass that brought fewer different rows than its total said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Doubt {
    pub(super) pass: Pass,
    pub(super) total: u64,
    pub(super) rows: u64,
    /// Which rows came, and in which order: rows that come more than once, or are hidden, explain a total
    /// where the same come again.
    #[serde(default)]
    pub(super) order: u64,
}

impl RegistryProfile {
    /// The plan to begin with at this time, without the sync endpoint. The better ones are tried again
    /// once a day.
    pub(super) fn plan_at(&self, now: DateTime<Utc>) -> Option<Plan> {
        let is_known = match self.plan {
            Plan::Sync => false,
            Plan::Plain => true,
            Plan::Tiers | Plan::Words => is_within_a_day(&self.chosen_at, now),
        };
        is_known.then_some(self.plan)
    }
}
