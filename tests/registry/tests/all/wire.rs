//! HTTP itself: connections, compression, chunks, and requests that are none.

use std::time::{Duration, Instant};

use skillsmith_test_registry::{Catalogue, Fault, Options, Server};

use crate::client::{Client, get, page};

fn server(options: Options) -> Server {
    Server::start(Catalogue::generate(100, 1), options)
}

#[test]
fn a_connection_serves_many_requests() {
    let server = server(Options::default());
    let mut client = Client::new(&server);
    for _ in 0..5 {
        assert_eq!(
            client.get("/skills-search?limit=100").header("connection"),
            Some("keep-alive")
        );
    }
    let logged = server.requests();
    assert!(
        logged
            .iter()
            .all(|request| request.connection == logged[0].connection)
    );
    // Two requests at once, and one in two parts.
    client.send(b"GET /health HTTP/1.1\r\n\r\nGET /skills-search?limit=1 HTTP/1.1\r\n\r\nGET /hea");
    assert_eq!(client.reply().json()["status"], "healthy");
    assert_eq!(client.reply().rows().len(), 1);
    client.send(b"lth HTTP/1.1\r\n\r\n");
    assert_eq!(client.reply().status, 200);
}

#[test]
fn connections_are_closed_when_they_should_be() {
    let server = server(Options::default());
    let closes = |request: &[u8]| {
        let mut client = Client::new(&server);
        client.send(request);
        let reply = client.reply();
        reply.status == 200 && reply.header("connection") == Some("close") && client.is_over()
    };
    assert!(closes(b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n"));
    assert!(closes(b"GET /health HTTP/1.0\r\n\r\n"));
    server.options(|options| options.keep_alive = false);
    assert!(closes(b"GET /health HTTP/1.1\r\n\r\n"));
    server.options(|options| options.keep_alive = true);
    let mut client = Client::new(&server);
    client.send(b"GET /health HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    assert_eq!(client.reply().header("connection"), Some("keep-alive"));
    assert_eq!(client.get("/health").status, 200);
}

#[test]
fn bodies_are_compressed_for_those_who_accept_it() {
    let server = server(Options {
        gzip: true,
        ..Options::default()
    });
    let plain = page(&server, "limit=100");
    assert!(plain.header("content-encoding").is_none());
    let mut client = Client::new(&server);
    for _ in 0..2 {
        let zipped = client.get_with("/skills-search?limit=100", &["Accept-Encoding: br, gzip"]);
        assert_eq!(zipped.header("content-encoding"), Some("gzip"));
        assert!(zipped.body.len() < plain.body.len() / 2);
        assert_eq!(zipped.inflated(), plain.body);
    }
    server.options(|options| options.gzip = false);
    assert_eq!(
        client
            .get_with("/skills-search?limit=100", &["Accept-Encoding: gzip"])
            .body,
        plain.body
    );
}

#[test]
fn compression_may_be_named_split_and_padded() {
    let server = server(Options {
        gzip: true,
        gzip_name: "X-GZip".into(),
        gzip_members: 3,
        gzip_padding: 5,
        ..Options::default()
    });
    let plain = page(&server, "limit=100");
    let mut client = Client::new(&server);
    let zipped = client.get_with("/skills-search?limit=100", &["Accept-Encoding: gzip"]);
    assert_eq!(zipped.header("content-encoding"), Some("X-GZip"));
    // The first stream holds a part only, and the last one is not the end.
    let first = zipped.inflated();
    assert!(first.len() < plain.body.len() && plain.body.starts_with(&first));
    assert!(zipped.body.ends_with(&[0; 5]));
}

#[test]
fn bodies_come_in_chunks() {
    let server = server(Options::default());
    let plain = page(&server, "limit=100");
    server.options(|options| options.chunked = true);
    let chunked = page(&server, "limit=100");
    assert_eq!(chunked.header("transfer-encoding"), Some("chunked"));
    assert!(chunked.header("content-length").is_none() && chunked.complete);
    assert_eq!(chunked.body, plain.body);
    let mut client = Client::new(&server);
    client.send(b"GET /skills-search?limit=100 HTTP/1.0\r\n\r\n");
    assert_eq!(
        client.reply().header("content-length"),
        Some(plain.body.len().to_string().as_str())
    );
}

#[test]
fn answers_are_held_back() {
    let server = server(Options {
        delay_ms: 40,
        ..Options::default()
    });
    for target in ["/health", "/skills-search", "/elsewhere"] {
        let start = Instant::now();
        get(&server, target);
        assert!(start.elapsed() >= Duration::from_millis(40), "{target}");
    }
}

#[test]
fn bad_requests_are_told_so() {
    let server = server(Options::default());
    let status = |request: &[u8]| {
        let mut client = Client::new(&server);
        client.send(request);
        let status = client.reply().status;
        assert!(client.is_over());
        status
    };
    assert_eq!(status(b"\x16\x03\x01\x00\xa5 TLS hello\r\n\r\n"), 400);
    assert_eq!(
        status(b"POST /_control/upsert HTTP/1.1\r\nContent-Length: x\r\n\r\n"),
        400
    );
    assert_eq!(
        status(b"POST /_control/upsert HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"),
        411
    );
    assert_eq!(
        status(b"POST /_control/upsert HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n"),
        413
    );
    let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(70_000));
    assert_eq!(status(long.as_bytes()), 431);
    assert_eq!(get(&server, "/health").status, 200);
}

#[test]
fn a_client_may_wait_for_leave_to_send_a_body() {
    let server = server(Options::default());
    let mut client = Client::new(&server);
    client.send(
        b"POST /_control/upsert HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n",
    );
    assert_eq!(client.reply().status, 100);
    client.send(b"{\"id\":\"e\"}");
    assert_eq!(client.reply().json()["upserted"], 1);
}

#[test]
fn requests_of_a_proxy_client_are_understood() {
    let server = server(Options::default());
    let reply = get(
        &server,
        "http://registry.example/functions/v1/skills-search?limit=3",
    );
    assert_eq!(reply.rows().len(), 3);
    assert_eq!(server.requests()[0].path, "/functions/v1/skills-search");
}

#[test]
fn answers_without_a_body_have_none() {
    let server = server(Options::default());
    for chunked in [false, true] {
        server.options(|options| options.chunked = chunked);
        server.fault(Fault::status(204));
        for (method, status) in [("GET", "204"), ("HEAD", "405")] {
            let mut client = Client::new(&server);
            client.send(
                format!("{method} /skills-search HTTP/1.1\r\nConnection: close\r\n\r\n").as_bytes(),
            );
            let text = String::from_utf8_lossy(&client.take(usize::MAX).0).into_owned();
            assert!(
                text.starts_with(&format!("HTTP/1.1 {status} ")) && text.ends_with("\r\n\r\n"),
                "{text}"
            );
            assert_eq!(text.matches("\r\n\r\n").count(), 1, "{text}");
        }
    }
}
