//! The control endpoint.

use serde_json::{Value, json};
use skillsmith_test_registry::{Catalogue, Fault, History, Options, Plain, Server};

use crate::client::{Client, get, page};

fn server() -> Server {
    Server::start(Catalogue::generate(10, 1), Options::default())
}

fn post(server: &Server, command: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let reply = Client::new(server).request("POST", &format!("/_control/{command}"), &body);
    (reply.status, reply.json())
}

/// The explanation of a refusal.
fn problem(server: &Server, command: &str, body: &Value) -> String {
    let (status, answer) = post(server, command, body);
    assert_eq!(status, 400, "{command}: {answer}");
    answer["error"]
        .as_str()
        .expect("an error says what is wrong")
        .to_owned()
}

#[test]
fn skills_are_added_and_removed() {
    let server = server();
    assert_eq!(
        post(&server, "upsert", &json!({ "id": "a" })),
        (200, json!({ "upserted": 1, "skills": 11 }))
    );
    let two = json!([{ "id": "a", "name": "A" }, { "id": "b" }]);
    assert_eq!(
        post(&server, "upsert", &two).1,
        json!({ "upserted": 2, "skills": 12 })
    );
    assert_eq!(
        server.catalogue(|catalogue| catalogue.get("a")),
        Some(json!({ "id": "a", "name": "A" }))
    );
    assert_eq!(
        post(&server, "remove", &json!("a")).1,
        json!({ "removed": 1, "skills": 11 })
    );
    assert_eq!(
        post(&server, "remove", &json!(["a", "b"])).1,
        json!({ "removed": 1, "skills": 10 })
    );
    assert!(problem(&server, "upsert", &json!("a")).contains("array of skills"));
    assert!(problem(&server, "remove", &json!([1])).contains("array of ids"));
    assert!(problem(&server, "remove", &Value::Null).contains("the body"));
}

