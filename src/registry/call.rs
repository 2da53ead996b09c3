//! The context of one call to a registry.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clock::Clock;
use crate::{CancelToken, Error, Result, memory};

/// Default time limit of a call made by a caller other than the engine.
const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(30 * 60);

/// The context of one call to a registry: cancellation, deadline, who is told about waits, and
/// whether it is retried.
///
/// The engine creates it for a [`Registry`](super::Registry). Other callers create it with
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
    /// Cancels the call.
    pub cancel: &'a CancelToken,
    /// The clock for waits.
    pub clock: &'a dyn Clock,
    /// When the run must end, in terms of [`Clock::elapsed`].
    pub deadline: Duration,
    /// Called before each wait.
    pub on_wait: &'a dyn Fn(&Wait),
    /// Do not retry: a failure is returned at once. A pause that an earlier response asked for is
    /// still observed. The engine sets this for the parts of a page that has already failed, so
    /// that an outage does not cost four attempts for each of them.
    pub single_try: bool,
    /// Counts requests.
    pub(crate) meter: Option<&'a dyn Meter>,
}

impl<'a> Call<'a> {
    /// A call with a time limit of 30 minutes and no callback for waits.
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

    /// Sets how long the call may take from now, waits included. Default: 30 minutes.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.deadline = self.clock.elapsed().saturating_add(limit);
        self
    }

    /// Sets the function that is called before each wait.
    #[must_use]
    pub const fn on_wait(mut self, callback: &'a dyn Fn(&Wait)) -> Self {
        self.on_wait = callback;
        self
    }

    /// Sets whether a failure is returned without a retry. Default: false.
    #[must_use]
    pub const fn single_try(mut self, single_try: bool) -> Self {
        self.single_try = single_try;
        self
    }
}

impl Call<'_> {
    /// Fails if the call is cancelled, or if memory has run out.
    pub fn check(&self) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        memory::check()
    }

    /// Counts a request that is about to be sent, for the statistics and the budget. The engine
    /// counts each call of [`Registry`](super::Registry) as one; an implementation counts only what
    /// it sends beyond that, such as retries.
    ///
    /// # Errors [`Error::BudgetUsed`] if the budget is used up; return it to the caller.
    pub fn count_request(&self) -> Result<()> {
        self.meter
            .map_or(Ok(()), |meter| meter.count(self.clock.now()))
    }

    /// Takes a request back that was counted and then not sent.
    pub(super) fn request_not_sent(&self) {
        if let Some(meter) = self.meter {
            meter.uncount();
        }
    }

    /// The time left until the deadline.
    pub fn left(&self) -> Duration {
        self.deadline.saturating_sub(self.clock.elapsed())
    }

    /// Waits. If that would exceed the deadline, fails at once with `too_long`.
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

/// Counts requests and enforces the budget.
pub(crate) trait Meter: Send + Sync {
    /// Called before each request; fails if no more may be sent.
    fn count(&self, now: DateTime<Utc>) -> Result<()>;

    /// Called for a request that was counted and then not sent.
    fn uncount(&self);
}

/// A pause that is about to begin: before a retry, or because a rate limit is used up.
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
    /// The reason, for a person to read.
    pub reason: String,
    /// How long it takes.
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
