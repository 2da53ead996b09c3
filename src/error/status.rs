//! What an HTTP status means, for registries that the host supplies.

use chrono::{DateTime, Utc};

use crate::Error;

/// What a registry says of a plan without access to a listing.
pub(crate) const NOT_ENTITLED: &str = "tier_not_entitled";

impl Error {
    /// The error of a request that a registry of the host has answered with this status, 300 or
    /// higher: it means the same as over HTTP. For the bindings.
    #[doc(hidden)]
    #[must_use]
    pub fn of_status(status: u16, detail: Option<String>, retry_at: Option<DateTime<Utc>>) -> Self {
        let said = detail
            .as_deref()
            .map_or_else(String::new, |detail| format!(": {detail}"));
        match status {
            401 if detail.as_deref().is_some_and(Self::says_expired) => {
                Self::sign_in_expired(&format!("401{said}"))
            }
            401 => Self::Unauthorized(format!(
                "The registry wants a valid credential (401{said})."
            )),
            403 if said.contains(NOT_ENTITLED) => Self::PlanRequired(format!(
                "The registry reserves this listing for other plans (403{said}). Change the plan, or \
                 use a key of one of these plans."
            )),
            403 => Self::Forbidden(format!("The registry does not allow this (403{said}).")),
            429 => Self::RateLimited { retry_at },
            408 | 500.. => Self::Server {
                status,
                detail,
                retry_at,
            },
            _ => Self::Refused { status, detail },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    #[test]
    fn a_status_has_the_code_that_it_has_over_http() {
        let code =
            |status, detail: &str| Error::of_status(status, Some(detail.to_owned()), None).code();
        assert_eq!(code(400, ""), ErrorCode::Refused);
        assert_eq!(code(401, "no"), ErrorCode::Unauthorized);
        assert_eq!(code(401, "expired_token"), ErrorCode::SignInExpired);
        assert_eq!(code(403, "no"), ErrorCode::Forbidden);
        assert_eq!(
            code(403, r#"{"code":"tier_not_entitled"}"#),
            ErrorCode::PlanRequired
        );
        assert_eq!(code(408, ""), ErrorCode::Server);
        assert_eq!(code(416, ""), ErrorCode::Refused);
        assert_eq!(code(429, ""), ErrorCode::RateLimited);
        assert_eq!(code(501, ""), ErrorCode::Server);
    }
}
