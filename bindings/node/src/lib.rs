//! The addon behind the npm package `@skillsmith/sync`: translate, call the core, translate.
//!
//! What it exports is private to the package: `npm/src` makes the classes of the
//! TypeScript stack of it, checks arguments, and knows timers and promises. What
//! takes long happens on a thread of its own (see `task`); Node's own pool is
//! never used, since `process.exit()` waits for that.

#![expect(
    clippy::needless_pass_by_value,
    reason = "the functions of napi get values of their own"
)]

mod border;
mod client;
mod command_line;
mod database;
mod engine;
mod host;
mod progress;
mod repositories;
mod task;
#[cfg(feature = "test-hooks")]
mod testing;
mod values;
mod variables;

use std::sync::Once;

use napi_derive::{module_init, napi};

/// The library's panics become errors; what they print would go to the host's stderr.
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
