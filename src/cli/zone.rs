//! The time zone of this process, as the system's own programs know it.

#[cfg(unix)]
use std::ffi::OsStr;
#[cfg(unix)]
use std::os::unix::ffi::OsStrExt;
#[cfg(unix)]
use std::path::Path;

use chrono::{DateTime, FixedOffset, Utc};

/// How far the clocks of the zone are ahead at this time; `None` if the zone cannot be told.
///
/// Asked of the C library, which reads all that `TZ` may hold: rules with hours from -167 to 167, `:path`, and
/// names below `TZDIR`. What is not a regular file is not asked for.
#[cfg(unix)]
pub(super) fn offset(time: DateTime<Utc>) -> Option<FixedOffset> {
    // The C library opens whatever the variables name, and waits where that is a pipe or a terminal.
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    is_readable(variable("TZ").as_deref(), variable("TZDIR").as_deref())
        .then(|| offset_of_system(time))?
}

/// Where systems keep their zones: glibc, musl and macOS.
#[cfg(unix)]
const FOLDERS: [&str; 5] = [
    "/usr/share/zoneinfo",
    "/share/zoneinfo",
    "/etc/zoneinfo",
    "/usr/lib/zoneinfo",
    "/var/db/timezone/zoneinfo",
];

/// Whether each file that the C library might read for a zone is a regular one, or missing.
#[cfg(unix)]
fn is_readable(zone: Option<&OsStr>, folder: Option<&OsStr>) -> bool {
    let Some(zone) = zone else {
        return is_file_or_missing(Path::new("/etc/localtime"));
    };
    let zone = OsStr::from_bytes(
        zone.as_bytes()
            .strip_prefix(b":")
            .unwrap_or(zone.as_bytes()),
    );
    // The second has the rules of a zone that names none.
    [zone, OsStr::new("posixrules")].into_iter().all(|name| {
        let folders = folder.into_iter().map(Path::new);
        let mut folders = folders.chain(FOLDERS.map(Path::new));
        folders.all(|folder| is_file_or_missing(&folder.join(name)))
    })
}

/// A folder cannot be read, so that nobody waits for it.
#[cfg(unix)]
fn is_file_or_missing(path: &Path) -> bool {
    path.metadata()
        .map_or(true, |found| found.is_file() || found.is_dir())
}

#[cfg(unix)]
fn offset_of_system(time: DateTime<Utc>) -> Option<FixedOffset> {
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
