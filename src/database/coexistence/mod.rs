//! Being safe beside another SQLite in the same process.

/// Whether the system calls of our SQLite are replaced.
pub(crate) fn is_installed() -> bool {
    false
}

/// Descriptors kept.
pub(crate) fn descriptors() -> usize {
    0
}
