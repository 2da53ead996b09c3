//! The registry: the trait [`Registry`], its pages, and the HTTP client of the live one.
//!
//! The engine uses a registry in this way:
//! 1. [`check_health`](Registry::check_health): an unhealthy registry ends the run before it begins.
//! 2. [`sync_registry`](Registry::sync_registry), page after page, each once the last one is on its way to
//!    the database: every row in the first sync, and what has changed in later ones.
//! 3. Where there is no such endpoint, [`search`](Registry::search) with a limit and an offset. A listing that is refused with [`Error::Refused`] and status 400 is requested in
//!    another way: by trust tier, or by search words. A page that fails costs its own rows.

mod answer;
mod body;
mod client;
mod credentials;
mod disguise;
pub(crate) mod field;
mod mend;
mod options;
pub(crate) mod pacing;
mod redirect;
mod retry;
mod sign_in;
mod token_provider;
mod transport;
pub(crate) mod wire;

use std::fmt;
use std::time::Duration;

pub use self::client::SkillsmithApiClient;
pub use self::field::Value;
pub use self::options::ClientOptions;
pub use self::token_provider::TokenRequest;
pub use self::wire::{Page, Row};
use chrono::{DateTime, Utc};

use crate::clock::Clock;
use crate::{CancelToken, Error, Result, memory};

/// Rows of a page unless told otherwise.
const DEFAULT_LIMIT: u32 = 100;

/// How long a call that is not the engine's may take unless told otherwise.
const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(30 * 60);

/// A source of skills: the live registry, or whatever stands in for it.
///
/// The engine calls it on a thread of its own. Calls may block, and should return soon
/// after [`Call::cancel`] is cancelled. Retries are the implementation's own; it makes
/// none if [`Call::single_try`] is set.
///
/// A registry in a file:
///
/// ```
/// use std::sync::Arc;
/// use skillsmith_sync::registry::{Call, Health, Page, PageRequest, Registry};
/// use skillsmith_sync::{Database, Result, SyncEngine, SyncOptions};
///
/// struct Fixed(&'static [u8]);
///
/// impl Registry for Fixed {
///     fn name(&self) -> String {
///         "fixed".into()
///     }
///
///     fn is_offline(&self) -> bool {
///         false
///     }
///
///     fn check_health(&self, _: &Call<'_>) -> Result<Health> {
///         Ok(Health::Healthy)
///     }
///
///     fn search(&self, request: &PageRequest, _: &Call<'_>) -> Result<Page> {
///         // Everything is on the first page.
///         Page::parse(if request.offset == 0 { self.0 } else { br#"{"data": []}"# })
///     }
/// }
///
/// let registry = Fixed(br#"{"data": [{"id": "a/b", "name": "b"}, {"id": "c/d", "name": "d"}]}"#);
/// let engine = SyncEngine::new(Arc::new(registry), &Database::open_in_memory()?);
/// let result = engine.sync(SyncOptions::new())?;
/// assert_eq!(result.skills_added, 2);
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
pub trait Registry: Send + Sync {
    /// What tells this registry from another: the base URL. The listing plan
    /// that worked, and the place of an unfinished listing, are kept under it.
    fn name(&self) -> String;

    /// Whether nothing may be sent at all.
    fn is_offline(&self) -> bool;

