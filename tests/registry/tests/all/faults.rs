//! Every fault, and when it happens.

use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use serde_json::json;
use skillsmith_test_registry::{Catalogue, Fault, Options, Order, Server};

use crate::client::{Client, get, page};

fn server() -> Server {
    Server::start(Catalogue::generate(40, 1), Options::default())
}

#[test]
fn a_status_with_headers_and_a_body() {
    let server = server();
    server.fault(Fault::status(503));
    server.fault(
        Fault::status(429)
            .with_header("Retry-After", "2")
            .with_body(json!({ "error": "slow down" })),
    );
    server.fault(
        Fault::status(500)
            .with_header("content-type", "text/plain")
            .with_body("oops"),
    );
    server.fault(Fault::status(204));
    let one = page(&server, "");
    assert_eq!(
        (one.status, one.json()),
        (503, json!({ "error": "Service Unavailable" }))
    );
    let two = page(&server, "");
    assert_eq!(
        (
            two.status,
            two.header("retry-after"),
            two.json()["error"].clone()
        ),
        (429, Some("2"), json!("slow down"))
    );
    let three = page(&server, "");
    assert_eq!(
        (three.text().as_str(), three.header("content-type")),
        ("oops", Some("text/plain"))
    );
    let four = page(&server, "");
    assert_eq!(
        (four.status, four.header("content-length"), four.body.len()),
        (204, None, 0)
    );
    assert_eq!(page(&server, "").status, 200);
    assert!(server.faults().is_empty());
    let answered: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.status)
        .collect();
    assert_eq!(answered, [503, 429, 500, 204, 200].map(Some));
}

#[test]
fn conditions() {
    let server = server();
    let statuses = |targets: &[&str]| {
        targets
            .iter()
            .map(|target| get(&server, target).status)
            .collect::<Vec<_>>()
    };
    server.fault(Fault::status(503).at_request(2).times(3));
    assert_eq!(
        statuses(&["/skills-search"; 6]),
        [200, 503, 503, 503, 200, 200]
    );

    server.fault(Fault::status(500).at_offset(20).times(2));
    let pages = [
        "/skills-search?offset=0",
        "/skills-search?offset=20",
        "/skills-search?offset=20",
    ];
    assert_eq!(statuses(&pages), [200, 500, 500]);
    assert_eq!(statuses(&pages), [200, 200, 200]);

    server.fault(Fault::status(502).for_tier("curated").always());
    let tiers = [
        "/skills-search?trust_tier=official",
        "/skills-search?trust_tier=curated",
        "/skills-search",
    ];
    assert_eq!(statuses(&tiers), [200, 502, 200]);
    assert_eq!(statuses(&tiers), [200, 502, 200]);
    server.clear_faults();

    server.fault(Fault::status(404).on_health().times(0));
    assert_eq!(
        statuses(&["/skills-search", "/health", "/v1/health"]),
        [200, 404, 404]
    );
    server.clear_faults();

    server.fault(Fault::status(418).on_any_path().times(2));
    assert_eq!(
        statuses(&["/health", "/elsewhere", "/skills-search", "/health"]),
        [418, 404, 418, 200]
    );

    server.clear_requests();
    server.fault(Fault::status(503).at_request(1));
    assert_eq!(
        statuses(&["/skills-search"; 2]),
        [503, 200],
        "clearing the log begins the count anew"
    );
}

#[test]
fn a_fault_may_hang_on_a_place_or_on_a_skill() {
    let server = server();
    server.fault(Fault::status(500).covering(12).always());
    for (query, status) in [
        ("limit=12", 200),
        ("limit=13", 500),
        ("limit=1&offset=12", 500),
        ("limit=30&offset=13", 200),
        ("limit=ten&offset=12", 400),
        ("offset=10", 500),
    ] {
        assert_eq!(page(&server, query).status, status, "{query}");
    }
    // The limit in force counts.
    server.options(|options| options.max_limit = 5);
    assert_eq!(page(&server, "limit=100&offset=4").status, 200);
    server.clear_faults();

    let id = page(&server, "limit=1&offset=7").ids().remove(0);
    server.fault(Fault::status(500).holding(&id).always());
    for (query, status) in [
        ("limit=3&offset=4", 200),
        ("limit=3&offset=5", 500),
        ("limit=3&offset=8", 200),
    ] {
        assert_eq!(page(&server, query).status, status, "{query}");
    }
    // It moves with the skill, and goes with it.
    server.options(|options| options.order = Order::Inserted);
    let place = server.catalogue(|catalogue| catalogue.ids().iter().position(|other| *other == id));
    let query = format!("limit=1&offset={}", place.expect("it is there"));
    assert_eq!(page(&server, &query).status, 500);
    server.options(|options| options.hide_every = Some(1));
    assert_eq!(page(&server, &query).status, 200);
    server.clear_faults();

    server.fault(Fault::status(503).from_offset(20).always());
    assert_eq!(page(&server, "limit=5&offset=19").status, 200);
    assert_eq!(page(&server, "limit=5&offset=20").status, 503);
    assert_eq!(page(&server, "limit=5&offset=900").status, 503);
}

