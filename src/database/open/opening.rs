//! How a connection is opened.

use std::time::{Duration, Instant};

use crate::database::OpenOptions;
use crate::{CancelToken, Error, Result};

/// How one connection is opened, in addition to the caller's options.
#[derive(Debug, Clone, Copy)]
pub(in crate::database) struct Opening<'a> {
    pub(in crate::database) options: &'a OpenOptions,
    /// Cancels waits.
    pub(in crate::database) cancel: &'a CancelToken,
    /// Whether to create a missing file.
    pub(in crate::database) create: bool,
    /// Whether to check a file for damage that this library has not prepared yet.
    pub(in crate::database) search: bool,
}

impl OpenOptions {
    /// For the connection that a caller opens.
    pub(in crate::database) const fn opening<'a>(&'a self, cancel: &'a CancelToken) -> Opening<'a> {
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
    pub(super) fn retry_while_busy<T>(
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
