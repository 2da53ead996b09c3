//! Small proxies for tests: HTTP (CONNECT and plain requests) and SOCKS 4, 4a and 5.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// A name that the proxies do not find. Every other name is this machine.
const NOWHERE: &str = "nowhere.test";

/// What a proxy was asked for: `CONNECT host:port`, `GET http://host:port/path`, `SOCKS5 host:port`.
pub type Hop = String;

/// A proxy on 127.0.0.1, until the process ends.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    hops: Arc<Mutex<Vec<Hop>>>,
}

/// Serves one client.
type Serve = fn(&TcpStream, &Rules) -> io::Result<()>;

struct Rules {
    /// `user:password`
    login: Option<String>,
    /// Connections to elsewhere are refused.
    only_port: Option<u16>,
    /// What is sent before the answer to CONNECT or to a plain request.
    interim: &'static str,
    hops: Arc<Mutex<Vec<Hop>>>,
}

impl Proxy {
    /// An HTTP proxy; with a login if one is given, as `user:password`.
    ///
    /// # Panics
    ///
    /// When the system has no port to give.
    pub fn http(login: Option<&str>) -> Self {
        Self::start(serve_http, login, None)
    }

    /// The same, which lets connections through to this port only.
    ///
    /// # Panics
    ///
    /// When the system has no port to give.
    pub fn http_to(port: u16) -> Self {
        Self::start(serve_http, None, Some(port))
    }

    /// An HTTP proxy that sends interim answers first.
    ///
    /// # Panics
    ///
    /// When the system has no port to give.
    pub fn http_hesitating() -> Self {
        const INTERIM: &str =
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nX-Why: slow\r\n\r\n";
        Self::start_with(serve_http, None, None, INTERIM)
    }

    /// A SOCKS proxy. With version 4, the user of the login must be the one sent.
    ///
    /// # Panics
    ///
    /// When the system has no port to give.
    pub fn socks(login: Option<&str>) -> Self {
        Self::start(serve_socks, login, None)
    }

    /// The same, which lets connections through to this port only.
    ///
    /// # Panics
    ///
    /// When the system has no port to give.
    pub fn socks_to(port: u16) -> Self {
        Self::start(serve_socks, None, Some(port))
    }

    fn start(serve: Serve, login: Option<&str>, only_port: Option<u16>) -> Self {
        Self::start_with(serve, login, only_port, "")
    }

    fn start_with(
        serve: Serve,
        login: Option<&str>,
        only_port: Option<u16>,
        interim: &'static str,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let hops = Arc::default();
        let rules = Arc::new(Rules {
            login: login.map(str::to_owned),
            only_port,
            interim,
            hops: Arc::clone(&hops),
        });
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let rules = Arc::clone(&rules);
                // A client that breaks off is no matter.
                thread::spawn(move || _ = serve(&client, &rules));
            }
        });
        Self { address, hops }
    }

    /// Its address, such as `127.0.0.1:4711`.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it was asked for, oldest first.
    pub fn hops(&self) -> Vec<Hop> {
        let hops = self.hops.lock();
        hops.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Rules {
    fn note(&self, hop: Hop) {
        let hops = self.hops.lock();
        hops.unwrap_or_else(PoisonError::into_inner).push(hop);
    }

    /// Connects to a host; `Ok(None)` if the rules do not allow it.
    fn connect(&self, host: &str, port: u16) -> io::Result<Option<TcpStream>> {
        if host == NOWHERE {
            return Err(io::ErrorKind::NotFound.into());
        }
        if self.only_port.is_some_and(|only| only != port) {
            return Ok(None);
        }
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map(Some)
    }
}

// ---- HTTP ----------------------------------------------------------------

fn serve_http(mut client: &TcpStream, rules: &Rules) -> io::Result<()> {
    let mut from_client = BufReader::new(client.try_clone()?);
    let mut upstream: Option<TcpStream> = None;
    while let Some(head) = read_head(&mut from_client)? {
        let mut words = head.splitn(3, ' ');
        let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        rules.note(format!("{method} {target}"));
        client.write_all(rules.interim.as_bytes())?;
        if let Some(login) = &rules.login {
            let wanted = format!(
                "proxy-authorization: basic {}\r\n",
                BASE64_STANDARD.encode(login)
            );
            let name = "proxy-authorization: basic ".len();
            let sent = head.split_inclusive("\r\n").any(|line| {
                line.len() > name
                    && line[..name].eq_ignore_ascii_case(&wanted[..name])
                    && line[name..] == wanted[name..]
            });
            if !sent {
                return answer(client, "407 Proxy Authentication Required");
            }
        }
        let (place, path) = match target.strip_prefix("http://") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => (target, ""),
        };
        let (host, port) = place.rsplit_once(':').unwrap_or((place, "80"));
        if upstream.is_none() {
            match rules.connect(host, port.parse().unwrap_or(80)) {
                Ok(Some(server)) => upstream = Some(server),
                Ok(None) => return answer(client, "403 Forbidden"),
                Err(_) => return answer(client, "502 Bad Gateway"),
            }
            if method != "CONNECT" {
                copy_back(upstream.as_ref(), client)?;
            }
        }
        let Some(server) = &mut upstream else { break };
        if method == "CONNECT" {
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
            return splice(client, server);
        }
        let rest = head.splitn(3, ' ').nth(2).unwrap_or("");
        server.write_all(format!("{method} {path} {rest}").as_bytes())?;
    }
    Ok(())
}

