//! `sync_history`: one entry per run.
#![warn(clippy::arithmetic_side_effects)]

mod codes;
mod ends;
mod records;
mod removed;
mod repository;
mod runs;

pub(crate) use self::codes::note as note_code;
pub(crate) use self::ends::note as note_end;
pub use self::records::{SyncHistoryEntry, SyncRunResult, SyncStats, SyncStatus};
pub use self::repository::SyncHistoryRepository;
pub(crate) use self::runs::{
    finish, foresee, has_entries, interrupt_dead, is_recent, newest, run_id, start, start_as, trim,
};

/// Missing in a file that this library has not changed yet; the history is empty then.
const TABLE: &str = "sync_history";
