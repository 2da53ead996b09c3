//! Shrinks a failing scenario as long as it fails in the same way.

use crate::scenario::{AtRequest, FileKind, Mutation, RunSpec, Scenario, Step};
use crate::skill::{Odd, Row, Stamp};
use crate::style::{Behind, LimitSays, Order, Plain, Style, TotalSays};
use crate::world::simulate;

/// Maximum number of simulations per failure.
const MOST: u32 = 700;

type OnRun = fn(&mut RunSpec);
type OnRow = fn(&mut Row);
type OnStyle = fn(&mut Style);
type OnWorld = fn(&mut Scenario);

const WORLDS: [OnWorld; 8] = [
    |world| world.file = FileKind::New,
    |world| world.rollback_journal = false,
    |world| world.host = false,
    |world| world.open_late = false,
    |world| world.etags = false,
    |world| world.last_prune = false,
    |world| world.last_page_size = 10,
    |world| world.last_page_size = 100,
];

const STYLES: [OnStyle; 12] = [
    |style| style.clamp = None,
    |style| style.limit = LimitSays::Used,
    |style| style.total = TotalSays::Rows,
    |style| style.order = Order::Id,
    |style| style.plain = Plain::Served,
    |style| style.refused_tiers.clear(),
    |style| style.behind = Behind::Empty,
    |style| style.depth = None,
    |style| style.depth_answer = Behind::Empty,
    |style| style.offset_ignored = false,
    |style| style.sync_endpoint = false,
    |style| style.latency_ms = 0,
];

const RUNS: [OnRun; 7] = [
    |run| run.force = false,
    |run| run.dry = false,
    |run| run.prune = false,
    |run| run.deadline_ms = 0,
    |run| run.cancel_at_wait = None,
    |run| run.disk = None,
    |run| run.page_size = 10,
];

const ROWS: [OnRow; 6] = [
    |row| row.odd = Odd::None,
    |row| row.fat = 0,
    |row| row.hidden = false,
    |row| row.tier = 3,
    |row| row.url = Some(row.n),
    |row| row.stamp = Stamp::At(i64::from(row.v)),
];

struct Shrinker<'r> {
    rule: &'r str,
    best: Scenario,
    left: u32,
}

pub fn shrink(scenario: &Scenario, rule: &str) -> Scenario {
    let mut shrinker = Shrinker {
        rule,
        best: scenario.clone(),
        left: MOST,
    };
    loop {
        let before = shrinker.best.clone();
        shrinker.pass();
        if shrinker.best == before || shrinker.left == 0 {
            return shrinker.best;
        }
    }
}

impl Shrinker<'_> {
    /// Keeps a change if the scenario still violates the same rule.
    fn try_change(&mut self, change: impl FnOnce(&mut Scenario)) -> bool {
        let mut candidate = self.best.clone();
        change(&mut candidate);
        if candidate == self.best || self.left == 0 {
            return false;
        }
        self.left -= 1;
        let fails = simulate(&candidate).is_err_and(|failure| failure.violation.rule == self.rule);
        if fails {
            self.best = candidate;
        }
        fails
    }

    fn pass(&mut self) {
        self.drop_parts(|scenario| &mut scenario.steps);
        self.drop_parts(|scenario| &mut scenario.rows);
        self.drop_parts(|scenario| &mut scenario.lasting);
        for change in WORLDS {
            self.try_change(change);
        }
        for change in STYLES {
            self.try_change(|scenario| change(&mut scenario.style));
        }
        for at in 0..self.best.steps.len() {
            self.step(at);
        }
        for at in 0..self.best.rows.len() {
            for change in ROWS {
                self.try_change(|scenario| change(&mut scenario.rows[at]));
            }
        }
    }

    fn step(&mut self, at: usize) {
        match &self.best.steps[at] {
            Step::Run(_) => {}
            Step::Registry(Mutation::Put(_)) => {
                for change in ROWS {
                    self.try_change(|scenario| {
                        if let Step::Registry(Mutation::Put(row)) = &mut scenario.steps[at] {
                            change(row);
                        }
                    });
                }
                return;
            }
            Step::Registry(Mutation::Style(_)) => {
                for change in STYLES {
                    self.try_change(|scenario| {
                        if let Step::Registry(Mutation::Style(style)) = &mut scenario.steps[at] {
                            change(style);
                        }
                    });
                }
                return;
            }
            _ => return,
        }
        self.drop_parts(|scenario| &mut run_of(scenario, at).faults);
        self.drop_parts(|scenario| &mut run_of(scenario, at).events);
        self.drop_parts(|scenario| &mut run_of(scenario, at).requests);
        for change in RUNS {
            self.try_change(|scenario| change(run_of(scenario, at)));
        }
        for number in 0..run_of(&mut self.best, at).requests.len() {
            for change in ROWS {
                self.try_change(|scenario| {
                    let request = &mut run_of(scenario, at).requests[number].1;
                    if let AtRequest::Registry(Mutation::Put(row)) = request {
                        change(row);
                    }
                });
            }
        }
    }

    /// Removes halves, quarters and so on of a list, down to single elements.
    fn drop_parts<T>(&mut self, list: impl Fn(&mut Scenario) -> &mut Vec<T>) {
        let mut size = list(&mut self.best).len();
        while size > 0 {
            let mut from = 0;
            while from < list(&mut self.best).len() {
                let dropped = self.try_change(|scenario| {
                    let list = list(scenario);
                    list.drain(from..(from + size).min(list.len()));
                });
                if !dropped {
                    from += size;
                }
            }
            size /= 2;
        }
    }
}

/// The run at this step.
fn run_of(scenario: &mut Scenario, at: usize) -> &mut RunSpec {
    match &mut scenario.steps[at] {
        Step::Run(run) => run,
        other => unreachable!("{other:?} is no run"),
    }
}
