//! Every database of `tests/fixtures/hostile`, through the Rust interface. The command line, C and Node try the same
//! list.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use rusqlite::Connection;
use skillsmith_sync::database::OpenOptions;
use skillsmith_sync::{
    Error, ErrorCode, Result, SkillRepository, SyncConfigRepository, SyncFrequency,
    SyncHistoryRepository, SyncOptions, SyncRunResult, SyncStatus,
};
use skillsmith_test_registry::Options;

use crate::support::World;

/// What opening such a database says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    NotSkillsmith,
    /// An error of another kind.
    Refused,
    /// It opens, and each call gives a value or an error.
    Read,
}

/// Name, expectation and statements.
fn list() -> Vec<(String, Expected, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hostile");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() > 25, "{}", files.len());
    files
        .iter()
        .map(|path| {
            let sql = std::fs::read_to_string(path).unwrap();
            let expected = match sql.lines().next().unwrap() {
                "-- NOT_SKILLSMITH" => Expected::NotSkillsmith,
                "-- REFUSED" => Expected::Refused,
                "-- READ" => Expected::Read,
                other => panic!("{}: {other}", path.display()),
            };
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, expected, sql)
        })
        .collect()
}

/// Calls everything, in a thread that is given up if it hangs.
fn in_time<T: Send + 'static>(what: &str, call: impl FnOnce() -> T + Send + 'static) -> T {
    let (send, receive) = mpsc::channel();
    let thread = std::thread::spawn(move || _ = send.send(call()));
    // A short call has 5 seconds, and a writing one as many again for its lock.
    match receive.recv_timeout(Duration::from_secs(60)) {
        Ok(value) => {
            thread.join().unwrap();
            value
        }
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{what} hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => panic!("{what} panics"),
    }
}

/// A value, or an error that is the database's or says what cannot be.
fn is_told<T>(what: &str, outcome: Result<T>) {
    if let Err(error) = outcome {
        let is_fine = matches!(
            error.code(),
            ErrorCode::Database
                | ErrorCode::DatabaseDamaged
                | ErrorCode::NotADatabase
                | ErrorCode::NotSkillsmith
                | ErrorCode::RunNotFound
        );
        assert!(is_fine, "{what}: {:?}: {error}", error.code());
    }
}

type Function = Box<dyn Fn(&skillsmith_sync::Database) -> Result<()> + Send>;

/// Each call with its name.
fn call_everything(path: &Path, name: &str) -> Result<()> {
    let database = OpenOptions::new().busy_budget(Duration::ZERO).open(path)?;
    let calls: [(&str, Function); 17] = [
        (
            "find",
            Box::new(|db| SkillRepository::new(db).find_by_id("s1").map(drop)),
        ),
        (
            "exists",
            Box::new(|db| SkillRepository::new(db).exists("s1").map(drop)),
        ),
        (
            "count skills",
            Box::new(|db| SkillRepository::new(db).count().map(drop)),
        ),
        (
            "config",
            Box::new(|db| SyncConfigRepository::new(db).get_config().map(drop)),
        ),
        (
            "due",
            Box::new(|db| SyncConfigRepository::new(db).is_sync_due().map(drop)),
        ),
        (
            "budget",
            Box::new(|db| SyncConfigRepository::new(db).request_budget().map(drop)),
        ),
        (
            "history",
            Box::new(|db| SyncHistoryRepository::new(db).get_history(9).map(drop)),
        ),
        (
            "entry",
            Box::new(|db| SyncHistoryRepository::new(db).get_by_id("a").map(drop)),
        ),
        (
            "last",
            Box::new(|db| {
                SyncHistoryRepository::new(db)
                    .get_last_successful()
                    .map(drop)
            }),
        ),
        (
            "running",
            Box::new(|db| SyncHistoryRepository::new(db).get_running().map(drop)),
        ),
        (
            "stats",
            Box::new(|db| SyncHistoryRepository::new(db).get_stats().map(drop)),
        ),
        (
            "count",
            Box::new(|db| SyncHistoryRepository::new(db).count().map(drop)),
        ),
        (
            "enable",
            Box::new(|db| SyncConfigRepository::new(db).enable().map(drop)),
        ),
        (
            "frequency",
            Box::new(|db| {
                SyncConfigRepository::new(db)
                    .set_frequency(SyncFrequency::Weekly)
                    .map(drop)
            }),
        ),
        (
            "set budget",
            Box::new(|db| SyncConfigRepository::new(db).set_request_budget(Some(9))),
        ),
        (
            "run",
            Box::new(|db| {
                let history = SyncHistoryRepository::new(db);
                let id = history.start_run()?;
                history.complete_run(&id, SyncRunResult::default())
            }),
        ),
        (
            "cleanup",
            Box::new(|db| SyncHistoryRepository::new(db).cleanup(1).map(drop)),
        ),
    ];
    for (call, function) in calls {
        let what = format!("{name}: {call}");
        let database = database.clone();
        is_told(&what, in_time(&what, move || function(&database)));
    }
    Ok(())
}

