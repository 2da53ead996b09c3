//! Invents skills that look like those of a real registry.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::random::Random;
use crate::stamp;
use crate::words::{AUTHORS, CATEGORIES, COMPATIBLE, FIRST, LICENSES, PLAIN, SECOND};

/// The longest description, in characters.
const LONGEST: usize = 500;

/// How many skills share an author.
const PER_AUTHOR: u64 = 7;

/// The invented skill number `serial` of the series `seed`; created at `at`, or at a moment that is invented too.
pub(crate) fn skill(seed: u64, serial: u64, at: Option<DateTime<Utc>>) -> Value {
    let random = &mut Random::new(seed, serial);
    let id = uuid(random);
    let author = author(seed, serial / PER_AUTHOR);
    let first = random.pick(FIRST);
    // Skills of one author end differently, so that no two share a repository.
    let start =
        Random::new(serial / PER_AUTHOR, 0).below(SECOND.len() as u64) + serial % PER_AUTHOR;
    let second = SECOND[usize::try_from(start).unwrap_or(0) % SECOND.len()];
    let name = format!("{first}-{second}");

    let mut skill = Map::new();
    let mut set = |field: &str, value: Value| skill.insert(field.to_owned(), value);
    set("id", id.into());
    set("description", description(random).into());
    set(
        "repo_url",
        if random.chance(6) {
            Value::Null
        } else {
            format!("https://github.com/{author}/{name}").into()
        },
    );
    set("author", author.into());
    set("name", name.into());
    set("quality_score", quality(random));
    set("trust_tier", tier(random).into());
    let tags = random.below(7);
    set("tags", some_of(random, PLAIN, tags));
    set(
        "stars",
        if random.chance(10) {
            Value::Null
        } else {
            (random.below(60) * random.below(60)).into()
        },
    );
    set("installable", random.chance(80).into());
    let created = at.unwrap_or_else(|| stamp::after_start(random.below(400 * 86_400_000_000)));
    let age = if at.is_some() || random.chance(30) {
        0
    } else {
        random.below(60 * 86_400_000_000)
    };
    let updated = created + TimeDelta::microseconds(i64::try_from(age).unwrap_or(0));
    let form = random.below(stamp::FORMS);
    set("created_at", stamp::write(created, form).into());
    set("updated_at", stamp::write(updated, form).into());
    if random.chance(8) {
        set("content_hash", hex(random, 64).into());
        set("license", random.pick(LICENSES).into());
    }
    if random.chance(8) {
        set("categories", some_of(random, CATEGORIES, 2));
        set("compatibility", some_of(random, COMPATIBLE, 3));
    }
    Value::Object(skill)
}

/// The description with a new beginning, which depends on `mark`.
pub(crate) fn revised(description: &str, mark: u64) -> String {
    let mut random = Random::new(mark, 1);
    let beginning = format!("Revised {} ({}):", random.pick(PLAIN), hex(&mut random, 6));
    let rest = description
        .strip_prefix("Revised ")
        .and_then(|old| old.split_once(": "))
        .map_or(description, |(_, t)| t);
    format!("{beginning} {rest}")
        .chars()
        .take(LONGEST)
        .collect()
}

/// A description of 80 to 500 characters; short ones are the more frequent.
pub(crate) fn description(random: &mut Random) -> String {
    let target = 90 + random.index(20) * random.index(20) + random.index(40);
    let mut text = String::with_capacity(target + 16);
    let mut length = 0;
    let mut starts = true;
    while length < target {
        let word = random.pick(PLAIN);
        if length + word.chars().count() + 2 > LONGEST {
            break;
        }
        if length > 0 {
            text.push(' ');
        }
        if starts {
            text.extend(word.chars().next().into_iter().flat_map(char::to_uppercase));
            text.extend(word.chars().skip(1));
        } else {
            text.push_str(word);
        }
        starts = random.chance(9);
        if starts {
            text.push('.');
        }
        length = text.chars().count();
    }
    if !starts {
        text.push('.');
    }
    text
}

/// A trust tier, mostly `community`.
pub(crate) fn tier(random: &mut Random) -> &'static str {
    match random.below(100) {
        0..=2 => "official",
        3..=10 => "verified",
        11..=24 => "curated",
        25..=84 => "community",
        _ => "unverified",
    }
}

/// A score of 0 to 1 with three decimals; one in twelve has none.
pub(crate) fn quality(random: &mut Random) -> Value {
    if random.below(12) == 0 {
        return Value::Null;
    }
    let thousandths = u16::try_from(random.below(1001)).unwrap_or(0);
    (f64::from(thousandths) / 1000.0).into()
}

fn author(seed: u64, number: u64) -> String {
    let random = &mut Random::new(seed, number ^ 0xA017_0000_0000);
    // The number makes the author unique within a series, the remainder makes other series unlikely to meet it.
    let series = Random::new(seed, u64::MAX).below(1296);
    format!(
        "{}-{}",
        random.pick(AUTHORS),
        base36(number * 1296 + series)
    )
}

fn uuid(random: &mut Random) -> String {
    let high = (random.next() & 0xFFFF_FFFF_FFFF_0FFF) | 0x4000;
    let low = (random.next() & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xFFFF,
        high & 0xFFFF,
        low >> 48,
        low & 0xFFFF_FFFF_FFFF
    )
}

fn some_of(random: &mut Random, words: &[&str], count: u64) -> Value {
    let count = usize::try_from(count).unwrap_or(0);
    random
        .sample(words.len(), count)
        .into_iter()
        .map(|index| Value::from(words[index]))
        .collect()
}

fn hex(random: &mut Random, digits: usize) -> String {
    let mut text = String::with_capacity(digits + 16);
    while text.len() < digits {
        // Writing to a String cannot fail.
        let _ = write!(text, "{:016x}", random.next());
    }
    text.truncate(digits);
    text
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit(u32::try_from(number % 36).unwrap_or(0), 36).unwrap_or('0'));
        number /= 36;
        if number == 0 {
            return digits.iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_keep_their_bounds() {
        for seed in 0..2000 {
            let length = description(&mut Random::new(seed, 3)).chars().count();
            assert!((80..=LONGEST).contains(&length), "{length} characters");
        }
    }

    #[test]
    fn a_revision_changes_the_text_and_does_not_pile_up() {
        let once = revised("Reads logs.", 1);
        let twice = revised(&once, 2);
        assert_ne!(once, twice);
        assert!(once.ends_with(" Reads logs.") && twice.ends_with(" Reads logs."));
        assert_eq!(revised(&"x".repeat(LONGEST), 3).chars().count(), LONGEST);
    }

    #[test]
    fn numbers_in_base_36() {
        assert_eq!(base36(0), "0");
        assert_eq!(base36(36 * 36 - 1), "zz");
    }
}
