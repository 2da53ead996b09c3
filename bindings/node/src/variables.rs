//! Environment variables, as JavaScript passes them.
//!
//! JavaScript reads them because a worker may have its own, and because Node's main thread may change those of the process
//! at any time.

use std::collections::HashMap;

use napi_derive::napi;
use skillsmith_sync::environment::Environment;

/// Names and values of environment variables.
pub type Variables = HashMap<String, String>;

pub fn environment(variables: Variables) -> Environment {
    Environment::new(move |name| variables.get(name).cloned())
}

/// The environment's settings for background syncs.
#[napi(object, object_from_js = false)]
pub struct BackgroundSettings {
    pub background_sync: bool,
    pub offline_mode: bool,
}

#[napi]
pub fn background_settings(variables: Variables) -> BackgroundSettings {
    let environment = environment(variables);
    BackgroundSettings {
        background_sync: environment.background_sync(),
        offline_mode: environment.offline_mode(),
    }
}
