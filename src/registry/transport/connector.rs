//! The way to the registry: directly, or through a proxy.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use ureq::unversioned::transport::{ConnectionDetails, Connector, Transport, TransportAdapter};

use super::control::Control;
use super::doubt;
use super::failure::{Deadline, Failure};
use super::http_proxy::{self, AbsoluteForm};
use super::lookup;
use super::proxy::{Protocol, Proxy, Target};
use super::race;
use super::socks::{self, Destination};
use super::tcp::Tcp;
use super::tls::{self, Tls};

/// Connects to the registry.
#[derive(Debug)]
pub(super) struct Dialer {
    pub(super) proxy: Option<Arc<Proxy>>,
    /// `None` if neither the registry nor the proxy has TLS.
    pub(super) tls: Option<Tls>,
    pub(super) control: Arc<Control>,
    /// The address that worked last.
    pub(super) last: Arc<Mutex<Option<SocketAddr>>>,
}

type Boxed = Box<dyn Transport>;

impl Connector<()> for Dialer {
    type Out = Boxed;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Boxed>, ureq::Error> {
        let way = Way {
            dialer: self,
            details,
            deadline: Deadline::new(details.timeout),
            target: Target::of(details.uri)?,
        };
        let transport = match &self.proxy {
            None => way.dial(&details.addrs)?,
            Some(proxy) if proxy.is_socks() => way.through_socks(proxy)?,
            Some(proxy) => way.through_http(proxy)?,
        };
        if !details.needs_tls() {
            return Ok(Some(transport));
        }
        let secured = way.secured(transport, &way.target, "its");
        secured.map(Some).map_err(|error| {
            let error = in_handshake(error);
            match &self.proxy {
                Some(proxy) => doubt::of_failure(proxy, error),
                None => error,
            }
        })
    }
}

/// One connection that is being made.
struct Way<'a> {
    dialer: &'a Dialer,
    details: &'a ConnectionDetails<'a>,
    deadline: Deadline,
    target: Target,
}

impl Way<'_> {
    /// Connects to the first of these addresses that answers.
    fn dial(&self, addresses: &[SocketAddr]) -> Result<Boxed, ureq::Error> {
        let control = &self.dialer.control;
        let stream = race::connect(addresses, &self.dialer.last, &self.deadline, &control.cut)?;
        let is_plain = self.dialer.proxy.is_none() && !self.details.needs_tls();
        let tcp = Tcp::new(stream, tls::buffers(), Arc::clone(control), is_plain);
        (self.details.register_shutdown)(tcp.shutdown_handle())?;
        Ok(Box::new(tcp))
    }

    fn dial_proxy(&self, proxy: &Proxy) -> Result<Boxed, ureq::Error> {
        let addresses = lookup::addresses(&proxy.at, &self.deadline, &self.dialer.control.cut)
            .map_err(|error| proxy.blame_lookup(error))?;
        self.dial(&addresses).map_err(|error| proxy.blame(error))
    }

    fn through_http(&self, proxy: &Proxy) -> Result<Boxed, ureq::Error> {
        let mut transport = self.dial_proxy(proxy)?;
        if proxy.protocol == Protocol::Https {
            let whose = format!("the proxy {proxy} cannot be trusted: its");
            transport = self
                .secured(transport, &proxy.at, &whose)
                .map_err(|error| proxy.blame(error))?;
        }
        if !self.details.needs_tls() {
            let authority = self.details.uri.authority();
            let origin = format!("http://{}", authority.map_or("", |host| host.as_str()));
            return Ok(Box::new(AbsoluteForm::new(transport, origin, proxy)));
        }
        let mut stream = self.stream(transport)?;
        http_proxy::open_tunnel(&mut stream, proxy, &self.target)?;
        Ok(stream.into_inner())
    }

    /// A proxy that gets an address may not reach it, but another one of the same host.
    fn through_socks(&self, proxy: &Proxy) -> Result<Boxed, ureq::Error> {
        if proxy.looks_up() {
            return self.ask_socks(proxy, &Destination::of(&self.target));
        }
        let ipv4_only = proxy.protocol == Protocol::Socks4;
        let mut failure = socks::ipv4_only(proxy);
        for address in &self.details.addrs {
            if ipv4_only && address.is_ipv6() {
                continue;
            }
            match self.ask_socks(proxy, &Destination::Address(*address)) {
                Ok(transport) => return Ok(transport),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn ask_socks(&self, proxy: &Proxy, to: &Destination<'_>) -> Result<Boxed, ureq::Error> {
        let mut stream = self.stream(self.dial_proxy(proxy)?)?;
        socks::ask(&mut stream, proxy, to)?;
        Ok(stream.into_inner())
    }

    fn secured(&self, transport: Boxed, host: &Target, whose: &str) -> Result<Boxed, ureq::Error> {
        let tls = self.dialer.tls.as_ref().ok_or(ureq::Error::TlsRequired)?;
        let secured = tls.wrap(self.stream(transport)?, host, whose)?;
        Ok(Box::new(secured))
    }

    /// Reads and writes until the deadline.
    fn stream(&self, transport: Boxed) -> Result<TransportAdapter, ureq::Error> {
        let clock = Arc::clone(&self.details.current_time);
        let mut stream = TransportAdapter::new(transport, clock);
        stream.set_timeout(self.deadline.timeout()?);
        Ok(stream)
    }
}

/// What broke off during the handshake is not an answer that broke off.
fn in_handshake(error: ureq::Error) -> ureq::Error {
    use io::ErrorKind as Kind;
    let words = match &error {
        ureq::Error::Timeout(_) => {
            let words = "it accepted the connection, but TLS was not set up in time.";
            return Failure::new(words).with_source(error).timed_out().into();
        }
        ureq::Error::Io(io) => match io.kind() {
            Kind::UnexpectedEof | Kind::ConnectionReset | Kind::BrokenPipe => {
                "it closed the connection while TLS was being set up. Check the address: http:// has no TLS, https:// has."
            }
            _ => return error,
        },
        _ => return error,
    };
    Failure::new(words).with_source(error).into()
}
