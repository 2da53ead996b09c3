//! The pause that the registry's rate limit asks for.

use std::sync::Mutex;
use std::time::Duration;

use ureq::http::HeaderMap;

use super::answer::later;
use super::{Call, Wait, pacing};
use crate::unpoisoned::lock;
use crate::{Error, Result};

/// The pause asked for by the latest responses. All runs that share the client observe it.
#[derive(Default)]
pub(super) struct RateLimit {
    /// When the pause ends, in the clock's elapsed time.
    until: Mutex<Option<Duration>>,
}

impl RateLimit {
    /// Begins a pause if a response, whatever its status, used up the rate limit.
    pub(super) fn note(&self, headers: &HeaderMap, call: &Call<'_>) {
        if let Some(pause) = pacing::pause_after(headers, call.clock.now()) {
            self.pause_for(pause, call);
        }
    }

    /// Begins a pause of this length.
    pub(super) fn pause_for(&self, pause: Duration, call: &Call<'_>) {
        let end = call.clock.elapsed().saturating_add(pause);
        let mut until = lock(&self.until);
        // Another run of this client may have been asked for a longer pause.
        *until = Some(until.map_or(end, |old| old.max(end)));
    }

    /// How much of the pause is left, if any.
    pub(super) fn remaining(&self, call: &Call<'_>) -> Option<Duration> {
        let until = *lock(&self.until);
        until?.checked_sub(call.clock.elapsed())
    }

    /// Waits until the pause is over.
    ///
    /// # Errors
    /// [`Error::RateLimited`] if it would outlast the run.
    pub(super) fn wait(&self, call: &Call<'_>) -> Result<()> {
        let Some(duration) = self.remaining(call) else {
            return Ok(());
        };
        let wait = Wait {
            reason: format!(
                "The registry's rate limit is used up. Going on in {} s.",
                duration.as_secs().max(1)
            ),
            duration,
        };
        call.wait(&wait, || Self::error(duration, call))
    }

    /// The error of a pause that does not fit into the run.
    pub(super) fn error(duration: Duration, call: &Call<'_>) -> Error {
        Error::RateLimited {
            retry_at: Some(later(call.clock.now(), duration)),
        }
    }
}
