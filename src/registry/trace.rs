//! What a client tells the log of its requests.

use std::time::Duration;

use ureq::Body;
use ureq::http::Response;

use super::credentials::Credentials;
use super::request::Ask;
use crate::Result;
use crate::log::{Log, LogLevel};

/// Where requests will go, by which way, and with which credential.
pub(super) fn client(
    log: &Log,
    base: &str,
    (proxy, source): &(String, Option<&'static str>),
    credentials: &Credentials,
) {
    log.http(LogLevel::Debug, || {
        let source = source.map_or_else(String::new, |source| format!(" ({source})"));
        format!(
            "the registry is {base}; proxy: {proxy}{source}; requests carry {}",
            credentials.describe()
        )
    });
}

/// A request and its outcome.
pub(super) fn request(
    log: &Log,
    credentials: &Credentials,
    (base, ask): (&str, &Ask<'_>),
    took: Duration,
    outcome: &Result<Response<Body>>,
) {
    let level = match outcome {
        Ok(_) => LogLevel::Debug,
        Err(_) => LogLevel::Warning,
    };
    log.http(level, || {
        let end = match outcome {
            Ok(response) => format!("HTTP {}", response.status().as_u16()),
            Err(error) => error.to_string(),
        };
        let line = format!(
            "GET {base}{}{}: {end} ({} ms)",
            ask.path,
            shown(&ask.query),
            took.as_millis()
        );
        credentials.redact(&line)
    });
}

/// The parameters. What is searched for is the user's own business.
fn shown(query: &[(&str, String)]) -> String {
    let mut text = String::new();
    for (number, (name, value)) in query.iter().enumerate() {
        let value = if *name == "query" { "..." } else { value };
        text.push(if number == 0 { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
    text
}
