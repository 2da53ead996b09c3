//! The HTTP client of the live registry.
#![warn(clippy::arithmetic_side_effects)]

#[cfg(feature = "cli")]
mod described;
mod health;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::value::RawValue;
use ureq::http::{HeaderMap, Response, StatusCode, Uri};
use ureq::typestate::WithoutBody;
use ureq::{Agent, Body, RequestBuilder};

use super::answer::{explain, read_body, refusal, told, unconnected};
use super::connections::{Connections, Pools};
use super::credentials::Credentials;
use super::mend::read_leniently;
use super::options::{ClientOptions, check_base};
use super::rate_limit::RateLimit;
use super::redirect::{self, MAX_REDIRECTS};
use super::request::Ask;
use super::retry::{self, Attempt};
use super::sign_in::SignIn;
use super::trace;
use super::transport::{Limits, Transport, deadlines};
use super::{
    Call, Caller, Health, Page, PageRequest, Registry, RegistryStatistics, SyncRequest, Validator,
    pacing,
};
use crate::environment::{self, Environment};
use crate::log::{Log, LogLevel};
use crate::{Cause, Error, Result};

/// Size limit of a body after decompression. A page has about 60 KB; this protects against broken
/// servers.
#[doc(hidden)]
pub const MAX_BODY: u64 = 16 * 1024 * 1024;

/// How long the words of a refusal, which its status comes without, are waited for.
const REFUSAL_TIME: Duration = Duration::from_secs(5);

const SEARCH: &str = "/skills-search";

/// Longer than any timestamp.
const MAX_STAMP: usize = 64;

/// The HTTP client of the live registry.
///
/// Usable from several threads. Its calls block on the network.
///
/// ```
/// use skillsmith_sync::{ClientOptions, SkillsmithApiClient};
///
/// let client = SkillsmithApiClient::new(ClientOptions::new().base_url("https://registry.example/v1/"))?;
/// assert_eq!(client.base_url(), "https://registry.example/v1");
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
///
/// [`Call`] has an example of a search.
pub struct SkillsmithApiClient {
    base: String,
    transport: Transport,
    sign_in: SignIn,
    timeout: Duration,
    max_retries: u32,
    offline: bool,
    pools: Pools,
    rate_limit: RateLimit,
    log: Log,
    /// What a sync with this client warns of.
    warning: Option<String>,
    /// Something came from the registry itself.
    has_answered: AtomicBool,
    /// So did a page, for which a network that wants a sign-in would have sent its own.
    has_served: AtomicBool,
}

impl SkillsmithApiClient {
    /// Creates a client. Settings that the options omit come from the environment of this process.
    pub fn new(options: ClientOptions) -> Result<Self> {
        Self::with_environment(options, &Environment::of_process())
    }

    /// Creates a client with the caller's environment.
    ///
    /// # Errors [`Error::InvalidArgument`] if the address, a credential or the proxy is invalid;
    /// [`Error::Io`] or [`Error::PermissionDenied`] if the configuration file is needed and exists,
    /// but cannot be read or parsed.
    pub fn with_environment(mut options: ClientOptions, environment: &Environment) -> Result<Self> {
        let file = environment.config_file();
        let timeout = options.timeout.unwrap_or(Duration::from_secs(30));
        let told = match options.base_url.take() {
            Some(base) => Some((base, None)),
            None => environment
                .base_url()?
                .map(|(base, name)| (base, Some(name))),
        };
        let is_of_file = told.is_none();
        let (base, source) = match told {
            Some(told) => told,
            None => (
                environment::base_url_of_file(&file)?,
                Some(environment::FILE_URL),
            ),
        };
        let base = base.trim().trim_end_matches('/').to_owned();
        let uri = check_base(&base, source)?;
        if timeout.is_zero() {
            return Err(Error::InvalidArgument(
                "The timeout is 0. Use at least 1 millisecond.".into(),
            ));
        }
        let log = std::mem::take(&mut options.log);
        let transport = Transport::new(&uri, environment)?;
        let max_retries = options.max_retries.unwrap_or(3);
        let offline = match options.offline {
            Some(offline) => offline,
            None => environment.offline_mode()?,
        };
        let sign_in = SignIn::new(options, environment, &file, uri, is_of_file, &transport)?;
        let client = Self {
            transport,
            base,
            timeout,
            max_retries,
            offline,
            sign_in,
            pools: Pools::default(),
            rate_limit: RateLimit::default(),
            log,
            warning: file.warning(),
            has_answered: AtomicBool::new(false),
            has_served: AtomicBool::new(false),
        };
        let (proxy, credentials) = (client.transport.proxy(), client.sign_in.known());
        trace::client(&client.log, &client.base, &proxy, &credentials);
        if let Some(words) = client.transport.not_understood() {
            client.log.http(LogLevel::Warning, || words.to_owned());
        }
        Ok(client)
    }

    /// The registry's address.
    pub fn base_url(&self) -> &str {
        &self.base
    }

