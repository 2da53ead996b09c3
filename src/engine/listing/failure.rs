//! What a page that fails costs: its own rows, unless nothing can come any more.

use super::{Lister, Step};
use crate::engine::gap::{Gap, Region};
use crate::engine::pass::{Asked, Facts, Next, step};
use crate::engine::plan::{Pass, Plan};
use crate::engine::profile::Totals;
use crate::registry::{Call, Page};
use crate::{Error, Result};

/// So many pages in a row that fail look like an outage, or like the end of what can be reached.
pub(super) const MOST_IN_ROW: u32 = 3;

/// So often in a run smaller pages are tried in vain.
pub(super) const MOST_SHRINKS: u32 = 3;

/// After so many smaller pages one that fails has a cause of its own.
const PROVEN_PAGES: u32 = 4;

/// So many in one pass end the run; the next one goes on behind them.
const MOST_IN_PASS: u32 = 10;

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
        if *pass == Pass::Sync && !self.endpoint_answered && self.endpoint_refused(&error) {
            return Ok(None);
        }
        let Some(error) = self.first_page_failed(pass, asked, error, call)? else {
            return Ok(None);
        };
        if self.is_behind_the_last(asked, &error) {
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
        self.count_failure(known);
        if self.failed_in_row >= MOST_IN_ROW {
            return self.three_in_a_row(pass, error, call).map(|()| None);
        }
        if self.failed_in_pass >= MOST_IN_PASS {
            self.stop = Some(error);
        }
        Ok(None)
    }

    /// What the failure of a first page says of its whole pass; the error where it says nothing.
    fn first_page_failed(
        &mut self,
        pass: &Pass,
        asked: Asked,
        error: Error,
        call: &Call<'_>,
    ) -> Result<Option<Error>> {
        if asked.start > 0 {
            return Ok(Some(error));
        }
        let status = refusal(&error);
        if *pass == Pass::Scored {
            self.cursor.findings.untiered_unknown = true;
            if status == Some(400) {
                return self.pass_refused(error).map(|()| None);
            } else if status.is_some() {
                self.skip_scored();
                return Ok(None);
            }
        }
        let is_first_reading = !self.cursor.at.is_second_reading;
        let may_be_refused = matches!(status, Some(400 | 404 | 405 | 410));
        if may_be_refused && self.is_refused_as_such(pass, asked, call)? && is_first_reading {
            if status == Some(400) {
                self.pass_refused(error)?;
            } else if self.cursor.plan == Plan::Plain && !self.has_answered {
                // Nothing of the kind is there.
                self.nothing_answers(error)?;
            } else {
                self.put_off(pass, asked, &error);
                let regions = std::mem::take(&mut self.cursor.at.put_off);
                self.cut_at(pass, regions);
            }
            return Ok(None);
        }
        if status.is_some() && !is_first_reading {
            // It was read once; what that left in doubt stays so.
            self.cursor.at.end_in_doubt();
            return Ok(None);
        }
        if matches!(status, Some(404 | 405 | 410)) && !self.has_answered {
            return self.nothing_answers(error).map(|()| None);
        }
        Ok(Some(error))
    }

    /// Whether a page was refused because no row stands there; then the pass has ended, or goes on as after an empty page.
    fn is_behind_the_last(&mut self, asked: Asked, error: &Error) -> bool {
        let at = &mut self.cursor.at;
        let status = refusal(error);
        if status == Some(416) && asked.overlaps {
            // The row that the page was to begin with is not there, or not served there.
            let next = step(at, asked, &Facts::default(), self.totals);
            at.ending.has_ended = next != Next::Page;
            return true;
        }
        // The row that an overlapping page begins with is there: to refuse it is not the end.
        let is_behind = !asked.overlaps && at.is_behind_the_end();
        let refuses_more = matches!(status, Some(400 | 404))
            && (is_behind || (!asked.overlaps && at.has_all_of_total()));
        let is_empty = self.cursor.since.is_some();
        let is_end = (status == Some(416) && (asked.start > 0 || is_empty))
            || refuses_more
            || (self.totals == Totals::Confirmed && is_behind && at.has_all_of_total());
        at.ending.has_ended |= is_end;
        is_end
    }

    fn count_failure(&mut self, known: Option<&Gap>) {
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

    /// What a first answer says of the sync endpoint. Where there was one, a run fails before another
    /// listing is used. Returns whether that was all.
    fn endpoint_refused(&mut self, error: &Error) -> bool {
        if refusal(error) == Some(400) && self.cursor.since.take().is_some() {
            // It may not know how to list changes only.
            self.cursor.restart();
            return true;
        }
        if !is_missing_endpoint(error) {
            return false;
        }
        if self.has_endpoint && !self.cursor.misses_endpoint {
            self.cursor.misses_endpoint = true;
            self.stop = Some(Error::Refused {
                status: refusal(error).unwrap_or(501),
                detail: Some(
                    "it no longer has the sync endpoint; the next sync uses its search".into(),
                ),
            });
            return true;
        }
        self.cursor.misses_endpoint = true;
        self.failed_in_row = 0;
        self.forget_pass();
        self.refused.push(Plan::Sync);
        self.switch_to(self.instead);
        true
    }

    /// Goes on in another way after a refused listing.
    pub(super) fn pass_refused(&mut self, error: Error) -> Result<()> {
        self.failed_in_row = 0;
        self.forget_pass();
        if !self.cursor.refuse_pass() {
            return Ok(());
        }
        self.refused.push(self.cursor.plan);
        // The sync endpoint is not gone round, and not asked behind the others.
        let next = Plan::ALL
            .into_iter()
            .find(|plan| *plan != Plan::Sync && !self.refused.contains(plan));
        match next {
            Some(plan) => self.switch_to(plan),
            None => return self.nothing_answers(error),
        }
        Ok(())
    }

    /// Goes on with another plan. What was learned for that cost requests: it is kept even where this run
    /// ends before a page comes, or a user of short runs and small budgets never gets past it.
    fn switch_to(&mut self, plan: Plan) {
        self.cursor.switch_to(plan);
        self.has_switched = true;
    }

    /// Ends a run that found nothing to ask for. What refuses everything may be a proxy, or maintenance:
    /// the next run begins with the best plan, as this one did.
    fn nothing_answers(&mut self, error: Error) -> Result<()> {
        if self.refused.is_empty() {
            // Nothing was switched: it goes on from where it stands.
            return Err(error);
        }
        let first = if self.refused.contains(&Plan::Sync) {
            self.cursor.misses_endpoint = false;
            Plan::Sync
        } else {
            self.instead
        };
        self.cursor.switch_to(first);
        self.stop = Some(error);
        Ok(())
    }
}

/// Whether an error says that nothing can come. A host's own registry that fails may do so for one page only.
pub(super) const fn ends_the_run(error: &Error) -> bool {
    error.nothing_can_come() && !matches!(error, Error::Host(_))
}

/// Whether an answer says that the registry knows nothing of a sync endpoint, or not of this one.
const fn is_missing_endpoint(error: &Error) -> bool {
    matches!(
        error,
        Error::Refused {
            status: 400 | 404 | 405 | 410,
            ..
        } | Error::Server { status: 501, .. }
    )
}

const fn refusal(error: &Error) -> Option<u16> {
    match error {
        Error::Refused { status, .. } => Some(*status),
        _ => None,
    }
}
