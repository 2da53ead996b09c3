//! The test registry as a program, for tests in other languages and for benchmarks.

mod arguments;

use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use skillsmith_test_registry::{Catalogue, History, Server};

use arguments::{Arguments, HELP, Source, Task};

fn main() -> ExitCode {
    let task = match arguments::parse(env::args().skip(1)) {
        Ok(task) => task,
        Err(problem) => return fail(&problem, 2),
    };
    let done = match task {
        Task::Help => io::stdout().lock().write_all(HELP.as_bytes()),
        Task::Serve(arguments) => serve(*arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string(), 1),
    }
}

fn serve(arguments: Arguments) -> io::Result<()> {
    let (catalogue, history) = load(arguments.source)?;
    let server = Arc::new(Server::start_on(
        arguments.port,
        catalogue,
        arguments.options,
    )?);
    if let Some(history) = history {
        server.set_history(history);
    }
    if arguments.until_stdin_closes {
        let server = Arc::clone(&server);
        thread::spawn(move || {
            // An error means that there is nothing more to read, too.
            let _ = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
            server.stop();
        });
    }
    if let Some(file) = arguments.port_file {
        // Renamed into place: whoever waits for the file must not find it half written.
        let mut unfinished = file.clone().into_os_string();
        unfinished.push(".unfinished");
        fs::write(&unfinished, format!("{}\n", server.port()))?;
        fs::rename(unfinished, file)?;
    }
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening on {}", server.base_url())?;
    stdout.flush()?;
    drop(stdout);
    server.wait();
    Ok(())
}

fn load(source: Source) -> io::Result<(Catalogue, Option<History>)> {
    Ok(match source {
        Source::Invented { skills, seed } => (Catalogue::generate(skills, seed), None),
        Source::Snapshot(file) => (Catalogue::load(file)?, None),
        Source::History { file, events } => {
            let history = History::load(file)?;
            let events = events.unwrap_or(history.len());
            if events > history.len() {
                let problem = format!(
                    "--events {events}: the history has {} events",
                    history.len()
                );
                return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
            }
            (history.catalogue_at(events), Some(history))
        }
    })
}

fn fail(problem: &str, code: u8) -> ExitCode {
    // Where standard error is closed nobody reads the reason.
    let _ = writeln!(io::stderr().lock(), "skillsmith-registry: {problem}");
    ExitCode::from(code)
}
