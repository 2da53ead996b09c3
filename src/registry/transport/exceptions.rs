//! `NO_PROXY`: the hosts that are reached without the proxy.

use std::net::IpAddr;

use super::proxy::{Target, split_port};

/// A list of exceptions, separated by commas or spaces.
#[derive(Debug, Default)]
pub(super) struct Exceptions(Vec<Exception>);

#[derive(Debug)]
struct Exception {
    hosts: Hosts,
    /// That port only.
    port: Option<u16>,
}

#[derive(Debug)]
enum Hosts {
    /// `*`
    All,
    /// An address, or a network such as `10.0.0.0/8`.
    Network(IpAddr, u8),
    /// A host and all below it, with or without a dot in front, as in curl and Node.
    Name(String),
    /// `*.name`: all below it.
    Below(String),
}

impl Exceptions {
    pub(super) fn parse(list: &str) -> Self {
        Self(
            list.split(|c: char| c == ',' || c.is_whitespace())
                .filter_map(Exception::parse)
                .collect(),
        )
    }

    pub(super) fn cover(&self, target: &Target) -> bool {
        self.0.iter().any(|exception| exception.covers(target))
    }
}

impl Exception {
    /// `None` for an entry that names no host.
    fn parse(entry: &str) -> Option<Self> {
        if let Some(network) = network(entry) {
            return Some(Self {
                hosts: network,
                port: None,
            });
        }
        let (host, port) = split_port(entry);
        let (host, port) = match port.map(str::parse) {
            Some(Ok(port)) => (host, Some(port)),
            // The colon belongs to something else.
            Some(Err(_)) => (entry, None),
            None => (host, None),
        };
        let hosts = match network(host) {
            Some(network) => network,
            None => Hosts::of_name(host)?,
        };
        Some(Self { hosts, port })
    }

    fn covers(&self, target: &Target) -> bool {
        self.port.is_none_or(|port| port == target.port) && self.hosts.contain(&target.name)
    }
}

impl Hosts {
    fn of_name(name: &str) -> Option<Self> {
        if name == "*" {
            return Some(Self::All);
        }
        let (is_below, name) = match name.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, name),
        };
        let name = name.trim_matches('.').to_ascii_lowercase();
        if name.is_empty() {
            return None;
        }
        Some(if is_below {
            Self::Below(name)
        } else {
            Self::Name(name)
        })
    }

    fn contain(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        // An address is below no name, though its last numbers may look like one.
        let is_address = host.parse::<IpAddr>().is_ok();
        let is_below = |name: &str| {
            !is_address
                && host
                    .strip_suffix(name)
                    .is_some_and(|rest| rest.ends_with('.'))
        };
        match self {
            Self::All => true,
            Self::Name(name) => host == *name || is_below(name),
            Self::Below(name) => is_below(name),
            Self::Network(network, bits) => host
                .parse::<IpAddr>()
                .is_ok_and(|host| prefix(host, *bits) == prefix(*network, *bits)),
        }
    }
}

/// An address or a network, with or without the brackets of an IPv6 address.
fn network(text: &str) -> Option<Hosts> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse().ok()?)),
        None => (text, None),
    };
    let address = address
        .strip_prefix('[')
        .and_then(|address| address.strip_suffix(']'))
        .unwrap_or(address);
    let address: IpAddr = address.parse().ok()?;
    let all = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(all);
    (bits <= all).then_some(Hosts::Network(address, bits))
}

/// The first bits of an address, and its family. An IPv4 address written as IPv6 is IPv4.
fn prefix(address: IpAddr, bits: u8) -> (bool, u128) {
    let (value, all) = match address.to_canonical() {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let rest = u32::from(all - bits.min(all));
    (all == 32, value.checked_shr(rest).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(list: &str, url: &str) -> bool {
        Exceptions::parse(list).cover(&Target::of(&url.parse().unwrap()).unwrap())
    }

    #[test]
    fn exceptions_cover_a_host_and_all_below_it() {
        for list in [
            "localhost, r.example",
            "localhost r.example",
            "localhost\tR.Example.",
            ".example",
            "..example.",
            "example",
            "*.example",
            "*",
            "other,*",
            ", r.example:80",
        ] {
            assert!(covers(list, "http://r.example/x"), "{list}");
            assert!(covers(list, "http://R.EXAMPLE./x"), "{list}");
        }
        for list in [
            "",
            ",",
            ".",
            "other.example",
            "ample",
            "*.r.example",
            "r.example:8080",
            "r.example:x",
        ] {
            assert!(!covers(list, "http://r.example/x"), "{list}");
        }
    }

    #[test]
    fn addresses_and_networks_are_compared_as_numbers() {
        for (list, url) in [
            ("127.0.0.1", "http://127.0.0.1:8080"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("10.1.0.0/16,127.0.0.0/8", "http://127.1.2.3"),
            ("0.0.0.0/0", "http://127.1.2.3"),
            ("::1", "http://[::1]:8080"),
            ("[::1]", "http://[::1]:8080"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("0:0:0:0:0:0:0:1", "http://[::1]:8080"),
            ("::1/128", "http://[::1]"),
            ("fd00::/8", "http://[fd12:3456::1]"),
            ("[fd00::]/8", "http://[fd12:3456::1]"),
            ("127.0.0.0/8", "http://[::ffff:127.0.0.1]"),
        ] {
            assert!(covers(list, url), "{list} {url}");
        }
        for (list, url) in [
            ("127.0.0.1:8081", "http://127.0.0.1:8080"),
            ("[::1]:8081", "http://[::1]:8080"),
            ("128.0.0.0/8", "http://127.0.0.1"),
            ("127.0.0.0/33", "http://127.0.0.1"),
            ("::/0", "http://127.0.0.1"),
            ("0.0.0.0/0", "http://[::1]"),
            ("7.0.0.1", "http://127.0.0.1"),
            (".0.0.1", "http://127.0.0.1"),
            ("0.0.1", "http://127.0.0.1."),
            ("*.0.0.1", "http://127.0.0.1:8080"),
            ("1", "http://127.0.0.1"),
        ] {
            assert!(!covers(list, url), "{list} {url}");
        }
    }
}
