//! The sync endpoint, read by a lister: what is requested, and what comes of it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Lister, Start};
use crate::clock::SystemClock;
use crate::engine::cursor::{Cursor, Mode};
use crate::engine::gap::Gap;
use crate::engine::plan::{Pass, Plan};
use crate::engine::profile::Totals;
use crate::fingerprint::row_of_id;
use crate::registry::{Call, Health, Page, PageRequest, Registry, SyncRequest};
use crate::{CancelToken, Error, Result};

/// A registry with a scripted sync endpoint, whose search returns one skill.
struct Endpoint<F> {
    answer: F,
    asked: Mutex<Vec<SyncRequest>>,
}

impl<F: Fn(&SyncRequest, usize) -> Result<Page> + Send + Sync> Registry for Endpoint<F> {
    fn name(&self) -> String {
        "endpoint".into()
    }

    fn is_offline(&self) -> bool {
        false
    }

    fn check_health(&self, _: &Call<'_>) -> Result<Health> {
        Ok(Health::Healthy)
    }

    fn search(&self, request: &PageRequest, _: &Call<'_>) -> Result<Page> {
        Ok(if request.offset == 0 {
            page(["from-search".to_owned()])
        } else {
            page([])
        })
    }

    fn sync_registry(&self, request: &SyncRequest, _: &Call<'_>) -> Result<Page> {
        let mut asked = self.asked.lock().unwrap();
        asked.push(request.clone());
        (self.answer)(request, asked.len())
    }
}

impl<F> Endpoint<F> {
    fn offsets(&self) -> Vec<u64> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|request| request.offset).collect()
    }
}

fn endpoint<F: Fn(&SyncRequest, usize) -> Result<Page>>(answer: F) -> Endpoint<F> {
    Endpoint {
        answer,
        asked: Mutex::default(),
    }
}