#[test]
fn skills_are_changed_and_invented() {
    let server = server();
    let before = server.catalogue(|catalogue| catalogue.clone());
    let (status, answer) = post(&server, "change?count=3&seed=5", &Value::Null);
    let ids: Vec<&str> = answer["changed"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!((status, ids.len()), (200, 3));
    for id in ids {
        assert_ne!(
            server.catalogue(|catalogue| catalogue.get(id)),
            before.get(id)
        );
    }
    let (_, answer) = post(&server, "add?count=4", &Value::Null);
    assert_eq!(
        (
            answer["added"].as_array().map(Vec::len),
            server.stats().skills
        ),
        (Some(4), 14)
    );
    assert!(problem(&server, "change", &Value::Null).contains("count is missing"));
    assert!(problem(&server, "add?count=many", &Value::Null).contains("count must be a number"));
}

#[test]
fn options_are_merged() {
    let server = server();
    server.options(|options| options.max_limit = 7);
    let (status, all) = post(
        &server,
        "options",
        &json!({ "plain": "needs_filter", "total": 5, "hide_range": [1, 2] }),
    );
    assert_eq!(
        (status, &all["plain"], &all["max_limit"]),
        (200, &json!("needs_filter"), &json!(7))
    );
    assert_eq!(
        server.options(|options| (options.plain, options.hide_range)),
        (Plain::NeedsFilter, Some((1, 2)))
    );
    assert_eq!(page(&server, "query=abc").meta()["total"], 5);
    assert_eq!(
        post(&server, "options", &json!({ "hide_range": null })).1["hide_range"],
        Value::Null
    );
    assert_eq!(get(&server, "/_control/options").json()["total"], 5);
    let limits = json!({
        "rate_limit": { "limit": 30, "window_ms": 60000 }, "health": 404, "retry_after_form": "date",
        "monthly_quota": { "limit": 5, "tier": "pro", "resets_at": "2027-01-01T00:00:00Z" },
        "redirect": { "status": 302, "location": "/x" }, "order": "shuffled", "query_matches": "words",
        "limit_says": "asked", "total": "read_so_far", "total_cap": 9, "end_status": 416,
        "depth_limit": { "offset": 100, "status": 400 },
    });
    assert_eq!(post(&server, "options", &limits).0, 200);
    assert!(problem(&server, "options", &json!({ "plane": 1 })).contains("unknown field `plane`"));
    assert!(problem(&server, "options", &json!({ "total": "some" })).contains("page_count"));
    assert!(problem(&server, "options", &json!({ "limit_says": "some" })).contains("in_force"));
    assert!(problem(&server, "options", &json!({ "health": 99 })).contains("200 to 599"));
    assert!(problem(&server, "options", &json!([])).contains("JSON object"));
    assert_eq!(server.options(|options| options.max_limit), 7);
}

#[test]
fn every_option_goes_through_json_and_back() {
    let options = Options::default();
    let text = serde_json::to_string(&options).expect("options are JSON");
    assert_eq!(
        serde_json::from_str::<Options>(&text).expect("and back"),
        options
    );
    assert_eq!(
        serde_json::from_str::<Options>("{}").expect("all have defaults"),
        options
    );
}

#[test]
fn the_readme_describes_every_option() {
    let readme = include_str!("../../README.md");
    let options = serde_json::to_value(Options::default()).expect("options are JSON");
    for name in options.as_object().expect("an object").keys() {
        assert!(readme.contains(&format!("| `{name}` |")), "{name}");
    }
}

#[test]
fn faults_are_appended_and_cleared() {
    let server = server();
    server.fault(Fault::status(500));
    assert_eq!(
        post(
            &server,
            "faults",
            &json!([{ "action": { "status": { "code": 503 } } }])
        )
        .1,
        json!({ "faults": 2 })
    );
    assert_eq!(
        get(&server, "/_control/faults")
            .json()
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    assert_eq!(
        (page(&server, "").status, page(&server, "").status),
        (500, 503)
    );
    post(&server, "faults", &json!([{ "action": "close" }]));
    assert_eq!(
        Client::new(&server)
            .request("DELETE", "/_control/faults", "")
            .status,
        200
    );
    assert_eq!(page(&server, "").status, 200);
    assert!(problem(&server, "faults", &json!([{ "action": "explode" }])).contains("explode"));
    assert!(problem(&server, "faults", &json!({})).contains("the body"));
}

#[test]
fn the_log_tells_what_was_asked() {
    let server = server();
    let mut client = Client::new(&server);
    client.get_with(
        "/v1/skills-search?limit=5&offset=10&query=a%20b",
        &["X-API-Key: k", "Accept: a", "accept: b"],
    );
    client.get("/health");
    get(&server, "/elsewhere");
    let log = get(&server, "/_control/requests").json();
    assert_eq!(
        log.as_array().map(Vec::len),
        Some(3),
        "control requests are not logged"
    );
    let first = &log[0];
    assert_eq!(first["path"], "/v1/skills-search");
    assert_eq!(first["query"], "limit=5&offset=10&query=a%20b");
    assert_eq!(
        first["params"],
        json!({ "limit": "5", "offset": "10", "query": "a b" })
    );
    assert_eq!(
        (&first["headers"]["x-api-key"], &first["headers"]["accept"]),
        (&json!("k"), &json!("a, b"))
    );
    assert_eq!(
        (&first["number"], &first["offset"], &first["status"]),
        (&json!(1), &json!(10), &json!(200))
    );
    let logged = server.requests();
    assert_eq!(
        (logged[0].header("X-API-Key"), logged[0].param("limit")),
        (Some("k"), Some("5"))
    );
    assert!(logged[0].is_listing() && logged[1].is_health() && logged[0].at_ms > 1_700_000_000_000);
    assert_eq!(
        (logged[1].number, logged[2].number, logged[2].status),
        (1, 0, Some(404))
    );
    assert_eq!(logged[0].connection, logged[1].connection);
    assert_ne!(logged[1].connection, logged[2].connection);
    assert_eq!(server.listings().len(), 1);

    Client::new(&server).request("DELETE", "/_control/requests", "");
    assert!(server.requests().is_empty());
    page(&server, "");
    assert_eq!(server.requests()[0].number, 1);
    server.clear_requests();
    assert_eq!(
        get(&server, "/_control/stats").json(),
        json!({ "requests": 0, "bytes": 0, "body_bytes": 0, "skills": 10 })
    );
}

#[test]
fn the_live_catalogue_is_given_in_listing_order() {
    let server = server();
    server.options(|options| options.hide_every = Some(5));
    let skills = get(&server, "/_control/skills").json();
    assert_eq!(skills.as_array().map(Vec::len), Some(10));
    let visible = get(&server, "/functions/v1/_control/skills?visible=true").json();
    assert_eq!(&visible, &page(&server, "limit=100").json()["data"]);
    assert_eq!(visible[3], skills[3]);
    assert_eq!(visible[4], skills[5]);
}

#[test]
fn stats_count_the_bytes_on_the_wire() {
    let server = server();
    let mut client = Client::new(&server);
    client.send(b"GET /skills-search HTTP/1.1\r\nConnection: close\r\n\r\n");
    let (bytes, _) = client.take(usize::MAX);
    let stats = server.stats();
    assert_eq!((stats.requests, stats.bytes), (1, bytes.len() as u64));
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let body = bytes.len() - head.unwrap() - 4;
    let stats = get(&server, "/_control/stats").json();
    assert_eq!(
        stats,
        json!({ "requests": 1, "bytes": bytes.len(), "body_bytes": body, "skills": 10 })
    );
}

#[test]
fn a_history_is_replayed() {
    let server = server();
    assert!(problem(&server, "history?events=5", &Value::Null).contains("no history"));
    let history = History::generate(1, 20, 100);
    server.set_history(history.clone());
    let skills = history.catalogue_at(60).len();
    assert_eq!(
        post(&server, "history?events=60", &Value::Null),
        (200, json!({ "events": 60, "skills": skills }))
    );
    assert_eq!(
        server.catalogue(|catalogue| catalogue.values()),
        history.catalogue_at(60).values()
    );
    assert!(problem(&server, "history?events=101", &Value::Null).contains("100 events"));
    assert!(problem(&server, "history", &Value::Null).contains("events is missing"));
}

#[test]
fn control_is_never_limited_delayed_or_faulted() {
    let server = server();
    server.options(|options| {
        options.api_keys = vec!["k".into()];
        options.forbidden = Some("no".into());
        options.delay_ms = 60_000;
    });
    server.fault(Fault::close().on_any_path().always());
    let start = std::time::Instant::now();
    assert_eq!(get(&server, "/_control/skills").status, 200);
    assert!(start.elapsed().as_secs() < 30);
}

#[test]
fn what_is_no_command_is_explained() {
    let server = server();
    for (method, command) in [("GET", "upsert"), ("POST", "nonsense"), ("GET", "")] {
        let reply = Client::new(&server).request(method, &format!("/_control/{command}"), "");
        assert_eq!(reply.status, 404);
        assert!(
            reply.json()["error"]
                .as_str()
                .unwrap_or_default()
                .contains("there are POST upsert")
        );
    }
}

#[test]
fn stop_stops() {
    let server = server();
    let mut idle = Client::new(&server);
    assert_eq!(idle.get("/health").status, 200);
    assert_eq!(
        post(&server, "stop", &Value::Null),
        (200, json!({ "stopping": true }))
    );
    server.wait();
    assert!(idle.is_over());
    assert!(std::net::TcpStream::connect(("127.0.0.1", server.port())).is_err());
}
