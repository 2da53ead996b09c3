//! Connections: deadlines, proxies and trusted certificates.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use ureq::Agent;
use ureq::Proxy;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::time::Duration as Time;
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use crate::{Error, Result, memory};

/// A server that does not accept a connection within this time counts as unreachable.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// An `Instant` too far in the future overflows, and ureq panics.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How one client connects. The proxy is read from the environment once, when the client is made;
/// the certificates are loaded again for each pool of connections.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    proxy: Option<Proxy>,
    secure: bool,
}

impl Transport {
    /// For the registry at `base`, with the proxy that the environment sets for it.
    pub(super) fn new(base: &Uri, var: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let secure = base.scheme_str() == Some("https");
        Ok(Self {
            proxy: proxy(base, secure, var)?,
            secure,
        })
    }

    /// A new pool of connections, with the current certificates. Shutting it down interrupts
    /// requests in flight.
    pub(super) fn agent(&self) -> Agent {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // The client follows redirects itself, on the same origin only.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(self.proxy.clone())
            // A sync requests one page at a time.
            .max_idle_connections(2)
            .max_idle_connections_per_host(2);
        if self.secure {
            config = config.tls_config(TlsConfig::builder().root_certs(root_certs()).build());
        }
        Agent::with_parts(config.build(), DefaultConnector::default(), Lookup)
    }
}

/// Resolves names on a thread of ours: ureq panics if it cannot start its own.
#[derive(Debug)]
struct Lookup;

impl Resolver for Lookup {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let (sender, answer) = sync_channel(1);
        let (uri, config) = (uri.clone(), config.clone());
        let thread = memory::spawn("skillsmith-lookup", move || {
            let unbounded = NextTimeout {
                after: Time::NotHappening,
                ..timeout
            };
            _ = sender.send(DefaultResolver::default().resolve(&uri, &config, unbounded));
        });
        if thread.is_err() {
            return Err(ureq::Error::Io(std::io::ErrorKind::OutOfMemory.into()));
        }
        match answer.recv_timeout(*timeout.after) {
            Ok(found) => found,
            Err(RecvTimeoutError::Timeout) => Err(ureq::Error::Timeout(timeout.reason)),
            // It panicked.
            Err(RecvTimeoutError::Disconnected) => Err(ureq::Error::HostNotFound),
        }
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

/// `HTTPS_PROXY` or `HTTP_PROXY` by the scheme of the registry, then `ALL_PROXY`; none for hosts in
/// `NO_PROXY`.
fn proxy(base: &Uri, secure: bool, var: &dyn Fn(&str) -> Option<String>) -> Result<Option<Proxy>> {
    let names: [&'static str; 4] = if secure {
        ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
    } else {
        ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
    };
    let Some((name, url)) = names.into_iter().find_map(|name| Some((name, var(name)?))) else {
        return Ok(None);
    };
    // The value may contain a password, so the message does not quote it.
    let unusable = |_| {
        Error::InvalidArgument(format!(
            "{name} is not a proxy address. Use the form http://host:port."
        ))
    };
    let plain = Proxy::new(&url).map_err(unusable)?;
    let mut builder = Proxy::builder(plain.protocol())
        .host(plain.host())
        .port(plain.port());
    if let Some(username) = plain.username() {
        builder = builder.username(username);
    }
    if let Some(password) = plain.password() {
        builder = builder.password(password);
    }
    let exceptions = var("NO_PROXY")
        .or_else(|| var("no_proxy"))
        .unwrap_or_default();
    for entry in exceptions
        .split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
    {
        let host = entry
            .rsplit_once(':')
            .filter(|(_, port)| port.parse::<u16>().is_ok())
            .map_or(entry, |(host, _)| host);
        // As in curl and Node: the host and its subdomains, with or without a leading dot.
        let host = host.trim_start_matches('.');
        builder = builder.no_proxy(host).no_proxy(&format!(".{host}"));
    }
    let proxy = builder.build().map_err(unusable)?;
    Ok((!proxy.is_no_proxy(base)).then_some(proxy))
}

/// The system's certificates and those of `NODE_EXTRA_CA_CERTS`; bundled ones if there are none.
fn root_certs() -> RootCerts {
    let mut certs: Vec<Certificate<'static>> = rustls_native_certs::load_native_certs()
        .certs
        .iter()
        .map(|cert| Certificate::from_der(cert).to_owned())
        .collect();
    if certs.is_empty() {
        return RootCerts::WebPki;
    }
    if let Some(extra) =
        std::env::var_os("NODE_EXTRA_CA_CERTS").and_then(|path| std::fs::read(path).ok())
    {
        certs.extend(parse_pem(&extra).filter_map(|item| match item {
            Ok(PemItem::Certificate(cert)) => Some(cert),
            _ => None,
        }));
    }
    RootCerts::Specific(Arc::new(certs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host_of_proxy(base: &str, vars: &[(&str, &str)]) -> Option<String> {
        let base: Uri = base.parse().unwrap();
        let var = |name: &str| {
            vars.iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Transport::new(&base, &var)
            .unwrap()
            .proxy
            .map(|proxy| proxy.host().to_owned())
    }

    #[test]
    fn the_proxy_goes_by_the_scheme() {
        let vars = [
            ("HTTP_PROXY", "http://plain:3128"),
            ("HTTPS_PROXY", "http://secure:3128"),
        ];
        assert_eq!(host_of_proxy("http://r/x", &vars).as_deref(), Some("plain"));
        assert_eq!(
            host_of_proxy("https://r/x", &vars).as_deref(),
            Some("secure")
        );
        assert_eq!(
            host_of_proxy("http://r/x", &[("HTTPS_PROXY", "http://secure:3128")]),
            None
        );
        assert_eq!(
            host_of_proxy("http://r/x", &[("all_proxy", "http://any:1")]).as_deref(),
            Some("any")
        );
    }

    #[test]
    fn exceptions_cover_a_host_and_all_below_it() {
        let with = |base: &str, no_proxy: &str| {
            host_of_proxy(
                base,
                &[("HTTP_PROXY", "http://p:1"), ("NO_PROXY", no_proxy)],
            )
            .is_some()
        };
        assert!(!with("http://r.example/x", "localhost, r.example"));
        assert!(!with("http://r.example/x", ".example"));
        assert!(!with("http://r.example/x", "example"));
        assert!(!with("http://r.example/x", "*"));
        assert!(!with("http://127.0.0.1:8080/x", "127.0.0.1:8080"));
        assert!(with("http://r.example/x", "other.example"));
    }

    #[test]
    fn a_broken_proxy_is_named_without_its_password() {
        let base: Uri = "http://r/x".parse().unwrap();
        let error = Transport::new(&base, &|name| {
            (name == "HTTP_PROXY").then(|| "foo://u:hunter2@h".into())
        })
        .unwrap_err();
        assert!(error.to_string().contains("HTTP_PROXY") && !error.to_string().contains("hunter2"));
    }
}
