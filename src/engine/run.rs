//! One run, from its start to its result.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rusqlite::Connection;

use super::apply::{Applier, Rules, Tools, Twice};
use super::checkpoint::Checkpointer;
use super::completed::CompletedListing;
use super::context::{Context, EngineParts, Run};
use super::counter::Counter;
use super::cursor::Cursor;
use super::fetch::{Event, Fetch};
use super::finish;
use super::listing::Step;
use super::options::SyncOptions;
use super::progress::Progress;
use super::result::SyncResult;
use super::start::{self, StartingState};
use super::stored_page::{self, Scope, StoredPages};
use super::tally::Tally;
use super::trace;
use crate::database::{self, Claim, Room, transaction};
use crate::error::TIME;
use crate::log::LogLevel;
use crate::memory::{self, guarded};
use crate::skills::{Fingerprints, Table, fts, indexes};
use crate::{CancelToken, Error, Result};

/// The caller waits for a cancelled run to end. An index without triggers that takes longer is left
/// to the next run.
const CANCELLED_INDEX_BUDGET: Duration = Duration::from_millis(100);

/// What a dry run cannot know.
const UNKNOWN_TRIGGERS: &str = "A dry run writes nothing, so what the triggers of other programs in this database refuse or change is \
     not told: these run when a row is written.";

/// Runs to the end even if a callback or registry panics, so that the lock is released and the
/// history entry is closed.
///
/// A host's thread may have a stack of 32 KiB. So what is large is in boxes, made by functions that have returned when SQLite is
/// called, and the parts of a run are not inlined into each other: their frames would add up.
#[inline(never)]
pub(super) fn execute(
    engine: &EngineParts,
    mut options: SyncOptions<'_>,
    begun: Duration,
    (claim, room): (Option<Claim>, Option<Room>),
) -> SyncResult {
    let mut progress = Progress::new(options.on_progress.take());
    let context = Context {
        engine,
        options,
        begun,
        started_at: engine.clock.now(),
        log: engine.registry.log(),
        claim,
        room,
    };
    trace::begin(&context.log, engine);
    let mut run = Run::default();
    let outcome = guarded(|| run.read_and_write(&context, &mut progress))
        .map_err(|error| explain(&context, error));
    if let Err(Error::DatabaseReplaced(_)) = &outcome {
        run.tally = Tally::default();
    }
    if let Err(error) = &outcome {
        finish::failure(&context, &run, error);
    }
    let result = run.into_result(&context, outcome.err().as_ref());
    trace::end(&context.log, &result);
    result
}

/// Adds to an error what only the run knows: that another machine has taken over, a host's reason for
/// cancelling, the deadline, lack of memory, or a damaged database.
fn explain(context: &Context<'_, '_>, error: Error) -> Error {
    if let Some(taken_over) = context.taken_over() {
        return taken_over;
    }
    // The full-text index and whatever else runs statements of its own gives no better code for one that was interrupted.
    let error = if context.options.cancel.is_cancelled() && is_general(&error) {
        Error::Cancelled
    } else {
        error
    };
    match (error, context.options.cancel.reason()) {
        (Error::Cancelled, Some(reason)) => Error::Host(reason),
        // A statement that took too long was interrupted, or a lock was not acquired in time.
        (Error::Cancelled | Error::DatabaseBusy, None)
            if !context.options.cancel.is_cancelled() && context.is_over() =>
        {
            Error::RunDeadline(context.options.deadline)
        }
        (error @ (Error::Cancelled | Error::Host(_) | Error::TokenProvider(_)), _) => error,
        // Lack of memory is the cause of any other failure.
        _ if memory::check().is_err() => Error::OutOfMemory,
        (error, _) => context.engine.database.name_damage(error),
    }
}

/// Whether SQLite says no more than that something is wrong.
fn is_general(error: &Error) -> bool {
    matches!(error, Error::Database(rusqlite::Error::SqliteFailure(code, _))
        if code.extended_code == rusqlite::ffi::SQLITE_ERROR)
}

impl Run {
    #[inline(never)]
    fn read_and_write(
        &mut self,
        context: &Context<'_, '_>,
        progress: &mut Progress<'_>,
    ) -> Result<()> {
        let database = &context.engine.database;
        let conn = database.connect_for(&context.options.cancel)?;
        self.read_and_write_on(&conn, context, progress)
            .map_err(|error| database::with_cause(&conn, error))
    }

