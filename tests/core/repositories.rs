//! `SyncConfigRepository`, `SyncHistoryRepository` and `SkillRepository`, method by method.

use chrono::TimeDelta;
use skillsmith_sync::clock::{from_iso, to_iso};
use skillsmith_sync::database::OpenOptions;
use skillsmith_sync::{
    Database, ErrorCode, SkillRepository, SyncConfigRepository, SyncConfigUpdate, SyncFrequency,
    SyncHistoryRepository, SyncRunResult, SyncStatus,
};
use skillsmith_test_registry::Options;

use crate::support::{TestClock, World, assert_success};

fn config() -> SyncConfigRepository {
    SyncConfigRepository::new(&Database::open_in_memory().unwrap())
}

#[test]
fn a_new_configuration_is_daily_enabled_and_due() {
    let config = config();
    let found = config.get_config().unwrap();
    assert_eq!(
        (found.id.as_str(), found.enabled, found.frequency),
        ("default", true, SyncFrequency::Daily)
    );
    assert_eq!((found.interval_ms, found.last_sync_count), (86_400_000, 0));
    assert_eq!(
        (
            found.last_sync_at,
            found.next_sync_at,
            found.last_sync_error
        ),
        (None, None, None)
    );
    assert!(config.is_sync_due().unwrap());
}

#[test]
fn a_sync_moves_the_schedule_and_clears_the_error() {
    let config = config();
    config.set_last_sync_error("boom").unwrap();
    assert_eq!(
        config.get_config().unwrap().last_sync_error.as_deref(),
        Some("boom")
    );
    config.set_last_sync("2026-11-22T10:00:00.000Z", 5).unwrap();
    let found = config.get_config().unwrap();
    assert_eq!(
        found.last_sync_at.as_deref(),
        Some("2026-11-22T10:00:00.000Z")
    );
    assert_eq!(
        found.next_sync_at.as_deref(),
        Some("2026-11-23T10:00:00.000Z")
    );
    assert_eq!((found.last_sync_count, found.last_sync_error), (5, None));
    config.set_last_sync_error("again").unwrap();
    config.clear_error().unwrap();
    assert_eq!(config.get_config().unwrap().last_sync_error, None);
}

#[test]
fn the_frequency_moves_the_next_sync() {
    let config = config();
    config.set_last_sync("2026-11-22T10:00:00.000Z", 5).unwrap();
    let weekly = config.set_frequency(SyncFrequency::Weekly).unwrap();
    assert_eq!(
        (weekly.frequency, weekly.interval_ms),
        (SyncFrequency::Weekly, 604_800_000)
    );
    assert_eq!(
        weekly.next_sync_at.as_deref(),
        Some("2026-11-29T10:00:00.000Z")
    );
    let both = SyncConfigUpdate::new()
        .enabled(false)
        .frequency(SyncFrequency::Daily);
    let daily = config.update_config(both).unwrap();
    assert_eq!(
        (daily.enabled, daily.next_sync_at.as_deref()),
        (false, Some("2026-11-23T10:00:00.000Z"))
    );
    assert_eq!(
        config.update_config(SyncConfigUpdate::default()).unwrap(),
        daily
    );
}

#[test]
fn disabled_is_never_due() {
    let config = config();
    assert!(!config.disable().unwrap().enabled);
    assert!(!config.is_sync_due().unwrap());
    assert!(config.enable().unwrap().enabled);
    assert!(config.is_sync_due().unwrap());
}

