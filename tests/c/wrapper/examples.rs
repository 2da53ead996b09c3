//! Each example compiles without a warning and does what it says.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use skillsmith_sync::{Database, SkillRepository};
use skillsmith_test_registry::{Catalogue, Fault, Options, Proxy, Server};

use crate::WARNINGS;
use crate::place::{Place, compiler, output, root, says};

#[derive(Debug, Clone, Copy)]
enum Example {
    C,
    Cpp,
    Python,
}

impl Example {
    /// A command of it; its database comes as the next argument.
    fn ready(self, place: &Place, server: &Server) -> Command {
        let source = |name: &str| root().join("bindings/c/examples").join(name);
        let mut command = match self {
            Self::C => place.command(c99(place, "sync")),
            Self::Cpp => {
                let mut command = compiler("g++");
                command.args(WARNINGS).arg("-std=c++17");
                place.command(place.compile(&mut command, &[source("sync.cpp")], "sync"))
            }
            Self::Python => {
                let mut python = place.command("python3");
                python.arg(source("sync.py")).arg(place.library());
                python
            }
        };
        command.env("SKILLSMITH_API_URL", server.base_url());
        command
    }
}

fn c99(place: &Place, name: &str) -> PathBuf {
    let mut command = compiler("gcc");
    command.args(["-std=c99", "-pedantic"]).args(WARNINGS);
    let source = root().join(format!("bindings/c/examples/{name}.c"));
    place.compile(&mut command, &[source], name)
}

fn skills(path: &Path) -> i64 {
    SkillRepository::new(&Database::open(path).unwrap())
        .count()
        .unwrap()
}

fn does_what_it_says(example: Example) {
    let place = Place::new();
    let server = Server::start(Catalogue::generate(250, 1), Options::default());
    let command = || example.ready(&place, &server);
    let path = place.file("skills.db");

    let said = output(command().arg(&path));
    assert_eq!(said.status.code(), Some(0), "{example:?}: {}", says(&said));
    let out = String::from_utf8_lossy(&said.stdout);
    assert!(out.starts_with("250 new, 0 updated, 0 unchanged"), "{out}");
    let progress = String::from_utf8_lossy(&said.stderr);
    assert!(!progress.trim().is_empty(), "{example:?} shows no progress");
    assert_eq!(skills(&path), 250);

    // Where no path is given.
    let usual = place.file("usual.db");
    let said = output(command().env("SKILLSMITH_DB_PATH", &usual));
    assert_eq!(said.status.code(), Some(0), "{example:?}: {}", says(&said));
    assert_eq!(skills(&usual), 250);

    // A proxy that knows a name which this machine does not.
    let proxy = Proxy::socks(None);
    let elsewhere = server.base_url().replace("127.0.0.1", "registry.example");
    let far = place.file("far.db");
    let said = output(
        command()
            .env_remove("NO_PROXY")
            .env("ALL_PROXY", format!("socks5h://{}", proxy.address()))
            .env("SKILLSMITH_API_URL", elsewhere)
            .arg(&far),
    );
    assert_eq!(said.status.code(), Some(0), "{example:?}: {}", says(&said));
    assert_eq!(skills(&far), 250);
    assert!(!proxy.hops().is_empty());
}

fn fails_as_it_says(example: Example) {
    let place = Place::new();
    let server = Server::start(Catalogue::generate(250, 1), Options::default());
    let command = || example.ready(&place, &server);

    let said = output(command().args(["one", "two"]));
    assert_eq!(said.status.code(), Some(2), "{example:?}: {}", says(&said));
    let said = output(command().arg("/proc/none/skills.db"));
    assert_eq!(said.status.code(), Some(1), "{example:?}: {}", says(&said));
    assert!(says(&said).contains("IO_ERROR: "), "{}", says(&said));
    let said = output(
        command()
            .env("SKILLSMITH_OFFLINE_MODE", "true")
            .arg("off.db"),
    );
    assert_eq!(said.status.code(), Some(1), "{example:?}: {}", says(&said));
    assert!(
        says(&said).contains("API client is in offline mode"),
        "{}",
        says(&said)
    );
    // Asked for again, row by row, it fails each time.
    server.fault(Fault::status(404).at_offset(99).always());
    server.fault(Fault::status(404).at_offset(100).always());
    let said = output(command().arg("partial.db"));
    assert_eq!(said.status.code(), Some(3), "{example:?}: {}", says(&said));
}

/// Ctrl-C ends it soon, while another sync of the same database is refused.
fn is_interrupted(example: Example) {
    let place = Place::new();
    let server = Server::start(Catalogue::generate(2_000, 1), Options::default());
    let mut command = example.ready(&place, &server);
    let path = place.file("skills.db");
    server.fault(Fault::delay(60_000).at_request(2).always());
    let mut child = command
        .arg(&path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while server.listings().len() < 2 {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{example:?} never asks"
        );
        std::thread::sleep(Duration::from_millis(10));
    }

    let second = output(example.ready(&place, &server).arg(&path));
    assert_eq!(
        second.status.code(),
        Some(4),
        "{example:?}: {}",
        says(&second)
    );

    let pid = Pid::from_child(&child);
    let sent = Instant::now();
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{example:?}");
    assert!(
        sent.elapsed() < Duration::from_secs(20),
        "{:?}",
        sent.elapsed()
    );
    server.clear_faults();
    let said = output(example.ready(&place, &server).arg(&path));
    assert_eq!(said.status.code(), Some(0), "{}", says(&said));
    assert_eq!(skills(&path), 2_000);
}

