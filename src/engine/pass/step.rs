//! What follows a page: updates the cursor of the pass from the facts of the page, without I/O.

use super::{Asked, Facts, Next, PassCursor, Probe, TotalSeen};
use crate::engine::profile::Totals;
use crate::fingerprint::fingerprint;

/// How many identities of the rows before the offset are kept: if rows have moved a little, one of
/// them is found again.
const TAIL: usize = 16;

/// Consecutive pages with nothing new that are the end, unless the total says there is more. A
/// registry that filters after its LIMIT can have a whole page hidden.
const EMPTY_PAGES_AT_END: u32 = 2;

/// The most consecutive pages with nothing new, whether empty ones before a higher total or ones
/// with only rows already read.
const MOST_EMPTY_PAGES: u32 = 100;

/// How many pages to step back in search of the last row, after rows have moved.
const MOST_BACK: u32 = 3;

/// How often to step back in one reading: if rows keep moving, it ends in doubt anyway.
const MOST_BACKS: u32 = 12;

/// Rows with equal content and no id cannot be told apart. After this many equal pages of them,
/// they are taken for one page.
const MOST_SAME_PAGES: u32 = 200;

/// How many consecutive pages with only rows already read are passed before the steps grow.
const SMALL_STEPS: u32 = 3;

/// How often the same page may repeat at consecutive offsets: after that, the registry ignores the
/// offset.
const MOST_REPEATED: u32 = 3;

/// Takes in a page, and decides what follows it.
pub(in crate::engine) fn step(
    at: &mut PassCursor,
    asked: Asked,
    page: &Facts,
    totals: Totals,
) -> Next {
    let served = page.ids.len() as u64;
    at.pages.read = at.pages.read.saturating_add(1);
    at.counts.rows = at.counts.rows.saturating_add(page.distinct);
    at.counts.fresh = at.counts.fresh.saturating_add(page.fresh);
    at.note_total(asked.start, page.ids.len(), page.total);
    if let Some(probe) = at.hidden.probe.take() {
        at.hidden.hides = fingerprint(page.ids.as_slice()) == probe.expected;
        at.movement.shifted &= !at.hidden.hides;
        return Next::Page;
    }
    if is_repeated(at, asked, page) {
        return Next::Stuck;
    }
    if at.tail.overlaps && asked.limit == 1 && asked.start > 0 && at.pages.most_rows > 1 {
        // Larger pages do not arrive, so movement of the rows before this one goes undetected.
        at.movement.skipped = true;
    }
    let end = asked.start.saturating_add(served);
    if (at.movement.back > 0 || asked.overlaps) && !stands_where_it_should(at, asked, page) {
        look_back(at, asked, end);
        remember_size(at, served, page.fresh);
        return Next::Page;
    }
    if page.fresh == 0 {
        return nothing_new(at, asked, page, end, totals);
    }
    new_rows(at, asked, page, end);
    let total_reached =
        at.has_all_of_total() && matches!(at.total, TotalSeen::Same(total) if at.offset >= total);
    // Trusted only if a full listing has confirmed totals, and if this page was short.
    if totals == Totals::Confirmed && total_reached && at.pages.short {
        return Next::End;
    }
    Next::Page
}

/// Takes in a page with new rows.
fn new_rows(at: &mut PassCursor, asked: Asked, page: &Facts, end: u64) {
    let served = page.ids.len() as u64;
    at.movement.unchecked |= asked.start > 0 && !asked.overlaps;
    at.pages.single_rows |=
        at.quiet.empty == 1 && !at.hidden.blank && at.pages.most_rows == 1 && served == 1;
    // Rows after an empty page: that was not the end.
    at.hidden.hides |= at.hidden.blank;
    at.hidden.blank = false;
    at.quiet.empty = 0;
    at.quiet.stale = 0;
    remember_size(at, served, page.fresh);
    at.pages.short = is_short(at, asked, served);
    at.hidden.reach = asked.start.saturating_add(asked.limit);
    at.offset = end;
    // If the registry serves single rows only, an overlapping page would hold just that row and
    // could not show it. A page of one row that was requested as such proves nothing.
    let may_be_single = at.is_ordered && at.pages.most_rows <= 1 && asked.limit > 1;
    at.tail.overlaps = !at.pages.single_rows && !may_be_single;
    at.movement.ahead = at.movement.ahead.max(at.offset);
    count_served(at, asked, &page.ids);
    remember_tail(at, page);
}

