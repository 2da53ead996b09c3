//! Where a listing stands, from run to run.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::gap::Gap;
use super::pass::PassCursor;
use super::plan::{Pass, Plan, is_known_tier};
use super::profile::{Doubt, is_within_a_day};
use super::watermark::Horizon;
use crate::clock::{from_iso, to_iso};

/// The form of what is kept; a cursor of another form is ignored.
pub(super) const FORMAT: u32 = 1;

/// What lay before a cursor for longer than this is read once more.
const OLD: TimeDelta = TimeDelta::days(1);

/// More tiers than this, or longer ones, are not asked for by name.
const MOST_TIERS: usize = 50;
const LONGEST_TIER: usize = 64;

/// How the rows of a listing are compared with what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// By the registry's stamp; by content where a row has none.
    Stamp,
    /// By content: the user forces it.
    Content,
    /// By content, since the table can hold more than when it was last filled.
    Filling,
}

impl Mode {
    pub(super) const fn is_by_content(self) -> bool {
        matches!(self, Self::Content | Self::Filling)
    }
}

/// Everything before it has been read and applied, but for its gaps and what is put off.
///
/// Kept in `sync_state` when a run ends early; the next run goes on from it.
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
    /// The sync endpoint is asked only for rows stamped later than this.
    pub(super) since: Option<String>,
    /// What it has learned for the next listing of the sync endpoint.
    #[serde(default)]
    pub(super) horizon: Horizon,
    /// The sync endpoint was not there when it was asked last.
    #[serde(default)]
    pub(super) misses_endpoint: bool,
    /// The row before a gap is gone, so that only a whole listing finds the gap.
    #[serde(default)]
    pub(super) lost_gap: bool,
    /// When the listing began, as local ISO time: the `last_sync_at` of the run that ends it.
    pub(super) started_at: String,
    /// When the oldest rows that need no second look were read.
    fresh_since: String,
    /// Whether an earlier run has read part of it.
    pub(super) is_resumed: bool,
    pub(super) plan: Plan,
    /// Tiers that rows have and the plan by tiers lacks.
    more_tiers: Vec<String>,
    /// Passes that are done.
    done: Vec<Pass>,
    /// Passes of this plan that were refused; they are among the done ones.
    refused: usize,
    /// Passes of this plan of which nothing could be read.
    unreadable: usize,
    /// Some row has come.
    has_brought: bool,
    /// The pass that is being read.
    pub(super) pass: Option<Pass>,
    pub(super) at: PassCursor,
    /// Different rows in passes that are done.
    done_rows: u64,
    /// Those of the passes by tier that have a score.
    pub(super) scored_rows: u64,
    /// The listing reads only up to here: what lay behind was read later.
    until: Option<Mark>,
    /// Once it has ended, it reads up to here once more.
    again: Option<Mark>,
    /// What could not be read.
    pub(super) gaps: Vec<Gap>,
    /// Gaps beyond those.
    pub(super) more_gaps: u64,
    pub(super) findings: Findings,
}

/// A place in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    done: Vec<Pass>,
    pass: Option<Pass>,
    offset: u64,
}

/// What a listing has found out about its registry and its own worth.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "findings that have nothing to do with each other"
)]
pub(super) struct Findings {
    /// A row came without a tier, or with one that is not known.
    pub(super) untiered: bool,
    /// Listings before this one have met such rows.
    #[serde(default)]
    pub(super) untiered_before: bool,
    /// Whether there are skills without a tier could not be asked.
    #[serde(default)]
    pub(super) untiered_unknown: bool,
    /// Passes that are in doubt: rows moved, or fewer came than the total says.
    pub(super) doubts: Vec<Finding>,
    /// Passes that are whole, though their totals say more.
    #[serde(rename = "repeats")]
    pub(super) explained: Vec<Doubt>,
    /// Passes whose end could not be reached.
    pub(super) limited: Vec<Pass>,
    /// A total that counted the rows of a pass of several pages.
    pub(super) true_totals: bool,
    /// A total that did not count all rows that came.
    pub(super) untrue_totals: bool,
    /// What earlier runs of this listing said of rows they could not store.
    pub(super) errors: Vec<String>,
    /// How many such rows there were.
    pub(super) rejected: u64,
    /// The database refused some of them.
    pub(super) refused: bool,
    /// Ids that are listed twice, with two stamps.
    pub(super) twice: Vec<String>,
    /// Those of them whose earlier copy is held back until a later one comes.
    pub(super) held: Vec<String>,
}

/// A pass in doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Finding {
    pub(super) pass: Pass,
    /// The total that says more than came.
    pub(super) total: Option<u64>,
    /// Rows moved while they were read.
    pub(super) moved: bool,
    pub(super) rows: u64,
    #[serde(default)]
    pub(super) order: u64,
}

