//! The native addon of the npm package `@skillsmith/sync`. It translates arguments, calls the core and translates results.
//!
//! Its exports are private to the package. `npm/src` builds the public classes on them, checks arguments, and handles timers
//! and promises. Long work runs on a thread of its own (see `task`), not in Node's thread pool, because `process.exit()`
//! waits for that pool.

#![expect(
    clippy::needless_pass_by_value,
    reason = "napi passes arguments by value"
)]

mod boundary;
mod client;
mod clock;
mod command_line;
mod database;
mod debug;
mod engine;
mod environment;
mod event;
mod host;
mod progress;
mod reported;
mod repositories;
mod task;
#[cfg(feature = "test-hooks")]
mod testing;
mod through;
mod token;
mod values;
mod variables;

use std::sync::Once;

use napi_derive::{module_init, napi};

/// Silences panic messages: panics become errors, and a message would go to the host's stderr.
#[module_init]
fn init() {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
}

/// The version of the addon.
#[napi]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
