//! The options of the client, and what stands behind them.

use std::fmt;
use std::time::Duration;

use ureq::http::Uri;

use super::token_provider::{Failure, TokenProvider, TokenRequest};
use crate::{Error, Result};

/// Options of a [`SkillsmithApiClient`](super::SkillsmithApiClient). What is not set comes from the environment,
/// then from `~/.skillsmith/config.json`.
///
/// ```
/// use std::time::Duration;
/// use skillsmith_sync::{ClientOptions, SkillsmithApiClient};
///
/// let options = ClientOptions::new().base_url("http://127.0.0.1:8080").timeout(Duration::from_secs(10));
/// let client = SkillsmithApiClient::new(options)?;
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct ClientOptions {
    pub(crate) base_url: Option<String>,
    pub(crate) anon_key: Option<String>,
    pub(crate) api_key: Option<String>,
    pub(crate) jwt_token: Option<String>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) max_retries: Option<u32>,
    pub(crate) offline: Option<bool>,
    pub(super) token_provider: Option<TokenProvider>,
}

impl ClientOptions {
    /// Options that leave everything to the environment.
    pub fn new() -> Self {
        Self::default()
    }

    /// The registry's address, such as `https://host/functions/v1`.
    /// Else `SKILLSMITH_API_URL`, `SUPABASE_URL` + `/functions/v1`, `apiBaseUrl`, or the live service.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// The anonymous key. Else `SUPABASE_ANON_KEY`.
    #[must_use]
    pub fn anon_key(mut self, key: impl Into<String>) -> Self {
        self.anon_key = Some(key.into());
        self
    }

    /// The API key. Else `SKILLSMITH_API_KEY`, or what the file has: `accessToken`, which the stack's
    /// `login` writes, or `apiKey`.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// A token of a signed-in user; goes before the API key.
    #[must_use]
    pub fn jwt_token(mut self, token: impl Into<String>) -> Self {
        self.jwt_token = Some(token.into());
        self
    }

    /// A function that gives the token of a signed-in user; goes before the API key.
    ///
    /// It is asked for a token before the first request, unless [`jwt_token`](Self::jwt_token) is set, and
    /// for a fresh one after the registry has refused a token with 401: once for each refused token.
    /// Where no other token comes, the call fails with [`Error::SignInExpired`]. An empty text is no token.
    ///
    /// It is called on a thread of its own and may block: who waits for it stops waiting when the call is
    /// cancelled or ends, and ignores what it answers then ([`TokenRequest::cancel`]). A failure or panic
    /// of it ends the call with [`Error::TokenProvider`]; its words are shown, so keep credentials out of them.
    ///
    /// ```
    /// use skillsmith_sync::ClientOptions;
    ///
    /// # fn read_token(fresh: bool) -> std::io::Result<String> { Ok("token".into()) }
    /// let options = ClientOptions::new().token_provider(|request| Ok(read_token(request.is_refused())?));
    /// ```
    #[must_use]
    pub fn token_provider(
        mut self,
        provider: impl Fn(&TokenRequest) -> Result<String, Failure> + Send + Sync + 'static,
    ) -> Self {
        self.token_provider = Some(TokenProvider::new(provider));
        self
    }

    /// The longest wait for the headers of an answer, and again for its body. Default: 30 s.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Tries after the first one. Default: 3.
    #[must_use]
    pub const fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = Some(retries);
        self
    }

    /// Whether nothing may be sent. Else `SKILLSMITH_OFFLINE_MODE`.
    #[must_use]
    pub const fn offline(mut self, offline: bool) -> Self {
        self.offline = Some(offline);
        self
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions")
            .field("base_url", &self.base_url)
            .field("timeout", &self.timeout)
            .field("max_retries", &self.max_retries)
            .field("offline", &self.offline)
            .finish_non_exhaustive()
    }
}

/// The address, if a registry can be there.
pub(super) fn check_base(base: &str) -> Result<Uri> {
    let invalid = |why: &str| {
        Error::InvalidArgument(format!(
            "The registry's address cannot be used: {why}. Use the form https://host/path."
        ))
    };
    let uri: Uri = base.parse().map_err(|_| invalid("it is not a URL"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(invalid("it begins neither with http:// nor with https://"));
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(invalid("it names no host"));
    }
    if uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
    {
        return Err(invalid(
            "it contains a user name or password; give a key instead",
        ));
    }
    if uri.query().is_some() || base.contains('#') {
        return Err(invalid("it has a query or fragment"));
    }
    Ok(uri)
}
