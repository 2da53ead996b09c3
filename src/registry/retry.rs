//! Retries, and the delay before each.
#![warn(clippy::arithmetic_side_effects)]

use std::time::Duration;

use super::{Call, Wait};
use crate::{Error, Result};

const FIRST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// The outcome of one attempt.
pub(super) enum Attempt<T> {
    Done(T),
    /// A retry would not help.
    Final(Error),
    /// Retry; not before the delay that the registry asked for, if any.
    Again(Error, Option<Duration>),
}

impl<T> Attempt<T> {
    /// Only 408, 429 (unless a quota is used up), 5xx except 501, broken connections and unreadable responses are retried.
    pub(super) fn of_failure(error: Error, asked: Option<Duration>) -> Self {
        match error {
            // The server does not implement the request, and a retry does not change that.
            Error::Server { status: 501, .. } => Self::Final(error),
            Error::RateLimited { .. }
            | Error::Server { .. }
            | Error::Unreachable(_)
            | Error::CutOff(_)
            | Error::Timeout(_)
            | Error::Protocol(_) => Self::Again(error, asked),
            _ => Self::Final(error),
        }
    }
}

/// Attempts the request up to `1 + retries` times, until it succeeds or fails for good.
pub(super) fn run<T>(
    call: &Call<'_>,
    retries: u32,
    mut attempt: impl FnMut() -> Attempt<T>,
) -> Result<T> {
    let mut tries = 0_u32;
    loop {
        call.check()?;
        if tries > 0 {
            call.count_request()?;
        }
        let (error, asked) = match attempt() {
            Attempt::Done(value) => return Ok(value),
            Attempt::Final(error) => return Err(error),
            // A cancelled request can fail in any way; the error does not matter.
            Attempt::Again(..) if call.cancel.is_cancelled() => return Err(Error::Cancelled),
            Attempt::Again(error, asked) => (error, asked),
        };
        if tries == retries {
            return Err(error);
        }
        tries = tries.saturating_add(1);
        let duration = backoff(tries).max(asked.unwrap_or_default());
        let wait = Wait {
            reason: format!("{error} Trying again in {} s.", duration.as_secs().max(1)),
            duration,
        };
        call.wait(&wait, || error)?;
    }
}

/// 1 s, 2 s, 4 s … at most 30 s. Half of each delay is random, so that clients that failed together
/// do not retry together.
fn backoff(tries: u32) -> Duration {
    let full = FIRST_DELAY
        .saturating_mul(1 << tries.saturating_sub(1).min(16))
        .min(LONGEST_DELAY);
    full.mul_f64(0.5 + crate::random::rng().f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_and_is_capped() {
        for (tries, full) in [(1, 1.0), (2, 2.0), (3, 4.0), (6, 30.0), (40, 30.0)] {
            for _ in 0..50 {
                let delay = backoff(tries).as_secs_f64();
                assert!((full / 2.0..=full).contains(&delay), "{tries}: {delay}");
            }
        }
    }
}
