//! What other users may have put where this program looks, and what others have written.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;

use serde_json::Value;

use crate::support::{Outcome, Place};

/// Of nobody on this machine.
const STRANGER: u32 = 54_321;

/// The program, which is ended if it hangs.
fn run(place: &Place, args: &[&str]) -> Outcome {
    let mut all = vec!["20", env!("CARGO_BIN_EXE_skillsmith")];
    all.extend(args);
    Outcome::of(&mut place.command_of("timeout", &all))
}

fn make_pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}

fn make_socket(path: &Path) {
    drop(std::os::unix::net::UnixListener::bind(path).unwrap());
}

fn remove(path: &Path) {
    if path.is_dir() {
        fs::remove_dir(path).unwrap();
    } else {
        fs::remove_file(path).unwrap();
    }
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

#[cfg(target_os = "linux")]
#[test]
fn a_new_database_is_its_owner_s_from_its_first_byte() {
    use crate::support::FileSystem;
    for umask in ["000", "022", "077"] {
        let place = Place::with_skills(25);
        let list = tempfile::NamedTempFile::new().unwrap();
        let disk = FileSystem::of(&place).with_path("FS_CREATED", list.path());
        let shell = format!("umask {umask}; exec \"$@\"");
        for db in [".skillsmith/skills.db", "other/skills.db", "here.db"] {
            let outcome = disk.run_behind(&shell, &["sync", "--db", db]);
            assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        }
        let list = fs::read_to_string(list.path()).unwrap();
        let created: Vec<_> = list.lines().collect();
        for suffix in ["skills.db", "here.db", "-wal", "-shm", "-sync-lock"] {
            assert!(created.iter().any(|line| line.ends_with(suffix)), "{list}");
        }
        for line in created {
            assert!(line.starts_with("600 "), "umask {umask}: {line}");
        }
        for folder in [".skillsmith", "other"] {
            let mode = fs::metadata(place.path(folder))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o700, "{folder}");
        }
    }
}

#[test]
fn an_empty_file_of_another_user_does_not_become_a_database() {
    let place = Place::with_skills(25);
    fs::write(place.path("skills.db"), "").unwrap();
    place.ok(&["sync", "--db", "skills.db"]);
    if !is_root() {
        return;
    }
    let file = place.path("theirs.db");
    fs::write(&file, "").unwrap();
    chown(&file, Some(STRANGER), None).unwrap();
    let outcome = run(&place, &["sync", "--db", "theirs.db"]);
    assert_eq!(outcome.code, 1);
    assert_eq!(
        place.settled(&outcome.stderr),
        "error: Cannot use <home>/theirs.db: it belongs to another user (number 54321). Choose another path, or delete the file.\n"
    );
    assert_eq!(fs::metadata(&file).unwrap().len(), 0);
    let told = run(&place, &["doctor", "--db", "theirs.db"]);
    assert_eq!(told.code, 1, "{}", told.stdout);
    assert!(
        told.stdout
            .contains("theirs.db: it belongs to another user (number 54321)"),
        "{}",
        told.stdout
    );
}

