//! An HTTP client as plain as can be, so that every byte the server sends can be looked at.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use skillsmith_test_registry::Server;

/// How long a read waits before a test fails: it only catches hangs.
const DEADLINE: Duration = Duration::from_secs(20);

/// An answer as it came.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Chunks are put together, compression is left.
    pub body: Vec<u8>,
    /// Whether the body was all that the head announced.
    pub complete: bool,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The rows of a page.
    pub fn rows(&self) -> Vec<Value> {
        self.json()["data"]
            .as_array()
            .expect("a page has data")
            .clone()
    }

    pub fn ids(&self) -> Vec<String> {
        self.rows()
            .iter()
            .map(|row| row["id"].as_str().expect("a row has an id").to_owned())
            .collect()
    }

    pub fn meta(&self) -> Value {
        self.json()["meta"].clone()
    }

    pub fn inflated(&self) -> Vec<u8> {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&self.body[..])
            .read_to_end(&mut plain)
            .expect("the body is gzip");
        plain
    }
}

/// A connection that stays open between requests.
pub struct Client {
    pub stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub fn new(server: &Server) -> Self {
        Self::to_port(server.port())
    }

    pub fn to_port(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
        stream
            .set_read_timeout(Some(DEADLINE))
            .expect("timeouts can be set");
        stream.set_nodelay(true).expect("so can this");
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    /// `GET` with further header lines.
    pub fn get_with(&mut self, target: &str, headers: &[&str]) -> Reply {
        self.send(request("GET", target, headers, "").as_bytes());
        self.reply()
    }

    pub fn get(&mut self, target: &str) -> Reply {
        self.get_with(target, &[])
    }

    pub fn request(&mut self, method: &str, target: &str, body: &str) -> Reply {
        self.send(request(method, target, &[], body).as_bytes());
        self.reply()
    }

    /// The answer, which must be HTTP.
    pub fn reply(&mut self) -> Reply {
        self.try_reply().expect("the server answers")
    }

    /// Nothing if the connection ends first.
    pub fn try_reply(&mut self) -> Option<Reply> {
        let (status, headers, length) = loop {
            if let Some(head) = parse_head(&self.buffer) {
                break head;
            }
            if !self.fill() {
                return None;
            }
        };
        self.buffer.drain(..length);
        let mut reply = Reply {
            status,
            headers,
            body: Vec::new(),
            complete: true,
        };
        if let Some(length) = reply.header("content-length") {
            let length: usize = length.parse().expect("a length is a number");
            (reply.body, reply.complete) = self.take(length);
        } else if reply.header("transfer-encoding") == Some("chunked") {
            loop {
                let line = self.line();
                let length = line.and_then(|line| usize::from_str_radix(line.trim(), 16).ok());
                let Some(length) = length else {
                    reply.complete = false;
                    break;
                };
                let (piece, complete) = self.take(length);
                reply.body.extend(piece);
                self.take(2);
                reply.complete &= complete;
                if length == 0 {
                    break;
                }
            }
        }
        Some(reply)
    }

    /// Reads so many bytes of whatever comes; fewer if the connection ends.
    pub fn take(&mut self, count: usize) -> (Vec<u8>, bool) {
        while self.buffer.len() < count && self.fill() {}
        let complete = self.buffer.len() >= count;
        let rest = self.buffer.split_off(count.min(self.buffer.len()));
        (std::mem::replace(&mut self.buffer, rest), complete)
    }

    /// Whether the server has closed or reset the connection; reads what is left.
    pub fn is_over(&mut self) -> bool {
        while self.fill() {}
        true
    }

    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Some(String::from_utf8_lossy(&line).into_owned());
            }
            if !self.fill() {
                return None;
            }
        }
    }

    /// Reads more; false at the end of the connection. A server that neither sends nor closes fails the test.
    fn fill(&mut self) -> bool {
        let mut piece = [0; 8192];
        match self.stream.read(&mut piece) {
            Ok(count) => {
                self.buffer.extend_from_slice(&piece[..count]);
                count > 0
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("a hang")
            }
            Err(_) => false,
        }
    }
}

/// One `GET` on a connection of its own.
pub fn get(server: &Server, target: &str) -> Reply {
    Client::new(server).get(target)
}

/// A page, without a base path.
pub fn page(server: &Server, query: &str) -> Reply {
    get(server, &format!("/skills-search?{query}"))
}

/// Reads the whole listing in pages of `limit`, by `meta.total`.
pub fn read_all(server: &Server, filter: &str, limit: usize) -> Vec<String> {
    let mut client = Client::new(server);
    let mut ids = Vec::new();
    let mut offset = 0;
    loop {
        let reply = client.get(&format!(
            "/skills-search?limit={limit}&offset={offset}{filter}"
        ));
        assert_eq!(reply.status, 200, "{}", reply.text());
        ids.extend(reply.ids());
        offset += limit;
        if offset as u64 >= reply.meta()["total"].as_u64().expect("the true total") {
            return ids;
        }
    }
}

fn request(method: &str, target: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().flat_map(|header| [header, "\r\n"]).collect();
    let length = if body.is_empty() {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", body.len())
    };
    format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{headers}{length}\r\n{body}")
}

type Head = (u16, Vec<(String, String)>, usize);

fn parse_head(bytes: &[u8]) -> Option<Head> {
    let mut headers = [httparse::EMPTY_HEADER; 50];
    let mut head = httparse::Response::new(&mut headers);
    match head.parse(bytes).expect("the server answers with HTTP") {
        httparse::Status::Partial => None,
        httparse::Status::Complete(length) => {
            let headers = head.headers.iter().map(|header| {
                (
                    header.name.to_ascii_lowercase(),
                    String::from_utf8_lossy(header.value).into_owned(),
                )
            });
            Some((
                head.code.expect("a status line has a status"),
                headers.collect(),
                length,
            ))
        }
    }
}
