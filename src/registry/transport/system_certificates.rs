//! The certificates of the system.
//!
//! Where they lie is found out when the client is made, because that asks the environment, which a host may change
//! while a thread of the library runs.

#[cfg(not(any(windows, target_vendor = "apple")))]
use std::path::PathBuf;

use rustls::pki_types::CertificateDer;
use rustls_native_certs::load_certs_from_paths;
#[cfg(any(windows, target_vendor = "apple"))]
use rustls_native_certs::load_native_certs;

/// Files and folders.
#[cfg(not(any(windows, target_vendor = "apple")))]
#[derive(Debug, Clone)]
pub(super) struct SystemCertificates {
    file: Option<PathBuf>,
    folders: Vec<PathBuf>,
}

#[cfg(not(any(windows, target_vendor = "apple")))]
impl SystemCertificates {
    pub(super) fn find() -> Self {
        let found = openssl_probe::probe();
        Self {
            file: found.cert_file,
            folders: found.cert_dir,
        }
    }

    /// Loads them; none if the system has none.
    pub(super) fn load(&self) -> Vec<CertificateDer<'static>> {
        let mut all = load_certs_from_paths(self.file.as_deref(), None).certs;
        for folder in &self.folders {
            all.extend(load_certs_from_paths(None, Some(folder)).certs);
        }
        // A folder usually has what the file has.
        all.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
        all.dedup();
        all
    }
}

/// Those of the system's store.
#[cfg(any(windows, target_vendor = "apple"))]
#[derive(Debug, Clone)]
pub(super) struct SystemCertificates {
    /// `SSL_CERT_FILE` is set but empty, which rustls-native-certs takes for a file.
    has_empty_variable: bool,
}

#[cfg(any(windows, target_vendor = "apple"))]
impl SystemCertificates {
    pub(super) fn find() -> Self {
        let variable = std::env::var_os("SSL_CERT_FILE");
        Self {
            has_empty_variable: variable.is_some_and(|value| value.is_empty()),
        }
    }

    /// Loads them; none if the system has none.
    pub(super) fn load(&self) -> Vec<CertificateDer<'static>> {
        if self.has_empty_variable {
            let places = openssl_probe::probe();
            let mut all = load_certs_from_paths(places.cert_file.as_deref(), None).certs;
            for folder in &places.cert_dir {
                all.extend(load_certs_from_paths(None, Some(folder)).certs);
            }
            return all;
        }
        load_native_certs().certs
    }
}
