//! Everything that requests see and change.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::catalogue::Catalogue;
use crate::faults::{self, Action, Fault, Occasion, PathKind};
use crate::history::History;
use crate::http::Request;
use crate::limits::{Limits, plan_required};
use crate::listing::Listings;
use crate::log::{Log, Stats};
use crate::options::{Health, Options};
use crate::question::Question;
use crate::response::{self, Response};
use crate::stamp;
use crate::sync_endpoint::SyncListings;
use crate::validators::Served;

/// What a test does when a listing request comes in.
pub(crate) type Hook = Box<dyn FnMut(u64, &mut Catalogue) + Send>;

/// Everything that requests see and change; behind one lock, which is never held while anything is sent.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) catalogue: Catalogue,
    pub(crate) options: Options,
    pub(crate) faults: Vec<Fault>,
    pub(crate) history: Option<History>,
    pub(crate) log: Log,
    pub(crate) hook: Option<Hook>,
    limits: Limits,
    listings: Listings,
    syncs: SyncListings,
    served: Served,
}

/// A request that was written down and given its faults.
pub(crate) struct Arrival {
    pub(crate) kind: Option<PathKind>,
    pub(crate) number: u64,
    pub(crate) ticket: u64,
    /// The fault that shapes the answer.
    pub(crate) fault: Option<Action>,
    /// How long the answer is held back, in milliseconds.
    pub(crate) delay_ms: u64,
}

/// An answer, and under which name its compressed form is kept, if it may be compressed.
pub(crate) struct Answer {
    pub(crate) response: Response,
    pub(crate) page: Option<PageName>,
}

/// What a compressed page is known by.
pub(crate) struct PageName {
    revision: u64,
    key: String,
}

impl State {
    pub(crate) fn new(catalogue: Catalogue, options: Options) -> Self {
        Self {
            catalogue,
            options,
            ..Self::default()
        }
    }

    /// Changes the options and forgets what depends on them.
    pub(crate) fn change_options<R>(&mut self, change: impl FnOnce(&mut Options) -> R) -> R {
        let before = self.options.clone();
        let result = change(&mut self.options);
        if self.options != before {
            self.listings.forget();
        }
        if self.options.rate_limit != before.rate_limit {
            self.limits.reset_rate();
        }
        if self.options.anonymous_quota != before.anonymous_quota {
            self.limits.reset_anonymous();
        }
        result
    }

