//! The life of a registry, event by event.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::catalogue::Catalogue;
use crate::skill::Skill;

/// The life of a registry: what was added, changed and removed, oldest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    events: Vec<Event>,
}

/// One thing that happened to a registry.
#[derive(Clone, Debug)]
pub struct Event {
    /// When it happened, as ISO 8601 text.
    pub at: String,
    /// What happened.
    pub change: Change,
}

/// What happened to one skill.
#[derive(Clone, Debug)]
pub enum Change {
    /// The skill appeared, or changed.
    Upsert(Arc<Skill>),
    /// The skill with this id went away.
    Delete(String),
}

/// How an event is written in a file.
#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Line {
    Upsert { at: String, skill: Value },
    Delete { at: String, id: String },
}

impl History {
    /// Reads a file with one event (a JSON object) a line: `{"at", "op": "upsert", "skill"}` or `{"at", "op": "delete",
    /// "id"}`. A broken line is an error that gives its number.
    pub fn load(path: impl AsRef<Path>) -> io::Result<Self> {
        let mut history = Self::default();
        read_json_lines(path.as_ref(), |line: Line| match line {
            Line::Upsert { at, skill } => history.upsert(at, &skill),
            Line::Delete { at, id } => history.delete(at, id),
        })?;
        Ok(history)
    }

    /// Invents a life of exactly `events` events, in which about `skills` different skills appear (fewer if there are
    /// fewer events). The same arguments give the same history.
    ///
    /// Skills are added, updated, re-rated into other tiers and deleted; deleted ones come back; two skills swap their
    /// repository URLs (through null, so that after every event the URLs are unique); a new skill takes the URL of a
    /// deleted one.
    pub fn generate(seed: u64, skills: usize, events: usize) -> Self {
        crate::invention::history(seed, skills, events)
    }

    /// The number of events.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether nothing ever happened.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The events, oldest first.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The registry as it stood after the first `events` events (after all, if there are fewer).
    pub fn catalogue_at(&self, events: usize) -> Catalogue {
        let mut catalogue = Catalogue::new();
        for event in self.events.iter().take(events) {
            match &event.change {
                Change::Upsert(skill) => catalogue.upsert_shared(Arc::clone(skill)),
                Change::Delete(id) => catalogue.remove(id),
            };
        }
        catalogue
    }

    /// `count` numbers of events, spread evenly and growing, of which the last is all of them; fewer than `count` if
    /// there are fewer events.
    pub fn moments(&self, count: usize) -> Vec<usize> {
        let count = count.min(self.len());
        (1..=count)
            .map(|moment| moment * self.len() / count)
            .collect()
    }

    pub(crate) fn upsert(&mut self, at: String, skill: &Value) {
        let skill = Skill::new(skill, || {
            format!("row without an id #{}", self.events.len())
        });
        self.events.push(Event {
            at,
            change: Change::Upsert(Arc::new(skill)),
        });
    }

    pub(crate) fn delete(&mut self, at: String, id: String) {
        self.events.push(Event {
            at,
            change: Change::Delete(id),
        });
    }
}

/// Parses each line that is not blank; an error names the file and the line, counted from 1.
pub(crate) fn read_json_lines<T: DeserializeOwned>(
    path: &Path,
    mut each: impl FnMut(T),
) -> io::Result<()> {
    let file = File::open(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let parsed = serde_json::from_str(&line).map_err(|error| {
            let place = format!("{}, line {}: {error}", path.display(), number + 1);
            io::Error::new(io::ErrorKind::InvalidData, place)
        })?;
        each(parsed);
    }
    Ok(())
}
