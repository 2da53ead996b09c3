//! Reading a listing to its end, page by page, whatever the registry means by limit, offset and total.

use std::hash::{BuildHasher, RandomState};

use super::plan::{Place, Plan, Position, Total};
use crate::registry::field::at;
use crate::registry::wire::Content;
use crate::registry::{Call, Page, Registry, Row};
use crate::{Error, Result};

/// A run reads no more pages than this; a registry that never ends is left to the next run.
const MAX_PAGES: u32 = 100_000;

/// From this limit on each page begins with the last row of the one before: if
/// that is another row now, rows have moved. It costs one row in a hundred.
const OVERLAP_FROM: u32 = 20;

/// A sweep whose rows moved is read again, at most so often.
const MAX_REREADS: u32 = 2;

/// A registry that hides rows after its LIMIT can have a whole page hidden. Where
/// no total tells better, two empty pages in a row are the end.
const EMPTY_PAGES_AT_END: u32 = 2;

/// Where a listing is read from, and how far.
pub(super) struct Sweeper<'r> {
    registry: &'r dyn Registry,
    page_size: u32,
    place: Place,
    /// Plans that were refused altogether.
    refused: Vec<Plan>,
    pages: u32,
    hasher: RandomState,
    last_page: Option<u64>,
}

/// One page, and the place after it.
pub(super) struct Step {
    pub(super) rows: Vec<Row>,
    pub(super) place: Place,
}

impl<'r> Sweeper<'r> {
    pub(super) fn new(registry: &'r dyn Registry, page_size: u32, place: Place) -> Self {
        Self {
            registry,
            page_size,
            place,
            refused: Vec::new(),
            pages: 0,
            hasher: RandomState::new(),
            last_page: None,
        }
    }

