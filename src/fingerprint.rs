//! Hashes that tell rows apart, or one state of a row from another.

use std::hash::{DefaultHasher, Hash, Hasher};

/// The hash of a value, the same in every process of this version.
///
/// A cursor keeps some. Where another version hashes otherwise, its rows look as if they had moved, and are read again.
pub(crate) fn fingerprint(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
