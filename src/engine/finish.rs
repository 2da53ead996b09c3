//! How a run ends: what its listing is worth, what it has taught, and the record that is left.

use std::time::Duration;

use rusqlite::Connection;

use super::apply::Applier;
use super::backoff;
use super::cursor::Cursor;
use super::gap::Gap;
use super::plan::{Pass, Plan};
use super::profile::{Doubt, Endpoint, RegistryProfile, Totals};

use super::run::{Context, RECORD_BUDGET, Run};
use super::start::StartingState;
use super::tally::Tally;
use super::watermark::{Times, Watermark};
use crate::clock::{from_iso, to_iso};
use crate::database::{LockWait, ensure_sync_tables, state, write};
use crate::history::{self, SyncRunResult, SyncStatus};
use crate::skills::{fts, table};
use crate::{CancelToken, Error, Result, config, requests};

/// Whoever cancels waits for us, and the rows are written already.
const CANCELLED_RECORD_BUDGET: Duration = Duration::from_millis(100);

/// The run has had its time.
const LATE_RECORD_BUDGET: Duration = Duration::from_secs(1);

/// An error message in the history is for a person to read.
const MAX_MESSAGE: usize = 1_000;

/// Gaps that are named; the rest is a number.
const GAPS_NAMED: usize = 20;

/// A listing that was read to its end.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that have nothing to do with each other"
)]
pub(super) struct CompletedListing {
    cursor: Cursor,
    profile: Option<RegistryProfile>,
    /// From the first row to the last, by this run.
    pub(super) is_whole: bool,
    /// Nothing is known to be missing, or in doubt.
    pub(super) is_complete: bool,
    /// Its end is where the next listing of the sync endpoint can go on from.
    moves_watermark: bool,
    /// Every row that came stands here with all that the table can hold of it.
    is_filled: bool,
    /// What could not be read, in words.
    pub(super) gaps: Vec<String>,
}

impl CompletedListing {
    /// Judges a listing, and warns of what may be missing.
    ///
    /// `has_changed`: the table can hold something else now than when the run began.
    pub(super) fn new(
        found: StartingState,
        cursor: Cursor,
        has_changed: bool,
        tally: &mut Tally,
    ) -> Self {
        let mut doubts = doubts_of(&cursor);
        let before = found.profile.as_ref().map(|known| known.plan);
        if before.is_some_and(|before| before.reaches_more_than(cursor.plan)) {
            doubts.push(
                "The registry refuses the listing that it allowed before; skills may be missing. The next sync asks for it again."
                    .to_owned(),
            );
        }
        if has_changed {
            doubts.push(
                "Another program changed the table of skills during the sync; the next sync fills it."
                    .to_owned(),
            );
        }
        let is_certain = !tally.has_left() && doubts.is_empty();
        let is_complete = is_certain && cursor.gaps.is_empty() && cursor.more_gaps == 0;
        // A later listing of the sync endpoint asks for these gaps, and for no other of its rows.
        let has_known_gaps = cursor.plan == Plan::Sync
            && cursor.more_gaps == 0
            && cursor.gaps.iter().all(Gap::can_be_found);
        let is_known = is_complete || (is_certain && has_known_gaps);
        for doubt in doubts.into_iter().rev() {
            tally.warn_first(doubt);
        }
        let mut gaps: Vec<String> = cursor
            .gaps
            .iter()
            .take(GAPS_NAMED)
            .map(Gap::to_string)
            .collect();
        let unnamed =
            (cursor.gaps.len().saturating_sub(gaps.len()) as u64).saturating_add(cursor.more_gaps);
        if unnamed > 0 {
            gaps.push(format!("and {unnamed} more gaps in the listing"));
        }
        Self {
            is_whole: !cursor.is_resumed && found.since.is_none() && cursor.since.is_none(),
            moves_watermark: is_known && !tally.has_refused() && found.since.is_none(),
            profile: found.profile,
            is_filled: is_known && !tally.has_refused(),
            is_complete,
            gaps,
            cursor,
        }
    }

