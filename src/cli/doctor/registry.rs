//! The registry: its address, how it is reached, and what it allows.

use std::time::Duration;

use super::super::console::Console;
use super::report::{Area, State};
use crate::clock::{Clock, SystemClock};
use crate::engine::{Counter, Listing};
use crate::environment::{Environment, FILE_URL};
use crate::error::TIME;
use crate::registry::{Call, Health, PageRequest, SyncRequest};
use crate::{Database, Error, ErrorCode, Registry, Result, SkillsmithApiClient};

/// For each of the three requests.
const TIMEOUT: Duration = Duration::from_secs(15);

pub(super) fn look(area: &mut Area<'_>, database: Option<&Database>, console: &Console<'_>) {
    let environment = &console.terminal.environment;
    let client = SkillsmithApiClient::with_environment(console.client_options(), environment);
    let client = match client {
        Ok(client) => client,
        Err(error) => return area.failed("settings", &error),
    };
    look_at_address(area, &client, environment);
    for warning in client.warnings() {
        area.note("config file", State::Warning, warning);
    }
    let is_usable = look_at_way(area, &client);
    look_at_credential(area, &client, environment);
    if client.is_offline() {
        let text = "SKILLSMITH_OFFLINE_MODE is set: nothing is sent, and a sync fails";
        return area.note("offline", State::Warning, text);
    }
    let counter = database.map(|database| Counter::before_run(database, SystemClock.now()));
    let counter = match counter.transpose() {
        Ok(counter) => counter.unwrap_or_default(),
        Err(error) => return area.failed("requests", &error),
    };
    let ask = Asking {
        client: &client,
        counter: &counter,
        console,
    };
    // Otherwise each request would fail as that did.
    if is_usable && look_at_health(area, &ask) {
        look_at_listing(area, &ask);
    }
    if let Some(database) = database.filter(|database| !database.is_read_only())
        && let Err(error) = counter.keep(database, SystemClock.now())
    {
        let text = format!("they are not counted: {error}");
        // A sync will not be able to write either.
        let is_full = error.code() == ErrorCode::DiskFull;
        let state = if is_full {
            State::Error
        } else {
            State::Warning
        };
        area.note("requests", state, text);
    }
}

/// Requests, which are counted as those of a sync.
struct Asking<'a> {
    client: &'a SkillsmithApiClient,
    counter: &'a Counter,
    console: &'a Console<'a>,
}

impl Asking<'_> {
    fn ask<T>(
        &self,
        request: impl FnOnce(&SkillsmithApiClient, &Call<'_>) -> Result<T>,
    ) -> Result<T> {
        let call = Call {
            single_try: true,
            meter: Some(self.counter),
            ..Call::new(&self.console.terminal.cancel, &SystemClock).time_limit(TIMEOUT)
        };
        call.count_request()?;
        request(self.client, &call)
    }
}

/// Which one is used, and which others are set.
fn look_at_address(area: &mut Area<'_>, client: &SkillsmithApiClient, environment: &Environment) {
    let (used, source) = (client.base_url(), source_of_address(environment));
    area.setting("address", used, source);
    let others = environment.overridden_urls(used);
    if !others.is_empty() {
        let text = format!(
            "that of {source} is used, and not that of {}",
            others.join(" or of ")
        );
        area.note("addresses", State::Warning, text);
    }
}

fn source_of_address(environment: &Environment) -> &'static str {
    match environment.base_url() {
        Ok(Some((_, variable))) => variable,
        _ => match environment.config_file().api_base_url() {
            Ok(Some(_)) => FILE_URL,
            _ => "the default",
        },
    }
}

/// The proxy and the certificates, as the client uses them. Returns whether they can be used.
fn look_at_way(area: &mut Area<'_>, client: &SkillsmithApiClient) -> bool {
    let (proxy, source) = client.proxy();
    area.used("proxy", proxy, source);
    if let Some(words) = client.not_understood() {
        area.note("exceptions", State::Warning, words);
    }
    match client.certificates() {
        Ok(parts) => {
            for (certificates, source) in parts {
                area.used("certificates", certificates, source);
            }
            true
        }
        Err(error) => {
            area.failed("certificates", &error);
            false
        }
    }
}

/// Which one is used, and which others are set.
fn look_at_credential(
    area: &mut Area<'_>,
    client: &SkillsmithApiClient,
    environment: &Environment,
) {
    const FILE: &str = "from ~/.skillsmith/config.json";
    let used = client.credential();
    let file = environment.config_file();
    let others = [("token", file.access_token()), ("API key", file.api_key())];
    let others = others.into_iter().filter_map(|(what, value)| {
        // A file that cannot be read matters only where it is used, and is told there.
        let name = format!("the {what} {FILE}");
        (value.ok()?.is_some() && name != used && !used.starts_with("no ")).then_some(name)
    });
    let others: Vec<_> = others.collect();
    if others.is_empty() {
        area.ok("credential", &*used);
    } else {
        let text = format!("{used} is used, and not {}", others.join(" or "));
        area.note("credential", State::Warning, text);
    }
    // The registry decides, by its own clock.
    let ends_at = client.credential_ends_at();
    let ends_at = ends_at.or_else(|| {
        let is_of_file = used == format!("the token {FILE}");
        file.expires_at().ok()?.filter(|_| is_of_file)
    });
    if let Some(at) = ends_at.filter(|at| *at <= SystemClock.now()) {
        let text = format!(
            "{used} expired at {}. Run `skillsmith login`, or set SKILLSMITH_API_KEY to a valid key",
            at.format(TIME)
        );
        area.note("expiry", State::Warning, text);
    }
}

/// Whether the registry answers.
fn look_at_health(area: &mut Area<'_>, asking: &Asking<'_>) -> bool {
    match asking.ask(SkillsmithApiClient::health_report) {
        Ok(report) => {
            let version = report.version;
            let version =
                version.map_or_else(String::new, |version| format!(", version {version}"));
            let state = match report.health {
                Health::Healthy => State::Ok,
                Health::Degraded => State::Warning,
                Health::Unhealthy => State::Error,
            };
            let text = report
                .instead
                .unwrap_or_else(|| format!("{}{version}", report.health.as_str()));
            area.note("answer", state, text);
            true
        }
        Err(error) => {
            failed(area, "answer", &error);
            false
        }
    }
}

/// Which listing it allows, by a page of one row.
fn look_at_listing(area: &mut Area<'_>, asking: &Asking<'_>) {
    let environment = &asking.console.terminal.environment;
    let listing = match Listing::of_environment(environment) {
        Ok(listing) => listing,
        Err(error) => return area.failed("listing", &error),
    };
    if listing == Listing::Auto {
        match asking.ask(|client, call| client.sync_registry(&SyncRequest::new().limit(1), call)) {
            Ok(_) => return area.ok("listing", "the sync endpoint"),
            Err(error) if is_missing(&error) => {}
            Err(error) => return failed(area, "listing", &error),
        }
    }
    match asking.ask(|client, call| client.search(&PageRequest::new().limit(1), call)) {
        Ok(_) => area.ok("listing", "the search, without filters"),
        Err(Error::Refused { status: 400, .. }) => area.ok("listing", "the search, by trust tier"),
        Err(error) => failed(area, "listing", &error),
    }
}

/// A budget that is used up is what the user wants.
fn failed(area: &mut Area<'_>, name: &'static str, error: &Error) {
    match error {
        Error::BudgetUsed { .. } => area.note(name, State::Warning, error.to_string()),
        error => area.failed(name, error),
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