    /// Sends one request, following redirects on the same origin.
    fn send(
        &self,
        connections: &Connections<'_>,
        credentials: &Credentials,
        ask: &Ask<'_>,
        limits: Limits,
        call: &Call<'_>,
    ) -> Result<Response<Body>> {
        let begun = Instant::now();
        let mut outcome = self.follow(connections, credentials, ask, limits, call);
        if self.is_first() {
            outcome = outcome.map_err(|error| self.transport.doubt_port(error));
        }
        trace::request(
            &self.log,
            credentials,
            (&self.base, ask),
            begun.elapsed(),
            &outcome,
        );
        call.check()?;
        outcome
    }

    fn follow(
        &self,
        connections: &Connections<'_>,
        credentials: &Credentials,
        ask: &Ask<'_>,
        limits: Limits,
        call: &Call<'_>,
    ) -> Result<Response<Body>> {
        let begun = Instant::now();
        let request_id = format!("{:032x}", crate::random::rng().u128(..));
        let mut redirected: Option<Uri> = None;
        let (mut visited, mut is_loop) = (Vec::new(), false);
        let is_first = !self.has_served.load(Ordering::Relaxed);
        for redirects in 0..=MAX_REDIRECTS {
            if redirects > 0 {
                call.count_request()?;
            }
            let mut request = self.get(connections.agent(), ask, redirected.as_ref());
            request = request
                .header("accept", "application/json")
                .header("accept-encoding", "gzip")
                .header(
                    "user-agent",
                    concat!("skillsmith-sync/", env!("CARGO_PKG_VERSION")),
                )
                .header("x-request-id", &request_id);
            for (name, value) in ask.condition().into_iter().chain(credentials.headers()) {
                request = request.header(name, value);
            }
            let from = request.uri_ref().cloned();
            let limits = limits.after(begun.elapsed());
            connections.allow(limits.longest());
            let response = deadlines(request, limits, call.left())
                .call()
                .map_err(|error| explain(credentials, error))?;
            if let Some(failure) = self.transport.refused_by_proxy(&response) {
                return Err(unconnected(credentials, failure));
            }
            redirect::refuse_network(response.status())?;
            self.rate_limit.note(response.headers(), call);
            if !Ask::is_redirect(response.status()) {
                return Ok(response);
            }
            let target = redirect::target(credentials, &response, from.as_ref(), is_first)?;
            visited.extend(from);
            is_loop |= visited.contains(&target);
            redirected = Some(target);
        }
        Err(redirect::too_many(is_loop, is_first))
    }

    /// Whether nothing has come from the registry itself yet.
    fn is_first(&self) -> bool {
        !self.has_answered.load(Ordering::Relaxed)
    }

    /// A failure of one attempt, with what else may be at fault.
    fn failed<T>(&self, error: Error, asked: Option<Duration>) -> Attempt<T> {
        Attempt::of_failure(self.transport.doubt(error), asked)
    }

    fn get(
        &self,
        agent: &Agent,
        ask: &Ask<'_>,
        redirected: Option<&Uri>,
    ) -> RequestBuilder<WithoutBody> {
        redirected.map_or_else(
            || {
                let query = ask.query.iter();
                agent
                    .get(format!("{}{}", self.base, ask.path))
                    .query_pairs(query.map(|(name, value)| (*name, value.as_str())))
            },
            |uri| agent.get(uri),
        )
    }

    /// Fetches one page of the listing and returns its JSON text as it was served.
    ///
    /// # Errors
    /// As [`Registry::search`]; [`Error::Protocol`] if the answer is not JSON in UTF-8.
    pub fn search_text(&self, request: &PageRequest, call: &Call<'_>) -> Result<String> {
        let ask = Ask::new(SEARCH, request.query_pairs());
        self.fetch_whole(&ask, call, |body, _, _| {
            // For the copy.
            crate::memory::ensure_available(body.len())?;
            serde_json::from_slice::<Box<RawValue>>(body)
                .map(|text| String::from(Box::<str>::from(text)))
                .map_err(|error| {
                    let words = format!("it is not JSON: {error}");
                    Error::Protocol(Cause::new(words).with_source(error))
                })
        })
    }

    /// Asks for the size of the registry (`/stats`).
    ///
    /// # Errors As [`Registry::search`]; [`Error::Refused`] with status 404 if the registry has no
    /// such endpoint.
    pub fn statistics(&self, call: &Call<'_>) -> Result<RegistryStatistics> {
        let ask = Ask::new("/stats", Vec::new());
        self.fetch_whole(&ask, call, |body, headers, credentials| {
            let said = &read_leniently(body)["data"];
            let last_updated = said["lastUpdated"].as_str();
            Ok(RegistryStatistics {
                skill_count: said["skillCount"].as_u64(),
                last_updated: last_updated.map(|stamp| told(credentials, stamp, MAX_STAMP)),
                rate_limit: pacing::rate_limit(headers),
            })
        })
    }

