//! The background service: when it syncs, and how it is stopped.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use skillsmith_sync::background::{Decision, Schedule};
use skillsmith_sync::clock::{Clock, SystemClock};
use skillsmith_sync::database::OpenOptions;
use skillsmith_sync::environment::Environment;
use skillsmith_sync::{
    BackgroundOptions, BackgroundSyncService, CancelToken, ClientOptions, Database, Error,
    ErrorCode, SyncConfigRepository, SyncEngine, SyncFrequency, SyncOptions, SyncResult,
    SyncStatus, start_background_sync,
};
use skillsmith_test_registry::{Fault, Options};

use crate::support::{World, assert_success, client, client_with};

const LONG: Duration = Duration::from_secs(20);

fn service(world: &World, options: BackgroundOptions) -> BackgroundSyncService {
    // With the real clock, so waits take real time.
    let engine = SyncEngine::new(Arc::new(world.client()), &world.database);
    BackgroundSyncService::new(engine, options).unwrap()
}

#[track_caller]
fn wait_until(what: impl Fn() -> bool) {
    let end = Instant::now() + LONG;
    while !what() {
        assert!(Instant::now() < end, "it never came");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn it_syncs_when_started_and_not_again_until_due() {
    let world = World::new(300, Options::default());
    let (told, heard) = channel();
    let service = service(
        &world,
        BackgroundOptions::new()
            .check_interval(Duration::from_millis(20))
            .on_sync_complete(move |result| told.send(result.clone()).unwrap()),
    );
    assert!(!service.is_service_started());
    service.start().unwrap();
    service.start().unwrap();
    let result = heard.recv_timeout(LONG).unwrap();
    assert_eq!(result.skills_added, 300);
    wait_until(|| service.get_state().checks_performed >= 4);
    let state = service.get_state();
    assert!(state.is_started && !state.is_running);
    assert_eq!((state.syncs_triggered, state.last_error), (1, None));
    assert_eq!(state.last_result, Some(result));
    service.stop();
    service.stop();
    let checks = service.get_state().checks_performed;
    std::thread::sleep(Duration::from_millis(80));
    assert_eq!(service.get_state().checks_performed, checks);
    // It can be started again.
    service.start().unwrap();
    wait_until(|| service.get_state().checks_performed > checks);
    world.assert_mirrored();
}

#[test]
fn it_does_nothing_while_disabled_or_offline() {
    let world = World::new(30, Options::default());
    let config = SyncConfigRepository::new(&world.database);
    config.disable().unwrap();
    let decide = |engine: &SyncEngine| Schedule::new().check(engine);
    assert_eq!(decide(&world.engine()), Decision::NotDue);
    config.enable().unwrap();
    assert_eq!(decide(&world.engine()), Decision::Begin);
    let offline = client_with(
        ClientOptions::new()
            .base_url(world.server.base_url())
            .offline(true),
    );
    assert_eq!(decide(&world.engine_with(offline)), Decision::NotDue);
    assert!(world.server.requests().is_empty());
}

#[test]
fn a_laptop_that_slept_over_the_time_syncs_once() {
    let world = World::new(30, Options::default());
    let engine = world.engine();
    let mut schedule = Schedule::new();
    let run_if_due = |schedule: &mut Schedule| {
        let decision = schedule.check(&engine);
        if decision == Decision::Begin {
            let outcome = engine.sync(skillsmith_sync::SyncOptions::default());
            schedule.finished(&outcome);
        }
        decision
    };
    assert_eq!(run_if_due(&mut schedule), Decision::Begin);
    world.clock.advance(Duration::from_secs(21 * 3600));
    assert_eq!(run_if_due(&mut schedule), Decision::NotDue);
    world.clock.advance(Duration::from_secs(5 * 86_400));
    assert_eq!(run_if_due(&mut schedule), Decision::Begin);
    assert_eq!(run_if_due(&mut schedule), Decision::NotDue);
    SyncConfigRepository::new(&world.database)
        .set_frequency(SyncFrequency::Weekly)
        .unwrap();
    world.clock.advance(Duration::from_secs(6 * 86_400));
    assert_eq!(run_if_due(&mut schedule), Decision::NotDue);
    world.clock.advance(Duration::from_secs(86_400));
    assert_eq!(run_if_due(&mut schedule), Decision::Begin);
    assert_eq!(schedule.state().syncs_triggered, 3);
}

#[test]
fn a_wrong_clock_of_the_past_does_not_stop_it_for_ever() {
    let world = World::new(30, Options::default());
    *world.clock.skew.lock().unwrap() = TimeDelta::days(3_000);
    assert_success(&world.sync());
    *world.clock.skew.lock().unwrap() = TimeDelta::zero();
    assert_eq!(Schedule::new().check(&world.engine()), Decision::Begin);
}

#[test]
fn a_failed_run_is_tried_again_after_one_two_four_minutes_across_restarts() {
    let world = World::new(30, Options::default());
    world.server.fault(Fault::status(404).always());
    let mut waited = Vec::new();
    for _ in 0..5 {
        // Each round is a new process, so all state comes from the database.
        let mut schedule = Schedule::new();
        let engine = world.engine();
        let mut minutes = 0;
        while schedule.check(&engine) != Decision::Begin {
            world.clock.advance(Duration::from_secs(60));
            minutes += 1;
            assert!(minutes < 100);
        }
        waited.push(minutes);
        let outcome = engine.sync(skillsmith_sync::SyncOptions::default());
        schedule.finished(&outcome);
        assert!(
            schedule
                .state()
                .last_error
                .as_ref()
                .unwrap()
                .contains("404")
        );
    }
    // Up to a tenth longer, looked at once a minute.
    for (waited, expected) in waited.into_iter().zip([0, 1, 2, 4, 8]) {
        let most = if expected == 0 { 0 } else { expected + 1 };
        assert!(
            (expected..=most).contains(&waited),
            "{waited} for {expected}"
        );
    }
    // A success resets the backoff.
    world.server.clear_faults();
    assert_success(&world.sync());
    world.clock.advance(Duration::from_secs(86_401));
    assert_eq!(Schedule::new().check(&world.engine()), Decision::Begin);
}

#[test]
fn a_manual_sync_runs_though_nothing_is_due_and_never_twice() {
    let world = World::new(300, Options::default());
    let service = service(&world, BackgroundOptions::default());
    assert_success(&service.manual_sync().unwrap());
    world.server.fault(Fault::delay(30_000).at_offset(99));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| service.manual_sync().unwrap());
        wait_until(|| service.is_sync_running());
        assert!(matches!(service.manual_sync(), Err(Error::SyncInProgress)));
        assert_eq!(
            Error::SyncInProgress.to_string(),
            "Sync already in progress"
        );
        // Stopping ends the run and waits for it, however early the stop comes.
        let begun = Instant::now();
        service.stop();
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "the stop was missed"
        );
        assert!(!service.is_sync_running());
        assert_eq!(first.join().unwrap().errors, ["Sync cancelled"]);
    });
    // The stop may have come before the delayed page was requested.
    world.server.clear_faults();
    assert_success(&service.manual_sync().unwrap());
    assert_eq!(service.get_state().syncs_triggered, 3);
}

