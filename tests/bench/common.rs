//! What the benchmarks have in common: a registry in a process of its own, and what a child has cost.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use skillsmith_test_registry::{Catalogue, Options, Server};
use wait4::Wait4;

/// The registry behind a benchmark, in a process of its own: the program that calls
/// [`serve`] when it is started with `serve SKILLS`.
pub struct Registry {
    pub process: Child,
    said: BufReader<ChildStdout>,
    pub base_url: String,
}

impl Registry {
    pub fn start(skills: usize) -> io::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", &skills.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let said = process.stdout.take();
        let said = said.ok_or_else(|| io::Error::other("no pipe"))?;
        let mut registry = Self {
            process,
            said: BufReader::new(said),
            base_url: String::new(),
        };
        registry.base_url = registry.line()?;
        Ok(registry)
    }

    /// The next line that it says.
    pub fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().expect("the registry's end");
    }
}

/// Says its address, and changes one skill in a hundred for every line it reads.
pub fn serve(skills: &str) -> io::Result<()> {
    let skills: usize = skills.parse().map_err(io::Error::other)?;
    let server = Server::start(Catalogue::generate(skills, 1), Options::default());
    writeln!(io::stdout(), "{}", server.base_url())?;
    for (seed, _) in (3_u64..).zip(io::stdin().lines()) {
        let changed = server
            .catalogue(|catalogue| catalogue.change(skills / 100, seed))
            .len();
        writeln!(io::stdout(), "{changed}")?;
    }
    Ok(())
}

/// What a process has cost, from its start to its end.
pub struct Cost {
    pub wall: Duration,
    pub cpu: Duration,
    pub peak_bytes: u64,
}

/// Runs it, which has to be a success.
pub fn cost(command: &mut Command) -> io::Result<Cost> {
    let begun = Instant::now();
    let ended = command.stdout(Stdio::null()).spawn()?.wait4()?;
    let wall = begun.elapsed();
    if !ended.status.success() {
        return Err(io::Error::other(format!("{command:?}: {}", ended.status)));
    }
    Ok(Cost {
        wall,
        cpu: ended.rusage.utime + ended.rusage.stime,
        peak_bytes: ended.rusage.maxrss,
    })
}
