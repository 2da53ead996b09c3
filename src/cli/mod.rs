//! The command line `skillsmith`, callable from any program.
//!
//! [`run`] takes the arguments and a [`Terminal`] and returns the exit code. It never ends the
//! process, sets no signal handlers, and reads only the terminal's variables, except for the time zone.
//! The binary `skillsmith` and the Node package both call it.

mod args;
mod command;
mod config;
mod confirm;
mod console;
mod database;
mod doctor;
mod exit;
mod fields;
mod history;
mod progress;
mod search;
mod show;
mod status;
mod streams;
mod sync;
mod table;
mod text;
mod time;
mod zone;

pub use self::command::{definition, run};
pub use self::streams::{Input, Stream, Terminal};
