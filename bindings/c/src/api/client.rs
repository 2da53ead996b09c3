//! The HTTP client of the live registry.

use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;
use std::time::Duration;

use skillsmith_sync::clock::SystemClock;
use skillsmith_sync::engine::DEFAULT_DEADLINE;
use skillsmith_sync::registry::{Call, Health, PageRequest};
use skillsmith_sync::{
    CancelToken, ClientOptions, Error, Registry, Result, SkillsmithApiClient, memory,
};

use crate::api::cancel::skillsmith_cancel_token;
use crate::api::config::{skillsmith_switch_value, switch};
use crate::api::log::{log_of, skillsmith_log_callback};
use crate::api::token::{TokenSource, skillsmith_token_callback};
use crate::ffi::boundary::{boundary, getter};
use crate::ffi::error::ErrorPtr;
use crate::ffi::handles::{self, Handle, HandlePtr, OwnedHandle};
use crate::ffi::input::{OptionsPtr, TextPtr};
use crate::ffi::members::options;
use crate::ffi::out::{Empty, OutPtr};
use crate::ffi::records;
use crate::ffi::status::skillsmith_status;
use crate::ffi::user_data::{UserData, skillsmith_destroy_callback};
use crate::ffi::worker;

/// Longer than any answer to the question may take: its own deadline is 5 s.
const HEALTH_DEADLINE: Duration = Duration::from_secs(60);

/// An HTTP client for the live registry.
///
/// Any thread may use it, and several engines may share it.
#[derive(Debug)]
pub struct skillsmith_api_client {
    _opaque: [u8; 0],
}

impl Handle for skillsmith_api_client {
    type Object = SkillsmithApiClient;
    const NAME: &'static str = "client";
}

/// Health of a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum skillsmith_health {
    /// The registry was not asked.
    SKILLSMITH_HEALTH_UNKNOWN = 0,
    /// The registry serves requests.
    SKILLSMITH_HEALTH_HEALTHY = 1,
    /// The registry serves requests, with problems.
    SKILLSMITH_HEALTH_DEGRADED = 2,
    /// The registry reports that it does not serve requests.
    SKILLSMITH_HEALTH_UNHEALTHY = 3,
}

impl Empty for skillsmith_health {
    const EMPTY: Self = Self::SKILLSMITH_HEALTH_UNKNOWN;
}

/// Options of a client. A zero member means its default.
///
/// The texts are copied.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct skillsmith_client_options {
    /// `sizeof(skillsmith_client_options)`.
    pub struct_size: usize,
    /// The registry's address, such as `https://host/functions/v1`. Default:
    /// `SKILLSMITH_API_URL`, `SUPABASE_URL` + `/functions/v1`, `apiBaseUrl` in
    /// `~/.skillsmith/config.json`, or the live service.
    pub base_url: TextPtr,
    /// The anonymous key. Default: `SUPABASE_ANON_KEY`.
    pub anon_key: TextPtr,
    /// The API key. Default: `SKILLSMITH_API_KEY`, or `accessToken` (of a signed-in user) or
    /// `apiKey` in that file.
    pub api_key: TextPtr,
    /// Token of a signed-in user. It takes precedence over the API key. Default: none.
    pub jwt_token: TextPtr,
    /// Timeout in milliseconds for the headers of a response, and again for its body.
    /// Default: 30000.
    pub timeout_ms: u64,
    /// Retries after the first attempt; negative: none. Default: 3.
    pub max_retries: c_int,
    /// Whether to send no requests. Default: `SKILLSMITH_OFFLINE_MODE`, else off.
    pub offline: skillsmith_switch_value,
    /// Provides the token of a signed-in user, which takes precedence over the API key.
    /// Default: none.
    pub token: skillsmith_token_callback,
    /// Passed to `token`.
    pub user_data: *mut c_void,
    /// Called once with the user data, after the client and everything created from it are
    /// freed and no callback is running; on the last thread to use it. May be NULL. Not called
    /// without a `token`, nor if the function that takes the options fails or creates nothing.
    pub destroy: skillsmith_destroy_callback,
    /// Called with messages for the host's log: each request, and what a sync with this client
    /// does. Default: none.
    pub log: skillsmith_log_callback,
    /// Passed to `log`.
    pub log_user_data: *mut c_void,
    /// Called once with `log_user_data`, as `destroy` is with `user_data`. May be NULL. Not
    /// called without a `log`.
    pub log_destroy: skillsmith_destroy_callback,
    /// Whether credentials may be sent over plain http to another machine, where everybody on the
    /// way can read them; without it, that is `INVALID_ARGUMENT`. Default:
    /// `SKILLSMITH_ALLOW_INSECURE_HTTP`, else off.
    pub allow_insecure_http: skillsmith_switch_value,
}

