//! Promise 9, *Polite*: retries, backoff, Retry-After and rate limits. Waits take no real time
//! here.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use skillsmith_sync::background::{Decision, Schedule};
use skillsmith_sync::{ErrorCode, SyncStatus};
use skillsmith_test_registry::{Fault, MonthlyQuota, Options, RateLimit, RetryAfterForm};

use crate::support::{World, assert_success};

fn seconds(waits: &[Duration]) -> Vec<f64> {
    waits.iter().map(Duration::as_secs_f64).collect()
}

#[test]
fn promise_9_what_may_heal_is_tried_four_times() {
    for code in [408, 429, 500, 502, 503, 504] {
        let world = World::new(50, Options::default());
        world
            .server
            .fault(Fault::status(code).at_request(1).times(3));
        assert_success(&world.sync());
        let waits = seconds(&world.clock.waits());
        assert_eq!(waits.len(), 3, "{code}: {waits:?}");
        for (wait, full) in waits.iter().zip([1.0, 2.0, 4.0]) {
            assert!((full / 2.0..=full).contains(wait), "{code}: {waits:?}");
        }
        world.server.clear_requests();
        world.server.fault(Fault::status(code).always());
        let result = world.sync();
        assert_eq!(result.status, SyncStatus::Failed);
        // Two later pages and two single rows show that it is not only this page.
        let behind: &[u64] = if code == 429 { &[] } else { &[100, 200, 0, 1] };
        assert_eq!(world.offsets(), [&[0, 0, 0, 0], behind].concat(), "{code}");
    }
}

#[test]
fn promise_9_transport_errors_are_tried_again() {
    for fault in [
        Fault::close(),
        Fault::cut(100),
        Fault::reset(),
        Fault::not_http(),
        Fault::garbage(),
    ] {
        let world = World::new(50, Options::default());
        world.server.fault(fault.at_request(1).times(2));
        assert_success(&world.sync());
        assert_eq!(world.clock.waits().len(), 2);
        world.assert_mirrored();
    }
}

#[test]
fn promise_9_other_refusals_are_not_tried_again() {
    for (code, expected) in [
        (401, ErrorCode::Unauthorized),
        (403, ErrorCode::Forbidden),
        (404, ErrorCode::Refused),
        (410, ErrorCode::Refused),
        (422, ErrorCode::Refused),
    ] {
        let world = World::new(50, Options::default());
        world.server.fault(
            Fault::status(code)
                .with_body("{\"error\":\"because of the moon\"}")
                .always(),
        );
        let result = world.sync();
        assert_eq!(result.code, Some(expected), "{result:?}");
        assert!(
            result.errors[0].contains("because of the moon"),
            "{result:?}"
        );
        // A refused page may be an exception; two later pages and two of its single rows show
        // whether it is.
        let requests = match code {
            401 => 1,
            404 | 410 => 2,
            _ => 5,
        };
        assert_eq!(world.offsets().len(), requests);
        assert!(world.clock.waits().is_empty());
    }
}

#[test]
fn promise_9_retry_after_is_obeyed_in_both_forms() {
    for form in [RetryAfterForm::Seconds, RetryAfterForm::Date] {
        let world = World::new(1_000, Options::default());
        world.server.fault(
            Fault::status(429).at_offset(99).with_header(
                "Retry-After",
                match form {
                    RetryAfterForm::Date => (Utc::now() + TimeDelta::seconds(90))
                        .to_rfc2822()
                        .replace("+0000", "GMT"),
                    _ => "90".into(),
                },
            ),
        );
        assert_success(&world.sync());
        let waits = seconds(&world.clock.waits());
        assert!(
            waits.len() == 1 && (88.0..=91.0).contains(&waits[0]),
            "{waits:?}"
        );
    }
}

#[test]
fn promise_9_a_used_up_rate_limit_is_waited_for() {
    let world = World::new(1_000, Options::default());
    // The real window has long passed when the test's clock has waited.
    world.server.options(|options| {
        options.rate_limit = Some(RateLimit {
            limit: 4,
            window_ms: 1_500,
        });
    });
    world
        .clock
        .sleeps
        .store(true, std::sync::atomic::Ordering::SeqCst);
    assert_success(&world.sync());
    world.assert_mirrored();
    assert!(!world.clock.waits().is_empty());
    // It waited beforehand, so no request was refused.
    assert!(
        world
            .server
            .listings()
            .iter()
            .all(|request| request.status == Some(200))
    );
}

#[test]
fn promise_9_what_does_not_fit_the_run_ends_it_with_a_time_that_is_kept() {
    let world = World::new(1_000, Options::default());
    world.server.fault(
        Fault::status(429)
            .at_offset(297)
            .with_header("Retry-After", "7200")
            .always(),
    );
    let result = world.sync();
    assert_eq!(result.code, Some(ErrorCode::RateLimited));
    assert_eq!(result.status, SyncStatus::Failed);
    assert!(
        result.errors[0].contains("Try again after 20"),
        "{result:?}"
    );
    assert!(world.clock.waits().is_empty());
    world.server.clear_faults();

    // A service in a new process would not try for two hours.
    let decide = || Schedule::new().check(&world.engine());
    assert_eq!(decide(), Decision::BackingOff);
    let status = world.engine().get_status().unwrap();
    let until: DateTime<Utc> = status.paused_until.unwrap().parse().unwrap();
    assert!(
        status.is_due && (until - world.clock_now()) >= TimeDelta::hours(2),
        "{until}"
    );
    world.clock.advance(Duration::from_secs(7_100));
    assert_eq!(decide(), Decision::BackingOff);
    world.clock.advance(Duration::from_secs(200));
    assert_eq!(decide(), Decision::Begin);
    assert_success(&world.sync());
    world.assert_mirrored();
}

