//! What an HTTP status means, for registries that the host supplies.

use chrono::{DateTime, Utc};

use crate::Error;

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