// `repr(C)`, the size first, and numbers and pointers only.
options!(skillsmith_client_options as "options" {
    struct_size, base_url, anon_key, api_key, jwt_token, timeout_ms, max_retries, offline,
    token, user_data, destroy, log, log_user_data, log_destroy, allow_insecure_http,
});

/// The user data of a client's callbacks, which becomes the library's once the client exists.
pub(crate) struct ClientUserData {
    token: Option<TokenSource>,
    log: Option<Arc<UserData>>,
}

impl ClientUserData {
    pub(crate) fn take_over(&self) {
        if let Some(source) = &self.token {
            source.take_over();
        }
        if let Some(log) = &self.log {
            log.take_over();
        }
    }
}

/// The callbacks among the options.
fn callbacks(
    mut wanted: ClientOptions,
    given: &skillsmith_client_options,
) -> (ClientOptions, ClientUserData) {
    let user_data = UserData::new(given.user_data, given.destroy);
    let token = TokenSource::new(given.token, user_data);
    if let Some(source) = token.clone() {
        wanted = wanted.token_provider(move |request| Ok(source.token(request)?));
    }
    let user_data = UserData::new(given.log_user_data, given.log_destroy);
    let mut log = None;
    if let Some((callback, user_data)) = log_of(given.log, user_data) {
        wanted = wanted.on_log(callback);
        log = Some(user_data);
    }
    (wanted, ClientUserData { token, log })
}

/// The options of the core, and what becomes the library's with them.
pub(crate) fn client_options(
    options: OptionsPtr<skillsmith_client_options>,
) -> Result<(ClientOptions, Option<ClientUserData>)> {
    let Some(given) = options.read()? else {
        return Ok((ClientOptions::new(), None));
    };
    let (mut wanted, user_data) = callbacks(ClientOptions::new(), &given);
    if let Some(url) = given.base_url.optional("base_url")? {
        wanted = wanted.base_url(url);
    }
    if let Some(key) = given.anon_key.optional("anon_key")? {
        wanted = wanted.anon_key(key);
    }
    if let Some(key) = given.api_key.optional("api_key")? {
        wanted = wanted.api_key(key);
    }
    if let Some(token) = given.jwt_token.optional("jwt_token")? {
        wanted = wanted.jwt_token(token);
    }
    if given.timeout_ms > 0 {
        wanted = wanted.timeout(Duration::from_millis(given.timeout_ms));
    }
    if given.max_retries != 0 {
        wanted = wanted.max_retries(u32::try_from(given.max_retries).unwrap_or(0));
    }
    if let Some(offline) = switch(given.offline, "offline")? {
        wanted = wanted.offline(offline);
    }
    if let Some(allow) = switch(given.allow_insecure_http, "allow_insecure_http")? {
        wanted = wanted.allow_insecure_http(allow);
    }
    Ok((wanted, Some(user_data)))
}

