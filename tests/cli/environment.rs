//! Environment variables and the configuration file.

use insta::assert_snapshot;
use skillsmith_test_registry::Options;

use crate::support::{Outcome, Place};

#[test]
fn the_database_path() {
    let place = Place::with_skills(15);
    let named = place.path("named.db");
    let outcome = Outcome::of(place.command(&["sync"]).env("SKILLSMITH_DB_PATH", &named));
    assert_eq!(outcome.code, 0);
    assert!(named.exists() && !place.database().exists());

    // The option goes before the variable.
    let option = place.path("option.db");
    let outcome = Outcome::of(
        place
            .command(&["sync", "--db", "option.db"])
            .env("SKILLSMITH_DB_PATH", place.path("other.db")),
    );
    assert_eq!(outcome.code, 0);
    assert!(option.exists() && !place.path("other.db").exists());
}

#[test]
fn no_home() {
    let place = Place::without_registry();
    let outcome = Outcome::of(place.command(&["sync", "status"]).env_remove("HOME"));
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
    assert_snapshot!(outcome.stderr, @"error: Cannot choose a default path for the database: no home folder was found. Pass --db <PATH>, or set SKILLSMITH_DB_PATH.");
    let outcome = Outcome::of(
        place
            .command(&["sync", "status", "--db", "x.db"])
            .env_remove("HOME"),
    );
    assert_eq!(outcome.code, 0);
}

#[test]
fn offline_mode() {
    let place = Place::with_skills(15);
    let outcome = Outcome::of(
        place
            .command(&["sync"])
            .env("SKILLSMITH_OFFLINE_MODE", "true"),
    );
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
    assert_snapshot!(outcome.stderr, @"
    Sync failed: API client is in offline mode. Cannot sync.
    hint: SKILLSMITH_OFFLINE_MODE is set. Unset it to sync. The database can be used offline.
    ");
    assert!(place.server().requests().is_empty());
    let history = place.json(&["sync", "history", "--json"]);
    assert_eq!(
        history[0]["errorMessage"],
        "API client is in offline mode. Cannot sync."
    );
}

#[test]
fn the_api_key_is_sent() {
    let place = Place::with_options(
        15,
        Options {
            api_keys: vec!["sk-right".into()],
            ..Options::default()
        },
    );
    let outcome = Outcome::of(
        place
            .command(&["sync"])
            .env("SKILLSMITH_API_KEY", "sk-right"),
    );
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let listings = place.server().listings();
    assert!(!listings.is_empty());
    assert!(
        listings
            .iter()
            .all(|page| page.header("x-api-key") == Some("sk-right"))
    );
}

#[test]
fn the_api_key_of_the_configuration_file_is_sent() {
    let place = Place::with_options(
        15,
        Options {
            api_keys: vec!["sk-file".into()],
            ..Options::default()
        },
    );
    std::fs::create_dir(place.path(".skillsmith")).unwrap();
    std::fs::write(
        place.path(".skillsmith/config.json"),
        r#"{"apiKey": "sk-file"}"#,
    )
    .unwrap();
    place.ok(&["sync"]);
}

#[test]
fn an_address_that_is_none_is_refused_before_anything_is_created() {
    let place = Place::without_registry();
    let outcome = Outcome::of(
        place
            .command(&["sync"])
            .env("SKILLSMITH_API_URL", "registry"),
    );
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
    assert_snapshot!(outcome.stderr, @"error: The registry's address cannot be used: it begins neither with http:// nor with https://. Use the form https://host/path.");
    assert!(!place.path(".skillsmith").exists());
}
