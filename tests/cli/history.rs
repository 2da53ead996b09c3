//! `skillsmith sync history`.

use insta::assert_snapshot;
use skillsmith_test_registry::Fault;

use crate::support::{Outcome, Place, Pty};

fn three_runs() -> Place {
    let place = Place::with_skills(120);
    place.ok(&["sync"]);
    place.server().fault(Fault::status(403).always());
    assert_eq!(place.run(&["sync"]).code, 1);
    place.server().clear_faults();
    place
        .server()
        .catalogue(|catalogue| catalogue.change(11, 5));
    place.ok(&["sync"]);
    place
        .look()
        .execute(
            "UPDATE sync_history SET duration_ms = 1250, started_at = '2026-11-22T15:48:00.000Z'",
            [],
        )
        .unwrap();
    place
}

#[test]
fn nothing_yet() {
    let place = Place::without_registry();
    assert_snapshot!(place.ok(&["sync", "history"]), @"No syncs yet. Run `skillsmith sync` for the first one.");
    assert!(!place.path(".skillsmith").exists());
}

#[test]
fn in_a_pipe_columns_are_aligned_by_spaces() {
    let place = three_runs();
    assert_snapshot!(place.ok(&["sync", "history"]), @"
    Started (UTC)     Status   Added  Updated  Unchanged  Duration  Error
    2026-11-22 15:48  success      0       11        109     1.2 s
    2026-11-22 15:48  failed       0        0          0     1.2 s  The registry does not allow this (403: Forbidden; sent no credential).
    2026-11-22 15:48  success    120        0          0     1.2 s
    ");
}

#[test]
fn a_terminal_gets_a_table_of_its_width() {
    let place = three_runs();
    let (code, screen) = Pty::new(90).run(place.command(&["sync", "history"]).env("NO_COLOR", "1"));
    assert_eq!(code, 0);
    assert_snapshot!(screen.replace("\r\n", "\n"));
    for columns in [60, 79, 120] {
        let (_, screen) =
            Pty::new(columns).run(place.command(&["sync", "history"]).env("NO_COLOR", "1"));
        let widest = screen
            .lines()
            .map(|line| line.trim_end().chars().count())
            .max();
        assert!(widest <= Some(columns.into()), "{columns}:\n{screen}");
    }
}

#[test]
fn a_narrow_terminal_gets_whole_words_below_one_another() {
    let place = three_runs();
    for columns in [20, 40, 75] {
        let mut command = place.command(&["sync", "history", "--utc"]);
        let (code, screen) = Pty::new(columns).run(command.env("NO_COLOR", "1"));
        assert_eq!(code, 0);
        let screen = screen.replace("\r\n", "\n");
        let widest = screen.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(columns.into()), "{columns}:\n{screen}");
        let words: Vec<_> = screen.split_whitespace().collect();
        let words = words.join(" ");
        let failed = "2026-11-22 15:48 UTC failed 0 added, 0 updated, 0 unchanged, 1.2 s \
                      The registry does not allow this (403: Forbidden; sent no credential).";
        let first = "2026-11-22 15:48 UTC success 0 added, 11 updated, 109 unchanged, 1.2 s ";
        assert!(
            words.starts_with(&format!("{first}{failed} 2026-11-22")),
            "{screen}"
        );
    }
    let mut command = place.command(&["sync", "history", "--utc"]);
    let (_, screen) = Pty::new(40).run(command.env("NO_COLOR", "1"));
    assert_snapshot!(screen.replace("\r\n", "\n"), @"
    2026-11-22 15:48 UTC success
      0 added, 11 updated, 109 unchanged,
      1.2 s
    2026-11-22 15:48 UTC failed
      0 added, 0 updated, 0 unchanged, 1.2 s
      The registry does not allow this (403:
      Forbidden; sent no credential).
    2026-11-22 15:48 UTC success
      120 added, 0 updated, 0 unchanged, 1.2
      s
    ");
}

#[test]
fn the_newest_come_first_and_as_many_as_wanted() {
    let place = Place::with_skills(10);
    for _ in 0..12 {
        place.ok(&["sync", "-q"]);
    }
    let count = |args: &[&str]| place.json(args).as_array().unwrap().len();
    assert_eq!(count(&["sync", "history", "--json"]), 10);
    assert_eq!(count(&["sync", "history", "--json", "--limit", "3"]), 3);
    assert_eq!(
        count(&["sync", "history", "--json", "-l", "4294967295"]),
        12
    );
    let text = place.ok(&["sync", "history", "-l", "2"]);
    assert_eq!(text.lines().count(), 4);
    assert!(
        text.ends_with("The last 2 of 12 syncs; --limit N lists more.\n"),
        "{text}"
    );
    let quiet = place.ok(&["sync", "history", "-l", "2", "--quiet"]);
    assert_eq!(quiet.lines().count(), 3);
    let all = place.ok(&["sync", "history", "-l", "12"]);
    assert_eq!(all.lines().count(), 13);
    let newest = place.json(&["sync", "history", "--json", "-l", "1"]);
    assert_eq!(newest[0]["skillsUnchanged"], 10);
}

#[test]
fn json_has_the_code_of_an_error_where_there_is_one() {
    let place = three_runs();
    let runs = place.json(&["sync", "history", "--json"]);
    let codes = |run: &serde_json::Value| (run.get("code").cloned(), run.get("retryable").cloned());
    assert_eq!(codes(&runs[0]), (None, None));
    assert_eq!(codes(&runs[2]), (None, None));
    assert_eq!(
        codes(&runs[1]),
        (Some("FORBIDDEN".into()), Some(false.into()))
    );
    place
        .server()
        .fault(Fault::status(500).on_health().always());
    let outcome = place.run(&["sync", "--json"]);
    assert_eq!(
        codes(&outcome.json()),
        (Some("API_UNHEALTHY".into()), Some(true.into()))
    );
}

#[test]
fn a_long_error_is_shortened_and_cannot_command_the_terminal() {
    let place = Place::with_skills(10);
    place.ok(&["sync", "-q"]);
    let message = format!("\u{1b}[2Jfirst\nsecond {}", "long ".repeat(300));
    place
        .look()
        .execute(
            "UPDATE sync_history SET status = 'failed', error_message = ?1",
            [&message],
        )
        .unwrap();
    let text = place.ok(&["sync", "history"]);
    assert!(
        !text.contains('\u{1b}') && text.lines().count() == 2,
        "{text}"
    );
    // What to do stands at its end, so that a line that nothing bounds may be long.
    assert!(
        text.contains(&format!(
            r"\u{{1b}}[2Jfirst\nsecond {}",
            "long ".repeat(150)
        )),
        "{text}"
    );
    assert!(text.trim_end().ends_with('…'), "{text}");
    assert_eq!(
        place.json(&["sync", "history", "--json"])[0]["errorMessage"],
        message
    );
}

/// What is printed where the zone is half an hour off the full ones, with summer time.
fn in_zone(place: &Place, args: &[&str]) -> String {
    let zone = "<+0930>-9:30<+1030>,M10.1.0,M4.1.0/3";
    let outcome = Outcome::of(place.command(args).env("TZ", zone));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    outcome.stdout
}

#[test]
fn times_are_local_with_their_offset() {
    let place = three_runs();
    let first_line = |args: &[&str]| in_zone(&place, args).lines().next().unwrap().to_owned();
    let newest = |args: &[&str]| in_zone(&place, args).lines().nth(1).unwrap()[..23].to_owned();
    let history = ["sync", "history", "--limit", "2"];
    assert!(first_line(&history).starts_with("Started (+10:30)  Status"));
    assert!(newest(&history).starts_with("2026-11-23 02:18  success"[..23].trim_end()));
    let utc = ["sync", "history", "--limit", "2", "--utc"];
    assert!(first_line(&utc).starts_with("Started (UTC)"));
    assert!(newest(&utc).starts_with("2026-11-22 15:48"));
    // The offset of each time where they differ.
    place
        .look()
        .execute(
            "UPDATE sync_history SET started_at = '2026-06-22T15:48:00.000Z' WHERE status = 'failed'",
            [],
        )
        .unwrap();
    let text = in_zone(&place, &["sync", "history"]);
    let starts: Vec<_> = text.lines().map(|line| line[..23].trim_end()).collect();
    assert_eq!(
        starts,
        [
            "Started",
            "2026-11-23 02:18 +10:30",
            "2026-11-23 02:18 +10:30",
            "2026-06-23 01:18 +09:30"
        ]
    );
    let json = in_zone(&place, &["sync", "history", "--json"]);
    assert!(json.contains("\"2026-11-22T15:48:00.000Z\""), "{json}");
    place
        .look()
        .execute(
            "UPDATE sync_config SET last_sync_at = '2026-11-22T15:48:00.000Z'",
            [],
        )
        .unwrap();
    for command in ["status", "config"] {
        let text = in_zone(&place, &["sync", command]);
        assert!(text.contains("2026-11-23 02:18 +10:30 ("), "{text}");
        let text = in_zone(&place, &["sync", command, "--utc"]);
        assert!(text.contains("2026-11-22 15:48 UTC ("), "{text}");
    }
}
