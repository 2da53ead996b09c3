//! Promise 8, *Bounded*: whatever the registry sends, every run ends, in bounded memory.

use std::time::{Duration, Instant};

use serde_json::json;
use skillsmith_sync::{ErrorCode, SyncOptions, SyncResult};
use skillsmith_test_registry::{Fault, Options, Redirect};

use crate::support::{World, assert_success, client_with};

/// Runs against a registry with this fault in every listing. Panics if the run does not end within
/// a minute.
fn run_with(fault: Fault, timeout: Duration) -> (World, SyncResult) {
    let world = World::new(300, Options::default());
    world.server.fault(fault.always());
    let mut options = skillsmith_sync::ClientOptions::new().base_url(world.server.base_url());
    options = options.timeout(timeout);
    let begun = Instant::now();
    let result = world
        .engine_with(client_with(options))
        .sync(SyncOptions::default())
        .unwrap();
    assert!(begun.elapsed() < Duration::from_secs(60), "{result:?}");
    assert!(!result.success);
    (world, result)
}

#[test]
fn promise_8_slow_endless_and_swollen_bodies_end() {
    let soon = Duration::from_millis(300);
    for (fault, code) in [
        (Fault::drip(100, 1), ErrorCode::Timeout),
        (Fault::stall_after(30), ErrorCode::Timeout),
        (Fault::delay(3_000), ErrorCode::Timeout),
        (Fault::bomb(200), ErrorCode::TooLarge),
        (Fault::endless(), ErrorCode::TooLarge),
    ] {
        let name = format!("{:?}", fault.action);
        // An endless body must reach the limit before the timeout.
        let timeout = if code == ErrorCode::TooLarge {
            Duration::from_secs(30)
        } else {
            soon
        };
        let (world, result) = run_with(fault, timeout);
        assert_eq!(result.code, Some(code), "{name}: {result:?}");
        world.server.clear_faults();
        assert_success(&world.sync());
        world.assert_mirrored();
    }
}

#[test]
fn promise_8_garbage_is_named() {
    let long = Duration::from_secs(5);
    for (fault, code, text) in [
        (
            Fault::garbage(),
            ErrorCode::Protocol,
            "could not be understood",
        ),
        (Fault::empty(), ErrorCode::Protocol, "it is empty"),
        (Fault::not_http(), ErrorCode::Protocol, "not valid HTTP"),
        (Fault::cut(40), ErrorCode::Unreachable, "broke off"),
        (Fault::close(), ErrorCode::Unreachable, "broke off"),
        (Fault::reset(), ErrorCode::Unreachable, "broke off"),
        (
            Fault::replace_body(json!({ "rows": [] })),
            ErrorCode::Protocol,
            "not a page of skills",
        ),
        (
            Fault::replace_body(json!([])),
            ErrorCode::Protocol,
            "not a page of skills",
        ),
    ] {
        let name = format!("{:?}", fault.action);
        let (world, result) = run_with(fault, long);
        assert_eq!(result.code, Some(code), "{name}: {result:?}");
        assert!(result.errors[0].contains(text), "{name}: {result:?}");
        assert_eq!(crate::support::row_count(&world.path()), 0);
    }
}

#[test]
fn promise_8_a_registry_that_ignores_the_offset_is_no_endless_listing() {
    let world = World::new(300, Options::default());
    let row = |number: u32| json!({ "id": format!("s{number}"), "name": "n" });
    let page = json!({ "data": (0..100).map(row).collect::<Vec<_>>() });
    world.server.fault(Fault::replace_body(page).always());
    let result = world.sync();
    assert_eq!(result.code, Some(ErrorCode::Protocol), "{result:?}");
    assert!(
        result.errors[0].contains("the same page for every offset"),
        "{result:?}"
    );
    assert!(world.offsets().len() < 10);
}

#[test]
fn promise_8_three_redirects_on_the_same_origin_and_no_more() {
    let world = World::new(120, Options::default());
    let to_itself = Redirect {
        status: 302,
        location: "{path}?{query}".into(),
    };
    world
        .server
        .options(|options| options.redirect = Some(to_itself));
    let result = world.sync();
    assert_eq!(result.code, Some(ErrorCode::Protocol), "{result:?}");
    assert!(
        result.errors[0].contains("redirected more than 3 times, in a loop: "),
        "{result:?}"
    );
    // Four attempts, then two later pages and two single rows once, each with its three redirects.
    assert_eq!(world.offsets().len(), 32);
    // Each time to another address.
    let onwards = Redirect {
        status: 302,
        location: "{path}?{query}&more=1".into(),
    };
    world
        .server
        .options(|options| options.redirect = Some(onwards));
    let said = world.sync().errors.join(" ");
    assert!(said.contains("redirected more than 3 times"), "{said}");
    assert!(!said.contains("loop"), "{said}");
}

#[test]
fn promise_8_a_redirect_on_the_same_origin_is_followed() {
    let world = World::new(250, Options::default());
    for status in [301, 302, 307, 308] {
        world.server.clear_faults();
        let location = "skills-search?limit=100&offset=0";
        world.server.fault(
            Fault::status(status)
                .with_header("Location", location)
                .times(1),
        );
        assert_success(&world.sync());
    }
    world.assert_mirrored();
}

