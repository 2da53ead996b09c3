//! The end of a run: the record that it leaves.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::apply::Applier;
use super::backoff;
use super::completed::CompletedListing;
use super::context::{Context, RECORD_BUDGET, Run};
use super::counter::Counter;
use super::cursor::Cursor;
use super::plan::Plan;
use super::profile::RegistryProfile;
use super::reserved;
use super::start::{self, StartingState};
use crate::clock::to_iso;
use crate::database::{
    self, GRACE, LockWait, checkpoint_passive, ensure_sync_tables, ensure_written, oversize, state,
    transaction,
};
use crate::history::{self, SyncRunResult, SyncStatus};
use crate::skills::{fts, table, unmet};
use crate::{CancelToken, Error, ErrorCode, Result, config, requests};

/// The caller waits for a cancelled run to end, and the rows are already written.
const CANCELLED_RECORD_BUDGET: Duration = Duration::from_millis(100);

/// The run has used up its time.
const LATE_RECORD_BUDGET: Duration = Duration::from_secs(1);

/// How long a part of a record that could not be written as a whole may take at least.
const LEAST: Duration = Duration::from_millis(100);

/// What is written in one transaction.
type Part<'p> = &'p mut dyn FnMut(&Connection) -> Result<()>;

/// Longest error message in the history, in characters: it is meant for a person.
const MAX_MESSAGE: usize = 1_000;

/// Fails if the listing is empty although the database has rows of this registry: then something is
/// wrong on the registry's side.
pub(super) fn refuse_empty_listing(
    context: &Context<'_, '_>,
    conn: &Connection,
    applier: &mut Applier<'_>,
    found: &StartingState,
    cursor: &Cursor,
) -> Result<()> {
    let lists_changes = cursor.since.is_some();
    let came_empty =
        cursor.came_empty() && !lists_changes && cursor.gaps.is_empty() && cursor.more_gaps == 0;
    if !came_empty || !table::has_registry_rows(conn, applier.table())? {
        return Ok(());
    }
    // If other registries filled the database, this one may well be empty.
    if found.profile.is_none() && state::has_profiles(conn)? {
        return Ok(());
    }
    applier.lose_cursor();
    if !context.options.dry_run {
        transaction::write(conn, context.lock_wait(), |conn| {
            if !cursor.misses_endpoint {
                return state::remove(conn, state::key::CURSOR);
            }
            // That is known by now, and is not to be found out again in every second run.
            state::set(conn, state::key::CURSOR, &cursor.anew(context.started_at))
        })?;
    }
    Err(Error::Protocol(
        "its listing is empty, though this database has skills from this registry. Nothing was changed".into(),
    ))
}

/// Another program may have filled the disk, and give room back in a moment.
const PAUSES_FOR_ROOM: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_millis(600),
];

/// Writes the record of a run whose listing was read to its end.
#[inline(never)]
pub(super) fn success(
    context: &Context<'_, '_>,
    conn: &Connection,
    applier: &Applier<'_>,
    listing: &CompletedListing,
    run: (&str, &Counter),
) -> Result<()> {
    let lock_wait = LockWait {
        budget: RECORD_BUDGET,
        cancel: &CancelToken::new(),
        claim: context.claim.as_ref(),
    };
    let profile = listing.profile(context, applier)?;
    if let Some(room) = &context.room {
        room.give_back();
    }
    let outcome = transaction::write(conn, lock_wait, |conn| {
        // The deadline of the run may be over by now.
        let _guard = database::limited(conn, context.limit(RECORD_BUDGET));
        let record = || record_success(context, conn, (applier, listing, &profile), run);
        if applier.table().has.foreign_writes {
            keeping_skills(conn, record)
        } else {
            record()
        }
    });
    database::explain_stop(outcome, &context.options.cancel)?;
    history::trim(conn);
    Ok(())
}

/// Calls `write` inside the caller's transaction, which must leave the skills where they are: a trigger may remove
/// what the record says is stored.
fn keeping_skills(conn: &Connection, write: impl FnOnce() -> Result<()>) -> Result<()> {
    let before = unmet::count_skills(conn)?;
    write()?;
    ensure_written(unmet::count_skills(conn)? == before)
}

