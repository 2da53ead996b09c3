//! Promises 12, *Cancel*, and 13, *No unwind, no abort*.
//!
//! 200 ms are promised. The bounds here are wider, because a loaded machine is not a fault: they
//! only distinguish a cancellation from a timeout, the shortest of which is 5 s.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use skillsmith_sync::registry::{Call, Health, Page, PageRequest, Registry};
use skillsmith_sync::{
    CancelToken, ClientOptions, Database, ErrorCode, SyncEngine, SyncOptions, SyncStatus,
};
use skillsmith_test_registry::{Fault, Options};

use crate::support::{World, assert_success, client, client_with, row_count};

const PROMPT: Duration = Duration::from_secs(3);

/// Cancels as soon as `reached` returns true, by a call or by the flag alone; returns how long the
/// run took to end.
fn cancel_when(engine: &SyncEngine, by_flag: bool, reached: impl Fn() -> bool + Sync) {
    let cancel = CancelToken::new();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            engine
                .sync(SyncOptions::new().cancel(cancel.clone()))
                .unwrap()
        });
        while !reached() {
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(50));
        let begun = Instant::now();
        if by_flag {
            cancel.raise();
        } else {
            cancel.cancel();
        }
        let result = run.join().unwrap();
        assert!(begun.elapsed() < PROMPT, "{:?}", begun.elapsed());
        assert_eq!(
            (result.status, result.code),
            (SyncStatus::Failed, Some(ErrorCode::Cancelled)),
            "{result:?}"
        );
    });
}

/// On a slow disk, a page is many batches; here because of what its rows weigh.
#[test]
fn promise_12_a_cancel_ends_a_page_after_the_batch_that_is_written() {
    let world = World::new(100, Options::default());
    world.server.catalogue(|catalogue| {
        for id in catalogue.ids() {
            catalogue.edit(&id, |skill| {
                skill["description"] = "long ".repeat(5_000).into();
            });
        }
    });
    let cancel = CancelToken::new();
    let options = SyncOptions::new().cancel(cancel.clone());
    let result = world.sync_with(options.on_progress(|progress| {
        if progress.skills_changed > 0 {
            cancel.cancel();
        }
    }));
    assert_eq!(result.code, Some(ErrorCode::Cancelled), "{result:?}");
    let stored = row_count(&world.path());
    assert!((1..100).contains(&stored), "{stored}");
    assert_success(&world.sync());
    world.assert_mirrored();
}

#[test]
fn promise_12_cancel_inside_headers_and_body() {
    for fault in [
        Fault::delay(30_000),
        Fault::stall_after(0),
        Fault::stall_after(500),
        Fault::drip(50, 1),
    ] {
        for by_flag in [false, true] {
            let world = World::new(300, Options::default());
            world.server.fault(fault.clone().at_offset(99).always());
            // One client for both: its connections were shut down, so the next sync needs new ones.
            let engine = world.engine();
            cancel_when(&engine, by_flag, || world.offsets().len() == 2);
            world.server.clear_faults();
            assert_success(&engine.sync(SyncOptions::default()).unwrap());
            world.assert_mirrored();
        }
    }
}

#[test]
fn promise_12_cancel_inside_the_health_check() {
    let world = World::new(10, Options::default());
    world.server.fault(Fault::delay(30_000).on_health());
    cancel_when(&world.engine(), false, || {
        !world.server.requests().is_empty()
    });
}

#[test]
fn promise_12_cancel_inside_a_backoff() {
    let world = World::new(300, Options::default());
    world
        .clock
        .sleeps
        .store(true, std::sync::atomic::Ordering::SeqCst);
    world.server.fault(
        Fault::status(503)
            .with_header("Retry-After", "600")
            .always(),
    );
    for by_flag in [false, true] {
        let waits = world.clock.waits().len();
        cancel_when(&world.engine(), by_flag, || {
            world.clock.waits().len() > waits
        });
    }
}

#[test]
fn promise_12_cancel_inside_connect() {
    // A listener whose queue is full accepts no connection.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket
        .bind(
            &"127.0.0.1:0"
                .parse::<std::net::SocketAddr>()
                .unwrap()
                .into(),
        )
        .unwrap();
    socket.listen(0).unwrap();
    let address = TcpListener::from(socket);
    let address = (address.local_addr().unwrap(), address);
    let queue: Vec<_> = (0..3)
        .map(|_| std::net::TcpStream::connect_timeout(&address.0, Duration::from_millis(200)))
        .collect();
    assert!(queue.iter().any(Result::is_err), "the queue is not full");
    let world = World::new(1, Options::default());
    let engine = world.engine_with(client(&format!("http://{}/v1", address.0)));
    let begun = Instant::now();
    cancel_when(&engine, false, || {
        begun.elapsed() > Duration::from_millis(100)
    });
}

