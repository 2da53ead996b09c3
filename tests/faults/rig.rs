//! A registry, databases to sync with it, and the program between them.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rusqlite::Connection;
use serde_json::Value;
use skillsmith_test_registry::{Catalogue, Options, Order, Server};
use tempfile::TempDir;

use crate::invariants::{self, Served, Snapshot};
use crate::shim::{Counters, Fault, Kind};

/// Skills of the registry at the time of the fault.
const SKILLS: usize = 300;
/// Skills that an earlier sync has stored.
const EARLIER: usize = 120;

/// What is at the path before the run with the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// Nothing.
    New,
    /// An earlier sync's rows and the user's own, in WAL mode.
    Wal,
    /// The same, in a file of the other stack with a rollback journal.
    Rollback,
}

/// The user's own rows; one has an id that the registry also serves.
const LOCAL_ROWS: &str = "
    UPDATE skills SET source = 'local', name = 'mine now', description = 'Written by the user'
      WHERE id = (SELECT max(id) FROM skills WHERE id NOT LIKE 'own/%' AND id NOT LIKE 'field/%');
    INSERT INTO skills (id, name, tags, created_at, updated_at, source) VALUES
      ('own/local', 'mine', '[ \"odd\" ]', '2026-02-01 00:00:00', '2026-02-01 00:00:00', 'local');";

/// A registry, and the initial file of every database.
pub(crate) struct Rig {
    pub(crate) server: Server,
    served: Served,
    template: Option<Vec<u8>>,
    before: Snapshot,
}

impl Rig {
    pub(crate) fn new(base: Base) -> Self {
        // In the order of ids, with a delay: several pages, and several commits.
        let options = Options {
            order: Order::Id,
            ..Options::default()
        };
        let server = Server::start(Catalogue::generate(EARLIER, 1), options);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("skills.db");
        if base == Base::Rollback {
            let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
            let sql = fs::read_to_string(fixture.join("rollback_journal.sql")).unwrap();
            let conn = Connection::open(&path).unwrap();
            conn.execute_batch(&sql).unwrap();
            conn.execute_batch("ALTER TABLE skills ADD COLUMN source TEXT")
                .unwrap();
        }
        let template = (base != Base::New).then(|| {
            let told = Told::of(&mut sync(&server, &path, folder.path()));
            assert_eq!(told.code, Some(0), "{}", told.stderr);
            let conn = Connection::open(&path).unwrap();
            conn.execute_batch(LOCAL_ROWS).unwrap();
            // Closing the last connection leaves a single file.
            conn.close().unwrap();
            assert!(!path.with_file_name("skills.db-wal").exists());
            fs::read(&path).unwrap()
        });
        let before = Snapshot::take(&path);
        server.catalogue(|catalogue| {
            catalogue.add(SKILLS - EARLIER, 2);
            catalogue.change(40, 3);
        });
        let skills = Served::new(&server.catalogue(|catalogue| catalogue.values()));
        Self {
            server,
            served: skills,
            template,
            before,
        }
    }

    /// Creates another database of this rig.
    pub(crate) fn site(&self) -> Site<'_> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("skills.db");
        if let Some(template) = &self.template {
            fs::write(&path, template).unwrap();
        }
        Site {
            rig: self,
            folder,
            path,
        }
    }

    /// How many calls of these kinds on these files a run without faults makes.
    pub(crate) fn count(&self, calls: &'static str, files: &'static str) -> u64 {
        let fault = Fault {
            calls,
            files,
            at: 0,
            kind: Kind::KillBefore,
        };
        let site = self.site();
        let (told, counters) = site.meet(fault);
        assert_eq!(told.code, Some(0), "{}", told.stderr);
        counters.calls()
    }

    /// Runs with the fault, then without it, and returns the problems. `None` if the run ended
    /// before the fault.
    pub(crate) fn trial(&self, fault: Fault) -> Option<Vec<String>> {
        let site = self.site();
        let (told, counters) = site.meet(fault);
        let mut wrong = Vec::new();
        if fault.kills() && counters.fired() {
            if told.signal != Some(9) {
                wrong.push(format!("it was not killed: {told:?}"));
            }
        } else {
            wrong.extend(invariants::ended_by_itself(&told));
        }
        wrong.extend(invariants::after_a_fault(
            &self.before,
            &Snapshot::take(&site.path),
            &told,
            &self.served,
        ));
        wrong.extend(site.recover());
        counters.fired().then(|| {
            wrong
                .into_iter()
                .map(|what| format!("{fault}: {what}"))
                .collect()
        })
    }
}

/// One database of a rig.
pub(crate) struct Site<'r> {
    rig: &'r Rig,
    folder: TempDir,
    path: PathBuf,
}

impl Site<'_> {
    fn meet(&self, fault: Fault) -> (Told, Counters) {
        let mut command = self.sync();
        let counters = Counters::arm(&mut command, self.folder.path(), &self.path, fault);
        (Told::of(&mut command), counters)
    }

    fn sync(&self) -> Command {
        sync(&self.rig.server, &self.path, self.folder.path())
    }

    /// One run without faults must store everything; another one must change nothing.
    fn recover(&self) -> Vec<String> {
        let told = Told::of(&mut self.sync());
        let after = Snapshot::take(&self.path);
        let mut wrong =
            invariants::after_a_good_run(&self.rig.before, &after, &told, &self.rig.served);
        let again = Told::of(&mut self.sync());
        wrong.extend(invariants::after_no_change(
            &after,
            &Snapshot::take(&self.path),
            &again,
        ));
        wrong
    }
}

/// The command of a sync.
pub(crate) fn sync(server: &Server, database: &Path, home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skillsmith"));
    command
        .args(["sync", "--json", "--page-size", "50", "--db"])
        .arg(database);
    in_surroundings(&mut command, server, home);
    command
}

/// Sets the environment, without anything from this machine.
pub(crate) fn in_surroundings(command: &mut Command, server: &Server, home: &Path) {
    command
        .env_clear()
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .env("HOME", home)
        .env("NO_PROXY", "127.0.0.1")
        .env("SKILLSMITH_API_URL", server.base_url())
        .current_dir(home)
        .stdin(Stdio::null());
}

/// How a run ended, and its output.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    /// The document on stdout.
    pub(crate) result: Option<Value>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Told {
    pub(crate) fn of(command: &mut Command) -> Self {
        command.output().unwrap().into()
    }
}

impl From<Output> for Told {
    fn from(output: Output) -> Self {
        let stdout = String::from_utf8(output.stdout).unwrap();
        Self {
            code: output.status.code(),
            signal: output.status.signal(),
            result: serde_json::from_str(&stdout).ok(),
            stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
