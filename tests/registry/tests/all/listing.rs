//! Listings: which skills, in which order, in which pages.

use std::collections::HashSet;

use serde_json::json;
use skillsmith_test_registry::{
    Catalogue, DepthLimit, LimitSays, Options, Order, Plain, QueryMatches, Redirect, Server, Total,
};

use crate::client::{Client, get, page, read_all};

fn server(count: usize, options: Options) -> Server {
    Server::start(Catalogue::generate(count, 1), options)
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

#[test]
fn health_and_listings_answer_under_any_base_path() {
    let server = server(3, Options::default());
    for base in ["", "/functions/v1", "/a/b/c"] {
        assert_eq!(
            get(&server, &format!("{base}/health")).json(),
            json!({ "status": "healthy", "version": "1.0.0" })
        );
        let reply = get(&server, &format!("{base}/skills-search?limit=2&offset=1"));
        assert_eq!((reply.status, reply.rows().len()), (200, 2));
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.meta(), json!({ "total": 3, "limit": 2, "offset": 1 }));
    }
    assert_eq!(get(&server, "/functions/v1/elsewhere").status, 404);
    assert_eq!(
        Client::new(&server)
            .request("POST", "/skills-search", "{}")
            .status,
        405
    );
    assert_eq!(
        server.base_url(),
        format!("{}/functions/v1", server.origin())
    );
}

#[test]
fn pages_give_every_skill_once_with_its_own_fields() {
    let server = server(257, Options::default());
    let expected = server.catalogue(|catalogue| catalogue.ids());
    let all = read_all(&server, "", 100);
    assert_eq!(all.len(), 257);
    assert_eq!(sorted(all), sorted(expected));
    let row = page(&server, "limit=1").rows().remove(0);
    let id = row["id"].as_str().expect("an id is a string").to_owned();
    assert_eq!(server.catalogue(|catalogue| catalogue.get(&id)), Some(row));
    assert!(page(&server, "limit=100&offset=257").rows().is_empty());
    assert_eq!(
        page(&server, "limit=100&offset=99999999999").meta()["offset"],
        99_999_999_999_u64
    );
}

#[test]
fn limits_are_clamped_and_defaulted() {
    let server = server(150, Options::default());
    assert_eq!(page(&server, "").rows().len(), 20);
    let clamped = page(&server, "limit=1000");
    assert_eq!(
        (clamped.rows().len(), clamped.meta()["limit"].clone()),
        (100, json!(100))
    );
    server.options(|options| options.max_limit = 30);
    assert_eq!(page(&server, "limit=100").rows().len(), 30);
    server.options(|options| options.echo_limit = false);
    assert_eq!(
        page(&server, "limit=100").meta(),
        json!({ "total": 150, "offset": 0 })
    );
    for bad in ["limit=ten", "offset=-1", "min_score=high"] {
        let reply = page(&server, bad);
        assert_eq!(reply.status, 400, "{bad}");
        assert!(reply.json()["error"].is_string() && reply.json()["details"].is_string());
    }
}

#[test]
fn a_plain_listing_may_need_a_filter() {
    let server = server(
        50,
        Options {
            plain: Plain::NeedsFilter,
            ..Options::default()
        },
    );
    for refused in ["", "query=ab", "query=", "trust_tier="] {
        let reply = page(&server, refused);
        assert_eq!(reply.status, 400, "{refused}");
        assert!(reply.json()["error"].is_string() && reply.json()["details"].is_string());
    }
    for allowed in [
        "query=abc",
        "query=日本語",
        "trust_tier=community",
        "category=data",
        "min_score=0.5",
    ] {
        assert_eq!(page(&server, allowed).status, 200, "{allowed}");
    }
}

#[test]
fn a_plain_listing_may_need_a_query() {
    let server = server(
        50,
        Options {
            plain: Plain::NeedsQuery,
            ..Options::default()
        },
    );
    for refused in [
        "",
        "query=a",
        "trust_tier=community",
        "query=a&min_score=0.1",
    ] {
        assert_eq!(page(&server, refused).status, 400, "{refused}");
    }
    assert_eq!(page(&server, "query=ab").status, 200);
}

#[test]
fn totals_come_in_four_forms() {
    let server = server(30, Options::default());
    let total = |form| {
        server.options(|options| options.total = form);
        page(&server, "limit=20&offset=20")
            .meta()
            .get("total")
            .cloned()
    };
    assert_eq!(total(Total::TrueTotal), Some(json!(30)));
    assert_eq!(total(Total::PageCount), Some(json!(10)));
    assert_eq!(total(Total::Absent), None);
    assert_eq!(total(Total::Number(7)), Some(json!(7)));
}

