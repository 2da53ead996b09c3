//! File systems other than a local disk's: without modes, without shared memory; and disks that fail.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{FileSystem, Place, wait_until};

const LACKS_MEMORY: [i64; 3] = [libc_code::ENODEV, libc_code::EACCES, libc_code::EINVAL];

/// Error numbers of Linux.
mod libc_code {
    pub const EPERM: i64 = 1;
    pub const EIO: i64 = 5;
    pub const ENXIO: i64 = 6;
    pub const EACCES: i64 = 13;
    pub const ENODEV: i64 = 19;
    pub const EINVAL: i64 = 22;
    pub const ENOSYS: i64 = 38;
    pub const EOPNOTSUPP: i64 = 95;
    /// For the preloaded library: the call succeeds, and changes nothing.
    pub const IGNORED: i64 = -1;
}

/// The names in the folder of the default database.
fn left(place: &Place) -> Vec<String> {
    place.names_in(".skillsmith")
}

#[test]
fn a_file_system_that_refuses_modes_is_used_and_told_once() {
    use libc_code::{EINVAL, ENOSYS, EOPNOTSUPP, EPERM, IGNORED};
    for answer in [EPERM, EOPNOTSUPP, EINVAL, ENOSYS, IGNORED] {
        let place = Place::with_skills(25);
        let disk = FileSystem::of(&place).with("FS_CHMOD", answer);
        let first = disk.run(&["sync", "--json"]);
        assert_eq!(first.code, 0, "{answer}: {}", first.stderr);
        let told = first.warnings();
        assert!(
            told.len() == 1 && told[0].contains("cannot be protected"),
            "{answer}: {told:?}"
        );
        let second = disk.run(&["sync", "--json"]);
        assert_eq!(second.code, 0, "{answer}: {}", second.stderr);
        assert_eq!(second.warnings(), [""; 0], "{answer}");
        // In another folder than the default one too.
        let named = disk.run(&["sync", "--json", "--db", "other/skills.db"]);
        assert_eq!(named.code, 0, "{answer}: {}", named.stderr);
        assert_eq!(named.warnings().len(), 1, "{answer}");
        assert_eq!(place.count("SELECT count(*) FROM skills"), 25);
    }
}