#[test]
fn stopping_ends_a_sync_that_is_under_way_and_dropping_stops() {
    let world = World::new(300, Options::default());
    world
        .server
        .fault(Fault::stall_after(10).at_offset(99).always());
    let service = service(&world, BackgroundOptions::default());
    service.start().unwrap();
    wait_until(|| world.offsets().len() == 2);
    let begun = Instant::now();
    drop(service);
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert!(!world.engine().get_status().unwrap().is_running);
}

#[test]
fn callbacks_may_panic_and_may_stop_the_service() {
    let world = World::new(30, Options::default());
    world.server.fault(Fault::status(404).always());
    let errors = Arc::new(AtomicUsize::new(0));
    let holder: Arc<OnceLock<BackgroundSyncService>> = Arc::default();
    let made = service(
        &world,
        BackgroundOptions::new()
            .check_interval(Duration::from_millis(10))
            .on_sync_error({
                let (errors, holder) = (errors.clone(), holder.clone());
                move |text| {
                    assert!(text.contains("404"));
                    errors.fetch_add(1, Ordering::SeqCst);
                    if let Some(service) = holder.get() {
                        service.stop();
                    }
                    panic!("the host's own bug");
                }
            }),
    );
    holder.set(made).unwrap();
    let service = holder.get().unwrap();
    service.start().unwrap();
    wait_until(|| !service.is_service_started() && errors.load(Ordering::SeqCst) == 1);
    // Until the callback has returned, it counts as running.
    wait_until(|| !service.is_sync_running());
    assert!(service.manual_sync().is_ok());
    assert_eq!(errors.load(Ordering::SeqCst), 2);
}

