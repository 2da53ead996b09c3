//! Tasks: work on a thread of its own that sends events to a JavaScript listener.

use std::sync::Arc;

use napi::Status;
use napi::bindgen_prelude::{FnArgs, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use skillsmith_sync::{CancelToken, Error, Result};

use crate::environment::Attached;
use crate::event::TaskEvent;

/// The JavaScript function that receives the events of a task. It must not throw.
pub type Listener<'env> = Function<'env, FnArgs<(TaskEvent,)>, ()>;

type ListenerHandle<const WEAK: bool> =
    ThreadsafeFunction<TaskEvent, (), FnArgs<(TaskEvent,)>, Status, false, WEAK>;

/// Sends events from any thread to the listener. Clones send to the same listener.
#[derive(Clone)]
pub enum EventSender {
    /// Keeps the event loop alive until the last clone is dropped.
    Strong(Arc<ListenerHandle<false>>),
    /// Does not keep the event loop alive.
    Weak(Arc<ListenerHandle<true>>),
}

impl EventSender {
    fn new(listener: &Listener<'_>, keep_alive: bool) -> napi::Result<Self> {
        let build = listener.build_threadsafe_function::<TaskEvent>();
        Ok(if keep_alive {
            Self::Strong(Arc::new(
                build.build_callback(|call| Ok(FnArgs::from((call.value,))))?,
            ))
        } else {
            Self::Weak(Arc::new(
                build
                    .weak::<true>()
                    .build_callback(|call| Ok(FnArgs::from((call.value,))))?,
            ))
        })
    }

    /// Queues `event` for the listener and returns at once.
    ///
    /// # Errors
    /// [`Error::Cancelled`] after the JavaScript environment has ended.
    pub fn send(&self, event: TaskEvent) -> Result<()> {
        let mode = ThreadsafeFunctionCallMode::NonBlocking;
        let status = match self {
            Self::Strong(listener) => listener.call(event, mode),
            Self::Weak(listener) => listener.call(event, mode),
        };
        if status == Status::Ok {
            Ok(())
        } else {
            Err(Error::Cancelled)
        }
    }
}

/// Runs `work` on a new thread. The event that it returns, or its error, is the last event of the task. The end of the
/// environment cancels it.
pub fn start(
    listener: &Listener<'_>,
    keep_alive: bool,
    cancel: &CancelToken,
    work: impl FnOnce(&EventSender, CancelToken) -> Result<TaskEvent> + Send + 'static,
) -> Result<()> {
    let events = EventSender::new(listener, keep_alive)
        .map_err(|error| Error::Internal(format!("cannot reach the event loop: {error}")))?;
    let (attached, cancel) = (Attached::here(cancel), cancel.clone());
    std::thread::Builder::new()
        .name("skillsmith-sync".into())
        .stack_size(skillsmith_sync::memory::OF_A_THREAD)
        .spawn(move || {
            let _attached = attached;
            lower_priority();
            let body = std::panic::AssertUnwindSafe(|| work(&events, cancel));
            let outcome = std::panic::catch_unwind(body)
                .unwrap_or_else(|_| Err(Error::Internal("a panic in a task".into())));
            let event = outcome.unwrap_or_else(|error| TaskEvent::Failure {
                failure: error.into(),
            });
            // Fails only after the environment has ended, when nobody waits for the event.
            _ = events.send(event);
        })
        .map(drop)
        .map_err(|_| Error::OutOfThreads)
}

/// Lets the threads of the host, above all its event loop, run first when processors are scarce. Threads that this one
/// starts inherit the priority.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "std has no function for this system call")]
fn lower_priority() {
    const NICE: libc::c_int = 5;
    // SAFETY: the call takes no pointers, and 0 is the calling thread. A failure leaves the priority as it was.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
}

/// On other systems the call would lower the priority of the whole process.
#[cfg(not(target_os = "linux"))]
const fn lower_priority() {}
