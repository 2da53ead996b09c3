//! The listing plan: how to ask a registry for everything it has, and the place in it where a run stands.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::clock::from_iso;
use crate::registry::PageRequest;

/// Tiers of the registry, today's first. A skill has exactly one, so that
/// together they list everything.
const TIERS: [&str; 7] = [
    "official",
    "verified",
    "curated",
    "community",
    "unverified",
    "experimental",
    "unknown",
];

/// Words that many skills contain, for a registry that wants a query and nothing else.
const WORDS: [&str; 8] = ["git", "code", "dev", "test", "npm", "api", "cli", "doc"];

/// A registry that could only be searched may be listable by now.
const RETRY_AFTER: TimeDelta = TimeDelta::days(1);

/// How the registry is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Plan {
    /// One listing of everything.
    Plain,
    /// One listing per trust tier.
    Tiers,
    /// One search per word; cannot reach everything.
    Words,
}

impl Plan {
    /// All, the best first.
    pub(super) const ALL: [Self; 3] = [Self::Plain, Self::Tiers, Self::Words];
}

/// What a listing that was read to its end has taught about a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    /// The plan that worked.
    pub(super) plan: Plan,
    /// When the better plans were last refused, as local ISO time.
    pub(super) chosen_at: String,
    /// The sign of the table that was filled by a complete listing; empty if there was none.
    pub(super) table: String,
}

impl Known {
    /// The plan to begin with at this time. Words cannot reach everything, so the better plans
    /// are tried again once a day.
    pub(super) fn plan_at(&self, now: DateTime<Utc>) -> Option<Plan> {
        let is_recent = || {
            from_iso(&self.chosen_at)
                .is_some_and(|chosen| (TimeDelta::zero()..RETRY_AFTER).contains(&(now - chosen)))
        };
        (self.plan != Plan::Words || is_recent()).then_some(self.plan)
    }
}

/// Where a listing stands: everything before it has been read and applied.
///
/// Kept in `sync_state` when a run ends early; the next run goes on from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that have nothing to do with each other"
)]
pub(crate) struct Place {
    /// The registry that was listed.
    pub(super) registry: String,
    pub(super) plan: Plan,
    /// Whether every row's content is compared.
    pub(super) force: bool,
    /// When the listing began, as local ISO time: the `last_sync_at` of the run that ends it.
    pub(super) started_at: String,
    /// The current sweep, as a place in the plan's list.
    pub(super) sweep: usize,
    /// Tiers that rows have and [`TIERS`] lacks.
    pub(super) more_tiers: Vec<String>,
    /// Sweeps of this plan that were refused.
    pub(super) refused: usize,
    /// Rows in sweeps that are done.
    pub(super) done_rows: u64,
    /// A sweep has shown that this registry's totals count the listing, not the page.
    #[serde(default)]
    pub(super) true_totals: bool,
    /// Whether some sweep did not stand still even when it was read again.
    pub(super) unsettled: bool,
    /// The sign of the table that the rows before it were written to.
    #[serde(default)]
    pub(super) table: String,
    /// `force` is for the table's sake only; a run that the user forces does not go on from here.
    #[serde(default)]
    pub(super) filling: bool,
    pub(super) at: Position,
}

/// Where one sweep stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Rows before it.
    pub(super) offset: u64,
    /// Rows served so far; fewer than `offset` where some are hidden.
    #[serde(default)]
    pub(super) rows: u64,
    /// The id of the row just before it.
    pub(super) last_id: Option<String>,
    pub(super) total: Total,
    /// Pages came short: the registry filters after its LIMIT, so offsets count hidden rows.
    pub(super) short: bool,
    /// Empty pages in a row.
    pub(super) empty: u32,
    /// Rows moved while they were read.
    pub(super) moved: bool,
    /// How often the sweep was begun again for that.
    pub(super) rereads: u32,
}

/// What `meta.total` turned out to mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Total {
    /// Nothing could be told yet.
    #[default]
    Unknown,
    /// The number of rows of the sweep.
    Rows(u64),
    /// Something else.
    Useless,
}

impl Total {
    pub(super) const fn rows(self) -> Option<u64> {
        match self {
            Self::Rows(rows) => Some(rows),
            Self::Unknown | Self::Useless => None,
        }
    }
}

impl Place {
    pub(super) fn new(registry: String, plan: Plan, force: bool, started_at: String) -> Self {
        Self {
            registry,
            plan,
            force,
            started_at,
            sweep: 0,
            more_tiers: Vec::new(),
            refused: 0,
            done_rows: 0,
            true_totals: false,
            unsettled: false,
            table: String::new(),
            filling: false,
            at: Position::default(),
        }
    }

    /// Whether anything lies before it.
    pub(super) fn is_start(&self) -> bool {
        self.sweep == 0 && self.at == Position::default()
    }

    /// Begins with another plan.
    pub(super) fn switch_to(&mut self, plan: Plan) {
        self.plan = plan;
        self.sweep = 0;
        self.refused = 0;
        self.done_rows = 0;
        self.at = Position::default();
    }

    /// Goes on to the next sweep.
    pub(super) fn next_sweep(&mut self) {
        self.done_rows += self.at.rows;
        self.sweep += 1;
        self.at = Position::default();
    }

    fn sweeps(&self) -> usize {
        match self.plan {
            Plan::Plain => 1,
            Plan::Tiers => TIERS.len() + self.more_tiers.len(),
            Plan::Words => WORDS.len(),
        }
    }

    /// Whether every sweep of the plan was refused.
    pub(super) fn all_refused(&self) -> bool {
        self.refused == self.sweeps()
    }

    /// The request for what comes next, without its limit and overlap; `None` at the end.
    pub(super) fn request(&self) -> Option<PageRequest> {
        let mut request = PageRequest {
            offset: self.at.offset,
            ..PageRequest::default()
        };
        if self.sweep >= self.sweeps() {
            return None;
        }
        match self.plan {
            Plan::Plain => {}
            Plan::Words => request.query = Some(WORDS[self.sweep].to_owned()),
            Plan::Tiers => {
                request.trust_tier = TIERS
                    .get(self.sweep)
                    .map(|tier| (*tier).to_owned())
                    .or_else(|| self.more_tiers.get(self.sweep - TIERS.len()).cloned());
            }
        }
        Some(request)
    }

    /// Has a tier that a row names listed too, unless no tier could have such a name.
    pub(super) fn note_tier(&mut self, tier: &str) {
        const MOST: usize = 50;
        const LONGEST: usize = 64;
        let known = TIERS.contains(&tier) || self.more_tiers.iter().any(|known| known == tier);
        if !known && tier.len() <= LONGEST && self.more_tiers.len() < MOST {
            self.more_tiers.push(tier.to_owned());
        }
    }

    /// Rows read of the whole listing, and rows in all as far as known.
    pub(super) fn progress(&self) -> (u64, u64) {
        let total = self.at.total.rows().map_or(0, |rows| self.done_rows + rows);
        (self.done_rows + self.at.rows, total)
    }
}
