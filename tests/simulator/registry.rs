//! The registry as the engine sees it: pages as bytes, errors of every kind, and retries as in the
//! real client.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use skillsmith_sync::registry::{
    Call, Health, Page, PageRequest, Registry, SyncRequest, Validator, Wait,
};
use skillsmith_sync::{CancelToken, Error, Result};

use crate::catalogue::{Answer, Catalogue, Way};
use crate::clock::{SimClock, cancel_and_wait};
use crate::scenario::{AtRequest, Failure, Fault, Target};
use crate::skill::{Row, START, TIERS};

/// Attempts per request, as in the real client.
const TRIES: u32 = 4;

pub struct SimRegistry {
    pub clock: Arc<SimClock>,
    pub shared: Arc<Mutex<Shared>>,
    /// Pages of the search carry an ETag.
    pub etags: bool,
}

/// The state of the registry, and what it has served.
#[derive(Debug, Default)]
pub struct Shared {
    pub catalogue: Catalogue,
    pub run: RunState,
    /// Every version that was ever served, by id.
    pub ever: BTreeMap<u32, Vec<Row>>,
    pub answers: u64,
    /// The last kind of request.
    pub way: Way,
    /// The sync endpoint has answered.
    pub asked_endpoint: bool,
}

/// The state of one run.
#[derive(Debug, Default)]
pub struct RunState {
    pub faults: Vec<Fault>,
    pub at: Vec<(u32, AtRequest)>,
    pub requests: u32,
    /// The first rows were asked for.
    pub asked_first: bool,
    pub most_requests: u32,
    pub overrun: bool,
    pub cancel: CancelToken,
    /// Versions served in this run, by id.
    pub served: BTreeMap<u32, Vec<Row>>,
    pub log: Vec<String>,
    /// A fault of the registry has occurred.
    pub failed: bool,
}

pub fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registry for SimRegistry {
    fn name(&self) -> String {
        "https://simulated.example".into()
    }

    fn is_offline(&self) -> bool {
        false
    }

    fn check_health(&self, call: &Call<'_>) -> Result<Health> {
        let due = lock(&self.shared).due(|target| *target == Target::Health);
        match due {
            Some(Failure::Unhealthy) => return Ok(Health::Unhealthy),
            Some(failure) => return Err(self.error(failure)),
            None => {}
        }
        if call.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        // "Connecting" and "fetching".
        self.clock.expect(2);
        Ok(Health::Healthy)
    }

    fn search(&self, request: &PageRequest, call: &Call<'_>) -> Result<Page> {
        let page = self.page(request, Way::Search, None, call)?;
        page.ok_or_else(|| Error::Internal("nothing was asked".into()))
    }

    fn search_if_changed(
        &self,
        request: &PageRequest,
        known: &Validator,
        call: &Call<'_>,
    ) -> Result<Option<Page>> {
        self.page(request, Way::Search, Some(known), call)
    }

    fn sync_registry(&self, request: &SyncRequest, call: &Call<'_>) -> Result<Page> {
        let since = request.since.as_deref().map(milliseconds);
        let page = PageRequest::new()
            .offset(request.offset)
            .limit(request.limit);
        let answer = self.page(&page, Way::Sync(since), None, call)?;
        let now = START + self.clock.registry_seconds();
        let now = chrono::DateTime::from_timestamp(now, 0).unwrap_or_default();
        answer
            .map(|page| page.with_served_at(now))
            .ok_or_else(|| Error::Internal("nothing was asked".into()))
    }
}

impl SimRegistry {
    /// A page, or `None` if it is still the known one.
    fn page(
        &self,
        request: &PageRequest,
        way: Way,
        known: Option<&Validator>,
        call: &Call<'_>,
    ) -> Result<Option<Page>> {
        // The run may end with a cancel that comes with the last page, before this thread notices.
        if !self.clock.in_step(call.cancel) || lock(&self.shared).run.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let number = self.begin_request(request, way, call)?;
        let mut tries = 0;
        let answer = loop {
            tries += 1;
            let answer = self.answer(request, way, known, number);
            let Err(error) = answer else { break answer };
            let delay = delay(&error, tries, self.clock.real_now());
            let most = if call.single_try { 1 } else { TRIES };
            let Some(duration) = delay.filter(|_| tries < most) else {
                break Err(error);
            };
            let wait = Wait::new("simulated retry", duration);
            if duration < call.left() {
                self.clock.expect(1);
            }
            call.wait(&wait, || error)?;
        };
        let mut shared = lock(&self.shared);
        let outcome = match &answer {
            Ok((None, rows)) => format!("the same {rows} rows"),
            Ok((_, rows)) => format!("{rows} rows"),
            Err(error) => error.to_string(),
        };
        shared
            .run
            .log
            .push(format!("{} -> {outcome}", shown(request, way)));
        answer.map(|(page, _)| {
            self.clock.expect(1);
            page
        })
    }

