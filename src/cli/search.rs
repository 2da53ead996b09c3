//! `skillsmith search`.

use std::path::Path;

use comfy_table::{Attribute, Cell, Table};

use super::args::SearchArguments;
use super::console::Console;
use super::database;
use super::exit::Exit;
use super::table::{INDENT, NARROW, NARROWEST, framed, wrapped};
use super::text::clean;
use crate::search::{Freshness, SearchOptions, SearchResults, SkillFilter, SkillMatch};
use crate::{Coverage, Result, SkillRecord, SkillRepository};

const HEADER: [&str; 5] = ["Name", "Id", "Tier", "Score", "URL"];
const SCORE: usize = 3;

pub(super) fn run(search: &SearchArguments, path: &Path, console: &Console<'_>) -> Result<Exit> {
    let database = database::for_reading(path, console)?;
    let text = search.words.join(" ");
    let options = SearchOptions::new()
        .limit(search.limit)
        .filter(filter(search));
    let found = SkillRepository::new(&database).search(&text, &options)?;
    if console.json {
        console.say_json(&found);
        return Ok(Exit::Success);
    }
    if !found.matches.is_empty() {
        match console.terminal.stdout.width() {
            Some(width) if width < NARROW => {
                console.say(&lines(&found.matches, width.max(NARROWEST), console));
            }
            _ => console.say(&table(&found.matches, console).trim_fmt()),
        }
    }
    tell(&found, console);
    Ok(Exit::Success)
}

fn filter(search: &SearchArguments) -> SkillFilter {
    let mut filter = SkillFilter::new().safe_only(search.safe);
    if let Some(tier) = &search.tier {
        filter = filter.trust_tier(tier);
    }
    if let Some(category) = &search.category {
        filter = filter.category(category);
    }
    if let Some(score) = search.min_score {
        filter = filter.min_score(score);
    }
    if let Some(source) = &search.source {
        filter = filter.source(source);
    }
    filter
}

/// What the user may want to know of the answer.
fn tell(found: &SearchResults, console: &Console<'_>) {
    if found.freshness.is_empty {
        console.hint("The database is empty. Run `skillsmith sync` first.");
        return;
    }
    if found.matches.is_empty() {
        console.hint("No skill matches. Every word has to be found, and every option to hold: try fewer of them, or shorter words.");
    } else if found.has_more {
        console.hint("More skills match. Give another word, or list more with --limit N.");
    }
    if !found.indexed {
        console.hint(
            "The full-text index is missing or damaged: texts were compared letter by letter. \
             `skillsmith sync --force` makes it anew.",
        );
    }
    if let Some(words) = doubt(&found.freshness, console) {
        console.hint(&words);
    }
}

/// Why a skill may be missing.
pub(super) fn doubt(freshness: &Freshness, console: &Console<'_>) -> Option<String> {
    if freshness.by_words {
        return Some(
            "The registry was listed by search words, which find a part of its skills only.".into(),
        );
    }
    match &freshness.listed_at {
        None => Some("No sync has listed the registry to its end. Run `skillsmith sync`.".into()),
        Some(at) if freshness.is_stale => {
            let at = console.zone.moment_from(at, chrono::Utc::now());
            Some(format!(
                "The registry was last listed {at}. Run `skillsmith sync`."
            ))
        }
        Some(_) if freshness.coverage == Some(Coverage::BestEffort) => Some(
            "The last sync could not list everything; `skillsmith sync history` says why.".into(),
        ),
        Some(_) => None,
    }
}

fn table(found: &[SkillMatch], console: &Console<'_>) -> Table {
    let rows = found.iter().map(|found| row(&found.skill));
    framed(HEADER, rows, [SCORE], console)
}

fn row(skill: &SkillRecord) -> [Cell; 5] {
    [
        name(skill),
        Cell::new(clean(&skill.id)),
        Cell::new(clean(&skill.trust_tier)),
        Cell::new(score(skill)),
        Cell::new(clean(skill.repo_url.as_deref().unwrap_or_default())),
    ]
}

fn name(skill: &SkillRecord) -> Cell {
    Cell::new(clean(&skill.name)).add_attribute(Attribute::Bold)
}

/// With two digits, as people compare them.
pub(super) fn score(skill: &SkillRecord) -> String {
    skill
        .quality_score
        .map_or_else(String::new, |score| format!("{score:.2}"))
}

/// The skills below one another, where a table does not fit.
fn lines(found: &[SkillMatch], width: u16, console: &Console<'_>) -> String {
    let blocks = found.iter().map(|found| {
        let skill = &found.skill;
        let about = [skill.trust_tier.clone(), score(skill)];
        let about: Vec<_> = about.into_iter().filter(|text| !text.is_empty()).collect();
        let details = [
            skill.id.clone(),
            about.join(", "),
            skill.repo_url.clone().unwrap_or_default(),
        ];
        let details = details.iter().filter(|text| !text.is_empty());
        let details = details.map(|text| wrapped(Cell::new(clean(text)), INDENT, width, console));
        std::iter::once(wrapped(name(skill), 0, width, console))
            .chain(details)
            .collect::<Vec<_>>()
            .join("\n")
    });
    blocks.collect::<Vec<_>>().join("\n")
}
