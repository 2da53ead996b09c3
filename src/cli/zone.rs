//! The time zone of this process, as the system's own programs know it.

use chrono::{DateTime, FixedOffset, Utc};

/// How far the clocks of the zone are ahead at this time; `None` if the zone cannot be told.
///
/// Asked of the C library, which reads all that `TZ` may hold: rules with hours from -167 to 167, `:path`, and
/// names below `TZDIR`.
#[cfg(unix)]
pub(super) fn offset(time: DateTime<Utc>) -> Option<FixedOffset> {
    #[expect(
        clippy::allow_attributes,
        reason = "the type of a time differs between systems"
    )]
    #[allow(clippy::useless_conversion, reason = "of 32 bits on some systems")]
    let seconds = libc::time_t::try_from(time.timestamp()).ok()?;
    #[expect(unsafe_code, reason = "one call of the system's")]
    // SAFETY: all zeros is a valid structure, and only read after the call has filled it.
    let found = unsafe {
        let mut found: libc::tm = std::mem::zeroed();
        (!libc::localtime_r(&raw const seconds, &raw mut found).is_null()).then_some(found)
    };
    FixedOffset::east_opt(found?.tm_gmtoff.try_into().ok()?)
}

#[cfg(not(unix))]
pub(super) fn offset(time: DateTime<Utc>) -> Option<FixedOffset> {
    use chrono::{Offset, TimeZone};
    let zone = chrono::Local.offset_from_utc_datetime(&time.naive_utc());
    Some(zone.fix())
}
