//! Credentials that may be renewed: by the configuration file, which others write, or by the host.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use ureq::http::Uri;

use super::Call;
use super::credentials::{Credentials, Secret, Source};
use super::options::ClientOptions;
use super::redirect::same_origin;
use super::retry::Attempt;
use super::token_provider::{TokenProvider, ensure_in_time, failed};
use crate::environment::{ConfigFile, Environment, base_url_of_file};
use crate::unpoisoned::{lock, wait_timeout};
use crate::{Error, Result};

/// How often a request looks up from waiting while another one asks for a token.
const POLL: Duration = Duration::from_millis(25);

/// So long before the end of a token the file is read again: whoever wrote it may have renewed it.
const EARLY: TimeDelta = TimeDelta::minutes(1);

/// With so many tokens one request is tried: a registry whose clock is wrong refuses every new one.
const MAX_TOKENS: usize = 3;

/// Whoever wrote the file may be writing it just now.
const READS: u32 = 4;
const BETWEEN_READS: Duration = Duration::from_millis(50);

/// The credentials of a client, and where others come from.
pub(super) struct SignIn {
    /// What every credential here has in common.
    anon_key: Option<Secret>,
    renewal: Renewal,
    state: Mutex<State>,
    /// Somebody has asked, with whatever success.
    asked: Condvar,
}

/// Where another credential comes from.
enum Renewal {
    Never,
    File(Home),
    Provider(TokenProvider),
}

/// A configuration file, and the registry that its credentials may be shown to.
struct Home {
    path: Option<PathBuf>,
    base: Uri,
    /// Whether the address came from the file, too, or from its silence.
    gives_the_address: bool,
}

struct State {
    current: Arc<Credentials>,
    /// When it is worth asking whether there is another one.
    ask_after: Option<DateTime<Utc>>,
    /// The registry has refused the current one, and no other one came when that was asked.
    is_refused: bool,
    is_asking: bool,
}

/// What an answer of 401 comes to.
enum Renewed {
    With(Arc<Credentials>),
    /// There is no other credential; what the host said to that, if it failed.
    NoOther(Option<Error>),
}

impl SignIn {
    /// The first that are set: those of the options, of the environment, of the file. The file is asked
    /// only where the others have none.
    pub(super) fn new(
        options: ClientOptions,
        environment: &Environment,
        file: &ConfigFile,
        base: Uri,
        gives_the_address: bool,
    ) -> Result<Self> {
        let given = |text: &Option<String>| {
            text.as_deref()
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(|text| Secret::new(text, Source::Option))
        };
        let var = |name: &'static str| {
            environment
                .var(name)
                .map(|text| Secret::new(text, Source::Variable(name)))
        };
        let anon_key = given(&options.anon_key).or_else(|| var("SUPABASE_ANON_KEY"));
        let api_key = given(&options.api_key).or_else(|| var("SKILLSMITH_API_KEY"));
        let jwt_token = given(&options.jwt_token);
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
        Ok(Self {
            anon_key,
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

    /// The credentials as they are known. Asks nobody.
    pub(super) fn known(&self) -> Arc<Credentials> {
        Arc::clone(&lock(&self.state).current)
    }

    /// Tries a request, and again with another credential where the registry refuses one.
    pub(super) fn attempt<T>(
        &self,
        call: &Call<'_>,
        mut once: impl FnMut(&Credentials) -> Attempt<T>,
    ) -> Attempt<T> {
        let mut credentials = match self.credentials(call) {
            Ok(credentials) => credentials,
            Err(error) => return Attempt::Final(error),
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
            tokens += 1;
        }
    }

    /// Other credentials, or the error that the refusal comes to without them.
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

    /// The credentials for a request. Asks first where that is known to be of use, and goes on with
    /// what it has where no other credential comes: the registry decides.
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
            // Once is enough: the file may hold the same token for long after its time.
            if is_due && !state.is_new(call) {
                state.ask_after = None;
            }
            return Ok(Arc::clone(&state.current));
        }
    }

    /// Another credential than the refused one. Where several requests were refused by one credential,
    /// the first asks, for all of them.
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

    /// Asks, with the lock given back meanwhile.
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
        // With the lock held until the answer is stored: nobody may find neither.
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
            Renewal::File(home) => home.read(self.anon_key.as_ref(), call).map(Some),
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

/// Other credentials, and when it is worth asking again.
type Answer = (Credentials, Option<DateTime<Utc>>);

impl State {
    fn take(&mut self, credentials: Credentials, ask_after: Option<DateTime<Utc>>) {
        self.ask_after = ask_after;
        // A credential that was refused stays so until there is another one.
        if !credentials.is_same(&self.current) {
            self.current = Arc::new(credentials);
            self.is_refused = false;
        }
    }

    /// Whether the time to ask again is still to come.
    fn is_new(&self, call: &Call<'_>) -> bool {
        self.ask_after.is_some_and(|at| at > call.clock.now())
    }
}

/// However asking ends, by a panic, too, another request may ask.
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

impl Home {
    /// The credentials of the file, unless they belong to another registry.
    fn credentials(&self, file: &ConfigFile, anon_key: Option<Secret>) -> Result<Answer> {
        let text = |text: Option<String>| text.map(|text| Secret::new(text, Source::ConfigFile));
        let token = text(file.access_token()?);
        let api_key = text(file.api_key()?);
        let has_one = token.is_some() || api_key.is_some();
        if has_one && !self.is_meant_by(file)? {
            let none = Credentials::new(anon_key, None, None);
            return Ok((none.withholding(), None));
        }
        // Two kinds are never shown at once.
        let api_key = api_key.filter(|_| token.is_none());
        let ends_at = file.expires_at()?.filter(|_| token.is_some());
        let ask_after = ends_at.and_then(|at| at.checked_sub_signed(EARLY));
        Ok((Credentials::new(anon_key, api_key, token), ask_after))
    }

    /// Whether the file speaks of our registry. Where the address came from elsewhere, a file that
    /// names none speaks of that one.
    fn is_meant_by(&self, file: &ConfigFile) -> Result<bool> {
        let url = if self.gives_the_address {
            base_url_of_file(file)?
        } else {
            match file.api_base_url()? {
                Some(url) => url,
                None => return Ok(true),
            }
        };
        let uri: Option<Uri> = url.parse().ok();
        Ok(uri.is_some_and(|uri| same_origin(&uri, &self.base)))
    }

    /// Reads the file again.
    fn read(&self, anon_key: Option<&Secret>, call: &Call<'_>) -> Result<Answer> {
        let mut reads = 0;
        loop {
            let file = ConfigFile::at(self.path.clone());
            let answer = self
                .credentials(&file, anon_key.cloned())
                .and_then(|answer| answer.0.check().map(|()| answer));
            reads += 1;
            match answer {
                Err(Error::Io { .. }) if reads < READS && BETWEEN_READS < call.left() => {
                    if !call.clock.wait(BETWEEN_READS, call.cancel) {
                        return Err(Error::Cancelled);
                    }
                }
                answer => return answer,
            }
        }
    }
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.known().fmt(f)
    }
}

/// What says nothing of a token.
const fn must_end(error: &Error) -> bool {
    matches!(error, Error::Cancelled | Error::OutOfMemory)
}

/// A refusal, and why no other token came.
fn with(refusal: Error, why: &Error) -> Error {
    match refusal {
        Error::SignInExpired(words) => Error::SignInExpired(format!("{words} {why}")),
        Error::Unauthorized(words) => Error::Unauthorized(format!("{words} {why}")),
        other => other,
    }
}
