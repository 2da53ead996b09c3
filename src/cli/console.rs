//! Terminal output: streams, colours, verbosity.

use anstream::adapter::strip_str;
use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::streams::{Stream, Terminal};
use super::text::{clean, clean_json};
use super::time::Zone;
use crate::environment::Environment;
use crate::{ClientOptions, Error, ErrorCode, Result};

/// Headings and important figures.
pub(super) const STRONG: Style = Style::new().bold();
/// Less important text.
pub(super) const FAINT: Style = Style::new().dimmed();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const WARNING: Style = AnsiColor::Yellow.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();

/// Help in a wider terminal is harder to read.
const WIDEST_HELP: u16 = 100;

/// An error without a run, in JSON.
#[derive(Serialize)]
struct FailureDocument<'a> {
    success: bool,
    error: ErrorDocument<'a>,
}

#[derive(Serialize)]
struct ErrorDocument<'a> {
    code: &'static str,
    message: &'a str,
    retryable: bool,
}

/// Prints to the user, with the requested verbosity.
#[derive(Debug)]
pub(super) struct Console<'t> {
    pub(super) terminal: &'t Terminal,
    pub(super) json: bool,
    pub(super) quiet: bool,
    pub(super) verbose: bool,
    pub(super) zone: Zone,
}

impl Console<'_> {
    /// Prints a line of the result.
    pub(super) fn say(&self, text: &str) {
        self.print(&self.terminal.stdout, &format!("{text}\n"));
    }

    /// Prints the result as a JSON document.
    pub(super) fn say_json(&self, document: &impl Serialize) {
        match serde_json::to_string_pretty(document) {
            Ok(text) => self
                .terminal
                .stdout
                .write(&format!("{}\n", clean_json(&text))),
            Err(error) => self.error(&error.to_string()),
        }
    }

    /// Prints an error.
    pub(super) fn error(&self, text: &str) {
        self.labelled(BAD, "error:", text);
    }

    /// Prints an error without a run: `error:`, and with `--json` a document too. A command that reads was
    /// interrupted, not a sync.
    pub(super) fn failure(&self, error: &Error) {
        if matches!(error, Error::Cancelled) {
            return self.interrupted("The command was not finished.");
        }
        let message = error.to_string();
        self.document(error.code(), &message);
        self.error(&message);
    }

    /// Prints that Ctrl-C ended a command without a run, and what that means.
    pub(super) fn interrupted(&self, what: &str) {
        self.document(ErrorCode::Cancelled, &format!("Interrupted. {what}"));
        self.labelled(WARNING, "Interrupted.", what);
    }

    /// With `--json`, the document of a command that ended early.
    fn document(&self, code: ErrorCode, message: &str) {
        if self.json {
            self.say_json(&FailureDocument {
                success: false,
                error: ErrorDocument {
                    code: code.name(),
                    message,
                    retryable: code.retryable(),
                },
            });
        }
    }

    /// Prints a warning.
    pub(super) fn warning(&self, text: &str) {
        if !self.json && !self.quiet {
            self.labelled(WARNING, "warning:", text);
        }
    }

    /// Prints what to do about an error.
    pub(super) fn hint(&self, text: &str) {
        if !self.json && !self.quiet {
            self.labelled(FAINT, "hint:", text);
        }
    }

    /// The options of a client, which tells what it does with `--verbose`.
    pub(super) fn client_options(&self) -> ClientOptions {
        let options = ClientOptions::new();
        if !self.verbose {
            return options;
        }
        let stderr = self.terminal.stderr.clone();
        let coloured = colours(&stderr, &self.terminal.environment);
        let zone = self.zone;
        options.on_log(move |message| {
            let style = if coloured { FAINT } else { Style::new() };
            let (target, text) = (message.target, clean(&zone.in_message(message.text)));
            stderr.write(&format!("{style}{target}:{style:#} {text}\n"));
        })
    }

    /// Prints a line to stderr that begins with a coloured word.
    pub(super) fn labelled(&self, style: Style, label: &str, text: &str) {
        let text = clean(&self.zone.in_message(text));
        let line = format!("{style}{label}{style:#} {text}");
        self.print(&self.terminal.stderr, &format!("{}\n", line.trim_end()));
    }

    /// Whether there is somebody to be asked. On a build server nobody is, whatever its terminals say.
    pub(super) fn can_ask(&self) -> bool {
        self.terminal.stdin.is_terminal()
            && self.terminal.stderr.is_terminal()
            && self.terminal.environment.word("CI").is_none()
    }

    /// Asks a question; Enter is yes, and the end of the input is no.
    ///
    /// # Errors
    /// [`Error::Cancelled`] after Ctrl-C.
    pub(super) fn ask(&self, question: &str) -> Result<bool> {
        let (stderr, cancel) = (&self.terminal.stderr, &self.terminal.cancel);
        self.print(stderr, question);
        let line = self.terminal.stdin.line(cancel);
        if !line.ends_with('\n') {
            // The cursor still stands behind the question.
            stderr.write("\n");
        }
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let answer = line.trim().to_lowercase();
        Ok(!line.is_empty() && matches!(answer.as_str(), "" | "y" | "yes"))
    }

    /// Prints clap's own text: help to stdout, usage errors to stderr.
    pub(super) fn usage(&self, error: &clap::Error) {
        let stream = if error.use_stderr() {
            &self.terminal.stderr
        } else {
            &self.terminal.stdout
        };
        self.print(stream, &error.render().ansi().to_string());
    }

    /// Whether escape codes for colours may go to stdout.
    pub(super) fn colours_stdout(&self) -> bool {
        colours(&self.terminal.stdout, &self.terminal.environment)
    }

    /// Whether a bar may be drawn on stderr.
    pub(super) fn draws(&self) -> bool {
        !self.json
            && !self.quiet
            && !self.verbose
            && self.terminal.stderr.is_terminal()
            && is_capable(&self.terminal.environment)
    }

    fn print(&self, stream: &Stream, styled: &str) {
        if colours(stream, &self.terminal.environment) {
            stream.write(styled);
        } else {
            stream.write(&strip_str(styled).to_string());
        }
    }
}

/// The width of help in columns.
pub(super) fn help_width(stdout: &Stream) -> usize {
    stdout
        .width()
        .unwrap_or(WIDEST_HELP)
        .min(WIDEST_HELP)
        .into()
}

/// The rules of <https://bixense.com/clicolors> and <https://no-color.org>, for the caller's stream.
/// anstream checks only the streams and variables of the process.
fn colours(stream: &Stream, environment: &Environment) -> bool {
    let forced = environment
        .word("CLICOLOR_FORCE")
        .is_some_and(|value| value != "0");
    let declined = environment
        .word("CLICOLOR")
        .is_some_and(|value| value == "0");
    if environment.word("NO_COLOR").is_some() {
        false
    } else if forced {
        true
    } else {
        !declined && stream.is_terminal() && is_capable(environment)
    }
}

/// Whether the terminal understands escape codes.
fn is_capable(environment: &Environment) -> bool {
    environment
        .word("TERM")
        .map_or(cfg!(windows), |term| term != "dumb")
}
