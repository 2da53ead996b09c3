//! Options of the client, and their defaults.

use std::fmt;
use std::time::Duration;

use ureq::http::Uri;

use super::request::MAX_URL;
use super::token_provider::{Failure, TokenProvider, TokenRequest};
use crate::log::{Log, LogMessage};
use crate::{Error, Result};

/// Options of a [`SkillsmithApiClient`](super::SkillsmithApiClient). Options that are not set come
/// from the environment, then from `~/.skillsmith/config.json`.
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
    pub(super) allow_insecure_http: Option<bool>,
    pub(super) token_provider: Option<TokenProvider>,
    pub(super) log: Log,
}

impl ClientOptions {
    /// Options with nothing set: everything comes from the environment.
    pub fn new() -> Self {
        Self::default()
    }

    /// The registry's address, such as `https://host/functions/v1`. If not set:
    /// `SKILLSMITH_API_URL`, `SUPABASE_URL` + `/functions/v1`, `apiBaseUrl`, or the live service.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// The anonymous key. If not set: `SUPABASE_ANON_KEY`.
    #[must_use]
    pub fn anon_key(mut self, key: impl Into<String>) -> Self {
        self.anon_key = Some(key.into());
        self
    }

    /// The API key. If not set: `SKILLSMITH_API_KEY`, or from the file `accessToken`, which the
    /// stack's `login` writes, or `apiKey`.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// The token of a signed-in user; takes precedence over the API key.
    #[must_use]
    pub fn jwt_token(mut self, token: impl Into<String>) -> Self {
        self.jwt_token = Some(token.into());
        self
    }

    /// A function that returns the token of a signed-in user; takes precedence over the API key.
    ///
    /// It is asked for a token before the first request, unless [`jwt_token`](Self::jwt_token) is
    /// set, and for a fresh one after the registry has refused a token with 401: once for each
    /// refused token. If it returns no other token, the call fails with [`Error::SignInExpired`].
    /// An empty string counts as no token.
    ///
    /// It is called on its own thread and may block. A caller stops waiting when its call is
    /// cancelled or reaches its deadline, and ignores a later result ([`TokenRequest::cancel`]). If
    /// the function fails or panics, the call ends with [`Error::TokenProvider`]. Its message is
    /// shown, so it must not contain credentials.
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

    /// A function that is called with messages for a log: each request, and what a sync with this client
    /// does. None of them contains a credential. Default: none.
    ///
    /// It is called on the thread that makes the client, on that of each request (in a sync, a thread of the
    /// library), and on that of the sync: on several at once. It must not block for long, and may call any
    /// function of this library. No mutex is held and no transaction is open meanwhile. A panic in it is
    /// ignored.
    #[must_use]
    pub fn on_log(mut self, callback: impl Fn(&LogMessage<'_>) + Send + Sync + 'static) -> Self {
        self.log = Log::new(callback);
        self
    }

    /// Timeout for the headers of a response, and again for its body. Default: 30 s.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Number of retries. Default: 3.
    #[must_use]
    pub const fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = Some(retries);
        self
    }

    /// Whether nothing may be sent. If not set: `SKILLSMITH_OFFLINE_MODE`.
    #[must_use]
    pub const fn offline(mut self, offline: bool) -> Self {
        self.offline = Some(offline);
        self
    }

    /// Whether credentials may be sent over plain http to another machine, where everybody on the way can
    /// read them. Without it, that is an [`Error::InvalidArgument`]. If not set:
    /// `SKILLSMITH_ALLOW_INSECURE_HTTP`, else false.
    #[must_use]
    pub const fn allow_insecure_http(mut self, allow: bool) -> Self {
        self.allow_insecure_http = Some(allow);
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

/// Checks the address of a registry.
pub(super) fn check_base(base: &str, source: Option<&str>) -> Result<Uri> {
    let invalid = |why: &str| {
        let source = source.map_or_else(String::new, |source| format!(" ({source})"));
        Error::InvalidArgument(format!(
            "The registry's address{source} cannot be used: {why}. Use the form https://host/path."
        ))
    };
    // What is asked for comes behind it.
    if base.len() > MAX_URL / 2 {
        return Err(invalid("it is too long"));
    }
    let uri: Uri = base.parse().map_err(|_| invalid("it is not a URL"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(invalid("it begins neither with http:// nor with https://"));
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(invalid("it names no host"));
    }
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        return Err(invalid(
            "it contains a user name or password; give a key instead",
        ));
    }
    // The port of such an address would be that of the scheme.
    let port = authority
        .rsplit(']')
        .next()
        .and_then(|end| end.split_once(':'));
    if port.is_some_and(|(_, port)| !port.parse().is_ok_and(|port: u16| port > 0)) {
        return Err(invalid("its port is not a number from 1 to 65535"));
    }
    if uri.query().is_some() || base.contains('#') {
        return Err(invalid("it has a query or fragment"));
    }
    Ok(uri)
}
