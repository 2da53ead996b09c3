//! Proxies of every kind, and what is said when one does not work.

use std::net::TcpListener;

use skillsmith_sync::{ErrorCode, SyncHistoryRepository};
use skillsmith_test_registry::{Health, Options, Proxy};

use crate::support::{World, assert_success, sync_at as sync};
use crate::tls_server::Identity;

/// The registry under a name that only a proxy can find.
fn elsewhere(world: &World) -> String {
    format!("http://registry.test:{}/v1", world.server.port())
}

#[test]
fn socks_is_spoken_in_every_version_and_from_every_variable() {
    let world = World::new(150, Options::default());
    let port = world.server.port();
    let (here, there) = (format!("http://127.0.0.1:{port}/v1"), elsewhere(&world));
    for (variable, scheme, url, hop) in [
        ("ALL_PROXY", "socks5", &here, "SOCKS5 127.0.0.1"),
        ("all_proxy", "socks", &there, "SOCKS5 registry.test"),
        ("HTTP_PROXY", "socks5h", &there, "SOCKS5 registry.test"),
        ("http_proxy", "SOCKS4", &here, "SOCKS4 127.0.0.1"),
        ("ALL_PROXY", "socks4a", &there, "SOCKS4a registry.test"),
    ] {
        let proxy = Proxy::socks(None);
        let value = format!("{scheme}://{}", proxy.address());
        assert_success(&sync(&world, url, &[(variable, &value)]));
        // One connection for everything.
        assert_eq!(
            proxy.hops(),
            [format!("{hop}:{port}")],
            "{variable} {scheme}"
        );
        world.assert_mirrored();
    }
}

#[test]
fn names_are_looked_up_here_if_the_scheme_says_so() {
    let world = World::new(15, Options::default());
    let port = world.server.port();
    let url = format!("http://localhost:{port}/v1");
    for (scheme, hop) in [("socks5", "SOCKS5"), ("socks4", "SOCKS4")] {
        let unknown = "http://no-such-host.invalid/v1";
        let said = complaint(&world, unknown, &format!("{scheme}://127.0.0.1:1"));
        let words = "gets addresses, not names, and no-such-host.invalid cannot be found here.";
        assert!(said.contains(words), "{said}");
        let proxy = Proxy::socks(None);
        let value = format!("{scheme}://{}", proxy.address());
        assert_success(&sync(&world, &url, &[("ALL_PROXY", &value)]));
        let hops = proxy.hops();
        let known = [
            format!("{hop} 127.0.0.1:{port}"),
            format!("{hop} ::1:{port}"),
        ];
        assert!(
            !hops.is_empty() && hops.iter().all(|hop| known.contains(hop)),
            "{hops:?}"
        );
    }
}

#[test]
fn plain_requests_go_to_an_http_proxy_in_absolute_form() {
    let world = World::new(150, Options::default());
    let url = elsewhere(&world);
    let proxy = Proxy::http(None);
    let value = format!("http://{}/", proxy.address());
    assert_success(&sync(&world, &url, &[("HTTP_PROXY", &value)]));
    world.assert_mirrored();
    let hops = proxy.hops();
    assert!(hops.len() > 2, "{hops:?}");
    let whole = format!("GET {url}/");
    assert!(hops.iter().all(|hop| hop.starts_with(&whole)), "{hops:?}");
    // The registry sees its own name, and nothing of the proxy.
    let seen = format!("{:?}", world.server.requests());
    assert!(!seen.to_lowercase().contains("proxy-"), "{seen}");
}

