//! Signing in: tokens from the configuration file and from a provider, which expire while in use.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::time::Duration;

use serde_json::{Value, json};
use skillsmith_sync::clock::{Clock, SystemClock};
use skillsmith_sync::environment::Environment;
use skillsmith_sync::registry::{Call, PageRequest, Registry};
use skillsmith_sync::{
    CancelToken, ClientOptions, Error, ErrorCode, Result, SkillsmithApiClient, SyncOptions,
    SyncResult,
};
use skillsmith_test_registry::{Options, Server, SignIn};
use tempfile::TempDir;

use crate::support::{World, assert_success, client_with};

type Provider = fn() -> Result<String, Box<dyn std::error::Error + Send + Sync>>;
type Make = fn(&Path);

const FOREVER: u64 = 1_000_000;
const WORDS: &str = "Your sign-in has expired: run `skillsmith login`, or set SKILLSMITH_API_KEY (401: expired_token";

/// A registry that accepts these tokens, each for a number of listing requests.
fn world(tokens: &[(&str, u64)]) -> World {
    World::new(250, options(tokens))
}

fn options(tokens: &[(&str, u64)]) -> Options {
    let tokens = tokens.iter().map(|(token, uses)| ((*token).into(), *uses));
    Options {
        sign_in: SignIn {
            tokens: tokens.collect(),
            ..SignIn::default()
        },
        ..Options::default()
    }
}

/// A home folder with a configuration file.
struct Home(TempDir);

impl Home {
    fn new(config: &Value) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(home.0.path().join(".skillsmith")).unwrap();
        home.write(config);
        home
    }

    fn write(&self, config: &Value) {
        std::fs::write(self.file(), config.to_string()).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.0.path().join(".skillsmith/config.json")
    }

    fn client(&self, options: ClientOptions) -> Result<SkillsmithApiClient> {
        self.client_with(options, |_| None)
    }

    fn client_with(
        &self,
        options: ClientOptions,
        more: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Result<SkillsmithApiClient> {
        let home = self.0.path().to_str().unwrap().to_owned();
        let environment = Environment::new(move |name| {
            if name == "HOME" {
                Some(home.clone())
            } else {
                more(name)
            }
        });
        SkillsmithApiClient::with_environment(options, &environment)
    }
}

fn at(server: &Server) -> ClientOptions {
    ClientOptions::new()
        .base_url(server.base_url())
        .max_retries(0)
}

/// The credentials that the listing requests sent.
fn shown(server: &Server) -> Vec<String> {
    let header = |request: &skillsmith_test_registry::LoggedRequest| {
        let bearer = request.header("authorization");
        let key = request.header("x-api-key");
        bearer.or(key).unwrap_or("nobody").to_owned()
    };
    server.listings().iter().map(header).collect()
}

fn search(client: &SkillsmithApiClient) -> Result<()> {
    let cancel = CancelToken::new();
    let call = Call::new(&cancel, &SystemClock).time_limit(Duration::from_secs(60));
    client.search(&PageRequest::new(), &call).map(drop)
}

fn sync(world: &World, client: SkillsmithApiClient) -> SyncResult {
    world.engine_with(client).sync(SyncOptions::new()).unwrap()
}

#[test]
fn the_token_of_the_file_is_shown_before_its_key() {
    let world = world(&[("signed-in", FOREVER)]);
    let home = Home::new(&json!({
        "version": 2, "accessToken": "signed-in", "expiresAt": 4_102_444_800_000_u64, "apiKey": "sk-old",
    }));
    assert_success(&sync(&world, home.client(at(&world.server)).unwrap()));
    for request in world.server.listings() {
        assert_eq!(request.header("authorization"), Some("Bearer signed-in"));
        assert_eq!(request.header("x-api-key"), None);
    }
}