    /// The live skills in the order of the complete listing; hidden ones only on request.
    pub(crate) fn skills(&mut self, with_hidden: bool) -> Vec<Value> {
        let skills = self.listings.skills(&self.catalogue, &self.options);
        skills
            .iter()
            .filter(|(_, hidden)| with_hidden || !hidden)
            .map(|(skill, _)| skill.value())
            .collect()
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            requests: self.log.requests().len(),
            bytes: self.log.bytes,
            body_bytes: self.log.body_bytes,
            skills: self.catalogue.len(),
        }
    }

    /// Replaces the catalogue by what the history says of its first `events` events.
    pub(crate) fn replay(&mut self, events: usize) -> Result<usize, String> {
        let Some(history) = &self.history else {
            return Err("the server has no history".to_owned());
        };
        if events > history.len() {
            return Err(format!(
                "the history has {} events, not {events}",
                history.len()
            ));
        }
        self.catalogue = history.catalogue_at(events);
        Ok(self.catalogue.len())
    }

    /// Writes a request down and does what has to happen before it is answered.
    pub(crate) fn arrive(&mut self, request: &Request, connection: u64) -> Arrival {
        let kind = kind_of(&request.path);
        let counter = match kind {
            Some(PathKind::Health) => Some(&mut self.log.health_checks),
            Some(PathKind::Sync) => Some(&mut self.log.syncs),
            Some(PathKind::Stats) => Some(&mut self.log.stats),
            Some(_) => Some(&mut self.log.listings),
            None => None,
        };
        let number = counter.map_or(0, |counter| {
            *counter += 1;
            *counter
        });
        let ticket = self.log.add(request, number, connection);
        let mut arrival = Arrival {
            kind,
            number,
            ticket,
            fault: None,
            delay_ms: self.options.delay_ms,
        };
        let Some(kind) = kind else { return arrival };
        if matches!(kind, PathKind::Listing | PathKind::Sync)
            && let Some(hook) = &mut self.hook
        {
            hook(number, &mut self.catalogue);
        }
        let offset = request
            .param("offset")
            .and_then(|offset| offset.parse().ok())
            .unwrap_or(0);
        let wants_ids = self.faults.iter().any(|fault| fault.when.holds.is_some());
        let question = (kind == PathKind::Listing)
            .then(|| Question::read(request, &self.options).ok())
            .flatten();
        let positions = question.as_ref().map(|question| {
            let start = question.offset as u64;
            start..start.saturating_add(question.limit as u64)
        });
        let sync_ids = match &self.options.sync_endpoint {
            Some(endpoint) if kind == PathKind::Sync && wants_ids => {
                let max_limit = self.options.max_limit;
                self.syncs
                    .ids(&self.catalogue, endpoint, request, max_limit)
            }
            _ => Vec::new(),
        };
        let ids = question.filter(|_| wants_ids).map(|question| {
            self.listings
                .ids(&self.catalogue, &self.options, &question, number)
        });
        let occasion = Occasion {
            kind,
            number,
            offset,
            positions,
            ids: ids.unwrap_or(sync_ids),
            tier: request.param("trust_tier"),
        };
        for action in faults::take(&mut self.faults, &occasion) {
            match action {
                Action::Delay { ms } => arrival.delay_ms = arrival.delay_ms.saturating_add(ms),
                Action::Mutate { upsert, remove } => {
                    self.catalogue.extend(upsert);
                    for id in remove {
                        self.catalogue.remove(&id);
                    }
                }
                answering => arrival.fault = Some(answering),
            }
        }
        arrival
    }

    /// What the request gets if nothing goes wrong.
    pub(crate) fn answer(&mut self, request: &Request, arrival: &Arrival) -> Answer {
        let mut page = None;
        let response = match arrival.kind {
            None => Response::error(404, "Not found"),
            Some(_) if request.method != "GET" => {
                let mut response = response::plain_error(405);
                response.set_header("Allow", "GET");
                response
            }
            Some(PathKind::Health) => self.health(),
            Some(PathKind::Stats) => self.numbers(),
            Some(PathKind::Sync) => self.sync(request).unwrap_or_else(|refusal| refusal),
            Some(_) => match self.listing(request, arrival.number) {
                Ok((mut response, name)) => {
                    self.served.apply(&self.options, request, &mut response);
                    page = name;
                    response
                }
                Err(refusal) => refusal,
            },
        };
        Answer { response, page }
    }

    /// Adds what every answer carries, whoever made it.
    pub(crate) fn finish(&mut self, response: &mut Response) {
        self.limits.add_headers(&self.options, response);
        response.default_header(
            "Date",
            stamp::http_date(stamp::now(self.options.clock_offset_ms)),
        );
        for name in &self.options.dropped_headers {
            response.drop_header(name);
        }
    }

    /// A page of the sync endpoint; the error is a refusal.
    fn sync(&mut self, request: &Request) -> Result<Response, Response> {
        let Some(endpoint) = self.options.sync_endpoint.clone() else {
            return Err(Response::error(404, "Not found"));
        };
        self.limits.admit(&mut self.options, request)?;
        if let Some(plan) = &endpoint.plan_required {
            return Err(plan_required(plan));
        }
        let max_limit = self.options.max_limit;
        self.syncs
            .answer(&self.catalogue, &endpoint, request, max_limit)
    }

    /// What `/stats` says.
    fn numbers(&self) -> Response {
        let newest = self
            .catalogue
            .rows()
            .filter_map(|skill| skill.updated_at())
            .max();
        let data = json!({
            "skillCount": self.catalogue.len(),
            "lastUpdated": newest.map(|at| stamp::write(at, 1)),
        });
        Response::json(200, &json!({ "data": data }))
    }

    /// The compressed form of a page, if it was made before.
    pub(crate) fn compressed(&self, page: &PageName) -> Option<Arc<Vec<u8>>> {
        self.listings.compressed(&self.catalogue, &page.key)
    }

    /// Keeps the compressed form of a page.
    pub(crate) fn keep_compressed(&mut self, page: PageName, body: Arc<Vec<u8>>) {
        self.listings.keep_compressed(page.revision, page.key, body);
    }

    fn listing(
        &mut self,
        request: &Request,
        number: u64,
    ) -> Result<(Response, Option<PageName>), Response> {
        if let Some(redirect) = &self.options.redirect {
            let location = redirect
                .location
                .replace("{path}", &request.path)
                .replace("{query}", &request.query);
            let mut response = response::plain_error(redirect.status);
            response.set_header("Location", location);
            return Err(response);
        }
        self.limits.admit(&mut self.options, request)?;
        let question = Question::read(request, &self.options)?;
        self.refuse_place(&question)?;
        let page = self
            .listings
            .page(&self.catalogue, &self.options, &question, number);
        let revision = self.catalogue.revision();
        let name = page.key.map(|key| PageName { revision, key });
        Ok((Response::new(200, page.body), name))
    }

    /// Offsets that are too large, for this registry or for this listing.
    fn refuse_place(&mut self, question: &Question) -> Result<(), Response> {
        let offset = question.offset;
        if let Some(limit) = self.options.depth_limit
            && offset as u64 > limit.offset
        {
            return Err(Response::detailed_error(
                limit.status,
                "Invalid offset",
                &format!("It may be {} at most.", limit.offset),
            ));
        }
        let Some(status) = self.options.end_status else {
            return Ok(());
        };
        let rows = self.listings.len(&self.catalogue, &self.options, question);
        if offset > 0 && offset >= rows {
            return Err(Response::detailed_error(
                status,
                "Invalid offset",
                &format!("There are {rows} rows."),
            ));
        }
        Ok(())
    }

    fn health(&self) -> Response {
        let (status, word) = match self.options.health {
            Health::Healthy => (200, "healthy"),
            Health::Degraded => (200, "degraded"),
            Health::Unhealthy => (503, "unhealthy"),
            Health::Status(code) => return response::plain_error(code),
        };
        Response::json(status, &json!({ "status": word, "version": "1.0.0" }))
    }
}

/// Endpoints answer under any base path.
fn kind_of(path: &str) -> Option<PathKind> {
    if path.ends_with("/skills-search") {
        Some(PathKind::Listing)
    } else if path.ends_with("/registry-sync") {
        Some(PathKind::Sync)
    } else if path.ends_with("/health") {
        Some(PathKind::Health)
    } else if path.ends_with("/stats") && !path.ends_with("/_control/stats") {
        Some(PathKind::Stats)
    } else {
        None
    }
}
