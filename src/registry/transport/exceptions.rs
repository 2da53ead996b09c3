//! `NO_PROXY`: the hosts that are reached without the proxy.

use std::net::{IpAddr, Ipv4Addr};

use super::proxy::{Target, split_port};

/// A list of exceptions, separated by commas or spaces; also by semicolons or bars, as in Windows and Java.
#[derive(Debug, Default)]
pub(super) struct Exceptions {
    known: Vec<Exception>,
    /// What stands in the list and names no host.
    pub(super) unknown: Vec<String>,
}

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
    /// `*name`: all that end so.
    Ending(String),
}

impl Exceptions {
    pub(super) fn parse(list: &str) -> Self {
        let mut exceptions = Self::default();
        let is_between = |c: char| matches!(c, ',' | ';' | '|') || c.is_whitespace();
        for entry in list.split(is_between).filter(|entry| !entry.is_empty()) {
            match Exception::parse(entry) {
                Some(exception) => exceptions.known.push(exception),
                None => exceptions.unknown.push(entry.to_owned()),
            }
        }
        exceptions
    }

    pub(super) fn cover(&self, target: &Target) -> bool {
        self.known.iter().any(|exception| exception.covers(target))
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
        let (of_kind, name): (fn(String) -> Self, _) = if let Some(name) = name.strip_prefix("*.") {
            (Self::Below, name)
        } else if let Some(name) = name.strip_prefix('*') {
            (Self::Ending, name)
        } else {
            (Self::Name, name)
        };
        let name = name.trim_matches('.').to_ascii_lowercase();
        let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
        // What ends in a number is an address, and this is none.
        let is_number =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let is_numeric = name.rsplit('.').next().is_some_and(is_number);
        let is_name = !name.is_empty() && !is_numeric && name.chars().all(is_of_name);
        is_name.then(|| of_kind(name))
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
            Self::Ending(name) => !is_address && host.ends_with(name),
            Self::Network(network, bits) => host
                .parse::<IpAddr>()
                .is_ok_and(|host| prefix(host, *bits) == prefix(*network, *bits)),
        }
    }
}

/// An address or a network, with or without the brackets of an IPv6 address.
fn network(text: &str) -> Option<Hosts> {
    whole_network(text).or_else(|| abbreviated_network(text))
}

/// A network of IPv4 by the first numbers of its addresses: `127/8`, or `127.*` as in Windows and Java.
fn abbreviated_network(text: &str) -> Option<Hosts> {
    let (numbers, bits) = match text.split_once('/') {
        Some((numbers, bits)) => (numbers, Some(bits.parse().ok()?)),
        None => (text.trim_end_matches(".*"), None),
    };
    // What has neither a length nor a star is the name of a host.
    if numbers.len() == text.len() || text.split('.').count() > 4 {
        return None;
    }
    let (mut octets, mut known) = ([0; 4], 0);
    for (octet, number) in octets.iter_mut().zip(numbers.split('.')) {
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        *octet = number.parse().ok().filter(|_| is_number)?;
        known += 8;
    }
    let bits = bits.unwrap_or(known);
    (bits <= 32).then_some(Hosts::Network(Ipv4Addr::from(octets).into(), bits))
}

fn whole_network(text: &str) -> Option<Hosts> {
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
    // A network of IPv4 written as IPv6 has the length of the longer address.
    let hosts = match address.to_canonical() {
        IpAddr::V4(short) if address.is_ipv6() && bits >= 96 => {
            Hosts::Network(short.into(), bits - 96)
        }
        _ => Hosts::Network(address, bits),
    };
    (bits <= all).then_some(hosts)
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
            "other;r.example",
            "other|*.example",
            "*example",
            "*le:80",
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
            "*r.ample",
            "*.ample",
            "r.*",
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
            ("::ffff:127.0.0.0/104", "http://127.1.2.3"),
            ("[::ffff:127.0.0.1]", "http://127.0.0.1"),
            ("127/8", "http://127.1.2.3"),
            ("10.1/16;127.1/15", "http://127.0.2.3"),
            ("127.*", "http://127.1.2.3"),
            ("127.*.*.*", "http://127.1.2.3"),
            ("127.1.2.*:80", "http://127.1.2.3"),
        ] {
            assert!(covers(list, url), "{list} {url}");
        }
        for (list, url) in [
            ("127.0.0.1:8081", "http://127.0.0.1:8080"),
            ("[::1]:8081", "http://[::1]:8080"),
            ("128.0.0.0/8", "http://127.0.0.1"),
            ("::ffff:127.0.0.0/104", "http://128.0.0.1"),
            ("::ffff:127.0.0.0/95", "http://127.0.0.1"),
            ("127.0.0.0/33", "http://127.0.0.1"),
            ("::/0", "http://127.0.0.1"),
            ("0.0.0.0/0", "http://[::1]"),
            ("7.0.0.1", "http://127.0.0.1"),
            (".0.0.1", "http://127.0.0.1"),
            ("0.0.1", "http://127.0.0.1."),
            ("*.0.0.1", "http://127.0.0.1:8080"),
            ("1", "http://127.0.0.1"),
            ("127.1.2.*:81", "http://127.1.2.3"),
            ("127.1.*", "http://127.0.2.3"),
            ("127/33", "http://127.0.0.1"),
            ("*0.0.1", "http://127.0.0.1"),
        ] {
            assert!(!covers(list, url), "{list} {url}");
        }
    }

    #[test]
    fn what_names_no_host_is_kept_to_be_told() {
        for entry in [
            "<local>",
            "http://r.example",
            "r.example/x",
            "r.example:x",
            "r.*",
            "r*.example",
            "127.0.0.0/33",
            "127/33",
            "0177.0.0.1",
            "10.1",
            "10.0.0.0/255.0.0.0",
            "127.*.1",
            "1.2.3.4.*",
            "300.*",
            "+1.*",
            "*.*",
            ".",
            ":80",
        ] {
            let exceptions = Exceptions::parse(&format!("r.test,{entry}"));
            assert_eq!(exceptions.unknown, [entry]);
            assert_eq!(exceptions.known.len(), 1, "{entry}");
        }
        for list in ["", " , ;|", "*", "r.example:80, [::1]:80 10/8 _x.r-1.é"] {
            assert_eq!(Exceptions::parse(list).unknown, [""; 0], "{list}");
        }
    }
}
