//! What goes wrong on purpose, and when.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that goes wrong, and when it does.
///
/// The builders start from a constructor that says what goes wrong: `Fault::status(503).at_request(2).times(3)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// When it goes wrong; by default at the next listing request, once.
    #[serde(default)]
    pub when: When,
    /// What goes wrong.
    pub action: Action,
}

/// When a fault happens: at the first requests that fulfil all conditions given, as often as `times` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// Not before this request. Listing requests and health checks are numbered apart, from 1, since the start or
    /// since the log was cleared.
    pub request: Option<u64>,
    /// Only at this `offset` (a missing one is 0).
    pub offset: Option<u64>,
    /// Only at this `offset` or a larger one.
    pub from_offset: Option<u64>,
    /// Only where the page covers this position of its listing, from 0: the offset is not behind it, and the end of
    /// the page (by the limit in force) is.
    pub covers: Option<u64>,
    /// Only where the page would hold the skill with this id.
    pub holds: Option<String>,
    /// Only with this `trust_tier`.
    pub tier: Option<String>,
    /// Only for this kind of request.
    pub path: PathKind,
    /// How often it happens; 0 and `None` (null) mean always.
    pub times: Option<u64>,
}

impl Default for When {
    fn default() -> Self {
        Self {
            request: None,
            offset: None,
            from_offset: None,
            covers: None,
            holds: None,
            tier: None,
            path: PathKind::Listing,
            times: Some(1),
        }
    }
}

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathKind {
    /// Listing requests.
    Listing,
    /// Health checks.
    Health,
    /// Requests to the sync endpoint.
    Sync,
    /// Requests for the registry's size.
    Stats,
    /// All of them.
    Any,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Another answer with this status.
    Status {
        /// The status code.
        code: u16,
        /// Headers of the answer, which take the place of the server's own ones of the same name.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// The body: a string is sent as it is, anything else as JSON; without one an error object is sent.
        #[serde(default)]
        body: Option<Value>,
    },
    /// The answer, head and all, is held back.
    Delay {
        /// For how long, in milliseconds.
        ms: u64,
    },
    /// The body comes a few bytes at a time.
    Drip {
        /// The pause before each piece, in milliseconds.
        ms: u64,
        /// The length of a piece in bytes.
        bytes: usize,
    },
    /// The body stops coming, and the connection stays open until the client leaves or the server stops.
    StallAfter {
        /// How many bytes of the body come.
        bytes: usize,
    },
    /// The connection is closed in the middle of a body whose head announced all of it.
    Cut {
        /// How many bytes of the body come.
        bytes: usize,
    },
    /// 200 with a body that is not JSON.
    Garbage,
    /// Bytes that are not HTTP.
    NotHttp,
    /// 200 with an empty body.
    Empty,
    /// A small gzip body that inflates to a huge one (which is even correct JSON), whatever the client accepts.
    Bomb {
        /// The inflated size in units of 1,000,000 bytes.
        megabytes: u64,
    },
    /// A body in chunks that never ends.
    Endless,
    /// 200 with another body.
    ReplaceBody {
        /// The body: a string is sent as it is, anything else as JSON.
        json: Value,
    },
    /// The connection is closed instead of an answer.
    Close,
    /// The connection is reset instead of an answer.
    Reset,
    /// The registry changes just before the answer, which then is a normal one.
    Mutate {
        /// The skills to add or replace.
        #[serde(default)]
        upsert: Vec<Value>,
        /// The ids of the skills to remove, after that.
        #[serde(default)]
        remove: Vec<String>,
    },
}

impl Action {
    /// Whether another answering fault may happen at the same request.
    pub(crate) fn comes_before_the_answer(&self) -> bool {
        matches!(self, Self::Delay { .. } | Self::Mutate { .. })
    }
}

impl Fault {
    /// This goes wrong at the next listing request, once, unless the builders say otherwise.
    pub fn new(action: Action) -> Self {
        Self {
            when: When::default(),
            action,
        }
    }

    /// See [`Action::Status`].
    pub fn status(code: u16) -> Self {
        Self::new(Action::Status {
            code,
            headers: BTreeMap::new(),
            body: None,
        })
    }

    /// See [`Action::Delay`]; in milliseconds.
    pub fn delay(ms: u64) -> Self {
        Self::new(Action::Delay { ms })
    }

    /// See [`Action::Drip`]: `bytes` of the body every `ms` milliseconds.
    pub fn drip(ms: u64, bytes: usize) -> Self {
        Self::new(Action::Drip { ms, bytes })
    }

    /// See [`Action::StallAfter`].
    pub fn stall_after(bytes: usize) -> Self {
        Self::new(Action::StallAfter { bytes })
    }

    /// See [`Action::Cut`].
    pub fn cut(bytes: usize) -> Self {
        Self::new(Action::Cut { bytes })
    }

    /// See [`Action::Garbage`].
    pub fn garbage() -> Self {
        Self::new(Action::Garbage)
    }

    /// See [`Action::NotHttp`].
    pub fn not_http() -> Self {
        Self::new(Action::NotHttp)
    }

    /// See [`Action::Empty`].
    pub fn empty() -> Self {
        Self::new(Action::Empty)
    }

    /// See [`Action::Bomb`]; in units of 1,000,000 bytes.
    pub fn bomb(megabytes: u64) -> Self {
        Self::new(Action::Bomb { megabytes })
    }

