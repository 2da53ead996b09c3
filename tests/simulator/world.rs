//! A running simulation: one database in its own folder, one registry, one clock.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::Connection;
use skillsmith_sync::clock::Clock;
use skillsmith_sync::{Database, SyncEngine};

use crate::catalogue::Catalogue;
use crate::clock::SimClock;
use crate::foreign;
use crate::oracle::Memory;
use crate::registry::{Shared, SimRegistry, lock};
use crate::scenario::{Fault, FileKind, Scenario, Step, loses_file};
use crate::table::{self, Stored};
use crate::violation::{Check, Violation, violation};
use crate::{closing, disk, run};

/// Prefix of the name of a world's folder; the process id and a number follow.
pub const FOLDER: &str = "skillsmith-sim-";

/// A simulation that failed.
#[derive(Debug)]
pub struct Failure {
    pub violation: Violation,
    pub trace: Vec<String>,
}

/// Summary of a simulation without a violation.
#[derive(Debug, Default, Clone, Copy)]
pub struct Summary {
    pub runs: u64,
    pub out_of_step: u64,
    /// Rows that were withdrawn and removed.
    pub removed: u64,
}

pub struct World<'s> {
    pub scenario: &'s Scenario,
    root: PathBuf,
    pub folder: PathBuf,
    pub database: Option<Database>,
    pub clock: Arc<SimClock>,
    pub shared: Arc<Mutex<Shared>>,
    pub host: Option<Connection>,
    /// The connection for the rules; opening one for each look would take time.
    eye: RefCell<Option<Connection>>,
    pub memory: Memory,
    pub trace: Vec<String>,
    /// The user's own rows, as written.
    pub locals: BTreeMap<String, Stored>,
    pub runs: u64,
    pub removed: u64,
    wrecks: u32,
    /// The current kind of file: a deleted one is created again.
    pub file: FileKind,
    /// The lasting faults are over.
    pub mended: bool,
}

thread_local! {
    static SIMULATING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// The rules detect a panic in a simulation; its message would only be noise.
fn keep_panics_quiet() {
    static HOOK: std::sync::Once = std::sync::Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !SIMULATING.get() {
                before(panic);
            }
        }));
    });
}

/// Runs a scenario from its first step through the closing phase.
pub fn simulate(scenario: &Scenario) -> Result<Summary, Failure> {
    let (outcome, trace) = traced(scenario);
    outcome.map_err(|violation| Failure { violation, trace })
}

/// The same, with the trace.
pub fn traced(scenario: &Scenario) -> (Result<Summary, Violation>, Vec<String>) {
    disk::install();
    keep_panics_quiet();
    SIMULATING.set(true);
    let outcome = std::panic::catch_unwind(|| simulated(scenario));
    SIMULATING.set(false);
    outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.unwrap_or_else(|| "it panicked".into());
        (violation("simulator", text), Vec::new())
    })
}

fn simulated(scenario: &Scenario) -> (Result<Summary, Violation>, Vec<String>) {
    let mut world = World::new(scenario);
    let outcome = world.live();
    let summary = Summary {
        runs: world.runs,
        out_of_step: world.clock.lost(),
        removed: world.removed,
    };
    (outcome.map(|()| summary), std::mem::take(&mut world.trace))
}

impl<'s> World<'s> {
    fn new(scenario: &'s Scenario) -> Self {
        static WORLDS: AtomicU64 = AtomicU64::new(0);
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() {
            memory.to_owned()
        } else {
            std::env::temp_dir()
        };
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let root = base.join(format!("{FOLDER}{}-{number}", std::process::id()));
        let is_exact = |step: &Step| {
            matches!(step, Step::Run(run)
            if run.disk.is_some() || loses_file(&run.events))
        };
        let name = if scenario.steps.iter().any(is_exact) {
            disk::QUIET
        } else {
            "disk"
        };
        let shared = Shared {
            catalogue: Catalogue::new(&scenario.rows, scenario.style.clone()),
            ..Shared::default()
        };
        Self {
            scenario,
            folder: root.join(name),
            root,
            database: None,
            clock: Arc::default(),
            shared: Arc::new(Mutex::new(shared)),
            host: None,
            eye: RefCell::default(),
            memory: Memory::default(),
            trace: Vec::new(),
            locals: BTreeMap::new(),
            runs: 0,
            removed: 0,
            wrecks: 0,
            file: scenario.file,
            mended: false,
        }
    }

