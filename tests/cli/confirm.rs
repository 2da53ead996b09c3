//! The question before a first sync of more than 10,000 skills.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use skillsmith_test_registry::{Fault, SyncEndpoint};

use crate::support::{Outcome, Place, Pty};

const QUESTION: &str = "Continue? [Y/n]";

fn large() -> Place {
    let place = Place::with_skills(10_001);
    place
        .server()
        .options(|options| options.sync_endpoint = Some(SyncEndpoint::default()));
    place
}

/// Runs with all three streams on a terminal, where `keys` is typed.
fn typed(place: &Place, args: &[&str], keys: &str) -> (i32, String) {
    let pty = Pty::new(100);
    pty.type_in(keys);
    let stdin = pty.stdio();
    pty.run(place.command(args).env("NO_COLOR", "1").stdin(stdin))
}

fn paths(place: &Place) -> Vec<String> {
    let requests = place.server().requests();
    let of_end = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    requests.iter().map(|sent| of_end(&sent.path)).collect()
}

#[test]
fn a_no_changes_nothing() {
    for keys in ["n\n", "no\n", "what?\n", "\u{4}"] {
        let place = large();
        let (code, screen) = typed(&place, &["sync"], keys);
        assert_eq!(code, 130, "{screen}");
        assert!(
            screen.contains("The registry has 10001 skills.") && screen.contains(QUESTION),
            "{screen}"
        );
        // 10,001 rows in pages with 99 new rows each, and three other requests.
        assert!(screen.contains("about 105 requests"), "{screen}");
        assert!(
            screen.contains("Cancelled. Nothing was changed."),
            "{screen}"
        );
        assert_eq!(paths(&place), ["stats"]);
        assert!(!place.database().exists());
    }
}

#[test]
fn enter_is_a_yes_and_the_question_counts_as_a_request() {
    let place = large();
    let (code, screen) = typed(&place, &["sync"], "\n");
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("Synced 10001 skills"), "{screen}");
    let sent = paths(&place);
    assert_eq!(&sent[..2], ["stats", "health"]);
    let status = place.json(&["sync", "status", "--json"]);
    assert_eq!(status["requestsThisMonth"], sent.len());
    // It is no longer the first sync.
    place.server().clear_requests();
    let (code, screen) = typed(&place, &["sync", "--force"], "");
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains(QUESTION) && !paths(&place).contains(&"stats".to_owned()));
}

#[test]
fn a_month_whose_requests_are_used_up_is_not_asked_about() {
    let place = large();
    place.ok(&["sync", "config", "--request-budget", "0"]);
    let (code, screen) = typed(&place, &["sync"], "");
    assert_eq!(code, 3, "{screen}");
    assert!(!screen.contains(QUESTION), "{screen}");
    assert!(
        screen.contains("budget of requests for this month"),
        "{screen}"
    );
    assert!(paths(&place).is_empty());
}

#[test]
fn every_request_for_the_question_counts() {
    let place = large();
    let elsewhere = format!("{}/stats?again", place.server().base_url());
    let redirect = Fault::status(307).with_header("Location", elsewhere);
    place.server().fault(redirect.on_stats());
    let (code, screen) = typed(&place, &["sync"], "\n");
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains(QUESTION), "{screen}");
    let sent = paths(&place);
    assert_eq!(&sent[..3], ["stats", "stats", "health"]);
    let status = place.json(&["sync", "status", "--json"]);
    assert_eq!(status["requestsThisMonth"], sent.len());
    // A redirect that the budget does not allow is not followed.
    let place = large();
    place.ok(&["sync", "config", "--request-budget", "1"]);
    let elsewhere = format!("{}/stats?again", place.server().base_url());
    let redirect = Fault::status(307).with_header("Location", elsewhere);
    place.server().fault(redirect.on_stats());
    let (code, screen) = typed(&place, &["sync"], "");
    assert_eq!(code, 3, "{screen}");
    assert_eq!(paths(&place), ["stats"]);
    let status = place.json(&["sync", "status", "--json"]);
    assert_eq!(status["requestsThisMonth"], 1);
}

#[test]
fn nothing_is_asked_where_nobody_answers_or_the_answer_is_known() {
    for args in [&["sync", "--yes"][..], &["sync", "-y"], &["sync", "--json"]] {
        let place = large();
        let (code, screen) = typed(&place, args, "");
        assert_eq!(code, 0, "{args:?}: {screen}");
        assert!(!screen.contains(QUESTION), "{args:?}: {screen}");
        assert!(!paths(&place).contains(&"stats".to_owned()), "{args:?}");
    }
    let place = large();
    let pty = Pty::new(100);
    let stdin = pty.stdio();
    let (code, screen) = pty.run(place.command(&["sync"]).stdin(stdin).env("CI", "true"));
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains(QUESTION), "{screen}");
    // On a pipe there is nobody to answer, in either direction.
    let place = large();
    let pty = Pty::new(100);
    let (code, screen) = pty.run(place.command(&["sync"]).stdin(Stdio::null()));
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains(QUESTION), "{screen}");
    let place = large();
    let pty = Pty::new(100);
    let outcome = Outcome::of(place.command(&["sync"]).stdin(pty.stdio()));
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(!outcome.stderr.contains(QUESTION), "{}", outcome.stderr);
}

#[test]
fn a_small_registry_and_one_that_does_not_tell_its_size_are_synced_at_once() {
    let place = Place::with_skills(300);
    let (code, screen) = typed(&place, &["sync"], "");
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains(QUESTION), "{screen}");
    let place = large();
    place.server().fault(Fault::status(404).on_stats());
    let (code, screen) = typed(&place, &["sync"], "");
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains(QUESTION), "{screen}");
}

#[test]
fn a_signal_is_an_answer_too() {
    let place = large();
    let pty = Pty::new(100);
    let mut command = place.command(&["sync"]);
    command
        .env("NO_COLOR", "1")
        .stdin(pty.stdio())
        .stdout(Stdio::null())
        .stderr(pty.stdio());
    let mut sync = command.spawn().unwrap();
    pty.wait_for(QUESTION);
    kill_process(Pid::from_child(&sync), Signal::INT).unwrap();
    let code = sync.wait().unwrap().code();
    drop(command);
    assert_eq!(code, Some(130));
    assert!(!place.database().exists());
    assert!(pty.end().contains("Cancelled. Nothing was changed."));
}

#[test]
fn a_client_is_named_in_the_status() {
    let place = Place::with_skills(3);
    place.ok(&["sync"]);
    let text = place.ok(&["sync", "status", "--client", "claude-code"]);
    assert!(
        text.contains("Client") && text.contains("claude-code"),
        "{text}"
    );
    let status = place.json(&["sync", "status", "--client", "cursor", "--json"]);
    assert_eq!(status["client"], "cursor");
    let status = place.json(&["sync", "status", "--json"]);
    assert!(status.get("client").is_none(), "{status}");
}