#[test]
fn sync_in_c() {
    does_what_it_says(Example::C);
    fails_as_it_says(Example::C);
}

#[test]
fn sync_in_cpp() {
    does_what_it_says(Example::Cpp);
    fails_as_it_says(Example::Cpp);
}

#[test]
fn sync_in_python() {
    does_what_it_says(Example::Python);
    fails_as_it_says(Example::Python);
}

#[test]
fn sync_in_c_is_interrupted() {
    is_interrupted(Example::C);
}

#[test]
fn sync_in_cpp_is_interrupted() {
    is_interrupted(Example::Cpp);
}

#[test]
fn sync_in_python_is_interrupted() {
    is_interrupted(Example::Python);
}

/// Once its token is gone, Ctrl-C ends the program, as if it had no handler: after an exception, too.
#[test]
fn sync_in_cpp_lets_go_of_the_signal() {
    let place = Place::new();
    let source = place.file("interrupted.cpp");
    // The whole example, with a Ctrl-C at the end of its main.
    std::fs::write(
        &source,
        format!(
            "#define main example\n#include {:?}\n#undef main\n\
             int main(int argc, char **argv) {{\n\
               const int status = example(argc, argv);\n\
               std::cout.flush();\n\
               std::raise(SIGINT);\n\
               return status;\n\
             }}\n",
            root().join("bindings/c/examples/sync.cpp")
        ),
    )
    .unwrap();
    let mut command = compiler("g++");
    command.args(WARNINGS).arg("-std=c++17");
    let program = place.compile(&mut command, &[&source], "interrupted");
    let server = Server::start(Catalogue::generate(250, 1), Options::default());
    for (path, wanted) in [
        ("/proc/none/skills.db", "IO_ERROR: "),
        ("skills.db", "250 new"),
    ] {
        let said = output(
            place
                .command(&program)
                .arg(path)
                .env("SKILLSMITH_API_URL", server.base_url()),
        );
        assert_eq!(
            said.status.signal(),
            Some(Signal::INT.as_raw()),
            "{path}: {:?}: {}",
            said.status,
            says(&said)
        );
        assert!(says(&said).contains(wanted), "{path}: {}", says(&said));
    }
}

/// Rows longer than the example's piece of a line, an empty line, and no newline at the end.
#[test]
fn a_transport_in_c() {
    let place = Place::new();
    let program = c99(&place, "transport");
    let rows = place.file("skills.jsonl");
    let path = place.file("skills.db");
    let mut file = std::fs::File::create(&rows).unwrap();
    for number in 0..250 {
        let end = if number == 249 { "" } else { "\n" };
        let words = "word ".repeat(if number == 7 { 2_000 } else { 2 });
        write!(
            file,
            r#"{{"id":"skill-{number}","name":"Skill {number}","description":"{words}"}}{end}"#
        )
        .unwrap();
    }
    drop(file);
    let command = || place.command(&program);

    let said = output(command().arg(&rows).arg(&path));
    assert_eq!(said.status.code(), Some(0), "{}", says(&said));
    assert_eq!(says(&said), "250 new, 0 updated, 0 unchanged\n");
    let database = Database::open(&path).unwrap();
    let long = SkillRepository::new(&database)
        .find_by_id("skill-7")
        .unwrap();
    assert_eq!(long.unwrap().description.unwrap().len(), 10_000);

    let said = output(command().arg("missing.jsonl").arg(&path));
    assert_eq!(said.status.code(), Some(1));
    assert!(
        says(&said).contains("missing.jsonl: No such file or directory"),
        "{}",
        says(&said)
    );
    std::fs::write(place.file("bad.jsonl"), "no JSON\n").unwrap();
    let said = output(command().arg("bad.jsonl").arg(&path));
    assert_eq!(said.status.code(), Some(1));
    assert!(says(&said).contains("error: "), "{}", says(&said));
    assert_eq!(output(&mut command()).status.code(), Some(2));
}

/// Progress on a terminal is one line that changes.
#[test]
fn progress_on_a_terminal() {
    let place = Place::new();
    let server = Server::start(Catalogue::generate(250, 1), Options::default());
    let mut command = Example::C.ready(&place, &server);
    let pty =
        rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::NOCTTY)
            .unwrap();
    rustix::pty::unlockpt(&pty).unwrap();
    let name = rustix::pty::ptsname(&pty, Vec::new()).unwrap();
    let terminal = std::fs::File::options()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    let mut child = command
        .arg("skills.db")
        .stdout(Stdio::null())
        .stderr(terminal)
        .spawn()
        .unwrap();
    drop(command);
    let mut shown = Vec::new();
    // Ends with an error, where nobody has the terminal open any more.
    _ = std::fs::File::from(pty).read_to_end(&mut shown);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let shown = String::from_utf8_lossy(&shown);
    assert!(shown.contains("\r\u{1b}[KRead 250 skills"), "{shown:?}");
    assert!(shown.ends_with("\r\u{1b}[K"), "{shown:?}");
    assert!(!shown.contains('\n'), "{shown:?}");
}
