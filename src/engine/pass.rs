//! One query, read to its end: what follows each page, for every meaning that a registry gives to
//! limit, offset and total.
//!
//! A pass trusts rows, not metadata about rows. Each page begins with the last row of the page
//! before, the offset advances by the rows received, and the end is where no more rows arrive.
//! `meta` is a hint that must be confirmed. [`step`] does no I/O: it updates the cursor from the
//! facts of a page and returns what comes next.

mod step;
mod verdict;

use serde::{Deserialize, Serialize};

pub(super) use self::step::step;
pub(super) use self::verdict::Verdict;
use super::gap::Region;

/// How far one pass has been read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PassCursor {
    /// The next position to read.
    pub(super) offset: u64,
    /// The pass is being read a second time.
    pub(super) is_second_reading: bool,
    /// Rows are sorted by id: rows that shift keep their order and are found again near where they
    /// were, and rows inserted or deleted before the offset are left to a later listing.
    #[serde(default)]
    pub(super) is_ordered: bool,
    pub(super) counts: Counts,
    pub(super) tail: Tail,
    pages: PageShape,
    total: TotalSeen,
    movement: Movement,
    hidden: Hidden,
    quiet: Quiet,
    pub(super) ending: Ending,
    /// Pages that failed, to be requested again at the end.
    pub(super) put_off: Vec<Region>,
}

/// How many rows were read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    /// Distinct rows in both readings.
    pub(super) rows: u64,
    /// Distinct rows in this reading.
    fresh: u64,
    /// Rows served in this reading, not counting those requested again as overlap.
    served: u64,
    /// Hash of these rows and their positions: differs if the same rows come in another order.
    #[serde(default)]
    pub(super) order: u64,
    /// `order` of the first reading.
    #[serde(default)]
    order_before: u64,
    /// Rows that could not be read.
    pub(super) unread: u64,
    /// An earlier run read part of the pass, so a row that comes again may look new.
    pub(super) forgets: bool,
}

/// The last rows before the offset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tail {
    /// Most recent last.
    ids: Vec<u64>,
    /// The id of the last row, if it is short enough to keep.
    pub(super) last_id: Option<String>,
    /// Fingerprint of the last row's content, if the row has no id.
    #[serde(rename = "last_print")]
    pub(super) last_fingerprint: Option<u64>,
    /// Hash of the last row's stamp.
    #[serde(default)]
    last_stamp: Option<u64>,
    /// The next page is to begin with the last row.
    overlaps: bool,
}

/// What is known about the page size of this registry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct PageShape {
    /// Pages read in this reading.
    read: u32,
    /// The most rows on one page.
    most_rows: u64,
    /// Another page had just as many, which is then taken for the registry's maximum.
    is_plateau: bool,
    /// The last page with rows was not full.
    short: bool,
    /// The registry serves single rows: a page that began with the last one would hold no other.
    single_rows: bool,
}

/// Whether rows move while they are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that have nothing to do with each other"
)]
struct Movement {
    /// Rows moved, but the last one was found again. Another row may have slipped from after it to
    /// before it.
    shifted: bool,
    /// Rows moved, and some may have been missed: the last one was not found again, for instance.
    moved: bool,
    /// A page failed or could not overlap, so movement across it cannot be detected.
    skipped: bool,
    /// Rows were read without checking that those before them had not moved.
    unchecked: bool,
    /// Pages stepped back to look for the last row: in the current search (`back`) and in all
    /// (`backs`).
    back: u32,
    backs: u32,
    /// Where the last search began.
    back_from: u64,
    /// The furthest position read.
    ahead: u64,
}

/// Whether positions include hidden rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Hidden {
    /// They do: the registry filters after its LIMIT.
    hides: bool,
    /// A page was empty. If rows follow it, positions include hidden rows.
    blank: bool,
    /// Where the last page would have ended if every position held a row.
    reach: u64,
    /// A pending request that shows whether short pages hide rows, and whether it was made: once
    /// per reading.
    probe: Option<Probe>,
    probed: bool,
}

/// Pages that brought nothing new.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Quiet {
    /// Consecutive pages that were empty or held only the last row.
    empty: u32,
    /// Consecutive pages with only rows already read.
    stale: u32,
    /// Fingerprint of the page before, and how often it was repeated.
    last_page: u64,
    repeated: u32,
    /// Where it first appeared.
    same_since: u64,
    /// Fingerprint of the last page if some row of it has no id, and how often it was repeated in a
    /// row.
    nameless: Option<u64>,
    same_pages: u32,
    /// Pages since the last new row with an id whose rows with ids had all been read before.
    #[serde(default)]
    stale_named: u32,
}