#[test]
fn a_login_is_sent_whatever_it_is_made_of() {
    let world = World::new(15, Options::default());
    let url = elsewhere(&world);
    for login in [r"DOMAIN\me:hunter2", "me:a#b/c?d@e:f", "me:100%"] {
        for (scheme, proxy) in [
            ("http", Proxy::http(Some(login))),
            ("socks5h", Proxy::socks(Some(login))),
            ("socks4a", Proxy::socks(Some(login))),
        ] {
            let value = format!("{scheme}://{login}@{}", proxy.address());
            assert_success(&sync(&world, &url, &[("ALL_PROXY", &value)]));
        }
    }
    // With percent signs, as in a URL.
    let proxy = Proxy::http(Some("me@work:a b"));
    let value = format!("http://me%40work:a%20b@{}", proxy.address());
    assert_success(&sync(&world, &url, &[("ALL_PROXY", &value)]));
}

/// The queue of connections is full.
#[cfg(target_os = "linux")]
#[test]
fn a_server_that_takes_no_connection_is_not_called_unhealthy() {
    use socket2::{Domain, Socket, Type};
    let world = World::new(15, Options::default());
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&any.into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let _waiting: Vec<Socket> = std::iter::repeat_with(|| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        _ = socket.connect(&address);
        socket
    })
    .take(3)
    .collect();
    let url = format!("http://{}/v1", address.as_socket().unwrap());
    let result = sync(&world, &url, &[]);
    let said = result.errors.join(" ");
    assert!(said.contains("it does not accept connections"), "{said}");
    assert!(!said.contains("API is unhealthy"), "{said}");
}

/// A proxy that answers each request itself, and repeats what it was sent.
fn parrot(status: &'static str) -> std::net::SocketAddr {
    use std::io::{Read, Write};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let length = stream.read(&mut head).unwrap();
            let head = String::from_utf8_lossy(&head[..length]);
            let body =
                serde_json::json!({ "error": format!("no hunter2-hunter2: {head}") }).to_string();
            let length = body.len();
            _ = write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
        }
    });
    address
}

#[test]
fn promise_10_a_proxys_password_is_in_no_message() {
    let world = World::new(15, Options::default());
    for status in ["401 Unauthorized", "400 Bad Request", "403 Forbidden"] {
        let value = format!("http://me:hunter2-hunter2@{}", parrot(status));
        let result = sync(&world, &elsewhere(&world), &[("HTTP_PROXY", &value)]);
        assert!(!result.success);
        let history = SyncHistoryRepository::new(&world.database);
        let said = format!("{result:?} {:?}", history.get_history(1).unwrap());
        assert!(said.contains("[redacted]"), "{said}");
        // The last is "me:hunter2-hunter2" in Base64, but for its first group, which is the name's.
        for secret in ["hunter2", "aHVudGVyMi1odW50ZXIy", "dW50ZXIyLWh1bnRlcj"] {
            assert!(!said.contains(secret), "{said}");
        }
    }
}

#[test]
fn tls_goes_through_proxies_of_every_kind() {
    let world = World::new(150, Options::default());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authority.pem");
    let (registry, at_proxy) = (
        Identity::signed("registry.test"),
        Identity::signed("localhost"),
    );
    std::fs::write(&file, registry.authority.clone() + &at_proxy.authority).unwrap();
    let port = registry.in_front_of(([127, 0, 0, 1], world.server.port()).into());
    let url = format!("https://registry.test:{port}/v1");
    let trust = ("NODE_EXTRA_CA_CERTS", file.to_str().unwrap());
    let login = "me:hunter2";
    let (http, socks) = (Proxy::http(Some(login)), Proxy::socks(None));
    let secured = at_proxy.in_front_of(http.address());
    for (value, hops) in [
        (format!("http://{login}@{}", http.address()), &http),
        (format!("https://{login}@localhost:{secured}"), &http),
        (format!("socks5h://{}", socks.address()), &socks),
        (format!("socks4a://{}", socks.address()), &socks),
    ] {
        let before = hops.hops().len();
        assert_success(&sync(&world, &url, &[("HTTPS_PROXY", &value), trust]));
        assert_eq!(hops.hops().len(), before + 1, "one tunnel: {value}");
    }
    assert_eq!(http.hops()[0], format!("CONNECT registry.test:{port}"));
    // A plain registry behind a proxy with TLS: the same certificates are trusted.
    let value = format!("https://{login}@localhost:{secured}");
    let plain = elsewhere(&world);
    assert_success(&sync(&world, &plain, &[("HTTP_PROXY", &value), trust]));
    let result = sync(&world, &plain, &[("HTTP_PROXY", &value)]);
    let shown = format!(
        "the proxy https://localhost:{secured} (HTTP_PROXY) cannot be trusted: its certificate is from an authority that is not trusted."
    );
    assert!(result.errors[0].contains(&shown), "{result:?}");
}

