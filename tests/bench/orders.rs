//! What the registry of a benchmark is told to do.

use std::io::{self, Write};

use crate::common::Registry;

impl Registry {
    /// What it answers to an order, as `serve` knows them.
    pub fn tell(&mut self, order: &str) -> io::Result<String> {
        if let Some(orders) = &mut self.process.stdin {
            writeln!(orders, "{order}")?;
        }
        self.line()
    }
}