#[test]
fn faults_before_the_answer_go_with_one_answer() {
    let server = server();
    server.fault(Fault::status(500));
    server.fault(Fault::status(503));
    server.fault(Fault::mutate([json!({ "id": "new" })], []));
    server.fault(Fault::delay(20));
    let start = Instant::now();
    assert_eq!(page(&server, "").status, 500);
    assert!(start.elapsed() >= Duration::from_millis(20));
    assert_eq!(server.catalogue(|catalogue| catalogue.len()), 41);
    assert_eq!(server.faults(), [Fault::status(503)]);
}

#[test]
fn a_delay_holds_back_the_head() {
    let server = server();
    server.fault(Fault::delay(150));
    let mut client = Client::new(&server);
    let start = Instant::now();
    client.send(b"GET /skills-search HTTP/1.1\r\n\r\n");
    while server.requests().is_empty() {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(server.requests()[0].status, None, "it waits");
    assert_eq!(client.reply().status, 200);
    assert!(start.elapsed() >= Duration::from_millis(150));
    assert_eq!(server.requests()[0].status, Some(200));
}

#[test]
fn a_drip_is_slow_but_whole() {
    let server = server();
    let expected = page(&server, "limit=1").body;
    server.fault(Fault::drip(2, 50));
    let start = Instant::now();
    let reply = page(&server, "limit=1");
    assert_eq!((reply.complete, reply.body), (true, expected.clone()));
    assert!(start.elapsed() >= Duration::from_millis(2 * (expected.len() as u64 / 50)));
    server.options(|options| options.chunked = true);
    server.fault(Fault::drip(1, 100));
    let reply = page(&server, "limit=1");
    assert_eq!((reply.complete, reply.body), (true, expected));
}

#[test]
fn a_stall_keeps_the_connection_open() {
    let server = server();
    let whole = page(&server, "").body;
    server.fault(Fault::stall_after(30));
    let mut client = Client::new(&server);
    client.send(b"GET /skills-search HTTP/1.1\r\n\r\n");
    client
        .stream
        .set_read_timeout(Some(Duration::from_millis(200)))
        .expect("timeouts can be set");
    let mut received = Vec::new();
    let end = client
        .stream
        .read_to_end(&mut received)
        .map_err(|error| error.kind());
    let (head, start) = received.split_at(received.len() - 30);
    assert!(
        matches!(end, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut)),
        "neither data nor an end: {end:?}"
    );
    assert!(head.ends_with(b"\r\n\r\n"));
    assert_eq!(start, &whole[..30]);
    drop(client);
    assert_eq!(page(&server, "").status, 200, "others are served");
}

#[test]
fn a_cut_ends_a_body_that_was_announced() {
    let server = server();
    let whole = page(&server, "").body;
    for chunked in [false, true] {
        server.options(|options| options.chunked = chunked);
        server.fault(Fault::cut(100));
        let mut client = Client::new(&server);
        let reply = client.get("/skills-search");
        assert_eq!(
            (reply.status, reply.complete, &reply.body[..]),
            (200, false, &whole[..100])
        );
        let announced = reply.header("content-length").map(str::to_owned);
        assert_eq!(announced, (!chunked).then(|| whole.len().to_string()));
        assert!(client.is_over());
    }
}

#[test]
fn bodies_that_are_not_what_they_should_be() {
    let server = server();
    server.fault(Fault::garbage());
    server.fault(Fault::empty());
    server.fault(Fault::replace_body(json!({ "data": "none" })));
    server.fault(Fault::replace_body("{\"data\":[1,"));
    let garbage = page(&server, "");
    assert_eq!(garbage.status, 200);
    assert!(serde_json::from_slice::<serde_json::Value>(&garbage.body).is_err());
    let empty = page(&server, "");
    assert_eq!(
        (
            empty.status,
            empty.header("content-length"),
            empty.body.len()
        ),
        (200, Some("0"), 0)
    );
    assert_eq!(page(&server, "").json(), json!({ "data": "none" }));
    assert_eq!(page(&server, "").text(), "{\"data\":[1,");
}