    /// Fetches what was asked for without a condition.
    fn fetch_whole<T>(
        &self,
        ask: &Ask<'_>,
        call: &Call<'_>,
        read: impl Fn(&[u8], &HeaderMap, &Credentials) -> Result<T>,
    ) -> Result<T> {
        let found = self.fetch(ask, call, read)?;
        found.ok_or_else(|| {
            Error::Protocol("it answered 304 to a request without a condition".into())
        })
    }

    /// Fetches a page, with retries; `read` parses its bytes. `None` if it is unchanged.
    fn fetch<T>(
        &self,
        ask: &Ask<'_>,
        call: &Call<'_>,
        read: impl Fn(&[u8], &HeaderMap, &Credentials) -> Result<T>,
    ) -> Result<Option<T>> {
        if self.offline {
            return Err(Error::Offline);
        }
        ask.check(&self.base)?;
        let retries = if call.single_try { 0 } else { self.max_retries };
        retry::run(call, retries, || {
            self.sign_in.attempt(call, |credentials| {
                self.attempt(credentials, ask, call, &read)
            })
        })
    }

    /// One attempt to fetch a page.
    fn attempt<T>(
        &self,
        credentials: &Credentials,
        ask: &Ask<'_>,
        call: &Call<'_>,
        read: impl Fn(&[u8], &HeaderMap, &Credentials) -> Result<T>,
    ) -> Attempt<Option<T>> {
        let waited = self.rate_limit.wait(call);
        let connections = match waited.and_then(|()| self.pools.take(&self.transport, call)) {
            Ok(connections) => connections,
            Err(error) => {
                call.request_not_sent();
                return Attempt::Final(error);
            }
        };
        let limits = Limits::OfEach(self.timeout);
        let mut response = match self.send(&connections, credentials, ask, limits, call) {
            Ok(response) => response,
            Err(error) => return self.failed(error, None),
        };
        if ask.is_unchanged(response.status()) {
            return Attempt::Done(None);
        }
        if !response.status().is_success() {
            connections.hurry(REFUSAL_TIME);
            let now = call.clock.now();
            let asked = pacing::asked_pause(response.status(), response.headers(), now);
            return self.failed(refusal(credentials, &mut response, asked, now), asked);
        }
        if !is_whole(response.status()) {
            let words = format!("HTTP {}, which is not a whole answer", response.status());
            return self.failed(Error::Protocol(words.into()), None);
        }
        let page = read_body(credentials, response.body_mut(), MAX_BODY)
            .and_then(|body| read(&body, response.headers(), credentials))
            .map_err(|error| match error {
                // A parser's message may quote the input.
                Error::Protocol(cause) => {
                    Error::Protocol(cause.redacted(|text| credentials.redact(text)))
                }
                error => error,
            });
        match page {
            Ok(page) => {
                self.has_answered.store(true, Ordering::Relaxed);
                self.has_served.store(true, Ordering::Relaxed);
                Attempt::Done(Some(page))
            }
            Err(error) => self.failed(error, None),
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
        // The first request of a run also follows the last one of the previous run.
        self.rate_limit
            .wait(call)
            .inspect_err(|_| call.request_not_sent())?;
        let report = self.health_report(call)?;
        // A pause that does not fit into the run ends it here rather than at the first page.
        match self.rate_limit.remaining(call) {
            Some(duration) if duration >= call.left() => Err(RateLimit::error(duration, call)),
            _ => Ok(report.health),
        }
    }

    fn search(&self, request: &PageRequest, call: &Call<'_>) -> Result<Page> {
        self.fetch_whole(&Ask::new(SEARCH, request.query_pairs()), call, page)
    }

    fn search_if_changed(
        &self,
        request: &PageRequest,
        known: &Validator,
        call: &Call<'_>,
    ) -> Result<Option<Page>> {
        let ask = Ask::new(SEARCH, request.query_pairs()).unless(known);
        self.fetch(&ask, call, page)
    }

    fn sync_registry(&self, request: &SyncRequest, call: &Call<'_>) -> Result<Page> {
        let ask = Ask::new("/registry-sync", request.query_pairs());
        self.fetch_whole(&ask, call, page)
    }

    fn log(&self) -> Log {
        self.log.clone()
    }

    fn warnings(&self) -> Vec<String> {
        self.warning.iter().cloned().collect()
    }

    fn caller(&self) -> Caller {
        self.sign_in.caller()
    }

    fn next_caller(&self) -> Caller {
        self.sign_in.next_caller()
    }
}

impl fmt::Debug for SkillsmithApiClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SkillsmithApiClient")
            .field("base_url", &self.base)
            .field("credentials", &self.sign_in)
            .field("offline", &self.offline)
            .finish_non_exhaustive()
    }
}

/// Whether an answer is all that was asked for, also as a proxy has changed it (203). A part of it (206) is not.
const fn is_whole(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203)
}

/// Parses a page of a listing.
fn page(body: &[u8], headers: &HeaderMap, credentials: &Credentials) -> Result<Page> {
    let mut page = Page::parse(body)?;
    page.redact(credentials);
    page.served_at = pacing::date(headers);
    // It is stored, and no credential is.
    page.validator = Validator::of(headers).filter(|found| !credentials.are_in(found.as_str()));
    Ok(page)
}
