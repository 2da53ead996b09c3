//! Credentials, rate limits, quotas and health.

use chrono::{DateTime, Utc};
use serde_json::json;
use skillsmith_test_registry::{
    Catalogue, Health, MonthlyQuota, Options, RateLimit, RetryAfterForm, Server, SignIn,
};

use crate::client::{Client, Reply, get, page};

fn server(options: Options) -> Server {
    Server::start(Catalogue::generate(5, 1), options)
}

fn with(server: &Server, headers: &[&str]) -> Reply {
    Client::new(server).get_with("/skills-search", headers)
}

fn number(reply: &Reply, header: &str) -> i64 {
    let value = reply
        .header(header)
        .unwrap_or_else(|| panic!("{header} is there"));
    value
        .parse()
        .unwrap_or_else(|_| panic!("{header} is a number"))
}

#[test]
fn keys_are_required_where_there_are_keys() {
    let server = server(Options {
        api_keys: vec!["one".into(), "two".into()],
        ..Options::default()
    });
    for good in [
        "X-API-Key: one",
        "x-api-key: two",
        "Authorization: Bearer two",
        "authorization: bearer one",
    ] {
        assert_eq!(with(&server, &[good]).status, 200, "{good}");
    }
    for bad in [
        "X-API-Key: three",
        "Authorization: Basic one",
        "apikey: one",
        "Accept: */*",
    ] {
        let reply = with(&server, &[bad]);
        assert_eq!(
            (reply.status, reply.json()),
            (401, json!({ "error": "Authentication required" })),
            "{bad}"
        );
    }
    assert_eq!(get(&server, "/health").status, 200);
}

#[test]
fn tokens_expire() {
    let server = server(Options {
        api_keys: vec!["key".into()],
        sign_in: SignIn {
            tokens: [("token".into(), 2), ("old".into(), 0)].into(),
            ..SignIn::default()
        },
        ..Options::default()
    });
    let status = |headers: &[&str]| {
        let reply = with(&server, headers);
        (reply.status, reply.json()["error"].clone())
    };
    for _ in 0..2 {
        assert_eq!(status(&["Authorization: Bearer token"]).0, 200);
    }
    for expired in ["Authorization: Bearer token", "authorization: bearer old"] {
        assert_eq!(status(&[expired]), (401, json!("expired_token")));
    }
    assert_eq!(status(&["X-API-Key: key"]).0, 200);
    for unknown in ["X-API-Key: token", "Authorization: Bearer other"] {
        assert_eq!(status(&[unknown]), (401, json!("Authentication required")));
    }
    server.options(|options| options.sign_in.error = "JWT expired".into());
    assert_eq!(status(&["Authorization: Bearer old"]).1, "JWT expired");
}

#[test]
fn anonymous_requests_are_counted() {
    let options = Options {
        api_keys: vec!["one".into()],
        anonymous_quota: Some(2),
        ..Options::default()
    };
    let server = server(options);
    assert_eq!(with(&server, &["X-API-Key: wrong"]).status, 401);
    assert_eq!(with(&server, &["X-API-Key: one"]).status, 200);
    assert_eq!(page(&server, "").status, 200);
    // The public key as a bearer token is what anonymous clients send.
    assert_eq!(
        with(&server, &["apikey: public", "Authorization: Bearer public"]).status,
        200
    );
    assert_eq!(page(&server, "").status, 401);
    assert_eq!(with(&server, &["X-API-Key: one"]).status, 200);
    server.options(|options| options.anonymous_quota = Some(1));
    assert_eq!(
        (page(&server, "").status, page(&server, "").status),
        (200, 401)
    );
    server.options(|options| options.api_keys.clear());
    assert_eq!(
        with(&server, &["Authorization: Bearer anything"]).status,
        200
    );
}

#[test]
fn a_plan_may_be_forbidden_to_list() {
    let server = server(Options {
        forbidden: Some("Upgrade to list everything".into()),
        ..Options::default()
    });
    let reply = page(&server, "");
    assert_eq!(
        (reply.status, reply.json()),
        (403, json!({ "error": "Upgrade to list everything" }))
    );
}

#[test]
fn a_listing_may_be_reserved_for_larger_plans() {
    let server = server(Options {
        plan_required: Some("community".into()),
        ..Options::default()
    });
    let reply = page(&server, "");
    assert_eq!(reply.status, 403);
    assert_eq!(
        reply.json()["details"],
        json!({ "code": "tier_not_entitled", "currentTier": "community" })
    );
}

