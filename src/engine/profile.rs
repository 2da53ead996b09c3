//! What finished listings have learned about a registry. Stored in `sync_state` under its base URL.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::plan::{Pass, Plan};
use super::watermark::Watermark;
use crate::Result;
use crate::clock::from_iso;
use crate::database::state;

/// After this, a better plan that the registry refused is tried again.
const RETRY_AFTER: TimeDelta = TimeDelta::days(1);

/// What is known about a registry.
///
/// Older versions of this library wrote the first three fields and ignore the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RegistryProfile {
    /// The plan that worked. An older version that does not know it ignores the whole profile.
    pub(super) plan: Plan,
    /// When the better plans were last refused, as local ISO time.
    pub(super) chosen_at: String,
    /// The layout of the table that was filled by a complete listing; empty if there was none.
    pub(super) table: String,
    /// Whether its totals can be trusted.
    #[serde(default)]
    pub(super) totals: Totals,
    /// Passes whose total was higher than the rows read.
    #[serde(default)]
    pub(super) doubts: Vec<Doubt>,
    /// Skills without a tier, or with an unknown one, were found.
    #[serde(default)]
    pub(super) untiered: bool,
    /// Rows that it did not list when the table was filled; they are compared by content once they
    /// appear.
    #[serde(default)]
    pub(super) unfilled: Vec<String>,
    /// Ids that it lists twice, with different stamps.
    #[serde(default)]
    pub(super) twice: Vec<String>,
    /// What is known about its sync endpoint; nothing if an older version wrote this.
    #[serde(default)]
    pub(super) endpoint: Endpoint,
}

/// What is known about the sync endpoint of a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Endpoint {
    /// It was there when it was last requested.
    pub(super) has_worked: bool,
    /// When it was found to be missing, as local ISO time.
    #[serde(default)]
    pub(super) missing_at: Option<String>,
    /// How far it has been listed.
    #[serde(default)]
    pub(super) watermark: Option<Watermark>,
}

impl Endpoint {
    /// Whether to request it at `now`. If it was missing, it is tried again once a day.
    pub(super) fn is_asked_at(&self, now: DateTime<Utc>) -> bool {
        !self
            .missing_at
            .as_deref()
            .is_some_and(|at| is_within_a_day(at, now))
    }
}

/// The profiles of other registries that have a watermark. Another program may have stored anything: what is not JSON
/// is not asked for its content.
const OTHERS_WITH_WATERMARK: &str = "key > 'plan:' AND key < 'plan;' AND key <> ?1
    AND CASE WHEN json_valid(value) THEN value ->> '$.endpoint.watermark' END IS NOT NULL";

/// The cursor of another registry.
const CURSOR_OF_OTHER: &str = "key = ?1
    AND CASE WHEN json_valid(value) THEN value ->> '$.registry' IS NOT ?2 END";

/// Whether another registry would be asked for changes only, or a listing of it be resumed.
pub(super) fn others_are_current(conn: &Connection, registry: &str) -> Result<bool> {
    if !state::exists(conn)? {
        return Ok(false);
    }
    let exists = |what| format!("SELECT EXISTS (SELECT 1 FROM main.sync_state WHERE {what})");
    let has_watermark: bool = conn.query_row(
        &exists(OTHERS_WITH_WATERMARK),
        [state::key::plan(registry)],
        |row| row.get(0),
    )?;
    let cursor = (state::key::CURSOR, registry);
    Ok(has_watermark || conn.query_row(&exists(CURSOR_OF_OTHER), cursor, |row| row.get(0))?)
}

/// Lets the next sync of each other registry list everything, inside the caller's transaction.
pub(super) fn outdate_others(conn: &Connection, registry: &str) -> Result<()> {
    conn.execute(
        &format!(
            "UPDATE main.sync_state SET value = json_remove(value, '$.endpoint.watermark')
             WHERE {OTHERS_WITH_WATERMARK}"
        ),
        [state::key::plan(registry)],
    )?;
    conn.execute(
        &format!("DELETE FROM main.sync_state WHERE {CURSOR_OF_OTHER}"),
        (state::key::CURSOR, registry),
    )?;
    Ok(())
}

/// Whether `at` is less than a day before `now`.
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
    /// No full listing has shown it yet.
    #[default]
    Unknown,
    /// A full listing of several pages had exactly as many rows.
    Confirmed,
    /// More rows were served than they said.
    Untrue,
}

/// A pass with fewer distinct rows than its total said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Doubt {
    pub(super) pass: Pass,
    pub(super) total: u64,
    pub(super) rows: u64,
    /// Hash of the rows and their order. Rows that come more than once, or are hidden, explain a
    /// total only if the same rows come again.
    #[serde(default)]
    pub(super) order: u64,
}

impl RegistryProfile {
    /// The plan to start with at `now` if the sync endpoint is not used. Better plans are tried
    /// again once a day.
    pub(super) fn plan_at(&self, now: DateTime<Utc>) -> Option<Plan> {
        let is_known = match self.plan {
            Plan::Sync => false,
            Plan::Plain => true,
            Plan::Tiers | Plan::Words => is_within_a_day(&self.chosen_at, now),
        };
        is_known.then_some(self.plan)
    }
}
