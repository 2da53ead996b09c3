//! The C border: one delegation per function. The header is generated from here.
//!
//! - `boundary`, `out`, `input`: one call, from its pointers to its status.
//! - `live`: which handles exist; `memory`: which strings and records.
//! - `status`, `error`, `version`: what every other file needs.
//! - The rest is one file a component, named as in the core.
//!
//! A handle is a number and never dereferenced, so that a stale one is an error and
//! not a crash. Records are structures that this library allocates and the caller
//! reads. Options are structures that the caller allocates and that begin with
//! their own size; in each, zero means the default.
#![expect(unsafe_code, reason = "C pointers, and names for the C linker")]
#![expect(non_camel_case_types, reason = "these are the names that C sees")]

// In the order in which the header shows them.
pub mod version;

pub mod status;

pub mod error;

pub mod memory;

pub mod cancel;

pub mod database;

pub mod config;

pub mod history;

pub mod skills;

pub mod client;

pub mod registry;

pub mod engine;

pub mod background;

// What they are made of.
mod boundary;
mod input;
mod live;
mod out;
mod signal;
mod user_data;

/// cbindgen:ignore
#[cfg(feature = "test-hooks")]
pub mod test_hooks;
#[cfg(test)]
mod tests;
