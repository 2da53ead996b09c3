//! One query, read to its end: what comes after a page, whatever the registry means by limit, offset and total.
//!
//! A pass believes rows, not words about rows. Each page begins with the last row before it, the
//! offset advances by the rows that came, and the end is where nothing comes any more. `meta` is a
//! hint that has to be confirmed. [`step`] is pure: from where the pass stands and the facts of a
//! page to what comes next.

mod step;
mod verdict;

use serde::{Deserialize, Serialize};

pub(super) use self::step::step;
pub(super) use self::verdict::Verdict;
use super::gap::Region;

/// Where one pass stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PassCursor {
    /// Positions before it.
    pub(super) offset: u64,
    /// It is read for the second time.
    pub(super) is_second_reading: bool,
    /// Rows stand in the order of their ids: what moved is found behind where it was, and a row that
    /// comes or goes before the offset is a later listing's.
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
    /// Pages that failed, to be asked for again at the end.
    pub(super) put_off: Vec<Region>,
}

/// How many rows came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    /// Different rows, in both readings.
    pub(super) rows: u64,
    /// Different rows in this reading.
    fresh: u64,
    /// Rows in this reading, those apart that are asked for again to see that they have not moved.
    served: u64,
    /// Which rows they were, and where: differs where the same rows come in another order.
    #[serde(default)]
    pub(super) order: u64,
    /// That of the first reading.
    #[serde(default)]
    order_before: u64,
    /// Rows that could not be had.
    pub(super) unread: u64,
    /// Rows came in an earlier run, so that not all that are met again are known.
    pub(super) forgets: bool,
}

/// The last rows before the offset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tail {
    /// The newest last.
    ids: Vec<u64>,
    /// The id of the last row, if it is short.
    pub(super) last_id: Option<String>,
    /// What the last row holds, where it has no id to be known by.
    #[serde(rename = "last_print")]
    pub(super) last_fingerprint: Option<u64>,
    /// Begin the next page with the last row.
    overlaps: bool,
}

/// What the pages of this registry are like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct PageShape {
    /// Pages of this reading.
    read: u32,
    /// The most rows that one page brought.
    most_rows: u64,
    /// Whether another page brought as many: then the registry gives no more.
    is_plateau: bool,
    /// The last page with rows was not a full one.
    short: bool,
    /// The registry gives single rows: a page that began with the last one would bring no other.
    single_rows: bool,
}

/// Whether rows stand still while they are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that have nothing to do with each other"
)]
struct Movement {
    /// Rows moved, and the last one was found: another may have slipped from behind it to before it.
    shifted: bool,
    /// Rows moved while they were read, and the last one was not found again.
    moved: bool,
    /// A page failed: whether rows moved meanwhile cannot be seen across it.
    skipped: bool,
    /// Rows came without it being seen that those before them have not moved.
    unchecked: bool,
    /// Pages gone back to look for the last row, just now and in all.
    back: u32,
    backs: u32,
    /// Where looking back began the last time.
    back_from: u64,
    /// The furthest that has been read.
    ahead: u64,
}

/// Whether positions count rows that are hidden.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Hidden {
    /// They do.
    hides: bool,
    /// A page came without any row; if others come after it, they do.
    blank: bool,
    /// Where the last page would have ended, were all its positions rows.
    reach: u64,
    /// A question whether short pages hide rows; asked once.
    probe: Option<Probe>,
    probed: bool,
}

/// Pages that bring nothing new.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Quiet {
    /// In a row, without any row or with no other than the last.
    empty: u32,
    /// In a row, with nothing but rows already read.
    stale: u32,
    /// The page before, and how often it came.
    last_page: u64,
    repeated: u32,
    /// Where it came first.
    same_since: u64,
    /// What the last page held, where some row of it has no id; and how often that came in a row.
    nameless: Option<u64>,
    same_pages: u32,
    /// Pages whose rows with an id had all come, since one was new.
    #[serde(default)]
    stale_named: u32,
}

/// How the pass ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ending {
    /// Everything was asked for once.
    pub(super) has_ended: bool,
    /// Its end could not be reached.
    pub(super) is_cut: bool,
    /// A row that is there was not served at its place: the registry serves nothing from some offset on.
    pub(super) is_limited: bool,
}

/// Positions that a short page covered, if it hid rows: then they hold what has been read and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Probe {
    start: u64,
    limit: u64,
    /// The rows that come again in that case.
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
    /// Something else now than before.
    Varied(u64),
    /// Less than came.
    Untrue,
}

