//! How the registry is reached: directly, or through a proxy.

use std::sync::Arc;

use ureq::http::Uri;

use super::exceptions::Exceptions;
use super::proxy::{Proxy, Target};
use crate::{Error, Result};

/// How many entries are named that are not understood.
const SHOWN: usize = 5;

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
        if let (Some((exceptions, list)), Ok(target)) = (exceptions(var), Target::of(base))
            && list.cover(&target)
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

    /// What the list of exceptions has that is not understood, if it matters.
    pub(super) fn not_understood(&self, var: &dyn Fn(&str) -> Option<String>) -> Option<String> {
        let (name, list) = exceptions(var).filter(|_| !matches!(self, Self::Direct))?;
        // Nothing before an @ is part of a host, but it might be a password.
        let entries = list.unknown.iter().take(SHOWN);
        let entries: Vec<_> = entries
            .filter_map(|entry| entry.rsplit('@').next())
            .collect();
        let rest = if list.unknown.len() > SHOWN {
            " and others"
        } else {
            ""
        };
        (!entries.is_empty()).then(|| {
            format!(
                "{name} has entries that name no host and are passed over: {}{rest}",
                entries.join(", ")
            )
        })
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

/// The variable that lists the hosts which are reached without the proxy, and the list.
fn exceptions(var: &dyn Fn(&str) -> Option<String>) -> Option<(&'static str, Exceptions)> {
    let names = ["NO_PROXY", "no_proxy"];
    let mut set = names
        .into_iter()
        .filter_map(|name| Some((name, var(name)?)));
    set.next()
        .map(|(name, list)| (name, Exceptions::parse(&list)))
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
    fn exceptions_that_are_not_understood_are_named() {
        let told = |proxy: &str, list: &str| {
            let vars = [("HTTP_PROXY", proxy), ("no_proxy", list)];
            let route = of("http://r/x", &vars).unwrap();
            let var = |name: &str| {
                let known = vars.iter().find(|(known, _)| *known == name)?;
                Some(known.1.to_owned()).filter(|value| !value.is_empty())
            };
            route.not_understood(&var)
        };
        let words = "no_proxy has entries that name no host and are passed over:";
        assert_eq!(
            told("http://p", "<local>, a.test,u:hunter2@b/c").unwrap(),
            format!("{words} <local>, b/c")
        );
        assert_eq!(
            told("http://p", "a/,b/,c/,d/,e/,f/,r").unwrap(),
            format!("{words} a/, b/, c/, d/, e/ and others")
        );
        assert_eq!(told("http://p", "a.test"), None);
        let direct = of("http://r/x", &[("NO_PROXY", "<local>")]).unwrap();
        assert_eq!(direct.not_understood(&|_| Some("<local>".into())), None);
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
