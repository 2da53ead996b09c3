//! Pages that failed, asked for again in parts at the end of their pass, down to the rows that cannot be had.

use std::collections::{BTreeMap, VecDeque};

use super::failure::ends_the_run;
use super::rows::short_id;
use super::{Lister, Step};
use crate::engine::gap::{Gap, MOST_GAPS, Region, cause_of};
use crate::engine::plan::Pass;
use crate::registry::{Call, Page};
use crate::{Error, Result};

/// Requests for one page that failed. One bad row in a hundred costs fourteen.
const MOST_REQUESTS: u32 = 64;

/// Requests for parts of pages in one run; what is left is named, and asked for by later runs.
const MOST_PARTS: u32 = 512;

/// Requests while none of its rows came.
const MOST_IN_VAIN: u32 = 16;

/// Each of these takes as long as the client's timeout.
const MOST_TIMEOUTS: u32 = 10;

/// So many failures before anything came: it is looked whether the registry answers at all.
const FAILURES_BEFORE_LOOK: u32 = 3;

/// A known gap of no more rows is asked for like any other part.
const FEW_ROWS: u64 = 3;

/// What was put off, while it is being asked for in parts.
pub(super) struct Fill {
    /// Larger ones before smaller ones, so that what is good comes in few requests.
    parts: VecDeque<Part>,
    /// What cannot be had.
    lost: Vec<Lost>,
    /// Ids by their positions: of the rows next to what is asked for, and the first and last of what came.
    ids: BTreeMap<u64, Option<String>>,
    requests: u32,
    failures: u32,
    timeouts: u32,
    has_brought: bool,
    /// Rows that were read before this, of which it is asked in the end whether they have moved meanwhile.
    anchors: Vec<(u64, String)>,
}

struct Lost {
    from: u64,
    /// Not included.
    to: u64,
    cause: String,
}

struct Part {
    from: u64,
    /// Not included.
    to: u64,
    cause: String,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nobody has looked for single rows of it.
    Unknown,
    /// A listing before this one could not read it. `turn`: how many have tried.
    Known { turn: u64 },
    /// One row of a known gap, which has its borders here.
    Probe { from: u64, to: u64 },
}

impl Fill {
    /// `borders_next`: what comes after it was put off as well.
    fn new(region: &Region, known: &[&Gap], borders_next: bool) -> Self {
        let mut ids = BTreeMap::new();
        if region.after.is_some() {
            ids.insert(region.to, region.after.clone());
        }
        if let Some(last) = region.from.checked_sub(1) {
            ids.insert(last, region.before.clone());
        }
        let is_anchor = |at: &u64| *at < region.from || !borders_next;
        let anchors = ids
            .iter()
            .filter(|(at, _)| is_anchor(at))
            .filter_map(|(at, id)| Some((*at, id.clone()?)))
            .collect();
        let mut fill = Self {
            parts: VecDeque::new(),
            lost: Vec::new(),
            ids,
            requests: 0,
            failures: 0,
            timeouts: 0,
            has_brought: false,
            anchors,
        };
        let part = |from, to, kind| Part {
            from,
            to,
            cause: region.cause.clone(),
            kind,
        };
        // In the order of positions; a gap is asked for by itself, so that the rows beside it come at once.
        let mut from = region.from;
        let mut known = known.to_vec();
        known.sort_unstable_by_key(|gap| gap.from);
        for gap in known {
            let start = gap.from.max(from);
            let end = gap.to.unwrap_or(u64::MAX).min(region.to);
            if start >= end {
                continue;
            }
            if from < start {
                fill.parts.push_back(part(from, start, Kind::Unknown));
            }
            if gap.failed_now {
                fill.lose(start, end, region.cause.clone());
            } else if end.saturating_sub(start) > FEW_ROWS {
                fill.parts
                    .push_back(part(start, end, Kind::Known { turn: gap.turn }));
            } else {
                fill.parts.push_back(part(start, end, Kind::Unknown));
            }
            from = end;
        }
        if from < region.to {
            fill.parts.push_back(part(from, region.to, Kind::Unknown));
        }
        fill
    }

    /// Parts beside a row that came go first, so that where good rows end is found by bisection.
    fn next_part(&mut self) -> Option<Part> {
        let is_beside = |part: &Part| {
            let before = part.from.checked_sub(1);
            before.is_none_or(|before| self.ids.contains_key(&before))
                || self.ids.contains_key(&part.to)
        };
        let next = self.parts.iter().position(is_beside).unwrap_or(0);
        self.parts.remove(next)
    }

