//! Connections: deadlines, proxies, trusted certificates, and hosts with several addresses.
//!
//! One connector does it all, rather than those of ureq: it tries the addresses of a host side by
//! side, also those of a proxy, sends plain requests through a proxy in absolute form, trusts what
//! the user trusts, and says of every failure whose it is.

mod agent;
mod certificates;
mod connector;
mod control;
mod deadlines;
mod doubt;
mod exceptions;
mod failure;
mod http_proxy;
mod lookup;
mod pem;
mod proxy;
mod race;
mod route;
mod socks;
mod system_certificates;
mod tcp;
mod tls;
mod verifier;

pub(super) use self::agent::Transport;
pub(super) use self::control::{Control, MOST_BYTES};
pub(super) use self::deadlines::{Limits, deadlines};
pub(super) use self::failure::Failure;
pub(super) use self::lookup::is_localhost;
