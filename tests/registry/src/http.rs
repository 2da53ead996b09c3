//! Reading requests off a connection.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;

/// The longest head of a request, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// The longest body of a request, in bytes; upserts of whole catalogues come through the control endpoint.
const MAX_BODY: usize = 1 << 30;

/// One request, read to its end.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Without the question mark, as it was sent.
    pub(crate) query: String,
    /// The query's parameters, decoded; of several with one name the last.
    pub(crate) params: BTreeMap<String, String>,
    /// By lower-case name; several with one name are joined with commas.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) is_http_1_1: bool,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }

    /// Whether the client wants to send more on this connection.
    pub(crate) fn keeps_alive(&self) -> bool {
        let says = |word| has_token(self.header("connection"), word);
        if self.is_http_1_1 {
            !says("close")
        } else {
            says("keep-alive")
        }
    }

    pub(crate) fn accepts_gzip(&self) -> bool {
        self.header("accept-encoding")
            .unwrap_or_default()
            .split(',')
            .any(|coding| {
                let mut parts = coding.split(';').map(str::trim);
                let named = parts
                    .next()
                    .is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
                named
                    && !parts.any(|part| {
                        part.strip_prefix("q=").and_then(|q| q.parse().ok()) == Some(0.0)
                    })
            })
    }
}

/// Why there is no request.
#[derive(Debug)]
pub(crate) enum NoRequest {
    /// The client left, or the server stops.
    Gone,
    /// The client sent something that deserves this status and this explanation.
    Bad(u16, &'static str),
}

impl From<io::Error> for NoRequest {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Reads one request after the other from a connection.
pub(crate) struct RequestReader<'a> {
    stream: &'a TcpStream,
    // What was read but belongs to the next request.
    buffer: Vec<u8>,
}

impl<'a> RequestReader<'a> {
    pub(crate) fn new(stream: &'a TcpStream) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    pub(crate) fn next(&mut self) -> Result<Request, NoRequest> {
        let (mut request, head_length) = loop {
            if let Some(parsed) = parse_head(&self.buffer)? {
                break parsed;
            }
            if self.buffer.len() > MAX_HEAD {
                return Err(NoRequest::Bad(431, "the head of the request is too long"));
            }
            self.read_more()?;
        };
        self.buffer.drain(..head_length);
        if has_token(request.header("expect"), "100-continue") {
            let mut stream = self.stream;
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        request.body = self.read_body(&request)?;
        Ok(request)
    }

    fn read_body(&mut self, request: &Request) -> Result<Vec<u8>, NoRequest> {
        if request.header("transfer-encoding").is_some() {
            return Err(NoRequest::Bad(411, "a request body needs a Content-Length"));
        }
        let Some(length) = request.header("content-length") else {
            return Ok(Vec::new());
        };
        let length: usize = length
            .parse()
            .map_err(|_| NoRequest::Bad(400, "Content-Length is not a number"))?;
        if length > MAX_BODY {
            return Err(NoRequest::Bad(413, "the body of the request is too long"));
        }
        while self.buffer.len() < length {
            self.read_more()?;
        }
        let rest = self.buffer.split_off(length);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    fn read_more(&mut self) -> Result<(), NoRequest> {
        let mut piece = [0; 16 * 1024];
        let mut stream = self.stream;
        match stream.read(&mut piece)? {
            0 => Err(NoRequest::Gone),
            count => {
                self.buffer.extend_from_slice(&piece[..count]);
                Ok(())
            }
        }
    }
}

/// The request and the length of its head; nothing if the head is not complete.
fn parse_head(bytes: &[u8]) -> Result<Option<(Request, usize)>, NoRequest> {
    let mut headers = [httparse::EMPTY_HEADER; 100];
    let mut parsed = httparse::Request::new(&mut headers);
    let length = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(NoRequest::Bad(400, "this is not an HTTP request")),
    };
    let target = without_origin(parsed.path.unwrap_or("/"));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut named = BTreeMap::<String, String>::new();
    for header in parsed.headers.iter() {
        let value = String::from_utf8_lossy(header.value);
        named
            .entry(header.name.to_ascii_lowercase())
            .and_modify(|earlier| *earlier = format!("{earlier}, {value}"))
            .or_insert_with(|| value.into_owned());
    }
    let request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        params: parse_query(query),
        headers: named,
        is_http_1_1: parsed.version == Some(1),
        body: Vec::new(),
    };
    Ok(Some((request, length)))
}

/// Clients of a proxy send `http://host/path`; only the path matters here.
fn without_origin(target: &str) -> &str {
    let Some((_, rest)) = target
        .split_once("://")
        .filter(|(scheme, _)| !scheme.starts_with('/'))
    else {
        return target;
    };
    rest.find('/').map_or("/", |start| &rest[start..])
}

fn has_token(header: Option<&str>, token: &str) -> bool {
    header
        .unwrap_or_default()
        .split(',')
        .any(|one| one.trim().eq_ignore_ascii_case(token))
}

fn parse_query(query: &str) -> BTreeMap<String, String> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// Undoes the encoding of forms: `+` is a space, `%41` a byte. What is no such code is left as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = bytes
            .get(at + 1..at + 3)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match (
            bytes[at],
            code.filter(|c| !c.starts_with('+'))
                .and_then(|c| u8::from_str_radix(c, 16).ok()),
        ) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 2;
            }
            (b'+', _) => decoded.push(b' '),
            (byte, _) => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let params = parse_query("query=caf%C3%A9+noir&empty=&flag&x=100%&y=%zz&z=%+1");
        assert_eq!(params["query"], "café noir");
        assert_eq!(
            (params["empty"].as_str(), params["flag"].as_str()),
            ("", "")
        );
        assert_eq!(
            (
                params["x"].as_str(),
                params["y"].as_str(),
                params["z"].as_str()
            ),
            ("100%", "%zz", "% 1")
        );
    }

    #[test]
    fn the_origin_of_an_absolute_target_is_dropped() {
        assert_eq!(
            without_origin("http://127.0.0.1:80/a/b?c=://d"),
            "/a/b?c=://d"
        );
        assert_eq!(without_origin("http://host"), "/");
        assert_eq!(without_origin("/a?b=http://c/d"), "/a?b=http://c/d");
    }

    #[test]
    fn gzip_is_accepted_unless_its_weight_is_zero() {
        let accepts = |value: &str| {
            let head = format!("GET / HTTP/1.1\r\nAccept-Encoding: {value}\r\n\r\n");
            parse_head(head.as_bytes())
                .unwrap()
                .unwrap()
                .0
                .accepts_gzip()
        };
        assert!(accepts("gzip") && accepts("deflate, GZIP;q=0.5") && accepts("*"));
        assert!(!accepts("deflate") && !accepts("gzip;q=0") && !accepts("x-gzipped"));
    }
}
