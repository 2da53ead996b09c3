//! What a page that fails costs: its own rows, unless nothing can come any more.

use std::collections::VecDeque;

use super::{Lister, Step};
use crate::engine::gap::{Gap, Region};
use crate::engine::pass::{Asked, Facts, Next, step};
use crate::engine::plan::{Pass, Plan};
use crate::engine::profile::Totals;
use crate::registry::{Call, Page};
use crate::{Error, Result};

/// So many pages in a row that fail look like an outage, or like the end of what can be reached.
const MOST_IN_ROW: u32 = 3;

/// So many other passes are asked whether the registry answers, where this one did before.
const MOST_OTHERS: usize = 2;

/// How many sizes are tried: a quarter of a page, and so on. With single rows nearly anything could be read, and
/// far too slowly.
const SMALLER_SIZES: usize = 3;

/// So often in a run smaller pages are tried in vain.
pub(super) const MOST_SHRINKS: u32 = 3;

/// After so many smaller pages one that fails has a cause of its own.
const PROVEN_PAGES: u32 = 4;

/// So many pages behind three that fail it is looked whether rows come again.
const PAGES_BEHIND: [u64; 3] = [0, 3, 30];

/// So many in one pass end the run; the next one goes on behind them.
const MOST_IN_PASS: u32 = 10;

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
    /// A page failed after its retries. Puts it off and goes on behind it, ends the pass, or ends the run.
    pub(super) fn page_failed(
        &mut self,
        pass: &Pass,
        asked: Asked,
        known: Option<&Gap>,
        error: Error,
        call: &Call<'_>,
    ) -> Result<Option<Step>> {
        call.check()?;
        if ends_the_run(&error) {
            return Err(error);
        }
        if asked.is_probe {
            // Not worth more; then what it was to show is not shown.
            self.cursor.at.forget_probe();
            return Ok(None);
        }
        let status = refusal(&error);
        if *pass == Pass::Scored && asked.start == 0 {
            self.cursor.findings.untiered_unknown = true;
            if status == Some(400) {
                self.pass_refused(error)?;
                return Ok(None);
            } else if status.is_some() {
                self.skip_scored();
                return Ok(None);
            }
        }
        let may_be_refused = asked.start == 0 && matches!(status, Some(400 | 404 | 405 | 410));
        if may_be_refused && self.is_refused_as_such(pass, asked, call)? {
            let at = &mut self.cursor.at;
            if at.is_second_reading {
                // It was read once; what that left in doubt stays so.
                at.end_in_doubt();
            } else if status == Some(400) {
                self.pass_refused(error)?;
            } else if self.cursor.plan == Plan::Plain && !self.has_answered {
                // Nothing of the kind is there.
                return Err(error);
            } else {
                self.put_off(pass, asked, &error);
                let regions = std::mem::take(&mut self.cursor.at.put_off);
                self.cut_at(pass, regions);
            }
            return Ok(None);
        }
        let at = &mut self.cursor.at;
        if status == Some(416) && asked.overlaps {
            // The row that the page was to begin with is not there, or not served there.
            let next = step(at, asked, &Facts::default(), self.totals);
            at.ending.has_ended = next != Next::Page;
            return Ok(None);
        }
        let is_no_such_place = matches!(status, Some(404 | 405 | 410));
        if asked.start == 0 && status.is_some() && at.is_second_reading {
            // It was read once; what that left in doubt stays so.
            at.end_in_doubt();
            return Ok(None);
        }
        if asked.start == 0 && is_no_such_place && !self.has_answered {
            return Err(error);
        }
        // The row that an overlapping page begins with is there: to refuse it is not the end.
        let is_behind = !asked.overlaps && at.is_behind_the_end();
        let refuses_more = matches!(status, Some(400 | 404))
            && (is_behind || (!asked.overlaps && at.has_all_of_total()));
        let is_end = (status == Some(416) && asked.start > 0)
            || refuses_more
            || (self.totals == Totals::Confirmed && is_behind && at.has_all_of_total());
        if is_end {
            at.ending.has_ended = true;
            return Ok(None);
        }
        if matches!(error, Error::TooLarge(_)) && self.limit > 1 {
            // A smaller page may fit.
            self.limit = self.limit.div_euclid(2).max(1);
            if self.limit == 1 && asked.overlaps {
                self.too_large = Some((self.cursor.at.offset, error));
            }
            return Ok(None);
        }
        self.put_off(pass, asked, &error);
        if let Some((page_size, came)) = self.shrunk
            && came < PROVEN_PAGES
        {
            // It is not the size.
            self.shrunk = None;
            self.shrinks_left = self.shrinks_left.saturating_sub(1);
            self.page_size = page_size;
            self.limit = page_size;
        }
        // Of one that is open to the end it has to be seen where that begins now.
        if known.is_none_or(|gap| gap.to.is_none()) {
            self.failed_in_row = self.failed_in_row.saturating_add(1);
            self.failed_in_pass = self.failed_in_pass.saturating_add(1);
        }
        if self.failed_in_row >= MOST_IN_ROW {
            return self.three_in_a_row(pass, error, call).map(|()| None);
        }
        if self.failed_in_pass >= MOST_IN_PASS {
            self.stop = Some(error);
        }
        Ok(None)
    }

    /// A row that comes with the one before it, and makes that page too large, but does not come by itself.
    pub(super) fn note_too_large_row(&mut self, pass: &Pass, asked: Asked, page: &Page) {
        let Some((offset, cause)) = self.too_large.take() else {
            return;
        };
        if offset == asked.start && page.rows.is_empty() {
            let before = self.cursor.at.tail.last_id.clone();
            let to = offset.saturating_add(1);
            self.keep_gap(pass, Region::new(offset, to, before.as_deref(), &cause));
        }
    }

    /// Whether a listing is refused whatever the offset, and not only its first page.
    fn is_refused_as_such(&mut self, pass: &Pass, asked: Asked, call: &Call<'_>) -> Result<bool> {
        let behind = self.search(pass, asked.limit, asked.limit, true, call);
        call.check()?;
        match behind {
            Ok(page) => {
                self.spare = Some((pass.clone(), asked.limit, page));
                Ok(false)
            }
            Err(error) if ends_the_run(&error) => Err(error),
            Err(_) => Ok(true),
        }
    }

    fn put_off(&mut self, pass: &Pass, asked: Asked, error: &Error) {
        let at = &mut self.cursor.at;
        let length = at.page_rows(asked, None);
        let before = at.tail.last_id.take();
        // A page that reaches into a known gap is put off with all of it: its rows are not asked for one page after the other in each run.
        let end = asked.start.saturating_add(length);
        let known = self.known_gaps.iter();
        let end = known
            .filter(|gap| gap.touches(pass, asked.start, length))
            .filter_map(|gap| gap.to)
            .fold(end, u64::max);
        let length = end.saturating_sub(asked.start);
        let (from, to) = at.skip_page(asked, length);
        at.put_off
            .push(Region::new(from, to, before.as_deref(), error));
    }

    /// Is it an outage, or is it here? Other rows tell: such as lie before, or the first of another pass.
    fn three_in_a_row(&mut self, pass: &Pass, error: Error, call: &Call<'_>) -> Result<()> {
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
        let answer = self.search(pass, offset, limit.into(), true, call);
        call.check()?;
        let brings_rows = match answer {
            Ok(page) => {
                let brings_rows = !page.rows.is_empty();
                self.spare = Some((pass.clone(), offset, page));
                brings_rows
            }
            Err(error) if ends_the_run(&error) => return Err(error),
            Err(_) => false,
        };
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
    fn cut_at(&mut self, pass: &Pass, regions: Vec<Region>) {
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

    /// Goes on in another way after a refused listing.
    fn pass_refused(&mut self, error: Error) -> Result<()> {
        self.failed_in_row = 0;
        self.forget_pass();
        if !self.cursor.refuse_pass() {
            return Ok(());
        }
        self.refused.push(self.cursor.plan);
        let next = Plan::ALL
            .into_iter()
            .find(|plan| !self.refused.contains(plan));
        match next {
            Some(plan) => self.cursor.switch_to(plan),
            // Nothing can be asked any more. The next run does not go on from where nothing answers.
            None if self.cursor.is_resumed => {
                self.cursor.switch_to(Plan::Plain);
                self.stop = Some(error);
            }
            None => return Err(error),
        }
        Ok(())
    }
}

/// Whether an error says that nothing can come. A host's own registry that fails may do so for one page only.
pub(super) const fn ends_the_run(error: &Error) -> bool {
    error.nothing_can_come() && !matches!(error, Error::Host(_))
}

const fn refusal(error: &Error) -> Option<u16> {
    match error {
        Error::Refused { status, .. } => Some(*status),
        _ => None,
    }
}
