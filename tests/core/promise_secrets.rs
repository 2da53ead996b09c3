//! Promises 10, *Secrets stay home*, and 11, *Offline means offline*.

use std::error::Error as _;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::Duration;

use serde_json::json;
use skillsmith_sync::clock::SystemClock;
use skillsmith_sync::environment::Environment;
use skillsmith_sync::registry::{Call, PageRequest};
use skillsmith_sync::{
    CancelToken, ClientOptions, Error, ErrorCode, Registry, SkillsmithApiClient, SyncOptions,
    SyncResult, SyncStatus,
};
use skillsmith_test_registry::{Catalogue, Fault, Options, Redirect, Server};

use crate::support::{World, assert_success, client_with};

const KEY: &str = "sk-live-0123456789";

fn world_with_key() -> (World, ClientOptions) {
    let world = World::new(
        150,
        Options {
            api_keys: vec![KEY.into()],
            ..Options::default()
        },
    );
    let options = ClientOptions::new()
        .base_url(world.server.base_url())
        .api_key(KEY);
    (world, options)
}

/// A sync with a key that is redirected elsewhere.
fn redirected(location: &str) -> (World, SyncResult) {
    let (world, options) = world_with_key();
    world.server.options(|options| {
        options.redirect = Some(Redirect {
            status: 302,
            location: location.into(),
        });
    });
    let engine = world.engine_with(client_with(options));
    let result = engine.sync(SyncOptions::default()).unwrap();
    (world, result)
}

#[test]
fn promise_10_credentials_reach_the_registry() {
    let (world, options) = world_with_key();
    assert_success(
        &world
            .engine_with(client_with(options))
            .sync(SyncOptions::default())
            .unwrap(),
    );
    for request in world.server.requests() {
        assert_eq!(request.header("x-api-key"), Some(KEY));
        assert_eq!(request.header("accept"), Some("application/json"));
        assert!(request.header("accept-encoding").unwrap().contains("gzip"));
        assert!(
            request
                .header("user-agent")
                .unwrap()
                .starts_with("skillsmith-sync/")
        );
        assert_eq!(request.header("x-request-id").unwrap().len(), 32);
    }
}

#[test]
fn promise_10_credentials_do_not_follow_a_redirect_to_another_origin() {
    let elsewhere = Server::start(Catalogue::generate(10, 1), Options::default());
    for location in [
        format!("{}/functions/v1/skills-search", elsewhere.origin()),
        elsewhere.origin().replace("http://", "//"),
        "https://127.0.0.1/".into(),
    ] {
        let (_world, result) = redirected(&location);
        assert_eq!(
            result.code,
            Some(ErrorCode::RedirectRefused),
            "{location}: {result:?}"
        );
        assert!(elsewhere.requests().is_empty());
    }
}

#[test]
fn promise_10_a_network_that_wants_a_sign_in_is_no_new_address() {
    let (world, options) = world_with_key();
    // Its answer to every request, the health check too.
    let portal = Fault::status(302).with_header("Location", "http://login.example/portal?from=x");
    world.server.fault(portal.on_any_path().always());
    let engine = world.engine_with(client_with(options));
    let result = engine.sync(SyncOptions::default()).unwrap();
    let code = result.code.unwrap();
    assert!(code.retryable(), "{result:?}");
    let error = &result.errors[0];
    assert!(
        error.contains("the network redirects to http://login.example, perhaps to a login page"),
        "{error}"
    );
    assert!(!error.contains("base URL"), "{error}");
    // Once the registry has answered, the redirect is its own.
    world.server.clear_faults();
    assert_success(&engine.sync(SyncOptions::default()).unwrap());
    let moved = Fault::status(302).with_header("Location", "http://login.example/portal");
    world.server.fault(moved.always());
    let result = engine.sync(SyncOptions::default()).unwrap();
    assert_eq!(result.code, Some(ErrorCode::RedirectRefused), "{result:?}");
}

#[test]
fn promise_10_no_text_shows_a_credential() {
    let (world, options) = world_with_key();
    // A server that echoes the key.
    let echo = serde_json::json!({ "error": format!("key {KEY} is not valid") }).to_string();
    world
        .server
        .fault(Fault::status(403).with_body(echo).always());
    let shown = format!("{options:?}");
    let result = assert_not_shown(&world, options, KEY);
    assert!(!shown.contains(KEY), "{shown}");
    assert!(
        result.errors[0].contains("key [redacted] is not valid"),
        "{result:?}"
    );
    assert!(
        result.errors[0].contains("the API key given by the program"),
        "{result:?}"
    );
}

