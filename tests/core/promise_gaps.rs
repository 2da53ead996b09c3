//! Promise 5, *Bad rows and pages are isolated*, where whole pages, passes and offsets fail: a gap
//! costs only its own rows, is reported and stored, and is requested first by the next run.

use std::time::Duration;

use serde_json::{Value, json};
use skillsmith_sync::{Coverage, ErrorCode, SyncOptions, SyncResult, SyncStatus};
use skillsmith_test_registry::{Catalogue, Fault, Options, Order, Plain};

use crate::support::{World, assert_sound, assert_success, client_with, row_count, rows};

/// Six pages; each except the first starts with the last row of the previous one.
const SKILLS: usize = 300;
const PAGE: u32 = 51;
const PAGES: u64 = 6;

fn ordered(skills: usize) -> World {
    World::by_id(skills, Plain::Allowed)
}

fn sync(world: &World) -> SyncResult {
    world.sync_with(SyncOptions::new().page_size(PAGE))
}

/// The ways in which a page fails.
fn failures() -> [(&'static str, Fault); 4] {
    [
        ("403", Fault::status(403)),
        ("422", Fault::status(422)),
        ("500", Fault::status(500)),
        ("could not be understood", Fault::garbage()),
    ]
}

/// The id at a position of the listing by id.
fn id_at(world: &World, position: u64) -> String {
    let mut ids = world.server.catalogue(|catalogue| catalogue.ids());
    ids.sort();
    ids.swap_remove(usize::try_from(position).unwrap())
}

fn kept_gaps(world: &World) -> Vec<Value> {
    let kept: Option<String> = world
        .look()
        .query_row(
            "SELECT max(value) FROM sync_state WHERE key LIKE 'gaps:%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    kept.map_or_else(Vec::new, |kept| serde_json::from_str(&kept).unwrap())
}

fn has_cursor(world: &World) -> bool {
    world
        .look()
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM sync_state WHERE key = 'cursor')",
            [],
            |row| row.get(0),
        )
        .unwrap()
}

fn last_sync_at(world: &World) -> Option<String> {
    world.engine().get_status().unwrap().config.last_sync_at
}

/// Asserts that the listing was read to its end, except for the reported gaps.
#[track_caller]
fn assert_partial(world: &World, result: &SyncResult, stored: usize) {
    assert_eq!(result.status, SyncStatus::Partial, "{result:?}");
    assert_eq!(result.code, None, "{result:?}");
    assert_eq!(result.coverage, Coverage::BestEffort, "{result:?}");
    assert!(!result.errors.is_empty());
    assert_eq!(row_count(&world.path()), stored, "{result:?}");
    let (status, message, _) = world.last_entry();
    assert_eq!(status, "partial");
    assert!(message.unwrap().starts_with(&result.errors[0]));
    // It counts as a whole listing: the schedule and the next listing continue from here.
    assert!(last_sync_at(world).is_some());
    assert!(!has_cursor(world));
    assert_sound(&world.path());
}

/// A row that makes every page with it fail, at some position in each of the six pages.
fn one_bad_row(said: &str, fault: &Fault) {
    for page in 0..PAGES {
        let position = [0, 77, 150, 151, 222, 299][usize::try_from(page).unwrap()];
        let world = ordered(SKILLS);
        let bad = id_at(&world, position);
        world.server.fault(fault.clone().holding(&bad).always());
        let first = sync(&world);
        assert_partial(&world, &first, SKILLS - 1);
        assert!(!rows(&world.path()).contains_key(&bad));
        assert_eq!(first.errors.len(), 1, "{first:?}");
        let number = position + 1;
        assert!(
            first.errors[0].starts_with(&format!(
                "One row of the listing could not be read, number {number}"
            )) && first.errors[0].contains(said),
            "{first:?}"
        );
        let gaps = kept_gaps(&world);
        assert_eq!(gaps.len(), 1);
        assert_eq!(
            (&gaps[0]["from"], &gaps[0]["to"]),
            (&json!(position), &json!(number))
        );
        // The neighbouring ids, which help a person to find it.
        let beside = |position: Option<u64>| {
            let position = position.filter(|position| *position < SKILLS as u64);
            position.map_or(Value::Null, |position| id_at(&world, position).into())
        };
        assert_eq!(gaps[0]["before"], beside(position.checked_sub(1)));
        // If two pages share the row, its successor may be on the other page, which fails as well.
        let behind = &gaps[0]["after"];
        assert!(
            *behind == beside(Some(number)) || (behind.is_null() && position % 50 == 0),
            "{position}: {behind}"
        );

        // Changes before and after it arrive, and the gap is requested first.
        let changed = world
            .server
            .catalogue(|catalogue| catalogue.change(SKILLS, 4));
        world.server.clear_requests();
        world.server.clear_faults();
        world.server.fault(fault.clone().holding(&bad).always());
        let second = sync(&world);
        assert_partial(&world, &second, SKILLS - 1);
        assert_eq!(second.skills_updated as usize, SKILLS - 1, "{second:?}");
        assert_eq!(world.offsets()[0], position);
        assert!(changed.contains(&bad));

        // Once the row is fixed, it is stored and the gap is dropped.
        world.server.clear_faults();
        let third = sync(&world);
        assert_success(&third);
        assert_eq!(third.skills_added, 1, "{third:?}");
        assert!(kept_gaps(&world).is_empty());
        world.assert_mirrored();
        assert_eq!(sync(&world).coverage, Coverage::Complete);
    }
}

