//! How the server behaves when nothing goes wrong.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How the server behaves. The default is the registry of the specification: every listing allowed, no limits.
///
/// As JSON the fields have the same names, and any may be left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "snake_case")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent switches with names, not a hidden state machine"
)]
pub struct Options {
    /// Which listings are refused with 400.
    pub plain: Plain,
    /// The longest page, in rows; a larger `limit` is clamped to it.
    pub max_limit: usize,
    /// Whether `meta` has a `limit`.
    pub echo_limit: bool,
    /// What `meta.limit` says, if it is there.
    pub limit_says: LimitSays,
    /// What `meta.total` says.
    pub total: Total,
    /// The most that `meta.total` says; whatever it says, this is never exceeded.
    pub total_cap: Option<u64>,
    /// Refuses an offset at or behind the end of a listing with this status; offset 0 is never refused.
    pub end_status: Option<u16>,
    /// How deep a listing can be read.
    pub depth_limit: Option<DepthLimit>,
    /// Hides every n-th row of the complete listing from all pages. Offsets and the true total count hidden rows, so
    /// pages are short.
    pub hide_every: Option<usize>,
    /// Hides the rows of the complete listing from the first position up to, not including, the second.
    pub hide_range: Option<(usize, usize)>,
    /// The values of `trust_tier` that the server knows; any other is refused with 400.
    pub known_tiers: Vec<String>,
    /// Whether `trust_tier`, `category` and `min_score` are taken no notice of.
    pub ignore_filters: bool,
    /// How listings are ordered.
    pub order: Order,
    /// After each series of this many listing requests the last row of every listing moves to its start.
    pub rotate_after_requests: Option<u64>,
    /// Which skills a `query` finds.
    pub query_matches: QueryMatches,
    /// The keys of which listings need one, unless this is empty.
    pub api_keys: Vec<String>,
    /// The access tokens of users who are signed in; a listing needs one of these or of `api_keys`, if there are any.
    pub sign_in: SignIn,
    /// How many listing requests without a credential are served in all before they get 401. A bearer token that is
    /// also in the `apikey` header is no credential.
    pub anonymous_quota: Option<u64>,
    /// Refuses every listing with 403 and this reason.
    pub forbidden: Option<String>,
    /// Refuses every listing with 403, since only larger plans may list; the text is the caller's plan.
    pub plan_required: Option<String>,
    /// Refuses listing requests above a rate with 429.
    pub rate_limit: Option<RateLimit>,
    /// How 429 tells when to come back.
    pub retry_after_form: RetryAfterForm,
    /// Refuses listing requests above a number with 429 and a body that says so.
    pub monthly_quota: Option<MonthlyQuota>,
    /// Whether bodies are compressed for clients that accept gzip.
    pub gzip: bool,
    /// How `Content-Encoding` names gzip.
    pub gzip_name: String,
    /// In how many gzip streams, one behind the other, a compressed body comes.
    pub gzip_members: usize,
    /// How many zero bytes follow a compressed body.
    pub gzip_padding: usize,
    /// Whether bodies are sent in chunks (to HTTP/1.1 clients) instead of with a Content-Length.
    pub chunked: bool,
    /// Whether connections stay open between requests.
    pub keep_alive: bool,
    /// How long every answer is held back, in milliseconds.
    pub delay_ms: u64,
    /// What the health check answers.
    pub health: Health,
    /// How many milliseconds the server's clock is ahead (or, if negative, behind).
    pub clock_offset_ms: i64,
    /// Redirects every listing.
    pub redirect: Option<Redirect>,
    /// The sync endpoint; without one its path is answered with 404.
    pub sync_endpoint: Option<SyncEndpoint>,
    /// Headers that a proxy in front of the server drops from its answers.
    pub dropped_headers: Vec<String>,
    /// What pages of listings carry so that a client can ask whether they have changed.
    pub validators: Validators,
    /// When pages with a validator are answered with 304.
    pub not_modified: NotModified,
}

