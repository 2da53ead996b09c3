//! What a reading of a pass is worth, once it has ended.

use super::{PassCursor, TotalSeen};
use crate::engine::profile::Totals;

/// A pass in doubt that had more pages is left to the next run to read once more.
const MOST_PAGES_TO_REPEAT: u32 = 100;

/// What a pass that has ended is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Verdict {
    /// Everything came.
    Whole {
        /// The total counted the rows of several pages.
        total_held: bool,
    },
    /// Everything came, though the total says more: some rows came more than once, or are hidden.
    Explained {
        /// The total.
        total: u64,
    },
    /// Something may be missing. It is read once more.
    Again,
    /// Something may be missing still, or it was too long to be read again.
    InDoubt {
        /// The total that says more than came.
        total: Option<u64>,
        /// Rows moved while they were read.
        moved: bool,
    },
}

impl PassCursor {
    /// Where the order is fixed, a second reading that brings fewer rows than the first came to no end.
    const fn has_lost_rows(&self) -> bool {
        self.is_ordered && self.is_second_reading && self.counts.fresh < self.counts.rows
    }

    /// Whether rows moved while they were read, so that some may have slipped past the reader. `came`: the
    /// rows that were read, and those that are told of as unreadable.
    fn has_moved(&self, came: u64) -> bool {
        let movement = &self.movement;
        // Not by a total that changed on the way: of the rows that came some may have gone since.
        let all_counted = matches!(self.total, TotalSeen::Same(total) if came >= total);
        // Rows that could not be had are told in any case; to read the others again would not bring them.
        let is_skip_told = self.counts.unread > 0;
        // The second reading alone brought all that came in either: then nothing has slipped past both.
        let is_settled = self.is_second_reading
            && !movement.unchecked
            && !self.counts.forgets
            && self.counts.fresh == self.counts.rows;
        movement.moved
            || (movement.shifted && !self.is_ordered && !all_counted && !is_settled)
            || (movement.skipped && !self.is_ordered && !all_counted && !is_skip_told)
            || self.has_lost_rows()
    }

    /// What the reading that has ended is worth.
    ///
    /// `known`: a listing before this one has brought so few rows for such a total, and whether in the
    /// same order.
    pub(in crate::engine) fn verdict(
        &self,
        totals: Totals,
        known: impl Fn(u64, u64) -> Option<bool>,
    ) -> Verdict {
        let said = match (self.total, totals) {
            (TotalSeen::Same(total), Totals::Unknown | Totals::Confirmed)
            | (TotalSeen::Varied(total), Totals::Confirmed) => Some(total),
            _ => None,
        };
        let came = self.counts.rows.saturating_add(self.counts.unread);
        let missing = said.filter(|total| *total > came);
        let moved = self.has_moved(came);
        if !moved && missing.is_none() {
            // A page's own count, on the only page, proves nothing.
            let total_held = matches!(self.total, TotalSeen::Same(total)
                if total == self.counts.rows && total > self.pages.most_rows);
            return Verdict::Whole { total_held };
        }
        let comes_again = missing.and_then(|total| known(total, self.counts.rows));
        // As many rows as it says, some of them more than once; or it counts rows that it hides, and every
        // position up to there was asked for. Either has to come again, row by row.
        let can_be = missing.is_some_and(|total| {
            let is_repeated = self.counts.served >= total && !self.movement.unchecked;
            is_repeated || (self.hidden.hides && self.offset >= total)
        });
        let came_again = self.is_second_reading
            && self.counts.fresh == self.counts.rows
            && self.counts.order == self.counts.order_before;
        if let Some(total) = missing
            && !moved
            && can_be
            && (came_again || comes_again == Some(true))
        {
            return Verdict::Explained { total };
        }
        let is_known = comes_again.is_some() && !can_be;
        if self.is_second_reading || self.pages.read >= MOST_PAGES_TO_REPEAT || (is_known && !moved)
        {
            Verdict::InDoubt {
                total: missing,
                moved,
            }
        } else {
            Verdict::Again
        }
    }
}
