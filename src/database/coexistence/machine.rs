//! System calls that tell one running system from another.
#![expect(unsafe_code, reason = "system calls")]

use std::ffi::CStr;

/// The name of this host; may be empty.
pub(in crate::database) fn host_name() -> String {
    let mut name = [0_u8; 256];
    // One byte less, so that the name ends with a zero even if it was cut.
    // SAFETY: a buffer of our own, of at least this size.
    let outcome = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) };
    match CStr::from_bytes_until_nul(&name) {
        Ok(name) if outcome == 0 => name.to_string_lossy().into_owned(),
        _ => String::new(),
    }
}

/// A name of this start of the kernel, which its containers share; empty where the system has none.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(in crate::database) fn boot_id() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    id.unwrap_or_default().trim().to_owned()
}

#[cfg(target_vendor = "apple")]
pub(in crate::database) fn boot_id() -> String {
    let mut id = [0_u8; 64];
    let mut size = id.len() - 1;
    let name = c"kern.bootsessionuuid".as_ptr();
    // SAFETY: a C string, and a buffer of our own with its size; nothing is set.
    let outcome = unsafe {
        libc::sysctlbyname(
            name,
            id.as_mut_ptr().cast(),
            &raw mut size,
            std::ptr::null_mut(),
            0,
        )
    };
    match CStr::from_bytes_until_nul(&id) {
        Ok(id) if outcome == 0 => id.to_string_lossy().into_owned(),
        _ => String::new(),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(in crate::database) const fn boot_id() -> String {
    String::new()
}
