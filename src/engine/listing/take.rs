//! Takes in a page that came: which of its rows are new, and where the pass goes on.

use super::conditional::{Came, View};
use super::{Lister, Step, rows};
use crate::engine::pass::{Asked, Facts, Next, step};
use crate::engine::plan::{Pass, Plan};
use crate::registry::{Page, Row};
use crate::{Error, Result};

impl Lister<'_> {
    /// Takes in a page, and advances the cursor.
    pub(super) fn take(&mut self, pass: &Pass, asked: Asked, came: Came) -> Result<Step> {
        self.failed_in_row = 0;
        if let Some((_, came)) = &mut self.shrunk {
            *came = came.saturating_add(1);
        }
        self.limit = self.limit.saturating_mul(2).min(self.page_size);
        let to_store = match &came {
            Came::Page(page) => self.page_to_store(pass, asked, page),
            Came::Unchanged(_) => None,
        };
        let page = came.view();
        let facts = self.meet(pass, asked.start, page)?;
        self.note_neighbour(page);
        self.note_too_large_row(pass, asked, page);
        let totals = self.totals();
        let next = step(&mut self.cursor.at, asked, &facts, totals);
        match next {
            Next::Page if self.shows_no_untiered(pass, asked, page) => {
                // Its rows were counted with their tiers.
                let rows = std::mem::take(&mut self.cursor.at.counts.rows);
                self.cursor.scored_end = page.total().map(|total| (total, rows));
            }
            Next::Page if self.cursor.is_past_mark() => {
                if self.cursor.at.put_off.is_empty() {
                    self.cursor.end_at_mark();
                    self.forget_pass();
                } else {
                    self.cursor.at.ending.has_ended = true;
                }
            }
            Next::Page => {}
            Next::End => self.cursor.at.ending.has_ended = true,
            Next::Stuck => {
                // Resuming from here would never show what changes before it.
                self.cursor.restart();
                self.stop_is_told = true;
                self.stop = Some(Error::Protocol(
                    "it serves the same page for every offset".into(),
                ));
            }
        }
        let step = match came {
            Came::Page(page) => self.step(page.rows, &facts.ids),
            Came::Unchanged(page) => Step {
                unchanged: Some(page),
                ..self.step(Vec::new(), &[])
            },
        };
        Ok(Step { to_store, ..step })
    }

    pub(super) fn step(&self, rows: Vec<Row>, ids: &[u64]) -> Step {
        Step {
            rows: ids.iter().copied().zip(rows).collect(),
            unchanged: None,
            to_store: None,
            cursor: self.cursor.clone(),
            is_page: true,
        }
    }

    /// Notes which rows are new in this pass.
    pub(super) fn meet(&mut self, pass: &Pass, start: u64, page: View<'_>) -> Result<Facts> {
        if self.cursor.plan != Plan::Words {
            for tier in page.tiers() {
                self.cursor.note_tier(tier);
            }
        }
        let at = &self.cursor.at;
        // Pages of one row never overlap, so one like the last is a different row.
        let last = at.tail.last_fingerprint.zip(at.tail().last().copied());
        let last = last.filter(|_| self.limit > 1);
        let ids = self.identify(pass, start, last, page);
        self.met.try_reserve(ids.len())?;
        let (mut fresh, mut distinct) = (0_u64, 0_u64);
        let (mut named, mut fresh_named) = (0_u64, 0_u64);
        let mut last_stale = None;
        for (place, id) in ids.iter().enumerate() {
            let is_fresh = self.met.insert(*id);
            if !is_fresh {
                last_stale = Some(place);
            }
            if is_fresh && matches!(pass, Pass::Tier(_)) && page.has_score(place) {
                self.cursor.scored_rows = self.cursor.scored_rows.saturating_add(1);
            }
            fresh = fresh.saturating_add(u64::from(is_fresh));
            let is_named = page.is_named(place);
            named = named.saturating_add(u64::from(is_named));
            fresh_named = fresh_named.saturating_add(u64::from(is_named && is_fresh));
            let is_distinct = is_fresh && !self.met_before.contains(id);
            distinct = distinct.saturating_add(u64::from(is_distinct));
        }
        Ok(Facts {
            fresh,
            last_stale,
            distinct,
            total: page.total(),
            limit: page.limit(),
            last_id: page.last_id(),
            last_fingerprint: page.rows().last().and_then(rows::nameless_fingerprint),
            stamps: page.stamps(),
            nameless: rows::nameless(page.rows()),
            named,
            fresh_named,
            ids,
        })
    }

    /// A step for rows read out of order, which the passes read again. Rows without an id are left
    /// to the passes, which can tell them apart.
    pub(super) fn out_of_turn(&mut self, pass: &Pass, start: u64, mut page: Page) -> Step {
        page.rows
            .retain(|row| rows::nameless_fingerprint(row).is_none());
        let ids = self.identify(pass, start, None, View::Page(&page));
        self.step(page.rows, &ids)
    }

    /// The identity of each row of a page.
    pub(super) fn identify(
        &mut self,
        pass: &Pass,
        start: u64,
        last: Option<(u64, u64)>,
        page: View<'_>,
    ) -> Vec<u64> {
        match page {
            View::Page(page) => self.nameless.identify(pass, start, last, &page.rows),
            View::Stored(page) => page.ids().collect(),
        }
    }
}
