//! How the registry is reached: directly, or through a proxy.

use std::sync::Arc;

use ureq::http::Uri;

use super::exceptions::Exceptions;
use super::proxy::{Proxy, Target};
use crate::{Error, Result};

/// How the environment says that the registry is reached.
#[derive(Debug, Clone)]
pub(super) enum Route {
    Direct,
    /// A proxy is set, but not for this host.
    Around {
        proxy: &'static str,
        exceptions: &'static str,
    },
    Through(Arc<Proxy>),
}

impl Route {
    /// `HTTPS_PROXY` or `HTTP_PROXY` by the scheme of the registry, then `ALL_PROXY`; none for hosts
    /// in `NO_PROXY`.
    pub(super) fn of_environment(base: &Uri, var: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let names: [&'static str; 4] = if base.scheme_str() == Some("https") {
            ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        } else {
            ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
        };
        let Some((variable, value)) = names.into_iter().find_map(|name| Some((name, var(name)?)))
        else {
            return Ok(Self::Direct);
        };
        let exceptions = ["NO_PROXY", "no_proxy"]
            .into_iter()
            .find_map(|name| Some((name, var(name)?)));
        if let (Some((exceptions, list)), Ok(target)) = (exceptions, Target::of(base))
            && Exceptions::parse(&list).cover(&target)
        {
            let proxy = variable;
            return Ok(Self::Around { proxy, exceptions });
        }
        // The value may contain a password, so the message does not quote it.
        let unusable = || {
            Error::InvalidArgument(format!(
                "{variable} is not a proxy address. Use the form http://host:port, \
                 https://host:port or socks5h://host:port."
            ))
        };
        let proxy = Proxy::parse(variable, &value).ok_or_else(unusable)?;
        Ok(Self::Through(Arc::new(proxy)))
    }

    pub(super) const fn proxy(&self) -> Option<&Arc<Proxy>> {
        match self {
            Self::Through(proxy) => Some(proxy),
            Self::Direct | Self::Around { .. } => None,
        }
    }

    /// The proxy without its password, and the variable that names it.
    pub(super) fn describe(&self) -> (String, Option<&'static str>) {
        match self {
            Self::Direct => ("none".into(), None),
            Self::Around { proxy, exceptions } => {
                let text = format!("none for this host, as {exceptions} says");
                (text, Some(proxy))
            }
            Self::Through(proxy) => {
                let (scheme, at) = (proxy.protocol.scheme(), &proxy.at);
                let login = proxy.user.as_ref();
                let login = login.map_or("", |_| ", with a user name and a password");
                (format!("{scheme}://{at}{login}"), Some(proxy.variable))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(base: &str, vars: &[(&str, &str)]) -> Result<Route> {
        Route::of_environment(&base.parse().unwrap(), &|name| {
            vars.iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    fn shown(base: &str, vars: &[(&str, &str)]) -> Option<String> {
        let route = of(base, vars).unwrap();
        route.proxy().map(ToString::to_string)
    }

    #[test]
    fn the_proxy_goes_by_the_scheme() {
        let vars = [
            ("HTTP_PROXY", "http://plain:3128"),
            ("HTTPS_PROXY", "http://secure:3128"),
        ];
        let plain = shown("http://r/x", &vars).unwrap();
        assert_eq!(plain, "http://plain:3128 (HTTP_PROXY)");
        let secure = shown("https://r/x", &vars).unwrap();
        assert_eq!(secure, "http://secure:3128 (HTTPS_PROXY)");
        assert_eq!(shown("http://r/x", &vars[1..]), None);
        let any = shown("http://r/x", &[("all_proxy", "any:1")]).unwrap();
        assert_eq!(any, "http://any:1 (all_proxy)");
    }

    #[test]
    fn a_broken_proxy_is_named_without_its_password() {
        for value in [
            "foo://u:hunter2@h",
            "http://u:hunter2@",
            "http://u:hunter2@h:0",
            "http://u:hunter2@h:99999",
            "http://u:hunter2@::1",
            "http://u:hunter2@[h]:1",
            "http://u:hunter2@h h",
        ] {
            let error = of("http://r/x", &[("HTTP_PROXY", value)]).unwrap_err();
            let error = error.to_string();
            assert!(error.contains("HTTP_PROXY") && !error.contains("hunter2"));
        }
        // It does not matter where it is not used.
        let none = of("http://r/x", &[("HTTP_PROXY", "foo://"), ("NO_PROXY", "r")]);
        let none = none.unwrap().describe();
        let text = "none for this host, as NO_PROXY says".to_owned();
        assert_eq!(none, (text, Some("HTTP_PROXY")));
    }
}
