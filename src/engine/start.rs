//! The start of a run: what is in the database, and where the listing continues.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Connection;

use super::apply::unmet;
use super::context::{Context, RECORD_BUDGET};
use super::cursor::{Cursor, Mode};
use super::gap::Gap;
use super::listing::Start;
use super::options::DEFAULT_DEADLINE;
use super::plan::{Listing, Plan};
use super::profile::RegistryProfile;
use super::stored_page::{self, Scope, StoredPage, StoredPages};
use crate::clock::from_iso;
use crate::database::{self, ensure_sync_tables, oversize, state, transaction};
use crate::skills::{Table, fts};
use crate::{Error, Result, config, history};

/// What a run finds before it does anything.
pub(super) struct StartingState {
    /// `last_sync_at`, if the caller set it by hand in a database that was never synced; ignored
    /// when forced.
    pub(super) since: Option<DateTime<Utc>>,
    /// Another program may have written to the full-text index since our last run, or there was
    /// none, or the run is forced: damage that leaves its totals alone is found then. Only for an
    /// index with triggers.
    pub(super) index_suspect: bool,
    /// Where the listing continues or begins.
    pub(super) cursor: Box<Cursor>,
    /// What earlier listings learned about the registry.
    pub(super) profile: Option<Box<RegistryProfile>>,
    /// What the last listing could not read.
    pub(super) gaps: Vec<Gap>,
    /// The fallback plan if the sync endpoint is missing.
    instead: Plan,
}

impl StartingState {
    /// After when skills must have changed to be listed or taken in; `None` if all are.
    pub(super) fn asked_since(&self) -> Option<DateTime<Utc>> {
        let of_listing = self.cursor.since.as_deref().and_then(from_iso);
        self.since.or(of_listing)
    }

    /// Ids that the registry is known to list twice.
    pub(super) fn twice(&self) -> Vec<String> {
        let known = self.profile.iter().flat_map(|known| &known.twice);
        let found = &self.cursor.findings.twice;
        known.chain(found).cloned().collect()
    }

    /// Ids of rows that may lack values the table can hold, although their stamp is the registry's.
    pub(super) fn unfilled(&self) -> HashSet<String> {
        let unfilled = self.profile.iter().flat_map(|known| &known.unfilled);
        unfilled.cloned().collect()
    }

    /// Whether no whole listing has filled a table of this layout.
    pub(super) fn is_of_new_layout(&self, table: &Table) -> bool {
        let layout = table.layout_key();
        self.profile
            .as_ref()
            .is_none_or(|known| known.table != layout)
    }

    /// What the lister starts with.
    pub(super) fn listing(&self, page_size: u32, stored: Arc<StoredPages>) -> Start {
        let profile = self.profile.as_ref();
        Start {
            cursor: (*self.cursor).clone(),
            page_size,
            totals: profile.map(|known| known.totals).unwrap_or_default(),
            doubts: profile
                .map(|known| known.doubts.clone())
                .unwrap_or_default(),
            gaps: self.gaps.clone(),
            has_endpoint: profile.is_some_and(|known| known.endpoint.has_worked),
            instead: self.instead,
            stored,
        }
    }
}

/// Makes the full-text index again where it was dropped, and takes values out of the tables of a sync that are too long to be
/// read.
#[inline(never)]
pub(super) fn mend(context: &Context<'_, '_>, conn: &Connection) -> Result<()> {
    if !context.options.dry_run && database::lacks_index(conn)? {
        transaction::write(conn, context.lock_wait(), |conn| {
            database::create_index(conn)?;
            fts::rebuild(conn)
        })?;
    }
    if !oversize::may_hold_one(conn)? {
        return Ok(());
    }
    if context.options.dry_run {
        oversize::hide(conn)
    } else {
        transaction::write(conn, context.lock_wait(), oversize::mend)
    }
}

/// Reads what earlier runs and other programs left.
#[inline(never)]
pub(super) fn find(
    context: &Context<'_, '_>,
    conn: &Connection,
    table: &Table,
) -> Result<Box<StartingState>> {
    let registry = context.engine.registry.name();
    let was_synced = !state::is_empty(conn)? || history::has_entries(conn)?;
    let since = if was_synced {
        None
    } else {
        let config = config::load(conn)?;
        config.last_sync_at.as_deref().and_then(from_iso)
    };
    let profile: Option<Box<RegistryProfile>> = state::get(conn, &state::key::plan(&registry))?;
    Ok(Box::new(StartingState {
        since: since.filter(|_| !context.options.force),
        index_suspect: table.has.fts && table.has.fts_triggers && {
            let left: Option<Option<String>> = state::get(conn, state::key::INDEX)?;
            context.options.force
                || left.is_none_or(|left| left != fts::signature(conn).ok().flatten())
        },
        cursor: cursor(context, conn, table, profile.as_deref(), since.is_some())?,
        instead: instead(context, profile.as_deref()),
        gaps: state::get(conn, &state::key::gaps(&registry))?.unwrap_or_default(),
        profile,
    }))
}

