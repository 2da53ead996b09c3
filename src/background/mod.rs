//! The background service: a thread that checks at its start and then every minute whether a sync is due.

mod cycle;
mod options;
mod schedule;
mod service;
mod workers;

pub use self::options::{BackgroundOptions, DEFAULT_CHECK_INTERVAL};
pub use self::schedule::{BackgroundSyncState, Decision, Schedule, decide};
pub use self::service::{BackgroundSyncService, start_background_sync};
