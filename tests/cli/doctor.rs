//! `skillsmith doctor` and `--verbose`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use insta::assert_snapshot;
use serde_json::{Value, json};
use skillsmith_test_registry::{Fault, Options, SyncEndpoint};

use crate::support::{Outcome, Place, Running, wait_until};

/// The finding of this name in the document.
fn finding<'d>(document: &'d Value, name: &str) -> &'d Value {
    let findings = document["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["name"] == name);
    found.unwrap_or_else(|| panic!("no finding {name}: {document:#}"))
}

/// The requests of the month.
fn requests(place: &Place) -> u64 {
    let status = place.json(&["sync", "status", "--json"]);
    status["requestsThisMonth"].as_u64().unwrap()
}

#[test]
fn nothing_is_wrong_after_a_sync() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    place.server().clear_requests();
    let of_sync = requests(&place);
    let text = place.ok(&["doctor", "--check"]);
    let lines: Vec<_> = text
        .lines()
        // What depends on the machine.
        .filter(|line| !line.starts_with("file system") && !line.starts_with("file:"))
        .map(|line| line.split(", owner").next().unwrap())
        .collect();
    assert_snapshot!(place.settled(&lines.join("\n")));
    assert_eq!(place.server().requests().len(), 3);
    let of_doctor = requests(&place) - of_sync;
    assert_eq!(of_doctor, 3);
    let document = place.json(&["doctor", "--json"]);
    assert_eq!(document["ok"], true);
    assert_eq!(
        finding(&document, "address")["source"],
        "SKILLSMITH_API_URL"
    );
    assert_eq!(finding(&document, "path")["source"], "the default");
    assert_eq!(place.ok(&["doctor", "--quiet"]), "");
}

#[test]
fn it_creates_nothing() {
    let place = Place::with_skills(25);
    let document = place.json(&["doctor", "--json"]);
    assert_eq!(document["ok"], true, "{document:#}");
    let file = &finding(&document, "file")["value"];
    assert!(file.as_str().unwrap().starts_with("not created yet"));
    assert!(!place.path(".skillsmith").exists());
}