/// A page that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) start: u64,
    pub(super) limit: u64,
    /// It is to begin with the last row before it.
    pub(super) overlaps: bool,
    pub(super) is_probe: bool,
}

/// What a page shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// What tells each row from others.
    pub(super) ids: Vec<u64>,
    /// Rows that had not come before in this reading of the pass.
    pub(super) fresh: u64,
    /// Where the last row stands that had come before in this reading.
    pub(super) last_stale: Option<usize>,
    /// Rows that had not come before in either reading.
    pub(super) distinct: u64,
    /// `meta.total`.
    pub(super) total: Option<u64>,
    /// `meta.limit`.
    pub(super) limit: Option<u64>,
    /// The last row's id, if it is short.
    pub(super) last_id: Option<String>,
    /// What the last row holds, where it has no id.
    pub(super) last_fingerprint: Option<u64>,
    /// What the page holds, where some row of it has no id.
    pub(super) nameless: Option<u64>,
    /// Rows that have an id, and how many of them had not come before in this reading.
    pub(super) named: u64,
    pub(super) fresh_named: u64,
}

/// What comes after a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Another page.
    Page,
    /// Nothing: the pass is at its end.
    End,
    /// Nothing: the registry serves the same page whatever the offset.
    Stuck,
}

impl PassCursor {
    /// At the start of a pass.
    pub(super) fn new(is_ordered: bool) -> Self {
        Self {
            is_ordered,
            ..Self::default()
        }
    }

    /// The next page to ask for, `limit` rows long.
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

    /// Positions that a page is known to cover: as many as the most rows that one brought. What the
    /// registry says of its limit is not believed once rows have come: it may be what was asked for.
    pub(super) fn page_rows(&self, asked: Asked, said: Option<u64>) -> u64 {
        let limit = said.map_or(asked.limit, |said| said.min(asked.limit));
        let known = if self.pages.most_rows > 0 {
            self.pages.most_rows
        } else {
            limit
        };
        known.clamp(1, asked.limit.max(1))
    }

    /// Gives up the question whether rows are hidden.
    pub(super) fn forget_probe(&mut self) {
        self.hidden.probe = None;
    }

    /// Whether nothing new came last, so that a refusal is no surprise.
    pub(super) const fn is_behind_the_end(&self) -> bool {
        self.quiet.empty > 0 || self.pages.short
    }

    /// Whether as many rows came as the total says. What the first page says may be the count of its
    /// own rows, even where totals were true until today.
    pub(super) fn has_all_of_total(&self) -> bool {
        self.pages.read > 1
            && self.counts.rows > 0
            && matches!(self.total, TotalSeen::Same(total) if self.counts.rows >= total)
    }

    /// Whether it ended before its rows did, as far as can be told.
    pub(super) fn is_limited(&self) -> bool {
        self.ending.is_limited && !self.has_all_of_total()
    }

    pub(super) fn total_is_untrue(&self) -> bool {
        self.total == TotalSeen::Untrue
    }

    /// A total to show to people.
    pub(super) const fn plausible_total(&self) -> Option<u64> {
        match self.total {
            TotalSeen::Same(total) | TotalSeen::Varied(total) if total >= self.counts.rows => {
                Some(total)
            }
            _ => None,
        }
    }

    /// The last rows before it, for a reader that has not read them itself.
    pub(super) fn tail(&self) -> &[u64] {
        &self.tail.ids
    }

    /// Goes on behind a page that failed. Returns the positions that it covers.
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
        self.movement.back = 0;
        self.hidden.probe = None;
        (from, to)
    }

    /// Back to the last pages that failed, which are asked for in another way.
    pub(super) fn go_back_to_last(&mut self, pages: usize) {
        let first = self.put_off.len().saturating_sub(pages);
        if let Some(region) = self.put_off.drain(first..).next() {
            self.offset = region.from;
            self.tail.last_id = region.before;
        }
        self.movement.skipped = !self.put_off.is_empty();
    }

    /// Goes on further behind pages that failed.
    pub(super) fn skip_to(&mut self, offset: u64) {
        if let Some(last) = self.put_off.last_mut() {
            last.to = offset;
        }
        self.offset = offset;
        self.movement.ahead = self.movement.ahead.max(offset);
    }

    /// Rows are not where they were.
    pub(super) fn note_moved(&mut self) {
        self.movement.moved = true;
    }

    /// Ends the second reading, which could not be begun.
    pub(super) fn end_in_doubt(&mut self) {
        self.ending.has_ended = true;
        self.movement.moved = true;
    }

    /// Back to the start, for the second reading. A first one that forgot some of its rows may have
    /// counted them twice: then the second stands alone.
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
