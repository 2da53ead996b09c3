//! What the C border adds to the core.
//!
//! `cargo bench --bench c [-- SKILLS [PAIRS]]`: first syncs of SKILLS skills (100,000) into
//! new files, by a C program through the shared library that `bindings/c/build` installs
//! and by this one, which does the same by the Rust core, from one registry on loopback.
//! Once each under callgrind, which counts instructions: what else the machine does has no
//! part in that. Then PAIRS (10) of each in turn, with the medians, and the median and the
//! range of the ratios of the pairs.

mod common;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use common::{Cost, Registry, cost};
use skillsmith_sync::{ClientOptions, Database, SkillsmithApiClient, SyncEngine, SyncOptions};
use skillsmith_test_registry::Options;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("serve") => return common::serve(&arguments[2..]),
        Some("core") => return core(&arguments[2], Path::new(&arguments[3])),
        _ => {}
    }
    let mut numbers = arguments.iter().filter_map(|text| text.parse().ok());
    let skills = numbers.next().unwrap_or(100_000);
    let pairs = numbers.next().unwrap_or(10).max(1);

    let folder = tempfile::tempdir()?;
    let program = built(folder.path())?;
    let registry = Registry::start(skills, &Options::default())?;
    let both = Both {
        folder: folder.path(),
        base_url: &registry.base_url,
        c: program.into(),
        core: std::env::current_exe()?.into(),
    };
    let mut out = io::stdout().lock();
    let (c, core) = (both.instructions(Who::C)?, both.instructions(Who::Core)?);
    writeln!(
        out,
        "{skills} skills, instructions: C {c:.0}, core {core:.0}; ratio {:.4}",
        c / core
    )?;
    let mut costs = Vec::new();
    for pair in 0..pairs {
        // Neither is always the one that comes after the other.
        costs.push(if pair % 2 == 0 {
            let c = both.cost(Who::C)?;
            (c, both.cost(Who::Core)?)
        } else {
            let core = both.cost(Who::Core)?;
            (both.cost(Who::C)?, core)
        });
    }
    compare(&mut out, "processor, s", &costs, |cost| {
        cost.cpu.as_secs_f64()
    })?;
    compare(&mut out, "clock, s", &costs, |cost| cost.wall.as_secs_f64())?;
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    compare(&mut out, "peak memory, MiB", &costs, |cost| {
        cost.peak_bytes as f64 / (1024.0 * 1024.0)
    })
}

fn compare(
    out: &mut impl Write,
    what: &str,
    costs: &[(Cost, Cost)],
    figure: impl Fn(&Cost) -> f64,
) -> io::Result<()> {
    let of = |(c, core): &(Cost, Cost)| (figure(c), figure(core));
    let mut ratios: Vec<f64> = costs.iter().map(of).map(|(c, core)| c / core).collect();
    ratios.sort_by(f64::total_cmp);
    writeln!(
        out,
        "{what}: C {:.2}, core {:.2}; ratio of a pair {:.3}, from {:.3} to {:.3} in {}",
        median(costs.iter().map(|pair| of(pair).0)),
        median(costs.iter().map(|pair| of(pair).1)),
        median(ratios.iter().copied()),
        ratios[0],
        ratios[ratios.len() - 1],
        ratios.len(),
    )
}

/// The library as it is published, and the C program that uses it.
fn built(folder: &Path) -> io::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let prefix = folder.join("prefix");
    let library = prefix.join("lib");
    let program = folder.join("sync");
    succeed(Command::new(root.join("bindings/c/build")).arg(&prefix))?;
    succeed(
        Command::new("gcc")
            .args(["-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-o"])
            .arg(&program)
            .arg(root.join("tests/bench/c/sync.c"))
            .arg(prefixed("-I", prefix.join("include")))
            .arg(prefixed("-L", &library))
            .arg(prefixed("-Wl,-rpath,", &library))
            .arg("-lskillsmith_sync"),
    )?;
    Ok(program)
}

fn prefixed(option: &str, path: impl AsRef<Path>) -> OsString {
    let mut argument = OsString::from(option);
    argument.push(path.as_ref());
    argument
}

fn succeed(command: &mut Command) -> io::Result<()> {
    cost(command).map(drop)
}

/// What `c/sync.c` does, without the border.
fn core(base_url: &str, path: &Path) -> io::Result<()> {
    let mut steps = 0;
    let database = Database::open(path).map_err(io::Error::other)?;
    let client = SkillsmithApiClient::new(ClientOptions::new().base_url(base_url))
        .map_err(io::Error::other)?;
    let engine = SyncEngine::new(Arc::new(client), &database);
    let result = engine
        .sync(SyncOptions::new().on_progress(|progress| steps += progress.current))
        .map_err(io::Error::other)?;
    if result.success && steps > 0 {
        Ok(())
    } else {
        Err(io::Error::other(format!("{:?}", result.errors)))
    }
}

#[derive(Clone, Copy)]
enum Who {
    C,
    Core,
}

/// The two that are compared.
struct Both<'a> {
    folder: &'a Path,
    base_url: &'a str,
    c: OsString,
    core: OsString,
}

impl Both<'_> {
    fn words(&self, who: Who, database: &Path) -> Vec<OsString> {
        let mut words = match who {
            Who::C => vec![self.c.clone()],
            Who::Core => vec![self.core.clone(), "core".into()],
        };
        words.extend([self.base_url.into(), database.into()]);
        words
    }

    /// One first sync.
    fn cost(&self, who: Who) -> io::Result<Cost> {
        let place = tempfile::tempdir_in(self.folder)?;
        let words = self.words(who, &place.path().join("skills.db"));
        cost(Command::new(&words[0]).args(&words[1..]).env_clear())
    }

    /// One first sync, in instructions.
    fn instructions(&self, who: Who) -> io::Result<f64> {
        let place = tempfile::tempdir_in(self.folder)?;
        let log = place.path().join("log");
        let mut command = Command::new("valgrind");
        command
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(prefixed("--log-file=", &log))
            .args(self.words(who, &place.path().join("skills.db")));
        succeed(command.stderr(Stdio::null()))?;
        let log = std::fs::read_to_string(log)?;
        let counted = log.split("Collected : ").nth(1);
        let counted = counted.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        counted.ok_or_else(|| io::Error::other(format!("callgrind said:\n{log}")))
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], values[middle])
    } else {
        values[middle]
    }
}
