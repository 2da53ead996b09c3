//! The same where locks belong to handles: nothing is to be done.

use super::Holder;
use std::fs::File;
use std::io;
use std::path::Path;

use crate::Result;

pub(in crate::database) fn before_open(_: &Path) -> Result<()> {
    Ok(())
}

/// Files have the rights of their folder here.
pub(in crate::database) const fn create_private(_: &Path) -> Result<io::Result<()>> {
    Ok(Ok(()))
}

/// Nothing to record here.
#[derive(Debug)]
pub(crate) enum Ticket {}

pub(in crate::database) fn after_open(_: &Path) -> Result<Option<Ticket>> {
    Ok(None)
}

pub(in crate::database) fn without_forks<T>(call: impl FnOnce() -> T) -> T {
    call()
}

pub(in crate::database) fn open_apart(open: impl FnOnce() -> io::Result<File>) -> io::Result<File> {
    open()
}

pub(in crate::database) fn about_to_close(_: &File) {}

/// Nobody asks: no file system counts as one that other machines use.
pub(in crate::database) const fn host_name() -> String {
    String::new()
}

pub(in crate::database) const fn boot_id() -> String {
    String::new()
}

/// There are none here.
#[derive(Debug)]
pub(in crate::database) enum FileLock {}

pub(in crate::database) fn lock_for_sync(
    _: &Path,
) -> std::result::Result<Option<FileLock>, Holder> {
    Ok(None)
}

pub(in crate::database) fn is_locked_for_sync(_: &Path) -> bool {
    false
}

#[cfg(feature = "test-hooks")]
pub(crate) fn is_installed() -> bool {
    false
}

#[cfg(feature = "test-hooks")]
pub(crate) fn descriptors() -> usize {
    0
}
