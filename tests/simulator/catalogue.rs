//! The registry's rows, and its response to a request for a page.

use skillsmith_sync::registry::PageRequest;

use crate::random::mixed;
use crate::scenario::Mutation;
use crate::skill::{Row, Stamp, TIERS};
use crate::style::{Behind, LimitSays, Order, Plain, Style, TotalSays};

/// The current state of the registry.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    pub rows: Vec<Entry>,
    pub style: Style,
    /// The number of changes so far.
    pub seq: u64,
    /// The last change that added, removed or reordered rows, or changed how they are listed.
    pub reshaped: u64,
    /// The last change of its style.
    pub restyled: u64,
    /// It sets timestamps itself when a change begins, at most [`LATE`] seconds before the change
    /// is visible.
    stamps: bool,
}

/// A row may become visible this many seconds after its timestamp.
const LATE: u64 = 540;

/// The kind of request: a listing by search, or the sync endpoint with a lower bound, in
/// milliseconds after the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    #[default]
    Search,
    Sync(Option<i64>),
}

impl Way {
    pub const fn since(self) -> Option<i64> {
        match self {
            Self::Search => None,
            Self::Sync(since) => since,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub row: Row,
    /// When it was added or changed, in `seq`.
    pub changed: u64,
    /// Its timestamp tells when it changed.
    pub is_dated: bool,
}

pub enum Answer {
    Page { rows: Vec<Row>, body: String },
    Refused(u16),
}

impl Catalogue {
    pub fn new(rows: &[Row], style: Style) -> Self {
        let stamps = style.sync_endpoint;
        let entry = |row: &Row| {
            let mut row = row.clone();
            let mut is_dated = false;
            if let (Stamp::At(at), true) = (&mut row.stamp, stamps) {
                // Some are less than a day old.
                *at = -i64::try_from(mixed(row.n.into()) % 300_000).unwrap_or(0);
                is_dated = true;
            }
            Entry {
                row,
                changed: 0,
                is_dated,
            }
        };
        Self {
            rows: rows.iter().map(entry).collect(),
            style,
            stamps,
            ..Self::default()
        }
    }

    /// Sets the timestamp of a row that changes at `now`, in seconds after the start. Returns
    /// whether it did.
    fn stamp(&self, row: &mut Row, now: i64) -> bool {
        let Stamp::At(at) = &mut row.stamp else {
            return false;
        };
        if self.stamps {
            let late = mixed(self.seq ^ u64::from(row.n)) % LATE;
            *at = now - i64::try_from(late).unwrap_or(0);
        }
        self.stamps
    }

    /// A change at `now`, in seconds after the start.
    pub fn apply(&mut self, mutation: &Mutation, now: i64) {
        self.seq += 1;
        let seq = self.seq;
        match mutation {
            Mutation::Put(row) => {
                let same = |known: &&mut Entry| known.row.n == row.n && known.row.twin == row.twin;
                let mut row = row.clone();
                let is_dated = self.stamp(&mut row, now);
                let new = Entry {
                    row: row.clone(),
                    changed: seq,
                    is_dated,
                };
                if let Some(entry) = self.rows.iter_mut().find(same) {
                    if entry.row.hidden != row.hidden || entry.row.tier != row.tier {
                        self.reshaped = seq;
                    }
                    *entry = new;
                } else {
                    self.rows.push(new);
                    self.reshaped = seq;
                }
                if self.style.order == Order::Changed {
                    self.reshaped = seq;
                }
            }
            Mutation::Remove(n) => {
                self.rows.retain(|entry| entry.row.n != *n);
                self.reshaped = seq;
            }
            Mutation::SwapUrls(one, other) => {
                let url = |n: u32| {
                    let entry = self.rows.iter().find(|entry| entry.row.n == n);
                    entry.and_then(|entry| entry.row.url)
                };
                let (first, second) = (url(*one), url(*other));
                let mut rows = std::mem::take(&mut self.rows);
                for entry in &mut rows {
                    let url = match entry.row.n {
                        n if n == *one => second,
                        n if n == *other => first,
                        _ => continue,
                    };
                    entry.row.url = url;
                    entry.row.v += 1;
                    if let Stamp::At(at) = &mut entry.row.stamp {
                        *at += 60;
                    }
                    entry.is_dated = self.stamp(&mut entry.row, now);
                    entry.changed = seq;
                }
                self.rows = rows;
                if self.style.order == Order::Changed {
                    self.reshaped = seq;
                }
            }
            Mutation::Style(style) => {
                self.style = (**style).clone();
                self.reshaped = seq;
                self.restyled = seq;
            }
        }
    }

    /// The response to a request; `number` counts requests.
    pub fn answer(&self, request: &PageRequest, way: Way, number: u64) -> Answer {
        let style = &self.style;
        let is_endpoint = way != Way::Search;
        if is_endpoint && !style.sync_endpoint {
            return Answer::Refused(404);
        }
        let wants_word = match style.plain {
            Plain::Served => false,
            _ if is_endpoint => false,
            Plain::Refused => request.trust_tier.is_none(),
            Plain::WordsOnly => true,
        };
        if wants_word && request.query.is_none() {
            return Answer::Refused(400);
        }
        if let Some(tier) = &request.trust_tier
            && style
                .refused_tiers
                .iter()
                .any(|at| TIERS.get(usize::from(*at)) == Some(&tier.as_str()))
        {
            return Answer::Refused(400);
        }
        let list = self.listing(request, way, number);
        let asked = u64::from(request.limit);
        let used = style.clamp.map_or(asked, |most| asked.min(most.into()));
        let offset = if style.offset_ignored {
            0
        } else {
            request.offset
        };
        let deep = style
            .depth
            .is_some_and(|depth| offset >= u64::from(depth) && offset > 0);
        let behind = offset > 0 && offset >= list.len() as u64;
        let empty = if deep {
            Some(style.depth_answer)
        } else {
            behind.then_some(style.behind)
        };
        if let Some(Behind::Refused(status)) = empty {
            return Answer::Refused(status);
        }
        let rows: Vec<Row> = if empty.is_some() {
            Vec::new()
        } else {
            let from = list
                .iter()
                .skip(usize::try_from(offset).unwrap_or(usize::MAX));
            from.take(usize::try_from(used).unwrap_or(usize::MAX))
                .filter(|entry| is_endpoint || !entry.row.hidden)
                .map(|entry| entry.row.clone())
                .collect()
        };
        let all = (!is_endpoint).then_some(list.len() as u64);
        let body = self.body(&rows, all, request, used, number);
        Answer::Page { rows, body }
    }

    /// All rows that a request selects.
    pub fn listing(&self, request: &PageRequest, way: Way, number: u64) -> Vec<&Entry> {
        let mut list: Vec<&Entry> = self
            .rows
            .iter()
            // A table has each id only once.
            .filter(|entry| way == Way::Search || !entry.row.twin)
            .filter(|entry| way.since().is_none_or(|since| is_later(&entry.row, since)))
            .filter(|entry| {
                let row = &entry.row;
                request
                    .trust_tier
                    .as_deref()
                    .is_none_or(|tier| row.tier_word() == Some(tier))
                    && request
                        .query
                        .as_deref()
                        .is_none_or(|word| row.has_word(word))
            })
            .collect();
        let order = match way {
            Way::Sync(_) => Order::Id,
            Way::Search => self.style.order,
        };
        list.sort_by_key(|entry| {
            let row = &entry.row;
            let first = match order {
                Order::Id => 0,
                Order::Score => row.score(),
                Order::Changed => entry.changed,
                Order::Random => mixed(mixed(number) ^ u64::from(row.n)),
            };
            (first, row.n, row.twin)
        });
        list
    }

    fn body(
        &self,
        rows: &[Row],
        all: Option<u64>,
        request: &PageRequest,
        used: u64,
        number: u64,
    ) -> String {
        let served = rows.len() as u64;
        let total = all.and_then(|all| match self.style.total {
            TotalSays::Rows => Some(all),
            TotalSays::Page => Some(served),
            TotalSays::OffsetPlusPage => Some(request.offset + served),
            TotalSays::Capped(most) => Some(all.min(most.into())),
            TotalSays::Constant(total) => Some(total.into()),
            TotalSays::Nothing => None,
            TotalSays::Over(more) => Some(all + u64::from(more)),
            TotalSays::Varying => Some(mixed(number) % (2 * all + 2)),
        });
        let limit = match self.style.limit {
            LimitSays::Used => Some(used),
            LimitSays::Asked => Some(request.limit.into()),
            LimitSays::Nothing => None,
            LimitSays::Constant(limit) => Some(limit.into()),
        };
        let number = |key: &str, value: Option<u64>| {
            value.map_or_else(String::new, |value| format!("\"{key}\":{value},"))
        };
        let rows: Vec<_> = rows.iter().map(Row::render).collect();
        format!(
            "{{\"data\":[{}],\"meta\":{{{}{}\"offset\":{}}}}}",
            rows.join(","),
            number("total", total),
            number("limit", limit),
            request.offset
        )
    }
}

/// Strictly, as the sync endpoint compares; a row without a stamp is never later.
pub fn is_later(row: &Row, since_ms: i64) -> bool {
    matches!(row.stamp, Stamp::At(at) if at * 1_000 > since_ms)
}

#[test]
fn the_sync_endpoint_lists_by_id_what_is_later() {
    let row = |n, at| Row {
        n,
        stamp: Stamp::At(at),
        ..Row::default()
    };
    let style = Style {
        order: Order::Score,
        ..Style::default()
    };
    let catalogue = Catalogue::new(&[row(3, 5), row(1, 9), row(2, 7), Row::default()], style);
    let ids = |since| -> Vec<u32> {
        let list = catalogue.listing(&PageRequest::default(), Way::Sync(since), 0);
        list.iter().map(|entry| entry.row.n).collect()
    };
    assert_eq!(ids(None), [0, 1, 2, 3]);
    assert_eq!(ids(Some(5_000)), [1, 2]);
}