#[test]
fn promise_5_a_row_that_cannot_be_had_is_not_told_as_rows_that_move() {
    for (said, fault) in failures() {
        for position in [0, 150, 222, 299] {
            let world = ordered(SKILLS);
            let bad = id_at(&world, position);
            world.server.fault(fault.clone().holding(&bad).always());
            let result = sync(&world);
            assert_eq!(result.warnings.len(), 0, "{said} {position}: {result:?}");
            // The pages, the retries, and the halves of the failed page. Nothing is read twice,
            // because nothing moved.
            let requests = world.offsets().len();
            assert!(requests < 32, "{said} {position}: {requests}");
        }
    }
}

#[test]
fn promise_5_a_score_that_is_no_number_costs_its_row() {
    // What a Python server writes for a missing score: the page is no longer valid JSON.
    for position in [0, 77, 150, 151, 222, 299] {
        let world = ordered(SKILLS);
        let bad = id_at(&world, position);
        let mut served = world.server.catalogue(|catalogue| catalogue.values());
        served.sort_by_key(|skill| skill["id"].as_str().unwrap().to_owned());
        served[usize::try_from(position).unwrap()]["quality_score"] = json!(0.987_654_321);
        for (offset, rows) in (0_u64..).step_by(50).zip((0..SKILLS).step_by(50)) {
            let rows = &served[rows..(rows + 51).min(SKILLS)];
            let page = json!({ "data": rows, "meta": { "total": SKILLS, "limit": 51 } });
            let page = page.to_string().replace("0.987654321", "NaN");
            world
                .server
                .fault(Fault::replace_body(page).at_offset(offset).always());
        }
        let end = json!({ "data": [served[SKILLS - 1]], "meta": { "total": SKILLS, "limit": 51 } });
        let end = end.to_string().replace("0.987654321", "NaN");
        world
            .server
            .fault(Fault::replace_body(end).at_offset(299).always());
        for added in [SKILLS - 1, 0] {
            let result = sync(&world);
            assert_eq!(result.status, SyncStatus::Partial, "{result:?}");
            assert_eq!(
                (result.skills_added as usize, result.skills_rejected),
                (added, 1),
                "{result:?}"
            );
            assert!(result.errors[0].contains(&bad), "{result:?}");
            assert!(last_sync_at(&world).is_some() && !has_cursor(&world));
        }
        world.server.clear_faults();
        assert_success(&sync(&world));
        world.assert_mirrored();
    }
}

#[test]
fn promise_5_a_row_that_makes_its_page_403_costs_itself() {
    let [(said, fault), ..] = failures();
    one_bad_row(said, &fault);
}

#[test]
fn promise_5_a_row_that_makes_its_page_422_costs_itself() {
    let [_, (said, fault), ..] = failures();
    one_bad_row(said, &fault);
}

#[test]
fn promise_5_a_row_that_makes_its_page_500_costs_itself() {
    let [_, _, (said, fault), _] = failures();
    one_bad_row(said, &fault);
}

#[test]
fn promise_5_a_row_that_makes_its_page_no_json_costs_itself() {
    let [.., (said, fault)] = failures();
    one_bad_row(said, &fault);
}

