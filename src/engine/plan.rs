//! The listing plan: how to ask a registry for everything it has.

use serde::{Deserialize, Serialize};

use crate::registry::PageRequest;

/// Tiers of the registry, today's first. A skill has at most one, so that
/// together they list every skill that has one.
const TIERS: [&str; 7] = [
    "official",
    "verified",
    "curated",
    "community",
    "unverified",
    "experimental",
    "unknown",
];

/// Words that many skills contain, for a registry that wants a query and nothing else.
const WORDS: [&str; 8] = ["git", "code", "dev", "test", "npm", "api", "cli", "doc"];

/// How the registry is asked. Kept by name in `sync_state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Plan {
    /// One listing of everything.
    Plain,
    /// One listing per trust tier, and one for skills without a tier.
    Tiers,
    /// One search per word; cannot reach everything.
    Words,
}

/// One query, read to its end. Kept by name, so that a later list of tiers cannot shift it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Pass {
    /// The listing of everything.
    Everything,
    /// The skills of a tier.
    Tier(String),
    /// The skills that have a score: the one way to ask for skills without a tier.
    Scored,
    /// The skills that a word finds.
    Word(String),
}

impl Plan {
    /// All, the best first.
    pub(super) const ALL: [Self; 3] = [Self::Plain, Self::Tiers, Self::Words];

    /// Whether it reaches more than another.
    pub(super) fn is_better_than(self, other: Self) -> bool {
        let rank = |plan| Self::ALL.into_iter().position(|known| known == plan);
        rank(self) < rank(other)
    }

    /// Its passes, in their order. `more_tiers`: those that rows have and [`TIERS`] lacks.
    pub(super) fn passes(self, more_tiers: &[String]) -> Vec<Pass> {
        match self {
            Self::Plain => vec![Pass::Everything],
            Self::Tiers => TIERS
                .into_iter()
                .map(|tier| Pass::Tier(tier.to_owned()))
                .chain(more_tiers.iter().cloned().map(Pass::Tier))
                .chain([Pass::Scored])
                .collect(),
            Self::Words => WORDS
                .into_iter()
                .map(|word| Pass::Word(word.to_owned()))
                .collect(),
        }
    }
}

/// Whether the plan by tiers asks for this tier by itself.
pub(super) fn is_known_tier(tier: &str) -> bool {
    TIERS.contains(&tier)
}

impl Pass {
    /// The request for one page of it.
    pub(super) fn request(&self, offset: u64, limit: u32) -> PageRequest {
        let mut request = PageRequest {
            limit,
            offset,
            ..PageRequest::default()
        };
        match self {
            Self::Everything => {}
            Self::Tier(tier) => request.trust_tier = Some(tier.clone()),
            Self::Scored => request.min_score = Some(0.0),
            Self::Word(word) => request.query = Some(word.clone()),
        }
        request
    }

    /// What it lists, for a message.
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Everything => "the listing".into(),
            Self::Tier(tier) => format!("the listing of tier '{tier}'"),
            Self::Scored => "the listing of skills with a score".into(),
            Self::Word(word) => format!("the search for '{word}'"),
        }
    }
}
