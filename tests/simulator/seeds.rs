//! Runs many seeds, and reports those that fail.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::scenario::Scenario;
use crate::world::{Failure, simulate, traced};
use crate::{generate, shrink, world};

/// Makes the library give up a permanently held lock soon, if it was built with the hook for that.
pub fn limit_lock_waits() {
    #[cfg(feature = "test-hooks")]
    skillsmith_sync::testing::limit_lock_waits(std::time::Duration::from_millis(10));
}

/// A number from the environment.
pub fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs one seed, shrinks it if it fails, and prints everything.
pub fn replay(seed: u64) {
    tell_of(&generate::scenario(seed));
}

pub fn tell_of(scenario: &Scenario) {
    match traced(scenario) {
        (Ok(summary), trace) => tell(&format!("{}\nit holds ({summary:?})", trace.join("\n"))),
        (Err(violation), trace) => {
            panic!("{}", report(scenario, &Failure { violation, trace }));
        }
    }
}

#[derive(Default)]
struct Found {
    runs: u64,
    out_of_step: u64,
    removed: u64,
    /// Failing seeds by rule, each with a description.
    by_rule: BTreeMap<&'static str, Vec<(u64, String)>>,
}

/// Runs `count` seeds on all cores. Fails with the smallest one that fails.
pub fn search(first: u64, count: u64) {
    let survey = std::env::var_os("SKILLSMITH_SIM_SURVEY");
    let shrinks = survey.as_deref().is_some_and(|how| how == "shrink");
    let survey = survey.is_some();
    let next = AtomicU64::new(first);
    let stop = AtomicBool::new(false);
    let found = Mutex::new(Found::default());
    let begun = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        break;
                    }
                    let scenario = generate::scenario(seed);
                    let mut outcome = simulate(&scenario);
                    if let (Err(failure), true) = (&mut outcome, shrinks) {
                        failure.violation.detail = shrunk(&scenario, failure);
                    }
                    let mut found = found.lock().unwrap();
                    match outcome {
                        Ok(summary) => {
                            found.runs += summary.runs;
                            found.out_of_step += summary.out_of_step;
                            found.removed += summary.removed;
                        }
                        Err(failure) => {
                            let violation = failure.violation;
                            let seeds = found.by_rule.entry(violation.rule).or_default();
                            seeds.push((seed, violation.detail));
                            stop.store(!survey, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = (next.load(Ordering::Relaxed).min(first + count) - first) as f64 / seconds;
    tell(&format!(
        "{count} seeds from {first}: {rate:.0} a second on {threads} threads, {} runs, {} out of step, {} rows removed",
        found.runs, found.out_of_step, found.removed
    ));
    for (rule, seeds) in &found.by_rule {
        tell(&format!("{rule}: {} seeds", seeds.len()));
        for (seed, detail) in seeds.iter().take(if survey { 1_000 } else { 3 }) {
            tell(&format!("    {seed}: {detail}"));
        }
    }
    let smallest = found
        .by_rule
        .values()
        .flatten()
        .map(|(seed, _)| *seed)
        .min();
    if let Some(seed) = smallest.filter(|_| !survey) {
        replay(seed);
        panic!("seed {seed} failed, and held when it was run again");
    }
}

/// The violated rule and the smallest scenario that violates it, one line each.
fn shrunk(scenario: &Scenario, failure: &Failure) -> String {
    let small = shrink::shrink(scenario, failure.violation.rule);
    let text = serde_json::to_string(&small).unwrap_or_default();
    match simulate(&small) {
        Err(shrunk) => {
            let last = shrunk.trace.last().cloned().unwrap_or_default();
            format!("{}\n        {text}\n     {last}", shrunk.violation.detail)
        }
        Ok(_) => failure.violation.detail.clone(),
    }
}

/// The violated rule, the trace, and the smallest scenario that fails in the same way.
fn report(scenario: &Scenario, failure: &Failure) -> String {
    let violation = &failure.violation;
    let small = shrink::shrink(scenario, violation.rule);
    let (shrunk, trace) = match simulate(&small) {
        Err(shrunk) => (shrunk.violation.detail, shrunk.trace),
        Ok(_) => ("held when it was run again".into(), failure.trace.clone()),
    };
    format!(
        "seed {}: {}: {}\nreplay: SKILLSMITH_SIM_SEED={} cargo test --all-features --test simulator seeds\n\
         as shrunk: {shrunk}\n{}\n\nfor tests/simulator/regressions:\n{}",
        scenario.seed,
        violation.rule,
        violation.detail,
        scenario.seed,
        trace.join("\n"),
        serde_json::to_string(&small).unwrap_or_default()
    )
}

fn tell(text: &str) {
    _ = writeln!(std::io::stderr(), "{text}");
}

/// Where two traces of one scenario differ. A run that ends on its own thread (cancelled, a disk
/// fault, a lost file) leaves requests in flight, which may or may not be logged.
pub fn difference<'t>(one: &'t str, other: &'t str) -> Option<(&'t str, &'t str)> {
    let is_on_the_way = |lines: &[&str], end: &str| {
        let mut behind = lines.iter().skip_while(|line| line.starts_with("     "));
        end.starts_with("   = failed") && behind.next() == Some(&end)
    };
    let (one, other): (Vec<_>, Vec<_>) = (one.lines().collect(), other.lines().collect());
    let (mut first, mut second) = (one.as_slice(), other.as_slice());
    loop {
        match (first, second) {
            ([line, rest @ ..], [same, others @ ..]) if line == same => {
                (first, second) = (rest, others);
            }
            ([_, rest @ ..], [end, ..]) if is_on_the_way(first, end) => first = rest,
            ([end, ..], [_, rest @ ..]) if is_on_the_way(second, end) => second = rest,
            ([], []) => return None,
            _ => {
                let next = |lines: &[&'t str]| lines.first().copied().unwrap_or("(its end)");
                return Some((next(first), next(second)));
            }
        }
    }
}

/// A trace without the parts that vary: the six random characters of a run's id, and the number of
/// the world in the name of its folder.
pub fn comparable(trace: &[String]) -> String {
    let text = trace.join("\n");
    let mut parts = text.split(world::FOLDER);
    let mut apart = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        apart.push_str(
            part.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '-'),
        );
    }
    let text = apart;
    let mut parts = text.split("sync-2");
    let mut all = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        all.extend(part.chars().skip("0260101000000-abcdef".len()));
    }
    all
}
