//! Maps failed responses and failed connections to an [`Error`] with a readable message.
#![warn(clippy::arithmetic_side_effects)]

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rustls::{AlertDescription, Error as TlsError};
use serde_json::Value;
use ureq::Body;
use ureq::http::{Response, StatusCode};

use super::body;
use super::credentials::Credentials;
use super::mend::read_leniently;
use super::transport::Failure;
use super::wire::shortened;
use crate::error::NOT_ENTITLED;
use crate::{Cause, Error, Result, clock};

/// How much of a refusal's message is shown, in characters.
const MAX_DETAIL: usize = 300;
/// The same for words of our own, which may name a host, a file and what to do.
const MAX_WORDS: usize = 1000;
const MAX_TIER: usize = 40;
pub(super) const MAX_REFUSAL: u64 = 64 * 1024;

/// The error for a response without a success status.
pub(super) fn refusal(
    credentials: &Credentials,
    response: &mut Response<Body>,
    asked: Option<Duration>,
    now: DateTime<Utc>,
) -> Error {
    let status = response.status();
    let body = read_body(credentials, response.body_mut(), MAX_REFUSAL).unwrap_or_default();
    if is_for_tls(status, &body) {
        return for_tls();
    }
    // A field that is missing or has another type is null.
    let refusal = read_leniently(&body);
    let detail = detail(credentials, &refusal);
    let retry_at = asked.map(|asked| later(now, asked));
    match status {
        StatusCode::TOO_MANY_REQUESTS if is_quota(&refusal) => Error::QuotaExceeded {
            detail: quota_detail(credentials, &refusal),
            resets_at: refusal["resetsAt"]
                .as_str()
                .and_then(clock::from_iso)
                .map(|at| clock::within_a_month(at, now))
                .or(retry_at),
        },
        StatusCode::TOO_MANY_REQUESTS => Error::RateLimited { retry_at },
        StatusCode::UNAUTHORIZED => unauthorized(credentials, &refusal, detail),
        StatusCode::FORBIDDEN if wants_a_plan(&refusal) => {
            Error::PlanRequired(plan_required(credentials, &refusal))
        }
        StatusCode::FORBIDDEN => Error::Forbidden(format!(
            "The registry does not allow this (403{}; sent {}).",
            detail.map_or_else(String::new, |detail| format!(": {detail}")),
            credentials.describe(),
        )),
        _ if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => Error::Server {
            status: status.as_u16(),
            detail,
            retry_at,
        },
        // Of those that are no redirects.
        _ if status.is_redirection() => {
            Error::Protocol(format!("HTTP {status}, which answers nothing that was asked").into())
        }
        _ => Error::Refused {
            status: status.as_u16(),
            detail,
        },
    }
}

/// Whether a server refuses a plain request because its port is for TLS: in the words of nginx, Go, Apache and
/// Tomcat.
pub(super) fn is_for_tls(status: StatusCode, body: &[u8]) -> bool {
    let words = String::from_utf8_lossy(body);
    status == StatusCode::BAD_REQUEST
        && [
            "HTTPS port",
            "HTTPS server",
            "SSL-enabled server port",
            "requires TLS",
        ]
        .iter()
        .any(|part| words.contains(part))
}

pub(super) fn for_tls() -> Error {
    let words = "its port is for TLS. The address must begin with https://.";
    Error::Unreachable(Cause::new(words).unconnected(true))
}

/// What the body of a refusal says.
fn detail(credentials: &Credentials, refusal: &Value) -> Option<String> {
    let words: Vec<&str> = ["error", "message", "details"]
        .map(|name| &refusal[name])
        .into_iter()
        .filter_map(|value| value.as_str().or_else(|| value.get("message")?.as_str()))
        .filter(|text| !text.trim().is_empty())
        .collect();
    let text = told(credentials, &words.join(": "), MAX_DETAIL);
    // It becomes part of a sentence.
    let text = text.trim_end_matches('.');
    (!text.is_empty()).then(|| text.to_owned())
}