#[test]
fn a_bomb_is_small_and_inflates_to_correct_json() {
    let server = server();
    server.fault(Fault::bomb(20));
    let reply = page(&server, "");
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    assert!(reply.body.len() < 400_000, "{} bytes", reply.body.len());
    let inflated = reply.inflated();
    assert!(inflated.len() > 20_000_000);
    let parsed: serde_json::Value = serde_json::from_slice(&inflated).expect("it is JSON");
    assert_eq!(parsed["data"], json!([]));
}

#[test]
fn an_endless_body_goes_on_until_the_client_leaves() {
    let server = server();
    server.fault(Fault::endless());
    let mut client = Client::new(&server);
    client.send(b"GET /skills-search HTTP/1.1\r\n\r\n");
    let (start, complete) = client.take(3_000_000);
    assert!(complete);
    let text = String::from_utf8_lossy(&start[..400]).to_ascii_lowercase();
    assert!(
        text.contains("transfer-encoding: chunked") && text.contains("{\"data\":["),
        "{text}"
    );
    drop(client);
    assert_eq!(page(&server, "").status, 200);
    assert!(server.stats().bytes > 3_000_000);
}

#[test]
fn connections_that_end_without_an_answer() {
    let server = server();
    for fault in [Fault::close(), Fault::reset()] {
        server.fault(fault);
        let mut client = Client::new(&server);
        client.send(b"GET /skills-search HTTP/1.1\r\n\r\n");
        assert!(client.try_reply().is_none());
    }
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.status.is_none())
    );
    server.fault(Fault::not_http());
    let mut client = Client::new(&server);
    client.send(b"GET /skills-search HTTP/1.1\r\n\r\n");
    assert_eq!(client.take(4).0, b"SSH-");
    assert!(client.is_over());
}

#[test]
fn close_is_an_end_and_reset_is_an_error() {
    let server = server();
    let read = |fault| {
        server.fault(fault);
        let mut client = Client::new(&server);
        client.send(b"GET /skills-search HTTP/1.1\r\n\r\n");
        client
            .stream
            .read(&mut [0; 10])
            .map_err(|error| error.kind())
    };
    assert_eq!(read(Fault::close()), Ok(0));
    assert_eq!(read(Fault::reset()), Err(ErrorKind::ConnectionReset));
}

#[test]
fn a_mutation_changes_the_registry_before_the_answer() {
    let server = server();
    let ids = server.catalogue(|catalogue| catalogue.ids());
    let new = json!({ "id": "zzz", "name": "new", "quality_score": 1.0 });
    server.fault(Fault::mutate([new.clone()], ids[..5].to_vec()).at_request(2));
    assert_eq!(page(&server, "").meta()["total"], 40);
    let changed = page(&server, "limit=100");
    assert_eq!(changed.meta()["total"], 36);
    assert!(changed.rows().contains(&new));
    assert!(!changed.ids().contains(&ids[0]));
}

#[test]
fn faults_are_read_from_json() {
    let text = r#"[
        {"action": "garbage"},
        {"when": {"request": 3, "times": null}, "action": {"delay": {"ms": 5}}},
        {"when": {"path": "any", "offset": 100, "tier": "curated", "times": 2}, "action": {"status": {"code": 503}}},
        {"when": {"from_offset": 5, "covers": 7, "holds": "a"}, "action": "close"},
        {"action": {"mutate": {"remove": ["a"]}}}
    ]"#;
    let faults: Vec<Fault> = serde_json::from_str(text).expect("these are faults");
    let expected = [
        Fault::garbage(),
        Fault::delay(5).at_request(3).always(),
        Fault::status(503)
            .on_any_path()
            .at_offset(100)
            .for_tier("curated")
            .times(2),
        Fault::close().from_offset(5).covering(7).holding("a"),
        Fault::mutate([], ["a".to_owned()]),
    ];
    assert_eq!(faults, expected);
    for wrong in [
        r#"{"action": "gorbage"}"#,
        r#"{"action": "empty", "wen": {}}"#,
        r#"{"action": {"delay": {"s": 1}}}"#,
    ] {
        assert!(serde_json::from_str::<Fault>(wrong).is_err(), "{wrong}");
    }
}