/// Creates a client. Sends nothing.
///
/// `options` may be NULL. Gives an owned handle: `skillsmith_api_client_free`. Reads the
/// environment, `~/.skillsmith/config.json` and the system's certificates; any thread may
/// call it. On success the user data is the library's until it calls `destroy`. Errors:
/// `NULL_ARGUMENT`; `INVALID_ARGUMENT` if the address, a key or the proxy is invalid, or a key would be
/// sent over plain http;
/// `IO_ERROR`, `PERMISSION_DENIED` if that file is needed, exists, and cannot be read or
/// parsed.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_api_client_new(
    options: OptionsPtr<skillsmith_client_options>,
    out_client: OutPtr<*mut skillsmith_api_client>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_client.fill("out_client", || {
            let (options, user_data) = client_options(options)?;
            let client = SkillsmithApiClient::new(options)?;
            if let Some(user_data) = user_data {
                user_data.take_over();
            }
            Ok(handles::insert(client))
        })
    })
}

/// Frees a client. Engines made from it keep it.
///
/// NULL is a no-op. Freeing twice returns `SKILLSMITH_INVALID_HANDLE`. Does not block; any
/// thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_api_client_free(
    client: OwnedHandle<skillsmith_api_client>,
) -> skillsmith_status {
    boundary(ErrorPtr::NONE, || client.remove().map(drop))
}

/// Whether offline mode is on, so that every sync fails with `OFFLINE`.
///
/// False for NULL and for a client that was freed. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_api_client_is_offline(
    client: HandlePtr<skillsmith_api_client>,
) -> bool {
    getter(false, || Ok(client.get()?.is_offline()))
}

/// The registry's address.
///
/// Gives an owned string: `skillsmith_string_free`. Does not block; any thread may call
/// it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_api_client_base_url(
    client: HandlePtr<skillsmith_api_client>,
    out_url: OutPtr<*mut c_char>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_url.fill("out_url", || records::give_string(client.get()?.base_url()))
    })
}

/// Requests the health of the registry.
///
/// `cancel` may be NULL. Blocks on the network, for at most about 5 s; any thread may call
/// it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `OFFLINE`, `CANCELLED`,
/// `REDIRECT_REFUSED`; `API_UNHEALTHY`, with the reason, if the registry does not respond.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_api_client_check_health(
    client: HandlePtr<skillsmith_api_client>,
    cancel: HandlePtr<skillsmith_cancel_token>,
    out_health: OutPtr<skillsmith_health>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_health.fill("out_health", || {
            let client = client.get()?;
            let cancel = cancel.get_optional()?.unwrap_or_default();
            let health = ask(client, &cancel, HEALTH_DEADLINE, |client, call| {
                client.check_health(call)
            })?;
            Ok(match health {
                Health::Healthy => skillsmith_health::SKILLSMITH_HEALTH_HEALTHY,
                Health::Degraded => skillsmith_health::SKILLSMITH_HEALTH_DEGRADED,
                Health::Unhealthy => skillsmith_health::SKILLSMITH_HEALTH_UNHEALTHY,
                _ => skillsmith_health::SKILLSMITH_HEALTH_UNKNOWN,
            })
        })
    })
}

/// Options of a search: filters, and the page of the listing. A zero member means its
/// default.
///
/// The texts are copied.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct skillsmith_search_options {
    /// `sizeof(skillsmith_search_options)`.
    pub struct_size: usize,
    /// A search word. Default: none, which the live registry refuses unless one of the next
    /// three members is set.
    pub query: TextPtr,
    /// Only skills of this category. Default: all.
    pub category: TextPtr,
    /// Only skills of this tier, such as "verified". Default: all.
    pub trust_tier: TextPtr,
    /// Only skills with at least this quality score, on the registry's scale. Negative: at
    /// least 0, so any score. Default: all skills, including those without a score.
    pub min_score: f64,
    /// Number of rows. The registry may send fewer; the live one sends 100 at most.
    /// Default: 100.
    pub limit: u32,
    /// Number of rows to skip. Default: 0.
    pub offset: u64,
}

