//! Syncing by itself, as long as a session lasts: a thread that checks at start and then every minute.

mod options;
mod schedule;
mod service;

pub use self::options::{BackgroundOptions, DEFAULT_CHECK_INTERVAL};
pub use self::schedule::{BackgroundSyncState, Decision, Schedule, decide};
pub use self::service::{BackgroundSyncService, start_background_sync};
