//! What else than the registry may be at fault: without TLS, an answer does not show who sent it.

use super::proxy::Proxy;
use crate::{Cause, Error};

/// Where a plain connection ended without a word.
pub(super) const OF_PORT: &str = "If its port is for TLS, the address must begin with https://.";

/// Adds to the message of a failure that the proxy may be at fault.
pub(super) fn of_proxy(proxy: &Proxy, error: Error) -> Error {
    let doubt = proxy.doubt();
    match error {
        Error::CutOff(cause) => Error::CutOff(cause.doubted(&doubt)),
        Error::Protocol(cause) => Error::Protocol(cause.doubted(&doubt)),
        Error::Timeout(cause) => Error::Timeout(cause.doubted(&doubt)),
        Error::Unreachable(cause) => Error::Unreachable(cause.doubted(&doubt)),
        // SOCKS has no statuses of HTTP.
        error if proxy.is_socks() => error,
        Error::Unhealthy(Some(cause)) => Error::Unhealthy(Some(cause.and(&doubt))),
        Error::Forbidden(words) => Error::Forbidden(and(words, &doubt)),
        Error::Server {
            status,
            detail,
            retry_at,
        } => Error::Server {
            status,
            detail: Some(detail.map_or(doubt.clone(), |detail| and(detail, &doubt))),
            retry_at,
        },
        error => error,
    }
}

fn and(words: String, doubt: &str) -> String {
    Cause::new(words).and(doubt).to_string()
}