#[test]
fn a_key_from_elsewhere_is_shown_instead_of_the_files_token() {
    let world = World::new(5, Options::default());
    let home = Home::new(&json!({ "accessToken": "signed-in" }));
    search(&home.client(at(&world.server).api_key("sk-option")).unwrap()).unwrap();
    let variable = |name: &str| (name == "SKILLSMITH_API_KEY").then(|| "sk-variable".into());
    search(&home.client_with(at(&world.server), variable).unwrap()).unwrap();
    search(
        &home
            .client(at(&world.server).jwt_token("jwt-option"))
            .unwrap(),
    )
    .unwrap();
    assert_eq!(
        shown(&world.server),
        ["sk-option", "sk-variable", "Bearer jwt-option"]
    );
}

#[test]
fn a_token_that_expires_during_a_run_is_read_again_from_the_file() {
    let world = world(&[("old", 1), ("new", FOREVER)]);
    let home = Home::new(&json!({ "accessToken": "old" }));
    let client = home.client(at(&world.server)).unwrap();
    let before = std::fs::read_to_string(home.file()).unwrap();
    assert!(before.contains("old"));
    home.write(&json!({ "accessToken": "new" }));
    let result = sync(&world, client);
    assert_success(&result);
    // The page that the new token was sent for counts twice.
    assert_eq!(result.requests, world.server.requests().len() as u64);
    assert_eq!(
        shown(&world.server)[..3],
        ["Bearer old", "Bearer old", "Bearer new"]
    );
    let after = std::fs::read_to_string(home.file()).unwrap();
    assert_eq!(after, r#"{"accessToken":"new"}"#);
}

#[test]
fn a_token_that_has_no_successor_ends_the_run_with_its_own_code() {
    for error in ["expired_token", "JWT expired"] {
        let world = world(&[("old", 1)]);
        world
            .server
            .options(|options| options.sign_in.error = error.into());
        let home = Home::new(&json!({ "accessToken": "old" }));
        let result = sync(&world, home.client(at(&world.server)).unwrap());
        assert_eq!(result.code, Some(ErrorCode::SignInExpired), "{result:?}");
        let words = WORDS.replace("expired_token", error);
        assert!(result.errors[0].starts_with(&words), "{result:?}");
        assert!(result.errors[0].contains("sent the token from ~/.skillsmith/config.json"));
        assert!(!result.errors[0].contains("old"), "{result:?}");
        // The earlier page is kept, and nothing is requested twice.
        assert_eq!(result.skills_added, 100);
        assert_eq!(world.offsets().len(), 2);
    }
    assert!(!ErrorCode::SignInExpired.retryable());
    assert_eq!(ErrorCode::SignInExpired.number(), 212);
    assert_eq!(ErrorCode::SignInExpired.name(), "SIGN_IN_EXPIRED");
}

#[test]
fn who_signs_in_again_needs_no_new_client() {
    let world = world(&[("old", 0), ("new", FOREVER)]);
    let home = Home::new(&json!({ "accessToken": "old" }));
    let client = home.client(at(&world.server)).unwrap();
    assert_eq!(
        search(&client).unwrap_err().code(),
        ErrorCode::SignInExpired
    );
    // The registry decides now; its answer of an hour ago does not matter.
    assert_eq!(
        search(&client).unwrap_err().code(),
        ErrorCode::SignInExpired
    );
    home.write(&json!({ "accessToken": "new" }));
    search(&client).unwrap();
    assert_eq!(
        shown(&world.server),
        ["Bearer old", "Bearer old", "Bearer new"]
    );
}

#[test]
fn a_first_sign_in_after_the_client_was_made_is_found() {
    let world = world(&[("new", FOREVER)]);
    let home = Home::new(&json!({}));
    std::fs::remove_file(home.file()).unwrap();
    let client = home.client(at(&world.server)).unwrap();
    let error = search(&client).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unauthorized, "{error}");
    home.write(&json!({ "apiKey": null, "accessToken": "new" }));
    search(&client).unwrap();
}

