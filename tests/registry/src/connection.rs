//! One connection, from its first request to its last.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::control;
use crate::faults::Action;
use crate::http::{NoRequest, Request, RequestReader};
use crate::response::{self, Response, Wire};
use crate::shared::Shared;
use crate::state::{Answer, Arrival, PageName};

/// How long the pieces are in which bodies are sent in chunks, in bytes.
const CHUNK: usize = 8 * 1024;

/// A web page where JSON should be: what a captive portal or a broken gateway answers.
const GARBAGE: &str = "<!DOCTYPE html><html><body><h1>It works!</h1></body></html>";

/// What happens to the connection after an answer.
#[derive(PartialEq)]
enum Then {
    Stay,
    Close,
    StopServer,
}

/// Serves requests until the client leaves, an answer says so, or the server stops.
pub(crate) fn serve(shared: &Shared, stream: &TcpStream, number: u64) {
    let mut reader = RequestReader::new(stream);
    loop {
        let then = match reader.next() {
            Ok(request) => Exchange {
                shared,
                stream,
                connection: number,
            }
            .run(&request),
            Err(NoRequest::Gone) => return,
            Err(NoRequest::Bad(status, why)) => {
                let wire = Wire {
                    chunked: false,
                    keep_alive: false,
                };
                // The connection ends anyway, whether the client reads this or not.
                let _ = send_whole(stream, &Response::error(status, why), wire);
                return;
            }
        };
        match then {
            Ok(Then::Stay) => {}
            Ok(Then::StopServer) => return shared.stop(),
            // An error means that the client left in the middle.
            Ok(Then::Close) | Err(_) => return,
        }
    }
}

/// One request and its answer.
struct Exchange<'a> {
    shared: &'a Shared,
    stream: &'a TcpStream,
    connection: u64,
}