    /// Asks how the registry is.
    fn check_health(&self, call: &Call<'_>) -> Result<Health>;

    /// Fetches one page of the listing.
    fn search(&self, request: &PageRequest, call: &Call<'_>) -> Result<Page>;

    /// Fetches one page of the sync endpoint: every row of the registry in the order of their ids or,
    /// with [`since`](SyncRequest::since), those changed later.
    ///
    /// A registry without it answers [`Error::Refused`] with status 404, 405, 410 or 501, as this default
    /// does; then the engine uses [`search`](Self::search).
    fn sync_registry(&self, _request: &SyncRequest, _call: &Call<'_>) -> Result<Page> {
        Err(Error::Refused {
            status: 404,
            detail: None,
        })
    }
}

/// How a registry is.
///
/// ```
/// use skillsmith_sync::registry::Health;
///
/// assert_eq!(Health::Degraded.as_str(), "degraded");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// It serves.
    Healthy,
    /// It serves, with trouble.
    Degraded,
    /// It says that it does not serve.
    Unhealthy,
}

impl Health {
    /// The word that the registry uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// What a registry says of itself: [`SkillsmithApiClient::health_report`].
///
/// ```no_run
/// use skillsmith_sync::clock::SystemClock;
/// use skillsmith_sync::registry::{Call, Health};
/// use skillsmith_sync::{CancelToken, ClientOptions, SkillsmithApiClient};
///
/// let client = SkillsmithApiClient::new(ClientOptions::new())?;
/// let report = client.health_report(&Call::new(&CancelToken::new(), &SystemClock))?;
/// if report.health == Health::Healthy {
///     println!("version {}", report.version.as_deref().unwrap_or("unknown"));
/// }
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HealthReport {
    /// How it is.
    pub health: Health,
    /// Its version, where it says so.
    pub version: Option<String>,
}

/// What a registry says of its size: [`SkillsmithApiClient::statistics`]. Good to show, never a proof.
///
/// ```no_run
/// use skillsmith_sync::clock::SystemClock;
/// use skillsmith_sync::registry::Call;
/// use skillsmith_sync::{CancelToken, ClientOptions, SkillsmithApiClient};
///
/// let client = SkillsmithApiClient::new(ClientOptions::new())?;
/// let statistics = client.statistics(&Call::new(&CancelToken::new(), &SystemClock))?;
/// println!("{:?} skills", statistics.skill_count);
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegistryStatistics {
    /// Skills that it has.
    pub skill_count: Option<u64>,
    /// The newest stamp of a skill, as it was served.
    pub last_updated: Option<String>,
    /// Requests that it allows in a minute (`X-RateLimit-Limit`).
    pub rate_limit: Option<u64>,
}

/// Which page of the listing is wanted. What is not set is not asked for.
///
/// ```
/// use skillsmith_sync::registry::PageRequest;
///
/// let request = PageRequest::new().query("git").limit(20).offset(40);
/// assert_eq!((request.limit, request.offset), (20, 40));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PageRequest {
    /// A search word. The live registry wants one, or one of the next three.
    pub query: Option<String>,
    /// Only skills of this tier.
    pub trust_tier: Option<String>,
    /// Only skills of this category. The engine never asks for one.
    pub category: Option<String>,
    /// Only skills with at least this quality score, in the registry's own measure. The engine
    /// never asks for one.
    pub min_score: Option<f64>,
    /// Rows wanted; the registry may give fewer.
    pub limit: u32,
    /// Rows to pass over.
    pub offset: u64,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self {
            query: None,
            trust_tier: None,
            category: None,
            min_score: None,
            limit: DEFAULT_LIMIT,
            offset: 0,
        }
    }
}

impl PageRequest {
    /// The first 100 rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the search word.
    #[must_use]
    pub fn query(mut self, word: impl Into<String>) -> Self {
        self.query = Some(word.into());
        self
    }

    /// Asks only for skills of this tier, such as `verified`.
    #[must_use]
    pub fn trust_tier(mut self, tier: impl Into<String>) -> Self {
        self.trust_tier = Some(tier.into());
        self
    }

    /// Asks only for skills of this category.
    #[must_use]
    pub fn category(mut self, category: impl Into<String>) -> Self {
        self.category = Some(category.into());
        self
    }

    /// Asks only for skills with at least this quality score, in the registry's own measure.
    #[must_use]
    pub const fn min_score(mut self, score: f64) -> Self {
        self.min_score = Some(score);
        self
    }

    /// Sets how many rows are wanted. Default: 100.
    #[must_use]
    pub const fn limit(mut self, rows: u32) -> Self {
        self.limit = rows;
        self
    }

    /// Sets how many rows to pass over. Default: 0.
    #[must_use]
    pub const fn offset(mut self, rows: u64) -> Self {
        self.offset = rows;
        self
    }
}

/// Which page of the sync endpoint is wanted.
///
/// ```
/// use skillsmith_sync::registry::SyncRequest;
///
/// let request = SyncRequest::new().since("2026-08-01T12:00:00Z").limit(50).offset(100);
/// assert_eq!(request.since.as_deref(), Some("2026-08-01T12:00:00Z"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncRequest {
    /// Only rows whose `updated_at` is later than this, as ISO 8601; all rows where it is not set.
    pub since: Option<String>,
    /// Rows wanted; the registry may give fewer.
    pub limit: u32,
    /// Rows to pass over.
    pub offset: u64,
}

impl Default for SyncRequest {
    fn default() -> Self {
        Self {
            since: None,
            limit: DEFAULT_LIMIT,
            offset: 0,
        }
    }
}

impl SyncRequest {
    /// The first 100 rows of all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks only for rows changed later than this. Default: all rows.
    #[must_use]
    pub fn since(mut self, stamp: impl Into<String>) -> Self {
        self.since = Some(stamp.into());
        self
    }

    /// Sets how many rows are wanted. Default: 100.
    #[must_use]
    pub const fn limit(mut self, rows: u32) -> Self {
        self.limit = rows;
        self
    }

    /// Sets how many rows to pass over. Default: 0.
    #[must_use]
    pub const fn offset(mut self, rows: u64) -> Self {
        self.offset = rows;
        self
    }
}

