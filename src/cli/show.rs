//! `skillsmith show`.

use std::path::Path;

use super::console::Console;
use super::database;
use super::exit::Exit;
use super::fields::long_field;
use super::search::{doubt, score};
use crate::search::SkillDetails;
use crate::{Error, Result, SkillRepository};

pub(super) fn run(id: &str, path: &Path, console: &Console<'_>) -> Result<Exit> {
    let database = database::for_reading(path, console)?;
    let skills = SkillRepository::new(&database);
    let Some(found) = skills.get(id)? else {
        console.failure(&Error::InvalidArgument(format!(
            "There is no skill '{id}'."
        )));
        let freshness = skills.freshness()?;
        if freshness.is_empty {
            console.hint("The database is empty. Run `skillsmith sync` first.");
        } else {
            console.hint("`skillsmith search WORDS` finds skills and their ids.");
            if let Some(words) = doubt(&freshness, console) {
                console.hint(&words);
            }
        }
        return Ok(Exit::Failed);
    };
    if console.json {
        console.say_json(&found);
    } else {
        fields(&found, console);
    }
    Ok(Exit::Success)
}

fn fields(found: &SkillDetails, console: &Console<'_>) {
    let skill = &found.skill;
    let security = match skill.security_passed {
        Some(true) => "passed its security scan",
        Some(false) => "has not passed its security scan, or is in quarantine",
        None => "not scanned",
    };
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    let lines = [
        ("Name", skill.name.clone()),
        ("Id", skill.id.clone()),
        ("Description", optional(&skill.description)),
        ("Author", optional(&skill.author)),
        ("URL", optional(&skill.repo_url)),
        ("Tier", skill.trust_tier.clone()),
        ("Score", score(skill)),
        ("Categories", found.categories.join(", ")),
        ("Tags", skill.tags.join(", ")),
        ("Security", security.to_owned()),
        ("Source", found.source.clone()),
        ("Updated", optional(&skill.updated_at)),
    ];
    for (name, value) in lines {
        if !value.is_empty() {
            long_field(console, name, &value);
        }
    }
}
