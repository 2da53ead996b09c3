//! The arguments of `skillsmith-registry`.

use std::path::PathBuf;

use skillsmith_test_registry::Options;

/// What `--help` says.
pub(crate) const HELP: &str = "\
A skill registry for tests: an HTTP server on 127.0.0.1

Usage: skillsmith-registry [OPTIONS]

  --skills N            serve N invented skills (default 1000)
  --seed S              which skills are invented (default 1)
  --history FILE        serve a registry replayed from FILE, one JSON event a line
  --events N            replay only the first N events of the history
  --snapshot FILE       serve the skills of FILE, one JSON object a line
  --port P              listen on this port (default: a free one)
  --options JSON        server options, as a JSON object
  --port-file FILE      write the port to FILE once the server listens
  --until-stdin-closes  stop when standard input ends
  --help                print this

Prints one line, `listening on URL`, and serves until it is killed or POST /_control/stop.
";

const ALLOWED: &str = "allowed are --skills, --seed, --history, --events, --snapshot, --port, --options, --port-file, \
    --until-stdin-closes and --help";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) source: Source,
    pub(crate) port: u16,
    pub(crate) options: Options,
    pub(crate) port_file: Option<PathBuf>,
    pub(crate) until_stdin_closes: bool,
}

/// Where the skills come from.
#[derive(Debug)]
pub(crate) enum Source {
    Invented {
        skills: usize,
        seed: u64,
    },
    History {
        file: PathBuf,
        events: Option<usize>,
    },
    Snapshot(PathBuf),
}

/// What to do.
#[derive(Debug)]
pub(crate) enum Task {
    Serve(Box<Arguments>),
    Help,
}

/// Reads the arguments, the program's name left out; the error says what is wrong.
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Task, String> {
    let mut arguments = arguments.into_iter();
    let (mut skills, mut seed, mut events) = (None, None, None);
    let (mut history, mut snapshot, mut port_file) = (None, None, None);
    let (mut port, mut options, mut until_stdin_closes) = (0, Options::default(), false);
    while let Some(argument) = arguments.next() {
        // Both `--port 80` and `--port=80`.
        let (name, attached) = match argument.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (argument, None),
        };
        let has_value = attached.is_some();
        let mut value = || {
            attached
                .clone()
                .or_else(|| arguments.next())
                .ok_or_else(|| format!("{name} needs a value"))
        };
        match name.as_str() {
            "--help" | "-h" if !has_value => return Ok(Task::Help),
            "--until-stdin-closes" if !has_value => until_stdin_closes = true,
            "--skills" => skills = Some(number(&name, &value()?)?),
            "--seed" => seed = Some(number(&name, &value()?)?),
            "--events" => events = Some(number(&name, &value()?)?),
            "--port" => port = number(&name, &value()?)?,
            "--history" => history = Some(PathBuf::from(value()?)),
            "--snapshot" => snapshot = Some(PathBuf::from(value()?)),
            "--port-file" => port_file = Some(PathBuf::from(value()?)),
            "--options" => {
                options = serde_json::from_str(&value()?)
                    .map_err(|error| format!("--options: {error}"))?;
            }
            _ => return Err(format!("unknown option {name}; {ALLOWED}")),
        }
    }
    let invents = skills.is_some() || seed.is_some();
    let source = match (history, snapshot) {
        (None, None) if events.is_none() => Source::Invented {
            skills: skills.unwrap_or(1000),
            seed: seed.unwrap_or(1),
        },
        (None, _) if events.is_some() => return Err("--events needs --history".to_owned()),
        (Some(file), None) if !invents => Source::History { file, events },
        (None, Some(file)) if !invents => Source::Snapshot(file),
        _ => {
            return Err(
                "only one of --skills (with --seed), --history and --snapshot can be served"
                    .to_owned(),
            );
        }
    };
    Ok(Task::Serve(Box::new(Arguments {
        source,
        port,
        options,
        port_file,
        until_stdin_closes,
    })))
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{name} needs a number, not \"{text}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Task, String> {
        parse(arguments.iter().map(ToString::to_string))
    }

    fn problem(arguments: &[&str]) -> String {
        parsed(arguments).expect_err("this is not allowed")
    }

    #[test]
    fn values_may_be_attached() {
        let Ok(Task::Serve(arguments)) = parsed(&[
            "--skills=5",
            "--seed",
            "9",
            "--port=80",
            "--until-stdin-closes",
        ]) else {
            panic!("these are good arguments")
        };
        assert!(matches!(
            arguments.source,
            Source::Invented { skills: 5, seed: 9 }
        ));
        assert!(arguments.port == 80 && arguments.until_stdin_closes);
        let Ok(Task::Serve(arguments)) = parsed(&[
            "--history",
            "a.jsonl",
            "--events",
            "7",
            "--options",
            r#"{"gzip":true}"#,
        ]) else {
            panic!("these are good arguments")
        };
        assert!(matches!(
            arguments.source,
            Source::History {
                events: Some(7),
                ..
            }
        ));
        assert!(arguments.options.gzip);
        assert!(matches!(parsed(&["--help"]), Ok(Task::Help)));
    }

    #[test]
    fn mistakes_are_explained() {
        assert!(problem(&["--skill", "5"]).contains("allowed are --skills"));
        assert!(problem(&["--skills"]).contains("--skills needs a value"));
        assert!(problem(&["--port", "99999"]).contains("--port needs a number"));
        assert!(problem(&["--options", r#"{"gzipped":true}"#]).contains("unknown field `gzipped`"));
        assert!(problem(&["--events", "5"]).contains("--events needs --history"));
        assert!(
            problem(&["--events", "5", "--snapshot", "x"]).contains("--events needs --history")
        );
        assert!(problem(&["--skills", "5", "--snapshot", "x"]).contains("only one of"));
        assert!(problem(&["--history", "y", "--snapshot", "x"]).contains("only one of"));
    }
}
