//! The command line `skillsmith`, for the `bin` of the package.

use napi_derive::napi;
use skillsmith_sync::CancelToken;
use skillsmith_sync::cli::{self, Terminal};

use crate::boundary::{Result, boundary};
use crate::event::TaskEvent;
use crate::task::{Listener, start};
use crate::variables::{Variables, environment};

/// A running command.
#[napi]
pub struct NativeCommand {
    cancel: CancelToken,
}

#[napi]
impl NativeCommand {
    /// Starts a command. Its last event has the exit code. The first argument is the name of the program.
    #[napi(factory)]
    pub fn start(
        arguments: Vec<String>,
        variables: Variables,
        #[napi(ts_arg_type = "(event: TaskEvent) => void")] listener: Listener<'_>,
    ) -> Result<Self> {
        boundary(|| {
            let command = Self {
                cancel: CancelToken::new(),
            };
            let environment = environment(variables);
            start(&listener, true, &command.cancel, move |_, cancel| {
                let terminal = Terminal {
                    cancel,
                    environment,
                    ..Terminal::of_process()
                };
                let arguments = arguments.into_iter().map(Into::into);
                Ok(TaskEvent::Exit {
                    exit_code: cli::run(arguments, &terminal).into(),
                })
            })?;
            Ok(command)
        })
    }

    /// Asks the command to stop at the next safe point.
    #[napi]
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}