#[test]
fn what_stands_in_the_place_of_the_lock_file_is_refused_without_waiting() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    let lock = place.path(".skillsmith/skills.db-sync-lock");
    let target = place.path("target");
    let put: [(&str, &dyn Fn()); 6] = [
        ("is not a regular file but a named pipe", &|| {
            make_pipe(&lock);
        }),
        ("is not a regular file but a socket", &|| make_socket(&lock)),
        ("is not a regular file but a folder", &|| {
            fs::create_dir(&lock).unwrap();
        }),
        ("is a symbolic link", &|| symlink(&target, &lock).unwrap()),
        ("is another name of a file with content", &|| {
            fs::write(&target, "mine").unwrap();
            fs::hard_link(&target, &lock).unwrap();
        }),
        ("belongs to another user (number 54321)", &|| {
            fs::write(&lock, "").unwrap();
            if is_root() {
                chown(&lock, Some(STRANGER), None).unwrap();
            }
        }),
    ];
    for (why, put) in put {
        if why.contains("user") && !is_root() {
            continue;
        }
        remove(&lock);
        put();
        let outcome = run(&place, &["sync"]);
        assert_eq!(outcome.code, 1, "{why}: {}", outcome.stderr);
        let told = place.settled(&outcome.stderr);
        assert!(
            told.contains("<home>/.skillsmith/skills.db-sync-lock: it "),
            "{told}"
        );
        assert!(told.contains(why) && told.contains("Delete it"), "{told}");
        for args in [
            &["sync", "status"][..],
            &["sync", "history"],
            &["sync", "config"],
            &["doctor"],
        ] {
            let outcome = run(&place, args);
            assert_ne!(outcome.code, 124, "{why}: {args:?} hangs");
        }
        let doctor = run(&place, &["doctor"]);
        assert_eq!(doctor.code, 1, "{why}: {}", doctor.stdout);
        assert!(doctor.stdout.contains(why), "{why}: {}", doctor.stdout);
        let status = run(&place, &["sync", "status", "--json"]);
        assert_eq!(status.json()["isRunning"], false, "{why}");
    }
    assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
    fs::remove_file(&lock).unwrap();
    place.ok(&["sync"]);
    assert!(!place.path("target-sync-lock").exists());
}

#[test]
fn a_lock_file_of_the_owner_of_its_folder_is_used() {
    if !is_root() {
        return;
    }
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    for path in [
        ".skillsmith",
        ".skillsmith/skills.db-sync-lock",
        ".skillsmith/skills.db",
    ] {
        chown(place.path(path), Some(STRANGER), None).unwrap();
    }
    fs::write(place.path(".skillsmith/config.json"), "{}").unwrap();
    chown(place.path(".skillsmith/config.json"), Some(STRANGER), None).unwrap();
    place.ok(&["sync"]);
}