    /// Counts a request, and applies the events that are due at it.
    fn begin_request(&self, request: &PageRequest, way: Way, call: &Call<'_>) -> Result<u32> {
        let mut shared = lock(&self.shared);
        shared.way = way;
        shared.run.requests += 1;
        let number = shared.run.requests;
        shared.run.asked_first |= request.offset == 0;
        if number > shared.run.most_requests {
            shared.run.overrun = true;
            let text = format!("{} -> never ends", shown(request, way));
            shared.run.log.push(text);
            return Err(Error::Unauthorized("the simulation stops it".into()));
        }
        let latency = shared.catalogue.style.latency_ms;
        self.clock.pass(Duration::from_millis(latency.into()));
        let mut cancel = None;
        for action in shared.take_due(number) {
            match action {
                AtRequest::Registry(mutation) => {
                    let now = self.clock.registry_seconds();
                    shared.catalogue.apply(&mutation, now);
                }
                AtRequest::Jump(seconds) => self.clock.jump(seconds),
                AtRequest::Cancel => cancel = Some(shared.run.cancel.clone()),
            }
        }
        drop(shared);
        if let Some(user) = cancel {
            cancel_and_wait(&user, call.cancel);
            return Err(Error::Cancelled);
        }
        Ok(number)
    }

    /// One attempt: the page, unless it is still the known one, and its number of rows.
    fn answer(
        &self,
        request: &PageRequest,
        way: Way,
        known: Option<&Validator>,
        number: u32,
    ) -> Result<(Option<Page>, usize)> {
        let mut shared = lock(&self.shared);
        shared.answers += 1;
        let answers = shared.answers;
        let answer = shared.catalogue.answer(request, way, answers);
        let holds = |wanted: u32| match &answer {
            Answer::Page { rows, .. } => rows.iter().any(|row| row.n == wanted),
            Answer::Refused(_) => false,
        };
        let failure = shared.due(|target| match target {
            Target::Health => false,
            Target::Request(at) => *at == number,
            Target::From(at) => *at <= number,
            Target::RowPage(row) => holds(*row),
            Target::Tier(tier) => {
                let word = TIERS.get(usize::from(*tier)).copied();
                request.trust_tier.is_some() && request.trust_tier.as_deref() == word
            }
            Target::Deep(offset) => request.offset >= u64::from(*offset),
        });
        if let Some(failure) = failure {
            shared.run.failed = true;
            drop(shared);
            let body = match failure {
                Failure::NoJson => "<html>503</html>",
                // In a page that cannot be repaired; otherwise it would cost only the row.
                Failure::NaN => r#"{"data":[{"id":"s000","name":"n","quality_score":NaN}"#,
                Failure::Empty(true) => r#"{"data":[],"meta":{"total":0}}"#,
                Failure::Empty(false) => r#"{"data":[]}"#,
                _ => return Err(self.error(failure)),
            };
            return Page::parse(body.as_bytes()).map(|page| (Some(page), 0));
        }
        match answer {
            Answer::Refused(status) => Err(Error::Refused {
                status,
                detail: Some("simulated".into()),
            }),
            Answer::Page { rows, body } => {
                shared.asked_endpoint |= way != Way::Search;
                let mut page = Page::parse(body.as_bytes())?;
                let count = rows.len();
                let etag = etag(&body).filter(|_| self.etags && way == Way::Search);
                let is_known = known.is_some() && etag.as_ref() == known;
                if let Some(etag) = etag {
                    page = page.with_validator(etag);
                }
                for row in rows {
                    note(&mut shared.run.served, &row);
                    note(&mut shared.ever, &row);
                }
                Ok(((!is_known).then_some(page), count))
            }
        }
    }

