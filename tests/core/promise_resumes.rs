//! Promise 17, *Resumes*: a run that stops early keeps its rows and its cursor.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use skillsmith_sync::background::{Decision, Schedule};
use skillsmith_sync::{CancelToken, ErrorCode, SyncOptions, SyncResult, SyncStatus};
use skillsmith_test_registry::{Fault, Plain, RateLimit};

use crate::support::{World, assert_success, row_count};

fn ordered(skills: usize) -> World {
    World::by_id(skills, Plain::Allowed)
}

/// A run that is cancelled after this number of listing requests.
fn session(world: &World, requests: u64, options: SyncOptions<'_>) -> SyncResult {
    let cancel = CancelToken::new();
    let options = options.cancel(cancel.clone());
    let mut left = requests;
    world.server.on_listing(move |_, _| {
        left = left.saturating_sub(1);
        if left == 0 {
            cancel.cancel();
        }
    });
    let result = world.sync_with(options);
    wait_for_fetch_threads();
    result
}

/// A cancelled run does not wait for its request in flight, which would be counted as one of the
/// next run.
fn wait_for_fetch_threads() {
    let is_fetching = || {
        // The system keeps 15 characters of a name. Without this folder, nothing is waited for.
        std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| {
            tasks.flatten().any(|task| {
                std::fs::read_to_string(task.path().join("comm"))
                    .is_ok_and(|name| name.trim_end() == "skillsmith-fetc")
            })
        })
    };
    // Other tests in this process may have such threads, too.
    let end = Instant::now() + Duration::from_secs(5);
    while is_fetching() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn promise_17_the_next_run_goes_on_where_this_one_stopped() {
    let world = ordered(1_000);
    let result = session(&world, 5, SyncOptions::default());
    assert_eq!(result.code, Some(ErrorCode::Cancelled));
    let kept = row_count(&world.path());
    assert!(kept >= 100, "{kept} rows are kept");
    world.server.on_listing(|_, _| {});
    world.server.clear_requests();
    assert_success(&world.sync());
    // It overlaps by one row, to detect that rows have moved.
    assert_eq!(world.offsets()[0], kept as u64 - 1);
    world.assert_mirrored();
    assert_eq!(world.sync().skills_unchanged, 1_000);
}

#[test]
fn promise_17_short_sessions_reach_the_end_under_every_plan() {
    for plain in [Plain::Allowed, Plain::NeedsFilter] {
        let world = World::by_id(1_500, plain);
        let mut sessions = 0;
        while !session(&world, 4, SyncOptions::default()).success {
            sessions += 1;
            assert!(sessions < 60, "no progress");
        }
        assert!(sessions > 3);
        world.assert_mirrored();
    }
}

#[test]
fn promise_17_what_the_first_requests_learn_is_kept() {
    // The registry has no sync endpoint and requires a filter: the first page comes after four
    // requests.
    for budget in [3, 4, 5] {
        let world = World::by_id(250, Plain::NeedsFilter);
        let mut runs = 0;
        loop {
            let result = world.sync_with(SyncOptions::new().request_budget(budget));
            runs += 1;
            if result.success {
                break;
            }
            assert_eq!(result.status, SyncStatus::Partial, "{result:?}");
            assert!(runs < 40, "a budget of {budget}: {result:?}");
        }
        assert!(runs > 2);
        world.assert_mirrored();
    }
}

#[test]
fn promise_17_a_tight_rate_limit_only_takes_longer() {
    let world = ordered(1_000);
    world.server.options(|options| {
        options.rate_limit = Some(RateLimit {
            limit: 3,
            window_ms: 1_000,
        });
    });
    // There is no wait of a second: the deadline of the run is shorter.
    world
        .clock
        .sleeps
        .store(true, std::sync::atomic::Ordering::SeqCst);
    let mut runs = 0;
    loop {
        let result = world.sync_with(SyncOptions::new().deadline(Duration::from_millis(500)));
        runs += 1;
        assert!(runs < 40, "{result:?}");
        if result.success {
            break;
        }
        assert_eq!(result.status, SyncStatus::Failed, "{result:?}");
        std::thread::sleep(Duration::from_millis(300));
    }
    assert!(runs > 2);
    world.assert_mirrored();
}

#[test]
fn promise_17_rows_that_moved_between_two_sessions_are_noticed() {
    let world = ordered(800);
    assert!(!session(&world, 4, SyncOptions::default()).success);
    world.server.on_listing(|_, _| {});
    // Everything read so far moves by ten.
    world.server.catalogue(|catalogue| {
        for number in 0..10 {
            let mut skill = catalogue.values().remove(0);
            skill["id"] = format!("00000000-new-{number}").into();
            skill["repo_url"] = serde_json::Value::Null;
            catalogue.upsert(skill);
        }
    });
    assert_success(&world.sync());
    world.assert_mirrored();
}

