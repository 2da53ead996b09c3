//! Opens connections: creates, checks and refuses files.
//!
//! Only SQLite opens the file, even for checks: closing any descriptor of it would drop the
//! locks that another SQLite in this process holds.

mod connect;
mod file;
mod prepare;

use std::time::{Duration, Instant};

#[cfg(feature = "cli")]
pub(crate) use self::file::holds_nothing;
pub(super) use self::file::{as_it_is, file, memory};
use super::OpenOptions;
use crate::{CancelToken, Error, Result};

/// How one connection is opened, in addition to the caller's options.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening<'a> {
    pub(super) options: &'a OpenOptions,
    /// Cancels waits.
    pub(super) cancel: &'a CancelToken,
    /// Whether to create a missing file.
    pub(super) create: bool,
    /// Whether to check a file for damage that this library has not prepared yet.
    pub(super) search: bool,
}

impl OpenOptions {
    /// For the connection that a caller opens.
    pub(super) const fn opening<'a>(&'a self, cancel: &'a CancelToken) -> Opening<'a> {
        Opening {
            options: self,
            cancel,
            create: true,
            search: true,
        }
    }
}

impl Opening<'_> {
    /// Retries while another connection is in the way, until the budget is spent or the caller cancels.
    fn retry_while_busy<T>(
        &self,
        budget: Duration,
        mut call: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        let start = Instant::now();
        loop {
            match call() {
                Err(Error::DatabaseBusy) if self.cancel.is_cancelled() => {
                    return Err(Error::Cancelled);
                }
                Err(Error::DatabaseBusy) if start.elapsed() < budget => {}
                outcome => return outcome,
            }
        }
    }
}