    /// What it has taught about its registry.
    fn profile(&self, context: &Context<'_, '_>, applier: &Applier<'_>) -> Result<RegistryProfile> {
        let cursor = &self.cursor;
        let findings = &cursor.findings;
        let before = self.profile.as_ref();
        let began = from_iso(&cursor.started_at).unwrap_or(context.started_at);
        // The better plans were not tried: they wait for the day since they were refused to be over.
        let chosen_at = match before {
            // A better plan worked before: that it was refused may pass, and is asked again at once.
            Some(known) if known.plan.reaches_more_than(cursor.plan) => String::new(),
            Some(known)
                if known.plan == cursor.plan
                    && !context.options.force
                    && known.plan_at(began) == Some(cursor.plan) =>
            {
                known.chosen_at.clone()
            }
            _ => cursor.started_at.clone(),
        };
        let totals = match before.map(|known| known.totals).unwrap_or_default() {
            _ if findings.untrue_totals => Totals::Untrue,
            // One listing that agrees does not make them true again.
            Totals::Untrue if findings.true_totals => Totals::Unknown,
            _ if findings.true_totals => Totals::Confirmed,
            known => known,
        };
        let doubts = findings.doubts.iter().filter_map(|finding| {
            Some(Doubt {
                pass: finding.pass.clone(),
                total: finding.total?,
                rows: finding.rows,
                order: finding.order,
            })
        });
        let layout = applier.layout();
        let is_first = before.is_none_or(|known| known.table != layout);
        // Rows that were not reached may still lack what the table has got.
        let unfilled = if self.is_filled {
            applier.unfilled(is_first)?
        } else {
            None
        };
        let (table, unfilled) = match (unfilled, before) {
            (Some(unfilled), _) => (layout.to_owned(), unfilled),
            (None, Some(known)) => (known.table.clone(), known.unfilled.clone()),
            (None, None) => (String::new(), Vec::new()),
        };
        Ok(RegistryProfile {
            plan: cursor.plan,
            chosen_at,
            table,
            unfilled,
            totals,
            doubts: doubts.chain(findings.explained.iter().cloned()).collect(),
            // The plain listing shows whether there still are some.
            untiered: findings.untiered || (!cursor.lists_everything() && findings.untiered_before),
            twice: applier.twice.ids(),
            endpoint: self.endpoint(context),
        })
    }

    /// What it has taught about the sync endpoint.
    fn endpoint(&self, context: &Context<'_, '_>) -> Endpoint {
        let cursor = &self.cursor;
        let known = self.profile.as_ref().map(|known| known.endpoint.clone());
        let known = known.unwrap_or_default();
        let now = context.engine.clock.now();
        if cursor.plan != Plan::Sync {
            // Rows that another listing brings do no harm to a watermark.
            return if cursor.misses_endpoint {
                Endpoint {
                    has_worked: false,
                    missing_at: Some(to_iso(now)),
                    watermark: known.watermark,
                }
            } else {
                known
            };
        }
        let old = known.watermark;
        let watermark = if cursor.lost_gap && cursor.since.is_some() {
            // The next listing is a whole one.
            None
        } else if self.moves_watermark {
            let asked = old.as_ref();
            let asked = asked.filter(|old| Some(&old.since) == cursor.since.as_ref());
            let times = Times {
                began: from_iso(&cursor.started_at).unwrap_or(context.started_at),
                ended: now,
            };
            let is_lost = cursor.since.is_some() && asked.is_none();
            let new = || Watermark::after(asked, &cursor.horizon, times);
            if is_lost { None } else { new() }
        } else if cursor.since.is_some() {
            old
        } else {
            None
        };
        Endpoint {
            has_worked: true,
            missing_at: None,
            watermark,
        }
    }
}

/// Why a listing may not have shown everything.
fn doubts_of(cursor: &Cursor) -> Vec<String> {
    let findings = &cursor.findings;
    let mut doubts = Vec::new();
    if cursor.plan == Plan::Words {
        doubts.push("The registry can only be searched, not listed; skills without a common word are missing.".to_owned());
    }
    let has_untiered = findings.untiered || findings.untiered_before || findings.untiered_unknown;
    if cursor.plan == Plan::Tiers && has_untiered {
        doubts.push("The registry can only be listed by trust tier; skills without one, or with one that is not known, may be missing.".to_owned());
    }
    if findings.doubts.iter().any(|doubt| doubt.moved) {
        doubts.push(
            "The registry's rows kept moving while they were read; the next sync reads them again."
                .to_owned(),
        );
    }
    for doubt in &findings.doubts {
        if let Some(total) = doubt.total {
            doubts.push(format!(
                "The registry says that {} has {total} skills, and served {}; skills may be missing.",
                doubt.pass.in_words(),
                doubt.rows
            ));
        }
    }
    doubts.extend(findings.limited.iter().map(|pass: &Pass| {
        format!(
            "The registry refuses to serve {} to its end; skills may be missing.",
            pass.in_words()
        )
    }));
    doubts
}