#[test]
fn the_end_that_the_file_tells_only_prompts_a_second_look() {
    let world = world(&[("old", FOREVER), ("new", FOREVER)]);
    let now = world.clock_now().timestamp_millis();
    let home = Home::new(&json!({ "accessToken": "old", "expiresAt": now - 1000 }));
    let client = home.client(at(&world.server)).unwrap();
    let cancel = CancelToken::new();
    let call = Call::new(&cancel, &*world.clock);
    // Still the same token: the registry decides, and accepts it.
    client.search(&PageRequest::new(), &call).unwrap();
    client.search(&PageRequest::new(), &call).unwrap();
    assert_eq!(shown(&world.server), ["Bearer old", "Bearer old"]);

    let soon = now + 120_000;
    home.write(&json!({ "accessToken": "old", "expiresAt": soon }));
    let client = home.client(at(&world.server)).unwrap();
    client.search(&PageRequest::new(), &call).unwrap();
    home.write(&json!({ "accessToken": "new", "expiresAt": soon }));
    client.search(&PageRequest::new(), &call).unwrap();
    world.clock.advance(Duration::from_secs(110));
    client.search(&PageRequest::new(), &call).unwrap();
    assert_eq!(
        shown(&world.server)[2..],
        ["Bearer old", "Bearer old", "Bearer new"]
    );
    // A file that cannot be read at that moment does not prevent the request.
    std::fs::write(home.file(), "{").unwrap();
    world.clock.advance(Duration::from_secs(110));
    client.search(&PageRequest::new(), &call).unwrap();
    assert_eq!(shown(&world.server).last().unwrap(), "Bearer new");
}

#[test]
fn a_credential_goes_to_the_registry_that_the_file_names_and_to_no_other() {
    let [theirs, ours] = [(); 2].map(|()| World::new(5, options(&[("theirs", FOREVER)])));
    let origin = |world: &World| {
        let base = world.server.base_url();
        base.trim_end_matches("/functions/v1").to_owned()
    };
    for credential in ["accessToken", "apiKey"] {
        let home = Home::new(&json!({ credential: "theirs", "apiBaseUrl": origin(&theirs) }));
        let error = search(&home.client(at(&ours.server)).unwrap()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unauthorized);
        assert!(
            error.to_string().contains("is for another registry"),
            "{error}"
        );
    }
    assert!(shown(&ours.server).iter().all(|header| header == "nobody"));

    // Nor when the user signs in to another registry meanwhile.
    ours.server.clear_requests();
    let home = Home::new(&json!({ "accessToken": "ours", "apiBaseUrl": origin(&ours) }));
    let client = home.client(ClientOptions::new()).unwrap();
    assert_eq!(client.base_url(), ours.server.base_url());
    for config in [
        json!({ "accessToken": "theirs", "apiBaseUrl": origin(&theirs) }),
        json!({ "accessToken": "theirs" }),
    ] {
        home.write(&config);
        let error = search(&client).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unauthorized);
    }
    assert!(
        !shown(&ours.server)
            .iter()
            .any(|header| header.contains("theirs"))
    );
    home.write(&json!({ "accessToken": "theirs", "apiBaseUrl": ours.server.base_url() }));
    search(&client).unwrap();
}

#[test]
fn a_damaged_file_is_an_error_wherever_a_value_is_asked_of_it() {
    let world = World::new(5, Options::default());
    let home = Home::new(&json!({}));
    std::fs::write(home.file(), r#"{"apiBaseUrl": "https://corp.example", "#).unwrap();
    let key = |name: &str| (name == "SKILLSMITH_API_KEY").then(|| "sk-of-corp".into());
    for outcome in [
        home.client(ClientOptions::new()),
        // Its key must not go to the live service because the address is gone.
        home.client_with(ClientOptions::new(), key),
        home.client(at(&world.server)),
    ] {
        let error = outcome.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Io);
        let path = home.file();
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
    }
    // The file is not read if everything is given.
    search(&home.client(at(&world.server).api_key("sk-12345")).unwrap()).unwrap();
    search(&home.client_with(at(&world.server), key).unwrap()).unwrap();
}

#[test]
fn a_file_that_is_damaged_after_a_refusal_is_named() {
    let world = world(&[("old", 0)]);
    let home = Home::new(&json!({ "accessToken": "old" }));
    let client = home.client(at(&world.server)).unwrap();
    std::fs::write(home.file(), "").unwrap();
    let result = sync(&world, client);
    assert_eq!(result.code, Some(ErrorCode::Io), "{result:?}");
    assert!(result.errors[0].contains("config.json"), "{result:?}");
}

