//! What a callback of the host answers.

use std::sync::Mutex;

use skillsmith_sync::unpoisoned::lock;

/// The last answer counts, and none after a failure.
#[derive(Debug)]
pub(crate) struct Answer<T, E>(Mutex<Option<Result<T, E>>>);

impl<T, E> Default for Answer<T, E> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T, E> Answer<T, E> {
    pub(crate) fn set(&self, answer: Result<T, E>) {
        let mut known = lock(&self.0);
        if !matches!(*known, Some(Err(_))) {
            *known = Some(answer);
        }
    }

    pub(crate) fn take(&self) -> Option<Result<T, E>> {
        lock(&self.0).take()
    }
}
