//! The sync engine, its options and its result.
//!
//! [`SyncEngine::sync`] makes one run: start → listing → apply → finish.
//!
//! `context` holds what the files of a run share. `start` finds where to begin, `listing` reads pages on the `fetch` thread, `apply` compares and
//! writes rows on the caller's thread, `completed` evaluates the listing, and `finish` writes the
//! run record. `stored_page` keeps what a registry need not send again. `pass::step`, which does no I/O, decides what follows a page.

mod apply;
pub(crate) mod backoff;
mod batch;
mod checkpoint;
mod completed;
mod context;
mod counter;
mod cursor;
mod fetch;
mod finish;
mod gap;
mod listing;
mod options;
mod outcome;
mod pass;
mod plan;
mod profile;
mod progress;
pub(crate) mod reserved;
mod result;
mod run;
mod start;
mod status;
mod stored_page;
mod sync_engine;
mod tally;
mod trace;
mod watermark;

#[cfg(feature = "cli")]
pub(crate) use self::counter::Counter;
pub use self::options::{
    DEFAULT_DEADLINE, DEFAULT_FULL_LISTING_EVERY, DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, SyncOptions,
};
pub use self::plan::Listing;
pub use self::progress::{SyncPhase, SyncProgress};
pub(crate) use self::result::NotedListing;
pub use self::result::{Coverage, SyncResult};
pub use self::status::{EngineStatus, status};
pub use self::sync_engine::SyncEngine;
