//! Deliberate panics, for tests of the boundary. A published addon does not contain them.

use napi_derive::napi;
use skillsmith_sync::CancelToken;

use crate::boundary::{Result, boundary};
use crate::event::TaskEvent;
use crate::task::{Listener, start};

#[napi(skip_typescript)]
pub fn test_panic() -> Result<()> {
    boundary(panic_now)
}

#[napi(skip_typescript)]
pub fn test_panic_in_task(listener: Listener<'_>) -> Result<()> {
    boundary(|| {
        start(&listener, true, &CancelToken::new(), |_, _| {
            panic_now()?;
            Ok(TaskEvent::Exit { exit_code: 0 })
        })
    })
}

fn panic_now() -> skillsmith_sync::Result<()> {
    panic!("a deliberate panic")
}