#[test]
fn promise_17_force_begins_anew_and_is_resumed_as_force() {
    let world = ordered(800);
    assert_success(&world.sync());
    world
        .look()
        .execute_batch("UPDATE skills SET description = 'spoilt'")
        .unwrap();
    // A plain run that stopped early does not shorten a forced one.
    assert!(!session(&world, 3, SyncOptions::default()).success);
    world.server.clear_requests();
    let stopped = session(&world, 4, SyncOptions::new().force(true));
    assert!(!stopped.success);
    assert_eq!(world.offsets()[0], 0);
    world.server.on_listing(|_, _| {});
    // And the rest of a forced listing is forced, whichever run continues it.
    let result = world.sync();
    assert_success(&result);
    assert_eq!(stopped.skills_updated + result.skills_updated, 800);
    world.assert_mirrored();
}

#[test]
fn promise_17_force_begins_anew_after_a_first_sync_that_stopped() {
    let world = ordered(800);
    assert!(!session(&world, 4, SyncOptions::default()).success);
    world
        .look()
        .execute_batch("UPDATE skills SET description = 'spoilt'")
        .unwrap();
    world.server.on_listing(|_, _| {});
    assert_success(&world.sync_with(SyncOptions::new().force(true)));
    world.assert_mirrored();
}

#[test]
fn promise_17_a_registry_that_changed_its_mind_is_listed_anew() {
    let world = ordered(600);
    assert!(!session(&world, 3, SyncOptions::default()).success);
    world.server.on_listing(|_, _| {});
    world
        .server
        .options(|options| options.plain = Plain::NeedsFilter);
    assert_success(&world.sync());
    world.assert_mirrored();
}

#[test]
fn promise_17_a_tier_that_is_refused_in_its_middle_is_read_anew() {
    let world = World::by_id(2_000, Plain::NeedsFilter);
    let stands_inside_a_tier = || -> bool {
        world
            .look()
            .query_row(
                "SELECT count(*) FROM sync_state WHERE key = 'cursor' AND value ->> '$.at.offset'
                   BETWEEN 1 AND (value ->> '$.at.total.same') - 1",
                [],
                |row| row.get(0),
            )
            .unwrap()
    };
    let mut sessions = 0;
    while !stands_inside_a_tier() {
        assert!(!session(&world, 3, SyncOptions::default()).success);
        sessions += 1;
        assert!(sessions < 30, "no run stopped inside a tier");
    }
    world.server.on_listing(|_, _| {});
    world.server.fault(Fault::status(400));
    assert_success(&world.sync());
    world.assert_mirrored();
}

#[test]
fn promise_17_the_schedule_counts_from_the_start_of_the_listing() {
    let world = ordered(600);
    let cancel = CancelToken::new();
    let before = world.clock_now();
    assert!(!session(&world, 3, SyncOptions::new().cancel(cancel)).success);
    world.server.on_listing(|_, _| {});
    world.clock.advance(Duration::from_secs(30 * 3600));
    assert_success(&world.sync());
    let status = world.engine().get_status().unwrap();
    let last =
        skillsmith_sync::clock::from_iso(status.config.last_sync_at.as_deref().unwrap()).unwrap();
    assert!((last - before).num_hours() < 1);
    // More than a day has passed since then: changes in the part already read are due at once.
    assert!(status.is_due);
}

#[test]
fn promise_17_a_stalled_page_costs_the_run_and_not_the_rows() {
    let world = ordered(900);
    world
        .server
        .fault(Fault::stall_after(10).at_offset(396).always());
    let result = world.sync_with(SyncOptions::new().deadline(Duration::from_secs(2)));
    assert!(!result.success);
    assert_eq!(result.code, Some(ErrorCode::RunDeadline), "{result:?}");
    assert!(row_count(&world.path()) >= 300);
    world.server.clear_faults();
    world.server.clear_requests();
    assert_success(&world.sync());
    assert!(world.offsets()[0] >= 299, "{:?}", world.offsets());
    world.assert_mirrored();
}

