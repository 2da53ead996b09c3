//! Work on a thread of its own, and what it tells JavaScript.

use std::sync::Arc;

use napi::Status;
use napi::bindgen_prelude::{FnArgs, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use skillsmith_sync::{CancelToken, Error, Result};

use crate::host::HostRequest;
use crate::values::{Failure, SyncProgress, SyncResult};

/// What a task tells, one thing at a time and in order; `end` is true on the last one.
#[napi(object, object_from_js = false)]
#[derive(Default)]
pub struct TaskEvent {
    pub end: bool,
    pub progress: Option<SyncProgress>,
    pub request: Option<HostRequest>,
    pub result: Option<SyncResult>,
    /// The code of the cause, where the result is no success.
    pub code: Option<String>,
    /// The JSON text of an answer.
    pub text: Option<String>,
    pub exit_code: Option<u32>,
    pub failure: Option<Failure>,
}

/// The function that hears of a task; it must not throw.
pub type Listener<'env> = Function<'env, FnArgs<(TaskEvent,)>, ()>;

type Line<const LOOSE: bool> =
    ThreadsafeFunction<TaskEvent, (), FnArgs<(TaskEvent,)>, Status, false, LOOSE>;

/// A way to the JavaScript thread. Clones lead to the same listener.
#[derive(Clone)]
pub enum Caller {
    /// The event loop stays alive until the last clone is gone.
    Keeping(Arc<Line<false>>),
    /// It does not.
    Loose(Arc<Line<true>>),
}

impl Caller {
    fn new(listener: &Listener<'_>, keep_alive: bool) -> napi::Result<Self> {
        let build = listener.build_threadsafe_function::<TaskEvent>();
        Ok(if keep_alive {
            Self::Keeping(Arc::new(
                build.build_callback(|call| Ok(FnArgs::from((call.value,))))?,
            ))
        } else {
            Self::Loose(Arc::new(
                build
                    .weak::<true>()
                    .build_callback(|call| Ok(FnArgs::from((call.value,))))?,
            ))
        })
    }

    /// Has the listener hear of `event` soon.
    ///
    /// # Errors
    /// [`Error::Cancelled`] once the environment is gone, and with it everybody who could care.
    pub fn tell(&self, event: TaskEvent) -> Result<()> {
        let mode = ThreadsafeFunctionCallMode::NonBlocking;
        let status = match self {
            Self::Keeping(line) => line.call(event, mode),
            Self::Loose(line) => line.call(event, mode),
        };
        if status == Status::Ok {
            Ok(())
        } else {
            Err(Error::Cancelled)
        }
    }
}

/// Runs `work` on a thread of its own; its return value is the last event.
pub fn start(
    listener: &Listener<'_>,
    keep_alive: bool,
    cancel: &CancelToken,
    work: impl FnOnce(&Caller, CancelToken) -> Result<TaskEvent> + Send + 'static,
) -> Result<()> {
    let caller = Caller::new(listener, keep_alive)
        .map_err(|error| Error::Internal(format!("no way to the event loop: {error}")))?;
    let cancel = cancel.clone();
    std::thread::Builder::new()
        .name("skillsmith-sync".into())
        .spawn(move || {
            give_way();
            let body = std::panic::AssertUnwindSafe(|| work(&caller, cancel));
            let outcome = std::panic::catch_unwind(body)
                .unwrap_or_else(|_| Err(Error::Internal("a panic in a task".into())));
            let event = outcome.unwrap_or_else(|error| TaskEvent {
                failure: Some(error.into()),
                ..TaskEvent::default()
            });
            // Nobody is there to hear it once the environment is gone.
            _ = caller.tell(TaskEvent { end: true, ..event });
        })
        .map(drop)
        .map_err(|error| Error::Internal(format!("a thread could not be started: {error}")))
}

/// The host's own threads go first where there are too few processors for all: above all
/// its event loop. What this thread starts inherits it.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a system call that Rust has no name for")]
fn give_way() {
    const NICE: libc::c_int = 5;
    // SAFETY: no memory is involved; 0 is the calling thread. Where it fails, nothing is lost.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
}

/// Elsewhere it would be the whole process that waits.
#[cfg(not(target_os = "linux"))]
const fn give_way() {}
