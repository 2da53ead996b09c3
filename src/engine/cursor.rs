//! The cursor of a listing, kept from run to run.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::gap::Gap;
use super::pass::PassCursor;
use super::plan::{Pass, Plan, is_known_tier};
use super::profile::{Doubt, is_within_a_day};
use super::watermark::Horizon;
use crate::clock::{from_iso, to_iso};

/// Format of a stored cursor; a cursor of another format is ignored.
pub(super) const FORMAT: u32 = 1;

/// Rows before a cursor that were read longer ago than this are read again.
const OLD: TimeDelta = TimeDelta::days(1);

/// More tiers than this, or longer ones, are not requested by name.
const MOST_TIERS: usize = 50;
const LONGEST_TIER: usize = 64;

/// How the rows of a listing are compared with stored rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// By the registry's stamp; by content if a row has none.
    Stamp,
    /// By content, because the user forces it.
    Content,
    /// By content, because the table can hold more than when it was last filled.
    Filling,
}

impl Mode {
    pub(super) const fn is_by_content(self) -> bool {
        matches!(self, Self::Content | Self::Filling)
    }
}

/// How far a listing has been read. Everything before the cursor has been read and applied, except
/// gaps and pages put off.
///
/// Kept in `sync_state` when a run ends early; the next run continues from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that have nothing to do with each other"
)]
pub(crate) struct Cursor {
    format: u32,
    /// The registry that is listed.
    pub(super) registry: String,
    /// The layout of the table that the rows were written to.
    pub(super) layout: String,
    pub(super) mode: Mode,
    /// The sync endpoint is asked only for rows with a later stamp than this.
    pub(super) since: Option<String>,
    /// What the listing has learned for the next watermark.
    #[serde(default)]
    pub(super) horizon: Horizon,
    /// The sync endpoint was missing when it was last requested.
    #[serde(default)]
    pub(super) misses_endpoint: bool,
    /// A gap cannot be located any more, so only a full listing finds it.
    #[serde(default)]
    pub(super) lost_gap: bool,
    /// When the listing began, as local ISO time: the `last_sync_at` of the run that ends it.
    pub(super) started_at: String,
    /// When the oldest rows that need not be read again were read.
    fresh_since: String,
    /// Whether an earlier run has read part of it.
    pub(super) is_resumed: bool,
    pub(super) plan: Plan,
    /// Tiers found in rows but not in the plan by tiers.
    more_tiers: Vec<String>,
    /// Finished passes.
    done: Vec<Pass>,
    /// Number of passes of this plan that were refused; they are among the finished ones.
    refused: usize,
    /// Number of passes of this plan of which nothing could be read.
    unreadable: usize,
    /// A finished pass had rows.
    has_brought: bool,
    /// The pass being read; `None` at the end.
    pub(super) pass: Option<Pass>,
    pub(super) at: PassCursor,
    /// Distinct rows in finished passes.
    done_rows: u64,
    /// Rows with a score in the passes by tier.
    pub(super) scored_rows: u64,
    /// The total of the pass by score, if the tiers had that many, and the rows of its first page,
    /// until what follows them was looked at.
    #[serde(default)]
    pub(super) scored_end: Option<(u64, u64)>,
    /// A second look reads only up to here: what follows was read later.
    until: Option<Mark>,
    /// After its end, the listing is read again up to here.
    again: Option<Mark>,
    /// What could not be read.
    pub(super) gaps: Vec<Gap>,
    /// Number of further gaps.
    pub(super) more_gaps: u64,
    pub(super) findings: Findings,
}

/// A position in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    done: Vec<Pass>,
    pass: Option<Pass>,
    offset: u64,
}

/// What a listing has found out about the registry and about its own completeness.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "findings that have nothing to do with each other"
)]
pub(super) struct Findings {
    /// A row had no tier, or an unknown one.
    pub(super) untiered: bool,
    /// Earlier listings found such rows.
    #[serde(default)]
    pub(super) untiered_before: bool,
    /// It could not be checked whether there are skills without a tier.
    #[serde(default)]
    pub(super) untiered_unknown: bool,
    /// Tiers whose listing was refused.
    #[serde(default)]
    pub(super) refused_tiers: Vec<String>,
    /// Such tiers that a row has.
    #[serde(default)]
    pub(super) unlisted_tiers: Vec<String>,
    /// Passes in doubt: rows moved, or there were fewer than the total says.
    pub(super) doubts: Vec<Finding>,
    /// Passes that are complete although their total is higher.
    #[serde(rename = "repeats")]
    pub(super) explained: Vec<Doubt>,
    /// Passes whose end could not be reached.
    pub(super) limited: Vec<Pass>,
    /// A total matched the rows of a pass of several pages.
    pub(super) true_totals: bool,
    /// A total was lower than the rows served.
    pub(super) untrue_totals: bool,
    /// Rows moved while the sync endpoint was read: one that came with an old timestamp before those
    /// that were read is only seen by the next whole listing.
    #[serde(default)]
    pub(super) shifted: bool,
    /// Messages of this listing about rows that could not be stored.
    pub(super) errors: Vec<String>,
    /// Number of such rows.
    pub(super) rejected: u64,
    /// The database refused some of them.
    pub(super) refused: bool,
    /// Rows left to the next listing: an older copy than the stored one was served.
    #[serde(default)]
    pub(super) left: u64,
    /// Ids that are listed twice, with different stamps.
    pub(super) twice: Vec<String>,
    /// Those of them whose earlier copy is held back until a later one arrives.
    pub(super) held: Vec<String>,
}

