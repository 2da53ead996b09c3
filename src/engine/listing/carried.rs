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

impl Lister<'_> {
    /// Asks for a gap where it was, and around there until the row before it is found.
    pub(super) fn ask_carried_gap(&mut self, gap: &Gap, call: &Call<'_>) -> Result<Option<Step>> {
        let Some(place) = self.carried_gaps.iter().position(|known| known == gap) else {
            return Ok(None);
        };
        let mut gap = self.carried_gaps.remove(place);
        let found = self.find_carried_gap(&mut gap, call);
        match found {
            Ok(Some((start, rows, page))) => {
                self.shorten(gap, start, rows, &page);
                Ok(Some(self.out_of_turn(&Pass::Sync, start, page)))
            }
            Ok(None) => {
                gap.turn = gap.turn.saturating_add(1);
                self.carried_gaps.push(gap);
                Ok(None)
            }
            Err(error) => {
                self.carried_gaps.push(gap);
                Err(error)
            }
        }
    }

    /// A page that has the beginning of a gap: its offset, how many of its rows lie before the gap, and itself.
    fn find_carried_gap(
        &mut self,
        gap: &mut Gap,
        call: &Call<'_>,
    ) -> Result<Option<(u64, usize, Page)>> {
        let page_size = u64::from(self.page_size);
        let length = gap.to.map_or(page_size, |to| to.saturating_sub(gap.from));
        // With the row before it, and the one behind. Where all of it does not come, half of it may.
        let part = length.div_euclid(1_u64 << (gap.turn % 2)).max(1);
        let mut limit = part.saturating_add(2).min(page_size);
        let mut start = gap.from.saturating_sub(u64::from(gap.before.is_some()));
        // Where the row before it can stand: from here on, and before there.
        let (mut low, mut high) = (0_u64, None);
        let mut stride = page_size;
        for _ in 0..MOST_STEPS {
            if self.carried_asked >= MOST_CARRIED {
                break;
            }
            self.carried_asked = self.carried_asked.saturating_add(1);
            let asked = (start, limit);
            let answer = self.search_since(&gap.pass, gap.since.as_deref(), asked, true, call);
            call.check()?;
            let page = match answer {
                Ok(page) => page,
                Err(error) if ends_the_run(&error) => return Err(error),
                Err(error) => {
                    gap.cause = cause_of(&error);
                    break;
                }
            };
            match sight(gap, start, &page) {
                Sight::Behind(rows) => return Ok(Some((start, rows, page))),
                Sight::Later => low = start.saturating_add(page.rows.len() as u64),
                Sight::Earlier => high = Some(start),
            }
            start = match high {
                Some(high) if high <= low => break,
                Some(high) if high.saturating_sub(low) <= page_size => low,
                Some(high) => low.midpoint(high),
                None => low.saturating_add(stride).saturating_sub(page_size),
            };
            limit = page_size;
            stride = stride.saturating_mul(2);
        }
        Ok(None)
    }

    /// What is left of a gap after a page that has its beginning, behind `rows` of its rows.
    fn shorten(&mut self, mut gap: Gap, start: u64, rows: usize, page: &Page) {
        let came = page.rows.get(rows..).unwrap_or_default();
        let behind = gap.after.as_deref();
        let has_end = behind.is_some() && came.iter().any(|row| row.id() == behind);
        let length = gap.to.map(|to| to.saturating_sub(gap.from));
        let is_read = behind.is_none() && length.is_some_and(|length| came.len() as u64 >= length);
        // Behind a page that ends with the row before it, it has still to be asked for.
        let is_behind_all = came.is_empty() && page.rows.len() <= 1;
        if is_behind_all || has_end || is_read {
            return;
        }
        let brought = came.len() as u64;
        gap.from = start.saturating_add(page.rows.len() as u64);
        // Rows that came in between since make it longer: its end is the row behind it.
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
        for gap in std::mem::take(&mut self.carried_gaps) {
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