/// A 429 whose only header is the reset of the rate limit.
fn used_up_until(reset: DateTime<Utc>) -> Fault {
    Fault::status(429)
        .with_header("X-RateLimit-Remaining", "0")
        .with_header("X-RateLimit-Reset", reset.timestamp().to_string())
}

#[test]
fn promise_9_the_reset_of_a_rate_limit_is_waited_for_without_a_retry_after() {
    // The live proxy drops the registry's date too.
    for dropped in [vec![], vec!["date".to_owned(), "retry-after".to_owned()]] {
        let world = World::new(1_000, Options::default());
        world
            .server
            .options(|options| options.dropped_headers = dropped);
        let reset = world.clock_now() + TimeDelta::seconds(90);
        world.server.fault(used_up_until(reset).at_offset(99));
        let result = world.sync();
        assert_success(&result);
        assert!(world.clock_now() >= reset - TimeDelta::seconds(1));
        assert_eq!(result.requests, world.server.requests().len() as u64);
        world.assert_mirrored();
    }
}

#[test]
fn promise_9_a_reset_that_does_not_fit_the_run_is_the_time_of_the_next_try() {
    let faults: [fn(Fault) -> Fault; 2] = [|fault| fault.at_offset(297).always(), Fault::on_health];
    for fault in faults {
        let world = World::new(1_000, Options::default());
        world
            .server
            .options(|options| options.dropped_headers = vec!["date".into()]);
        let reset = world.clock_now() + TimeDelta::hours(2);
        world.server.fault(fault(used_up_until(reset)));
        let result = world.sync();
        assert_eq!(result.code, Some(ErrorCode::RateLimited), "{result:?}");
        let said = reset.format("Try again after %Y-%m-%d %H:%M").to_string();
        assert!(result.errors[0].contains(&said), "{result:?}");
        assert_eq!(result.requests, world.server.requests().len() as u64);
        let stored: String = world
            .look()
            .query_row(
                "SELECT value ->> 'not_before' FROM sync_state WHERE key = 'backoff'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        let stored: DateTime<Utc> = stored.parse().unwrap();
        assert_eq!(stored.timestamp(), reset.timestamp());
        world.server.clear_faults();
        assert_eq!(Schedule::new().check(&world.engine()), Decision::BackingOff);
        world.clock.advance(Duration::from_secs(7_300));
        assert_eq!(Schedule::new().check(&world.engine()), Decision::Begin);
        assert_success(&world.sync());
        world.assert_mirrored();
    }
}

/// A request that would have to wait for too long is not sent, and not counted.
#[test]
fn promise_9_only_requests_that_were_sent_are_counted() {
    let world = World::new(1_000, Options::default());
    world.server.options(|options| {
        options.rate_limit = Some(RateLimit {
            limit: 4,
            window_ms: 7_200_000,
        });
    });
    for _ in 0..3 {
        world.server.clear_requests();
        let result = world.sync();
        assert_eq!(result.code, Some(ErrorCode::RateLimited), "{result:?}");
        assert_eq!(result.requests, world.server.requests().len() as u64);
    }
}

#[test]
fn promise_9_a_used_up_monthly_quota_is_not_asked_again() {
    let resets_at = skillsmith_sync::clock::to_iso(Utc::now() + TimeDelta::days(9));
    let quota = MonthlyQuota {
        limit: 1_000,
        used: 1_000,
        tier: "free".into(),
        resets_at,
    };
    let world = World::new(
        100,
        Options {
            monthly_quota: Some(quota),
            ..Options::default()
        },
    );
    let result = world.sync();
    assert_eq!(result.code, Some(ErrorCode::QuotaExceeded), "{result:?}");
    assert!(
        result.errors[0].contains("1000 of 1000 requests, plan free"),
        "{result:?}"
    );
    assert_eq!(world.offsets().len(), 1);
    world.clock.advance(Duration::from_secs(8 * 86_400));
    assert_eq!(Schedule::new().check(&world.engine()), Decision::BackingOff);
    world.clock.advance(Duration::from_secs(2 * 86_400));
    assert_eq!(Schedule::new().check(&world.engine()), Decision::Begin);
}

#[test]
fn promise_9_an_anonymous_caller_is_told_how_to_set_a_key() {
    let world = World::new(
        2_000,
        Options {
            anonymous_quota: Some(10),
            ..Options::default()
        },
    );
    let result = world.sync();
    assert_eq!(result.code, Some(ErrorCode::Unauthorized));
    assert!(
        result.errors[0].contains("SKILLSMITH_API_KEY"),
        "{result:?}"
    );
    assert!(result.errors[0].contains("no credential"), "{result:?}");
    // Ten pages are kept.
    assert_eq!(result.status, SyncStatus::Partial);
    assert!(result.skills_added > 900);
}
