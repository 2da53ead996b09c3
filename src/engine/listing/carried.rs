//! Gaps of earlier listings of the sync endpoint that this listing, of changes only, does not
//! cover.

use std::cmp::Ordering;

use super::failure::ends_the_run;
use super::rows::short_id;
use super::{Lister, Step};
use crate::engine::cursor::Cursor;
use crate::engine::gap::{Gap, cause_of};
use crate::engine::plan::Pass;
use crate::registry::{Call, Page};
use crate::{Error, Result};

/// The most pages to look at for one gap: it is often no longer where it was, since rows are
/// inserted before it.
const MOST_STEPS: u32 = 12;

/// The most requests of one run for such gaps.
const MOST_CARRIED: u32 = 64;

/// After this many attempts, an empty answer leaves it to a full listing to find out whether there
/// are rows at all.
const MOST_EMPTY: u64 = 3;

/// Where a gap lies relative to a page.
enum Sight {
    /// It begins after this many rows of the page.
    Behind(usize),
    /// It lies at a higher offset.
    Later,
    /// It lies at a lower offset.
    Earlier,
}

/// Whether a gap is not covered by the listing of this cursor.
pub(super) fn is_carried(gap: &Gap, cursor: &Cursor) -> bool {
    gap.pass == Pass::Sync && cursor.since.is_some() && gap.since != cursor.since
}

/// The search for a gap that may not be where it was.
pub(super) struct Search {
    gap: Gap,
    /// The next page to look at.
    start: u64,
    limit: u64,
    /// Range of offsets, from `low` up to but not including `high`, where the row before the gap
    /// can be.
    low: u64,
    high: Option<u64>,
    stride: u64,
    steps: u32,
    /// It looks behind rows that cannot be read.
    is_behind: bool,
}

impl Search {
    fn new(gap: Gap, page_size: u64) -> Self {
        let length = length_of(&gap, page_size);
        // Whether rows follow one that cannot be read is asked in every third run.
        let end = gap
            .to
            .filter(|_| gap.after.is_none() && length == 1 && gap.turn % 3 == 1);
        Self {
            start: end.unwrap_or(gap.from.saturating_sub(u64::from(gap.before.is_some()))),
            // With the row before it, and the one after.
            limit: if end.is_some() {
                page_size
            } else {
                length.saturating_add(2).min(page_size)
            },
            is_behind: end.is_some(),
            low: 0,
            high: None,
            stride: page_size,
            steps: 0,
            gap,
        }
    }

    /// What to ask for after a failure: fewer rows, and where even the first one of the gap does not come,
    /// those behind it. Returns whether there is such a page.
    fn make_smaller(&mut self, page_size: u64) -> bool {
        if length_of(&self.gap, page_size) <= 1 {
            return false;
        }
        let overlap = u64::from(self.gap.before.is_some() && !self.is_behind);
        let fewest = overlap.saturating_add(1);
        if self.limit > fewest {
            self.limit = self.limit.div_euclid(2).max(fewest);
            return true;
        }
        // Not one row comes from here.
        self.start = self.start.saturating_add(self.limit);
        self.limit = page_size;
        self.is_behind = true;
        if self.gap.to.is_some_and(|to| self.start >= to) && self.gap.after.is_some() {
            return false;
        }
        true
    }

    /// Where to look next; `None` if nothing is left to look at.
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
            is_behind: false,
        })
    }
}

fn length_of(gap: &Gap, page_size: u64) -> u64 {
    gap.to.map_or(page_size, |to| to.saturating_sub(gap.from))
}

impl Lister<'_> {
    /// Makes one request for a gap: where it was, and then around there until the row before it is
    /// found.
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
                self.carried_failed(search, &error);
                return Ok(None);
            }
        };
        let start = search.start;
        if search.is_behind {
            self.note_behind(search.gap, start, &page);
            return Ok(Some(self.out_of_turn(&Pass::Sync, start, page)));
        }
        if start == 0 && page.rows.is_empty() {
            // An answer that may be empty by mistake shows nothing about the gap.
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

    fn carried_failed(&mut self, mut search: Search, error: &Error) {
        search.gap.cause = cause_of(error);
        if search.make_smaller(self.page_size.into()) {
            self.carried_search = Some(search);
        } else {
            self.leave_to_next_run(search.gap);
        }
    }

    /// Leaves a gap to the next run.
    fn leave_to_next_run(&mut self, mut gap: Gap) {
        gap.turn = gap.turn.saturating_add(1);
        self.carried_gaps.push(gap);
    }

    /// Takes a gap out of those that are kept, and starts searching for it.
    pub(super) fn begin_search(&mut self, gap: &Gap) {
        let place = self.carried_gaps.iter().position(|known| known == gap);
        if let Some(place) = place {
            let gap = self.carried_gaps.remove(place);
            self.carried_search = Some(Search::new(gap, self.page_size.into()));
        }
    }

    /// Keeps what is left of a gap after a page in which it begins after `rows` rows.
    fn shorten(&mut self, mut gap: Gap, start: u64, rows: usize, page: &Page) {
        let came = page.rows.get(rows..).unwrap_or_default();
        let behind = gap.after.as_deref();
        let has_end = behind.is_some() && came.iter().any(|row| row.id() == behind);
        let length = gap.to.map(|to| to.saturating_sub(gap.from));
        // A longer page that ends with the row before the gap shows nothing of it yet.
        let is_behind_all = came.is_empty() && page.rows.len() <= 1;
        if is_behind_all || has_end {
            return;
        }
        let brought = came.len() as u64;
        gap.from = start.saturating_add(page.rows.len() as u64);
        // Rows inserted since make it longer: it ends at the row after it, or at the end of the
        // listing.
        gap.to = length.map(|length| {
            let left = length.saturating_sub(brought).max(1);
            gap.from.saturating_add(left)
        });
        gap.before = page.rows.last().and_then(short_id);
        self.gaps_to_ask.push_front(gap.clone());
        self.carried_gaps.push(gap);
    }

    /// A page after rows that cannot be read: the gap is what lies before it, and what follows the page
    /// is requested as another one.
    fn note_behind(&mut self, mut gap: Gap, start: u64, page: &Page) {
        let first = page.rows.first().and_then(short_id);
        let last = page.rows.last().and_then(short_id);
        let neighbours = first.as_deref().zip(gap.before.as_deref());
        if neighbours.is_some_and(|(first, before)| first <= before) {
            // Rows have moved.
            return self.leave_to_next_run(gap);
        }
        let end = gap.to.replace(start.max(gap.from.saturating_add(1)));
        if let (Some(first), Some(last)) = (first, last) {
            let old_end = gap.after.replace(first);
            let is_whole =
                old_end.is_some() && page.rows.iter().any(|row| row.id() == old_end.as_deref());
            if !is_whole {
                let from = start.saturating_add(page.rows.len() as u64);
                let behind = Gap {
                    from,
                    to: end.map(|end| end.max(from.saturating_add(1))),
                    before: Some(last),
                    after: old_end,
                    turn: 0,
                    ..gap.clone()
                };
                self.gaps_to_ask.push_front(behind.clone());
                self.carried_gaps.push(behind);
            }
        }
        self.leave_to_next_run(gap);
    }

    /// At the end, keeps what was not read for the next run.
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

/// Where a gap lies relative to the page at `start`. Ids are compared ignoring case, which is close
/// enough to the registry's order to choose a direction.
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
        // The row before the gap is gone, with all that preceded it.
        Sight::Behind(0)
    } else {
        Sight::Earlier
    }
}