    const fn is_exhausted(&self) -> bool {
        let most = if self.has_brought {
            MOST_REQUESTS
        } else {
            MOST_IN_VAIN
        };
        self.requests >= most || self.timeouts >= MOST_TIMEOUTS
    }

    fn lose(&mut self, from: u64, to: u64, cause: String) {
        self.lost.push(Lost { from, to, cause });
    }

    /// Asks for the first row of a known gap, its last, and one between that is another in each run.
    fn probe(&mut self, part: Part, turn: u64) {
        let (from, to) = (part.from, part.to);
        let last = to.saturating_sub(1);
        let between = last.saturating_sub(from).saturating_sub(1).max(1);
        // Multiples of the golden ratio lie evenly, so that in time every row has its turn.
        let fraction = turn.saturating_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let nth = u64::try_from((u128::from(fraction) * u128::from(between)) >> 64).unwrap_or(0);
        let middle = from.saturating_add(1).saturating_add(nth);
        for at in [from, last, middle] {
            self.parts.push_back(Part {
                from: at,
                to: at.saturating_add(1),
                cause: String::new(),
                kind: Kind::Probe { from, to },
            });
        }
        // Until one of them comes.
        self.lose(from, to, part.cause);
    }

    /// A row of a known gap is there again: so may be those of the page that begins or ends with it.
    fn search_beside(&mut self, probe: u64, (from, to): (u64, u64), page_size: u64) {
        let last = to.saturating_sub(1);
        let (start, end) = if probe == last {
            (to.saturating_sub(page_size).max(from), to)
        } else {
            (probe, probe.saturating_add(page_size).min(to))
        };
        for lost in std::mem::take(&mut self.lost) {
            if lost.to <= start || lost.from >= end {
                self.lost.push(lost);
                continue;
            }
            self.parts.push_back(Part {
                from: start.max(lost.from),
                to: end.min(lost.to),
                cause: lost.cause.clone(),
                kind: Kind::Unknown,
            });
            if lost.from < start {
                self.lose(lost.from, start, lost.cause.clone());
            }
            if lost.to > end {
                self.lose(end, lost.to, lost.cause);
            }
        }
    }

    /// What is left of a part after so many of its rows came.
    fn brought(&mut self, part: &Part, page: &Page) {
        self.has_brought = true;
        let rows = page.rows.len() as u64;
        let end = part.from.saturating_add(rows);
        if let (Some(first), Some(last)) = (page.rows.first(), page.rows.last()) {
            if self.anchors.is_empty() {
                self.anchors
                    .extend(short_id(first).map(|id| (part.from, id)));
            }
            self.ids.insert(part.from, short_id(first));
            self.ids.insert(end.saturating_sub(1), short_id(last));
        }
        if rows > 0 && end < part.to {
            self.parts.push_front(Part {
                from: end,
                to: part.to,
                cause: part.cause.clone(),
                kind: part.kind,
            });
        }
    }

    fn failed(&mut self, part: &Part, error: &Error) {
        self.failures = self.failures.saturating_add(1);
        self.timeouts = self
            .timeouts
            .saturating_add(u32::from(matches!(error, Error::Timeout(_))));
        if matches!(part.kind, Kind::Probe { .. }) {
            return;
        }
        let cause = cause_of(error);
        let half = part.to.saturating_sub(part.from).div_euclid(2);
        if half == 0 {
            return self.lose(part.from, part.to, cause);
        }
        let middle = part.from.saturating_add(half);
        for (from, to) in [(part.from, middle), (middle, part.to)] {
            self.parts.push_back(Part {
                from,
                to,
                cause: cause.clone(),
                kind: Kind::Unknown,
            });
        }
    }

    /// What cannot be had, in its order; what lies side by side as one.
    fn into_lost(mut self) -> Vec<Region> {
        self.lost.sort_unstable_by_key(|lost| lost.from);
        let mut regions: Vec<Region> = Vec::new();
        for lost in self.lost {
            match regions.last_mut() {
                Some(last) if last.to >= lost.from => last.to = last.to.max(lost.to),
                _ => regions.push(Region {
                    from: lost.from,
                    to: lost.to,
                    before: None,
                    after: None,
                    cause: lost.cause,
                    is_refused: false,
                }),
            }
        }
        let id_at = |at: u64| self.ids.get(&at).cloned().flatten();
        for region in &mut regions {
            region.before = region.from.checked_sub(1).and_then(id_at);
            region.after = id_at(region.to);
        }
        regions
    }
}

