//! Errors of the operating system are reported as such: limits, read-only mounts, full disks, file
//! names.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{Outcome, Place, wait_until};

/// Runs the program from a shell script, in which `"$@"` is its command line.
fn behind(place: &Place, shell: &str, args: &[&str]) -> Outcome {
    let mut all = vec!["-c", shell, "sh", env!("CARGO_BIN_EXE_skillsmith")];
    all.extend(args);
    Outcome::of(&mut place.command_of("/bin/sh", &all))
}

/// Runs the program with the folder `source` mounted read-only at `ro`.
fn read_only(place: &Place, args: &[&str]) -> Outcome {
    fs::create_dir_all(place.path("ro")).unwrap();
    let shell = "mount --bind source ro && mount -o remount,bind,ro ro && exec \"$@\"";
    mounted(place, shell, args)
}

fn mounted(place: &Place, shell: &str, args: &[&str]) -> Outcome {
    let probe = Command::new("unshare").args(["-m", "true"]).output();
    assert!(
        probe.is_ok_and(|probe| probe.status.success()),
        "This test mounts a file system of its own, which needs `unshare -m` and the right to mount. Run it as root."
    );
    let mut all = vec![
        "-m",
        "/bin/sh",
        "-c",
        shell,
        "sh",
        env!("CARGO_BIN_EXE_skillsmith"),
    ];
    all.extend(args);
    Outcome::of(&mut place.command_of("unshare", &all))
}

/// The limit holds for a user who is not root, and counts what else this user runs: nobody else is this one.
#[test]
fn a_limit_of_processes_is_not_a_lack_of_memory() {
    let place = Place::with_skills(25);
    fs::set_permissions(place.home(), fs::Permissions::from_mode(0o777)).unwrap();
    let program = place.path("skillsmith");
    fs::copy(env!("CARGO_BIN_EXE_skillsmith"), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut limited = place.command_of("prlimit", &["--nproc=1:1"]);
    if rustix::process::getuid().is_root() {
        limited.args([
            "setpriv",
            "--reuid=64321",
            "--regid=64321",
            "--clear-groups",
        ]);
    }
    let outcome = Outcome::of(limited.arg(program).args(["sync", "--json"]));
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    let told = outcome.json();
    assert_eq!(told["code"], "OUT_OF_MEMORY", "{told}");
    let error = told["errors"][0].as_str().unwrap();
    assert!(
        error.contains("no more threads") && error.contains("ulimit -u"),
        "{error}"
    );
}

#[test]
fn promise_13_too_few_descriptors_are_told_as_that() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    let mut told = 0;
    for limit in 3..16 {
        let shell = format!("ulimit -n {limit}; exec \"$@\"");
        let outcome = behind(&place, &shell, &["sync", "status", "--json"]);
        if outcome.code == 0 {
            assert!(told > 0, "{limit}");
            continue;
        }
        // With less, the program cannot even be loaded.
        if outcome
            .stderr
            .contains("error while loading shared libraries")
        {
            continue;
        }
        assert_eq!(outcome.code, 1, "{limit}: {}", outcome.stderr);
        assert!(
            outcome.stderr.contains("too many files are open"),
            "{limit}: {}",
            outcome.stderr
        );
        let document = outcome.json();
        assert_eq!(document["error"]["code"], "TOO_MANY_FILES");
        assert_eq!(document["error"]["retryable"], true);
        told += 1;
    }
    assert!(told > 0);
    place.assert_sound();
}