fn record_success(
    context: &Context<'_, '_>,
    conn: &Connection,
    (applier, listing, profile): (&Applier<'_>, &CompletedListing, &RegistryProfile),
    (id, requests): (&str, &Counter),
) -> Result<()> {
    let now = context.engine.clock.now();
    let tally = &applier.tally;
    let cursor = &listing.cursor;
    state::remove(conn, state::key::CURSOR)?;
    state::remove(conn, state::key::CURRENT_RUN)?;
    state::remove_superseded(conn)?;
    state::set(conn, state::key::LISTED, &to_iso(now))?;
    state::set(conn, state::key::COVERAGE, &listing.noted())?;
    state::set(conn, &state::key::plan(&cursor.registry), profile)?;
    keep_gaps(conn, cursor)?;
    backoff::clear(conn)?;
    reserved::note(conn, context.listing(), None, now)?;
    requests.record(conn, now)?;
    applier.keep_index_signature(conn)?;
    keep_pages(conn, applier, listing)?;
    let changed = i64::try_from(tally.changed()).unwrap_or(i64::MAX);
    config::record_last_sync(
        conn,
        &cursor.started_at,
        changed,
        crate::random::rng().i64(0..1_000),
    )?;
    let errors: Vec<String> = listing.gaps.iter().cloned().chain(tally.errors()).collect();
    let message = message_of(&errors);
    let status = if message.is_some() {
        config::record_error(conn, message.as_deref())?;
        SyncStatus::Partial
    } else {
        SyncStatus::Success
    };
    history::finish(
        conn,
        id,
        (now, Some(context.took())),
        status,
        Some(tally.run_result()),
        message.as_deref(),
    )
}

/// For the next listing, which asks for them again.
fn keep_gaps(conn: &Connection, cursor: &Cursor) -> Result<()> {
    let gaps = state::key::gaps(&cursor.registry);
    if cursor.gaps.is_empty() {
        state::remove(conn, &gaps)
    } else {
        state::set(conn, &gaps, &cursor.gaps)
    }
}

/// Deletes stored pages that the listing did not have. A resumed one does not know what came before.
fn keep_pages(conn: &Connection, applier: &Applier<'_>, listing: &CompletedListing) -> Result<()> {
    if let Some(versions) = applier.table().count_versions(conn)? {
        state::set(conn, state::key::VERSIONS, &versions)?;
    }
    if listing.is_whole || listing.cursor.plan == Plan::Sync {
        applier.keep_used_pages(conn)?;
    }
    Ok(())
}

/// Writes the record of a run that ended early. Best effort: if even this cannot be written,
/// whoever looks next marks the entry as interrupted.
#[inline(never)]
pub(super) fn failure(context: &Context<'_, '_>, run: &Run, error: &Error) {
    let lacks_room = error.lacks_room();
    // Also one that is cancelled while it opens the database.
    let has_own_entry = lacks_room || matches!(error, Error::Cancelled);
    let is_refused =
        (matches!(error, Error::Database(_)) || has_own_entry) && !context.options.dry_run;
    if run.id.is_none() && !is_refused {
        return;
    }
    if lacks_room && let Some(room) = &context.room {
        room.give_back();
    }
    // A run for whose entry there was no room gets one now.
    let id = run
        .id
        .clone()
        .or_else(|| has_own_entry.then(|| history::run_id(context.started_at)));
    let lock_wait = LockWait {
        budget: if matches!(error, Error::Cancelled) {
            CANCELLED_RECORD_BUDGET
        } else if context.is_over() {
            LATE_RECORD_BUDGET
        } else {
            RECORD_BUDGET
        },
        cancel: &CancelToken::new(),
        claim: context.claim.as_ref(),
    };
    let database = &context.engine.database;
    let connected = if matches!(error, Error::Cancelled) {
        database.connect_again_within(CANCELLED_RECORD_BUDGET)
    } else {
        database.connect_again()
    };
    let Ok(conn) = connected else {
        return;
    };
    let end = Instant::now() + GRACE;
    let write = |call: Part<'_>| {
        transaction::write(&conn, lock_wait, |conn| {
            let left = end.saturating_duration_since(Instant::now());
            let _guard = database::limit_to(conn, &CancelToken::new(), left.max(LEAST));
            keeping_skills(conn, || call(conn))
        })
    };
    let record = || match &id {
        Some(id) => write(&mut |conn| record_failure(conn, context, (run, id), error)),
        None => Err(Error::Cancelled),
    };
    let mut recorded = record();
    if matches!(&recorded, Err(error) if error.lacks_room()) {
        // Once the log is in the database, the record takes the log's place.
        checkpoint_passive(&conn);
        recorded = record();
    }
    for pause in PAUSES_FOR_ROOM {
        if !matches!(&recorded, Err(error) if error.lacks_room()) {
            break;
        }
        std::thread::sleep(pause);
        recorded = record();
    }
    if let Err(refusal) = recorded
        && (matches!(refusal, Error::Database(_) | Error::Cancelled) || refusal.lacks_room())
    {
        record_in_pieces(context, run, error, &write);
    }
    history::trim(&conn);
}

