//! Which certificates are trusted, and what is said of those that are not.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use skillsmith_sync::environment::Environment;
use skillsmith_sync::{ErrorCode, SyncResult};
use skillsmith_test_registry::Options;
use tempfile::TempDir;

use crate::support::{World, assert_success, sync_at, sync_in};
use crate::tls_server::{Identity, alerting, openssl};

struct Secured {
    world: World,
    folder: TempDir,
    /// What a client has to trust.
    file: PathBuf,
    port: u16,
}

impl Secured {
    fn with(identity: &Identity) -> Self {
        let world = World::new(15, Options::default());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("authority.pem");
        std::fs::write(&file, &identity.authority).unwrap();
        let port = identity.in_front_of(([127, 0, 0, 1], world.server.port()).into());
        Self {
            world,
            folder,
            file,
            port,
        }
    }

    fn sync(&self, variables: &[(&str, &Path)]) -> SyncResult {
        self.sync_from("localhost", variables)
    }

    fn sync_from(&self, host: &str, variables: &[(&str, &Path)]) -> SyncResult {
        let url = format!("https://{host}:{}/v1", self.port);
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, path)| ((*name).to_owned(), path.as_os_str().to_owned()))
            .collect();
        let environment = Environment::from_os(move |name| {
            let known = variables.iter().find(|(known, _)| known == name);
            known.map(|(_, path)| path.clone())
        });
        sync_in(&self.world, &url, &environment)
    }

    /// What is said when a certificate is refused.
    fn complaint(&self, variables: &[(&str, &Path)]) -> String {
        let result = self.sync(variables);
        assert_eq!(result.code, Some(ErrorCode::Unhealthy), "{result:?}");
        result.errors[0].clone()
    }
}

#[test]
fn an_authority_is_trusted_from_every_variable() {
    let secured = Secured::with(&Identity::signed("localhost"));
    let file = secured.file.as_path();
    let folder = secured.folder.path();
    std::fs::write(
        folder.join("README"),
        "What else lies there does not matter.",
    )
    .unwrap();
    assert_success(&secured.sync(&[("SSL_CERT_FILE", file)]));
    assert_success(&secured.sync(&[("SSL_CERT_DIR", folder)]));
    // One list for several machines.
    let list = std::env::join_paths([Path::new("/nonexistent/certs"), folder]).unwrap();
    assert_success(&secured.sync(&[("SSL_CERT_DIR", Path::new(&list))]));
    assert_success(&secured.sync(&[("NODE_EXTRA_CA_CERTS", file)]));
    secured.world.assert_mirrored();
    // The others are in addition.
    let other = folder.join("other.pem");
    std::fs::write(&other, Identity::signed("other").authority).unwrap();
    assert_success(&secured.sync(&[("SSL_CERT_FILE", &other), ("NODE_EXTRA_CA_CERTS", file)]));
    assert_success(&secured.sync(&[("SSL_CERT_FILE", &other), ("SSL_CERT_DIR", folder)]));
}

#[test]
fn an_unknown_authority_is_told_with_how_to_trust_it() {
    let secured = Secured::with(&Identity::signed("localhost"));
    assert_eq!(
        secured.complaint(&[]),
        "Cannot reach the registry: its certificate is from an authority that is not trusted. If \
         you trust it, name a file with its certificate (PEM) in NODE_EXTRA_CA_CERTS, or add it to \
         the system's certificates. If it is trusted, the server does not send its intermediate certificates."
    );
    let other = secured.folder.path().join("other.pem");
    std::fs::write(&other, Identity::signed("other").authority).unwrap();
    let said = secured.complaint(&[("SSL_CERT_FILE", &other)]);
    let pin = format!(
        "Only the certificates of SSL_CERT_FILE ({}) are trusted.",
        other.display()
    );
    assert!(said.contains(&pin), "{said}");
    // One that was made anew under its old name.
    std::fs::write(&other, Identity::signed("localhost").authority).unwrap();
    let said = secured.complaint(&[("NODE_EXTRA_CA_CERTS", &other)]);
    let words = "its certificate is from an authority of the same name as a trusted one, with another key, or has an RSA key of fewer than 2,048 bits. If";
    assert!(said.contains(words), "{said}");
}