#[test]
fn promise_5_a_page_that_fails_as_a_whole_costs_no_other() {
    for (said, fault) in failures() {
        for page in 0..PAGES {
            let world = ordered(SKILLS);
            // Except the rows that it shares with its neighbours.
            let bad = (page * 50 + 1)..(page * 50 + 50);
            for position in bad.clone() {
                world
                    .server
                    .fault(fault.clone().covering(position).always());
            }
            let first = sync(&world);
            // The next row may be on the same page, which is not split forever.
            let stored = row_count(&world.path());
            assert!(
                (SKILLS - 51..=SKILLS - 49).contains(&stored),
                "{said} {page}: {stored}: {first:?}"
            );
            assert_partial(&world, &first, stored);
            assert!(
                first.errors[0].starts_with("Rows ")
                    && first.errors[0].contains("of the listing could not be read"),
                "{said}: {first:?}"
            );
            // Twice as many if the listing is read again.
            let requests = world.offsets().len();
            assert!(
                requests <= 2 * (6 + 3 + 3 + 64),
                "{said} {page}: {requests}"
            );
            world
                .server
                .catalogue(|catalogue| catalogue.change(SKILLS, 4));
            assert_eq!(sync(&world).skills_updated as usize, stored);
            world.server.clear_faults();
            assert_success(&sync(&world));
            world.assert_mirrored();
        }
    }
}

#[test]
fn promise_5_a_page_that_fails_for_a_moment_costs_nothing() {
    for (said, fault) in failures() {
        for page in 0..PAGES {
            let world = ordered(SKILLS);
            // Its retries, however many, and no part of it later.
            world
                .server
                .fault(fault.clone().at_offset(page * 50).times(4));
            let result = sync(&world);
            assert_success(&result);
            assert_eq!(result.coverage, Coverage::Complete, "{said}: {result:?}");
            world.assert_mirrored();
        }
    }
}

#[test]
fn promise_5_a_row_beyond_16_mib_costs_itself() {
    for position in [0, 140, 299] {
        let mut skills = Catalogue::generate(SKILLS, 1).values();
        let bad = skills[position]["id"].as_str().unwrap().to_owned();
        skills[position]["description"] = "x".repeat(17 << 20).into();
        let world = World::with_catalogue(
            skills.into_iter().collect(),
            Options {
                order: Order::Inserted,
                ..Options::default()
            },
        );
        let first = world.sync();
        assert_partial(&world, &first, SKILLS - 1);
        assert!(!rows(&world.path()).contains_key(&bad));
        assert!(
            first.errors[0].contains(&format!("number {}", position + 1)),
            "{first:?}"
        );
        let changed = world.server.catalogue(|catalogue| {
            let other = catalogue.ids().into_iter().filter(|id| *id != bad);
            let changed: Vec<String> = other.step_by(50).collect();
            for id in &changed {
                catalogue.edit(id, |skill| {
                    skill["updated_at"] = "2026-12-12T00:00:00Z".into();
                });
            }
            changed.len()
        });
        world.server.clear_requests();
        assert_eq!(world.sync().skills_updated as usize, changed);
        assert_eq!(world.offsets()[0] as usize, position);
        world
            .server
            .catalogue(|catalogue| catalogue.edit(&bad, |skill| skill["description"] = "x".into()));
        assert_success(&world.sync());
        world.assert_mirrored();
    }
}

#[test]
fn promise_5_a_tier_that_fails_costs_no_other() {
    for (said, fault) in failures() {
        for tier in ["official", "community", "experimental"] {
            let world = World::new(
                400,
                Options {
                    plain: Plain::NeedsFilter,
                    ..Options::default()
                },
            );
            let served = world.server.catalogue(|catalogue| catalogue.values());
            let lost = served
                .iter()
                .filter(|skill| skill["trust_tier"] == tier && skill["quality_score"].is_null());
            let lost = lost.count();
            world.server.fault(fault.clone().for_tier(tier).always());
            let first = sync(&world);
            assert_eq!(
                first.status,
                SyncStatus::Partial,
                "{said} {tier}: {first:?}"
            );
            assert!(
                first
                    .errors
                    .iter()
                    .any(|error| error.contains(&format!("tier '{tier}'"))),
                "{said} {tier}: {first:?}"
            );
            assert_ne!(first.coverage, Coverage::Complete);
            // All others, except those that the listing by score returns as well.
            let of_tier = served.iter().filter(|skill| skill["trust_tier"] == tier);
            let others = 400 - of_tier.count();
            let stored = row_count(&world.path());
            assert!(
                (others..=400 - lost).contains(&stored),
                "{said} {tier}: {stored}, {others} others"
            );
            assert!(last_sync_at(&world).is_some() && !has_cursor(&world));
            // Changes of the others arrive in every run.
            for seed in 1..3 {
                world
                    .server
                    .catalogue(|catalogue| catalogue.change(400, seed));
                assert!(sync(&world).skills_updated as usize >= others);
            }
            world.server.clear_faults();
            assert_success(&sync(&world));
            world.assert_mirrored();
        }
    }
}

