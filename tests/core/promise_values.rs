//! No value from outside breaks anything: promises 5, 9, 10 and 13 where a page, a header, a stamp or a
//! row of the database holds what nobody expects.

use std::time::Duration;

use skillsmith_sync::clock::Clock;
use skillsmith_sync::registry::{Call, Page, PageRequest, Registry, Wait};
use skillsmith_sync::{
    CancelToken, ClientOptions, Error, ErrorCode, Result, SkillsmithApiClient, SyncOptions,
};
use skillsmith_test_registry::{Fault, Options};

use crate::support::{World, client, client_with};

/// Asks for the first page, once or with retries.
fn first_page(world: &World, single_try: bool) -> Result<Page> {
    ask(&world.client(), world, single_try)
}

fn ask(client: &SkillsmithApiClient, world: &World, single_try: bool) -> Result<Page> {
    client.search(
        &PageRequest {
            limit: 100,
            ..PageRequest::default()
        },
        &Call {
            cancel: &CancelToken::new(),
            clock: &*world.clock,
            deadline: world.clock.elapsed() + Duration::from_secs(600),
            on_wait: &|_: &Wait| {},
            single_try,
        },
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

    // A plan without end, and one that repeats the key, are told in part only.
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