impl Default for Options {
    fn default() -> Self {
        let tiers = [
            "official",
            "verified",
            "curated",
            "community",
            "unverified",
            "experimental",
            "unknown",
        ];
        Self {
            plain: Plain::Allowed,
            max_limit: 100,
            echo_limit: true,
            limit_says: LimitSays::InForce,
            total: Total::TrueTotal,
            total_cap: None,
            end_status: None,
            depth_limit: None,
            hide_every: None,
            hide_range: None,
            known_tiers: tiers.map(str::to_owned).to_vec(),
            ignore_filters: false,
            order: Order::Score,
            rotate_after_requests: None,
            query_matches: QueryMatches::Substring,
            api_keys: Vec::new(),
            sign_in: SignIn::default(),
            anonymous_quota: None,
            forbidden: None,
            plan_required: None,
            rate_limit: None,
            retry_after_form: RetryAfterForm::Seconds,
            monthly_quota: None,
            gzip: false,
            gzip_name: "gzip".to_owned(),
            gzip_members: 1,
            gzip_padding: 0,
            chunked: false,
            keep_alive: true,
            delay_ms: 0,
            health: Health::Healthy,
            clock_offset_ms: 0,
            redirect: None,
            sync_endpoint: None,
            dropped_headers: Vec::new(),
            validators: Validators::None,
            not_modified: NotModified::IfUnchanged,
        }
    }
}

/// What pages of listings carry so that a client can ask whether they have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validators {
    /// Nothing.
    None,
    /// An `ETag` made of the body.
    Etag,
    /// The same as a weak one.
    Weak,
    /// A `Last-Modified`: when the body that the page has now was first served.
    LastModified,
}

/// When pages with a validator are answered with 304.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotModified {
    /// Where the request has the page's validator as its condition.
    IfUnchanged,
    /// The same, but the body is sent with it, which HTTP does not allow.
    WithBody,
    /// For every condition, though the page may have changed.
    IfAsked,
    /// For every request.
    Always,
    /// Never: conditions are not looked at.
    Never,
}

/// Access tokens that expire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignIn {
    /// How many listing requests each token still serves; with 0 it has expired.
    pub tokens: BTreeMap<String, u64>,
    /// What the `error` of the 401 says then.
    pub error: String,
}

impl Default for SignIn {
    fn default() -> Self {
        Self {
            tokens: BTreeMap::new(),
            error: "expired_token".to_owned(),
        }
    }
}

/// Which listings are refused with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plain {
    /// None: a listing needs no more than `limit` and `offset`.
    Allowed,
    /// Those without a `query` of at least 3 characters and without a filter.
    NeedsFilter,
    /// Those without a `query` of at least 2 characters; filters do not help.
    NeedsQuery,
}

/// How listings are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// By id.
    Id,
    /// By quality score, best first and null last, then by id.
    Score,
    /// As the skills came in.
    Inserted,
    /// Differently for every request.
    Shuffled,
}

/// Which skills a `query` finds. Case never matters; names, descriptions and tags are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueryMatches {
    /// Those that hold it as whole words.
    Words,
    /// Those that hold it anywhere.
    Substring,
    /// All.
    Everything,
}

/// How 429 tells when to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfterForm {
    /// `Retry-After` with a number of seconds, rounded up.
    Seconds,
    /// `Retry-After` with a date on the server's clock, rounded up to a second.
    Date,
    /// Not at all.
    None,
}

/// What `meta.limit` says. As JSON: `"in_force"`, `"asked"` or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WordOrNumber", into = "WordOrNumber")]
pub enum LimitSays {
    /// The limit that the page was made with.
    InForce,
    /// The limit that was asked for, though the page may have been clamped.
    Asked,
    /// This number, whatever the truth.
    Number(u64),
}

/// How deep a listing can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepthLimit {
    /// The largest offset that is served.
    pub offset: u64,
    /// The status that larger ones are refused with.
    pub status: u16,
}

/// What `meta.total` says. As JSON: `"true_total"`, `"page_count"`, `"read_so_far"`, `"absent"` or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WordOrNumber", into = "WordOrNumber")]
pub enum Total {
    /// The number of rows that the listing has, hidden ones included.
    TrueTotal,
    /// The number of rows in the page.
    PageCount,
    /// The offset and the number of rows in the page.
    ReadSoFar,
    /// Nothing: `meta` has no `total`.
    Absent,
    /// This number, whatever the truth.
    Number(u64),
}

/// What the health check answers. As JSON: `"healthy"`, `"degraded"`, `"unhealthy"` or a status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WordOrNumber", into = "WordOrNumber")]
pub enum Health {
    /// 200 and `healthy`.
    Healthy,
    /// 200 and `degraded`.
    Degraded,
    /// 503 and `unhealthy`.
    Unhealthy,
    /// This status code, with an error as its body.
    Status(u16),
}

