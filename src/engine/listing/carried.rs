//! Gaps of earlier listings of the sync endpoint, where this listing brings changes only and does not come to them.

use std::cmp::Ordering;

use super::failure::ends_the_run;
use super::rows::short_id;
use super::{Lister, Step};
use crate::Result;
use crate::engine::cursor::Cursor;
use crate::engine::gap::{Gap, cause_of};
use crate::engine::plan::Pass;
use crate::registry::{Call, Page};

/// So many pages are looked at for a gap that is not where it was: rows come before it all the time.
const MOST_STEPS: u32 = 12;

/// So many requests of a run are for such gaps.
const MOST_CARRIED: u32 = 64;

/// After so many answers without any row it is left to a whole listing whether there are rows at all.
const MOST_EMPTY: u64 = 3;

/// What a page shows of a gap.
enum Sight {
    /// It begins behind this row of the page.
    Behind(usize),
    /// It lies further ahead.
    Later,
    /// It lies further back.
    Earlier,
}

/// Whether this listing, as it stands, does not come to a gap.
pub(super) fn is_carried(gap: &Gap, cursor: &Cursor) -> bool {
    gap.pass == Pass::Sync && cursor.since.is_some() && gap.since != cursor.since
}

/// The search for a gap that may not be where it was.
pub(super) struct Search {
    gap: Gap,
    /// The next page to look at.
    start: u64,
    limit: u64,
    /// Where the row before the gap can stand: from here on, and before there.
    low: u64,
    high: Option<u64>,
    stride: u64,
    steps: u32,
}

impl Search {
    fn new(gap: Gap, page_size: u64) -> Self {
        let length = gap.to.map_or(page_size, |to| to.saturating_sub(gap.from));
        // With the row before it, and the one behind. Where all of it does not come, half of it may.
        let part = length.div_euclid(1_u64 << (gap.turn % 2)).max(1);
        Self {
            start: gap.from.saturating_sub(u64::from(gap.before.is_some())),
            limit: part.saturating_add(2).min(page_size),
            low: 0,
            high: None,
            stride: page_size,
            steps: 0,
            gap,
        }
    }

    /// Where to look next; `None` where it can be nowhere.
    fn next(&self, sight: &Sight, page: &Page, page_size: u64) -> Option<Self> {
        let (mut low, mut high) = (self.low, self.high);
        match sight {
            Sight::Earlier => high = Some(self.start),
            _ => low = self.start.saturating_add(page.rows.len() as u64),
        }
        let start = match high {
            Some(high) if high <= low => return None,
            Some(high) if high.saturating_sub(low) <= page_size => low,
            Some(high) => low.midpoint(high),
            None => low.saturating_add(self.stride).saturating_sub(page_size),
        };
        Some(Self {
            gap: self.gap.clone(),
            start,
            limit: page_size,
            low,
            high,
            stride: self.stride.saturating_mul(2),
            steps: self.steps,
        })
    }
}

impl Lister<'_> {
    /// One request for a gap: where it was, and then around there until the row before it is found.
    pub(super) fn ask_carried_gap(
        &mut self,
        mut search: Search,
        call: &Call<'_>,
    ) -> Result<Option<Step>> {
        if self.carried_asked >= MOST_CARRIED || search.steps >= MOST_STEPS {
            self.leave_to_next_run(search.gap);
            return Ok(None);
        }
        self.carried_asked = self.carried_asked.saturating_add(1);
        search.steps = search.steps.saturating_add(1);
        let asked = (search.start, search.limit);
        let since = search.gap.since.clone();
        let answer = self.search_since(&Pass::Sync, since.as_deref(), asked, true, call);
        call.check()?;
        let page = match answer {
            Ok(page) => page,
            Err(error) if ends_the_run(&error) => {
                self.carried_gaps.push(search.gap);
                return Err(error);
            }
            Err(error) => {
                search.gap.cause = cause_of(&error);
                self.leave_to_next_run(search.gap);
                return Ok(None);
            }
        };
        let start = search.start;
        if start == 0 && page.rows.is_empty() {
            // A registry that has rows, or an answer that is empty by mistake: it shows nothing of the gap.
            self.cursor.lost_gap |= search.gap.turn >= MOST_EMPTY;
            self.leave_to_next_run(search.gap);
            return Ok(None);
        }
        match sight(&search.gap, start, &page) {
            Sight::Behind(rows) => self.shorten(search.gap, start, rows, &page),
            sight => {
                if let Some(next) = search.next(&sight, &page, self.page_size.into()) {
                    self.carried_search = Some(next);
                } else {
                    self.cursor.lost_gap = true;
                    self.leave_to_next_run(search.gap);
                }
            }
        }
        Ok(Some(self.out_of_turn(&Pass::Sync, start, page)))
    }

    /// The next run asks again.
    fn leave_to_next_run(&mut self, mut gap: Gap) {
        gap.turn = gap.turn.saturating_add(1);
        self.carried_gaps.push(gap);
    }

    /// Takes a gap out of those that are kept, to ask for it.
    pub(super) fn begin_search(&mut self, gap: &Gap) {
        let place = self.carried_gaps.iter().position(|known| known == gap);
        if let Some(place) = place {
            let gap = self.carried_gaps.remove(place);
            self.carried_search = Some(Search::new(gap, self.page_size.into()));
        }
    }

    /// What is left of a gap after a page that has its beginning, behind `rows` of its rows.
    fn shorten(&mut self, mut gap: Gap, start: u64, rows: usize, page: &Page) {
        let came = page.rows.get(rows..).unwrap_or_default();
        let behind = gap.after.as_deref();
        let has_end = behind.is_some() && came.iter().any(|row| row.id() == behind);
        let length = gap.to.map(|to| to.saturating_sub(gap.from));
        // Behind a page that ends with the row before it, it has still to be asked for.
        let is_behind_all = came.is_empty() && page.rows.len() <= 1;
        if is_behind_all || has_end {
            return;
        }
        let brought = came.len() as u64;
        gap.from = start.saturating_add(page.rows.len() as u64);
        // Rows that came in between since make it longer: its end is the row behind it, or that of the listing.
        gap.to = length.map(|length| {
            let left = length.saturating_sub(brought).max(1);
            gap.from.saturating_add(left)
        });
        gap.before = page.rows.last().and_then(short_id);
        self.gaps_to_ask.push_front(gap.clone());
        self.carried_gaps.push(gap);
    }

    /// At the end: what was not had is kept for the next run.
    pub(super) fn keep_carried_gaps(&mut self) {
        let searched = self.carried_search.take().map(|search| search.gap);
        let kept = std::mem::take(&mut self.carried_gaps);
        for gap in kept.into_iter().chain(searched) {
            if is_carried(&gap, &self.cursor) {
                self.cursor.gaps.push(gap);
            }
        }
    }
}

/// Where a gap lies, as a page from `start` on shows it. Ids are compared without regard to case, which
/// is near enough to the registry's order to know in which direction to go on.
fn sight(gap: &Gap, start: u64, page: &Page) -> Sight {
    let Some(before) = gap.before.as_deref() else {
        return Sight::Behind(0);
    };
    let ids = || page.rows.iter().map(|row| row.id());
    if let Some(place) = ids().position(|id| id == Some(before)) {
        return Sight::Behind(place.saturating_add(1));
    }
    let order = ids().flatten().next().map_or(Ordering::Greater, |first| {
        first.to_lowercase().cmp(&before.to_lowercase())
    });
    if order == Ordering::Less {
        Sight::Later
    } else if start == 0 {
        // It is gone, with all that came before it.
        Sight::Behind(0)
    } else {
        Sight::Earlier
    }
}
