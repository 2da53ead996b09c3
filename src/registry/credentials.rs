//! The client's credentials. They are shown to the registry and to nobody else.

use std::fmt;
use std::sync::OnceLock;

#[cfg(feature = "cli")]
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
#[cfg(feature = "cli")]
use chrono::{DateTime, Utc};
#[cfg(feature = "cli")]
use serde_json::Value;

use super::disguise::Disguises;
use crate::{Error, Result};

/// Where a credential came from. Refusals name it, so that the user knows which one to fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Given by the program.
    Option,
    /// An environment variable.
    Variable(&'static str),
    /// `~/.skillsmith/config.json`.
    ConfigFile,
    /// The host's token provider.
    Provider,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option => f.write_str("given by the program"),
            Self::Variable(name) => write!(f, "from {name}"),
            Self::ConfigFile => f.write_str("from ~/.skillsmith/config.json"),
            Self::Provider => f.write_str("from the token provider"),
        }
    }
}

/// Servers take headers of 8 KiB in all, as a rule; a token has 2 at most.
const LONGEST_SECRET: usize = 8 * 1024;

/// A message from which a shorter one is removed wherever it occurs could not be read.
const SHORTEST_KEY: usize = 8;

/// A string that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret {
    text: String,
    pub(crate) source: Source,
}

impl Secret {
    pub(crate) fn new(text: impl Into<String>, source: Source) -> Self {
        Self {
            text: text.into(),
            source,
        }
    }

    pub(super) fn reveal(&self) -> &str {
        &self.text
    }

    /// Why it cannot be sent as a key or token, if so: it must be a valid value of an HTTP header, and not too
    /// long for one.
    pub(super) fn why_no(&self, what: &str) -> Option<String> {
        if self.text.len() > LONGEST_SECRET {
            Some(format!(
                "is longer than {LONGEST_SECRET} bytes, which no server takes"
            ))
        } else if self.text.bytes().all(|byte| (0x21..0x7f).contains(&byte)) {
            None
        } else {
            Some(format!("contains characters that no {what} has"))
        }
    }

    fn why_no_key(&self) -> Option<String> {
        if self.text.len() < SHORTEST_KEY {
            Some(format!("has fewer than {SHORTEST_KEY} characters"))
        } else {
            self.why_no("key")
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.source)
    }
}

/// Every credential of the client.
#[derive(Debug, Clone, Default)]
pub(crate) struct Credentials {
    pub(crate) anon_key: Option<Secret>,
    pub(crate) api_key: Option<Secret>,
    pub(crate) jwt_token: Option<Secret>,
    /// The configuration file has one for another registry.
    withholds: bool,
    /// Sent to a proxy only. A proxy may show it as a registry shows a key.
    proxy_password: Option<String>,
    /// The forms in which the four may appear in a text; built on first use.
    disguises: OnceLock<Disguises>,
}

impl Credentials {
    pub(super) fn new(
        anon_key: Option<Secret>,
        api_key: Option<Secret>,
        jwt_token: Option<Secret>,
    ) -> Self {
        Self {
            anon_key,
            api_key,
            jwt_token,
            withholds: false,
            proxy_password: None,
            disguises: OnceLock::new(),
        }
    }

    /// The same, and it keeps a proxy's password out of messages.
    pub(super) fn hiding(self, proxy_password: Option<String>) -> Self {
        Self {
            proxy_password,
            disguises: OnceLock::new(),
            ..self
        }
    }

    /// The same, and it keeps out of messages what another does beside its own.
    pub(super) fn hiding_as(self, other: &Self) -> Self {
        self.hiding(other.proxy_password.clone())
    }

    /// The same, with a note that the configuration file has a credential for another registry.
    pub(super) fn withholding(self) -> Self {
        Self {
            withholds: true,
            ..self
        }
    }

    /// Fails if one cannot be sent.
    pub(super) fn check(&self) -> Result<()> {
        let found = |what, secret: &Secret, why: Option<String>| match why {
            Some(why) => Err(Error::InvalidArgument(format!(
                "The {what} {} {why}. Copy it again.",
                secret.source
            ))),
            None => Ok(()),
        };
        if let Some(token) = &self.jwt_token {
            found("token", token, token.why_no("token"))?;
        }
        for key in [&self.api_key, &self.anon_key].into_iter().flatten() {
            found("key", key, key.why_no_key())?;
        }
        Ok(())
    }

