//! Files with certificates, and those that look like one.

use std::borrow::Cow;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::encoding;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The end of the line before a certificate, and of the one behind it.
const LABEL: &[u8] = b" CERTIFICATE-----";

/// Its older form, which OpenSSL reads too.
const OLD_LABEL: &[u8] = b" X509 CERTIFICATE-----";

/// The certificates of a file in PEM form.
pub(super) fn certificates(text: &[u8]) -> Vec<CertificateDer<'static>> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let text = with_usual_labels(text);
    CertificateDer::pem_slice_iter(&text).flatten().collect()
}

fn with_usual_labels(text: &[u8]) -> Cow<'_, [u8]> {
    let mut usual = Vec::new();
    let mut rest = text;
    while let Some(at) = place_of(OLD_LABEL, rest) {
        usual.extend_from_slice(&rest[..at]);
        usual.extend_from_slice(LABEL);
        rest = &rest[at + OLD_LABEL.len()..];
    }
    if usual.is_empty() {
        return text.into();
    }
    usual.extend_from_slice(rest);
    usual.into()
}

fn place_of(part: &[u8], text: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// Why certificates in a file would be passed over in silence, if they would.
pub(super) fn passed_over(text: &[u8]) -> Option<Cow<'static, str>> {
    // What such a certificate is trusted for stands behind it, and may be anything but TLS.
    const WITH_SETTINGS: &[u8] = b"-----BEGIN TRUSTED CERTIFICATE-----";
    const PKCS_7: &[u8] = b"-----BEGIN PKCS7-----";
    if let Some(encoding) = encoding::other_than_utf_8(text) {
        return Some(format!("its text is {encoding} and must be UTF-8").into());
    }
    let words = if is_der(text) && webpki::anchor_from_trusted_cert(&text.into()).is_ok() {
        "it is in DER form, which `openssl x509 -inform der -in OLD -out NEW` converts"
    } else if is_der(text) {
        "it is in DER form and not a certificate. From PKCS #12, `openssl pkcs12 -nokeys -in OLD -out NEW` extracts the \
         certificates, and from PKCS #7 `openssl pkcs7 -inform der -print_certs -in OLD -out NEW`"
    } else if place_of(WITH_SETTINGS, text).is_some() {
        "it has a certificate with OpenSSL's settings of trust (BEGIN TRUSTED CERTIFICATE), \
         which `openssl x509` converts to a usual one"
    } else if place_of(PKCS_7, text).is_some() {
        "it has certificates in the form PKCS #7 (BEGIN PKCS7), from which `openssl pkcs7 -print_certs -in OLD -out NEW` extracts them"
    } else {
        return None;
    };
    Some(words.into())
}

/// Whether it begins as a sequence of DER that has more than 127 bytes. No text begins so.
fn is_der(text: &[u8]) -> bool {
    matches!(text, [0x30, 0x81..=0x84, ..])
}
