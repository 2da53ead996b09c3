//! Keeps a local Skillsmith skill database up to date with the live registry.
//!
//! ```
//! use std::sync::Arc;
//! use skillsmith_sync::{ClientOptions, Database, SkillsmithApiClient, SyncEngine, SyncOptions};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("skills.db");
//! let database = Database::open(path)?;
//! let options = ClientOptions::new();
//! # let options = options.offline(true);
//! let registry = SkillsmithApiClient::new(options)?;
//! let engine = SyncEngine::new(Arc::new(registry), &database);
//! let result = engine.sync(SyncOptions::new())?;
//! println!("{} new, {} updated", result.skills_added, result.skills_updated);
//! # Ok::<(), skillsmith_sync::Error>(())
//! ```
//!
//! A sync is differential: it writes only what is new or changed. It never holds the database for
//! long, so other programs can use the file meanwhile. A sync that stops early keeps what it
//! wrote, and the next one continues there. A failed run returns a [`SyncResult`] with the
//! errors, not an `Err`.
//!
//! # Components
//!
//! - The **configuration repository**, [`SyncConfigRepository`]: whether this machine syncs
//!   automatically, how often, and when the next sync is due.
//! - The **history repository**, [`SyncHistoryRepository`]: one entry for each run, and statistics.
//! - The **engine**, [`SyncEngine`]: runs one sync, with progress, cancellation and a deadline.
//! - The **background service**, [`BackgroundSyncService`]: syncs on its own thread when a sync
//!   is due. A server calls [`start_background_sync`] once when it starts.
//!
//! All of them work on a [`Database`]. The engine reads from a [`Registry`]:
//! [`SkillsmithApiClient`] is the live one, and a program may supply its own. [`SkillRepository`]
//! reads the skills.
//!
//! Options have one form everywhere: `new()` gives the defaults, and a method for each option
//! changes it. Types that may grow are `#[non_exhaustive]`.
//!
//! Everything is synchronous and usable from any thread. Calls to repositories are short; a sync
//! blocks its caller until it ends.
//!
//! # Features
//!
//! - `cli`: the command line `skillsmith`. Off by default.
//! - `test-hooks`: for the tests of this project only.
//!
//! # Environment
//!
//! Settings that [`ClientOptions`] omits come from the environment, then from
//! `~/.skillsmith/config.json`: `SKILLSMITH_API_URL`, `SKILLSMITH_API_KEY`, `SUPABASE_URL`,
//! `SUPABASE_ANON_KEY`, `SKILLSMITH_OFFLINE_MODE`, `SKILLSMITH_ALLOW_INSECURE_HTTP`, and the usual
//! variables for proxies and certificates. [`Environment`](environment::Environment) has the others. The file is never written.
//! One that is missing is no error; one that is needed and cannot be read or parsed is. Its
//! `accessToken` or `apiKey` is shown to no other registry than its `apiBaseUrl` names, and it is
//! read again after the registry has refused one.

pub mod background;
mod cancel;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod clock;
mod config;
pub mod database;
mod encoding;
pub mod engine;
pub mod environment;
mod error;
mod fingerprint;
mod history;
mod log;
#[doc(hidden)]
pub mod memory;
mod own_file;
mod random;
pub mod registry;
mod requests;
pub mod search;
mod skills;
mod statements;
mod stored;
#[cfg(feature = "test-hooks")]
#[doc(hidden)]
pub mod testing;
#[doc(hidden)]
pub mod thread;
#[doc(hidden)]
pub mod unpoisoned;

pub use background::{
    BackgroundOptions, BackgroundSyncService, BackgroundSyncState, start_background_sync,
};
pub use cancel::CancelToken;
pub use config::{SyncConfig, SyncConfigRepository, SyncConfigUpdate, SyncFrequency};
pub use database::Database;
pub use engine::{
    Coverage, EngineStatus, SyncEngine, SyncOptions, SyncPhase, SyncProgress, SyncResult,
};
pub use error::{Cause, Error, ErrorCode, Result};
pub use history::{SyncHistoryEntry, SyncHistoryRepository, SyncRunResult, SyncStats, SyncStatus};
pub use log::{Log, LogLevel, LogMessage};
pub use registry::{ClientOptions, Registry, SkillsmithApiClient};
pub use skills::{SkillRecord, SkillRepository};

/// The README's program is compiled with the doc tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