/// As long as real tokens.
fn token() -> String {
    let letters = (0..420_u64).map(|at| {
        let random = at.wrapping_add(7).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58;
        char::from(b'A' + u8::try_from(random % 26).unwrap())
    });
    format!("eyJ{}", letters.collect::<String>())
}

/// Syncs, and checks that no part of the credential is shown or stored anywhere.
fn assert_not_shown(world: &World, options: ClientOptions, secret: &str) -> SyncResult {
    const PIECE: usize = 8;
    let client = client_with(options);
    let mut texts = vec![format!("{client:?}")];
    let engine = world.engine_with(client);
    let told = std::sync::Mutex::new(Vec::new());
    let result = engine
        .sync(SyncOptions::new().on_progress(|progress| {
            told.lock().unwrap().push(format!("{progress:?}"));
        }))
        .unwrap();
    texts.extend(told.into_inner().unwrap());
    texts.push(format!("{result:?}"));
    texts.push(format!("{:?}", engine.get_status().unwrap()));
    texts.push(format!("{:?}", world.history().get_history(10).unwrap()));
    texts.push(format!("{engine:?}"));
    for name in ["skills.db", "skills.db-wal"] {
        let bytes = std::fs::read(world.folder.path().join(name)).unwrap_or_default();
        texts.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    for text in texts {
        let piece = secret
            .as_bytes()
            .windows(PIECE)
            .step_by(PIECE / 2)
            .map(|piece| std::str::from_utf8(piece).unwrap())
            .find(|piece| text.contains(piece));
        assert_eq!(piece, None, "{}", &text[..text.len().min(2_000)]);
    }
    result
}

#[test]
fn promise_10_a_long_token_is_not_shown_in_part_either() {
    let token = token();
    let quota = json!({
        "error": "monthly_quota_exceeded", "used": 7, "limit": 7, "tier": format!("of {token}")
    });
    let split = json!({ "error": format!("bad {}\u{0}{}", &token[..9], &token[9..]) });
    for (answer, said) in [
        (
            Fault::status(403).with_body(json!({ "error": format!("token {token} has expired") })),
            "token [redacted] has expired",
        ),
        (
            // The message is cut within it.
            Fault::status(403)
                .with_body(json!({ "error": format!("{}{token}", "long ".repeat(58)) })),
            "long [redac",
        ),
        (Fault::status(403).with_body(split), "bad [redacted]"),
        (
            Fault::status(429).with_body(quota),
            "7 of 7 requests, plan of [redacted]",
        ),
        (
            Fault::replace_body(json!({ "data": format!("bad token {token}") })),
            "not a page of skills",
        ),
        (
            Fault::replace_body(format!("\"bad token {token}\"")),
            "not a page of skills",
        ),
        (
            Fault::replace_body(format!("bad token {token}")),
            "it is not JSON",
        ),
        (
            Fault::replace_body(json!({ "data": [format!("bad token {token}"), token] })),
            "Skill without id was rejected: invalid type: string, expected a skill",
        ),
        (
            Fault::replace_body(json!({ "data": [{ "id": token }, { "name": token }] })),
            "Skill '[redacted]' was rejected: it has no name",
        ),
        (
            Fault::replace_body(json!({ "data": [
                { "id": token, "name": "n" },
                { "id": "a", "name": "n", "trust_tier": format!("of {token}") },
            ] })),
            "Skill 'a' was rejected: it repeats the key that was sent",
        ),
        (
            Fault::replace_body(json!({ "data": [
                { "id": "b", "name": "n", "updated_at": token },
            ] })),
            "Skill 'b' was rejected: it repeats the key that was sent",
        ),
    ] {
        let world = World::new(150, Options::default());
        world.server.fault(answer.always());
        let mut options = ClientOptions::new().base_url(world.server.base_url());
        options = options.jwt_token(token.clone());
        let result = assert_not_shown(&world, options, &token);
        assert!(
            result.errors.join("\n").contains(said),
            "{said}: {result:?}"
        );
    }
}

/// The error of a single attempt at a search.
fn failed_search(options: ClientOptions) -> Error {
    let cancel = CancelToken::new();
    let call = Call::new(&cancel, &SystemClock).single_try(true);
    let outcome = client_with(options).search(&PageRequest::new(), &call);
    outcome.unwrap_err()
}

/// The `Display` and `Debug` texts of an error and of its whole chain of sources.
fn chain(error: &Error) -> Vec<String> {
    let first: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(first), |error| (*error).source())
        .flat_map(|error| [error.to_string(), format!("{error:?}")])
        .collect()
}

