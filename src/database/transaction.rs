//! Write transactions, with a wait budget and cancellation.

use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::limits::{MOST_STEPS, ensure_in_transaction, took_all_steps};
use super::{Claim, explain, in_place, raw, schema};
use crate::{CancelToken, Error, Result};

/// SQLite's own busy wait cannot be cancelled, so it waits in slices of this length.
pub(super) const SLICE: Duration = Duration::from_millis(50);

/// How long to wait for the write lock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LockWait<'a> {
    pub(crate) budget: Duration,
    pub(crate) cancel: &'a CancelToken,
    /// What a sync must still hold to write.
    pub(crate) claim: Option<&'a Claim>,
}

impl LockWait<'_> {
    fn check_claim(&self) -> Result<()> {
        self.claim.map_or(Ok(()), Claim::check)
    }
}

/// Runs `call` in one IMMEDIATE transaction; commits if it succeeds, else rolls back.
///
/// In a file with a rollback journal, readers can block the commit itself; the whole call is
/// then repeated within the budget, so it must not have other effects.
///
/// Fails with [`Error::DatabaseReplaced`] if the file is no longer the one at its path, and with
/// [`Error::TakenOver`] if a sync of another machine has taken the lock over.
pub(crate) fn write<T>(
    conn: &Connection,
    lock_wait: LockWait<'_>,
    mut call: impl FnMut(&Connection) -> Result<T>,
) -> Result<T> {
    let budget = lock_wait.budget;
    #[cfg(feature = "test-hooks")]
    let budget = budget.min(crate::testing::longest_lock_wait());
    let lock_wait = LockWait {
        budget,
        ..lock_wait
    };
    let of_reads: i64 = conn.pragma_query_value(None, "busy_timeout", |row| row.get(0))?;
    conn.busy_timeout(SLICE.min(lock_wait.budget))?;
    let outcome = in_slices(conn, lock_wait, &mut call);
    // Restores the busy timeout for reads on this connection.
    conn.busy_timeout(Duration::from_millis(of_reads.try_into().unwrap_or(0)))?;
    outcome
        .map_err(|error| explain::with_cause(conn, error))
        .inspect_err(|error| {
            if matches!(error, Error::DatabaseReplaced(_)) {
                in_place::empty_journal(conn);
            }
        })
}

/// The same for rows, over which a trigger of the file may not end: it has so many steps, and then no lock is held for it any
/// more. The error is not [`Error::Cancelled`].
pub(crate) fn write_rows<T>(
    conn: &Connection,
    lock_wait: LockWait<'_>,
    call: impl FnMut(&Connection) -> Result<T>,
) -> Result<T> {
    write_rows_in(conn, lock_wait, MOST_STEPS, call)
}

/// The same, in so many steps.
pub(crate) fn write_rows_in<T>(
    conn: &Connection,
    lock_wait: LockWait<'_>,
    steps: u64,
    mut call: impl FnMut(&Connection) -> Result<T>,
) -> Result<T> {
    let mut is_spent = false;
    let outcome = write(conn, lock_wait, |conn| {
        let steps = raw::in_steps(conn, steps);
        let outcome = call(conn);
        is_spent = steps.is_spent();
        outcome
    });
    // What runs statements of its own, such as the full-text index, gives an error of its own then.
    match outcome {
        Err(Error::Cancelled | Error::Database(_)) if is_spent => Err(took_all_steps()),
        outcome => outcome,
    }
}

fn in_slices<T>(
    conn: &Connection,
    lock_wait: LockWait<'_>,
    call: &mut impl FnMut(&Connection) -> Result<T>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        match attempt(conn, lock_wait, call) {
            Err(Error::DatabaseBusy)
                if start.elapsed() < lock_wait.budget && !lock_wait.cancel.is_cancelled() => {}
            Err(Error::DatabaseBusy) if lock_wait.cancel.is_cancelled() => {
                return Err(Error::Cancelled);
            }
            outcome => return outcome,
        }
    }
}

fn attempt<T>(
    conn: &Connection,
    lock_wait: LockWait<'_>,
    call: &mut impl FnMut(&Connection) -> Result<T>,
) -> Result<T> {
    // Before it too: what does not fit into memory is written to the file before the commit.
    lock_wait.check_claim()?;
    let transaction = Transaction::new_unchecked(conn, TransactionBehavior::Immediate)?;
    schema::look_again(conn)?;
    let value = call(&transaction)?;
    ensure_in_transaction(conn)?;
    in_place::check_own_name(conn)?;
    in_place::note_version(conn)?;
    lock_wait.check_claim()?;
    transaction.commit()?;
    // The file may also have been replaced between the check and the commit.
    in_place::check_own_name(conn)?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_connections() -> (tempfile::TempDir, Connection, Connection) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        let one = Connection::open(&path).unwrap();
        one.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x)")
            .unwrap();
        (dir, one, Connection::open(path).unwrap())
    }

    #[test]
    fn a_busy_database_is_reported_after_the_budget() {
        let (_dir, one, two) = two_connections();
        one.execute_batch("BEGIN IMMEDIATE").unwrap();
        let lock_wait = LockWait {
            budget: Duration::from_millis(120),
            cancel: &CancelToken::new(),
            claim: None,
        };
        let outcome = write(&two, lock_wait, |_| Ok(()));
        assert!(matches!(outcome, Err(Error::DatabaseBusy)), "{outcome:?}");
        one.execute_batch("COMMIT").unwrap();
        write(&two, lock_wait, |conn| {
            Ok(conn.execute("INSERT INTO t VALUES (1)", [])?)
        })
        .unwrap();
    }

    #[test]
    fn reads_wait_as_long_as_before() {
        let (_dir, one, _two) = two_connections();
        one.busy_timeout(Duration::from_millis(1234)).unwrap();
        for fails in [false, true] {
            let lock_wait = LockWait {
                budget: Duration::from_millis(10),
                cancel: &CancelToken::new(),
                claim: None,
            };
            let outcome = write(&one, lock_wait, |_| {
                if fails {
                    Err(Error::DatabaseBusy)
                } else {
                    Ok(())
                }
            });
            assert_eq!(outcome.is_err(), fails);
            let left: i64 = one
                .pragma_query_value(None, "busy_timeout", |row| row.get(0))
                .unwrap();
            assert_eq!(left, 1234);
        }
    }

    #[test]
    fn waiting_is_cancelled() {
        let (_dir, one, two) = two_connections();
        one.execute_batch("BEGIN IMMEDIATE").unwrap();
        let cancel = CancelToken::new();
        cancel.cancel();
        let lock_wait = LockWait {
            budget: Duration::from_secs(600),
            cancel: &cancel,
            claim: None,
        };
        let outcome = write(&two, lock_wait, |_| Ok(()));
        assert!(matches!(outcome, Err(Error::Cancelled)), "{outcome:?}");
    }

    #[test]
    fn a_failed_call_leaves_nothing_behind() {
        let (_dir, one, two) = two_connections();
        let lock_wait = LockWait {
            budget: Duration::ZERO,
            cancel: &CancelToken::new(),
            claim: None,
        };
        let outcome: Result<()> = write(&one, lock_wait, |conn| {
            conn.execute("INSERT INTO t VALUES (1)", [])?;
            Err(Error::Internal("on purpose".into()))
        });
        assert!(outcome.is_err());
        let rows: i64 = two
            .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 0);
    }
}
