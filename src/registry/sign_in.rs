//! Credentials that can be renewed: from the configuration file, which other programs write, or
//! from the host.

mod home;
mod insecure;

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use chrono::{DateTime, Utc};
use ureq::http::Uri;

use self::home::Home;
use self::insecure::Channel;
use super::credentials::{Credentials, Secret, Source};
use super::options::ClientOptions;
use super::retry::Attempt;
use super::token_provider::{TokenProvider, ensure_in_time, failed};
use super::transport::Transport;
use super::{Call, Caller};
use crate::environment::{ConfigFile, Environment};
use crate::unpoisoned::{lock, wait_timeout};
use crate::{Error, Result};

/// How often a request checks for its cancellation while another one renews the token.
const POLL: Duration = Duration::from_millis(25);

/// How many tokens are tried for one request: a registry with a wrong clock refuses every new one.
const MAX_TOKENS: usize = 3;

/// The credentials of a client, and the source of new ones.
pub(super) struct SignIn {
    /// The parts that a renewal does not change.
    anon_key: Option<Secret>,
    channel: Channel,
    renewal: Renewal,
    state: Mutex<State>,
    /// The source has been asked, successfully or not.
    asked: Condvar,
}

/// Where a new credential comes from.
enum Renewal {
    Never,
    File(Home),
    Provider(TokenProvider),
}

struct State {
    current: Arc<Credentials>,
    /// When to ask for another one.
    ask_after: Option<DateTime<Utc>>,
    /// The registry has refused the current one, and the source had no other.
    is_refused: bool,
    is_asking: bool,
}

/// The outcome of a 401.
enum Renewed {
    With(Arc<Credentials>),
    /// There is no other credential; holds the host's error, if it failed.
    NoOther(Option<Error>),
}

