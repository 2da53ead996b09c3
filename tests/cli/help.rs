//! The help of every command, and the version.

use insta::assert_snapshot;

use crate::support::{Outcome, Place, Pty};

fn help(args: &[&str]) -> String {
    Place::without_registry().ok(args)
}

#[test]
fn of_the_program() {
    assert_snapshot!(help(&["--help"]));
    assert_eq!(help(&["help"]), help(&["-h"]));
}

#[test]
fn of_sync() {
    assert_snapshot!(help(&["sync", "--help"]));
    assert_eq!(help(&["help", "sync"]), help(&["sync", "--help"]));
}

#[test]
fn of_status() {
    assert_snapshot!(help(&["sync", "status", "--help"]));
}

#[test]
fn of_history() {
    assert_snapshot!(help(&["sync", "history", "--help"]));
}

#[test]
fn of_config() {
    assert_snapshot!(help(&["sync", "config", "--help"]));
}

#[test]
fn of_completions() {
    assert_snapshot!(help(&["completions", "--help"]));
}

#[test]
fn the_version_is_the_package_s() {
    let expected = format!("skillsmith {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(help(&["--version"]), expected);
    assert_eq!(help(&["-V"]), expected);
}

#[test]
fn help_fits_the_terminal_and_has_colours_only_there() {
    let place = Place::without_registry();
    let (code, screen) = Pty::new(60).run(&mut place.command(&["sync", "config", "--help"]));
    assert_eq!(code, 0);
    assert!(screen.contains("\u{1b}["));
    let (_, plain) = Pty::new(60).run(
        place
            .command(&["sync", "config", "--help"])
            .env("NO_COLOR", "1"),
    );
    assert!(!plain.contains('\u{1b}'));
    assert!(
        plain
            .lines()
            .all(|line| line.trim_end().chars().count() <= 60),
        "{plain}"
    );
    let piped = Outcome::of(&mut place.command(&["sync", "config", "--help"]));
    assert!(!piped.stdout.contains('\u{1b}'));
}
