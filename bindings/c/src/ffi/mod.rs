//! The machinery of the C interface. It exports no functions and does not use `api`.
//!
//! Each file uses only those above it:
//!
//! - `status`: the numbers that functions return.
//! - `process`: what callers own in this process.
//! - `handles`, `records`: giving it to them, finding it, taking it back.
//! - `out`, `input`: outputs, texts and options of one call.
//! - `members`: what options have.
//! - `error`: where a function puts what went wrong.
//! - `boundary`: the way in and out, which no panic crosses.
//! - `signal`, `user_data`, `answer`: tokens for signal handlers; the pointers of hosts, and
//!   what their callbacks answer.
//! - `worker`: work that a cancelled call does not wait for.

pub(crate) mod status;

pub(crate) mod process;

pub(crate) mod handles;

pub(crate) mod records;

pub(crate) mod out;

pub(crate) mod input;

pub(crate) mod members;

pub(crate) mod error;

pub(crate) mod boundary;

pub(crate) mod signal;

pub(crate) mod user_data;

pub(crate) mod answer;

pub(crate) mod worker;
