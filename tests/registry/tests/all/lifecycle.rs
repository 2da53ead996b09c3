//! Starting and stopping.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use skillsmith_test_registry::{Catalogue, Fault, Options, Server};

use crate::client::{Client, page, read_all};

/// Far more than stopping takes, far less than what it must not wait for.
const PROMPT: Duration = Duration::from_secs(10);

#[test]
fn dropping_ends_everything_promptly() {
    let server = Server::start(Catalogue::generate(100, 1), Options::default());
    let faults = [
        Fault::stall_after(10),
        Fault::stall_after(usize::MAX),
        Fault::drip(600_000, 1),
        Fault::delay(600_000),
        Fault::endless(),
    ];
    let mut clients = vec![Client::new(&server)];
    for fault in faults {
        server.fault(fault);
        let mut client = Client::new(&server);
        client.send(b"GET /skills-search HTTP/1.1\r\n\r\n");
        clients.push(client);
        while !server.faults().is_empty() {
            thread::sleep(Duration::from_millis(1));
        }
    }
    // Half a request.
    clients[0].send(b"GET /skills-se");
    let start = Instant::now();
    drop(server);
    assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
    for mut client in clients {
        assert!(client.is_over());
    }
}

#[test]
fn stopping_twice_is_stopping_once() {
    let server = Arc::new(Server::start(Catalogue::new(), Options::default()));
    let waiting = Arc::clone(&server);
    let waiter = thread::spawn(move || waiting.wait());
    server.stop();
    server.stop();
    waiter.join().expect("waiting ends");
    assert!(server.requests().is_empty(), "the log can still be read");
}

#[test]
fn a_port_can_be_chosen_once_at_a_time() {
    let server = Server::start(Catalogue::new(), Options::default());
    let port = server.port();
    assert!(Server::start_on(port, Catalogue::new(), Options::default()).is_err());
    drop(server);
    let again = Server::start_on(port, Catalogue::new(), Options::default())
        .expect("the port is free again");
    assert_eq!(again.port(), port);
}

#[test]
fn a_hook_that_panics_ends_one_connection_only() {
    let server = Server::start(Catalogue::generate(5, 1), Options::default());
    server.on_listing(|number, _| assert!(number != 1, "the first request is unlucky"));
    let mut client = Client::new(&server);
    client.send(b"GET /skills-search HTTP/1.1\r\n\r\n");
    assert!(client.try_reply().is_none());
    assert_eq!(page(&server, "").rows().len(), 5);
}

#[test]
fn many_clients_are_served_at_once() {
    let server = Server::start(
        Catalogue::generate(500, 1),
        Options {
            gzip: true,
            ..Options::default()
        },
    );
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| assert_eq!(read_all(&server, "", 50).len(), 500));
        }
    });
    assert_eq!(server.requests().len(), 160);
    let mut numbers: Vec<u64> = server
        .requests()
        .iter()
        .map(|request| request.number)
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=160).collect::<Vec<u64>>());
}