#[test]
fn promise_9_an_outage_is_not_asked_row_by_row() {
    for fault in [
        Fault::status(500),
        Fault::status(502),
        Fault::garbage(),
        Fault::close(),
    ] {
        let world = ordered(1_000);
        world.server.fault(fault.clone().at_request(4).always());
        let result = world.sync();
        assert_eq!(result.status, SyncStatus::Partial, "{fault:?}: {result:?}");
        assert!(result.code.is_some());
        // The attempts at the first failing page, two later pages, and two single rows.
        assert_eq!(world.offsets().len(), 3 + 4 + 2 + 2, "{fault:?}");
        assert!(has_cursor(&world) && last_sync_at(&world).is_none());
        assert_eq!(row_count(&world.path()), 298);
        assert_eq!(kept_gaps(&world).len(), 0);

        world.server.clear_faults();
        world.server.clear_requests();
        assert_success(&world.sync());
        world.assert_mirrored();
        // Not from the beginning.
        assert!(world.offsets().iter().all(|offset| *offset >= 297));
    }
}

#[test]
fn promise_17_what_says_that_nothing_can_come_ends_the_run_where_it_stands() {
    let reserved =
        json!({ "error": "no", "details": { "code": "tier_not_entitled", "currentTier": "free" } });
    let quota = json!({ "error": "monthly_quota_exceeded", "used": 9, "limit": 9, "tier": "free",
                        "resetsAt": "2099-01-01T00:00:00Z" });
    for (fault, code) in [
        (Fault::status(401), ErrorCode::Unauthorized),
        (
            Fault::status(403).with_body(reserved),
            ErrorCode::PlanRequired,
        ),
        (
            Fault::status(429).with_body(quota),
            ErrorCode::QuotaExceeded,
        ),
        (
            Fault::status(429).with_header("Retry-After", "86400"),
            ErrorCode::RateLimited,
        ),
    ] {
        let world = ordered(1_000);
        world.server.fault(fault.at_request(4).always());
        let result = world.sync();
        assert_eq!(result.code, Some(code), "{result:?}");
        assert_eq!(world.offsets().len(), 4, "{code:?}");
        assert!(has_cursor(&world) && kept_gaps(&world).is_empty());
        assert!(last_sync_at(&world).is_none());
        world.server.clear_faults();
        world.server.clear_requests();
        assert_success(&world.sync());
        assert_eq!(world.offsets()[0], 297);
        world.assert_mirrored();
    }
}

#[test]
fn promise_5_three_tiers_that_fail_cost_no_other() {
    let tiers = ["official", "verified", "curated"];
    let world = World::new(
        400,
        Options {
            plain: Plain::NeedsFilter,
            ..Options::default()
        },
    );
    for tier in tiers {
        world
            .server
            .fault(Fault::status(500).for_tier(tier).always());
    }
    let served = world.server.catalogue(|catalogue| catalogue.values());
    let others = served.iter().filter(|skill| {
        let tier = skill["trust_tier"].as_str();
        tier.is_some_and(|tier| !tiers.contains(&tier))
    });
    let others = others.count();
    assert!(others > 100, "{others}");
    for seed in 1..4 {
        let result = sync(&world);
        assert_eq!(result.status, SyncStatus::Partial, "{result:?}");
        assert_eq!(result.coverage, Coverage::BestEffort);
        for tier in tiers {
            let named = |error: &String| error.contains(&format!("tier '{tier}'"));
            assert!(result.errors.iter().any(named), "{tier}: {result:?}");
        }
        assert!(row_count(&world.path()) >= others);
        assert!(result.skills_added + result.skills_updated >= others as u64);
        world
            .server
            .catalogue(|catalogue| catalogue.change(400, seed));
    }
    world.server.clear_faults();
    assert_success(&sync(&world));
    world.assert_mirrored();
}

