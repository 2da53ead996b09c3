//! Real faults around the real program: processes that are killed at every commit and at single
//! system calls, disks that fill up, writes that fail.
//!
//! `shim.c` is preloaded into the program and finds the calls. What has to hold after a fault is
//! in `invariants`. `SKILLSMITH_LONG_TESTS=1` kills at every call, and fails many more,
//! where the ordinary run takes samples. `FAULT_SEED` chooses other samples; a failure names the fault that it needs.
#![cfg(target_os = "linux")]

mod errors;
mod full_disk;
mod invariants;
mod kills;
mod rig;
mod samples;
mod shim;