#[test]
fn a_self_signed_certificate_is_accepted_where_it_is_trusted_itself() {
    for is_authority in [true, false] {
        let secured = Secured::with(&Identity::self_signed("localhost", is_authority));
        let file = secured.file.as_path();
        for variable in ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"] {
            assert_success(&secured.sync(&[(variable, file)]));
        }
        assert_success(&secured.sync_from("127.0.0.1", &[("SSL_CERT_FILE", file)]));
        let said = secured.complaint(&[]);
        let words = if is_authority {
            "its certificate is an authority's own, which is accepted only if it is itself trusted. If you trust it, name a file"
        } else {
            "its certificate is from an authority that is not trusted. If you trust it, name a file"
        };
        assert!(said.contains(words), "{said}");
    }
}

/// Otherwise whoever has the key of one server that is trusted could pose as the registry.
#[test]
fn a_servers_certificate_that_is_trusted_signs_no_other() {
    for is_marked in [true, false] {
        let secured = Secured::with(&Identity::signed_by_a_server("localhost", is_marked));
        for variable in ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"] {
            let said = secured.complaint(&[(variable, &secured.file)]);
            let words = "its certificate is from an authority that is not trusted";
            assert!(said.contains(words), "{said}");
        }
    }
}

#[test]
fn a_servers_certificate_may_be_trusted_without_its_authority() {
    let identity = Identity::signed("localhost");
    let secured = Secured::with(&identity);
    std::fs::write(&secured.file, &identity.itself).unwrap();
    for variable in ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"] {
        assert_success(&secured.sync(&[(variable, &secured.file)]));
    }
    let other = Secured::with(&Identity::signed("localhost"));
    let said = other.complaint(&[("SSL_CERT_FILE", &secured.file)]);
    assert!(said.contains("not trusted"), "{said}");
}

#[test]
fn a_trusted_certificate_is_still_for_its_own_name_only() {
    for identity in [
        Identity::self_signed("registry.test", true),
        Identity::self_signed("registry.test", false),
        Identity::signed("registry.test"),
    ] {
        let secured = Secured::with(&identity);
        let said = secured.complaint(&[("SSL_CERT_FILE", &secured.file)]);
        assert_eq!(
            said,
            "Cannot reach the registry: its certificate is not for localhost, but for registry.test, 127.0.0.1."
        );
    }
}

#[test]
fn dates_are_told_with_the_clock_of_this_machine() {
    for (from, to, words) in [
        (
            (2001, 1, 1),
            (2002, 2, 3),
            "its certificate expired on 2002-02-03 00:00:00 UTC; this machine's clock says 2",
        ),
        (
            (2901, 1, 1),
            (2902, 1, 1),
            "its certificate is not valid before 2901-01-01 00:00:00 UTC; this machine's clock says 2",
        ),
    ] {
        let secured = Secured::with(&Identity::valid("localhost", from, to));
        let said = secured.complaint(&[("SSL_CERT_FILE", &secured.file)]);
        assert!(
            said.contains(words) && said.contains("Check this machine's clock."),
            "{said}"
        );
    }
}

/// As in OpenSSL, and so in curl and Node.
#[test]
fn an_authority_must_be_valid_itself() {
    for (from, to, words) in [
        (
            (2001, 1, 1),
            (2002, 2, 3),
            "its certificate is from an authority whose own certificate expired on 2002-02-03 00:00:00 UTC; this machine's clock says 2",
        ),
        (
            (2901, 1, 1),
            (2902, 1, 1),
            "its certificate is from an authority whose own certificate is not valid before 2901-01-01 00:00:00 UTC; this machine's clock says 2",
        ),
    ] {
        let identity = Identity::of_authority_valid("localhost", from, to);
        let secured = Secured::with(&identity);
        let other = secured.folder.path().join("other.pem");
        std::fs::write(&other, Identity::signed("other").authority).unwrap();
        for variables in [
            &[("SSL_CERT_FILE", secured.file.as_path())][..],
            &[("SSL_CERT_DIR", secured.folder.path())],
            &[("NODE_EXTRA_CA_CERTS", &secured.file)],
            &[
                ("SSL_CERT_FILE", &other),
                ("NODE_EXTRA_CA_CERTS", &secured.file),
            ],
        ] {
            let said = secured.complaint(variables);
            assert!(said.contains(words), "{said}");
            let advice = "Check this machine's clock. If it is right, a newer one of that authority must be trusted.";
            assert!(said.contains(advice), "{said}");
        }
        // It does not matter to whom the server itself is trusted, or another authority is asked.
        let said = secured.complaint(&[("SSL_CERT_FILE", &other)]);
        assert!(
            said.contains("from an authority that is not trusted"),
            "{said}"
        );
        std::fs::write(&secured.file, &identity.itself).unwrap();
        assert_success(&secured.sync(&[("SSL_CERT_FILE", &secured.file)]));
    }
}

