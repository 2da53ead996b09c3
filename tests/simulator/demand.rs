//! What may be demanded of an engine: a registry can lie in ways that nobody outside could notice.

use std::collections::BTreeMap;

use crate::catalogue::{Catalogue, Entry};
use crate::skill::Row;
use crate::style::{Behind, Order, Plain, TotalSays};

/// How a listing was read.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'r> {
    pub page_size: u32,
    /// The change of the registry before which it began.
    pub since: u64,
    /// A plain listing was refused once, so that the tiers may be in use.
    pub by_tiers: bool,
    pub ever: &'r BTreeMap<u32, Vec<Row>>,
}

impl Catalogue {
    /// The most rows that a page can have.
    pub fn page(&self, page_size: u32) -> u32 {
        self.style
            .clamp
            .map_or(page_size, |most| most.min(page_size))
    }

    fn says_true_total(&self) -> bool {
        self.style.total == TotalSays::Rows && !self.style.sync_endpoint
    }

    fn has_hidden(&self) -> bool {
        self.rows.iter().any(|entry| entry.row.hidden)
    }

    fn is_random(&self) -> bool {
        self.style.order == Order::Random && !self.style.sync_endpoint
    }

    /// The longest row of hidden rows, in any order that is in use.
    fn hides_pages(&self, page_size: u32) -> bool {
        let hidden = self.rows.iter().filter(|entry| entry.row.hidden).count();
        hidden as u64 >= u64::from(self.page(page_size))
    }

    /// Rows that stood unchanged through a listing, and that it must have met if it says that it is
    /// complete; none where a registry like this can deceive everybody.
    pub fn must_be_met(&self, reading: Reading<'_>) -> Option<Vec<&Entry>> {
        let style = &self.style;
        let page = self.page(reading.page_size);
        let moved = self.reshaped > reading.since;
        if self.restyled > reading.since || style.offset_ignored && page < 3 || moved && page < 2 {
            return None;
        }
        if self.is_random() && (!self.says_true_total() || moved || self.has_hidden()) {
            return None;
        }
        if self.has_hidden() && (moved || self.hides_pages(reading.page_size)) {
            return None;
        }
        if style.depth.is_some() && !self.depth_shows(reading) {
            return None;
        }
        // Of a skill that is listed twice both, or the other one may be the newer.
        let changes = |n: u32| {
            let mut same = self.rows.iter().filter(move |entry| entry.row.n == n);
            same.any(|entry| entry.changed > reading.since)
        };
        let stood = |entry: &&Entry| !entry.row.hidden && !changes(entry.row.n);
        Some(
            self.rows
                .iter()
                .filter(stood)
                .filter(|entry| self.can_be_known(&entry.row, reading))
                .collect(),
        )
    }

    /// Whether an end that is none can be told from a true one.
    fn depth_shows(&self, reading: Reading<'_>) -> bool {
        let style = &self.style;
        if style.plain != Plain::Served || self.has_hidden() || reading.by_tiers {
            return false;
        }
        let clamped = style.clamp.is_some_and(|most| most < reading.page_size);
        let refuses = matches!(style.depth_answer, Behind::Refused(400 | 404)) && !clamped;
        self.says_true_total()
            || refuses
                && (style.sync_endpoint
                    || matches!(style.total, TotalSays::Nothing | TotalSays::Page))
    }

    /// Whether an engine can know that there is such a row, though no listing shows it.
    fn can_be_known(&self, row: &Row, reading: Reading<'_>) -> bool {
        let listed = match self.style.plain {
            Plain::Served => !reading.by_tiers || is_listed_by_tier(row),
            Plain::Refused => is_listed_by_tier(row),
            Plain::WordsOnly => true,
        };
        let refused = (self.style.plain != Plain::Served || reading.by_tiers)
            && self.style.refused_tiers.contains(&row.tier);
        // As it stands now: what a row once was says nothing of where it went.
        let came = reading
            .ever
            .get(&row.n)
            .is_some_and(|rows| rows.contains(row));
        !refused && (listed || came)
    }

    /// Rows that good runs must bring in the end; none where nothing can be demanded.
    pub fn reachable(&self, page_size: u32) -> Option<Vec<&Entry>> {
        let style = &self.style;
        if self.is_random() || style.offset_ignored || self.hides_pages(page_size) {
            return None;
        }
        if style.depth.is_some() && style.plain != Plain::Served {
            return None;
        }
        let plain = skillsmith_sync::registry::PageRequest::default();
        let list = self.listing(&plain, None, 0);
        let deep = style.depth.map_or(usize::MAX, |depth| depth as usize);
        Some(
            list.into_iter()
                .take(deep)
                .filter(|entry| !entry.row.hidden)
                .filter(|entry| match style.plain {
                    Plain::Served => true,
                    Plain::Refused => {
                        is_listed_by_tier(&entry.row)
                            && !style.refused_tiers.contains(&entry.row.tier)
                    }
                    Plain::WordsOnly => entry.row.n % 12 < 8,
                })
                .collect(),
        )
    }

    /// More requests than any reasonable run makes: every pass three times, as far as a total says.
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

    /// Whether good runs must end in success, or partial for rows that cannot be stored, and complete.
    pub fn must_say_complete(&self, page_size: u32) -> bool {
        let style = &self.style;
        let true_total = self.says_true_total();
        let end_shows = true_total || matches!(style.behind, Behind::Empty | Behind::Refused(416));
        style.plain == Plain::Served
            && (true_total || style.total == TotalSays::Nothing || style.sync_endpoint)
            && !self.is_random()
            && !style.offset_ignored
            && style.depth.is_none()
            && end_shows
            && !self.has_hidden()
            && self.page(page_size) >= 2
    }
}

/// Whether the tiers that everybody knows list it.
fn is_listed_by_tier(row: &Row) -> bool {
    row.tier < 7
}
