//! Three failed pages in a row: tells an outage from bad pages, and finds a way past them.

use std::collections::VecDeque;

use super::Lister;
use super::failure::{MOST_IN_ROW, ends_the_run};
use crate::engine::gap::{Gap, Region};
use crate::engine::plan::Pass;
use crate::registry::Call;
use crate::{Error, Result};

/// How many other passes to ask whether the registry answers, if this pass did before.
const MOST_OTHERS: usize = 2;

/// How many page sizes to try: a quarter of a page, an eighth, and so on. With single rows nearly
/// anything could be read, but far too slowly.
const SMALLER_SIZES: usize = 3;

/// How many pages after the three failed ones to look for rows.
const PAGES_BEHIND: [u64; 3] = [0, 3, 30];

/// What is left to try after three failed pages in a row while the registry answers elsewhere.
pub(super) struct WaysPast {
    /// Where the failed pages begin.
    from: u64,
    /// The registry answers in this pass.
    answers_here: bool,
    tries: VecDeque<Try>,
}

#[derive(Clone, Copy)]
enum Try {
    /// A page of this many rows at the start of the nth failed page.
    Smaller(u32, usize),
    /// One row at this offset, after the failed pages.
    Behind(u64),
}

impl Lister<'_> {
    /// Tells an outage from bad pages by requesting other rows: the first ones of this pass, or of
    /// another. Fails if it is an outage.
    pub(super) fn three_in_a_row(
        &mut self,
        pass: &Pass,
        error: Error,
        call: &Call<'_>,
    ) -> Result<()> {
        let from = self.last_put_off().first().map_or(0, |region| region.from);
        for (elsewhere, offset) in self.places_to_try(pass, from) {
            let is_here = elsewhere == *pass;
            let answer = self.search(&elsewhere, offset, 1, true, call);
            call.check()?;
            match answer {
                Ok(page) => {
                    self.spare = Some((elsewhere, offset, page));
                    self.get_past(pass, is_here);
                    return Ok(());
                }
                // The endpoint is gone, and something else answers for some of its pages.
                Err(refused)
                    if is_here
                        && from > 0
                        && offset == 0
                        && *pass == Pass::Sync
                        && self.endpoint_refused(&refused) =>
                {
                    return Ok(());
                }
                // The registry no longer accepts this query.
                Err(refused @ Error::Refused { status: 400, .. })
                    if is_here && from > 0 && offset == 0 =>
                {
                    return self.pass_refused(refused);
                }
                Err(other) if ends_the_run(&other) => return Err(other),
                // That pass is refused and this one fails: the registry is up.
                Err(Error::Refused { .. }) if !is_here => {
                    self.get_past(pass, false);
                    return Ok(());
                }
                Err(_) => {}
            }
        }
        Err(error)
    }

    /// Where a single row is asked for, in order, to see whether the registry still answers at all; the failed pages
    /// of the pass begin at row `from`.
    fn places_to_try(&self, pass: &Pass, from: u64) -> Vec<(Pass, u64)> {
        let others = self.cursor.other_passes().into_iter();
        // The first row may be one that cannot be read.
        let here = [(pass.clone(), 0), (pass.clone(), 1)];
        if from > 0 {
            // This pass may no longer be served at all.
            let others = others.take(MOST_OTHERS).map(|other| (other, 0));
            return here.into_iter().chain(others).collect();
        }
        let others: Vec<_> = others.map(|other| (other, 0)).collect();
        if others.is_empty() {
            here.into()
        } else {
            others
        }
    }

    /// The last three failed pages.
    fn last_put_off(&self) -> &[Region] {
        let put_off = &self.cursor.at.put_off;
        &put_off[put_off.len().saturating_sub(MOST_IN_ROW as usize)..]
    }

    /// The registry answers elsewhere: prepares to try smaller pages here, and rows after these
    /// pages.
    fn get_past(&mut self, pass: &Pass, answers_here: bool) {
        let regions = self.last_put_off();
        let (Some(first), Some(last)) = (regions.first(), regions.last()) else {
            return;
        };
        let (from, to) = (first.from, last.to);
        let mut tries = VecDeque::new();
        // If an earlier listing tried these without success, they are not tried in each run.
        if self
            .known_gap(pass, from, to.saturating_sub(from))
            .is_none()
        {
            let smaller = std::iter::successors(Some(self.page_size.div_euclid(2)), |limit| {
                Some(limit.div_euclid(2))
            });
            let smaller = smaller.skip(1).take(SMALLER_SIZES);
            let smaller = smaller.take_while(|limit| *limit > 0 && self.shrinks_left > 0);
            tries.extend(smaller.map(|limit| Try::Smaller(limit, 0)));
            let page_size = u64::from(self.page_size);
            let behind =
                PAGES_BEHIND.map(|pages| to.saturating_add(page_size.saturating_mul(pages)));
            tries.extend(behind.map(Try::Behind));
        }
        self.ways_past = Some(WaysPast {
            from,
            answers_here,
            tries,
        });
    }

    /// Makes one attempt to get past failed pages; when none is left, gives up on them.
    pub(super) fn try_past(
        &mut self,
        pass: &Pass,
        mut ways: WaysPast,
        call: &Call<'_>,
    ) -> Result<()> {
        let Some(way) = ways.tries.pop_front() else {
            self.give_up(pass, &ways);
            return Ok(());
        };
        let (offset, limit) = match way {
            Try::Smaller(limit, nth) => {
                let region = self.last_put_off().get(nth);
                (region.map_or(ways.from, |region| region.from), limit)
            }
            Try::Behind(offset) => (offset, 1),
        };
        let brings_rows = self.brings_rows(pass, offset, limit, call)?;
        let at = &mut self.cursor.at;
        match way {
            _ if !brings_rows => {
                self.ways_past = Some(ways);
                return Ok(());
            }
            // A single page that arrives may just have no bad row: try all three.
            Try::Smaller(limit, nth) if nth.saturating_add(1) < MOST_IN_ROW as usize => {
                ways.tries
                    .push_front(Try::Smaller(limit, nth.saturating_add(1)));
                self.ways_past = Some(ways);
                return Ok(());
            }
            Try::Smaller(limit, _) => {
                let before = self.shrunk.map_or(self.page_size, |(before, _)| before);
                self.shrunk = Some((before, 0));
                self.page_size = limit;
                self.limit = limit;
                at.go_back_to_last(MOST_IN_ROW as usize);
            }
            Try::Behind(offset) => at.skip_to(offset),
        }
        self.failed_in_row = 0;
        Ok(())
    }

    /// Whether rows are served there. They are kept for the next step.
    fn brings_rows(
        &mut self,
        pass: &Pass,
        offset: u64,
        limit: u32,
        call: &Call<'_>,
    ) -> Result<bool> {
        let answer = self.search(pass, offset, limit.into(), true, call);
        call.check()?;
        match answer {
            Ok(page) => {
                let brings_rows = !page.rows.is_empty();
                self.spare = Some((pass.clone(), offset, page));
                Ok(brings_rows)
            }
            Err(error) if ends_the_run(&error) => Err(error),
            Err(_) => Ok(false),
        }
    }

    fn give_up(&mut self, pass: &Pass, ways: &WaysPast) {
        let put_off = &mut self.cursor.at.put_off;
        let last = put_off.len().saturating_sub(MOST_IN_ROW as usize);
        let mut regions = put_off.split_off(last);
        if ways.answers_here && ways.from == 0 && !regions.is_empty() {
            // Single rows of the first page are served: retry it in parts.
            let first = regions.remove(0);
            self.end_at(pass, regions);
            self.cursor.at.put_off.push(first);
        } else {
            self.end_at(pass, regions);
        }
    }

    /// Ends the pass while the registry answers elsewhere. Pages refused from some point on mark
    /// its end, or a depth limit; pages that failed before that are requested again.
    fn end_at(&mut self, pass: &Pass, mut regions: Vec<Region>) {
        let failed = regions
            .iter()
            .rposition(|region| !region.is_refused)
            .map_or(0, |last| last.saturating_add(1));
        let at = &mut self.cursor.at;
        if failed == regions.len() {
            return self.cut_at(pass, regions);
        }
        self.failed_in_row = 0;
        at.ending.has_ended = true;
        if failed == 0 {
            at.ending.is_cut = true;
            self.cursor.findings.limited.push(pass.clone());
        } else {
            regions.truncate(failed);
            at.put_off.append(&mut regions);
        }
    }

    /// Gives up on the rest of the pass in this run: these pages and what follows them. The next
    /// run knows these, and gets past them.
    pub(super) fn cut_at(&mut self, pass: &Pass, regions: Vec<Region>) {
        self.failed_in_row = 0;
        let (Some(first), Some(last)) = (regions.first(), regions.last()) else {
            return;
        };
        let is_all = first.from == 0 && self.cursor.at.counts.rows == 0;
        let rest = Gap {
            pass: pass.clone(),
            since: self.cursor.since.clone(),
            from: if is_all { 0 } else { last.to },
            to: None,
            before: None,
            after: None,
            cause: last.cause.clone(),
            turn: 0,
            failed_now: false,
        };
        if is_all {
            self.cursor.note_unreadable_pass();
        } else {
            for region in regions {
                self.keep_gap(pass, region);
            }
        }
        self.cut_pass(rest);
    }

    /// Ends the pass with an open-ended gap.
    fn cut_pass(&mut self, gap: Gap) {
        self.cursor.gaps.push(gap);
        self.cursor.at.ending.has_ended = true;
        self.cursor.at.ending.is_cut = true;
    }
}
