//! What comes in the registry's place: from a proxy, a network that wants a sign-in, or a port for TLS. Whose fault it may be
//! is told, and what to do.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use skillsmith_sync::environment::Environment;
use skillsmith_sync::{ClientOptions, SkillsmithApiClient, SyncOptions, SyncResult};
use skillsmith_test_registry::{Fault, Options, Proxy};

use crate::support::{World, assert_punctuated, assert_success, sync_at};
use crate::tls_server::Identity;

/// Longer than a server on this machine takes.
const SOON: Duration = Duration::from_secs(1);

/// A server that reads each request and answers it with these bytes. It closes the connection then, unless there are none.
fn answering(answer: Option<&str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = answer.map(str::to_owned);
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for mut client in listener.incoming().flatten() {
            _ = client.read(&mut [0; 4096]);
            match &answer {
                Some(answer) => _ = client.write_all(answer.as_bytes()),
                None => silent.push(client),
            }
        }
    });
    address
}

/// An answer of HTTP without a body.
fn status(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: 0\r\nconnection: close\r\n\r\n")
}

/// A sync that tries everything once.
fn sync(url: &str, variables: &[(&str, &str)]) -> SyncResult {
    let world = World::new(1, Options::default());
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let environment = Environment::new(move |name| {
        let known = variables.iter().find(|(known, _)| known == name);
        known.map(|(_, value)| value.clone())
    });
    let options = ClientOptions::new()
        .base_url(url)
        .timeout(SOON)
        .max_retries(0);
    let client = SkillsmithApiClient::with_environment(options, &environment).unwrap();
    let engine = world.engine_with(client);
    let result = engine.sync(SyncOptions::default()).unwrap();
    assert!(!result.success, "{result:?}");
    assert_punctuated(&result);
    result
}

/// What is said when a plain request goes to this proxy.
fn complaint(proxy: SocketAddr) -> String {
    let value = format!("http://me:hunter2@{proxy}");
    let result = sync("http://registry.test/v1", &[("HTTP_PROXY", &value)]);
    let said = result.errors[0].clone();
    assert!(!said.contains("hunter2"), "{said}");
    said
}

#[test]
fn a_plain_answer_that_fails_may_be_the_proxys_fault() {
    let (of_502, of_503, of_504) = (
        status("502 Bad Gateway", ""),
        status("503 Service Unavailable", ""),
        status("504 Gateway Timeout", ""),
    );
    let forbidden = status("403 Forbidden", "");
    for (answer, words) in [
        (
            Some("SSH-2.0-server\r\n\r\n"),
            "The registry's answer could not be understood: it is not valid HTTP (",
        ),
        (
            Some(""),
            "Cannot reach the registry: the connection broke off before the end of its answer. ",
        ),
        (
            Some("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"),
            "Cannot reach the registry: the connection broke off before the end of its answer. ",
        ),
        (None, "The registry did not answer in time (it"),
        (
            Some(&of_502),
            "API is unhealthy. Try again later. (HTTP 502 Bad Gateway; ",
        ),
        (
            Some(&of_503),
            "API is unhealthy. Try again later. (HTTP 503 Service Unavailable; ",
        ),
        (
            Some(&of_504),
            "API is unhealthy. Try again later. (HTTP 504 Gateway Timeout; ",
        ),
        (
            Some(&forbidden),
            "The registry does not allow this (403; sent no credential). ",
        ),
    ] {
        let proxy = answering(answer);
        let said = complaint(proxy);
        assert!(said.starts_with(words), "{said}");
        let named = blamed("HTTP_PROXY", &format!("http://{proxy}"), &said);
        assert!(said.ends_with(&named), "{said}");
    }
}

/// A sentence, or in brackets a part of one.
fn blamed(variable: &str, proxy: &str, said: &str) -> String {
    let words = format!("his went through the proxy {proxy} ({variable}), which may be at fault");
    if said.ends_with(')') {
        format!("; t{words})")
    } else {
        format!(". T{words}.")
    }
}

