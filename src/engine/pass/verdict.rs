//! Whether a pass is complete, judged after each reading.

use super::{PassCursor, TotalSeen};
use crate::engine::profile::Totals;

/// A longer pass in doubt is not read again in this run, but in the next.
const MOST_PAGES_TO_REPEAT: u32 = 100;

/// Whether a pass that has ended is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Verdict {
    /// Every row was read.
    Whole {
        /// The total matched the rows of several pages.
        total_held: bool,
    },
    /// Every row was read, although the total is higher: some rows came more than once, or are
    /// hidden.
    Explained {
        /// The total.
        total: u64,
    },
    /// Rows may be missing. The pass is read again.
    Again,
    /// Rows may still be missing, or the pass was too long to be read again.
    InDoubt {
        /// The total, if it is higher than the rows read.
        total: Option<u64>,
        /// Rows moved while they were read.
        moved: bool,
    },
}

impl PassCursor {
    /// In id order, a second reading that misses rows of the first did not reach the end.
    const fn has_lost_rows(&self) -> bool {
        self.is_ordered && self.is_second_reading && self.counts.fresh < self.counts.rows
    }

    /// Whether rows moved while they were read, so that some may have been missed. `came`: the rows
    /// read, and those reported as unreadable.
    fn has_moved(&self, came: u64) -> bool {
        let movement = &self.movement;
        // Not for a total that changed on the way: some of the rows read may be gone since.
        let all_counted = matches!(self.total, TotalSeen::Same(total) if came >= total);
        // Unreadable rows are reported anyway; reading the others again would not bring them.
        let is_skip_told = self.counts.unread > 0;
        // The second reading alone had every row of both, so none was missed.
        let is_settled = self.is_second_reading
            && !movement.unchecked
            && !self.counts.forgets
            && self.counts.fresh == self.counts.rows;
        movement.moved
            || (movement.shifted && !self.is_ordered && !all_counted && !is_settled)
            || (movement.skipped && !self.is_ordered && !all_counted && !is_skip_told)
            || self.has_lost_rows()
    }

    /// Judges the reading that has ended.
    ///
    /// `known`: whether an earlier listing had as few rows for the same total, and if so, whether
    /// in the same order.
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
            // A page's own row count, on the only page, proves nothing.
            let total_held = matches!(self.total, TotalSeen::Same(total)
                if total == self.counts.rows && total > self.pages.most_rows);
            return Verdict::Whole { total_held };
        }
        let comes_again = missing.and_then(|total| known(total, self.counts.rows));
        // Either as many rows were served as the total says, some of them more than once; or the
        // total counts hidden rows, and every position up to it was requested. In either case the
        // same rows must come again, row by row.
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
