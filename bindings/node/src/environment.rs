//! The end of an environment of JavaScript: of a worker, or of the process.
//!
//! Node and Bun finalize the objects of the addon then, which cancels what they stand for. Deno finalizes none where a worker is
//! terminated; it calls the cleanup hooks of the environment, as they all do.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;
use skillsmith_sync::CancelToken;
use skillsmith_sync::unpoisoned::lock;

/// The tasks of an environment that have not ended, each with its token.
#[derive(Default)]
struct UnderWay {
    last_id: u64,
    tokens: HashMap<u64, CancelToken>,
}

thread_local! {
    /// Those of the environment of this thread. If the addon is loaded there again, the tasks before keep theirs.
    static HERE: RefCell<Arc<Mutex<UnderWay>>> = RefCell::default();
}

/// Called in each environment that loads the addon.
#[napi(module_exports)]
pub fn loaded(_exports: Object<'_>, env: Env) -> napi::Result<()> {
    let under_way = Arc::<Mutex<UnderWay>>::default();
    HERE.set(Arc::clone(&under_way));
    env.add_env_cleanup_hook(under_way, |under_way| {
        for token in lock(&under_way).tokens.values() {
            token.cancel();
        }
    })?;
    Ok(())
}

/// A task that the end of its environment cancels, as long as this lives.
pub struct Attached {
    id: u64,
    under_way: Arc<Mutex<UnderWay>>,
}

impl Attached {
    /// Attaches a task to the environment of this thread.
    pub fn here(token: &CancelToken) -> Self {
        let under_way = HERE.with_borrow(Arc::clone);
        let mut tasks = lock(&under_way);
        tasks.last_id = tasks.last_id.wrapping_add(1);
        let id = tasks.last_id;
        tasks.tokens.insert(id, token.clone());
        drop(tasks);
        Self { id, under_way }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        lock(&self.under_way).tokens.remove(&self.id);
    }
}