#[test]
fn promise_8_what_is_no_redirect_is_not_followed() {
    let world = World::new(50, Options::default());
    for status in [300, 304, 305, 306] {
        world.server.clear_faults();
        world.server.clear_requests();
        let fault = Fault::status(status).with_header("Location", "elsewhere");
        world.server.fault(fault.always());
        let result = world.sync();
        assert_eq!(result.code, Some(ErrorCode::Protocol), "{result:?}");
        assert!(
            result.errors[0].contains(&format!("HTTP {status}")),
            "{result:?}"
        );
        let paths: Vec<_> = world
            .server
            .requests()
            .into_iter()
            .map(|sent| sent.path)
            .collect();
        assert!(
            !paths.iter().any(|path| path.contains("elsewhere")),
            "{paths:?}"
        );
    }
    world.server.clear_faults();
    assert_success(&world.sync());
}

#[test]
fn promise_8_a_part_of_an_answer_is_not_the_whole() {
    for status in [201, 206] {
        let world = World::new(50, Options::default());
        let part = json!({ "data": [] });
        world
            .server
            .fault(Fault::status(status).with_body(part).always());
        let result = world.sync();
        assert_eq!(result.code, Some(ErrorCode::Protocol), "{result:?}");
        let told = format!("HTTP {status}");
        assert!(result.errors[0].contains(&told), "{result:?}");
    }
}

#[test]
fn promise_8_the_runs_deadline_ends_it() {
    let world = World::new(
        2_000,
        Options {
            delay_ms: 100,
            ..Options::default()
        },
    );
    let result = world.sync_with(SyncOptions::new().deadline(Duration::from_millis(700)));
    assert_eq!(result.code, Some(ErrorCode::RunDeadline), "{result:?}");
    assert!(result.total_processed > 0 && result.total_processed < 2_000);
}

/// Whatever a registry sends, messages about it stay readable.
#[track_caller]
fn assert_readable(world: &World, result: &SyncResult) {
    const MOST: usize = 400;
    let kept = world.engine().get_status().unwrap().config.last_sync_error;
    let noted = world.history().get_history(1).unwrap().remove(0);
    for text in result.errors.iter().chain(&result.warnings).chain(&kept) {
        let length = text.chars().count();
        assert!(length <= MOST, "{length} characters: {text:.500}");
    }
    let message = noted.error_message.unwrap_or_default();
    assert!(message.chars().count() <= 1_000);
}

#[test]
fn promise_8_texts_stay_short_whatever_the_registry_says() {
    let long = "long ".repeat(2_000_000);
    for body in [
        json!({ "data": long }),
        json!(long),
        json!(format!("\"{long}\"")),
        json!({ "data": [], "data ": long, "meta": long }),
    ] {
        let world = World::new(300, Options::default());
        world.server.fault(Fault::replace_body(body).always());
        assert_readable(&world, &world.sync());
    }
    for body in [
        json!({ "error": "monthly_quota_exceeded", "used": 1, "limit": 1, "tier": "é".repeat(20_000) }),
        json!({ "error": "é".repeat(20_000) }),
    ] {
        for status in [403, 429, 404] {
            let world = World::new(300, Options::default());
            let refusal = Fault::status(status).with_body(body.clone());
            world.server.fault(refusal.always());
            assert_readable(&world, &world.sync());
        }
    }
}

#[test]
fn promise_8_rows_with_huge_texts_are_told_of_in_short() {
    const LONG: usize = 1_000_000;
    let text = |letter: &str| letter.repeat(LONG / letter.len());
    let world = World::new(300, Options::default());
    let row = |id: String, tier: String| json!({ "id": id, "name": "n", "trust_tier": tier });
    let data = json!([
        text("é"),
        [text("ü")],
        { "id": text("i") },
        { "id": 1, "name": text("n") },
        row("a".into(), text("t")),
        row("b".into(), text("ä")),
        row(text("k"), text("u")),
    ]);
    let page = json!({ "data": data, "meta": { "total": 300, "limit": 100 } });
    world.server.fault(Fault::replace_body(page).times(1));
    world
        .server
        .fault(Fault::status(403).at_request(2).always());
    let result = world.sync();
    assert_eq!(result.skills_rejected, 4, "{:.500}", result.errors[0]);
    assert!(result.errors[1].ends_with("expected a skill"), "{result:?}");
    assert_readable(&world, &result);
    // The cursor does not store impossible tiers, and gaps store shortened ids and causes.
    let most: i64 = world
        .look()
        .query_row("SELECT max(length(value)) FROM sync_state", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert!(most < 10_000, "{most}");
}

#[test]
fn a_deadline_without_end_is_none() {
    let world = World::new(150, Options::default());
    let mut options = skillsmith_sync::ClientOptions::new().base_url(world.server.base_url());
    options = options.timeout(Duration::MAX);
    let result = world
        .engine_with(client_with(options))
        .sync(SyncOptions::new().deadline(Duration::MAX))
        .unwrap();
    assert_success(&result);
    world.assert_mirrored();
}

#[test]
fn options_out_of_range_are_refused_and_change_nothing() {
    let world = World::new(10, Options::default());
    for page_size in [0, 10_001, 1_000_000_000] {
        let error = world
            .engine()
            .sync(SyncOptions::new().page_size(page_size))
            .unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
        assert!(error.to_string().contains("from 1 to 10000"), "{error}");
    }
    let no_time = SyncOptions::new().deadline(Duration::ZERO);
    assert!(world.engine().sync(no_time).is_err());
    assert_eq!(world.history().count().unwrap(), 0);
    assert!(world.server.requests().is_empty());
}
