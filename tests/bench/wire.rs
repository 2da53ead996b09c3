//! What a sync asks of a registry: whole processes of the command line against one on loopback.
//!
//! `cargo bench --features cli --bench wire` prints the bytes that a registry with `ETag`s
//! sends, and what the sync endpoint costs with 300,000 skills; the numbers of requests are asserted.
//! `-- endpoint SIZE` measures only the latter.

mod common;
mod orders;

use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

use skillsmith_test_registry::{Options, Order, SyncEndpoint, Validators};

use common::{Cost, Registry, cost};

/// Rows per page.
const LIMIT: u64 = 100;

/// Further ahead than a row may become visible after its stamp.
const LATER_MS: u64 = 11 * 60 * 1_000;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|word| word == "serve") {
        return common::serve(&arguments[2..]);
    }
    let mut out = io::stdout().lock();
    let size = arguments
        .iter()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(300_000);
    if !arguments.iter().any(|argument| argument == "endpoint") {
        for gzip in [false, true] {
            conditional(&mut out, 100_000, gzip)?;
        }
    }
    endpoint(&mut out, size)
}

/// A registry that sends an `ETag` with each page of its search.
fn conditional(out: &mut impl Write, skills: usize, gzip: bool) -> io::Result<()> {
    let name = if gzip { "gzip" } else { "plain" };
    let mut place = Place::new(
        skills,
        &Options {
            order: Order::Id,
            validators: Validators::Etag,
            gzip,
            ..Options::default()
        },
    )?;
    place.sync(out, &format!("first sync, {name}"))?;
    place.sync(out, &format!("nothing changed, {name}"))?;
    place.registry.tell("change")?;
    place.sync(out, &format!("1 % changed, {name}"))?;
    Ok(())
}

/// A registry with the sync endpoint.
fn endpoint(out: &mut impl Write, skills: usize) -> io::Result<()> {
    let mut place = Place::new(
        skills,
        &Options {
            sync_endpoint: Some(SyncEndpoint::default()),
            ..Options::default()
        },
    )?;
    place.registry.tell("fresh")?;
    let rows = skills as u64 + 1;
    let first = place.sync(out, "endpoint, first sync")?;
    assert!(first <= rows / (LIMIT - 1) + 3, "{first} requests");
    place.registry.tell(&format!("clock {LATER_MS}"))?;
    assert_eq!(place.sync(out, "endpoint, nothing changed")?, 3);
    assert_eq!(place.sync(out, "endpoint, nothing changed")?, 2);
    Ok(())
}

/// A registry, and a database of it.
struct Place {
    registry: Registry,
    folder: tempfile::TempDir,
    skills: usize,
}

impl Place {
    fn new(skills: usize, options: &Options) -> io::Result<Self> {
        Ok(Self {
            registry: Registry::start(skills, options)?,
            folder: tempfile::tempdir()?,
            skills,
        })
    }

    /// Syncs, prints what it took, and returns the number of requests.
    fn sync(&mut self, out: &mut impl Write, case: &str) -> io::Result<u64> {
        let database = self.folder.path().join("skills.db");
        let cost = run(&self.registry.base_url, &database)?;
        let told = self.registry.tell("stats")?;
        let numbers: Vec<u64> = told.split(' ').filter_map(|n| n.parse().ok()).collect();
        let [requests, unchanged, bytes] = numbers[..] else {
            return Err(io::Error::other(told));
        };
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let peak_mib = cost.peak_bytes as f64 / (1024.0 * 1024.0);
        let (wall, cpu) = (cost.wall.as_secs_f64() * 1e3, cost.cpu.as_secs_f64() * 1e3);
        writeln!(
            out,
            "{:>8}  {case:<28} {requests:>5} requests {unchanged:>5} unchanged {bytes:>10} bytes \
             {wall:>7.0}ms {cpu:>7.0}ms cpu {peak_mib:>6.1}MiB",
            self.skills
        )?;
        Ok(requests)
    }
}

fn run(base_url: &str, database: &Path) -> io::Result<Cost> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skillsmith"));
    cost(
        command
            .args(["sync", "--json", "--db"])
            .arg(database)
            .env_clear()
            .env("SKILLSMITH_API_URL", base_url),
    )
}
