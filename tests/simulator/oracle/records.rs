//! Compares what a run claims with the stored rows.

use skillsmith_sync::SyncResult;

use super::Case;
use crate::table::{Stored, is_local, text};
use crate::violation::{Check, violation};

pub fn adds_up(result: &SyncResult) -> Check {
    let sum = result.skills_added
        + result.skills_updated
        + result.skills_unchanged
        + result.skills_rejected;
    if sum == result.total_processed {
        Ok(())
    } else {
        violation("sum", format!("{sum} is not {}", result.total_processed))
    }
}

pub fn dry_run_changes_nothing(case: &Case<'_>) -> Check {
    let Some(before) = &case.ended.started.dump else {
        return Ok(());
    };
    if case.disturbed || case.found.dump == *before {
        return Ok(());
    }
    violation("dry run", "it has changed the file")
}

/// Neither result nor history claims more than the rows that were written.
pub fn claims(case: &Case<'_>) -> Check {
    let result = case.result();
    if case.spec().dry || case.disturbed {
        return Ok(());
    }
    let before = &case.ended.started.skills;
    let added = case
        .skills
        .iter()
        .filter(|(id, stored)| !before.contains_key(*id) && !is_local(stored))
        .count() as u64;
    let changed = case
        .skills
        .iter()
        .filter(|(id, stored)| before.get(*id).is_some_and(|old| old != *stored));
    let changed = changed.count() as u64;
    // A row that was served in two versions may have been written twice.
    let again = case.served.values().filter(|rows| rows.len() > 1).count() as u64;
    let told = format!(
        "{} added and {} updated are claimed, {added} and {changed} are there",
        result.skills_added, result.skills_updated
    );
    if result.skills_added > added || result.skills_updated > changed + again {
        return violation("records", told);
    }
    // Rows that were written but not counted are just as wrong, except one that gave up its URL.
    let url =
        |stored: Option<&Stored>| stored.and_then(|stored| text(stored, "repo_url")).is_some();
    let freed = before
        .iter()
        .filter(|(id, old)| url(Some(old)) && !url(case.skills.get(*id)))
        .filter(|(id, _)| case.skills.contains_key(*id))
        .count() as u64;
    if result.success
        && (result.skills_added < added || result.skills_updated + again + freed < changed)
    {
        return violation("records", told);
    }
    let entry = &case.found.entry;
    if entry.id == case.ended.started.entry {
        return Ok(());
    }
    if entry.added > added || entry.updated > changed + again {
        return violation(
            "records",
            format!(
                "the history has {} added and {} updated, {added} and {changed} are there",
                entry.added, entry.updated
            ),
        );
    }
    let same = (entry.added, entry.updated, entry.removed)
        == (
            result.skills_added,
            result.skills_updated,
            result.skills_removed,
        );
    if entry.status != "running" && !same {
        return violation("records", "result and history say different things");
    }
    if entry.status != "running" && entry.status != result.status.as_str() {
        return violation("records", "result and history have different endings");
    }
    Ok(())
}
