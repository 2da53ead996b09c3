//! Whether the certificate of a server is trusted, and why not.

use std::error::Error as StdError;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, OtherError, SignatureScheme};
use webpki::{EndEntityCert, KeyUsage};

/// As rustls verifies, and two things more. A server's certificate is accepted that is itself among those that are
/// trusted, whoever has issued it; it may be marked as an authority's, as `openssl req -x509` makes them. And an
/// authority must be valid itself, as in OpenSSL; rustls does not look at its dates.
#[derive(Debug)]
pub(super) struct Verifier {
    inner: Arc<WebPkiServerVerifier>,
    trusted: Vec<CertificateDer<'static>>,
    outdated: Vec<Outdated>,
    /// The variable that names the only certificates that are trusted, and its value.
    pub(super) pin: Option<String>,
}

impl Verifier {
    pub(super) const fn new(
        inner: Arc<WebPkiServerVerifier>,
        trusted: Vec<CertificateDer<'static>>,
        outdated: Vec<Outdated>,
        pin: Option<String>,
    ) -> Self {
        Self {
            inner,
            trusted,
            outdated,
            pin,
        }
    }

    /// What is wrong with the dates of the authority that has issued this certificate, if that is all.
    fn outdated_issuer(
        &self,
        server: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Option<&CertificateError> {
        let server = EndEntityCert::try_from(server).ok()?;
        let provider = rustls::crypto::ring::default_provider();
        let has_issued = |each: &&Outdated| {
            webpki::anchor_from_trusted_cert(&each.certificate).is_ok_and(|anchor| {
                let verified = server.verify_for_usage(
                    provider.signature_verification_algorithms.all,
                    std::slice::from_ref(&anchor),
                    intermediates,
                    now,
                    KeyUsage::server_auth(),
                    None,
                    None,
                );
                verified.is_ok()
            })
        };
        self.outdated.iter().find(has_issued).map(|each| &each.why)
    }
}

/// An authority that is not valid now.
#[derive(Debug)]
pub(super) struct Outdated {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) why: CertificateError,
}

/// The authority of a server's certificate is not valid now. rustls carries it as [`CertificateError::Other`].
#[derive(Debug)]
struct OutdatedIssuer(CertificateError);

impl fmt::Display for OutdatedIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "issuer: {}", self.0)
    }
}

impl StdError for OutdatedIssuer {}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.inner.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verified {
            // The dates are checked before this.
            Err(rustls::Error::InvalidCertificate(error)) if is_of_its_issuer(&error) => {
                if self.trusted.iter().any(|each| each == end_entity) {
                    verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                    return Ok(ServerCertVerified::assertion());
                }
                let outdated = self.outdated_issuer(end_entity, intermediates, now);
                Err(outdated
                    .map_or(error, |why| {
                        let why = OutdatedIssuer(why.clone());
                        CertificateError::Other(OtherError(Arc::new(why)))
                    })
                    .into())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// What a trusted certificate is good for.
pub(super) enum Role {
    /// It may sign others: it is an authority's, or of a version that does not say.
    Authority,
    /// It could if it were valid now.
    Outdated(CertificateError),
    /// It is trusted by itself only.
    Server,
}

/// What a trusted certificate is good for.
///
/// For rustls each certificate that is trusted is an authority, so that whoever has the key of a server that is
/// trusted by itself could pose as any other.
pub(super) fn role(certificate: &CertificateDer<'_>) -> Role {
    let (Ok(itself), Ok(anchor)) = (
        EndEntityCert::try_from(certificate),
        webpki::anchor_from_trusted_cert(certificate),
    ) else {
        return Role::Authority;
    };
    // It is verified as a server's, at a time when it is valid: an authority's is refused then.
    let (mut at, mut wrong) = (UnixTime::now(), None);
    for _ in 0..2 {
        let refused = itself.verify_for_usage(
            &[],
            std::slice::from_ref(&anchor),
            &[],
            at,
            KeyUsage::server_auth(),
            None,
            None,
        );
        (at, wrong) = match refused {
            Err(webpki::Error::CertExpired { time, not_after }) => (
                not_after,
                Some(CertificateError::ExpiredContext { time, not_after }),
            ),
            Err(webpki::Error::CertNotValidYet { time, not_before }) => (
                not_before,
                Some(CertificateError::NotValidYetContext { time, not_before }),
            ),
            Err(webpki::Error::CaUsedAsEndEntity) => {
                return wrong.map_or(Role::Authority, Role::Outdated);
            }
            _ => return Role::Server,
        };
    }
    Role::Server
}

/// Whether a server was refused because of who has issued its certificate, or because it is an authority's.
fn is_of_its_issuer(error: &CertificateError) -> bool {
    matches!(
        error,
        CertificateError::UnknownIssuer | CertificateError::BadSignature
    ) || is_authority(error)
}

/// Whether a server was refused because its certificate is that of an authority.
fn is_authority(error: &CertificateError) -> bool {
    as_webpki(error) == Some(&webpki::Error::CaUsedAsEndEntity)
}

fn as_webpki(error: &CertificateError) -> Option<&webpki::Error> {
    other(error)
}

fn other<E: StdError + 'static>(error: &CertificateError) -> Option<&E> {
    match error {
        CertificateError::Other(other) => other.0.downcast_ref(),
        _ => None,
    }
}

/// Says that a certificate has expired, or is not valid yet.
fn dates(error: &CertificateError) -> String {
    let (words, limit, now) = match error {
        CertificateError::ExpiredContext { time, not_after } => ("expired on", not_after, time),
        CertificateError::NotValidYetContext { time, not_before } => {
            ("is not valid before", not_before, time)
        }
        _ => return String::new(),
    };
    format!(
        "{words} {}; this machine's clock says {}. Check this machine's clock.",
        shown(*limit),
        shown(*now)
    )
}

/// What is wrong with a certificate, and what to do.
pub(super) fn in_words(error: &CertificateError, pin: Option<&str>) -> String {
    use CertificateError as Bad;
    if let Some(OutdatedIssuer(error)) = other(error) {
        return format!(
            "is from an authority whose own certificate {} If it is right, a newer one of that authority must be trusted.",
            dates(error)
        );
    }
    match error {
        Bad::ExpiredContext { .. } | Bad::NotValidYetContext { .. } => {
            format!("{} If it is right, the server needs another certificate.", dates(error))
        }
        Bad::UnknownIssuer => format!(
            "is from an authority that is not trusted. {} If it is trusted, the server does not send its intermediate certificates.",
            trust(pin)
        ),
        Bad::UnsupportedSignatureAlgorithmForPublicKeyContext {
            public_key_algorithm_id: key,
            ..
        } if holds(key, P_521) => of_p_521(),
        // As after an authority was made anew.
        Bad::BadSignature | Bad::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => format!(
            "is from an authority of the same name as a trusted one, with another key, \
             or has an RSA key of fewer than 2,048 bits. {}",
            trust(pin)
        ),
        Bad::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: algorithm,
            ..
        } if holds(algorithm, ECDSA_WITH_SHA_512) => of_p_521(),
        Bad::UnsupportedSignatureAlgorithmContext { .. } => {
            "is signed with an algorithm that is no longer safe, such as SHA-1. The server needs another certificate.".to_owned()
        }
        Bad::NotValidForNameContext {
            expected,
            presented,
        } if presented.iter().all(|name| is_of_no_host(name)) => format!(
            "is not for {}: it names no host (subjectAltName). The server needs one that does.",
            expected.to_str()
        ),
        Bad::NotValidForNameContext {
            expected,
            presented,
        } if names_as_host(presented, &expected.to_str()) => format!(
            "is not for the address {0}: it has that as the name of a host (DNS:{0}), and an address must be an entry of its own kind \
             (IP:{0} in subjectAltName). The server needs another certificate.",
            expected.to_str()
        ),
        Bad::NotValidForNameContext {
            expected,
            presented,
        } => format!(
            "is not for {}, but for {}.",
            expected.to_str(),
            names(presented)
        ),
        Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => {
            "is not for a server: its purposes (extendedKeyUsage) leave serverAuth out. The server needs another certificate.".to_owned()
        }
        error if is_authority(error) => format!(
            "is an authority's own, which is accepted only if it is itself trusted. {}",
            trust(pin)
        ),
        error if as_webpki(error) == Some(&webpki::Error::EndEntityUsedAsCa) => {
            "is signed with a certificate that is not an authority's. The server needs another.".to_owned()
        }
        error if as_webpki(error) == Some(&webpki::Error::UnsupportedCertVersion) => {
            "is of version 1 of X.509, which names no hosts. The server needs one of version 3.".to_owned()
        }
        error => match as_webpki(error) {
            // Not in the form for debugging, as the error itself shows it.
            Some(inner) => format!("is not valid ({inner})."),
            None => format!("is not valid ({error})."),
        },
    }
}