/// Looks for the last known row in the page. Returns whether the pass can continue from this page
/// rather than from an earlier one.
fn stands_where_it_should(at: &mut PassCursor, asked: Asked, page: &Facts) -> bool {
    let served = page.ids.len() as u64;
    let end = asked.start.saturating_add(served);
    let found = find_tail(at, page);
    at.movement.moved |= is_disordered(at, page, &found);
    match found {
        Found::AtFront => {
            // An earlier row appears again: it moved, or is listed twice.
            let again = served.saturating_sub(page.fresh);
            at.movement.shifted |= again > 1 && at.movement.back == 0 && end > at.movement.ahead;
            // A row that changed may have come here from elsewhere, and others to where it was.
            let before = at.tail.last_stamp.filter(|_| asked.overlaps);
            at.movement.shifted |= before.is_some_and(|stamp| page.stamps.0 != Some(stamp));
        }
        Found::Behind(front) => ask_whether_rows_are_hidden(at, asked, front),
        // Stepping back found the row at its position, but a page from there on is empty: the
        // registry serves nothing beyond it.
        Found::Nowhere
            if served == 0 && at.movement.back == 0 && asked.start < at.movement.back_from =>
        {
            at.ending.is_limited = true;
        }
        Found::Nowhere => return false,
    }
    at.movement.back = 0;
    true
}

/// Whether the same rows came at several consecutive offsets, none of them new.
fn is_repeated(at: &mut PassCursor, asked: Asked, page: &Facts) -> bool {
    let fingerprint = fingerprint(page.ids.as_slice());
    let is_same = page.fresh == 0 && fingerprint == at.quiet.last_page && !page.ids.is_empty();
    // The end of every listing repeats the last row alone.
    if is_same && (page.ids.len() > 1 || !asked.overlaps) {
        at.quiet.repeated = at.quiet.repeated.saturating_add(1);
    } else {
        at.quiet.repeated = 0;
        at.quiet.same_since = asked.start;
    }
    at.quiet.last_page = fingerprint;
    at.quiet.same_pages = if page.nameless.is_some() && page.nameless == at.quiet.nameless {
        at.quiet.same_pages.saturating_add(1)
    } else {
        0
    };
    at.quiet.nameless = page.nameless;
    // Rows without an id look new whenever another row precedes them; only those with an id are
    // reliable.
    if page.fresh_named > 0 {
        at.quiet.stale_named = 0;
    } else if page.named > u64::from(asked.overlaps) {
        at.quiet.stale_named = at.quiet.stale_named.saturating_add(1);
    }
    let most_same = if page.named > 0 {
        MOST_REPEATED
    } else {
        MOST_SAME_PAGES
    };
    // If most rows are hidden, the same few may fill several pages, but only within the span of one
    // page.
    let span = asked.start.saturating_sub(at.quiet.same_since);
    let is_everywhere = at.quiet.repeated >= MOST_REPEATED && span > asked.limit;
    is_everywhere || at.quiet.same_pages >= most_same || at.quiet.stale_named >= MOST_EMPTY_PAGES
}

enum Found<'p> {
    AtFront,
    /// The rows up to it, itself included.
    Behind(&'p [u64]),
    Nowhere,
}

/// Where the page holds the last known row, or else an earlier one.
fn find_tail<'p>(at: &PassCursor, page: &'p Facts) -> Found<'p> {
    let mut newest_first = at.tail.ids.iter().rev();
    let found = newest_first.find_map(|id| page.ids.iter().position(|known| known == id));
    match found {
        Some(0) if page.ids.first() == at.tail.ids.last() => Found::AtFront,
        Some(place) => Found::Behind(&page.ids[..=place]),
        None => Found::Nowhere,
    }
}