    /// Whether both send the same headers.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let same = |one: &Option<Secret>, other: &Option<Secret>| {
            one.as_ref().map(Secret::reveal) == other.as_ref().map(Secret::reveal)
        };
        same(&self.jwt_token, &other.jwt_token)
            && (self.jwt_token.is_some() || same(&self.api_key, &other.api_key))
    }

    /// The headers of a request, in the registry's order of preference.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::with_capacity(2);
        if let Some(anon) = &self.anon_key {
            headers.push(("apikey", anon.reveal().to_owned()));
        }
        if let Some(token) = &self.jwt_token {
            headers.push(("authorization", format!("Bearer {}", token.reveal())));
        } else if let Some(key) = &self.api_key {
            headers.push(("x-api-key", key.reveal().to_owned()));
        } else if let Some(anon) = &self.anon_key {
            headers.push(("authorization", format!("Bearer {}", anon.reveal())));
        }
        headers
    }

    /// Describes the credential that was used, without showing it.
    pub(super) fn describe(&self) -> String {
        let (what, secret) = match (&self.jwt_token, &self.api_key, &self.anon_key) {
            (Some(token), _, _) => ("the token", token),
            (None, Some(key), _) => ("the API key", key),
            (None, None, Some(anon)) => ("the anonymous key", anon),
            (None, None, None) if self.withholds => {
                return "no credential: that of ~/.skillsmith/config.json is for another registry"
                    .into();
            }
            (None, None, None) => return "no credential".into(),
        };
        format!("{what} {}", secret.source)
    }

    /// When the credential that is used ends, if it is a JSON Web Token that says so.
    #[cfg(feature = "cli")]
    pub(super) fn ends_at(&self) -> Option<DateTime<Utc>> {
        let used = self.all().next()?.reveal();
        let mut parts = used.split('.').skip(1);
        let (claims, _) = (parts.next()?, parts.next()?);
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?;
        let claims: Value = serde_json::from_slice(&claims).ok()?;
        DateTime::from_timestamp(claims["exp"].as_i64()?, 0)
    }

    /// Removes every credential from an untrusted text, also if it appears in another case,
    /// percent-encoded, or in Base64.
    pub(super) fn redact(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut from = 0;
        for found in self.disguises().find(text) {
            shown.push_str(&text[from..found.start]);
            shown.push_str("[redacted]");
            from = found.end;
        }
        shown.push_str(&text[from..]);
        shown
    }

    /// Whether a text contains a credential. Very short ones, as used for testing, are ignored:
    /// many texts contain them by chance.
    pub(super) fn are_in(&self, text: &str) -> bool {
        const SHORTEST: usize = 12;
        let shortest = self.all().map(|secret| secret.reveal().len()).min();
        // A text shorter than the credential cannot contain it.
        if shortest.is_none_or(|shortest| text.len() < shortest.max(SHORTEST)) {
            return false;
        }
        let found = self.disguises().find(text);
        found.into_iter().any(|found| found.len() >= SHORTEST)
    }

    fn disguises(&self) -> &Disguises {
        self.disguises.get_or_init(|| {
            let own = self.all().map(Secret::reveal);
            Disguises::of(own.chain(self.proxy_password.as_deref()))
        })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Secret> {
        [&self.jwt_token, &self.api_key, &self.anon_key]
            .into_iter()
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text, Source::Option)
    }

    #[test]
    fn one_credential_goes_out_in_the_registrys_order() {
        let mut all = Credentials::new(
            Some(secret("anon")),
            Some(secret("key")),
            Some(secret("jwt")),
        );
        assert_eq!(
            all.headers(),
            [
                ("apikey", "anon".into()),
                ("authorization", "Bearer jwt".into())
            ]
        );
        all.jwt_token = None;
        assert_eq!(
            all.headers(),
            [("apikey", "anon".into()), ("x-api-key", "key".into())]
        );
        all.api_key = None;
        assert_eq!(
            all.headers(),
            [
                ("apikey", "anon".into()),
                ("authorization", "Bearer anon".into())
            ]
        );
        all.anon_key = None;
        assert!(all.headers().is_empty());
    }

    #[cfg(feature = "cli")]
    #[test]
    fn a_token_says_when_it_ends() {
        let token = |claims: &str| {
            let claims = BASE64_URL_SAFE_NO_PAD.encode(claims);
            Credentials::new(
                Some(secret("anon")),
                None,
                Some(secret(&format!("eyJ9.{claims}.c2ln"))),
            )
        };
        let ends_at = token(r#"{"sub":"ada","exp":1800000000}"#).ends_at();
        assert_eq!(ends_at, DateTime::from_timestamp(1_800_000_000, 0));
        for claims in [
            "{}",
            r#"{"exp":"soon"}"#,
            "exp",
            r#"{"exp":9223372036854775807}"#,
        ] {
            assert_eq!(token(claims).ends_at(), None, "{claims}");
        }
        let key = Credentials::new(None, Some(secret("sk_live.abc")), None);
        assert_eq!(key.ends_at(), None);
    }

    #[test]
    fn nothing_shows_a_secret() {
        let all = Credentials::new(None, Some(secret("sk-123")), None);
        assert_eq!(all.redact("bad key sk-123!"), "bad key [redacted]!");
        assert!(!format!("{all:?}").contains("sk-123"));
        assert_eq!(all.describe(), "the API key given by the program");
        let nested = Credentials::new(None, all.api_key, Some(secret("123")));
        assert_eq!(nested.redact("sk-123 or 123"), "[redacted] or [redacted]");
        assert_eq!(Credentials::default().redact("sk-123"), "sk-123");
    }

    #[test]
    fn promise_10_an_escaped_credential_is_redacted() {
        let all = Credentials::new(None, Some(secret(r#""a/b'c\<d>&e""#)), None);
        for escaped in [
            r#"\"a/b'c\\<d>&e\""#,
            r#"\"a\/b'c\\<d>&e\""#,
            r"&quot;a/b&#39;c\&lt;d&gt;&amp;e&quot;",
            r"&quot;a/b'c\&lt;d&gt;&amp;e&quot;",
        ] {
            let shown = all.redact(&format!("no: \"{escaped}\"."));
            assert_eq!(shown, "no: \"[redacted]\".", "{escaped}");
        }
    }

    #[test]
    fn promise_10_a_disguise_hides_no_credential() {
        let key = "sk-live-0123456789+/é~x?";
        let key = key.replace('é', "=");
        let all = Credentials::new(None, Some(secret(&key)), None);
        let percent = |lower: bool| -> String {
            let hex = |byte: u8| {
                let text = format!("%{byte:02X}");
                if lower { text.to_lowercase() } else { text }
            };
            key.bytes().map(hex).collect()
        };
        for disguised in [
            key.clone(),
            key.to_uppercase(),
            key.replace('+', "%2B").replace('/', "%2f"),
            percent(true),
            percent(false),
            percent(false).replace('%', "%25"),
            format!("{}{}", &key[..7], &percent(true)[21..]),
        ] {
            let text = format!("é to http://{disguised}.example/ü");
            assert_eq!(
                all.redact(&text),
                "é to http://[redacted].example/ü",
                "{disguised}"
            );
            assert!(all.are_in(&text));
        }
        // In Base64, as in `Authorization: Basic`, after a user name of any length.
        for name in ["", "u", "us", "use", "user"] {
            for tail in ["", ":", ":tail"] {
                let plain = format!("{name}{key}{tail}");
                for text in [
                    base64(plain.as_bytes(), false),
                    base64(plain.as_bytes(), true),
                ] {
                    let shown = all.redact(&format!("sent Basic {text}!"));
                    assert!(shown.contains("[redacted]"), "{plain}: {shown}");
                    let left = shown.replace("sent Basic ", "").replace("[redacted]", "");
                    assert!(left.len() < 16, "{plain}: {shown}");
                }
            }
        }
        for harmless in [
            "",
            "%",
            "100%",
            "%zz%4",
            "sk-live-01234",
            "é%C3%A9",
            "SKILLS",
        ] {
            assert_eq!(all.redact(harmless), harmless);
            assert!(!all.are_in(harmless));
        }
    }

    fn base64(bytes: &[u8], for_urls: bool) -> String {
        let text = crate::registry::disguise::base64(bytes);
        if for_urls {
            text.replace('+', "-").replace('/', "_")
        } else {
            text
        }
    }
}
