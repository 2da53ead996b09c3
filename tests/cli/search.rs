//! `skillsmith search` and `skillsmith show`.

use insta::assert_snapshot;
use serde_json::Value;

use crate::searches;
use crate::support::{Outcome, Place, Pty};

fn synced() -> Place {
    let place = Place::with_skills(60);
    place.ok(&["sync"]);
    place
}

fn execute(place: &Place, sql: &str) {
    let conn = rusqlite::Connection::open(place.database()).unwrap();
    conn.execute_batch(sql).unwrap();
}

/// A skill with known words, beside those of the registry.
fn with_known(place: &Place) {
    execute(place,
        "INSERT INTO skills (id, name, description, author, repo_url, quality_score, trust_tier, tags, security_passed, source)
         VALUES ('mine/quux', 'Quux builder', 'Builds zyzzyva reports', 'ada', 'https://example.org/quux', 0.875, 'local', '[\"reports\"]', 1, 'local')",
    );
}

#[test]
fn what_is_found_is_a_table_for_people_and_a_document_for_scripts() {
    let place = synced();
    with_known(&place);
    let outcome = place.run(&["search", "zyzzyva", "rep"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    assert_snapshot!(outcome.stdout, @r"
    Name          Id         Tier   Score  URL
    Quux builder  mine/quux  local   0.88  https://example.org/quux
    ");
    let outcome = place.run(&["search", "zyzzyva", "--json"]);
    let found: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(found["matches"][0]["id"], "mine/quux");
    assert_eq!(found["matches"][0]["snippet"], "Builds zyzzyva reports");
    assert_eq!(found["indexed"], true);
    assert_eq!(found["hasMore"], false);
    assert_eq!(found["freshness"]["coverage"], "complete");
    let outcome = place.run(&["search", "--limit", "3", "--min-score", "0.1"]);
    assert_eq!(
        (outcome.code, outcome.stdout.lines().count()),
        (0, 4),
        "{}",
        outcome.stdout
    );
    assert!(
        outcome.stderr.contains("More skills match"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn at_a_terminal_the_name_is_bold_and_any_width_will_do() {
    let place = synced();
    with_known(&place);
    let bold = regex::Regex::new("\u{1b}\\[1m *Quux").unwrap();
    for width in [12, 30, 60, 76, 120, 200] {
        let pty = Pty::new(width);
        let mut command = place.command(&["search", "zyzzyva"]);
        command.stdin(pty.stdio());
        let (code, screen) = pty.run(&mut command);
        assert_eq!(code, 0, "{width}: {screen}");
        assert!(bold.is_match(&screen), "{width}: {screen}");
        let plain = without_styles(&screen);
        for line in plain.lines() {
            assert!(
                line.trim_end().chars().count() <= usize::from(width),
                "{width}: {line}"
            );
        }
        let joined: String = plain.split_whitespace().collect();
        if width < 76 {
            assert!(
                joined.contains("https://example.org/quux"),
                "{width}: {plain}"
            );
        }
    }
}

#[test]
fn a_skill_is_shown_in_lines_of_the_terminal() {
    let place = synced();
    with_known(&place);
    let conn = rusqlite::Connection::open(place.database()).unwrap();
    let long = "many words in one description ".repeat(20);
    conn.execute(
        "UPDATE skills SET description = ?1 WHERE id = 'mine/quux'",
        [&long],
    )
    .unwrap();
    drop(conn);
    for width in [20, 60, 76, 120] {
        let pty = Pty::new(width);
        let mut command = place.command(&["show", "mine/quux"]);
        command.stdin(pty.stdio());
        let (code, screen) = pty.run(&mut command);
        assert_eq!(code, 0, "{width}: {screen}");
        let plain = without_styles(&screen);
        for line in plain.lines() {
            assert!(
                line.trim_end().chars().count() <= usize::from(width),
                "{width}: {line}"
            );
        }
        let joined: Vec<_> = plain.split_whitespace().collect();
        assert!(joined.join(" ").contains(long.trim()), "{width}: {plain}");
    }
    let piped = place.ok(&["show", "mine/quux"]);
    assert!(piped.contains(long.trim()), "{piped}");
}

#[test]
fn no_match_is_no_failure_and_a_hint_says_why() {
    let place = Place::with_skills(60);
    let outcome = place.run(&["search", "anything"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""));
    assert!(
        outcome
            .stderr
            .contains("hint: The database is empty. Run `skillsmith sync` first.")
    );
    assert!(!place.database().exists());
    place.ok(&["sync"]);
    let outcome = place.run(&["search", "qwertzuiop"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""));
    assert!(
        outcome.stderr.contains("hint: No skill matches."),
        "{}",
        outcome.stderr
    );
    execute(
        &place,
        "UPDATE sync_state SET value = '\"2020-01-01T00:00:00.000Z\"' WHERE key = 'listed'",
    );
    let outcome = place.run(&["search", "qwertzuiop"]);
    assert!(
        outcome.stderr.contains("was last listed 2020-01-01"),
        "{}",
        outcome.stderr
    );
    execute(
        &place,
        "UPDATE sync_state SET value = '{\"is_complete\": false, \"by_words\": true}' WHERE key = 'coverage'",
    );
    let outcome = place.run(&["search", "qwertzuiop"]);
    assert!(
        outcome.stderr.contains("listed by search words"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_skill_is_shown_by_its_id() {
    let place = synced();
    with_known(&place);
    let outcome = place.run(&["show", "mine/quux"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    assert_snapshot!(outcome.stdout.split("Updated:").next().unwrap(), @r"
    Name:        Quux builder
    Id:          mine/quux
    Description: Builds zyzzyva reports
    Author:      ada
    URL:         https://example.org/quux
    Tier:        local
    Score:       0.88
    Tags:        reports
    Security:    passed its security scan
    Source:      local
    ");
    let outcome = place.run(&["show", "mine/quux", "--json"]);
    let found: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(
        (&found["name"], &found["source"]),
        (&Value::from("Quux builder"), &Value::from("local"))
    );
    let outcome = place.run(&["show", "no\u{1b}[31m/such"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
    assert_snapshot!(outcome.stderr, @r"
    error: There is no skill 'no\u{1b}[31m/such'.
    hint: `skillsmith search WORDS` finds skills and their ids.
    ");
}

#[test]
fn what_a_stranger_has_written_is_escaped() {
    let place = synced();
    execute(
        &place,
        "INSERT INTO skills (id, name, description, repo_url) VALUES ('evil/one', 'qq' || char(27) || '[31mred', 'qq' || char(8238), 'x' || char(155))",
    );
    for args in [
        &["search", "qq"][..],
        &["show", "evil/one"],
        &["search", "qq", "--json"],
    ] {
        let outcome: Outcome = place.run(args);
        assert_eq!(outcome.code, 0);
        let hidden = |letter: char| matches!(letter, '\u{1b}' | '\u{202e}' | '\u{9b}');
        assert!(
            !outcome.stdout.contains(hidden),
            "{args:?}: {}",
            outcome.stdout
        );
    }
}

/// Without what sets colours and weights.
fn without_styles(screen: &str) -> String {
    let style = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    style.replace_all(screen, "").into_owned()
}

/// What every surface is asked, as far as a command line can: an argument has no NUL and no ten million letters, and there are no
/// pages.
#[test]
fn the_table_of_all_surfaces_holds_on_the_command_line() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = searches::read(root);
    let place = Place::without_registry();
    skillsmith_sync::Database::open(place.database())
        .unwrap()
        .close();
    execute(&place, &searches::skills(root));
    let mut asked = 0;
    for case in &table.searches {
        let (text, options) = (case.text.whole(), &case.options);
        if text.contains('\0') || text.len() > 100_000 || options.offset.is_some() {
            continue;
        }
        let mut args: Vec<String> = vec!["search".into(), "--json".into()];
        let values = [
            ("--limit", options.limit.map(|limit| limit.to_string())),
            ("--category", options.category.clone()),
            ("--tier", options.trust_tier.clone()),
            (
                "--min-score",
                options.min_score.map(|score| score.to_string()),
            ),
            ("--source", options.source.clone()),
        ];
        for (name, value) in values {
            args.extend(value.map(|value| format!("{name}={value}")));
        }
        if options.safe_only {
            args.push("--safe".into());
        }
        args.extend(["--".into(), text]);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let outcome = place.run(&args);
        asked += 1;
        if case.error.is_some() {
            assert_ne!(outcome.code, 0, "{case:?}");
            continue;
        }
        let found = outcome.json();
        let ids: Vec<_> = found["matches"]
            .as_array()
            .unwrap()
            .iter()
            .map(|found| found["id"].as_str().unwrap())
            .collect();
        let expected: Vec<_> = case.ids.iter().map(String::as_str).collect();
        assert_eq!(
            (ids, &found["hasMore"]),
            (expected, &Value::from(case.has_more)),
            "{case:?}"
        );
    }
    assert!(asked > 90, "{asked}");
    for case in &table.details {
        let outcome = place.run(&["show", "--json", "--", &case.id]);
        let Some((categories, source)) = case.categories.as_ref().zip(case.source.as_ref()) else {
            assert_ne!(outcome.code, 0, "{case:?}");
            continue;
        };
        let found = outcome.json();
        assert_eq!(found["id"], case.id.as_str());
        assert_eq!(
            found["categories"],
            Value::from(categories.clone()),
            "{case:?}"
        );
        assert_eq!(found["source"], source.as_str(), "{case:?}");
    }
}