#[test]
fn promise_10_a_folder_that_another_made_in_a_shared_home_chooses_no_registry() {
    if !is_root() {
        return;
    }
    let place = Place::with_skills(25);
    let (folder, file) = (
        place.path(".skillsmith"),
        place.path(".skillsmith/config.json"),
    );
    fs::create_dir(&folder).unwrap();
    fs::write(&file, r#"{"apiKey": "sk-of-others-01"}"#).unwrap();
    for path in [&folder, &file] {
        chown(path, Some(STRANGER), None).unwrap();
    }
    let mode = |mode| fs::set_permissions(place.home(), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o1777);
    let outcome = run(&place, &["sync"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stdout);
    let expected = "config.json: its folder belongs to another user (number 54321), and every user may make one there";
    assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
    assert!(place.server().requests().is_empty());
    // Where the whole home is theirs, or nobody else may make a folder in it, it is what this user wants.
    chown(place.home(), Some(STRANGER), None).unwrap();
    let outcome = run(&place, &["sync"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    chown(place.home(), Some(0), None).unwrap();
    mode(0o755);
    place.ok(&["sync"]);
    let doctor = place.ok(&["doctor"]);
    assert!(
        doctor.contains("its owner (user 54321) can write to it"),
        "{doctor}"
    );
}

#[test]
fn promise_15_a_link_of_another_user_chooses_no_place_for_a_new_database() {
    if !is_root() {
        return;
    }
    let place = Place::with_skills(25);
    fs::create_dir_all(place.path("shared")).unwrap();
    let target = place.path("elsewhere.db");
    let link = place.path("shared/skills.db");
    symlink(&target, &link).unwrap();
    let args = ["sync", "--db", link.to_str().unwrap()];
    std::os::unix::fs::lchown(&link, Some(STRANGER), None).unwrap();
    let outcome = run(&place, &args);
    assert_eq!(outcome.code, 1, "{}", outcome.stdout);
    let words = "it belongs to another user (number 54321)";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    assert!(!target.exists());
    // One's own link to a file that is not there yet is where it is wanted.
    std::os::unix::fs::lchown(&link, Some(0), None).unwrap();
    place.ok(&args);
    assert!(target.exists());
}

/// As in a folder that several users share.
#[test]
fn a_lock_file_that_only_its_owner_may_open_is_told_by_sync_and_doctor() {
    if !is_root() {
        return;
    }
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    let folder = place.path(".skillsmith");
    let mode = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    for (name, bits) in [("skills.db", 0o666), ("skills.db-sync-lock", 0o600)] {
        mode(&folder.join(name), bits);
    }
    mode(&folder, 0o777);
    mode(place.home(), 0o777);
    let as_stranger = |args: &[&str]| {
        let mut command = place.command(args);
        command.uid(STRANGER).gid(STRANGER);
        Outcome::of(&mut command)
    };
    let sync = as_stranger(&["sync"]);
    assert_eq!(sync.code, 1, "{}", sync.stdout);
    let words = "No permission to open";
    assert!(
        sync.stderr.contains(words) && sync.stderr.contains("-sync-lock"),
        "{}",
        sync.stderr
    );
    let doctor = as_stranger(&["doctor"]);
    assert_eq!(doctor.code, 1, "{}", doctor.stdout);
    assert!(
        doctor.stdout.contains("lock file: No permission to open"),
        "{}",
        doctor.stdout
    );
}

#[test]
fn a_configuration_that_another_put_there_is_refused() {
    let place = Place::with_skills(25);
    fs::create_dir(place.path(".skillsmith")).unwrap();
    let file = place.path(".skillsmith/config.json");
    let own = place.path("dotfiles.json");
    fs::write(&own, r#"{"apiKey": "sk-of-mine-0123"}"#).unwrap();
    // People keep it elsewhere, and link to it.
    symlink("../dotfiles.json", &file).unwrap();
    place.ok(&["sync"]);
    let sent = place.server().requests();
    assert_eq!(
        sent.last().unwrap().header("x-api-key"),
        Some("sk-of-mine-0123")
    );
    place.server().clear_requests();

    let strangers = place.path("strangers.json");
    fs::write(&strangers, r#"{"apiKey": "sk-of-others-01"}"#).unwrap();
    let put: [(&str, &dyn Fn()); 7] = [
        ("is not a regular file but a named pipe", &|| {
            make_pipe(&file);
        }),
        ("is not a regular file but a socket", &|| make_socket(&file)),
        ("is not a regular file but a folder", &|| {
            fs::create_dir(&file).unwrap();
        }),
        ("is not a regular file but a device", &|| {
            symlink("/dev/zero", &file).unwrap();
        }),
        ("is larger than 1048576 bytes", &|| {
            fs::File::create(&file).unwrap().set_len(1 << 30).unwrap();
        }),
        ("belongs to another user", &|| {
            symlink(&own, &file).unwrap();
            std::os::unix::fs::lchown(&file, Some(STRANGER), None).unwrap();
        }),
        ("belongs to another user", &|| {
            fs::copy(&strangers, &file).unwrap();
            chown(&file, Some(STRANGER), None).unwrap();
        }),
    ];
    for (why, put) in put {
        if why.contains("user") && !is_root() {
            continue;
        }
        remove(&file);
        put();
        let outcome = run(&place, &["sync"]);
        assert_eq!(outcome.code, 1, "{why}: {}", outcome.stderr);
        let told = place.settled(&outcome.stderr);
        assert!(told.contains("<home>/.skillsmith/config.json"), "{told}");
        assert!(told.contains(why), "{told}");
        assert!(place.server().requests().is_empty(), "{why}");
    }
}

#[test]
fn what_another_put_in_the_place_of_sqlites_own_files_is_refused() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    let before = fs::read(place.database()).unwrap();
    for suffix in ["-wal", "-shm", "-journal"] {
        for (db, is_there) in [
            (".skillsmith/skills.db", true),
            (".skillsmith/new.db", false),
        ] {
            let planted = place.path(&format!("{db}{suffix}"));
            let other = place.path("other-file");
            fs::write(&other, "mine").unwrap();
            let put: [(&str, &dyn Fn()); 6] = [
                ("it is not a regular file but a named pipe", &|| {
                    make_pipe(&planted);
                }),
                ("it is not a regular file but a socket", &|| {
                    make_socket(&planted);
                }),
                ("it is not a regular file but a folder", &|| {
                    fs::create_dir(&planted).unwrap();
                }),
                ("it is not a regular file but a symbolic link", &|| {
                    symlink(&other, &planted).unwrap();
                }),
                ("it is another name of a file (a hard link)", &|| {
                    fs::hard_link(&other, &planted).unwrap();
                }),
                ("it belongs to another user (number 54321)", &|| {
                    fs::write(&planted, "planted").unwrap();
                    chown(&planted, Some(STRANGER), None).unwrap();
                }),
            ];
            for (why, put) in put {
                if why.contains("user") && !is_root() {
                    continue;
                }
                put();
                let mut commands = vec![vec!["sync"], vec!["sync", "--dry-run"], vec!["doctor"]];
                if is_there {
                    commands.extend([vec!["sync", "status"], vec!["sync", "config", "--disable"]]);
                }
                for args in commands {
                    let all: Vec<_> = args.iter().copied().chain(["--db", db]).collect();
                    let outcome = run(&place, &all);
                    let told = format!("{}{}", outcome.stdout, outcome.stderr);
                    if !is_there && args != ["sync"] {
                        assert_ne!(outcome.code, 124, "{planted:?}: {args:?} hangs");
                        continue;
                    }
                    assert_eq!(outcome.code, 1, "{planted:?}: {args:?}: {told}");
                    assert!(
                        told.contains(suffix) && told.contains(why),
                        "{args:?}: {told}"
                    );
                }
                remove(&planted);
            }
            assert_eq!(fs::read_to_string(&other).unwrap(), "mine");
            assert!(!place.path(".skillsmith/new.db").exists());
        }
    }
    assert_eq!(fs::read(place.database()).unwrap(), before);
    place.ok(&["sync"]);
    // Whoever may write the database may have its journal.
    if is_root() {
        fs::set_permissions(place.database(), fs::Permissions::from_mode(0o660)).unwrap();
        let journal = place.path(".skillsmith/skills.db-wal");
        fs::write(&journal, "").unwrap();
        chown(&journal, Some(STRANGER), None).unwrap();
        place.ok(&["sync"]);
    }
}

/// The program as this user, in a folder where everybody may write.
fn as_user(place: &Place, user: u32, args: &[&str]) -> Outcome {
    let program = place.path("skillsmith");
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_skillsmith"), &program).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(place.home(), fs::Permissions::from_mode(0o777)).unwrap();
    }
    let (uid, gid) = (format!("--reuid={user}"), format!("--regid={user}"));
    let mut command = place.command_of("setpriv", &[&uid, &gid, "--clear-groups"]);
    Outcome::of(command.arg(program).args(args))
}

#[test]
fn what_a_reader_left_beside_the_database_is_named() {
    if !is_root() {
        return;
    }
    let place = Place::with_skills(25);
    let sync = ["sync", "--db", "shared.db"];
    let outcome = as_user(&place, STRANGER, &sync);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let shared = place.path("shared.db");
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o644)).unwrap();
    let status = ["sync", "status", "--db", "shared.db"];
    let outcome = as_user(&place, STRANGER + 1, &status);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    // SQLite of another user makes them, and cannot delete them.
    let left: Vec<_> = ["-wal", "-shm"]
        .map(|suffix| place.path(&format!("shared.db{suffix}")))
        .into_iter()
        .filter(|path| path.exists())
        .collect();
    assert!(!left.is_empty(), "nothing was left, so nothing is tried");
    for args in [&sync[..], &["doctor", "--db", "shared.db"]] {
        let outcome = as_user(&place, STRANGER, args);
        let told = place.settled(&format!("{}{}", outcome.stdout, outcome.stderr));
        assert_eq!(outcome.code, 1, "{told}");
        assert!(
            told.contains("<home>/shared.db-")
                && told.contains("it belongs to another user (number 54322)"),
            "{told}"
        );
    }
    for path in left {
        fs::remove_file(path).unwrap();
    }
    assert_eq!(as_user(&place, STRANGER, &sync).code, 0);
}

/// Characters that a terminal obeys, or does not show.
const HIDDEN: &str = "\u{1b}[2J\u{9b}31m\u{202e}evil\u{2066}\u{200b}\u{2028}\u{7f}\u{e0041}";

#[test]
fn what_others_wrote_is_shown_with_escapes() {
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    let look = place.look();
    look.execute(
        "UPDATE sync_history SET status = 'failed', error_message = ?1",
        [HIDDEN],
    )
    .unwrap();
    look.execute("UPDATE sync_config SET last_sync_error = ?1", [HIDDEN])
        .unwrap();
    drop(look);
    let is_hidden = |c: char| c != '\n' && (c.is_control() || HIDDEN.contains(c) && !c.is_ascii());
    for args in [&["sync", "status"][..], &["sync", "history"], &["doctor"]] {
        let outcome = run(&place, args);
        let text = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(!text.contains(is_hidden), "{args:?}: {text:?}");
        assert!(
            text.contains(r"\u{1b}[2J\u{9b}31m\u{202e}evil"),
            "{args:?}: {text}"
        );
        let mut args = args.to_vec();
        args.push("--json");
        let outcome = run(&place, &args);
        assert!(
            !outcome.stdout.contains(is_hidden),
            "{args:?}: {:?}",
            outcome.stdout
        );
        let document: Value = outcome.json();
        assert!(
            document.to_string().contains("evil"),
            "{args:?}: {document}"
        );
    }
    let entries = place.json(&["sync", "history", "--json"]);
    assert_eq!(entries[0]["errorMessage"], HIDDEN);
}

#[test]
fn a_key_too_short_to_be_hidden_is_refused() {
    let place = Place::with_skills(25);
    for name in ["SKILLSMITH_API_KEY", "SUPABASE_ANON_KEY"] {
        let mut command = place.command(&["sync"]);
        let outcome = Outcome::of(command.env(name, "sk-1234"));
        assert_eq!(outcome.code, 1);
        assert_eq!(
            outcome.stderr,
            format!("error: The key from {name} has fewer than 8 characters. Copy it again.\n")
        );
        assert!(place.server().requests().is_empty());
        let mut command = place.command(&["sync"]);
        assert_eq!(Outcome::of(command.env(name, "sk-12345")).code, 0);
        place.server().clear_requests();
    }
}

#[test]
fn a_key_goes_over_plain_http_to_this_machine_only() {
    let place = Place::with_skills(25);
    let address = "http://registry.invalid/functions/v1";
    let asked = |allow: Option<&str>, key: bool| {
        let mut command = place.command(&["sync"]);
        command.env("SKILLSMITH_API_URL", address);
        if key {
            command.env("SKILLSMITH_API_KEY", "sk-live-0123456789");
        }
        if let Some(allow) = allow {
            command.env("SKILLSMITH_ALLOW_INSECURE_HTTP", allow);
        }
        Outcome::of(&mut command).stderr
    };
    let told = asked(None, true);
    assert_eq!(
        told,
        "error: The registry's address is plain http to registry.invalid, so everybody on the way could read the API key \
         from SKILLSMITH_API_KEY. Use https, or set SKILLSMITH_ALLOW_INSECURE_HTTP=true if the network is your own.\n"
    );
    assert_eq!(asked(Some("false"), true), told);
    // Without a key, or where the user wants it, it is tried.
    for told in [asked(None, false), asked(Some("true"), true)] {
        assert!(told.contains("its name cannot be found"), "{told}");
    }
    let told = asked(Some("sure"), true);
    assert!(
        told.contains("SKILLSMITH_ALLOW_INSECURE_HTTP is neither true nor false"),
        "{told}"
    );
    assert!(!place.database().exists() || place.count("SELECT count(*) FROM skills") == 0);
}

/// Whoever may read a file can lock it for reading, which is not what a sync does.
#[test]
fn promise_6_a_reader_s_lock_is_not_told_as_a_sync() {
    use rustix::fs::{FlockOperation, fcntl_lock};
    let place = Place::with_skills(25);
    place.ok(&["sync"]);
    let lock_file = place.path(".skillsmith/skills.db-sync-lock");
    let holder = fs::File::open(&lock_file).unwrap();
    holder.lock_shared().unwrap();
    let told = |file: &Path| {
        let outcome = run(&place, &["sync"]);
        assert_eq!(outcome.code, 1, "{}", outcome.stderr);
        let words = format!(
            "{}: a program that is not a sync has locked it for reading",
            file.display()
        );
        assert!(outcome.stderr.contains(&words), "{}", outcome.stderr);
        let status = place.json(&["sync", "status", "--json"]);
        assert_eq!(status["isRunning"], false, "{status:#}");
    };
    told(&lock_file);
    drop(holder);
    place.ok(&["sync"]);
    let reader = fs::File::open(place.database()).unwrap();
    fcntl_lock(&reader, FlockOperation::NonBlockingLockShared).unwrap();
    told(&place.database());
    drop(reader);
    place.ok(&["sync"]);
}

#[test]
fn promise_10_a_link_that_another_made_in_a_shared_home_chooses_no_registry() {
    if !is_root() {
        return;
    }
    let place = Place::with_skills(25);
    let elsewhere = place.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(
        elsewhere.join("config.json"),
        r#"{"apiKey": "sk-of-others-01"}"#,
    )
    .unwrap();
    let link = place.path(".skillsmith");
    symlink(&elsewhere, &link).unwrap();
    std::os::unix::fs::lchown(&link, Some(STRANGER), None).unwrap();
    fs::set_permissions(place.home(), fs::Permissions::from_mode(0o1777)).unwrap();
    let outcome = run(&place, &["sync"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stdout);
    let words = "its folder is a link that belongs to another user (number 54321)";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    assert!(place.server().requests().is_empty());
    // One's own link is where it is wanted.
    std::os::unix::fs::lchown(&link, Some(0), None).unwrap();
    place.ok(&["sync"]);
}

/// A lease for writing: whoever opens the file next has to wait until it is given up.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a system call that no crate here has")]
fn lease(path: &Path) -> fs::File {
    use std::os::fd::AsRawFd;
    const F_SETSIG: i32 = 10;
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    // The signal that asks for it would end this process. This one is ignored.
    // SAFETY: no memory is involved.
    let is_set = unsafe {
        libc::fcntl(file.as_raw_fd(), F_SETSIG, libc::SIGURG) == 0
            && libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_WRLCK) == 0
    };
    assert!(is_set, "{}", std::io::Error::last_os_error());
    file
}

#[cfg(target_os = "linux")]
#[test]
fn a_lease_that_another_program_holds_is_told_and_not_waited_for() {
    let place = Place::with_skills(5);
    place.ok(&["sync"]);
    let look = place.look();
    look.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE")
        .unwrap();
    drop(look);
    let config = place.path(".skillsmith/config.json");
    fs::write(&config, "{}").unwrap();
    let lock_file = place.path(".skillsmith/skills.db-sync-lock");
    let commands: [&[&str]; 3] = [&["sync"], &["sync", "status"], &["doctor"]];
    for (path, fails) in [
        (place.database(), [true, true, true]),
        (lock_file, [true, false, true]),
        (config, [true, false, true]),
    ] {
        for (args, fails) in commands.iter().zip(fails) {
            let held = lease(&path);
            // The system would have it wait for 45 s, and `run` ends it after 20.
            let outcome = run(&place, args);
            let said = format!("{}{}", outcome.stdout, outcome.stderr);
            let what = format!("{}: {args:?}: {said}", path.display());
            assert_eq!(outcome.code, i32::from(fails), "{what}");
            assert!(!fails || said.contains("holds a lease on it"), "{what}");
            assert!(!said.contains("os error"), "{what}");
            drop(held);
        }
    }
    place.ok(&["sync"]);
}