// `repr(C)`, the size first, and numbers and pointers only.
options!(skillsmith_search_options as "options" {
    struct_size, query, category, trust_tier, min_score, limit, offset,
});

/// The page that is wanted, for the core.
fn page_request(options: OptionsPtr<skillsmith_search_options>) -> Result<PageRequest> {
    let mut wanted = PageRequest::new();
    let Some(given) = options.read()? else {
        return Ok(wanted);
    };
    wanted.query = given.query.optional("query")?;
    wanted.category = given.category.optional("category")?;
    wanted.trust_tier = given.trust_tier.optional("trust_tier")?;
    wanted.min_score = match given.min_score {
        score if !score.is_finite() => {
            return Err(Error::InvalidArgument(format!(
                "The argument 'min_score' is {score}. Use a finite number."
            )));
        }
        score if score < 0.0 => Some(0.0),
        score => (score > 0.0).then_some(score),
    };
    if given.limit > 0 {
        wanted.limit = given.limit;
    }
    wanted.offset = given.offset;
    Ok(wanted)
}

/// Fetches one page of the listing, as the registry serves it.
///
/// `options` may be NULL: the first 100 rows. `cancel` may be NULL. Gives an owned string,
/// the JSON text `{"data": [...], "meta": {...}}`: `skillsmith_string_free`. It is checked
/// to be JSON; its content is not checked. A U+0000 in one of its texts is escaped.
///
/// Blocks on the network: each attempt for at most the client's `timeout_ms`. Retries 408,
/// 429, 5xx, broken connections and unreadable responses up to `max_retries` times, after
/// 1, 2, 4 ... s or when the registry asked for; ends after about 30 minutes at most. Any
/// thread may call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`; `INVALID_ARGUMENT` for a
/// text that is not UTF-8 or too long for a URL and a score that is not finite; `OFFLINE`,
/// `CANCELLED`,
/// `NETWORK_UNREACHABLE`, `NETWORK_TIMEOUT`, `RATE_LIMITED`, `QUOTA_EXCEEDED`,
/// `UNAUTHORIZED`, `SIGN_IN_EXPIRED`, `FORBIDDEN`, `PLAN_REQUIRED`, `SERVER_ERROR`,
/// `REDIRECT_REFUSED`; `HOST_ERROR` if the token callback fails; `REQUEST_REFUSED` for any
/// other 4xx; `PROTOCOL_ERROR` if the response is not JSON; `RESPONSE_TOO_LARGE` over 16 MiB.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_api_client_search(
    client: HandlePtr<skillsmith_api_client>,
    options: OptionsPtr<skillsmith_search_options>,
    cancel: HandlePtr<skillsmith_cancel_token>,
    out_json: OutPtr<*mut c_char>,
    out_error: ErrorPtr,
) -> skillsmith_status {
    boundary(out_error, || {
        out_json.fill("out_json", || {
            let client = client.get()?;
            let request = page_request(options)?;
            let cancel = cancel.get_optional()?.unwrap_or_default();
            let text = ask(client, &cancel, DEFAULT_DEADLINE, move |client, call| {
                client.search_text(&request, call)
            })?;
            // For the copy.
            memory::ensure_available(text.len() + 1)?;
            records::give_string(&text)
        })
    })
}

/// Runs the request on its own thread, so that a cancelled call can return at any point of
/// the request.
fn ask<T: Send + 'static>(
    client: Arc<SkillsmithApiClient>,
    cancel: &CancelToken,
    deadline: Duration,
    question: impl FnOnce(&SkillsmithApiClient, &Call<'_>) -> Result<T> + Send + 'static,
) -> Result<T> {
    worker::run("skillsmith-client", cancel, move |cancel| {
        let call = Call::new(cancel, &SystemClock).time_limit(deadline);
        question(&client, &call)
    })
}
