//! Looking up names.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::control::Control;
use super::failure::Deadline;
use super::proxy::{Proxy, Target};
use super::race::{self, SLICE, interrupted};
use crate::memory;

/// How many addresses ureq passes on.
const MOST: usize = 16;

/// Looks up the registry, unless a proxy does.
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) proxy: Option<Arc<Proxy>>,
    pub(super) control: Arc<Control>,
}

impl Resolver for Lookup {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut found = self.empty();
        if self.proxy.as_ref().is_some_and(|proxy| proxy.looks_up()) {
            return Ok(found);
        }
        let target = Target::of(uri)?;
        let addresses = addresses(&target, &Deadline::new(timeout), &self.control.cut);
        for address in addresses.map_err(|error| self.for_proxy(&target, error))? {
            found.push(address);
        }
        Ok(found)
    }
}

impl Lookup {
    /// A name that is not known here may be known to the proxy.
    fn for_proxy(&self, target: &Target, error: ureq::Error) -> ureq::Error {
        match (&self.proxy, error) {
            (Some(proxy), ureq::Error::HostNotFound) => {
                let words = format!(
                    "gets addresses, not names, and {} cannot be found here. \
                     Use socks5h:// or socks4a:// to let the proxy look it up.",
                    target.name
                );
                proxy.failure(&words).into()
            }
            (_, error) => error,
        }
    }
}

/// The addresses of a host, at least one.
///
/// The system's lookup cannot be interrupted, so it runs on a thread, which ends when the lookup
/// does. An address needs no lookup, and the names that RFC 6761 gives to this machine get none: whoever answers
/// for them elsewhere would be sent what may go to this machine only.
pub(super) fn addresses(
    host: &Target,
    deadline: &Deadline,
    cut: &AtomicBool,
) -> Result<Vec<SocketAddr>, ureq::Error> {
    if let Ok(ip) = host.name.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, host.port)]);
    }
    if is_localhost(&host.name) {
        let both = [Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()];
        return Ok(both.map(|ip: IpAddr| SocketAddr::new(ip, host.port)).into());
    }
    // The zone of a link-local address is part of the name that the system takes (RFC 6874: `%25` in a URL).
    let (name, port) = (host.name.replace("%25", "%"), host.port);
    let look_up = move || {
        let found: Vec<_> = (name.as_str(), port).to_socket_addrs()?.collect();
        Ok(first_of_both_families(&found))
    };
    on_a_thread(Box::new(look_up), deadline, cut)
}

/// Of a long list, as many addresses as are tried. One family must not push out the other, which may be the one that works.
fn first_of_both_families(found: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut ordered = race::order(found, None);
    ordered.truncate(MOST);
    ordered
}

/// Whether a name is `localhost` or below it.
pub(in crate::registry) fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

type Answer = io::Result<Vec<SocketAddr>>;

/// Waits for the answer until the deadline, or until `cut` is set.
fn on_a_thread(
    look_up: Box<dyn FnOnce() -> Answer + Send>,
    deadline: &Deadline,
    cut: &AtomicBool,
) -> Result<Vec<SocketAddr>, ureq::Error> {
    let (sender, answer) = sync_channel(1);
    memory::spawn("skillsmith-lookup", move || _ = sender.send(look_up()))
        .map_err(|error| ureq::Error::Io(io::Error::new(io::ErrorKind::OutOfMemory, error)))?;
    loop {
        let left = deadline.left()?;
        match answer.recv_timeout(left.min(SLICE)) {
            Ok(Ok(found)) if found.is_empty() => return Err(ureq::Error::HostNotFound),
            Ok(found) => return found.map_err(of_lookup),
            Err(RecvTimeoutError::Timeout) if cut.load(Ordering::Relaxed) => {
                return Err(interrupted());
            }
            Err(RecvTimeoutError::Timeout) => {}
            // It panicked.
            Err(RecvTimeoutError::Disconnected) => return Err(ureq::Error::HostNotFound),
        }
    }
}

/// What `getaddrinfo` itself says is not an error of the system, on Unix; on Windows it has numbers.
fn of_lookup(error: io::Error) -> ureq::Error {
    match error.raw_os_error() {
        None | Some(11001..=11004) => ureq::Error::HostNotFound,
        Some(_) => ureq::Error::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    #[test]
    fn promise_10_the_names_of_this_machine_are_looked_up_nowhere() {
        let timeout = NextTimeout {
            after: Duration::from_secs(60).into(),
            reason: ureq::Timeout::Resolve,
            ..NextTimeout::default()
        };
        for name in [
            "localhost",
            "LOCALHOST.",
            "registry.localhost",
            "a.b.localhost.",
        ] {
            let uri = format!("http://{name}:7/x").parse().unwrap();
            let target = Target::of(&uri).unwrap();
            let found = addresses(&target, &Deadline::new(timeout), &AtomicBool::new(false));
            let expected = ["[::1]:7", "127.0.0.1:7"].map(|address| address.parse().unwrap());
            assert_eq!(found.unwrap(), expected, "{name}");
        }
        for name in ["localhost.example", "notlocalhost", ""] {
            assert!(!is_localhost(name), "{name}");
        }
    }

    #[test]
    fn a_long_list_of_one_family_does_not_push_out_the_other() {
        let sixes = (1..=40).map(|last| format!("[fd00::{last:x}]:1").parse().unwrap());
        let four: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let found: Vec<SocketAddr> = sixes.chain([four]).collect();
        let tried = first_of_both_families(&found);
        assert_eq!(tried.len(), MOST);
        assert_eq!(tried[..3], [found[0], four, found[1]]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_zone_of_an_address_is_that_of_its_interface() {
        let timeout = NextTimeout {
            after: Duration::from_secs(60).into(),
            reason: ureq::Timeout::Resolve,
            ..NextTimeout::default()
        };
        for name in ["fe80::1%25lo", "fe80::1%lo"] {
            let host = Target {
                name: name.to_owned(),
                port: 7,
            };
            let found = addresses(&host, &Deadline::new(timeout), &AtomicBool::new(false));
            let lo = std::fs::read_to_string("/sys/class/net/lo/ifindex").unwrap();
            let expected = format!("[fe80::1%{}]:7", lo.trim()).parse().unwrap();
            assert_eq!(found.unwrap(), [expected], "{name}");
        }
    }

    #[test]
    fn a_lookup_that_hangs_ends_when_it_is_cancelled() {
        let timeout = NextTimeout {
            after: Duration::from_secs(3600).into(),
            reason: ureq::Timeout::Resolve,
            ..NextTimeout::default()
        };
        let deadline = Deadline::new(timeout);
        let cut = Arc::new(AtomicBool::new(false));
        let (begun, begins) = channel();
        let (release, released) = channel::<()>();
        let look_up = Box::new(move || {
            begun.send(()).unwrap();
            // Until the test ends.
            _ = released.recv();
            Ok(Vec::new())
        });
        let by = Arc::clone(&cut);
        let canceller = std::thread::spawn(move || {
            begins.recv().unwrap();
            by.store(true, Ordering::Relaxed);
        });
        let error = on_a_thread(look_up, &deadline, &cut).unwrap_err();
        let is_interruption = matches!(
            &error,
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::Interrupted
        );
        assert!(is_interruption, "{error:?}");
        canceller.join().unwrap();
        drop(release);
    }
}
