//! The registry: its address, how it is reached, and what it allows.

use std::time::Duration;

use super::super::console::Console;
use super::{Area, State};
use crate::clock::SystemClock;
use crate::engine::Listing;
use crate::environment::Environment;
use crate::registry::{Call, Health, PageRequest, SyncRequest};
use crate::{Error, Registry, Result, SkillsmithApiClient};

/// For each of the three requests.
const TIMEOUT: Duration = Duration::from_secs(15);

pub(super) fn look(area: &mut Area<'_>, console: &Console<'_>) {
    let environment = &console.terminal.environment;
    let client = SkillsmithApiClient::with_environment(console.client_options(), environment);
    let client = match client {
        Ok(client) => client,
        Err(error) => return area.failed("settings", &error),
    };
    area.setting("address", client.base_url(), source_of_address(environment));
    look_at_way(area, &client);
    area.ok("credential", client.credential());
    if client.is_offline() {
        let text = "SKILLSMITH_OFFLINE_MODE is set: nothing is sent, and a sync fails";
        return area.note("offline", State::Warning, text);
    }
    if look_at_health(area, &client, console) {
        look_at_listing(area, &client, console);
    }
}

fn source_of_address(environment: &Environment) -> &'static str {
    match environment.base_url() {
        Ok(Some((_, variable))) => variable,
        _ => match environment.config_file().api_base_url() {
            Ok(Some(_)) => "apiBaseUrl in ~/.skillsmith/config.json",
            _ => "the default",
        },
    }
}

/// The proxy and the certificates, as the client uses them.
fn look_at_way(area: &mut Area<'_>, client: &SkillsmithApiClient) {
    let (proxy, source) = client.proxy();
    area.used("proxy", proxy, source);
    match client.certificates() {
        Ok(parts) => {
            for (certificates, source) in parts {
                area.used("certificates", certificates, source);
            }
        }
        Err(error) => area.failed("certificates", &error),
    }
}

/// Whether the registry answers.
fn look_at_health(
    area: &mut Area<'_>,
    client: &SkillsmithApiClient,
    console: &Console<'_>,
) -> bool {
    let call = Call::new(&console.terminal.cancel, &SystemClock).time_limit(TIMEOUT);
    match client.health_report(&call) {
        Ok(report) => {
            let version = report.version;
            let version =
                version.map_or_else(String::new, |version| format!(", version {version}"));
            let state = match report.health {
                Health::Healthy => State::Ok,
                Health::Degraded => State::Warning,
                Health::Unhealthy => State::Error,
            };
            area.note(
                "answer",
                state,
                format!("{}{version}", report.health.as_str()),
            );
            true
        }
        Err(error) => {
            area.failed("answer", &error);
            false
        }
    }
}

/// Which listing it allows, by a page of one row.
fn look_at_listing(area: &mut Area<'_>, client: &SkillsmithApiClient, console: &Console<'_>) {
    let listing = match Listing::of_environment(&console.terminal.environment) {
        Ok(listing) => listing,
        Err(error) => return area.failed("listing", &error),
    };
    let call = || {
        Call::new(&console.terminal.cancel, &SystemClock)
            .time_limit(TIMEOUT)
            .single_try(true)
    };
    if listing == Listing::Auto {
        match client.sync_registry(&SyncRequest::new().limit(1), &call()) {
            Ok(_) => return area.ok("listing", "the sync endpoint"),
            Err(error) if is_missing(&error) => {}
            Err(error) => return area.failed("listing", &error),
        }
    }
    let page: Result<_> = client.search(&PageRequest::new().limit(1), &call());
    match page {
        Ok(_) => area.ok("listing", "the search, without filters"),
        Err(Error::Refused { status: 400, .. }) => area.ok("listing", "the search, by trust tier"),
        Err(error) => area.failed("listing", &error),
    }
}

/// Whether the registry has no sync endpoint.
const fn is_missing(error: &Error) -> bool {
    matches!(
        error,
        Error::Refused {
            status: 404 | 405 | 410,
            ..
        } | Error::Server { status: 501, .. }
    )
}
