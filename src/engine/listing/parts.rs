//! Splits a failed page into parts, and decides which to request next.

use std::collections::{BTreeMap, VecDeque};

use super::rows::short_id;
use crate::Error;
use crate::engine::gap::{Gap, Region, cause_of, is_refused};
use crate::registry::Row;

/// The most requests for one failed page. One bad row in a hundred costs fourteen.
const MOST_REQUESTS: u32 = 64;

/// The most requests while none of its rows arrive.
const MOST_IN_VAIN: u32 = 16;

/// The most timeouts: each takes as long as the client's timeout.
const MOST_TIMEOUTS: u32 = 10;

/// The reason of a gap where a registry forgot rows.
pub(super) fn empty_before_rows() -> Error {
    Error::Protocol("it served no rows where some were expected".into())
}

/// A known gap of at most this many rows is requested like any other part.
const FEW_ROWS: u64 = 3;

/// A failed page while it is requested in parts.
pub(super) struct Fill {
    /// Larger ones before smaller ones, so that good rows arrive in few requests.
    parts: VecDeque<Part>,
    /// What could not be read.
    lost: Vec<Lost>,
    /// Ids by position: of the rows next to the page, and of the first and last row of each part
    /// that arrived.
    ids: BTreeMap<u64, Option<String>>,
    pub(super) requests: u32,
    pub(super) failures: u32,
    timeouts: u32,
    pub(super) has_brought: bool,
    /// Parts that were answered without a row.
    empty: Vec<Part>,
    /// Where parts begin that failed together with the row before them, and whether they were too
    /// large together. If not, and the part is readable, another row has come to where that one was.
    alone: BTreeMap<u64, bool>,
    /// Rows with known positions, requested again at the end to see whether rows have moved
    /// meanwhile.
    anchors: Vec<(u64, String)>,
    /// Whether no row after the page is known.
    is_last: bool,
    /// The anchors at the end of what is known were added.
    has_all_anchors: bool,
}

struct Lost {
    from: u64,
    /// End, exclusive.
    to: u64,
    cause: String,
    is_refused: bool,
}

pub(super) struct Part {
    pub(super) from: u64,
    /// End, exclusive.
    pub(super) to: u64,
    pub(super) cause: String,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Not tried row by row yet.
    Unknown,
    /// An earlier listing could not read it. `turn`: how many have tried since.
    Known { turn: u64 },
    /// One row of a known gap with these bounds.
    Probe { from: u64, to: u64 },
}