/// What a sync says that fails with this proxy.
fn complaint(world: &World, url: &str, value: &str) -> String {
    let variable = if url.starts_with("https") {
        "HTTPS_PROXY"
    } else {
        "HTTP_PROXY"
    };
    let result = sync(world, url, &[(variable, value)]);
    assert_eq!(result.code, Some(ErrorCode::Unhealthy), "{result:?}");
    let said = result.errors[0].clone();
    assert!(
        !said.contains("hunter2") && !said.contains("API is unhealthy"),
        "{said}"
    );
    said
}

#[test]
fn a_proxy_that_does_not_work_is_named_and_blamed() {
    let world = World::new(1, Options::default());
    let url = elsewhere(&world);
    let secure = url.replace("http:", "https:");
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for scheme in ["http", "https", "socks4a", "socks5h"] {
        let said = complaint(&world, &url, &format!("{scheme}://me:hunter2@{free}"));
        let whole = format!(
            "Cannot reach the registry: the proxy {scheme}://{free} (HTTP_PROXY) refused the \
             connection. Check HTTP_PROXY, or whether the proxy runs."
        );
        assert_eq!(said, whole);
        let value = format!("{scheme}://me:hunter2@no-such-host.invalid:1");
        let said = complaint(&world, &url, &value);
        let words = format!(
            "the proxy {scheme}://no-such-host.invalid:1 (HTTP_PROXY) is not there: its name cannot be found. Check HTTP_PROXY."
        );
        assert!(said.contains(&words), "{said}");
    }
    // Of another kind than the scheme says.
    let (http, socks) = (Proxy::http(None), Proxy::socks(None));
    for (url, scheme, address) in [
        (&secure, "socks5h", http.address()),
        (&secure, "socks4a", http.address()),
        (&secure, "http", socks.address()),
        (&secure, "https", socks.address()),
    ] {
        let said = complaint(&world, url, &format!("{scheme}://{address}"));
        let named = format!("the proxy {scheme}://{address} (HTTPS_PROXY) ");
        assert!(said.contains(&named), "{said}");
    }
}

#[test]
fn a_proxy_that_wants_a_login_says_so() {
    let world = World::new(1, Options::default());
    let plain = elsewhere(&world);
    let secure = plain.replace("http:", "https:");
    let login = Some("me:right");
    let cases = [
        (&plain, "http", Proxy::http(login), "407"),
        (&secure, "http", Proxy::http(login), "407"),
        (&plain, "socks5h", Proxy::socks(login), "SOCKS"),
        (&plain, "socks4a", Proxy::socks(login), "SOCKS"),
    ];
    for (url, scheme, proxy, code) in cases {
        let variable = if url == &secure {
            "HTTPS_PROXY"
        } else {
            "HTTP_PROXY"
        };
        let at = proxy.address();
        let named = format!("Cannot reach the registry: the proxy {scheme}://{at} ({variable}) ");
        assert_eq!(
            complaint(&world, url, &format!("{scheme}://{at}")),
            format!(
                "{named}wants a user name and a password ({code}). Put them into {variable}: {scheme}://user:password@host:port."
            )
        );
        assert_eq!(
            complaint(&world, url, &format!("{scheme}://you:hunter2@{at}")),
            format!("{named}does not accept the user name and password in {variable} ({code}).")
        );
    }
}

