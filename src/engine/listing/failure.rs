//! Handles failed pages: a failure loses only the rows of the page, unless no further request can
//! succeed.

use super::conditional::View;
use super::{Lister, Step};
use crate::engine::gap::{Gap, Region};
use crate::engine::pass::{Asked, Facts, Next, step};
use crate::engine::plan::{Pass, Plan};
use crate::engine::profile::Totals;
use crate::registry::Call;
use crate::{Error, Result};

/// This many failed pages in a row look like an outage, or like the end of what can be read.
pub(super) const MOST_IN_ROW: u32 = 3;

/// How often a run may try smaller pages without success.
pub(super) const MOST_SHRINKS: u32 = 3;

/// Once this many smaller pages have arrived, a failure is no longer due to the size.
const PROVEN_PAGES: u32 = 4;

/// This many failed pages in one pass end the run; the next one continues after them.
const MOST_IN_PASS: u32 = 10;

impl Lister<'_> {
    /// Handles a page that failed after its retries: puts it off and continues after it, ends the
    /// pass, or ends the run.
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
            // A probe is not retried; without it, it stays unknown whether rows are hidden.
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

    /// Handles a failed first page if the failure concerns the whole pass; returns the error
    /// otherwise.
    fn first_page_failed(
        &mut self,
        pass: &Pass,
        asked: Asked,
        error: Error,
        call: &Call<'_>,
    ) -> Result<Option<Error>> {
        if asked.start > 0 || self.cursor.at.looks_back_to(asked.start) {
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
                // There is no such listing.
                self.nothing_answers(error)?;
            } else {
                self.put_off(pass, asked, &error);
                let regions = std::mem::take(&mut self.cursor.at.put_off);
                self.cut_at(pass, regions);
            }
            return Ok(None);
        }
        if status.is_some() && !is_first_reading {
            // The pass was read once; its doubts remain.
            self.cursor.at.end_in_doubt();
            return Ok(None);
        }
        if matches!(status, Some(404 | 405 | 410)) && !self.has_answered {
            return self.nothing_answers(error).map(|()| None);
        }
        Ok(Some(error))
    }

    /// Whether a page was refused because it lies past the last row. If so, the pass has ended, or
    /// continues as after an empty page.
    fn is_behind_the_last(&mut self, asked: Asked, error: &Error) -> bool {
        let at = &mut self.cursor.at;
        let status = refusal(error);
        if status == Some(416) && asked.overlaps {
            // The row that the page should begin with is gone, or is not served there.
            let next = step(at, asked, &Facts::default(), self.totals);
            at.ending.has_ended = next != Next::Page;
            return true;
        }
        if at.looks_back_to(asked.start) {
            return false;
        }
        // The first row of an overlapping page exists, so a refusal is not the end.
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
            // The size was not the cause.
            self.shrunk = None;
            self.shrinks_left = self.shrinks_left.saturating_sub(1);
            self.page_size = page_size;
            self.limit = page_size;
        }
        // Failures in a known gap are expected, except in an open-ended one, whose start must be
        // found again.
        if known.is_none_or(|gap| gap.to.is_none()) {
            self.failed_in_row = self.failed_in_row.saturating_add(1);
            self.failed_in_pass = self.failed_in_pass.saturating_add(1);
        }
    }

    /// Notes a gap for a row that made a page of two rows too large, but does not arrive on its own
    /// either.
    pub(super) fn note_too_large_row(&mut self, pass: &Pass, asked: Asked, page: View<'_>) {
        let Some((offset, cause)) = self.too_large.take() else {
            return;
        };
        if offset == asked.start && page.len() == 0 {
            let before = self.cursor.at.tail.last_id.clone();
            let to = offset.saturating_add(1);
            self.keep_gap(pass, Region::new(offset, to, before.as_deref(), &cause));
        }
    }

    /// Whether a listing is refused at any offset, not only on its first page.
    fn is_refused_as_such(&mut self, pass: &Pass, asked: Asked, call: &Call<'_>) -> Result<bool> {
        let behind = self.search(pass, asked.limit, asked.limit, true, call);
        call.check()?;
        match behind {
            Ok(page) => {
                self.spare = Some((pass.clone(), asked.limit, page));
                Ok(false)
            }
            Err(error) if ends_the_run(&error) => Err(error),
            // There is a listing, which ends before that offset.
            Err(error) => Ok(refusal(&error) != Some(416)),
        }
    }

    fn put_off(&mut self, pass: &Pass, asked: Asked, error: &Error) {
        let at = &mut self.cursor.at;
        let length = at.page_rows(asked, None);
        let before = at.tail.last_id.take();
        // A page that reaches into a known gap is put off together with the whole gap, so that runs
        // do not request the gap page by page.
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

    /// Handles a refusal as first answer of the sync endpoint. If the endpoint existed before, one
    /// run fails before another listing is used. Returns whether the error was handled.
    pub(super) fn endpoint_refused(&mut self, error: &Error) -> bool {
        if matches!(refusal(error), Some(400 | 414 | 422)) && self.cursor.since.take().is_some() {
            // It may not support `since`, or not this one.
            self.cursor.restart();
            self.forget_pass();
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
                    "it no longer has the sync endpoint; the next sync asks again, then uses its search".into(),
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

    /// Continues with another pass or plan after a refused pass.
    pub(super) fn pass_refused(&mut self, error: Error) -> Result<()> {
        self.failed_in_row = 0;
        self.forget_pass();
        if !self.cursor.refuse_pass() {
            return Ok(());
        }
        self.refused.push(self.cursor.plan);
        // The sync endpoint is never a fallback for other plans.
        let next = Plan::ALL
            .into_iter()
            .find(|plan| *plan != Plan::Sync && !self.refused.contains(plan));
        match next {
            Some(plan) => self.switch_to(plan),
            None => return self.nothing_answers(error),
        }
        Ok(())
    }

    /// Continues with another plan. Learning that this is needed cost requests, so the cursor is
    /// saved even if this run ends before a page arrives: otherwise short runs with small budgets
    /// would never get further.
    fn switch_to(&mut self, plan: Plan) {
        self.cursor.switch_to(plan);
        self.has_switched = true;
    }

    /// Ends a run whose plans were all refused. The cause may be a proxy or maintenance, so the
    /// next run starts with the best plan, as this one did.
    fn nothing_answers(&mut self, error: Error) -> Result<()> {
        if self.refused.is_empty() {
            // No plan was switched: the next run continues from the cursor.
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

/// Whether an error means that no further request can succeed. A host's own registry may fail for a
/// single page only.
pub(super) const fn ends_the_run(error: &Error) -> bool {
    error.nothing_can_come() && !matches!(error, Error::Host(_))
}

/// Whether an answer means that the registry has no sync endpoint, or not this version of it.
const fn is_missing_endpoint(error: &Error) -> bool {
    matches!(
        error,
        Error::Refused {
            status: 400 | 404 | 405 | 410 | 501,
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