    /// The next page, or `None` once everything has been read.
    pub(super) fn next(&mut self, call: &Call<'_>) -> Result<Option<Step>> {
        loop {
            let Some(mut request) = self.place.request() else {
                return Ok(None);
            };
            call.check()?;
            if self.pages == MAX_PAGES {
                return Err(Error::Protocol(format!(
                    "its listing has no end after {MAX_PAGES} pages"
                )));
            }
            self.pages += 1;
            request.limit = self.page_size;
            let overlap =
                u64::from(self.place.at.last_id.is_some() && self.page_size >= OVERLAP_FROM);
            request.offset -= overlap;
            match self.registry.search(&request, call) {
                Ok(page) => {
                    self.digest(&page, request.offset, overlap)?;
                    return Ok(Some(Step {
                        rows: page.rows,
                        place: self.place.clone(),
                    }));
                }
                Err(error @ Error::Refused { status: 400, .. })
                    if self.place.at.offset == 0 || self.pages == 1 =>
                {
                    if self.place.at.offset == 0 || self.place.plan == Plan::Plain {
                        // Also where a run goes on in the middle and the registry has changed its mind.
                        self.refused(error)?;
                    } else {
                        // The sweep was not refused before: to skip it now would lose the rest of it.
                        self.place.at = Position::default();
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Where the listing stands in the end.
    pub(super) fn into_place(self) -> Place {
        self.place
    }

    /// Goes on in another way after a refused listing.
    fn refused(&mut self, error: Error) -> Result<()> {
        self.place.refused += 1;
        if !self.place.all_refused() {
            self.place.sweep += 1;
            self.place.at = Position::default();
            return Ok(());
        }
        self.refused.push(self.place.plan);
        let next = Plan::ALL
            .into_iter()
            .find(|plan| !self.refused.contains(plan));
        self.place.switch_to(next.ok_or(error)?);
        Ok(())
    }

    /// Learns from a page that began at `start` where the listing stands.
    fn digest(&mut self, page: &Page, start: u64, overlap: u64) -> Result<()> {
        self.note_tiers(page);
        let at = &mut self.place.at;
        let served = page.rows.len() as u64;
        learn_total(at, self.place.true_totals, page.total, start, served);
        if at.total == Total::Useless {
            self.place.true_totals = false;
        }

        // Rows after a page that came short: that was not the end.
        at.short |= at.offset > 0 && at.last_id.is_none() && served > 0;
        let first = page.rows.first().and_then(id_of);
        if overlap == 1
            && served > 0
            && !at.short
            && first.is_some()
            && first != at.last_id.as_deref()
        {
            at.moved = true;
        }
        // The echoed limit is the true one. Without it the rows themselves are
        // the only safe step: too small a one only reads rows twice.
        let step = page.limit.map_or(served, |limit| limit.max(served));
        let limit = page.limit.unwrap_or_else(|| self.page_size.into());
        let next = start + step;
        let nothing_new = served <= overlap;
        let expected = at
            .total
            .rows()
            .map(|total| total.saturating_sub(start).min(limit));
        if expected.is_some_and(|expected| served < expected) {
            at.short = true;
        }
        if nothing_new {
            at.empty += 1;
            let before_end = at.total.rows().is_some_and(|total| start + limit < total);
            let enough = match at.total {
                Total::Rows(_) if !at.short => 1,
                _ if start == 0 && page.total == Some(0) => 1,
                _ => EMPTY_PAGES_AT_END,
            };
            if before_end || at.empty < enough {
                at.offset = start + limit;
                at.last_id = None;
            } else {
                self.end_sweep();
            }
            return Ok(());
        }
        self.refuse_repetition(page)?;
        let at = &mut self.place.at;
        at.empty = 0;
        at.rows += served - overlap;
        at.offset = next.max(at.offset + 1);
        // A page that came short may have hidden rows at its end.
        at.last_id = if served == step {
            page.rows.last().and_then(id_of).map(str::to_owned)
        } else {
            None
        };
        if !at.short && at.total.rows().is_some_and(|total| at.offset >= total) {
            self.end_sweep();
        }
        Ok(())
    }

    fn end_sweep(&mut self) {
        self.last_page = None;
        let at = &self.place.at;
        if at.moved && at.rereads < MAX_REREADS {
            self.place.at = Position {
                rereads: at.rereads + 1,
                ..Position::default()
            };
        } else {
            self.place.unsettled |= at.moved;
            // It held to the end. One that counts a page is found out on the second.
            self.place.true_totals |= at.total.rows().is_some();
            self.place.next_sweep();
        }
    }

    /// In the plan by tiers, a tier that we do not know yet needs a sweep of its own.
    fn note_tiers(&mut self, page: &Page) {
        for row in &page.rows {
            if let Content::Skill(skill) = &row.0
                && let Some(tier) = skill.fields[at::TRUST_TIER].as_text()
            {
                self.place.note_tier(tier);
            }
        }
    }

    /// A registry that ignores the offset would be read for ever.
    fn refuse_repetition(&mut self, page: &Page) -> Result<()> {
        let ids: Vec<_> = page.rows.iter().map(id_of).collect();
        let print = self.hasher.hash_one(&ids);
        if ids.len() > 1 && self.last_page == Some(print) {
            return Err(Error::Protocol(
                "it serves the same page whatever the offset".into(),
            ));
        }
        self.last_page = Some(print);
        Ok(())
    }
}

/// Some servers put the rows of the page there instead of those of the listing.
fn learn_total(at: &mut Position, known_true: bool, said: Option<u64>, start: u64, served: u64) {
    at.total = match (at.total, said) {
        (Total::Useless, _) => Total::Useless,
        (known, None) => known,
        // A page in the middle cannot hold as many rows as the whole.
        (_, Some(said)) if said < start + served => Total::Useless,
        // The first page: everything is on it, or this is a page's count.
        (Total::Unknown, Some(said)) if said == served && !known_true => Total::Unknown,
        (Total::Unknown, Some(said)) => Total::Rows(said),
        (Total::Rows(known), Some(said)) => {
            at.moved |= known != said;
            Total::Rows(said)
        }
    };
}

fn id_of(row: &Row) -> Option<&str> {
    match &row.0 {
        Content::Skill(skill) => Some(&skill.id),
        Content::Rejected(rejected) => rejected.label.as_deref(),
    }
}

#[cfg(test)]
mod tests;
