//! Reads a listing to its end: requests page after page, and handles those that fail.

mod carried;
mod conditional;
mod ending;
mod failure;
mod fill;
mod parts;
mod past;
mod request;
mod rows;
mod scored;
mod take;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use self::parts::Fill;
use self::past::WaysPast;
use super::cursor::Cursor;
use super::gap::{Gap, MOST_GAPS};
use super::plan::{Pass, Plan};
use super::profile::{Doubt, Totals};
use super::stored_page::{StoredPage, StoredPages};
use crate::registry::{Call, Page, Registry, Row};
use crate::{Error, Result};

/// The most pages that one run requests. A longer listing fails the run; the next one continues it.
const MAX_PAGES: u32 = 100_000;

/// What a listing starts with.
pub(super) struct Start {
    pub(super) cursor: Cursor,
    pub(super) page_size: u32,
    /// What earlier listings learned.
    pub(super) totals: Totals,
    pub(super) doubts: Vec<Doubt>,
    /// What earlier listings could not read; requested first.
    pub(super) gaps: Vec<Gap>,
    /// The sync endpoint existed in the listing before.
    pub(super) has_endpoint: bool,
    /// The fallback plan if it is missing.
    pub(super) instead: Plan,
    /// Pages that need not come again while they are the same.
    pub(super) stored: Arc<StoredPages>,
}

/// Reads a listing from a registry, page by page.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that have nothing to do with each other"
)]
pub(super) struct Lister<'r> {
    registry: &'r dyn Registry,
    cursor: Cursor,
    page_size: u32,
    /// Rows requested per page; fewer for a while after a page was too large.
    limit: u32,
    totals: Totals,
    doubts: Vec<Doubt>,
    known_gaps: Vec<Gap>,
    /// Gaps of earlier listings that the passes of this one do not cover.
    carried_gaps: Vec<Gap>,
    carried_search: Option<carried::Search>,
    carried_asked: u32,
    gaps_to_ask: VecDeque<Gap>,
    /// Identities of the rows that this run read in the current reading of the pass, and in the one
    /// before.
    met: HashSet<u64>,
    met_before: HashSet<u64>,
    nameless: rows::Nameless,
    /// Plans that were refused entirely.
    refused: Vec<Plan>,
    has_endpoint: bool,
    instead: Plan,
    stored: Arc<StoredPages>,
    pages: u32,
    /// Some page was answered, and one of the sync endpoint.
    has_answered: bool,
    endpoint_answered: bool,
    /// The page size before smaller pages were tried, and how many of those arrived.
    shrunk: Option<(u32, u32)>,
    /// How many more times smaller pages may fail to help.
    shrinks_left: u32,
    /// The offset at which even a page of two rows was too large, and the error.
    too_large: Option<(u64, Error)>,
    /// Failed pages in a row, and in this pass.
    failed_in_row: u32,
    failed_in_pass: u32,
    fill: Option<Fill>,
    /// The last row of the pages that came in parts so far, if none behind it is known or lost.
    last_of_parts: Option<(u64, String)>,
    /// Where such a row was gone on from.
    went_on_at: Option<u64>,
    /// Requests for parts of failed pages.
    parts_asked: u32,
    ways_past: Option<WaysPast>,
    /// A page requested to see whether the registry answers; its rows are not lost.
    spare: Option<(Pass, u64, Page)>,
    /// The plan was switched since the cursor was last reported.
    has_switched: bool,
    /// The error that ends the run, once the cursor was reported.
    stop: Option<Error>,
    stop_is_told: bool,
}

/// Some rows, each with its identity, and the cursor after them.
pub(super) struct Step {
    pub(super) rows: Vec<(u64, Row)>,
    /// Instead of rows: a page that is still the stored one.
    pub(super) unchanged: Option<Arc<StoredPage>>,
    /// The page that these rows are, to be stored with them.
    pub(super) to_store: Option<StoredPage>,
    pub(super) cursor: Cursor,
    /// A page came. Otherwise only the cursor is another one, which is no news to the user.
    pub(super) is_page: bool,
}

