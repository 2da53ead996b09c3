//! A run from outside: progress, the requests on the wire, and concurrency.

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use skillsmith_sync::{ErrorCode, SyncOptions, SyncPhase, SyncProgress};
use skillsmith_test_registry::{Health, Options, Plain};

use crate::support::{World, assert_success};

fn progress_of(world: &World, options: SyncOptions<'_>) -> Vec<SyncProgress> {
    let seen = Mutex::new(Vec::new());
    let result = world.sync_with(options.on_progress(|progress| {
        seen.lock().unwrap().push(progress.clone());
    }));
    assert_success(&result);
    let seen = seen.into_inner().unwrap();
    let last = seen.last().unwrap();
    assert_eq!(last.skills_processed, result.total_processed);
    assert_eq!(
        last.skills_changed,
        result.skills_added + result.skills_updated
    );
    seen
}

#[test]
fn phases_appear_first_in_their_order_and_complete_is_last() {
    for plain in [Plain::Allowed, Plain::NeedsFilter] {
        let world = World::new(
            1_200,
            Options {
                plain,
                ..Options::default()
            },
        );
        // The first run writes a lot, the second nothing, and the third is a dry run.
        for dry_run in [false, false, true] {
            let seen = progress_of(&world, SyncOptions::new().dry_run(dry_run));
            let mut first: Vec<SyncPhase> = Vec::new();
            for progress in &seen {
                if !first.contains(&progress.phase) {
                    first.push(progress.phase);
                }
            }
            let order = [
                SyncPhase::Connecting,
                SyncPhase::Fetching,
                SyncPhase::Comparing,
                SyncPhase::Upserting,
                SyncPhase::Complete,
            ];
            assert_eq!(first, order);
            assert_eq!(
                seen.iter()
                    .filter(|progress| progress.phase == SyncPhase::Complete)
                    .count(),
                1
            );
            assert_eq!(seen.last().unwrap().phase, SyncPhase::Complete);
            for pair in seen.windows(2) {
                assert!(pair[1].skills_processed >= pair[0].skills_processed);
                assert!(pair[1].skills_changed >= pair[0].skills_changed);
            }
            let fetched: Vec<_> = seen
                .iter()
                .filter(|progress| progress.phase == SyncPhase::Fetching)
                .collect();
            assert_eq!(fetched.last().unwrap().current, 1_200);
            assert!(
                fetched
                    .iter()
                    .skip(2)
                    .all(|progress| progress.total == 0 || progress.total >= progress.current),
                "{fetched:?}"
            );
        }
    }
}

#[test]
fn the_next_page_is_fetched_while_the_last_is_applied() {
    let world = World::new(1_000, Options::default());
    let ahead = AtomicUsize::new(0);
    let result = world.sync_with(SyncOptions::new().on_progress(|progress| {
        // The engine is held at the first page; the next ones are still fetched.
        if progress.phase == SyncPhase::Comparing {
            let end = Instant::now() + Duration::from_secs(20);
            while world.offsets().len() < 3 && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(2));
            }
            ahead.store(world.offsets().len(), Ordering::SeqCst);
        }
    }));
    assert_success(&result);
    assert!(ahead.load(Ordering::SeqCst) >= 3);
}

#[test]
fn pages_come_compressed_or_in_chunks_over_one_connection() {
    for (gzip, chunked) in [(true, false), (false, true), (true, true)] {
        let world = World::new(
            700,
            Options {
                gzip,
                chunked,
                ..Options::default()
            },
        );
        assert_success(&world.sync());
        world.assert_mirrored();
        let requests = world.server.requests();
        assert!(requests.len() > 7);
        let first = requests[0].connection;
        assert!(
            requests.iter().all(|request| request.connection == first),
            "kept alive"
        );
    }
    let world = World::new(
        300,
        Options {
            keep_alive: false,
            ..Options::default()
        },
    );
    assert_success(&world.sync());
    world.assert_mirrored();
}

#[test]
fn an_unhealthy_registry_ends_the_run_before_it_begins() {
    for (health, code, text) in [
        (
            Health::Unhealthy,
            ErrorCode::Unhealthy,
            "API is unhealthy. Try again later.",
        ),
        (
            Health::Status(500),
            ErrorCode::Unhealthy,
            "API is unhealthy. Try again later. (HTTP 500",
        ),
        (Health::Status(302), ErrorCode::Protocol, "HTTP 302"),
    ] {
        let world = World::new(
            30,
            Options {
                health,
                ..Options::default()
            },
        );
        let result = world.sync();
        if code == ErrorCode::Unhealthy {
            assert_eq!(result.code, Some(code), "{result:?}");
            assert!(result.errors[0].starts_with(text), "{result:?}");
        } else {
            assert!(result.errors[0].contains(text), "{result:?}");
        }
        assert!(world.offsets().is_empty());
    }
    for health in [Health::Degraded, Health::Status(404), Health::Status(429)] {
        let world = World::new(
            30,
            Options {
                health,
                ..Options::default()
            },
        );
        assert_success(&world.sync());
    }
}

#[test]
fn a_registry_that_cannot_be_found_is_told_in_plain_words() {
    let world = World::new(1, Options::default());
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let cases = [
        (format!("http://{free}/v1"), "the connection was refused"),
        (
            "http://no-such-host.invalid/v1".to_owned(),
            "Cannot reach the registry: its name cannot be found",
        ),
    ];
    for (url, text) in cases {
        let result = world
            .engine_with(crate::support::client(&url))
            .sync(SyncOptions::default())
            .unwrap();
        assert_eq!(result.code, Some(ErrorCode::Unhealthy));
        assert!(result.errors[0].contains(text), "{result:?}");
    }
    assert_eq!(world.history().count().unwrap(), 2);
}

#[test]
fn a_clock_that_jumps_ahead_makes_no_run_of_days() {
    let world = World::new(20, Options::default());
    let clock = Arc::clone(&world.clock);
    let result = world.sync_with(SyncOptions::new().on_progress(move |_| {
        *clock.skew.lock().unwrap() = TimeDelta::hours(72);
    }));
    assert_success(&result);
    assert!(result.duration_ms < 3_600_000, "{result:?}");
    let entry = &world.history().get_history(1).unwrap()[0];
    assert!(entry.duration_ms.unwrap() < 3_600_000, "{entry:?}");
}
