//! The health check.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ureq::Body;
use ureq::http::{Response, StatusCode};

use super::SkillsmithApiClient;
use crate::registry::answer::{
    MAX_REFUSAL, for_tls, is_for_tls, read_body, refusal, told, unhealthy,
};
use crate::registry::credentials::Credentials;
use crate::registry::mend::read_leniently;
use crate::registry::request::Ask;
use crate::registry::transport::Limits;
use crate::registry::{Call, Health, HealthReport, pacing};
use crate::{Error, Result};

/// How much of the registry's version is shown, in characters.
const MAX_VERSION: usize = 100;

const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);

impl SkillsmithApiClient {
    /// Asks for the registry's health and version.
    ///
    /// # Errors
    /// As [`Registry::check_health`](crate::Registry::check_health).
    pub fn health_report(&self, call: &Call<'_>) -> Result<HealthReport> {
        if self.offline {
            return Err(Error::Offline);
        }
        let connections = self.pools.take(&self.transport, call);
        let connections = connections.inspect_err(|_| call.request_not_sent())?;
        let credentials = &self.sign_in.known();
        let limits = Limits::OfAll(HEALTH_TIMEOUT.min(self.timeout));
        let ask = Ask::new("/health", Vec::new());
        let response = match self.send(&connections, credentials, &ask, limits, call) {
            Ok(response) => response,
            Err(
                error @ (Error::Cancelled
                | Error::RedirectRefused(_)
                | Error::OutOfMemory
                | Error::OutOfThreads),
            ) => {
                return Err(error);
            }
            Err(error) => return Err(self.unhealthy(error)),
        };
        self.report(credentials, response, call)
    }

    /// What an answer to the health check says.
    fn report(
        &self,
        credentials: &Credentials,
        mut response: Response<Body>,
        call: &Call<'_>,
    ) -> Result<HealthReport> {
        let report = |health, version| HealthReport {
            health,
            version,
            instead: None,
        };
        let degraded = |instead: &str| HealthReport {
            instead: Some(instead.to_owned()),
            ..report(Health::Degraded, None)
        };
        let status = response.status();
        if status.is_server_error() {
            self.ensure_own_word(credentials, &mut response)?;
            return Ok(report(Health::Unhealthy, None));
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            self.rate_limited(credentials, &mut response, call)?;
        }
        let body = read_body(credentials, response.body_mut(), MAX_REFUSAL);
        call.check()?;
        if !status.is_success() {
            return if is_for_tls(status, &body.unwrap_or_default()) {
                Err(unhealthy(for_tls()))
            } else {
                let refused = format!("it refused the health check: HTTP {status}");
                Ok(degraded(&refused))
            };
        }
        let body = body.map_err(|error| self.unhealthy(error))?;
        let said = read_leniently(&body);
        self.has_answered
            .fetch_or(said["status"].is_string(), Ordering::Relaxed);
        let health = match said["status"].as_str() {
            Some("healthy") => Health::Healthy,
            Some("unhealthy") => Health::Unhealthy,
            Some(_) => Health::Degraded,
            None => return Ok(degraded(not_a_report(&body))),
        };
        let version = said["version"]
            .as_str()
            .map(|version| told(credentials, version, MAX_VERSION));
        Ok(report(health, version))
    }

    /// Fails unless a 5xx is the registry's own "unhealthy", which needs no further cause; a proxy's 502 does.
    fn ensure_own_word(
        &self,
        credentials: &Credentials,
        response: &mut Response<Body>,
    ) -> Result<()> {
        let body = read_body(credentials, response.body_mut(), MAX_REFUSAL).unwrap_or_default();
        if read_leniently(&body)["status"].as_str() == Some("unhealthy") {
            return Ok(());
        }
        let error = Error::Unhealthy(Some(format!("HTTP {}", response.status()).into()));
        Err(self.transport.doubt(error))
    }

    /// A health check that got no answer, with what else may be at fault.
    fn unhealthy(&self, error: Error) -> Error {
        unhealthy(self.transport.doubt(error))
    }

    /// The health check got a 429: the next request waits, as it would after a page.
    fn rate_limited(
        &self,
        credentials: &Credentials,
        response: &mut Response<Body>,
        call: &Call<'_>,
    ) -> Result<()> {
        let now = call.clock.now();
        let asked = pacing::asked_pause(response.status(), response.headers(), now);
        let pause = asked.unwrap_or_default().max(pacing::SHORTEST_WAIT);
        let error = refusal(credentials, response, Some(pause), now);
        call.check()?;
        if matches!(error, Error::QuotaExceeded { .. }) {
            return Err(error);
        }
        self.rate_limit.pause_for(pause, call);
        Ok(())
    }
}

/// What a successful answer is that does not say how the registry is.
fn not_a_report(body: &[u8]) -> &'static str {
    if body.trim_ascii_start().starts_with(b"<") {
        "not a registry's answer, but a page for people, such as that of a login"
    } else {
        "not a registry's answer: it does not say how the registry is"
    }
}