#[test]
fn a_file_that_is_just_being_written_is_read_once_more() {
    let world = world(&[("old", 0), ("new", FOREVER)]);
    let home = Home::new(&json!({ "accessToken": "old" }));
    let client = home.client(at(&world.server)).unwrap();
    // As the stack writes it: emptied first.
    std::fs::write(home.file(), "").unwrap();
    let clock = WritingClock(home.file());
    let cancel = CancelToken::new();
    let call = Call::new(&cancel, &clock);
    client.search(&PageRequest::new(), &call).unwrap();
}

/// A wait on this clock writes the file.
#[derive(Debug)]
struct WritingClock(PathBuf);

impl Clock for WritingClock {
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        SystemClock.now()
    }

    fn elapsed(&self) -> Duration {
        SystemClock.elapsed()
    }

    fn wait(&self, _: Duration, cancel: &CancelToken) -> bool {
        std::fs::write(&self.0, r#"{"accessToken": "new"}"#).unwrap();
        !cancel.is_cancelled()
    }
}

#[test]
fn what_cannot_stand_in_a_header_is_refused_before_any_request() {
    let world = World::new(5, Options::default());
    for token in ["a\nb", "a\r\nX-Evil: b", "a b", "a\u{0}b", "tökén"] {
        let home = Home::new(&json!({ "accessToken": token }));
        let error = home.client(at(&world.server)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
        let text = error.to_string();
        assert!(
            text.contains("The token from ~/.skillsmith/config.json contains characters"),
            "{text}"
        );
        assert!(!text.contains(token), "{text}");
        let provider = at(&world.server).token_provider(move |_| Ok(token.to_owned()));
        let error = search(&client_with(provider)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Host);
        assert!(error.to_string().contains("characters"), "{error}");
        assert!(!error.to_string().contains(token), "{error}");
    }
    let long = "a".repeat(100_000);
    let home = Home::new(&json!({ "accessToken": long }));
    let error = home.client(at(&world.server)).unwrap_err();
    assert!(
        error.to_string().contains("is longer than 8192 bytes"),
        "{error}"
    );
    let provider = at(&world.server).token_provider(move |_| Ok(long.clone()));
    let error = search(&client_with(provider)).unwrap_err();
    assert!(
        error.to_string().contains("longer than 8192 bytes"),
        "{error}"
    );
    assert_eq!(world.server.listings().len(), 0);
}

#[test]
fn a_request_that_waits_for_a_token_in_vain_is_not_counted() {
    let world = World::new(5, Options::default());
    let provider = at(&world.server).token_provider(|_| Err("the key ring is locked".into()));
    let result = world
        .engine_with(client_with(provider))
        .sync(SyncOptions::new())
        .unwrap();
    assert_eq!(result.code, Some(ErrorCode::Host), "{result:?}");
    assert_eq!(result.requests, world.server.requests().len() as u64);
    let status = world.engine().get_status().unwrap();
    assert_eq!(status.requests_this_month, result.requests);
}

/// A provider that returns these tokens in turn and the last one forever, and a list of the
/// requests it got.
fn provider(options: ClientOptions, tokens: &[&str]) -> (ClientOptions, Arc<Mutex<Vec<bool>>>) {
    let asked: Arc<Mutex<Vec<bool>>> = Arc::default();
    let tokens: Vec<String> = tokens.iter().map(|token| (*token).to_owned()).collect();
    let log = Arc::clone(&asked);
    let options = options.token_provider(move |request| {
        let mut log = log.lock().unwrap();
        let token = tokens[log.len().min(tokens.len() - 1)].clone();
        log.push(request.is_refused());
        Ok(token)
    });
    (options, asked)
}

#[test]
fn a_provider_is_asked_once_and_once_more_for_each_refused_token() {
    let world = world(&[("one", 1), ("two", 1), ("three", FOREVER)]);
    let (options, asked) = provider(at(&world.server), &["one", "two", "three"]);
    let client = client_with(options.api_key("sk-ignored"));
    assert_success(&sync(&world, client));
    assert_eq!(*asked.lock().unwrap(), [false, true, true]);
    assert!(
        !shown(&world.server)
            .iter()
            .any(|header| header == "sk-ignored")
    );
}

#[test]
fn a_given_token_is_used_before_the_provider_is_asked() {
    let world = world(&[("given", 1), ("fresh", FOREVER)]);
    let (options, asked) = provider(at(&world.server).jwt_token("given"), &["fresh"]);
    assert_success(&sync(&world, client_with(options)));
    assert_eq!(*asked.lock().unwrap(), [true]);
}

#[test]
fn a_provider_that_has_no_other_token_is_asked_once() {
    for tokens in [["old", "old"], ["old", " "]] {
        let world = world(&[("old", 0)]);
        let (options, asked) = provider(at(&world.server), &tokens);
        let client = client_with(options);
        let error = search(&client).unwrap_err();
        assert_eq!(error.code(), ErrorCode::SignInExpired);
        assert!(error.to_string().starts_with(WORDS), "{error}");
        assert_eq!(*asked.lock().unwrap(), [false, true]);
        // Asked again for the next call, but not after its refusal.
        assert!(search(&client).is_err());
        assert_eq!(*asked.lock().unwrap(), [false, true, true]);
    }
}

#[test]
fn a_provider_that_always_has_another_token_is_not_asked_for_ever() {
    let world = world(&[("some", 1)]);
    let count = AtomicUsize::new(0);
    let options = at(&world.server)
        .token_provider(move |_| Ok(format!("token-{}", count.fetch_add(1, Ordering::SeqCst))));
    let error = search(&client_with(options)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unauthorized);
    assert_eq!(world.server.listings().len(), 3);
}

#[test]
fn a_provider_that_fails_says_why() {
    let world = world(&[("old", 1)]);
    let options = at(&world.server).token_provider(|request| {
        if request.is_refused() {
            Err("the key ring is locked".into())
        } else {
            Ok("old".into())
        }
    });
    let result = sync(&world, client_with(options));
    assert_eq!(result.code, Some(ErrorCode::SignInExpired));
    let end = "The token provider failed: the key ring is locked.";
    assert!(result.errors[0].ends_with(end), "{result:?}");

    world.server.clear_requests();
    let providers: [(Provider, &str); 4] = [
        (
            || Err("the key ring is locked".into()),
            "the key ring is locked",
        ),
        (|| Err(Error::ReadOnly.into()), "read-only"),
        (|| Ok(String::new()), "it gave no token"),
        (|| std::panic::panic_any(()), "it panicked"),
    ];
    for (provider, words) in providers {
        let options = at(&world.server).token_provider(move |_| provider());
        let result = sync(&world, client_with(options));
        assert_eq!(result.code, Some(ErrorCode::Host), "{result:?}");
        assert!(result.errors[0].contains(words), "{result:?}");
    }
    assert_eq!(world.server.listings().len(), 0);
}

/// A provider that the test blocks and releases, and that reports when it is called and when it
/// returns.
struct Slow {
    asked: mpsc::Receiver<()>,
    answered: mpsc::Receiver<bool>,
    let_go: mpsc::Sender<()>,
}

impl Slow {
    fn new(options: ClientOptions) -> (ClientOptions, Self) {
        let (ask, asked) = mpsc::channel();
        let (answer, answered) = mpsc::channel();
        let (let_go, gate) = mpsc::channel();
        let gate = Mutex::new(gate);
        let options = options.token_provider(move |request| {
            ask.send(()).unwrap();
            gate.lock().unwrap().recv()?;
            answer.send(request.cancel().is_cancelled())?;
            Ok("late".into())
        });
        let slow = Self {
            asked,
            answered,
            let_go,
        };
        (options, slow)
    }
}

#[test]
fn a_provider_that_does_not_answer_is_left_by_a_cancelled_call() {
    let world = world(&[("late", FOREVER)]);
    let (options, slow) = Slow::new(at(&world.server));
    let client = client_with(options);
    let cancel = CancelToken::new();
    std::thread::scope(|scope| {
        let searching = scope.spawn(|| {
            let call = Call::new(&cancel, &SystemClock);
            client.search(&PageRequest::new(), &call).map(drop)
        });
        slow.asked.recv().unwrap();
        cancel.cancel();
        let error = searching.join().unwrap().unwrap_err();
        assert_eq!(error.code(), ErrorCode::Cancelled);
    });
    // Its result is ignored now, and it can find out.
    slow.let_go.send(()).unwrap();
    assert!(slow.answered.recv().unwrap());
    assert_eq!(world.server.listings().len(), 0);
    // The next call asks again.
    slow.let_go.send(()).unwrap();
    search(&client).unwrap();
}

#[test]
fn a_provider_that_does_not_answer_is_left_at_the_deadline() {
    let world = world(&[("late", FOREVER)]);
    let (options, slow) = Slow::new(at(&world.server));
    let client = Arc::new(client_with(options));
    let engine =
        skillsmith_sync::SyncEngine::new(Arc::clone(&client) as Arc<dyn Registry>, &world.database);
    let options = SyncOptions::new().deadline(Duration::from_millis(300));
    let result = engine.sync(options).unwrap();
    assert_eq!(result.code, Some(ErrorCode::RunDeadline), "{result:?}");
    slow.asked.recv().unwrap();
    slow.let_go.send(()).unwrap();
    slow.answered.recv().unwrap();

    let cancel = CancelToken::new();
    let call = Call::new(&cancel, &SystemClock).time_limit(Duration::from_millis(1));
    let error = client.search(&PageRequest::new(), &call).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Host);
    assert!(
        error.to_string().contains("did not answer in time"),
        "{error}"
    );
}

