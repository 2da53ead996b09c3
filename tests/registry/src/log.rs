//! What was asked of the server.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::http::Request;

/// A request that reached the server. Control requests are not logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoggedRequest {
    /// The method, such as `GET`.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query as it was sent, without the question mark.
    pub query: String,
    /// The query's parameters, decoded; of several with one name the last.
    pub params: BTreeMap<String, String>,
    /// The headers by lower-case name; several with one name are joined with commas.
    pub headers: BTreeMap<String, String>,
    /// Its number, from 1, among the requests of its kind (listings or health checks) since the start or since the log
    /// was cleared; 0 for other requests.
    pub number: u64,
    /// The parameter `offset`, in rows, if it is a number.
    pub offset: Option<u64>,
    /// When it arrived: Unix milliseconds of the machine's clock.
    pub at_ms: u64,
    /// The status it was answered with; `None` while it waits, and when it got no HTTP answer.
    pub status: Option<u16>,
    /// The number of the connection it came by, from 1.
    pub connection: u64,
    #[serde(skip)]
    ticket: u64,
}

impl LoggedRequest {
    /// The value of a header, whatever the case of the name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(&name.to_ascii_lowercase())
            .map(String::as_str)
    }

    /// The value of a query parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }

    /// Whether it asked for a page of skills.
    pub fn is_listing(&self) -> bool {
        self.path.ends_with("/skills-search")
    }

    /// Whether it asked the sync endpoint.
    pub fn is_sync(&self) -> bool {
        self.path.ends_with("/registry-sync")
    }

    /// Whether it asked for the server's health.
    pub fn is_health(&self) -> bool {
        self.path.ends_with("/health")
    }
}

/// What a server has done since it was started or its log was cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// How many requests came in, control requests left out.
    pub requests: usize,
    /// How many bytes were sent in answer to them, heads included.
    pub bytes: u64,
    /// How many of them belonged to bodies, as they were sent.
    pub body_bytes: u64,
    /// How many rows the catalogue has now.
    pub skills: usize,
}

/// The log, and the counters that begin anew with it.
#[derive(Debug, Default)]
pub(crate) struct Log {
    requests: Vec<LoggedRequest>,
    next_ticket: u64,
    pub(crate) listings: u64,
    pub(crate) syncs: u64,
    pub(crate) stats: u64,
    pub(crate) health_checks: u64,
    /// How many bytes were sent in answers, heads included.
    pub(crate) bytes: u64,
    /// How many bytes of bodies were sent.
    pub(crate) body_bytes: u64,
}

impl Log {
    /// Writes a request down; the result is for [`Log::answered`].
    pub(crate) fn add(&mut self, request: &Request, number: u64, connection: u64) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.requests.push(LoggedRequest {
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            params: request.params.clone(),
            headers: request.headers.clone(),
            number,
            offset: request
                .param("offset")
                .and_then(|offset| offset.parse().ok()),
            at_ms: u64::try_from(chrono::Utc::now().timestamp_millis()).unwrap_or(0),
            status: None,
            connection,
            ticket,
        });
        ticket
    }

    /// Writes down how a request was answered, unless the log was cleared meanwhile.
    pub(crate) fn answered(&mut self, ticket: u64, status: u16) {
        if let Ok(position) = self
            .requests
            .binary_search_by_key(&ticket, |request| request.ticket)
        {
            self.requests[position].status = Some(status);
        }
    }

    pub(crate) fn requests(&self) -> &[LoggedRequest] {
        &self.requests
    }

    pub(crate) fn clear(&mut self) {
        *self = Self {
            next_ticket: self.next_ticket,
            ..Self::default()
        };
    }
}