/// Every page that covers one of these positions fails.
fn with_three_bad_pages(fault: &Fault) -> World {
    let world = ordered(600);
    for position in 201..350 {
        world
            .server
            .fault(fault.clone().covering(position).always());
    }
    world
}

#[test]
fn promise_2_three_bad_pages_in_a_row_are_told_and_hold_up_nothing_before_them() {
    for (said, fault) in failures() {
        let world = with_three_bad_pages(&fault);
        let first = sync(&world);
        let reached = row_count(&world.path());
        assert!(reached >= 200, "{said}: {reached}: {first:?}");
        assert_eq!(first.status, SyncStatus::Partial, "{said}: {first:?}");
        assert_eq!(first.coverage, Coverage::BestEffort);
        for seed in 1..3 {
            world
                .server
                .catalogue(|catalogue| catalogue.change(600, seed));
            assert!(sync(&world).skills_updated >= 200, "{said}");
        }
        world.server.clear_faults();
        assert_success(&sync(&world));
        world.assert_mirrored();
    }
}

#[test]
fn promise_5_three_bad_pages_in_a_row_cost_no_other_page_in_the_end() {
    for (said, fault) in failures() {
        let world = with_three_bad_pages(&fault);
        for _ in 0..6 {
            sync(&world);
        }
        let reached = row_count(&world.path());
        // All but the three pages; a page in which every row is bad is given up before its last
        // row.
        assert!(reached >= 600 - 152, "{said}: {reached} of 600");
    }
}

#[test]
fn promise_17_ten_bad_pages_end_a_run_and_the_next_goes_on_behind_them() {
    let world = ordered(600);
    // Every other page of twenty has a bad row.
    let bad: Vec<String> = (0..14).map(|nth| id_at(&world, 30 + nth * 40)).collect();
    for id in &bad {
        world.server.fault(Fault::status(500).holding(id).always());
    }
    let run = || world.sync_with(SyncOptions::new().page_size(20));
    let first = run();
    assert_eq!(first.code, Some(ErrorCode::Server), "{first:?}");
    assert_eq!(first.status, SyncStatus::Partial);
    assert!(has_cursor(&world) && last_sync_at(&world).is_none());
    let reached = world.offsets().into_iter().max().unwrap();
    assert!((350..500).contains(&reached), "{reached}");

    world.server.clear_requests();
    let mut last = run();
    let offsets = world.offsets();
    assert!(offsets[0] >= reached, "{reached}: {offsets:?}");
    let mut runs = 2;
    while last.code.is_some() {
        runs += 1;
        assert!(runs < 6, "no progress: {last:?}");
        last = run();
    }
    assert_partial(&world, &last, 600 - bad.len());
    assert_eq!(last.errors.len(), bad.len(), "{last:?}");
    assert_eq!(kept_gaps(&world).len(), bad.len());
    // Known gaps do not count among the ten.
    world.server.catalogue(|catalogue| catalogue.change(600, 3));
    let again = run();
    assert_partial(&world, &again, 600 - bad.len());
    assert_eq!(again.skills_updated as usize, 600 - bad.len());
    world.server.clear_faults();
    assert_success(&run());
    world.assert_mirrored();
}

#[test]
fn promise_5_known_gaps_cost_a_bounded_number_of_requests() {
    let world = ordered(400);
    // Every third row of two pages: more gaps than are requested again.
    let bad: Vec<String> = (0..66).map(|nth| id_at(&world, 101 + nth * 3)).collect();
    for id in &bad {
        world.server.fault(Fault::status(422).holding(id).always());
    }
    let first = world.sync();
    assert_eq!(first.status, SyncStatus::Partial, "{first:?}");
    assert!(kept_gaps(&world).len() <= 64);
    let stored = row_count(&world.path());
    assert!(stored >= 200, "{stored}");
    let requests = world.offsets().len();
    assert!(requests < 2 * (2 * 64 + 20), "{requests}");
    world.server.clear_requests();
    let second = world.sync();
    assert_eq!(second.status, SyncStatus::Partial);
    let offsets = world.offsets();
    let first_page = offsets.iter().position(|offset| *offset == 0).unwrap();
    assert!((1..=64).contains(&first_page), "{first_page}");
    world.server.clear_faults();
    assert_success(&world.sync());
    world.assert_mirrored();
}

