//! The surroundings of a test's processes: their own home folder, and no environment of this
//! machine.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use skillsmith_test_registry::{Catalogue, Options, Server};
use tempfile::TempDir;

use super::settled;

/// A home folder, and a registry if there is one.
pub struct Place {
    home: TempDir,
    pub server: Option<Server>,
}

/// How a process ended.
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Place {
    /// With a registry of this many skills.
    pub fn with_skills(count: usize) -> Self {
        Self::with_options(count, Options::default())
    }

    pub fn with_options(count: usize, options: Options) -> Self {
        Self {
            server: Some(Server::start(Catalogue::generate(count, 7), options)),
            ..Self::without_registry()
        }
    }

    /// With an address on which nothing listens.
    pub fn without_registry() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self { home, server: None }
    }

    pub fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home().join(name)
    }

    /// The names in a folder, in order.
    pub fn names_in(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(self.path(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// The default database.
    pub fn database(&self) -> PathBuf {
        self.path(".skillsmith/skills.db")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        self.command_of(env!("CARGO_BIN_EXE_skillsmith"), args)
    }

    /// Another program in the same surroundings.
    pub fn command_of(&self, program: impl AsRef<OsStr>, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        let address = self.server.as_ref().map_or_else(
            || "http://127.0.0.1:1/functions/v1".into(),
            Server::base_url,
        );
        command
            .args(args)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.home())
            .env("TERM", "xterm-256color")
            .env("SKILLSMITH_API_URL", address)
            .current_dir(self.home())
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Outcome {
        Outcome::of(&mut self.command(args))
    }

    /// Runs a command that must succeed, and returns its output.
    pub fn ok(&self, args: &[&str]) -> String {
        let outcome = self.run(args);
        assert_eq!(outcome.code, 0, "{args:?}: {}", outcome.stderr);
        assert_eq!(outcome.stderr, "", "{args:?}");
        outcome.stdout
    }

    pub fn json(&self, args: &[&str]) -> Value {
        self.run(args).json()
    }

    /// The output of a process, without the parts that vary between runs.
    pub fn settled(&self, text: &str) -> String {
        settled(text, self.home())
    }

    pub fn start(&self, args: &[&str]) -> Running {
        Running::start(&mut self.command(args))
    }

    /// A connection for inspecting the default database.
    pub fn look(&self) -> Connection {
        Connection::open(self.database()).unwrap()
    }

    pub fn count(&self, sql: &str) -> i64 {
        self.look().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    #[cfg(target_os = "linux")]
    pub fn journal_mode(&self) -> String {
        let conn = self.look();
        conn.pragma_query_value(None, "journal_mode", |row| row.get(0))
            .unwrap()
    }

    pub fn assert_sound(&self) {
        let verdict: String = self
            .look()
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(verdict, "ok");
    }
}

impl Outcome {
    pub fn of(command: &mut Command) -> Self {
        command.output().unwrap().into()
    }

    /// Those of a result.
    #[cfg(target_os = "linux")]
    pub fn warnings(&self) -> Vec<String> {
        serde_json::from_value(self.json()["warnings"].clone()).unwrap()
    }

    /// The one JSON document on stdout.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        let stderr = String::from_utf8(output.stderr).unwrap();
        // No sentence ends inside brackets.
        assert!(!stderr.contains(".)"), "{stderr}");
        Self {
            code: output.status.code().expect("ended by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr,
        }
    }
}

/// A running process; killed if the test ends first.
pub struct Running(Option<Child>);

impl Running {
    pub fn start(command: &mut Command) -> Self {
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self(Some(child))
    }

    pub fn id(&self) -> u32 {
        self.0.as_ref().unwrap().id()
    }

    pub fn signal(&self, signal: Signal) {
        let child = self.0.as_ref().unwrap();
        kill_process(Pid::from_child(child), signal).unwrap();
    }

    pub fn child(&mut self) -> &mut Child {
        self.0.as_mut().unwrap()
    }

    pub fn end(mut self) -> Outcome {
        self.0.take().unwrap().wait_with_output().unwrap().into()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            _ = child.kill();
            _ = child.wait();
        }
    }
}