#[test]
fn what_cannot_be_used_is_refused_and_changes_nothing() {
    let config = config();
    let before = config.get_config().unwrap();
    let unknown: Result<SyncFrequency, _> = "hourly".parse();
    let error = unknown.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Unknown frequency 'hourly'. Use 'daily' or 'weekly'."
    );
    for outcome in [
        config.set_last_sync("yesterday", 1),
        config.set_last_sync("2026-11-22T10:00:00.000Z", -1),
        config
            .calculate_next_sync("2026-11-22T10:00:00.000Z", i64::MAX)
            .map(drop),
    ] {
        assert_eq!(outcome.unwrap_err().code(), ErrorCode::InvalidArgument);
    }
    assert_eq!(config.get_config().unwrap(), before);
    assert_eq!(
        config
            .calculate_next_sync("2026-11-22T10:00:00Z", 1)
            .unwrap(),
        "2026-11-22T10:00:00.001Z"
    );
}

fn history() -> (SyncHistoryRepository, std::sync::Arc<TestClock>) {
    let clock = std::sync::Arc::new(TestClock::default());
    let database = Database::open_in_memory().unwrap();
    (
        SyncHistoryRepository::with_clock(&database, clock.clone()),
        clock,
    )
}

fn counts() -> SyncRunResult {
    SyncRunResult::default()
        .skills_added(1)
        .skills_updated(2)
        .skills_unchanged(3)
        .skills_removed(4)
}

#[test]
fn a_run_is_started_and_ends_in_one_of_three_ways() {
    let (history, clock) = history();
    let ids: Vec<String> = (0..3).map(|_| history.start_run().unwrap()).collect();
    for id in &ids {
        let (time, random) = id.strip_prefix("sync-").unwrap().split_once('-').unwrap();
        assert!(
            time.len() == 14 && time.bytes().all(|byte| byte.is_ascii_digit()),
            "{id}"
        );
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        assert!(random.len() == 6 && random.bytes().all(allowed), "{id}");
    }
    assert!(history.is_running().unwrap());
    assert_eq!(history.get_running().unwrap().len(), 3);
    clock.advance(std::time::Duration::from_millis(1_500));
    history.complete_run(&ids[0], counts()).unwrap();
    history
        .complete_run_partial(&ids[1], counts(), "in part")
        .unwrap();
    history.fail_run(&ids[2], "boom").unwrap();
    assert!(!history.is_running().unwrap());

    let entry = |at: usize| history.get_by_id(&ids[at]).unwrap().unwrap();
    let done = entry(0);
    assert_eq!(done.status, SyncStatus::Success);
    assert_eq!(
        (
            done.skills_added,
            done.skills_updated,
            done.skills_unchanged,
            done.skills_removed
        ),
        (1, 2, 3, 4)
    );
    assert!(done.duration_ms.unwrap() >= 1_500 && done.error_message.is_none());
    let took = from_iso(done.completed_at.as_deref().unwrap()).unwrap()
        - from_iso(&done.started_at).unwrap();
    assert_eq!(Some(took.num_milliseconds()), done.duration_ms);
    assert_eq!(
        (entry(1).status, entry(1).error_message.as_deref()),
        (SyncStatus::Partial, Some("in part"))
    );
    assert_eq!(
        (entry(2).status, entry(2).error_message.as_deref()),
        (SyncStatus::Failed, Some("boom"))
    );
    assert_eq!(history.get_last_successful().unwrap().unwrap().id, ids[0]);

    let stats = history.get_stats().unwrap();
    assert_eq!(
        (stats.total_runs, stats.successful_runs, stats.failed_runs),
        (3, 1, 1)
    );
    assert_eq!(stats.last_success_at, done.completed_at);
    assert_eq!(stats.average_duration_ms, done.duration_ms);
}

#[test]
fn an_empty_history_is_no_error() {
    let (history, _) = history();
    assert_eq!(history.count().unwrap(), 0);
    assert!(history.get_history(10).unwrap().is_empty());
    assert!(history.get_last_successful().unwrap().is_none());
    assert!(history.get_by_id("nope").unwrap().is_none());
    let stats = history.get_stats().unwrap();
    assert_eq!(
        (
            stats.total_runs,
            stats.last_success_at,
            stats.average_duration_ms
        ),
        (0, None, None)
    );
}

