//! Scripted registries, listed to their end.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::CancelToken;
use crate::clock::SystemClock;
use crate::engine::cursor::Mode;
use crate::engine::plan::Plan::{Plain, Tiers, Words};
use crate::registry::{Health, PageRequest};

/// Answers each request with a function, and records them all.
struct Scripted<F> {
    answer: F,
    asked: Mutex<Vec<(PageRequest, bool)>>,
}

impl<F: Fn(&PageRequest) -> Result<Page> + Send + Sync> Registry for Scripted<F> {
    fn name(&self) -> String {
        "scripted".into()
    }

    fn is_offline(&self) -> bool {
        false
    }

    fn check_health(&self, _: &Call<'_>) -> Result<Health> {
        Ok(Health::Healthy)
    }

    fn search(&self, request: &PageRequest, call: &Call<'_>) -> Result<Page> {
        let mut asked = self.asked.lock().unwrap();
        asked.push((request.clone(), call.single_try));
        (self.answer)(request)
    }
}

fn scripted<F: Fn(&PageRequest) -> Result<Page>>(answer: F) -> Scripted<F> {
    Scripted {
        answer,
        asked: Mutex::default(),
    }
}

impl<F> Scripted<F> {
    fn offsets(&self) -> Vec<u64> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|(request, _)| request.offset).collect()
    }

    fn names(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let name = |request: &PageRequest| request.trust_tier.clone().or(request.query.clone());
        asked
            .iter()
            .map(|(request, _)| name(request).unwrap_or_default())
            .collect()
    }
}

