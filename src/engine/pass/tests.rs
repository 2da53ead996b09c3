//! Registries of every kind, each a function from a request to a page, read by [`step`] alone.

use std::collections::HashSet;

use super::*;
use crate::engine::profile::Totals;

/// What a registry serves: rows, `meta.total`, `meta.limit`.
type Served = (Vec<u64>, Option<u64>, Option<u64>);

/// The outcome of a pass.
#[derive(Debug)]
struct Outcome {
    rows: usize,
    verdict: Verdict,
    requests: u32,
    is_stuck: bool,
    is_limited: bool,
}

impl Outcome {
    fn is_whole(&self) -> bool {
        matches!(
            self.verdict,
            Verdict::Whole { .. } | Verdict::Explained { .. }
        ) && !self.is_stuck
            && !self.is_limited
    }
}

/// Reads a pass to its end, and again if it is in doubt.
fn read(limit: u32, totals: Totals, registry: impl Fn(u64, u64, u32) -> Served) -> Outcome {
    read_ordered(limit, totals, registry, false)
}

/// Like [`read`], for a listing that may be in id order.
fn read_ordered(
    limit: u32,
    totals: Totals,
    registry: impl Fn(u64, u64, u32) -> Served,
    is_ordered: bool,
) -> Outcome {
    let mut at = PassCursor::new(is_ordered);
    let (mut met, mut met_before) = (HashSet::new(), HashSet::new());
    let mut requests = 0;
    loop {
        let asked = at.asked(limit);
        let (ids, total, said) = registry(asked.start, asked.limit, requests);
        requests += 1;
        assert!(requests < 5_000, "it has no end: {at:?}");
        let mut facts = Facts {
            total,
            limit: said,
            ..Facts::default()
        };
        for id in &ids {
            if met.insert(*id) {
                facts.fresh += 1;
                facts.distinct += u64::from(!met_before.contains(id));
            }
        }
        facts.ids = ids;
        let next = step(&mut at, asked, &facts, totals);
        if next == Next::Page {
            continue;
        }
        let is_limited = at.is_limited();
        let verdict = at.verdict(totals, |_, _| None);
        if next == Next::End && verdict == Verdict::Again {
            at.read_again();
            met_before = std::mem::take(&mut met);
            continue;
        }
        return Outcome {
            rows: met.union(&met_before).count(),
            verdict,
            requests,
            is_stuck: next == Next::Stuck,
            is_limited,
        };
    }
}

fn page(rows: u64, start: u64, limit: u64) -> Vec<u64> {
    (start.min(rows)..start.saturating_add(limit).min(rows)).collect()
}

/// A registry with this many rows that serves at most `clamp` per page.
fn clamped(
    rows: u64,
    clamp: u64,
    total: impl Fn(u64, u64) -> Option<u64>,
    said: impl Fn(u64) -> Option<u64>,
) -> impl Fn(u64, u64, u32) -> Served {
    move |start, limit, _| {
        let served = page(rows, start, limit.min(clamp));
        let total = total(start, served.len() as u64);
        (served, total, said(limit))
    }
}

#[test]
fn everything_comes_whatever_limit_and_total_mean() {
    type Total = fn(u64, u64) -> Option<u64>;
    type Said = fn(u64) -> Option<u64>;
    let totals: [(&str, Total); 6] = [
        ("true", |_, _| Some(650)),
        ("of the page", |_, served| Some(served)),
        ("offset and rows", |start, served| Some(start + served)),
        ("absent", |_, _| None),
        ("capped at a page's end", |_, _| Some(500)),
        ("capped within a page", |_, _| Some(595)),
    ];
    let limits: [(&str, Said); 3] = [
        ("as asked", Some),
        ("absent", |_| None),
        ("constant", |_| Some(1_000)),
    ];
    for (total_means, total) in totals {
        for (limit_means, said) in limits {
            for (clamp, limit) in [
                (100, 100),
                (100, 500),
                (50, 100),
                (100, 1),
                (100, 2),
                (100, 7),
            ] {
                let outcome = read(limit, Totals::Unknown, clamped(650, clamp, total, said));
                let case = format!("total {total_means}, limit {limit_means}, {clamp} of {limit}");
                assert_eq!(outcome.rows, 650, "{case}: {outcome:?}");
                assert!(outcome.is_whole(), "{case}: {outcome:?}");
            }
        }
    }
}

