//! The circumstances of one call to a registry.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clock::Clock;
use crate::{CancelToken, Error, Result, memory};

/// How long a call that is not the engine's may take unless told otherwise.
const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(30 * 60);

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
