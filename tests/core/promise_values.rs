//! No untrusted value breaks anything: promises 5, 9, 10 and 13 with unexpected values in pages,
//! headers, timestamps and rows of the database.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use serde_json::json;
use skillsmith_sync::background::{Decision, Schedule};
use skillsmith_sync::clock::to_iso;
use skillsmith_sync::registry::{Call, Page, PageRequest, Registry};
use skillsmith_sync::{
    CancelToken, ClientOptions, Error, ErrorCode, Result, SkillsmithApiClient,
    SyncConfigRepository, SyncFrequency, SyncOptions, SyncResult,
};
use skillsmith_test_registry::{Fault, Options};

use crate::support::{World, assert_sound, assert_success, client, client_with, row_count, rows};

/// Asks for the first page, once or with retries.
fn first_page(world: &World, single_try: bool) -> Result<Page> {
    ask(&world.client(), world, single_try)
}

fn ask(client: &SkillsmithApiClient, world: &World, single_try: bool) -> Result<Page> {
    client.search(
        &PageRequest::new(),
        &Call::new(&CancelToken::new(), &*world.clock)
            .time_limit(Duration::from_secs(600))
            .single_try(single_try),
    )
}

#[test]
fn promise_9_a_single_try_is_one_request() {
    for fault in [Fault::status(503), Fault::garbage(), Fault::cut(100)] {
        let world = World::new(50, Options::default());
        world.server.fault(fault.always());
        assert!(first_page(&world, true).is_err());
        assert_eq!(world.offsets().len(), 1);
        assert!(world.clock.waits().is_empty());
        assert!(first_page(&world, false).is_err());
        assert_eq!(world.offsets().len(), 5);
    }
    let world = World::new(50, Options::default());
    world
        .server
        .fault(Fault::status(429).with_header("Retry-After", "3").always());
    let error = first_page(&world, true).unwrap_err();
    assert_eq!(error.code(), ErrorCode::RateLimited);
    assert!(error.retry_at().is_some());
    assert_eq!(world.offsets().len(), 1);
}

#[test]
fn promise_9_a_plan_that_the_registry_reserves_has_its_own_error() {
    let world = World::new(50, Options::default());
    world
        .server
        .options(|options| options.plan_required = Some("community".into()));
    let result = world.sync();
    assert_eq!(result.code, Some(ErrorCode::PlanRequired), "{result:?}");
    assert!(
        result.errors[0].contains("Team and Enterprise")
            && result.errors[0].contains("'community'"),
        "{result:?}"
    );
    assert_eq!(world.offsets().len(), 1);
    assert!(!ErrorCode::PlanRequired.retryable());

    // An endless plan name, and one that echoes the key, are shown only in part.
    let key = "sk-live-0123456789";
    let plan = format!("{key} {}", "x".repeat(10_000));
    world
        .server
        .options(|options| options.plan_required = Some(plan));
    let client = client_with(
        ClientOptions::new()
            .base_url(world.server.base_url())
            .api_key(key),
    );
    let result = world
        .engine_with(client)
        .sync(SyncOptions::default())
        .unwrap();
    assert_eq!(result.code, Some(ErrorCode::PlanRequired));
    assert!(!result.errors[0].contains(key) && result.errors[0].len() < 400);
}

#[test]
fn promise_9_a_refusal_reaches_the_caller_with_its_status() {
    for code in [400, 404, 405, 409, 410, 416, 422, 451] {
        let world = World::new(50, Options::default());
        world.server.fault(Fault::status(code).always());
        assert!(
            matches!(first_page(&world, false), Err(Error::Refused { status, .. }) if status == code),
            "{code}"
        );
        assert_eq!(world.offsets().len(), 1);
    }
}

#[test]
fn promise_9_a_cut_answer_is_told_from_a_registry_that_is_not_there() {
    for chunked in [false, true] {
        for fault in [
            Fault::cut(0),
            Fault::cut(100),
            Fault::close(),
            Fault::reset(),
        ] {
            let world = World::new(50, Options::default());
            world.server.options(|options| options.chunked = chunked);
            world.server.fault(fault.clone().always());
            let error = first_page(&world, true).unwrap_err();
            assert!(matches!(error, Error::CutOff(_)), "{fault:?}: {error:?}");
            assert_eq!(error.code(), ErrorCode::Unreachable);
        }
    }
    let world = World::new(50, Options::default());
    for address in ["http://127.0.0.1:1", "http://no-such-name.invalid"] {
        let client = client(address);
        let error = ask(&client, &world, true).unwrap_err();
        assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    }
}