#[test]
fn a_check_that_fails_is_reported_once_for_each_reason() {
    let world = World::new(30, Options::default());
    let (report, reported) = channel();
    let service = service(
        &world,
        BackgroundOptions::new()
            .check_interval(Duration::from_millis(10))
            .on_sync_error(move |text| report.send(text.to_owned()).unwrap()),
    );
    service.start().unwrap();
    wait_until(|| service.get_state().last_result.is_some());
    world.database.close();
    let reason = reported.recv_timeout(LONG).unwrap();
    assert!(reason.contains("closed"), "{reason}");
    let checks = service.get_state().checks_performed;
    wait_until(|| service.get_state().checks_performed > checks + 5);
    assert_eq!(
        service.get_state().last_error.as_deref(),
        Some(reason.as_str())
    );
    service.stop();
    assert!(reported.try_recv().is_err(), "the same reason, twice");
}

#[test]
fn a_callback_that_syncs_again_at_once_is_refused() {
    let world = World::new(30, Options::default());
    world.server.fault(Fault::status(404).always());
    let holder: Service = Arc::default();
    let (tell, told) = channel();
    let made = service(
        &world,
        BackgroundOptions::new().on_sync_error({
            let holder = Arc::downgrade(&holder);
            move |_| {
                let holder = holder.upgrade().unwrap();
                let service = holder.get().unwrap();
                assert!(service.is_sync_running());
                tell.send(service.manual_sync().map(drop)).unwrap();
            }
        }),
    );
    holder.set(made).unwrap();
    let service = holder.get().unwrap();
    assert!(!service.manual_sync().unwrap().success);
    assert!(matches!(
        told.recv_timeout(LONG).unwrap(),
        Err(Error::SyncInProgress)
    ));
    assert!(!service.is_sync_running());
    assert!(!service.manual_sync().unwrap().success);
    assert_eq!(service.get_state().syncs_triggered, 2);
}

#[test]
fn stopping_it_during_a_sync_is_no_failure() {
    let world = World::new(300, Options::default());
    world
        .server
        .fault(Fault::stall_after(10).at_offset(99).always());
    let (report, reported) = channel();
    let service = service(
        &world,
        BackgroundOptions::new().on_sync_error(move |text| report.send(text.to_owned()).unwrap()),
    );
    service.start().unwrap();
    wait_until(|| world.offsets().len() == 2);
    service.stop();
    assert!(reported.try_recv().is_err());
    assert_eq!(service.get_state().last_error, None);
    let config = SyncConfigRepository::new(&world.database).get_config();
    assert_eq!(config.unwrap().last_sync_error, None);
    let entry = &world.history().get_history(1).unwrap()[0];
    assert_eq!(entry.error_message.as_deref(), Some("Sync cancelled"));
}

