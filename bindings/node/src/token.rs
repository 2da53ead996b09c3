//! Requests for a token, which a function of the host answers.
//!
//! The thread that needs the token waits; JavaScript answers on its own thread. Each request is an object of its own, so an
//! answer that comes too late reaches nobody.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use napi::Status;
use napi::bindgen_prelude::{FnArgs, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use skillsmith_sync::registry::TokenRequest;
use skillsmith_sync::unpoisoned::{lock, wait_timeout};
use skillsmith_sync::{ClientOptions, Error};

/// How often a waiting request checks whether the token is still wanted.
const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// The JavaScript function that receives the requests. It must not throw.
pub type TokenListener<'env> = Function<'env, FnArgs<(NativeTokenRequest,)>, ()>;

/// A weak handle: it does not keep the event loop alive. The run or call that needs the token does.
type Handle =
    ThreadsafeFunction<NativeTokenRequest, (), FnArgs<(NativeTokenRequest,)>, Status, false, true>;

type Answer = Result<String, String>;

#[derive(Default)]
struct Slot {
    answer: Mutex<Option<Answer>>,
    answered: Condvar,
}

/// A request for a token. Only the first answer counts, and none after the end of the call that needs it.
#[napi]
pub struct NativeTokenRequest {
    refused: bool,
    slot: Arc<Slot>,
}

#[napi]
impl NativeTokenRequest {
    /// Whether the registry has refused the last token with 401.
    #[napi(getter)]
    pub fn refused(&self) -> bool {
        self.refused
    }

    /// Answers with a token. An empty string means that there is none.
    #[napi]
    pub fn give(&self, token: String) {
        self.answer(Ok(token));
    }

    /// Answers with the message of an error.
    #[napi]
    pub fn fail(&self, message: String) {
        self.answer(Err(message));
    }

    fn answer(&self, answer: Answer) {
        lock(&self.slot.answer).get_or_insert(answer);
        self.slot.answered.notify_all();
    }
}

/// Adds the host's function to the options of a client.
pub fn with_provider(
    options: ClientOptions,
    listener: &TokenListener<'_>,
) -> skillsmith_sync::Result<ClientOptions> {
    let listener: Handle = listener
        .build_threadsafe_function::<NativeTokenRequest>()
        .weak::<true>()
        .build_callback(|call| Ok(FnArgs::from((call.value,))))
        .map_err(|error| Error::Internal(format!("cannot reach the event loop: {error}")))?;
    Ok(options.token_provider(move |request| {
        let slot = Arc::new(Slot::default());
        let event = NativeTokenRequest {
            refused: request.is_refused(),
            slot: Arc::clone(&slot),
        };
        // Fails only after the environment has ended, when nobody waits for the token.
        if listener.call(event, ThreadsafeFunctionCallMode::NonBlocking) != Status::Ok {
            return Err(Error::Cancelled.into());
        }
        wait(&slot, request)?.map_err(Into::into)
    }))
}

fn wait(slot: &Slot, request: &TokenRequest) -> skillsmith_sync::Result<Answer> {
    let mut answer = lock(&slot.answer);
    loop {
        if let Some(answer) = answer.take() {
            return Ok(answer);
        }
        if request.cancel().is_cancelled() {
            return Err(Error::Cancelled);
        }
        answer = wait_timeout(&slot.answered, answer, POLL_INTERVAL);
    }
}