#[test]
fn promise_8_every_call_on_a_hostile_database_ends() {
    let mut odd = Vec::new();
    for (name, expected, sql) in list() {
        let world = World::new(3, Options::default());
        assert!(world.sync().success);
        world.database.close();
        make(&world.path(), &name, &sql);
        let is_as_expected = match (call_everything(&world.path(), &name), expected) {
            (Ok(()), Expected::Read) => true,
            (Err(Error::NotSkillsmith { detail, .. }), Expected::NotSkillsmith) => {
                detail.contains("its '")
            }
            (Err(error), Expected::Refused) => {
                error.code() != ErrorCode::NotSkillsmith && {
                    is_told::<()>(&name, Err(error));
                    true
                }
            }
            (outcome, _) => {
                odd.push(format!("{name}: {outcome:?}, not {expected:?}"));
                continue;
            }
        };
        if !is_as_expected {
            odd.push(format!("{name}: not {expected:?}"));
        }
    }
    assert!(odd.is_empty(), "{odd:#?}");
}

fn make(path: &Path, name: &str, sql: &str) {
    Connection::open(path)
        .unwrap()
        .execute_batch(sql)
        .unwrap_or_else(|error| panic!("{name}: {error}"));
}

/// What a run over it says is so.
#[test]
fn promise_3_no_run_over_a_hostile_database_claims_what_is_not_so() {
    for (name, _, sql) in list() {
        let world = World::new(30, Options::default());
        assert!(world.sync().success);
        world.server.catalogue(|catalogue| catalogue.change(30, 8));
        make(&world.path(), &name, &sql);
        let options = || SyncOptions::new().deadline(Duration::from_secs(3));
        let (engine, what) = (world.engine(), name.clone());
        let result = in_time(&name, move || engine.sync(options()).unwrap());
        assert_eq!(
            result.skills_added
                + result.skills_updated
                + result.skills_unchanged
                + result.skills_rejected,
            result.total_processed,
            "{what}: {result:?}"
        );
        if !result.success {
            assert!(!result.errors.is_empty(), "{what}: {result:?}");
            continue;
        }
        assert_eq!(result.status, SyncStatus::Success);
        // Rows of others may be there that are no text.
        let look = world.look();
        let mut stored = look
            .prepare("SELECT name, description FROM skills WHERE id = ?1")
            .unwrap();
        for row in world.server.catalogue(|catalogue| catalogue.values()) {
            let id = row["id"].as_str().unwrap();
            let stored: (String, Option<String>) = stored
                .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
                .unwrap_or_else(|error| panic!("{what}: {id}: {error}"));
            let served = (row["name"].as_str().unwrap(), row["description"].as_str());
            assert_eq!(
                (stored.0.as_str(), stored.1.as_deref()),
                served,
                "{what}: {id}"
            );
        }
    }
}
