//! The exported functions: one file per component, named as in the core. Each function is
//! one call of `boundary` or `getter`.

// In the order of the header.
pub(crate) mod version;

pub(crate) mod status;

pub(crate) mod error;

pub(crate) mod objects;

pub(crate) mod cancel;

pub(crate) mod database;

pub(crate) mod config;

pub(crate) mod history;

pub(crate) mod skills;

pub(crate) mod freshness;

pub(crate) mod search;

pub(crate) mod token;

pub(crate) mod log;

pub(crate) mod client;

pub(crate) mod registry;

pub(crate) mod options;

pub(crate) mod engine;

pub(crate) mod background;

// Not shown to cbindgen: `build.rs` does not name it.
#[cfg(feature = "test-hooks")]
pub(crate) mod test_hooks;
