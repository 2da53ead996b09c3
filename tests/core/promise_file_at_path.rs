//! Promise 18, *The file at the path*: it may be replaced, moved or deleted during a sync, or while
//! a service runs.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use skillsmith_sync::database::OpenOptions;
use skillsmith_sync::{
    BackgroundOptions, BackgroundSyncService, CancelToken, Database, ErrorCode, SkillRepository,
    SyncConfigRepository, SyncEngine, SyncFrequency, SyncHistoryRepository, SyncOptions, SyncPhase,
    SyncResult, SyncStatus,
};
use skillsmith_test_registry::Options;

use crate::support::{World, assert_sound, assert_success, row_count};

/// What happens to the file.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    /// As by a restore, a synchronised folder or SQLite in WebAssembly: a copy is renamed over it.
    Replaced,
    Moved,
    Deleted,
    /// Moved, and another database put in its place.
    Exchanged,
}

const FATES: [Fate; 4] = [Fate::Replaced, Fate::Moved, Fate::Deleted, Fate::Exchanged];

impl Fate {
    fn befall(self, path: &Path, copy: &Path) {
        let beside = path.with_extension("new");
        match self {
            Self::Deleted => std::fs::remove_file(path).unwrap(),
            Self::Moved => std::fs::rename(path, path.with_extension("moved")).unwrap(),
            Self::Replaced => {
                std::fs::copy(copy, &beside).unwrap();
                std::fs::rename(&beside, path).unwrap();
            }
            Self::Exchanged => {
                std::fs::rename(path, path.with_extension("moved")).unwrap();
                std::fs::copy(copy, path).unwrap();
            }
        }
    }

    const fn leaves_a_file(self) -> bool {
        matches!(self, Self::Replaced | Self::Exchanged)
    }
}

/// The path that another process reads, and where it writes the result; see [`helper_that_looks`].
const HELPER: [&str; 2] = ["SKILLSMITH_TEST_LOOKS", "SKILLSMITH_TEST_ANSWER"];

/// Not a test: another process that opens the new file.
#[test]
fn helper_that_looks() {
    if let [Ok(path), Ok(answer)] = HELPER.map(std::env::var) {
        assert_sound(Path::new(&path));
        std::fs::write(answer, row_count(Path::new(&path)).to_string()).unwrap();
    }
}

/// How many skills another program finds; asserts that the database is intact.
fn rows_to_others(path: &Path) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let answer = folder.path().join("answer");
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "promise_file_at_path::helper_that_looks"])
        .envs(HELPER.iter().zip([path, &answer]))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    std::fs::read_to_string(answer).unwrap().parse().unwrap()
}

/// A whole database of 60 skills with a mark in it, in one file.
fn copy_of(world: &World) -> PathBuf {
    let path = world.folder.path().join("copy.db");
    let catalogue = skillsmith_test_registry::Catalogue::generate(60, 5);
    let server = skillsmith_test_registry::Server::start(catalogue, Options::default());
    let database = Database::open(&path).unwrap();
    let engine = SyncEngine::new(
        Arc::new(crate::support::client(&server.base_url())),
        &database,
    );
    assert_success(&engine.sync(SyncOptions::default()).unwrap());
    SyncConfigRepository::new(&database)
        .set_frequency(SyncFrequency::Weekly)
        .unwrap();
    drop((engine, database));
    Connection::open(&path)
        .unwrap()
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    path
}

/// A sync during which the fate befalls the file at progress call `at`; `None` if the sync ended
/// before.
fn sync_with_fate(world: &World, fate: Fate, copy: &Path, at: usize) -> Option<SyncResult> {
    let path = world.path();
    let mut seen = 0;
    let mut has_come = false;
    let result = world.sync_with(
        SyncOptions::new()
            .on_progress(|progress| {
                seen += 1;
                if seen == at && progress.phase != SyncPhase::Complete {
                    has_come = true;
                    fate.befall(&path, copy);
                }
            })
            .page_size(50),
    );
    has_come.then_some(result)
}

