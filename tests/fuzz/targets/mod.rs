//! What the fuzzer calls, and an ordinary test with the committed corpus: `tests/fuzz_corpus`.
//!
//! A target takes any bytes and panics where an invariant does not hold.

mod bytes;
mod calls;
mod files;
mod page;
mod runs;
mod stamps;

pub use calls::calls;
pub use files::files;
pub use page::page;
pub use runs::runs;
pub use stamps::stamps;
