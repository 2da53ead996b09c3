//! The program `skillsmith-registry`.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{Client, Reply};

/// A running program, ended at the latest when the test ends.
struct Program {
    child: Child,
    port: u16,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("a pipe"))
            .read_line(&mut line)
            .expect("it prints a line");
        let url = line
            .trim_end()
            .strip_prefix("listening on http://127.0.0.1:")
            .expect("the line says where");
        let port = url
            .strip_suffix("/functions/v1")
            .expect("with the base path")
            .parse()
            .expect("and a port");
        Self { child, port }
    }

    fn get(&self, target: &str) -> Reply {
        Client::to_port(self.port).get(target)
    }

    fn total(&self) -> u64 {
        self.get("/functions/v1/skills-search?limit=1").meta()["total"]
            .as_u64()
            .expect("a number")
    }

    fn exit_code(&mut self) -> Option<i32> {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the program does not end");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skillsmith-registry"));
    command.args(arguments);
    command
}

fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!(
        "skillsmith-registry-binary-{}-{name}",
        std::process::id()
    ))
}

#[test]
fn it_serves_invented_skills_with_options_until_told_to_stop() {
    let port_file = file("port");
    let options = r#"{"max_limit": 5, "total": "true_total"}"#;
    let port_argument = port_file.to_str().expect("a UTF-8 path");
    let mut program = Program::start(&[
        "--skills",
        "30",
        "--seed=2",
        "--options",
        options,
        "--port-file",
        port_argument,
    ]);
    let written = std::fs::read_to_string(&port_file).expect("the port file is there");
    assert_eq!(written.trim(), program.port.to_string());
    std::fs::remove_file(&port_file).expect("the port file is there");
    assert_eq!(program.total(), 30);
    let page = program.get("/skills-search?limit=100");
    assert_eq!(page.rows().len(), 5);
    let invented = skillsmith_test_registry::Catalogue::generate(30, 2);
    assert!(page.ids().iter().all(|id| invented.contains(id)));
    assert_eq!(
        Client::to_port(program.port)
            .request("POST", "/_control/stop", "")
            .json(),
        json!({ "stopping": true })
    );
    assert_eq!(program.exit_code(), Some(0));
}

#[test]
fn it_stops_when_its_standard_input_closes() {
    let mut program = Program::start(&["--skills", "1", "--until-stdin-closes"]);
    assert_eq!(program.total(), 1);
    drop(program.child.stdin.take());
    assert_eq!(program.exit_code(), Some(0));
}

#[test]
fn it_serves_histories_and_snapshots() {
    let (history, snapshot) = (file("history.jsonl"), file("snapshot.jsonl"));
    let lines = [
        json!({ "at": "2026-01-01T00:00:00Z", "op": "upsert", "skill": { "id": "a", "name": "a" } }),
        json!({ "at": "2026-01-02T00:00:00Z", "op": "upsert", "skill": { "id": "b", "name": "b" } }),
        json!({ "at": "2026-01-03T00:00:00Z", "op": "delete", "id": "a" }),
    ];
    std::fs::write(&history, lines.map(|line| line.to_string() + "\n").concat())
        .expect("it is writable");
    std::fs::write(
        &snapshot,
        "{\"id\":\"s\"}\n{\"id\":\"t\"}\n{\"id\":\"u\"}\n",
    )
    .expect("it is writable");
    let history_argument = history.to_str().expect("a UTF-8 path");
    let program = Program::start(&["--history", history_argument, "--events", "2"]);
    assert_eq!(program.total(), 2);
    assert_eq!(
        Client::to_port(program.port)
            .request("POST", "/_control/history?events=3", "")
            .status,
        200
    );
    assert_eq!(program.get("/skills-search").ids(), ["b"]);
    assert_eq!(Program::start(&["--history", history_argument]).total(), 1);
    assert_eq!(
        Program::start(&["--snapshot", snapshot.to_str().expect("a UTF-8 path")]).total(),
        3
    );
    let output = command(&["--history", history_argument, "--events", "4"])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("3 events"));
    std::fs::remove_file(&history).expect("it is there");
    std::fs::remove_file(&snapshot).expect("it is there");
}

#[test]
fn mistakes_are_told_on_standard_error() {
    let output = command(&["--skils", "3"]).output().expect("it runs");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        text.contains("unknown option --skils") && text.contains("--until-stdin-closes"),
        "{text}"
    );
    let output = command(&["--snapshot", "/no/such/file"])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/no/such/file"));
}

#[test]
fn help_names_every_option() {
    let mut help = String::new();
    let mut child = command(&["--help"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    child
        .stdout
        .take()
        .expect("a pipe")
        .read_to_string(&mut help)
        .expect("it is text");
    assert!(child.wait().expect("it ends").success());
    let names = [
        "skills",
        "seed",
        "history",
        "events",
        "snapshot",
        "port",
        "options",
        "port-file",
        "until-stdin-closes",
    ];
    for name in names {
        assert!(help.contains(&format!("--{name} ")), "{name}");
    }
}