#[test]
fn promise_18_a_run_whose_file_was_replaced_fails_and_the_next_is_whole() {
    for fate in FATES {
        for at in 1.. {
            let world = World::new(240, Options::default());
            let copy = copy_of(&world);
            let Some(result) = sync_with_fate(&world, fate, &copy, at) else {
                assert!(at > 8, "{at}");
                break;
            };
            let what = format!("{fate:?} at {at}: {result:?}");
            assert!(!result.success, "{what}");
            assert_eq!(result.code, Some(ErrorCode::DatabaseReplaced), "{what}");
            assert!(result.errors[0].contains("skills.db"), "{what}");
            // Before this library opens it again.
            assert_eq!(world.path().exists(), fate.leaves_a_file(), "{what}");
            if fate.leaves_a_file() {
                assert_eq!(rows_to_others(&world.path()), 60, "{what}");
            }
            // Every call reads the file that is there now.
            let status = world.engine().get_status().unwrap();
            let frequency = if fate.leaves_a_file() {
                SyncFrequency::Weekly
            } else {
                SyncFrequency::Daily
            };
            assert_eq!(status.config.frequency, frequency, "{what}");
            assert!(!status.is_running);
            assert_eq!(world.path().exists(), fate.leaves_a_file(), "only read");
            // At the first progress call, the run has no entry yet.
            if fate.leaves_a_file() && at > 1 {
                let entry = &world.history().get_history(1).unwrap()[0];
                assert_eq!(entry.status, SyncStatus::Failed, "{what}");
                assert_eq!(entry.error_message.as_ref(), result.errors.first());
                assert_eq!(world.history().count().unwrap(), 2, "{what}");
            }
            assert_success(&world.sync());
            world.assert_mirrored();
            if matches!(fate, Fate::Moved | Fate::Exchanged) {
                let moved = Connection::open(world.path().with_extension("moved")).unwrap();
                let verdict: String = moved
                    .query_row("PRAGMA integrity_check", [], |row| row.get(0))
                    .unwrap();
                assert_eq!(verdict, "ok", "{what}");
            }
        }
    }
}

#[test]
fn promise_18_repositories_answer_from_the_file_at_the_path() {
    for fate in FATES {
        let world = World::new(30, Options::default());
        let copy = copy_of(&world);
        assert_success(&world.sync());
        let config = SyncConfigRepository::new(&world.database);
        let skills = SkillRepository::new(&world.database);
        let history = SyncHistoryRepository::new(&world.database);
        // An idle handle, which has not noticed.
        let idle = Database::open(world.path()).unwrap();
        // The -wal holds a commit of ours.
        config.disable().unwrap();
        fate.befall(&world.path(), &copy);
        let (expected, enabled) = if fate.leaves_a_file() {
            (60, true)
        } else {
            (0, true)
        };
        assert_eq!(skills.count().unwrap(), expected, "{fate:?}");
        assert_eq!(config.get_config().unwrap().enabled, enabled);
        assert_eq!(world.path().exists(), fate.leaves_a_file());
        // The write went to the file at the path, and is the only one.
        let id = history.start_run().unwrap();
        history.fail_run(&id, "a test").unwrap();
        assert_sound(&world.path());
        let runs: i64 = world
            .look()
            .query_row(
                "SELECT count(*) FROM sync_history WHERE error_message = 'a test'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(runs, 1);
        let of_idle = SkillRepository::new(&idle);
        assert_eq!(of_idle.count().unwrap(), expected, "{fate:?}");
        assert_sound(&world.path());
    }
}

/// The copy that is put in its place has been written to meanwhile: those commits are not ours to drop.
#[test]
fn promise_18_what_others_have_committed_since_is_not_emptied() {
    let world = World::new(30, Options::default());
    let copy = copy_of(&world);
    assert_success(&world.sync());
    let config = SyncConfigRepository::new(&world.database);
    config.disable().unwrap();
    let host = world.look();
    host.execute_batch("CREATE TABLE of_the_host (x)").unwrap();
    Fate::Replaced.befall(&world.path(), &copy);
    let wal = world.folder.path().join("skills.db-wal");
    let before = std::fs::metadata(&wal).unwrap().len();
    assert!(before > 0);
    // If the host has the old file open in this process, the new one cannot be opened beside its
    // -shm.
    _ = config.get_config();
    assert_eq!(std::fs::metadata(&wal).unwrap().len(), before);
    drop(host);
}

#[test]
fn promise_18_a_symbolic_link_may_lead_elsewhere() {
    let world = World::new(30, Options::default());
    let copy = copy_of(&world);
    assert_success(&world.sync());
    let link = world.folder.path().join("link.db");
    std::os::unix::fs::symlink(world.path(), &link).unwrap();
    let database = Database::open(&link).unwrap();
    assert_eq!(SkillRepository::new(&database).count().unwrap(), 30);
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&copy, &link).unwrap();
    assert_eq!(SkillRepository::new(&database).count().unwrap(), 60);
}

