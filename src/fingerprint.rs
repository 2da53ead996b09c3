//! Hashes that identify rows and states of rows, and hashes as text.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The hash of a value, the same in every process of this version.
///
/// A cursor keeps some. If another version hashes differently, its rows look moved and are read again.
pub(crate) fn fingerprint(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The identity of the row with this id.
pub(crate) fn row_of_id(id: &str) -> u64 {
    fingerprint(&id)
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            _ = write!(text, "{byte:02x}");
            text
        })
}