    fn read_and_write_on(
        &mut self,
        conn: &Connection,
        context: &Context<'_, '_>,
        progress: &mut Progress<'_>,
    ) -> Result<()> {
        let options = &context.options;
        let _guard = database::limited(conn, context.limit(context.left()));
        tune(conn)?;
        database::ensure_columns(conn)?;
        start::mend(context, conn)?;
        let table = Table::read(conn)?;
        let mut found = start::find(context, conn, &table)?;
        if let Some(error) = nothing_to_send(context) {
            self.id = start::open_record(context, conn)?;
            return Err(error);
        }
        self.requests = Counter::of_run(conn, options, context.started_at)?;
        progress.connecting(&self.tally);
        if options.force && !options.dry_run {
            // It trusts nothing that it can check; and rows are looked up by them.
            let _guard = database::interruptible(conn, &options.cancel, context.ends_at());
            indexes::repair(conn, context.lock_wait())?;
        }
        let (fetch, fingerprints, pages) = self.start_fetch(context, (conn, &table), &found)?;
        self.id = start::open_record(context, conn)?;
        if found.index_suspect && !options.dry_run {
            let _guard = database::interruptible(conn, &options.cancel, context.ends_at());
            transaction::write(conn, context.lock_wait(), fts::repair)?;
        }
        self.index_is_known = true;
        let since = found.asked_since();
        // Its connection is opened here, below no frame but that of this function.
        let parts = (self.requests.clone(), checkpointer(context, conn)?);
        let mut applier = applier(context, (conn, &table), parts, &found, fingerprints)?;
        applier.set_pages(pages, scope_of(context, &found, &table));
        if found.is_of_new_layout(&table)
            && let Some(lacks) = table.lacks()
        {
            applier.tally.warn_first(in_a_sentence(&lacks));
        }
        if options.dry_run && table.has.foreign_writes {
            applier.tally.warn_first(UNKNOWN_TRIGGERS.into());
        }
        let outcome = guarded(|| {
            let cursor = take_in(context, &fetch, &mut applier, progress, since)?;
            self.end_listing(context, conn, &mut applier, &mut found, cursor)
        });
        if let Err(error) = &outcome {
            keep_what_was_read(context, &mut applier, error);
        }
        self.tally = std::mem::take(&mut applier.tally);
        drop(applier);
        if !options.dry_run && context.taken_over().is_none() {
            // So that little of ours remains in a log beside the file.
            database::checkpoint_at_end(conn);
        }
        if outcome.is_ok() {
            progress.complete(&self.tally);
        }
        self.unless_replaced(context, conn, outcome)
    }

    /// Starts the fetch thread and reads the fingerprints of all rows, so that damage is found before
    /// anything is written. The thread waits for them only if there are stored pages to compare with
    /// them. A listing of changes has few rows, whose fingerprints are read as they come.
    #[inline(never)]
    fn start_fetch(
        &self,
        context: &Context<'_, '_>,
        (conn, table): (&Connection, &Table),
        found: &StartingState,
    ) -> Result<(Fetch, Fingerprints, Arc<StoredPages>)> {
        let (engine, options) = (context.engine, &context.options);
        let start = |pages| {
            Fetch::start(
                Arc::clone(&engine.registry),
                Arc::clone(&engine.clock),
                found.listing(options.page_size, pages),
                self.requests.clone(),
                context.begun.saturating_add(options.deadline),
            )
        };
        if found.cursor.since.is_some() {
            return Ok((
                start(Arc::default())?,
                Fingerprints::on_demand(),
                Arc::default(),
            ));
        }
        let stored = start::stored_pages(context, conn, table, found)?;
        if stored.is_empty() {
            let fetch = start(Arc::default())?;
            return Ok((fetch, Fingerprints::load(conn, table)?, Arc::default()));
        }
        let fingerprints = Fingerprints::load(conn, table)?;
        let pages = Arc::new(stored_page::standing(stored, &fingerprints));
        Ok((start(Arc::clone(&pages))?, fingerprints, pages))
    }