#[test]
fn what_a_proxy_cannot_reach_is_told() {
    let world = World::new(1, Options::default());
    let (http, socks) = (Proxy::http_to(1), Proxy::socks_to(1));
    let secure = elsewhere(&world).replace("http:", "https:");
    let port = world.server.port();
    for (url, scheme, address, words) in [
        (
            secure.as_str(),
            "http",
            http.address(),
            format!("does not allow connections to registry.test:{port} (403)."),
        ),
        (
            "https://nowhere.test/v1",
            "http",
            http.address(),
            "cannot connect to nowhere.test:443 (502).".to_owned(),
        ),
        (
            secure.as_str(),
            "socks5h",
            socks.address(),
            "cannot connect to the registry: its rules do not allow it.".to_owned(),
        ),
        (
            "https://nowhere.test/v1",
            "socks5h",
            socks.address(),
            "cannot connect to the registry: the host cannot be found or reached from there."
                .to_owned(),
        ),
        (
            "https://registry.test:1/v1",
            "socks5h",
            socks.address(),
            "cannot connect to the registry: the connection was refused.".to_owned(),
        ),
        (
            "https://nowhere.test/v1",
            "socks4a",
            socks.address(),
            "cannot connect to the registry: it does not say why.".to_owned(),
        ),
        (
            "https://[::1]:1/v1",
            "socks4a",
            socks.address(),
            "cannot reach the registry: SOCKS 4 is for IPv4 addresses only. Use socks5h://."
                .to_owned(),
        ),
    ] {
        let said = complaint(&world, url, &format!("{scheme}://{address}"));
        let whole = format!(
            "Cannot reach the registry: the proxy {scheme}://{address} (HTTPS_PROXY) {words}"
        );
        assert_eq!(said, whole);
    }
}

#[test]
fn a_plain_request_that_the_proxy_refuses_is_not_blamed_on_the_registry() {
    let health = Health::Status(502);
    let options = Options {
        health,
        ..Options::default()
    };
    let world = World::new(1, options);
    let (proxy, strict) = (Proxy::http(None), Proxy::http_to(1));
    let url = elsewhere(&world);
    let port = world.server.port();
    for (url, proxy, words) in [
        (
            url.as_str(),
            &strict,
            format!("does not allow connections to registry.test:{port} (403)."),
        ),
        (
            "http://nowhere.test/v1",
            &proxy,
            "cannot connect to nowhere.test:80 (502).".to_owned(),
        ),
    ] {
        let at = proxy.address();
        assert_eq!(
            complaint(&world, url, &format!("http://{at}")),
            format!("Cannot reach the registry: the proxy http://{at} (HTTP_PROXY) {words}")
        );
    }
    // The same status from the registry itself.
    let value = format!("http://{}", proxy.address());
    let result = sync(&world, &url, &[("HTTP_PROXY", &value)]);
    let said = &result.errors[0];
    assert!(
        said.starts_with("API is unhealthy. Try again later. (HTTP 502"),
        "{said}"
    );
}

#[test]
fn a_proxy_is_used_but_for_the_exceptions() {
    let world = World::new(15, Options::default());
    let proxy = Proxy::http(None);
    let value = format!("http://{}", proxy.address());
    let url = world.server.base_url();
    let port = world.server.port();
    let mut asked = 0;
    for (exceptions, is_used) in [
        (String::new(), true),
        ("localhost,127.0.0.1".to_owned(), false),
        ("localhost 127.0.0.0/8".to_owned(), false),
        (format!("127.0.0.1:{port}"), false),
        ("127.0.0.1:1".to_owned(), true),
        (".0.0.1".to_owned(), true),
        ("*".to_owned(), false),
    ] {
        let variables = [("HTTP_PROXY", value.as_str()), ("NO_PROXY", &exceptions)];
        assert_success(&sync(&world, &url, &variables));
        let hops = proxy.hops().len();
        assert_eq!(hops > asked, is_used, "{exceptions}");
        asked = hops;
    }
    world.assert_mirrored();
}
