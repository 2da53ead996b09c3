//! A skill registry for tests, examples and benchmarks: a real HTTP server on 127.0.0.1 that behaves, or misbehaves, as
//! it is told.
//!
//! A [`Server`] serves a [`Catalogue`] (invented, loaded, or a moment of a [`History`]) as its [`Options`] say, except
//! where a [`Fault`] comes in between, and keeps a log of [`LoggedRequest`]s. A [`Proxy`] may stand before it. The binary `skillsmith-registry` is the
//! same server for other languages, steered over HTTP; the README describes it.

mod catalogue;
mod connection;
mod control;
mod faults;
mod generate;
mod history;
mod http;
mod invention;
mod limits;
mod listing;
mod log;
mod options;
mod proxy;
mod question;
mod random;
mod response;
mod server;
mod shared;
mod skill;
mod stamp;
mod state;
mod sync_endpoint;
mod validators;
mod words;

pub use catalogue::Catalogue;
pub use faults::{Action, Fault, PathKind, When};
pub use history::{Change, Event, History};
pub use log::{LoggedRequest, Stats};
pub use options::{
    DepthLimit, Health, LimitSays, MonthlyQuota, NotModified, Options, Order, Plain, QueryMatches,
    RateLimit, Redirect, RetryAfterForm, SignIn, SyncEndpoint, Total, Validators,
};
pub use proxy::{Hop, Proxy};
pub use server::Server;
pub use skill::Skill;