/// Whether rows already read follow the last known row, which id order rules out.
fn is_disordered(at: &PassCursor, page: &Facts, found: &Found<'_>) -> bool {
    let place = match found {
        Found::AtFront => Some(0),
        Found::Behind(front) => front.len().checked_sub(1),
        Found::Nowhere => None,
    };
    // While catching up after stepping back, some are expected.
    let is_new_ground = at.movement.back == 0 && at.movement.ahead <= at.offset;
    at.is_ordered
        && is_new_ground
        && place.is_some_and(|place| page.last_stale.is_some_and(|last| last > place))
}

/// The page after a short one holds the last row further along than it should: either rows moved,
/// or the short page hid rows. If it hid rows, its other positions hold only rows already read.
fn ask_whether_rows_are_hidden(at: &mut PassCursor, asked: Asked, front: &[u64]) {
    at.movement.shifted |= at.movement.back == 0 && !at.hidden.hides;
    let limit = at.hidden.reach.saturating_sub(asked.start);
    // If the order changes with every request, any row may be there.
    let is_in_order = front.len() > 1 && at.tail.ids.ends_with(front);
    // Rows inserted since an earlier run, or while the total changed, look just the same.
    let may_have_come = at.counts.forgets || matches!(at.total, TotalSeen::Varied(_));
    if !may_have_come
        && !at.is_ordered
        && at.movement.back == 0
        && !at.hidden.probed
        && limit > 1
        && is_in_order
    {
        at.hidden.probed = true;
        at.hidden.probe = Some(Probe {
            start: asked.start,
            limit,
            expected: fingerprint(front),
        });
    }
}

/// The last row is not where it was: rows before it were removed, and others may have slipped past.
fn look_back(at: &mut PassCursor, asked: Asked, end: u64) {
    at.movement.ahead = at.movement.ahead.max(end);
    if at.movement.back == 0 {
        at.movement.back_from = at.offset;
    }
    // Whether it is found again or not, rows move here.
    at.movement.shifted = true;
    // In a resumed pass, rows read again cannot be told from new ones.
    at.movement.moved |= at.counts.forgets && !at.is_ordered;
    at.tail.overlaps = false;
    at.movement.backs = at.movement.backs.saturating_add(1);
    if at.movement.moved
        || at.movement.back >= MOST_BACK
        || (at.movement.backs > MOST_BACKS && !at.is_ordered)
        || asked.start == 0
    {
        // Not found: the pass will be read again from its start.
        at.movement.moved = true;
        at.movement.back = 0;
        at.offset = at.movement.ahead;
        at.tail.ids.clear();
    } else {
        at.movement.back = at.movement.back.saturating_add(1);
        at.offset = asked.start.saturating_sub(at.page_rows(asked, None));
    }
}

/// Takes in a page with nothing new: the end, hidden rows, or rows already read.
fn nothing_new(at: &mut PassCursor, asked: Asked, page: &Facts, end: u64, totals: Totals) -> Next {
    let served = page.ids.len() as u64;
    let is_back = end == at.movement.ahead && at.offset < end;
    if served > 0 && (end < at.movement.ahead || is_back) {
        // Still catching up after stepping back, or just done: a larger step could skip new rows.
        at.offset = end;
        at.tail.overlaps = served > u64::from(asked.overlaps);
        remember_tail(at, page);
        return Next::Page;
    }
    at.tail.overlaps = false;
    let is_only_the_last = served == 1 && asked.overlaps;
    // The rows were already read, but movement of those before them goes unchecked.
    at.movement.unchecked |= served > 0 && asked.start > 0 && !asked.overlaps;
    at.offset = if is_only_the_last && at.pages.most_rows <= 1 {
        // The registry may serve single rows.
        end
    } else {
        asked.start.saturating_add(step_past(at, asked, page))
    }
    .max(at.offset);
    at.movement.ahead = at.movement.ahead.max(at.offset);
    if served > 0 && !is_only_the_last {
        at.pages.short = is_short(at, asked, served);
        count_served(at, asked, &page.ids);
        if at.offset == end {
            at.tail.overlaps = true;
            remember_tail(at, page);
        }
        at.quiet.empty = 0;
        at.quiet.stale = at.quiet.stale.saturating_add(1);
        return if at.quiet.stale >= MOST_EMPTY_PAGES {
            Next::Stuck
        } else {
            Next::Page
        };
    }
    at.quiet.empty = at.quiet.empty.saturating_add(1);
    at.hidden.blank |= served == 0;
    if is_at_end(at, asked, served, totals) {
        Next::End
    } else {
        Next::Page
    }
}