    fn error(&self, failure: Failure) -> Error {
        let after = |seconds: Option<u32>| {
            seconds.map(|seconds| self.clock.real_now() + TimeDelta::seconds(seconds.into()))
        };
        match failure {
            Failure::Server(status, seconds) => Error::Server {
                status,
                detail: None,
                retry_at: after(seconds),
            },
            Failure::Timeout => Error::Timeout("simulated".into()),
            Failure::Unreachable => Error::Unreachable("simulated".into()),
            Failure::TooLarge => Error::TooLarge(16 << 20),
            Failure::Refused(status) => Error::Refused {
                status,
                detail: None,
            },
            Failure::Forbidden => Error::Forbidden("simulated".into()),
            Failure::Unauthorized => Error::Unauthorized("simulated".into()),
            Failure::RateLimited(seconds) => Error::RateLimited {
                retry_at: after(seconds),
            },
            Failure::QuotaExceeded => Error::QuotaExceeded {
                detail: Some("simulated".into()),
                resets_at: after(Some(86_400)),
            },
            // Without the message that an ordinary panic would print.
            Failure::Panic => std::panic::resume_unwind(Box::new("simulated")),
            Failure::NoJson | Failure::NaN | Failure::Empty(_) => {
                Error::Protocol("simulated".into())
            }
            Failure::Unhealthy => Error::Unhealthy(None),
        }
    }
}

impl Shared {
    /// The failure that is due, if any; uses up one attempt of it.
    fn due(&mut self, matches: impl Fn(&Target) -> bool) -> Option<Failure> {
        let fault = self
            .run
            .faults
            .iter_mut()
            .find(|fault| fault.tries != Some(0) && matches(&fault.on))?;
        if let Some(tries) = &mut fault.tries {
            *tries -= 1;
        }
        Some(fault.what)
    }

    fn take_due(&mut self, number: u32) -> Vec<AtRequest> {
        let all = std::mem::take(&mut self.run.at);
        let (due, later) = all.into_iter().partition(|(at, _)| *at <= number);
        self.run.at = later;
        let due: Vec<(u32, AtRequest)> = due;
        due.into_iter().map(|(_, action)| action).collect()
    }

    /// Applies the events that the run did not reach, so that the registry does not depend on the
    /// run.
    pub fn apply_rest(&mut self, now: i64) {
        for action in self.take_due(u32::MAX) {
            if let AtRequest::Registry(mutation) = action {
                self.catalogue.apply(&mutation, now);
            }
        }
    }
}

/// The ETag of a page: another one for every other text.
fn etag(body: &str) -> Option<Validator> {
    let hash = body
        .bytes()
        .fold(0, |hash, byte| crate::random::mixed(hash ^ u64::from(byte)));
    Validator::new(&format!("\"{hash:016x}\""))
}

fn note(versions: &mut BTreeMap<u32, Vec<Row>>, row: &Row) {
    let known = versions.entry(row.n).or_default();
    if !known.contains(row) {
        known.push(row.clone());
    }
}

/// How long the client would wait before the next attempt; `None` if it would not retry.
fn delay(error: &Error, tries: u32, now: chrono::DateTime<chrono::Utc>) -> Option<Duration> {
    let backoff = Duration::from_secs(1 << tries.min(4));
    match error {
        Error::Server { retry_at, .. } | Error::RateLimited { retry_at } => Some(
            retry_at
                .and_then(|at| (at - now).to_std().ok())
                .unwrap_or(backoff),
        ),
        Error::Timeout(_) | Error::Unreachable(_) => Some(backoff),
        _ => None,
    }
}

/// The time in a request, in milliseconds after the start.
fn milliseconds(since: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(since)
        .map_or(i64::MAX, |at| at.timestamp_millis() - START * 1_000)
}

fn shown(request: &PageRequest, way: Way) -> String {
    let mut text = format!("{}+{}", request.offset, request.limit);
    if let Way::Sync(since) = way {
        text = format!("sync {text}");
        if let Some(since) = since {
            text = format!("{text} since={since}");
        }
    }
    for (name, value) in [("tier", &request.trust_tier), ("query", &request.query)] {
        if let Some(value) = value {
            text = format!("{text} {name}={value}");
        }
    }
    text
}