    fn live(&mut self) -> Check {
        self.make_file()?;
        if !self.scenario.open_late {
            self.open()?;
        }
        for (at, step) in self.scenario.steps.iter().enumerate() {
            self.trace.push(format!(
                "{at}: {}",
                serde_json::to_string(step).unwrap_or_default()
            ));
            self.step(step)?;
        }
        closing::lasting_faults(self)?;
        closing::good_runs(self)
    }

    fn step(&mut self, step: &Step) -> Check {
        match step {
            Step::Registry(mutation) => {
                let now = self.clock.registry_seconds();
                lock(&self.shared).catalogue.apply(mutation, now);
            }
            Step::Run(spec) => return run::run(self, spec),
            Step::Foreign(foreign) => self.foreign(foreign)?,
            Step::Reopen => self.close(),
            Step::Jump(seconds) => {
                self.clock.jump(*seconds);
                self.memory.jumped = true;
            }
            Step::Pass(seconds) => self.clock.pass(Duration::from_secs((*seconds).into())),
        }
        if !matches!(step, Step::Reopen) {
            self.memory.touched();
        }
        Ok(())
    }

    pub fn path(&self) -> PathBuf {
        self.folder.join("skills.db")
    }

    /// Whether the table has the other stack's oldest shape.
    pub fn is_narrow(&self) -> bool {
        // According to the file itself: it may have been replaced by one of another kind.
        let definition = crate::table::connect(&self.path()).and_then(|conn| {
            conn.query_row(
                "SELECT sql FROM sqlite_master WHERE name = 'skills'",
                [],
                |row| row.get::<_, String>(0),
            )
        });
        definition.map_or(self.file == FileKind::Version1, |text| {
            !text.contains("curated")
        })
    }

    /// The faults of this run besides its own.
    pub fn lasting(&self) -> &'s [Fault] {
        if self.mended {
            &[]
        } else {
            &self.scenario.lasting
        }
    }

    /// A folder for the files that a crash leaves.
    pub fn next_wreck(&mut self) -> PathBuf {
        self.wrecks += 1;
        self.root.join(format!("{}-{}", disk::QUIET, self.wrecks))
    }

    fn make_file(&mut self) -> Check {
        let made = foreign::make_file(&self.folder, self.scenario);
        if let Err(error) = made {
            return violation("simulator", format!("the file could not be made: {error}"));
        }
        Ok(())
    }

    pub fn open(&mut self) -> Check {
        match Database::open(self.path()) {
            Ok(database) => self.database = Some(database),
            Err(error) => return violation("open", error.to_string()),
        }
        if self.scenario.host {
            self.host = table::connect(&self.path()).ok();
            if let Some(host) = &self.host {
                _ = table::skills(host);
            }
        }
        Ok(())
    }

    pub fn close(&mut self) {
        self.host = None;
        self.forget();
        self.database = None;
    }

    pub fn engine(&self) -> Option<SyncEngine> {
        let registry = SimRegistry {
            clock: Arc::clone(&self.clock),
            shared: Arc::clone(&self.shared),
            etags: self.scenario.etags,
        };
        let clock: Arc<dyn Clock> = self.clock.clone();
        let database = self.database.as_ref()?;
        Some(SyncEngine::with_clock(Arc::new(registry), database, clock))
    }

    /// Reads the file through a connection separate from the library's.
    pub fn look<T>(
        &self,
        look: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Violation> {
        let mut eye = self.eye.borrow_mut();
        let conn = match eye.take() {
            Some(conn) => Ok(conn),
            None => table::connect(&self.path()),
        };
        conn.and_then(|conn| look(eye.insert(conn)))
            .or_else(|error| violation("unreadable", error.to_string()))
    }

    /// The file at the path may be another one from now on.
    pub fn forget(&self) {
        self.eye.take();
    }

    /// Another program changes the file between two runs.
    fn foreign(&mut self, foreign: &crate::scenario::Foreign) -> Check {
        if !self.path().exists() {
            return Ok(());
        }
        let conn = table::connect(&self.path());
        let conn = conn.or_else(|error| violation("unreadable", error.to_string()))?;
        let shared = lock(&self.shared);
        foreign::apply(&conn, foreign, &shared.ever);
        drop(shared);
        self.memory.foreign(foreign);
        self.note_locals(&conn);
        Ok(())
    }

    pub fn note_locals(&mut self, conn: &Connection) {
        let skills = table::skills(conn).unwrap_or_default();
        self.locals = skills
            .into_iter()
            .filter(|(_, stored)| table::is_local(stored))
            .collect();
    }
}

impl Drop for World<'_> {
    fn drop(&mut self) {
        self.close();
        _ = std::fs::remove_dir_all(&self.root);
    }
}
