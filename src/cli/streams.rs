//! The outputs and the input of a process, as the command line sees them.

use std::fmt;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use terminal_size::{Width, terminal_size_of};

use crate::CancelToken;
use crate::environment::Environment;
use crate::unpoisoned::lock;

/// The width of a terminal that does not report its own.
const USUAL_WIDTH: u16 = 80;

/// How often a question looks up from waiting for its answer.
const POLL: Duration = Duration::from_millis(50);

/// The environment of the command line: outputs, input, variables and cancellation.
#[derive(Debug)]
pub struct Terminal {
    /// Results go here.
    pub stdout: Stream,
    /// Errors, warnings and progress go here.
    pub stderr: Stream,
    /// Where answers to questions come from.
    pub stdin: Input,
    /// The variables.
    pub environment: Environment,
    /// Stops a sync; what it wrote is kept.
    pub cancel: CancelToken,
}

impl Terminal {
    /// The outputs and the environment of this process, and a new token.
    pub fn of_process() -> Self {
        Self {
            stdout: Stream::stdout(),
            stderr: Stream::stderr(),
            stdin: Input::stdin(),
            environment: Environment::of_process(),
            cancel: CancelToken::new(),
        }
    }
}

/// One output: a file or pipe, or a terminal of some width. Clones write to the same place.
#[derive(Clone)]
pub struct Stream {
    sink: Arc<Mutex<Sink>>,
    width: Option<WidthOf>,
}

type WidthOf = Arc<dyn Fn() -> u16 + Send + Sync>;

struct Sink {
    writer: Box<dyn Write + Send>,
    /// The reader has closed the pipe, or a write failed: nothing more is written.
    over: bool,
    failure: Option<io::Error>,
}

impl Stream {
    /// A file, a pipe, a buffer.
    pub fn plain(writer: impl Write + Send + 'static) -> Self {
        Self::new(writer, None)
    }

    /// A terminal; `width` tells how many columns it has now.
    pub fn terminal(
        writer: impl Write + Send + 'static,
        width: impl Fn() -> u16 + Send + Sync + 'static,
    ) -> Self {
        Self::new(writer, Some(Arc::new(width)))
    }

    /// This process's standard output.
    pub fn stdout() -> Self {
        let width = io::stdout()
            .is_terminal()
            .then_some(|| width(terminal_size_of(io::stdout())));
        Self::new(io::stdout(), width.map(|width| Arc::new(width) as WidthOf))
    }

    /// This process's standard error.
    pub fn stderr() -> Self {
        let width = io::stderr()
            .is_terminal()
            .then_some(|| width(terminal_size_of(io::stderr())));
        Self::new(io::stderr(), width.map(|width| Arc::new(width) as WidthOf))
    }

    fn new(writer: impl Write + Send + 'static, width: Option<WidthOf>) -> Self {
        let sink = Sink {
            writer: Box::new(writer),
            over: false,
            failure: None,
        };
        Self {
            sink: Arc::new(Mutex::new(sink)),
            width,
        }
    }

    /// Whether this is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.width.is_some()
    }

    /// The columns of the terminal; `None` if this is not a terminal.
    pub fn width(&self) -> Option<u16> {
        self.width.as_ref().map(|width| width())
    }

    /// Writes all of the text. After a failure, writes nothing more.
    pub(super) fn write(&self, text: &str) {
        self.sink().write(text);
    }

    /// The error of a failed write, unless the reader has closed the pipe.
    pub(super) fn take_failure(&self) -> Option<io::Error> {
        self.sink().failure.take()
    }

    fn sink(&self) -> MutexGuard<'_, Sink> {
        lock(&self.sink)
    }
}

/// Where a person answers.
#[derive(Clone)]
pub struct Input(Option<ReadLine>);

type ReadLine = Arc<dyn Fn() -> io::Result<String> + Send + Sync>;

impl Input {
    /// Nobody is there to answer.
    pub fn none() -> Self {
        Self(None)
    }

    /// A terminal. `read_line` blocks until there is a line, and returns an empty one at the end. It is called on
    /// a thread of its own, which is left alone where a cancellation comes before the line.
    pub fn terminal(read_line: impl Fn() -> io::Result<String> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(read_line)))
    }

    /// This process's standard input, if that is a terminal.
    pub fn stdin() -> Self {
        if !io::stdin().is_terminal() {
            return Self::none();
        }
        Self::terminal(|| {
            let mut line = String::new();
            io::stdin().read_line(&mut line).map(|_| line)
        })
    }

    /// Whether somebody can answer.
    pub fn is_terminal(&self) -> bool {
        self.0.is_some()
    }

    /// The next line, or an empty one at the end of the input, after an error, or once `cancel` is cancelled.
    pub(super) fn line(&self, cancel: &CancelToken) -> String {
        let Some(read_line) = self.0.clone() else {
            return String::new();
        };
        let (sender, lines) = sync_channel(1);
        let spawned = std::thread::Builder::new()
            .name("skillsmith-answer".into())
            .stack_size(crate::memory::OF_A_THREAD)
            .spawn(move || _ = sender.send(read_line().unwrap_or_default()));
        if spawned.is_err() {
            return String::new();
        }
        while !cancel.is_cancelled() {
            match lines.recv_timeout(POLL) {
                Ok(line) => return line,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        String::new()
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("is_terminal", &self.is_terminal())
            .finish()
    }
}

impl Sink {
    fn write(&mut self, text: &str) {
        if self.over {
            return;
        }
        if let Err(error) = self.try_write(text.as_bytes()) {
            self.over = true;
            // `… | head` has closed the pipe, which is not an error.
            if error.kind() != ErrorKind::BrokenPipe {
                self.failure = Some(error);
            }
        }
    }

    fn try_write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.writer.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Node makes its pipes non-blocking, also for processes that share them.
                Err(error) if error.kind() == ErrorKind::WouldBlock => breathe(),
                Err(error) => return Err(error),
            }
        }
        loop {
            match self.writer.flush() {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => breathe(),
                done => return done,
            }
        }
    }
}

fn breathe() {
    std::thread::sleep(Duration::from_millis(2));
}

fn width(size: Option<(Width, terminal_size::Height)>) -> u16 {
    let width = size.map(|(Width(width), _)| width);
    width.filter(|width| *width > 0).unwrap_or(USUAL_WIDTH)
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("width", &self.width())
            .finish_non_exhaustive()
    }
}