/// The circumstances of one call to a registry: who may stop it, when it must end, who hears
/// of waits, and how often it may be tried.
///
/// The engine makes it for a [`Registry`]. A caller who searches by hand makes it with
/// [`Call::new`]:
///
/// ```no_run
/// use std::time::Duration;
/// use skillsmith_sync::clock::SystemClock;
/// use skillsmith_sync::registry::{Call, PageRequest, Registry, Value};
/// use skillsmith_sync::{CancelToken, ClientOptions, SkillsmithApiClient};
///
/// let client = SkillsmithApiClient::new(ClientOptions::new())?;
/// let cancel = CancelToken::new();
/// let call = Call::new(&cancel, &SystemClock).time_limit(Duration::from_secs(60));
/// let page = client.search(&PageRequest::new().query("git"), &call)?;
/// for row in page.rows() {
///     let about = row.field("description").and_then(Value::as_str);
///     println!("{:?}: {}", row.name(), about.unwrap_or_default());
/// }
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[non_exhaustive]
pub struct Call<'a> {
    /// Stops the call.
    pub cancel: &'a CancelToken,
    /// The clock to wait by.
    pub clock: &'a dyn Clock,
    /// When the run must have ended, in [`Clock::elapsed`].
    pub deadline: Duration,
    /// Told before each wait.
    pub on_wait: &'a dyn Fn(&Wait),
    /// One try is enough: a failure is returned at once, and not tried again. A pause that an
    /// earlier answer asked for is still kept. The engine asks in this way for the parts of a
    /// page that has failed already, so that an outage does not cost four tries for each of them.
    pub single_try: bool,
    /// Counts requests.
    pub(crate) meter: Option<&'a dyn Meter>,
}

/// Who counts requests, and bounds them.
pub(crate) trait Meter: Send + Sync {
    /// Before each request; fails where no more may be made.
    fn count(&self, now: DateTime<Utc>) -> Result<()>;
}

/// A pause that is about to begin: before another try, or where a rate limit is used up.
///
/// ```
/// use std::time::Duration;
/// use skillsmith_sync::registry::Wait;
///
/// let wait = Wait::new("Trying again in 2 s.", Duration::from_secs(2));
/// assert_eq!(wait.duration.as_secs(), 2);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Wait {
    /// Why, in words for a person.
    pub reason: String,
    /// For how long.
    pub duration: Duration,
}

impl Wait {
    /// A pause of that length.
    pub fn new(reason: impl Into<String>, duration: Duration) -> Self {
        Self {
            reason: reason.into(),
            duration,
        }
    }
}

impl<'a> Call<'a> {
    /// A call that may take half an hour, and tells nobody of its waits.
    pub fn new(cancel: &'a CancelToken, clock: &'a dyn Clock) -> Self {
        Self {
            cancel,
            clock,
            deadline: clock.elapsed().saturating_add(DEFAULT_TIME_LIMIT),
            on_wait: &|_| {},
            single_try: false,
            meter: None,
        }
    }

    /// Sets how long the call may take from now on, waits included. Default: 30 minutes.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.deadline = self.clock.elapsed().saturating_add(limit);
        self
    }

    /// Sets who is told before each wait.
    #[must_use]
    pub const fn on_wait(mut self, callback: &'a dyn Fn(&Wait)) -> Self {
        self.on_wait = callback;
        self
    }

    /// Sets whether one try is enough. Default: false.
    #[must_use]
    pub const fn single_try(mut self, single_try: bool) -> Self {
        self.single_try = single_try;
        self
    }
}

impl Call<'_> {
    /// Fails once the call was cancelled, and while there is no memory to go on with.
    pub fn check(&self) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        memory::check()
    }

    /// Counts a request that is about to be made, for the user to see and to bound. The engine counts each
    /// call of [`Registry`] as one; an implementation counts only what it sends beyond that, such as retries.
    ///
    /// # Errors
    /// [`Error::BudgetUsed`] where the user wants no more of them; to be passed on.
    pub fn count_request(&self) -> Result<()> {
        self.meter
            .map_or(Ok(()), |meter| meter.count(self.clock.now()))
    }

    /// The time that is left of the run.
    pub fn left(&self) -> Duration {
        self.deadline.saturating_sub(self.clock.elapsed())
    }

    /// Waits, unless that would outlast the run: then fails with `too_long`.
    pub fn wait(&self, wait: &Wait, too_long: impl FnOnce() -> Error) -> Result<()> {
        if wait.duration >= self.left() {
            return Err(too_long());
        }
        (self.on_wait)(wait);
        if self.clock.wait(wait.duration, self.cancel) {
            Ok(())
        } else {
            Err(Error::Cancelled)
        }
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("cancel", self.cancel)
            .field("left", &self.left())
            .finish_non_exhaustive()
    }
}