/// Returns a service whose callback is still running, and a flag that is set when the callback
/// returns. With `stop_within`, the callback calls `stop` first.
fn in_a_callback(world: &World, by_hand: bool, stop_within: bool) -> (Service, Arc<AtomicBool>) {
    let holder: Service = Arc::default();
    let returned = Arc::new(AtomicBool::new(false));
    let (entered, inside) = channel();
    let made = service(
        world,
        BackgroundOptions::new().on_sync_complete({
            let (holder, returned) = (Arc::downgrade(&holder), Arc::clone(&returned));
            move |_| {
                if stop_within && let Some(service) = holder.upgrade() {
                    service.get().unwrap().stop();
                }
                entered.send(()).unwrap();
                std::thread::sleep(Duration::from_millis(300));
                returned.store(true, Ordering::SeqCst);
            }
        }),
    );
    holder.set(made).unwrap();
    if by_hand {
        let holder = Arc::clone(&holder);
        std::thread::spawn(move || holder.get().unwrap().manual_sync());
    } else {
        holder.get().unwrap().start().unwrap();
    }
    inside.recv_timeout(LONG).unwrap();
    (holder, returned)
}

type Service = Arc<OnceLock<BackgroundSyncService>>;

#[test]
fn stopping_waits_for_the_callbacks_of_the_thread() {
    let world = World::new(30, Options::default());
    let (service, returned) = in_a_callback(&world, false, false);
    let service = service.get().unwrap();
    std::thread::scope(|scope| {
        // Two concurrent calls: neither may return before the callback does.
        for _ in 0..2 {
            scope.spawn(|| {
                service.stop();
                assert!(returned.load(Ordering::SeqCst));
            });
        }
    });
}

#[test]
fn stopping_waits_for_a_callback_that_has_stopped_it_itself() {
    let world = World::new(30, Options::default());
    let (service, returned) = in_a_callback(&world, false, true);
    service.get().unwrap().stop();
    assert!(returned.load(Ordering::SeqCst));
}

#[test]
fn stopping_waits_for_the_callbacks_of_a_sync_by_hand() {
    let world = World::new(30, Options::default());
    let (service, returned) = in_a_callback(&world, true, false);
    service.get().unwrap().stop();
    assert!(returned.load(Ordering::SeqCst));
}

#[test]
fn a_check_does_not_wait_for_the_write_lock() {
    let world = World::new(30, Options::default());
    // As a killed process of this library leaves it: the next reader marks it as failed.
    let dead = world.history().start_run().unwrap();
    let writer = world.look();
    let note = "INSERT INTO sync_state (key, value) VALUES ('current_run', json_quote(?1))";
    writer.execute(note, [&dead]).unwrap();
    SyncConfigRepository::new(&world.database)
        .disable()
        .unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();

    let patient = OpenOptions::new().busy_budget(Duration::from_secs(600));
    let database = patient.open(world.path()).unwrap();
    let engine = SyncEngine::new(Arc::new(world.client()), &database);
    // It cannot be marked now, but no sync is running.
    assert!(!engine.get_status().unwrap().is_running);
    let service = BackgroundSyncService::new(engine, BackgroundOptions::default()).unwrap();
    service.start().unwrap();
    wait_until(|| service.get_state().checks_performed == 1);
    let (told, heard) = channel();
    std::thread::spawn(move || {
        service.stop();
        told.send(()).unwrap();
    });
    heard.recv_timeout(LONG).unwrap();
    writer.execute_batch("COMMIT").unwrap();
    assert!(!world.engine().get_status().unwrap().is_running);
}