impl SignIn {
    /// The first credentials that are set: in the options, the environment, then the file. The file
    /// is read only if the others have none.
    pub(super) fn new(
        options: ClientOptions,
        environment: &Environment,
        file: &ConfigFile,
        base: Uri,
        gives_the_address: bool,
        transport: &Transport,
    ) -> Result<Self> {
        let or_var = |given: Option<Secret>, name: &'static str| match given {
            Some(secret) => Ok(Some(secret)),
            None => environment
                .var(name)
                .map(|text| text.map(|text| Secret::new(text, Source::Variable(name)))),
        };
        let anon_key = or_var(given(options.anon_key.as_deref()), "SUPABASE_ANON_KEY")?;
        let api_key = or_var(given(options.api_key.as_deref()), "SKILLSMITH_API_KEY")?;
        let jwt_token = given(options.jwt_token.as_deref());
        let is_allowed = match options.allow_insecure_http {
            Some(is_allowed) => is_allowed,
            None => environment.allow_insecure_http()?,
        };
        let channel = Channel::to(&base, transport.proxy_host(), is_allowed);
        let (renewal, credentials, ask_after) = if let Some(provider) = options.token_provider {
            let credentials = Credentials::new(anon_key.clone(), api_key, jwt_token);
            (Renewal::Provider(provider), credentials, None)
        } else if api_key.is_some() || jwt_token.is_some() {
            let credentials = Credentials::new(anon_key.clone(), api_key, jwt_token);
            (Renewal::Never, credentials, None)
        } else {
            let home = Home {
                path: file.path().map(Into::into),
                base,
                gives_the_address,
            };
            let (credentials, ask_after) = home.credentials(file, anon_key.clone())?;
            (Renewal::File(home), credentials, ask_after)
        };
        credentials.check()?;
        channel.ensure_for(&credentials)?;
        if matches!(renewal, Renewal::Provider(_)) {
            channel.ensure("the token of the token provider", &credentials)?;
        }
        let credentials = credentials.hiding(transport.proxy_password());
        Ok(Self {
            anon_key,
            channel,
            renewal,
            state: Mutex::new(State {
                current: Arc::new(credentials),
                ask_after,
                is_refused: false,
                is_asking: false,
            }),
            asked: Condvar::new(),
        })
    }

    /// The current credentials. Does not ask for new ones.
    pub(super) fn known(&self) -> Arc<Credentials> {
        Arc::clone(&lock(&self.state).current)
    }

    /// Who asks with the current credentials.
    pub(super) fn caller(&self) -> Caller {
        Caller::of(&self.known(), matches!(self.renewal, Renewal::Provider(_)))
    }

    /// Who asks with the next request. If somebody else has signed in since the file was read, that
    /// is who.
    pub(super) fn next_caller(&self) -> Caller {
        if let Renewal::File(home) = &self.renewal
            && let Ok((credentials, ask_after)) = home.read_once(self.anon_key.as_ref())
            && self.channel.ensure_for(&credentials).is_ok()
        {
            lock(&self.state).take(credentials, ask_after);
        }
        self.caller()
    }

    /// Sends a request, and repeats it with another credential if the registry refuses the current
    /// one.
    pub(super) fn attempt<T>(
        &self,
        call: &Call<'_>,
        mut once: impl FnMut(&Credentials) -> Attempt<T>,
    ) -> Attempt<T> {
        let mut credentials = match self.credentials(call) {
            Ok(credentials) => credentials,
            Err(error) => {
                call.request_not_sent();
                return Attempt::Final(error);
            }
        };
        let mut tokens = 1;
        loop {
            let refusal = match once(&credentials) {
                Attempt::Final(error @ (Error::Unauthorized(_) | Error::SignInExpired(_)))
                    if tokens < MAX_TOKENS =>
                {
                    error
                }
                other => return other,
            };
            credentials = match self.renewed(&credentials, refusal, call) {
                Ok(others) => others,
                Err(error) => return Attempt::Final(error),
            };
            // The page is requested once more.
            if let Err(error) = call.count_request() {
                return Attempt::Final(error);
            }
            tokens += 1;
        }
    }

    /// Other credentials, or the error to report if there are none.
    fn renewed(
        &self,
        refused: &Credentials,
        refusal: Error,
        call: &Call<'_>,
    ) -> Result<Arc<Credentials>> {
        match self.after_refusal(refused, call)? {
            Renewed::With(others) => Ok(others),
            Renewed::NoOther(None) => Err(refusal),
            Renewed::NoOther(Some(why)) => Err(with(refusal, &why)),
        }
    }

    /// The credentials for a request. Asks for new ones first if the current ones are due; if there
    /// are none, continues with the current ones and lets the registry decide.
    fn credentials(&self, call: &Call<'_>) -> Result<Arc<Credentials>> {
        let mut state = lock(&self.state);
        loop {
            let is_missing = self.is_missing(&state.current);
            let is_due = state.ask_after.is_some_and(|at| at <= call.clock.now());
            if !is_missing && !is_due && !state.is_refused {
                return Ok(Arc::clone(&state.current));
            }
            if state.is_asking {
                state = self.wait(state, call)?;
                continue;
            }
            let was_refused = state.is_refused;
            let (mut state, answer) = self.ask(state, was_refused, call);
            match answer {
                Ok(Some((credentials, ask_after))) => {
                    state.take(credentials, ask_after);
                }
                Ok(None) if is_missing => return Err(failed("it gave no token")),
                Err(error) if is_missing || must_end(&error) => return Err(error),
                Ok(None) | Err(_) => {}
            }
            // Only once: the file may keep an expired token for a long time.
            if is_due && !state.is_new(call) {
                state.ask_after = None;
            }
            return Ok(Arc::clone(&state.current));
        }
    }

    /// A credential other than the refused one. If several requests were refused with the same
    /// credential, the first one asks on behalf of all.
    fn after_refusal(&self, refused: &Credentials, call: &Call<'_>) -> Result<Renewed> {
        if matches!(self.renewal, Renewal::Never) {
            return Ok(Renewed::NoOther(None));
        }
        let mut state = lock(&self.state);
        loop {
            if state.is_asking {
                state = self.wait(state, call)?;
            } else if !state.current.is_same(refused) {
                return Ok(Renewed::With(Arc::clone(&state.current)));
            } else if state.is_refused {
                return Ok(Renewed::NoOther(None));
            } else {
                break;
            }
        }
        let (mut state, answer) = self.ask(state, true, call);
        match answer {
            Ok(Some((credentials, ask_after))) if !credentials.is_same(refused) => {
                state.take(credentials, ask_after);
                Ok(Renewed::With(Arc::clone(&state.current)))
            }
            Err(error) if must_end(&error) => Err(error),
            Err(error) => {
                state.is_refused = true;
                if matches!(self.renewal, Renewal::Provider(_)) {
                    Ok(Renewed::NoOther(Some(error)))
                } else {
                    Err(error)
                }
            }
            Ok(_) => {
                state.is_refused = true;
                Ok(Renewed::NoOther(None))
            }
        }
    }

    /// Only a provider can be asked for the first token.
    fn is_missing(&self, credentials: &Credentials) -> bool {
        matches!(self.renewal, Renewal::Provider(_)) && credentials.jwt_token.is_none()
    }

    /// Asks, with the lock released meanwhile.
    fn ask<'s>(
        &'s self,
        mut state: MutexGuard<'s, State>,
        is_refused: bool,
        call: &Call<'_>,
    ) -> (MutexGuard<'s, State>, Result<Option<Answer>>) {
        state.is_asking = true;
        let known = Arc::clone(&state.current);
        drop(state);
        let asking = Asking(self);
        let answer = self.renew(&known, is_refused, call);
        // The lock is held until the result is stored: no other request may find neither the
        // request nor its result.
        (asking.end(), answer)
    }

    fn renew(
        &self,
        known: &Credentials,
        is_refused: bool,
        call: &Call<'_>,
    ) -> Result<Option<Answer>> {
        match &self.renewal {
            Renewal::Never => Ok(None),
            Renewal::Provider(provider) => Ok(provider.ask(is_refused, call)?.map(|token| {
                let api_key = known.api_key.clone();
                (
                    Credentials::new(self.anon_key.clone(), api_key, Some(token)),
                    None,
                )
            })),
            Renewal::File(home) => {
                let answer = home.read(self.anon_key.as_ref(), call)?;
                self.channel.ensure_for(&answer.0)?;
                Ok(Some(answer))
            }
        }
    }

    fn no_longer_asking(&self) -> MutexGuard<'_, State> {
        let mut state = lock(&self.state);
        state.is_asking = false;
        self.asked.notify_all();
        state
    }

    fn wait<'s>(
        &self,
        state: MutexGuard<'s, State>,
        call: &Call<'_>,
    ) -> Result<MutexGuard<'s, State>> {
        call.check()?;
        ensure_in_time(call)?;
        Ok(wait_timeout(&self.asked, state, POLL))
    }
}