/// How the pass ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ending {
    /// Everything was requested once.
    pub(super) has_ended: bool,
    /// The end could not be reached.
    pub(super) is_cut: bool,
    /// A row that exists was not served at its position: the registry serves nothing from some
    /// offset on.
    pub(super) is_limited: bool,
}

/// Positions that a short page covered if it hid rows. In that case they hold only rows already
/// read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Probe {
    start: u64,
    limit: u64,
    /// Fingerprint of the rows that come again in that case.
    expected: u64,
}

/// What `meta.total` said in one reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum TotalSeen {
    /// Nothing yet.
    #[default]
    Unseen,
    /// The same on every page.
    Same(u64),
    /// It changed; the latest value.
    Varied(u64),
    /// Too low: rows were served beyond it.
    Untrue,
}

/// A page to request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) start: u64,
    pub(super) limit: u64,
    /// It should begin with the last row already read.
    pub(super) overlaps: bool,
    pub(super) is_probe: bool,
}

/// What a page contains.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// The identity of each row.
    pub(super) ids: Vec<u64>,
    /// Rows that are new in this reading of the pass.
    pub(super) fresh: u64,
    /// Index of the last row that was already read in this reading.
    pub(super) last_stale: Option<usize>,
    /// Rows that are new in both readings.
    pub(super) distinct: u64,
    /// `meta.total`.
    pub(super) total: Option<u64>,
    /// `meta.limit`.
    pub(super) limit: Option<u64>,
    /// The last row's id, if it is short enough to keep.
    pub(super) last_id: Option<String>,
    /// Fingerprint of the last row's content, if the row has no id.
    pub(super) last_fingerprint: Option<u64>,
    /// Hashes of the stamps of the first row and of the last.
    pub(super) stamps: (Option<u64>, Option<u64>),
    /// Fingerprint of the page, if some row of it has no id.
    pub(super) nameless: Option<u64>,
    /// Rows with an id, and how many of them are new in this reading.
    pub(super) named: u64,
    pub(super) fresh_named: u64,
}

/// What follows a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Another page.
    Page,
    /// Nothing: the pass has ended.
    End,
    /// Nothing: the registry serves the same page at every offset.
    Stuck,
}

impl PassCursor {
    /// A cursor at the start of a pass.
    pub(super) fn new(is_ordered: bool) -> Self {
        Self {
            is_ordered,
            ..Self::default()
        }
    }

    /// The next page to request, `limit` rows long.
    pub(super) fn asked(&self, limit: u32) -> Asked {
        if let Some(probe) = self.hidden.probe {
            return Asked {
                start: probe.start,
                limit: probe.limit.min(limit.into()),
                overlaps: false,
                is_probe: true,
            };
        }
        let overlaps = self.tail.overlaps && limit > 1 && self.offset > 0;
        Asked {
            start: self.offset.saturating_sub(u64::from(overlaps)),
            limit: limit.into(),
            overlaps,
            is_probe: false,
        }
    }

    /// Positions that a page is known to cover: the most rows that one page had. Once rows have
    /// arrived, the limit stated by the registry is ignored, since it may just echo the request.
    pub(super) fn page_rows(&self, asked: Asked, said: Option<u64>) -> u64 {
        let limit = said.map_or(asked.limit, |said| said.min(asked.limit));
        let known = if self.pages.most_rows > 0 {
            self.pages.most_rows
        } else {
            limit
        };
        known.clamp(1, asked.limit.max(1))
    }

    /// Whether something behind this position has been read, or was put off, before: what is
    /// requested there is looked for, and a refusal says nothing about the end.
    pub(super) const fn looks_back_to(&self, start: u64) -> bool {
        start < self.movement.ahead && self.movement.back > 0
    }

    /// Gives up finding out whether rows are hidden.
    pub(super) fn forget_probe(&mut self) {
        self.hidden.probe = None;
    }

    /// Whether the last page was empty or short, so that a refusal is no surprise.
    pub(super) const fn is_behind_the_end(&self) -> bool {
        self.quiet.empty > 0 || self.pages.short
    }

    /// Whether as many rows were read as the total says. The total on the first page may be the
    /// count of its own rows, even if totals were right until today.
    pub(super) fn has_all_of_total(&self) -> bool {
        self.pages.read > 1
            && self.counts.rows > 0
            && matches!(self.total, TotalSeen::Same(total) if self.counts.rows >= total)
    }

    /// Whether the registry stopped serving rows before the last one, as far as is known.
    pub(super) fn is_limited(&self) -> bool {
        self.ending.is_limited && !self.has_all_of_total()
    }

    pub(super) fn total_is_untrue(&self) -> bool {
        self.total == TotalSeen::Untrue
    }