/// While a sync of this process works on the old file.
#[test]
fn promise_18_status_is_answered_while_a_run_does_not_know_yet() {
    let world = World::new(400, Options::default());
    let copy = copy_of(&world);
    let path = world.path();
    let mut statuses = Vec::new();
    let mut seen = 0;
    let result = world.sync_with(
        SyncOptions::new()
            .on_progress(|progress| {
                if progress.phase == SyncPhase::Upserting {
                    seen += 1;
                    if seen == 1 {
                        Fate::Replaced.befall(&path, &copy);
                        for _ in 0..3 {
                            statuses.push(world.engine().get_status().unwrap());
                        }
                        let config = SyncConfigRepository::new(&world.database);
                        statuses.push(world.engine().get_status().unwrap());
                        // It cannot be written beside the journal of the old one.
                        match config.disable() {
                            Ok(config) => assert!(!config.enabled),
                            Err(error) => assert_eq!(error.code(), ErrorCode::DatabaseReplaced),
                        }
                    }
                }
            })
            .page_size(50),
    );
    assert_eq!(result.code, Some(ErrorCode::DatabaseReplaced), "{result:?}");
    assert_eq!(statuses.len(), 4);
    for status in statuses {
        assert_eq!(status.config.frequency, SyncFrequency::Weekly);
        assert!(status.is_running);
    }
    assert_sound(&world.path());
    assert_success(&world.sync());
    world.assert_mirrored();
}

/// If it was deleted, it is synced once into a new file; if it was replaced, by that file's
/// schedule.
#[test]
fn promise_18_a_background_service_lives_on() {
    for fate in FATES {
        let world = World::new(50, Options::default());
        let copy = copy_of(&world);
        let service = BackgroundSyncService::new(
            world.engine(),
            BackgroundOptions::new().check_interval(Duration::from_millis(5)),
        )
        .unwrap();
        service.start().unwrap();
        let wait_for_checks = |checks: u64| {
            let end = service.get_state().checks_performed + checks;
            while service.get_state().checks_performed < end {
                std::thread::sleep(Duration::from_millis(2));
            }
        };
        wait_for_checks(5);
        assert_eq!(service.get_state().syncs_triggered, 1);
        fate.befall(&world.path(), &copy);
        wait_for_checks(30);
        let state = service.get_state();
        let expected = if fate.leaves_a_file() { 1 } else { 2 };
        assert_eq!(state.syncs_triggered, expected, "{fate:?}: {state:?}");
        service.stop();
        if !fate.leaves_a_file() {
            world.assert_mirrored();
        }
        assert_sound(&world.path());
    }
}

/// A file that is gone is not kept open forever.
#[test]
fn promise_18_the_descriptors_of_a_deleted_file_are_closed() {
    let world = World::new(30, Options::default());
    let copy = copy_of(&world);
    assert_success(&world.sync());
    let deleted = || {
        std::fs::read_dir("/proc/self/fd")
            .unwrap()
            .flatten()
            .filter_map(|entry| std::fs::read_link(entry.path()).ok())
            .filter(|target| {
                let target = target.to_string_lossy();
                target.contains(&*world.folder.path().to_string_lossy())
                    && target.contains("skills.db ")
                    && target.ends_with("(deleted)")
            })
            .count()
    };
    for _ in 0..3 {
        Fate::Replaced.befall(&world.path(), &copy);
        assert_eq!(SkillRepository::new(&world.database).count().unwrap(), 60);
        world.engine().get_status().unwrap();
        assert_eq!(deleted(), 0);
    }
    world.database.close();
    Fate::Deleted.befall(&world.path(), &copy);
    drop(Database::open(world.path()).unwrap());
    assert_eq!(deleted(), 0);
}