#[test]
fn totals_may_grow_or_be_capped() {
    let server = server(250, Options::default());
    let total = |query: &str| page(&server, query).meta()["total"].clone();
    server.options(|options| options.total = Total::ReadSoFar);
    assert_eq!(total("limit=100"), json!(100));
    assert_eq!(total("limit=100&offset=200"), json!(250));
    assert_eq!(total("limit=100&offset=900"), json!(900));
    server.options(|options| options.total_cap = Some(210));
    assert_eq!(total("limit=100"), json!(100));
    assert_eq!(total("limit=100&offset=200"), json!(210));
    server.options(|options| options.total = Total::Absent);
    assert_eq!(total("limit=100"), json!(null));
}

#[test]
fn limits_may_be_told_wrongly() {
    let server = server(150, Options::default());
    for (says, expected) in [
        (LimitSays::InForce, 100),
        (LimitSays::Asked, 500),
        (LimitSays::Number(7), 7),
    ] {
        server.options(|options| options.limit_says = says);
        let reply = page(&server, "limit=500");
        assert_eq!(
            (reply.rows().len(), reply.meta()["limit"].clone()),
            (100, json!(expected))
        );
    }
}

#[test]
fn offsets_behind_the_end_may_be_refused() {
    let server = server(50, Options::default());
    for status in [416, 400, 404] {
        server.options(|options| options.end_status = Some(status));
        assert_eq!(page(&server, "limit=10&offset=49").rows().len(), 1);
        assert_eq!(page(&server, "limit=10&offset=50").status, status);
        assert_eq!(page(&server, "limit=10&offset=900").status, status);
    }
    server.catalogue(Catalogue::clear);
    assert!(page(&server, "limit=10").rows().is_empty());
}

#[test]
fn offsets_may_be_too_deep() {
    let server = server(50, Options::default());
    server.options(|options| {
        options.depth_limit = Some(DepthLimit {
            offset: 20,
            status: 400,
        });
    });
    assert_eq!(page(&server, "limit=10&offset=20").rows().len(), 10);
    let refused = page(&server, "limit=10&offset=21");
    assert_eq!(
        (refused.status, refused.json()["error"].clone()),
        (400, json!("Invalid offset"))
    );
}

#[test]
fn hidden_rows_make_short_and_empty_pages() {
    let server = server(
        100,
        Options {
            hide_every: Some(4),
            ..Options::default()
        },
    );
    assert_eq!(page(&server, "limit=10").rows().len(), 8);
    assert_eq!(page(&server, "limit=10").meta()["total"], 100);
    let visible = read_all(&server, "", 10);
    assert_eq!(visible.len(), 75);
    let ids = server
        .visible_skills()
        .into_iter()
        .map(|skill| skill["id"].as_str().unwrap_or_default().to_owned());
    assert_eq!(visible, ids.collect::<Vec<_>>());
    // What is hidden is hidden in every listing.
    let tiers = ["official", "verified", "curated", "community", "unverified"];
    let by_tier = tiers
        .iter()
        .flat_map(|tier| read_all(&server, &format!("&trust_tier={tier}"), 10));
    assert_eq!(sorted(by_tier.collect()), sorted(visible));

    server.options(|options| (options.hide_every, options.hide_range) = (None, Some((20, 45))));
    let sizes = [0, 10, 20, 30, 40, 50].map(|offset| {
        page(&server, &format!("limit=10&offset={offset}"))
            .rows()
            .len()
    });
    assert_eq!(sizes, [10, 10, 0, 0, 5, 10]);
}

#[test]
fn tiers_are_filtered_unless_the_server_ignores_them() {
    let server = server(200, Options::default());
    server.catalogue(|catalogue| {
        catalogue.upsert(json!({ "id": "p", "name": "p", "trust_tier": "platinum" }))
    });
    let curated = page(&server, "trust_tier=curated&limit=100");
    assert!(
        curated
            .rows()
            .iter()
            .all(|row| row["trust_tier"] == "curated")
    );
    assert_eq!(curated.meta()["total"], curated.rows().len());
    let unknown = page(&server, "trust_tier=platinum");
    assert_eq!(unknown.status, 400);
    assert!(
        unknown.json()["details"]
            .as_str()
            .unwrap_or_default()
            .contains("community")
    );
    server.options(|options| options.known_tiers.push("platinum".to_owned()));
    assert_eq!(page(&server, "trust_tier=platinum").ids(), ["p"]);
    assert_eq!(page(&server, "trust_tier=experimental").meta()["total"], 0);
    server.options(|options| options.ignore_filters = true);
    assert_eq!(
        page(&server, "trust_tier=nonsense&min_score=2").meta()["total"],
        201
    );
}

#[test]
fn scores_and_categories_are_filtered() {
    let server = server(500, Options::default());
    let good = page(&server, "min_score=0.8&limit=100").rows();
    assert!(
        !good.is_empty()
            && good
                .iter()
                .all(|row| row["quality_score"].as_f64() >= Some(0.8))
    );
    let data = page(&server, "category=DATA&limit=100").rows();
    let named = |row: &serde_json::Value| {
        row["categories"]
            .as_array()
            .is_some_and(|all| all.contains(&json!("data")))
    };
    assert!(!data.is_empty() && data.iter().all(named));
}

