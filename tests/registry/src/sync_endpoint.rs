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
        let limit = number(request, "limit", DEFAULT_LIMIT)?.clamp(1, max_limit.max(1));
        let offset = number(request, "offset", 0)?;
        let since = request.param("since").filter(|since| !since.is_empty());
        let moment = since
            .map(|since| {
                stamp::read(since)
                    .ok_or_else(|| invalid("since", "It must be a moment in ISO 8601."))
            })
            .transpose()?;
        let moment = moment.filter(|_| !options.ignore_since);
        let key = moment.and_then(|_| since.map(str::to_owned));
        let rows = self.rows(catalogue, key, moment);
        let from = if options.ignore_offset { 0 } else { offset };
        let page = rows.iter().skip(from).take(limit);
        let data: Vec<Value> = page.map(|skill| fields(&skill.value())).collect();
        let meta = serde_json::json!({ "limit": limit, "offset": offset, "since": since });
        let body = serde_json::json!({ "data": data, "meta": meta });
        Ok(Response::json(200, &body))
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