impl Cursor {
    /// At the start of a listing.
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
            until: None,
            again: None,
            gaps: Vec::new(),
            more_gaps: 0,
            findings: Findings::default(),
        };
        cursor.switch_to(plan);
        cursor
    }

    /// Whether this version can go on from it.
    pub(super) const fn is_readable(&self) -> bool {
        self.format == FORMAT
    }

    /// Notes that a run goes on from here at `now`. Rows that were read long ago may have changed
    /// and moved behind the cursor since: they are read once more after the end.
    pub(super) fn resume(&mut self, now: DateTime<Utc>) {
        if !self.has_begun() {
            // It only says which plan the registry allows.
            return;
        }
        self.is_resumed = true;
        self.at.counts.forgets |= self.at.counts.rows > 0;
        if self.plan == Plan::Sync {
            // The watermark allows for the time that the listing takes.
            return;
        }
        let age = from_iso(&self.fresh_since).map(|since| now.signed_duration_since(since));
        if age.is_none_or(|age| age < TimeDelta::zero() || age > OLD) {
            self.again = Some(self.mark());
            self.fresh_since = to_iso(now);
        }
    }

    /// Whether anything of it was read, or was asked for in vain.
    fn has_begun(&self) -> bool {
        self.is_resumed
            || self.has_brought
            || self.until.is_some()
            || !self.done.is_empty()
            || !self.gaps.is_empty()
            || self.at != PassCursor::new(self.plan == Plan::Sync)
    }

    /// Whether it only says that the better plans were refused, and that too long ago to be believed.
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

    /// Begins with another plan.
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

    /// Reads it from its start.
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
        self.at = PassCursor::new(self.plan == Plan::Sync);
        self.pass = self.next_pass();
    }

    /// Whether it shows every skill of the registry.
    pub(super) const fn lists_everything(&self) -> bool {
        self.plan.lists_everything() && self.since.is_none()
    }

    /// The pass after the current one; `None` at the end.
    fn next_pass(&self) -> Option<Pass> {
        let passes = self.plan.passes(&self.more_tiers);
        passes.into_iter().find(|pass| !self.done.contains(pass))
    }

    /// Whether nothing is left to be asked for.
    pub(super) fn is_at_end(&self) -> bool {
        let Some(pass) = &self.pass else { return true };
        let mut later = self.plan.passes(&self.more_tiers).into_iter();
        self.at.ending.has_ended
            && self.at.put_off.is_empty()
            && self.again.is_none()
            && later.all(|other| other == *pass || self.done.contains(&other))
    }

    /// The passes other than the current one: whether one of them answers tells an outage from a bad page.
    pub(super) fn other_passes(&self) -> Vec<Pass> {
        let passes = self.plan.passes(&self.more_tiers).into_iter();
        let current = self.pass.as_ref();
        passes
            .filter(|pass| Some(pass) != current && *pass != Pass::Scored)
            .collect()
    }

    /// Goes on to the next pass, or to the end.
    pub(super) fn end_pass(&mut self) {
        self.has_brought |= self.at.counts.rows > 0;
        self.done_rows = self.done_rows.saturating_add(self.at.counts.rows);
        self.done.extend(self.pass.take());
        self.at = PassCursor::default();
        self.pass = self.next_pass();
        if self.pass.is_none() || self.is_past_mark() {
            self.end_listing();
        }
    }

    /// Ends here, or begins once more with what was read too long ago.
    fn end_listing(&mut self) {
        self.pass = None;
        self.until = self.again.take();
        if self.until.is_some() {
            self.begin_anew();
        }
    }

    /// Whether what lies from here on has been read lately. To be asked after each page.
    pub(super) fn is_past_mark(&self) -> bool {
        self.until.as_ref().is_some_and(|until| {
            until.done.iter().all(|pass| self.done.contains(pass))
                && (until.pass != self.pass || self.at.offset >= until.offset)
        })
    }

    /// Ends a listing that has come to its mark in the middle of a pass.
    pub(super) fn end_at_mark(&mut self) {
        self.has_brought |= self.at.counts.rows > 0;
        self.done_rows = self.done_rows.saturating_add(self.at.counts.rows);
        self.at = PassCursor::default();
        self.end_listing();
    }

    /// Whether it reads again what an older run has read, up to a mark.
    pub(super) const fn is_second_look(&self) -> bool {
        self.until.is_some()
    }

    /// Goes past a pass that was refused. Returns whether all passes of the plan were.
    pub(super) fn refuse_pass(&mut self) -> bool {
        self.refused = self.refused.saturating_add(1);
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

    /// Whether no row has come in all of the listing.
    pub(super) const fn came_empty(&self) -> bool {
        !self.has_brought && self.rows() == 0
    }

    /// Has a tier that a row names listed too, unless no tier could have such a name.
    pub(super) fn note_tier(&mut self, tier: Option<&str>) {
        let Some(tier) = tier else {
            self.findings.untiered = true;
            return;
        };
        if is_known_tier(tier) {
            return;
        }
        self.findings.untiered = true;
        let noted = self.more_tiers.iter().any(|known| known == tier);
        if !noted && tier.len() <= LONGEST_TIER && self.more_tiers.len() < MOST_TIERS {
            self.more_tiers.push(tier.to_owned());
        }
    }

    /// Different rows that the listing has brought so far.
    pub(super) const fn rows(&self) -> u64 {
        self.done_rows.saturating_add(self.at.counts.rows)
    }

    /// Rows read of the whole listing, and rows in all as far as known.
    pub(super) fn progress(&self) -> (u64, u64) {
        let total = self
            .at
            .plausible_total()
            .map_or(0, |rows| self.done_rows.saturating_add(rows));
        (self.rows(), total)
    }
}
