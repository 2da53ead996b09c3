//! What the fuzzer calls, and an ordinary test with the committed corpus: `tests/fuzz_corpus`.
//!
//! A target takes any bytes and panics where an invariant does not hold.

mod answering;
mod bytes;
mod calls;
mod configuration;
mod files;
mod folder;
mod page;
mod runs;
mod stamps;

pub use calls::calls;
pub use configuration::configuration;
pub use files::files;
pub use page::page;
pub use runs::runs;
pub use stamps::stamps;
