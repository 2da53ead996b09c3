//! Credentials over plain http, where everybody on the way can read them.

use std::net::{IpAddr, Ipv4Addr};

use ureq::http::Uri;

use crate::registry::credentials::Credentials;
use crate::registry::transport::is_localhost;
use crate::{Error, Result};

/// Whether credentials may be sent to the registry.
#[derive(Debug)]
pub(super) enum Channel {
    Confidential,
    /// Nothing of value may be sent to this host. `is_proxy`: it is not the registry's own.
    Exposed {
        host: String,
        is_proxy: bool,
    },
}

impl Channel {
    /// The channel to an address, perhaps through a proxy. `is_allowed`: the user wants it even if it is plain
    /// http.
    pub(super) fn to(base: &Uri, proxy: Option<&str>, is_allowed: bool) -> Self {
        if is_allowed || base.scheme_str() == Some("https") {
            return Self::Confidential;
        }
        // What a proxy calls by this name is on its machine.
        let hosts = [(base.host(), false), (proxy, true)];
        let mut hosts = hosts
            .into_iter()
            .filter_map(|(host, is_proxy)| Some((host?, is_proxy)));
        match hosts.find(|(host, _)| !is_loopback(host)) {
            Some((host, is_proxy)) => Self::Exposed {
                host: host.to_owned(),
                is_proxy,
            },
            None => Self::Confidential,
        }
    }

    /// Fails if the credentials would be sent in the clear.
    pub(super) fn ensure_for(&self, credentials: &Credentials) -> Result<()> {
        if credentials.all().next().is_some() {
            self.ensure(&credentials.describe(), credentials)
        } else {
            Ok(())
        }
    }

    /// Fails if `what` would be sent in the clear. The credentials are kept out of the message: somebody may have
    /// put one into the address.
    pub(super) fn ensure(&self, what: &str, credentials: &Credentials) -> Result<()> {
        let Self::Exposed { host, is_proxy } = self else {
            return Ok(());
        };
        let host = credentials.redact(host);
        if *is_proxy {
            return Err(Error::InvalidArgument(format!(
                "The registry's address is plain http, and the way to it leads through the proxy {host}, so everybody on the way there \
                 could read {what}. Name the registry in NO_PROXY, use https, or set SKILLSMITH_ALLOW_INSECURE_HTTP=true if the network is your own.",
            )));
        }
        Err(Error::InvalidArgument(format!(
            "The registry's address is plain http to {host}, so everybody on the way could read {what}. Use https, or set \
             SKILLSMITH_ALLOW_INSECURE_HTTP=true if the network is your own.",
        )))
    }
}

/// Whether a host is this machine.
fn is_loopback(host: &str) -> bool {
    // With a dot behind it, an address is a name, which others answer for.
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match address.unwrap_or(host).parse() {
        Ok(IpAddr::V4(address)) => address.is_loopback(),
        Ok(IpAddr::V6(address)) => {
            address.is_loopback()
                || address
                    .to_ipv4_mapped()
                    .is_some_and(|address: Ipv4Addr| address.is_loopback())
        }
        Err(_) => is_localhost(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_of_another_machine_reads_what_is_for_this_one() {
        let none = Credentials::default();
        let base = "http://localhost:8080".parse().unwrap();
        for (proxy, is_confidential) in
            [("127.0.0.1", true), ("::1", true), ("proxy.example", false)]
        {
            let channel = Channel::to(&base, Some(proxy), false);
            let outcome = channel.ensure("it", &none);
            assert_eq!(outcome.is_ok(), is_confidential, "{proxy}");
            if let Err(error) = outcome {
                let words = error.to_string();
                assert!(words.contains("through the proxy proxy.example"), "{words}");
                assert!(words.contains("NO_PROXY"), "{words}");
            }
        }
        let secured = "https://registry.example".parse().unwrap();
        let channel = Channel::to(&secured, Some("proxy.example"), false);
        assert!(channel.ensure("it", &none).is_ok());
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        let none = Credentials::default();
        for (address, is_confidential) in [
            ("https://registry.example/v1", true),
            ("http://localhost:8080", true),
            ("http://LOCALHOST.", true),
            ("http://api.localhost", true),
            ("http://127.0.0.1", true),
            ("http://127.1.2.3:80", true),
            ("http://[::1]:8080", true),
            ("http://[::ffff:127.0.0.1]", true),
            ("http://registry.example/v1", false),
            ("http://localhost.example", false),
            ("http://notlocalhost", false),
            ("http://127.0.0.1.example", false),
            ("http://127.0.0.1.", false),
            ("http://127.0.0.1..", false),
            ("http://10.0.0.1", false),
            ("http://0.0.0.0", false),
            ("http://[::2]", false),
        ] {
            let channel = Channel::to(&address.parse().unwrap(), None, false);
            assert_eq!(
                channel.ensure("it", &none).is_ok(),
                is_confidential,
                "{address}"
            );
            assert!(channel.ensure_for(&Credentials::default()).is_ok());
            assert!(
                Channel::to(&address.parse().unwrap(), None, true)
                    .ensure("it", &none)
                    .is_ok()
            );
        }
    }
}
