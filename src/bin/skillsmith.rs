//! The program `skillsmith`: what only a process of its own may do.

use std::process::exit;

use skillsmith_sync::cli::{Terminal, run};

const INTERRUPTED: i32 = 130;

fn main() {
    let terminal = Terminal::of_process();
    let cancel = terminal.cancel.clone();
    // Ctrl-C and SIGTERM stop a sync at a safe place; who asks twice does not want to wait.
    // Without a handler the process ends at once, which the database survives too.
    _ = ctrlc::set_handler(move || {
        if cancel.is_cancelled() {
            exit(INTERRUPTED);
        }
        cancel.cancel();
    });
    exit(run(std::env::args_os(), &terminal).into());
}
