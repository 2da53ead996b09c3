//! The status of a call.
//!
//! The build script generates the enumeration from the core's table in `src/error/code.rs`.

use std::ffi::CStr;

use skillsmith_sync::ErrorCode;

include!(concat!(env!("OUT_DIR"), "/status.rs"));

impl skillsmith_status {
    /// The status of a code.
    pub(crate) fn of(code: ErrorCode) -> Self {
        // Every code has one: both come from the same table.
        Self::known(code.number()).unwrap_or(Self::SKILLSMITH_INTERNAL)
    }

    /// The status with this number, if there is one.
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