/// Where a trigger of another program refuses one part of the record, or the disk has room for a part only, the others tell
/// why the run failed.
fn record_in_pieces(
    context: &Context<'_, '_>,
    run: &Run,
    error: &Error,
    write: &dyn Fn(Part<'_>) -> Result<()>,
) {
    let now = context.engine.clock.now();
    let text = text_of(error);
    if is_an_error(error) {
        _ = write(&mut |conn| config::record_error(conn, text.as_deref()));
    }
    if let Some(id) = &run.id {
        let told = text.clone().unwrap_or_default();
        let ended = (now, Some(context.took()));
        let status = run.status(Some(error));
        let counts = Some(run.tally.run_result());
        // The file may be another one by now.
        let is_told = write(&mut |conn| {
            ensure_written(is_in_its_file(conn, id)?)?;
            history::finish(conn, id, ended, status, counts, text.as_deref())
        });
        if is_told.is_err() {
            _ = write(&mut |conn| {
                ensure_written(is_in_its_file(conn, id)?)?;
                history::note_end(conn, id, now, &told)
            });
        }
        _ = write(&mut |conn| {
            ensure_written(is_in_its_file(conn, id)?)?;
            history::note_code(conn, id, code_of(error))
        });
        _ = write(&mut |conn| state::remove(conn, state::key::CURRENT_RUN));
    }
    _ = write(&mut |conn| {
        let interval_ms = config::load(conn)?.interval_ms;
        backoff::note(conn, error, run.tally.processed() > 0, interval_ms, now)
    });
    _ = write(&mut |conn| run.requests.record(conn, now).map(|_| ()));
}

/// The error as the history has it. A message of a host's own registry can be of any length.
fn text_of(error: &Error) -> Option<String> {
    match error {
        Error::BudgetUsed { .. } => None,
        error => message_of(&[error.to_string()]).or_else(|| Some(String::new())),
    }
}

/// Its code, which the history has where it has the error.
const fn code_of(error: &Error) -> Option<ErrorCode> {
    match error {
        Error::BudgetUsed { .. } => None,
        error => Some(error.code()),
    }
}

/// Whoever cancels a run knows it; the history has it.
const fn is_an_error(error: &Error) -> bool {
    !matches!(error, Error::Cancelled)
}

fn record_failure(
    conn: &Connection,
    context: &Context<'_, '_>,
    (run, id): (&Run, &str),
    error: &Error,
) -> Result<()> {
    let now = context.engine.clock.now();
    let text = text_of(error);
    let is_own_file = is_in_its_file(conn, id)?;
    if !is_own_file {
        // The file was replaced during the run, by another database of skills.
        ensure_sync_tables(conn)?;
        oversize::mend(conn)?;
        start::interrupt_dead(context, conn)?;
        history::start_as(conn, id, context.started_at)?;
    } else if run.index_is_known
        && !matches!(error, Error::DatabaseReplaced(_))
        && let Ok(signature @ Some(_)) = fts::signature(conn)
    {
        state::set(conn, state::key::INDEX, &signature)?;
    }
    state::remove(conn, state::key::CURRENT_RUN)?;
    let interval_ms = config::load(conn)?.interval_ms;
    backoff::note(conn, error, run.tally.processed() > 0, interval_ms, now)?;
    reserved::note(conn, context.listing(), Some(error), now)?;
    if is_an_error(error) {
        config::record_error(conn, text.as_deref())?;
    }
    if is_own_file {
        run.requests.record(conn, now)?;
    } else {
        requests::add(conn, now, run.requests.used())?;
    }
    // A file put there since does not contain what the run wrote.
    let (status, counts) = if is_own_file {
        (run.status(Some(error)), run.tally.run_result())
    } else {
        (SyncStatus::Failed, SyncRunResult::default())
    };
    let ended = (now, Some(context.took()));
    history::finish(conn, id, ended, status, Some(counts), text.as_deref())?;
    history::note_code(conn, id, code_of(error))
}

/// Whether the file records this run as the current one.
fn is_in_its_file(conn: &Connection, id: &str) -> Result<bool> {
    let under_way: Option<String> = state::get(conn, state::key::CURRENT_RUN)?;
    Ok(under_way.as_deref() == Some(id))
}

fn message_of(errors: &[String]) -> Option<String> {
    (!errors.is_empty()).then(|| errors.join("; ").chars().take(MAX_MESSAGE).collect())
}
