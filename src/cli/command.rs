//! Reads the arguments, runs the command, and tells how it ended.

use std::ffi::OsString;

use super::args::{Arguments, SyncCommand, TopCommand};
use super::console::{self, Console};
use super::exit::Exit;
use super::streams::Terminal;
use super::time::Zone;
use super::{config, database, doctor, history, search, show, status, sync};
use crate::Result;

/// Runs one command. The first of the arguments is the program's name, as in [`std::env::args_os`].
///
/// Returns the exit code: 0 success, 1 failed, 2 wrong usage, 3 partial, 4 another
/// sync is running, 130 interrupted. Blocks until the command has ended.
pub fn run(args: impl IntoIterator<Item = OsString>, terminal: &Terminal) -> u8 {
    let mut console = Console {
        terminal,
        json: false,
        quiet: false,
        verbose: false,
        zone: Zone::Local,
    };
    let exit = match Arguments::read(args, console::help_width(&terminal.stdout)) {
        Ok(arguments) => {
            console.json = arguments.global.json;
            console.quiet = arguments.global.quiet;
            console.verbose = arguments.global.verbose;
            if arguments.global.utc {
                console.zone = Zone::Utc;
            }
            execute(&arguments, &console).unwrap_or_else(|error| {
                console.failure(&error);
                Exit::of(error.code())
            })
        }
        Err(error) => {
            console.usage(&error);
            if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Success
            }
        }
    };
    match terminal.stdout.take_failure() {
        Some(error) => {
            console.error(&format!("Cannot write the output: {error}"));
            if exit == Exit::Success {
                Exit::Failed as u8
            } else {
                exit as u8
            }
        }
        None => exit as u8,
    }
}

/// The commands and options, for what is made of them, such as manual pages.
#[doc(hidden)]
pub fn definition() -> clap::Command {
    Arguments::definition(0)
}

fn execute(arguments: &Arguments, console: &Console<'_>) -> Result<Exit> {
    let sync = match &arguments.command {
        TopCommand::Sync(sync) => sync,
        TopCommand::Doctor { check } => {
            return Ok(doctor::run(&arguments.global, *check, console));
        }
        TopCommand::Completions { shell } => {
            let mut script = Vec::new();
            let mut definition = Arguments::definition(0);
            clap_complete::generate(*shell, &mut definition, "skillsmith", &mut script);
            console
                .terminal
                .stdout
                .write(&String::from_utf8_lossy(&script));
            return Ok(Exit::Success);
        }
        TopCommand::Search(search) => {
            let path = database::path(&arguments.global, &console.terminal.environment)?;
            return search::run(search, &path, console);
        }
        TopCommand::Show { id } => {
            let path = database::path(&arguments.global, &console.terminal.environment)?;
            return show::run(id, &path, console);
        }
    };
    let path = database::path(&arguments.global, &console.terminal.environment)?;
    match &sync.command {
        None => sync::run(sync, &path, console),
        Some(SyncCommand::Status { client }) => status::run(client.as_deref(), &path, console),
        Some(SyncCommand::History { limit }) => history::run(*limit, &path, console),
        Some(SyncCommand::Config(changes)) => config::run(changes, &path, console),
    }
}
