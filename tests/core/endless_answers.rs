//! Promise 8, *Bounded*: answers that never come to an end, anywhere in them, byte by byte or as fast as they are read.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use skillsmith_sync::clock::SystemClock;
use skillsmith_sync::registry::{Call, PageRequest, Registry};
use skillsmith_sync::{CancelToken, ClientOptions, ErrorCode, SyncOptions, SyncStatus};
use skillsmith_test_registry::Options;

use crate::support::{World, assert_success, client_with};

/// A body of 16 MiB is read, in each of a few requests; an endless one would be gigabytes in this time.
const MOST: usize = 256 * 1024 * 1024;

/// A server whose answer is `begin`, then `more` for ever, with a pause before each. Counts what it sends.
fn endless(begin: &'static str, more: &'static str, pause: Duration) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let count = Arc::clone(&count);
            std::thread::spawn(move || {
                _ = client.read(&mut [0; 4096]);
                // Where nobody looks at single pieces, many at once.
                let piece = if pause.is_zero() {
                    more.repeat(1_000)
                } else {
                    more.to_owned()
                };
                let mut piece_of = begin.to_owned();
                while client.write_all(piece_of.as_bytes()).is_ok() {
                    count.fetch_add(piece_of.len(), Ordering::Relaxed);
                    piece_of.clone_from(&piece);
                    std::thread::sleep(pause);
                }
            });
        }
    });
    (format!("http://{address}/v1"), sent)
}

#[test]
fn promise_8_an_answer_that_does_not_end_ends_the_run() {
    const OK: &str = "HTTP/1.1 200 OK\r\n";
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let answers = [
        ("a status line", "HTTP/1.1 200 ", "O"),
        ("spaces", "", " "),
        ("empty lines", "", "\r\n"),
        ("the name of a header", OK, "x"),
        ("the value of a header", "HTTP/1.1 200 OK\r\nx: ", "y"),
        ("headers", OK, "x-more: y\r\n"),
        (
            "interim answers",
            "",
            "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n",
        ),
        ("a body", "HTTP/1.1 200 OK\r\n\r\n", " "),
        (
            "a body with a length",
            "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\n",
            " ",
        ),
        ("chunks", CHUNKED, "1\r\n \r\n"),
        ("the length of a chunk", CHUNKED, "0"),
        (
            "an extension of a chunk",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;x=",
            "y",
        ),
        (
            "trailers",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n",
            "x: y\r\n",
        ),
        (
            "a redirect to itself",
            "HTTP/1.1 302 Found\r\nlocation: /v1/x\r\ncontent-length: 0\r\n\r\n",
            "\r\n",
        ),
    ];
    let runs: Vec<_> = answers
        .into_iter()
        .flat_map(|answer| [Duration::ZERO, Duration::from_millis(20)].map(|pause| (answer, pause)))
        .map(|((what, begin, more), pause)| {
            let what = format!("{what} without an end, {pause:?} between its pieces");
            let (send, receive) = mpsc::channel();
            std::thread::spawn(move || {
                let (url, bytes) = endless(begin, more, pause);
                let world = World::new(3, Options::default());
                let options = ClientOptions::new()
                    .base_url(url)
                    .timeout(Duration::from_millis(800))
                    .max_retries(1);
                let engine = world.engine_with(client_with(options));
                let deadline = SyncOptions::new().deadline(Duration::from_secs(20));
                let result = engine.sync(deadline).unwrap();
                // The database is as good as before.
                assert_success(&world.sync());
                _ = send.send((result, bytes.load(Ordering::Relaxed)));
            });
            (what, receive)
        })
        .collect();
    for (what, receive) in runs {
        let (result, sent) = receive
            .recv_timeout(Duration::from_secs(60))
            .unwrap_or_else(|_| panic!("{what}: no end"));
        assert_eq!(result.status, SyncStatus::Failed, "{what}: {result:?}");
        let is_told = matches!(
            result.code,
            Some(
                ErrorCode::Timeout
                    | ErrorCode::TooLarge
                    | ErrorCode::Protocol
                    | ErrorCode::Unreachable
                    | ErrorCode::Unhealthy
            )
        );
        assert!(is_told, "{what}: {result:?}");
        assert!(sent < MOST, "{what}: {sent} bytes were read");
    }
}

/// The status says enough: its words are not waited for as long as a page is.
#[test]
fn promise_8_a_refusal_whose_words_do_not_end_is_told() {
    const BEGIN: &str = "HTTP/1.1 403 Forbidden\r\n\r\n{\"error\": \"no";
    for (more, pause) in [
        ("", Duration::from_secs(3_600)),
        ("x", Duration::from_millis(20)),
    ] {
        let (send, receive) = mpsc::channel();
        std::thread::spawn(move || {
            let (url, _) = endless(BEGIN, more, pause);
            let client = client_with(
                ClientOptions::new()
                    .base_url(url)
                    .timeout(Duration::from_secs(3_600)),
            );
            let cancel = CancelToken::new();
            let call = Call::new(&cancel, &SystemClock).time_limit(Duration::from_secs(7_200));
            _ = send.send(client.search(&PageRequest::new(), &call).map(drop));
        });
        let error = receive
            .recv_timeout(Duration::from_secs(60))
            .expect("it is waited for the end of the refusal")
            .unwrap_err();
        assert_eq!(error.code(), ErrorCode::Forbidden, "{error}");
    }
}

/// What may follow a page is no part of it that has a limit of its own.
#[test]
fn promise_8_what_follows_a_page_without_an_end_is_not_read_for_ever() {
    const PAGE: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
                        18\r\n{\"data\": [], \"total\": 0}\r\n0\r\n";
    const INTERIM: &str = "HTTP/1.1 100 Continue\r\n\r\n";
    // As fast as it is read, the bytes are bounded; byte by byte, the time.
    for (begin, more, pause, timeout) in [
        (PAGE, "x: y\r\n", Duration::ZERO, 3_600),
        (INTERIM, INTERIM, Duration::ZERO, 3_600),
        (PAGE, "x: y\r\n", Duration::from_millis(20), 1),
        (INTERIM, INTERIM, Duration::from_millis(20), 1),
    ] {
        let (send, receive) = mpsc::channel();
        std::thread::spawn(move || {
            let (url, _) = endless(begin, more, pause);
            let options = ClientOptions::new()
                .base_url(url)
                .timeout(Duration::from_secs(timeout))
                .max_retries(0);
            let cancel = CancelToken::new();
            let call = Call::new(&cancel, &SystemClock).time_limit(Duration::from_secs(7_200));
            _ = send.send(
                client_with(options)
                    .search(&PageRequest::new(), &call)
                    .map(drop),
            );
        });
        receive
            .recv_timeout(Duration::from_secs(90))
            .unwrap_or_else(|_| panic!("{more:?} every {pause:?} is read for ever"))
            .unwrap_err();
    }
}
