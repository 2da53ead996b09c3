//! Differences on a terminal: the progress bar and the colours.

use std::process::Stdio;

use insta::assert_snapshot;
use skillsmith_test_registry::{Fault, RateLimit};

use crate::support::{Outcome, Place, Pty};

/// Runs with stderr on a terminal; returns the exit code, stdout, and the terminal's input.
fn with_stderr_on_terminal(
    place: &Place,
    args: &[&str],
    vars: &[(&str, &str)],
) -> (i32, String, String) {
    let pty = Pty::new(100);
    let mut command = place.command(args);
    command
        .envs(vars.iter().copied())
        .stdout(Stdio::piped())
        .stderr(pty.stdio());
    let child = command.spawn().unwrap();
    drop(command);
    let output = child.wait_with_output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        pty.end(),
    )
}

/// What remains on the last line of the screen.
fn left_on_screen(input: &str) -> &str {
    input.rsplit("\r\u{1b}[2K").next().unwrap()
}

#[test]
fn a_bar_is_drawn_and_taken_away() {
    let place = Place::with_skills(1_000);
    place.server().options(|options| options.delay_ms = 30);
    let (code, stdout, screen) = with_stderr_on_terminal(&place, &["sync"], &[]);
    assert_eq!(
        (code, stdout.as_str()),
        (0, "Synced 1000 skills (1000 new, 0 updated)\n")
    );
    for part in [
        "Connecting",
        "Fetching",
        "/1000",
        "/s ",
        "new or changed",
        "[===",
        "Checking the registry",
    ] {
        assert!(screen.contains(part), "{part}: {screen:?}");
    }
    assert_eq!(left_on_screen(&screen), "", "{screen:?}");
}

#[test]
fn a_narrow_terminal_gets_a_bar_that_fits() {
    let place = Place::with_skills(500);
    place.server().options(|options| options.delay_ms = 30);
    let (code, screen) = Pty::new(50).run(place.command(&["sync"]).env("NO_COLOR", "1"));
    assert_eq!(code, 0);
    assert!(screen.contains("/500"), "{screen:?}");
    for drawn in screen.split("\r\u{1b}[2K") {
        let widest = drawn.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(50), "{drawn:?}");
    }
    assert_eq!(
        left_on_screen(&screen),
        "Synced 500 skills (500 new, 0 updated)\r\n"
    );
}

#[test]
fn a_wait_is_explained() {
    let place = Place::with_skills(300);
    place.server().options(|options| {
        options.rate_limit = Some(RateLimit {
            limit: 2,
            window_ms: 1_500,
        });
    });
    let (code, _, screen) = with_stderr_on_terminal(&place, &["sync"], &[]);
    assert_eq!(code, 0);
    assert!(screen.contains("rate limit"), "{screen:?}");
    let pieces = screen.split("\r\u{1b}[2K");
    assert!(
        pieces.into_iter().any(|line| line.contains("Going on in")),
        "{screen:?}"
    );
}

#[test]
fn there_is_no_bar_where_it_would_be_in_the_way() {
    let place = Place::with_skills(300);
    place.server().options(|options| options.delay_ms = 20);
    for (args, vars) in [
        (vec!["sync", "--quiet"], vec![]),
        (vec!["sync", "--force", "--json"], vec![]),
        (vec!["sync", "--force"], vec![("TERM", "dumb")]),
        (vec!["sync", "status"], vec![]),
    ] {
        let (code, _, screen) = with_stderr_on_terminal(&place, &args, &vars);
        assert_eq!((code, screen.as_str()), (0, ""), "{args:?} {vars:?}");
    }
}

#[test]
fn there_is_no_bar_and_no_escape_code_in_a_pipe() {
    let place = Place::with_skills(300);
    place.server().options(|options| options.delay_ms = 20);
    for args in [
        vec!["sync"],
        vec!["sync", "--force"],
        vec!["sync", "status"],
        vec!["sync", "history"],
        vec!["sync", "config"],
        vec!["sync", "--nonsense"],
        vec!["sync", "--help"],
    ] {
        let outcome = place.run(&args);
        assert!(
            !outcome.stdout.contains('\u{1b}') && !outcome.stderr.contains('\u{1b}'),
            "{args:?}"
        );
    }
}

#[test]
fn colours_are_for_terminals_and_can_be_declined() {
    let place = Place::with_skills(10);
    place.ok(&["sync", "-q"]);
    let coloured = |vars: &[(&str, &str)]| {
        let (_, screen) = Pty::new(80).run(
            place
                .command(&["sync", "status"])
                .envs(vars.iter().copied()),
        );
        screen.contains('\u{1b}')
    };
    assert!(coloured(&[]));
    assert!(coloured(&[("NO_COLOR", "")]));
    assert!(!coloured(&[("NO_COLOR", "1")]));
    assert!(!coloured(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[("CLICOLOR", "0")]));
    assert!(!coloured(&[("TERM", "dumb")]));

    let forced = Outcome::of(
        place
            .command(&["sync", "status"])
            .env("CLICOLOR_FORCE", "1"),
    );
    assert!(
        forced.stdout.contains("\u{1b}[1mDatabase:"),
        "{:?}",
        forced.stdout
    );
}

#[test]
fn a_failure_on_a_terminal_is_red_and_leaves_no_bar() {
    let place = Place::with_skills(300);
    place.server().fault(Fault::status(403).always());
    let (code, stdout, screen) = with_stderr_on_terminal(&place, &["sync"], &[]);
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert_snapshot!(
        place.settled(left_on_screen(&screen)).replace('\u{1b}', "ESC").replace("\r\n", "\n"),
        @r"
    ESC[1mESC[31mSync failed:ESC[0m The registry does not allow this (403: Forbidden; sent no credential).
    ESC[2mhint:ESC[0m The registry's address is http://127.0.0.1:<port>/functions/v1. `skillsmith doctor` checks it.
    "
    );
}

#[test]
fn the_table_is_coloured_on_a_terminal_only() {
    let place = Place::with_skills(10);
    place.ok(&["sync", "-q"]);
    let (_, screen) = Pty::new(100).run(&mut place.command(&["sync", "history"]));
    assert!(
        screen.contains("\u{1b}[") && screen.contains('│'),
        "{screen:?}"
    );
    let piped = place.ok(&["sync", "history"]);
    assert!(!piped.contains('│') && !piped.contains('\u{1b}'));
}