/// A request's head; `None` at the end of the connection.
fn read_head(client: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if client.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(head))
}

/// An answer of the proxy itself, which names it as Squid does.
fn answer(mut client: &TcpStream, status: &str) -> io::Result<()> {
    write!(
        client,
        "HTTP/1.1 {status}\r\nServer: squid/6.13\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
}

/// Copies the answers of the server, on a thread.
fn copy_back(server: Option<&TcpStream>, client: &TcpStream) -> io::Result<()> {
    let Some(server) = server else { return Ok(()) };
    let (mut server, mut client) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        _ = io::copy(&mut server, &mut client);
        _ = client.shutdown(Shutdown::Both);
    });
    Ok(())
}

/// Copies both ways until one side ends.
fn splice(client: &TcpStream, server: &TcpStream) -> io::Result<()> {
    copy_back(Some(server), client)?;
    let outcome = io::copy(&mut { client }, &mut { server });
    _ = server.shutdown(Shutdown::Both);
    outcome.map(|_| ())
}

// ---- SOCKS ---------------------------------------------------------------

fn serve_socks(mut client: &TcpStream, rules: &Rules) -> io::Result<()> {
    match read::<1>(&mut client)? {
        [4] => serve_socks_4(client, rules),
        [5] => serve_socks_5(client, rules),
        _ => Ok(()),
    }
}

fn serve_socks_4(mut client: &TcpStream, rules: &Rules) -> io::Result<()> {
    let [_, high, low, ip @ ..] = read::<7>(&mut client)?;
    let port = u16::from_be_bytes([high, low]);
    let user = read_to_zero(&mut client)?;
    let (version, host) = if ip[..3] == [0, 0, 0] {
        ("SOCKS4a", read_to_zero(&mut client)?)
    } else {
        ("SOCKS4", Ipv4Addr::from(ip).to_string())
    };
    rules.note(format!("{version} {host}:{port}"));
    let is_known = rules.login.as_ref().is_none_or(|login| {
        let known = login.split(':').next();
        known == Some(&user)
    });
    let server = rules.connect(&host, port);
    let status = match &server {
        _ if !is_known => 93,
        Ok(Some(_)) => 90,
        _ => 91,
    };
    client.write_all(&[0, status, 0, 0, 0, 0, 0, 0])?;
    match server {
        Ok(Some(server)) if status == 90 => splice(client, &server),
        _ => Ok(()),
    }
}

fn serve_socks_5(mut client: &TcpStream, rules: &Rules) -> io::Result<()> {
    let [count] = read(&mut client)?;
    let mut methods = vec![0; usize::from(count)];
    client.read_exact(&mut methods)?;
    let wanted = if rules.login.is_some() { 2 } else { 0 };
    if !methods.contains(&wanted) {
        return client.write_all(&[5, 0xff]);
    }
    client.write_all(&[5, wanted])?;
    if let Some(login) = &rules.login {
        read::<1>(&mut client)?;
        let sent = format!("{}:{}", read_text(&mut client)?, read_text(&mut client)?);
        let status = u8::from(sent != *login);
        client.write_all(&[1, status])?;
        if status != 0 {
            return Ok(());
        }
    }
    let [_, _, _, kind] = read(&mut client)?;
    let host = match kind {
        1 => Ipv4Addr::from(read::<4>(&mut client)?).to_string(),
        3 => read_text(&mut client)?,
        _ => std::net::Ipv6Addr::from(read::<16>(&mut client)?).to_string(),
    };
    let port = u16::from_be_bytes(read(&mut client)?);
    rules.note(format!("SOCKS5 {host}:{port}"));
    let server = rules.connect(&host, port);
    let status = match &server {
        Ok(Some(_)) => 0,
        Ok(None) => 2,
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => 5,
        Err(_) => 4,
    };
    client.write_all(&[5, status, 0, 1, 0, 0, 0, 0, 0, 0])?;
    match server {
        Ok(Some(server)) => splice(client, &server),
        _ => Ok(()),
    }
}

fn read<const N: usize>(client: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    client.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A text with its length in front.
fn read_text(client: &mut impl Read) -> io::Result<String> {
    let [length] = read(client)?;
    let mut text = vec![0; usize::from(length)];
    client.read_exact(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn read_to_zero(client: &mut impl Read) -> io::Result<String> {
    let mut text = Vec::new();
    loop {
        match read(client)? {
            [0] => return Ok(String::from_utf8_lossy(&text).into_owned()),
            [byte] => text.push(byte),
        }
    }
}
