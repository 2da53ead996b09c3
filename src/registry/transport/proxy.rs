//! A proxy: its address, its login, and the words for its failures.

use std::fmt;
use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use ureq::http::Uri;

use super::failure::Failure;

/// A host and a port, to look up or to ask a proxy for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// Without the brackets of an IPv6 address.
    pub(super) name: String,
    pub(super) port: u16,
}

impl Target {
    pub(super) fn of(uri: &Uri) -> Result<Self, ureq::Error> {
        let secure = uri.scheme_str() == Some("https");
        let name = uri.host().ok_or(ureq::Error::HostNotFound)?;
        Ok(Self {
            name: name.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]:{}", self.name, self.port)
        } else {
            write!(f, "{}:{}", self.name, self.port)
        }
    }
}

/// What a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http,
    Https,
    /// SOCKS 4: IPv4 addresses only.
    Socks4,
    /// SOCKS 4, and the proxy looks up names.
    Socks4a,
    Socks5,
    /// SOCKS 5, and the proxy looks up names.
    Socks5h,
}

impl Protocol {
    fn of_scheme(scheme: &str) -> Option<Self> {
        Some(match scheme {
            "http" => Self::Http,
            "https" => Self::Https,
            "socks4" => Self::Socks4,
            "socks4a" => Self::Socks4a,
            "socks5" => Self::Socks5,
            // Desktop settings write the short form, and mean that names are not looked up here.
            "socks5h" | "socks" => Self::Socks5h,
            _ => return None,
        })
    }

    pub(super) const fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks4 => "socks4",
            Self::Socks4a => "socks4a",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            _ => 1080,
        }
    }
}

/// A proxy, and the variable that names it.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) protocol: Protocol,
    pub(super) at: Target,
    /// As bytes: what is written in percent signs need not be UTF-8.
    pub(super) user: Option<Vec<u8>>,
    pub(super) password: Option<Vec<u8>>,
    pub(super) variable: &'static str,
}

impl Proxy {
    /// `[scheme://][user[:password]@]host[:port][/]`. A password may contain any character: what
    /// stands before the last `@` is not the host.
    pub(super) fn parse(variable: &'static str, value: &str) -> Option<Self> {
        let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
        let protocol = Protocol::of_scheme(&scheme.to_ascii_lowercase())?;
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest),
        };
        let place = place.split(['/', '?', '#']).next()?;
        let (name, port) = split_port(place);
        let port = match port {
            None | Some("") => protocol.default_port(),
            Some(port) => port.parse().ok().filter(|port| *port > 0)?,
        };
        let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, "")))
        {
            None | Some(("", "")) => (None, None),
            Some((user, password)) => (Some(decoded(user)), Some(decoded(password))),
        };
        // In SOCKS 4 a zero ends the name; the rest of it would be the host that is asked for.
        let is_version_4 = matches!(protocol, Protocol::Socks4 | Protocol::Socks4a);
        if is_version_4
            && user
                .as_ref()
                .is_some_and(|user: &Vec<u8>| user.contains(&0))
        {
            return None;
        }
        Some(Self {
            protocol,
            at: Target {
                name: host(name)?,
                port,
            },
            user,
            password,
            variable,
        })
    }

    pub(super) const fn is_socks(&self) -> bool {
        !matches!(self.protocol, Protocol::Http | Protocol::Https)
    }

    /// Whether the registry's name is looked up by the proxy.
    pub(super) const fn looks_up(&self) -> bool {
        !matches!(self.protocol, Protocol::Socks4 | Protocol::Socks5)
    }

    /// The header with user and password, if there are any.
    pub(super) fn authorization(&self) -> String {
        let Some(user) = &self.user else {
            return String::new();
        };
        let mut login = user.clone();
        login.push(b':');
        login.extend_from_slice(self.password.as_deref().unwrap_or_default());
        let login = BASE64_STANDARD.encode(login);
        format!("Proxy-Authorization: Basic {login}\r\n")
    }

    /// A failure of the proxy. `words` say what it does: "refused the connection."
    pub(super) fn failure(&self, words: &str) -> Failure {
        Failure::new(format!("the proxy {self} {words}"))
    }

    /// What is said where the fault may be the proxy's or the registry's.
    pub(super) fn doubt(&self) -> String {
        format!("This went through the proxy {self}, which may be at fault.")
    }

    /// The same where a message has it in brackets.
    pub(super) fn aside(&self) -> String {
        format!("this went through the proxy {self}, which may be at fault")
    }

    /// The proxy wants a login, or another one.
    pub(super) fn wants_login(&self, answer: &str) -> Failure {
        let variable = self.variable;
        self.failure(&if self.user.is_some() {
            format!("does not accept the user name and password in {variable}{answer}.")
        } else {
            format!(
                "wants a user name and a password{answer}. Put them into {variable}: \
                 {}://user:password@host:port.",
                self.protocol.scheme()
            )
        })
    }

    /// What failed on the way to the proxy, or while it was being asked.
    pub(super) fn blame_lookup(&self, error: ureq::Error) -> ureq::Error {
        match error {
            ureq::Error::Timeout(_) => {
                let words = "was not asked: looking up its name took too long. Check the network and its name servers.";
                self.failure(words).with_source(error).timed_out().into()
            }
            error => self.blame(error),
        }
    }

    pub(super) fn blame(&self, error: ureq::Error) -> ureq::Error {
        use io::ErrorKind as Kind;
        let variable = self.variable;
        let words = match &error {
            ureq::Error::Other(_) => return error,
            ureq::Error::HostNotFound => {
                format!("is not there: its name cannot be found. Check {variable}.")
            }
            ureq::Error::Timeout(_) => {
                let words = format!("does not answer in time. Check {variable}.");
                return self.failure(&words).with_source(error).timed_out().into();
            }
            ureq::Error::Io(io) => match io.kind() {
                Kind::OutOfMemory | Kind::Interrupted => return error,
                Kind::ConnectionRefused => {
                    format!("refused the connection. Check {variable}, or whether the proxy runs.")
                }
                Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => {
                    "cannot be reached: there is no network connection to it.".to_owned()
                }
                Kind::UnexpectedEof | Kind::ConnectionReset | Kind::BrokenPipe => format!(
                    "closed the connection without an answer. Check the scheme, host and port in {variable}."
                ),
                _ => format!("cannot be reached: {io}."),
            },
            other => format!("cannot be used: {other}."),
        };
        self.failure(&words).with_source(error).into()
    }
}