impl<'r> Lister<'r> {
    pub(super) fn new(registry: &'r dyn Registry, start: Start) -> Self {
        let met = start.cursor.at.tail().iter().copied().collect();
        let cursor = &start.cursor;
        let asked: Vec<Gap> = start.gaps.iter().take(MOST_GAPS).cloned().collect();
        let (carried_gaps, known_gaps) = start
            .gaps
            .into_iter()
            .partition(|gap| carried::is_carried(gap, cursor));
        Self {
            registry,
            cursor: start.cursor,
            page_size: start.page_size.max(2),
            // At least two, since each page begins with the last row of the page before.
            limit: start.page_size.max(2),
            totals: start.totals,
            doubts: start.doubts,
            gaps_to_ask: asked.into(),
            known_gaps,
            carried_gaps,
            carried_search: None,
            carried_asked: 0,
            met,
            met_before: HashSet::new(),
            nameless: rows::Nameless::default(),
            refused: Vec::new(),
            has_endpoint: start.has_endpoint,
            instead: start.instead,
            stored: start.stored,
            pages: 0,
            has_answered: false,
            endpoint_answered: false,
            shrunk: None,
            shrinks_left: failure::MOST_SHRINKS,
            too_large: None,
            failed_in_row: 0,
            failed_in_pass: 0,
            fill: None,
            last_of_parts: None,
            went_on_at: None,
            parts_asked: 0,
            ways_past: None,
            spare: None,
            has_switched: false,
            stop: None,
            stop_is_told: false,
        }
    }

    /// The next rows, or `None` once everything has been read.
    pub(super) fn next(&mut self, call: &Call<'_>) -> Result<Option<Step>> {
        loop {
            let ends = self.stop.is_some() && !self.stop_is_told;
            self.stop_is_told |= ends;
            if std::mem::take(&mut self.has_switched) || ends {
                return Ok(Some(Step {
                    is_page: false,
                    ..self.step(Vec::new(), &[])
                }));
            }
            if let Some(error) = self.stop.take() {
                return Err(error);
            }
            if let Some((pass, start, page)) = self.spare.take() {
                return Ok(Some(self.out_of_turn(&pass, start, page)));
            }
            call.check()?;
            if self.pages >= MAX_PAGES {
                return Err(Error::Protocol(
                    format!("its listing has no end after {MAX_PAGES} pages").into(),
                ));
            }
            let step = if let Some(search) = self.carried_search.take() {
                self.ask_carried_gap(search, call)?
            } else if let Some(gap) = self.gaps_to_ask.pop_front() {
                if carried::is_carried(&gap, &self.cursor) {
                    self.begin_search(&gap);
                    None
                } else {
                    self.ask_known_gap(&gap, call)?
                }
            } else if let Some(pass) = self.cursor.pass.clone() {
                self.go_on_with(pass, call)?
            } else {
                return Ok(None);
            };
            if step.is_some() {
                return Ok(step);
            }
        }
    }

    /// At most one request of the current pass.
    fn go_on_with(&mut self, pass: Pass, call: &Call<'_>) -> Result<Option<Step>> {
        if let Some(ways) = self.ways_past.take() {
            return self.try_past(&pass, ways, call).map(|()| None);
        }
        if let Some((total, rows)) = self.cursor.scored_end {
            return self.ask_behind_scored(&pass, (total, rows), call);
        }
        if !self.cursor.at.ending.has_ended {
            return self.ask_page(&pass, call);
        }
        if !self.cursor.at.put_off.is_empty() {
            return self.fill_gap(&pass, call);
        }
        self.end_pass(pass);
        Ok(None)
    }

    /// The cursor at the end of the listing.
    pub(super) fn into_cursor(mut self) -> Cursor {
        self.keep_carried_gaps();
        self.cursor
    }
}

#[cfg(test)]
mod sync_tests;
#[cfg(test)]
mod tests;
