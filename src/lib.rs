//! Keeps a local Skillsmith skill database up to date with the live registry.

pub mod background;
mod cancel;
#[cfg(feature = "cli")]
pub mod cli;
pub mod clock;
mod config;
pub mod database;
pub mod engine;
pub mod environment;
mod error;
mod fingerprint;
mod history;
#[doc(hidden)]
pub mod memory;
pub mod registry;
mod skills;
mod stored;
#[cfg(feature = "test-hooks")]
pub mod testing;
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
pub use registry::{ClientOptions, Registry, SkillsmithApiClient};
pub use skills::{SkillRecord, SkillRepository};
