//! TLS trusts the system's certificates; `SSL_CERT_FILE` and `NODE_EXTRA_CA_CERTS` name more.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use skillsmith_test_registry::{Catalogue, Options, Server};

/// Creates a certificate authority that is not trusted yet, writes its certificate to `file`, and
/// returns the configuration of a server.
fn authority(file: &Path) -> ServerConfig {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(file, issuer.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".into()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap()
}

/// Terminates TLS and forwards requests, one connection per request. Returns its port.
fn terminate_tls(config: ServerConfig, server: &Server) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (config, behind) = (Arc::new(config), server.port());
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || {
                let mut tls =
                    StreamOwned::new(ServerConnection::new(config).unwrap(), client.unwrap());
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") {
                    // A client that does not trust the certificate disconnects here.
                    if tls.read(&mut byte).unwrap_or(0) == 0 {
                        return;
                    }
                    head.push(byte[0]);
                }
                let mut server = TcpStream::connect(("127.0.0.1", behind)).unwrap();
                server.write_all(&head).unwrap();
                _ = std::io::copy(&mut server, &mut tls);
                tls.conn.send_close_notify();
                _ = tls.flush();
            });
        }
    });
    port
}

#[test]
fn certificates_come_from_where_the_environment_says() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authority.pem");
    // Closes the connection after each response, so that the proxy sees its end.
    let server = Server::start(
        Catalogue::generate(250, 1),
        Options {
            keep_alive: false,
            ..Options::default()
        },
    );
    let port = terminate_tls(authority(&file), &server);
    let sync = |variables: &[(&str, &Path)]| {
        Command::new(env!("CARGO_BIN_EXE_skillsmith"))
            .args(["sync", "--db"])
            .arg(folder.path().join("skills.db"))
            .env_clear()
            .env("SKILLSMITH_API_URL", format!("https://localhost:{port}/v1"))
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    };
    let trusted = sync(&[("SSL_CERT_FILE", &file)]);
    assert!(
        trusted.status.success(),
        "{}",
        String::from_utf8_lossy(&trusted.stderr)
    );
    assert_eq!(
        String::from_utf8_lossy(&trusted.stdout),
        "Synced 250 skills (250 new, 0 updated)\n"
    );
    let in_addition = sync(&[("NODE_EXTRA_CA_CERTS", &file)]);
    assert!(
        in_addition.status.success(),
        "{}",
        String::from_utf8_lossy(&in_addition.stderr)
    );
    // What is empty is not set, and takes nothing away.
    let empty = Path::new("");
    let with_empty = sync(&[
        ("SSL_CERT_FILE", empty),
        ("SSL_CERT_DIR", empty),
        ("NODE_EXTRA_CA_CERTS", &file),
    ]);
    assert!(
        with_empty.status.success(),
        "{}",
        String::from_utf8_lossy(&with_empty.stderr)
    );
    let stranger = sync(&[]);
    assert_eq!(stranger.status.code(), Some(1));
    let said = String::from_utf8_lossy(&stranger.stderr);
    assert!(said.contains("certificate"), "{said}");
}
