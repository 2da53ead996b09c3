//! `skillsmith doctor`: what is used, where it came from, and what is wrong.

mod check;
mod database;
mod look;
mod registry;
mod report;
mod runs;
mod system;

pub(super) use self::look::run;
