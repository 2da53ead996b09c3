//! How a run begins: what it finds in the database, and where its listing goes on.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Connection;

use super::cursor::{Cursor, Mode};
use super::gap::Gap;
use super::listing::Start;
use super::plan::{Listing, Plan};
use super::profile::RegistryProfile;
use super::run::Context;
use crate::clock::from_iso;
use crate::database::{ensure_sync_tables, state, write};
use crate::skills::{Table, fts};
use crate::{Result, config, history};

/// What a run finds before it does anything.
pub(super) struct StartingState {
    /// The caller has set `last_sync_at` by hand, in a database that was never synced, and means it.
    pub(super) since: Option<DateTime<Utc>>,
    /// Another program has written to the full-text index since our last run, if there was one.
    pub(super) index_suspect: bool,
    /// Where the listing goes on, or begins.
    pub(super) cursor: Cursor,
    /// What earlier listings have taught about the registry.
    pub(super) profile: Option<RegistryProfile>,
    /// What the last listing could not read.
    pub(super) gaps: Vec<Gap>,
    /// The plan to go on with where the sync endpoint is missing.
    instead: Plan,
}

impl StartingState {
    /// Ids that the registry lists twice, as far as is known.
    pub(super) fn twice(&self) -> Vec<String> {
        let known = self.profile.iter().flat_map(|known| &known.twice);
        let found = &self.cursor.findings.twice;
        known.chain(found).cloned().collect()
    }

    /// Rows that may lack what the table can hold, though their stamp is the registry's.
    pub(super) fn unfilled(&self) -> HashSet<String> {
        let unfilled = self.profile.iter().flat_map(|known| &known.unfilled);
        unfilled.cloned().collect()
    }

    /// What the listing begins with.
    pub(super) fn listing(&self, page_size: u32) -> Start {
        let profile = self.profile.as_ref();
        Start {
            cursor: self.cursor.clone(),
            page_size,
            totals: profile.map(|known| known.totals).unwrap_or_default(),
            doubts: profile
                .map(|known| known.doubts.clone())
                .unwrap_or_default(),
            gaps: self.gaps.clone(),
            has_endpoint: profile.is_some_and(|known| known.endpoint.has_worked),
            instead: self.instead,
        }
    }
}

/// What earlier runs, and others, have left.
pub(super) fn find(
    context: &Context<'_, '_>,
    conn: &Connection,
    table: &Table,
) -> Result<StartingState> {
    let registry = context.engine.registry.name();
    let was_synced = !state::is_empty(conn)? || history::has_entries(conn)?;
    let since = if was_synced {
        None
    } else {
        let config = config::load(conn)?;
        config.last_sync_at.as_deref().and_then(from_iso)
    };
    let profile: Option<RegistryProfile> = state::get(conn, &state::key::plan(&registry))?;
    Ok(StartingState {
        since: since.filter(|_| !context.options.force),
        index_suspect: table.has.fts && table.has.fts_triggers && {
            let left: Option<Option<String>> = state::get(conn, state::key::INDEX)?;
            left.is_none_or(|left| left != fts::signature(conn).ok().flatten())
        },
        cursor: cursor(context, conn, table, profile.as_ref(), since.is_some())?,
        instead: instead(context, profile.as_ref()),
        gaps: state::get(conn, &state::key::gaps(&registry))?.unwrap_or_default(),
        profile,
    })
}

/// Where an earlier listing ended early, unless this run has to begin anew.
fn cursor(
    context: &Context<'_, '_>,
    conn: &Connection,
    table: &Table,
    profile: Option<&RegistryProfile>,
    has_since: bool,
) -> Result<Cursor> {
    let options = &context.options;
    let registry = context.engine.registry.name();
    let layout = table.layout_key();
    let kept = state::get(conn, state::key::CURSOR)?
        .filter(|cursor: &Cursor| {
            cursor.is_readable() && cursor.registry == registry && cursor.layout == layout
                // One that was read to its end tells nothing of what changed since.
                && !cursor.is_at_end()
                && !cursor.is_stale_at(context.started_at)
                && (options.listing == Listing::Auto || cursor.plan != Plan::Sync)
        })
        .filter(|cursor| !options.dry_run && (!options.force || cursor.mode == Mode::Content));
    if let Some(mut cursor) = kept {
        cursor.resume(context.started_at);
        return Ok(cursor);
    }
    // A column or tier that has come since is empty in rows whose stamp is the registry's:
    // one listing by content fills it, however many runs that takes.
    let lacks_something = !has_since && profile.is_none_or(|known| known.table != layout);
    let mode = if options.force {
        Mode::Content
    } else if lacks_something {
        Mode::Filling
    } else {
        Mode::Stamp
    };
    let plan = plan(context, profile);
    let mut cursor = Cursor::new(registry, layout, plan, mode, context.started_at);
    if plan == Plan::Sync && mode == Mode::Stamp && !has_since {
        cursor.since = profile.and_then(|known| since(context, known));
    }
    cursor.findings.untiered_before = profile.is_some_and(|known| known.untiered);
    Ok(cursor)
}

/// The plan to begin with.
fn plan(context: &Context<'_, '_>, profile: Option<&RegistryProfile>) -> Plan {
    let options = &context.options;
    // Who forces a sync wants to know whether a better plan works by now.
    let is_asked =
        options.force || profile.is_none_or(|known| known.endpoint.is_asked_at(context.started_at));
    if options.listing == Listing::Auto && is_asked {
        Plan::Sync
    } else {
        instead(context, profile)
    }
}

/// The plan to begin with, without the sync endpoint.
fn instead(context: &Context<'_, '_>, profile: Option<&RegistryProfile>) -> Plan {
    profile
        .filter(|_| !context.options.force)
        .and_then(|known| known.plan_at(context.started_at))
        .unwrap_or(Plan::Plain)
}

/// From where on the sync endpoint is asked; `None` for a whole listing.
fn since(context: &Context<'_, '_>, profile: &RegistryProfile) -> Option<String> {
    let watermark = profile.endpoint.watermark.as_ref()?;
    let every = TimeDelta::from_std(context.options.full_listing_every).unwrap_or(TimeDelta::MAX);
    let is_good = watermark.is_good_at(context.started_at, every);
    is_good.then(|| watermark.since.clone())
}

/// Makes the history entry; none for a dry run.
pub(super) fn open_record(context: &Context<'_, '_>, conn: &Connection) -> Result<Option<String>> {
    if context.options.dry_run {
        return Ok(None);
    }
    let id = write(conn, context.lock_wait(), |conn| {
        ensure_sync_tables(conn)?;
        // We hold the sync lock, so whoever is marked as running is not.
        history::interrupt(conn, None, context.started_at)?;
        let id = history::start(conn, context.started_at)?;
        state::set(conn, state::key::CURRENT_RUN, &id)?;
        Ok(id)
    })?;
    Ok(Some(id))
}
