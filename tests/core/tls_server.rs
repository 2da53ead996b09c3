//! A TLS server in front of a plain one, and certificates of every kind.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, SanType,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
};

/// A certificate for a server, with its key, and what a client has to trust (PEM).
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: KeyPair,
    pub authority: String,
    /// The server's own certificate.
    pub itself: String,
}

fn params(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned(), "127.0.0.1".to_owned()]).unwrap()
}

impl Identity {
    /// Signed by an authority of its own.
    pub fn signed(name: &str) -> Self {
        Self::of(&params(name))
    }

    /// The same, valid between these days.
    pub fn valid(name: &str, from: (i32, u8, u8), to: (i32, u8, u8)) -> Self {
        let mut params = params(name);
        params.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
        params.not_after = rcgen::date_time_ymd(to.0, to.1, to.2);
        Self::of(&params)
    }

    /// Signed by an authority that is itself valid between these days.
    pub fn of_authority_valid(name: &str, from: (i32, u8, u8), to: (i32, u8, u8)) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
        authority.not_after = rcgen::date_time_ymd(to.0, to.1, to.2);
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self::issued_by(authority, &params(name))
    }

    /// For names of hosts only, whatever they look like.
    pub fn for_hosts(names: &[&str]) -> Self {
        let mut params = CertificateParams::default();
        let names = names.iter().map(|name| (*name).try_into().unwrap());
        params.subject_alt_names = names.map(SanType::DnsName).collect();
        Self::of(&params)
    }

    /// For people only, by their addresses.
    pub fn for_people(names: &[&str]) -> Self {
        let mut params = CertificateParams::default();
        let names = names.iter().map(|name| (*name).try_into().unwrap());
        params.subject_alt_names = names.map(SanType::Rfc822Name).collect();
        Self::of(&params)
    }

    /// For another purpose than to be a server.
    pub fn of_client(name: &str) -> Self {
        let mut params = params(name);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ClientAuth,
            ExtendedKeyUsagePurpose::CodeSigning,
        ];
        Self::of(&params)
    }

    /// Signed with an authority's key on the curve P-521, and this digest.
    pub fn signed_with_p_521(name: &str, digest: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let request = params(name).serialize_request(&key).unwrap();
        std::fs::write(folder.path().join("request"), request.pem().unwrap()).unwrap();
        let of_authority = format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:secp521r1 -nodes -subj /CN=P-521 -days 2 {digest} -keyout key -out authority"
        );
        let of_server = format!(
            "x509 -req -in request -CA authority -CAkey key -CAcreateserial -days 2 -copy_extensions copy {digest} -out server"
        );
        for arguments in [of_authority, of_server] {
            openssl(folder.path(), &arguments);
        }
        let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
        let itself = read("server");
        Self {
            certificate: CertificateDer::from_pem_slice(itself.as_bytes()).unwrap(),
            key,
            authority: read("authority"),
            itself,
        }
    }

    fn of(params: &CertificateParams) -> Self {
        Self::issued(params, IsCa::Ca(BasicConstraints::Unconstrained))
    }

    /// Signed with the key of a certificate that is only a server's: marked as such, or not marked.
    pub fn signed_by_a_server(name: &str, is_marked: bool) -> Self {
        let kind = if is_marked {
            IsCa::ExplicitNoCa
        } else {
            IsCa::NoCa
        };
        Self::issued(&params(name), kind)
    }

    fn issued(params: &CertificateParams, kind: IsCa) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = kind;
        Self::issued_by(authority, params)
    }

    fn issued_by(mut authority: CertificateParams, params: &CertificateParams) -> Self {
        authority.distinguished_name.push(
            DnType::CommonName,
            format!("Authority of {:?}", params.subject_alt_names),
        );
        let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        Self {
            certificate: certificate.der().clone(),
            key,
            authority: issuer.pem(),
            itself: certificate.pem(),
        }
    }

    /// Signed by itself; as an authority, as `openssl req -x509` makes it, or not.
    pub fn self_signed(name: &str, is_authority: bool) -> Self {
        let mut params = params(name);
        if is_authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            certificate: certificate.der().clone(),
            key,
            authority: certificate.pem(),
            itself: certificate.pem(),
        }
    }

    /// The certificate in DER form.
    pub fn der(&self) -> &[u8] {
        &self.certificate
    }

    /// Starts a TLS server that passes everything on to `behind`. Returns its port.
    pub fn in_front_of(&self, behind: SocketAddr) -> u16 {
        self.serve(behind, rustls::ALL_VERSIONS, false)
    }

    /// The same, of this version of TLS only, for clients that have a certificate of their own.
    pub fn for_known_clients(
        &self,
        behind: SocketAddr,
        version: &'static SupportedProtocolVersion,
    ) -> u16 {
        self.serve(behind, &[version], true)
    }

    fn serve(
        &self,
        behind: SocketAddr,
        versions: &[&'static SupportedProtocolVersion],
        wants_certificate: bool,
    ) -> u16 {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .unwrap();
        let config = if wants_certificate {
            let mut roots = RootCertStore::empty();
            let authority = CertificateDer::from_pem_slice(self.authority.as_bytes()).unwrap();
            roots.add(authority).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            config.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            config.with_no_client_auth()
        };
        let config = config
            .with_single_cert(
                vec![self.certificate.clone()],
                PrivateKeyDer::try_from(self.key.serialize_der()).unwrap(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = Arc::new(config);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let tls = StreamOwned::new(connection, client);
                std::thread::spawn(move || _ = pump(tls, behind));
            }
        });
        port
    }
}

