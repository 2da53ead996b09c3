//! Invents the life of a registry.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::generate;
use crate::history::History;
use crate::random::Random;
use crate::stamp;

pub(crate) fn history(seed: u64, skills: usize, events: usize) -> History {
    let mut life = Life {
        random: Random::new(seed, 0x11FE),
        history: History::default(),
        now: stamp::after_start(0),
        live: Vec::new(),
        gone: Vec::new(),
        seed,
        born: 0,
    };
    while life.history.len() < events {
        let left = events - life.history.len();
        let unborn = skills.saturating_sub(life.born);
        life.now += TimeDelta::seconds(1 + i64::try_from(life.random.below(3600)).unwrap_or(0));
        // Births are spread over the whole life; a registry of which nothing is left has nothing else to do.
        if life.live.is_empty() || life.random.index(left) < unborn {
            life.birth();
            continue;
        }
        match life.random.below(100) {
            0..=11 => life.death(),
            12..=15 if !life.gone.is_empty() => life.revival(),
            16..=24 if left >= 3 && life.live.len() >= 2 => life.swap_urls(),
            25..=39 => life.rerating(),
            _ => life.update(),
        }
    }
    life.history
}

struct Life {
    random: Random,
    history: History,
    now: DateTime<Utc>,
    live: Vec<Value>,
    gone: Vec<Value>,
    seed: u64,
    // How many different skills there were so far.
    born: usize,
}

impl Life {
    fn birth(&mut self) {
        let mut skill = generate::skill(self.seed, self.born as u64, Some(self.now));
        self.born += 1;
        if self.random.chance(5)
            && let Some(former) = self.gone.last_mut()
        {
            skill["repo_url"] = former["repo_url"].take();
        }
        self.record(&skill);
        self.live.push(skill);
    }

    fn death(&mut self) {
        let skill = self.take_live();
        let at = stamp::write(self.now, 1);
        self.history
            .delete(at, skill["id"].as_str().unwrap_or_default().to_owned());
        self.gone.push(skill);
    }

    fn revival(&mut self) {
        let position = self.random.index(self.gone.len());
        let mut skill = self.gone.swap_remove(position);
        self.touch(&mut skill);
        self.live.push(skill);
    }

    fn swap_urls(&mut self) {
        let (mut one, mut other) = (self.take_live(), self.take_live());
        let (of_one, of_other) = (one["repo_url"].take(), other["repo_url"].take());
        self.touch(&mut one);
        other["repo_url"] = of_one;
        self.touch(&mut other);
        one["repo_url"] = of_other;
        self.touch(&mut one);
        self.live.extend([one, other]);
    }

    fn rerating(&mut self) {
        let mut skill = self.take_live();
        skill["trust_tier"] = generate::tier(&mut self.random).into();
        skill["quality_score"] = generate::quality(&mut self.random);
        self.touch(&mut skill);
        self.live.push(skill);
    }

    fn update(&mut self) {
        let mut skill = self.take_live();
        skill["description"] = generate::description(&mut self.random).into();
        if self.random.chance(40) {
            skill["stars"] = self.random.below(5000).into();
        }
        self.touch(&mut skill);
        self.live.push(skill);
    }

    /// Only called while a skill lives.
    fn take_live(&mut self) -> Value {
        let position = self.random.index(self.live.len());
        self.live.swap_remove(position)
    }

    /// Stamps the skill as changed and records it, a moment after what came before.
    fn touch(&mut self, skill: &mut Value) {
        self.now +=
            TimeDelta::microseconds(1 + i64::try_from(self.random.below(900_000)).unwrap_or(0));
        // Six fraction digits: two changes within a millisecond must not look like one.
        let form = if self.random.chance(50) { 2 } else { 5 };
        skill["updated_at"] = stamp::write(self.now, form).into();
        self.record(skill);
    }

    fn record(&mut self, skill: &Value) {
        self.history.upsert(stamp::write(self.now, 1), skill);
    }
}
