//! Mistakes in the command line: exit code 2, and a hint at the correct form.

use insta::assert_snapshot;

use crate::support::Place;

/// The message for a mistake, which goes to stderr only.
fn mistake(args: &[&str]) -> String {
    let place = Place::without_registry();
    let outcome = place.run(args);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{args:?}");
    assert!(!place.path(".skillsmith").exists());
    outcome.stderr
}

#[test]
fn unknown_words() {
    assert_snapshot!(mistake(&["sync", "--frce"]), @"
    error: unexpected argument '--frce' found

      tip: a similar argument exists: '--force'

    Usage: skillsmith sync [OPTIONS]
           skillsmith sync <COMMAND>

    For more information, try '--help'.
    ");
    assert!(mistake(&["snyc"]).contains("unrecognized subcommand 'snyc'"));
    assert!(mistake(&["sync", "stats"]).contains("unrecognized subcommand 'stats'"));
    assert!(
        mistake(&["completions", "tcsh"])
            .contains("[possible values: bash, elvish, fish, powershell, zsh]")
    );
}

/// Whoever makes another run a command chooses its words.
#[test]
fn what_was_written_is_repeated_with_escapes() {
    let hidden = "a\u{1b}[2J\u{9b}31m\u{202e}evil\u{2066}\u{200b}\u{2028}\u{7f}\u{e0041}\r\nb";
    let option = format!("--{hidden}");
    let page_size = format!("--page-size={hidden}");
    for args in [
        vec![hidden],
        vec!["sync", hidden],
        vec!["sync", &option],
        vec!["sync", &page_size],
        vec!["sync", "config", "--frequency", hidden],
        vec!["sync", "history", "--limit", hidden],
        vec!["sync", "--db", "x", "--", hidden],
        vec!["completions", hidden],
    ] {
        let said = mistake(&args);
        let is_hidden = |c: char| c != '\n' && (c.is_control() || !c.is_ascii());
        assert!(!said.contains(is_hidden), "{args:?}: {said:?}");
        assert!(
            said.contains(
                r"a\u{1b}[2J\u{9b}31m\u{202e}evil\u{2066}\u{200b}\u{2028}\u{7f}\u{e0041}\r\nb"
            ),
            "{args:?}: {said}"
        );
    }
}

#[test]
fn nothing_at_all_shows_the_help() {
    assert!(mistake(&[]).contains("Usage: skillsmith [OPTIONS] <COMMAND>"));
}

#[test]
fn values_out_of_range() {
    for args in [
        ["sync", "config", "--frequency", "hourly"],
        ["sync", "config", "--frequency", "Daily"],
    ] {
        assert!(mistake(&args).contains("[possible values: daily, weekly]"));
    }
    for limit in ["0", "-1", "many", "4294967296", ""] {
        let said = mistake(&["sync", "history", "--limit", limit]);
        assert!(
            limit.is_empty() || said.contains("use a whole number from 1 to 4294967295"),
            "{said}"
        );
    }
    for size in ["0", "10001", "-5", "1.5", "x"] {
        let said = mistake(&["sync", "--page-size", size]);
        assert!(
            said.contains("use a whole number from 1 to 10000"),
            "{said}"
        );
    }
}

#[test]
fn what_does_not_go_together() {
    assert_snapshot!(mistake(&["sync", "config", "--enable", "--disable"]), @"
    error: the argument '--enable' cannot be used with '--disable'

    Usage: skillsmith sync config --enable

    For more information, try '--help'.
    ");
    assert_snapshot!(mistake(&["sync", "--force", "status"]), @"
    error: the option '--force' cannot be used with the command 'status'

    Usage: skillsmith sync [OPTIONS]
           skillsmith sync <COMMAND>

    For more information, try '--help'.
    ");
    for args in [
        vec!["sync", "--dry-run", "history"],
        vec!["sync", "--page-size", "5", "config"],
    ] {
        assert!(mistake(&args).contains("cannot be used with the command"));
    }
}

#[test]
fn the_least_and_the_most_are_allowed() {
    let place = Place::with_skills(5);
    place.ok(&["sync", "--page-size", "1"]);
    place.ok(&["sync", "--page-size", "10000"]);
    place.ok(&["sync", "history", "--limit", "1"]);
}
