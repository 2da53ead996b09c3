//! Promise 7, *Good neighbour*: a host goes on reading and writing while a sync writes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use skillsmith_test_registry::Options;

use crate::support::{World, assert_success};

#[test]
fn promise_7_readers_never_wait_and_writers_get_their_turn() {
    let world = World::new(15_000, Options::default());
    let reader = world.look();
    reader.busy_timeout(Duration::ZERO).unwrap();
    let host = world.look();
    host.busy_timeout(Duration::from_secs(30)).unwrap();
    let done = AtomicBool::new(false);
    let (reads, writes) = std::thread::scope(|scope| {
        let (world, done) = (&world, &done);
        let reads = scope.spawn(move || {
            let (mut reads, mut last) = (0, 0);
            while !done.load(Ordering::SeqCst) {
                // No reader may find the database busy, and stored rows stay.
                let count: i64 = reader
                    .query_row("SELECT count(*) FROM skills", [], |row| row.get(0))
                    .unwrap();
                assert!(count >= last);
                last = count;
                reads += 1;
            }
            reads
        });
        let writes = scope.spawn(move || {
            let mut writes: i64 = 0;
            while !done.load(Ordering::SeqCst) {
                host.execute(
                    "INSERT INTO cache (key, value) VALUES (?1, 'of the host')",
                    [writes],
                )
                .unwrap();
                writes += 1;
                std::thread::sleep(Duration::from_millis(1));
            }
            writes
        });
        assert_success(&world.sync());
        done.store(true, Ordering::SeqCst);
        (reads.join().unwrap(), writes.join().unwrap())
    });
    assert!(reads > 10 && writes > 10, "{reads} reads, {writes} writes");
    let kept: i64 = world
        .look()
        .query_row("SELECT count(*) FROM cache", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, writes);
    world.assert_mirrored();
}

#[test]
fn promise_7_no_transaction_is_open_while_the_registry_is_waited_for() {
    let world = World::new(400, Options::default());
    world
        .server
        .fault(skillsmith_test_registry::Fault::delay(5_000).at_offset(198));
    let host = world.look();
    host.busy_timeout(Duration::ZERO).unwrap();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| world.sync());
        while world.offsets().len() < 3 {
            std::thread::sleep(Duration::from_millis(2));
        }
        // The page is in flight, and the engine soon has processed the others.
        while host.execute_batch("BEGIN IMMEDIATE; COMMIT").is_err() {
            assert_eq!(
                world.offsets().len(),
                3,
                "a transaction is open while it waits"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
        assert_success(&run.join().unwrap());
    });
}
