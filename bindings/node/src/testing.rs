//! Deliberate failures, to see what becomes of them at the border. Never in a published addon.

use napi_derive::napi;
use skillsmith_sync::CancelToken;

use crate::border::{Result, border};
use crate::task::{Listener, TaskEvent, start};

#[napi(skip_typescript)]
pub fn test_panic() -> Result<()> {
    border(panic_now)
}

#[napi(skip_typescript)]
pub fn test_panic_in_task(listener: Listener<'_>) -> Result<()> {
    border(|| {
        start(&listener, true, &CancelToken::new(), |_, _| {
            panic_now()?;
            Ok(TaskEvent::default())
        })
    })
}

fn panic_now() -> skillsmith_sync::Result<()> {
    panic!("a deliberate panic")
}
