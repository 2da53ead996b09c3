//! Asking a SOCKS proxy for a connection: versions 4, 4a and 5 (RFC 1928, RFC 1929).

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};

use super::proxy::{Protocol, Proxy, Target};

/// To where the proxy connects.
pub(super) enum Destination<'a> {
    Address(SocketAddr),
    /// The proxy looks it up.
    Name(&'a Target),
}

impl<'a> Destination<'a> {
    pub(super) fn of(target: &'a Target) -> Self {
        match target.name.parse::<IpAddr>() {
            Ok(ip) => Self::Address(SocketAddr::new(ip, target.port)),
            Err(_) => Self::Name(target),
        }
    }

    const fn port(&self) -> u16 {
        match self {
            Self::Address(address) => address.port(),
            Self::Name(target) => target.port,
        }
    }
}

/// Asks for a connection to `to`, over a connection to the proxy.
pub(super) fn ask(
    stream: &mut (impl Read + Write),
    proxy: &Proxy,
    to: &Destination<'_>,
) -> Result<(), ureq::Error> {
    match proxy.protocol {
        Protocol::Socks4 | Protocol::Socks4a => ask_version_4(stream, proxy, to),
        _ => ask_version_5(stream, proxy, to),
    }
}

fn ask_version_4(
    stream: &mut (impl Read + Write),
    proxy: &Proxy,
    to: &Destination<'_>,
) -> Result<(), ureq::Error> {
    let mut request = vec![4, 1];
    request.extend_from_slice(&to.port().to_be_bytes());
    let name = match to {
        Destination::Address(SocketAddr::V4(address)) => {
            request.extend_from_slice(&address.ip().octets());
            None
        }
        Destination::Address(SocketAddr::V6(_)) => return Err(ipv4_only(proxy)),
        // This address says that a name follows.
        Destination::Name(target) => {
            request.extend_from_slice(&[0, 0, 0, 1]);
            Some(&target.name)
        }
    };
    request.extend_from_slice(proxy.user.as_deref().unwrap_or_default());
    request.push(0);
    if let Some(name) = name {
        request.extend_from_slice(name.as_bytes());
        request.push(0);
    }
    write(stream, proxy, &request)?;
    match read::<8>(stream, proxy)? {
        [0, 90, ..] => Ok(()),
        [0, 91, ..] => Err(cannot_reach(proxy, "it does not say why")),
        [0, 92 | 93, ..] => Err(proxy.wants_login(" (SOCKS)").into()),
        _ => Err(no_socks(proxy, 4)),
    }
}

/// SOCKS 4 has no IPv6 addresses.
pub(super) fn ipv4_only(proxy: &Proxy) -> ureq::Error {
    let words = "cannot reach the registry: SOCKS 4 is for IPv4 addresses only. Use socks5h://.";
    proxy.failure(words).into()
}

fn ask_version_5(
    stream: &mut (impl Read + Write),
    proxy: &Proxy,
    to: &Destination<'_>,
) -> Result<(), ureq::Error> {
    log_in(stream, proxy)?;
    let mut request = vec![5, 1, 0];
    match to {
        Destination::Address(SocketAddr::V4(address)) => {
            request.push(1);
            request.extend_from_slice(&address.ip().octets());
        }
        Destination::Address(SocketAddr::V6(address)) => {
            request.push(4);
            request.extend_from_slice(&address.ip().octets());
        }
        Destination::Name(target) => {
            request.push(3);
            let words = "cannot be asked for a host name of more than 255 bytes.";
            push_text(&mut request, target.name.as_bytes(), proxy, words)?;
        }
    }
    request.extend_from_slice(&to.port().to_be_bytes());
    write(stream, proxy, &request)?;
    let [version, status, _, kind] = read::<4>(stream, proxy)?;
    if version != 5 {
        return Err(no_socks(proxy, 5));
    }
    if let Some(why) = why_not(status) {
        return Err(cannot_reach(proxy, why));
    }
    // The address and port that it connected from.
    let length = match kind {
        1 => 4,
        3 => usize::from(read::<1>(stream, proxy)?[0]),
        4 => 16,
        _ => return Err(no_socks(proxy, 5)),
    };
    let mut bound = [0; 255 + 2];
    stream
        .read_exact(&mut bound[..length + 2])
        .map_err(|error| proxy.blame(error.into()))
}

fn log_in(stream: &mut (impl Read + Write), proxy: &Proxy) -> Result<(), ureq::Error> {
    // The methods offered: none (0), and user and password (2).
    let methods: &[u8] = if proxy.user.is_some() {
        &[5, 2, 0, 2]
    } else {
        &[5, 1, 0]
    };
    write(stream, proxy, methods)?;
    match (read::<2>(stream, proxy)?, &proxy.user) {
        ([5, 0], _) => Ok(()),
        ([5, 2], Some(user)) => {
            let words = "cannot be sent a user name or password of more than 255 bytes.";
            let mut request = vec![1];
            push_text(&mut request, user, proxy, words)?;
            let password = proxy.password.as_deref().unwrap_or_default();
            push_text(&mut request, password, proxy, words)?;
            write(stream, proxy, &request)?;
            match read::<2>(stream, proxy)? {
                [_, 0] => Ok(()),
                _ => Err(proxy.wants_login(" (SOCKS)").into()),
            }
        }
        ([5, _], None) => Err(proxy.wants_login(" (SOCKS)").into()),
        ([5, _], Some(_)) => {
            let words = "does not accept a login with a user name and a password (SOCKS).";
            Err(proxy.failure(words).into())
        }
        _ => Err(no_socks(proxy, 5)),
    }
}

/// What the status of an answer means; `None` if the connection is there.
const fn why_not(status: u8) -> Option<&'static str> {
    Some(match status {
        0 => return None,
        2 => "its rules do not allow it",
        3 => "the network cannot be reached from there",
        4 => "the host cannot be found or reached from there",
        5 => "the connection was refused",
        6 => "it took too long",
        8 => "it does not support this kind of address",
        _ => "it failed",
    })
}

fn cannot_reach(proxy: &Proxy, why: &str) -> ureq::Error {
    let words = format!("cannot connect to the registry: {why}.");
    proxy.failure(&words).into()
}

fn no_socks(proxy: &Proxy, version: u8) -> ureq::Error {
    let words = format!("does not answer as SOCKS {version} does. Is it a proxy of another kind?");
    proxy.failure(&words).into()
}

/// Adds a text with its length in front.
fn push_text(
    request: &mut Vec<u8>,
    text: &[u8],
    proxy: &Proxy,
    words: &str,
) -> Result<(), ureq::Error> {
    let length = u8::try_from(text.len()).map_err(|_| proxy.failure(words))?;
    request.push(length);
    request.extend_from_slice(text);
    Ok(())
}

fn write(stream: &mut impl Write, proxy: &Proxy, bytes: &[u8]) -> Result<(), ureq::Error> {
    let written = stream.write_all(bytes).and_then(|()| stream.flush());
    written.map_err(|error: io::Error| proxy.blame(error.into()))
}

fn read<const N: usize>(stream: &mut impl Read, proxy: &Proxy) -> Result<[u8; N], ureq::Error> {
    let mut bytes = [0; N];
    stream
        .read_exact(&mut bytes)
        .map_err(|error| proxy.blame(error.into()))?;
    Ok(bytes)
}