#[test]
fn a_registry_of_single_rows_is_read() {
    let single = clamped(30, 1, |_, _| None, Some);
    assert_eq!(read(100, Totals::Unknown, single).rows, 30);
}

#[test]
fn the_end_costs_two_pages_unless_a_confirmed_total_says_it() {
    let registry = || clamped(250, 100, |_, _| Some(250), Some);
    assert_eq!(read(100, Totals::Unknown, registry()).requests, 3 + 2);
    assert_eq!(read(100, Totals::Confirmed, registry()).requests, 3);
    // If the last page is full, the total alone is not trusted: it may be a cap.
    let full = clamped(298, 100, |_, _| Some(298), Some);
    assert!(read(100, Totals::Confirmed, full).requests > 3);
    let capped = clamped(650, 100, |_, _| Some(298), Some);
    assert_eq!(read(100, Totals::Confirmed, capped).rows, 650);
}

#[test]
fn a_total_is_confirmed_by_several_pages_only() {
    let confirmed = |rows| {
        let registry = clamped(rows, 100, |_, served| Some(served), Some);
        read(100, Totals::Unknown, registry).verdict
    };
    assert_eq!(confirmed(60), Verdict::Whole { total_held: false });
    let truthful = clamped(250, 100, |_, _| Some(250), Some);
    let verdict = read(100, Totals::Unknown, truthful).verdict;
    assert_eq!(verdict, Verdict::Whole { total_held: true });
}

#[test]
fn a_total_that_says_more_is_doubted_and_told() {
    // Rows are served only up to some depth, although the total is right.
    let shallow = |start: u64, limit: u64, _| {
        let rows = if start < 100 {
            page(300, start, limit)
        } else {
            Vec::new()
        };
        (rows, Some(300), Some(limit))
    };
    let outcome = read(100, Totals::Unknown, shallow);
    assert!(!outcome.is_whole(), "{outcome:?}");
    // The pass is read up to the total, twice: one page for each hundred.
    assert!(outcome.requests >= 8, "{outcome:?}");
    // A total that was wrong before is ignored.
    let outcome = read(
        100,
        Totals::Untrue,
        clamped(80, 100, |_, _| Some(5_000), Some),
    );
    assert!(outcome.is_whole(), "{outcome:?}");
}

#[test]
fn hidden_rows_are_passed_over_and_not_taken_for_missing_ones() {
    for limit in [10, 100] {
        for hidden in [
            (|row| row % 3 == 2) as fn(u64) -> bool,
            |row| row % 50 == 49,
            |row| (100..205).contains(&row),
            |row| row == 0,
            |row| row < 40,
        ] {
            for said in [Some(limit), None] {
                let registry = |start: u64, limit: u64, _| {
                    let rows = page(460, start, limit)
                        .into_iter()
                        .filter(|row| !hidden(*row));
                    (rows.collect(), None, said.map(u64::from))
                };
                let outcome = read(limit, Totals::Unknown, registry);
                let visible = (0..460).filter(|row| !hidden(*row)).count();
                // Two of these hide more than two consecutive pages of ten, which are taken for the
                // end.
                if outcome.rows != visible {
                    assert_eq!(limit, 10, "{outcome:?}");
                    assert!(hidden(101) || hidden(39), "{outcome:?}");
                }
            }
        }
    }
    // A total that counts hidden rows is no reason for doubt once every position was requested.
    let counted = |start: u64, limit: u64, _| {
        let rows = page(460, start, limit)
            .into_iter()
            .filter(|row| row % 3 != 2);
        (rows.collect(), Some(460), Some(limit))
    };
    let outcome = read(100, Totals::Unknown, counted);
    assert!(outcome.is_whole(), "{outcome:?}");
}

#[test]
fn the_first_of_three_rows_hidden_is_no_reason_to_refuse_the_registry() {
    let registry = |start: u64, limit: u64, _| {
        (
            page(3, start.max(1), limit.min(3 - start.min(3))),
            None,
            None,
        )
    };
    let outcome = read(100, Totals::Unknown, registry);
    assert!(outcome.is_whole() && outcome.rows == 2, "{outcome:?}");
}

#[test]
fn promise_1_a_first_page_that_counts_its_own_rows_is_no_end_though_totals_were_true() {
    let registry = |start: u64, limit: u64, _| {
        let rows = page(6, start, limit.min(2));
        let total = start + rows.len() as u64;
        (rows, Some(total), None)
    };
    let outcome = read(100, Totals::Confirmed, registry);
    assert_eq!(outcome.rows, 6, "{outcome:?}");
}

