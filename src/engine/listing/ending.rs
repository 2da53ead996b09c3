//! The end of a pass: whether it is complete, and what follows.

use super::Lister;
use crate::engine::cursor::Finding;
use crate::engine::pass::Verdict;
use crate::engine::plan::{Pass, Plan};
use crate::engine::profile::{Doubt, Totals};

impl Lister<'_> {
    /// How far totals are trusted. Word searches never prove completeness; and a single pass that
    /// was read up to its total without finding all rows is reason enough for distrust.
    pub(super) fn totals(&self) -> Totals {
        let mut doubts = self.cursor.findings.doubts.iter();
        let was_in_vain = doubts.any(|doubt| doubt.total.is_some());
        if self.cursor.plan == Plan::Words || was_in_vain {
            Totals::Untrue
        } else {
            self.totals
        }
    }

    /// Judges a pass that has ended, and starts the next pass or a second reading.
    pub(super) fn end_pass(&mut self, pass: Pass) {
        let at = &self.cursor.at;
        let verdict = self.verdict(&pass);
        let (rows, order, is_untrue) = (at.counts.rows, at.counts.order, at.total_is_untrue());
        let (is_limited, has_shifted) = (at.is_limited(), at.has_shifted_in_order());
        let findings = &mut self.cursor.findings;
        if is_limited && !findings.limited.contains(&pass) {
            findings.limited.push(pass.clone());
        }
        findings.untrue_totals |= is_untrue;
        findings.shifted |= has_shifted;
        match verdict {
            Verdict::Whole { total_held } => findings.true_totals |= total_held,
            Verdict::Again => {
                self.cursor.gaps.retain(|gap| gap.pass != pass);
                let met = std::mem::take(&mut self.met);
                if !self.cursor.at.counts.forgets {
                    self.met_before = met;
                }
                self.cursor.at.read_again();
                self.went_on_at = None;
                self.failed_in_pass = 0;
                return;
            }
            Verdict::Explained { total } => findings.explained.push(Doubt {
                pass,
                total,
                rows,
                order,
            }),
            Verdict::InDoubt { total, moved } => findings.doubts.push(Finding {
                pass,
                total,
                moved,
                rows,
                order,
            }),
        }
        self.cursor.end_pass();
        self.forget_pass();
    }

    fn verdict(&self, pass: &Pass) -> Verdict {
        let at = &self.cursor.at;
        if self.cursor.is_second_look() || at.ending.is_cut {
            return Verdict::Whole { total_held: false };
        }
        let known = |total, rows| {
            let mut doubts = self.doubts.iter();
            doubts
                .find(|doubt| doubt.pass == *pass && doubt.total == total && doubt.rows == rows)
                .map(|doubt| doubt.order == at.counts.order)
        };
        at.verdict(self.totals(), known)
    }

    /// Resets the state of a single pass.
    pub(super) fn forget_pass(&mut self) {
        self.met.clear();
        self.met_before.clear();
        self.fill = None;
        self.last_of_parts = None;
        self.failed_in_pass = 0;
    }
}
