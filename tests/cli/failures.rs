//! Failures of a sync: exit codes, messages, and that nothing is lost.

use insta::assert_snapshot;
use serde_json::json;
use skillsmith_test_registry::{Fault, Options};

use crate::support::{Place, wait_until};

#[test]
fn an_unreachable_registry() {
    let mut place = Place::with_skills(60);
    place.ok(&["sync"]);
    place.server = None;
    let outcome = place.run(&["sync"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
    assert_snapshot!(place.settled(&outcome.stderr), @"
    Sync failed: Cannot reach the registry: the connection was refused. Check the address, or try again later.
    hint: The registry's address is http://127.0.0.1:<port>/functions/v1. `skillsmith doctor` checks it.
    ");
    assert_eq!(place.count("SELECT count(*) FROM skills"), 60);
    let history = place.json(&["sync", "history", "--json"]);
    assert_eq!(history[0]["status"], "failed");
    assert_eq!(history.as_array().unwrap().len(), 2);

    let quiet = place.run(&["sync", "--quiet"]);
    assert_eq!((quiet.code, quiet.stderr.lines().count()), (1, 1));
}

#[test]
fn an_invalid_row_makes_it_partial() {
    let place = Place::with_skills(60);
    place
        .server()
        .catalogue(|catalogue| catalogue.push(json!({"id": "nameless"})));
    let outcome = place.run(&["sync"]);
    assert_eq!(outcome.code, 3);
    assert_snapshot!(outcome.stdout, @"Synced 60 skills (60 new, 0 updated)");
    assert_snapshot!(outcome.stderr, @"error: Skill 'nameless' was rejected: it has no name");
    let quiet = place.run(&["sync", "-q"]);
    assert_eq!((quiet.code, quiet.stdout.as_str()), (3, ""));
    assert_eq!(quiet.stderr, outcome.stderr);
}

#[test]
fn a_listing_that_ends_early_is_partial_and_goes_on_next_time() {
    let place = Place::with_skills(500);
    place
        .server()
        .fault(Fault::status(403).at_request(4).always());
    let outcome = place.run(&["sync"]);
    assert_eq!(outcome.code, 3);
    assert!(outcome.stdout.starts_with("Synced "), "{}", outcome.stdout);
    assert_snapshot!(outcome.stderr, @"
    error: The registry does not allow this (403: Forbidden; sent no credential).
    hint: The listing was not read to its end; the next sync continues from there.
    ");
    place.server().clear_faults();
    assert_eq!(place.run(&["sync"]).code, 0);
    assert_eq!(place.count("SELECT count(*) FROM skills"), 500);
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_there() {
    let place = Place::with_skills(500);
    // A page, and then the bad row in it.
    for offset in 190..=200 {
        place
            .server()
            .fault(Fault::status(500).at_offset(offset).always());
    }
    let outcome = place.run(&["sync"]);
    assert_eq!(outcome.code, 3);
    assert_snapshot!(outcome.stdout, @"Synced 498 skills (498 new, 0 updated)");
    assert_snapshot!(outcome.stderr, @"error: Rows 200 to 201 of the listing could not be read (between skills '402b9c84-69b3-4c62-883a-d067a6f4d56a' and 'bc1584ea-7fd2-479a-bb55-110e85e76d3d'): The registry failed to answer: HTTP 500 (Internal Server Error)");
    let json = place.run(&["sync", "--json"]);
    assert_eq!(json.code, 3);
    let result = json.json();
    assert_eq!(result["success"], false);
    assert_eq!(result["coverage"], "best-effort");
    assert_eq!(result["errors"].as_array().unwrap().len(), 1);
    place.server().clear_faults();
    assert_eq!(place.run(&["sync"]).code, 0);
    assert_eq!(place.count("SELECT count(*) FROM skills"), 500);
}

#[test]
fn a_listing_that_ends_early_is_not_called_up_to_date() {
    let place = Place::with_skills(500);
    place.ok(&["sync"]);
    place.server().clear_requests();
    place
        .server()
        .fault(Fault::status(403).at_request(4).always());
    let outcome = place.run(&["sync"]);
    assert_eq!(outcome.code, 3);
    assert_snapshot!(outcome.stdout, @"Synced 0 skills (0 new, 0 updated)");
    assert_snapshot!(outcome.stderr, @"
    error: The registry does not allow this (403: Forbidden; sent no credential).
    hint: The listing was not read to its end; the next sync continues from there.
    ");
}

#[test]
fn a_401_says_how_to_set_a_key() {
    let place = Place::with_options(
        60,
        Options {
            api_keys: vec!["sk-1".into()],
            ..Options::default()
        },
    );
    let outcome = place.run(&["sync"]);
    assert_eq!(outcome.code, 1);
    assert_snapshot!(outcome.stderr, @"Sync failed: The registry wants a valid API key (401: Authentication required; sent no credential). Set SKILLSMITH_API_KEY to a valid key and sync again. The live registry offers its listing only on the plans Team and Enterprise.");
}

#[test]
fn a_second_sync_at_the_same_time() {
    let place = Place::with_skills(250);
    place.server().fault(Fault::stall_after(50).at_request(2));
    let _first = place.start(&["sync"]);
    wait_until("the second page stalls", || {
        place.server().listings().len() >= 2
    });

    let second = place.run(&["sync"]);
    assert_eq!((second.code, second.stdout.as_str()), (4, ""));
    assert_snapshot!(place.settled(&second.stderr), @"
    Sync failed: Sync already in progress
    hint: Another sync of <home>/.skillsmith/skills.db is running. Wait until it ends; `skillsmith sync status` shows it.
    ");
    let as_json = place.run(&["sync", "--json"]);
    assert_eq!(as_json.code, 4);
    assert_eq!(
        as_json.json()["errors"],
        json!(["Sync already in progress"])
    );
    // Another database is free.
    let other = place.run(&["sync", "--db", "other.db"]);
    assert_eq!(other.code, 0, "{}", other.stderr);
}

#[test]
fn warnings_go_to_stderr_and_can_be_silenced() {
    let place = Place::with_skills(20);
    let twin = |id: &str| json!({"id": id, "name": id, "repo_url": "https://example.org/one"});
    place
        .server()
        .catalogue(|catalogue| catalogue.extend([twin("first"), twin("second")]));
    let outcome = place.run(&["sync", "--db", "a.db"]);
    assert_eq!(outcome.code, 0);
    assert_eq!(outcome.stdout, "Synced 22 skills (22 new, 0 updated)\n");
    assert!(
        outcome.stderr.starts_with("warning: Skill '"),
        "{}",
        outcome.stderr
    );
    place.ok(&["sync", "--db", "b.db", "--quiet"]);
    let result = place.json(&["sync", "--db", "c.db", "--json"]);
    assert_eq!(result["warnings"].as_array().unwrap().len(), 1);
}