#[test]
fn promise_2_deep_offsets_that_fail_do_not_hold_up_what_lies_before() {
    for fault in [Fault::status(504), Fault::status(500), Fault::garbage()] {
        let world = ordered(1_000);
        world.server.fault(fault.clone().from_offset(500).always());
        let first = world.sync();
        let reached = row_count(&world.path());
        assert!((490..=600).contains(&reached), "{reached}");
        assert_partial(&world, &first, reached);
        // The pages that were tried, and the rows that may follow them.
        assert!(first.errors[0].starts_with("Rows "), "{first:?}");
        assert!(first.errors[1].starts_with("What comes after"), "{first:?}");
        for seed in 1..8 {
            world
                .server
                .catalogue(|catalogue| catalogue.change(1_000, seed));
            world.server.clear_requests();
            let result = world.sync();
            assert_eq!(result.skills_updated as usize, reached, "{result:?}");
            // A known gap is requested by its first page, three of its rows, and three pages after
            // it.
            let offsets = world.offsets();
            let deep = offsets.iter().filter(|offset| **offset >= 500).count();
            assert!((4..16).contains(&deep), "{deep}: {offsets:?}");
        }
        world.server.clear_faults();
        assert_success(&world.sync());
        world.assert_mirrored();
        assert!(kept_gaps(&world).is_empty());
    }
}

#[test]
fn promise_2_deep_offsets_that_time_out_do_not_hold_up_what_lies_before() {
    let world = ordered(1_000);
    world
        .server
        .fault(Fault::stall_after(10).from_offset(500).always());
    let mut options = skillsmith_sync::ClientOptions::new().base_url(world.server.base_url());
    options = options.timeout(Duration::from_secs(1));
    let run = || {
        world
            .engine_with(client_with(options.clone()))
            .sync(SyncOptions::default())
            .unwrap()
    };
    let first = run();
    let reached = row_count(&world.path());
    assert!(reached >= 490, "{reached}");
    assert_partial(&world, &first, reached);
    world
        .server
        .catalogue(|catalogue| catalogue.change(1_000, 1));
    assert_eq!(run().skills_updated as usize, reached);
}

#[test]
fn promise_5_pages_that_hold_the_same_bad_rows_are_no_end() {
    let mut catalogue = Catalogue::generate(100, 1);
    for _ in 0..300 {
        catalogue.push(json!({ "name": "without an id" }));
    }
    for skill in Catalogue::generate(100, 2).values() {
        catalogue.upsert(skill);
    }
    let good = catalogue.len() - 300;
    let world = World::with_catalogue(
        catalogue,
        Options {
            order: Order::Inserted,
            ..Options::default()
        },
    );
    for _ in 0..2 {
        let result = world.sync();
        assert_eq!(result.status, SyncStatus::Partial, "{result:?}");
        assert_eq!(result.code, None);
        assert_eq!(result.skills_rejected, 300, "{result:?}");
        assert_eq!(row_count(&world.path()), good);
        assert_eq!(result.errors.len(), 21, "{result:?}");
    }
}

#[test]
fn promise_5_a_refused_row_counts_once_though_it_is_read_again() {
    let world = ordered(400);
    let bad = id_at(&world, 310);
    world
        .look()
        .execute_batch(&format!(
            "CREATE TRIGGER picky BEFORE INSERT ON skills WHEN new.id = '{bad}'
             BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        ))
        .unwrap();
    // A row is removed during the listing: later rows move, and some pages are read again.
    world.server.on_listing({
        let mut moved = false;
        move |number, catalogue| {
            if number == 5 && !moved {
                moved = true;
                let mut ids = catalogue.ids();
                ids.sort();
                catalogue.remove(&ids[3]);
            }
        }
    });
    let result = world.sync();
    let reads = world.offsets();
    assert!(reads.len() > 7, "nothing was read again: {reads:?}");
    assert_eq!(
        (result.skills_rejected, result.skills_added),
        (1, 399),
        "{result:?}"
    );
    let named = result.errors.iter().filter(|error| error.contains(&bad));
    assert_eq!(named.count(), 1, "{result:?}");
}