#[test]
fn a_byte_order_mark_hides_no_certificate() {
    let secured = Secured::with(&Identity::signed("localhost"));
    let text = std::fs::read_to_string(&secured.file).unwrap();
    std::fs::write(&secured.file, format!("\u{feff}{text}")).unwrap();
    for (variable, path) in [
        ("SSL_CERT_FILE", secured.file.as_path()),
        ("NODE_EXTRA_CA_CERTS", &secured.file),
        ("SSL_CERT_DIR", secured.folder.path()),
    ] {
        assert_success(&secured.sync(&[(variable, path)]));
    }
}

#[test]
fn certificates_that_would_be_passed_over_are_an_error() {
    let secured = Secured::with(&Identity::signed("localhost"));
    let text = std::fs::read_to_string(&secured.file).unwrap();
    let folder = secured.folder.path();
    let with_settings = folder.join("trusted.pem");
    let own_form = Identity::signed("other").authority;
    let own_form = own_form.replace(" CERTIFICATE", " TRUSTED CERTIFICATE");
    // Beside a usual one, too.
    std::fs::write(&with_settings, text.clone() + &own_form).unwrap();
    let wide = folder.join("wide.pem");
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    let bytes: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
    std::fs::write(&wide, bytes).unwrap();
    let in_bytes = |name: &str, bytes: Vec<u8>| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    // As a shell of Windows writes it where it is told to leave the mark out.
    let unmarked = text.encode_utf16().flat_map(u16::to_le_bytes);
    let unmarked = in_bytes("unmarked.pem", unmarked.collect());
    let wider = text.chars().map(u32::from).flat_map(u32::to_be_bytes);
    let wider = in_bytes("wider.pem", wider.collect());
    let der = in_bytes("server.der", Identity::signed("other").der().to_vec());
    let to_other_forms = [
        "pkcs12 -export -nokeys -in authority.pem -passout pass: -out store.p12",
        "crl2pkcs7 -nocrl -certfile authority.pem -out list.p7b",
    ];
    for arguments in to_other_forms {
        openssl(folder, arguments);
    }
    for (path, why) in [
        (&unmarked, "its text is UTF-16 and must be UTF-8."),
        (&wider, "its text is UTF-32 and must be UTF-8."),
        (
            &der,
            "it is in DER form, which `openssl x509 -inform der -in OLD -out NEW` converts.",
        ),
        (
            &folder.join("store.p12"),
            "it is in DER form and not a certificate. From PKCS #12, `openssl pkcs12 -nokeys -in OLD -out NEW` extracts the certificates, and from PKCS #7 `",
        ),
        (
            &folder.join("list.p7b"),
            "it has certificates in the form PKCS #7 (BEGIN PKCS7), from which `openssl pkcs7 -print_certs -in OLD -out NEW` extracts them.",
        ),
        (
            &with_settings,
            "it has a certificate with OpenSSL's settings of trust (BEGIN TRUSTED CERTIFICATE), which `openssl x509` converts to a usual one.",
        ),
        (&wide, "its text is UTF-16 and must be UTF-8."),
    ] {
        for variable in ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"] {
            let result = secured.sync(&[(variable, path)]);
            assert_eq!(result.code, Some(ErrorCode::InvalidArgument), "{result:?}");
            let words = format!(
                "{variable} names {}, which cannot be used: {why}",
                path.display()
            );
            assert!(result.errors[0].contains(&words), "{result:?}");
        }
    }
    // In a folder they are what else lies there.
    assert_success(&secured.sync(&[("SSL_CERT_DIR", folder)]));
    // What is advised helps.
    for advice in [
        "x509 -inform der -in authority.der -out converted.pem",
        "pkcs12 -nokeys -in store.p12 -passin pass: -out converted.pem",
        "pkcs7 -print_certs -in list.p7b -out converted.pem",
    ] {
        openssl(
            folder,
            "x509 -in authority.pem -outform der -out authority.der",
        );
        openssl(folder, advice);
        assert_success(&secured.sync(&[("SSL_CERT_FILE", &folder.join("converted.pem"))]));
    }
}

