//! Real faults around the real program: processes killed at every commit and at single system
//! calls, disks that fill up, writes that fail.
//!
//! `shim.c` is preloaded into the program and intercepts the calls. `invariants` has what must hold
//! after a fault. `SKILLSMITH_LONG_TESTS=1` kills at every call and fails many more, instead of
//! samples. `FAULT_SEED` chooses other samples; a failing test prints the fault that reproduces it.
#![cfg(target_os = "linux")]

mod errors;
mod full_disk;
mod invariants;
mod kills;
mod rig;
mod samples;
mod shim;
