//! The command line `skillsmith`, for the package's `bin`.

use napi_derive::napi;
use skillsmith_sync::CancelToken;
use skillsmith_sync::cli::{self, Terminal};

use crate::border::{Result, border};
use crate::task::{Listener, TaskEvent, start};
use crate::variables::{Variables, environment};

/// A command under way.
#[napi]
pub struct NativeCommand {
    cancel: CancelToken,
}

#[napi]
impl NativeCommand {
    /// Runs a command; the end of it has the exit code. The first argument is the program's name.
    #[napi(factory)]
    pub fn start(
        arguments: Vec<String>,
        variables: Variables,
        #[napi(ts_arg_type = "(event: TaskEvent) => void")] listener: Listener<'_>,
    ) -> Result<Self> {
        border(|| {
            let command = Self {
                cancel: CancelToken::new(),
            };
            start(&listener, true, &command.cancel, move |_, cancel| {
                let terminal = Terminal {
                    cancel,
                    environment: environment(variables),
                    ..Terminal::of_process()
                };
                let arguments = arguments.into_iter().map(Into::into);
                Ok(TaskEvent {
                    exit_code: Some(cli::run(arguments, &terminal).into()),
                    ..TaskEvent::default()
                })
            })?;
            Ok(command)
        })
    }

    /// Asks the command to stop at a safe place.
    #[napi]
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}
