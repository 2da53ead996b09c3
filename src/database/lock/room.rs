//! Space on the disk for the record of a run which a full disk has ended.

use std::sync::Arc;

use super::LockFile;
#[cfg(unix)]
use crate::database::coexistence;

/// The pages of a record, in a log and in the database: some 25 of 4 KiB.
const BYTES: usize = 128 * 1024;

/// What a run keeps for its record: space behind the end of the lock file, which no reader of the file sees. Without it, a log
/// that cannot be copied into the database leaves not even the page which says why, and the history has "interrupted".
///
/// Best effort: only Linux has such space, and not each of its file systems. A run that is killed leaves it to the next one.
#[derive(Debug, Clone)]
pub(crate) struct Room(Arc<LockFile>);

impl Room {
    pub(super) fn keep(file: &Arc<LockFile>) -> Self {
        #[cfg(unix)]
        // Less is enough where the log holds no more than the record.
        for part in [1, 2, 4, 8] {
            if coexistence::reserve_behind_the_end(&file.0, BYTES / part) {
                break;
            }
        }
        Self(file.clone())
    }

    /// Gives the space back to the disk. More than once does no harm.
    pub(crate) fn give_back(&self) {
        // The file stays as long as it is: what is cut off lies behind its end.
        if let Ok(found) = self.0.0.metadata() {
            _ = self.0.0.set_len(found.len());
        }
    }
}
