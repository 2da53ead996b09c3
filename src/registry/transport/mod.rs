//! Connections: deadlines, proxies, trusted certificates, and hosts with several addresses.
//!
//! One connector does it all, rather than those of ureq: it tries the addresses of a host side by
//! side, also those of a proxy, sends plain requests through a proxy in absolute form, trusts what
//! the user trusts, and says of every failure whose it is.

mod certificates;
mod connector;
mod exceptions;
mod failure;
mod http_proxy;
mod lookup;
mod proxy;
mod race;
mod route;
mod socks;
mod tcp;
mod tls;
mod verifier;

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ureq::Agent;
use ureq::http::{Response, Uri};

use self::certificates::CertificateSources;
use self::connector::Dialer;
use self::failure::FOREVER;
pub(super) use self::failure::Failure;
use self::lookup::Lookup;
use self::proxy::{Protocol, Target};
use self::route::Route;
use crate::Result;
use crate::environment::Environment;

/// A server that does not accept a connection within this time counts as unreachable.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How one client connects. The environment is read once, when the client is made; the certificates
/// are loaded again for each pool of connections.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    route: Route,
    certificates: CertificateSources,
    registry: Target,
    secure: bool,
    /// The address that worked last.
    last: Arc<Mutex<Option<SocketAddr>>>,
}

impl Transport {
    /// For the registry at `base`, with the proxy that the environment sets for it.
    pub(super) fn new(base: &Uri, environment: &Environment) -> Result<Self> {
        let unusable =
            |_| crate::Error::InvalidArgument("The registry's address has no host.".into());
        Ok(Self {
            route: environment.texts(|var| Route::of_environment(base, var))?,
            certificates: CertificateSources::of_environment(environment),
            registry: Target::of(base).map_err(unusable)?,
            secure: base.scheme_str() == Some("https"),
            last: Arc::default(),
        })
    }

    /// A new pool of connections, with the current certificates. Shutting it down interrupts
    /// requests in flight, and setting `cut` those that are not connected yet.
    ///
    /// # Errors [`Error::InvalidArgument`](crate::Error::InvalidArgument) if a variable names
    /// certificates that cannot be used.
    pub(super) fn agent(&self, cut: &Arc<AtomicBool>) -> Result<Agent> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // The client follows redirects itself, on the same origin only.
            .max_redirects(0)
            .max_redirects_will_error(false)
            // The connector knows the way.
            .proxy(None)
            // A sync requests one page at a time.
            .max_idle_connections(2)
            .max_idle_connections_per_host(2)
            .build();
        let proxy = self.route.proxy();
        let lookup = Lookup {
            proxy: proxy.cloned(),
            cut: Arc::clone(cut),
        };
        let dialer = Dialer {
            proxy: proxy.cloned(),
            tls: self
                .wants_tls()
                .then(|| self.certificates.tls())
                .transpose()?,
            cut: Arc::clone(cut),
            last: Arc::clone(&self.last),
        };
        Ok(Agent::with_parts(config, dialer, lookup))
    }

    /// Whether the registry or the proxy has TLS.
    fn wants_tls(&self) -> bool {
        let proxy = self.route.proxy();
        self.secure || proxy.is_some_and(|proxy| proxy.protocol == Protocol::Https)
    }

    /// The proxy without its password, and the variable that names it.
    pub(super) fn proxy(&self) -> (String, Option<&'static str>) {
        self.route.describe()
    }

    /// How many certificates are trusted, and the variable that names them; nothing without TLS.
    ///
    /// # Errors As [`agent`](Self::agent).
    #[cfg(feature = "cli")]
    pub(super) fn certificates(&self) -> Result<Vec<(String, Option<&'static str>)>> {
        if self.wants_tls() {
            self.certificates.describe()
        } else {
            Ok(Vec::new())
        }
    }

    /// A response that is not the registry's, but the proxy's own, as far as that can be told.
    pub(super) fn refused_by_proxy<B>(&self, response: &Response<B>) -> Option<Failure> {
        let proxy = self.route.proxy().filter(|proxy| !proxy.is_socks())?;
        let status = response.status();
        (!self.secure && http_proxy::is_own(status, response.headers()))
            .then(|| http_proxy::refusal(proxy, &self.registry, status))
    }
}

/// How long one request may take.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limits {
    /// For the headers, and again for the body.
    OfEach(Duration),
    /// For everything together.
    OfAll(Duration),
}

impl Limits {
    /// What is left after `elapsed`.
    pub(super) const fn after(self, elapsed: Duration) -> Self {
        match self {
            Self::OfEach(limit) => Self::OfEach(limit),
            Self::OfAll(limit) => Self::OfAll(limit.saturating_sub(elapsed)),
        }
    }
}

/// The deadlines of one request.
pub(super) fn deadlines<S>(
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
    request
        .config()
        .timeout_global(global)
        .timeout_resolve(Some(CONNECT_TIMEOUT.min(whole)))
        .timeout_connect(Some(CONNECT_TIMEOUT.min(whole)))
        .timeout_send_request(Some(whole))
        .timeout_recv_response(Some(whole))
        .timeout_recv_body(Some(whole))
        .build()
}
