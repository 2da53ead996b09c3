//! The options of the client, and what stands behind them.

use std::fmt;
use std::time::Duration;

use ureq::http::Uri;

use super::credentials::{Credentials, Secret, Source};
use crate::environment::{ConfigFile, Environment};
use crate::{Error, Result};

/// Options of a [`SkillsmithApiClient`](super::SkillsmithApiClient). What is `None` comes from the environment,
/// then from `~/.skillsmith/config.json`.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ClientOptions {
    /// The registry's address, such as `https://host/functions/v1`.
    /// Else `SKILLSMITH_API_URL`, `SUPABASE_URL` + `/functions/v1`, `apiBaseUrl`, or the live service.
    pub base_url: Option<String>,
    /// The anonymous key. Else `SUPABASE_ANON_KEY`.
    pub anon_key: Option<String>,
    /// The API key. Else `SKILLSMITH_API_KEY`, or `apiKey`.
    pub api_key: Option<String>,
    /// A token of a signed-in user; goes before the API key.
    pub jwt_token: Option<String>,
    /// The longest wait for the headers of an answer, and again for its body. Default: 30 s.
    pub timeout: Option<Duration>,
    /// Tries after the first one. Default: 3.
    pub max_retries: Option<u32>,
    /// Whether nothing may be sent. Else `SKILLSMITH_OFFLINE_MODE`.
    pub offline: Option<bool>,
}

impl ClientOptions {
    /// Everything from the environment.
    pub fn new() -> Self {
        Self::default()
    }

    /// For the registry at `url`.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// With this API key.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// With nothing being sent.
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
    let uri: Uri = base.parse().map_err(|_| invalid("it is no URL"))?;
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

/// The credentials that the options, the environment and the file give.
pub(super) fn credentials(
    options: &ClientOptions,
    environment: &Environment,
    file: &ConfigFile,
) -> Result<Credentials> {
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
    let credentials = Credentials::new(
        given(&options.anon_key).or_else(|| var("SUPABASE_ANON_KEY")),
        given(&options.api_key)
            .or_else(|| var("SKILLSMITH_API_KEY"))
            .or_else(|| {
                let text = file.api_key.as_ref()?;
                Some(Secret::new(text, Source::ConfigFile))
            }),
        given(&options.jwt_token),
    );
    if let Some(secret) = credentials.all().find(|secret| !secret.is_valid()) {
        return Err(Error::InvalidArgument(format!(
            "The key {} contains characters that no key has. Copy it again.",
            secret.source
        )));
    }
    Ok(credentials)
}
