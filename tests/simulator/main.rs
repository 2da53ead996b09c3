//! The engine in a simulated world: registry, clock, network, disk and process death, from a seed.
//!
//! `SKILLSMITH_SIM_SEED=123 cargo test --test simulator` replays one seed with its whole trace;
//! `SKILLSMITH_SIM_SEEDS=5000` runs this many, starting at `SKILLSMITH_SIM_FIRST`. With
//! `SKILLSMITH_SIM_SURVEY=1` failing seeds are counted by rule and do not fail the test.

#![cfg(target_os = "linux")]

mod catalogue;
mod clock;
mod closing;
mod demand;
mod disk;
mod foreign;
mod generate;
mod oracle;
mod random;
mod registry;
mod run;
mod scenario;
mod seeds;
mod shrink;
mod skill;
mod style;
mod table;
mod violation;
mod world;

use std::path::Path;

use scenario::Scenario;

/// Scenarios that failed once, after shrinking, must keep passing.
#[test]
fn regressions() {
    seeds::limit_lock_waits();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simulator/regressions");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    files.sort();
    let mut failures = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let scenario: Scenario = serde_json::from_str(&text).unwrap();
        if let Err(failure) = world::simulate(&scenario) {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            let violation = failure.violation;
            failures.push(format!("{name}: {}: {}", violation.rule, violation.detail));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// A scenario from a file: `SKILLSMITH_SIM_FILE=path cargo test --test simulator a_file`.
#[test]
fn a_file() {
    seeds::limit_lock_waits();
    if let Some(path) = std::env::var_os("SKILLSMITH_SIM_FILE") {
        let scenario = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        seeds::tell_of(&scenario);
    }
}

/// Many scenarios, each from a seed.
#[test]
fn seeds() {
    seeds::limit_lock_waits();
    if let Some(seed) = seeds::number("SKILLSMITH_SIM_SEED") {
        return seeds::replay(seed);
    }
    let first = seeds::number("SKILLSMITH_SIM_FIRST").unwrap_or(1);
    let count = seeds::number("SKILLSMITH_SIM_SEEDS").unwrap_or(100);
    seeds::search(first, count);
}

/// Nothing depends on threads or the machine.
#[test]
fn a_seed_replays_exactly() {
    seeds::limit_lock_waits();
    for seed in 1..=seeds::number("SKILLSMITH_SIM_TWICE").unwrap_or(12) {
        let scenario = generate::scenario(seed);
        let (first, second) = (world::traced(&scenario), world::traced(&scenario));
        let both = (seeds::comparable(&first.1), seeds::comparable(&second.1));
        let differs = seeds::difference(&both.0, &both.1);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first.0.is_ok(), second.0.is_ok());
    }
}

/// A seed always gives the same scenario, and the scenario can be serialized.
#[test]
fn a_scenario_survives_being_written() {
    for seed in 0..200 {
        let scenario = generate::scenario(seed);
        let text = serde_json::to_string(&scenario).unwrap();
        let back: Scenario = serde_json::from_str(&text).unwrap();
        assert_eq!(back, scenario);
        assert_eq!(generate::scenario(seed), scenario);
    }
}