#[test]
fn promise_6_an_engine_that_died_elsewhere_does_not_stop_it_for_ever() {
    let world = World::new(30, Options::default());
    // As the TypeScript engine starts; then its process is killed.
    let entry = world.history().start_run().unwrap();
    let check = || Schedule::new().check(&world.engine());
    assert_eq!(check(), Decision::NotDue);
    world.clock.advance(Duration::from_secs(29 * 60));
    assert_eq!(check(), Decision::NotDue);
    world.clock.advance(Duration::from_secs(2 * 60));
    assert_eq!(check(), Decision::Begin);
    assert_success(&world.sync());
    let entry = world.history().get_by_id(&entry).unwrap().unwrap();
    assert_eq!(entry.error_message.as_deref(), Some("interrupted"));
}

#[test]
fn an_engine_that_lives_elsewhere_is_not_marked_as_dead() {
    let world = World::new(30, Options::default());
    let entry = world.history().start_run().unwrap();
    world.clock.advance(Duration::from_secs(29 * 60));
    // By hand, since a check would wait for it.
    assert_success(&world.sync());
    let found = world.history().get_by_id(&entry).unwrap().unwrap();
    assert_eq!(found.status, SyncStatus::Running);
}

#[test]
fn a_schedule_without_one_of_its_times() {
    let world = World::new(30, Options::default());
    assert_success(&world.sync());
    let check = || Schedule::new().check(&world.engine());
    assert_eq!(check(), Decision::NotDue);
    let scheduled = || {
        let config = SyncConfigRepository::new(&world.database).get_config();
        config.unwrap().next_sync_at
    };
    // Another program has recorded the last sync only: the next one is a day later.
    let writer = world.look();
    let forget = |column: &str| {
        let sql = format!("UPDATE sync_config SET {column} = NULL");
        writer.execute(&sql, []).unwrap();
    };
    forget("next_sync_at");
    assert_eq!(check(), Decision::NotDue);
    assert!(scheduled().is_some());
    // Or wants it to be done anew.
    forget("last_sync_at");
    assert!(scheduled().is_some());
    assert_eq!(check(), Decision::Begin);
}

/// Another process starts a sync between the check and the sync: the first thing that a sync does
/// is to read the clock.
#[derive(Debug)]
struct Overtaken {
    path: PathBuf,
    base_url: String,
    other: Mutex<Option<JoinHandle<SyncResult>>>,
    underway: CancelToken,
}

impl Clock for Overtaken {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now()
    }

    fn elapsed(&self) -> Duration {
        let mut other = self.other.lock().unwrap();
        if other.is_none() {
            let database = Database::open(&self.path).unwrap();
            let engine = SyncEngine::new(Arc::new(client(&self.base_url)), &database);
            let underway = self.underway.clone();
            let run = move || {
                let options = SyncOptions::new().on_progress(move |_| underway.cancel());
                engine.sync(options).unwrap()
            };
            *other = Some(std::thread::spawn(run));
            assert!(self.underway.wait(LONG));
        }
        SystemClock.elapsed()
    }

    fn wait(&self, duration: Duration, cancel: &CancelToken) -> bool {
        SystemClock.wait(duration, cancel)
    }
}

#[test]
fn a_sync_that_another_one_overtakes_is_no_failure() {
    let world = World::new(300, Options::default());
    world.server.fault(Fault::delay(500).at_offset(99));
    let clock = Arc::new(Overtaken {
        path: world.path(),
        base_url: world.server.base_url(),
        other: Mutex::default(),
        underway: CancelToken::new(),
    });
    let engine = SyncEngine::with_clock(
        Arc::new(world.client()),
        &world.database,
        clock.clone() as Arc<dyn Clock>,
    );
    let told = Arc::new(AtomicUsize::new(0));
    let failures = told.clone();
    let service = BackgroundSyncService::new(
        engine,
        BackgroundOptions::new()
            .check_interval(Duration::from_millis(20))
            .on_sync_error(move |_| {
                failures.fetch_add(1, Ordering::SeqCst);
            }),
    )
    .unwrap();
    service.start().unwrap();
    wait_until(|| service.get_state().checks_performed >= 3);
    let other = clock.other.lock().unwrap().take().unwrap();
    assert_success(&other.join().unwrap());
    service.stop();
    let state = service.get_state();
    assert_eq!((state.last_error, state.syncs_triggered), (None, 0));
    assert_eq!(told.load(Ordering::SeqCst), 0);
    world.assert_mirrored();
}