/// How far to advance after a page with nothing new. A smaller step would bring only rows already
/// read, or none, so a larger one loses nothing. If that continues, most rows are hidden, and steps
/// grow.
fn step_past(at: &PassCursor, asked: Asked, page: &Facts) -> u64 {
    let served = page.ids.len() as u64;
    let step = at.page_rows(asked, page.limit).max(served);
    let growth = at.quiet.stale.saturating_sub(SMALL_STEPS).min(10);
    step.saturating_mul(1_u64 << growth)
        .min(asked.limit.max(step))
}

/// Whether this many pages that were empty, or held only the last row, are the end.
fn is_at_end(at: &PassCursor, asked: Asked, served: u64, totals: Totals) -> bool {
    let says_more = totals != Totals::Untrue
        && match at.total {
            TotalSeen::Same(total) | TotalSeen::Varied(total) => at.offset < total,
            TotalSeen::Unseen | TotalSeen::Untrue => false,
        };
    // The page follows a known row, or nothing precedes it.
    let follows = asked.overlaps || asked.start == 0 || at.pages.most_rows == 1;
    // Behind a full page one more look is free, by the number of requests that is promised: it finds
    // rows that a registry filters out after taking its limit.
    let follows_full = at.pages.read > 1 && at.pages.most_rows > 1 && !at.pages.short;
    let can_be_one = at.is_ordered && follows && !(follows_full && served > 0);
    let enough = if can_be_one && (served == 0 || at.pages.most_rows > 1) {
        1
    } else {
        EMPTY_PAGES_AT_END
    };
    at.quiet.empty >= MOST_EMPTY_PAGES || (at.quiet.empty >= enough && !says_more)
}

/// Whether a page had fewer rows than this registry serves.
const fn is_short(at: &PassCursor, asked: Asked, served: u64) -> bool {
    served < asked.limit && !(at.pages.is_plateau && served == at.pages.most_rows)
}

fn count_served(at: &mut PassCursor, asked: Asked, ids: &[u64]) {
    let served = ids.len() as u64;
    let again = u64::from(asked.overlaps);
    for (nth, id) in (0_u64..).zip(ids).skip(usize::from(asked.overlaps)) {
        // A cursor written by somebody else may start anywhere.
        let place = asked.start.saturating_add(nth);
        at.counts.order = at.counts.order.wrapping_add(fingerprint(&[place, *id][..]));
    }
    at.counts.served = at
        .counts
        .served
        .saturating_add(served.saturating_sub(again));
}

fn remember_size(at: &mut PassCursor, served: u64, fresh: u64) {
    if fresh == 0 {
        return;
    }
    at.pages.is_plateau =
        served == at.pages.most_rows || (at.pages.is_plateau && served < at.pages.most_rows);
    at.pages.most_rows = at.pages.most_rows.max(served);
}

fn remember_tail(at: &mut PassCursor, page: &Facts) {
    if page.ids.len() >= TAIL {
        at.tail.ids.clear();
    }
    at.tail
        .ids
        .extend(&page.ids[page.ids.len().saturating_sub(TAIL)..]);
    let excess = at.tail.ids.len().saturating_sub(TAIL);
    at.tail.ids.drain(..excess);
    at.tail.last_id.clone_from(&page.last_id);
    at.tail.last_fingerprint = page.last_fingerprint;
    at.tail.last_stamp = page.stamps.1;
}