/// A server that answers each hello with a fatal alert of TLS. Returns its port.
pub fn alerting(description: u8) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            _ = client.read(&mut [0; 4096]);
            _ = client.write_all(&[21, 3, 3, 0, 2, 2, description]);
            // What is closed with unread bytes is reset, and the alert with it.
            _ = client.shutdown(std::net::Shutdown::Write);
            _ = client.read(&mut [0; 4096]);
        }
    });
    port
}

/// Runs openssl in a folder.
pub fn openssl(folder: &Path, arguments: &str) {
    let mut command = Command::new("openssl");
    let ended = command.args(arguments.split(' ')).current_dir(folder);
    let ended = ended.output().expect("this test needs the program openssl");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "openssl {arguments}: {said}");
}

/// Copies both ways, in turns.
fn pump(
    mut tls: StreamOwned<ServerConnection, TcpStream>,
    behind: SocketAddr,
) -> std::io::Result<()> {
    // A client that does not trust the certificate leaves here.
    while tls.conn.is_handshaking() {
        if let Err(error) = tls.conn.complete_io(&mut tls.sock) {
            // A client that is still sending loses the alert, if the connection is closed with bytes that were not read.
            _ = tls.sock.shutdown(std::net::Shutdown::Write);
            while matches!(tls.sock.read(&mut [0; 4096]), Ok(amount) if amount > 0) {}
            return Err(error);
        }
    }
    let mut server = TcpStream::connect(behind)?;
    let turn = Some(Duration::from_millis(2));
    tls.sock.set_read_timeout(turn)?;
    server.set_read_timeout(turn)?;
    let mut bytes = [0; 16 * 1024];
    loop {
        match read(&mut tls, &mut bytes)? {
            Some(0) => return Ok(()),
            Some(amount) => server.write_all(&bytes[..amount])?,
            None => {}
        }
        match read(&mut server, &mut bytes)? {
            Some(0) => {
                tls.conn.send_close_notify();
                return tls.flush();
            }
            Some(amount) => tls.write_all(&bytes[..amount])?,
            None => {}
        }
    }
}

/// `None` if nothing came in this turn.
fn read(from: &mut impl Read, bytes: &mut [u8]) -> std::io::Result<Option<usize>> {
    match from.read(bytes) {
        Ok(amount) => Ok(Some(amount)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
