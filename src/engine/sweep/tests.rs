use std::sync::Mutex;
use std::time::Duration;

use super::Plan::{Plain, Tiers, Words};
use super::*;
use crate::CancelToken;
use crate::clock::SystemClock;
use crate::registry::{Health, PageRequest};

/// Answers each request by a function, and remembers them all.
struct Scripted<F> {
    answer: F,
    asked: Mutex<Vec<PageRequest>>,
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

    fn search(&self, request: &PageRequest, _: &Call<'_>) -> Result<Page> {
        self.asked.lock().unwrap().push(request.clone());
        (self.answer)(request)
    }
}

fn scripted<F: Fn(&PageRequest) -> Result<Page>>(answer: F) -> Scripted<F> {
    Scripted {
        answer,
        asked: Mutex::default(),
    }
}

fn page(ids: impl IntoIterator<Item = u64>, meta: &str) -> Page {
    let rows: Vec<String> = ids
        .into_iter()
        .map(|id| format!(r#"{{"id":"s{id}","name":"n"}}"#))
        .collect();
    Page::parse(format!(r#"{{"data":[{}],"meta":{meta}}}"#, rows.join(",")).as_bytes()).unwrap()
}

fn refused() -> Result<Page> {
    Err(Error::Refused {
        status: 400,
        detail: None,
    })
}

/// Reads to the end; returns the place there.
fn read(registry: &dyn Registry, plan: Plan, page_size: u32) -> Result<Place> {
    let cancel = CancelToken::new();
    let call = Call {
        cancel: &cancel,
        clock: &SystemClock,
        deadline: Duration::MAX,
        on_wait: &|_| {},
        single_try: false,
    };
    let place = Place::new("scripted".into(), plan, false, String::new());
    let mut sweeper = Sweeper::new(registry, page_size, place);
    while sweeper.next(&call)?.is_some() {}
    Ok(sweeper.into_place())
}

fn tiers_and_words<F>(registry: &Scripted<F>) -> Vec<String> {
    let asked = registry.asked.lock().unwrap();
    let name = |request: &PageRequest| request.trust_tier.clone().or_else(|| request.query.clone());
    asked
        .iter()
        .map(|request| name(request).unwrap_or_default())
        .collect()
}

#[test]
fn promise_8_a_listing_without_an_end_is_left_after_100_000_pages() {
    let endless = scripted(|request| Ok(page([request.offset, request.offset + 1], "{}")));
    let error = read(&endless, Plain, 2).unwrap_err();
    assert!(
        error.to_string().contains("no end after 100000 pages"),
        "{error}"
    );
    assert_eq!(endless.asked.lock().unwrap().len(), 100_000);
}

#[test]
fn plans_are_tried_the_best_first() {
    let nothing = scripted(|_| refused());
    assert!(matches!(
        read(&nothing, Plain, 100),
        Err(Error::Refused { .. })
    ));
    let names = tiers_and_words(&nothing);
    assert_eq!(names.len(), 1 + 7 + 8);
    assert_eq!(
        (names[0].as_str(), names[1].as_str(), names[8].as_str()),
        ("", "official", "git")
    );
}

#[test]
fn a_remembered_plan_that_is_refused_gives_way_to_all_others() {
    let only_plain = scripted(|request| {
        if request.trust_tier.is_some() || request.query.is_some() {
            return refused();
        }
        Ok(page([], r#"{"total":0,"limit":100}"#))
    });
    for plan in [Tiers, Words] {
        assert_eq!(read(&only_plain, plan, 100).unwrap().plan, Plain);
    }
}

#[test]
fn each_page_begins_with_the_last_row_of_the_one_before() {
    let registry = scripted(|request| {
        let end = (request.offset + u64::from(request.limit)).min(250);
        Ok(page(request.offset..end, r#"{"total":250,"limit":100}"#))
    });
    let place = read(&registry, Plain, 100).unwrap();
    let offsets: Vec<u64> = registry
        .asked
        .lock()
        .unwrap()
        .iter()
        .map(|request| request.offset)
        .collect();
    assert_eq!(offsets, [0, 99, 198]);
    assert!(!place.unsettled && place.done_rows == 250);
}

#[test]
fn a_tier_that_a_row_names_gets_a_sweep_of_its_own() {
    let registry = scripted(|request| {
        let rows = match request.trust_tier.as_deref() {
            Some("official") if request.offset == 0 => {
                r#"[{"id":"a","name":"n","trust_tier":"platinum"}]"#
            }
            _ => "[]",
        };
        Page::parse(format!(r#"{{"data":{rows},"meta":{{"total":0}}}}"#).as_bytes())
    });
    read(&registry, Tiers, 10).unwrap();
    assert!(tiers_and_words(&registry).contains(&"platinum".to_owned()));
}

/// Each tier of `tiers` has so many rows; where `hidden` says so, a row is left out of its page,
/// and the total counts the page before that.
fn counting_before_hiding(
    tiers: [(&'static str, u64); 2],
    hidden: impl Fn(&str, u64) -> bool + Send + Sync,
) -> Scripted<impl Fn(&PageRequest) -> Result<Page> + Send + Sync> {
    scripted(move |request| {
        let asked = request.trust_tier.as_deref().unwrap_or_default();
        let tier = tiers.iter().find(|(tier, _)| *tier == asked);
        let Some((tier, rows)) = tier else {
            return Ok(page([], r#"{"total":0,"limit":100}"#));
        };
        let end = (request.offset + u64::from(request.limit)).min(*rows);
        let total = end.saturating_sub(request.offset);
        let visible = (request.offset..end).filter(|row| !hidden(tier, *row));
        Ok(page(
            visible,
            &format!(r#"{{"total":{total},"limit":100}}"#),
        ))
    })
}

#[test]
fn a_total_that_proved_useless_ends_no_later_sweep() {
    let registry = counting_before_hiding([("official", 150), ("verified", 250)], |tier, row| {
        tier == "official" && row == 7
    });
    let place = read(&registry, Tiers, 100).unwrap();
    assert_eq!(place.done_rows, 149 + 250);
}

#[test]
fn a_total_that_held_to_the_end_saves_requests() {
    let registry = scripted(|request| {
        let rows = match request.trust_tier.as_deref() {
            Some("official") => 150,
            Some("verified") => 30,
            _ => 0,
        };
        let end = (request.offset + u64::from(request.limit)).min(rows);
        let meta = format!(r#"{{"total":{rows},"limit":100}}"#);
        Ok(page(request.offset..end, &meta))
    });
    assert_eq!(read(&registry, Tiers, 100).unwrap().done_rows, 180);
    // Two pages, and one for each other tier.
    assert_eq!(registry.asked.lock().unwrap().len(), 2 + 6);
}
