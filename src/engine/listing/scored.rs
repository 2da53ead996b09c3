//! The pass by score, for skills without a tier: it is skipped where there are none.

use super::conditional::View;
use super::failure::ends_the_run;
use super::{Lister, Step};
use crate::engine::pass::Asked;
use crate::engine::plan::Pass;
use crate::registry::Call;
use crate::{Error, Result};

impl Lister<'_> {
    /// Whether the first page of the pass for skills without a tier says that there are none, so
    /// that the rest can be skipped.
    pub(super) fn shows_no_untiered(&self, pass: &Pass, asked: Asked, page: View<'_>) -> bool {
        *pass == Pass::Scored
            && asked.start == 0
            && !self.cursor.findings.untiered
            && page.total().is_some_and(|total| {
                // Not the count of this page: pages may hold fewer rows than were asked for.
                let counts_more = total > page.len() as u64;
                counts_more && total == self.cursor.scored_rows
            })
    }

    /// Skips the pass for skills without a tier if nothing comes behind the rows that the tiers had:
    /// some registries count no further than to some number.
    pub(super) fn ask_behind_scored(
        &mut self,
        pass: &Pass,
        (total, rows): (u64, u64),
        call: &Call<'_>,
    ) -> Result<Option<Step>> {
        match self.search(pass, total, self.limit.into(), true, call) {
            Ok(page) if !page.rows.is_empty() => {
                self.go_on_by_score(rows);
                Ok(Some(self.out_of_turn(pass, total, page)))
            }
            Ok(_) | Err(Error::Refused { status: 416, .. }) => {
                self.skip_scored();
                Ok(None)
            }
            Err(error) if ends_the_run(&error) => Err(error),
            Err(_) => {
                self.go_on_by_score(rows);
                call.check().map(|()| None)
            }
        }
    }

    fn go_on_by_score(&mut self, rows: u64) {
        self.cursor.scored_end = None;
        self.cursor.at.counts.rows = rows;
    }

    pub(super) fn skip_scored(&mut self) {
        // Its rows were already counted with their tiers.
        self.cursor.at.counts.rows = 0;
        self.cursor.end_pass();
        self.forget_pass();
    }
}
