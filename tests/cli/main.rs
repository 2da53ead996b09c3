//! Black-box tests of the program `skillsmith`: real processes, pipes, pseudo-terminals and signals.
#![cfg(unix)]

#[cfg(target_os = "linux")]
mod clock;
mod completions;
mod config;
mod confirm;
mod crash;
#[cfg(target_os = "linux")]
mod disks;
mod doctor;
mod environment;
mod failures;
mod files;
mod help;
mod history;
mod hostile;
mod interrupt;
mod json;
mod listing;
#[cfg(target_os = "linux")]
mod machines;
mod manual;
mod neighbours;
mod pipes;
mod search;
#[path = "../searches/table.rs"]
#[expect(dead_code, reason = "a command line has no pages")]
mod searches;
mod status;
mod support;
mod sync;
mod system;
mod terminal;
mod tls;
mod usage;
#[cfg(target_os = "linux")]
mod zones;