    /// Whether rows moved in the order of ids, where no row is missed for that whose timestamp tells
    /// that it came.
    pub(super) const fn has_shifted_in_order(&self) -> bool {
        self.is_ordered && (self.movement.shifted || self.movement.moved)
    }

    /// A total to show to the user.
    pub(super) const fn plausible_total(&self) -> Option<u64> {
        match self.total {
            TotalSeen::Same(total) | TotalSeen::Varied(total) if total >= self.counts.rows => {
                Some(total)
            }
            _ => None,
        }
    }

    /// Identities of the last rows before the offset, for a run that has not read them itself.
    pub(super) fn tail(&self) -> &[u64] {
        &self.tail.ids
    }

    /// Skips a page that failed. Returns the positions it covers.
    pub(super) fn skip_page(&mut self, asked: Asked, length: u64) -> (u64, u64) {
        let from = self.offset;
        let to = asked
            .start
            .saturating_add(length.max(1))
            .max(from.saturating_add(1));
        self.offset = to;
        self.tail.overlaps = false;
        self.tail.ids.clear();
        self.movement.ahead = self.movement.ahead.max(to);
        self.movement.skipped = true;
        self.quiet.empty = 0;
        self.pages.short = false;
        // Where the last row has gone stays unknown.
        self.movement.moved |= self.movement.back > 0;
        self.movement.back = 0;
        self.hidden.probe = None;
        (from, to)
    }

    /// Goes back to the first of the last `pages` failed pages, to request them in another way.
    pub(super) fn go_back_to_last(&mut self, pages: usize) {
        let first = self.put_off.len().saturating_sub(pages);
        if let Some(region) = self.put_off.drain(first..).next() {
            self.offset = region.from;
            self.tail.last_id = region.before;
        }
        self.movement.skipped = !self.put_off.is_empty();
    }

    /// Skips further: extends the last failed page to `offset`.
    pub(super) fn skip_to(&mut self, offset: u64) {
        if let Some(last) = self.put_off.last_mut() {
            last.to = offset;
        }
        self.offset = offset;
        self.movement.ahead = self.movement.ahead.max(offset);
    }

    /// Whether pages of it can show a row once more and another one: not where each has a single row.
    pub(super) const fn brings_several_rows(&self) -> bool {
        self.pages.most_rows != 1
    }

    /// Reads on after a row that was read in parts, as if a page had ended with it.
    pub(super) fn go_on_behind(&mut self, last: u64, row: u64, id: String) {
        self.offset = last.saturating_add(1);
        self.tail = Tail {
            ids: vec![row],
            last_id: Some(id),
            overlaps: true,
            ..Tail::default()
        };
        self.movement.ahead = self.offset;
        self.movement.back = 0;
        self.quiet.empty = 0;
        self.hidden.blank = false;
        self.ending.has_ended = false;
    }

    /// Whether every page told the same total.
    pub(super) const fn has_total(&self) -> bool {
        matches!(self.total, TotalSeen::Same(_))
    }

    /// Notes `meta.total` of a page with so many rows at an offset. Some servers state the rows of the
    /// page rather than of the listing, or stop counting at some number.
    pub(super) fn note_total(&mut self, offset: u64, served: usize, total: Option<u64>) {
        // The sync endpoint has no total: a number in its place means something else.
        let Some(said) = total.filter(|_| !self.is_ordered) else {
            return;
        };
        let served = served as u64;
        let counts_less = served > 0 && said < offset.saturating_add(served);
        self.total = match self.total {
            TotalSeen::Untrue => TotalSeen::Untrue,
            _ if counts_less => TotalSeen::Untrue,
            TotalSeen::Unseen => TotalSeen::Same(said),
            TotalSeen::Same(known) if known == said => TotalSeen::Same(said),
            TotalSeen::Same(_) | TotalSeen::Varied(_) => TotalSeen::Varied(said),
        };
    }

    /// Notes that rows are not where they were.
    pub(super) fn note_moved(&mut self) {
        self.movement.moved = true;
    }

    /// Ends a second reading whose first page was refused. The pass stays in doubt.
    pub(super) fn end_in_doubt(&mut self) {
        self.ending.has_ended = true;
        self.movement.moved = true;
    }

    /// Goes back to the start for the second reading. If the first one was resumed, it may have
    /// counted rows twice: then only the second counts.
    pub(super) fn read_again(&mut self) {
        *self = Self {
            is_second_reading: true,
            is_ordered: self.is_ordered,
            counts: Counts {
                rows: if self.counts.forgets {
                    0
                } else {
                    self.counts.rows
                },
                order_before: self.counts.order,
                ..Counts::default()
            },
            pages: PageShape {
                single_rows: self.pages.single_rows,
                ..PageShape::default()
            },
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests;