#[test]
fn without_a_check_at_start_it_waits_for_the_interval() {
    let world = World::new(30, Options::default());
    let service = service(
        &world,
        BackgroundOptions::new()
            .sync_on_start(false)
            .check_interval(Duration::from_secs(3_600)),
    );
    service.start().unwrap();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(service.get_state().checks_performed, 0);
    service.stop();
    let none = BackgroundOptions::new().check_interval(Duration::ZERO);
    assert!(BackgroundSyncService::new(world.engine(), none).is_err());
}

#[test]
fn one_call_starts_it_unless_something_says_no() {
    let world = World::new(60, Options::default());
    let start = |variables: &'static [(&str, &str)]| {
        let environment = Environment::new(move |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        let client = ClientOptions::new().base_url(world.server.base_url());
        start_background_sync(
            &world.database,
            client,
            &environment,
            BackgroundOptions::default(),
        )
    };
    let misspelt = |variables| {
        let error = start(variables).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
        let (name, _) = variables[0];
        let words = format!("{name} is neither true nor false. Set one of them, or unset it.");
        assert_eq!(error.to_string(), words);
    };
    misspelt(&[("SKILLSMITH_BACKGROUND_SYNC", "flase")]);
    misspelt(&[("SKILLSMITH_OFFLINE_MODE", "ture")]);
    let start = |variables| start(variables).unwrap();
    assert!(start(&[("SKILLSMITH_BACKGROUND_SYNC", "false")]).is_none());
    assert!(start(&[("SKILLSMITH_OFFLINE_MODE", "1")]).is_none());
    let config = SyncConfigRepository::new(&world.database);
    config.disable().unwrap();
    assert!(start(&[]).is_none());
    misspelt(&[("SKILLSMITH_BACKGROUND_SYNC", "flase")]);
    assert!(world.server.requests().is_empty());
    config.enable().unwrap();
    let service = start(&[]).unwrap();
    wait_until(|| service.get_state().last_result.is_some());
    service.stop();
    world.assert_mirrored();
}

#[test]
fn a_stop_is_never_missed_by_a_start() {
    let world = World::new(30, Options::default());
    let service = service(&world, BackgroundOptions::new().sync_on_start(false));
    // If it is missed, it waits for the next check, in a minute.
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..200 {
                    service.start().unwrap();
                    service.stop();
                }
            });
        }
    });
    assert!(begun.elapsed() < Duration::from_secs(50));
    assert!(!service.is_service_started());
}

/// On a full disk, or whenever a run cannot record its failure.
#[test]
fn promise_9_a_failure_that_cannot_be_written_down_is_waited_after_as_well() {
    let world = World::new(30, Options::default());
    world
        .look()
        .execute_batch(
            "CREATE TRIGGER full_1 BEFORE INSERT ON sync_history BEGIN SELECT RAISE(ABORT, 'full'); END;
             CREATE TRIGGER full_2 BEFORE INSERT ON sync_state BEGIN SELECT RAISE(ABORT, 'full'); END;",
        )
        .unwrap();
    let engine = SyncEngine::new(Arc::new(world.client()), &world.database);
    let service = BackgroundSyncService::new(
        engine,
        BackgroundOptions::new().check_interval(Duration::from_millis(2)),
    )
    .unwrap();
    service.start().unwrap();
    while service.get_state().checks_performed < 30 {
        std::thread::sleep(Duration::from_millis(2));
    }
    let state = service.get_state();
    assert_eq!(state.syncs_triggered, 1, "{state:?}");
    assert!(state.last_error.is_some());
    service.stop();
}
