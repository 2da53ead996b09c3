//! The sync endpoint, and what the registry says of its size.

use serde_json::{Value, json};
use skillsmith_test_registry::{Catalogue, Options, Server, SyncEndpoint};

use crate::client::get;

fn server(endpoint: SyncEndpoint) -> Server {
    let skill = |id: &str, stamp: &str| json!({ "id": id, "name": id, "updated_at": stamp, "stars": 5, "tags": ["a"] });
    let mut catalogue = Catalogue::default();
    catalogue.extend([
        skill("c", "2026-08-01T00:00:00Z"),
        skill("a", "2026-08-02T00:00:00.500000+00:00"),
        skill("b", "2026-08-03T00:00:00Z"),
        json!({ "id": "d", "name": "d", "updated_at": null }),
    ]);
    let options = Options {
        sync_endpoint: Some(endpoint),
        max_limit: 3,
        ..Options::default()
    };
    Server::start(catalogue, options)
}

fn ids(server: &Server, query: &str) -> Vec<String> {
    let page = get(server, &format!("/registry-sync{query}")).json();
    let rows = page["data"].as_array().unwrap().iter();
    rows.map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn everything_comes_in_the_order_of_ids() {
    let server = server(SyncEndpoint::default());
    assert_eq!(ids(&server, ""), ["a", "b", "c"]);
    assert_eq!(ids(&server, "?limit=2&offset=2"), ["c", "d"]);
    assert_eq!(ids(&server, "?limit=2&offset=4"), [""; 0]);
    let page = get(&server, "/registry-sync?limit=1").json();
    assert_eq!(
        page["meta"],
        json!({ "limit": 1, "offset": 0, "since": null })
    );
    assert_eq!(
        page["data"][0],
        json!({ "id": "a", "name": "a", "updated_at": "2026-08-02T00:00:00.500000+00:00", "tags": ["a"] })
    );
}

#[test]
fn since_gives_what_is_strictly_later() {
    let server = server(SyncEndpoint::default());
    assert_eq!(ids(&server, "?since=2026-08-01T00:00:00Z"), ["a", "b"]);
    assert_eq!(
        ids(&server, "?since=2026-08-02T00:00:00.500000%2B00:00"),
        ["b"]
    );
    assert_eq!(ids(&server, "?since=2026-08-03T00:00:00Z"), [""; 0]);
    assert_eq!(get(&server, "/registry-sync?since=soon").status, 400);
}

#[test]
fn it_may_be_missing_reserved_or_wrong() {
    assert_eq!(
        get(
            &Server::start(Catalogue::default(), Options::default()),
            "/registry-sync"
        )
        .status,
        404
    );
    let reserved = server(SyncEndpoint {
        plan_required: Some("community".into()),
        ..SyncEndpoint::default()
    });
    let reply = get(&reserved, "/registry-sync");
    assert_eq!(reply.status, 403);
    assert_eq!(reply.json()["details"]["currentTier"], "community");
    assert_eq!(get(&reserved, "/skills-search").status, 200);
    let wrong = server(SyncEndpoint {
        ignore_offset: true,
        ignore_since: true,
        ..SyncEndpoint::default()
    });
    assert_eq!(
        ids(&wrong, "?limit=2&offset=2&since=2026-08-03T00:00:00Z"),
        ["a", "b"]
    );
}

#[test]
fn stats_tell_the_size_and_the_newest_stamp() {
    let stats: Value = get(&server(SyncEndpoint::default()), "/stats").json();
    assert_eq!(
        stats["data"],
        json!({ "skillCount": 4, "lastUpdated": "2026-08-03T00:00:00.000Z" })
    );
}

#[test]
fn a_proxy_may_drop_headers() {
    let server = server(SyncEndpoint::default());
    server.options(|options| options.dropped_headers = vec!["date".into()]);
    assert_eq!(get(&server, "/registry-sync").header("date"), None);
}
