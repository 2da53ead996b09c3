//! How the registry is reached: directly, or through a proxy.

use std::sync::Arc;

use super::proxy::Proxy;

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
