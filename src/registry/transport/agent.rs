//! How one client connects: its route, its certificates, and the pools of connections made of them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use ureq::Agent;
use ureq::config::Config;
use ureq::http::{Response, Uri};

use super::certificates::CertificateSources;
use super::connector::Dialer;
use super::control::Control;
use super::doubt;
use super::failure::Failure;
use super::http_proxy;
use super::lookup::Lookup;
use super::proxy::{Protocol, Target};
use super::route::Route;
use crate::environment::Environment;
use crate::{Error, Result};

/// How one client connects. The environment is read once, when the client is made; the certificates
/// are loaded again for each pool of connections.
#[derive(Debug, Clone)]
pub(in crate::registry) struct Transport {
    route: Route,
    /// What the list of exceptions from the proxy has that is not understood.
    not_understood: Option<String>,
    certificates: CertificateSources,
    /// That of every pool.
    config: Config,
    registry: Target,
    secure: bool,
    /// The address that worked last.
    last: Arc<Mutex<Option<SocketAddr>>>,
}

impl Transport {
    /// For the registry at `base`, with the proxy that the environment sets for it.
    pub(in crate::registry) fn new(base: &Uri, environment: &Environment) -> Result<Self> {
        let unusable = |_| Error::InvalidArgument("The registry's address has no host.".into());
        let (route, not_understood) = environment.texts(|var| {
            let route = Route::of_environment(base, var)?;
            let not_understood = route.not_understood(var);
            Ok((route, not_understood))
        })?;
        Ok(Self {
            route,
            not_understood,
            certificates: CertificateSources::of_environment(environment),
            config: config(),
            registry: Target::of(base).map_err(unusable)?,
            secure: base.scheme_str() == Some("https"),
            last: Arc::default(),
        })
    }

    /// A new pool of connections, with the current certificates. Shutting it down interrupts
    /// requests in flight, and setting `cut` of its control those that are not connected yet.
    ///
    /// # Errors [`Error::InvalidArgument`](crate::Error::InvalidArgument) if a variable names
    /// certificates that cannot be used.
    pub(in crate::registry) fn agent(&self, control: &Arc<Control>) -> Result<Agent> {
        let proxy = self.route.proxy();
        let lookup = Lookup {
            proxy: proxy.cloned(),
            control: Arc::clone(control),
        };
        let dialer = Dialer {
            proxy: proxy.cloned(),
            tls: self
                .wants_tls()
                .then(|| self.certificates.tls())
                .transpose()?,
            control: Arc::clone(control),
            last: Arc::clone(&self.last),
        };
        Ok(Agent::with_parts(self.config.clone(), dialer, lookup))
    }

    /// Whether the registry or the proxy has TLS.
    fn wants_tls(&self) -> bool {
        let proxy = self.route.proxy();
        self.secure || proxy.is_some_and(|proxy| proxy.protocol == Protocol::Https)
    }

    /// The proxy without its password, and the variable that names it.
    pub(in crate::registry) fn proxy(&self) -> (String, Option<&'static str>) {
        self.route.describe()
    }

    /// What the list of exceptions from the proxy has that is not understood, in words.
    pub(in crate::registry) fn not_understood(&self) -> Option<&str> {
        self.not_understood.as_deref()
    }

    /// The proxy's machine.
    pub(in crate::registry) fn proxy_host(&self) -> Option<&str> {
        Some(self.route.proxy()?.at.name.as_str())
    }

    /// For messages, which must not show it.
    pub(in crate::registry) fn proxy_password(&self) -> Option<String> {
        let password = self.route.proxy()?.password.clone()?;
        String::from_utf8(password).ok()
    }

    /// How many certificates are trusted, and the variable that names them; nothing without TLS.
    ///
    /// # Errors As [`agent`](Self::agent).
    #[cfg(feature = "cli")]
    pub(in crate::registry) fn certificates(&self) -> Result<Vec<(String, Option<&'static str>)>> {
        if self.wants_tls() {
            self.certificates.describe()
        } else {
            Ok(Vec::new())
        }
    }

    /// A response that is not the registry's, but the proxy's own, as far as that can be told.
    pub(in crate::registry) fn refused_by_proxy<B>(
        &self,
        response: &Response<B>,
    ) -> Option<Failure> {
        let proxy = self.route.proxy().filter(|proxy| !proxy.is_socks())?;
        let status = response.status();
        (!self.secure && http_proxy::is_own(status, response.headers())).then(|| {
            let schemes = http_proxy::schemes(response.headers());
            http_proxy::refusal(proxy, &self.registry, status, &schemes)
        })
    }

    /// Adds to the message of a failure that the proxy may be at fault, where that cannot be told.
    pub(in crate::registry) fn doubt(&self, error: Error) -> Error {
        match self.route.proxy() {
            // What comes through TLS is the registry's.
            Some(proxy) if !self.secure => doubt::of_proxy(proxy, error),
            _ => error,
        }
    }

    /// Adds to the message of a connection that ended without an answer, the first one of all, that its port
    /// may be for TLS.
    pub(in crate::registry) fn doubt_port(&self, error: Error) -> Error {
        match error {
            Error::CutOff(cause) if !self.secure && self.route.proxy().is_none() => {
                Error::CutOff(cause.doubted(doubt::OF_PORT))
            }
            error => error,
        }
    }
}

/// Made with the client: ureq asks the environment for a proxy, even where it is told to use none.
fn config() -> Config {
    Agent::config_builder()
        .http_status_as_error(false)
        // The client follows redirects itself, on the same origin only.
        .max_redirects(0)
        .max_redirects_will_error(false)
        // The connector knows the way.
        .proxy(None)
        // A sync requests one page at a time.
        .max_idle_connections(2)
        .max_idle_connections_per_host(2)
        .build()
}