impl Exchange<'_> {
    fn run(&self, request: &Request) -> io::Result<Then> {
        if let Some(command) = control::command(&request.path) {
            let (response, stops) = control::run(&mut self.shared.state(), command, request);
            let wire = Wire {
                chunked: false,
                keep_alive: request.keeps_alive() && !stops,
            };
            send_whole(self.stream, &response, wire)?;
            return Ok(match (stops, wire.keep_alive) {
                (true, _) => Then::StopServer,
                (false, true) => Then::Stay,
                (false, false) => Then::Close,
            });
        }
        let arrival = self.shared.state().arrive(request, self.connection);
        if arrival.delay_ms > 0 && !self.shared.pause(arrival.delay_ms) {
            return Ok(Then::Close);
        }
        let response = match &arrival.fault {
            Some(Action::Close) => return Ok(Then::Close),
            Some(Action::Reset) => {
                socket2::SockRef::from(self.stream).set_linger(Some(Duration::ZERO))?;
                return Ok(Then::Close);
            }
            Some(Action::NotHttp) => {
                self.write(b"SSH-2.0-OpenSSH_9.6\r\n\x00\x01\x02 this is not HTTP\r\n")?;
                return Ok(Then::Close);
            }
            Some(Action::Status {
                code,
                headers,
                body,
            }) => {
                let mut response = body.as_ref().map_or_else(
                    || response::plain_error(*code),
                    |body| Response::verbatim(*code, body),
                );
                for (name, value) in headers {
                    response.set_header(name, value);
                }
                self.finish(response, &arrival)
            }
            Some(Action::Garbage) => self.finish(Response::new(200, GARBAGE.into()), &arrival),
            Some(Action::Empty) => self.finish(Response::new(200, Vec::new()), &arrival),
            Some(Action::ReplaceBody { json }) => {
                self.finish(Response::verbatim(200, json), &arrival)
            }
            Some(Action::Bomb { megabytes }) => {
                let mut response = Response::new(200, bomb(*megabytes)?);
                response.set_header("Content-Encoding", "gzip");
                self.finish(response, &arrival)
            }
            Some(Action::Endless) => {
                self.finish(Response::new(200, b"{\"data\":[".to_vec()), &arrival)
            }
            _ => self.normal(request, &arrival)?,
        };
        self.deliver(request, &response, arrival.fault.as_ref())
    }

    /// The answer that nothing interferes with, compressed if that is wanted.
    fn normal(&self, request: &Request, arrival: &Arrival) -> io::Result<Response> {
        let mut state = self.shared.state();
        let Answer { mut response, page } = state.answer(request, arrival);
        state.finish(&mut response);
        state.log.answered(arrival.ticket, response.status);
        if !state.options.gzip || !request.accepts_gzip() || response.is_bodiless() {
            return Ok(response);
        }
        response.set_header("Content-Encoding", state.options.gzip_name.clone());
        if let Some(body) = page.as_ref().and_then(|page| state.compressed(page)) {
            response.body = body;
            return Ok(response);
        }
        // Compressing takes long; others need not wait for it.
        let (members, padding) = (state.options.gzip_members, state.options.gzip_padding);
        drop(state);
        self.compress(&mut response, page, members.max(1), padding)?;
        Ok(response)
    }

    fn compress(
        &self,
        response: &mut Response,
        page: Option<PageName>,
        members: usize,
        padding: usize,
    ) -> io::Result<()> {
        let mut compressed = Vec::with_capacity(response.body.len() / 3);
        let length = response.body.len().div_ceil(members).max(1);
        for member in response.body.chunks(length) {
            let mut encoder = GzEncoder::new(compressed, Compression::default());
            encoder.write_all(member)?;
            compressed = encoder.finish()?;
        }
        compressed.resize(compressed.len() + padding, 0);
        response.body = Arc::new(compressed);
        if let Some(page) = page {
            self.shared
                .state()
                .keep_compressed(page, Arc::clone(&response.body));
        }
        Ok(())
    }

    fn finish(&self, mut response: Response, arrival: &Arrival) -> Response {
        let mut state = self.shared.state();
        state.finish(&mut response);
        state.log.answered(arrival.ticket, response.status);
        response
    }

    /// Sends the answer in the way that the fault wants.
    fn deliver(
        &self,
        request: &Request,
        response: &Response,
        fault: Option<&Action>,
    ) -> io::Result<Then> {
        let wire = {
            let options = &self.shared.state().options;
            let chunked =
                fault == Some(&Action::Endless) || (options.chunked && request.is_http_1_1);
            Wire {
                chunked,
                keep_alive: options.keep_alive && request.keeps_alive(),
            }
        };
        let head = response.head(wire);
        if request.method == "HEAD" || response.is_bodiless() {
            self.write(&head)?;
            return Ok(if wire.keep_alive {
                Then::Stay
            } else {
                Then::Close
            });
        }
        let body = &response.body[..];
        match fault {
            Some(Action::Drip { ms, bytes }) => {
                self.drip(&head, body, wire, *ms, (*bytes).max(1))?;
            }
            Some(Action::StallAfter { bytes }) => {
                self.write(&with_start_of(body, *bytes, head, wire))?;
                self.hold();
                return Ok(Then::Close);
            }
            Some(Action::Cut { bytes }) => {
                self.write(&with_start_of(body, *bytes, head, wire))?;
                return Ok(Then::Close);
            }
            Some(Action::Endless) => {
                let mut out = head;
                wire.append_piece(&mut out, body);
                self.write(&out)?;
                let mut piece = Vec::new();
                wire.append_piece(&mut piece, &[b' '; CHUNK]);
                // Ends with an error when the client leaves or the server stops.
                loop {
                    self.write(&piece)?;
                }
            }
            _ => {
                self.shared.state().log.body_bytes += body.len() as u64;
                self.write(&whole(head, body, wire))?;
            }
        }
        Ok(if wire.keep_alive {
            Then::Stay
        } else {
            Then::Close
        })
    }

    fn drip(&self, head: &[u8], body: &[u8], wire: Wire, ms: u64, bytes: usize) -> io::Result<()> {
        self.write(head)?;
        for piece in body.chunks(bytes) {
            if !self.shared.pause(ms) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let mut out = Vec::with_capacity(piece.len() + 16);
            wire.append_piece(&mut out, piece);
            self.write(&out)?;
        }
        let mut end = Vec::new();
        wire.append_end(&mut end);
        self.write(&end)
    }

    /// Waits until the client leaves or the server stops.
    fn hold(&self) {
        let mut stream = self.stream;
        let mut ignored = [0; 1024];
        while matches!(stream.read(&mut ignored), Ok(count) if count > 0) {}
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut stream = self.stream;
        // Counted before they are sent: the client may look at the count as soon as it has them.
        self.shared.state().log.bytes += bytes.len() as u64;
        stream.write_all(bytes)
    }
}

fn send_whole(mut stream: &TcpStream, response: &Response, wire: Wire) -> io::Result<()> {
    stream.write_all(&whole(response.head(wire), &response.body, wire))
}

fn whole(head: Vec<u8>, body: &[u8], wire: Wire) -> Vec<u8> {
    let mut out = with_start_of(body, body.len(), head, wire);
    wire.append_end(&mut out);
    out
}

/// The head and the first `bytes` bytes of the body, without an end.
fn with_start_of(body: &[u8], bytes: usize, head: Vec<u8>, wire: Wire) -> Vec<u8> {
    let mut out = head;
    let start = &body[..bytes.min(body.len())];
    for piece in start.chunks(if wire.chunked { CHUNK } else { usize::MAX }) {
        wire.append_piece(&mut out, piece);
    }
    out
}

/// A gzip body that inflates to a page without rows but with so many million spaces.
fn bomb(megabytes: u64) -> io::Result<Vec<u8>> {
    let spaces = vec![b' '; 1_000_000];
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(b"{\"data\":[")?;
    for _ in 0..megabytes {
        encoder.write_all(&spaces)?;
    }
    encoder.write_all(b"],\"meta\":{\"total\":0,\"limit\":100,\"offset\":0}}")?;
    encoder.finish()
}