#[test]
fn a_rate_limit_refuses_until_its_window_ends() {
    let limit = RateLimit {
        limit: 2,
        window_ms: 60_000,
    };
    let server = server(Options {
        rate_limit: Some(limit),
        ..Options::default()
    });
    assert_eq!(number(&get(&server, "/health"), "x-ratelimit-remaining"), 2);
    let first = page(&server, "");
    assert_eq!(
        (
            number(&first, "x-ratelimit-limit"),
            number(&first, "x-ratelimit-remaining")
        ),
        (2, 1)
    );
    let reset = number(&first, "x-ratelimit-reset") - Utc::now().timestamp();
    assert!((30..=61).contains(&reset), "{reset} s");
    assert!(first.header("retry-after").is_none());
    assert_eq!(page(&server, "").status, 200);
    let refused = page(&server, "");
    assert_eq!(
        (refused.status, number(&refused, "x-ratelimit-remaining")),
        (429, 0)
    );
    let wait = number(&refused, "retry-after");
    assert!((30..=60).contains(&wait), "{wait} s");
    assert!(refused.json()["error"].is_string());

    server.options(|options| options.retry_after_form = RetryAfterForm::Date);
    let refused = page(&server, "");
    let date = DateTime::parse_from_rfc2822(refused.header("retry-after").unwrap_or_default())
        .expect("a date");
    assert!((25..=61).contains(&(date.timestamp() - Utc::now().timestamp())));
    server.options(|options| options.retry_after_form = RetryAfterForm::None);
    assert_eq!(
        (
            page(&server, "").status,
            page(&server, "").header("retry-after")
        ),
        (429, None)
    );

    server.options(|options| {
        options.rate_limit = Some(RateLimit {
            limit: 1,
            window_ms: 50,
        });
    });
    assert_eq!(
        page(&server, "").status,
        200,
        "a changed limit begins a new window"
    );
    std::thread::sleep(std::time::Duration::from_millis(60));
    assert_eq!(page(&server, "").status, 200, "the window is over");
    server.options(|options| options.rate_limit = None);
    assert!(page(&server, "").header("x-ratelimit-limit").is_none());
}

#[test]
fn a_monthly_quota_is_used_up_for_good() {
    let resets_at = (Utc::now() + chrono::TimeDelta::hours(1)).to_rfc3339();
    let quota = MonthlyQuota {
        limit: 10,
        used: 9,
        tier: "community".into(),
        resets_at: resets_at.clone(),
    };
    let server = server(Options {
        monthly_quota: Some(quota),
        ..Options::default()
    });
    assert_eq!(page(&server, "").status, 200);
    let refused = page(&server, "");
    assert_eq!(refused.status, 429);
    let body = json!({
        "error": "monthly_quota_exceeded", "used": 10, "limit": 10, "tier": "community", "resetsAt": resets_at,
    });
    assert_eq!(refused.json(), body);
    assert!((3000..=3600).contains(&number(&refused, "retry-after")));
    assert_eq!(get(&server, "/health").status, 200);
}

#[test]
fn health_has_many_states() {
    let server = server(Options::default());
    let health = |state| {
        server.options(|options| options.health = state);
        let reply = get(&server, "/health");
        (
            reply.status,
            reply.json()["status"].as_str().map(str::to_owned),
        )
    };
    assert_eq!(health(Health::Healthy), (200, Some("healthy".into())));
    assert_eq!(health(Health::Degraded), (200, Some("degraded".into())));
    assert_eq!(health(Health::Unhealthy), (503, Some("unhealthy".into())));
    assert_eq!(health(Health::Status(404)), (404, None));
}

#[test]
fn the_clock_may_be_wrong() {
    let server = server(Options {
        clock_offset_ms: -7_200_000,
        ..Options::default()
    });
    let reply = page(&server, "");
    let date =
        DateTime::parse_from_rfc2822(reply.header("date").unwrap_or_default()).expect("a date");
    let behind = Utc::now().timestamp() - date.timestamp();
    assert!((7200..7260).contains(&behind), "{behind} s");
    let added = Client::new(&server)
        .request("POST", "/_control/add?count=1", "")
        .json()["added"][0]
        .clone();
    let skill = server
        .catalogue(|catalogue| catalogue.get(added.as_str().unwrap_or_default()))
        .expect("it was added");
    let stamp = DateTime::parse_from_rfc3339(skill["updated_at"].as_str().unwrap_or_default())
        .expect("a stamp");
    let behind = Utc::now().timestamp() - stamp.timestamp();
    assert!((7200..7260).contains(&behind), "{behind} s");
}
