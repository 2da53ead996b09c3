//! Retries failed pages in parts at the end of their pass, down to the rows that cannot be read.

use super::conditional::View;
use super::failure::ends_the_run;
use super::parts::{Fill, Kind, Part, empty_before_rows};
use super::rows::short_id;
use super::{Lister, Step};
use crate::engine::gap::{Gap, MOST_GAPS, Region};
use crate::engine::plan::Pass;
use crate::fingerprint::row_of_id;
use crate::registry::{Call, Page};
use crate::{Error, Result};

/// The most requests for parts of pages in one run. What is left is reported, and requested by
/// later runs.
const MOST_PARTS: u32 = 512;

/// After this many failures before any row arrives, check whether the registry answers at all.
const FAILURES_BEFORE_LOOK: u32 = 3;

impl Lister<'_> {
    /// Makes at most one request, for a part of a page that was put off.
    pub(super) fn fill_gap(&mut self, pass: &Pass, call: &Call<'_>) -> Result<Option<Step>> {
        let mut fill = match self.fill.take() {
            Some(fill) => fill,
            None => self.begin_fill(pass),
        };
        let Some(part) = fill.next_part() else {
            if self.cursor.at.is_ordered && fill.split_empty_before_rows() {
                self.fill = Some(fill);
                return Ok(None);
            }
            if let Some((at, id)) = fill.next_anchor(self.cursor.at.is_ordered) {
                self.fill = Some(fill);
                return self.check_anchor(pass, at, &id, call);
            }
            let region = self.cursor.at.put_off.remove(0);
            if self.cursor.at.put_off.is_empty() && fill.end_at_refusal(region.to) {
                self.cursor.at.ending.is_limited = true;
            }
            self.note_last_of_parts(fill.last_row(&region), fill.has_lost());
            for lost in fill.into_lost() {
                self.keep_gap(pass, lost);
            }
            self.go_on_behind();
            return Ok(None);
        };
        if let Kind::Known { turn } = part.kind {
            fill.probe(part, turn);
            self.fill = Some(fill);
            return Ok(None);
        }
        if fill.is_exhausted() || self.parts_asked >= MOST_PARTS {
            if part.kind == Kind::Unknown {
                fill.lose(part.from, part.to, part.cause);
            }
            self.fill = Some(fill);
            return Ok(None);
        }
        let step = self.ask_part(pass, &mut fill, &part, call)?;
        self.fill = Some(fill);
        Ok(step)
    }

    /// Takes the rows of a part. `before`: the id of the row that the page should begin with.
    fn take_part(
        &mut self,
        pass: &Pass,
        fill: &mut Fill,
        part: &Part,
        (start, before): (u64, Option<&str>),
        page: Page,
    ) -> Result<Step> {
        let facts = self.meet(pass, start, View::Page(&page))?;
        let at = &mut self.cursor.at;
        at.note_total(start, page.rows.len(), page.total);
        at.counts.rows = at.counts.rows.saturating_add(facts.distinct);
        let first = page.rows.first().and_then(short_id);
        let overlaps = before.is_some() && first.as_deref() == before;
        if (before.is_some() && !overlaps) || fill.shows_movement(part) {
            at.note_moved();
        }
        let came = page.rows.get(usize::from(overlaps)..).unwrap_or_default();
        fill.brought(part, came);
        Ok(self.step(page.rows, &facts.ids))
    }

    /// The row right before a part that its page is to begin with: in the order of ids that shows
    /// whether rows have moved since.
    fn overlap_of(&self, fill: &Fill, part: &Part) -> Option<String> {
        let at = &self.cursor.at;
        let can_overlap = part.kind == Kind::Unknown
            && at.is_ordered
            && at.brings_several_rows()
            && self.page_size > 1;
        let before = fill.row_before(part).filter(|_| can_overlap)?;
        Some(before.to_owned())
    }

    /// Notes the last row of a page that came in parts. Where rows of it, or of a later page, are
    /// lost, those are the end.
    fn note_last_of_parts(&mut self, last: Option<(u64, String)>, has_lost: bool) {
        if last.is_some() || has_lost {
            self.last_of_parts = last;
        }
    }

    /// No page has overlapped with the last row of the listing, where that came in parts: what came
    /// behind it, or was empty by mistake, is seen from there.
    fn go_on_behind(&mut self) {
        let at = &mut self.cursor.at;
        if !at.put_off.is_empty() || at.ending.is_cut || !at.is_ordered {
            return;
        }
        let Some((last, id)) = self.last_of_parts.take() else {
            return;
        };
        if self.went_on_at.is_none_or(|before| before < last) {
            self.went_on_at = Some(last);
            at.go_on_behind(last, row_of_id(&id), id);
        }
    }

    fn begin_fill(&self, pass: &Pass) -> Fill {
        let gaps = self.known_gaps.iter();
        let known: Vec<&Gap> = gaps
            .filter(|gap| gap.pass == *pass && gap.to.is_some())
            .collect();
        let put_off = &self.cursor.at.put_off;
        let next = put_off.get(1);
        let borders_next = next.is_some_and(|next| next.from == put_off[0].to);
        Fill::new(&put_off[0], &known, borders_next)
    }

    fn ask_part(
        &mut self,
        pass: &Pass,
        fill: &mut Fill,
        part: &Part,
        call: &Call<'_>,
    ) -> Result<Option<Step>> {
        let page_size = self.page_size.into();
        fill.requests = fill.requests.saturating_add(1);
        self.parts_asked = self.parts_asked.saturating_add(1);
        let before = self.overlap_of(fill, part);
        let overlap = u64::from(before.is_some());
        let start = part.from.saturating_sub(overlap);
        let length = part.to.saturating_sub(start).min(page_size);
        let outcome = self.search(pass, start, length, true, call);
        call.check()?;
        if let (Kind::Probe { from, to }, Ok(_) | Err(Error::Refused { status: 416, .. })) =
            (part.kind, &outcome)
        {
            fill.search_beside(part.from, (from, to), page_size);
        }
        match outcome {
            Ok(page) if overlap > 0 && page.rows.is_empty() => {
                fill.failed(part, &empty_before_rows());
                Ok(None)
            }
            Ok(page) => self
                .take_part(pass, fill, part, (start, before.as_deref()), page)
                .map(Some),
            Err(error) if ends_the_run(&error) => Err(error),
            // Without the row before it, it may be readable: too large together, or another row has
            // moved to where that one was.
            Err(error) if overlap > 0 && length <= 2 => {
                fill.ask_alone(part, &error);
                Ok(None)
            }
            // There is no row any more.
            Err(Error::Refused { status: 416, .. }) => Ok(None),
            Err(error) => {
                fill.failed(part, &error);
                if !fill.has_brought && fill.failures == FAILURES_BEFORE_LOOK {
                    self.look_elsewhere(pass, error, call)?;
                }
                Ok(None)
            }
        }
    }

    /// Checks that a row is still at its position: rows that move while a page is read in parts may
    /// be missed.
    fn check_anchor(
        &mut self,
        pass: &Pass,
        at: u64,
        id: &str,
        call: &Call<'_>,
    ) -> Result<Option<Step>> {
        let answer = self.search(pass, at, 1, true, call);
        call.check()?;
        match answer {
            Ok(page) => {
                let found = page.rows.first().and_then(short_id);
                let position = &mut self.cursor.at;
                position.note_total(at, page.rows.len(), page.total);
                if found.as_deref() != Some(id) {
                    position.note_moved();
                }
                Ok(Some(self.out_of_turn(pass, at, page)))
            }
            Err(error) if ends_the_run(&error) => Err(error),
            // Whether rows moved is unknown. Without a total to count rows by, that leaves a doubt.
            Err(_) => {
                let at = &mut self.cursor.at;
                if at.is_ordered || !at.has_total() {
                    at.note_moved();
                }
                Ok(None)
            }
        }
    }

    /// Checks whether the registry answers elsewhere, and fails if it does not: an outage is not
    /// probed row by row.
    fn look_elsewhere(&mut self, pass: &Pass, error: Error, call: &Call<'_>) -> Result<()> {
        let region = &self.cursor.at.put_off[0];
        let (from, to) = (region.from, region.to);
        let other = self.cursor.other_passes().into_iter().next();
        let here = if from > 0 {
            // The first row may be one that cannot be read.
            vec![0, 1]
        } else {
            // What follows the first page was read before.
            other.is_none().then_some(to).into_iter().collect()
        };
        let here = here.into_iter().map(|offset| (pass.clone(), offset));
        // If that row cannot be read either, the whole pass may fail and not the registry: try
        // another pass.
        let places = here.chain(other.map(|other| (other, 0)));
        for (elsewhere, offset) in places {
            let answer = self.search(&elsewhere, offset, 1, true, call);
            call.check()?;
            match answer {
                Ok(page) => {
                    self.spare = Some((elsewhere, offset, page));
                    return Ok(());
                }
                Err(other) if ends_the_run(&other) => return Err(other),
                // It is up, and refuses.
                Err(Error::Refused { .. }) => return Ok(()),
                Err(_) => {}
            }
        }
        Err(error)
    }

    pub(super) fn keep_gap(&mut self, pass: &Pass, lost: Region) {
        let at = &mut self.cursor.at;
        at.counts.unread = at.counts.unread.saturating_add(lost.len());
        let known = self.known_gaps.iter();
        let tried = known
            .filter(|gap| gap.touches(pass, lost.from, lost.len()))
            .map(|gap| gap.turn.saturating_add(1))
            .max();
        let gap = Gap {
            pass: pass.clone(),
            since: self.cursor.since.clone(),
            from: lost.from,
            to: Some(lost.to),
            before: lost.before,
            after: lost.after,
            cause: lost.cause,
            turn: tried.unwrap_or(0),
            failed_now: false,
        };
        let gaps = &mut self.cursor.gaps;
        if let Some(beside) = gaps.iter_mut().find(|other| other.adjoins(&gap)) {
            beside.take_in(gap);
        } else if gaps.len() < MOST_GAPS {
            gaps.push(gap);
        } else {
            self.cursor.more_gaps = self.cursor.more_gaps.saturating_add(1);
        }
    }

    /// Makes one request for a gap of an earlier listing. The passes read its rows in any case.
    pub(super) fn ask_known_gap(&mut self, gap: &Gap, call: &Call<'_>) -> Result<Option<Step>> {
        let length = gap
            .to
            .map_or(self.page_size.into(), |to| to.saturating_sub(gap.from));
        let limit = length.clamp(1, self.page_size.into());
        match self.search(&gap.pass, gap.from, limit, true, call) {
            Ok(page) => {
                // What was read is no longer part of the known gap.
                let from = gap.from.saturating_add(page.rows.len() as u64);
                if let Some(known) = self.known_gaps.iter_mut().find(|known| *known == gap) {
                    known.from = from;
                }
                self.known_gaps
                    .retain(|known| known.to.is_none_or(|to| known.from < to));
                Ok(Some(self.out_of_turn(&gap.pass, gap.from, page)))
            }
            Err(error) if ends_the_run(&error) => Err(error),
            Err(_) => {
                if let Some(known) = self.known_gaps.iter_mut().find(|known| *known == gap) {
                    known.failed_now = length == 1;
                }
                call.check().map(|()| None)
            }
        }
    }

    /// Notes the id after pages that were put off, once a page arrived.
    pub(super) fn note_neighbour(&mut self, page: View<'_>) {
        let first = page.first_id();
        for region in self.cursor.at.put_off.iter_mut().rev() {
            if region.after.is_some() {
                break;
            }
            region.after.clone_from(&first);
        }
    }
}
