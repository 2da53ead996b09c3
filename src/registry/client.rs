//! The HTTP client of the live registry.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use ureq::http::{Response, StatusCode, Uri};
use ureq::{Agent, Body};

use super::credentials::{Credentials, Secret, Source};
use super::redirect::{self, MAX_REDIRECTS};
use super::retry::{self, Attempt};
use super::transport::{Transport, deadlines};
use super::wire::Refusal;
use super::{Call, Health, Page, PageRequest, Registry, Wait, pacing};
use crate::environment::{ConfigFile, Environment};
use crate::{Error, Result};

/// A page is some 60 KB; this is for servers that went wrong, counted after decompression.
const MAX_BODY: u64 = 16 * 1024 * 1024;

/// What a refusal says is shown, but not all of it.
const MAX_DETAIL: usize = 300;
const MAX_REFUSAL: u64 = 64 * 1024;

const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);

/// Options of a [`SkillsmithApiClient`]. What is `None` comes from the environment,
/// then from `~/.skillsmith/config.json`.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ClientOptions {
    /// The registry's address, such as `https://host/functions/v1`.
    /// Else `SKILLSMITH_API_URL`, `SUPABASE_URL` + `/functions/v1`, `apiBaseUrl`, or the live service.
    pub base_url: Option<String>,
    /// The anonymous key. Else `SUPABASE_ANON_KEY`.
    pub anon_key: Option<String>,
    /// The API key. Else `SKILLSMITH_API_KEY`, or `apiKey`.
    pub api_key: Option<String>,
    /// A token of a signed-in user; goes before the API key.
    pub jwt_token: Option<String>,
    /// The longest wait for the headers of an answer, and again for its body. Default: 30 s.
    pub timeout: Option<Duration>,
    /// Tries after the first one. Default: 3.
    pub max_retries: Option<u32>,
    /// Whether nothing may be sent. Else `SKILLSMITH_OFFLINE_MODE`.
    pub offline: Option<bool>,
}

impl ClientOptions {
    /// Everything from the environment.
    pub fn new() -> Self {
        Self::default()
    }

    /// For the registry at `url`.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// With this API key.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// With nothing being sent.
    #[must_use]
    pub const fn offline(mut self, offline: bool) -> Self {
        self.offline = Some(offline);
        self
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions")
            .field("base_url", &self.base_url)
            .field("timeout", &self.timeout)
            .field("max_retries", &self.max_retries)
            .field("offline", &self.offline)
            .finish_non_exhaustive()
    }
}

/// Asks the live registry. Usable from several threads; blocks on the network.
pub struct SkillsmithApiClient {
    base: String,
    transport: Transport,
    credentials: Credentials,
    timeout: Duration,
    max_retries: u32,
    offline: bool,
    /// The connections; a new pool after a cancelled request took the old one down.
    agent: Mutex<Option<Agent>>,
    /// The registry asked for silence until then, in the clock's elapsed time.
    silent_until: Mutex<Option<Duration>>,
}

impl SkillsmithApiClient {
    /// A client with the environment of this process behind the options.
    pub fn new(options: ClientOptions) -> Result<Self> {
        Self::with_environment(options, &Environment::of_process())
    }

    /// The same with an environment of the caller's.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where the address, a credential or the proxy cannot be used.
    pub fn with_environment(options: ClientOptions, environment: &Environment) -> Result<Self> {
        let file = environment.config_file();
        let base = options
            .base_url
            .clone()
            .unwrap_or_else(|| environment.base_url(&file));
        let base = base.trim().trim_end_matches('/').to_owned();
        let uri = check_base(&base)?;
        let credentials = credentials(&options, environment, file)?;
        let timeout = options.timeout.unwrap_or(Duration::from_secs(30));
        if timeout.is_zero() {
            return Err(Error::InvalidArgument(
                "The timeout is 0. Use at least 1 millisecond.".into(),
            ));
        }
        Ok(Self {
            transport: Transport::new(&uri, &|name| environment.var(name))?,
            base,
            credentials,
            timeout,
            max_retries: options.max_retries.unwrap_or(3),
            offline: options
                .offline
                .unwrap_or_else(|| environment.offline_mode()),
            agent: Mutex::default(),
            silent_until: Mutex::default(),
        })
    }

    /// The registry's address.
    pub fn base_url(&self) -> &str {
        &self.base
    }

    fn agent(&self) -> Agent {
        self.agent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(|| self.transport.agent())
            .clone()
    }

