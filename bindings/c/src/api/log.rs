//! A function of the host that is given messages for its log.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use skillsmith_sync::{LogLevel, LogMessage};

use crate::ffi::error::readable;
use crate::ffi::user_data::UserData;

/// How important a message is. A later version may have more levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum skillsmith_log_level {
    /// Something failed.
    SKILLSMITH_LOG_WARNING = 1,
    /// The beginning and end of a sync, and waits.
    SKILLSMITH_LOG_INFO = 2,
    /// Every request, page and batch.
    SKILLSMITH_LOG_DEBUG = 3,
}

impl From<LogLevel> for skillsmith_log_level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Warning => Self::SKILLSMITH_LOG_WARNING,
            LogLevel::Info => Self::SKILLSMITH_LOG_INFO,
            _ => Self::SKILLSMITH_LOG_DEBUG,
        }
    }
}

/// Called with a message for the host's log. `target` is what it is about, "http" or "sync";
/// `message` is one line for a person, which may change between versions. Both are UTF-8 and
/// valid until the callback returns; do not free them. None contains a credential.
///
/// Called on the thread that creates the client, on that of each request (in a sync, a
/// thread of the library), and on that of the sync: on several at once. It should return
/// soon, and may call any function of this library: no lock is held and no transaction is
/// open.
pub type skillsmith_log_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        level: skillsmith_log_level,
        target: *const c_char,
        message: *const c_char,
    ),
>;

/// The callback as the core calls it, and the user data, which lives as long.
pub(crate) fn log_of(
    callback: skillsmith_log_callback,
    user_data: UserData,
) -> Option<(impl Fn(&LogMessage<'_>) + Send + Sync, Arc<UserData>)> {
    let callback = callback?;
    let user_data = Arc::new(user_data);
    let kept = Arc::clone(&user_data);
    let call = move |message: &LogMessage<'_>| {
        let (target, text) = (readable(message.target), readable(message.text));
        let level = message.level.into();
        // SAFETY: the host's function, with what its type says.
        unsafe { callback(kept.pointer(), level, target.as_ptr(), text.as_ptr()) };
    };
    Some((call, user_data))
}
