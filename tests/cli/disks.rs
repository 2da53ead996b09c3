//! File systems other than a local disk's: without modes, without shared memory, or of several
//! machines.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use skillsmith_test_registry::Fault;

use crate::support::{FileSystem, Outcome, Place, Running, wait_until};

const LACKS_MEMORY: [i64; 3] = [libc_code::ENODEV, libc_code::EACCES, libc_code::EINVAL];

/// Error numbers of Linux.
mod libc_code {
    pub const EPERM: i64 = 1;
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
    let mut names: Vec<_> = fs::read_dir(place.path(".skillsmith"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn warnings(outcome: &Outcome) -> Vec<String> {
    serde_json::from_value(outcome.json()["warnings"].clone()).unwrap()
}

fn journal_mode(place: &Place) -> String {
    let conn = place.look();
    conn.pragma_query_value(None, "journal_mode", |row| row.get(0))
        .unwrap()
}

#[test]
fn a_file_system_that_refuses_modes_is_used_and_told_once() {
    use libc_code::{EINVAL, ENOSYS, EOPNOTSUPP, EPERM, IGNORED};
    for answer in [EPERM, EOPNOTSUPP, EINVAL, ENOSYS, IGNORED] {
        let place = Place::with_skills(25);
        let disk = FileSystem::of(&place).with("FS_CHMOD", answer);
        let first = disk.run(&["sync", "--json"]);
        assert_eq!(first.code, 0, "{answer}: {}", first.stderr);
        let told = warnings(&first);
        assert!(
            told.len() == 1 && told[0].contains("cannot be protected"),
            "{answer}: {told:?}"
        );
        let second = disk.run(&["sync", "--json"]);
        assert_eq!(second.code, 0, "{answer}: {}", second.stderr);
        assert_eq!(warnings(&second), [""; 0], "{answer}");
        // In another folder than the default one too.
        let named = disk.run(&["sync", "--json", "--db", "other/skills.db"]);
        assert_eq!(named.code, 0, "{answer}: {}", named.stderr);
        assert_eq!(warnings(&named).len(), 1, "{answer}");
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
    assert_eq!(warnings(&outcome), [""; 0]);
}

#[test]
fn another_failure_to_protect_a_new_file_leaves_none() {
    let place = Place::with_skills(25);
    let disk = FileSystem::of(&place).with("FS_CHMOD", 5);
    let outcome = disk.run(&["sync"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stdout);
    assert!(outcome.stderr.contains("protect"), "{}", outcome.stderr);
    assert_eq!(left(&place), [""; 0]);
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
        assert_eq!(journal_mode(&place), "delete");
        place.assert_sound();
    }
}

#[test]
fn a_write_ahead_log_without_shared_memory_is_applied_and_given_up() {
    let place = Place::with_skills(120);
    place.ok(&["sync"]);
    assert_eq!(journal_mode(&place), "wal");
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
    assert_eq!(journal_mode(&place), "delete");
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

const NFS: i64 = 0x6969;
const FUSE: i64 = 0x6573_5546;

/// The line in the lock file.
fn line(place: &Place) -> String {
    fs::read_to_string(place.path(".skillsmith/skills.db-sync-lock")).unwrap()
}

/// A sync that hangs in its second page.
fn hanging(place: &Place, disk: &FileSystem<'_>) -> Running {
    place.server().fault(Fault::stall_after(100).at_request(2));
    let sync = disk.start(&["sync"]);
    wait_until("the second page stalls", || {
        place.server().listings().len() >= 2
    });
    sync
}

#[test]
fn a_file_system_of_several_machines_is_told_everywhere_and_has_no_write_ahead_log() {
    for (number, name) in [
        (NFS, "NFS"),
        (0xFE53_4D42, "SMB2"),
        (0x0102_1997, "9P"),
        (FUSE, "FUSE"),
    ] {
        let place = Place::with_skills(25);
        let disk = FileSystem::of(&place).with("FS_TYPE", number);
        for _ in 0..2 {
            let outcome = disk.run(&["sync", "--json"]);
            assert_eq!(outcome.code, 0, "{name}: {}", outcome.stderr);
            let told = warnings(&outcome);
            assert!(
                told.len() == 1 && told[0].contains(&format!("at the same time ({name})")),
                "{told:?}"
            );
            assert_eq!(line(&place), "", "released");
        }
        assert_eq!(journal_mode(&place), "delete");
        let status = disk.run(&["sync", "status", "--json"]).json();
        assert_eq!(status["sharedFileSystem"], name);
        assert_eq!(status["isRunning"], false);
        let text = disk.run(&["sync", "status"]).stdout;
        let expected = format!("File system: {name}, which other machines");
        assert!(text.contains(&expected), "{text}");
        assert!(
            text.contains("Journal:     delete (other machines"),
            "{text}"
        );
        let doctor = disk.run(&["doctor", "--json"]).json();
        let findings = doctor["findings"].as_array().unwrap();
        let found = findings.iter().find(|one| one["name"] == "file system");
        assert_eq!(found.unwrap()["state"], "warning", "{doctor:#}");
    }
}

#[test]
fn a_local_file_system_has_nothing_of_that() {
    let place = Place::with_skills(250);
    let sync = hanging(&place, &FileSystem::of(&place));
    assert_eq!(line(&place), "");
    sync.signal(Signal::INT);
    assert_eq!(sync.end().code, 130);
    place.server().clear_faults();
    assert_eq!(warnings(&place.run(&["sync", "--json"])), [""; 0]);
    let status = place.json(&["sync", "status", "--json"]);
    assert_eq!(
        (&status["sharedFileSystem"], &status["journalMode"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn a_write_ahead_log_of_several_machines_is_warned_of() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    let disk = FileSystem::of(&place).with("FS_TYPE", NFS);
    let text = disk.run(&["doctor"]).stdout;
    assert!(text.contains("warning: journal: wal, which"), "{text}");
}

#[test]
fn a_sync_of_another_kernel_is_seen_as_long_as_it_runs() {
    let place = Place::with_skills(250);
    fs::write(place.path("boot"), "another-boot\n").unwrap();
    let one = FileSystem::of(&place)
        .with("FS_TYPE", NFS)
        .with("FS_NO_LOCKS", 1);
    let other = FileSystem::of(&place)
        .with("FS_TYPE", NFS)
        .with("FS_NO_LOCKS", 1)
        .with_path("FS_BOOT", &place.path("boot"));
    let mut sync = hanging(&place, &one);
    let entry: Value = serde_json::from_str(&line(&place)).unwrap();
    assert_eq!(entry["pid"], sync.child().id());
    for name in ["host", "boot"] {
        assert!(entry[name].is_string(), "{entry}");
    }
    let status = other.run(&["sync", "status", "--json"]).json();
    assert_eq!(status["isRunning"], true);
    let refused = other.run(&["sync", "--json"]);
    assert_eq!(refused.code, 4, "{}", refused.stdout);
    assert!(
        refused.stderr.contains("already in progress"),
        "{}",
        refused.stderr
    );
    let later: Value = serde_json::from_str(&line(&place)).unwrap();
    assert_eq!(later["id"], entry["id"]);
    assert!(later["number"].as_u64() > entry["number"].as_u64());
    sync.signal(Signal::INT);
    assert_eq!(sync.end().code, 130);
    assert_eq!(line(&place), "");
    place.server().clear_faults();
    let outcome = other.run(&["sync"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(place.count("SELECT count(*) FROM skills"), 250);
    place.assert_sound();
}

#[test]
fn the_line_of_a_dead_sync_of_another_kernel_is_taken_over() {
    let place = Place::with_skills(25);
    fs::create_dir(place.path(".skillsmith")).unwrap();
    let dead = r#"{"host":"gone","boot":"gone","pid":1,"id":1,"number":7}"#;
    fs::write(place.path(".skillsmith/skills.db-sync-lock"), dead).unwrap();
    let disk = FileSystem::of(&place).with("FS_TYPE", NFS);
    let outcome = disk.run(&["sync"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(line(&place), "");
    // One of this kernel is known to be dead by its lock.
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let ours = dead.replace(
        "\"boot\":\"gone\"",
        &format!("\"boot\":\"{}\"", boot.trim()),
    );
    for left in [&*ours, "not JSON", "{}"] {
        fs::write(place.path(".skillsmith/skills.db-sync-lock"), left).unwrap();
        let status = disk.run(&["sync", "status", "--json"]).json();
        assert_eq!(status["isRunning"], false, "{left}");
        assert_eq!(disk.run(&["sync"]).code, 0, "{left}");
        assert_eq!(line(&place), "");
    }
}

#[test]
fn a_wait_for_another_kernel_s_sync_can_be_cancelled() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    let dead = r#"{"host":"gone","boot":"gone","pid":1,"id":1,"number":7}"#;
    fs::write(place.path(".skillsmith/skills.db-sync-lock"), dead).unwrap();
    place.server().clear_requests();
    let disk = FileSystem::of(&place).with("FS_TYPE", NFS);
    let sync = disk.start(&["sync"]);
    std::thread::sleep(Duration::from_millis(500));
    sync.signal(Signal::INT);
    let outcome = sync.end();
    assert_eq!(outcome.code, 130, "{}", outcome.stderr);
    assert_eq!(line(&place), dead);
}

#[test]
fn damage_where_another_machine_may_be_writing_is_not_to_be_moved_away() {
    let place = Place::with_skills(250);
    place.ok(&["sync"]);
    let mut bytes = fs::read(place.database()).unwrap();
    bytes[100..20_000].fill(0x5a);
    fs::write(place.database(), bytes).unwrap();
    let local = place.run(&["sync"]);
    assert!(local.stderr.contains("move it away"), "{}", local.stderr);
    let disk = FileSystem::of(&place).with("FS_TYPE", NFS);
    for args in [&["sync"][..], &["sync", "status"], &["doctor"]] {
        let outcome = disk.run(args);
        let told = outcome.stdout + &outcome.stderr;
        assert_eq!(outcome.code, 1, "{told}");
        assert!(
            told.contains("one of them may be writing to it") && !told.contains("move"),
            "{args:?}: {told}"
        );
    }
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
    std::thread::sleep(Duration::from_millis(200));
    sync.signal(Signal::INT);
    assert_eq!(sync.end().code, 130);
    place.assert_sound();
}
