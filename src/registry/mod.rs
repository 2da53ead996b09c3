//! The registry: the trait [`Registry`], its pages, and the HTTP client of the live one.
//!
//! The engine uses a registry in this way:
//! 1. [`check_health`](Registry::check_health): an unhealthy registry ends the run before it begins.
//! 2. [`sync_registry`](Registry::sync_registry), page by page, each while the previous one is
//!    being written: all rows in the first sync, and changed rows in later ones.
//! 3. If there is no such endpoint, [`search`](Registry::search) with a limit and an offset. If the
//!    listing is refused with [`Error::Refused`](crate::Error::Refused) and status 400, it is requested by trust tier, or
//!    by search words. A page that fails costs only its own rows.

mod answer;
mod body;
mod call;
mod caller;
mod client;
mod connections;
mod credentials;
mod disguise;
pub(crate) mod field;
mod health;
mod interface;
mod mend;
mod options;
pub(crate) mod pacing;
mod rate_limit;
mod redirect;
mod request;
mod retry;
mod sign_in;
mod token_provider;
mod trace;
mod transport;
mod validator;
pub(crate) mod wire;

pub(crate) use self::call::Meter;
pub use self::call::{Call, Wait};
#[doc(hidden)]
pub use self::caller::Caller;
#[doc(hidden)]
pub use self::client::MAX_BODY;
pub use self::client::SkillsmithApiClient;
pub use self::field::Value;
pub use self::health::{Health, HealthReport, RegistryStatistics};
pub use self::interface::Registry;
pub use self::options::ClientOptions;
pub use self::request::{PageRequest, SyncRequest};
pub use self::token_provider::TokenRequest;
#[doc(hidden)]
pub use self::validator::Validator;
pub use self::wire::{Page, Row};
