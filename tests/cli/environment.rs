//! Environment variables and the configuration file.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use insta::assert_snapshot;
use skillsmith_test_registry::{Options, SignIn};

use crate::support::{Outcome, Place};

#[test]
fn the_database_path() {
    let place = Place::with_skills(15);
    let named = place.path("named.db");
    let outcome = Outcome::of(place.command(&["sync"]).env("SKILLSMITH_DB_PATH", &named));
    assert_eq!(outcome.code, 0);
    assert!(named.exists() && !place.database().exists());

    // The option takes precedence over the variable.
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
fn a_database_path_is_taken_as_bytes() {
    let place = Place::with_skills(15);
    let named = place.home().join(OsStr::from_bytes(b"caf\xe9.db"));
    let outcome = Outcome::of(place.command(&["sync"]).env("SKILLSMITH_DB_PATH", &named));
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(named.exists() && !place.path(".skillsmith").exists());
    let home = place.home().join(OsStr::from_bytes(b"jos\xe9"));
    std::fs::create_dir(&home).unwrap();
    let outcome = Outcome::of(place.command(&["sync"]).env("HOME", &home));
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(home.join(".skillsmith/skills.db").exists());
}

#[test]
fn a_tilde_is_the_home_folder_without_a_shell() {
    let place = Place::with_skills(15);
    let mut command = place.command(&["sync"]);
    let outcome = Outcome::of(command.env("SKILLSMITH_DB_PATH", "~/of-variable.db"));
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    place.ok(&["sync", "--db=~/of-option.db"]);
    for name in ["of-variable.db", "of-option.db"] {
        assert!(place.path(name).exists(), "{name}");
    }
    assert!(!place.path("~").exists());
}

/// Otherwise a folder of that name appears in each folder that the program is started in.
#[test]
fn a_home_folder_that_is_not_an_absolute_path_names_no_place() {
    let place = Place::with_skills(15);
    std::fs::create_dir_all(place.path("mine/.skillsmith")).unwrap();
    std::fs::write(
        place.path("mine/.skillsmith/config.json"),
        r#"{"apiKey": "sk-of-relative"}"#,
    )
    .unwrap();
    for home in ["mine", ".", "./mine", "~"] {
        for args in [
            &["sync"][..],
            &["sync", "status"],
            &["sync", "--db=~/skills.db"],
        ] {
            let outcome = Outcome::of(place.command(args).env("HOME", home));
            assert_eq!(outcome.code, 1, "{home} {args:?}: {}", outcome.stdout);
            let words = "no home folder was found (HOME must be an absolute path)";
            assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
        }
        // Its configuration is not passed over in silence, unless nothing is asked of it.
        let mut command = place.command(&["sync", "--db", "skills.db"]);
        let outcome = Outcome::of(command.env("HOME", home));
        assert_eq!(outcome.code, 1, "{home}: {}", outcome.stdout);
        let words = "Set HOME to an absolute path.";
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
        assert!(place.server().requests().is_empty());
    }
    assert_eq!(place.names_in("mine/.skillsmith"), ["config.json"]);
    assert!(!place.path(".skillsmith").exists() && !place.path("~").exists());
    let mut command = place.command(&["sync", "--db", "skills.db"]);
    command
        .env("HOME", "mine")
        .env("SKILLSMITH_API_KEY", "sk-12345678");
    let outcome = Outcome::of(&mut command);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

#[test]
fn exceptions_from_the_proxy_that_are_not_understood_are_named() {
    let place = Place::with_skills(15);
    let with = |args: &[&str]| {
        let mut command = place.command(args);
        command
            .env("HTTP_PROXY", "http://127.0.0.1:1")
            .env("NO_PROXY", "<local>;127/8,http://x.test");
        Outcome::of(&mut command)
    };
    let words =
        "NO_PROXY has entries that name no host and are passed over: <local>, http://x.test";
    let outcome = with(&["doctor"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stdout);
    let told = format!("warning: exceptions: {words}\n");
    assert!(outcome.stdout.contains(&told), "{}", outcome.stdout);
    let outcome = with(&["sync", "--verbose"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let told = format!("http: {words}\n");
    assert!(outcome.stderr.contains(&told), "{}", outcome.stderr);
}

#[test]
fn a_value_that_is_not_utf_8_is_told_and_nothing_is_sent() {
    let place = Place::with_skills(15);
    for name in [
        "SKILLSMITH_API_URL",
        "SKILLSMITH_API_KEY",
        "SUPABASE_ANON_KEY",
        "SKILLSMITH_OFFLINE_MODE",
        "SKILLSMITH_LISTING",
        "HTTP_PROXY",
    ] {
        let mut command = place.command(&["sync"]);
        let outcome = Outcome::of(command.env(name, OsStr::from_bytes(b"caf\xe9")));
        assert_eq!(outcome.code, 1, "{name}");
        assert_eq!(
            outcome.stderr,
            format!(
                "error: The value of {name} is not valid UTF-8. Set the variable again, or unset it.\n"
            )
        );
    }
    assert!(place.server().requests().is_empty());
}

#[test]
fn a_port_that_no_address_has_is_refused() {
    let place = Place::without_registry();
    for address in ["http://127.0.0.1:99999/v1", "http://[::1]:0", "http://h:8o"] {
        let outcome = Outcome::of(place.command(&["sync"]).env("SKILLSMITH_API_URL", address));
        assert_eq!(outcome.code, 1, "{address}");
        let words = "The registry's address (SKILLSMITH_API_URL) cannot be used: ";
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
        assert!(!place.path(".skillsmith").exists());
    }
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
            api_keys: vec!["sk-of-file".into()],
            ..Options::default()
        },
    );
    std::fs::create_dir(place.path(".skillsmith")).unwrap();
    std::fs::write(
        place.path(".skillsmith/config.json"),
        r#"{"apiKey": "sk-of-file"}"#,
    )
    .unwrap();
    place.ok(&["sync"]);
}

/// A registry that accepts these tokens, and a configuration file with the registry and one of the
/// tokens.
fn signed_in(token: &str, tokens: &[(&str, u64)]) -> Place {
    let tokens = tokens.iter().map(|(token, uses)| ((*token).into(), *uses));
    let sign_in = SignIn {
        tokens: tokens.collect(),
        ..SignIn::default()
    };
    let options = Options {
        sign_in,
        ..Options::default()
    };
    let place = Place::with_options(15, options);
    std::fs::create_dir(place.path(".skillsmith")).unwrap();
    let config = serde_json::json!({
        "version": 2,
        "accessToken": token,
        "expiresAt": 1_800_000_000_000_u64,
        "refreshToken": "not ours",
        "apiBaseUrl": place.server().origin(),
    });
    std::fs::write(place.path(".skillsmith/config.json"), config.to_string()).unwrap();
    place
}

#[test]
fn the_sign_in_of_the_configuration_file_is_used_at_its_registry() {
    let place = signed_in("signed-in", &[("signed-in", 100)]);
    let mut command = place.command(&["sync"]);
    let outcome = Outcome::of(command.env_remove("SKILLSMITH_API_URL"));
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    for request in place.server().listings() {
        assert_eq!(request.path, "/functions/v1/skills-search");
        assert_eq!(request.header("authorization"), Some("Bearer signed-in"));
    }
}

#[test]
fn a_sign_in_that_has_expired_says_what_to_do() {
    let place = signed_in("old", &[("old", 0)]);
    let before = std::fs::read(place.path(".skillsmith/config.json")).unwrap();
    let outcome = place.run(&["sync"]);
    assert_eq!(outcome.code, 1);
    assert_snapshot!(outcome.stderr, @"Sync failed: Your sign-in has expired: run `skillsmith login`, or set SKILLSMITH_API_KEY (401: expired_token; sent the token from ~/.skillsmith/config.json). The live registry offers its listing only on the plans Team and Enterprise.");
    let after = std::fs::read(place.path(".skillsmith/config.json")).unwrap();
    assert_eq!(before, after);
    let outcome = Outcome::of(
        place
            .command(&["sync"])
            .env("SKILLSMITH_API_KEY", "sk-12345"),
    );
    assert!(outcome.stderr.contains("401"), "{}", outcome.stderr);
}

#[test]
fn a_configuration_file_that_cannot_be_read_stops_what_needs_it() {
    let place = signed_in("signed-in", &[("signed-in", 100)]);
    let file = place.path(".skillsmith/config.json");
    std::fs::write(&file, "{\"accessToken\": ").unwrap();
    let outcome = place.run(&["sync"]);
    assert_eq!(outcome.code, 1);
    let told = format!("error: Cannot read {}: it is not JSON", file.display());
    assert!(outcome.stderr.starts_with(&told), "{}", outcome.stderr);
    place.ok(&["sync", "status"]);
    std::fs::remove_file(&file).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&file).status();
    assert!(made.unwrap().success());
    let outcome = place.run(&["sync"]);
    assert!(
        outcome.stderr.contains("not a regular file"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_configuration_file_with_a_byte_order_mark_is_read_and_a_huge_one_is_not() {
    let place = signed_in("signed-in", &[("signed-in", 100)]);
    let file = place.path(".skillsmith/config.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("\u{feff}{text}")).unwrap();
    place.ok(&["sync"]);
    let huge = std::fs::File::create(&file).unwrap();
    huge.set_len(100 * 1024 * 1024).unwrap();
    let outcome = place.run(&["sync"]);
    assert_eq!(outcome.code, 1);
    let told = "config.json: it is larger than 1048576 bytes";
    assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
}

#[test]
fn a_token_with_line_breaks_is_refused_before_any_request() {
    let token = "first line\r\nX-Injected: yes";
    let place = signed_in(token, &[("first line", 100)]);
    let outcome = place.run(&["sync"]);
    assert_eq!(outcome.code, 1);
    assert!(
        outcome.stderr.contains("characters that no token has"),
        "{}",
        outcome.stderr
    );
    assert!(!outcome.stderr.contains("first line"), "{}", outcome.stderr);
    let outcome = Outcome::of(place.command(&["sync"]).env("SKILLSMITH_API_KEY", token));
    assert_eq!(outcome.code, 1);
    assert!(!outcome.stderr.contains("first line"), "{}", outcome.stderr);
    assert!(place.server().requests().is_empty());
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
    assert_snapshot!(outcome.stderr, @"error: The registry's address (SKILLSMITH_API_URL) cannot be used: it begins neither with http:// nor with https://. Use the form https://host/path.");
    assert!(!place.path(".skillsmith").exists());
}

#[test]
fn a_link_that_leads_nowhere_in_the_place_of_the_settings_is_named() {
    let place = Place::with_skills(25);
    std::fs::create_dir(place.path(".skillsmith")).unwrap();
    std::os::unix::fs::symlink("gone.json", place.path(".skillsmith/config.json")).unwrap();
    let outcome = Outcome::of(&mut place.command(&["sync"]));
    assert_eq!(outcome.code, 1);
    assert_snapshot!(place.settled(&outcome.stderr), @"error: Cannot read <home>/.skillsmith/config.json: <home>/.skillsmith/config.json is a link to a place that does not exist. Correct the file, or move it away and run `skillsmith login`.");
    assert!(place.server().requests().is_empty());
    // The same for the folder.
    std::fs::remove_dir_all(place.path(".skillsmith")).unwrap();
    std::os::unix::fs::symlink("gone", place.path(".skillsmith")).unwrap();
    let outcome = Outcome::of(&mut place.command(&["sync", "--db", "x.db"]));
    assert_eq!(outcome.code, 1);
    assert!(
        outcome
            .stderr
            .contains("/.skillsmith is a link to a place that does not exist"),
        "{}",
        outcome.stderr
    );
    assert!(place.server().requests().is_empty());
}
