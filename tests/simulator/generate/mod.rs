//! Generates a scenario from a seed. Each one has only a few quirks, so that each quirk has an
//! effect.

mod runs;
mod world;

use crate::random::Random;
use crate::scenario::{
    AtEvent, FileKind, Foreign, Mutation, NewColumn, RunSpec, Scenario, Step, Trigger,
};
use crate::skill::Row;

/// Page sizes of small worlds.
const PAGES: [u32; 10] = [1, 2, 3, 5, 7, 10, 20, 25, 50, 100];

/// The quirks of this scenario.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that have nothing to do with each other"
)]
struct Mood {
    style: bool,
    rows: bool,
    stamps: bool,
    faults: bool,
    disk: bool,
    locks: bool,
    cancel: bool,
    foreign: bool,
    file: bool,
    clock: bool,
    moving: bool,
    lasting: bool,
    /// Half of the rows are bad.
    bad: bool,
}

impl Mood {
    fn new(random: &mut Random) -> Self {
        let mut is = |percent| random.chance(percent);
        Self {
            style: is(45),
            rows: is(25),
            stamps: is(25),
            faults: is(35),
            disk: is(18),
            locks: is(10),
            cancel: is(20),
            foreign: is(20),
            file: is(7),
            clock: is(12),
            moving: is(30),
            lasting: is(10),
            bad: is(4),
        }
    }
}

pub fn scenario(seed: u64) -> Scenario {
    let mut random = Random::new(seed);
    let mut maker = Maker {
        mood: Mood::new(&mut random),
        random,
        next: 0,
        version: 0,
        now: 0,
        made: Vec::new(),
        has_run: false,
    };
    maker.scenario(seed)
}

struct Maker {
    random: Random,
    mood: Mood,
    /// The next id.
    next: u32,
    version: u32,
    /// Earlier versions, for a registry that reverts a change.
    made: Vec<Row>,
    /// There was a run before.
    has_run: bool,
    /// The registry's time, in seconds after the start.
    now: i64,
}

impl Maker {
    fn scenario(&mut self, seed: u64) -> Scenario {
        let most = *self.random.pick(&[3, 8, 15, 25, 40, 60]);
        let count = self.random.below(most + 1);
        let rows = (0..count).map(|_| self.new_row()).collect();
        let style = if self.mood.style {
            self.style()
        } else {
            crate::style::Style {
                sync_endpoint: self.random.chance(40),
                latency_ms: 100,
                ..Default::default()
            }
        };
        let file = match self.random.below(10) {
            0 | 1 if self.mood.disk => FileKind::NoTriggers,
            0 => FileKind::NoTriggers,
            1 => FileKind::Version1,
            _ => FileKind::New,
        };
        let page = self.page();
        let steps = self.steps(page);
        let lasting = if self.mood.lasting {
            vec![self.lasting()]
        } else {
            Vec::new()
        };
        let mut scenario = Scenario {
            seed,
            file,
            rollback_journal: self.random.chance(15),
            host: self.random.chance(25),
            style,
            rows,
            steps,
            lasting,
            open_late: self.random.chance(30),
            last_page_size: page,
            // Drawn last, so that seeds mean what they meant before there were any.
            etags: self.random.chance(50),
            ..Scenario::default()
        };
        if self.random.chance(50) {
            self.prune(&mut scenario);
        }
        scenario
    }

    /// Runs that remove what is withdrawn, and more that is.
    fn prune(&mut self, scenario: &mut Scenario) {
        scenario.last_prune = self.random.chance(30);
        for step in std::mem::take(&mut scenario.steps) {
            let Step::Run(mut run) = step else {
                scenario.steps.push(step);
                continue;
            };
            for _ in 0..self.random.below(3) {
                let id = self.known_id();
                scenario.steps.push(Step::Registry(Mutation::Remove(id)));
            }
            run.prune = self.random.chance(75);
            run.force |= run.prune && self.random.chance(25);
            let again = RunSpec {
                disk: run.disk.filter(|_| self.random.chance(50)),
                page_size: run.page_size,
                prune: true,
                force: self.random.chance(15),
                dry: self.random.chance(10),
                ..RunSpec::default()
            };
            scenario.steps.push(Step::Run(run));
            if self.random.chance(40) {
                scenario.steps.push(Step::Run(Box::new(again.clone())));
            }
            if self.random.chance(35) && !self.made.is_empty() {
                let row = self.random.pick(&self.made).clone();
                self.comes_and_goes(&row, &again, &mut scenario.steps);
            }
        }
    }

