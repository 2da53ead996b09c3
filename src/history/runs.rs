//! The entry of a run, inside the caller's transaction: created, ended, marked as interrupted.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, named_params, params};

use super::{SyncRunResult, SyncStatus, TABLE, ends, removed};
use crate::clock::{from_iso, to_iso};
use crate::database::{LockWait, ensure_written, has_table, transaction};
use crate::random;
use crate::statements::Statements;
use crate::stored::{optional_text, text};
use crate::{CancelToken, Error, Result};

/// The error of an entry whose process died before the end of the run.
pub(super) const INTERRUPTED: &str = "interrupted";

/// Creates an entry of a run that starts at `now`; inside the caller's transaction.
pub(crate) fn start(conn: &dyn Statements, now: DateTime<Utc>) -> Result<String> {
    // A taken id is rare, so a few attempts suffice; a trigger may reject every entry.
    for _ in 0..20 {
        let id = run_id(now);
        if start_as(conn, &id, now)? {
            return Ok(id);
        }
    }
    Err(Error::Database(rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CONSTRAINT),
        Some("sync_history accepts no entry; check its triggers".into()),
    )))
}

/// Creates the entry with this `id` unless it exists. Returns whether it was created.
pub(crate) fn start_as(conn: &dyn Statements, id: &str, started_at: DateTime<Utc>) -> Result<bool> {
    let made = conn.execute(
        // Not every file has the UNIQUE that would tell.
        "INSERT INTO sync_history (id, started_at, status)
         SELECT ?1, ?2, 'running' WHERE NOT EXISTS (SELECT 1 FROM sync_history WHERE id = ?1)",
        params![id, to_iso(started_at)],
    )?;
    Ok(made == 1 && status_of(conn, id)?.is_some())
}

/// Notes in the entry of a run that has begun why it will fail, should it not be able to say so itself: on a full disk, the
/// entry may be the last thing that there is room for. The run's end replaces it.
pub(crate) fn foresee(conn: &dyn Statements, id: &str, error: &str) -> Result<()> {
    let sql = "UPDATE sync_history SET error_message = ?2 WHERE id = ?1";
    conn.execute(sql, params![id, error])?;
    Ok(())
}

/// The status of an entry, as it stands.
fn status_of(conn: &dyn Statements, id: &str) -> Result<Option<String>> {
    let sql = "SELECT status FROM sync_history WHERE id = ?1";
    conn.first(sql, params![id], |row| text(row, "status"))
}

/// The engine keeps this many entries: a sync a minute for most of a day, or a daily one for years.
pub(crate) const MOST_ENTRIES: u32 = 1_000;

/// Deletes the oldest entries beyond [`MOST_ENTRIES`], if nobody else is writing. Nothing of a sync depends on it, so
/// that whoever keeps the entries by a trigger of his own may; a transaction of its own, which that trigger may end.
pub(crate) fn trim(conn: &Connection) {
    let too_many = conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM sync_history LIMIT 1 OFFSET ?1)")
        .and_then(|mut found| found.query_row([MOST_ENTRIES], |row| row.get(0)));
    if !matches!(too_many, Ok(true)) {
        return;
    }
    let lock_wait = LockWait {
        budget: Duration::ZERO,
        cancel: &CancelToken::new(),
        claim: None,
    };
    _ = transaction::write(conn, lock_wait, |conn| {
        conn.execute(
            "DELETE FROM sync_history WHERE status <> 'running' AND rowid IN
             (SELECT rowid FROM sync_history ORDER BY started_at DESC, rowid DESC LIMIT -1 OFFSET ?1)",
            [MOST_ENTRIES],
        )?;
        Ok(())
    });
}

/// Whether there is any entry.
pub(crate) fn has_entries(conn: &dyn Statements) -> Result<bool> {
    if !has_table(conn, TABLE)? {
        return Ok(false);
    }
    conn.exists(
        "SELECT EXISTS (SELECT 1 FROM sync_history) AS found",
        params![],
    )
}

/// The id of the entry that was created last, whoever created it.
pub(crate) fn newest(conn: &dyn Statements) -> Result<Option<String>> {
    if !has_table(conn, TABLE)? {
        return Ok(None);
    }
    let sql = "SELECT CAST(id AS TEXT) AS id FROM sync_history ORDER BY rowid DESC LIMIT 1";
    let id = conn.first(sql, params![], |row| optional_text(row, "id"))?;
    Ok(id.flatten())
}

/// An id for a run that starts at `now`.
pub(crate) fn run_id(now: DateTime<Utc>) -> String {
    const DIGITS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut rng = random::rng();
    let random: String = (0..6)
        .map(|_| char::from(*rng.choice(DIGITS).unwrap_or(&b'0')))
        .collect();
    format!("sync-{}-{random}", now.format("%Y%m%d%H%M%S"))
}