#[test]
fn a_mode_that_every_file_has_anyway_is_not_warned_of() {
    let place = Place::with_skills(25);
    let disk = FileSystem::of(&place).with("FS_CHMOD", libc_code::EPERM);
    let shell = "umask 077; exec \"$@\"";
    let outcome = disk.run_behind(shell, &["sync", "--json"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(outcome.warnings(), [""; 0]);
}

#[test]
fn a_new_database_without_shared_memory_has_a_rollback_journal() {
    for answer in LACKS_MEMORY {
        let place = Place::with_skills(120);
        let disk = FileSystem::of(&place).with("FS_MAP", answer);
        for _ in 0..2 {
            let outcome = disk.run(&["sync"]);
            assert_eq!(
                (outcome.code, &*outcome.stderr),
                (0, ""),
                "{answer}: {}",
                outcome.stdout
            );
            assert_eq!(left(&place), ["skills.db", "skills.db-sync-lock"]);
        }
        let status = disk.run(&["sync", "status"]);
        assert!(
            status
                .stdout
                .contains("Journal:     delete (its file system cannot share memory"),
            "{}",
            status.stdout
        );
        let status = disk.run(&["sync", "status", "--json"]).json();
        assert_eq!(status["journalMode"], "delete");
        let doctor = disk.run(&["doctor"]);
        assert!(
            doctor
                .stdout
                .contains("delete (its file system cannot share"),
            "{}",
            doctor.stdout
        );
        assert_eq!(left(&place), ["skills.db", "skills.db-sync-lock"]);
        assert_eq!(place.journal_mode(), "delete");
        place.assert_sound();
    }
}

#[test]
fn what_only_reads_creates_no_file_to_find_out_why_there_is_no_log() {
    let place = Place::with_skills(25);
    let disk = FileSystem::of(&place).with("FS_MAP", libc_code::ENODEV);
    assert_eq!(disk.run(&["sync"]).code, 0);
    // A file that is created in it, and deleted again, changes the time of the folder.
    let folder = fs::File::open(place.path(".skillsmith")).unwrap();
    let early = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    folder.set_modified(early).unwrap();
    for (args, has_lock_file) in [
        (&["sync", "status"][..], true),
        (&["doctor"], true),
        (&["sync", "status"], false),
    ] {
        if !has_lock_file {
            fs::remove_file(place.path(".skillsmith/skills.db-sync-lock")).unwrap();
            folder.set_modified(early).unwrap();
        }
        let offline = "SKILLSMITH_OFFLINE_MODE=true exec \"$@\"";
        let outcome = disk.run_behind(offline, args);
        assert_eq!(outcome.code, 0, "{args:?}: {}", outcome.stderr);
        // Without the lock file, nothing is there to try it with.
        let why = "delete (its file system cannot share memory";
        assert_eq!(
            outcome.stdout.contains(why),
            has_lock_file,
            "{args:?}: {}",
            outcome.stdout
        );
        let modified = folder.metadata().unwrap().modified().unwrap();
        assert_eq!(modified, early, "{args:?}");
    }
}

#[test]
fn a_write_ahead_log_without_shared_memory_is_applied_and_given_up() {
    let place = Place::with_skills(120);
    place.ok(&["sync"]);
    assert_eq!(place.journal_mode(), "wal");
    // Commits that are still in the log, as after a power cut.
    let host = place.look();
    host.execute_batch(
        "PRAGMA wal_autocheckpoint = 0; UPDATE sync_config SET frequency = 'weekly'",
    )
    .unwrap();
    let log = fs::read(place.path(".skillsmith/skills.db-wal")).unwrap();
    assert!(!log.is_empty());
    let file = fs::read(place.database()).unwrap();
    drop(host);
    fs::write(place.database(), file).unwrap();
    fs::write(place.path(".skillsmith/skills.db-wal"), log).unwrap();
    let disk = FileSystem::of(&place).with("FS_MAP", libc_code::ENODEV);
    let outcome = disk.run(&["sync", "config", "--json"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(outcome.json()["frequency"], "weekly");
    assert!(!place.path(".skillsmith/skills.db-wal").exists());
    assert_eq!(disk.run(&["sync"]).code, 0);
    assert_eq!(place.journal_mode(), "delete");
    place.assert_sound();
}

#[test]
fn a_write_ahead_log_that_is_in_use_is_told_as_that() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    let host = place.look();
    let count: i64 = host
        .query_row("SELECT count(*) FROM skills", [], |row| row.get(0))
        .unwrap();
    assert_eq!(count, 25);
    let disk = FileSystem::of(&place).with("FS_MAP", libc_code::ENODEV);
    let outcome = disk.run(&["sync", "--json"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stdout);
    assert_eq!(outcome.json()["error"]["code"], "IO_ERROR");
    assert!(
        outcome.stderr.contains("another program has the file open"),
        "{}",
        outcome.stderr
    );
    drop(host);
    assert_eq!(disk.run(&["sync"]).code, 0);
}

#[test]
fn a_server_of_a_file_system_that_has_ended_is_told_as_that() {
    let place = Place::with_skills(25);
    let disk = FileSystem::of(&place).with_path("FS_GONE", &place.path("mounted"));
    let db = place.path("mounted/skills.db");
    for args in [&["sync", "--json"][..], &["sync", "status", "--json"]] {
        let outcome = disk.run(&[args, &["--db", db.to_str().unwrap()]].concat());
        assert_eq!(outcome.code, 1, "{}", outcome.stdout);
        assert_eq!(outcome.json()["error"]["code"], "IO_ERROR");
        assert!(
            outcome.stderr.contains("serves its file system has ended"),
            "{}",
            outcome.stderr
        );
    }
}

/// SQLite itself takes it for damage, and the way out of damage would throw the database away.
#[test]
fn a_disk_that_cannot_be_read_is_not_a_damaged_database() {
    use libc_code::{EIO, ENXIO};
    let place = Place::with_skills(300);
    place.ok(&["sync"]);
    let mut failed = 0;
    for (error, from) in (1..40)
        .step_by(3)
        .map(|from| (EIO, from))
        .chain([(ENXIO, 2), (ENXIO, 9)])
    {
        let disk = FileSystem::of(&place)
            .with("FS_READ", error)
            .with("FS_READ_FROM", from);
        for args in [
            &["sync", "--force"][..],
            &["sync", "status"],
            &["search", "git"],
            &["doctor", "--check"],
        ] {
            let outcome = disk.run(args);
            if outcome.code == 0 {
                continue;
            }
            failed += 1;
            let said = outcome.stdout + &outcome.stderr;
            let words = if error == EIO {
                "the disk reports an error"
            } else {
                "device that it is on is not there"
            };
            assert!(said.contains(words), "{from}, {args:?}: {said}");
            assert!(
                !said.contains("damaged")
                    && !said.contains("intact")
                    && !said.contains("malformed"),
                "{from}, {args:?}: {said}"
            );
        }
    }
    assert!(failed > 20, "{failed}");
    let checked = place.ok(&["doctor", "--check"]);
    assert!(checked.contains("no damage found"), "{checked}");
}

#[test]
fn threads_that_are_refused_are_not_a_lack_of_memory() {
    let place = Place::with_skills(25);
    let disk = FileSystem::of(&place).with("FS_NO_THREADS", 1);
    let outcome = disk.run(&["sync"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stdout);
    assert!(
        outcome.stderr.contains("no more threads") && !outcome.stderr.contains("out of memory"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn promise_12_a_second_ctrl_c_ends_the_program_while_the_disk_hangs() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    place.server().catalogue(|catalogue| catalogue.add(5, 3));
    let hangs = place.path("hangs");
    let disk = FileSystem::of(&place)
        .with("FS_HANGS", 3_600)
        .with_path("FS_HANGING", &hangs);
    let sync = disk.start(&["sync", "--force"]);
    wait_until("the disk hangs", || hangs.exists());
    sync.signal(Signal::INT);
    std::thread::sleep(Duration::from_millis(500));
    sync.signal(Signal::INT);
    assert_eq!(sync.end().code, 130);
    place.assert_sound();
}