/// Without user and password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, variable) = (self.protocol.scheme(), self.variable);
        write!(f, "{scheme}://{} ({variable})", self.at)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Splits `host:port`; an IPv6 address in brackets has colons of its own.
pub(super) fn split_port(place: &str) -> (&str, Option<&str>) {
    match place.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (place, None),
    }
}

/// A host as it is looked up, if it can be one.
fn host(name: &str) -> Option<String> {
    if let Some(address) = name.strip_prefix('[') {
        let address: std::net::Ipv6Addr = address.strip_suffix(']')?.parse().ok()?;
        return Some(address.to_string());
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (!name.is_empty() && name.chars().all(plain)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_is_known_with_its_port() {
        for (value, expected) in [
            ("proxy", "http://proxy:80"),
            ("HTTP://proxy/", "http://proxy:80"),
            ("https://proxy", "https://proxy:443"),
            ("socks://proxy", "socks5h://proxy:1080"),
            ("socks4://proxy:9", "socks4://proxy:9"),
            ("socks4a://proxy", "socks4a://proxy:1080"),
            ("Socks5://proxy", "socks5://proxy:1080"),
            ("socks5h://[::1]:9", "socks5h://[::1]:9"),
        ] {
            let proxy = Proxy::parse("ALL_PROXY", value).unwrap();
            assert_eq!(proxy.to_string(), format!("{expected} (ALL_PROXY)"));
        }
    }

    #[test]
    fn a_login_may_contain_any_character() {
        for (value, user, password) in [
            (r"http://DOMAIN\me:hunter2@p:1", r"DOMAIN\me", "hunter2"),
            ("http://me:a#b/c?d@e@p:1", "me", "a#b/c?d@e"),
            ("me:a:b@p:1", "me", "a:b"),
            ("http://me%40here:100%25%@p:1", "me@here", "100%%"),
            ("http://me@p:1", "me", ""),
        ] {
            let proxy = Proxy::parse("HTTP_PROXY", value).unwrap();
            assert_eq!(proxy.user.as_deref(), Some(user.as_bytes()), "{value}");
            assert_eq!(proxy.password.as_deref(), Some(password.as_bytes()));
            let shown = format!("{proxy} {proxy:?} {}", proxy.wants_login(" (407)"));
            assert!(!shown.contains(password) || password.is_empty(), "{shown}");
            assert_eq!(proxy.at.to_string(), "p:1");
        }
    }

    #[test]
    fn a_zero_in_the_name_for_socks_4_names_no_host() {
        for scheme in ["socks4", "socks4a"] {
            let value = format!("{scheme}://me%00registry.test@p:1");
            assert!(Proxy::parse("ALL_PROXY", &value).is_none());
        }
        assert!(Proxy::parse("ALL_PROXY", "socks5://me%00@p:1").is_some());
    }
}
