//! What else than the registry may be at fault: without TLS, an answer does not show who sent it.

use super::failure::Failure;
use super::proxy::Proxy;
use crate::{Cause, Error};

/// Where a plain connection ended without a word.
pub(super) const OF_PORT: &str = "If its port is for TLS, the address must begin with https://.";

/// Adds to the message of a failure that the proxy may be at fault.
pub(super) fn of_proxy(proxy: &Proxy, error: Error) -> Error {
    let (doubt, aside) = (proxy.doubt(), proxy.aside());
    let and_aside = |detail: Option<String>| match detail {
        Some(detail) => format!("{detail}; {aside}"),
        None => aside.clone(),
    };
    match error {
        Error::CutOff(cause) => Error::CutOff(cause.doubted(&doubt)),
        Error::Protocol(cause) => Error::Protocol(cause.doubted(&doubt)),
        Error::Timeout(cause) => Error::Timeout(cause.doubted_aside(&aside)),
        Error::Unreachable(cause) => Error::Unreachable(cause.doubted(&doubt)),
        // SOCKS has no statuses of HTTP.
        error if proxy.is_socks() => error,
        Error::Unhealthy(Some(cause)) => Error::Unhealthy(Some(cause.and_aside(&aside))),
        Error::Forbidden(words) => Error::Forbidden(Cause::new(words).and(&doubt).to_string()),
        Error::Server {
            status,
            detail,
            retry_at,
        } => Error::Server {
            status,
            detail: Some(and_aside(detail)),
            retry_at,
        },
        Error::Refused { status, detail } => Error::Refused {
            status,
            detail: Some(and_aside(detail)),
        },
        error => error,
    }
}

/// Adds to the words of a connection that was not made that the proxy may be at fault.
pub(super) fn of_failure(proxy: &Proxy, error: ureq::Error) -> ureq::Error {
    let ureq::Error::Other(other) = error else {
        return error;
    };
    match other.downcast::<Failure>() {
        Ok(mut failure) => {
            failure.words = if failure.timed_out {
                format!("{}; {}", failure.words.trim_end_matches('.'), proxy.aside())
            } else {
                format!("{} {}", failure.words, proxy.doubt())
            };
            ureq::Error::Other(failure)
        }
        Err(other) => ureq::Error::Other(other),
    }
}
