//! Who holds a file of this process open: all of them let go of one that was replaced.

use std::sync::{Mutex, Weak};

use super::coexistence;
use crate::unpoisoned::lock;

/// Holds a file open that may be replaced.
pub(super) trait Holder: Send + Sync {
    /// Closes its connection if the file is no longer at its path.
    fn let_go_if_replaced(&self);
}

/// Closes the shared connections of this process whose file is no longer at its path.
pub(super) fn let_go() {
    let mut all = Vec::new();
    holders(|known| all.extend(known.iter().filter_map(Weak::upgrade)));
    for holder in all {
        holder.let_go_if_replaced();
    }
}

/// Adds one, for as long as it lives.
pub(super) fn add(holder: Weak<dyn Holder>) {
    holders(|known| known.push(holder));
}

/// Those of this process, of any path.
fn holders(call: impl FnOnce(&mut Vec<Weak<dyn Holder>>)) {
    static HOLDERS: Mutex<Vec<Weak<dyn Holder>>> = Mutex::new(Vec::new());
    // A child forked at this moment would wait for the lock for ever.
    coexistence::without_forks(|| {
        let mut known = lock(&HOLDERS);
        known.retain(|weak| weak.strong_count() > 0);
        call(&mut known);
    });
}
