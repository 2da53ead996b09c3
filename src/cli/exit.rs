//! Exit codes.

use crate::ErrorCode;

/// How a command ended: what the exit codes mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Exit {
    Success = 0,
    Failed = 1,
    Usage = 2,
    Partial = 3,
    Busy = 4,
    Interrupted = 130,
}

impl Exit {
    /// After an error.
    pub(super) const fn of(code: ErrorCode) -> Self {
        match code {
            ErrorCode::SyncInProgress => Self::Busy,
            ErrorCode::Cancelled => Self::Interrupted,
            _ => Self::Failed,
        }
    }
}
