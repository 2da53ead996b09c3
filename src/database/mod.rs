//! The database file: opening, creating, preparing, and sharing connections.

pub(crate) mod checked;
pub(crate) mod coexistence;
#[cfg(feature = "cli")]
mod examine;
mod explain;
mod file_system;
mod give_up_log;
mod handle;
#[doc(hidden)]
pub mod host;
mod in_place;
mod keys;
mod limits;
mod lock;
mod objects;
mod open;
mod open_database;
mod options;
pub(crate) mod oversize;
mod own_journals;
mod raw;
mod replaced;
mod schema;
mod shared;
pub(crate) mod state;
pub(crate) mod text;
pub(crate) mod transaction;

/// Whether this process may write to a file or create files in a folder, as far as the system tells.
#[cfg(feature = "cli")]
pub(crate) fn is_writable(path: &std::path::Path) -> bool {
    #[cfg(unix)]
    return coexistence::is_writable(path);
    #[cfg(not(unix))]
    std::fs::metadata(path).is_ok_and(|found| !found.permissions().readonly())
}

#[cfg(feature = "cli")]
pub(crate) use self::examine::Journal;
#[cfg(feature = "cli")]
pub(crate) use self::explain::unwritable_beside;
pub(crate) use self::explain::with_cause;
#[cfg(feature = "cli")]
pub(crate) use self::file_system::{
    has_all_files, kind as file_system_kind, lacks_room, shared as shared_file_system,
};
#[cfg(feature = "test-hooks")]
pub(crate) use self::handle::Handle;
pub(crate) use self::in_place::{check_in_place, checkpoint_at_end, checkpoint_passive};
pub(crate) use self::keys::are_bytewise;
pub(crate) use self::limits::{
    GRACE, MOST_STEPS, ensure_written, explain_stop, is_too_long, limit_to,
};
#[cfg(feature = "cli")]
pub(crate) use self::lock::unusable_lock;
pub(crate) use self::lock::{Claim, Room, SyncLock};
#[cfg(feature = "cli")]
pub(crate) use self::open::{foreign_empty_file, holds_nothing, too_long};
pub use self::open_database::Database;
pub use self::options::{DEFAULT_BUSY_BUDGET, DEFAULT_OPEN_BUDGET, OpenOptions};
pub(crate) use self::raw::{Limit, interruptible, limited};
pub(crate) use self::schema::{
    create_index, ensure_columns, ensure_sync_tables, has_columns, has_ordinary_table, has_table,
    lacks_index, look_again,
};
pub(crate) use self::transaction::LockWait;
