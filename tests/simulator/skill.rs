//! A row of the registry: a few numbers that determine what is served and what must be stored.

use rusqlite::types::Value;
use serde::{Deserialize, Serialize};

use crate::random::mixed;

/// Tiers by number. The last three: an unknown one, null, and a missing field.
pub const TIERS: [&str; 8] = [
    "official",
    "verified",
    "curated",
    "community",
    "unverified",
    "experimental",
    "unknown",
    "platinum",
];
pub const NULL_TIER: u8 = 8;
pub const ABSENT_TIER: u8 = 9;

/// The search words for a registry without a listing.
pub const WORDS: [&str; 8] = ["git", "code", "dev", "test", "npm", "api", "cli", "doc"];

/// 2026-01-01T00:00:00Z, when every simulation begins.
pub const START: i64 = 1_767_225_600;

pub fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// One row. `n` is its id; two rows with the same id are a skill that is listed twice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Row {
    pub n: u32,
    /// Determines the content.
    #[serde(skip_serializing_if = "is_default")]
    pub v: u32,
    #[serde(skip_serializing_if = "is_default")]
    pub stamp: Stamp,
    #[serde(skip_serializing_if = "is_default")]
    pub url: Option<u32>,
    #[serde(skip_serializing_if = "is_default")]
    pub tier: u8,
    #[serde(skip_serializing_if = "is_default")]
    pub odd: Odd,
    /// The second row with the same id.
    #[serde(skip_serializing_if = "is_default")]
    pub twin: bool,
    /// Filtered out after the registry has applied its LIMIT.
    #[serde(skip_serializing_if = "is_default")]
    pub hidden: bool,
    /// KiB of description, so that a small world needs several batches.
    #[serde(skip_serializing_if = "is_default")]
    pub fat: u16,
}

/// `updated_at`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Stamp {
    #[default]
    Null,
    Absent,
    /// Seconds after the start.
    At(i64),
    Text(String),
}

/// A quirk of a row. Rows with the quirks up to `NulName` cannot be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Odd {
    #[default]
    None,
    NoId,
    NullName,
    WrongName,
    WrongScore,
    WrongTags,
    NotObject,
    NulName,
    LoneSurrogate,
    HugeNumber,
    WrongUnused,
    EscapedNul,
}

/// What a column must hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// The row has no such field, or the table keeps its value.
    Anything,
    Is(Value),
}

fn text(text: impl Into<String>) -> Expected {
    Expected::Is(Value::Text(text.into()))
}

impl Odd {
    pub const REJECTED: [Self; 7] = [
        Self::NoId,
        Self::NullName,
        Self::WrongName,
        Self::WrongScore,
        Self::WrongTags,
        Self::NotObject,
        Self::NulName,
    ];
    pub const VALID: [Self; 4] = [
        Self::LoneSurrogate,
        Self::HugeNumber,
        Self::WrongUnused,
        Self::EscapedNul,
    ];
}

impl Row {
    pub fn id(&self) -> String {
        format!("s{:03}", self.n)
    }

    pub fn is_valid(&self) -> bool {
        !Odd::REJECTED.contains(&self.odd)
    }

    /// Whether it has no readable id.
    pub fn is_nameless(&self) -> bool {
        matches!(self.odd, Odd::NoId | Odd::NotObject)
    }

    pub fn score(&self) -> u64 {
        mixed(u64::from(self.n) + 77)
    }

    pub fn url_text(&self) -> Option<String> {
        self.url
            .map(|url| format!("https://github.com/sim/r{url:03}"))
    }

