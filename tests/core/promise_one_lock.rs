//! Promise 6, *One sync at a time*: whatever the name of the file, whatever happens to the lock
//! file, and whoever forks.
#![cfg(unix)]

use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use skillsmith_sync::{CancelToken, Database, ErrorCode, SyncEngine, SyncOptions};
use skillsmith_test_registry::{Fault, Options};

use crate::support::{World, assert_success};

fn assert_in_progress(world: &World, path: &Path) {
    let other = Database::open(path).unwrap();
    let engine = SyncEngine::new(Arc::new(world.client()), &other);
    assert!(engine.get_status().unwrap().is_running);
    let result = engine.sync(SyncOptions::default()).unwrap();
    assert_eq!(result.code, Some(ErrorCode::SyncInProgress), "{result:?}");
}

/// The path that another process syncs, and its registry; see [`helper_that_syncs`].
const HELPER: [&str; 2] = ["SKILLSMITH_TEST_SYNCS", "SKILLSMITH_TEST_REGISTRY"];

/// Not a test: the other process of these tests. It reports how its sync ended.
#[test]
fn helper_that_syncs() {
    let [Ok(path), Ok(registry)] = HELPER.map(std::env::var) else {
        return;
    };
    let database = Database::open(path).unwrap();
    let engine = SyncEngine::new(Arc::new(crate::support::client(&registry)), &database);
    let running = engine.get_status().unwrap().is_running;
    let result = engine.sync(SyncOptions::default()).unwrap();
    std::fs::write(
        std::env::var_os("SKILLSMITH_TEST_ANSWER").unwrap(),
        format!("{running} {:?}", result.code),
    )
    .unwrap();
}

/// Another process that syncs, and records how that ended.
pub fn helper(path: &Path, registry: &str, answer: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "promise_one_lock::helper_that_syncs"])
        .env(HELPER[0], path)
        .env(HELPER[1], registry)
        .env("SKILLSMITH_TEST_ANSWER", answer)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// The same from another process, which shares no state with this one.
fn assert_in_progress_elsewhere(path: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let answer = folder.path().join("answer");
    let status = helper(path, "http://127.0.0.1:1", &answer)
        .status()
        .unwrap();
    assert!(status.success());
    let answer = std::fs::read_to_string(answer).unwrap();
    assert_eq!(answer, "true Some(SyncInProgress)");
}

#[test]
fn promise_6_a_hard_link_is_another_name_of_the_same_file() {
    let world = World::new(300, Options::default());
    // In WAL mode, only what is in the main file is visible under another name.
    world
        .look()
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    world.while_one_hangs(|| {
        let link = world.folder.path().join("other-name.db");
        std::fs::hard_link(world.path(), &link).unwrap();
        assert_in_progress_elsewhere(&link);
        assert_in_progress_elsewhere(&world.path());
    });
    assert_success(&world.sync());
    world.assert_mirrored();
}

#[test]
fn promise_6_one_sync_at_a_time_when_the_lock_file_is_deleted() {
    let world = World::new(300, Options::default());
    world.while_one_hangs(|| {
        for _ in 0..2 {
            std::fs::remove_file(world.folder.path().join("skills.db-sync-lock")).unwrap();
            assert_in_progress_elsewhere(&world.path());
            assert_in_progress(&world, &world.path());
            assert!(world.engine().get_status().unwrap().is_running);
        }
    });
    assert!(!world.engine().get_status().unwrap().is_running);
    assert_success(&world.sync());
    world.assert_mirrored();
}

/// SQLite unlocks "everything" at the end of each transaction; that must not include our lock.
#[test]
fn promise_6_the_lock_outlives_the_transactions_of_a_rollback_journal() {
    let world = World::new(300, Options::default());
    world.database.close();
    world
        .look()
        .execute_batch("PRAGMA journal_mode = DELETE")
        .unwrap();
    let database = Database::open(world.path()).unwrap();
    let world = World { database, ..world };
    world.while_one_hangs(|| {
        std::fs::remove_file(world.folder.path().join("skills.db-sync-lock")).unwrap();
        let config = skillsmith_sync::SyncConfigRepository::new(&world.database);
        config.disable().unwrap();
        config.enable().unwrap();
        assert_in_progress_elsewhere(&world.path());
    });
    assert_success(&world.sync());
    world.assert_mirrored();
}