/// Untrusted text for a message: redacted and shortened.
pub(super) fn told(credentials: &Credentials, text: &str, most: usize) -> String {
    // In this order: a credential that is cut or interrupted would not be found.
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    shortened(&credentials.redact(&text), most)
}

/// Reads the body of an answer, of at most so many bytes.
pub(super) fn read_body(credentials: &Credentials, body: &mut Body, limit: u64) -> Result<Vec<u8>> {
    body::read(body, limit, |error| explain(credentials, error.into()))
}

/// Maps a failed connection to an error with a readable message, and keeps it as the source.
pub(super) fn explain(credentials: &Credentials, error: ureq::Error) -> Error {
    use ureq::Error as Http;
    match error {
        Http::Timeout(phase) => {
            let unconnected = matches!(phase, ureq::Timeout::Resolve | ureq::Timeout::Connect);
            let cause = caused(credentials, phase_in_words(phase), error);
            Error::Timeout(cause.unconnected(unconnected))
        }
        Http::HostNotFound => {
            let words = "its name cannot be found. Check the address and the network.";
            Error::Unreachable(caused(credentials, words, error))
        }
        Http::Other(other) => match other.downcast::<Failure>() {
            Ok(failure) => unconnected(credentials, *failure),
            Err(other) => {
                let words = other.to_string();
                Error::Unreachable(caused(credentials, &words, Http::Other(other)))
            }
        },
        Http::BodyExceedsLimit(limit) => Error::TooLarge(limit),
        Http::Io(error) => match error.downcast::<ureq::Error>() {
            Ok(inner) => explain(credentials, inner),
            // It may say that threads are what is short.
            Err(error) if error.kind() == std::io::ErrorKind::OutOfMemory => {
                error.downcast::<Error>().unwrap_or(Error::OutOfMemory)
            }
            Err(error) => {
                let kind = if broke_off(&error) {
                    Error::CutOff
                } else {
                    Error::Unreachable
                };
                kind(caused(credentials, &io_in_words(&error), error))
            }
        },
        Http::Protocol(_) | Http::Http(_) | Http::LargeResponseHeader(..) => {
            let words = format!("it is not valid HTTP ({error}). Check the address and its port.");
            Error::Protocol(caused(credentials, &words, error))
        }
        other => Error::Unreachable(caused(credentials, &other.to_string(), other)),
    }
}

/// No connection was made; the words say whose fault it is.
pub(super) fn unconnected(credentials: &Credentials, failure: Failure) -> Error {
    let kind = if failure.timed_out {
        Error::Timeout
    } else {
        Error::Unreachable
    };
    let words = told(credentials, &failure.words, MAX_WORDS);
    let cause = Cause::new(words).with_source(failure);
    kind(
        cause
            .redacted(|text| credentials.redact(text))
            .unconnected(true),
    )
}

/// The error of a health check that got no answer. It counts as unhealthy, whatever the reason.
pub(super) fn unhealthy(error: Error) -> Error {
    let unconnected = match &error {
        Error::Timeout(cause) | Error::CutOff(cause) => cause.is_unconnected(),
        // What is not even an answer is of something else.
        error => matches!(error, Error::Unreachable(_) | Error::Protocol(_)),
    };
    Error::Unhealthy(Some(Cause::of(error).unconnected(unconnected)))
}

/// A cause with the message and the error; credentials are removed from both.
fn caused(
    credentials: &Credentials,
    words: &str,
    error: impl std::error::Error + Send + Sync + 'static,
) -> Cause {
    Cause::new(told(credentials, words, MAX_DETAIL))
        .with_source(error)
        .redacted(|text| credentials.redact(text))
}

fn wants_a_plan(refusal: &Value) -> bool {
    refusal["details"]["code"].as_str() == Some(NOT_ENTITLED)
}

fn plan_required(credentials: &Credentials, refusal: &Value) -> String {
    format!(
        "The registry gives this listing to the plans Team and Enterprise only{} (403; sent {}). \
         Change the plan, or use a key of one of these plans.",
        current_plan(credentials, refusal),
        credentials.describe()
    )
}

