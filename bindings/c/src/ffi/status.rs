//! What a function returns.
//!
//! The build script makes the enumeration of the core's table, `src/error.rs`, with its texts.

use std::ffi::CStr;

use skillsmith_sync::ErrorCode;

include!(concat!(env!("OUT_DIR"), "/status.rs"));

impl skillsmith_status {
    /// The status of a code.
    pub(crate) fn of(code: ErrorCode) -> Self {
        // Every code has one: both are made of the same table.
        Self::known(code.number()).unwrap_or(Self::SKILLSMITH_INTERNAL)
    }

    /// The status of that number, which may be any.
    pub(crate) fn known(number: i32) -> Option<Self> {
        let mut all = Self::ALL.iter();
        all.find(|(status, _)| *status as i32 == number)
            .map(|(status, _)| *status)
    }

    /// Its name without the prefix, such as `NETWORK_TIMEOUT`.
    pub(crate) fn name(self) -> &'static CStr {
        let mut all = Self::ALL.iter();
        all.find(|(status, _)| *status == self)
            .map_or(c"UNKNOWN", |(_, name)| name)
    }
}