#[test]
fn queries_match_words_or_substrings_or_everything() {
    let skills = [
        json!({ "id": "1", "name": "git-helper", "description": null, "tags": [] }),
        json!({ "id": "2", "name": "x", "description": "Digital art", "tags": [] }),
        json!({ "id": "3", "name": "x", "description": "y", "tags": ["GIT"] }),
        json!({ "id": "4", "name": "x", "description": "Café Noir" }),
    ];
    let server = Server::start(
        skills.into_iter().collect(),
        Options {
            order: Order::Id,
            ..Options::default()
        },
    );
    let found = |query: &str| page(&server, &format!("query={query}")).ids().concat();
    assert_eq!(
        (found("git"), found("CAF%C3%89+noir"), found("zzz")),
        ("123".into(), "4".into(), String::new())
    );
    server.options(|options| options.query_matches = QueryMatches::Words);
    assert_eq!(
        (found("git"), found("Noir"), found("noi")),
        ("13".into(), "4".into(), String::new())
    );
    server.options(|options| options.query_matches = QueryMatches::Everything);
    assert_eq!(found("zzz"), "1234");
}

#[test]
fn orders() {
    let server = server(60, Options::default());
    let by_score = page(&server, "limit=100").rows();
    let keys: Vec<_> = by_score
        .iter()
        .map(|row| row["quality_score"].as_f64().unwrap_or(-1.0))
        .collect();
    assert!(keys.is_sorted_by(|one, other| one >= other));
    server.options(|options| options.order = Order::Id);
    assert!(page(&server, "limit=100").ids().is_sorted());
    server.options(|options| options.order = Order::Inserted);
    assert_eq!(
        page(&server, "limit=100").ids(),
        server.catalogue(|catalogue| catalogue.ids())
    );
    server.options(|options| options.order = Order::Shuffled);
    let (one, other) = (
        page(&server, "limit=100").ids(),
        page(&server, "limit=100").ids(),
    );
    assert_ne!(one, other);
    assert_eq!(sorted(one.clone()), sorted(other));
    server.clear_requests();
    (0..3).for_each(|_| drop(page(&server, "")));
    assert_eq!(
        page(&server, "limit=100").ids(),
        one,
        "the number of the request decides"
    );
}

#[test]
fn rows_move_between_pages() {
    let options = Options {
        rotate_after_requests: Some(2),
        order: Order::Inserted,
        ..Options::default()
    };
    let server = server(5, options);
    let ids = server.catalogue(|catalogue| catalogue.ids());
    let first_of = || page(&server, "limit=1").ids().remove(0);
    let firsts: Vec<String> = (0..12).map(|_| first_of()).collect();
    let expected =
        [0, 0, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0].map(|position: usize| ids[position].clone());
    assert_eq!(firsts, expected);
    let whole: HashSet<String> = page(&server, "limit=100").ids().into_iter().collect();
    assert_eq!(whole.len(), 5);
    server.catalogue(Catalogue::clear);
    assert_eq!(page(&server, "limit=1").rows().len(), 0);
}

#[test]
fn changes_are_seen_by_the_next_request() {
    let server = server(
        10,
        Options {
            gzip: true,
            ..Options::default()
        },
    );
    let mut client = Client::new(&server);
    let mut zipped = |target: &str| {
        client
            .get_with(target, &["Accept-Encoding: gzip"])
            .inflated()
    };
    let before = zipped("/skills-search?limit=5");
    assert_eq!(zipped("/skills-search?limit=5"), before);
    server.catalogue(|catalogue| catalogue.change(10, 1));
    assert_ne!(zipped("/skills-search?limit=5"), before);
    // A whole new catalogue has no revision in common with the old one.
    server.catalogue(|catalogue| *catalogue = Catalogue::generate(10, 1));
    assert_eq!(zipped("/skills-search?limit=5"), before);
    server.options(|options| options.echo_limit = false);
    assert_ne!(zipped("/skills-search?limit=5"), before);
}

#[test]
fn a_hook_changes_the_registry_in_the_middle() {
    let server = server(10, Options::default());
    server.on_listing(|number, catalogue| {
        if number == 2 {
            catalogue.clear();
        }
    });
    assert_eq!(get(&server, "/health").status, 200);
    assert_eq!(page(&server, "").rows().len(), 10);
    assert_eq!(page(&server, "").rows().len(), 0);
}

#[test]
fn listings_can_be_redirected() {
    let redirect = Redirect {
        status: 307,
        location: "http://other{path}?x=1&{query}".to_owned(),
    };
    let server = server(
        1,
        Options {
            redirect: Some(redirect),
            ..Options::default()
        },
    );
    let reply = get(&server, "/v1/skills-search?limit=3");
    assert_eq!(
        (reply.status, reply.header("location")),
        (307, Some("http://other/v1/skills-search?x=1&limit=3"))
    );
    assert_eq!(get(&server, "/health").status, 200);
}