impl Fill {
    /// `borders_next`: the page after it failed as well.
    pub(super) fn new(region: &Region, known: &[&Gap], borders_next: bool) -> Self {
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
            empty: Vec::new(),
            alone: BTreeMap::new(),
            anchors,
            is_last: region.after.is_none(),
            has_all_anchors: false,
        };
        fill.cut_into_parts(region, known);
        fill
    }

    /// Splits a page in order of position. A known gap is a part of its own, so that the rows next
    /// to it arrive at once.
    fn cut_into_parts(&mut self, region: &Region, known: &[&Gap]) {
        let part = |from, to, kind| Part {
            from,
            to,
            cause: region.cause.clone(),
            kind,
        };
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
                self.parts.push_back(part(from, start, Kind::Unknown));
            }
            if gap.failed_now {
                self.lose(start, end, region.cause.clone());
            } else if end.saturating_sub(start) > FEW_ROWS {
                self.parts
                    .push_back(part(start, end, Kind::Known { turn: gap.turn }));
            } else {
                self.parts.push_back(part(start, end, Kind::Unknown));
            }
            from = end;
        }
        if from < region.to {
            self.parts.push_back(part(from, region.to, Kind::Unknown));
        }
    }

    /// The next row whose position is to be checked.
    pub(super) fn next_anchor(&mut self, is_ordered: bool) -> Option<(u64, String)> {
        if !std::mem::replace(&mut self.has_all_anchors, true) {
            let before_lost = self.lost.iter().map(|lost| lost.from.saturating_sub(1));
            // The last one that is known: rows that move before it move it as well.
            let known = before_lost.filter(|at| matches!(self.ids.get(at), Some(Some(_))));
            let mut places: Vec<u64> = known.max().into_iter().collect();
            // A listing in id order goes on behind its last row, which shows the same.
            if let Some(last) = self
                .ids
                .keys()
                .next_back()
                .filter(|_| self.is_last && !is_ordered)
            {
                places.push(*last);
            }
            for at in places {
                let id = self.ids.get(&at).cloned().flatten();
                let anchor = id.map(|id| (at, id));
                let new = anchor.filter(|anchor| !self.anchors.contains(anchor));
                self.anchors.extend(new);
            }
        }
        self.anchors.pop()
    }

    /// Parts next to a row that was read go first, so that the end of the good rows is found by
    /// bisection.
    pub(super) fn next_part(&mut self) -> Option<Part> {
        let is_beside = |part: &Part| {
            let before = part.from.checked_sub(1);
            before.is_none_or(|before| self.ids.contains_key(&before))
                || self.ids.contains_key(&part.to)
        };
        let next = self.parts.iter().position(is_beside).unwrap_or(0);
        self.parts.remove(next)
    }

    pub(super) const fn is_exhausted(&self) -> bool {
        let most = if self.has_brought {
            MOST_REQUESTS
        } else {
            MOST_IN_VAIN
        };
        self.requests >= most || self.timeouts >= MOST_TIMEOUTS
    }

    pub(super) fn lose(&mut self, from: u64, to: u64, cause: String) {
        self.lost.push(Lost {
            from,
            to,
            cause,
            is_refused: false,
        });
    }

    /// Forgets the lost rows at the end, up to `to`, that were each refused individually, as rows
    /// past the end of a listing are. Returns whether there were any. As a gap past the end, they
    /// would hide rows added there later, since each run tries only single rows of a known gap.
    pub(super) fn end_at_refusal(&mut self, to: u64) -> bool {
        if self.ids.contains_key(&to) {
            // Rows were read after them.
            return false;
        }
        self.lost.sort_unstable_by_key(|lost| lost.from);
        let mut end = to;
        let before = self.lost.iter().rev().find(|lost| {
            let is_last = lost.is_refused && lost.to == end;
            end = if is_last { lost.from } else { end };
            !is_last
        });
        if end == to || (before.is_none() && !self.has_brought) {
            // No row of the page was read, which proves nothing about the end.
            return false;
        }
        self.lost.retain(|lost| lost.to <= end);
        true
    }

    /// Queues the first row of a known gap, its last, and one in between that differs in each run.
    pub(super) fn probe(&mut self, part: Part, turn: u64) {
        let (from, to) = (part.from, part.to);
        let last = to.saturating_sub(1);
        let between = last.saturating_sub(from).saturating_sub(1).max(1);
        // Multiples of the golden ratio are evenly distributed, so that in time every row has its
        // turn.
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
        // Lost unless one of them is read.
        self.lose(from, to, part.cause);
    }

    /// A row of a known gap is answered again, so the page that begins or ends with it may be, too:
    /// queues that page.
    pub(super) fn search_beside(&mut self, probe: u64, (from, to): (u64, u64), page_size: u64) {
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

    /// Notes the rows that a part brought, and queues what is left of it.
    pub(super) fn brought(&mut self, part: &Part, came: &[Row]) {
        self.has_brought = true;
        let rows = came.len() as u64;
        let end = part.from.saturating_add(rows);
        if let (Some(first), Some(last)) = (came.first(), came.last()) {
            if self.anchors.is_empty() {
                self.anchors
                    .extend(short_id(first).map(|id| (part.from, id)));
            }
            self.ids.insert(part.from, short_id(first));
            self.ids.insert(end.saturating_sub(1), short_id(last));
        }
        let rest = Part {
            from: end,
            to: part.to,
            cause: part.cause.clone(),
            kind: part.kind,
        };
        if rows == 0 && part.kind == Kind::Unknown {
            self.empty.push(rest);
        } else if rows > 0 && end < part.to {
            self.parts.push_front(rest);
        }
    }

    /// Whether parts are requested in halves that were empty although rows came from behind them: in
    /// the order of ids that is a mistake of the registry.
    pub(super) fn split_empty_before_rows(&mut self) -> bool {
        let last = self.ids.last_key_value().map_or(0, |(at, _)| *at);
        let empty = std::mem::take(&mut self.empty);
        for part in empty.iter().filter(|part| part.to <= last) {
            self.failed(part, &empty_before_rows());
        }
        !self.parts.is_empty()
    }

    /// Requests a part once more, without the row before it.
    pub(super) fn ask_alone(&mut self, part: &Part, error: &Error) {
        self.note_failure(error);
        let was_too_large = matches!(error, Error::TooLarge(_));
        self.alone.insert(part.from, was_too_large);
        self.parts.push_front(Part {
            cause: part.cause.clone(),
            ..*part
        });
    }

    /// Whether a part that is readable failed together with the row before it.
    pub(super) fn shows_movement(&self, part: &Part) -> bool {
        self.alone.get(&part.from) == Some(&false)
    }

    /// The row right before a part, if it is known and no page with both has failed.
    pub(super) fn row_before(&self, part: &Part) -> Option<&str> {
        if self.alone.contains_key(&part.from) {
            return None;
        }
        self.ids.get(&part.from.checked_sub(1)?)?.as_deref()
    }

    /// The last row of the page, if it came and no row after it is known or lost.
    pub(super) fn last_row(&self, region: &Region) -> Option<(u64, String)> {
        let (at, id) = self.ids.last_key_value()?;
        let is_last = region.after.is_none() && self.lost.iter().all(|lost| lost.to <= *at);
        let id = id.clone().filter(|_| is_last && *at >= region.from)?;
        Some((*at, id))
    }

    pub(super) const fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    pub(super) fn failed(&mut self, part: &Part, error: &Error) {
        self.note_failure(error);
        if matches!(part.kind, Kind::Probe { .. }) {
            return;
        }
        let cause = cause_of(error);
        let half = part.to.saturating_sub(part.from).div_euclid(2);
        if half == 0 {
            self.lost.push(Lost {
                from: part.from,
                to: part.to,
                cause,
                is_refused: is_refused(error),
            });
            return;
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

    fn note_failure(&mut self, error: &Error) {
        let is_timeout = matches!(error, Error::Timeout(_));
        self.failures = self.failures.saturating_add(1);
        self.timeouts = self.timeouts.saturating_add(u32::from(is_timeout));
    }

    /// What could not be read, in order of position, with adjacent rows merged.
    pub(super) fn into_lost(mut self) -> Vec<Region> {
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