fn page(ids: impl IntoIterator<Item = String>) -> Page {
    let row = |id: String| format!(r#"{{"id":"{id}","name":"n","trust_tier":"verified"}}"#);
    let rows: Vec<String> = ids.into_iter().map(row).collect();
    Page::parse(format!(r#"{{"data":[{}],"meta":{{}}}}"#, rows.join(",")).as_bytes()).unwrap()
}

fn id(n: u64) -> String {
    format!("s{n:06}")
}

/// The answer of a correct registry with these rows.
fn honest(rows: &[u64], request: &SyncRequest) -> Page {
    let from = usize::try_from(request.offset).unwrap();
    let most = usize::try_from(request.limit).unwrap();
    page(rows.iter().skip(from).take(most).map(|n| id(*n)))
}

fn refused(status: u16) -> Error {
    Error::Refused {
        status,
        detail: None,
    }
}

fn start(since: Option<&str>) -> Start {
    let now = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let mut cursor = Cursor::new(
        "endpoint".into(),
        String::new(),
        Plan::Sync,
        Mode::Stamp,
        now,
    );
    cursor.since = since.map(str::to_owned);
    Start {
        has_endpoint: false,
        instead: Plan::Plain,
        stored: Arc::default(),
        cursor,
        page_size: 100,
        totals: Totals::Unknown,
        doubts: Vec::new(),
        gaps: Vec::new(),
    }
}

struct Listed {
    ids: BTreeSet<String>,
    cursor: Cursor,
    error: Option<Error>,
}

impl Listed {
    fn has_all(&self, rows: impl IntoIterator<Item = u64>) -> bool {
        rows.into_iter().all(|n| self.ids.contains(&id(n)))
    }

    fn is_certain(&self) -> bool {
        let findings = &self.cursor.findings;
        self.error.is_none() && findings.doubts.is_empty() && findings.limited.is_empty()
    }
}

fn list(registry: &dyn Registry, start: Start) -> Listed {
    let cancel = CancelToken::new();
    let call = Call {
        deadline: Duration::MAX,
        ..Call::new(&cancel, &SystemClock)
    };
    let mut lister = Lister::new(registry, start);
    let mut ids = BTreeSet::new();
    let error = loop {
        match lister.next(&call) {
            Ok(Some(step)) => {
                for (identity, row) in &step.rows {
                    let id = row.id().unwrap();
                    assert_eq!(*identity, row_of_id(id));
                    ids.insert(id.to_owned());
                }
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    Listed {
        ids,
        cursor: lister.into_cursor(),
        error,
    }
}

#[test]
fn all_rows_come_in_as_few_requests_as_can_be() {
    for count in [0, 1, 2, 98, 99, 100, 101, 198, 199, 250, 1_000] {
        let rows: Vec<u64> = (0..count).collect();
        let registry = endpoint(|request: &SyncRequest, _| Ok(honest(&rows, request)));
        let listed = list(&registry, start(None));
        assert!(listed.is_certain() && listed.has_all(0..count), "{count}");
        // With the health check: N / (limit - 1) + 3.
        let most = count / 99 + 2;
        let asked = registry.offsets();
        assert!(asked.len() as u64 <= most, "{count}: {asked:?}");
    }
}

#[test]
fn changes_are_asked_for_with_the_watermark_on_every_page() {
    let rows: Vec<u64> = (0..150).collect();
    let registry = endpoint(|request: &SyncRequest, _| Ok(honest(&rows, request)));
    let listed = list(&registry, start(Some("2026-08-01T00:00:00.123456+00:00")));
    assert!(listed.is_certain() && listed.has_all(0..150));
    let asked = registry.asked.lock().unwrap();
    assert_eq!(asked.len(), 3);
    assert!(
        asked
            .iter()
            .all(|request| request.since.as_deref() == Some("2026-08-01T00:00:00.123456+00:00"))
    );
}

#[test]
fn promise_1_a_refusal_where_a_moved_row_is_looked_for_is_not_the_end() {
    for status in [400, 404, 405, 410, 416, 422] {
        for clamp in [50, 100] {
            for moved_before in 2..5 {
                let rows: Vec<u64> = (0..420).collect();
                let registry = endpoint(|request: &SyncRequest, count| {
                    if count == moved_before + 1 {
                        return Err(refused(status));
                    }
                    let rows = if count < moved_before {
                        &rows
                    } else {
                        &rows[3..]
                    };
                    let limit = request.limit.min(clamp);
                    Ok(honest(
                        rows,
                        &SyncRequest {
                            limit,
                            ..request.clone()
                        },
                    ))
                });
                let listed = list(&registry, start(None));
                let what = format!(
                    "{status}, {clamp}, {moved_before}: {:?}",
                    registry.offsets()
                );
                let is_all = listed.has_all(3..420);
                assert!(
                    is_all || !listed.is_certain() || !listed.cursor.gaps.is_empty(),
                    "{what}"
                );
                assert!(listed.has_all(300..420), "{what}");
            }
        }
    }
}

#[test]
fn a_registry_without_the_endpoint_is_searched() {
    for status in [400, 404, 405, 410, 501] {
        let registry = endpoint(|_: &SyncRequest, _| Err(refused(status)));
        let listed = list(&registry, start(None));
        assert!(listed.is_certain(), "{status}");
        assert!(listed.ids.contains("from-search"), "{status}");
        assert_eq!(registry.offsets(), [0], "{status}");
        assert!(listed.cursor.misses_endpoint);
    }
    let unknown = endpoint(|_: &SyncRequest, _| {
        Err(Error::Server {
            status: 501,
            detail: None,
            retry_at: None,
        })
    });
    assert!(list(&unknown, start(None)).ids.contains("from-search"));
}

#[test]
fn an_endpoint_that_was_there_fails_one_run_first() {
    let registry = endpoint(|_: &SyncRequest, _| Err(refused(404)));
    let first = list(
        &registry,
        Start {
            has_endpoint: true,
            ..start(Some("2026-08-01T00:00:00Z"))
        },
    );
    assert!(matches!(
        first.error,
        Some(Error::Refused { status: 404, .. })
    ));
    assert!(first.ids.is_empty());
    let second = list(
        &registry,
        Start {
            has_endpoint: true,
            cursor: first.cursor,
            ..start(None)
        },
    );
    assert!(second.is_certain() && second.ids.contains("from-search"));
}

#[test]
fn a_registry_that_cannot_list_changes_lists_everything() {
    for status in [400, 414, 422] {
        let rows: Vec<u64> = (0..3).collect();
        let registry = endpoint(|request: &SyncRequest, _| match request.since {
            Some(_) => Err(refused(status)),
            None => Ok(honest(&rows, request)),
        });
        let listed = list(&registry, start(Some("2026-08-01T00:00:00Z")));
        assert!(listed.is_certain() && listed.has_all(0..3), "{status}");
        assert_eq!(listed.cursor.since, None);
        assert_eq!(listed.cursor.plan, Plan::Sync);
    }
}

#[test]
fn the_decision_of_a_registry_is_not_gone_round() {
    let registry = endpoint(|_: &SyncRequest, _| Err(Error::PlanRequired("larger".into())));
    let listed = list(&registry, start(None));
    assert!(matches!(listed.error, Some(Error::PlanRequired(_))));
    assert!(listed.ids.is_empty());
}

#[test]
fn rows_that_come_and_go_meanwhile_leave_no_doubt() {
    // Before the offset, every request inserts a row, and every other one removes two.
    let registry = endpoint(|request: &SyncRequest, number| {
        let number = number as u64;
        let gone = 2 * (number / 2);
        let rows: Vec<u64> = (0..number)
            .chain((1_000..2_000).filter(|n| *n >= 1_000 + gone))
            .collect();
        Ok(honest(&rows, request))
    });
    let listed = list(&registry, start(None));
    assert!(listed.is_certain(), "{:?}", listed.cursor.findings);
    assert!(listed.has_all(1_030..2_000));
}

#[test]
fn promise_2_an_endpoint_that_takes_no_notice_of_the_offset_is_found_out() {
    let rows: Vec<u64> = (0..300).collect();
    let registry = endpoint(|request: &SyncRequest, _| {
        let first = SyncRequest::new().limit(request.limit);
        Ok(honest(&rows, &first))
    });
    assert!(!list(&registry, start(None)).is_certain());
}

#[test]
fn promise_2_an_endpoint_in_no_order_is_in_doubt() {
    let registry = endpoint(|request: &SyncRequest, number| {
        let mut rows: Vec<u64> = (0..300).collect();
        rows.sort_by_key(|n| crate::fingerprint::fingerprint(&(*n, number)));
        Ok(honest(&rows, request))
    });
    assert!(!list(&registry, start(None)).is_certain());
}

#[test]
fn promise_2_a_page_without_the_row_that_was_there_is_not_the_end() {
    for limit in [2, 100] {
        for empty_for in [1, 3, usize::MAX] {
            let rows: Vec<u64> = (0..300).collect();
            let registry = endpoint(|request: &SyncRequest, number| {
                let hides = request.offset > 0 && number.saturating_sub(2) < empty_for;
                Ok(if hides {
                    page([])
                } else {
                    honest(&rows, request)
                })
            });
            let listed = list(
                &registry,
                Start {
                    page_size: limit,
                    ..start(None)
                },
            );
            assert!(
                listed.has_all(0..300) || !listed.is_certain(),
                "pages of {limit}, empty {empty_for} times: {:?}",
                registry.offsets()
            );
        }
    }
}

#[test]
fn promise_2_one_empty_page_behind_one_that_failed_is_not_the_end() {
    let rows: Vec<u64> = (0..300).collect();
    let registry = endpoint(|request: &SyncRequest, number| match number {
        1 => Err(Error::Protocol("no JSON".into())),
        2 => Ok(page([])),
        _ => Ok(honest(&rows, request)),
    });
    let listed = list(&registry, start(None));
    assert!(listed.has_all(0..300) || !listed.is_certain());
}

fn gap(from: u64, before: u64, after: u64) -> Gap {
    Gap {
        pass: Pass::Sync,
        since: None,
        from,
        to: Some(from + 1),
        before: Some(id(before)),
        after: Some(id(after)),
        cause: "HTTP 500".into(),
        turn: 0,
        failed_now: false,
    }
}

/// A listing of changes after a full one that left this gap.
fn list_changes(registry: &dyn Registry, gap: Gap) -> Listed {
    list(
        registry,
        Start {
            gaps: vec![gap],
            ..start(Some("2026-08-01T00:00:00Z"))
        },
    )
}

#[test]
fn promise_4_a_gap_of_an_earlier_listing_is_found_wherever_it_is_now() {
    for came_before in [0, 1, 40, 150, 1_200] {
        // Rows inserted before it since; the row in the gap is 200,500.
        let rows: Vec<u64> = (100_000..100_000 + came_before)
            .chain(200_400..200_600)
            .collect();
        let registry = endpoint(|request: &SyncRequest, _| {
            Ok(if request.since.is_some() {
                page([])
            } else {
                honest(&rows, request)
            })
        });
        let listed = list_changes(&registry, gap(100, 200_499, 200_501));
        assert!(listed.has_all([200_500]), "{came_before}");
        assert!(listed.cursor.gaps.is_empty(), "{came_before}");
    }
}

#[test]
fn promise_4_a_gap_that_does_not_come_is_kept() {
    let rows: Vec<u64> = (0..200).collect();
    let registry = endpoint(|request: &SyncRequest, _| match request.since {
        Some(_) => Ok(page([])),
        None if (request.offset..request.offset + u64::from(request.limit)).contains(&100) => {
            Err(Error::Protocol("no JSON".into()))
        }
        None => Ok(honest(&rows, request)),
    });
    let listed = list_changes(&registry, gap(100, 99, 101));
    assert!(listed.is_certain());
    let [kept] = &listed.cursor.gaps[..] else {
        panic!("{:?}", listed.cursor.gaps)
    };
    assert_eq!((kept.from, kept.to), (100, Some(101)));
    assert_eq!(registry.offsets(), [99, 0]);
}

#[test]
fn promise_4_rows_that_came_into_a_gap_do_not_hide_those_that_were_there() {
    // The gap was row 199,500; now 50 rows precede it, between its two neighbours.
    let rows: Vec<u64> = (0..200)
        .map(|n| n * 1_000)
        .chain(199_100..199_150)
        .chain([199_500, 200_000])
        .collect();
    let mut sorted = rows.clone();
    sorted.sort_unstable();
    let registry = endpoint(|request: &SyncRequest, _| {
        Ok(if request.since.is_some() {
            page([])
        } else {
            honest(&sorted, request)
        })
    });
    let listed = list_changes(&registry, gap(200, 199_000, 200_000));
    assert!(listed.has_all([199_500]));
    assert!(listed.cursor.gaps.is_empty());
}

#[test]
fn rows_behind_rows_that_are_hidden_after_the_limit_are_found() {
    for (page_size, hidden) in [(100, 100..260), (2, 40..41), (20, 58..83)] {
        let registry = endpoint(|request, _| {
            let end = request.offset.saturating_add(request.limit.into()).min(733);
            let shown = (request.offset..end).filter(|n| !hidden.contains(n));
            Ok(page(shown.map(id)))
        });
        let start = Start {
            page_size,
            ..start(None)
        };
        let listed = list(&registry, start);
        let is_shown = |n: &u64| !hidden.contains(n);
        assert!(listed.has_all((0..733).filter(is_shown)), "{hidden:?}");
    }
}

#[test]
fn one_look_behind_a_full_page_stays_within_the_promised_requests() {
    for rows in [1, 99, 100, 101, 199, 200, 298, 650] {
        let all: Vec<u64> = (0..rows).collect();
        let registry = endpoint(|request, _| Ok(honest(&all, request)));
        let listed = list(&registry, start(None));
        assert!(listed.has_all(0..rows) && listed.is_certain());
        // At most rows / 99 + 3, with one for the registry's health.
        let asked = registry.offsets().len() as u64 + 1;
        assert!(
            asked * 99 <= rows + 3 * 99,
            "{asked} requests for {rows} rows"
        );
    }
}