#[test]
fn promise_12_cancel_while_a_host_holds_the_write_lock() {
    let world = World::new(300, Options::default());
    world.server.fault(Fault::delay(200).at_offset(99));
    let host = world.look();
    let lock = || host.execute_batch("BEGIN IMMEDIATE").unwrap();
    let held = std::sync::atomic::AtomicBool::new(false);
    let cancel = CancelToken::new();
    std::thread::scope(|scope| {
        let engine = world.engine();
        let run = {
            let cancel = cancel.clone();
            scope.spawn(move || engine.sync(SyncOptions::new().cancel(cancel)).unwrap())
        };
        while world.offsets().len() < 2 {
            std::thread::sleep(Duration::from_millis(2));
        }
        lock();
        held.store(true, std::sync::atomic::Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(600));
        let begun = Instant::now();
        cancel.cancel();
        let result = run.join().unwrap();
        assert!(begun.elapsed() < PROMPT, "{:?}", begun.elapsed());
        host.execute_batch("COMMIT").unwrap();
        assert_eq!(result.code, Some(ErrorCode::Cancelled), "{result:?}");
    });
    assert_success(&world.sync());
    world.assert_mirrored();
}

#[test]
fn promise_13_a_callback_that_panics_ends_the_run_and_nothing_else() {
    let world = World::new(300, Options::default());
    for at in 0..6 {
        let mut calls = 0;
        let result = world.sync_with(SyncOptions::new().on_progress(|_| {
            calls += 1;
            assert!(calls <= at, "the host's own bug");
        }));
        assert_eq!(result.status, SyncStatus::Failed, "{at}: {result:?}");
        assert_eq!(result.code, Some(ErrorCode::Internal));
        assert!(
            result.errors[0].contains("panic: the host's own bug"),
            "{result:?}"
        );
    }
    assert_success(&world.sync());
    world.assert_mirrored();
}

struct Broken;

impl Registry for Broken {
    fn name(&self) -> String {
        "broken".into()
    }

    fn is_offline(&self) -> bool {
        false
    }

    fn check_health(&self, _: &Call<'_>) -> skillsmith_sync::Result<Health> {
        Ok(Health::Healthy)
    }

    fn search(&self, _: &PageRequest, _: &Call<'_>) -> skillsmith_sync::Result<Page> {
        panic!("the registry's own bug");
    }
}

#[test]
fn promise_13_a_registry_that_panics_ends_the_run_and_nothing_else() {
    let world = World::new(300, Options::default());
    let result = SyncEngine::new(Arc::new(Broken), &world.database)
        .sync(SyncOptions::default())
        .unwrap();
    assert_eq!(result.code, Some(ErrorCode::Internal), "{result:?}");
    assert!(
        result.errors[0].contains("panic: the registry's own bug"),
        "{result:?}"
    );
    assert_success(&world.sync());
}

#[test]
fn promise_13_a_closed_database_is_an_error() {
    let world = World::new(10, Options::default());
    world.database.close();
    world.database.close();
    let error = world.engine().sync(SyncOptions::default()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::DatabaseClosed);
    assert_eq!(
        world.history().count().unwrap_err().code(),
        ErrorCode::DatabaseClosed
    );
}

#[test]
fn promise_13_a_failing_host_ends_the_run_in_its_own_words() {
    let world = World::new(2_000, Options::default());
    let cancel = CancelToken::new();
    let failing = cancel.clone();
    let result = world
        .engine()
        .sync(
            SyncOptions::new()
                .on_progress(move |progress| {
                    if progress.skills_processed > 500 {
                        failing.cancel_because("the host's display is gone");
                        failing.cancel_because("and more");
                    }
                })
                .cancel(cancel),
        )
        .unwrap();
    assert_eq!(
        (result.status, result.code, result.errors[0].as_str()),
        (
            SyncStatus::Failed,
            Some(ErrorCode::Host),
            "the host's display is gone"
        )
    );
    assert_success(&world.engine().sync(SyncOptions::default()).unwrap());
    world.assert_mirrored();
}

#[test]
fn promise_12_cancel_cuts_nothing_of_another_engine_with_the_same_client() {
    let world = World::new(300, Options::default());
    let mut options = ClientOptions::new().base_url(world.server.base_url());
    options = options.max_retries(0);
    let client = Arc::new(client_with(options));
    world
        .server
        .fault(Fault::delay(1_500).at_offset(99).always());
    let other = Database::open_in_memory().unwrap();
    let slow = SyncEngine::new(client.clone(), &other);
    std::thread::scope(|scope| {
        let whole = scope.spawn(|| slow.sync(SyncOptions::default()).unwrap());
        while world.offsets().len() < 2 {
            std::thread::sleep(Duration::from_millis(2));
        }
        // In its first page, while the other waits for its second.
        world.server.fault(Fault::delay(30_000).at_offset(0));
        let cut = SyncEngine::new(client, &world.database);
        cancel_when(&cut, false, || world.offsets().len() == 3);
        assert_success(&whole.join().unwrap());
    });
}

#[test]
fn a_health_check_has_one_deadline_for_everything() {
    let world = World::new(30, Options::default());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    // In time for the headers and for the body, but not for both together.
    std::thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        let answer = [
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n",
            r#"{"status":"healthy"}"#,
        ];
        for part in answer {
            std::thread::sleep(Duration::from_millis(300));
            // The client may have disconnected.
            _ = peer.write_all(part.as_bytes());
        }
        std::thread::sleep(Duration::from_secs(5));
    });
    let mut options = ClientOptions::new().base_url(url);
    options = options.timeout(Duration::from_millis(500));
    let engine = world.engine_with(client_with(options));
    let result = engine.sync(SyncOptions::default()).unwrap();
    assert_eq!(result.code, Some(ErrorCode::Unhealthy), "{result:?}");
    assert!(result.errors[0].contains("took too long"), "{result:?}");
}
