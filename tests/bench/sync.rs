//! What a sync costs: whole processes of the command line against a registry on loopback.
//!
//! `cargo bench --features cli --bench sync [-- SIZE…]` prints a row a case: wall and
//! CPU time, peak memory, and the ratio to SQLite alone writing the same rows in
//! this run. The registry is served by this process, on the same machine.

mod common;
mod orders;

use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::Value;
use skillsmith_sync::Database;
use skillsmith_test_registry::{Catalogue, Options};

use common::{Cost, Registry, cost};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("serve") => return common::serve(&arguments[2..]),
        Some("floor") => return floor(&arguments[2], Path::new(&arguments[3])),
        _ => {}
    }
    let sizes: Vec<usize> = arguments
        .iter()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let sizes = if sizes.is_empty() {
        vec![10_000, 100_000]
    } else {
        sizes
    };
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{:>8}  {:<16} {:>9} {:>9} {:>10} {:>16}",
        "skills", "case", "wall", "cpu", "peak", "of SQLite alone"
    )?;
    for skills in sizes {
        measure(&mut out, skills)?;
    }
    Ok(())
}

fn measure(out: &mut impl Write, skills: usize) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    // Both in processes of their own: the peak memory of a child counts from what its parent has.
    let mut floor = Command::new(std::env::current_exe()?);
    let floor = floor
        .args(["floor", &skills.to_string()])
        .arg(folder.path().join("floor.db"));
    let floor: f64 = String::from_utf8_lossy(&floor.output()?.stdout)
        .trim()
        .parse()
        .map_err(io::Error::other)?;
    writeln!(
        out,
        "{skills:>8}  {:<16} {:>7.0}ms",
        "SQLite alone",
        floor * 1e3
    )?;

    let mut registry = Registry::start(skills, &Options::default())?;
    let path = folder.path().join("skills.db");
    let base_url = registry.base_url.clone();
    let mut row = |case: &str, arguments: &[&str]| -> io::Result<()> {
        let cost = run(&base_url, &path, arguments)?;
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let peak_mib = cost.peak_bytes as f64 / (1024.0 * 1024.0);
        let ratio = cost.wall.as_secs_f64() / floor;
        let (wall, cpu) = (cost.wall.as_secs_f64() * 1e3, cost.cpu.as_secs_f64() * 1e3);
        writeln!(
            out,
            "{skills:>8}  {case:<16} {wall:>7.0}ms {cpu:>7.0}ms {peak_mib:>7.1}MiB {ratio:>16.3}"
        )
    };
    row("first sync", &["sync", "--json"])?;
    row("nothing changed", &["sync", "--json"])?;
    row("forced", &["sync", "--json", "--force"])?;
    registry.tell("change")?;
    row("1 % changed", &["sync", "--json"])?;
    row("status", &["sync", "status", "--json"])
}

fn floor(skills: &str, path: &Path) -> io::Result<()> {
    let skills: usize = skills.parse().map_err(io::Error::other)?;
    let took = sqlite_alone(path, &Catalogue::generate(skills, 1));
    writeln!(io::stdout(), "{}", took.as_secs_f64())
}

/// One process of the command line, from start to exit.
fn run(base_url: &str, database: &Path, arguments: &[&str]) -> io::Result<Cost> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skillsmith"));
    cost(
        command
            .args(arguments)
            .arg("--db")
            .arg(database)
            .env_clear()
            .env("SKILLSMITH_API_URL", base_url),
    )
}

/// The least that anyone can do: the same rows into the same schema, 1,000 to a
/// statement and a transaction, with nothing to fetch, parse or compare.
fn sqlite_alone(path: &Path, catalogue: &Catalogue) -> Duration {
    drop(Database::open(path).expect("a new database"));
    let mut conn = Connection::open(path).expect("the same file");
    conn.execute_batch(
        "PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000;
         CREATE TEMP TABLE stage (id, name, description, author, repo_url, quality_score, trust_tier, tags, created_at, updated_at)",
    )
    .expect("a stage");
    let skills = catalogue.values();
    let begun = Instant::now();
    for batch in skills.chunks(1_000) {
        {
            let mut insert = conn
                .prepare_cached("INSERT INTO stage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
                .expect("a statement");
            for skill in batch {
                let text = |field: &str| skill[field].as_str();
                insert
                    .execute((
                        text("id"),
                        text("name"),
                        text("description"),
                        text("author"),
                        text("repo_url"),
                        skill["quality_score"].as_f64(),
                        text("trust_tier"),
                        Value::to_string(&skill["tags"]),
                        text("created_at"),
                        text("updated_at"),
                    ))
                    .expect("a staged row");
            }
        }
        let transaction = conn.transaction().expect("a transaction");
        transaction
            .execute_batch(
                "INSERT INTO skills (id, name, description, author, repo_url, quality_score, trust_tier, tags, created_at, updated_at)
                 SELECT * FROM stage",
            )
            .expect("the batch");
        transaction.commit().expect("a commit");
        conn.execute_batch("DELETE FROM stage")
            .expect("an empty stage");
    }
    begun.elapsed()
}