#[test]
fn an_order_that_changes_with_every_request_is_never_called_whole() {
    for salt in 0..40 {
        let registry = |start: u64, limit: u64, request: u32| {
            let mut rows: Vec<u64> = (0..102).collect();
            let mut random = fastrand::Rng::with_seed(u64::from(request) * 1_000 + salt);
            random.shuffle(&mut rows);
            let range = start.min(102) as usize..(start + limit).min(102) as usize;
            (rows[range].to_vec(), Some(102), Some(limit))
        };
        let outcome = read(10, Totals::Unknown, registry);
        assert!(outcome.rows == 102 || !outcome.is_whole(), "{outcome:?}");
    }
}

#[test]
fn rows_that_moved_are_looked_for() {
    // Rows before the offset are removed: others slip past the reader unless it looks back.
    let shrinking = |start: u64, limit: u64, request: u32| {
        let gone = if request >= 3 { 5 } else { 0 };
        let rows = page(400 - gone, start, limit).into_iter();
        (rows.map(|row| row + gone).collect(), None, None)
    };
    assert_eq!(read(100, Totals::Unknown, shrinking).rows, 400);
    // The last row moves to the front: the second reading finds it.
    let rotating = |start: u64, limit: u64, request: u32| {
        let mut rows: Vec<u64> = (0..400).collect();
        if request >= 3 {
            rows.rotate_right(1);
        }
        let range = start.min(400) as usize..(start + limit).min(400) as usize;
        (rows[range].to_vec(), None, None)
    };
    assert_eq!(read(100, Totals::Unknown, rotating).rows, 400);
}

#[test]
fn no_row_is_passed_over_where_the_way_back_ends() {
    // Pages of three rows, then of two, and two pages that are empty by mistake where five rows had
    // come.
    let registry = |start: u64, limit: u64, request: u32| {
        let rows = match request {
            0..=1 => page(11, start, limit.min(3)),
            5..=6 => Vec::new(),
            _ => page(11, start, limit.min(2)),
        };
        (rows, None, None)
    };
    for is_ordered in [false, true] {
        let outcome = read_ordered(10, Totals::Unknown, registry, is_ordered);
        assert_eq!(outcome.rows, 11, "{outcome:?}");
    }
}

#[test]
fn a_registry_that_takes_no_notice_of_the_offset_is_found_out() {
    let stuck = read(100, Totals::Unknown, |_, _, _| {
        ((0..100).collect(), None, None)
    });
    assert!(stuck.is_stuck && stuck.requests < 10, "{stuck:?}");
}

#[test]
fn a_place_from_which_nothing_is_served_is_told() {
    let limited = |start: u64, limit: u64, _| {
        let rows = if start >= 199 {
            Vec::new()
        } else {
            page(500, start, limit)
        };
        (rows, None, None)
    };
    let outcome = read(100, Totals::Unknown, limited);
    assert!(outcome.is_limited, "{outcome:?}");
}

#[test]
fn rows_listed_twice_are_no_missing_ones() {
    // Every tenth row comes again right after itself.
    let listing: Vec<u64> = (0..220)
        .map(|at| at - at / 11 - u64::from(at % 11 == 10))
        .collect();
    let distinct: HashSet<u64> = listing.iter().copied().collect();
    let registry = |start: u64, limit: u64, _| {
        let range = start.min(220) as usize..(start + limit).min(220) as usize;
        (listing[range].to_vec(), Some(220), Some(limit))
    };
    let outcome = read(50, Totals::Unknown, registry);
    assert_eq!(outcome.rows, distinct.len());
    assert!(
        matches!(outcome.verdict, Verdict::Explained { total: 220 }),
        "{outcome:?}"
    );
}

#[test]
fn promise_13_a_cursor_at_the_largest_offset_is_read_from() {
    let mut at = PassCursor {
        offset: u64::MAX - 1,
        ..PassCursor::default()
    };
    let asked = at.asked(100);
    let page = Facts {
        ids: (0..100).collect(),
        fresh: 100,
        distinct: 100,
        ..Facts::default()
    };
    assert_eq!(step(&mut at, asked, &page, Totals::Unknown), Next::Page);
    assert_eq!(at.offset, u64::MAX);
}