/// Ends an entry; inside the caller's transaction. `took` is how long the run took by a clock that does
/// not jump, if that is known.
pub(crate) fn finish(
    conn: &dyn Statements,
    id: &str,
    (now, took): (DateTime<Utc>, Option<Duration>),
    status: SyncStatus,
    result: Option<SyncRunResult>,
    error: Option<&str>,
) -> Result<()> {
    let sql = "SELECT started_at FROM sync_history WHERE id = ?1";
    let started = conn.first(sql, params![id], |row| text(row, "started_at"))?;
    let started = started.ok_or_else(|| Error::RunNotFound(id.to_owned()))?;
    let written = conn.execute(
        "UPDATE sync_history
         SET completed_at = :completed_at, status = :status,
             -- NULL keeps the stored value.
             skills_added = coalesce(:added, skills_added),
             skills_updated = coalesce(:updated, skills_updated),
             skills_unchanged = coalesce(:unchanged, skills_unchanged),
             error_message = :error, duration_ms = :duration_ms
         WHERE id = :id",
        named_params! {
            ":id": id,
            ":completed_at": to_iso(now),
            ":status": status.as_str(),
            ":added": result.map(|result| count(result.skills_added)),
            ":updated": result.map(|result| count(result.skills_updated)),
            ":unchanged": result.map(|result| count(result.skills_unchanged)),
            ":error": error,
            ":duration_ms": took.map_or_else(
                || duration_ms(&started, now),
                |took| i64::try_from(took.as_millis()).unwrap_or(i64::MAX),
            ),
        },
    )?;
    // A trigger may leave the change out, or take it back.
    ensure_written(written == 1 && status_of(conn, id)?.as_deref() == Some(status.as_str()))?;
    match result.map(|result| result.skills_removed) {
        Some(count @ 1..) => removed::note(conn, id, count),
        _ => Ok(()),
    }
}

/// Marks the running entry with this `id` as failed.
pub(crate) fn interrupt(conn: &dyn Statements, id: &str, now: DateTime<Utc>) -> Result<()> {
    interrupt_if(conn, now, |entry, _| entry == id)
}

/// Marks the running entries of dead runs as failed: the one of ours, and those of other engines that started longer
/// ago than a run may take. Such an engine has no lock that would tell whether it lives.
pub(crate) fn interrupt_dead(
    conn: &dyn Statements,
    own: Option<&str>,
    now: DateTime<Utc>,
    longest: Duration,
) -> Result<()> {
    interrupt_if(conn, now, |entry, started| {
        own == Some(entry) || !is_recent(started, now, longest)
    })
}

/// Whether a run that started then may still be running. One in the future was written under a wrong clock, then or now.
pub(crate) fn is_recent(started_at: &str, now: DateTime<Utc>, longest: Duration) -> bool {
    from_iso(started_at).is_some_and(|started| {
        let age = now.signed_duration_since(started).abs();
        age.to_std().is_ok_and(|age| age < longest)
    })
}

/// `is_dead` gets the id of an entry, and when it started. A run whose end is kept elsewhere is over in any case.
fn interrupt_if(
    conn: &dyn Statements,
    now: DateTime<Utc>,
    is_dead: impl Fn(&str, &str) -> bool,
) -> Result<()> {
    // By rowid: another program's id may have any type.
    let running: Vec<(i64, String, String)> = conn.all(
        "SELECT rowid AS number, id, started_at FROM sync_history WHERE status = 'running'",
        params![],
        |row| {
            Ok((
                row.value("number")?.as_i64().unwrap_or_default(),
                text(row, "id")?,
                text(row, "started_at")?,
            ))
        },
    )?;
    let ends = ends::load(conn)?;
    let mut told = Vec::new();
    for (number, id, started) in running {
        let end = ends.get(&id);
        if end.is_none() && !is_dead(&id, &started) {
            continue;
        }
        let (at, error) = end.map_or_else(
            || (to_iso(now), None),
            |end| (end.at.clone(), Some(end.error.as_str())),
        );
        let took = from_iso(&at).map_or(0, |at| duration_ms(&started, at));
        conn.execute(
            "UPDATE sync_history
             SET status = 'failed', completed_at = ?2, duration_ms = ?4,
                 error_message = coalesce(?3, nullif(error_message, ''), ?5)
             WHERE rowid = ?1",
            params![number, at, error, took, INTERRUPTED],
        )?;
        if end.is_some() {
            told.push(id);
        }
    }
    if told.is_empty() {
        return Ok(());
    }
    // A trigger may have left the change out again.
    told.retain(|id| status_of(conn, id).is_ok_and(|status| status.as_deref() != Some("running")));
    ends::forget(conn, &told)
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The time since `started`, never negative: clocks can jump.
fn duration_ms(started: &str, now: DateTime<Utc>) -> i64 {
    from_iso(started).map_or(0, |started| {
        now.signed_duration_since(started).num_milliseconds().max(0)
    })
}