#[test]
fn the_older_label_of_a_certificate_is_known() {
    let secured = Secured::with(&Identity::signed("localhost"));
    let text = std::fs::read_to_string(&secured.file).unwrap();
    let other = Identity::signed("other").authority;
    let old = |text: &str| text.replace(" CERTIFICATE-----", " X509 CERTIFICATE-----");
    for text in [old(&text), other.clone() + &old(&text), old(&other) + &text] {
        std::fs::write(&secured.file, text).unwrap();
        for (variable, path) in [
            ("SSL_CERT_FILE", secured.file.as_path()),
            ("NODE_EXTRA_CA_CERTS", &secured.file),
            ("SSL_CERT_DIR", secured.folder.path()),
        ] {
            assert_success(&secured.sync(&[(variable, path)]));
        }
    }
}

/// OpenSSL makes it from `-addext subjectAltName=DNS:127.0.0.1`, and no client accepts it.
#[test]
fn an_address_that_is_named_as_a_host_is_told() {
    let secured = Secured::with(&Identity::for_hosts(&["registry.test", "127.0.0.1"]));
    let result = secured.sync_from("127.0.0.1", &[("SSL_CERT_FILE", &secured.file)]);
    assert_eq!(
        result.errors[0],
        "Cannot reach the registry: its certificate is not for the address 127.0.0.1: it has that as the name of a host (DNS:127.0.0.1), \
         and an address must be an entry of its own kind (IP:127.0.0.1 in subjectAltName). The server needs another certificate."
    );
    let secured = Secured::with(&Identity::for_hosts(&["registry.test"]));
    let result = secured.sync_from("127.0.0.1", &[("SSL_CERT_FILE", &secured.file)]);
    assert_eq!(
        result.errors[0],
        "Cannot reach the registry: its certificate is not for 127.0.0.1, but for registry.test."
    );
}

#[test]
fn a_certificate_for_people_names_no_host() {
    let secured = Secured::with(&Identity::for_people(&["ada@registry.test"]));
    let result = secured.sync_from("127.0.0.1", &[("SSL_CERT_FILE", &secured.file)]);
    assert_eq!(
        result.errors[0],
        "Cannot reach the registry: its certificate is not for 127.0.0.1: it names no host (subjectAltName). The server needs one that does."
    );
}

#[test]
fn keys_that_are_not_supported_are_told() {
    for digest in ["-sha256", "-sha512"] {
        let secured = Secured::with(&Identity::signed_with_p_521("localhost", digest));
        let said = secured.complaint(&[("SSL_CERT_FILE", &secured.file)]);
        let words = "its certificate is signed with a key on the curve P-521 or with ECDSA and SHA-512, which are not supported: \
                     RSA of 2,048 bits and more, P-256, P-384 and Ed25519 are. The server needs a certificate of another authority.";
        assert!(said.ends_with(words), "{digest}: {said}");
    }
}

#[test]
fn a_certificate_for_another_purpose_is_told_in_words() {
    let secured = Secured::with(&Identity::of_client("localhost"));
    let said = secured.complaint(&[("SSL_CERT_FILE", &secured.file)]);
    assert_eq!(
        said,
        "Cannot reach the registry: its certificate is not for a server: its purposes (extendedKeyUsage) leave serverAuth out. \
         The server needs another certificate."
    );
}

#[test]
fn a_server_that_wants_a_certificate_of_the_client_is_told() {
    let identity = Identity::signed("localhost");
    let mut secured = Secured::with(&identity);
    let behind = ([127, 0, 0, 1], secured.world.server.port()).into();
    for version in rustls::ALL_VERSIONS {
        secured.port = identity.for_known_clients(behind, version);
        let said = secured.complaint(&[("SSL_CERT_FILE", &secured.file)]);
        assert_eq!(
            said,
            "Cannot reach the registry: its server wants a certificate of this client, which is not supported.",
            "{version:?}"
        );
    }
}

#[test]
fn a_server_with_which_nothing_is_shared_is_told() {
    const HANDSHAKE_FAILURE: u8 = 40;
    const PROTOCOL_VERSION: u8 = 70;
    let mut secured = Secured::with(&Identity::signed("localhost"));
    for (alert, words) in [
        (
            HANDSHAKE_FAILURE,
            "its server and this client share no cipher or kind of key (RSA of 2,048 bits and more, P-256, P-384 and Ed25519 with ECDHE \
             are supported), or the server wants a certificate of this client, which is not supported.",
        ),
        (
            PROTOCOL_VERSION,
            "its version of TLS is not supported: 1.2 and 1.3 are.",
        ),
    ] {
        secured.port = alerting(alert);
        let said = secured.complaint(&[("SSL_CERT_FILE", &secured.file)]);
        assert_eq!(said, format!("Cannot reach the registry: {words}"));
    }
}