    /// A skill is withdrawn, comes again and is withdrawn again, each time before a run.
    fn comes_and_goes(&mut self, row: &Row, run: &RunSpec, steps: &mut Vec<Step>) {
        for mutation in [
            Mutation::Remove(row.n),
            Mutation::Put(row.clone()),
            Mutation::Remove(row.n),
        ] {
            let run = RunSpec {
                dry: false,
                prune: run.prune && self.random.chance(60),
                force: self.random.chance(30),
                ..run.clone()
            };
            steps.push(Step::Registry(mutation));
            steps.push(Step::Run(Box::new(run)));
        }
    }

    fn page(&mut self) -> u32 {
        *self.random.pick(&PAGES)
    }

    fn steps(&mut self, page: u32) -> Vec<Step> {
        let mut steps = Vec::new();
        for _ in 0..self.random.between(1, 6) {
            let changes = match self.random.below(4) {
                0 => 0,
                1 => 1,
                _ => self.random.between(1, 6),
            };
            if !steps.is_empty() || self.random.chance(20) {
                for _ in 0..changes {
                    let mutation = self.mutation();
                    steps.push(Step::Registry(mutation));
                }
            }
            if self.mood.foreign && self.random.chance(50) {
                let foreign = self.foreign();
                steps.push(Step::Foreign(foreign));
            }
            if self.mood.clock && self.random.chance(40) {
                steps.push(Step::Jump(self.jump()));
            }
            if self.random.chance(25) {
                let seconds = *self.random.pick(&[60, 7_200, 90_000, 700_000]);
                self.now += i64::from(seconds);
                steps.push(Step::Pass(seconds));
            }
            if self.random.chance(10) {
                steps.push(Step::Reopen);
            }
            let mut run = self.run(page);
            if self.mood.foreign && self.next > 1 && self.random.chance(25) {
                // Two skills swap their URLs, and one of them becomes the user's own in between.
                let (one, other) = (self.known_id(), self.known_id());
                steps.push(Step::Registry(Mutation::SwapUrls(one, other)));
                let own = Foreign::Local(one, self.random.chance(70).then_some(90 + one));
                run.events.push((0, AtEvent::Foreign(own)));
            }
            steps.push(Step::Run(Box::new(run)));
            self.has_run = true;
        }
        steps
    }

    fn jump(&mut self) -> i64 {
        *self.random.pick(&[
            -3_600,
            3_600,
            -200_000,
            200_000,
            40_000_000,
            -40_000_000,
            -1_900_000_000,
        ])
    }

    fn foreign(&mut self) -> Foreign {
        match self.random.below(12) {
            0..=2 => {
                let n = self.known_id();
                let url = self.random.chance(50).then(|| self.known_id());
                Foreign::Local(n, url)
            }
            3 | 4 => Foreign::Stale(self.known_id()),
            5 | 6 => Foreign::Reindex,
            7 => {
                let kinds = [Trigger::Abort, Trigger::Rollback, Trigger::MissingTable];
                Foreign::Trigger(*self.random.pick(&kinds), self.known_id())
            }
            8 => Foreign::Interval(*self.random.pick(&[i64::MAX, i64::MIN, -5, 0])),
            // Before the first run, it would be the user's own choice of the watermark.
            9 if self.has_run => Foreign::LastSync((*self.random.pick(&world::MALFORMED)).into()),
            _ => Foreign::AddColumn(*self.random.pick(&[NewColumn::Stars, NewColumn::License])),
        }
    }

    /// An id that the registry may have.
    fn known_id(&mut self) -> u32 {
        self.random.below(self.next + 1)
    }

    fn mutation(&mut self) -> Mutation {
        self.now += 30;
        match self.random.below(12) {
            0 | 1 => Mutation::Put(self.new_row()),
            2 if !self.made.is_empty() => Mutation::Put(self.random.pick(&self.made).clone()),
            3..=7 if self.next > 0 => {
                let n = self.random.below(self.next);
                Mutation::Put(self.row(n))
            }
            8 | 9 => Mutation::Remove(self.known_id()),
            10 => {
                let (one, other) = (self.known_id(), self.known_id());
                Mutation::SwapUrls(one, other)
            }
            _ if self.mood.style && self.random.chance(40) => {
                Mutation::Style(Box::new(self.style()))
            }
            _ => Mutation::Put(self.new_row()),
        }
    }
}
