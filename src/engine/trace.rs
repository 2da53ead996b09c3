//! What a run tells the log.

use super::context::EngineParts;
use super::listing::Step;
use super::result::SyncResult;
use crate::log::{Log, LogLevel, plural};

pub(super) fn begin(log: &Log, engine: &EngineParts) {
    log.sync(LogLevel::Info, || {
        let (registry, database) = (engine.registry.name(), engine.database.name());
        format!("a sync of {database} with {registry} begins")
    });
}

pub(super) fn page(log: &Log, step: &Step) {
    if step.is_page {
        log.sync(LogLevel::Debug, || {
            let rows = step.rows.len();
            format!("a page with {rows} row{}", plural(rows == 1))
        });
    }
}

pub(super) fn end(log: &Log, result: &SyncResult) {
    let level = if result.success {
        LogLevel::Info
    } else {
        LogLevel::Warning
    };
    log.sync(level, || {
        let error = result.errors.first();
        format!(
            "the sync ends: {}; {} new, {} updated, {} unchanged; {} request{}, {} ms{}",
            result.status.as_str(),
            result.skills_added,
            result.skills_updated,
            result.skills_unchanged,
            result.requests,
            plural(result.requests == 1),
            result.duration_ms,
            error.map_or_else(String::new, |error| format!(": {error}")),
        )
    });
}