impl Lister<'_> {
    /// One request for a part of what was put off.
    pub(super) fn fill_gap(&mut self, pass: &Pass, call: &Call<'_>) -> Result<Option<Step>> {
        let mut fill = self.fill.take().unwrap_or_else(|| {
            let gaps = self.known_gaps.iter();
            let known: Vec<&Gap> = gaps
                .filter(|gap| gap.pass == *pass && gap.to.is_some())
                .collect();
            let put_off = &self.cursor.at.put_off;
            let next = put_off.get(1);
            let borders_next = next.is_some_and(|next| next.from == put_off[0].to);
            Fill::new(&put_off[0], &known, borders_next)
        });
        let Some(part) = fill.next_part() else {
            if let Some((at, id)) = fill.anchors.pop() {
                self.fill = Some(fill);
                return self.check_anchor(pass, at, &id, call);
            }
            self.cursor.at.put_off.remove(0);
            for lost in fill.into_lost() {
                self.keep_gap(pass, lost);
            }
            return Ok(None);
        };
        let page_size = self.page_size.into();
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
        fill.requests = fill.requests.saturating_add(1);
        self.parts_asked = self.parts_asked.saturating_add(1);
        let length = part.to.saturating_sub(part.from).min(page_size);
        let outcome = self.search(pass, part.from, length, true, call);
        call.check()?;
        if let (Kind::Probe { from, to }, Ok(_) | Err(Error::Refused { status: 416, .. })) =
            (part.kind, &outcome)
        {
            fill.search_beside(part.from, (from, to), page_size);
        }
        let step = match outcome {
            Ok(page) => {
                let facts = self.meet(pass, part.from, &page)?;
                let at = &mut self.cursor.at;
                at.counts.rows = at.counts.rows.saturating_add(facts.distinct);
                fill.brought(&part, &page);
                Some(self.step(page.rows, &facts.ids))
            }
            Err(error) if ends_the_run(&error) => return Err(error),
            // Nothing is there any more.
            Err(Error::Refused { status: 416, .. }) => None,
            Err(error) => {
                fill.failed(&part, &error);
                if !fill.has_brought && fill.failures == FAILURES_BEFORE_LOOK {
                    self.look_elsewhere(pass, error, call)?;
                }
                None
            }
        };
        self.fill = Some(fill);
        Ok(step)
    }

    /// Rows that move while a page is asked for in parts would slip past them.
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
                if found.as_deref() != Some(id) {
                    self.cursor.at.note_moved();
                }
                Ok(Some(self.out_of_turn(pass, at, page)))
            }
            Err(error) if ends_the_run(&error) => Err(error),
            // Nothing is known of it. Where no total counts the rows, that leaves a doubt.
            Err(_) => {
                if self.cursor.at.is_ordered {
                    self.cursor.at.note_moved();
                }
                Ok(None)
            }
        }
    }

    /// An outage is not asked row by row.
    fn look_elsewhere(&mut self, pass: &Pass, error: Error, call: &Call<'_>) -> Result<()> {
        let region = &self.cursor.at.put_off[0];
        let (from, to) = (region.from, region.to);
        let other = self.cursor.other_passes().into_iter().next();
        let here = if from > 0 {
            Some(0)
        } else {
            // What comes after the first page has been read by now.
            other.is_none().then_some(to)
        };
        let here = here.map(|offset| (pass.clone(), offset));
        // Where the first row cannot be had either, it may be all of this pass, and not the registry.
        let places = here.into_iter().chain(other.map(|other| (other, 0)));
        for (elsewhere, offset) in places {
            let answer = self.search(&elsewhere, offset, 1, true, call);
            call.check()?;
            match answer {
                Ok(page) => {
                    self.spare = Some((elsewhere, offset, page));
                    return Ok(());
                }
                Err(other) if ends_the_run(&other) => return Err(other),
                // It is there, and refuses.
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

    /// One request for what an earlier listing could not read; the passes come to it in any case.
    pub(super) fn ask_known_gap(&mut self, gap: &Gap, call: &Call<'_>) -> Result<Option<Step>> {
        let length = gap
            .to
            .map_or(self.page_size.into(), |to| to.saturating_sub(gap.from));
        let limit = length.clamp(1, self.page_size.into());
        match self.search(&gap.pass, gap.from, limit, true, call) {
            Ok(page) => {
                // What came of it is known no longer.
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

    /// The id behind pages that were put off, once a page came.
    pub(super) fn note_neighbour(&mut self, page: &Page) {
        let first = page.rows.first().and_then(short_id);
        for region in self.cursor.at.put_off.iter_mut().rev() {
            if region.after.is_some() {
                break;
            }
            region.after.clone_from(&first);
        }
    }
}