#[test]
fn what_is_not_tls_is_told() {
    let world = World::new(1, Options::default());
    let url = world.server.base_url().replace("http:", "https:");
    let result = sync_at(&world, &url, &[]);
    assert_eq!(
        result.errors[0],
        "Cannot reach the registry: its answer is not TLS. Check the address: http:// has no TLS, https:// has."
    );
}

#[test]
fn certificates_that_are_named_and_not_there_are_an_error() {
    let secured = Secured::with(&Identity::signed("localhost"));
    let folder = secured.folder.path();
    let missing = folder.join("missing");
    let empty = folder.join("empty.pem");
    std::fs::write(&empty, "-----BEGIN NOTHING-----\n").unwrap();
    let garbage = folder.join("garbage.pem");
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(&garbage, pem).unwrap();
    let empty_folder = folder.join("folder");
    std::fs::create_dir(&empty_folder).unwrap();
    // Read to its end, either would be waited for without one.
    let pipe = folder.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let device = PathBuf::from("/dev/zero");
    let large = folder.join("large.pem");
    std::fs::File::create(&large)
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    let file = secured.file.as_path();
    for (variable, path, why) in [
        ("SSL_CERT_FILE", &pipe, "it is not a regular file"),
        ("SSL_CERT_FILE", &device, "it is not a regular file"),
        ("SSL_CERT_FILE", &large, "it is larger than 16777216 bytes"),
        ("NODE_EXTRA_CA_CERTS", &pipe, "it is not a regular file"),
        ("NODE_EXTRA_CA_CERTS", &device, "it is not a regular file"),
        ("SSL_CERT_FILE", &missing, "No such file"),
        ("SSL_CERT_FILE", &empty, "it holds no certificate"),
        ("SSL_CERT_FILE", &garbage, "it holds no certificate"),
        ("NODE_EXTRA_CA_CERTS", &missing, "No such file"),
        ("NODE_EXTRA_CA_CERTS", &empty, "it holds no certificate"),
        ("SSL_CERT_DIR", &missing, "No such file"),
        ("SSL_CERT_DIR", &empty_folder, "it holds no certificate"),
    ] {
        let others = ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"].map(|name| (name, file));
        let mut variables: Vec<_> = others
            .into_iter()
            .filter(|(name, _)| *name != variable)
            .collect();
        variables.push((variable, path));
        let result = secured.sync(&variables);
        assert_eq!(result.code, Some(ErrorCode::InvalidArgument), "{result:?}");
        let named = format!(
            "{variable} names {}, which cannot be used: {why}",
            path.display()
        );
        assert!(result.errors[0].contains(&named), "{result:?}");
    }
    let path = Path::new("~/ca.pem");
    for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"] {
        let said = &secured.sync(&[(variable, path)]).errors[0];
        let hint = "Only a shell replaces ~, and none has read this: write the whole path.";
        assert!(said.contains(hint), "{said}");
    }
    // They do not matter where there is no TLS.
    let url = secured.world.server.base_url();
    let path = missing.to_str().unwrap();
    assert_success(&sync_at(&secured.world, &url, &[("SSL_CERT_FILE", path)]));
}

#[test]
fn a_path_of_certificates_may_be_any_bytes() {
    let secured = Secured::with(&Identity::signed("localhost"));
    let folder = secured.folder.path().join(OsStr::from_bytes(b"caf\xe9"));
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join(OsStr::from_bytes(b"\xff.pem"));
    std::fs::copy(&secured.file, &file).unwrap();
    for (variable, path) in [
        ("SSL_CERT_FILE", &file),
        ("SSL_CERT_DIR", &folder),
        ("NODE_EXTRA_CA_CERTS", &file),
    ] {
        assert_success(&secured.sync(&[(variable, path)]));
    }
    let result = secured.sync(&[("SSL_CERT_FILE", &folder.join("missing"))]);
    assert!(
        result.errors[0].starts_with("SSL_CERT_FILE names "),
        "{result:?}"
    );
}
