//! Who asks, by a fingerprint of the credential: some answers of a registry depend on it, and are
//! remembered with it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::credentials::Credentials;
use crate::fingerprint::hex;

/// Whom a registry takes the caller for.
#[doc(hidden)]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// Half a hash of the user of a token, or of the key. `None`: without a credential, or not known
    /// before the provider is asked.
    fingerprint: Option<String>,
    /// A token provider of the host gives the credential.
    #[serde(default)]
    is_provided: bool,
}

impl Caller {
    pub(super) fn of(credentials: &Credentials, is_provided: bool) -> Self {
        let (kind, text) = match (
            &credentials.jwt_token,
            &credentials.api_key,
            &credentials.anon_key,
        ) {
            (Some(token), _, _) => match user_of(token.reveal()) {
                Some(user) => ("user", user),
                None => ("token", token.reveal().to_owned()),
            },
            // Not of interest: the provider's token will be sent instead.
            _ if is_provided => return Self::provided(),
            (_, Some(key), _) => ("key", key.reveal().to_owned()),
            (_, _, Some(anon)) => ("anonymous", anon.reveal().to_owned()),
            (None, None, None) => return Self::default(),
        };
        Self {
            fingerprint: Some(caller_hash(kind, &text)),
            is_provided,
        }
    }

    /// The host's token provider, which was not asked yet.
    fn provided() -> Self {
        Self {
            fingerprint: None,
            is_provided: true,
        }
    }

    /// Whether this may be the one that was answered before.
    pub(crate) fn may_be(&self, before: &Self) -> bool {
        let is_open = self.is_provided && self.fingerprint.is_none();
        self.is_provided == before.is_provided
            && (is_open || self.fingerprint == before.fingerprint)
    }
}

/// The user that a token names: every sign-in of an hour has another token.
fn user_of(token: &str) -> Option<String> {
    let parts: Vec<&str> = token.split('.').collect();
    let [_, claims, _] = parts[..] else {
        return None;
    };
    let claims: Value = serde_json::from_slice(&decoded(claims)?).ok()?;
    let user = claims["sub"].as_str()?;
    Some(format!("{user} of {}", claims["iss"]))
}

/// The bytes of a text in base64url, with or without padding.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut length) = (0_u32, 0_u32);
    let mut bytes = Vec::new();
    for digit in text.trim_end_matches('=').bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xFFFF;
        length += 6;
        if length >= 8 {
            length -= 8;
            bytes.push(u8::try_from(bits >> length & 0xFF).ok()?);
        }
    }
    Some(bytes)
}

/// Half of a hash tells two credentials apart, and leaves open which of many it was.
fn caller_hash(kind: &str, text: &str) -> String {
    let hash = Sha256::digest(format!("skillsmith-sync {kind} {text}"));
    hex(&hash[..8])
}

#[cfg(test)]
mod tests {
    use super::super::credentials::{Secret, Source};
    use super::*;
    use crate::registry::disguise::base64;

    fn secret(text: &str) -> Secret {
        Secret::new(text, Source::Option)
    }

    fn of_key(key: &str) -> Caller {
        Caller::of(&Credentials::new(None, Some(secret(key)), None), false)
    }

    fn of_token(token: &str, is_provided: bool) -> Caller {
        Caller::of(
            &Credentials::new(None, None, Some(secret(token))),
            is_provided,
        )
    }

    fn jwt(claims: &str, signature: &str) -> String {
        let claims = base64(claims.as_bytes())
            .replace('+', "-")
            .replace('/', "_");
        format!("e30.{}.{signature}", claims.trim_end_matches('='))
    }

    #[test]
    fn promise_10_a_fingerprint_tells_callers_apart_and_nothing_else() {
        assert!(of_key("sk-1234567890").may_be(&of_key("sk-1234567890")));
        assert!(!of_key("sk-1234567890").may_be(&of_key("sk-1234567891")));
        assert!(!of_key("sk-1234567890").may_be(&of_token("sk-1234567890", false)));
        assert!(!of_key("sk-1234567890").may_be(&Caller::default()));
        assert!(Caller::default().may_be(&Caller::default()));
        let stored = serde_json::to_string(&of_key("sk-1234567890")).unwrap();
        assert!(!stored.contains("1234567890"), "{stored}");
    }

    #[test]
    fn a_fresh_token_is_of_the_same_user() {
        let token = |user: &str, ends: u32| {
            let claims = format!(r#"{{"iss":"x","sub":"{user}","exp":{ends}}}"#);
            of_token(&jwt(&claims, &format!("s{ends}")), false)
        };
        assert!(token("ü~>?", 2).may_be(&token("ü~>?", 1)));
        assert!(!token("one", 1).may_be(&token("two", 1)));
        // What names no user is told apart by itself.
        for other in ["a.b", "a.%%%.c", "a..c", &jwt("{}", "s"), &jwt("[1]", "s")] {
            assert!(of_token(other, false).may_be(&of_token(other, false)));
            assert!(!of_token(other, false).may_be(&of_token("a.!.c", false)));
        }
    }

    #[test]
    fn a_provider_that_was_not_asked_may_be_anyone_of_a_provider() {
        let unasked = Caller::of(&Credentials::new(Some(secret("anon")), None, None), true);
        assert!(unasked.may_be(&of_token("one", true)));
        assert!(!unasked.may_be(&of_token("one", false)));
        assert!(!unasked.may_be(&of_key("sk-1234567890")));
        assert!(!of_token("two", true).may_be(&of_token("one", true)));
    }
}