fn page(ids: impl IntoIterator<Item = u64>, meta: &str) -> Page {
    let rows: Vec<String> = ids
        .into_iter()
        .map(|id| {
            format!(r#"{{"id":"s{id}","name":"n","trust_tier":"verified","quality_score":0.5}}"#)
        })
        .collect();
    Page::parse(format!(r#"{{"data":[{}],"meta":{meta}}}"#, rows.join(",")).as_bytes()).unwrap()
}

/// The part of this many rows that is requested.
fn of(rows: u64, request: &PageRequest) -> std::ops::Range<u64> {
    let end = request
        .offset
        .saturating_add(request.limit.into())
        .min(rows);
    request.offset.min(rows)..end
}

fn refused(status: u16) -> Error {
    Error::Refused {
        status,
        detail: None,
    }
}

fn failed() -> Error {
    Error::Server {
        status: 500,
        detail: None,
        retry_at: None,
    }
}

/// The outcome of a listing.
struct Listed {
    rows: BTreeSet<u64>,
    cursor: Cursor,
    /// The last one reported before the run ended early.
    kept: Cursor,
    error: Option<Error>,
}

fn start(plan: Plan) -> Start {
    let now = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    Start {
        has_endpoint: false,
        instead: Plan::Plain,
        stored: Arc::default(),
        cursor: Cursor::new("scripted".into(), String::new(), plan, Mode::Stamp, now),
        page_size: 100,
        totals: Totals::Unknown,
        doubts: Vec::new(),
        gaps: Vec::new(),
    }
}

fn list(registry: &dyn Registry, start: Start) -> Listed {
    let cancel = CancelToken::new();
    let call = Call {
        cancel: &cancel,
        clock: &SystemClock,
        deadline: Duration::MAX,
        on_wait: &|_| {},
        single_try: false,
        meter: None,
    };
    let mut kept = start.cursor.clone();
    let mut lister = Lister::new(registry, start);
    let mut rows = BTreeSet::new();
    let error = loop {
        match lister.next(&call) {
            Ok(Some(step)) => {
                rows.extend(step.rows.iter().map(|(identity, _)| *identity));
                kept = step.cursor;
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    Listed {
        rows,
        kept,
        cursor: lister.into_cursor(),
        error,
    }
}

/// Lists again after a listing that left these gaps.
fn list_again(registry: &dyn Registry, gaps: Vec<Gap>) -> Listed {
    let start = Start {
        gaps,
        ..start(Plain)
    };
    list(registry, start)
}

#[test]
fn promise_8_a_listing_without_an_end_is_left_after_100_000_pages() {
    let endless = scripted(|request| Ok(page([request.offset, request.offset + 1], "{}")));
    let start = Start {
        page_size: 2,
        ..start(Plain)
    };
    let error = list(&endless, start).error.unwrap();
    assert!(
        error.to_string().contains("no end after 100000 pages"),
        "{error}"
    );
    assert_eq!(endless.offsets().len(), 100_000);
}

#[test]
fn plans_are_tried_the_best_first() {
    let nothing = scripted(|_| Err(refused(400)));
    let listed = list(&nothing, start(Plain));
    assert!(matches!(listed.error, Some(Error::Refused { .. })));
    // Each pass is requested once more after its first page: perhaps only that page is refused.
    let names: BTreeSet<String> = nothing.names().into_iter().collect();
    assert_eq!(names.len(), 1 + 7 + 8);
    assert_eq!(nothing.names()[2], "official");
}

#[test]
fn a_remembered_plan_that_is_refused_gives_way_to_all_others() {
    let only_plain = scripted(|request| {
        if request.trust_tier.is_some() || request.query.is_some() || request.min_score.is_some() {
            return Err(refused(400));
        }
        Ok(page([], r#"{"total":0,"limit":100}"#))
    });
    for plan in [Tiers, Words] {
        assert_eq!(list(&only_plain, start(plan)).cursor.plan, Plain);
    }
}

#[test]
fn each_page_begins_with_the_last_row_of_the_one_before() {
    let registry = scripted(|request| Ok(page(of(250, request), r#"{"total":250,"limit":100}"#)));
    let listed = list(&registry, start(Plain));
    assert_eq!(registry.offsets(), [0, 99, 198, 249, 349]);
    assert_eq!((listed.rows.len(), listed.cursor.rows()), (250, 250));
    assert!(listed.cursor.findings.true_totals);
}

#[test]
fn a_tier_that_a_row_names_gets_a_pass_of_its_own() {
    let registry = scripted(|request| {
        let rows = match request.trust_tier.as_deref() {
            Some("official") if request.offset == 0 => {
                r#"[{"id":"a","name":"n","trust_tier":"platinum"}]"#
            }
            _ => "[]",
        };
        Page::parse(format!(r#"{{"data":{rows},"meta":{{"total":0}}}}"#).as_bytes())
    });
    let listed = list(&registry, start(Tiers));
    assert!(registry.names().contains(&"platinum".to_owned()));
    assert!(listed.cursor.findings.untiered);
}

#[test]
fn skills_without_a_tier_are_asked_for_where_there_may_be_some() {
    // The last registry counts to 130 only.
    for (untiered, counted, expected) in [(0_u64, 200, false), (3, 200, true), (3, 130, true)] {
        let registry = scripted(|request| {
            let (from, rows) = match (&request.trust_tier, request.min_score) {
                (Some(tier), _) if tier == "verified" => (0, 130),
                (None, Some(_)) => (0, 130 + untiered),
                _ => (0, 0),
            };
            let range = of(rows, request);
            Ok(page(
                range.map(|row| row + from),
                &format!(r#"{{"total":{},"limit":100}}"#, rows.min(counted)),
            ))
        });
        let listed = list(&registry, start(Tiers));
        assert_eq!(listed.rows.len() as u64, 130 + untiered);
        let asked = registry.asked.lock().unwrap();
        let scored = asked
            .iter()
            .filter(|(request, _)| request.min_score.is_some());
        // Without any: the first page, and what is behind the last row.
        assert_eq!(scored.count() > 2, expected);
    }
    // If they cannot be listed, it is unknown whether there are any.
    let registry = scripted(|request| {
        if request.min_score.is_some() {
            return Err(refused(400));
        }
        Ok(page([], r#"{"total":0}"#))
    });
    let findings = list(&registry, start(Tiers)).cursor.findings;
    assert!(findings.untiered_unknown && !findings.untiered);
}

/// A registry of the tier `verified`, whose rows without a score are only listed there.
fn list_tiers(first: u16, behind: u16) -> Listed {
    let registry = scripted(|request| match (&request.trust_tier, request.min_score) {
        (Some(tier), _) if tier == "verified" && request.offset < 20 => Err(refused(first)),
        (Some(tier), _) if tier == "verified" => Err(refused(behind)),
        (None, Some(_)) => Ok(page(of(10, request), r#"{"total":10}"#)),
        _ => Ok(page([], r#"{"total":0}"#)),
    });
    list(&registry, start(Tiers))
}

#[test]
fn promise_1_a_tier_whose_first_page_is_refused_is_not_dropped_in_silence() {
    // It ends before the page behind: it is listed, but for a bad row.
    let listed = list_tiers(400, 416);
    let gaps = &listed.cursor.gaps;
    assert!(
        gaps.iter()
            .any(|gap| gap.to_string().contains("'verified'")),
        "{gaps:?}"
    );
    // Refused altogether, but another listing shows that there are such rows.
    for behind in [400, 404, 422] {
        let findings = list_tiers(400, behind).cursor.findings;
        assert_eq!(findings.unlisted_tiers, ["verified"], "{behind}");
    }
}

/// A registry whose pages fail if they contain a bad row.
fn failing(
    rows: u64,
    is_bad: impl Fn(u64) -> bool + Send + Sync,
    error: fn() -> Error,
) -> Scripted<impl Fn(&PageRequest) -> Result<Page> + Send + Sync> {
    scripted(move |request| {
        if of(rows, request).any(&is_bad) {
            return Err(error());
        }
        Ok(page(of(rows, request), &format!(r#"{{"total":{rows}}}"#)))
    })
}

#[test]
fn promise_5_a_page_that_fails_costs_its_own_rows() {
    for bad in [0, 57, 99, 100, 350, 598, 599] {
        let registry = failing(600, |row| row == bad, failed);
        let listed = list(&registry, start(Plain));
        assert!(listed.error.is_none(), "{bad}: {:?}", listed.error);
        assert_eq!(listed.rows.len(), 599, "{bad}");
        let gaps = &listed.cursor.gaps;
        assert_eq!(gaps.len(), 1, "{bad}: {gaps:?}");
        assert_eq!((gaps[0].from, gaps[0].to), (bad, Some(bad + 1)));
    }
}

#[test]
fn promise_5_what_is_asked_in_halves_is_tried_once() {
    let registry = failing(300, |row| row == 150, failed);
    let listed = list(&registry, start(Plain));
    assert!(listed.error.is_none());
    let asked = registry.asked.lock().unwrap();
    let full: Vec<u64> = asked
        .iter()
        .filter(|(_, single)| !single)
        .map(|(request, _)| request.offset)
        .collect();
    assert!(
        full.contains(&99) && asked.len() - full.len() >= 7,
        "{full:?}"
    );
}

#[test]
fn promise_5_an_outage_ends_the_run_and_keeps_the_cursor() {
    let calls = Mutex::new(0);
    let registry = scripted(|request| {
        let mut calls = calls.lock().unwrap();
        *calls += 1;
        if *calls > 3 {
            return Err(failed());
        }
        Ok(page(of(900, request), "{}"))
    });
    let listed = list(&registry, start(Plain));
    assert!(matches!(listed.error, Some(Error::Server { .. })));
    assert_eq!((listed.rows.len(), listed.kept.at.offset), (298, 298));
    // Three good pages, three failed ones, and two requests for rows that were readable before.
    assert_eq!(registry.offsets().len(), 3 + 3 + 2);
}

#[test]
fn promise_5_a_depth_beyond_which_pages_fail_holds_up_nothing_before_it() {
    let registry = failing(900, |row| row >= 500, failed);
    let listed = list(&registry, start(Plain));
    assert!(listed.error.is_none(), "{:?}", listed.error);
    let gaps = &listed.cursor.gaps;
    assert!(gaps.iter().any(|gap| gap.to.is_none()), "{gaps:?}");
    assert!(listed.rows.len() >= 496, "{}", listed.rows.len());
}

#[test]
fn promise_5_ten_pages_in_a_pass_end_the_run_behind_them() {
    let registry = failing(5_000, |row| row % 200 == 150, failed);
    let mut listed = list(&registry, start(Plain));
    assert!(listed.error.is_some());
    let mut runs = 1;
    let mut rows = std::mem::take(&mut listed.rows);
    while listed.error.is_some() {
        let from = listed.kept.at.offset;
        listed = list(
            &registry,
            Start {
                cursor: listed.kept,
                ..start(Plain)
            },
        );
        rows.append(&mut listed.rows);
        runs += 1;
        assert!(
            runs < 10 && (listed.error.is_none() || listed.kept.at.offset > from),
            "{runs}: {:?} from {from} to {}",
            listed.error,
            listed.kept.at.offset
        );
    }
    assert_eq!(rows.len(), 5_000 - 25);
    assert_eq!(listed.cursor.gaps.len(), 25);
}

#[test]
fn promise_5_a_tier_that_fails_is_a_gap() {
    let registry = scripted(|request| match request.trust_tier.as_deref() {
        Some("verified") => Ok(page(of(30, request), "{}")),
        Some("curated") => Err(failed()),
        _ => Ok(page([], "{}")),
    });
    let listed = list(&registry, start(Tiers));
    assert!(listed.error.is_none(), "{:?}", listed.error);
    assert_eq!(listed.rows.len(), 30);
    let gaps: Vec<String> = listed.cursor.gaps.iter().map(Gap::to_string).collect();
    assert!(
        gaps[0].contains("tier 'curated'") && gaps.len() == 1,
        "{gaps:?}"
    );
}

#[test]
fn promise_5_a_known_gap_is_asked_for_first_and_counts_for_nothing() {
    let registry = failing(900, |row| row % 300 == 150, failed);
    let first = list(&registry, start(Plain));
    assert_eq!(first.cursor.gaps.len(), 3);
    registry.asked.lock().unwrap().clear();
    let again = list_again(&registry, first.cursor.gaps);
    assert_eq!(registry.offsets()[..3], [150, 450, 750]);
    assert_eq!(again.cursor.gaps.len(), 3);
    let asked = registry.asked.lock().unwrap();
    let retried = asked
        .iter()
        .filter(|(request, single)| !single && of(900, request).any(|row| row % 300 == 150));
    assert_eq!(retried.count(), 0);
}

/// Counts requests for less than a full page: parts, and checks elsewhere.
fn parts<F>(registry: &Scripted<F>) -> usize {
    let asked = registry.asked.lock().unwrap();
    let parts = asked.iter().filter(|(request, _)| request.limit < 100);
    parts.count()
}

#[test]
fn promise_5_a_page_of_which_nothing_comes_costs_sixteen_parts() {
    let all_of_it = failing(900, |row| (397..496).contains(&row), failed);
    let listed = list(&all_of_it, start(Plain));
    assert_eq!(listed.rows.len(), 900 - 99);
    let gap = &listed.cursor.gaps[0];
    assert_eq!((gap.from, gap.to), (397, Some(496)));
    // Sixteen parts, one check whether the registry answers, and two whether rows have moved.
    assert_eq!(parts(&all_of_it), 16 + 3);
}

#[test]
fn promise_5_a_page_of_which_something_comes_costs_64_parts() {
    let registry = failing(900, |row| (397..496).contains(&row) && row % 3 > 0, failed);
    let listed = list(&registry, start(Plain));
    // Plus four checks whether the registry answers and rows have moved.
    assert!((60..=64 + 4).contains(&parts(&registry)));
    assert!(listed.rows.len() > 900 - 99);
}

#[test]
fn promise_5_a_known_gap_costs_the_rows_beside_it_nothing() {
    let is_bad = |row| row == 150 || (400..470).contains(&row);
    let registry = failing(900, is_bad, failed);
    let mut gaps = Vec::new();
    for run in 0..5 {
        registry.asked.lock().unwrap().clear();
        let listed = list_again(&registry, gaps);
        gaps = listed.cursor.gaps;
        if run == 0 {
            // With this many bad rows, some next to them are left to the next run.
            continue;
        }
        assert_eq!(listed.rows.len(), 900 - 71);
        let borders: Vec<_> = gaps.iter().map(|gap| (gap.from, gap.to)).collect();
        assert_eq!(borders, [(150, Some(151)), (400, Some(470))]);
    }
    // First each gap on its own. Then the rows before a gap, the gap and the rows after it: the gap
    // on its own, or by three of its rows. One check whether the registry answers, and two per gap
    // whether rows have moved.
    assert!(
        parts(&registry) <= 2 + 3 + 5 + 1 + 4,
        "{}",
        parts(&registry)
    );
    assert!(gaps.iter().all(|gap| gap.turn == 4), "{gaps:?}");
}

#[test]
fn promise_5_three_pages_that_are_refused_cost_no_row_behind_them() {
    for error in [|| refused(400), || refused(404), || refused(413), failed] {
        let registry = failing(500, |row| [165, 285, 395].contains(&row), error);
        let mut gaps = Vec::new();
        let mut rows = BTreeSet::new();
        for _ in 0..2 {
            let listed = list_again(&registry, gaps);
            assert!(listed.error.is_none(), "{:?}", listed.error);
            gaps = listed.cursor.gaps;
            rows.extend(listed.rows);
        }
        assert_eq!(rows.len(), 497);
        let named: Vec<u64> = gaps.iter().map(|gap| gap.from).collect();
        assert_eq!(named, [165, 285, 395]);
    }
}

#[test]
fn promise_5_a_registry_that_serves_small_pages_only_is_read_in_such() {
    for largest in [10, 6] {
        for from in [0, 250] {
            let registry = scripted(move |request| {
                if request.limit > largest
                    && request.offset.saturating_add(request.limit.into()) > from
                {
                    return Err(failed());
                }
                Ok(page(of(500, request), r#"{"total":500}"#))
            });
            let mut gaps = Vec::new();
            let mut rows = BTreeSet::new();
            for run in 0..4 {
                registry.asked.lock().unwrap().clear();
                let listed = list_again(&registry, gaps);
                gaps = listed.cursor.gaps;
                rows.extend(listed.rows);
                let requests = registry.offsets().len();
                assert!(requests < 700, "{largest} {from} run {run}: {requests}");
            }
            assert_eq!((rows.len(), gaps.len()), (500, 0), "{largest} {from}");
        }
    }
}

#[test]
fn promise_9_a_registry_that_serves_single_rows_only_is_not_asked_for_more_in_each_run() {
    let registry = scripted(|request| {
        if request.limit > 1 {
            return Err(failed());
        }
        Ok(page(of(60, request), r#"{"total":60}"#))
    });
    let mut next = start(Plain);
    for run in 0..25 {
        registry.asked.lock().unwrap().clear();
        let listed = list(&registry, next);
        let requests = registry.offsets().len();
        assert!(requests < 512 + 100, "run {run}: {requests}");
        next = start(Plain);
        next.gaps = listed.cursor.gaps;
    }
}

#[test]
fn promise_5_bad_rows_in_every_page_cost_themselves_in_the_end() {
    let registry = failing(500, |row| row % 7 == 3, failed);
    let mut next = start(Plain);
    let mut rows = BTreeSet::new();
    let mut runs = 0;
    while rows.len() < 500 - 71 {
        runs += 1;
        assert!(runs < 12, "{} rows in {runs} runs", rows.len());
        registry.asked.lock().unwrap().clear();
        let listed = list(&registry, next);
        let requests = registry.offsets().len();
        assert!(requests < 6 * 70 + 100, "run {runs}: {requests}");
        rows.extend(listed.rows);
        next = start(Plain);
        if listed.error.is_some() {
            next.cursor = listed.kept;
        } else {
            next.gaps = listed.cursor.gaps;
        }
    }
}

#[test]
fn promise_17_a_listing_that_nothing_answers_any_more_is_begun_anew() {
    // The tiers fail for a moment, and no other plan is served.
    let fails = Mutex::new(true);
    let registry = scripted(|request| match request.trust_tier.as_deref() {
        Some("verified") if !*fails.lock().unwrap() => Ok(page(of(60, request), "{}")),
        Some(_) if *fails.lock().unwrap() => Err(failed()),
        Some(_) => Ok(page([], "{}")),
        None => Err(refused(400)),
    });
    let mut first = start(Tiers);
    first.cursor.is_resumed = true;
    let mut listed = list(&registry, first);
    assert!(listed.error.is_some());
    *fails.lock().unwrap() = false;
    let mut next = start(Plain);
    next.cursor = listed.kept;
    next.cursor.is_resumed = true;
    listed = list(&registry, next);
    assert!(listed.error.is_none(), "{:?}", listed.error);
    assert_eq!(listed.rows.len(), 60);
}

#[test]
fn promise_5_what_is_good_again_inside_a_known_gap_is_found() {
    for healed in [400, 469, 433] {
        let mut gaps = {
            let registry = failing(900, |row| (400..470).contains(&row), failed);
            list(&registry, start(Plain)).cursor.gaps
        };
        let is_bad = |row| (400..470).contains(&row) && row != healed;
        let registry = failing(900, is_bad, failed);
        let mut runs = 0;
        loop {
            runs += 1;
            // Its first and last rows are requested each time, the others in turn.
            assert!(
                runs <= if healed == 433 { 2 * 68 } else { 1 },
                "row {healed}"
            );
            let start = Start {
                gaps,
                ..start(Plain)
            };
            let listed = list(&registry, start);
            if listed.rows.len() == 900 - 69 {
                break;
            }
            gaps = listed.cursor.gaps;
        }
    }
}

#[test]
fn promise_9_pages_that_go_on_failing_are_not_asked_for_in_each_run() {
    let registry = failing(3_000, |row| row >= 1_000, failed);
    let mut gaps = Vec::new();
    for run in 0..16 {
        registry.asked.lock().unwrap().clear();
        let listed = list_again(&registry, gaps);
        assert!(listed.error.is_none());
        assert!(listed.rows.len() >= if run == 0 { 990 } else { 1_000 });
        let deep = registry.offsets().into_iter().filter(|at| *at >= 990);
        let deep = deep.count();
        // Single rows are requested in the page where the gap begins, and once in the page where
        // the listing ends.
        let is_border = run == 1 || (5..8).contains(&run);
        // The first run tries smaller pages, and offsets further on.
        let most = match run {
            0 => 32,
            _ if is_border => 64 + 16,
            _ => 16,
        };
        assert!(deep <= most, "{run}: {deep}");
        gaps = listed.cursor.gaps;
        assert!(gaps.len() <= 3, "{gaps:?}");
    }
}

#[test]
fn promise_5_a_row_that_makes_its_page_too_large_costs_itself() {
    let registry = failing(400, |row| row == 222, || Error::TooLarge(1));
    let listed = list(&registry, start(Plain));
    assert!(listed.error.is_none(), "{:?}", listed.error);
    assert_eq!((listed.rows.len(), listed.cursor.gaps.len()), (399, 1));
}

#[test]
fn a_refusal_behind_the_last_row_is_the_end() {
    for status in [400, 404, 416] {
        for rows in [1, 99, 100, 250, 300] {
            let registry = scripted(|request| {
                if request.offset >= rows {
                    return Err(refused(status));
                }
                Ok(page(of(rows, request), "{}"))
            });
            let listed = list(&registry, start(Plain));
            assert!(listed.error.is_none(), "{:?}", listed.error);
            let found = &listed.cursor.findings;
            assert!(found.limited.is_empty() && listed.cursor.gaps.is_empty());
            assert_eq!(listed.rows.len() as u64, rows);
        }
    }
}

#[test]
fn a_refusal_in_the_middle_is_told() {
    let registry = scripted(|request| {
        if request.offset >= 200 {
            return Err(refused(400));
        }
        Ok(page(of(900, request), "{}"))
    });
    let listed = list(&registry, start(Plain));
    assert!(listed.error.is_none(), "{:?}", listed.error);
    assert_eq!(listed.cursor.findings.limited, [Pass::Everything]);
}

#[test]
fn promise_5_a_page_of_which_every_second_row_is_bad_comes_in_time() {
    let is_bad = |row| (100..200).contains(&row) && row % 2 == 0;
    let registry = failing(500, is_bad, failed);
    let mut gaps = Vec::new();
    let mut rows = BTreeSet::new();
    let mut runs = 0;
    while rows.len() < 450 {
        runs += 1;
        assert!(runs <= 60, "{} rows", rows.len());
        registry.asked.lock().unwrap().clear();
        let listed = list_again(&registry, gaps);
        assert!(registry.offsets().len() < 250, "run {runs}");
        rows.extend(listed.rows);
        gaps = listed.cursor.gaps;
    }
}
