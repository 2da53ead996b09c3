//! A registry that reserves its listing for other plans: it is not gone round, and only a sync by
//! hand asks again within a week.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use skillsmith_sync::background::{Decision, Schedule};
use skillsmith_sync::engine::Listing;
use skillsmith_sync::environment::Environment;
use skillsmith_sync::{
    BackgroundOptions, BackgroundSyncService, ClientOptions, ErrorCode, SkillsmithApiClient,
    SyncEngine, SyncOptions,
};
use skillsmith_test_registry::{LoggedRequest, Options, SyncEndpoint};

use crate::support::{World, assert_success, client_with, row_count};

const DAY: Duration = Duration::from_secs(86_400);
const KEY: &str = "sk_live_of_a_small_plan_0123456789";

fn world(skills: usize) -> World {
    World::new(
        skills,
        Options {
            sync_endpoint: Some(SyncEndpoint {
                plan_required: Some("community".into()),
                ..SyncEndpoint::default()
            }),
            ..Options::default()
        },
    )
}

fn with_key(world: &World, key: &str) -> SyncEngine {
    let options = ClientOptions::new().base_url(world.server.base_url());
    world.engine_with(client_with(options.api_key(key)))
}

#[track_caller]
fn is_refused(engine: &SyncEngine) {
    let result = engine.sync(SyncOptions::new()).unwrap();
    assert_eq!(result.code, Some(ErrorCode::PlanRequired), "{result:?}");
}

/// What a service in a new process decides.
fn decide(engine: &SyncEngine) -> Decision {
    Schedule::new().check(engine)
}

#[test]
fn the_decision_of_a_registry_is_not_gone_round() {
    let world = world(120);
    let result = world.sync();
    assert_eq!(result.code, Some(ErrorCode::PlanRequired), "{result:?}");
    assert!(result.errors[0].contains("community"), "{result:?}");
    assert_eq!(world.server.listings().len(), 0);
    assert_eq!(row_count(&world.path()), 0);
    // A manual sync asks again at once.
    assert_eq!(world.sync().code, Some(ErrorCode::PlanRequired));
}

#[test]
fn who_may_says_that_the_search_is_to_be_used() {
    let world = world(120);
    let result = world.sync_with(SyncOptions::new().listing(Listing::Search));
    assert_success(&result);
    assert_eq!(result.skills_added, 120);
    assert!(!world.server.requests().iter().any(LoggedRequest::is_sync));
    world.assert_mirrored();
}

#[test]
fn promise_9_only_a_sync_by_hand_asks_again_within_a_week() {
    let world = world(120);
    let engine = with_key(&world, KEY);
    assert_eq!(decide(&engine), Decision::Begin);
    is_refused(&engine);
    world.server.clear_requests();
    for _ in 0..6 {
        world.clock.advance(DAY);
        assert_eq!(decide(&with_key(&world, KEY)), Decision::BackingOff);
    }
    assert!(world.server.requests().is_empty());
    // By hand it is asked, and the week begins anew.
    is_refused(&engine);
    assert!(!world.server.requests().is_empty());
    world.clock.advance(6 * DAY);
    assert_eq!(decide(&engine), Decision::BackingOff);
    world.clock.advance(DAY);
    assert_eq!(decide(&engine), Decision::Begin);
}

#[test]
fn promise_9_a_service_sends_nothing_to_a_registry_that_reserves_its_listing() {
    let world = world(120);
    is_refused(&world.engine());
    world.server.clear_requests();
    // So that the wait after a failure is over.
    let ahead = Arc::clone(&world.clock);
    ahead.advance(3 * DAY);
    let checked = |options: BackgroundOptions| {
        let options = options.check_interval(Duration::from_millis(20));
        let service = BackgroundSyncService::new(world.engine(), options).unwrap();
        service.start().unwrap();
        while service.get_state().checks_performed < 4 {
            std::thread::sleep(Duration::from_millis(2));
        }
        service
    };
    let service = checked(BackgroundOptions::new());
    assert_eq!(service.get_state().syncs_triggered, 0);
    assert!(world.server.requests().is_empty());
    // By hand.
    let result = service.manual_sync().unwrap();
    assert_eq!(result.code, Some(ErrorCode::PlanRequired));
    drop(service);
    // The search was not refused.
    ahead.advance(3 * DAY);
    let service = checked(BackgroundOptions::new().listing(Listing::Search));
    // A busy machine may count four checks before the first run has ended.
    while service.get_state().last_result.is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(service.get_state().syncs_triggered, 1);
    drop(service);
    world.assert_mirrored();
}

