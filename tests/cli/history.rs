//! `skillsmith sync history`.

use insta::assert_snapshot;
use skillsmith_test_registry::Fault;

use crate::support::{Place, Pty};

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
    let lines = place.ok(&["sync", "history", "-l", "2"]).lines().count();
    assert_eq!(lines, 3);
    let newest = place.json(&["sync", "history", "--json", "-l", "1"]);
    assert_eq!(newest[0]["skillsUnchanged"], 10);
}

#[test]
fn a_long_error_is_shortened_and_cannot_command_the_terminal() {
    let place = Place::with_skills(10);
    place.ok(&["sync", "-q"]);
    let message = format!("\u{1b}[2Jfirst\nsecond {}", "long ".repeat(60));
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
    assert!(
        text.contains("first second") && text.trim_end().ends_with('…'),
        "{text}"
    );
    assert_eq!(
        place.json(&["sync", "history", "--json"])[0]["errorMessage"],
        message
    );
}