/// The cursor of a listing that ended early, or a new one if this run must start over.
#[inline(never)]
fn cursor(
    context: &Context<'_, '_>,
    conn: &Connection,
    table: &Table,
    profile: Option<&RegistryProfile>,
    has_since: bool,
) -> Result<Box<Cursor>> {
    let options = &context.options;
    let registry = context.engine.registry.name();
    let layout = table.layout_key();
    let kept: Option<Box<Cursor>> = state::get(conn, state::key::CURSOR)?;
    let kept = kept
        .filter(|cursor| {
            cursor.is_readable() && cursor.registry == registry && cursor.layout == layout
                // A listing read to its end cannot show later changes.
                && !cursor.is_at_end()
                && !cursor.is_stale_at(context.started_at)
                && (options.listing == Listing::Auto || cursor.plan != Plan::Sync)
        })
        .filter(|cursor| !options.dry_run && (!options.force || cursor.mode == Mode::Content))
        .filter(|cursor| !options.prune || cursor.since.is_none());
    if let Some(mut cursor) = kept {
        cursor.resume(context.started_at);
        return Ok(cursor);
    }
    // A column or tier added since is still empty in rows whose stamp is the registry's. One
    // listing by content fills it, however many runs it takes.
    let lacks_something = !has_since && profile.is_none_or(|known| known.table != layout);
    let mode = if options.force {
        Mode::Content
    } else if lacks_something {
        Mode::Filling
    } else {
        Mode::Stamp
    };
    let plan = plan(context, profile);
    let mut cursor = Box::new(Cursor::new(
        registry,
        layout,
        plan,
        mode,
        context.started_at,
    ));
    if plan == Plan::Sync && mode == Mode::Stamp && !has_since && !options.prune {
        cursor.since = profile.and_then(|known| since(context, known));
    }
    cursor.findings.untiered_before = profile.is_some_and(|known| known.untiered);
    Ok(cursor)
}

/// The plan to start with.
fn plan(context: &Context<'_, '_>, profile: Option<&RegistryProfile>) -> Plan {
    let options = &context.options;
    // A forced sync checks whether a better plan works by now.
    let is_asked =
        options.force || profile.is_none_or(|known| known.endpoint.is_asked_at(context.started_at));
    if options.listing == Listing::Auto && is_asked {
        Plan::Sync
    } else {
        instead(context, profile)
    }
}

/// The plan to start with if the sync endpoint is not used.
fn instead(context: &Context<'_, '_>, profile: Option<&RegistryProfile>) -> Plan {
    profile
        .filter(|_| !context.options.force)
        .and_then(|known| known.plan_at(context.started_at))
        .unwrap_or(Plan::Plain)
}

/// The stamp after which to ask the sync endpoint for changes; `None` for a full listing.
fn since(context: &Context<'_, '_>, profile: &RegistryProfile) -> Option<String> {
    let watermark = profile.endpoint.watermark.as_ref()?;
    let every = TimeDelta::from_std(context.options.full_listing_every).unwrap_or(TimeDelta::MAX);
    let is_good = watermark.is_good_at(context.started_at, every);
    is_good.then(|| watermark.since.clone())
}

/// The stored pages that this run may ask about. None if it is forced; none older than the time after
/// which everything is read once more, since a registry or a proxy may be wrong about what is
/// unchanged; and none if another program has deleted from the record of versions. A listing that
/// fills the table may ask: the rows of a page that was stored in this layout have been filled.
pub(super) fn stored_pages(
    context: &Context<'_, '_>,
    conn: &Connection,
    table: &Table,
    found: &StartingState,
) -> Result<Vec<StoredPage>> {
    let cursor = &found.cursor;
    // What is to be removed must be missing from what is served now.
    let wants_all = cursor.mode == Mode::Content || context.options.prune;
    if wants_all || found.since.is_some() || !table.has.stamp {
        return Ok(Vec::new());
    }
    if let Some(versions) = table.count_versions(conn)? {
        let before: Option<i64> = state::get(conn, state::key::VERSIONS)?;
        if before.is_none_or(|before| versions < before) {
            return Ok(Vec::new());
        }
    }
    let every = TimeDelta::from_std(context.options.full_listing_every).unwrap_or(TimeDelta::MAX);
    let scope = Scope::of(&cursor.registry, &table.layout_key());
    stored_page::load(conn, scope, context.started_at, every)
}

/// We hold the sync lock, so the run that the file records as current is dead. Another engine may be running.
pub(super) fn interrupt_dead(context: &Context<'_, '_>, conn: &Connection) -> Result<()> {
    let own: Option<String> = state::get(conn, state::key::CURRENT_RUN)?;
    history::interrupt_dead(conn, own.as_deref(), context.started_at, DEFAULT_DEADLINE)
}

/// Creates the history entry; none for a dry run.
#[inline(never)]
pub(super) fn open_record(context: &Context<'_, '_>, conn: &Connection) -> Result<Option<String>> {
    if context.options.dry_run {
        return Ok(None);
    }
    let begin = |foreseen: Option<&Error>| {
        let outcome = transaction::write(conn, context.lock_wait(), |conn| {
            let most = RECORD_BUDGET.min(context.left());
            let _guard = database::limited(conn, context.limit(most));
            ensure_sync_tables(conn)?;
            interrupt_dead(context, conn)?;
            let id = unmet::begin_run(conn, || history::start(conn, context.started_at))?;
            state::set(conn, state::key::CURRENT_RUN, &id)?;
            if let Some(error) = foreseen {
                history::foresee(conn, &id, &error.to_string())?;
            }
            Ok(id)
        });
        if context.is_over() {
            outcome
        } else {
            database::explain_stop(outcome, &context.options.cancel)
        }
    };
    let id = begin(None).or_else(|error| match &context.room {
        // What is kept for the record may be all that there is.
        Some(room) if error.lacks_room() => {
            room.give_back();
            begin(Some(&error))
        }
        _ => Err(error),
    });
    id.map(Some)
}