#[test]
fn promise_13_a_file_over_the_process_s_limit_is_told_as_that() {
    let place = Place::with_skills(3_000);
    // In units of 512 or 1,024 bytes.
    let outcome = behind(&place, "ulimit -f 300; exec \"$@\"", &["sync"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    let words = "Raise the limit (`ulimit -f`), and try again.";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    place.assert_sound();
    place.ok(&["sync"]);
    assert_eq!(place.count("SELECT count(*) FROM skills"), 3_000);
}

#[test]
fn promise_13_a_file_over_the_limit_before_there_is_any() {
    let place = Place::with_skills(30);
    let outcome = behind(&place, "ulimit -f 8; exec \"$@\"", &["sync"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    let words = "Raise the limit (`ulimit -f`), and try again.";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    place.ok(&["sync"]);
    place.assert_sound();
}

#[test]
fn promise_13_a_small_stack_is_enough() {
    let place = Place::with_skills(250);
    for limit in [64, 128, 256] {
        let shell = format!("ulimit -s {limit}; exec \"$@\"");
        for args in [
            &["sync", "--force"][..],
            &["sync", "status", "--json"],
            &["sync", "history"],
            &["doctor", "--check"],
            &["--help"],
        ] {
            let outcome = behind(&place, &shell, args);
            assert_eq!(outcome.code, 0, "{limit} {args:?}: {}", outcome.stderr);
        }
    }
    assert_eq!(place.count("SELECT count(*) FROM skills"), 250);
}

/// A variable for Rust's own tools, which a developer's shell may have.
#[test]
fn promise_13_the_stacks_of_threads_are_not_those_of_the_environment() {
    let place = Place::with_skills(25);
    for size in ["1", "16384", "65536", "999999999999999"] {
        let mut command = place.command(&["sync", "--force"]);
        let outcome = Outcome::of(command.env("RUST_MIN_STACK", size));
        assert_eq!(outcome.code, 0, "{size}: {}", outcome.stderr);
    }
}

#[test]
fn promise_13_names_and_folders_that_cannot_be_are_told_as_that() {
    let place = Place::with_skills(25);
    fs::write(place.path("file"), "").unwrap();
    let long = format!("{}.db", "l".repeat(300));
    for (path, expected) in [
        (long.as_str(), "File name too long"),
        ("file/skills.db", "file is not a folder. Move it away"),
        ("data/", "is a folder"),
        ("file/", "is a folder"),
    ] {
        for args in [&["sync"][..], &["sync", "status"], &["sync", "--dry-run"]] {
            let outcome = Outcome::of(place.command(args).args(["--db", path]));
            assert_eq!(outcome.code, 1, "{args:?} {path}: {}", outcome.stdout);
            assert!(
                outcome.stderr.contains(expected) && !outcome.stderr.contains("permission"),
                "{args:?} {path}: {}",
                outcome.stderr
            );
        }
    }
    let mut left: Vec<_> = fs::read_dir(place.home())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["file"]);
}

#[test]
fn a_file_in_the_place_of_the_home_folder_of_the_program_is_named() {
    let place = Place::with_skills(25);
    fs::write(place.path(".skillsmith"), "").unwrap();
    for args in [&["sync"][..], &["sync", "status"], &["doctor"]] {
        let outcome = Outcome::of(&mut place.command(args));
        assert_eq!(outcome.code, 1, "{args:?}");
        let said = place.settled(&(outcome.stdout + &outcome.stderr));
        assert!(
            said.contains(
                "<home>/.skillsmith is not a folder. Move it away, or choose another path"
            ),
            "{args:?}: {said}"
        );
    }
}

#[test]
fn a_working_folder_that_was_deleted_is_told_where_it_matters() {
    let place = Place::with_skills(25);
    let shell = "mkdir gone && cd gone && rmdir ../gone && exec \"$@\"";
    let outcome = behind(&place, shell, &["sync", "--db", "x.db"]);
    assert_eq!(outcome.code, 1);
    let said = "error: Cannot find x.db: the folder that this program was started in cannot be used \
                (No such file or directory (os error 2)). Change to another one, or give an absolute path.";
    assert_eq!(outcome.stderr.trim_end(), said);
    let outcome = behind(&place, shell, &["sync"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

#[test]
fn what_looks_like_a_file_in_proc_and_sys_is_neither_read_nor_written() {
    let place = Place::with_skills(25);
    for path in [
        "/proc/self/mem",
        "/proc/self/oom_score_adj",
        "/sys/kernel/mm/transparent_hugepage/enabled",
    ] {
        for args in [&["sync"][..], &["sync", "status"], &["sync", "history"]] {
            let outcome = Outcome::of(place.command(args).args(["--db", path]));
            assert_eq!(outcome.code, 1, "{args:?} {path}: {}", outcome.stdout);
            let said =
                format!("error: {path} is not a regular file. Give the path of a database file.");
            assert_eq!(outcome.stderr.trim_end(), said, "{args:?}");
        }
    }
}

/// As in a container that takes this capability away; an attribute such as `chattr +i` is told in the same way.
#[test]
fn root_without_its_privilege_is_told_where_to_look() {
    let place = Place::with_skills(25);
    place.ok(&["sync", "--db", "other.db"]);
    let shell = "chown 65534 other.db && chmod 400 other.db && \
                 exec setpriv --inh-caps=-all --bounding-set=-dac_override,-dac_read_search \"$@\"";
    let outcome = behind(&place, shell, &["sync", "--db", "other.db"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stdout);
    assert!(
        outcome
            .stderr
            .contains("other.db. Root is refused by attributes"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn promise_13_a_path_that_is_too_long_for_sqlite_is_told_as_that() {
    let place = Place::with_skills(25);
    let deep = format!("{}x.db", "e/".repeat(250));
    for args in [&["sync"][..], &["sync", "--dry-run"], &["doctor"]] {
        let outcome = Outcome::of(place.command(args).args(["--db", &deep]));
        assert_eq!(outcome.code, 1, "{args:?}");
        let said = outcome.stdout + &outcome.stderr;
        assert!(
            said.contains("SQLite takes up to 503. Choose a shorter one"),
            "{args:?}: {said}"
        );
    }
    assert!(!place.path("e").exists());
    // The longest that there can be.
    let left = 503 - place.home().canonicalize().unwrap().as_os_str().len() - 1;
    let name = "f/".repeat(left / 2 - 3) + &"x".repeat(left - (left / 2 - 3) * 2);
    let outcome = place.run(&["sync", "--db", &name]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

#[test]
fn promise_15_a_full_disk_is_told_as_that_and_leaves_no_file() {
    let place = Place::with_skills(25);
    fs::create_dir(place.path("full")).unwrap();
    let shell = "mount -t tmpfs -o size=64k,nr_inodes=10 none full && \
                 dd if=/dev/zero of=full/filler bs=4096 count=15 2>/dev/null; \
                 \"$@\"; code=$?; ls full >&2; exit $code";
    let outcome = mounted(&place, shell, &["sync", "--db", "full/skills.db"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("The disk is full"),
        "{}",
        outcome.stderr
    );
    let names: Vec<_> = outcome.stderr.lines().skip(1).collect();
    assert_eq!(names, ["filler"], "{}", outcome.stderr);
    // Space, but no more inodes: for the folder, the -shm, and the lock file.
    for (inodes, db) in [
        (2, "full/a/skills.db"),
        (3, "full/skills.db"),
        (4, "full/skills.db"),
    ] {
        let shell = format!(
            "mount -t tmpfs -o size=4m,nr_inodes={inodes} none full && touch full/filler && exec \"$@\""
        );
        let outcome = mounted(&place, &shell, &["sync", "--db", db, "--json"]);
        assert_eq!(outcome.code, 1, "{inodes}: {}", outcome.stdout);
        assert!(
            outcome.stderr.contains("no free inodes"),
            "{inodes}: {}",
            outcome.stderr
        );
        let told = mounted(&place, &shell, &["doctor", "--db", db]);
        assert!(
            told.stdout.contains("free inodes"),
            "{inodes}: {}",
            told.stdout
        );
        assert!(
            !told.stdout.contains("Nothing is wrong"),
            "{inodes}: {}",
            told.stdout
        );
    }
    // What is there already needs none: a sync works with as many as it creates.
    for (journal, inodes, code) in [
        ("wal", 2, 1),
        ("wal", 3, 0),
        ("delete", 1, 1),
        ("delete", 2, 0),
    ] {
        place.ok(&["sync", "--db", "copy.db"]);
        fs::remove_file(place.path("copy.db-sync-lock")).unwrap();
        let conn = rusqlite::Connection::open(place.path("copy.db")).unwrap();
        conn.pragma_update(None, "journal_mode", journal).unwrap();
        drop(conn);
        let all = inodes + 2;
        let shell = format!(
            "mount -t tmpfs -o size=4m,nr_inodes={all} none full && cp copy.db full/skills.db && exec \"$@\""
        );
        for args in [
            &["doctor", "--db", "full/skills.db"][..],
            &["sync", "--db", "full/skills.db"],
        ] {
            let outcome = mounted(&place, &shell, args);
            assert_eq!(
                outcome.code, code,
                "{journal}, {inodes}, {args:?}: {}{}",
                outcome.stdout, outcome.stderr
            );
        }
    }
    let shell = "mount -t tmpfs -o size=64k none full && exec \"$@\"";
    let told = mounted(&place, shell, &["doctor", "--db", "full/skills.db"]);
    assert!(
        told.stdout.contains("has only 64 KiB free"),
        "{}",
        told.stdout
    );
}

/// The files beside the database in `source`.
fn left(place: &Place) -> Vec<String> {
    place.names_in("source")
}

#[test]
fn a_check_on_a_full_disk_says_that_a_sync_fails() {
    let place = Place::with_skills(500);
    std::fs::create_dir(place.path("full")).unwrap();
    let shell =
        "mount -t tmpfs -o size=300k none full && { \"$1\" sync --db full/s.db; exec \"$@\"; }";
    let outcome = mounted(&place, shell, &["doctor", "--db", "full/s.db"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stdout);
    assert!(
        outcome.stderr.contains("The disk is full"),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stdout.contains("not counted: The disk is full"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn promise_13_a_database_on_a_read_only_mount_can_be_read() {
    let place = Place::with_skills(25);
    place.ok(&["sync", "--db", "source/skills.db"]);
    fs::remove_file(place.path("source/skills.db-sync-lock")).unwrap();
    assert_eq!(left(&place), ["skills.db"], "closed in WAL mode");
    place.server().catalogue(|catalogue| catalogue.add(5, 3));
    let db = ["--db", "ro/skills.db"];
    let status = read_only(&place, &[&["sync", "status", "--json"][..], &db].concat());
    assert_eq!(status.code, 0, "{}", status.stderr);
    assert_eq!(status.json()["stats"]["successfulRuns"], 1);
    let text = read_only(&place, &[&["sync", "status"][..], &db].concat());
    assert!(text.stdout.contains("25"), "{}", text.stdout);
    let doctor = read_only(&place, &[&["doctor"][..], &db].concat());
    for words in [
        "\njournal:     wal\n",
        "cannot be written; a sync creates files in it",
        "\nOne thing is wrong.\n",
    ] {
        assert!(doctor.stdout.contains(words), "{words}: {}", doctor.stdout);
    }
    let history = read_only(&place, &[&["sync", "history", "--json"][..], &db].concat());
    assert_eq!(history.json()[0]["skillsAdded"], 25);
    let config = read_only(&place, &[&["sync", "config", "--json"][..], &db].concat());
    assert_eq!(config.json()["frequency"], "daily");
    let dry = read_only(
        &place,
        &[&["sync", "--dry-run", "--json"][..], &db].concat(),
    );
    assert_eq!(dry.code, 0, "{}", dry.stderr);
    assert_eq!(dry.json()["skillsAdded"], 5);
    for args in [&["sync"][..], &["sync", "config", "--disable"]] {
        let outcome = read_only(&place, &[args, &db].concat());
        assert_eq!(outcome.code, 1, "{args:?}");
        assert!(
            outcome.stderr.contains("mounted read-only") && !outcome.stderr.contains("permission"),
            "{args:?}: {}",
            outcome.stderr
        );
    }
    // Nothing can be created there, and nothing is searched for.
    let missing = read_only(&place, &["sync", "--db", "ro/other.db"]);
    assert_eq!(missing.code, 1);
    assert!(
        missing.stderr.contains("mounted read-only"),
        "{}",
        missing.stderr
    );
    assert_eq!(left(&place), ["skills.db"]);
}

#[test]
fn promise_13_a_read_only_mount_with_a_journal_is_told_as_that() {
    let place = Place::with_skills(25);
    place.ok(&["sync", "--db", "made/skills.db"]);
    let conn = rusqlite::Connection::open(place.path("made/skills.db")).unwrap();
    conn.execute_batch("UPDATE sync_config SET enabled = 0")
        .unwrap();
    fs::create_dir(place.path("source")).unwrap();
    for name in ["skills.db", "skills.db-wal"] {
        // Like a backup made while a program had the database open; by another process.
        let copied = Command::new("cp")
            .arg(place.path("made").join(name))
            .arg(place.path("source"))
            .status()
            .unwrap();
        assert!(copied.success());
    }
    drop(conn);
    for args in [
        &["sync", "status"][..],
        &["sync", "history"],
        &["sync", "--dry-run"],
    ] {
        let outcome = read_only(&place, &[args, &["--db", "ro/skills.db"]].concat());
        assert_eq!(outcome.code, 1, "{args:?}: {}", outcome.stdout);
        assert!(
            outcome.stderr.contains("mounted read-only")
                && outcome.stderr.contains("skills.db-wal")
                && outcome.stderr.contains("Copy both files"),
            "{args:?}: {}",
            outcome.stderr
        );
    }
    assert_eq!(left(&place), ["skills.db", "skills.db-wal"]);
}

#[test]
fn promise_12_ctrl_c_while_a_locked_database_is_opened() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    let host = place.look();
    let mode: String = host
        .query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "delete");
    host.execute_batch("BEGIN EXCLUSIVE").unwrap();
    for args in [
        &["sync"][..],
        &["sync", "status"],
        &["sync", "config", "--disable"],
    ] {
        let mut waiting = place.start(args);
        let pid = waiting.child().id();
        wait_until("it has the file open", || has_open(pid, &place.database()));
        std::thread::sleep(Duration::from_millis(100));
        waiting.signal(Signal::INT);
        let outcome = waiting.end();
        assert_eq!(outcome.code, 130, "{args:?}: {}", outcome.stderr);
    }
    host.execute_batch("COMMIT").unwrap();
    place.ok(&["sync"]);
}

fn has_open(pid: u32, path: &Path) -> bool {
    fs::read_dir(format!("/proc/{pid}/fd")).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == path))
    })
}

#[test]
fn promise_3_closed_descriptors_do_no_harm() {
    let place = Place::with_skills(200);
    for closed in ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"] {
        let shell = format!("exec \"$@\" {closed}");
        let outcome = behind(&place, &shell, &["sync", "--force"]);
        assert!([0, 1].contains(&outcome.code), "{closed}: {}", outcome.code);
        place.assert_sound();
        assert_eq!(place.count("SELECT count(*) FROM skills"), 200);
    }
}

/// Runs the program without a variable for the home folder, where `passwd` is the system's list of users.
fn homeless(place: &Place, passwd: &str, args: &[&str]) -> Outcome {
    fs::write(place.path("passwd"), passwd).unwrap();
    // Other sources of users would add their own.
    fs::write(place.path("nsswitch"), "passwd: files\n").unwrap();
    let shell = "mount --bind passwd /etc/passwd || exit
        if [ -e /etc/nsswitch.conf ]; then mount --bind nsswitch /etc/nsswitch.conf || exit; fi
        unset HOME USERPROFILE
        exec \"$@\"";
    mounted(place, shell, args)
}

#[test]
fn without_a_variable_the_home_folder_is_that_of_the_list_of_users() {
    let place = Place::with_skills(15);
    let uid = rustix::process::getuid().as_raw();
    let passwd = format!("me:x:{uid}:0::{}:/bin/sh\n", place.home().display());
    let outcome = homeless(&place, &passwd, &["sync"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(place.database().exists());
    let outcome = homeless(&place, &passwd, &["sync", "--db=~/tilde.db"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(place.path("tilde.db").exists());
    // The configuration is looked for there too.
    fs::write(place.path(".skillsmith/config.json"), "{").unwrap();
    let outcome = homeless(&place, &passwd, &["sync"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stdout);
    let file = place.path(".skillsmith/config.json");
    let told = format!("Cannot read {}", file.display());
    assert!(outcome.stderr.contains(&told), "{}", outcome.stderr);
}

#[test]
fn no_home() {
    let place = Place::without_registry();
    let others = "nobody:x:65534:65534::/:/bin/sh\n";
    let outcome = homeless(&place, others, &["sync", "status"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
    assert_eq!(
        outcome.stderr,
        "error: Cannot choose a path for the database: no home folder was found (HOME must be an absolute path). Give the path of the database, or set SKILLSMITH_DB_PATH to it, without ~/.\n"
    );
    let outcome = homeless(&place, others, &["sync", "status", "--db", "x.db"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}
