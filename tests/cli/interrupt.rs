//! Ctrl-C and other signals.

use std::time::{Duration, Instant};

use insta::assert_snapshot;
use rustix::process::Signal;
use skillsmith_test_registry::Fault;

use crate::support::{Place, Running, wait_until};

/// A sync of 3,000 skills that hangs in the middle of its sixth page.
fn hanging(place: &Place, args: &[&str]) -> Running {
    place.server().fault(Fault::stall_after(100).at_request(6));
    let sync = place.start(args);
    wait_until("the sixth page stalls", || {
        place.server().listings().len() >= 6
    });
    sync
}

#[test]
fn a_sync_stops_promptly_and_keeps_what_it_has() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let place = Place::with_skills(3_000);
        let sync = hanging(&place, &["sync"]);
        let asked = Instant::now();
        sync.signal(signal);
        let outcome = sync.end();
        assert!(
            asked.elapsed() < Duration::from_secs(2),
            "{:?}",
            asked.elapsed()
        );
        assert_eq!((outcome.code, outcome.stdout.as_str()), (130, ""));
        let kept = place.count("SELECT count(*) FROM skills");
        assert!((1..3_000).contains(&kept));
        assert_eq!(
            outcome.stderr,
            format!(
                "Interrupted. {kept} skills were written and are kept; the next sync continues from there.\n"
            )
        );
        place.assert_sound();
        let history = place.json(&["sync", "history", "--json"]);
        assert_eq!(
            (&history[0]["status"], &history[0]["errorMessage"]),
            (&"failed".into(), &"Sync cancelled".into())
        );

        place.ok(&["sync"]);
        assert_eq!(place.count("SELECT count(*) FROM skills"), 3_000);
        place.assert_sound();
    }
}

#[test]
fn a_health_check_that_hangs_can_be_interrupted() {
    let place = Place::with_skills(10);
    place.server().options(|options| options.delay_ms = 60_000);
    let sync = place.start(&["sync", "--json"]);
    wait_until("the health check is asked", || {
        !place.server().requests().is_empty()
    });
    sync.signal(Signal::INT);
    let outcome = sync.end();
    assert_eq!(outcome.code, 130);
    assert_eq!(outcome.json()["errors"][0], "Sync cancelled");
    assert_snapshot!(outcome.stderr, @"Interrupted.");
}

#[test]
fn a_check_that_is_interrupted_is_not_called_a_sync() {
    let place = Place::with_skills(10);
    place.server().options(|options| options.delay_ms = 60_000);
    for args in [&["doctor"][..], &["doctor", "--json"]] {
        place.server().clear_requests();
        let doctor = place.start(args);
        wait_until("the registry is asked", || {
            !place.server().requests().is_empty()
        });
        doctor.signal(Signal::INT);
        let outcome = doctor.end();
        assert_eq!(outcome.code, 130);
        let words = "Interrupted. The check was not finished.";
        assert_eq!(outcome.stderr, format!("{words}\n"));
        if args.len() > 1 {
            let error = &outcome.json()["error"];
            assert_eq!(
                (&error["code"], &error["message"]),
                (&"CANCELLED".into(), &words.into())
            );
        } else {
            assert_eq!(outcome.stdout, "");
        }
    }
}

#[test]
fn a_wait_for_the_rate_limit_can_be_interrupted() {
    let place = Place::with_skills(300);
    place.server().fault(
        Fault::status(429)
            .with_header("Retry-After", "600")
            .at_request(2)
            .times(0),
    );
    let sync = place.start(&["sync", "--quiet"]);
    wait_until("the rate limit is met", || {
        place.server().listings().len() >= 2
    });
    std::thread::sleep(Duration::from_millis(100));
    let asked = Instant::now();
    sync.signal(Signal::INT);
    assert_eq!(sync.end().code, 130);
    assert!(asked.elapsed() < Duration::from_secs(2));
}

#[test]
fn who_asks_twice_does_not_wait() {
    let place = Place::with_skills(3_000);
    let sync = hanging(&place, &["sync"]);
    // Another connection is writing, so the end of the run must wait for the lock.
    let other = place.look();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let asked = Instant::now();
    sync.signal(Signal::INT);
    std::thread::sleep(Duration::from_millis(500));
    sync.signal(Signal::INT);
    assert_eq!(sync.end().code, 130);
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "{:?}",
        asked.elapsed()
    );
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    place.assert_sound();
    place.ok(&["sync"]);
    assert_eq!(place.count("SELECT count(*) FROM skills"), 3_000);
}

/// While a thread waits for a slow disk, the system keeps one signal of a kind for it, and drops the others.
#[cfg(target_os = "linux")]
#[test]
fn signals_go_to_a_thread_that_waits_for_nothing_else() {
    let place = Place::with_skills(3_000);
    let sync = hanging(&place, &["sync"]);
    let tasks = format!("/proc/{}/task", sync.id());
    let is_for = |signal: Signal, status: &str| {
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
        let blocked = u64::from_str_radix(blocked.unwrap().trim(), 16).unwrap();
        blocked >> (signal.as_raw() - 1) & 1 == 0
    };
    for signal in [Signal::INT, Signal::TERM] {
        let threads = std::fs::read_dir(&tasks).unwrap().flatten();
        let takers: Vec<_> = threads
            .map(|thread| std::fs::read_to_string(thread.path().join("status")).unwrap())
            .filter(|status| is_for(signal, status))
            .filter_map(|status| Some(status.lines().next()?.to_owned()))
            .collect();
        assert_eq!(takers.len(), 1, "{signal:?}: {takers:?}");
        assert!(takers[0].contains("ctrl-c"), "{takers:?}");
    }
    sync.signal(Signal::INT);
    assert_eq!(sync.end().code, 130);
}

#[test]
fn two_signals_at_once_are_one_request() {
    // Different ones: of two of a kind the system may keep one only.
    for (first, second) in [(Signal::INT, Signal::TERM), (Signal::TERM, Signal::INT)] {
        let place = Place::with_skills(3_000);
        let sync = hanging(&place, &["sync"]);
        // Another connection is writing, so the end of the run must wait for the lock.
        let other = place.look();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        sync.signal(first);
        sync.signal(second);
        std::thread::sleep(Duration::from_millis(300));
        other.execute_batch("ROLLBACK").unwrap();
        let outcome = sync.end();
        assert_eq!(outcome.code, 130);
        assert!(
            outcome.stderr.contains("Interrupted."),
            "{}",
            outcome.stderr
        );
        place.assert_sound();
        let history = place.json(&["sync", "history", "--json"]);
        assert_eq!(history[0]["status"], "failed");
    }
}

#[test]
fn a_killed_sync_leaves_a_sound_database() {
    let place = Place::with_skills(3_000);
    let sync = hanging(&place, &["sync"]);
    let running = place.json(&["sync", "history", "--json"]);
    assert_eq!(running[0]["status"], "running");
    drop(sync);
    place.assert_sound();
    // Before anything is written of it, too.
    let killed = place.json(&["sync", "history", "--json"]);
    assert_eq!(killed[0]["status"], "failed");
    assert_eq!(killed[0]["errorMessage"], "interrupted");
    place.ok(&["sync"]);
    assert_eq!(place.count("SELECT count(*) FROM skills"), 3_000);
    let history = place.json(&["sync", "history", "--json"]);
    assert_eq!(history[1]["status"], "failed");
    assert_eq!(history[1]["errorMessage"], "interrupted");
}