#[test]
fn a_missing_run_is_named() {
    let (history, _) = history();
    for outcome in [
        history.complete_run("nope", counts()),
        history.complete_run_partial("nope", counts(), "x"),
        history.fail_run("nope", "x"),
    ] {
        let error = outcome.unwrap_err();
        assert_eq!(
            (error.code(), error.to_string().as_str()),
            (ErrorCode::RunNotFound, "Sync run not found: nope")
        );
    }
}

#[test]
fn the_newest_come_first_and_old_ones_are_cleaned_up() {
    let (history, clock) = history();
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(history.start_run().unwrap());
        clock.advance(std::time::Duration::from_secs(20 * 86_400));
    }
    ids.reverse();
    let listed = |limit| -> Vec<String> {
        history
            .get_history(limit)
            .unwrap()
            .into_iter()
            .map(|entry| entry.id)
            .collect()
    };
    assert_eq!(listed(10), ids);
    assert_eq!(listed(2), ids[..2]);
    assert!(listed(0).is_empty());
    assert_eq!(history.cleanup(30).unwrap(), 4);
    assert_eq!(listed(10), ids[..1]);
    assert_eq!(history.cleanup(0).unwrap(), 1);
}

#[test]
fn a_cleanup_spares_the_run_that_is_under_way() {
    use std::sync::mpsc::channel;
    let world = World::new(250, Options::default());
    let history = world.history();
    let old = history.start_run().unwrap();
    let (asked, is_asked) = channel();
    let (go_on, may_go_on) = channel();
    world.server.on_listing(move |number, _| {
        if number == 2 {
            asked.send(()).unwrap();
            _ = may_go_on.recv();
        }
    });
    let result = std::thread::scope(|scope| {
        let run = scope.spawn(|| world.sync());
        is_asked.recv().unwrap();
        // Everything so far belongs to an earlier millisecond.
        std::thread::sleep(std::time::Duration::from_millis(5));
        let deleted = history.cleanup(0);
        go_on.send(()).unwrap();
        assert_eq!(deleted.unwrap(), 1);
        run.join().unwrap()
    });
    crate::support::assert_success(&result);
    assert!(history.get_by_id(&old).unwrap().is_none());
    let entries = history.get_history(10).unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].status, SyncStatus::Success);
    // Once it has ended, it is an entry like the others.
    std::thread::sleep(std::time::Duration::from_millis(5));
    assert_eq!(history.cleanup(0).unwrap(), 1);
}

#[test]
fn skills_are_found_by_id() {
    let world = World::new(40, Options::default());
    world.sync();
    let skills = SkillRepository::new(&world.database);
    assert_eq!(skills.count().unwrap(), 40);
    for served in world.server.catalogue(|catalogue| catalogue.values()) {
        let id = served["id"].as_str().unwrap();
        assert!(skills.exists(id).unwrap());
        let found = skills.find_by_id(id).unwrap().unwrap();
        assert_eq!(found.name, served["name"].as_str().unwrap());
        assert_eq!(found.repo_url.as_deref(), served["repo_url"].as_str());
        assert_eq!(found.quality_score, served["quality_score"].as_f64());
        let tags: Vec<String> = serde_json::from_value(served["tags"].clone()).unwrap_or_default();
        assert_eq!(found.tags, tags);
    }
    assert!(!skills.exists("nope").unwrap());
    assert!(skills.find_by_id("nope").unwrap().is_none());
}

#[test]
fn promise_15_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/skills.db");
    let database = Database::open(&path).unwrap();
    SyncConfigRepository::new(&database).disable().unwrap();
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.path().join("a")), 0o700);
    assert_eq!(mode(&folder.path().join("a/b")), 0o700);
    for name in ["skills.db", "skills.db-wal", "skills.db-shm"] {
        assert_eq!(mode(&folder.path().join("a/b").join(name)), 0o600, "{name}");
    }
}