/// A pass in doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Finding {
    pub(super) pass: Pass,
    /// The total, if it is higher than the rows read.
    pub(super) total: Option<u64>,
    /// Rows moved while they were read.
    pub(super) moved: bool,
    pub(super) rows: u64,
    #[serde(default)]
    pub(super) order: u64,
}

impl Cursor {
    /// A cursor at the start of a listing.
    pub(super) fn new(
        registry: String,
        layout: String,
        plan: Plan,
        mode: Mode,
        now: DateTime<Utc>,
    ) -> Self {
        let started_at = to_iso(now);
        let mut cursor = Self {
            format: FORMAT,
            registry,
            layout,
            mode,
            since: None,
            horizon: Horizon::default(),
            misses_endpoint: false,
            lost_gap: false,
            fresh_since: started_at.clone(),
            started_at,
            is_resumed: false,
            plan,
            more_tiers: Vec::new(),
            done: Vec::new(),
            refused: 0,
            unreadable: 0,
            has_brought: false,
            pass: None,
            at: PassCursor::default(),
            done_rows: 0,
            scored_rows: 0,
            scored_end: None,
            until: None,
            again: None,
            gaps: Vec::new(),
            more_gaps: 0,
            findings: Findings::default(),
        };
        cursor.switch_to(plan);
        cursor
    }

    /// The start of another listing of the same registry, which knows that the sync endpoint was not
    /// there.
    pub(super) fn anew(&self, now: DateTime<Utc>) -> Self {
        let (registry, layout) = (self.registry.clone(), self.layout.clone());
        let mut cursor = Self::new(registry, layout, Plan::Sync, self.mode, now);
        cursor.misses_endpoint = self.misses_endpoint;
        cursor.findings.untiered_before = self.findings.untiered_before;
        cursor
    }

    /// Whether this version can resume from the cursor.
    pub(super) const fn is_readable(&self) -> bool {
        self.format == FORMAT
    }

    /// Notes that a run resumes here at `now`. Rows that were read long ago may have changed or
    /// moved since, so they are read again after the end.
    pub(super) fn resume(&mut self, now: DateTime<Utc>) {
        if !self.has_begun() {
            // It only records which plan the registry allows.
            return;
        }
        self.is_resumed = true;
        self.at.counts.forgets |= self.at.counts.rows > 0;
        if self.plan == Plan::Sync {
            // The watermark accounts for the time that the listing takes.
            return;
        }
        let age = from_iso(&self.fresh_since).map(|since| now.signed_duration_since(since));
        if age.is_none_or(|age| age < TimeDelta::zero() || age > OLD) {
            self.again = Some(self.mark());
            self.fresh_since = to_iso(now);
        }
    }

    /// Whether anything was read, or requested without success.
    fn has_begun(&self) -> bool {
        self.is_resumed
            || self.has_brought
            || self.until.is_some()
            || !self.done.is_empty()
            || !self.gaps.is_empty()
            || self.at != PassCursor::new(self.plan == Plan::Sync)
    }

    /// Whether the cursor only records that better plans were refused, too long ago to rely on.
    pub(super) fn is_stale_at(&self, now: DateTime<Utc>) -> bool {
        self.plan != Plan::Sync && !self.has_begun() && !is_within_a_day(&self.started_at, now)
    }

    fn mark(&self) -> Mark {
        Mark {
            done: self.done.clone(),
            pass: self.pass.clone(),
            offset: self.at.offset,
        }
    }

    /// Starts over with another plan.
    pub(super) fn switch_to(&mut self, plan: Plan) {
        self.plan = plan;
        if plan != Plan::Sync {
            self.since = None;
        }
        self.refused = 0;
        self.unreadable = 0;
        self.gaps.clear();
        self.findings.limited.clear();
        self.begin_anew();
    }

    /// Starts over with the same plan.
    pub(super) fn restart(&mut self) {
        self.refused = 0;
        self.until = None;
        self.again = None;
        self.begin_anew();
    }

    fn begin_anew(&mut self) {
        self.done.clear();
        self.done_rows = 0;
        self.scored_rows = 0;
        self.scored_end = None;
        self.at = PassCursor::new(self.plan == Plan::Sync);
        self.pass = self.next_pass();
    }

