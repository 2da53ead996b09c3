//! A listing that was read to its end: whether it is complete, and what it says about the registry.

use super::apply::Applier;
use super::context::Context;
use super::cursor::Cursor;
use super::gap::Gap;
use super::plan::{Pass, Plan};
use super::profile::{Doubt, Endpoint, RegistryProfile, Totals};
use super::result::NotedListing;
use super::start::StartingState;
use super::tally::Tally;
use super::watermark::{Times, Watermark};
use crate::Result;
use crate::clock::{from_iso, to_iso};

/// Gaps that are named; further ones are only counted.
const GAPS_NAMED: usize = 20;

/// A listing that was read to its end.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that have nothing to do with each other"
)]
pub(super) struct CompletedListing {
    pub(super) cursor: Box<Cursor>,
    profile: Option<Box<RegistryProfile>>,
    /// This run read it from the first row to the last.
    pub(super) is_whole: bool,
    /// Nothing is known to be missing or in doubt.
    pub(super) is_complete: bool,
    /// The next listing of the sync endpoint can continue from its end.
    moves_watermark: bool,
    /// Every row served is stored with everything the table can hold of it.
    is_filled: bool,
    /// What could not be read, in words.
    pub(super) gaps: Vec<String>,
}

impl CompletedListing {
    /// Judges a listing, and adds warnings about what may be missing.
    ///
    /// `has_changed`: the table can hold other things now than when the run began.
    #[inline(never)]
    pub(super) fn new(
        found: &mut StartingState,
        cursor: Box<Cursor>,
        has_changed: bool,
        tally: &mut Tally,
    ) -> Self {
        let mut doubts = doubts_of(&cursor);
        let before = found.profile.as_ref().map(|known| known.plan);
        if before.is_some_and(|before| before.reaches_more_than(cursor.plan)) {
            doubts.push(
                "The registry refuses the listing that it allowed before; skills may be missing. The next sync asks for it again."
                    .to_owned(),
            );
        }
        if has_changed {
            doubts.push(
                "Another program changed the table of skills during the sync; the next sync fills it."
                    .to_owned(),
            );
        }
        let is_certain = !tally.has_left() && doubts.is_empty();
        let is_complete = is_certain && cursor.gaps.is_empty() && cursor.more_gaps == 0;
        // A later listing of the sync endpoint requests these gaps, and nothing else before the
        // watermark.
        let has_known_gaps = cursor.plan == Plan::Sync
            && cursor.more_gaps == 0
            && cursor.gaps.iter().all(Gap::can_be_found);
        let is_known = is_complete || (is_certain && has_known_gaps);
        for doubt in doubts.into_iter().rev() {
            tally.warn_first(doubt);
        }
        Self {
            is_whole: !cursor.is_resumed && found.since.is_none() && cursor.since.is_none(),
            moves_watermark: is_known && !tally.has_refused() && found.since.is_none(),
            profile: found.profile.take(),
            is_filled: is_known && !tally.has_refused(),
            is_complete,
            gaps: gaps_in_words(&cursor),
            cursor,
        }
    }

    /// What whoever reads the skills is told of it.
    pub(super) fn noted(&self) -> NotedListing {
        NotedListing {
            is_complete: self.is_complete,
            by_words: self.cursor.plan == Plan::Words,
        }
    }

    /// Whether a skill that this listing did not have is known to be withdrawn, as far as one
    /// listing can tell.
    pub(super) fn shows_withdrawn(&self, tally: &Tally) -> bool {
        let (cursor, findings) = (&self.cursor, &self.cursor.findings);
        // The search may leave out what the sync endpoint lists, or has listed.
        let was_listed_wider = cursor.plan != Plan::Sync
            && self.profile.as_ref().is_some_and(|known| {
                known.endpoint.has_worked || known.endpoint.watermark.is_some()
            });
        // Listings by tier have no skill without a tier and a score, which a skill may lose.
        let lists_every_row = matches!(cursor.plan, Plan::Sync | Plan::Plain);
        // Complete, but for what a registry hides, and for rows that came with an old timestamp.
        let is_certain = findings.explained.is_empty() && !findings.shifted;
        self.is_whole
            && self.is_complete
            && tally.all_rejected() == 0
            && lists_every_row
            && !was_listed_wider
            && is_certain
    }

    /// The profile of the registry after this listing.
    pub(super) fn profile(
        &self,
        context: &Context<'_, '_>,
        applier: &Applier<'_>,
    ) -> Result<RegistryProfile> {
        let cursor = &self.cursor;
        let findings = &cursor.findings;
        let before = self.profile.as_ref();
        let doubts = findings.doubts.iter().filter_map(|finding| {
            Some(Doubt {
                pass: finding.pass.clone(),
                total: finding.total?,
                rows: finding.rows,
                order: finding.order,
            })
        });
        let layout = applier.layout();
        let is_first = before.is_none_or(|known| known.table != layout);
        // Rows that were not reached may still lack what the table can hold.
        let unfilled = if self.is_filled {
            applier.unfilled(is_first)?
        } else {
            None
        };
        let (table, unfilled) = match (unfilled, before) {
            (Some(unfilled), _) => (layout.to_owned(), unfilled),
            (None, Some(known)) => (known.table.clone(), known.unfilled.clone()),
            (None, None) => (String::new(), Vec::new()),
        };
        Ok(RegistryProfile {
            plan: cursor.plan,
            chosen_at: self.chosen_at(context),
            table,
            unfilled,
            totals: self.totals(),
            doubts: doubts.chain(findings.explained.iter().cloned()).collect(),
            // A listing of everything shows whether there still are some.
            untiered: findings.untiered || (!cursor.lists_everything() && findings.untiered_before),
            twice: applier.twice.ids(),
            endpoint: self.endpoint(context),
        })
    }

