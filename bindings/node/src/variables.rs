//! Environment variables, as JavaScript passes them.
//!
//! JavaScript reads them because a worker may have its own, and because Node's main thread may change those of the process
//! at any time.

use std::collections::HashMap;
use std::ffi::OsString;

use napi_derive::napi;
use skillsmith_sync::environment::Environment;

use crate::boundary::{Result, boundary};

/// Names and values of environment variables.
pub type Variables = HashMap<String, String>;

/// Call it on the thread that has the variables.
pub fn environment(variables: Variables) -> Environment {
    let variables: HashMap<String, OsString> = variables
        .into_iter()
        .map(|(name, value)| {
            let value = as_set(&name, value);
            (name, value)
        })
        .collect();
    Environment::from_os(move |name| variables.get(name).cloned()).or_home_of_user()
}

/// Node puts U+FFFD where a value is not UTF-8: the value of the process itself then, if it is that one.
fn as_set(name: &str, value: String) -> OsString {
    if value.contains(char::REPLACEMENT_CHARACTER)
        && let Some(own) = std::env::var_os(name)
        && own.to_string_lossy() == value
    {
        return own;
    }
    value.into()
}

/// The environment's settings for background syncs.
#[napi(object, object_from_js = false)]
pub struct BackgroundSettings {
    pub background_sync: bool,
    pub offline_mode: bool,
}

#[napi]
pub fn background_settings(variables: Variables) -> Result<BackgroundSettings> {
    boundary(|| {
        let environment = environment(variables);
        Ok(BackgroundSettings {
            background_sync: environment.background_sync()?,
            offline_mode: environment.offline_mode()?,
        })
    })
}