/// A secret among the options; an empty one is none.
fn given(text: Option<&str>) -> Option<Secret> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    text.map(|text| Secret::new(text, Source::Option))
}

/// New credentials, and when to ask for others.
type Answer = (Credentials, Option<DateTime<Utc>>);

impl State {
    fn take(&mut self, credentials: Credentials, ask_after: Option<DateTime<Utc>>) {
        self.ask_after = ask_after;
        // A refused credential stays refused until there is another one.
        if !credentials.is_same(&self.current) {
            self.current = Arc::new(credentials.hiding_as(&self.current));
            self.is_refused = false;
        }
    }

    /// Whether the time to ask again is in the future.
    fn is_new(&self, call: &Call<'_>) -> bool {
        self.ask_after.is_some_and(|at| at > call.clock.now())
    }
}

/// Lets the next request ask once this one is done, even after a panic.
struct Asking<'s>(&'s SignIn);

impl<'s> Asking<'s> {
    fn end(self) -> MutexGuard<'s, State> {
        let sign_in = self.0;
        std::mem::forget(self);
        sign_in.no_longer_asking()
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        drop(self.0.no_longer_asking());
    }
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.known().fmt(f)
    }
}

/// Everything that is not a token.
const fn must_end(error: &Error) -> bool {
    matches!(
        error,
        Error::Cancelled | Error::OutOfMemory | Error::OutOfThreads
    )
}

/// Adds to a refusal why there is no other token.
fn with(refusal: Error, why: &Error) -> Error {
    match refusal {
        Error::SignInExpired(words) => Error::SignInExpired(format!("{words} {why}")),
        Error::Unauthorized(words) => Error::Unauthorized(format!("{words} {why}")),
        other => other,
    }
}
