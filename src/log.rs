//! What a host's log is told: a function that a client is given, and that its engine uses too.
//!
//! Not the crate `log`: its logger belongs to the whole process, of which this library may be in twice, and a
//! host in C or JavaScript has none. A function belongs to one client.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// How important a message is.
///
/// ```
/// use skillsmith_sync::LogLevel;
///
/// assert!(LogLevel::Warning < LogLevel::Debug);
/// assert_eq!(LogLevel::Info.as_str(), "info");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LogLevel {
    /// Something failed.
    Warning,
    /// The beginning and end of a sync, and waits.
    Info,
    /// Every request, page and batch.
    Debug,
}

impl LogLevel {
    /// The name: `warning`, `info` or `debug`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// A message for a log. It contains no credential, and no words that a user searches for.
///
/// ```
/// use skillsmith_sync::ClientOptions;
///
/// let options = ClientOptions::new()
///     .on_log(|message| eprintln!("{} {}", message.target, message.text));
/// # drop(options);
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct LogMessage<'a> {
    /// How important it is.
    pub level: LogLevel,
    /// What it is about: `http` or `sync`.
    pub target: &'static str,
    /// One line for a person. It may change between versions.
    pub text: &'a str,
}

type Callback = Arc<dyn Fn(&LogMessage<'_>) + Send + Sync>;

/// Where messages go; nowhere by default. Clones go to the same place.
///
/// A [`Registry`](crate::Registry) of the program's own returns one, so that syncs with it are logged.
///
/// ```
/// use skillsmith_sync::Log;
///
/// let log = Log::new(|message| eprintln!("{}: {}", message.level.as_str(), message.text));
/// # drop(log);
/// ```
#[derive(Clone, Default)]
pub struct Log(Option<Callback>);

impl Log {
    /// Calls `callback` for each message: see [`ClientOptions::on_log`](crate::ClientOptions::on_log).
    pub fn new(callback: impl Fn(&LogMessage<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(callback)))
    }

    pub(crate) fn http(&self, level: LogLevel, text: impl FnOnce() -> String) {
        self.tell(level, "http", text);
    }

    pub(crate) fn sync(&self, level: LogLevel, text: impl FnOnce() -> String) {
        self.tell(level, "sync", text);
    }

    /// Never called while a mutex is held or a transaction is open. A panic of the callback ends here.
    fn tell(&self, level: LogLevel, target: &'static str, text: impl FnOnce() -> String) {
        let Some(callback) = &self.0 else { return };
        // One line, whatever a registry says.
        let text: String = text()
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let message = LogMessage {
            level,
            target,
            text: &text,
        };
        _ = catch_unwind(AssertUnwindSafe(|| callback(&message)));
    }
}

/// The ending of a word that is counted: `1 row`, `2 rows`.
pub(crate) const fn plural(is_one: bool) -> &'static str {
    if is_one { "" } else { "s" }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("is_set", &self.0.is_some())
            .finish()
    }
}
