//! The sync endpoint: every row in the order of ids, or those changed later than a moment.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::catalogue::Catalogue;
use crate::http::Request;
use crate::options::SyncEndpoint;
use crate::question::{invalid, number};
use crate::response::Response;
use crate::skill::Skill;
use crate::stamp;

/// The fields that it serves; the search has more.
const FIELDS: [&str; 12] = [
    "id",
    "name",
    "description",
    "author",
    "repo_url",
    "quality_score",
    "trust_tier",
    "tags",
    "quarantined",
    "created_at",
    "updated_at",
    "content_hash",
];

/// How many rows a page has when the request does not say.
const DEFAULT_LIMIT: usize = 100;

/// Its listings, each made once for a state of the catalogue.
#[derive(Default)]
pub(crate) struct SyncListings {
    revision: Option<u64>,
    listings: HashMap<Option<String>, Arc<Vec<Arc<Skill>>>>,
}

impl SyncListings {
    /// The answer to a request.
    pub(crate) fn answer(
        &mut self,
        catalogue: &Catalogue,
        options: &SyncEndpoint,
        request: &Request,
        max_limit: usize,
    ) -> Result<Response, Response> {
        let question = Question::read(request, options, max_limit)?;
        let rows = self.page(catalogue, &question);
        let data: Vec<Value> = rows.iter().map(|skill| fields(&skill.value())).collect();
        let Question { limit, offset, .. } = question;
        let since = request.param("since");
        let meta = serde_json::json!({ "limit": limit, "offset": offset, "since": since });
        let body = serde_json::json!({ "data": data, "meta": meta });
        Ok(Response::json(200, &body))
    }

    /// The ids in the answer; none where it is a refusal.
    pub(crate) fn ids(
        &mut self,
        catalogue: &Catalogue,
        options: &SyncEndpoint,
        request: &Request,
        max_limit: usize,
    ) -> Vec<String> {
        let question = Question::read(request, options, max_limit);
        let page = question.map_or_else(|_| Vec::new(), |question| self.page(catalogue, &question));
        page.iter().map(|skill| skill.id().to_owned()).collect()
    }

    fn page(&mut self, catalogue: &Catalogue, question: &Question) -> Vec<Arc<Skill>> {
        let rows = self.rows(catalogue, question.key.clone(), question.since);
        let page = rows.iter().skip(question.from).take(question.limit);
        page.cloned().collect()
    }

    fn rows(
        &mut self,
        catalogue: &Catalogue,
        key: Option<String>,
        since: Option<DateTime<Utc>>,
    ) -> Arc<Vec<Arc<Skill>>> {
        if self.revision != Some(catalogue.revision()) {
            self.listings.clear();
            self.revision = Some(catalogue.revision());
        }
        let made = self.listings.entry(key).or_insert_with(|| {
            let is_later = |skill: &&Arc<Skill>| {
                since.is_none_or(|since| skill.updated_at().is_some_and(|at| at > since))
            };
            let mut rows: Vec<_> = catalogue.rows().filter(is_later).cloned().collect();
            rows.sort_by(|one, other| one.id().cmp(other.id()));
            Arc::new(rows)
        });
        Arc::clone(made)
    }
}

/// What a request asks for.
struct Question {
    limit: usize,
    offset: usize,
    /// The first row that is served.
    from: usize,
    since: Option<DateTime<Utc>>,
    /// What the listing is known by.
    key: Option<String>,
}

impl Question {
    fn read(request: &Request, options: &SyncEndpoint, max_limit: usize) -> Result<Self, Response> {
        let limit = number(request, "limit", DEFAULT_LIMIT)?.clamp(1, max_limit.max(1));
        let offset = number(request, "offset", 0)?;
        let said = request.param("since").filter(|since| !since.is_empty());
        let since = said
            .map(|since| {
                stamp::read(since)
                    .ok_or_else(|| invalid("since", "It must be a moment in ISO 8601."))
            })
            .transpose()?
            .filter(|_| !options.ignore_since);
        Ok(Self {
            limit,
            offset,
            from: if options.ignore_offset { 0 } else { offset },
            since,
            key: since.and(said).map(str::to_owned),
        })
    }
}

/// What the endpoint serves of a row. One that is no object comes as it is.
fn fields(row: &Value) -> Value {
    let Value::Object(row) = row else {
        return row.clone();
    };
    let served = FIELDS
        .iter()
        .filter_map(|field| Some(((*field).to_owned(), row.get(*field)?.clone())));
    Value::Object(served.collect::<Map<_, _>>())
}
