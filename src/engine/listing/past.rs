//! Three pages in a row that fail: whether it is an outage, and how a listing gets past them.

use std::collections::VecDeque;

use super::Lister;
use super::failure::{MOST_IN_ROW, ends_the_run};
use crate::engine::gap::{Gap, Region};
use crate::engine::plan::Pass;
use crate::registry::Call;
use crate::{Error, Result};

/// So many other passes are asked whether the registry answers, where this one did before.
const MOST_OTHERS: usize = 2;

/// How many sizes are tried: a quarter of a page, and so on. With single rows nearly anything could be read, and
/// far too slowly.
const SMALLER_SIZES: usize = 3;

/// So many pages behind three that fail it is looked whether rows come again.
const PAGES_BEHIND: [u64; 3] = [0, 3, 30];

/// What is left to be tried where three pages in a row fail while the registry answers elsewhere.
pub(super) struct WaysPast {
    /// Where they begin.
    from: u64,
    /// It answers in this pass.
    answers_here: bool,
    tries: VecDeque<Try>,
}

#[derive(Clone, Copy)]
enum Try {
    /// A page of so many rows, where this one of them begins.
    Smaller(u32, usize),
    /// One row behind them.
    Behind(u64),
}

impl Lister<'_> {
    /// Is it an outage, or is it here? Other rows tell: such as lie before, or the first of another pass.
    pub(super) fn three_in_a_row(
        &mut self,
        pass: &Pass,
        error: Error,
        call: &Call<'_>,
    ) -> Result<()> {
        let from = self.last_put_off().first().map_or(0, |region| region.from);
        let others = self.cursor.other_passes().into_iter();
        // The first row may be the one that cannot be had.
        let here = [(pass.clone(), 0), (pass.clone(), 1)];
        let places: Vec<(Pass, u64)> = if from > 0 {
            // Perhaps nothing of this pass comes any more.
            let others = others.take(MOST_OTHERS).map(|other| (other, 0));
            here.into_iter().chain(others).collect()
        } else {
            let others: Vec<_> = others.map(|other| (other, 0)).collect();
            if others.is_empty() {
                here.into()
            } else {
                others
            }
        };
        for (elsewhere, offset) in places {
            let is_here = elsewhere == *pass;
            let answer = self.search(&elsewhere, offset, 1, true, call);
            call.check()?;
            match answer {
                Ok(page) => {
                    self.spare = Some((elsewhere, offset, page));
                    self.get_past(pass, is_here);
                    return Ok(());
                }
                // It wants to be asked in another way by now.
                Err(refused @ Error::Refused { status: 400, .. })
                    if is_here && from > 0 && offset == 0 =>
                {
                    return self.pass_refused(refused);
                }
                Err(other) if ends_the_run(&other) => return Err(other),
                // One tier is refused, and this one fails: the registry is there.
                Err(Error::Refused { .. }) if !is_here => {
                    self.get_past(pass, false);
                    return Ok(());
                }
                Err(_) => {}
            }
        }
        Err(error)
    }

    /// The pages that failed last.
    fn last_put_off(&self) -> &[Region] {
        let put_off = &self.cursor.at.put_off;
        &put_off[put_off.len().saturating_sub(MOST_IN_ROW as usize)..]
    }

    /// The registry answers elsewhere. Perhaps it does so here for smaller pages, or behind these.
    fn get_past(&mut self, pass: &Pass, answers_here: bool) {
        let regions = self.last_put_off();
        let (Some(first), Some(last)) = (regions.first(), regions.last()) else {
            return;
        };
        let (from, to) = (first.from, last.to);
        let mut tries = VecDeque::new();
        // Where an earlier listing has tried them in vain, they are not tried in each run.
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

    /// One try to get past pages that fail; in the end they are given up.
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
            // One that comes may just have no bad row.
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

    /// Whether rows come from there; they are not lost.
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
            // Single rows of the first page come: it is asked for in parts.
            let first = regions.remove(0);
            self.end_at(pass, regions);
            self.cursor.at.put_off.push(first);
        } else {
            self.end_at(pass, regions);
        }
    }

    /// The registry answers elsewhere. What it refuses from some page on is its end, or a depth limit;
    /// what fails before that is asked for again.
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

    /// The rest of the pass cannot be had in this run: these pages, and what lies behind them. The
    /// next one, which knows these, gets behind them.
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

    /// The rest of the pass cannot be had.
    fn cut_pass(&mut self, gap: Gap) {
        self.cursor.gaps.push(gap);
        self.cursor.at.ending.has_ended = true;
        self.cursor.at.ending.is_cut = true;
    }
}