    /// Sends one request, following redirects on the same origin.
    fn send(
        &self,
        path: &str,
        query: &[(&str, String)],
        timeout: Duration,
        call: &Call<'_>,
    ) -> Result<Response<Body>> {
        let agent = self.agent();
        let _interrupt = call.cancel.on_cancel({
            let agent = agent.clone();
            move || agent.clone().shutdown()
        });
        let outcome = self.follow(&agent, path, query, timeout, call);
        if call.cancel.is_cancelled() {
            // The hook may have shut the pool down; the next request needs a new one.
            self.agent
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            return Err(Error::Cancelled);
        }
        outcome
    }

    fn follow(
        &self,
        agent: &Agent,
        path: &str,
        query: &[(&str, String)],
        timeout: Duration,
        call: &Call<'_>,
    ) -> Result<Response<Body>> {
        let request_id = format!("{:032x}", fastrand::u128(..));
        let mut redirected: Option<Uri> = None;
        for _ in 0..=MAX_REDIRECTS {
            let mut request = match &redirected {
                None => agent
                    .get(format!("{}{path}", self.base))
                    .query_pairs(query.iter().map(|(name, value)| (*name, value.as_str()))),
                Some(uri) => agent.get(uri),
            };
            request = request
                .header("accept", "application/json")
                .header(
                    "user-agent",
                    concat!("skillsmith-sync/", env!("CARGO_PKG_VERSION")),
                )
                .header("x-request-id", &request_id);
            for (name, value) in self.credentials.headers() {
                request = request.header(name, value);
            }
            let from = request.uri_ref().cloned();
            let response = deadlines(request, timeout, call.left())
                .call()
                .map_err(|error| self.explain(error))?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            redirected = Some(redirect_target(&response, from.as_ref())?);
        }
        Err(Error::Protocol(format!(
            "it redirected more than {MAX_REDIRECTS} times"
        )))
    }

    /// One try of a page.
    fn attempt(&self, query: &[(&str, String)], call: &Call<'_>) -> Attempt<Page> {
        if let Err(error) = self.keep_silence(call) {
            return Attempt::Final(error);
        }
        let mut response = match self.send("/skills-search", query, self.timeout, call) {
            Ok(response) => response,
            Err(error) => return again_or_final(error, None),
        };
        let now = call.clock.now();
        if let Some(pause) = pacing::pause_after(response.headers(), now) {
            *self
                .silent_until
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(call.clock.elapsed() + pause);
        }
        if !response.status().is_success() {
            let asked = pacing::retry_after(response.headers(), now);
            return again_or_final(self.refusal(&mut response, asked, now), asked);
        }
        let _interrupt = self.interruptible(call);
        let page = read_body(response.body_mut(), MAX_BODY)
            .map_err(|error| self.explain(error))
            .and_then(|body| Page::parse(&body));
        match page {
            Ok(page) => Attempt::Done(page),
            Err(error) => again_or_final(error, None),
        }
    }

    /// Has a cancellation cut the body that is being read.
    fn interruptible(&self, call: &Call<'_>) -> impl Drop + use<> {
        let agent = self.agent();
        call.cancel.on_cancel(move || agent.clone().shutdown())
    }

    /// Waits where the last answer used up the rate limit.
    fn keep_silence(&self, call: &Call<'_>) -> Result<()> {
        let until = *self
            .silent_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(duration) = until.and_then(|until| until.checked_sub(call.clock.elapsed())) else {
            return Ok(());
        };
        let wait = Wait {
            reason: format!(
                "The registry's rate limit is used up. Going on in {} s.",
                duration.as_secs().max(1)
            ),
            duration,
        };
        call.wait(&wait, || Error::RateLimited {
            retry_at: later(call.clock.now(), duration),
        })
    }