#[test]
fn two_threads_that_one_token_refuses_ask_once() {
    for has_other in [true, false] {
        let world = world(&[("old", 0), ("new", FOREVER)]);
        let asked = Arc::new(AtomicUsize::new(0));
        let both_are_refused = Arc::new(Barrier::new(2));
        let options = at(&world.server).jwt_token("old").token_provider({
            let (asked, both) = (Arc::clone(&asked), Arc::clone(&both_are_refused));
            move |request| {
                assert!(request.is_refused());
                asked.fetch_add(1, Ordering::SeqCst);
                both.wait();
                Ok(if has_other { "new" } else { "old" }.into())
            }
        });
        let client = client_with(options);
        std::thread::scope(|scope| {
            let threads = [(); 2].map(|()| scope.spawn(|| search(&client)));
            // The provider returns only after the registry has refused both.
            while world.server.listings().len() < 2 {
                std::thread::sleep(Duration::from_millis(5));
            }
            both_are_refused.wait();
            for thread in threads {
                let outcome = thread.join().unwrap().map_err(|error| error.code());
                let expected = if has_other {
                    Ok(())
                } else {
                    Err(ErrorCode::SignInExpired)
                };
                assert_eq!(outcome, expected);
            }
        });
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn a_refusal_names_the_plan_too() {
    let world = World::new(5, Options::default());
    let body =
        json!({ "error": "Authentication required", "details": { "currentTier": "community" } });
    let fault = skillsmith_test_registry::Fault::status(401).with_body(body.to_string());
    world.server.fault(fault.always());
    let error = search(&client_with(at(&world.server)))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("SKILLSMITH_API_KEY")
            && error.contains("only on the plans Team and Enterprise; yours is 'community'."),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn a_file_that_is_none_stops_nobody() {
    let world = World::new(5, Options::default());
    let makes: [(Make, &str); 3] = [
        (
            |path| std::fs::create_dir(path).unwrap(),
            "not a regular file",
        ),
        (
            |path| {
                let made = std::process::Command::new("mkfifo").arg(path).status();
                assert!(made.unwrap().success());
            },
            "not a regular file",
        ),
        (
            |path| {
                let file = std::fs::File::create(path).unwrap();
                file.set_len(100 * 1024 * 1024).unwrap();
            },
            "larger than",
        ),
    ];
    for (make, words) in makes {
        let home = Home::new(&json!({}));
        std::fs::remove_file(home.file()).unwrap();
        make(&home.file());
        let error = home.client(at(&world.server)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Io);
        assert!(error.to_string().contains(words), "{error}");
    }
}
