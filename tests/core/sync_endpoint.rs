//! The sync endpoint over real sockets: how many requests it takes, and that asking only for
//! changes loses nothing.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use skillsmith_sync::{
    ClientOptions, Coverage, ErrorCode, SyncConfigRepository, SyncOptions, SyncResult, SyncStatus,
};
use skillsmith_test_registry::{Catalogue, Fault, LoggedRequest, Options, SyncEndpoint};

use crate::support::{World, assert_sound, assert_success, client_with, row_count, rows};

fn with_endpoint() -> Options {
    Options {
        sync_endpoint: Some(SyncEndpoint::default()),
        ..Options::default()
    }
}

/// Skills with timestamps more than a day old.
fn world(skills: usize) -> World {
    World::new(skills, with_endpoint())
}

/// The number of requests of one run as seen by the server; asserts that the result has the same.
fn requests_of(world: &World, sync: impl FnOnce() -> SyncResult) -> (SyncResult, u64) {
    world.server.clear_requests();
    let result = sync();
    let seen = world.server.requests().len() as u64;
    assert_eq!(result.requests, seen, "{result:?}");
    (result, seen)
}

fn now() -> DateTime<Utc> {
    Utc::now()
}

fn pass(world: &World, time: TimeDelta) {
    world.clock.advance(time.to_std().unwrap());
}

fn set_clock(world: &World, text: &str) {
    let wanted: DateTime<Utc> = text.parse().unwrap();
    let ahead = wanted - world.clock_now();
    *world.clock.skew.lock().unwrap() += ahead;
}

fn skill(id: &str, stamp: DateTime<Utc>) -> Value {
    json!({
        "id": id,
        "name": format!("Skill {id}"),
        "description": format!("as of {stamp}"),
        "trust_tier": "verified",
        "updated_at": stamp.to_rfc3339(),
    })
}

fn put(world: &World, skills: impl IntoIterator<Item = Value>) {
    world.server.catalogue(|catalogue| catalogue.extend(skills));
}

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("a{n:05}")).collect()
}

#[test]
fn a_first_sync_takes_as_few_requests_as_can_be() {
    for count in [0, 1, 99, 100, 250, 1_000] {
        let world = world(count);
        let (result, requests) = requests_of(&world, || world.sync());
        assert_success(&result);
        assert!(requests <= count as u64 / 99 + 3, "{count}: {requests}");
        assert_eq!(row_count(&world.path()), count);
        assert_eq!(result.coverage, Coverage::Complete);
        assert_eq!(world.server.listings().len(), 0, "the search was asked");
    }
}

#[test]
fn nothing_new_takes_two_requests_at_once_where_stamps_are_old() {
    let world = world(1_000);
    assert_success(&world.sync());
    for _ in 0..3 {
        pass(&world, TimeDelta::hours(1));
        let (result, requests) = requests_of(&world, || world.sync());
        assert_success(&result);
        assert_eq!((requests, result.total_processed), (2, 0));
        assert_eq!(result.coverage, Coverage::Complete);
    }
}

#[test]
fn nothing_new_takes_three_requests_and_then_two() {
    let world = world(500);
    put(&world, ids(3).iter().map(|id| skill(id, now())));
    world
        .server
        .options(|options| options.dropped_headers = vec!["date".into()]);
    assert_success(&world.sync());
    let mut seen = Vec::new();
    for _ in 0..3 {
        pass(&world, TimeDelta::minutes(30));
        seen.push(requests_of(&world, || world.sync()).1);
    }
    assert_eq!(seen, [3, 2, 2]);
}

