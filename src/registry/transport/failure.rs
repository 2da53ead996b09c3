//! Why no connection could be made, in words that say whose fault it is.

use std::error::Error as StdError;
use std::fmt;
use std::time::{Duration, Instant};

use ureq::unversioned::transport::NextTimeout;

/// An `Instant` too far in the future overflows, and ureq panics.
pub(super) const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A connection that was not made. ureq carries it as [`ureq::Error::Other`].
#[derive(Debug)]
pub(in crate::registry) struct Failure {
    pub(in crate::registry) words: String,
    /// The time was up.
    pub(in crate::registry) timed_out: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Failure {
    pub(super) fn new(words: impl Into<String>) -> Self {
        Self {
            words: words.into(),
            timed_out: false,
            source: None,
        }
    }

    pub(super) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    pub(super) const fn timed_out(mut self) -> Self {
        self.timed_out = true;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<Failure> for ureq::Error {
    fn from(failure: Failure) -> Self {
        Self::Other(Box::new(failure))
    }
}

/// Until when a connection must be there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    end: Instant,
    timeout: NextTimeout,
}

impl Deadline {
    /// Counts from now.
    pub(super) fn new(timeout: NextTimeout) -> Self {
        Self {
            end: Instant::now() + (*timeout.after).min(FOREVER),
            timeout,
        }
    }

    /// The time that is left; an error if there is none.
    pub(super) fn left(&self) -> Result<Duration, ureq::Error> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ureq::Error::Timeout(self.timeout.reason));
        }
        Ok(left)
    }

    /// The same for a transport of ureq.
    pub(super) fn timeout(&self) -> Result<NextTimeout, ureq::Error> {
        Ok(NextTimeout {
            after: self.left()?.into(),
            ..self.timeout
        })
    }
}