fn nobody_listens_here() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn errors_keep_what_they_come_from() {
    let refused = failed_search(ClientOptions::new().base_url(nobody_listens_here()));
    assert_eq!(refused.code(), ErrorCode::Unreachable);
    let source = refused.source().unwrap().downcast_ref::<std::io::Error>();
    assert_eq!(source.unwrap().kind(), ErrorKind::ConnectionRefused);

    for (fault, code) in [
        (Fault::cut(100), ErrorCode::Unreachable),
        (Fault::stall_after(100), ErrorCode::Timeout),
        (Fault::garbage(), ErrorCode::Protocol),
        (Fault::not_http(), ErrorCode::Protocol),
        (
            Fault::replace_body(json!({ "data": 5 })),
            ErrorCode::Protocol,
        ),
    ] {
        let world = World::new(50, Options::default());
        world.server.fault(fault.clone().always());
        let mut options = ClientOptions::new().base_url(world.server.base_url());
        if code == ErrorCode::Timeout {
            options = options.timeout(Duration::from_millis(200));
        }
        let error = failed_search(options);
        assert_eq!(error.code(), code, "{fault:?}: {error:?}");
        assert!(error.source().is_some(), "{fault:?}: {error:?}");
    }

    let client = client_with(ClientOptions::new().base_url(nobody_listens_here()));
    let cancel = CancelToken::new();
    let report = client.health_report(&Call::new(&cancel, &SystemClock));
    let unhealthy = report.unwrap_err();
    assert_eq!(unhealthy.code(), ErrorCode::Unhealthy);
    assert_eq!(chain(&unhealthy).len(), 2 * 3, "{unhealthy:?}");
}

#[test]
fn promise_10_no_source_of_an_error_shows_a_credential() {
    // A parser quotes the number that it has read.
    let key = "31415926535897";
    let number: u64 = key.parse().unwrap();
    for body in [json!({ "data": number }), json!(number)] {
        let world = World::new(50, Options::default());
        world.server.fault(Fault::replace_body(body).always());
        let options = ClientOptions::new().base_url(world.server.base_url());
        let told = chain(&failed_search(options.clone())).concat();
        let error = failed_search(options.api_key(key));
        assert_eq!(error.code(), ErrorCode::Protocol);
        for text in chain(&error) {
            assert!(!text.contains(key), "{text}");
        }
        // If it was in the text, the source is dropped; without the key, it would be kept.
        assert_eq!(told.contains(key), error.source().is_none(), "{told}");
    }
    // The content of the address is not quoted either.
    let port = nobody_listens_here().rsplit_once(':').unwrap().1.to_owned();
    for address in [
        format!("http://127.0.0.1:{port}/{KEY}"),
        format!("http://{KEY}.invalid:{port}"),
    ] {
        let options = ClientOptions::new().base_url(&address).api_key(KEY);
        let error = failed_search(options.allow_insecure_http(true));
        for text in chain(&error) {
            assert!(!text.contains(KEY), "{text}");
        }
    }
    let exposed = format!("http://{KEY}.invalid");
    let options = ClientOptions::new().base_url(exposed).api_key(KEY);
    let refused = SkillsmithApiClient::with_environment(options, &Environment::new(|_| None));
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("plain http to [redacted].invalid"), "{text}");
}