    /// Returns the outcome of the run, unless the database file was replaced meanwhile.
    #[inline(never)]
    fn unless_replaced(
        &mut self,
        context: &Context<'_, '_>,
        conn: &Connection,
        outcome: Result<()>,
    ) -> Result<()> {
        let database = &context.engine.database;
        let Some(path) = database.path() else {
            return outcome;
        };
        let Err(replaced) = database::check_in_place(conn, path) else {
            return outcome.map_err(|error| Self::of_other_objects(context, conn, error));
        };
        database.leave(conn);
        // The counts do not describe the file that is at the path now.
        self.tally = Tally::default();
        match outcome {
            Err(error @ (Error::Cancelled | Error::Host(_))) => Err(error),
            _ => Err(replaced),
        }
    }

    /// The error, or that a table has become something else since it was looked at, which is then the cause.
    fn of_other_objects(context: &Context<'_, '_>, conn: &Connection, error: Error) -> Error {
        match database::look_again(conn) {
            Err(changed @ Error::NotSkillsmith { .. })
                if !context.options.cancel.is_cancelled() =>
            {
                changed
            }
            _ => error,
        }
    }

    /// At the end of the listing, settles what is left and writes the run record.
    #[inline(never)]
    fn end_listing(
        &mut self,
        context: &Context<'_, '_>,
        conn: &Connection,
        applier: &mut Applier<'_>,
        found: &mut StartingState,
        cursor: Box<Cursor>,
    ) -> Result<()> {
        finish::refuse_empty_listing(context, conn, applier, found, &cursor)?;
        applier.take_held()?;
        applier.flush()?;
        applier.recount()?;
        for id in &cursor.findings.held {
            applier.leave_unknown(id);
        }
        let has_changed = Table::read(conn)?.layout_key() != applier.layout();
        let listing = CompletedListing::new(found, cursor, has_changed, &mut applier.tally);
        self.gaps.clone_from(&listing.gaps);
        applier.settle_urls(listing.is_whole && listing.is_complete)?;
        applier.settle_withdrawn(&listing, &context.options)?;
        applier.settle_index(
            &context.options.cancel,
            context.ends_at(),
            context.options.force,
        )?;
        applier.recount()?;
        if let Some(id) = &self.id {
            finish::success(context, conn, applier, &listing, (id, &self.requests))?;
        }
        self.is_complete = listing.is_complete;
        Ok(())
    }
}

fn in_a_sentence(words: &str) -> String {
    let mut chars = words.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).chain(['.']).collect()
}

/// Why the run ends before anything is sent, if it does.
fn nothing_to_send(context: &Context<'_, '_>) -> Option<Error> {
    if context.engine.registry.is_offline() {
        return Some(Error::Offline);
    }
    let is_cancelled = context.options.cancel.is_cancelled();
    is_cancelled.then_some(Error::Cancelled)
}

/// How the rows of a run are compared.
fn rules_of(options: &SyncOptions<'_>, found: &StartingState) -> Rules {
    Rules {
        mode: found.cursor.mode,
        since: found.since,
        dry_run: options.dry_run,
        is_resumed: found.cursor.is_resumed,
    }
}

/// Where pages are stored, if they are: not if nothing is, and not if old rows are passed over.
fn scope_of(context: &Context<'_, '_>, found: &StartingState, table: &Table) -> Option<Scope> {
    let is_kept = !context.options.dry_run && found.since.is_none();
    is_kept.then(|| Scope::of(&found.cursor.registry, &table.layout_key()))
}

/// What keeps the log short, if the run writes any.
#[inline(never)]
fn checkpointer(context: &Context<'_, '_>, conn: &Connection) -> Result<Option<Checkpointer>> {
    let is_needed = !context.options.dry_run;
    is_needed
        .then(|| Checkpointer::start(&context.engine.database, conn))
        .transpose()
}

/// Creates the applier of a run.
#[inline(never)]
fn applier<'c>(
    context: &'c Context<'_, '_>,
    (conn, table): (&'c Connection, &'c Table),
    (requests, checkpointer): (Counter, Option<Checkpointer>),
    found: &StartingState,
    fingerprints: Fingerprints,
) -> Result<Box<Applier<'c>>> {
    let rules = rules_of(&context.options, found);
    let tools = Tools {
        conn,
        table,
        registry: context.engine.registry.name(),
        clock: &*context.engine.clock,
        cancel: &context.options.cancel,
        log: &context.log,
        claim: context.claim.as_ref(),
        ends_at: context.begun.saturating_add(context.options.deadline),
        requests,
        checkpointer,
    };
    let tally = Tally::going_on(&found.cursor.findings);
    let twice = Twice::new(found.twice());
    let unfilled = found.unfilled();
    Applier::new(tools, fingerprints, rules, twice, unfilled, tally).map(Box::new)
}

