//! Who we say we are. A credential is shown to the registry and to nobody else.

use std::fmt;

/// Where a credential came from; named in refusals, so that the user knows which one to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Given by the program.
    Option,
    /// An environment variable.
    Variable(&'static str),
    /// `apiKey` in `~/.skillsmith/config.json`.
    ConfigFile,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option => f.write_str("given by the program"),
            Self::Variable(name) => write!(f, "from {name}"),
            Self::ConfigFile => f.write_str("from ~/.skillsmith/config.json"),
        }
    }
}

/// A text that is never shown.
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

    /// Whether the text can stand in an HTTP header at all.
    pub(super) fn is_valid(&self) -> bool {
        !self.text.is_empty() && self.text.bytes().all(|byte| (0x21..0x7f).contains(&byte))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.source)
    }
}

/// All that may identify us.
#[derive(Debug, Clone, Default)]
pub(crate) struct Credentials {
    pub(crate) anon_key: Option<Secret>,
    pub(crate) api_key: Option<Secret>,
    pub(crate) jwt_token: Option<Secret>,
}

impl Credentials {
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

    /// The credential that was used, in words, without it.
    pub(super) fn describe(&self) -> String {
        let (what, secret) = match (&self.jwt_token, &self.api_key, &self.anon_key) {
            (Some(token), _, _) => ("the token", token),
            (None, Some(key), _) => ("the API key", key),
            (None, None, Some(anon)) => ("the anonymous key", anon),
            (None, None, None) => return "no credential".into(),
        };
        format!("{what} {}", secret.source)
    }

    /// Takes every credential out of a text that came from outside.
    pub(super) fn redact(&self, text: &str) -> String {
        let mut secrets: Vec<&str> = self.all().map(Secret::reveal).collect();
        // One may hold another, and would then be taken out in part only.
        secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret, "[redacted]")
        })
    }

    /// Whether a credential stands in a text. A word as short as those for trying things out
    /// stands in many by chance.
    pub(super) fn are_in(&self, text: &str) -> bool {
        const SHORTEST: usize = 12;
        self.all()
            .map(Secret::reveal)
            .any(|secret| secret.len() >= SHORTEST && text.contains(secret))
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
        let mut all = Credentials {
            anon_key: Some(secret("anon")),
            api_key: Some(secret("key")),
            jwt_token: Some(secret("jwt")),
        };
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

    #[test]
    fn nothing_shows_a_secret() {
        let all = Credentials {
            anon_key: None,
            api_key: Some(secret("sk-123")),
            jwt_token: None,
        };
        assert!(!format!("{all:?}").contains("sk-123"));
        assert_eq!(all.redact("bad key sk-123!"), "bad key [redacted]!");
        assert_eq!(all.describe(), "the API key given by the program");
        let nested = Credentials {
            jwt_token: Some(secret("123")),
            ..all
        };
        assert_eq!(nested.redact("sk-123 or 123"), "[redacted] or [redacted]");
    }
}
