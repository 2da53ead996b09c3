//! The host's token provider. It runs on its own thread, so that a caller can stop waiting for it.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::Call;
use super::credentials::{Secret, Source};
use crate::unpoisoned::{lock, wait_timeout};
use crate::{CancelToken, Error, Result, memory};

/// How often a call that waits for its token checks for cancellation.
const POLL: Duration = Duration::from_millis(25);

/// A little later than the deadline of the run, so that the deadline is reported as the cause.
const GRACE: Duration = Duration::from_secs(1);

/// A request to a token provider: see
/// [`ClientOptions::token_provider`](super::ClientOptions::token_provider).
///
/// ```
/// use skillsmith_sync::ClientOptions;
///
/// # fn stored_token() -> std::io::Result<String> { Ok("token".into()) }
/// # fn fresh_token() -> std::io::Result<String> { Ok("token".into()) }
/// let options = ClientOptions::new().token_provider(|request| {
///     let token = if request.is_refused() { fresh_token()? } else { stored_token()? };
///     Ok(token)
/// });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct TokenRequest {
    /// Whether the registry has refused the last token with 401, so that a fresh one is wanted.
    refused: bool,
    wanted: CancelToken,
}

impl TokenRequest {
    /// Whether the registry has refused the last token with 401, so that a fresh one is wanted.
    pub const fn is_refused(&self) -> bool {
        self.refused
    }

    /// Cancelled once the token is no longer needed, because the run was cancelled or has reached
    /// its deadline. A later result is ignored.
    pub const fn cancel(&self) -> &CancelToken {
        &self.wanted
    }
}

/// The error type of the host's function.
pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The host's function.
#[derive(Clone)]
pub(super) struct TokenProvider(Arc<Function>);

type Function = dyn Fn(&TokenRequest) -> Result<String, Failure> + Send + Sync;

impl TokenProvider {
    pub(super) fn new(
        function: impl Fn(&TokenRequest) -> Result<String, Failure> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(function))
    }

    /// Asks for a token; `None` if the host has none. Blocks until it has the result, or the call
    /// is cancelled or reaches its deadline.
    pub(super) fn ask(&self, refused: bool, call: &Call<'_>) -> Result<Option<Secret>> {
        call.check()?;
        let wanted = Wanted(CancelToken::new());
        let request = TokenRequest {
            refused,
            wanted: wanted.0.clone(),
        };
        let slot = Arc::new(Slot::default());
        let (function, filled) = (Arc::clone(&self.0), Filled(Arc::clone(&slot)));
        memory::spawn("skillsmith-token", move || {
            let answer = function(&request);
            // Dropped first: the host's function is released before the caller continues.
            drop(function);
            filled.with(answer);
        })?;
        match slot.wait(call)? {
            Ok(token) => secret(&token),
            Err(failure) => Err(match failure.downcast::<Error>() {
                Ok(own)
                    if matches!(
                        *own,
                        Error::Cancelled | Error::OutOfMemory | Error::OutOfThreads
                    ) =>
                {
                    *own
                }
                Ok(own) => failed(&own.to_string()),
                Err(other) => failed(&other.to_string()),
            }),
        }
    }
}

/// Holds the result.
#[derive(Default)]
struct Slot {
    answer: Mutex<Option<Result<String, Failure>>>,
    came: Condvar,
}

impl Slot {
    fn wait(&self, call: &Call<'_>) -> Result<Result<String, Failure>> {
        let mut slot = lock(&self.answer);
        loop {
            if let Some(answer) = slot.take() {
                return Ok(answer);
            }
            call.check()?;
            ensure_in_time(call)?;
            slot = wait_timeout(&self.came, slot, POLL);
        }
    }
}

/// Fills the slot even if the function panics.
struct Filled(Arc<Slot>);

impl Filled {
    fn with(&self, answer: Result<String, Failure>) {
        lock(&self.0.answer).get_or_insert(answer);
        self.0.came.notify_all();
    }
}

impl Drop for Filled {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.with(Err("it panicked".into()));
        }
    }
}

impl fmt::Debug for TokenProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenProvider").finish_non_exhaustive()
    }
}

/// Cancels the request when the wait ends, however it ends.
struct Wanted(CancelToken);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

fn secret(token: &str) -> Result<Option<Secret>> {
    let token = token.trim();
    if token.is_empty() {
        return Ok(None);
    }
    let secret = Secret::new(token, Source::Provider);
    match secret.why_no("token") {
        Some(why) => Err(failed(&format!("its token {why}"))),
        None => Ok(Some(secret)),
    }
}

/// Fails shortly after the deadline of the call.
pub(super) fn ensure_in_time(call: &Call<'_>) -> Result<()> {
    if call.clock.elapsed() >= call.deadline.saturating_add(GRACE) {
        return Err(failed("it did not answer in time"));
    }
    Ok(())
}

pub(super) fn failed(why: &str) -> Error {
    let why = why.trim_end_matches('.');
    Error::TokenProvider(format!("The token provider failed: {why}."))
}
