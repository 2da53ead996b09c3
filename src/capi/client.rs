//! The HTTP client of the live registry.

use std::ffi::{c_char, c_int};
use std::time::Duration;

use super::boundary::{boundary, getter};
use super::cancel::skillsmith_cancel_token;
use super::config::{skillsmith_switch_value, switch};
use super::error::{ErrorOut, skillsmith_error};
use super::input;
use super::live::{self, Handle};
use super::memory::give_string;
use super::out::Out;
use super::status::skillsmith_status;
use crate::clock::{Clock, SystemClock};
use crate::registry::{Call, Health};
use crate::{ClientOptions, Registry, Result, SkillsmithApiClient};

/// Longer than any answer to the question may take: its own deadline is 5 s.
const HEALTH_DEADLINE: Duration = Duration::from_secs(60);

/// Asks the live registry.
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

/// How a registry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum skillsmith_health {
    /// It was not asked.
    SKILLSMITH_HEALTH_UNKNOWN = 0,
    /// It serves.
    SKILLSMITH_HEALTH_HEALTHY = 1,
    /// It serves, with trouble.
    SKILLSMITH_HEALTH_DEGRADED = 2,
    /// It says that it does not serve.
    SKILLSMITH_HEALTH_UNHEALTHY = 3,
}

/// How the registry is asked. Zero in a member means its default.
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
    pub base_url: *const c_char,
    /// The anonymous key. Default: `SUPABASE_ANON_KEY`.
    pub anon_key: *const c_char,
    /// The API key. Default: `SKILLSMITH_API_KEY`, or `apiKey` in that file.
    pub api_key: *const c_char,
    /// A token of a signed-in user; goes before the API key. Default: none.
    pub jwt_token: *const c_char,
    /// The longest wait for the headers of an answer, and again for its body, in
    /// milliseconds. Default: 30000.
    pub timeout_ms: u64,
    /// Tries after the first one; negative: none. Default: 3.
    pub max_retries: c_int,
    /// Whether nothing may be sent. Default: `SKILLSMITH_OFFLINE_MODE`, else off.
    pub offline: skillsmith_switch_value,
}

// SAFETY: `repr(C)`, the size first, and numbers and pointers only.
unsafe impl input::Options for skillsmith_client_options {
    const NAME: &'static str = "options";
}

/// The options of the core.
///
/// # Safety
/// As for [`input::options`]; the texts are NULL or NUL-terminated strings.
pub(super) unsafe fn client_options(
    options: *const skillsmith_client_options,
) -> Result<ClientOptions> {
    let mut wanted = ClientOptions::new();
    // SAFETY: the caller's promise.
    let Some(given) = (unsafe { input::options(options) })? else {
        return Ok(wanted);
    };
    // SAFETY: the caller's promise.
    unsafe {
        wanted.base_url = input::optional_text(given.base_url, "base_url")?;
        wanted.anon_key = input::optional_text(given.anon_key, "anon_key")?;
        wanted.api_key = input::optional_text(given.api_key, "api_key")?;
        wanted.jwt_token = input::optional_text(given.jwt_token, "jwt_token")?;
    }
    wanted.timeout = (given.timeout_ms > 0).then(|| Duration::from_millis(given.timeout_ms));
    wanted.max_retries = match given.max_retries {
        0 => None,
        tries => Some(u32::try_from(tries).unwrap_or(0)),
    };
    wanted.offline = switch(given.offline, "offline")?;
    Ok(wanted)
}

/// Makes a client. Nothing is sent yet.
///
/// `options` may be NULL. Gives an owned handle: `skillsmith_api_client_free`. Reads the
/// environment, `~/.skillsmith/config.json` and the system's certificates; any thread may
/// call it. Errors: `NULL_ARGUMENT`; `INVALID_ARGUMENT` where the address, a key or the
/// proxy cannot be used.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_api_client_new(
    options: *const skillsmith_client_options,
    out_client: *mut *mut skillsmith_api_client,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let (out, errors) = unsafe { (Out::new(out_client, "out_client"), ErrorOut::new(out_error)) };
    boundary(&errors, || {
        out.check()?;
        // SAFETY: the caller's promise.
        let options = unsafe { client_options(options) }?;
        out.give(live::issue(SkillsmithApiClient::new(options)?));
        Ok(())
    })
}

/// Frees a client. Engines that were made from it keep it.
///
/// NULL is fine. A second time is refused with `SKILLSMITH_INVALID_HANDLE`. Does not
/// block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_api_client_free(
    client: *mut skillsmith_api_client,
) -> skillsmith_status {
    boundary(&ErrorOut::nowhere(), || live::retire(client).map(drop))
}

/// Whether nothing may be sent, so that every sync would fail with `OFFLINE`.
///
/// False for NULL and for a client that was freed. Does not block; any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn skillsmith_api_client_is_offline(client: *const skillsmith_api_client) -> bool {
    getter(false, || Ok(live::get(client)?.is_offline()))
}

/// The registry's address.
///
/// Gives an owned string: `skillsmith_string_free`. Does not block; any thread may call
/// it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_api_client_base_url(
    client: *const skillsmith_api_client,
    out_url: *mut *mut c_char,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let (out, errors) = unsafe { (Out::new(out_url, "out_url"), ErrorOut::new(out_error)) };
    boundary(&errors, || {
        out.check()?;
        out.give(give_string(live::get(client)?.base_url())?);
        Ok(())
    })
}

/// Asks how the registry is.
///
/// `cancel` may be NULL; a token that is only raised, not cancelled, is noticed when the
/// answer comes. Blocks on the network, for at most about 5 s; any thread may
/// call it. Errors: `NULL_ARGUMENT`, `INVALID_HANDLE`, `OFFLINE`, `CANCELLED`,
/// `REDIRECT_REFUSED`; `API_UNHEALTHY` where there is no answer, with the reason.
///
/// # Safety
/// As the preamble of the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skillsmith_api_client_check_health(
    client: *const skillsmith_api_client,
    cancel: *const skillsmith_cancel_token,
    out_health: *mut skillsmith_health,
    out_error: *mut *mut skillsmith_error,
) -> skillsmith_status {
    // SAFETY: the caller's promise.
    let (out, errors) = unsafe { (Out::new(out_health, "out_health"), ErrorOut::new(out_error)) };
    boundary(&errors, || {
        out.check()?;
        let client = live::get(client)?;
        let cancel = live::get_optional(cancel)?.unwrap_or_default();
        let clock = SystemClock;
        let health = client.check_health(&Call {
            cancel: &cancel,
            clock: &clock,
            deadline: clock.elapsed() + HEALTH_DEADLINE,
            on_wait: &|_| {},
        })?;
        out.give(match health {
            Health::Healthy => skillsmith_health::SKILLSMITH_HEALTH_HEALTHY,
            Health::Degraded => skillsmith_health::SKILLSMITH_HEALTH_DEGRADED,
            Health::Unhealthy => skillsmith_health::SKILLSMITH_HEALTH_UNHEALTHY,
        });
        Ok(())
    })
}