#[test]
fn a_refusal_is_that_of_one_registry_and_one_credential() {
    let one = world(20);
    is_refused(&with_key(&one, KEY));
    one.clock.advance(DAY);
    assert_eq!(decide(&with_key(&one, KEY)), Decision::BackingOff);
    assert_eq!(decide(&with_key(&one, "sk_of_another")), Decision::Begin);
    assert_eq!(decide(&one.engine()), Decision::Begin);
    let other = world(20);
    let elsewhere = ClientOptions::new()
        .base_url(other.server.base_url())
        .api_key(KEY);
    let elsewhere = one.engine_with(client_with(elsewhere));
    assert_eq!(decide(&elsewhere), Decision::Begin);
    // Two callers in turn do not make each other ask.
    is_refused(&with_key(&one, "sk_of_another"));
    one.clock.advance(DAY);
    assert_eq!(decide(&with_key(&one, KEY)), Decision::BackingOff);
    assert_eq!(
        decide(&with_key(&one, "sk_of_another")),
        Decision::BackingOff
    );
}

#[test]
fn a_larger_plan_ends_the_week() {
    let world = world(120);
    is_refused(&world.engine());
    world
        .server
        .options(|options| options.sync_endpoint = Some(SyncEndpoint::default()));
    assert_success(&world.sync());
    world.clock.advance(2 * DAY);
    assert_eq!(decide(&world.engine()), Decision::Begin);
    world.assert_mirrored();
}

#[test]
fn promise_10_a_refusal_is_kept_without_the_credential() {
    let world = world(20);
    is_refused(&with_key(&world, KEY));
    let kept: String = world
        .look()
        .query_row(
            "SELECT group_concat(key || value) FROM sync_state",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert!(kept.contains("reserved:http"), "{kept}");
    for at in 0..KEY.len() - 8 {
        assert!(!kept.contains(&KEY[at..at + 8]), "{kept}");
    }
}

#[test]
fn who_signs_in_anew_is_another_caller() {
    let world = world(20);
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(".skillsmith/config.json");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    let sign_in = |token: &str| {
        std::fs::write(&file, json!({ "accessToken": token }).to_string()).unwrap();
    };
    sign_in("token-of-a-small-plan");
    let path = home.path().to_str().unwrap().to_owned();
    let environment = Environment::new(move |name| (name == "HOME").then(|| path.clone()));
    let options = ClientOptions::new().base_url(world.server.base_url());
    let client = SkillsmithApiClient::with_environment(options, &environment).unwrap();
    let engine = world.engine_with(client);
    is_refused(&engine);
    world.clock.advance(DAY);
    assert_eq!(decide(&engine), Decision::BackingOff);
    // The server of the host runs on.
    sign_in("token-of-a-large-plan");
    assert_eq!(decide(&engine), Decision::Begin);
    is_refused(&engine);
    let shown = world.server.requests();
    let shown = shown.iter().rfind(|request| request.is_sync());
    let shown = shown.and_then(|request| request.header("authorization"));
    assert_eq!(shown, Some("Bearer token-of-a-large-plan"));
}

#[test]
fn a_provider_need_not_be_asked_to_know_that_it_was_refused() {
    let world = world(20);
    let engine = || {
        let options = ClientOptions::new().base_url(world.server.base_url());
        let options = options.token_provider(|_| Ok("token-of-the-host".into()));
        world.engine_with(client_with(options))
    };
    is_refused(&engine());
    world.clock.advance(DAY);
    world.server.clear_requests();
    assert_eq!(decide(&engine()), Decision::BackingOff);
    assert_eq!(decide(&with_key(&world, KEY)), Decision::Begin);
    assert!(world.server.requests().is_empty());
}