/// Statuses that are not of HTTP, or that nobody asked for.
#[test]
fn a_status_that_means_nothing_may_be_the_proxys_fault() {
    for (answer, words) in [
        (
            "HTTP/1.1 999 No Reason\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            "The registry refused the request: HTTP 999 (this went through",
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
            "",
        ),
        ("HTTP/1.1 099 None\r\nconnection: close\r\n\r\n", ""),
    ] {
        let proxy = answering(Some(answer));
        let said = complaint(proxy);
        let named = format!(
            "his went through the proxy http://{proxy} (HTTP_PROXY), which may be at fault"
        );
        assert!(
            said.contains(words) && said.contains(&named),
            "{answer}: {said}"
        );
    }
    for status in ["101 Switching Protocols", "999 No Reason"] {
        let proxy = answering(Some(&format!("HTTP/1.1 {status}\r\n\r\n")));
        let value = format!("http://me:hunter2@{proxy}");
        let result = sync("https://registry.test/v1", &[("HTTPS_PROXY", &value)]);
        let words = format!(
            "Cannot reach the registry: the proxy http://{proxy} (HTTPS_PROXY) answered {} to a request for a connection to registry.test:443.",
            &status[..3]
        );
        assert_eq!(result.errors[0], words);
    }
}

#[test]
fn a_proxy_that_wants_a_sign_in_with_a_browser_says_where() {
    let page = "https://login.example:8443/hunter2?token=hunter2";
    for (code, location, at) in [
        ("302 Found", Some(page), ", at https://login.example:8443"),
        (
            "303 See Other",
            Some("http://login.example/"),
            ", at http://login.example",
        ),
        ("307 Temporary Redirect", Some("/relative"), ""),
        ("302 Found", None, ""),
        ("511 Network Authentication Required", None, ""),
    ] {
        let location = location.map_or_else(String::new, |page| format!("Location: {page}\r\n"));
        let proxy = answering(Some(&status(code, &location)));
        let value = format!("http://me:hunter2@{proxy}");
        let result = sync("https://registry.test/v1", &[("HTTPS_PROXY", &value)]);
        let words = format!(
            "Cannot reach the registry: the proxy http://{proxy} (HTTPS_PROXY) wants a sign-in first ({}){at}. Sign in with a browser, and try again.",
            &code[..3]
        );
        assert_eq!(result.errors[0], words);
        assert!(result.code.unwrap().retryable());
    }
}

#[test]
fn a_page_that_fails_behind_a_proxy_may_be_its_fault() {
    let world = World::new(15, Options::default());
    let url = format!("http://registry.test:{}/v1", world.server.port());
    let proxy = Proxy::http(None);
    let value = format!("http://{}", proxy.address());
    for (fault, words) in [
        (
            Fault::status(503),
            "The registry failed to answer: HTTP 503 (",
        ),
        (Fault::garbage(), "it is not "),
    ] {
        world.server.fault(fault.always());
        let result = sync(&url, &[("HTTP_PROXY", &value)]);
        let said = &result.errors[0];
        let named = blamed("HTTP_PROXY", &value, said);
        assert!(said.contains(words) && said.ends_with(&named), "{said}");
        world.server.clear_faults();
    }
    // SOCKS connects before it knows what the other side does.
    let port = answering(Some("")).port();
    let proxy = Proxy::socks(None);
    let value = format!("socks5h://{}", proxy.address());
    for url in [
        format!("http://registry.test:{port}/v1"),
        format!("https://registry.test:{port}/v1"),
    ] {
        let result = sync(&url, &[("ALL_PROXY", &value)]);
        let said = &result.errors[0];
        let named = format!("This went through the proxy {value} (ALL_PROXY), which may be");
        assert!(said.contains(&named), "{said}");
    }
}

#[test]
fn a_tunnel_that_does_not_lead_to_tls_may_be_the_proxys_fault() {
    for (answer, words) in [
        (
            "HTTP/1.1 200 OK\r\n\r\n",
            "it closed the connection while TLS was being set up. ",
        ),
        (
            "HTTP/1.1 200 OK\r\n\r\n<html>blocked</html>",
            "its answer is not TLS. ",
        ),
    ] {
        let proxy = answering(Some(answer));
        let value = format!("http://me:hunter2@{proxy}");
        let result = sync("https://registry.test/v1", &[("HTTPS_PROXY", &value)]);
        let said = &result.errors[0];
        let named =
            format!("This went through the proxy http://{proxy} (HTTPS_PROXY), which may be");
        assert!(said.contains(words) && said.contains(&named), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_proxy_that_wants_another_sign_in_than_basic_says_which() {
    for (headers, names) in [
        (
            "proxy-authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n",
            "Negotiate, NTLM",
        ),
        ("Proxy-Authenticate: ntlm, NEGOTIATE\r\n", "Negotiate, NTLM"),
        (
            "Proxy-Authenticate: Digest realm=\"a, b\", nonce=\"x\"\r\n",
            "Digest",
        ),
    ] {
        let proxy = answering(Some(&status("407 Proxy Authentication Required", headers)));
        let value = format!("http://me:hunter2@{proxy}");
        for (variable, url) in [
            ("HTTP_PROXY", "http://registry.test/v1"),
            ("HTTPS_PROXY", "https://registry.test/v1"),
        ] {
            let result = sync(url, &[(variable, &value)]);
            assert_eq!(
                result.errors[0],
                format!(
                    "Cannot reach the registry: the proxy http://{proxy} ({variable}) wants a sign-in by {names} (407), \
                     and only Basic is supported here. Use a proxy that accepts Basic, or one on this machine that signs in there."
                )
            );
        }
    }
    let headers = "Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: Basic realm=\"x\"\r\n";
    let proxy = answering(Some(&status("407 Proxy Authentication Required", headers)));
    let said = complaint(proxy);
    assert!(said.contains("does not accept the user name"), "{said}");
}

#[test]
fn an_interim_answer_of_a_proxy_is_passed_over() {
    let world = World::new(15, Options::default());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authority.pem");
    let identity = Identity::signed("registry.test");
    std::fs::write(&file, &identity.authority).unwrap();
    let port = identity.in_front_of(([127, 0, 0, 1], world.server.port()).into());
    let proxy = Proxy::http_hesitating();
    let value = format!("http://{}", proxy.address());
    let variables = [
        ("ALL_PROXY", value.as_str()),
        ("NODE_EXTRA_CA_CERTS", file.to_str().unwrap()),
    ];
    let url = format!("https://registry.test:{port}/v1");
    assert_success(&sync_at(&world, &url, &variables));
    let url = format!("http://registry.test:{}/v1", world.server.port());
    assert_success(&sync_at(&world, &url, &variables));
    world.assert_mirrored();
    // Not without an end.
    let endless = "HTTP/1.1 100 Continue\r\n\r\n".repeat(100);
    let proxy = answering(Some(&endless));
    let value = format!("http://{proxy}");
    let result = sync("https://registry.test/v1", &[("ALL_PROXY", &value)]);
    let words = "answered 100 to a request for a connection to registry.test:443.";
    assert!(result.errors[0].contains(words), "{result:?}");
}

#[test]
fn a_network_that_wants_a_sign_in_says_so() {
    let network = answering(Some(&status("511 Network Authentication Required", "")));
    let result = sync(&format!("http://{network}/v1"), &[]);
    assert_eq!(
        result.errors[0],
        "Cannot reach the registry: the network wants a sign-in first (HTTP 511). Sign in with a browser, and try again."
    );
    assert!(result.code.unwrap().retryable());
}

#[test]
fn a_port_for_tls_is_told_from_a_broken_registry() {
    let world = World::new(1, Options::default());
    let identity = Identity::signed("localhost");
    let port = identity.in_front_of(([127, 0, 0, 1], world.server.port()).into());
    let result = sync(&format!("http://localhost:{port}/v1"), &[]);
    assert_eq!(
        result.errors[0],
        "Cannot reach the registry: its answer is TLS. Check the address: http:// has no TLS, https:// has."
    );
    // In the words of nginx, Go, Apache and Tomcat.
    for words in [
        "<center>The plain HTTP request was sent to HTTPS port</center>",
        "Client sent an HTTP request to an HTTPS server.\n",
        "Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
        "This combination of host and port requires TLS.",
    ] {
        let answer = format!("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n{words}");
        let server = answering(Some(&answer));
        let result = sync(&format!("http://{server}/v1"), &[]);
        assert_eq!(
            result.errors[0],
            "Cannot reach the registry: its port is for TLS. The address must begin with https://."
        );
    }
    // Others close the connection.
    let server = answering(Some(""));
    let result = sync(&format!("http://{server}/v1"), &[]);
    assert_eq!(
        result.errors[0],
        "Cannot reach the registry: the connection broke off before the end of its answer. \
         If its port is for TLS, the address must begin with https://."
    );
}

/// The page of a registry that has answered before is not the port's fault.
#[test]
fn a_registry_that_breaks_off_later_is_not_told_to_be_a_port_for_tls() {
    let world = World::new(15, Options::default());
    world.server.fault(Fault::close().always());
    let result = sync(&world.server.base_url(), &[]);
    let said = &result.errors[0];
    assert!(
        said.contains("broke off") && !said.contains("TLS"),
        "{said}"
    );
}

/// What speaks at a port without being asked, or in other words, is not an unhealthy registry.
#[test]
fn what_is_not_a_registry_at_all_is_not_called_unhealthy() {
    for banner in [
        "SSH-2.0-OpenSSH_9.9\r\n",
        "220 mail.example ESMTP\r\n",
        "* OK IMAP4 ready\r\n",
        "+OK POP3 ready\r\n\r\n",
    ] {
        let server = answering(Some(banner));
        let said = sync(&format!("http://{server}/v1"), &[]).errors[0].clone();
        assert!(
            said.starts_with(
                "The registry's answer could not be understood: it is not valid HTTP ("
            ) && said.ends_with("). Check the address and its port."),
            "{banner}: {said}"
        );
    }
}

/// Of the same host, in the place of the registry: there is no other one to be told of.
#[test]
fn a_sign_in_of_the_network_under_the_same_name_is_told_as_that() {
    let loops = answering(Some(&status(
        "307 Temporary Redirect",
        "Location: /login\r\n",
    )));
    let said = sync(&format!("http://{loops}/v1"), &[]).errors[0].clone();
    assert!(
        said.contains("in a loop")
            && said.ends_with(
                "If this network wants a sign-in first, do that with a browser, and try again."
            ),
        "{said}"
    );
    let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 21\r\nconnection: close\r\n\r\n<html>Sign in</html>\n";
    let shown = answering(Some(page));
    let said = sync(&format!("http://{shown}/v1"), &[]).errors[0].clone();
    assert!(
        said.contains("such as the sign-in of this network"),
        "{said}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn an_address_of_the_link_without_its_interface_is_told_as_that() {
    let said = sync("http://[fe80::1]:9/v1", &[]).errors[0].clone();
    assert!(
        said.starts_with("Cannot reach the registry: ") && said.contains("[fe80::1%25eth0]"),
        "{said}"
    );
}