#[test]
fn promise_17_what_an_older_version_kept_is_read_or_ignored() {
    let world = ordered(400);
    let registry = world.server.base_url();
    // As written by versions before 0.2: a listing that stopped at 300 rows, and a plan that
    // worked.
    let place = serde_json::json!({
        "registry": registry, "plan": "plain", "force": false, "started_at": "2026-01-01T00:00:00.000Z",
        "sweep": 0, "more_tiers": [], "refused": 0, "done_rows": 0, "true_totals": true,
        "unsettled": false, "table": "", "filling": false,
        "at": { "offset": 300, "rows": 300, "last_id": "x", "total": { "rows": 400 }, "short": false,
                "empty": 0, "moved": false, "rereads": 0 },
    });
    let plan = serde_json::json!({ "plan": "plain", "chosen_at": "2026-01-01T00:00:00.000Z", "table": "" });
    // A cursor of a future version, and one that is invalid.
    for cursor in [
        r#"{"format":99,"pass":null}"#,
        r#"{"format":1}"#,
        "[]",
        "\u{0}",
    ] {
        let keep = |key: &str, value: &str| {
            world
                .look()
                .execute(
                    "INSERT INTO sync_state (key, value) VALUES (?1, ?2)
                     ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                    [key, value],
                )
                .unwrap();
        };
        keep("place", &place.to_string());
        keep(&format!("plan:{registry}"), &plan.to_string());
        keep("cursor", cursor);
        world.server.clear_requests();
        assert_success(&world.sync());
        assert_eq!(world.offsets()[0], 0, "{cursor}");
        world.assert_mirrored();
        // Nor does an older version find its own cursor again, which would belong to another
        // listing.
        let left: i64 = world
            .look()
            .query_row(
                "SELECT count(*) FROM sync_state WHERE key IN ('place', 'cursor')",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(left, 0);
    }
}

#[test]
fn promise_17_sessions_that_end_by_a_crash_reach_the_end_though_nothing_changes() {
    let world = ordered(2_000);
    assert_success(&world.sync());
    // Only the last row changes.
    let last = world.server.catalogue(|catalogue| {
        let mut ids = catalogue.ids();
        ids.sort();
        let last = ids.pop().unwrap();
        catalogue.edit(&last, |skill| {
            skill["name"] = "changed".into();
            skill["updated_at"] = "2027-01-01T00:00:00Z".into();
        });
        last
    });
    let before = crate::support::rows(&world.path())[&last].clone();
    world.server.options(|options| options.delay_ms = 40);
    let folder = tempfile::tempdir().unwrap();
    let answer = folder.path().join("answer");
    for _ in 0..12 {
        world.server.clear_requests();
        let registry = world.server.base_url();
        let mut session = crate::promise_one_lock::helper(&world.path(), &registry, &answer)
            .spawn()
            .unwrap();
        while world.offsets().len() < 14 && session.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        session.kill().unwrap();
        session.wait().unwrap();
        if crate::support::rows(&world.path())[&last] != before {
            return;
        }
    }
    panic!("the last session began at {:?}", world.offsets().first());
}

/// Waits until a run in another thread has stored something.
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The number in a JSON value that `sync_state` keeps.
fn kept(world: &World, key: &str, path: &str) -> i64 {
    let sql = "SELECT coalesce(max(value ->> ?2), 0) FROM sync_state WHERE key = ?1";
    let conn = world.look();
    conn.query_row(sql, [key, path], |row| row.get(0)).unwrap()
}

/// Whatever ends the process meanwhile: what was read, the requests, and the registry's own time are
/// in the file by then.
#[test]
fn promise_17_what_was_read_is_stored_while_a_page_does_not_come() {
    let late = [
        Fault::status(429).with_header("Retry-After", "300"),
        Fault::stall_after(10),
    ];
    for (at, fault) in late.into_iter().enumerate() {
        let world = ordered(1_000);
        world.clock.sleeps.store(true, Ordering::SeqCst);
        world.server.fault(fault.at_offset(297).always());
        let (cancel, engine) = (CancelToken::new(), world.engine());
        let run = std::thread::spawn({
            let cancel = cancel.clone();
            move || engine.sync(SyncOptions::new().cancel(cancel))
        });
        wait_until("every row that was read is stored", || {
            row_count(&world.path()) == 298
        });
        wait_until("every request is counted", || {
            let counted = kept(&world, "requests", "$.count");
            u64::try_from(counted) == Ok(world.server.requests().len() as u64)
        });
        assert!(kept(&world, "cursor", "$.at.offset") >= 298);
        cancel.cancel();
        assert_eq!(
            run.join().unwrap().unwrap().code,
            Some(ErrorCode::Cancelled)
        );
        if at == 0 {
            assert_eq!(Schedule::new().check(&world.engine()), Decision::BackingOff);
            world.clock.advance(Duration::from_secs(310));
            assert_eq!(Schedule::new().check(&world.engine()), Decision::Begin);
        }
    }
}