#[test]
fn what_is_wrong_is_an_error_and_the_exit_code() {
    let mut place = Place::with_skills(25);
    place.ok(&["sync"]);
    place.server = None;
    let outcome = place.run(&["doctor"]);
    assert_eq!(outcome.code, 1);
    assert!(
        outcome
            .stdout
            .contains("error: answer: Cannot reach the registry: "),
        "{}",
        outcome.stdout
    );
    assert!(outcome.stdout.ends_with("One thing is wrong.\n"));
    fs::write(place.path("text.db"), "not a database, but a text").unwrap();
    let outcome = place.run(&["doctor", "--json", "--db", "text.db"]);
    assert_eq!(outcome.code, 1);
    let document = outcome.json();
    assert_eq!(finding(&document, "content")["state"], "error");
    assert_eq!(document["ok"], false);
    fs::write(place.path(".skillsmith/config.json"), "{").unwrap();
    let outcome = place.run(&["doctor"]);
    assert!(
        outcome.stdout.contains("config.json: it is not JSON"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn a_broken_index_is_found_by_its_check_only() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    place
        .look()
        .execute(
            "INSERT INTO skills_fts (skills_fts) VALUES ('delete-all')",
            [],
        )
        .unwrap();
    assert_eq!(place.run(&["doctor"]).code, 0);
    let outcome = place.run(&["doctor", "--check"]);
    assert_eq!(outcome.code, 1);
    assert!(
        outcome.stdout.contains("error: index: the full-text index"),
        "{}",
        outcome.stdout
    );
}

/// As a faulty disk or a program that edits the schema leaves it. Where it is unique, rows that are new are taken for known.
#[test]
fn an_index_without_some_of_the_rows_is_found_by_its_check_only() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    let sql = "CREATE INDEX of_authors ON skills (author)";
    place.look().execute_batch(sql).unwrap();
    let root: i64 = place
        .look()
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'of_authors'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    // Each connection reads the schema that the one before it has left.
    for statement in [
        "DELETE FROM sqlite_schema WHERE name = 'of_authors'".to_owned(),
        "UPDATE skills SET author = 'somebody else'".to_owned(),
        format!(
            "INSERT INTO sqlite_schema VALUES ('index', 'of_authors', 'skills', {root}, '{sql}')"
        ),
    ] {
        let look = place.look();
        look.pragma_update(None, "writable_schema", true).unwrap();
        look.execute(&statement, []).unwrap();
    }
    assert_eq!(place.run(&["doctor"]).code, 0);
    let outcome = place.run(&["doctor", "--check"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stdout.contains("of_authors"), "{}", outcome.stdout);
}

/// Who can rename the folder of the database decides what is read, whatever the mode of that folder.
#[test]
fn a_folder_above_in_which_others_may_rename_is_told() {
    let place = Place::with_skills(25);
    fs::create_dir_all(place.path("shared/mine")).unwrap();
    let db = place.path("shared/mine/skills.db");
    let args = ["doctor", "--json", "--db", db.to_str().unwrap()];
    for (mode, is_told) in [(0o755, false), (0o777, true), (0o1777, false)] {
        fs::set_permissions(place.path("shared"), fs::Permissions::from_mode(mode)).unwrap();
        let document = place.json(&args);
        let findings = document["findings"].as_array().unwrap();
        let found = findings
            .iter()
            .find(|found| found["name"] == "folder above");
        assert_eq!(found.is_some(), is_told, "{mode:o}: {document}");
        if let Some(found) = found {
            assert_eq!(found["state"], "warning");
            let value = found["value"].as_str().unwrap();
            assert!(
                value.contains("shared: every user of this machine can write to it"),
                "{value}"
            );
        }
    }
}

#[test]
fn it_shows_who_has_the_file_open_and_never_a_credential() {
    let place = Place::with_options(
        25,
        Options {
            api_keys: vec!["sk-doctor-0123456789".into()],
            ..Options::default()
        },
    );
    let with_key = |args: &[&str]| {
        let mut command = place.command(args);
        command
            .env("SKILLSMITH_API_KEY", "sk-doctor-0123456789")
            .env("HTTPS_PROXY", "http://user:hunter2@proxy.example:3128");
        command
    };
    assert_eq!(Outcome::of(&mut with_key(&["sync"])).code, 0);
    place
        .server()
        .fault(Fault::stall_after(0).at_request(2).always());
    let running = Running::start(&mut with_key(&["sync", "--force"]));
    wait_until("it runs", || {
        place.json(&["sync", "status", "--json"])["isRunning"] == true
    });
    place.server().clear_faults();
    let outcome = Outcome::of(&mut with_key(&["doctor", "--json"]));
    drop(running);
    let document = outcome.json();
    let users = finding(&document, "open in")["value"].as_str().unwrap();
    assert!(users.contains("skillsmith (process "), "{users}");
    let credential = &finding(&document, "credential")["value"];
    assert_eq!(credential, "the API key from SKILLSMITH_API_KEY");
    assert!(!outcome.stdout.contains("sk-doctor") && !outcome.stdout.contains("hunter2"));
}

#[test]
fn a_folder_without_write_access_is_named() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    fs::copy(env!("CARGO_BIN_EXE_skillsmith"), place.path("program")).unwrap();
    for (path, mode) in [
        ("program", 0o755),
        (".skillsmith", 0o555),
        (".skillsmith/skills.db", 0o666),
    ] {
        fs::set_permissions(place.path(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let mut command = place.command_of("setpriv", &nobody);
    if rustix::process::getuid().is_root() {
        command.arg(place.path("program"));
    } else {
        command = place.command_of(place.path("program"), &[]);
    }
    let outcome = Outcome::of(command.args(["doctor", "--json"]));
    assert_eq!(outcome.code, 1);
    let document = outcome.json();
    let folder = finding(&document, "folder");
    assert_eq!(folder["state"], "error", "{document:#}");
    assert!(
        folder["value"]
            .as_str()
            .unwrap()
            .contains("cannot be written")
    );
    // The file cannot be read for the same reason.
    assert_eq!(finding(&document, "content")["state"], "warning");
    let findings = document["findings"].as_array().unwrap();
    let errors = findings.iter().filter(|one| one["state"] == "error");
    assert_eq!(errors.count(), 1, "{document:#}");
}

/// As after `sudo` has made the folder, and given away what is in it.
#[test]
fn a_folder_without_write_access_does_where_all_files_are_there() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    if !rustix::process::getuid().is_root() {
        return;
    }
    fs::copy(env!("CARGO_BIN_EXE_skillsmith"), place.path("program")).unwrap();
    for (path, mode) in [("program", 0o755), (".skillsmith", 0o755)] {
        fs::set_permissions(place.path(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    for suffix in ["", "-wal", "-shm", "-sync-lock"] {
        let path = place.path(&format!(".skillsmith/skills.db{suffix}"));
        fs::File::options()
            .create(true)
            .append(true)
            .open(&path)
            .unwrap();
        std::os::unix::fs::chown(&path, Some(65534), Some(65534)).unwrap();
    }
    let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    for args in [
        &["doctor", "--json"][..],
        &["sync", "--json"],
        &["doctor", "--json"],
    ] {
        let mut command = place.command_of("setpriv", &nobody);
        let outcome = Outcome::of(command.arg(place.path("program")).args(args));
        assert_eq!(
            outcome.code, 0,
            "{args:?}: {}{}",
            outcome.stdout, outcome.stderr
        );
        let document = outcome.json();
        if args[0] == "doctor" {
            let folder = finding(&document, "folder");
            assert_eq!(folder["state"], "warning", "{document:#}");
            let value = folder["value"].as_str().unwrap();
            assert!(value.contains("only as long as the files"), "{value}");
        }
    }
}

#[test]
fn verbose_tells_requests_and_batches_without_secrets() {
    let place = Place::with_options(
        150,
        Options {
            api_keys: vec!["sk-verbose-0123456789".into()],
            ..Options::default()
        },
    );
    let mut command = place.command(&["sync", "--verbose", "--json"]);
    let outcome = Outcome::of(command.env("SKILLSMITH_API_KEY", "sk-verbose-0123456789"));
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    outcome.json();
    for part in [
        "http: the registry is http://127.0.0.1:",
        "requests carry the API key from SKILLSMITH_API_KEY",
        "/health: HTTP 200 (",
        "/skills-search?limit=100&offset=0: HTTP ",
        "sync: a sync of ",
        "sync: a page with 100 rows",
        "sync: a batch of ",
        "sync: the sync ends: success; 150 new, 0 updated",
    ] {
        assert!(outcome.stderr.contains(part), "{part}: {}", outcome.stderr);
    }
    assert!(!outcome.stderr.contains("sk-verbose"), "{}", outcome.stderr);
}

#[test]
fn verbose_tells_what_is_asked_and_counts_in_words() {
    let place = Place::with_options(
        2,
        Options {
            sync_endpoint: Some(SyncEndpoint::default()),
            ..Options::default()
        },
    );
    let first = place.run(&["sync", "--verbose"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    for part in ["sync: Fetching all skills\n", "sync: a page with 2 rows\n"] {
        assert!(first.stderr.contains(part), "{part}: {}", first.stderr);
    }
    place.server().catalogue(|catalogue| {
        catalogue.push(json!({"id": "new", "name": "new", "updated_at": "2035-01-01T00:00:00Z"}));
    });
    let second = place.run(&["sync", "--verbose", "--utc"]);
    assert_eq!(second.code, 0, "{}", second.stderr);
    for part in [
        "sync: Fetching changes since 20",
        "sync: a page with 1 row\n",
        "sync: a batch of 1 row is written",
    ] {
        assert!(second.stderr.contains(part), "{part}: {}", second.stderr);
    }
    let nowhere = Place::without_registry().run(&["sync", "--verbose"]);
    let part = "; 1 request, ";
    assert!(nowhere.stderr.contains(part), "{}", nowhere.stderr);
}

#[test]
fn a_misspelt_switch_of_background_syncs_is_an_error() {
    let place = Place::with_skills(10);
    place.ok(&["sync"]);
    let mut command = place.command(&["doctor", "--json"]);
    let outcome = Outcome::of(command.env("SKILLSMITH_BACKGROUND_SYNC", "flase"));
    assert_eq!(outcome.code, 1);
    let document = outcome.json();
    let finding = finding(&document, "automatic");
    assert_eq!(finding["state"], "error", "{document:#}");
    assert_eq!(
        finding["value"],
        "SKILLSMITH_BACKGROUND_SYNC is neither true nor false. Set one of them, or unset it."
    );
}

#[test]
fn the_proxy_and_the_certificates_are_those_of_the_connection() {
    let place = Place::with_skills(25);
    let folder = place.path("certificates");
    fs::create_dir(&folder).unwrap();
    let authority = rcgen::generate_simple_self_signed(vec!["registry.test".into()]).unwrap();
    let file = folder.join("authority.pem");
    fs::write(&file, authority.cert.pem()).unwrap();
    let look = |variables: &[(&str, &str)]| {
        let mut command = place.command(&["doctor", "--json"]);
        command
            .env("SKILLSMITH_API_URL", "https://registry.test:1/v1")
            .env("ALL_PROXY", "socks5h://me:hunter2@127.0.0.1:1");
        let outcome = Outcome::of(command.envs(variables.iter().copied()));
        assert!(!outcome.stdout.contains("hunter2"), "{}", outcome.stdout);
        outcome.json()
    };
    let (file, folder) = (file.to_str().unwrap(), folder.to_str().unwrap());
    let document = look(&[("SSL_CERT_FILE", file)]);
    let proxy = finding(&document, "proxy");
    let text = "socks5h://127.0.0.1:1, with a user name and a password";
    assert_eq!(
        (&proxy["value"], &proxy["source"]),
        (&text.into(), &"ALL_PROXY".into())
    );
    let certificates = finding(&document, "certificates");
    assert_eq!(certificates["value"], format!("1 from {file}"));
    assert_eq!(certificates["source"], "SSL_CERT_FILE");
    let document = look(&[("SSL_CERT_DIR", folder), ("NO_PROXY", "registry.test:1")]);
    let proxy = finding(&document, "proxy");
    assert_eq!(proxy["value"], "none for this host, as NO_PROXY says");
    assert_eq!(finding(&document, "certificates")["source"], "SSL_CERT_DIR");
    let document = look(&[("NODE_EXTRA_CA_CERTS", "/missing")]);
    let certificates = finding(&document, "certificates");
    assert_eq!(certificates["state"], "error");
    let text = certificates["value"].as_str().unwrap();
    assert!(
        text.starts_with("NODE_EXTRA_CA_CERTS names /missing"),
        "{text}"
    );
}

#[test]
fn it_sends_no_more_than_the_budget_allows() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    let budget = (requests(&place) + 1).to_string();
    place.ok(&["sync", "config", "--request-budget", &budget]);
    place.server().clear_requests();
    let text = place.ok(&["doctor"]);
    let words = "warning: listing: The budget of requests for this month is used up.";
    assert!(text.contains(words), "{text}");
    let text = place.ok(&["doctor"]);
    let words = "warning: answer: The budget of requests for this month is used up.";
    assert!(text.contains(words), "{text}");
    assert_eq!(place.server().requests().len(), 1);
    // The time is that of the zone, unless UTC is wanted.
    let zone = |args: &[&str]| {
        let outcome = Outcome::of(place.command(args).env("TZ", "<+0930>-9:30"));
        assert_eq!(outcome.code, 0);
        outcome.stdout
    };
    let text = zone(&["doctor"]);
    assert!(text.contains("-01 09:30:00 +09:30."), "{text}");
    for args in [["doctor", "--utc"], ["doctor", "--json"]] {
        let text = zone(&args);
        assert!(text.contains("-01 00:00:00 UTC."), "{text}");
    }
}

#[test]
fn an_empty_file_is_told_as_that() {
    let place = Place::with_skills(25);
    fs::write(place.path("empty.db"), "").unwrap();
    let document = place.json(&["doctor", "--json", "--db", "empty.db"]);
    let file = finding(&document, "file")["value"].as_str().unwrap();
    assert!(
        file.starts_with("0 bytes") && file.contains("it is empty"),
        "{file}"
    );
    let status = place.ok(&["sync", "status", "--db", "empty.db"]);
    assert!(status.contains("empty.db (empty)"), "{status}");
    assert_eq!(fs::read(place.path("empty.db")).unwrap(), b"");
}

#[test]
fn modes_that_let_others_write_are_told() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    let mode_of = |name: &str, mode: u32| {
        fs::set_permissions(place.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    let group_is_own = |path: &str| {
        use std::os::unix::fs::MetadataExt;
        let found = fs::metadata(place.path(path)).unwrap();
        found.gid() == found.uid()
    };
    let states = || {
        let document = place.json(&["doctor", "--json"]);
        ["folder", "file"].map(|name| {
            let found = finding(&document, name);
            let value = found["value"].as_str().unwrap();
            assert_eq!(
                found["state"] == "warning",
                value.contains("can write to it")
            );
            found["state"] == "warning"
        })
    };
    for (folder, file, expected) in [
        (0o700, 0o600, [false, false]),
        (0o755, 0o644, [false, false]),
        (0o777, 0o644, [true, false]),
        (0o1777, 0o646, [true, true]),
        (0o700, 0o666, [false, true]),
    ] {
        mode_of(".skillsmith", folder);
        mode_of(".skillsmith/skills.db", file);
        assert_eq!(states(), expected, "{folder:o} {file:o}");
    }
    // A user's own group has nobody else in it.
    mode_of(".skillsmith/skills.db", 0o664);
    assert_eq!(states(), [false, !group_is_own(".skillsmith/skills.db")]);
    if rustix::process::getuid().is_root() {
        std::os::unix::fs::chown(place.database(), None, Some(12_345)).unwrap();
        assert_eq!(states(), [false, true]);
    }
}

#[test]
fn what_is_not_a_registry_is_told_as_that() {
    let place = Place::with_options(
        25,
        Options {
            api_keys: vec!["sk-right".into()],
            ..Options::default()
        },
    );
    let always = |fault: Fault| place.server().fault(fault.on_any_path().always());
    always(Fault::status(401));
    let document = place.run(&["doctor", "--json"]).json();
    let answer = finding(&document, "answer");
    assert_eq!(answer["state"], "warning", "{document:#}");
    assert_eq!(
        answer["value"],
        "it refused the health check: HTTP 401 Unauthorized"
    );
    let outcome = place.run(&["doctor"]);
    assert!(
        outcome.stdout.ends_with("\nOne thing is wrong.\n"),
        "{}",
        outcome.stdout
    );
    place.server().clear_faults();
    // A web page.
    always(Fault::garbage());
    let outcome = place.run(&["doctor"]);
    let told = "warning: answer: not a registry's answer, but a page for people";
    assert!(
        outcome.stdout.contains(told) && outcome.stdout.ends_with("\nOne thing is wrong.\n"),
        "{}",
        outcome.stdout
    );
    place.server().clear_faults();
    always(Fault::replace_body(json!({})));
    let outcome = place.run(&["doctor"]);
    assert!(
        outcome
            .stdout
            .contains("warning: answer: not a registry's answer: it does not say"),
        "{}",
        outcome.stdout
    );
}

/// What doctor says of the credential, with this configuration file and perhaps a key in the environment.
fn of_credential(config: &Value, key: Option<&str>) -> Value {
    let place = Place::with_skills(5);
    fs::create_dir(place.path(".skillsmith")).unwrap();
    fs::write(place.path(".skillsmith/config.json"), config.to_string()).unwrap();
    let mut command = place.command(&["doctor", "--json"]);
    if let Some(key) = key {
        command.env("SKILLSMITH_API_KEY", key);
    }
    let outcome = Outcome::of(&mut command);
    for secret in ["sk-one-11", "sk-two-22", "the-token"] {
        assert!(!outcome.stdout.contains(secret), "{}", outcome.stdout);
    }
    outcome.json()
}

#[test]
fn the_credentials_that_are_not_used_are_named_too() {
    let both = json!({"accessToken": "the-token", "apiKey": "sk-two-22"});
    for (config, key, state, expected) in [
        (
            json!({"apiKey": "sk-two-22"}),
            None,
            "ok",
            "the API key from ~/.skillsmith/config.json",
        ),
        (
            json!({"apiKey": "sk-two-22"}),
            Some("sk-one-11"),
            "warning",
            "the API key from SKILLSMITH_API_KEY is used, and not the API key from ~/.skillsmith/config.json",
        ),
        (
            both.clone(),
            None,
            "warning",
            "the token from ~/.skillsmith/config.json is used, and not the API key from ~/.skillsmith/config.json",
        ),
        (
            both,
            Some("sk-one-11"),
            "warning",
            "the API key from SKILLSMITH_API_KEY is used, and not the token from ~/.skillsmith/config.json or the API key from ~/.skillsmith/config.json",
        ),
    ] {
        let document = of_credential(&config, key);
        let found = finding(&document, "credential");
        assert_eq!(found["value"], expected);
        assert_eq!(found["state"], state, "{expected}");
    }
}

#[test]
fn a_token_that_has_expired_is_told() {
    // Of {"exp":1700000000}.
    let old = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE3MDAwMDAwMDB9.c2lnbmF0dXJl";
    let told = |config: Value, key: Option<&str>| {
        let document = of_credential(&config, key);
        let findings = document["findings"].as_array().unwrap();
        let found = findings.iter().find(|one| one["name"] == "expiry")?;
        assert_eq!(found["state"], "warning");
        Some(found["value"].as_str().unwrap().to_owned())
    };
    let expected = "the token from ~/.skillsmith/config.json expired at 2023-11-14 22:13:20 UTC. Run `skillsmith login`, or set SKILLSMITH_API_KEY to a valid key";
    let by_itself = told(json!({"accessToken": old}), None);
    assert_eq!(by_itself.as_deref(), Some(expected));
    // What the token itself says counts more.
    let by_file = json!({"accessToken": "the-token", "expiresAt": 1_700_000_000_000_u64});
    assert_eq!(told(by_file, None).as_deref(), Some(expected));
    let later = json!({"accessToken": "the-token", "expiresAt": 4_100_000_000_000_u64});
    assert_eq!(told(later, None), None);
    let key = told(json!({"apiKey": "sk-two-22"}), Some(old)).unwrap();
    assert!(
        key.starts_with("the API key from SKILLSMITH_API_KEY expired at"),
        "{key}"
    );
    assert_eq!(
        told(json!({"apiKey": "sk-two-22"}), Some("sk-one-11")),
        None
    );
}

#[test]
fn one_fault_is_counted_once() {
    let one = "\nOne thing is wrong.\n";
    // Certificates that cannot be read, for the settings and for each request.
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    let mut command = place.command(&["doctor"]);
    command
        .env("SKILLSMITH_API_URL", "https://127.0.0.1:1/v1")
        .env("NODE_EXTRA_CA_CERTS", "/missing");
    let outcome = Outcome::of(&mut command);
    assert!(outcome.stdout.ends_with(one), "{}", outcome.stdout);
    // Damage, for what is in the file, the requests and the history.
    let mut bytes = fs::read(place.database()).unwrap();
    let pages = bytes.len() / 4_096;
    bytes[4_096..pages * 4_096].fill(0x5a);
    fs::write(place.database(), bytes).unwrap();
    for args in [&["doctor"][..], &["doctor", "--check"]] {
        let outcome = place.run(args);
        assert!(outcome.stdout.ends_with(one), "{}", outcome.stdout);
    }
}

#[test]
fn the_addresses_that_are_not_used_are_named_too() {
    let place = Place::with_skills(5);
    fs::create_dir(place.path(".skillsmith")).unwrap();
    let file = place.path(".skillsmith/config.json");
    let told = |config: Value, variables: &[(&str, &str)]| {
        fs::write(&file, config.to_string()).unwrap();
        let mut command = place.command(&["doctor", "--json"]);
        let outcome = Outcome::of(command.envs(variables.iter().copied()));
        let document = outcome.json();
        assert_eq!(document["ok"], true, "{document:#}");
        let findings = document["findings"].as_array().unwrap();
        let found = findings.iter().find(|one| one["name"] == "addresses")?;
        assert_eq!(found["state"], "warning");
        Some(found["value"].as_str().unwrap().to_owned())
    };
    let base = place.server().base_url();
    let project = base.trim_end_matches("/functions/v1").to_owned();
    let other = json!({"apiBaseUrl": "https://user:hunter2@other.example"});
    assert_eq!(told(json!({}), &[]), None);
    assert_eq!(
        told(other.clone(), &[]).as_deref(),
        Some(
            "that of SKILLSMITH_API_URL is used, and not that of apiBaseUrl in ~/.skillsmith/config.json"
        )
    );
    assert_eq!(
        told(
            other.clone(),
            &[("SUPABASE_URL", "https://project.example")]
        )
        .as_deref(),
        Some(
            "that of SKILLSMITH_API_URL is used, and not that of SUPABASE_URL or of apiBaseUrl in ~/.skillsmith/config.json"
        )
    );
    assert_eq!(
        told(
            other,
            &[("SKILLSMITH_API_URL", ""), ("SUPABASE_URL", &project)]
        )
        .as_deref(),
        Some(
            "that of SUPABASE_URL is used, and not that of apiBaseUrl in ~/.skillsmith/config.json"
        )
    );
    // The same address twice is not a surprise.
    assert_eq!(
        told(
            json!({"apiBaseUrl": project}),
            &[("SUPABASE_URL", &project)]
        ),
        None
    );
}

#[test]
fn a_configuration_file_that_others_may_write_is_told() {
    let place = Place::with_skills(5);
    let folder = place.path(".skillsmith");
    fs::create_dir(&folder).unwrap();
    let file = folder.join("config.json");
    fs::write(&file, json!({"apiKey": "sk-one-11"}).to_string()).unwrap();
    let mode = |path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let words = |place: &std::path::Path| {
        format!(
            "{}: every user of this machine can write to it, and so choose the registry and the credential. Run `chmod go-w` on it.",
            place.display()
        )
    };
    for (of_folder, of_file, expected) in [
        (0o700, 0o600, None),
        (0o755, 0o644, None),
        (0o755, 0o666, Some(words(&file))),
        (0o777, 0o600, Some(words(&folder))),
    ] {
        mode(&folder, of_folder);
        mode(&file, of_file);
        let result = place.json(&["sync", "--json"]);
        assert_eq!(result["success"], true, "{result:#}");
        let warnings: Vec<String> = serde_json::from_value(result["warnings"].clone()).unwrap();
        assert_eq!(warnings.first(), expected.as_ref());
        let document = place.json(&["doctor", "--json"]);
        let findings = document["findings"].as_array().unwrap();
        let found = findings.iter().find(|one| one["name"] == "config file");
        assert_eq!(
            found.and_then(|one| one["value"].as_str()),
            expected.as_deref()
        );
    }
    // It matters only where it is used.
    mode(&file, 0o666);
    let mut command = place.command(&["sync", "--json"]);
    let outcome = Outcome::of(command.env("SKILLSMITH_API_KEY", "sk-one-11"));
    assert_eq!(outcome.json()["warnings"], json!([]));
}

#[test]
fn triggers_of_other_programs_are_named() {
    let place = Place::with_skills(5);
    place.ok(&["sync"]);
    let document = place.json(&["doctor", "--json"]);
    let findings = document["findings"].as_array().unwrap();
    assert!(findings.iter().all(|finding| finding["name"] != "triggers"));
    place
        .look()
        .execute_batch(
            "CREATE TRIGGER \"odd\u{202e}\" AFTER INSERT ON sync_history BEGIN SELECT 1; END;
             CREATE TRIGGER host_copy AFTER UPDATE ON skills BEGIN SELECT 1; END;
             CREATE TRIGGER elsewhere AFTER UPDATE ON cache BEGIN SELECT 1; END;
             DROP TRIGGER skills_ad; CREATE TRIGGER skills_ad AFTER DELETE ON skills BEGIN SELECT 1; END;",
        )
        .unwrap();
    let document = place.json(&["doctor", "--json"]);
    assert_eq!(document["ok"], true, "{document:#}");
    let found = finding(&document, "triggers");
    assert_eq!(found["state"], "warning");
    assert_eq!(
        found["value"],
        "'host_copy' on skills, 'odd\u{202e}' on sync_history, 'skills_ad' on skills: not of this library; a sync runs \
         them, and they can refuse or change what it writes"
    );
    let text = place.ok(&["doctor"]);
    assert!(text.contains(r"'odd\u{202e}' on sync_history"), "{text}");
}

/// It says so, and not only the last sync: the next one fails too.
#[test]
fn what_makes_every_sync_fail_is_a_problem() {
    let place = Place::with_skills(25);
    let trigger =
        "CREATE TRIGGER odd AFTER INSERT ON skills BEGIN INSERT INTO gone VALUES (1); END";
    place.ok(&["sync", "config", "--enable"]);
    place.look().execute_batch(trigger).unwrap();
    assert_eq!(place.run(&["sync"]).code, 1);
    let outcome = place.run(&["doctor", "--json"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stdout);
    let document = outcome.json();
    let latest = finding(&document, "latest");
    assert_eq!(
        (&document["ok"], &latest["state"]),
        (&json!(false), &json!("error"))
    );
    assert!(
        latest["value"].as_str().unwrap().contains("gone"),
        "{latest}"
    );
    place.look().execute_batch("DROP TRIGGER odd").unwrap();
    place.ok(&["sync"]);
    assert_eq!(place.json(&["doctor", "--json"])["ok"], true);
}

#[test]
fn a_failed_sync_whose_entry_is_refused_is_a_problem() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    assert_eq!(place.json(&["doctor", "--json"])["ok"], true);
    let trigger = "CREATE TRIGGER odd BEFORE INSERT ON sync_history BEGIN SELECT RAISE(ABORT, 'not here'); END";
    place.look().execute_batch(trigger).unwrap();
    assert_eq!(place.run(&["sync"]).code, 1);
    let outcome = place.run(&["doctor", "--json"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stdout);
    let last = finding(&outcome.json(), "last error")["value"].clone();
    assert!(last.as_str().unwrap().contains("not here"), "{last}");
}

/// Such as a registry that cannot be reached: the next sync may do better.
#[test]
fn what_passes_is_no_problem() {
    let place = Place::with_skills(25);
    place.server().fault(Fault::status(503).always());
    assert_eq!(place.run(&["sync"]).code, 1);
    place.server().clear_faults();
    let outcome = place.run(&["doctor", "--json"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stdout);
    assert_eq!(finding(&outcome.json(), "latest")["state"], "warning");
}

#[test]
fn columns_that_are_missing_are_told() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    place
        .look()
        .execute_batch(
            "DROP TRIGGER skills_ai; DROP TRIGGER skills_ad; DROP TRIGGER skills_au; DROP TABLE skills_fts;
             ALTER TABLE skills DROP COLUMN tags",
        )
        .unwrap();
    let document = place.json(&["doctor", "--json"]);
    let found = finding(&document, "columns");
    assert_eq!(found["state"], "warning");
    let words = "the table of skills has no column 'tags', so that a sync does not store";
    assert!(
        found["value"].as_str().unwrap().starts_with(words),
        "{found}"
    );
}