/// Versions before this one lock only the file beside the database.
#[test]
fn promise_6_an_older_version_is_locked_out_and_locks_out() {
    let world = World::new(300, Options::default());
    let lock_file = || {
        std::fs::File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(world.folder.path().join("skills.db-sync-lock"))
            .unwrap()
    };
    let older = lock_file();
    older.try_lock().unwrap();
    assert_in_progress(&world, &world.path());
    assert_in_progress_elsewhere(&world.path());
    // Where all tests run in one process, a child that another test has forked meanwhile holds copies for a moment.
    let is_free_again = || {
        let free = (0..6_000).any(|_| {
            std::thread::sleep(Duration::from_millis(5));
            lock_file().try_lock().is_ok()
        });
        assert!(free);
    };
    drop(older);
    is_free_again();
    world.while_one_hangs(|| {
        assert!(lock_file().try_lock().is_err());
    });
    is_free_again();
}

/// A child that lives until its end of the pipe is closed, and does nothing else.
struct Child {
    pid: libc::pid_t,
    _keep: OwnedFd,
}

fn fork() -> Child {
    let (reader, writer) = std::io::pipe().unwrap();
    #[expect(unsafe_code, reason = "a fork without an exec, as hosts do it")]
    // SAFETY: the child calls only async-signal-safe functions.
    unsafe {
        match libc::fork() {
            -1 => panic!("fork: {}", std::io::Error::last_os_error()),
            0 => {
                libc::close(writer.as_raw_fd());
                let mut byte = 0_u8;
                libc::read(reader.as_raw_fd(), (&raw mut byte).cast(), 1);
                libc::_exit(0)
            }
            pid => Child {
                pid,
                _keep: writer.into(),
            },
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "a child of ours")]
        // SAFETY: no memory is involved.
        unsafe {
            libc::kill(self.pid, libc::SIGKILL);
            libc::waitpid(self.pid, std::ptr::null_mut(), 0);
        }
    }
}

#[test]
fn promise_6_a_fork_while_a_sync_runs_leaves_no_lock_with_the_child() {
    let world = World::new(300, Options::default());
    let mut child = None;
    world.while_one_hangs(|| {
        child = Some(fork());
        assert_in_progress_elsewhere(&world.path());
    });
    assert!(!world.engine().get_status().unwrap().is_running);
    assert_success(&world.sync());
    drop(child);
}

#[test]
fn promise_6_a_fork_while_the_lock_is_asked_for_leaves_none_with_the_child() {
    let world = World::new(3, Options::default());
    assert_success(&world.sync());
    let stop = CancelToken::new();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.is_cancelled() {
                    world.engine().get_status().unwrap();
                }
            });
        }
        let children: Vec<Child> = (0..60)
            .map(|_| {
                std::thread::sleep(Duration::from_micros(u64::from(fastrand(1_500))));
                fork()
            })
            .collect();
        stop.cancel();
        // While all of them are alive.
        for _ in 0..3 {
            assert_success(&world.sync());
        }
        drop(children);
    });
}

/// A random number below `end`.
fn fastrand(end: u32) -> u32 {
    let mut bytes = [0; 4];
    std::fs::File::open("/dev/urandom")
        .unwrap()
        .read_exact(&mut bytes)
        .unwrap();
    u32::from_le_bytes(bytes) % end
}

/// A killed process leaves no lock behind.
#[test]
fn promise_6_the_lock_dies_with_its_owner() {
    let world = World::new(300, Options::default());
    world.server.fault(Fault::stall_after(50).at_offset(99));
    let answer = world.folder.path().join("answer");
    let mut sync = helper(&world.path(), &world.server.base_url(), &answer)
        .spawn()
        .unwrap();
    while world.offsets().len() < 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(world.engine().get_status().unwrap().is_running);
    sync.kill().unwrap();
    sync.wait().unwrap();
    assert!(!answer.exists());
    assert!(!world.engine().get_status().unwrap().is_running);
    assert_success(&world.sync());
    world.assert_mirrored();
}