/// The caller's plan, if the registry names it.
fn current_plan(credentials: &Credentials, refusal: &Value) -> String {
    refusal["details"]["currentTier"]
        .as_str()
        .or_else(|| refusal["tier"].as_str())
        .map(|tier| told(credentials, tier, MAX_TIER))
        .filter(|tier| !tier.is_empty())
        .map_or_else(String::new, |tier| format!("; yours is '{tier}'"))
}

/// 401: says what was sent, what to do, and which plan is needed.
fn unauthorized(credentials: &Credentials, refusal: &Value, detail: Option<String>) -> Error {
    let said = detail.map_or_else(String::new, |detail| format!(": {detail}"));
    let sent = credentials.describe();
    let plans = format!(
        "The live registry offers its listing only on the plans Team and Enterprise{}.",
        current_plan(credentials, refusal)
    );
    if credentials.jwt_token.is_some() && has_expired(refusal) {
        match Error::sign_in_expired(&format!("401{said}; sent {sent}")) {
            Error::SignInExpired(words) => Error::SignInExpired(format!("{words} {plans}")),
            other => other,
        }
    } else {
        Error::Unauthorized(format!(
            "The registry wants a valid API key (401{said}; sent {sent}). \
             Set SKILLSMITH_API_KEY to a valid key and sync again. {plans}"
        ))
    }
}

/// Whether the registry says that a token has expired: `expired_token`, or `JWT expired`.
fn has_expired(refusal: &Value) -> bool {
    ["error", "message", "msg", "code", "details"]
        .map(|name| &refusal[name])
        .into_iter()
        .flat_map(|value| [value, &value["code"], &value["message"]])
        .filter_map(Value::as_str)
        .any(Error::says_expired)
}

fn is_quota(refusal: &Value) -> bool {
    refusal["error"].as_str() == Some("monthly_quota_exceeded")
}

fn quota_detail(credentials: &Credentials, refusal: &Value) -> Option<String> {
    let (used, limit) = (refusal["used"].as_u64()?, refusal["limit"].as_u64()?);
    let tier = refusal["tier"].as_str().map_or_else(String::new, |tier| {
        format!(", plan {}", told(credentials, tier, MAX_TIER))
    });
    Some(format!("{used} of {limit} requests{tier}"))
}

/// When to try again.
pub(super) fn later(now: DateTime<Utc>, duration: Duration) -> DateTime<Utc> {
    let by = TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
    clock::within_a_month(clock::later(now, by), now)
}

fn phase_in_words(phase: ureq::Timeout) -> &'static str {
    use ureq::Timeout as Phase;
    match phase {
        Phase::Resolve => "looking up its name took too long",
        Phase::Connect => "it does not accept connections",
        Phase::RecvBody => "its answer began but did not end",
        Phase::Global => "its answer took too long",
        _ => "it accepted the request but sent no answer",
    }
}

/// Whether an established connection ended too early.
fn broke_off(error: &std::io::Error) -> bool {
    use std::io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe | Kind::UnexpectedEof
    )
}

fn io_in_words(error: &std::io::Error) -> String {
    use std::io::ErrorKind as Kind;
    if broke_off(error) {
        return "the connection broke off before the end of its answer.".into();
    }
    let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref());
    // With TLS 1.3 it comes after the client has taken the connection for made.
    if let Some(TlsError::AlertReceived(AlertDescription::CertificateRequired)) = of_tls {
        return "its server wants a certificate of this client, which is not supported.".into();
    }
    match error.kind() {
        Kind::ConnectionRefused => {
            "the connection was refused. Check the address, or try again later.".into()
        }
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => {
            "there is no network connection to it.".into()
        }
        // Of an address of the link alone, which is not one without its interface.
        Kind::InvalidInput => {
            "the system does not take this address. One that begins with fe80: needs its interface, as in [fe80::1%25eth0]."
                .into()
        }
        _ => error.to_string(),
    }
}
