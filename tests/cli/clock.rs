//! Wrong clocks and extreme times.

use std::path::PathBuf;
use std::process::Command;

use rusqlite::Connection;
use skillsmith_test_registry::{Fault, Options};

use crate::support::{Outcome, Place, Running, wait_until};

/// Builds a library that shifts the wall clock of the process that loads it.
fn shifted_clock(place: &Place) -> PathBuf {
    const SOURCE: &str = r#"
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <stdlib.h>
        #include <time.h>
        #include <unistd.h>
        int clock_gettime(clockid_t clock, struct timespec *time) {
          static int (*real)(clockid_t, struct timespec *);
          if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
          int outcome = real(clock, time);
          const char *now = getenv("TEST_CLOCK");
          if (outcome == 0 && clock == CLOCK_REALTIME && now) time->tv_sec = atoll(now);
          const char *jump = getenv("TEST_CLOCK_JUMP");
          if (outcome == 0 && clock == CLOCK_REALTIME && jump && access(jump, F_OK) == 0) time->tv_sec += 72 * 3600;
          return outcome;
        }
    "#;
    let (source, library) = (place.path("clock.c"), place.path("clock.so"));
    std::fs::write(&source, SOURCE).unwrap();
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status()
        .unwrap();
    assert!(status.success());
    library
}

#[test]
fn promise_13_a_clock_may_show_any_time() {
    for now in [
        "-28800",
        "-1",
        "0",
        "-99999999999999",
        "253402300800",
        "99999999999999",
    ] {
        let place = Place::with_options(15, Options::default());
        let library = shifted_clock(&place);
        for args in [
            &["sync", "status"][..],
            &["sync", "config"],
            &["sync"],
            &["sync", "status"],
            &["sync", "history"],
            &["sync", "--force"],
            &["sync", "config", "--frequency", "weekly"],
            &["sync", "status", "--json"],
        ] {
            let outcome = Outcome::of(
                place
                    .command(args)
                    .env("LD_PRELOAD", &library)
                    .env("TEST_CLOCK", now),
            );
            assert_eq!(outcome.code, 0, "{now}: {args:?}: {}", outcome.stderr);
        }
        // The shift had an effect.
        let conn = Connection::open(place.database()).unwrap();
        let started: String = conn
            .query_row("SELECT min(started_at) FROM sync_history", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert!(!started.starts_with("20"), "{now}: {started}");
    }
}

#[test]
fn promise_13_stamps_at_the_ends_of_time_are_shown() {
    for stamp in [
        "+262142-12-31T23:59:60.9+00:00",
        "+262142-12-31T23:59:59.999Z",
        "-262143-01-01T00:00:00Z",
        "+010000-01-01T00:00:00.000Z",
        "-000001-01-01T00:00:00.000Z",
        "9999-12-31T23:59:60Z",
    ] {
        let place = Place::with_skills(5);
        assert_eq!(Outcome::of(&mut place.command(&["sync"])).code, 0);
        let conn = Connection::open(place.database()).unwrap();
        conn.execute(
            "UPDATE sync_config SET last_sync_at = ?1, next_sync_at = ?1",
            [stamp],
        )
        .unwrap();
        conn.execute(
            "UPDATE sync_history SET started_at = ?1, completed_at = ?1, created_at = ?1",
            [stamp],
        )
        .unwrap();
        conn.execute(
            "UPDATE skills SET updated_at = ?1, created_at = ?1",
            [stamp],
        )
        .unwrap();
        for args in [
            &["sync", "status"][..],
            &["sync", "config"],
            &["sync", "history"],
            &["sync", "status", "--json"],
            &["sync"],
            &["sync", "--force"],
        ] {
            let outcome = Outcome::of(&mut place.command(args));
            assert_eq!(outcome.code, 0, "{stamp}: {args:?}: {}", outcome.stderr);
        }
    }
}

#[test]
fn a_jump_of_the_clock_during_a_run_neither_ends_it_nor_counts() {
    let place = Place::with_options(250, Options::default());
    let library = shifted_clock(&place);
    place.server().fault(Fault::delay(1_000).at_request(2));
    let mut command = place.command(&["sync", "--json"]);
    command
        .env("LD_PRELOAD", &library)
        .env("TEST_CLOCK_JUMP", place.path("jump"));
    let sync = Running::start(&mut command);
    wait_until("the second page is asked for", || {
        place.server().listings().len() >= 2
    });
    std::fs::write(place.path("jump"), "").unwrap();
    let outcome = sync.end();
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let an_hour = 3_600_000;
    assert!(outcome.json()["durationMs"].as_u64().unwrap() < an_hour);
    let newest = &place.json(&["sync", "history", "--json"])[0];
    assert_eq!(newest["status"], "success");
    assert!(newest["durationMs"].as_u64().unwrap() < an_hour, "{newest}");
}
