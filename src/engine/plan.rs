//! The listing plan: how to ask a registry for everything it has.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::registry::wire::shortened;
use crate::registry::{Call, Page, PageRequest, Registry, SyncRequest};
use crate::{Error, Result};

/// Tiers of the registry, current ones first. A skill has at most one, so together they list every
/// skill that has one.
const TIERS: [&str; 7] = [
    "official",
    "verified",
    "curated",
    "community",
    "unverified",
    "experimental",
    "unknown",
];

/// Words that many skills contain, for a registry that accepts nothing but a search query.
const WORDS: [&str; 8] = ["git", "code", "dev", "test", "npm", "api", "cli", "doc"];

/// Which listings of a registry may be used.
///
/// ```
/// use skillsmith_sync::SyncOptions;
/// use skillsmith_sync::engine::Listing;
///
/// let options = SyncOptions::new().listing("search".parse()?);
/// assert_eq!(Listing::Search.as_str(), "search");
/// # drop(options);
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Listing {
    /// The sync endpoint, or the search endpoint if the registry has no sync endpoint. If the
    /// registry reserves the sync endpoint for some subscriptions, the search is not used to get
    /// around that.
    #[default]
    Auto,
    /// Only the search endpoint: for your own registry, or if its operator agreed.
    Search,
}

impl Listing {
    /// The name used in options and in the environment: `auto` or `search`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Search => "search",
        }
    }

    /// Reads the environment variable `SKILLSMITH_LISTING`: `auto` or `search`. Default:
    /// [`Listing::Auto`].
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for any other value.
    pub fn of_environment(environment: &Environment) -> Result<Self> {
        let word = environment.var("SKILLSMITH_LISTING")?;
        word.map_or(Ok(Self::Auto), |word| word.parse())
            .map_err(|error| match error {
                Error::InvalidArgument(why) => {
                    Error::InvalidArgument(format!("SKILLSMITH_LISTING: {why}"))
                }
                other => other,
            })
    }
}

impl FromStr for Listing {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        match word {
            "auto" => Ok(Self::Auto),
            "search" => Ok(Self::Search),
            other => Err(Error::InvalidArgument(format!(
                "The listing is '{}'. Use 'auto' or 'search'.",
                shortened(other, 40)
            ))),
        }
    }
}

/// How the registry is listed. Stored by name in `sync_state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Plan {
    /// The sync endpoint: everything in id order, or what has changed since a stamp.
    Sync,
    /// One listing of everything.
    Plain,
    /// One listing per trust tier, and one for skills without a tier.
    Tiers,
    /// One search per word; cannot reach everything.
    Words,
}

/// One query, read to its end. Stored by name, so that a later list of tiers cannot shift it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Pass {
    /// The listing of the sync endpoint.
    Sync,
    /// The listing of everything.
    Everything,
    /// The skills of a tier.
    Tier(String),
    /// The skills that have a score: the only way to list skills without a tier.
    Scored,
    /// The skills that match a word.
    Word(String),
}

impl Plan {
    /// All plans, best first.
    pub(super) const ALL: [Self; 4] = [Self::Sync, Self::Plain, Self::Tiers, Self::Words];

    /// Whether this plan reaches more skills than `other`.
    pub(super) fn reaches_more_than(self, other: Self) -> bool {
        let rank = |plan| Self::ALL.into_iter().position(|known| known == plan);
        !other.lists_everything() && rank(self) < rank(other)
    }

    /// Whether one pass of it lists every skill.
    pub(super) const fn lists_everything(self) -> bool {
        matches!(self, Self::Sync | Self::Plain)
    }

    /// Its passes, in order. `more_tiers`: tiers found in rows but not in [`TIERS`].
    pub(super) fn passes(self, more_tiers: &[String]) -> Vec<Pass> {
        match self {
            Self::Sync => vec![Pass::Sync],
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

/// Whether [`Plan::Tiers`] always lists this tier.
pub(super) fn is_known_tier(tier: &str) -> bool {
    TIERS.contains(&tier)
}

impl Pass {
    /// Fetches one page. `since`: asks the sync endpoint only for later changes.
    pub(super) fn fetch(
        &self,
        registry: &dyn Registry,
        since: Option<&str>,
        (offset, limit): (u64, u32),
        call: &Call<'_>,
    ) -> Result<Page> {
        if let Some(request) = self.request(offset, limit) {
            return registry.search(&request, call);
        }
        let mut request = SyncRequest::new().offset(offset).limit(limit);
        request.since = since.map(str::to_owned);
        registry.sync_registry(&request, call)
    }

    /// The request for a page of the search; `None` for the sync endpoint.
    pub(super) fn request(&self, offset: u64, limit: u32) -> Option<PageRequest> {
        let mut request = PageRequest::new().offset(offset).limit(limit);
        match self {
            Self::Sync => return None,
            Self::Everything => {}
            Self::Tier(tier) => request.trust_tier = Some(tier.clone()),
            Self::Scored => request.min_score = Some(0.0),
            Self::Word(word) => request.query = Some(word.clone()),
        }
        Some(request)
    }

    /// What it lists, for a message.
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Sync | Self::Everything => "the listing".into(),
            Self::Tier(tier) => format!("the listing of tier '{tier}'"),
            Self::Scored => "the listing of skills with a score".into(),
            Self::Word(word) => format!("the search for '{word}'"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_chooses_the_listing() {
        let of = |word: &'static str| {
            let environment = Environment::new(move |name| {
                (name == "SKILLSMITH_LISTING").then(|| word.to_owned())
            });
            Listing::of_environment(&environment)
        };
        assert_eq!(of("search").unwrap(), Listing::Search);
        assert_eq!(of("auto").unwrap(), Listing::Auto);
        assert_eq!(of("").unwrap(), Listing::Auto);
        let error = of("all").unwrap_err().to_string();
        assert!(
            error.starts_with("SKILLSMITH_LISTING") && error.contains("'all'"),
            "{error}"
        );
    }
}