    /// What an answer that is no success means.
    fn refusal(
        &self,
        response: &mut Response<Body>,
        asked: Option<Duration>,
        now: DateTime<Utc>,
    ) -> Error {
        let status = response.status();
        let body = read_body(response.body_mut(), MAX_REFUSAL).unwrap_or_default();
        let refusal: Refusal = serde_json::from_slice(&body).unwrap_or_default();
        let detail = self.detail(&refusal);
        let retry_at = asked.and_then(|asked| later(now, asked));
        match status {
            StatusCode::TOO_MANY_REQUESTS if is_quota(&refusal) => Error::QuotaExceeded {
                detail: quota_detail(&refusal),
                resets_at: refusal
                    .resets_at
                    .as_str()
                    .and_then(crate::clock::from_iso)
                    .or(retry_at),
            },
            StatusCode::TOO_MANY_REQUESTS => Error::RateLimited { retry_at },
            StatusCode::UNAUTHORIZED => Error::Unauthorized(format!(
                "{} (401{}; sent {}). Set SKILLSMITH_API_KEY to a valid key and sync again.",
                "The registry wants a valid API key",
                detail.map_or_else(String::new, |detail| format!(": {detail}")),
                self.credentials.describe(),
            )),
            StatusCode::FORBIDDEN => Error::Forbidden(format!(
                "The registry does not allow this (403{}; sent {}).",
                detail.map_or_else(String::new, |detail| format!(": {detail}")),
                self.credentials.describe(),
            )),
            _ if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                Error::Server {
                    status: status.as_u16(),
                    detail,
                    retry_at,
                }
            }
            _ => Error::Refused {
                status: status.as_u16(),
                detail,
            },
        }
    }

    /// What the body of a refusal says, without our credentials and not too much of it.
    fn detail(&self, refusal: &Refusal) -> Option<String> {
        let words: Vec<&str> = [&refusal.error, &refusal.message, &refusal.details]
            .into_iter()
            .filter_map(|value| value.as_str().or_else(|| value.get("message")?.as_str()))
            .filter(|text| !text.trim().is_empty())
            .collect();
        let text: String = words
            .join(": ")
            .chars()
            .filter(|c| !c.is_control())
            .take(MAX_DETAIL)
            .collect();
        (!text.is_empty()).then(|| self.credentials.redact(&text))
    }

    /// Puts a failure of the connection into plain words.
    fn explain(&self, error: ureq::Error) -> Error {
        use ureq::Error as Http;
        match error {
            Http::Timeout(phase) => Error::Timeout(phase_in_words(phase)),
            Http::HostNotFound => Error::Unreachable(
                "its name cannot be found. Check the address and the network.".into(),
            ),
            Http::BodyExceedsLimit(limit) => Error::TooLarge(limit),
            Http::Io(error) => match error.downcast::<ureq::Error>() {
                Ok(inner) => self.explain(inner),
                Err(error) => Error::Unreachable(self.credentials.redact(&io_in_words(&error))),
            },
            Http::Decompress(..) => Error::Protocol("its compression is damaged".into()),
            Http::Protocol(_) | Http::Http(_) | Http::LargeResponseHeader(..) => Error::Protocol(
                self.credentials
                    .redact(&format!("it is no valid HTTP ({error})")),
            ),
            other => Error::Unreachable(self.credentials.redact(&other.to_string())),
        }
    }
}

impl Registry for SkillsmithApiClient {
    fn name(&self) -> String {
        self.base.clone()
    }

    fn is_offline(&self) -> bool {
        self.offline
    }

    fn check_health(&self, call: &Call<'_>) -> Result<Health> {
        #[derive(Deserialize, Default)]
        struct Answer {
            #[serde(default)]
            status: serde_json::Value,
        }
        if self.offline {
            return Err(Error::Offline);
        }
        let mut response = match self.send("/health", &[], HEALTH_TIMEOUT.min(self.timeout), call) {
            Ok(response) => response,
            Err(error @ (Error::Cancelled | Error::RedirectRefused(_))) => return Err(error),
            Err(error) => return Err(Error::Unhealthy(Some(error.to_string()))),
        };
        let _interrupt = self.interruptible(call);
        let status = response.status();
        if status.is_server_error() {
            let body = read_body(response.body_mut(), MAX_REFUSAL).unwrap_or_default();
            let said: Answer = serde_json::from_slice(&body).unwrap_or_default();
            // The registry's own "unhealthy" needs no further cause; a proxy's 502 does.
            let own_word = said.status.as_str() == Some("unhealthy");
            return if own_word {
                Ok(Health::Unhealthy)
            } else {
                Err(Error::Unhealthy(Some(format!("HTTP {status}"))))
            };
        }
        if !status.is_success() {
            return Ok(Health::Degraded);
        }
        let body = read_body(response.body_mut(), MAX_REFUSAL).map_err(|error| self.explain(error));
        call.check()?;
        let body = body.map_err(|error| Error::Unhealthy(Some(error.to_string())))?;
        let said: Answer = serde_json::from_slice(&body).unwrap_or_default();
        Ok(match said.status.as_str() {
            Some("healthy") => Health::Healthy,
            Some("unhealthy") => Health::Unhealthy,
            _ => Health::Degraded,
        })
    }

    fn search(&self, request: &PageRequest, call: &Call<'_>) -> Result<Page> {
        if self.offline {
            return Err(Error::Offline);
        }
        let mut query = vec![
            ("limit", request.limit.to_string()),
            ("offset", request.offset.to_string()),
        ];
        query.extend(request.query.clone().map(|word| ("query", word)));
        query.extend(request.trust_tier.clone().map(|tier| ("trust_tier", tier)));
        retry::run(call, self.max_retries, || self.attempt(&query, call))
    }
}

impl fmt::Debug for SkillsmithApiClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SkillsmithApiClient")
            .field("base_url", &self.base)
            .field("credentials", &self.credentials)
            .field("offline", &self.offline)
            .finish_non_exhaustive()
    }
}

