//! Which listings are used, and how many requests they may take.

use serde_json::json;
use skillsmith_test_registry::{LoggedRequest, SyncEndpoint};

use crate::support::{Outcome, Place};

/// A registry with a sync endpoint, which it may reserve for larger plans.
fn place(plan_required: Option<&str>) -> Place {
    let place = Place::with_skills(250);
    place.server().options(|options| {
        options.sync_endpoint = Some(SyncEndpoint {
            plan_required: plan_required.map(str::to_owned),
            ..SyncEndpoint::default()
        });
    });
    place
}

#[test]
fn a_sync_with_nothing_new_takes_two_requests() {
    let place = place(None);
    assert_eq!(place.json(&["sync", "--json"])["requests"], 5);
    place.server().clear_requests();
    let outcome = place.run(&["sync"]);
    assert_eq!(outcome.code, 0);
    assert!(
        outcome
            .stdout
            .contains("Nothing has changed since the last sync."),
        "{}",
        outcome.stdout
    );
    assert_eq!(place.server().requests().len(), 2);
    let status = place.json(&["sync", "status", "--json"]);
    assert_eq!(status["requestsThisMonth"], 7);
}

#[test]
fn a_plan_is_not_gone_round_unless_the_user_says_so() {
    let place = place(Some("community"));
    let outcome = place.run(&["sync"]);
    assert_ne!(outcome.code, 0);
    assert!(outcome.stderr.contains("community"), "{}", outcome.stderr);
    let searches = || {
        let requests = place.server().requests();
        requests
            .iter()
            .filter(|request| request.is_listing())
            .count()
    };
    assert_eq!(searches(), 0);
    place.ok(&["sync", "--listing", "search"]);
    assert!(searches() > 0);
    place.server().clear_requests();
    let outcome = Outcome::of(place.command(&["sync"]).env("SKILLSMITH_LISTING", "search"));
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(!place.server().requests().iter().any(LoggedRequest::is_sync));
}

#[test]
fn a_listing_that_is_none_is_told() {
    let place = place(None);
    let outcome = Outcome::of(place.command(&["sync"]).env("SKILLSMITH_LISTING", "all"));
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("SKILLSMITH_LISTING"),
        "{}",
        outcome.stderr
    );
    assert_eq!(place.run(&["sync", "--listing", "all"]).code, 2);
    assert_eq!(
        place
            .run(&["sync", "config", "--request-budget", "-1"])
            .code,
        2
    );
}

#[test]
fn a_budget_ends_a_sync_as_partial() {
    let place = place(None);
    let config = place.json(&["sync", "config", "--request-budget", "3", "--json"]);
    assert_eq!(config["requestBudget"], 3);
    let outcome = place.run(&["sync", "--json"]);
    assert_eq!(outcome.code, 3, "{}", outcome.stderr);
    let result: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(
        (&result["requests"], &result["errors"]),
        (&json!(3), &json!([]))
    );
    let config = place.json(&["sync", "config", "--request-budget", "none", "--json"]);
    assert_eq!(config["requestBudget"], json!(null));
    place.ok(&["sync"]);
}
