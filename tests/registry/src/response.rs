//! Answers and how they look on the wire.

use std::io::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};

/// One answer.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Arc<Vec<u8>>,
    /// The body is sent although the status has none.
    pub(crate) is_rude: bool,
}

impl Response {
    /// JSON text.
    pub(crate) fn new(status: u16, body: Vec<u8>) -> Self {
        let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        Self {
            status,
            headers,
            body: Arc::new(body),
            is_rude: false,
        }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, body.to_string().into_bytes())
    }

    /// A string as it is, anything else as JSON.
    pub(crate) fn verbatim(status: u16, body: &Value) -> Self {
        match body {
            Value::String(text) => Self::new(status, text.clone().into_bytes()),
            other => Self::json(status, other),
        }
    }

    /// An error object.
    pub(crate) fn error(status: u16, error: &str) -> Self {
        Self::json(status, &json!({ "error": error }))
    }

    /// An error object with details.
    pub(crate) fn detailed_error(status: u16, error: &str, details: &str) -> Self {
        Self::json(status, &json!({ "error": error, "details": details }))
    }

    /// Takes the place of a header of the same name.
    pub(crate) fn set_header(&mut self, name: &str, value: impl Into<String>) {
        self.headers
            .retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
    }

    /// Adds a header unless there is one of that name.
    pub(crate) fn default_header(&mut self, name: &str, value: impl Into<String>) {
        if !self
            .headers
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(name))
        {
            self.headers.push((name.to_owned(), value.into()));
        }
    }

    /// Takes a header out again.
    pub(crate) fn drop_header(&mut self, name: &str) {
        self.headers
            .retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    }

    /// Such answers have neither a body nor a header that speaks of its length.
    pub(crate) fn is_bodiless(&self) -> bool {
        !self.is_rude && (self.status < 200 || self.status == 204 || self.status == 304)
    }

    /// Everything before the body, the empty line included.
    pub(crate) fn head(&self, wire: Wire) -> Vec<u8> {
        let mut head = Vec::with_capacity(512 + self.body.len());
        // Writing to a Vec cannot fail.
        let _ = write!(head, "HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if !self.is_bodiless() {
            let _ = if wire.chunked {
                write!(head, "Transfer-Encoding: chunked\r\n")
            } else {
                write!(head, "Content-Length: {}\r\n", self.body.len())
            };
        }
        let _ = write!(
            head,
            "Connection: {}\r\n\r\n",
            if wire.keep_alive {
                "keep-alive"
            } else {
                "close"
            }
        );
        head
    }
}

/// How an answer travels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wire {
    pub(crate) chunked: bool,
    pub(crate) keep_alive: bool,
}

impl Wire {
    /// Appends a piece of a body; an empty one is left out, since in chunks it would mean the end.
    pub(crate) fn append_piece(self, out: &mut Vec<u8>, piece: &[u8]) {
        if !self.chunked {
            out.extend_from_slice(piece);
        } else if !piece.is_empty() {
            let _ = write!(out, "{:x}\r\n", piece.len());
            out.extend_from_slice(piece);
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Appends what tells that the body ends.
    pub(crate) fn append_end(self, out: &mut Vec<u8>) {
        if self.chunked {
            out.extend_from_slice(b"0\r\n\r\n");
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        411 => "Length Required",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}

/// The error that a status carries when nothing else is said.
pub(crate) fn plain_error(status: u16) -> Response {
    Response::error(status, reason(status))
}
