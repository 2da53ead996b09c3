//! Requests through an HTTP proxy: a tunnel (CONNECT) for TLS, and the absolute form of RFC 9112 for
//! plain requests, which many proxies do not let through a tunnel.

use std::io::{Read, Write};

use ureq::http::{HeaderMap, StatusCode, Uri};
use ureq::unversioned::transport::{Buffers, NextTimeout, Transport};

use super::failure::Failure;
use super::proxy::{Proxy, Target};

/// A longer answer to CONNECT is not read.
const MAX_HEAD: usize = 64 * 1024;

/// How many answers to CONNECT may be interim ones.
const MAX_INTERIM: usize = 16;

/// The header that says by which schemes one may sign in to a proxy.
const SCHEMES: &str = "proxy-authenticate";

/// Asks the proxy for a tunnel to `to`.
pub(super) fn open_tunnel(
    stream: &mut (impl Read + Write),
    proxy: &Proxy,
    to: &Target,
) -> Result<(), ureq::Error> {
    let request = format!(
        "CONNECT {to} HTTP/1.1\r\nHost: {to}\r\nUser-Agent: {}\r\n{}\r\n",
        concat!("skillsmith-sync/", env!("CARGO_PKG_VERSION")),
        proxy.authorization()
    );
    let mut head = Vec::new();
    let exchanged = stream
        .write_all(request.as_bytes())
        .and_then(|()| stream.flush())
        .and_then(|()| read_final_head(stream, &mut head));
    exchanged.map_err(|error| proxy.blame(error.into()))?;
    match status(&head) {
        Some(status) if status.is_success() => Ok(()),
        Some(status) => {
            let head = String::from_utf8_lossy(&head);
            let values = |wanted: &str| {
                let lines = head.lines().filter_map(|line| line.split_once(':'));
                let values = lines.filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
                values.map(|(_, value)| value).collect::<Vec<_>>()
            };
            if wants_sign_in(status) {
                let page = values("location").first().and_then(|page| place(page));
                return Err(sign_in(proxy, status, page).into());
            }
            Err(refusal(proxy, to, status, &values(SCHEMES)).into())
        }
        None => {
            let words = "does not answer with HTTP. Is it a proxy of another kind?";
            Err(proxy.failure(words).into())
        }
    }
}

/// Reads past answers such as 100, which say that another one follows.
fn read_final_head(stream: &mut impl Read, head: &mut Vec<u8>) -> std::io::Result<()> {
    for _ in 0..=MAX_INTERIM {
        head.clear();
        read_head(stream, head)?;
        // After "switching protocols" comes something else than HTTP.
        let is_interim = |status: StatusCode| {
            status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
        };
        if !status(head).is_some_and(is_interim) {
            break;
        }
    }
    Ok(())
}

/// Byte by byte, because what follows belongs to the tunnel; the bytes come from a buffer.
fn read_head(stream: &mut impl Read, head: &mut Vec<u8>) -> std::io::Result<()> {
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"\n\n") && head.len() < MAX_HEAD {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
        // Not HTTP at all: it may never send an end of line.
        if !head.starts_with(b"HTTP/") && head.len() >= 5 {
            break;
        }
    }
    Ok(())
}

fn status(head: &[u8]) -> Option<StatusCode> {
    let line = head.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?.strip_prefix("HTTP/")?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Whether an answer to CONNECT leads to a page on which a person signs in. No registry has been asked yet that
/// could have moved.
fn wants_sign_in(status: StatusCode) -> bool {
    matches!(status.as_u16(), 302 | 303 | 307 | 511)
}

fn sign_in(proxy: &Proxy, status: StatusCode, page: Option<String>) -> Failure {
    let page = page.map_or_else(String::new, |page| format!(", at {page}"));
    proxy.failure(&format!(
        "wants a sign-in first ({}){page}. Sign in with a browser, and try again.",
        status.as_u16()
    ))
}

/// Scheme, host and port of a page: the rest may contain secrets.
fn place(page: &str) -> Option<String> {
    let page: Uri = page.trim().parse().ok()?;
    let port = page.port_u16();
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    Some(format!("{}://{}{port}", page.scheme_str()?, page.host()?))
}

/// Whether an answer to a plain request is the proxy's own. What a registry behind it answers may have the
/// same status, so some proxies mark theirs.
pub(super) fn is_own(status: StatusCode, headers: &HeaderMap) -> bool {
    const SERVERS: [&str; 3] = ["squid", "tinyproxy", "mitmproxy"];
    if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        return true;
    }
    let server = headers.get("server").and_then(|name| name.to_str().ok());
    let server = server.unwrap_or_default().to_ascii_lowercase();
    (status.is_client_error() || status.is_server_error())
        && (headers.contains_key("x-squid-error")
            || SERVERS.iter().any(|name| server.starts_with(name)))
}

