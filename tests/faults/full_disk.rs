//! Full disks: a small tmpfs that grows later, and a limit to the size of files.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use skillsmith_test_registry::{Catalogue, Options, Server};

use crate::invariants::{self, Served, Snapshot};
use crate::rig::{Told, in_surroundings};

/// They need more space than any disk in these tests has.
const SKILLS: usize = 2_000;

/// A process in its own mount namespace, with a tmpfs mounted over a folder. The tmpfs is visible
/// only inside, and disappears with the process.
struct Disk {
    keeper: Child,
    folder: tempfile::TempDir,
}

impl Disk {
    fn new(kib: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let is_root = rustix::process::geteuid().is_root();
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private"]);
        if !is_root {
            command.args(["--user", "--map-root-user"]);
        }
        let script =
            "mount -t tmpfs -o size=\"$1\"k,mode=700 tmpfs \"$2\" && echo mounted && read -r _";
        command
            .args(["sh", "-c", script, "sh", &kib.to_string()])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut keeper = command
            .spawn()
            .expect("unshare is needed (Debian: apt-get install util-linux)");
        let mut line = String::new();
        BufReader::new(keeper.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        if line != "mounted\n" {
            drop(keeper.stdin.take());
            let output = keeper.wait_with_output().unwrap();
            panic!(
                "no tmpfs can be mounted in a mount namespace, which this test needs ({}): {}",
                if is_root {
                    "we are root: the container lacks CAP_SYS_ADMIN, or forbids mounting"
                } else {
                    "we are not root, and the system allows no user namespaces: run it as root"
                },
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Self { keeper, folder }
    }

    fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        let pid = self.keeper.id();
        command.arg(format!("--mount=/proc/{pid}/ns/mnt"));
        if !rustix::process::geteuid().is_root() {
            command.arg(format!("--user=/proc/{pid}/ns/user"));
        }
        command
    }

    fn sync(&self, server: &Server) -> Command {
        let mut command = self.enter();
        command
            .args([env!("CARGO_BIN_EXE_skillsmith"), "sync", "--json", "--db"])
            .arg(self.database());
        in_surroundings(&mut command, server, Path::new("/"));
        command
    }

    /// The path inside the namespace.
    fn database(&self) -> PathBuf {
        self.folder.path().join("skills.db")
    }

    /// Those of the runs in the history that did not succeed.
    fn messages(&self) -> Vec<String> {
        let mut command = self.enter();
        command
            .args([
                env!("CARGO_BIN_EXE_skillsmith"),
                "sync",
                "history",
                "--json",
                "--db",
            ])
            .arg(self.database());
        let output = command.output().unwrap();
        let runs: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let message = |run: &serde_json::Value| Some(run["errorMessage"].as_str()?.to_owned());
        runs.as_array()
            .unwrap()
            .iter()
            .filter_map(message)
            .collect()
    }

    fn look(&self) -> Snapshot {
        let root = format!("/proc/{}/root", self.keeper.id());
        let inside = self.database();
        Snapshot::take(&Path::new(&root).join(inside.strip_prefix("/").unwrap()))
    }

    /// A program that reads the database until its input ends. In another mount namespace, SQLite would not find the file.
    fn reader(&self) -> Child {
        let program = "import sqlite3, sys\n\
                       conn = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
                       conn.execute('BEGIN')\n\
                       print(conn.execute('SELECT count(*) FROM skills').fetchone()[0], flush=True)\n\
                       sys.stdin.read()";
        let mut command = self.enter();
        command
            .args(["python3", "-c", program])
            .arg(self.database());
        let mut reader = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut skills = String::new();
        let output = reader.stdout.as_mut().unwrap();
        BufReader::new(output).read_line(&mut skills).unwrap();
        assert_eq!(skills.trim(), SKILLS.to_string());
        reader
    }

    /// Leaves so much space for more.
    fn leave(&self, kib: u32) {
        let shell = "used=$(df --output=used \"$1\" | tail -1); mount -o remount,size=$((used + $2))k \"$1\"";
        let mut command = self.enter();
        command.args(["sh", "-c", shell, "sh"]);
        let output = command
            .arg(self.folder.path())
            .arg(kib.to_string())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn grow(&self) {
        let output = self
            .enter()
            .args(["mount", "-o", "remount,size=64m"])
            .arg(self.folder.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Some(mut stdin) = self.keeper.stdin.take() {
            _ = stdin.write_all(b"\n");
        }
        _ = self.keeper.wait();
    }
}

fn registry() -> (Server, Served) {
    let server = Server::start(Catalogue::generate(SKILLS, 1), Options::default());
    let skills = Served::new(&server.catalogue(|catalogue| catalogue.values()));
    (server, skills)
}

/// Two runs without enough space, then one with it.
fn full(kib: u32) {
    let (server, skills) = registry();
    let disk = Disk::new(kib);
    let mut wrong = Vec::new();
    let nothing = Snapshot::default();
    let mut before = disk.look();
    for _ in 0..2 {
        let told = Told::of(&mut disk.sync(&server));
        let after = disk.look();
        assert_ne!(told.code, Some(0), "{kib} KiB were enough");
        wrong.extend(invariants::ended_by_itself(&told));
        wrong.extend(invariants::after_a_fault(&before, &after, &told, &skills));
        before = after;
    }
    disk.grow();
    let told = Told::of(&mut disk.sync(&server));
    let after = disk.look();
    wrong.extend(invariants::after_a_good_run(
        &nothing, &after, &told, &skills,
    ));
    let again = Told::of(&mut disk.sync(&server));
    wrong.extend(invariants::after_no_change(&after, &disk.look(), &again));
    invariants::assert_none(4, &wrong);
}

#[test]
fn promise_3_a_disk_of_256_kib() {
    full(256);
}

#[test]
fn promise_3_a_disk_of_1_mib() {
    full(1024);
}

#[test]
fn promise_3_a_disk_of_2_mib() {
    full(2 * 1024);
}

/// Where the pages of a run fill the disk as its log, or as the log and the database.
#[test]
fn promise_3_why_a_run_failed_on_a_full_disk_is_in_the_history() {
    let server = Server::start(Catalogue::generate(300, 1), Options::default());
    let mut failed = 0;
    for kib in (400..1_000).step_by(60) {
        let disk = Disk::new(kib);
        if Told::of(&mut disk.sync(&server)).code == Some(0) {
            continue;
        }
        failed += 1;
        disk.grow();
        assert_eq!(Told::of(&mut disk.sync(&server)).code, Some(0), "{kib} KiB");
        let messages = disk.messages();
        assert_eq!(messages.len(), 1, "{kib} KiB: {messages:?}");
        assert!(
            messages[0].contains("disk is full"),
            "{kib} KiB: {messages:?}"
        );
    }
    assert!(failed >= 4, "most of these disks are too small");
}

/// Also where there is no room for the entry with which a run begins, and none in its file.
#[test]
fn promise_3_why_a_later_run_failed_on_a_full_disk_is_in_the_history() {
    let (small, _) = registry();
    let large = Server::start(Catalogue::generate(3_000, 2), Options::default());
    for free in [72, 104, 136, 152, 168, 184, 232] {
        let disk = Disk::new(20_000);
        assert_eq!(Told::of(&mut disk.sync(&small)).code, Some(0));
        disk.leave(free);
        assert_eq!(Told::of(&mut disk.sync(&large)).code, Some(1), "{free} KiB");
        disk.grow();
        let messages = disk.messages();
        assert_eq!(messages.len(), 1, "{free} KiB: {messages:?}");
        assert!(
            messages[0].contains("disk is full"),
            "{free} KiB: {messages:?}"
        );
    }
}

/// A reader keeps the log from being begun again, so that the record needs space of its own.
#[test]
fn promise_3_why_a_run_failed_on_a_full_disk_beside_a_reader_is_in_the_history() {
    let (small, _) = registry();
    let large = Server::start(Catalogue::generate(3_000, 2), Options::default());
    for free in [28, 32, 36, 40, 64] {
        let disk = Disk::new(20_000);
        assert_eq!(Told::of(&mut disk.sync(&small)).code, Some(0));
        let mut reader = disk.reader();
        disk.leave(free);
        assert_eq!(Told::of(&mut disk.sync(&large)).code, Some(1), "{free} KiB");
        drop(reader.stdin.take());
        assert!(reader.wait().unwrap().success());
        disk.grow();
        let messages = disk.messages();
        assert_eq!(messages.len(), 1, "{free} KiB: {messages:?}");
        assert!(
            messages[0].contains("disk is full"),
            "{free} KiB: {messages:?}"
        );
    }
}

/// Another program fills the disk, and gives room back a moment later: before the run has ended, or after.
#[test]
fn promise_3_a_run_whose_record_finds_no_room_waits_a_moment_for_some() {
    let (small, _) = registry();
    let large = Server::start(Catalogue::generate(3_000, 2), Options::default());
    let disk = Disk::new(20_000);
    assert_eq!(Told::of(&mut disk.sync(&small)).code, Some(0));
    let mut reader = disk.reader();
    disk.leave(4);
    let mut command = disk.sync(&large);
    let run = std::thread::spawn(move || Told::of(&mut command));
    std::thread::sleep(std::time::Duration::from_millis(700));
    disk.grow();
    let code = run.join().unwrap().code;
    drop(reader.stdin.take());
    assert!(reader.wait().unwrap().success());
    let messages = disk.messages();
    match code {
        // On a slow machine, room was back in time.
        Some(0) => assert!(messages.is_empty(), "{messages:?}"),
        _ => assert!(
            messages.len() == 1 && messages[0].contains("disk is full"),
            "{messages:?}"
        ),
    }
}

/// `ulimit -f`: SIGXFSZ, unless it is ignored.
#[test]
fn promise_3_a_limit_to_the_size_of_files() {
    let (server, skills) = registry();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("skills.db");
    let sync = |blocks: &str| {
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                "ulimit -f \"$1\" && shift && exec \"$@\"",
                "sh",
                blocks,
            ])
            .args([env!("CARGO_BIN_EXE_skillsmith"), "sync", "--json", "--db"])
            .arg(&path);
        in_surroundings(&mut command, &server, home.path());
        Told::of(&mut command)
    };
    let nothing = Snapshot::default();
    // Blocks of 512 bytes.
    let told = sync("1500");
    let after = Snapshot::take(&path);
    let mut wrong = invariants::ended_by_itself(&told);
    wrong.extend(invariants::after_a_fault(&nothing, &after, &told, &skills));
    assert_ne!(told.code, Some(0), "750 KiB were enough");
    let conn = rusqlite::Connection::open(&path).unwrap();
    let why: Option<String> = conn
        .query_row("SELECT error_message FROM sync_history", [], |row| {
            row.get(0)
        })
        .unwrap();
    let why = why.unwrap_or_default();
    assert!(why.contains("ulimit -f"), "{why}");
    drop(conn);
    let told = sync("unlimited");
    let after = Snapshot::take(&path);
    wrong.extend(invariants::after_a_good_run(
        &nothing, &after, &told, &skills,
    ));
    invariants::assert_none(2, &wrong);
}