#[test]
fn promise_18_an_empty_file_with_a_journal_is_not_taken_for_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("skills.db");
    std::fs::write(&path, "").unwrap();
    std::fs::write(folder.path().join("skills.db-wal"), "somebody's changes").unwrap();
    for read_only in [false, true] {
        let error = OpenOptions::new()
            .read_only(read_only)
            .open(&path)
            .unwrap_err();
        assert_eq!(error.code(), ErrorCode::DatabaseDamaged);
        let text = error.to_string();
        assert!(
            text.contains("skills.db-wal") && text.contains("move"),
            "{text}"
        );
    }
    assert_eq!(std::fs::read(&path).unwrap(), b"");
    // Any program's crash may leave an empty one.
    std::fs::write(folder.path().join("skills.db-wal"), "").unwrap();
    drop(Database::open(&path).unwrap());
    assert_sound(&path);
}

/// A run never reports success for rows that are gone, even if it notices only at its end.
#[test]
fn promise_18_a_failed_run_creates_no_file() {
    let world = World::new(400, Options::default());
    let path = world.path();
    let mut seen = 0;
    let result = world.sync_with(
        SyncOptions::new()
            .on_progress(|_| {
                seen += 1;
                if seen == 3 {
                    std::fs::remove_file(&path).unwrap();
                }
            })
            .page_size(50),
    );
    assert_eq!(result.status, SyncStatus::Failed, "{result:?}");
    assert!(!world.path().exists());
}