fn check_base(base: &str) -> Result<Uri> {
    let invalid = |why: &str| {
        Error::InvalidArgument(format!(
            "The registry's address cannot be used: {why}. Use the form https://host/path."
        ))
    };
    let uri: Uri = base.parse().map_err(|_| invalid("it is no URL"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(invalid("it begins neither with http:// nor with https://"));
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(invalid("it names no host"));
    }
    if uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
    {
        return Err(invalid(
            "it contains a user name or password; give a key instead",
        ));
    }
    if uri.query().is_some() || base.contains('#') {
        return Err(invalid("it has a query or fragment"));
    }
    Ok(uri)
}

fn credentials(
    options: &ClientOptions,
    environment: &Environment,
    file: ConfigFile,
) -> Result<Credentials> {
    let given = |text: &Option<String>| {
        text.as_deref()
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(|text| Secret::new(text, Source::Option))
    };
    let var = |name: &'static str| {
        environment
            .var(name)
            .map(|text| Secret::new(text, Source::Variable(name)))
    };
    let credentials = Credentials {
        anon_key: given(&options.anon_key).or_else(|| var("SUPABASE_ANON_KEY")),
        api_key: given(&options.api_key)
            .or_else(|| var("SKILLSMITH_API_KEY"))
            .or_else(|| {
                file.api_key
                    .map(|text| Secret::new(text, Source::ConfigFile))
            }),
        jwt_token: given(&options.jwt_token),
    };
    if let Some(secret) = credentials.all().find(|secret| !secret.is_valid()) {
        return Err(Error::InvalidArgument(format!(
            "The key {} contains characters that no key has. Copy it again.",
            secret.source
        )));
    }
    Ok(credentials)
}

fn redirect_target(response: &Response<Body>, from: Option<&Uri>) -> Result<Uri> {
    let location = response
        .headers()
        .get("location")
        .and_then(|location| location.to_str().ok());
    let (Some(location), Some(from)) = (location, from) else {
        return Err(Error::Protocol(format!(
            "HTTP {} without a place to go to",
            response.status()
        )));
    };
    let target = redirect::resolve(from, location)
        .ok_or_else(|| Error::Protocol("it redirects to something that is no address".into()))?;
    if !redirect::same_origin(from, &target) {
        // Scheme, host and port only: a path or query may hold secrets.
        let scheme = target.scheme_str().unwrap_or_default();
        let host = target.host().unwrap_or_default();
        let port = target
            .port_u16()
            .map_or_else(String::new, |port| format!(":{port}"));
        return Err(Error::RedirectRefused(format!(
            "to {scheme}://{host}{port}"
        )));
    }
    Ok(target)
}

fn read_body(body: &mut Body, limit: u64) -> Result<Vec<u8>, ureq::Error> {
    body.with_config().limit(limit).read_to_vec()
}

/// 408, 429, 5xx, broken connections and unreadable answers may heal; nothing else does.
fn again_or_final<T>(error: Error, asked: Option<Duration>) -> Attempt<T> {
    match error {
        Error::RateLimited { .. }
        | Error::Server { .. }
        | Error::Unreachable(_)
        | Error::Timeout(_)
        | Error::Protocol(_) => Attempt::Again(error, asked),
        _ => Attempt::Final(error),
    }
}

fn is_quota(refusal: &Refusal) -> bool {
    refusal.error.as_str() == Some("monthly_quota_exceeded")
}

fn quota_detail(refusal: &Refusal) -> Option<String> {
    let (used, limit) = (refusal.used.as_u64()?, refusal.limit.as_u64()?);
    let tier = refusal
        .tier
        .as_str()
        .map_or_else(String::new, |tier| format!(", plan {tier}"));
    Some(format!("{used} of {limit} requests{tier}"))
}

fn later(now: DateTime<Utc>, duration: Duration) -> Option<DateTime<Utc>> {
    now.checked_add_signed(TimeDelta::from_std(duration).ok()?)
}

fn phase_in_words(phase: ureq::Timeout) -> String {
    use ureq::Timeout as Phase;
    match phase {
        Phase::Resolve => "looking up its name took too long",
        Phase::Connect => "it does not accept connections",
        Phase::RecvBody => "its answer began but did not end",
        _ => "it accepted the request but sent no answer",
    }
    .into()
}

fn io_in_words(error: &std::io::Error) -> String {
    use std::io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused => {
            "the connection was refused. Check the address, or try again later.".into()
        }
        Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::BrokenPipe
        | Kind::UnexpectedEof => "the connection broke off in the middle of an answer.".into(),
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => {
            "there is no network connection to it.".into()
        }
        _ => error.to_string(),
    }
}
