//! The deadlines of one request.

use std::time::Duration;

use super::failure::FOREVER;

/// A server that does not accept a connection within this time counts as unreachable.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one request may take.
#[derive(Debug, Clone, Copy)]
pub(in crate::registry) enum Limits {
    /// For the headers, and again for the body.
    OfEach(Duration),
    /// For everything together.
    OfAll(Duration),
}

impl Limits {
    /// How long everything may take: the connection, the request, the headers and the body.
    pub(in crate::registry) const fn longest(self) -> Duration {
        match self {
            Self::OfEach(limit) => limit.saturating_mul(3).saturating_add(CONNECT_TIMEOUT),
            Self::OfAll(limit) => limit,
        }
    }

    /// What is left after `elapsed`.
    pub(in crate::registry) const fn after(self, elapsed: Duration) -> Self {
        match self {
            Self::OfEach(limit) => Self::OfEach(limit),
            Self::OfAll(limit) => Self::OfAll(limit.saturating_sub(elapsed)),
        }
    }
}

/// The deadlines of one request.
pub(in crate::registry) fn deadlines<S>(
    request: ureq::RequestBuilder<S>,
    limits: Limits,
    left: Duration,
) -> ureq::RequestBuilder<S> {
    // A little later than the deadline of the run, so that the deadline is reported as the cause.
    let left = left.saturating_add(Duration::from_secs(1)).min(FOREVER);
    let (whole, global) = match limits {
        Limits::OfEach(limit) => (limit.min(left), None),
        Limits::OfAll(limit) => (limit.min(left), Some(limit.min(left))),
    };
    // Earlier than the whole, so that what is told is which of them it was.
    let connect = CONNECT_TIMEOUT.min(whole.saturating_mul(9) / 10);
    request
        .config()
        .timeout_global(global)
        .timeout_resolve(Some(connect))
        .timeout_connect(Some(connect))
        .timeout_send_request(Some(whole))
        .timeout_recv_response(Some(whole))
        .timeout_recv_body(Some(whole))
        .build()
}
