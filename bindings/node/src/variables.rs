//! The environment, as JavaScript has it.
//!
//! Read over there because a worker may have variables of its own, and because
//! Node's main thread may be changing those of the process.

use std::collections::HashMap;

use napi_derive::napi;
use skillsmith_sync::environment::Environment;

/// Names and values.
pub type Variables = HashMap<String, String>;

pub fn environment(variables: Variables) -> Environment {
    Environment::new(move |name| variables.get(name).cloned())
}

/// What the variables say of background syncs.
#[napi(object, object_from_js = false)]
pub struct Switches {
    pub background_sync: bool,
    pub offline_mode: bool,
}

#[napi]
pub fn switches(variables: Variables) -> Switches {
    let environment = environment(variables);
    Switches {
        background_sync: environment.background_sync(),
        offline_mode: environment.offline_mode(),
    }
}