/// The values of the headers that say how one may sign in.
pub(super) fn schemes(headers: &HeaderMap) -> Vec<&str> {
    let values = headers.get_all(SCHEMES).iter();
    values.filter_map(|value| value.to_str().ok()).collect()
}

/// The names of the schemes that are offered and not supported, unless one that is supported is offered too.
fn unsupported(schemes: &[&str]) -> Option<String> {
    // A header may have several, and each has parameters, which contain commas too.
    let parts = schemes.iter().flat_map(|value| value.split(','));
    let offered: Vec<_> = parts
        .filter_map(|part| part.split_whitespace().next())
        .collect();
    let known = ["Basic", "Negotiate", "NTLM", "Digest"]
        .into_iter()
        .filter(|name| offered.iter().any(|word| word.eq_ignore_ascii_case(name)));
    let known: Vec<_> = known.collect();
    let is_supported = known.first().is_none_or(|name| *name == "Basic");
    (!is_supported).then(|| known.join(", "))
}

/// What a status means that is the proxy's own. `schemes`: how it says that one may sign in.
pub(super) fn refusal(proxy: &Proxy, to: &Target, status: StatusCode, schemes: &[&str]) -> Failure {
    match status.as_u16() {
        407 => match unsupported(schemes) {
            None => proxy.wants_login(" (407)"),
            Some(names) => proxy.failure(&format!(
                "wants a sign-in by {names} (407), and only Basic is supported here. \
                 Use a proxy that accepts Basic, or one on this machine that signs in there."
            )),
        },
        code @ (403 | 405) => {
            proxy.failure(&format!("does not allow connections to {to} ({code})."))
        }
        code @ (502..=504) => proxy.failure(&format!("cannot connect to {to} ({code}).")),
        code => proxy.failure(&format!(
            "answered {code} to a request for a connection to {to}."
        )),
    }
}

/// A connection to a proxy, on which each request names the whole address.
#[derive(Debug)]
pub(super) struct AbsoluteForm<T> {
    inner: T,
    /// `http://host:port`
    origin: String,
    /// Headers for the proxy.
    headers: String,
    /// The next bytes are the beginning of a request.
    begins: bool,
}

impl<T: Transport> AbsoluteForm<T> {
    pub(super) fn new(inner: T, origin: String, proxy: &Proxy) -> Self {
        Self {
            inner,
            origin,
            headers: proxy.authorization(),
            begins: true,
        }
    }

    /// `GET /path HTTP/1.1` becomes `GET http://host/path HTTP/1.1`, and the headers follow.
    fn rewritten(&self, head: &[u8]) -> Option<Vec<u8>> {
        let space = head.iter().position(|byte| *byte == b' ')? + 1;
        let line = head.iter().position(|byte| *byte == b'\n')? + 1;
        let mut text = Vec::with_capacity(head.len() + self.origin.len() + self.headers.len());
        text.extend_from_slice(head.get(..space)?);
        text.extend_from_slice(self.origin.as_bytes());
        text.extend_from_slice(head.get(space..line)?);
        text.extend_from_slice(self.headers.as_bytes());
        text.extend_from_slice(&head[line..]);
        Some(text)
    }
}

impl<T: Transport> Transport for AbsoluteForm<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let output = self.inner.buffers().output()[..amount].to_vec();
        let text = if self.begins {
            self.rewritten(&output).unwrap_or(output)
        } else {
            output
        };
        // Requests have no body.
        self.begins = text.ends_with(b"\r\n\r\n");
        let mut rest = text.as_slice();
        while !rest.is_empty() {
            let room = self.inner.buffers().output();
            let (piece, after) = rest.split_at(rest.len().min(room.len()));
            room[..piece.len()].copy_from_slice(piece);
            self.inner.transmit_output(piece.len(), timeout)?;
            rest = after;
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }
}