/// How to trust an authority.
fn trust(pin: Option<&str>) -> String {
    let how = "name a file with its certificate (PEM) in NODE_EXTRA_CA_CERTS";
    match pin {
        Some(pin) => {
            format!(
                "Only the certificates of {pin} are trusted. If you trust it too, add it there, or {how}."
            )
        }
        None => format!("If you trust it, {how}, or add it to the system's certificates."),
    }
}

/// The kinds of keys that are supported.
pub(super) const KEYS: &str = "RSA of 2,048 bits and more, P-256, P-384 and Ed25519";

/// In the algorithm of a key, its curve P-521 (RFC 5480).
const P_521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];

/// The algorithm of a signature that OpenSSL makes with such a key (RFC 5758).
const ECDSA_WITH_SHA_512: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04];

fn holds(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn of_p_521() -> String {
    format!(
        "is signed with a key on the curve P-521 or with ECDSA and SHA-512, which are not supported: {KEYS} are. \
         The server needs a certificate of another authority."
    )
}

/// Whether an address is among the names of hosts, where clients do not look for it.
fn names_as_host(presented: &[String], address: &str) -> bool {
    let Ok(address) = address.parse::<IpAddr>() else {
        return false;
    };
    let is_host = |name: &&String| name.starts_with("DnsName(");
    let mut hosts = presented.iter().filter(is_host);
    hosts.any(|host| inner(host).parse() == Ok(address))
}

/// Whether a name is that of a person or something else; webpki gives the number of its kind.
fn is_of_no_host(name: &str) -> bool {
    inner(name).starts_with("0x")
}

/// A name of a certificate; webpki writes `DnsName("host")`.
fn inner(name: &str) -> &str {
    let inner = name.split_once('(').map_or(name, |(_, inner)| inner);
    inner.trim_matches([')', '"'])
}

/// The names of a certificate.
fn names(presented: &[String]) -> String {
    let hosts = || presented.iter().filter(|name| !is_of_no_host(name));
    let names: Vec<_> = hosts().take(3).map(|name| inner(name)).collect();
    match names.as_slice() {
        names if hosts().nth(3).is_some() => format!("{} and others", names.join(", ")),
        names => names.join(", "),
    }
}

fn shown(time: UnixTime) -> String {
    i64::try_from(time.as_secs())
        .ok()
        .and_then(|seconds| DateTime::<Utc>::from_timestamp(seconds, 0))
        .map_or_else(
            || "a time out of range".to_owned(),
            |time| time.format(crate::error::TIME).to_string(),
        )
}