    pub fn tier_word(&self) -> Option<&'static str> {
        TIERS.get(usize::from(self.tier)).copied()
    }

    pub fn stamp_text(&self) -> Option<String> {
        match &self.stamp {
            Stamp::Null | Stamp::Absent => None,
            Stamp::Text(text) => Some(text.clone()),
            Stamp::At(seconds) => {
                let at = chrono::DateTime::from_timestamp(START + seconds, 0).unwrap_or_default();
                let form = ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.000+00:00"];
                Some(at.format(form[(self.n % 2) as usize]).to_string())
            }
        }
    }

    fn name(&self) -> String {
        let word = WORDS
            .get((self.n % 12) as usize)
            .copied()
            .unwrap_or("plain");
        format!("Skill {} {word} v{}", self.n, self.v)
    }

    /// Whether a search for `word` finds it.
    pub fn has_word(&self, word: &str) -> bool {
        WORDS.get((self.n % 12) as usize) == Some(&word)
    }

    /// `None`: the row has no such field.
    fn description(&self) -> Option<Value> {
        if self.v % 7 == 6 {
            return None;
        }
        if self.v % 5 == 4 && self.fat == 0 {
            return Some(Value::Null);
        }
        let mut text = format!("What skill {} does, v{}", self.n, self.v);
        if self.odd == Odd::LoneSurrogate {
            text.push('\u{fffd}');
        }
        // Without words, so that the full-text index has no work with it.
        text.push_str(&" -------".repeat(usize::from(self.fat) * 128));
        Some(Value::Text(text))
    }

    fn tags(&self) -> String {
        if self.odd == Odd::EscapedNul {
            return r#"["\\u0000"]"#.into();
        }
        format!(r#"["t{}","all"]"#, self.v)
    }

    fn hundredths(&self) -> u32 {
        (self.n * 37 + self.v * 11) % 101
    }

    /// `None`: the row has no such field.
    const fn quarantined(&self) -> Option<bool> {
        match self.v % 5 {
            4 => None,
            _ => Some(self.v % 4 == 3),
        }
    }

    /// `None`: the row has no such field.
    const fn risk(&self) -> Option<u32> {
        match self.v % 3 {
            1 => None,
            _ => Some((self.n * 7 + self.v * 13) % 101),
        }
    }

    fn scanned_at(&self) -> Option<String> {
        (self.v % 3 != 1).then(|| format!("2026-01-{:02}T00:00:00Z", self.v % 28 + 1))
    }

    /// `None`: the row has no such field.
    fn categories(&self) -> Option<Vec<String>> {
        match self.v % 6 {
            5 => None,
            4 => Some(Vec::new()),
            kind => Some(vec!["All of them".into(), format!("Kind {kind}")]),
        }
    }

    /// The JSON text of the row.
    pub fn render(&self) -> String {
        match self.odd {
            Odd::NoId => return r#"{"name":"nameless","stars":1}"#.into(),
            Odd::NotObject => return format!("[{}]", self.n),
            _ => {}
        }
        let quoted = |text: Option<String>| serde_json::Value::from(text).to_string();
        let name = match self.odd {
            Odd::NullName => "null".into(),
            Odd::WrongName => "5".into(),
            Odd::NulName => r#""a\u0000b""#.into(),
            _ => quoted(Some(self.name())),
        };
        let score = match self.odd {
            Odd::WrongScore => "7".into(),
            _ => format!("{}", f64::from(self.hundredths()) / 100.0),
        };
        let tags = match self.odd {
            Odd::WrongTags => r#""text""#.into(),
            _ => self.tags(),
        };
        let mut fields = vec![
            ("id", quoted(Some(self.id()))),
            ("name", name),
            ("author", quoted(Some(format!("a{}", self.n % 5)))),
            ("repo_url", quoted(self.url_text())),
            ("quality_score", score),
            ("tags", tags),
            ("created_at", quoted(Some("2025-06-01T00:00:00Z".into()))),
            ("license", quoted(Some("MIT".into()))),
            ("a_new_field", r#"{"deep":[1,{}]}"#.into()),
        ];
        if let Some(description) = self.description() {
            let text = match description {
                Value::Text(text) => Some(text),
                _ => None,
            };
            let shown = quoted(text);
            fields.push(("description", shown.replace('\u{fffd}', r"\ud83d")));
        }
        if self.tier != ABSENT_TIER {
            fields.push(("trust_tier", quoted(self.tier_word().map(str::to_owned))));
        }
        if self.stamp != Stamp::Absent {
            fields.push(("updated_at", quoted(self.stamp_text())));
        }
        let scanned_at = self.scanned_at();
        fields.push(("last_scanned_at", quoted(scanned_at)));
        if let Some(is_in) = self.quarantined() {
            fields.push(("quarantined", is_in.to_string()));
        }
        if let Some(names) = self.categories() {
            let names = serde_json::Value::from(names).to_string();
            fields.push(("categories", names.replace("[]", "null")));
        }
        if let (Some(risk), true) = (self.risk(), self.odd != Odd::HugeNumber) {
            fields.push(("security_score", risk.to_string()));
        }
        match self.odd {
            Odd::HugeNumber => fields.push(("security_score", "1e999".into())),
            Odd::WrongUnused => fields.push(("installable", r#""perhaps""#.into())),
            _ => fields.push(("stars", (self.n * 10 + self.v).to_string())),
        }
        let parts: Vec<_> = fields
            .into_iter()
            .map(|(key, value)| format!("\"{key}\":{value}"))
            .collect();
        format!("{{{}}}", parts.join(","))
    }

    /// What a column of the table must hold; `repo_url` is checked elsewhere.
    pub fn expected(&self, column: &str, narrow: bool) -> Expected {
        match column {
            "name" => text(self.name()),
            "author" => text(format!("a{}", self.n % 5)),
            "description" => self.description().map_or(Expected::Anything, Expected::Is),
            "quality_score" => Expected::Is(Value::Real(f64::from(self.hundredths()) / 100.0)),
            "tags" => text(self.tags()),
            "created_at" => text("2025-06-01T00:00:00Z"),
            "license" => text("MIT"),
            "trust_tier" => match (self.tier, self.tier_word()) {
                (NULL_TIER, _) => Expected::Is(Value::Null),
                (_, None) => Expected::Anything,
                (_, Some(tier)) => text(narrowed(tier, narrow)),
            },
            "updated_at" => self.stamp_text().map_or(Expected::Anything, text),
            "security_scanned_at" => {
                Expected::Is(self.scanned_at().map_or(Value::Null, Value::Text))
            }
            "risk_score" if self.odd == Odd::HugeNumber => Expected::Is(Value::Null),
            "risk_score" => self.risk().map_or(Expected::Anything, |risk| {
                Expected::Is(Value::Integer(risk.into()))
            }),
            "security_passed" => match (self.quarantined(), self.risk()) {
                (Some(true), _) => Expected::Is(Value::Integer(0)),
                (_, Some(_)) if self.odd != Odd::HugeNumber => Expected::Is(Value::Integer(1)),
                _ => Expected::Anything,
            },
            crate::table::CATEGORIES => self
                .categories()
                .map_or(Expected::Anything, |names| text(names.join(","))),
            "stars" if !matches!(self.odd, Odd::HugeNumber | Odd::WrongUnused) => {
                Expected::Is(Value::Integer((self.n * 10 + self.v).into()))
            }
            _ => Expected::Anything,
        }
    }

    /// Whether two versions have the same timestamp, so that only their content distinguishes them.
    pub fn same_stamp(&self, other: &Self) -> bool {
        self.stamp_text().is_some() && self.stamp_text() == other.stamp_text()
    }
}

/// The tier that the table can store: the nearest one that does not grant more trust.
fn narrowed(tier: &str, narrow: bool) -> &str {
    match tier {
        "platinum" => "unknown",
        "official" if narrow => "verified",
        "curated" if narrow => "community",
        "unverified" if narrow => "unknown",
        tier => tier,
    }
}