/// After an error, writes what was read, with the cursor. A second error here is not reported: the
/// first one is what matters to the user.
#[inline(never)]
fn keep_what_was_read(context: &Context<'_, '_>, applier: &mut Applier<'_>, error: &Error) {
    applier.hurry();
    let kept = applier.flush();
    // Rows already written must be indexed, but a lock that blocked the rows blocks the index too.
    if matches!(kept, Err(Error::DatabaseBusy)) {
        return;
    }
    let deadline = match error {
        Error::Cancelled => Instant::now().checked_add(CANCELLED_INDEX_BUDGET),
        _ => context.ends_at(),
    };
    _ = applier.settle_index(&CancelToken::new(), deadline, false);
    _ = applier.recount();
}

/// Applies page after page until the listing ends. Returns the final cursor.
#[inline(never)]
fn take_in(
    context: &Context<'_, '_>,
    fetch: &Fetch,
    applier: &mut Applier<'_>,
    progress: &mut Progress<'_>,
    since: Option<DateTime<Utc>>,
) -> Result<Box<Cursor>> {
    loop {
        let Some(event) = fetch.next(&context.options.cancel, context.options.deadline)? else {
            flush(applier, progress)?;
            applier.keep_requests(None)?;
            continue;
        };
        match event {
            Event::Connected => {
                let message = match since {
                    Some(since) => format!("Fetching changes since {}", since.format(TIME)),
                    None => "Fetching all skills".into(),
                };
                context.log.sync(LogLevel::Info, || message.clone());
                progress.connected(&applier.tally, &message);
            }
            Event::Waiting(wait) => {
                context.log.sync(LogLevel::Info, || wait.reason.clone());
                progress.waiting(&applier.tally, &wait.reason);
                flush(applier, progress)?;
                applier.keep_requests(Some(wait.duration))?;
            }
            Event::Page(step) => {
                trace::page(&context.log, &step);
                take_step(context, step, applier, progress)?;
            }
            Event::End(cursor) => {
                flush(applier, progress)?;
                return Ok(cursor);
            }
        }
    }
}

/// Takes in the rows of a page, and writes what is full or due.
#[inline(never)]
fn take_step(
    context: &Context<'_, '_>,
    step: Box<Step>,
    applier: &mut Applier<'_>,
    progress: &mut Progress<'_>,
) -> Result<()> {
    applier.look_again()?;
    if step.is_page {
        progress.page(&step.cursor, &applier.tally);
    }
    applier.begin_page(step.to_store);
    if let Some(page) = step.unchanged {
        applier.take_unchanged(&page)?;
    }
    let mut batches = 0_u32;
    for (identity, row) in step.rows {
        applier.take(identity, row)?;
        if applier.is_batch_full() {
            // On a slow disk, a page is many batches. The end of the run writes this one. Elsewhere the page is taken in
            // to its end, so that the next run goes on behind it.
            if batches > 0 && context.options.cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            applier.flush()?;
            batches = batches.saturating_add(1);
            progress.wrote(&applier.tally);
        }
    }
    applier.reached(step.cursor);
    if applier.cursor_is_due() {
        flush(applier, progress)?;
    }
    Ok(())
}

/// Writes what was read, and reports it if rows were written.
fn flush(applier: &mut Applier<'_>, progress: &mut Progress<'_>) -> Result<()> {
    let before = applier.tally.changed();
    applier.flush()?;
    if applier.tally.changed() > before {
        progress.wrote(&applier.tally);
    }
    Ok(())
}

/// A run writes all over the indexes and the full-text index. With SQLite's default cache of 2 MB,
/// a first sync of 100,000 skills takes twice as long; more than 24 MB gains little.
fn tune(conn: &Connection) -> Result<()> {
    conn.pragma_update(None, "cache_size", -24_000)?;
    Ok(())
}