#[test]
fn promise_10_an_address_with_a_password_is_refused_without_showing_it() {
    let options = ClientOptions::new().base_url("https://user:hunter2@registry.example/v1");
    let error =
        SkillsmithApiClient::with_environment(options, &Environment::new(|_| None)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn addresses_and_keys_that_cannot_be_used_are_refused() {
    for url in [
        "ftp://h/x",
        "h",
        "",
        "http://",
        "http://h/x?y=1",
        "http://h/#top",
        "file:///etc",
    ] {
        let options = ClientOptions::new().base_url(url);
        let outcome = SkillsmithApiClient::with_environment(options, &Environment::new(|_| None));
        assert_eq!(
            outcome.map_err(|error| error.code()).err(),
            Some(ErrorCode::InvalidArgument),
            "{url}"
        );
    }
    let options = ClientOptions::new()
        .base_url("http://h/x")
        .api_key("two\nlines");
    let error =
        SkillsmithApiClient::with_environment(options, &Environment::new(|_| None)).unwrap_err();
    assert!(
        error.to_string().contains("given by the program") && !error.to_string().contains("two"),
        "{error}"
    );
}

#[test]
fn promise_11_offline_means_no_socket_and_no_name_lookup() {
    let world = World::new(50, Options::default());
    let base_url = world.server.base_url();
    let from_option = client_with(ClientOptions::new().base_url(&base_url).offline(true));
    let environment =
        Environment::new(|name| (name == "SKILLSMITH_OFFLINE_MODE").then(|| "true".into()));
    let from_variable = SkillsmithApiClient::with_environment(
        ClientOptions::new().base_url(&base_url),
        &environment,
    )
    .unwrap();
    for client in [from_option, from_variable] {
        let result = world
            .engine_with(client)
            .sync(SyncOptions::default())
            .unwrap();
        assert_eq!(
            result.errors,
            ["API client is in offline mode. Cannot sync."]
        );
        assert_eq!(
            (result.status, result.code),
            (SyncStatus::Failed, Some(ErrorCode::Offline))
        );
    }
    assert!(world.server.requests().is_empty());
    let entries = world.history().get_history(10).unwrap();
    assert_eq!(entries.len(), 2);
    assert!(
        entries
            .iter()
            .all(|entry| entry.status == SyncStatus::Failed)
    );
}

#[test]
fn promise_10_a_redirect_does_not_bring_the_credential_into_texts() {
    let loud = KEY.to_uppercase();
    let encoded = KEY.replace('-', "%2D");
    for location in [
        format!("http://{KEY}/"),
        format!("http://{KEY}.example:8080/x"),
        format!("http://{loud}.example/"),
        format!("http://x.example/{KEY}?{KEY}#{KEY}"),
        format!("http://{KEY}:{KEY}@x.example/"),
        format!("//{KEY}/"),
        format!("ftp://{KEY}/"),
        format!("http://{encoded}.example/"),
        format!("{KEY}://x.example/"),
        format!("http://[{KEY}]/"),
    ] {
        let (world, result) = redirected(&location);
        assert!(!result.success, "{location}: {result:?}");
        let entry = world.history().get_history(1).unwrap().remove(0);
        let config = world.engine().get_status().unwrap().config;
        let told = format!("{result:?} {entry:?} {config:?}").to_ascii_lowercase();
        for secret in [KEY, &encoded.to_ascii_lowercase()] {
            assert!(!told.contains(secret), "{location}: {told}");
        }
    }
}

#[test]
fn promise_10_a_refusal_that_repeats_the_credential_in_disguise_is_not_told() {
    let loud = KEY.to_uppercase();
    let encoded = KEY
        .replace('-', "%2d")
        .replace('l', "%6c")
        .replace('0', "%30");
    // `user:` and the key, as in an Authorization header.
    let basic = "dXNlcjpzay1saXZlLTAxMjM0NTY3ODk=";
    let each = |form: &dyn Fn(u8) -> String| KEY.bytes().map(form).collect::<String>();
    let hex = each(&|byte| format!("{byte:02x}"));
    let loud_hex = hex.to_uppercase();
    let escapes = each(&|byte| format!("\\u{byte:04X}"));
    let entities = each(&|byte| format!("&#{byte};"));
    let hex_entities = each(&|byte| format!("&#x{byte:x};"));
    let encoded_entities = entities.replace('#', "%23");
    for code in [400, 401, 403, 404, 422, 500] {
        for said in [
            KEY,
            &loud,
            &encoded,
            basic,
            &hex,
            &loud_hex,
            &escapes,
            &entities,
            &hex_entities,
            &encoded_entities,
        ] {
            for body in [
                json!({ "error": said }),
                json!({ "message": format!("bad key {said}!"), "details": said }),
                json!({ "error": "x", "details": { "message": said, "code": "tier_not_entitled", "currentTier": said } }),
            ] {
                let (world, options) = world_with_key();
                world
                    .server
                    .fault(Fault::status(code).with_body(body.to_string()).always());
                let result = world
                    .engine_with(client_with(options))
                    .sync(SyncOptions::default())
                    .unwrap();
                let told = format!("{result:?}");
                for secret in [said, &said[..said.len() - 4], &said[4..]] {
                    assert!(!told.contains(secret), "{code}: {body}: {told}");
                }
            }
        }
    }
}

/// A validator is stored with its page.
#[test]
fn promise_10_a_key_in_a_validator_is_not_stored() {
    for tag in [
        format!("\"{KEY}\""),
        format!("W/\"v1-{}\"", KEY.to_uppercase()),
    ] {
        let (world, options) = world_with_key();
        world
            .server
            .fault(Fault::status(200).with_header("ETag", &tag).always());
        let run = || {
            let engine = world.engine_with(client_with(options.clone()));
            engine.sync(SyncOptions::default()).unwrap()
        };
        run();
        world.server.clear_faults();
        run();
        world
            .look()
            .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            .unwrap();
        let bytes = std::fs::read(world.path()).unwrap().to_ascii_lowercase();
        let key = KEY.as_bytes();
        assert!(
            !bytes.windows(key.len()).any(|window| window == key),
            "{tag}"
        );
    }
}
