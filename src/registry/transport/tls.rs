//! TLS over another connection.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, KeyProvider};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::sign::SigningKey;
use rustls::{AlertDescription, ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use ureq::unversioned::transport::{
    Buffers, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

use super::failure::Failure;
use super::proxy::Target;
use super::verifier::{self, KEYS, Verifier};
use crate::{Error, Result};

/// No client of ours has a certificate, so that the code that signs need not be linked.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(
        &self,
        _: PrivateKeyDer<'static>,
    ) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("private keys are not used".into()))
    }
}

/// A configuration with these authorities.
pub(super) fn config(
    roots: RootCertStore,
    verifier: impl FnOnce(Arc<WebPkiServerVerifier>) -> Verifier,
) -> Result<Tls> {
    let provider = Arc::new(CryptoProvider {
        key_provider: &NoKeys,
        ..rustls::crypto::ring::default_provider()
    });
    let internal = |error: String| Error::Internal(format!("TLS cannot be set up: {error}"));
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|error| internal(error.to_string()))?;
    let verifier = verifier(inner);
    let pin = verifier.pin.clone();
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| internal(error.to_string()))?
        // The verifier is rustls' own, and adds what is trusted explicitly.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Tls {
        config: Arc::new(config),
        pin,
    })
}

/// How connections are secured.
#[derive(Debug, Clone)]
pub(super) struct Tls {
    config: Arc<ClientConfig>,
    /// Where the only certificates that are trusted come from, if the environment says so.
    pin: Option<String>,
}

impl Tls {
    /// Wraps a connection to `host`; `whose` says whose certificate it is: "its".
    pub(super) fn wrap(
        &self,
        mut stream: TransportAdapter,
        host: &Target,
        whose: &str,
    ) -> Result<Secured, ureq::Error> {
        let name = ServerName::try_from(host.name.clone()).map_err(|_| {
            Failure::new(format!("{} is not a name that TLS can verify.", host.name))
        })?;
        let mut connection = ClientConnection::new(Arc::clone(&self.config), name)
            .map_err(|error| self.failure(whose, error))?;
        connection.complete_io(&mut stream).map_err(|error| {
            match error.downcast::<rustls::Error>() {
                Ok(error) => self.failure(whose, error).into(),
                Err(error) => ureq::Error::from(error),
            }
        })?;
        Ok(Secured {
            stream: StreamOwned::new(connection, stream),
            buffers: buffers(),
        })
    }

    fn failure(&self, whose: &str, error: rustls::Error) -> Failure {
        use rustls::Error as Bad;
        let words = match &error {
            Bad::InvalidCertificate(error) => {
                let words = verifier::in_words(error, self.pin.as_deref());
                format!("{whose} certificate {words}")
            }
            Bad::InvalidMessage(_) => format!(
                "{whose} answer is not TLS. Check the address: http:// has no TLS, https:// has."
            ),
            Bad::PeerIncompatible(_) => {
                format!("{whose} version of TLS is not supported: 1.2 and 1.3 are ({error}).")
            }
            Bad::AlertReceived(AlertDescription::CertificateRequired) => format!(
                "{whose} server wants a certificate of this client, which is not supported."
            ),
            Bad::AlertReceived(AlertDescription::ProtocolVersion) => {
                format!("{whose} version of TLS is not supported: 1.2 and 1.3 are.")
            }
            // Before TLS 1.3, OpenSSL says this too where a client has no certificate.
            Bad::AlertReceived(AlertDescription::HandshakeFailure) => format!(
                "{whose} server and this client share no cipher or kind of key ({KEYS} with ECDHE are supported), or the \
                 server wants a certificate of this client, which is not supported."
            ),
            error => format!("{whose} TLS connection could not be set up ({error})."),
        };
        Failure::new(words).with_source(error)
    }
}

/// Buffers of the size that ureq's own transports have.
pub(super) fn buffers() -> LazyBuffers {
    const SIZE: usize = 128 * 1024;
    LazyBuffers::new(SIZE, SIZE)
}

/// A connection with TLS.
pub(super) struct Secured {
    stream: StreamOwned<ClientConnection, TransportAdapter>,
    buffers: LazyBuffers,
}

impl Transport for Secured {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        self.stream.write_all(&self.buffers.output()[..amount])?;
        Ok(self.stream.flush()?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        let amount = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl std::fmt::Debug for Secured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secured").finish_non_exhaustive()
    }
}
