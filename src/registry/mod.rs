//! The registry: what the engine asks of it, and the HTTP client that asks the real one.
//!
//! The page protocol, as the engine uses it:
//! 1. `check_health`: an unhealthy registry ends the run before it begins.
//! 2. `search` with a limit and an offset, again and again, each page once the
//!    last one is on its way to the database.
//! 3. A listing that is refused with [`Error::Refused`] and status 400 is asked
//!    for in another way (see `engine::plan`); any other error ends the run.

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
mod transport;
pub(crate) mod wire;

use std::fmt;
use std::time::Duration;

pub use self::client::SkillsmithApiClient;
pub use self::options::ClientOptions;
pub use self::wire::{Page, Row};
use crate::clock::Clock;
use crate::{CancelToken, Error, Result, memory};

/// A source of skills: the live registry, or whatever stands in for it.
///
/// Called on a thread of the engine's; calls may block, and should return soon
/// after [`Call::cancel`] is cancelled. Retries are the implementation's own, but it makes
/// none where [`Call::single_try`] is set.
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
}

/// How the registry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// What a registry says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthReport {
    /// How it is.
    pub health: Health,
    /// Its version, where it says so.
    pub version: Option<String>,
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PageRequest {
    /// A search word, where the registry wants one.
    pub query: Option<String>,
    /// Only skills of this tier.
    pub trust_tier: Option<String>,
    /// Only skills of this category. The engine never asks for one.
    pub category: Option<String>,
    /// Only skills with at least this quality score, in the registry's own measure. Likewise.
    pub min_score: Option<f64>,
    /// Rows wanted; the registry may give fewer.
    pub limit: u32,
    /// Rows to pass over.
    pub offset: u64,
}

/// The circumstances of a call: who may stop it, when it must end, who hears of waits, and
/// how often it may be tried.
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
}

/// A pause that is about to begin.
#[derive(Debug, Clone)]
pub struct Wait {
    /// Why, in words for a person.
    pub reason: String,
    /// For how long.
    pub duration: Duration,
}

impl Call<'_> {
    /// Fails once the call was cancelled, and while there is no memory to go on with.
    pub fn check(&self) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        memory::check()
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