#[test]
fn changes_take_as_many_requests_as_they_fill_pages() {
    let world = world(1_000);
    assert_success(&world.sync());
    for changed in [1, 2, 99, 100, 101, 250] {
        pass(&world, TimeDelta::days(1));
        let stamp = now();
        put(&world, ids(changed).iter().map(|id| skill(id, stamp)));
        let (result, requests) = requests_of(&world, || world.sync());
        assert_success(&result);
        assert!(requests <= changed as u64 / 99 + 3, "{changed}: {requests}");
        assert!(result.skills_added + result.skills_updated >= changed as u64);
        world.assert_mirrored();
        // So that the next changes are later ones.
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

#[test]
fn promise_1_a_row_that_appears_with_an_older_stamp_is_not_lost() {
    for offset in [TimeDelta::zero(), TimeDelta::hours(2), TimeDelta::hours(-2)] {
        let world = world(300);
        let clock_offset_ms = offset.num_milliseconds();
        world
            .server
            .options(|options| options.clock_offset_ms = clock_offset_ms);
        let there = now() + offset;
        put(&world, [skill("newest", there)]);
        assert_success(&world.sync());
        // Its transaction started nine minutes earlier, but it becomes visible only now.
        put(&world, [skill("late", there - TimeDelta::minutes(9))]);
        pass(&world, TimeDelta::minutes(1));
        let result = world.sync();
        assert_success(&result);
        assert_eq!(result.skills_added, 1, "{offset}");
        world.assert_mirrored();
    }
}

#[test]
fn promise_1_a_stamp_of_the_future_does_not_move_the_watermark() {
    let world = world(10);
    put(&world, [skill("future", now() + TimeDelta::days(3_650))]);
    assert_success(&world.sync());
    put(&world, [skill("today", now())]);
    pass(&world, TimeDelta::hours(1));
    assert_success(&world.sync());
    world.assert_mirrored();
}

#[test]
fn promise_2_a_stamp_of_tomorrow_does_not_hide_what_changes_today() {
    for dropped in [vec![], vec!["date".to_owned()]] {
        for ahead in [TimeDelta::hours(2), TimeDelta::hours(23)] {
            let world = world(10);
            world
                .server
                .options(|options| options.dropped_headers.clone_from(&dropped));
            put(&world, [skill("tomorrow", now() + ahead)]);
            assert_success(&world.sync());
            for id in ["first", "second"] {
                put(&world, [skill(id, now())]);
                pass(&world, TimeDelta::minutes(30));
                assert_eq!(world.sync().skills_added, 1, "{dropped:?} {ahead}");
                let since: DateTime<Utc> = last_since(&world).parse().unwrap();
                assert!(since < now(), "{since}");
            }
            world.assert_mirrored();
        }
    }
}

/// What the last request to the sync endpoint asked for.
fn last_since(world: &World) -> String {
    let requests = world.server.requests();
    let last = requests.iter().rev().find(|request| request.is_sync());
    last.unwrap().param("since").unwrap().to_owned()
}

#[test]
fn rows_that_were_not_asked_for_are_kept() {
    let world = world(150);
    assert_success(&world.sync());
    world.server.options(|options| {
        options.sync_endpoint = Some(SyncEndpoint {
            ignore_since: true,
            ..SyncEndpoint::default()
        });
    });
    put(&world, [skill("new", now())]);
    let result = world.sync();
    assert_success(&result);
    assert_eq!((result.skills_added, result.skills_unchanged), (1, 150));
    world.assert_mirrored();
}

#[test]
fn promise_2_rows_older_than_asked_for_are_kept_and_do_not_move_the_watermark() {
    let world = world(150);
    // A `Date` has whole seconds, and a stamp behind it would not count yet.
    put(&world, [skill("newest", now() - TimeDelta::minutes(1))]);
    assert_success(&world.sync());
    pass(&world, TimeDelta::minutes(30));
    assert_success(&world.sync());
    let before = last_since(&world);
    let old = skill("old", now() - TimeDelta::days(900));
    for data in [json!([old]), json!([])] {
        let body = json!({ "data": data });
        world.server.fault(Fault::replace_body(body).on_sync());
    }
    let result = world.sync();
    assert_success(&result);
    assert_eq!(result.skills_added, 1);
    assert!(rows(&world.path()).contains_key("old"));
    assert_success(&world.sync());
    // But for the time that the listings took.
    let stamp = |since: &str| since.parse::<DateTime<Utc>>().unwrap();
    let moved = stamp(&last_since(&world)) - stamp(&before);
    assert!(moved.abs() < TimeDelta::minutes(1), "{moved}");
}

#[test]
fn promise_2_an_endpoint_without_offsets_is_never_complete() {
    let world = World::new(
        300,
        Options {
            sync_endpoint: Some(SyncEndpoint {
                ignore_offset: true,
                ..SyncEndpoint::default()
            }),
            ..Options::default()
        },
    );
    for _ in 0..3 {
        let result = world.sync();
        assert!(
            result.coverage == Coverage::BestEffort || !result.success,
            "{result:?}"
        );
    }
}

#[test]
fn a_registry_without_the_endpoint_is_searched_and_asked_again_after_a_day() {
    let world = World::new(120, Options::default());
    let asked = |world: &World| {
        let requests = world.server.requests();
        requests.iter().filter(|request| request.is_sync()).count()
    };
    assert_success(&world.sync());
    assert_eq!(asked(&world), 1);
    world.server.clear_requests();
    pass(&world, TimeDelta::hours(23));
    assert_success(&world.sync());
    assert_eq!(asked(&world), 0);
    pass(&world, TimeDelta::hours(2));
    assert_success(&world.sync());
    assert_eq!(asked(&world), 1);
    world.assert_mirrored();
}

#[test]
fn an_endpoint_that_is_not_there_is_missing_whatever_the_answer_says_of_later() {
    for status in [404, 405, 410, 501] {
        let world = world(120);
        let fault = Fault::status(status).with_header("Retry-After", "7200");
        world.server.fault(fault.on_sync().always());
        let result = world.sync();
        assert_success(&result);
        assert_eq!(result.coverage, Coverage::Complete, "{status}: {result:?}");
        world.assert_mirrored();
        // It is known for a day.
        world.server.clear_requests();
        assert_success(&world.sync());
        let requests = world.server.requests();
        assert!(!requests.iter().any(LoggedRequest::is_sync), "{status}");
    }
}

#[test]
fn an_endpoint_that_is_taken_away_fails_one_run_and_is_searched_then() {
    let world = world(120);
    assert_success(&world.sync());
    world.server.options(|options| options.sync_endpoint = None);
    put(&world, [skill("new", now())]);
    let first = world.sync();
    assert_eq!(first.code, Some(ErrorCode::Refused), "{first:?}");
    assert!(first.errors[0].contains("sync endpoint"), "{first:?}");
    assert_eq!(world.server.listings().len(), 0);
    let second = world.sync();
    assert_success(&second);
    assert_eq!(second.skills_added, 1);
    world.assert_mirrored();
}

#[test]
fn force_and_time_bring_a_whole_listing() {
    let world = world(150);
    assert_success(&world.sync());
    pass(&world, TimeDelta::days(29));
    assert_eq!(world.sync().total_processed, 0);
    assert_eq!(
        world
            .sync_with(SyncOptions::new().force(true))
            .total_processed,
        150
    );
    pass(&world, TimeDelta::days(31));
    assert_eq!(world.sync().total_processed, 150);
    let every_time = SyncOptions::new().full_listing_every(std::time::Duration::ZERO);
    assert_eq!(world.sync_with(every_time).total_processed, 150);
}

#[test]
fn promise_5_a_page_that_fails_for_a_moment_costs_nothing() {
    let world = world(300);
    let fault = Fault::status(422).on_sync().at_offset(99);
    world.server.fault(fault);
    let result = world.sync();
    assert_success(&result);
    assert_eq!(result.coverage, Coverage::Complete, "{result:?}");
    world.assert_mirrored();
    assert_eq!(requests_of(&world, || world.sync()).1, 2);
}

#[test]
fn promise_5_rows_that_fail_are_asked_for_by_the_next_run() {
    let world = world(300);
    let held = world.server.catalogue(|catalogue| {
        let mut ids = catalogue.ids();
        ids.sort();
        ids.swap_remove(150)
    });
    world
        .server
        .fault(Fault::status(422).on_sync().holding(&held).always());
    let first = world.sync();
    assert_eq!(first.status, SyncStatus::Partial, "{first:?}");
    assert_eq!(row_count(&world.path()), 299);
    put(&world, [skill("new", now())]);
    let second = world.sync();
    assert_eq!(second.status, SyncStatus::Partial, "{second:?}");
    assert_eq!(second.total_processed, 1);
    world.server.clear_faults();
    let third = world.sync();
    assert_success(&third);
    assert_eq!(third.coverage, Coverage::Complete);
    world.assert_mirrored();
}

#[test]
fn promise_4_a_killed_listing_continues_and_loses_nothing() {
    let world = world(500);
    world
        .server
        .fault(Fault::status(401).on_sync().from_offset(200));
    let first = world.sync();
    assert_eq!(first.code, Some(ErrorCode::Unauthorized), "{first:?}");
    // A row in the part already listed changes meanwhile.
    let passed = world.server.catalogue(|catalogue| {
        let mut ids = catalogue.ids();
        ids.sort();
        ids.swap_remove(3)
    });
    put(&world, [skill(&passed, now())]);
    world.server.clear_faults();
    assert_success(&world.sync());
    assert_success(&world.sync());
    world.assert_mirrored();
    assert_sound(&world.path());
}

#[test]
fn a_row_that_the_database_refused_comes_again() {
    let world = world(50);
    put(&world, [skill("refused", now() - TimeDelta::days(2))]);
    let deny = "CREATE TRIGGER deny BEFORE INSERT ON skills WHEN new.id = 'refused'
                BEGIN SELECT RAISE(ABORT, 'not this one'); END";
    world.look().execute_batch(deny).unwrap();
    assert_eq!(world.sync().status, SyncStatus::Partial);
    world.look().execute_batch("DROP TRIGGER deny").unwrap();
    assert_success(&world.sync());
    assert!(rows(&world.path()).contains_key("refused"));
}

#[test]
fn a_live_proxy_that_drops_the_date_does_no_harm() {
    let world = world(300);
    world.server.options(|options| {
        options.dropped_headers = vec!["date".into(), "retry-after".into()];
    });
    assert_success(&world.sync());
    put(&world, [skill("new", now())]);
    pass(&world, TimeDelta::hours(1));
    assert_eq!(world.sync().skills_added, 1);
    world.assert_mirrored();
}

#[test]
fn a_run_stops_at_its_budget_and_the_next_continues() {
    let world = world(1_000);
    let (first, requests) = requests_of(&world, || {
        world.sync_with(SyncOptions::new().request_budget(4))
    });
    assert_eq!((requests, first.status), (4, SyncStatus::Partial));
    assert_eq!((first.code, first.errors.len()), (None, 0));
    assert!(
        first.warnings[0].contains("continues from here"),
        "{first:?}"
    );
    assert_eq!(world.last_entry().1, None);
    let (second, requests) = requests_of(&world, || world.sync());
    assert_success(&second);
    assert!(requests <= 12, "{requests}");
    world.assert_mirrored();
}

#[test]
fn a_month_has_a_budget_for_all_runs() {
    let world = world(500);
    let config = SyncConfigRepository::new(&world.database);
    config.set_request_budget(Some(5)).unwrap();
    set_clock(&world, "2026-11-26T00:00:00Z");
    let first = world.sync();
    assert_eq!((first.requests, first.status), (5, SyncStatus::Partial));
    assert!(
        first.warnings[0].contains("2026-12-01 00:00:00 UTC"),
        "{first:?}"
    );
    let (second, requests) = requests_of(&world, || world.sync());
    assert_eq!((requests, second.status), (0, SyncStatus::Partial));
    let status = world.engine().get_status().unwrap();
    assert_eq!(
        (status.requests_this_month, status.request_budget),
        (5, Some(5))
    );
    set_clock(&world, "2026-12-01T00:00:01Z");
    config.set_request_budget(None).unwrap();
    assert_success(&world.sync());
    let status = world.engine().get_status().unwrap();
    assert_eq!(status.request_budget, None);
    assert!(status.requests_this_month >= 4);
    world.assert_mirrored();
}

#[test]
fn retries_are_requests_too() {
    let world = world(50);
    world.server.fault(Fault::status(503).on_sync().times(2));
    let (result, requests) = requests_of(&world, || world.sync());
    assert_success(&result);
    assert_eq!(requests, 5);
}

#[test]
fn promise_10_another_registry_is_listed_as_a_whole() {
    let one = world(100);
    let other = World::with_catalogue(Catalogue::generate(80, 9), with_endpoint());
    assert_success(&one.sync());
    let options = ClientOptions::new().base_url(other.server.base_url());
    let result = one
        .engine_with(client_with(options))
        .sync(SyncOptions::new())
        .unwrap();
    assert_success(&result);
    assert_eq!(result.total_processed, 80);
}

#[test]
fn a_budget_that_is_set_before_the_first_sync_is_no_sync() {
    let world = world(20);
    let config = SyncConfigRepository::new(&world.database);
    config.set_request_budget(Some(100)).unwrap();
    // The caller has set the watermark: later than all timestamps.
    world
        .look()
        .execute(
            "UPDATE sync_config SET last_sync_at = '2026-11-01T00:00:00.000Z'",
            [],
        )
        .unwrap();
    let result = world.sync();
    assert_success(&result);
    assert_eq!((result.skills_added, result.skills_unchanged), (0, 20));
}
