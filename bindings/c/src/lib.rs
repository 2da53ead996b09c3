//! The C interface of skillsmith-sync: `include/skillsmith_sync.h` is generated from this
//! crate.
//!
//! Two layers: `ffi` is the machinery, `api` has the exported functions. Below both are the
//! allocator with its reserve and the detection of shortages (`shortage`), so that C hosts
//! survive a lack of memory.
//!
//! A handle is a number and never dereferenced, so a stale one is an error and not a crash.
//! Records are structures that this library allocates and the caller reads. Options are
//! structures that the caller allocates and that begin with their own size; in each, zero
//! means the default.
#![expect(unsafe_code, reason = "C pointers, and names for the C linker")]
#![expect(non_camel_case_types, reason = "these are the names that C sees")]

mod ffi;

mod api;

mod allocator;
mod reserve;
mod shortage;

#[cfg(test)]
mod tests;
