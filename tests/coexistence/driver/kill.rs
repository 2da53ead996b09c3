//! A process that is killed in the midst of its writing loses no commit that it had acknowledged.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::{Cure, Host, Mode, is_long, rig, seconds, wait};

/// The connections of the victim.
const WRITERS: [&str; 3] = ["host", "ours-1", "ours-2"];

/// Lives long enough for any kill, and ends by itself where the driver died.
const LIFE: u32 = 60;

pub(crate) fn survives_kills(host: Host, mode: Mode) {
    let folder = TempDir::new().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let path = folder.join("skills.db");
    let mut known = Known::default();
    let rounds = if is_long() { 25 } else { 5 };
    let mut round = 0;
    // More, and longer ones, where a busy machine has let one of the writers do nothing before it was killed.
    while round < rounds || (known.writers.contains(&0) && round < rounds + 20) {
        for writer in WRITERS {
            _ = std::fs::remove_file(folder.join(format!("acknowledged-{writer}")));
        }
        let mut victim = start(host, LIFE, mode, &folder);
        // In every other round the victim is alone, so that the next to open finds what it left.
        let outsider = (round % 2 == 0).then(|| start_outsider(&path));
        let longest = if round < rounds { 600 } else { 3_000 };
        thread::sleep(Duration::from_millis(fastrand::u64(30..longest)));
        assert!(
            victim.try_wait().unwrap().is_none(),
            "round {round}: the victim ended by itself"
        );
        victim.kill().unwrap();
        victim.wait().unwrap();
        if let Some(outsider) = outsider {
            known.outsider += commits(outsider, round);
        }
        // Each writer's last commit may have been done and not yet acknowledged.
        known.judge(&folder, round, 1);
        round += 1;
    }
    assert!(
        known.writers.iter().all(|commits| *commits > 0),
        "{known:?}"
    );
}

/// Nobody is killed, but all hosts write to the same file.
pub(crate) fn write_together(mode: Mode) {
    let folder = TempDir::new().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    // The first makes the database before it says that it is ready.
    let writers = [Host::C, Host::Node, Host::Python]
        .map(|host| (host, start(host, seconds(), mode, &folder)));
    for (host, mut writer) in writers {
        assert_eq!(wait(&mut writer), Some(0), "{host:?}");
    }
    Known::default().judge(&folder, 0, 0);
}

/// A process that writes through each of its connections; it has begun.
fn start(host: Host, seconds: u32, mode: Mode, folder: &Path) -> Child {
    let mut writer = rig(host, "victim", seconds, mode, Cure::On, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", super::build::advice(host)));
    let mut line = String::new();
    BufReader::new(writer.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "ready\n", "{host:?} failed by itself");
    writer
}

/// Commits that were there when it was last looked.
#[derive(Debug, Default)]
struct Known {
    writers: [i64; 3],
    outsider: i64,
}

impl Known {
    /// `unsure`: how many commits of a writer may be there without its acknowledgement.
    fn judge(&mut self, folder: &Path, round: usize, unsure: i64) {
        let conn = Connection::open(folder.join("skills.db")).unwrap();
        conn.busy_timeout(Duration::from_secs(10)).unwrap();
        let integrity: String = conn
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(integrity, "ok", "round {round}");
        let number = |sql: &str, name: &str| -> i64 {
            conn.query_row(sql, [name], |row| row.get(0)).unwrap()
        };
        let count = |name| number("SELECT n FROM counter WHERE name = ?1", name);
        for (writer, before) in WRITERS.into_iter().zip(&mut self.writers) {
            let acknowledged = std::fs::metadata(folder.join(format!("acknowledged-{writer}")))
                .map_or(0, |file| i64::try_from(file.len()).unwrap());
            let now = count(writer);
            let sure = *before + acknowledged;
            assert!(
                (sure..=sure + unsure).contains(&now),
                "round {round}, {writer}: {now} commits, but {before} + {acknowledged} were acknowledged"
            );
            *before = now;
        }
        assert_eq!(
            count("outsider"),
            self.outsider,
            "round {round}: the outsider's commits"
        );
        let all = self.writers.iter().sum::<i64>() + self.outsider;
        assert_eq!(count("all"), all, "round {round}: all commits");
        let rows = number("SELECT count(*) FROM entry WHERE writer <> ?1", "");
        assert_eq!(rows, all, "round {round}: rows");
    }
}

/// Writes for a second, in which the victim dies.
fn start_outsider(path: &Path) -> Child {
    let program =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/coexistence/python/outsider.py");
    let mut outsider = Command::new("python3")
        .arg("-B")
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let order = format!("write outsider 1 0 {}\n", path.display());
    outsider
        .stdin
        .take()
        .unwrap()
        .write_all(order.as_bytes())
        .unwrap();
    outsider
}

fn commits(outsider: Child, round: usize) -> i64 {
    let output = outsider.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    said.trim()
        .strip_prefix("value ")
        .and_then(|count| count.parse().ok())
        .unwrap_or_else(|| panic!("round {round}: the outsider says {said}"))
}