    /// Whether the listing covers every skill of the registry.
    pub(super) const fn lists_everything(&self) -> bool {
        self.plan.lists_everything() && self.since.is_none()
    }

    /// The pass after the current one; `None` at the end.
    fn next_pass(&self) -> Option<Pass> {
        let passes = self.plan.passes(&self.more_tiers);
        passes.into_iter().find(|pass| !self.done.contains(pass))
    }

    /// Whether nothing is left to request.
    pub(super) fn is_at_end(&self) -> bool {
        let Some(pass) = &self.pass else { return true };
        let mut later = self.plan.passes(&self.more_tiers).into_iter();
        self.at.ending.has_ended
            && self.at.put_off.is_empty()
            && self.again.is_none()
            && later.all(|other| other == *pass || self.done.contains(&other))
    }

    /// The passes other than the current one, except that by score. If one of them answers, it
    /// is a bad page and not an outage.
    pub(super) fn other_passes(&self) -> Vec<Pass> {
        let passes = self.plan.passes(&self.more_tiers).into_iter();
        let current = self.pass.as_ref();
        passes
            .filter(|pass| Some(pass) != current && *pass != Pass::Scored)
            .collect()
    }

    /// Moves on to the next pass, or to the end.
    pub(super) fn end_pass(&mut self) {
        self.has_brought |= self.at.counts.rows > 0;
        self.done_rows = self.done_rows.saturating_add(self.at.counts.rows);
        self.done.extend(self.pass.take());
        self.scored_end = None;
        self.at = PassCursor::default();
        self.pass = self.next_pass();
        if self.pass.is_none() || self.is_past_mark() {
            self.end_listing();
        }
    }

    /// Ends the listing, or starts over for what was read too long ago.
    fn end_listing(&mut self) {
        self.pass = None;
        self.until = self.again.take();
        if self.until.is_some() {
            self.begin_anew();
        }
    }

    /// Whether everything from here on was read recently; to be checked after each page.
    pub(super) fn is_past_mark(&self) -> bool {
        self.until.as_ref().is_some_and(|until| {
            until.done.iter().all(|pass| self.done.contains(pass))
                && (until.pass != self.pass || self.at.offset >= until.offset)
        })
    }

    /// Ends a second look that has reached its mark in the middle of a pass.
    pub(super) fn end_at_mark(&mut self) {
        self.has_brought |= self.at.counts.rows > 0;
        self.done_rows = self.done_rows.saturating_add(self.at.counts.rows);
        self.at = PassCursor::default();
        self.end_listing();
    }

    /// Whether the listing reads again, up to a mark, what an earlier run has read.
    pub(super) const fn is_second_look(&self) -> bool {
        self.until.is_some()
    }

    /// Skips a refused pass. Returns whether no pass of the plan is of use.
    pub(super) fn refuse_pass(&mut self) -> bool {
        self.refused = self.refused.saturating_add(1);
        if let Some(Pass::Tier(tier)) = &self.pass {
            self.findings.refused_tiers.push(tier.clone());
        }
        let useless = self.refused.saturating_add(self.unreadable);
        if useless >= self.plan.passes(&self.more_tiers).len() {
            return true;
        }
        self.end_pass();
        false
    }

    /// Notes that nothing of the current pass could be read.
    pub(super) fn note_unreadable_pass(&mut self) {
        self.unreadable = self.unreadable.saturating_add(1);
    }

    /// Whether the whole listing had no rows.
    pub(super) const fn came_empty(&self) -> bool {
        !self.has_brought && self.rows() == 0
    }

    /// Notes the tier of a row. An unknown one gets its own pass, unless its name is too long or
    /// there are too many.
    pub(super) fn note_tier(&mut self, tier: Option<&str>) {
        let Some(tier) = tier else {
            self.findings.untiered = true;
            return;
        };
        let findings = &mut self.findings;
        if let Some(at) = findings.refused_tiers.iter().position(|it| it == tier) {
            let tier = findings.refused_tiers.swap_remove(at);
            findings.unlisted_tiers.push(tier);
        }
        if is_known_tier(tier) {
            return;
        }
        self.findings.untiered = true;
        let noted = self.more_tiers.iter().any(|known| known == tier);
        if !noted && tier.len() <= LONGEST_TIER && self.more_tiers.len() < MOST_TIERS {
            self.more_tiers.push(tier.to_owned());
        }
    }

    /// Distinct rows read by the listing so far.
    pub(super) const fn rows(&self) -> u64 {
        self.done_rows.saturating_add(self.at.counts.rows)
    }

    /// Rows read in the whole listing, and its total as far as known, else 0.
    pub(super) fn progress(&self) -> (u64, u64) {
        let total = self
            .at
            .plausible_total()
            .map_or(0, |rows| self.done_rows.saturating_add(rows));
        (self.rows(), total)
    }
}
