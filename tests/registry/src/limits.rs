//! Who is let in, and how often.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::http::Request;
use crate::options::{Options, RateLimit, RetryAfterForm};
use crate::response::Response;
use crate::stamp;

/// How much of the limits is used up.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    window: Option<Instant>,
    used_in_window: u64,
    anonymous_used: u64,
}

impl Limits {
    /// Lets a listing request in, or says why not. Only requests that are let in count.
    pub(crate) fn admit(
        &mut self,
        options: &mut Options,
        request: &Request,
    ) -> Result<(), Response> {
        let anonymous = self.authenticate(options, request)?;
        if let Some(reason) = &options.forbidden {
            return Err(Response::error(403, reason));
        }
        if let Some(plan) = &options.plan_required {
            return Err(plan_required(plan));
        }
        if let Some(quota) = options
            .monthly_quota
            .as_ref()
            .filter(|quota| quota.used >= quota.limit)
        {
            let body = json!({
                "error": "monthly_quota_exceeded",
                "used": quota.used,
                "limit": quota.limit,
                "tier": quota.tier,
                "resetsAt": quota.resets_at,
            });
            let now = stamp::now(options.clock_offset_ms);
            let wait =
                stamp::read(&quota.resets_at).and_then(|moment| (moment - now).to_std().ok());
            return Err(too_many(options, &body, wait));
        }
        if let Some(limit) = options.rate_limit {
            let left = self.window_left(limit);
            if self.used_in_window >= limit.limit {
                return Err(too_many(
                    options,
                    &json!({ "error": "Too many requests" }),
                    Some(left),
                ));
            }
            self.window.get_or_insert_with(Instant::now);
            self.used_in_window += 1;
        }
        if let Some(quota) = &mut options.monthly_quota {
            quota.used += 1;
        }
        self.anonymous_used += u64::from(anonymous);
        let tokens = &mut options.sign_in.tokens;
        if let Some(left) = bearer(request).and_then(|token| tokens.get_mut(token)) {
            *left = left.saturating_sub(1);
        }
        Ok(())
    }

    /// The headers that tell how much is left, if there is a rate limit.
    pub(crate) fn add_headers(&mut self, options: &Options, response: &mut Response) {
        let Some(limit) = options.rate_limit else {
            return;
        };
        let left = self.window_left(limit);
        let now = stamp::now(options.clock_offset_ms).timestamp_millis();
        let reset = now.saturating_add(i64::try_from(left.as_millis()).unwrap_or(i64::MAX));
        // Rounded up: who waits until then must find a new window.
        let reset = reset.div_euclid(1000) + i64::from(reset.rem_euclid(1000) > 0);
        response.default_header("X-RateLimit-Limit", limit.limit.to_string());
        response.default_header(
            "X-RateLimit-Remaining",
            limit.limit.saturating_sub(self.used_in_window).to_string(),
        );
        response.default_header("X-RateLimit-Reset", reset.to_string());
    }

    /// Begins a new window.
    pub(crate) fn reset_rate(&mut self) {
        self.window = None;
        self.used_in_window = 0;
    }

    /// Forgets how many anonymous requests were served.
    pub(crate) fn reset_anonymous(&mut self) {
        self.anonymous_used = 0;
    }

    /// How long the window still lasts; a window that is over is forgotten.
    fn window_left(&mut self, limit: RateLimit) -> Duration {
        let length = Duration::from_millis(limit.window_ms);
        let left = self
            .window
            .map_or(length, |start| length.saturating_sub(start.elapsed()));
        if left.is_zero() {
            self.reset_rate();
            return length;
        }
        left
    }

    /// Whether the request is one of the anonymous ones that are allowed; without `anonymous_quota` nobody is counted.
    fn authenticate(&self, options: &Options, request: &Request) -> Result<bool, Response> {
        let has_keys = !options.api_keys.is_empty() || !options.sign_in.tokens.is_empty();
        if !has_keys && options.anonymous_quota.is_none() {
            return Ok(false);
        }
        let credentials = credentials(request);
        if credentials.is_empty() {
            let allowed = options.anonymous_quota.unwrap_or(0);
            return if self.anonymous_used < allowed {
                Ok(true)
            } else {
                Err(unauthorised())
            };
        }
        let left = bearer(request).and_then(|token| options.sign_in.tokens.get(token));
        if left == Some(&0) {
            return Err(Response::error(401, &options.sign_in.error));
        }
        let keys = &options.api_keys;
        let is_known = left.is_some() || keys.iter().any(|key| credentials.contains(&key.as_str()));
        if is_known || !has_keys {
            Ok(false)
        } else {
            Err(unauthorised())
        }
    }
}

/// The bearer token.
fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.header("authorization")?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

/// What the request calls itself by; the public key of the gateway (header `apikey`) proves nothing.
fn credentials(request: &Request) -> Vec<&str> {
    let bearer = bearer(request).filter(|token| request.header("apikey") != Some(token));
    bearer
        .into_iter()
        .chain(request.header("x-api-key"))
        .filter(|credential| !credential.is_empty())
        .collect()
}

/// Only larger plans may do this.
pub(crate) fn plan_required(plan: &str) -> Response {
    let body = json!({
        "error": "Registry sync is available on the Team and Enterprise plans",
        "details": { "code": "tier_not_entitled", "currentTier": plan },
    });
    Response::json(403, &body)
}

fn unauthorised() -> Response {
    Response::error(401, "Authentication required")
}

fn too_many(options: &Options, body: &serde_json::Value, wait: Option<Duration>) -> Response {
    let mut response = Response::json(429, body);
    let Some(wait) = wait else { return response };
    match options.retry_after_form {
        RetryAfterForm::Seconds => {
            let seconds = wait.as_millis().div_ceil(1000).max(1);
            response.set_header("Retry-After", seconds.to_string());
        }
        RetryAfterForm::Date => {
            // A date has no fractions: the second after the end of the wait is the first that is surely late enough.
            let end = stamp::now(options.clock_offset_ms) + wait + Duration::from_millis(999);
            response.set_header("Retry-After", stamp::http_date(end));
        }
        RetryAfterForm::None => {}
    }
    response
}
