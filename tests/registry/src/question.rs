//! What a listing request asks for, and whether it may.

use crate::http::Request;
use crate::options::{Options, Plain, QueryMatches};
use crate::response::Response;
use crate::skill::Skill;

/// How many rows a page has when the request does not say.
const DEFAULT_LIMIT: usize = 20;

/// What a listing request asks for.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    /// The limit in force.
    pub(crate) limit: usize,
    /// The limit that was asked for.
    pub(crate) asked_limit: usize,
    pub(crate) offset: usize,
    query: Option<String>,
    category: Option<&'a str>,
    trust_tier: Option<&'a str>,
    min_score: Option<f64>,
}

impl<'a> Question<'a> {
    /// Reads the parameters; the error is the answer.
    pub(crate) fn read(request: &'a Request, options: &Options) -> Result<Self, Response> {
        let given = |name| request.param(name).filter(|value| !value.trim().is_empty());
        let asked_limit = number(request, "limit", DEFAULT_LIMIT)?;
        let limit = asked_limit.clamp(1, options.max_limit.max(1));
        let offset = number(request, "offset", 0)?;
        let query = given("query").map(|query| query.trim().to_lowercase());
        let mut question = Self {
            limit,
            asked_limit,
            offset,
            query,
            category: given("category"),
            trust_tier: None,
            min_score: None,
        };
        question.trust_tier = given("trust_tier");
        question.min_score = match given("min_score").map(str::parse::<f64>) {
            Some(Ok(score)) if score.is_finite() => Some(score),
            Some(_) => return Err(invalid("min_score", "It must be a number.")),
            None => None,
        };
        question.check(options)?;
        if options.ignore_filters {
            (question.category, question.trust_tier, question.min_score) = (None, None, None);
        }
        Ok(question)
    }

    fn check(&self, options: &Options) -> Result<(), Response> {
        let length = self.query.as_ref().map_or(0, |query| query.chars().count());
        let filtered =
            self.category.is_some() || self.trust_tier.is_some() || self.min_score.is_some();
        match options.plain {
            Plain::NeedsFilter if length < 3 && !filtered => {
                return Err(Response::detailed_error(
                    400,
                    "Query or filter required",
                    "Give a query of at least 3 characters, or one of category, trust_tier and min_score.",
                ));
            }
            Plain::NeedsQuery if length < 2 => {
                return Err(Response::detailed_error(
                    400,
                    "Query required",
                    "Give a query of at least 2 characters.",
                ));
            }
            _ => {}
        }
        match self.trust_tier {
            Some(tier)
                if !options.ignore_filters
                    && !options.known_tiers.iter().any(|known| known == tier) =>
            {
                Err(invalid(
                    "trust_tier",
                    &format!("It must be one of {}.", options.known_tiers.join(", ")),
                ))
            }
            _ => Ok(()),
        }
    }

    /// Tells apart what is asked for, whatever the page; empty for a plain listing.
    pub(crate) fn key(&self) -> String {
        if self.is_plain() {
            return String::new();
        }
        let score = self.min_score.map(f64::to_bits);
        format!(
            "{:?} {:?} {:?} {score:?}",
            self.query, self.category, self.trust_tier
        )
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.query.is_none()
            && self.category.is_none()
            && self.trust_tier.is_none()
            && self.min_score.is_none()
    }

    pub(crate) fn finds(&self, skill: &Skill, matches: QueryMatches) -> bool {
        self.trust_tier
            .is_none_or(|tier| skill.trust_tier() == Some(tier))
            && self
                .min_score
                .is_none_or(|score| skill.quality_score().is_some_and(|own| own >= score))
            && self
                .category
                .is_none_or(|category| skill.is_in_category(category))
            && self.query.as_deref().is_none_or(|query| match matches {
                QueryMatches::Everything => true,
                QueryMatches::Substring => skill.text().contains(query),
                QueryMatches::Words => has_words(skill.text(), query),
            })
    }
}

/// A parameter that is a whole number.
pub(crate) fn number(request: &Request, name: &str, default: usize) -> Result<usize, Response> {
    let given = request.param(name).filter(|value| !value.trim().is_empty());
    match given.map(str::parse::<usize>) {
        None => Ok(default),
        Some(Ok(number)) => Ok(number),
        Some(Err(_)) => Err(invalid(name, "It must be a number, 0 or more.")),
    }
}

pub(crate) fn invalid(parameter: &str, details: &str) -> Response {
    Response::detailed_error(400, &format!("Invalid {parameter}"), details)
}

/// Whether the text holds the words with neither a letter nor a digit directly before or after them.
fn has_words(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(start, found)| {
        let before = text[..start].chars().next_back();
        let after = text[start + found.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::has_words;

    #[test]
    fn whole_words_only() {
        assert!(
            has_words("uses git daily", "git")
                && has_words("git", "git")
                && has_words("digit, git!", "git")
        );
        assert!(!has_words("digital legit", "git") && !has_words("git2", "git"));
        assert!(has_words("日本 git 語", "git") && !has_words("日git", "git"));
    }
}
