//! What can be demanded of an engine: a registry can lie in ways that no client can notice.

use std::collections::BTreeMap;

use crate::catalogue::{Catalogue, Entry, Way, is_later};
use crate::skill::Row;
use crate::style::{Behind, Order, Plain, TotalSays};

/// How a listing was read.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'r> {
    pub page_size: u32,
    /// The number of the first change after it began.
    pub since: u64,
    /// A plain listing was refused once, so the engine may list by tiers.
    pub by_tiers: bool,
    /// The last kind of request.
    pub way: Way,
    pub ever: &'r BTreeMap<u32, Vec<Row>>,
}

impl Catalogue {
    /// The largest number of rows in a page.
    pub fn page(&self, page_size: u32) -> u32 {
        self.style
            .clamp
            .map_or(page_size, |most| most.min(page_size))
    }

    fn says_true_total(&self, way: Way) -> bool {
        self.style.total == TotalSays::Rows && way == Way::Search
    }

    fn has_hidden(&self, way: Way) -> bool {
        way == Way::Search && self.rows.iter().any(|entry| entry.row.hidden)
    }

    fn is_random(&self, way: Way) -> bool {
        self.style.order == Order::Random && way == Way::Search
    }

    /// The longest sequence of hidden rows, in any order in use.
    fn hides_pages(&self, page_size: u32, way: Way) -> bool {
        if way != Way::Search {
            return false;
        }
        let hidden = self.rows.iter().filter(|entry| entry.row.hidden).count();
        hidden as u64 >= u64::from(self.page(page_size))
    }

    /// Rows that did not change during a listing, and that it must have seen if it claims to be
    /// complete; `None` if a registry like this can deceive any client.
    pub fn must_be_met(&self, reading: Reading<'_>) -> Option<Vec<&Entry>> {
        let style = &self.style;
        let page = self.page(reading.page_size);
        let moved = self.reshaped > reading.since;
        if self.restyled > reading.since || style.offset_ignored && page < 3 || moved && page < 2 {
            return None;
        }
        let way = reading.way;
        if self.is_random(way) && (!self.says_true_total(way) || moved || self.has_hidden(way)) {
            return None;
        }
        if self.has_hidden(way) && (moved || self.hides_pages(reading.page_size, way)) {
            return None;
        }
        if style.depth.is_some() && !self.depth_shows(reading) {
            return None;
        }
        // Both rows of a skill that is listed twice, or the other one may be newer.
        let changes = |n: u32| {
            let mut same = self.rows.iter().filter(move |entry| entry.row.n == n);
            same.any(|entry| entry.changed > reading.since)
        };
        let is_twin = |n: u32| {
            let mut same = self.rows.iter().filter(|entry| entry.row.n == n);
            same.any(|entry| entry.row.twin)
        };
        let shows = |entry: &Entry| match way {
            Way::Search => !entry.row.hidden,
            // It is unknown which of the two another listing has fetched.
            Way::Sync(_) => !is_twin(entry.row.n),
        };
        let stood = |entry: &&Entry| shows(entry) && !changes(entry.row.n);
        Some(
            self.rows
                .iter()
                .filter(stood)
                .filter(|entry| self.can_be_known(&entry.row, reading))
                .filter(|entry| is_asked_for(entry, way))
                .collect(),
        )
    }

    /// Whether a false end can be distinguished from the true one.
    fn depth_shows(&self, reading: Reading<'_>) -> bool {
        let style = &self.style;
        let way = reading.way;
        let is_listed = style.plain == Plain::Served && !reading.by_tiers;
        if !(is_listed || way != Way::Search) || self.has_hidden(way) {
            return false;
        }
        let clamped = style.clamp.is_some_and(|most| most < reading.page_size);
        let refuses = matches!(style.depth_answer, Behind::Refused(400 | 404)) && !clamped;
        self.says_true_total(way)
            || refuses
                && (way != Way::Search
                    || matches!(style.total, TotalSays::Nothing | TotalSays::Page))
    }

    /// Whether an engine can know about the row even though no listing shows it.
    fn can_be_known(&self, row: &Row, reading: Reading<'_>) -> bool {
        if reading.way != Way::Search {
            return true;
        }
        let listed = match self.style.plain {
            Plain::Served => !reading.by_tiers || is_listed_by_tier(row),
            Plain::Refused => is_listed_by_tier(row),
            Plain::WordsOnly => true,
        };
        let refused = (self.style.plain != Plain::Served || reading.by_tiers)
            && self.style.refused_tiers.contains(&row.tier);
        // Its current state: earlier versions do not tell where it is now.
        let came = reading
            .ever
            .get(&row.n)
            .is_some_and(|rows| rows.contains(row));
        !refused && (listed || came)
    }

    /// Rows that runs without faults must fetch in the end; `None` if nothing can be demanded.
    pub fn reachable(&self, page_size: u32, way: Way) -> Option<Vec<&Entry>> {
        let style = &self.style;
        if self.is_random(way) || style.offset_ignored || self.hides_pages(page_size, way) {
            return None;
        }
        let by_endpoint = way != Way::Search;
        if style.depth.is_some() && style.plain != Plain::Served && !by_endpoint {
            return None;
        }
        let plain = skillsmith_sync::registry::PageRequest::default();
        let whole = if by_endpoint {
            Way::Sync(None)
        } else {
            Way::Search
        };
        let list = self.listing(&plain, whole, 0);
        let deep = style.depth.map_or(usize::MAX, |depth| depth as usize);
        Some(
            list.into_iter()
                .take(deep)
                .filter(|entry| by_endpoint || !entry.row.hidden)
                .filter(|entry| is_asked_for(entry, way))
                .filter(|entry| match style.plain {
                    Plain::Served => true,
                    _ if by_endpoint => true,
                    Plain::Refused => {
                        is_listed_by_tier(&entry.row)
                            && !style.refused_tiers.contains(&entry.row.tier)
                    }
                    Plain::WordsOnly => entry.row.n % 12 < 8,
                })
                .collect(),
        )
    }

    /// More requests than any reasonable run makes: every pass three times, up to the total.
    pub fn most_requests(&self, page_size: u32) -> u32 {
        let rows = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        let said = match self.style.total {
            TotalSays::Constant(total) => total.max(rows),
            TotalSays::Over(more) => rows + more,
            TotalSays::Varying => 2 * rows + 2,
            _ => rows,
        };
        let step = self.page(page_size).saturating_sub(1).max(1);
        200 + 3 * 12 * (said / step + 6)
    }

    /// Whether runs without faults must end as complete, and as success (partial if rows cannot be
    /// stored).
    pub fn must_say_complete(&self, page_size: u32, way: Way) -> bool {
        let style = &self.style;
        let true_total = self.says_true_total(way);
        let by_endpoint = way != Way::Search;
        let end_shows = true_total || matches!(style.behind, Behind::Empty | Behind::Refused(416));
        (style.plain == Plain::Served || by_endpoint)
            && (true_total || style.total == TotalSays::Nothing || by_endpoint)
            && !self.is_random(way)
            && !style.offset_ignored
            && style.depth.is_none()
            && end_shows
            && !self.has_hidden(way)
            && self.page(page_size) >= 2
    }
}

/// Whether a listing of changes must return it: only a whole listing shows a row whose timestamp
/// does not reflect its change.
fn is_asked_for(entry: &Entry, way: Way) -> bool {
    match way.since() {
        None => true,
        Some(since) => entry.is_dated && entry.row.is_valid() || is_later(&entry.row, since),
    }
}

/// Whether a listing by the known tiers has it.
fn is_listed_by_tier(row: &Row) -> bool {
    row.tier < 7
}
