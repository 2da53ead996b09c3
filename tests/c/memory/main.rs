//! A host in C that runs out of memory: at each single allocation of opening, syncing,
//! reading and closing, it gets an error at most, and its database stays sound.
//!
//! `rig.c` is the host, `shortage.c` makes allocations fail. After each strike the file is
//! examined, and a sync without a shortage has to bring everything.
//!
//! There are some 8,000 allocations on each way, which takes ten minutes in all: with
//! `SKILLSMITH_TEST_STRIDE=1` each is struck, with `SKILLSMITH_LONG_TESTS` each [`LONG_STRIDE`]th,
//! otherwise each [`STRIDE`]th, beginning somewhere else on each way.

#![expect(
    clippy::print_stdout,
    reason = "the outcomes are worth a look: --no-capture"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rusqlite::Connection;
use skillsmith_test_registry::{Catalogue, Options, Server};

/// Primes, so that they keep step with nothing.
const STRIDE: usize = 53;
const LONG_STRIDE: usize = 11;

/// The host, and where its databases are.
struct Rig {
    folder: tempfile::TempDir,
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// How a command ended.
#[derive(Debug)]
struct Answer {
    line: String,
}

impl Rig {
    fn start(argument: Option<&str>) -> Self {
        // In memory where there is such a folder: thousands of databases are made.
        let shared_memory = Path::new("/dev/shm");
        let folder = if shared_memory.is_dir() {
            tempfile::tempdir_in(shared_memory)
        } else {
            tempfile::tempdir()
        };
        let folder = folder.unwrap();
        let mut child = Command::new(build(folder.path()))
            .args(argument)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .env_clear()
            .env("HOME", folder.path())
            .env("NO_PROXY", "127.0.0.1")
            .env("SHORTAGE_EXEMPT", thread_new(folder.path()))
            .spawn()
            .unwrap();
        let commands = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self {
            folder,
            child,
            commands,
            answers,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn ask(&mut self, command: &str) -> Answer {
        writeln!(self.commands, "{command}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        Answer {
            line: line.trim_end().to_owned(),
        }
    }

    fn remove(&self, name: &str) {
        for end in ["", "-wal", "-shm", "-sync-lock", "-journal"] {
            _ = std::fs::remove_file(self.path(&format!("{name}{end}")));
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The library's name for programs that look for it.
const LIBRARY: &str = "libskillsmith_sync.so.1";

/// Compiles the host, against the library that was built with this test.
fn build(folder: &Path) -> PathBuf {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let test = std::env::current_exe().unwrap();
    let library = folder.join(LIBRARY);
    std::fs::copy(test.with_file_name("libskillsmith_sync.so"), &library)
        .expect("the shared library lies beside the tests that were built with it");
    let rig = folder.join("rig");
    let output = Command::new("gcc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-g"])
        .args(["-fno-builtin", "-o"])
        .arg(&rig)
        .arg("-I")
        .arg(root.join("include"))
        .args(["rig.c", "shortage.c"].map(|file| root.join("tests/c/memory").join(file)))
        .arg(&library)
        .arg(format!("-Wl,-rpath,{}", folder.display()))
        .output()
        .expect("The rig needs gcc (Debian: apt-get install gcc)");
    assert!(
        output.status.success(),
        "The rig cannot be built. Is the library built with the feature test-hooks?\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    rig
}

/// Where Rust's `Thread::new` is in the library, and how long: see `shortage.h`.
fn thread_new(folder: &Path) -> String {
    let output = Command::new("nm")
        .args(["--demangle", "--print-size", "--defined-only"])
        .arg(folder.join(LIBRARY))
        .output()
        .expect("The rig needs nm (Debian: apt-get install binutils)");
    let symbols = String::from_utf8_lossy(&output.stdout);
    let line = symbols
        .lines()
        .find(|line| {
            line.replace(['<', '>'], "")
                .ends_with(" std::thread::thread::Thread::new")
        })
        .expect("the library has a function Thread::new");
    line.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

impl Answer {
    fn is_exit_0(&self) -> bool {
        self.line.ends_with("-> exit 0")
    }

    fn number(&self, name: &str) -> u64 {
        let text = self.line.split(&format!("{name}=")).nth(1);
        let digits = text.and_then(|text| text.split(|c: char| !c.is_ascii_digit()).next());
        digits
            .and_then(|digits| digits.parse().ok())
            .unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// The errors that calls and runs ended with.
    fn errors(&self) -> impl Iterator<Item = &str> {
        self.line.split(' ').filter_map(|word| {
            let (step, code) = word.split_once('=')?;
            let is_code = code.bytes().all(|c| c.is_ascii_uppercase() || c == b'_');
            (is_code && !step.is_empty()).then_some(code)
        })
    }
}

/// What is to be stored in the end: the ids with their descriptions.
type Rows = BTreeMap<String, String>;

/// The rows of the rig's own registry.
fn own_rows(generation: u32) -> Rows {
    let row = |index: u32| {
        let generation = if index.is_multiple_of(2) {
            generation
        } else {
            1
        };
        let text = format!(
            "Generation {generation} of a “skill” that does this and that, and tells of it at some length"
        );
        (format!("skill/{index}"), text)
    };
    (0..12).map(row).collect()
}

/// Examines the file with a SQLite of its own, and reads the rows.
fn sound_rows(path: &Path) -> Rows {
    let conn = Connection::open(path).unwrap();
    let verdict: String = conn
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
    let tables: i64 = conn
        .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
        .unwrap();
    if tables == 0 {
        return Rows::new();
    }
    conn.execute(
        "INSERT INTO skills_fts (skills_fts, rank) VALUES ('integrity-check', 1)",
        [],
    )
    .expect("the full-text index is in step with the table");
    conn.prepare("SELECT id, coalesce(description, '') FROM skills")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

fn has_running_entry(path: &Path) -> bool {
    Connection::open(path)
        .unwrap()
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM sync_history WHERE status = 'running')",
            [],
            |row| row.get(0),
        )
        .unwrap()
}

/// One way through the library.
struct Scenario {
    name: &'static str,
    /// The database at its start.
    template: Option<PathBuf>,
    url: Option<String>,
    wanted: Rows,
}

/// Strikes at each allocation in turn.
fn strike_everywhere(rig: &mut Rig, scenario: &Scenario, how: &str) {
    let stride = std::env::var("SKILLSMITH_TEST_STRIDE")
        .ok()
        .and_then(|stride| stride.parse().ok())
        .unwrap_or(if std::env::var_os("SKILLSMITH_LONG_TESTS").is_some() {
            LONG_STRIDE
        } else {
            STRIDE
        });
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    let (mut strikes, mut most) = (0, 0);
    let url = scenario.url.as_deref().unwrap_or_default();
    let path = rig.path("t.db");
    let first = 1 + (scenario.name.len() + how.len() * 3) % stride;
    for n in (first..).step_by(stride) {
        rig.remove("t.db");
        if let Some(template) = &scenario.template {
            std::fs::copy(template, &path).unwrap();
        }
        let place = path.display();
        let answer =
            rig.ask(format!("strike {} {how} {n} {place} {url}", scenario.name).trim_end());
        assert!(answer.is_exit_0(), "{how} {n}: {answer:?}");
        // Threads take turns as they like: the last ones may be missed now and then.
        if answer.number("refused") == 0 {
            break;
        }
        strikes += 1;
        most = most.max(answer.number("most"));
        let mut codes: Vec<_> = answer.errors().collect();
        codes.dedup();
        if codes.iter().any(|code| *code != "OUT_OF_MEMORY") {
            *others
                .entry(answer.line.split(" refused=").next().unwrap().to_owned())
                .or_default() += 1;
        }
        *outcomes.entry(codes.join(" + ")).or_default() += 1;

        if path.exists() {
            sound_rows(&path);
        }
        let answer = rig.ask(format!("heal {} {place} {url}", scenario.name).trim_end());
        assert!(answer.is_exit_0(), "{how} {n}, afterwards: {answer:?}");
        assert_eq!(sound_rows(&path), scenario.wanted, "{how} {n}");
        assert!(!has_running_entry(&path), "{how} {n}");
    }
    println!(
        "{} {how}: {strikes} strikes, {most} bytes of the reserve; {outcomes:#?}",
        scenario.name
    );
    println!("{others:#?}");
    assert!(strikes > 1_000 / stride, "only {strikes}");
}

fn fresh(how: &str) {
    let mut rig = Rig::start(None);
    let scenario = Scenario {
        name: "fresh",
        template: None,
        url: None,
        wanted: own_rows(1),
    };
    strike_everywhere(&mut rig, &scenario, how);
}

fn update(how: &str) {
    let mut rig = Rig::start(None);
    let template = rig.path("template.db");
    let made = rig.ask(&format!("heal fresh {}", template.display()));
    assert!(made.is_exit_0(), "{made:?}");
    let scenario = Scenario {
        name: "update",
        template: Some(template),
        url: None,
        wanted: own_rows(2),
    };
    strike_everywhere(&mut rig, &scenario, how);
}

fn http(how: &str) {
    let mut rig = Rig::start(None);
    let template = rig.path("template.db");
    drop(skillsmith_sync::Database::open(&template).unwrap());
    let server = Server::start(Catalogue::generate(12, 1), Options::default());
    let text =
        |skill: &serde_json::Value, name: &str| skill[name].as_str().unwrap_or_default().to_owned();
    let wanted = server.visible_skills();
    let scenario = Scenario {
        name: "http",
        template: Some(template),
        url: Some(server.base_url()),
        wanted: wanted
            .iter()
            .map(|skill| (text(skill, "id"), text(skill, "description")))
            .collect(),
    };
    strike_everywhere(&mut rig, &scenario, how);
}

#[test]
fn one_failed_allocation_on_the_way_through_a_new_database() {
    fresh("once");
}

#[test]
fn no_memory_from_some_allocation_on_with_a_new_database() {
    fresh("from");
}

#[test]
fn no_memory_ever_again_with_a_new_database() {
    fresh("ever");
}

#[test]
fn one_failed_allocation_while_skills_change() {
    update("once");
}

#[test]
fn no_memory_from_some_allocation_on_while_skills_change() {
    update("from");
}

#[test]
fn one_failed_allocation_over_http() {
    http("once");
}

#[test]
fn no_memory_from_some_allocation_on_over_http() {
    http("from");
}

#[test]
fn nothing_large_can_be_had() {
    large_input("fresh", "large", (12..24).map(|shift| 1 << shift));
}

#[test]
fn a_large_text_of_the_host_cannot_be_copied() {
    large_input("text", "large", (12..24).map(|shift| 1 << shift));
}

#[test]
fn the_system_itself_gives_no_more() {
    let kilobytes = [0, 64, 256, 1024, 2500, 5000, 10_000, 20_000, 40_000];
    large_input(
        "fresh",
        "system",
        kilobytes.map(|kilobytes| kilobytes * 1024).into_iter(),
    );
}

/// The registry serves a page of 10 MB; in the scenario "text" the host has a text of that size.
fn large_input(scenario: &str, how: &str, numbers: impl Iterator<Item = u64>) {
    let mut rig = Rig::start(None);
    let mut refused = 0;
    for n in numbers {
        let path = rig.path(&format!("{n}.db"));
        let place = path.display();
        let answer = rig.ask(&format!("strike {scenario} {how} {n} {place}"));
        println!("{how} {n} bytes: {}", answer.line);
        assert!(answer.is_exit_0(), "{how} {n}: {answer:?}");
        refused += usize::from(answer.errors().count() > 0);
        sound_rows(&path);
        let answer = rig.ask(&format!("heal fresh {place}"));
        assert!(answer.is_exit_0(), "{how} {n}, afterwards: {answer:?}");
    }
    assert!(refused > 0);
}

/// What the tests above would say if it were not for the reserve.
#[test]
fn without_the_reserve_the_host_is_ended() {
    let mut rig = Rig::start(Some("without-reserve"));
    let path = rig.path("t.db");
    let mut ended = 0;
    for n in 1..=100 {
        rig.remove("t.db");
        let answer = rig.ask(&format!("strike fresh once {n} {}", path.display()));
        ended += usize::from(answer.line.ends_with("-> signal 6"));
    }
    println!("{ended} of 100 end the host");
    assert!(ended > 0);
}