    /// When the better plans were last refused.
    fn chosen_at(&self, context: &Context<'_, '_>) -> String {
        let cursor = &self.cursor;
        let began = from_iso(&cursor.started_at).unwrap_or(context.started_at);
        match &self.profile {
            // A better plan worked before. Its refusal may be temporary, so the next run tries it
            // again.
            Some(known) if known.plan.reaches_more_than(cursor.plan) => String::new(),
            // The better plans were not tried: they were refused less than a day before.
            Some(known)
                if known.plan == cursor.plan
                    && !context.options.force
                    && known.plan_at(began) == Some(cursor.plan) =>
            {
                known.chosen_at.clone()
            }
            _ => cursor.started_at.clone(),
        }
    }

    fn totals(&self) -> Totals {
        let findings = &self.cursor.findings;
        match self.profile.as_ref().map(|known| known.totals) {
            _ if findings.untrue_totals => Totals::Untrue,
            // One listing with matching totals does not make them trusted again.
            Some(Totals::Untrue) if findings.true_totals => Totals::Unknown,
            _ if findings.true_totals => Totals::Confirmed,
            known => known.unwrap_or_default(),
        }
    }

    /// What is known about the sync endpoint after this listing.
    fn endpoint(&self, context: &Context<'_, '_>) -> Endpoint {
        let cursor = &self.cursor;
        let known = self.profile.as_ref().map(|known| known.endpoint.clone());
        let known = known.unwrap_or_default();
        let now = context.engine.clock.now();
        if cursor.plan != Plan::Sync {
            // Rows from another listing do not affect the watermark.
            return if cursor.misses_endpoint {
                Endpoint {
                    has_worked: false,
                    missing_at: Some(to_iso(now)),
                    watermark: known.watermark,
                }
            } else {
                known
            };
        }
        Endpoint {
            has_worked: true,
            missing_at: None,
            watermark: self.watermark(context, known.watermark),
        }
    }

    /// How far the sync endpoint has been listed; `None` if the next listing must be a full one.
    fn watermark(&self, context: &Context<'_, '_>, old: Option<Watermark>) -> Option<Watermark> {
        let cursor = &self.cursor;
        let lists_changes = cursor.since.is_some();
        if cursor.lost_gap && lists_changes {
            return None;
        }
        if !self.moves_watermark {
            return old.filter(|_| lists_changes);
        }
        let asked = old.filter(|old| Some(&old.since) == cursor.since.as_ref());
        if lists_changes && asked.is_none() {
            return None;
        }
        let times = Times {
            began: from_iso(&cursor.started_at).unwrap_or(context.started_at),
            ended: context.engine.clock.now(),
        };
        Watermark::after(asked.as_ref(), &cursor.horizon, times)
    }
}

/// What could not be read, for the user.
fn gaps_in_words(cursor: &Cursor) -> Vec<String> {
    let mut gaps: Vec<String> = cursor
        .gaps
        .iter()
        .take(GAPS_NAMED)
        .map(Gap::to_string)
        .collect();
    let unnamed =
        (cursor.gaps.len().saturating_sub(gaps.len()) as u64).saturating_add(cursor.more_gaps);
    if unnamed > 0 {
        gaps.push(format!("and {unnamed} more gaps in the listing"));
    }
    gaps
}

/// Why a listing may not have shown everything.
fn doubts_of(cursor: &Cursor) -> Vec<String> {
    let findings = &cursor.findings;
    let mut doubts = Vec::new();
    if cursor.plan == Plan::Words {
        doubts.push("The registry can only be searched, not listed; skills without a common word are missing.".to_owned());
    }
    let has_untiered = findings.untiered || findings.untiered_before || findings.untiered_unknown;
    if cursor.plan == Plan::Tiers && has_untiered {
        doubts.push("The registry can only be listed by trust tier; skills without one, or with one that is not known, may be missing.".to_owned());
    }
    doubts.extend(findings.unlisted_tiers.iter().map(|tier| {
        format!("The registry refuses to list tier '{tier}', although it has such skills; some may be missing.")
    }));
    if findings.doubts.iter().any(|doubt| doubt.moved) {
        doubts.push(
            "The registry's rows kept moving while they were read; the next sync reads them again."
                .to_owned(),
        );
    }
    for doubt in &findings.doubts {
        if let Some(total) = doubt.total {
            doubts.push(format!(
                "The registry says that {} has {total} skills, and served {}; skills may be missing.",
                doubt.pass.in_words(),
                doubt.rows
            ));
        }
    }
    doubts.extend(findings.limited.iter().map(|pass: &Pass| {
        format!(
            "The registry refuses to serve {} to its end; skills may be missing.",
            pass.in_words()
        )
    }));
    doubts
}
