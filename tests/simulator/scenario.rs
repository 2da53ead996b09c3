//! A scenario: everything that happens in one simulation, as data that can be serialized.

use serde::{Deserialize, Serialize};

use crate::skill::{Row, is_default};
use crate::style::Style;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that have nothing to do with each other"
)]
pub struct Scenario {
    /// The seed it came from, for information only.
    pub seed: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub about: String,
    #[serde(skip_serializing_if = "is_default")]
    pub file: FileKind,
    /// A rollback journal instead of a write-ahead log.
    #[serde(skip_serializing_if = "is_default")]
    pub rollback_journal: bool,
    /// The first run opens the file; otherwise it is opened before.
    #[serde(skip_serializing_if = "is_default")]
    pub open_late: bool,
    /// Another connection is open all the time.
    #[serde(skip_serializing_if = "is_default")]
    pub host: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub style: Style,
    pub rows: Vec<Row>,
    pub steps: Vec<Step>,
    /// Faults in every run, and then in three more runs without other faults.
    #[serde(skip_serializing_if = "is_default")]
    pub lasting: Vec<Fault>,
    /// Pages of the search carry an ETag, and are not sent to whom has them.
    #[serde(skip_serializing_if = "is_default")]
    pub etags: bool,
    /// The runs in the closing phase remove what is withdrawn, however much it is.
    #[serde(skip_serializing_if = "is_default")]
    pub last_prune: bool,
    /// The page size of the runs in the closing phase.
    pub last_page_size: u32,
}

/// The kind of file before the first run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum FileKind {
    #[default]
    New,
    /// The full-text index has lost its triggers.
    NoTriggers,
    /// Version 1 of the other stack: few tiers, no `source`.
    Version1,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    Registry(Mutation),
    Run(Box<RunSpec>),
    Foreign(Foreign),
    Reopen,
    /// The wall clock jumps by this many seconds; the monotonic clock does not.
    Jump(i64),
    /// This many seconds pass.
    Pass(u32),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mutation {
    /// Adds a row, or replaces the one with its id.
    Put(Row),
    Remove(u32),
    SwapUrls(u32, u32),
    Style(Box<Style>),
}

/// What another program does with the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Foreign {
    /// A skill of the user's own, whose id and URL the registry may have as well.
    Local(u32, Option<u32>),
    /// An older version of a row, as the TypeScript engine would write it.
    Stale(u32),
    /// What the TypeScript stack does when it opens a file.
    Reindex,
    AddColumn(NewColumn),
    /// A trigger that rejects one row, or all rows.
    Trigger(Trigger, u32),
    /// `interval_ms` of the configuration.
    Interval(i64),
    /// `last_sync_at` of the configuration.
    LastSync(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trigger {
    Abort,
    Rollback,
    MissingTable,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NewColumn {
    Stars,
    License,
}

/// One run: its options, and its faults.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunSpec {
    pub page_size: u32,
    #[serde(skip_serializing_if = "is_default")]
    pub force: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub dry: bool,
    /// Removes what two whole listings did not have.
    #[serde(skip_serializing_if = "is_default")]
    pub prune: bool,
    /// In virtual milliseconds; 0 means the default.
    #[serde(skip_serializing_if = "is_default")]
    pub deadline_ms: u32,
    #[serde(skip_serializing_if = "is_default")]
    pub faults: Vec<Fault>,
    /// At this request of the run.
    #[serde(skip_serializing_if = "is_default")]
    pub requests: Vec<(u32, AtRequest)>,
    /// At this call of the progress callback; 0: at the first one about writing.
    #[serde(skip_serializing_if = "is_default")]
    pub events: Vec<(u32, AtEvent)>,
    /// Cancelled during the n-th wait.
    #[serde(skip_serializing_if = "is_default")]
    pub cancel_at_wait: Option<u32>,
    #[serde(skip_serializing_if = "is_default")]
    pub disk: Option<DiskFault>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AtRequest {
    Registry(Mutation),
    Cancel,
    Jump(i64),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AtEvent {
    Cancel,
    Foreign(Foreign),
    /// Another connection holds the write lock for this many attempts; 0: to the end of the run.
    Lock(u32),
    /// A copy from before the run is renamed over the file.
    Replace,
    Delete,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub on: Target,
    /// The number of responses that fail; `None`: all of them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tries: Option<u32>,
    pub what: Failure,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    Health,
    Request(u32),
    /// From this request on.
    From(u32),
    /// Every page that contains the row.
    RowPage(u32),
    Tier(u8),
    /// Every offset from this one on.
    Deep(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// With the seconds of `Retry-After`.
    Server(u16, Option<u32>),
    Timeout,
    Unreachable,
    NoJson,
    NaN,
    /// An empty list with status 200, and a total of 0 or none.
    Empty(bool),
    TooLarge,
    Refused(u16),
    Forbidden,
    Unauthorized,
    RateLimited(Option<u32>),
    QuotaExceeded,
    Panic,
    Unhealthy,
}

/// A disk fault at a write of the run's thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskFault {
    pub at: u32,
    /// Counted from the first progress event about writing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub late: bool,
    pub what: DiskFailure,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DiskFailure {
    /// Once, or from then on.
    Full(bool),
    Error(bool),
    /// The process dies before the write, or halfway through it.
    Crash(bool),
}

impl RunSpec {
    /// A run without faults and without changes.
    pub fn is_quiet(&self) -> bool {
        let plain = Self {
            page_size: self.page_size,
            force: self.force,
            dry: self.dry,
            prune: self.prune,
            ..Self::default()
        };
        *self == plain
    }
}

/// Whether the run loses the file that it started with.
pub fn loses_file(events: &[(u32, AtEvent)]) -> bool {
    let loses = |event: &AtEvent| matches!(event, AtEvent::Replace | AtEvent::Delete);
    events.iter().any(|(_, event)| loses(event))
}
