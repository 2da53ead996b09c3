//! The certificates that are trusted.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, Der, TrustAnchor};

use super::pem;
use super::system_certificates::SystemCertificates;
use super::tls::{self, Tls};
use super::verifier::{self, Outdated, Role, Verifier};
use crate::environment::Environment;
use crate::{Error, Result, own_file};

const FILE: &str = "SSL_CERT_FILE";
const FOLDER: &str = "SSL_CERT_DIR";
const EXTRA: &str = "NODE_EXTRA_CA_CERTS";

/// What is larger is not a certificate that lies in a folder of them; a system's own file has 0.3 MB.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Where the environment says that certificates are. An empty variable counts as not set.
#[derive(Debug, Clone)]
pub(super) struct CertificateSources {
    file: Option<OsString>,
    folders: Option<OsString>,
    extra: Option<OsString>,
    system: SystemCertificates,
}

impl CertificateSources {
    pub(super) fn of_environment(environment: &Environment) -> Self {
        Self {
            file: environment.raw(FILE),
            folders: environment.raw(FOLDER),
            extra: environment.raw(EXTRA),
            system: SystemCertificates::find(),
        }
    }

    /// Reads them and makes a TLS configuration that trusts them.
    ///
    /// # Errors [`Error::InvalidArgument`] if a variable names a file that has no certificate.
    pub(super) fn tls(&self) -> Result<Tls> {
        let mut certificates = self.named()?.unwrap_or_else(|| self.system.load());
        let extra = self.extra()?;
        let (roots, outdated) = roots(&certificates, &extra);
        certificates.extend(extra);
        let pin = self.file.as_ref().map(|path| (FILE, path));
        let pin = pin.or_else(|| self.folders.as_ref().map(|path| (FOLDER, path)));
        let pin = pin.map(|(name, path)| format!("{name} ({})", path.display()));
        tls::config(roots, |inner| {
            Verifier::new(inner, certificates, outdated, pin)
        })
    }

    /// What is trusted instead of the system's certificates.
    fn named(&self) -> Result<Option<Vec<CertificateDer<'static>>>> {
        if self.file.is_none() && self.folders.is_none() {
            return Ok(None);
        }
        let mut certificates = Vec::new();
        if let Some(path) = &self.file {
            certificates.extend(of_file(FILE, path)?);
        }
        if let Some(list) = &self.folders {
            certificates.extend(of_folders(list)?);
        }
        Ok(Some(certificates))
    }

    /// What is trusted in addition.
    fn extra(&self) -> Result<Vec<CertificateDer<'static>>> {
        let extra = self.extra.as_ref().map(|path| of_file(EXTRA, path));
        Ok(extra.transpose()?.unwrap_or_default())
    }

    /// Reads them, and says how many are trusted and which variable names them.
    ///
    /// # Errors As [`tls`](Self::tls).
    #[cfg(feature = "cli")]
    pub(super) fn describe(&self) -> Result<Vec<(String, Option<&'static str>)>> {
        let from = |found: &[_], path: &OsStr| format!("{} from {}", found.len(), path.display());
        let mut parts = Vec::new();
        if let Some(path) = &self.file {
            parts.push((from(&of_file(FILE, path)?, path), Some(FILE)));
        }
        if let Some(list) = &self.folders {
            parts.push((from(&of_folders(list)?, list), Some(FOLDER)));
        }
        if parts.is_empty() {
            parts.push(match self.system.load().len() {
                0 => ("Mozilla's, because the system has none".into(), None),
                found => (format!("{found} from the system"), None),
            });
        }
        if let Some(path) = &self.extra {
            parts.push((from(&self.extra()?, path), Some(EXTRA)));
        }
        Ok(parts)
    }
}

/// The authorities, and those that would be if they had not expired. Bundled ones take the place of a system's
/// that has none.
fn roots(
    base: &[CertificateDer<'static>],
    extra: &[CertificateDer<'static>],
) -> (RootCertStore, Vec<Outdated>) {
    let (mut roots, mut outdated) = (RootCertStore::empty(), Vec::new());
    if base.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    for certificate in base.iter().chain(extra) {
        match verifier::role(certificate) {
            Role::Authority => _ = roots.add_parsable_certificates([certificate.clone()]),
            Role::Outdated(why) => outdated.push(Outdated {
                certificate: certificate.clone(),
                why,
            }),
            Role::Server => {}
        }
    }
    if roots.is_empty() {
        roots.roots.push(nobody());
    }
    (roots, outdated)
}

/// An authority that has issued nothing, since rustls wants one: only single certificates are trusted.
fn nobody() -> TrustAnchor<'static> {
    TrustAnchor {
        subject: Der::from_slice(b"nobody"),
        subject_public_key_info: Der::from_slice(b""),
        name_constraints: None,
    }
}

fn of_file(name: &str, path: &OsStr) -> Result<Vec<CertificateDer<'static>>> {
    let bytes = own_file::read_regular(Path::new(path), LARGEST)
        .map_err(|error| unusable(name, path, &error.to_string()))?;
    if let Some(why) = pem::passed_over(&bytes) {
        return Err(unusable(name, path, &why));
    }
    usable(pem::certificates(&bytes), name, path)
}

fn of_folders(list: &OsStr) -> Result<Vec<CertificateDer<'static>>> {
    let (mut all, mut missing, mut any) = (Vec::new(), None, false);
    for folder in std::env::split_paths(list).filter(|folder| !folder.as_os_str().is_empty()) {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                missing.get_or_insert(unusable(FOLDER, folder.as_os_str(), &error.to_string()));
                continue;
            }
        };
        any = true;
        for path in entries.flatten().map(|entry| entry.path()) {
            // What else lies there does not matter.
            if let Ok(text) = own_file::read_regular(&path, LARGEST) {
                all.extend(pem::certificates(&text));
            }
        }
    }
    // One list serves several machines, of which each has other folders of it, as with OpenSSL.
    if let Some(error) = missing.filter(|_| !any) {
        return Err(error);
    }
    // Each has links of other names.
    all.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
    all.dedup();
    usable(all, FOLDER, list)
}

/// At least one of them must be one that rustls can read.
fn usable(
    certificates: Vec<CertificateDer<'static>>,
    name: &str,
    path: &OsStr,
) -> Result<Vec<CertificateDer<'static>>> {
    let (added, _) = RootCertStore::empty().add_parsable_certificates(certificates.iter().cloned());
    if added == 0 {
        return Err(unusable(name, path, "it holds no certificate"));
    }
    Ok(certificates)
}

fn unusable(name: &str, path: &OsStr, why: &str) -> Error {
    let what = if name == FOLDER { "folder" } else { "file" };
    let is_for_shell = path.as_encoded_bytes().starts_with(b"~");
    let hint = if is_for_shell {
        " Only a shell replaces ~, and none has read this: write the whole path."
    } else {
        ""
    };
    Error::InvalidArgument(format!(
        "{name} names {}, which cannot be used: {why}.{hint} \
         Name a {what} with certificates in PEM form, or unset {name}.",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_certificates_count_on_a_system_without_any() {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let extra = [params.self_signed(&key).unwrap().der().clone()];
        let bundled = roots(&[], &[]).0.len();
        assert!(bundled > 0);
        assert_eq!(roots(&[], &extra).0.len(), bundled + 1);
        // Named certificates are not mixed with others.
        assert_eq!(roots(&extra, &[]).0.len(), 1);
    }
}