/// An empty listing over rows of this registry is no news: something is wrong over there.
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
    // A database that other registries filled may well get nothing from this one.
    if found.profile.is_none() && state::has_profiles(conn)? {
        return Ok(());
    }
    applier.lose_cursor();
    if !context.options.dry_run {
        write(conn, context.lock_wait(), |conn| {
            state::remove(conn, state::key::CURSOR)
        })?;
    }
    Err(Error::Protocol(
        "its listing is empty, though this database has skills of it. Nothing was changed".into(),
    ))
}

/// The record of a run whose listing was read to its end.
pub(super) fn success(
    context: &Context<'_, '_>,
    conn: &Connection,
    applier: &Applier<'_>,
    listing: &CompletedListing,
    (id, requests_used): (&str, u64),
) -> Result<()> {
    let now = context.engine.clock.now();
    let lock_wait = LockWait {
        budget: RECORD_BUDGET,
        cancel: &CancelToken::new(),
    };
    let tally = &applier.tally;
    let cursor = &listing.cursor;
    let errors: Vec<String> = listing.gaps.iter().cloned().chain(tally.errors()).collect();
    let profile = listing.profile(context, applier)?;
    write(conn, lock_wait, |conn| {
        state::remove(conn, state::key::CURSOR)?;
        state::remove(conn, state::key::CURRENT_RUN)?;
        state::remove_superseded(conn)?;
        state::set(conn, state::key::LISTED, &to_iso(now))?;
        state::set(conn, &state::key::plan(&cursor.registry), &profile)?;
        let gaps = state::key::gaps(&cursor.registry);
        if cursor.gaps.is_empty() {
            state::remove(conn, &gaps)?;
        } else {
            state::set(conn, &gaps, &cursor.gaps)?;
        }
        backoff::clear(conn)?;
        requests::add(conn, now, requests_used)?;
        applier.keep_index_sign(conn)?;
        let changed = i64::try_from(tally.changed()).unwrap_or(i64::MAX);
        config::record_last_sync(conn, &cursor.started_at, changed)?;
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
            now,
            status,
            Some(tally.run_result()),
            message.as_deref(),
        )
    })
}

/// The run ended early or did not begin. Best effort: where even this cannot
/// be written, the entry is marked as interrupted by whoever looks next.
pub(super) fn failure(context: &Context<'_, '_>, run: &Run, error: &Error) {
    let Some(id) = &run.id else { return };
    let now = context.engine.clock.now();
    let lock_wait = LockWait {
        budget: if matches!(error, Error::Cancelled) {
            CANCELLED_RECORD_BUDGET
        } else if context.is_over() {
            LATE_RECORD_BUDGET
        } else {
            RECORD_BUDGET
        },
        cancel: &CancelToken::new(),
    };
    // A host's own registry can say as much as it likes.
    let text = match error {
        Error::BudgetUsed { .. } => None,
        error => message_of(&[error.to_string()]).or_else(|| Some(String::new())),
    };
    let requests_used = run.requests.used();
    let progressed = run.tally.processed() > 0;
    let write_record = |conn: &Connection| {
        let is_own_file = is_in_its_file(conn, id)?;
        if !is_own_file {
            // Another one than the run has worked on, though a database of skills, too.
            ensure_sync_tables(conn)?;
            history::interrupt(conn, None, context.started_at)?;
            history::start_as(conn, id, context.started_at)?;
        } else if run.index_is_known
            && !matches!(error, Error::DatabaseReplaced(_))
            && let Ok(sign @ Some(_)) = fts::signature(conn)
        {
            state::set(conn, state::key::INDEX, &sign)?;
        }
        state::remove(conn, state::key::CURRENT_RUN)?;
        let interval_ms = config::load(conn)?.interval_ms;
        backoff::note(conn, error, progressed, interval_ms, now)?;
        config::record_error(conn, text.as_deref())?;
        requests::add(conn, now, requests_used)?;
        // What was written is not in a file that was put there since.
        let (status, counts) = if is_own_file {
            (run.status(Some(error)), run.tally.run_result())
        } else {
            (SyncStatus::Failed, SyncRunResult::default())
        };
        history::finish(conn, id, now, status, Some(counts), text.as_deref())
    };
    _ = context
        .engine
        .database
        .connect_again()
        .and_then(|conn| write(&conn, lock_wait, write_record));
}

/// Whether the run under way is that of this entry, by the file's own word.
fn is_in_its_file(conn: &Connection, id: &str) -> Result<bool> {
    let under_way: Option<String> = state::get(conn, state::key::CURRENT_RUN)?;
    Ok(under_way.as_deref() == Some(id))
}

fn message_of(errors: &[String]) -> Option<String> {
    (!errors.is_empty()).then(|| errors.join("; ").chars().take(MAX_MESSAGE).collect())
}