    /// See [`Action::Endless`].
    pub fn endless() -> Self {
        Self::new(Action::Endless)
    }

    /// See [`Action::ReplaceBody`].
    pub fn replace_body(json: impl Into<Value>) -> Self {
        Self::new(Action::ReplaceBody { json: json.into() })
    }

    /// See [`Action::Close`].
    pub fn close() -> Self {
        Self::new(Action::Close)
    }

    /// See [`Action::Reset`].
    pub fn reset() -> Self {
        Self::new(Action::Reset)
    }

    /// See [`Action::Mutate`].
    pub fn mutate(
        upsert: impl IntoIterator<Item = Value>,
        remove: impl IntoIterator<Item = String>,
    ) -> Self {
        Self::new(Action::Mutate {
            upsert: upsert.into_iter().collect(),
            remove: remove.into_iter().collect(),
        })
    }

    /// Not before this request, counted from 1.
    #[must_use]
    pub fn at_request(mut self, number: u64) -> Self {
        self.when.request = Some(number);
        self
    }

    /// Only at this `offset`, in rows.
    #[must_use]
    pub fn at_offset(mut self, offset: u64) -> Self {
        self.when.offset = Some(offset);
        self
    }

    /// Only at this `offset`, in rows, or a larger one.
    #[must_use]
    pub fn from_offset(mut self, offset: u64) -> Self {
        self.when.from_offset = Some(offset);
        self
    }

    /// Only where the page covers this position of its listing, from 0, whatever its offset and limit.
    #[must_use]
    pub fn covering(mut self, position: u64) -> Self {
        self.when.covers = Some(position);
        self
    }

    /// Only where the page would hold the skill with this id.
    #[must_use]
    pub fn holding(mut self, id: impl Into<String>) -> Self {
        self.when.holds = Some(id.into());
        self
    }

    /// Only with this `trust_tier`.
    #[must_use]
    pub fn for_tier(mut self, tier: impl Into<String>) -> Self {
        self.when.tier = Some(tier.into());
        self
    }

    /// At health checks instead of listings.
    #[must_use]
    pub fn on_health(mut self) -> Self {
        self.when.path = PathKind::Health;
        self
    }

    /// At requests to the sync endpoint.
    #[must_use]
    pub fn on_sync(mut self) -> Self {
        self.when.path = PathKind::Sync;
        self
    }

    /// At requests for the registry's size.
    #[must_use]
    pub fn on_stats(mut self) -> Self {
        self.when.path = PathKind::Stats;
        self
    }

    /// At health checks and the sync endpoint as well as listings.
    #[must_use]
    pub fn on_any_path(mut self) -> Self {
        self.when.path = PathKind::Any;
        self
    }

    /// This many times.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.when.times = Some(times);
        self
    }

    /// Every time.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.when.times = None;
        self
    }

    /// Adds a header to a [`Fault::status`]; other faults have none.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        if let Action::Status { headers, .. } = &mut self.action {
            headers.insert(name.into(), value.into());
        }
        self
    }

    /// Gives a [`Fault::status`] its body; a string is sent as it is, anything else as JSON. Other faults have none.
    #[must_use]
    pub fn with_body(mut self, json: impl Into<Value>) -> Self {
        if let Action::Status { body, .. } = &mut self.action {
            *body = Some(json.into());
        }
        self
    }
}

/// What of a request faults depend on.
pub(crate) struct Occasion<'a> {
    pub(crate) kind: PathKind,
    pub(crate) number: u64,
    pub(crate) offset: u64,
    /// The positions of its listing that the page covers; `None` if the request is no correct one.
    pub(crate) positions: Option<Range<u64>>,
    /// The ids that the page would hold, if a fault asks for one.
    pub(crate) ids: Vec<String>,
    pub(crate) tier: Option<&'a str>,
}

impl When {
    fn fits(&self, occasion: &Occasion) -> bool {
        (self.path == PathKind::Any || self.path == occasion.kind)
            && self.request.is_none_or(|number| occasion.number >= number)
            && self.offset.is_none_or(|offset| occasion.offset == offset)
            && self
                .from_offset
                .is_none_or(|offset| occasion.offset >= offset)
            && self.covers.is_none_or(|position| {
                let positions = occasion.positions.as_ref();
                positions.is_some_and(|positions| positions.contains(&position))
            })
            && self
                .holds
                .as_ref()
                .is_none_or(|id| occasion.ids.contains(id))
            && self
                .tier
                .as_deref()
                .is_none_or(|tier| occasion.tier == Some(tier))
    }
}

/// Takes what happens at this occasion: all that comes before the answer, and at most one other answer.
///
/// Faults that have happened often enough are dropped from the list.
pub(crate) fn take(faults: &mut Vec<Fault>, occasion: &Occasion) -> Vec<Action> {
    let mut actions: Vec<Action> = Vec::new();
    let mut answered = false;
    faults.retain_mut(|fault| {
        let before = fault.action.comes_before_the_answer();
        if !fault.when.fits(occasion) || (answered && !before) {
            return true;
        }
        answered |= !before;
        actions.push(fault.action.clone());
        match &mut fault.when.times {
            None | Some(0) => true,
            Some(left) => {
                *left -= 1;
                *left > 0
            }
        }
    });
    actions
}