/// A number of requests within a fixed window, which begins with the first request after the last one ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// How many listing requests are served in a window.
    pub limit: u64,
    /// The length of the window in milliseconds.
    pub window_ms: u64,
}

/// A number of requests in a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MonthlyQuota {
    /// How many listing requests are served.
    pub limit: u64,
    /// How many were served already; the server counts on.
    #[serde(default)]
    pub used: u64,
    /// The name of the plan.
    pub tier: String,
    /// When the quota begins anew, as ISO 8601 text. It does not begin anew by itself.
    pub resets_at: String,
}

/// How the sync endpoint behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SyncEndpoint {
    /// Refuses it with 403, since only larger plans may use it; the text is the caller's plan.
    pub plan_required: Option<String>,
    /// Answers with the first page whatever the offset.
    pub ignore_offset: bool,
    /// Lists everything, whatever `since` says.
    pub ignore_since: bool,
}

/// An answer that sends the client elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// The status code, such as 302.
    pub status: u16,
    /// Where to; `{path}` and `{query}` stand for those of the request (the query without its question mark).
    pub location: String,
}

/// How the enums are written that have words and numbers.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WordOrNumber {
    Word(String),
    Number(u64),
}

impl TryFrom<WordOrNumber> for Total {
    type Error = String;

    fn try_from(value: WordOrNumber) -> Result<Self, String> {
        match value {
            WordOrNumber::Number(number) => Ok(Self::Number(number)),
            WordOrNumber::Word(word) => match word.as_str() {
                "true_total" => Ok(Self::TrueTotal),
                "page_count" => Ok(Self::PageCount),
                "read_so_far" => Ok(Self::ReadSoFar),
                "absent" => Ok(Self::Absent),
                _ => Err(format!(
                    "total is \"true_total\", \"page_count\", \"read_so_far\", \"absent\" or a number, not \"{word}\""
                )),
            },
        }
    }
}

impl From<Total> for WordOrNumber {
    fn from(total: Total) -> Self {
        match total {
            Total::TrueTotal => Self::Word("true_total".into()),
            Total::PageCount => Self::Word("page_count".into()),
            Total::ReadSoFar => Self::Word("read_so_far".into()),
            Total::Absent => Self::Word("absent".into()),
            Total::Number(number) => Self::Number(number),
        }
    }
}

impl TryFrom<WordOrNumber> for LimitSays {
    type Error = String;

    fn try_from(value: WordOrNumber) -> Result<Self, String> {
        match value {
            WordOrNumber::Number(number) => Ok(Self::Number(number)),
            WordOrNumber::Word(word) => match word.as_str() {
                "in_force" => Ok(Self::InForce),
                "asked" => Ok(Self::Asked),
                _ => Err(format!(
                    "limit_says is \"in_force\", \"asked\" or a number, not \"{word}\""
                )),
            },
        }
    }
}

impl From<LimitSays> for WordOrNumber {
    fn from(limit: LimitSays) -> Self {
        match limit {
            LimitSays::InForce => Self::Word("in_force".into()),
            LimitSays::Asked => Self::Word("asked".into()),
            LimitSays::Number(number) => Self::Number(number),
        }
    }
}

impl TryFrom<WordOrNumber> for Health {
    type Error = String;

    fn try_from(value: WordOrNumber) -> Result<Self, String> {
        let allowed =
            "health is \"healthy\", \"degraded\", \"unhealthy\" or a status code from 200 to 599";
        match value {
            WordOrNumber::Number(code) => match u16::try_from(code) {
                Ok(code) if (200..600).contains(&code) => Ok(Self::Status(code)),
                _ => Err(format!("{allowed}, not {code}")),
            },
            WordOrNumber::Word(word) => match word.as_str() {
                "healthy" => Ok(Self::Healthy),
                "degraded" => Ok(Self::Degraded),
                "unhealthy" => Ok(Self::Unhealthy),
                _ => Err(format!("{allowed}, not \"{word}\"")),
            },
        }
    }
}

impl From<Health> for WordOrNumber {
    fn from(health: Health) -> Self {
        match health {
            Health::Healthy => Self::Word("healthy".into()),
            Health::Degraded => Self::Word("degraded".into()),
            Health::Unhealthy => Self::Word("unhealthy".into()),
            Health::Status(code) => Self::Number(code.into()),
        }
    }
}