/// The entry of the current sync in the file at the path.
fn entry_under_way(path: &Path) -> (String, String) {
    Connection::open(path)
        .unwrap()
        .query_row(
            "SELECT id, started_at FROM sync_history WHERE status = 'running'",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap()
}

/// A sync during which another database replaces its file; and its entry before that.
fn sync_replaced_by(world: &World, new: &Path) -> (SyncResult, (String, String)) {
    let path = world.path();
    let mut seen = 0;
    let mut entry = None;
    let result = world.sync_with(
        SyncOptions::new()
            .on_progress(|_| {
                seen += 1;
                if seen == 4 {
                    entry = Some(entry_under_way(&path));
                    Fate::Replaced.befall(&path, new);
                }
            })
            .page_size(50),
    );
    assert_eq!(result.code, Some(ErrorCode::DatabaseReplaced), "{result:?}");
    (result, entry.unwrap())
}

#[test]
fn promise_18_the_failed_run_is_in_the_history_of_the_new_file() {
    // One prepared by this library, with a run that died, and one of the other stack's version 1.
    let world = World::new(240, Options::default());
    let prepared = copy_of(&world);
    Connection::open(&prepared)
        .unwrap()
        .execute_batch(
            "INSERT INTO sync_history (id, started_at, status) VALUES ('died', '2026-01-01T00:00:00.000Z', 'running');
             INSERT INTO sync_state (key, value) VALUES ('current_run', '\"died\"');
             UPDATE sync_state SET value = '\"of somebody else\"' WHERE key = 'index';
             PRAGMA wal_checkpoint(TRUNCATE);",
        )
        .unwrap();
    let old = world.folder.path().join("old.db");
    let sql = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v1.sql");
    Connection::open(&old)
        .unwrap()
        .execute_batch(&std::fs::read_to_string(sql).unwrap())
        .unwrap();
    for new in [prepared, old] {
        let world = World::new(240, Options::default());
        let (result, (id, started_at)) = sync_replaced_by(&world, &new);
        assert_sound(&world.path());
        let entry = world.history().get_by_id(&id).unwrap().unwrap();
        assert_eq!(entry.status, SyncStatus::Failed);
        assert_eq!(entry.started_at, started_at);
        assert!(entry.completed_at.is_some());
        assert_eq!(entry.error_message.as_ref(), result.errors.first());
        assert_eq!(entry.skills_added, 0);
        let config = SyncConfigRepository::new(&world.database)
            .get_config()
            .unwrap();
        assert_eq!(config.last_sync_error.as_ref(), result.errors.first());
        let running: i64 = world
            .look()
            .query_row(
                "SELECT (SELECT count(*) FROM sync_history WHERE status = 'running')
                      + (SELECT count(*) FROM sync_state WHERE key = 'current_run')",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(running, 0);
        // The state of the old file's index is not applied to the new one.
        let signs: i64 = world
            .look()
            .query_row(
                "SELECT count(*) FROM sync_state WHERE key = 'index' AND value <> '\"of somebody else\"'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(signs, 0);
        assert_success(&world.sync());
        assert_sound(&world.path());
    }
}

/// A file that cannot be used is left as it is.
#[test]
fn promise_18_nothing_is_written_into_a_new_file_that_is_no_good() {
    let world = World::new(240, Options::default());
    let foreign = world.folder.path().join("foreign.db");
    Connection::open(&foreign)
        .unwrap()
        .execute_batch("CREATE TABLE of_another_program (x)")
        .unwrap();
    let text = world.folder.path().join("text.db");
    std::fs::write(&text, "no database, but a letter to somebody. ".repeat(50)).unwrap();
    let damaged = world.folder.path().join("damaged.db");
    let conn = Connection::open(&damaged).unwrap();
    let sql = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v1.sql");
    conn.execute_batch(&std::fs::read_to_string(sql).unwrap())
        .unwrap();
    let root: u32 = conn
        .query_row(
            "SELECT rootpage FROM sqlite_master WHERE name = 'skills'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let page: u32 = conn
        .pragma_query_value(None, "page_size", |row| row.get(0))
        .unwrap();
    drop(conn);
    let mut bytes = std::fs::read(&damaged).unwrap();
    let from = usize::try_from((root - 1) * page).unwrap();
    bytes[from + 8..from + 60].fill(0xff);
    std::fs::write(&damaged, bytes).unwrap();
    for new in [foreign, text, damaged] {
        let world = World::new(240, Options::default());
        sync_replaced_by(&world, &new);
        assert!(
            std::fs::read(world.path()).unwrap() == std::fs::read(&new).unwrap(),
            "{} has changed",
            new.display()
        );
        assert!(!world.sync().success);
    }
}

/// The journal also holds another program's commits to the old file. Those before our last commit
/// are known to belong to the old file.
#[test]
fn promise_18_commits_of_others_before_our_last_one_do_not_stay_in_the_journal() {
    let world = World::new(400, Options::default());
    let copy = copy_of(&world);
    let path = world.path();
    let mut seen = 0;
    let mut commits = 0;
    let result = world.sync_with(
        SyncOptions::new()
            .on_progress(|progress| {
                seen += 1;
                if progress.phase < SyncPhase::Upserting && seen > 1 {
                    commits += 1;
                    Connection::open(&path)
                        .unwrap()
                        .execute_batch(&format!("CREATE TABLE of_the_host_{commits} (x)"))
                        .unwrap();
                } else if progress.phase == SyncPhase::Complete {
                    Fate::Replaced.befall(&path, &copy);
                }
            })
            .page_size(50),
    );
    assert!(commits > 3);
    assert_eq!(result.code, Some(ErrorCode::DatabaseReplaced), "{result:?}");
    assert_eq!(rows_to_others(&path), 60);
}

/// Also for a run that ends for another reason, and does not notice.
#[test]
fn promise_18_a_cancelled_run_claims_nothing_in_a_new_file() {
    let world = World::new(1_000, Options::default());
    let copy = copy_of(&world);
    let path = world.path();
    let cancel = CancelToken::new();
    let own = cancel.clone();
    let mut entry = None;
    let result = world.sync_with(SyncOptions::new().cancel(cancel).on_progress(|progress| {
        if progress.phase == SyncPhase::Upserting && entry.is_none() {
            entry = Some(entry_under_way(&path));
            Fate::Replaced.befall(&path, &copy);
            own.cancel();
        }
    }));
    assert_eq!(result.status, SyncStatus::Failed, "{result:?}");
    assert_eq!(rows_to_others(&path), 60);
    let found = world
        .history()
        .get_by_id(&entry.unwrap().0)
        .unwrap()
        .unwrap();
    assert_eq!(found.status, SyncStatus::Failed);
    assert_eq!(found.skills_added, 0, "{found:?}");
}