/// A sync of these rows, one page of raw JSON text.
fn sync_of(rows: &str) -> (World, SyncResult) {
    let world = World::new(0, Options::default());
    let page = format!(r#"{{"data":[{rows}],"meta":{{"total":0}}}}"#);
    world
        .server
        .fault(Fault::replace_body(page).at_offset(0).always());
    let result = world.sync();
    (world, result)
}

#[test]
fn promise_5_half_a_character_costs_no_row() {
    let (world, _) = sync_of(
        r#"{"id":"a","name":"cut \ud83d","description":"\ude00","tags":["x\ud83d"],"repo_url":"https://x/\ud800"},
           {"id":"b\ud83d","name":"n"}"#,
    );
    let rows = rows(&world.path());
    assert_eq!(rows["a"]["name"], "cut \u{fffd}");
    assert_eq!(rows["a"]["description"], "\u{fffd}");
    assert_eq!(rows["a"]["tags"], "[\"x\u{fffd}\"]");
    assert_eq!(rows["b\u{fffd}"]["name"], "n");
    assert_sound(&world.path());
}

#[test]
fn promise_5_a_wrong_field_without_a_column_costs_no_row() {
    let deep = "[".repeat(200) + &"]".repeat(200);
    // A database of version 1, as World makes it, has none of these columns.
    for value in [
        "\"many\"",
        "1e999",
        "[1]",
        "{}",
        "1.5",
        "-7e77",
        "\"\\u0000\"",
        "\"\\ud83d\"",
        &deep,
    ] {
        for field in [
            "stars",
            "license",
            "categories",
            "compatibility",
            "security_score",
            "installable",
            "content_hash",
            "last_scanned_at",
            "quarantined",
            "no_field_of_ours",
        ] {
            let (world, result) = sync_of(&format!(
                r#"{{"id":"a","name":"n","{field}":{value}}},{{"id":"b","name":"n"}}"#
            ));
            assert_eq!(
                (row_count(&world.path()), result.skills_rejected),
                (2, 0),
                "{field}: {value}: {result:?}"
            );
        }
    }
    let (world, result) = sync_of(&format!(
        r#"{{"id":"a","name":"n","tags":{deep}}},{{"id":"b","name":"n","quality_score":1e999}},{{"id":"c","name":"n"}}"#
    ));
    assert_eq!(
        (row_count(&world.path()), result.skills_rejected),
        (1, 2),
        "{result:?}"
    );
}

#[test]
fn promise_5_escapes_that_look_like_a_nul_cost_no_row() {
    let (world, _) = sync_of(
        r#"{"id":"a","name":"\\u0000","description":"\\u0000","tags":["\\u0000"]},{"id":"b","name":"n","tags":["\u0000"]},
           {"id":"c","name":"a\u0000b"}"#,
    );
    let rows = rows(&world.path());
    assert_eq!(rows.len(), 2);
    assert_eq!(rows["a"]["tags"], r#"["\\u0000"]"#);
    assert_eq!(rows["b"]["tags"], r#"["\u0000"]"#);
    assert_eq!(rows["a"]["name"], r"\u0000");
}

#[test]
fn promise_1_however_an_answer_is_packed() {
    for name in [
        "gzip",
        "GZIP",
        "x-gzip",
        "X-GZip",
        " gzip ",
        "gzip, identity",
        "identity",
    ] {
        for (members, padding) in [(1, 0), (1, 700), (3, 0), (2, 9)] {
            let world = World::new(
                150,
                Options {
                    gzip: true,
                    gzip_name: name.into(),
                    gzip_members: members,
                    gzip_padding: padding,
                    ..Options::default()
                },
            );
            assert_success(&world.sync());
            world.assert_mirrored();
        }
    }
    // A page that is not compressed, whatever its header says.
    let world = World::new(0, Options::default());
    world.server.fault(
        Fault::status(200)
            .with_header("Content-Encoding", "gzip")
            .with_body("\u{feff}{\"data\":[{\"id\":\"a\",\"name\":\"n\"}]}")
            .at_offset(0)
            .always(),
    );
    world.sync();
    assert_eq!(row_count(&world.path()), 1);
}

#[test]
fn promise_9_a_health_check_may_ask_for_a_pause() {
    let reset = |seconds: i64| {
        (Utc::now() + TimeDelta::seconds(seconds))
            .timestamp()
            .to_string()
    };
    let limited = || Fault::status(429).on_health();
    for (fault, expected) in [
        // The test's clock counts whole milliseconds: the rest of one is waited for before the next
        // request.
        (limited().with_header("Retry-After", "40"), 39.0..=40.01),
        (limited().with_header("Retry-After", "0"), 0.5..=1.01),
        (limited(), 0.5..=1.01),
        (
            limited()
                .with_header("X-RateLimit-Remaining", "0")
                .with_header("X-RateLimit-Reset", reset(60)),
            // The two clocks are not read in one instant.
            57.0..=60.1,
        ),
        (
            Fault::status(200)
                .on_health()
                .with_header("X-RateLimit-Remaining", "0")
                .with_header("X-RateLimit-Reset", reset(60))
                .with_body("{\"status\":\"healthy\"}"),
            // The two clocks are not read in one instant.
            57.0..=60.1,
        ),
    ] {
        let world = World::new(50, Options::default());
        world.server.fault(fault.clone());
        assert_success(&world.sync());
        let waited: Duration = world.clock.waits().iter().sum();
        assert!(
            expected.contains(&waited.as_secs_f64()),
            "{fault:?}: {waited:?}"
        );
    }
}

#[test]
fn promise_9_a_pause_after_a_health_check_that_does_not_fit_ends_the_run() {
    let reset = (Utc::now() + TimeDelta::days(2)).timestamp().to_string();
    for fault in [
        Fault::status(429).with_header("Retry-After", "99999999999"),
        Fault::status(200)
            .with_header("X-RateLimit-Remaining", "0")
            .with_header("X-RateLimit-Reset", reset)
            .with_body("{\"status\":\"healthy\"}"),
    ] {
        let world = World::new(50, Options::default());
        world.server.fault(fault.on_health().always());
        let result = world.sync();
        assert_eq!(result.code, Some(ErrorCode::RateLimited), "{result:?}");
        assert!(
            result.errors[0].contains("Try again after 20"),
            "{result:?}"
        );
        assert!(world.offsets().is_empty() && world.clock.waits().is_empty());
    }
}

#[test]
fn promise_9_a_spent_quota_may_be_told_by_the_health_check() {
    let world = World::new(50, Options::default());
    let body = r#"{"error":"monthly_quota_exceeded","used":100,"limit":100,"tier":"community","resetsAt":"5195-01-01T00:00:00Z"}"#;
    world
        .server
        .fault(Fault::status(429).on_health().with_body(body).always());
    let result = world.sync();
    assert_eq!(result.code, Some(ErrorCode::QuotaExceeded), "{result:?}");
    assert!(world.offsets().is_empty());
    assert_tried_within_a_month(&world);
}

/// The service tries again after a month, and not before.
#[track_caller]
fn assert_tried_within_a_month(world: &World) {
    let decide = || Schedule::new().check(&world.engine());
    assert_eq!(decide(), Decision::BackingOff);
    world.clock.advance(Duration::from_secs(30 * 86_400));
    assert_eq!(decide(), Decision::BackingOff);
    world.clock.advance(Duration::from_secs(86_400 + 60));
    assert_eq!(decide(), Decision::Begin);
}

#[test]
fn promise_9_nothing_is_booked_more_than_a_month_away() {
    for fault in [
        Fault::status(429).with_header("Retry-After", "99999999999"),
        Fault::status(503).with_header("Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"),
        Fault::status(429).with_body(
            r#"{"error":"monthly_quota_exceeded","resetsAt":"+262142-12-31T23:59:59Z"}"#,
        ),
    ] {
        let world = World::new(50, Options::default());
        world.server.fault(fault.always());
        let error = first_page(&world, false).unwrap_err();
        let limit = world.clock_now() + TimeDelta::days(31);
        assert!(error.retry_at().is_some_and(|at| at <= limit), "{error:?}");
        assert!(world.sync().code.is_some());
        assert_tried_within_a_month(&world);
    }
}

/// Timestamps at and beyond the ends of the range.
const FAR_STAMPS: [&str; 6] = [
    "+262142-12-31T23:59:60.9+00:00",
    "+262142-12-31T23:59:59.999Z",
    "+010000-01-01T00:00:00.000Z",
    "-000001-01-01T00:00:00.000Z",
    "-262143-01-01T00:00:00Z",
    "+275760-09-13T00:00:00.000Z",
];

#[test]
fn promise_13_stamps_of_any_year_are_synced() {
    let world = World::new(0, Options::default());
    for (number, stamp) in FAR_STAMPS.iter().enumerate() {
        let row = json!({ "id": format!("s{number}"), "name": "n", "updated_at": stamp, "created_at": stamp });
        world.server.catalogue(|catalogue| catalogue.push(row));
    }
    for _ in 0..3 {
        let result = world.sync();
        assert!(
            result.skills_rejected == 0 && result.code.is_none(),
            "{result:?}"
        );
        assert_eq!(row_count(&world.path()), FAR_STAMPS.len());
    }
    let rows = rows(&world.path());
    assert_eq!(rows["s0"]["updated_at"], FAR_STAMPS[0]);
}

#[test]
fn promise_13_any_value_of_the_configuration_is_read() {
    let texts = FAR_STAMPS.map(|stamp| format!("'{stamp}'"));
    let mut values: Vec<&str> = vec![
        "0",
        "-1",
        "1.5",
        "-1.5",
        "9223372036854775807",
        "-9223372036854775808",
        "9e999",
        "'text'",
        "''",
        "x'00ff'",
        "CAST(x'ff' AS TEXT)",
    ];
    values.extend(texts.iter().map(String::as_str));
    for column in [
        "enabled",
        "frequency",
        "interval_ms",
        "last_sync_at",
        "next_sync_at",
        "last_sync_count",
        "last_sync_error",
        "created_at",
        "updated_at",
    ] {
        let world = World::new(3, Options::default());
        for value in &values {
            set(
                &world,
                "DELETE FROM sync_config; INSERT INTO sync_config (id) VALUES ('default')",
            );
            set(
                &world,
                &format!("UPDATE sync_config SET {column} = {value}"),
            );
            let config = SyncConfigRepository::new(&world.database);
            let what = format!("{column} = {value}");
            let found = config
                .get_config()
                .unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(found.interval_ms > 0, "{what}");
            config.is_sync_due().unwrap();
            world.engine().get_status().unwrap();
            Schedule::new().check(&world.engine());
            config.enable().unwrap();
            assert_success(&world.sync());
            let found = config.set_frequency(SyncFrequency::Weekly).unwrap();
            assert!(found.next_sync_at.is_some(), "{what}");
        }
    }
}

#[test]
fn promise_13_an_interval_out_of_range_is_that_of_its_frequency() {
    for (value, read) in [
        ("0", 604_800_000),
        ("-1", 604_800_000),
        ("9223372036854775807", 604_800_000),
        ("'soon'", 604_800_000),
        ("1.5", 604_800_000),
        ("x'01'", 604_800_000),
        ("3600000", 3_600_000),
    ] {
        let world = World::new(0, Options::default());
        let config = SyncConfigRepository::new(&world.database);
        config.set_frequency(SyncFrequency::Weekly).unwrap();
        let stored = || -> i64 {
            let sql = "SELECT interval_ms FROM sync_config";
            world.look().query_row(sql, [], |row| row.get(0)).unwrap()
        };
        set(
            &world,
            &format!("UPDATE sync_config SET interval_ms = {value}"),
        );
        assert_eq!(config.get_config().unwrap().interval_ms, read, "{value}");
        config.enable().unwrap();
        assert_eq!(stored(), read);
        config.set_frequency(SyncFrequency::Daily).unwrap();
        assert_eq!(stored(), 86_400_000);
    }
}

#[test]
fn promise_13_any_value_of_the_history_is_read() {
    let values = [
        "0",
        "-1",
        "1.5",
        "9223372036854775807",
        "9e999",
        "'text'",
        "x'00ff'",
        "CAST(x'ff' AS TEXT)",
        "'+262142-12-31T23:59:60.9+00:00'",
    ];
    for column in [
        "id",
        "started_at",
        "completed_at",
        "status",
        "skills_added",
        "skills_updated",
        "skills_unchanged",
        "error_message",
        "duration_ms",
        "created_at",
    ] {
        let world = World::new(3, Options::default());
        for value in values {
            set(&world, "DELETE FROM sync_history");
            assert_success(&world.sync());
            for status in ["success", "running"] {
                set(
                    &world,
                    &format!(
                        "UPDATE sync_history SET status = '{status}'; UPDATE sync_history SET {column} = {value};"
                    ),
                );
                let what = format!("{status}: {column} = {value}");
                let history = world.history();
                let entries = history
                    .get_history(9)
                    .unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!(entries.len(), 1, "{what}");
                history.get_last_successful().unwrap();
                history.get_running().unwrap();
                history
                    .get_stats()
                    .unwrap_or_else(|error| panic!("{what}: {error}"));
                world.engine().get_status().unwrap();
            }
            world.history().cleanup(90).unwrap();
            // The next run marks entries that are still 'running' after the time that a run may take, whatever their ids.
            world.clock.advance(Duration::from_secs(31 * 60));
            assert_success(&world.sync());
            assert!(
                world.history().get_running().unwrap().is_empty(),
                "{column} = {value}"
            );
        }
    }
}

#[test]
fn promise_2_a_run_of_a_future_clock_does_not_stay_the_last_one() {
    let world = World::new(3, Options::default());
    *world.clock.skew.lock().unwrap() = TimeDelta::days(365 * 73);
    assert_success(&world.sync());
    assert_success(&world.sync());
    *world.clock.skew.lock().unwrap() = TimeDelta::zero();

    let history = world.history();
    let future = history.get_history(9).unwrap();
    // There are no others, so these are shown, newest first.
    assert_eq!(
        history.get_last_successful().unwrap().as_ref(),
        Some(&future[0])
    );
    assert!(future[0].started_at >= future[1].started_at);
    assert_eq!(
        history.get_stats().unwrap().last_success_at,
        future[0].completed_at
    );

    assert_success(&world.sync());
    let entries = history.get_history(9).unwrap();
    assert_eq!(entries[1..], future[..]);
    assert_eq!(history.get_history(1).unwrap()[0], entries[0]);
    assert_eq!(
        history.get_last_successful().unwrap().as_ref(),
        Some(&entries[0])
    );
    assert_eq!(
        history.get_stats().unwrap().last_success_at,
        entries[0].completed_at
    );
    assert_eq!(
        world.engine().get_status().unwrap().last_run.as_ref(),
        Some(&entries[0])
    );

    // A failed run of today is newer than they are, and so is a running one.
    history
        .fail_run(&history.start_run().unwrap(), "no")
        .unwrap();
    assert_eq!(
        history.get_history(1).unwrap()[0].error_message.as_deref(),
        Some("no")
    );
    set(
        &world,
        "UPDATE sync_history SET status = 'running' WHERE started_at > '2090'",
    );
    let id = history.start_run().unwrap();
    assert_eq!(history.get_running().unwrap()[0].id, id);

    // In SQLite's own format, and within the minute by which clocks may differ.
    let soon = to_iso(Utc::now() + TimeDelta::seconds(30));
    let ahead = (Utc::now() + TimeDelta::hours(1)).format("%Y-%m-%d %H:%M:%S");
    set(
        &world,
        &format!(
            "INSERT INTO sync_history (id, started_at, status) VALUES ('soon', '{soon}', 'success'), ('ahead', '{ahead}', 'success')"
        ),
    );
    let entries = history.get_history(99).unwrap();
    assert_eq!(entries[0].id, "soon");
    assert!(
        entries.iter().position(|entry| entry.id == "ahead")
            > entries.iter().position(|entry| entry.id == id)
    );
}

/// Changes the database as another program would.
fn set(world: &World, sql: &str) {
    let conn = world.look();
    conn.pragma_update(None, "ignore_check_constraints", true)
        .unwrap();
    conn.execute_batch(sql).unwrap();
}