#[test]
fn a_busy_database_is_reported_after_the_budget_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("skills.db");
    let database = OpenOptions::new()
        .busy_budget(std::time::Duration::from_millis(100))
        .open(&path)
        .unwrap();
    let config = SyncConfigRepository::new(&database);
    let host = rusqlite::Connection::open(&path).unwrap();
    host.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = config.disable().unwrap_err();
    assert_eq!(error.code(), ErrorCode::DatabaseBusy);
    assert!(error.is_retryable());
    // Readers never wait.
    assert!(config.get_config().unwrap().enabled);
    host.execute_batch("COMMIT").unwrap();
    assert!(!config.disable().unwrap().enabled);
}

#[test]
fn times_are_written_in_milliseconds_of_utc() {
    let (history, clock) = history();
    let id = history.start_run().unwrap();
    let entry = history.get_by_id(&id).unwrap().unwrap();
    let started = from_iso(&entry.started_at).unwrap();
    assert_eq!(to_iso(started), entry.started_at);
    let now = skillsmith_sync::clock::Clock::now(&*clock);
    assert!((now - started) < TimeDelta::seconds(60));
}

#[test]
fn promise_17_the_history_keeps_a_thousand_entries() {
    let world = World::new(3, Options::default());
    assert_success(&world.sync());
    world
        .look()
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
             INSERT INTO sync_history (id, started_at, status)
             SELECT 'old-' || i, '2025-01-01T00:00:00.' || printf('%03d', i % 1000) || 'Z',
                    CASE i WHEN 1 THEN 'running' ELSE 'success' END
             FROM n",
        )
        .unwrap();
    let history = SyncHistoryRepository::new(&world.database);
    let newest = history.get_history(1).unwrap().remove(0).id;
    assert_success(&world.sync());
    assert_eq!(history.count().unwrap(), 1_000);
    // The newest stay.
    let kept: Vec<String> = history
        .get_history(2)
        .unwrap()
        .into_iter()
        .map(|entry| entry.id)
        .collect();
    assert!(kept[1] == newest && kept[0] != newest, "{kept:?}");
}

#[test]
fn promise_9_clients_that_synced_together_do_not_come_back_together() {
    let interval = TimeDelta::days(1);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..8 {
        let world = World::new(1, Options::default());
        assert_success(&world.sync());
        let config = SyncConfigRepository::new(&world.database)
            .get_config()
            .unwrap();
        let at = |text: Option<String>| from_iso(&text.unwrap()).unwrap();
        let after = at(config.next_sync_at) - at(config.last_sync_at);
        assert!(after <= interval && after >= interval * 9 / 10, "{after}");
        seen.insert(after);
    }
    assert!(seen.len() > 1, "{seen:?}");
}

#[test]
fn a_text_that_no_database_takes_is_refused() {
    let database = Database::open_in_memory().unwrap();
    let long = "x".repeat(140 << 20);
    let history = SyncHistoryRepository::new(&database);
    let run = history.start_run().unwrap();
    for outcome in [
        SkillRepository::new(&database).find_by_id(&long).map(drop),
        SyncConfigRepository::new(&database).set_last_sync_error(&long),
        history.fail_run(&run, &long),
        history.fail_run(&long, "why"),
    ] {
        let error = outcome.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        assert!(error.to_string().contains("Use a shorter one"), "{error}");
    }
}

#[test]
fn the_time_of_the_next_sync_is_a_timestamp_in_every_year() {
    let config = config();
    for (last, interval, next) in [
        (
            "0000-01-01T00:00:00.000Z",
            -1,
            "-000001-12-31T23:59:59.999Z",
        ),
        ("9999-12-31T23:59:59.999Z", 1, "+010000-01-01T00:00:00.000Z"),
    ] {
        assert_eq!(config.calculate_next_sync(last, interval).unwrap(), next);
        assert_eq!(config.calculate_next_sync(next, -interval).unwrap(), last);
    }
}
