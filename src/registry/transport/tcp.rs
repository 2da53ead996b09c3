//! A TCP connection for ureq, whose own one cannot be made from a socket.

use std::io::{self, Read, Write};
use std::mem;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, ShutdownHandle, Transport};

use super::control::Control;
use super::failure::Failure;

/// How the alert begins that a server with TLS answers a plain request with.
const ALERT: [u8; 2] = [0x15, 3];

/// An established connection.
#[derive(Debug)]
pub(super) struct Tcp {
    socket: Arc<Socket>,
    buffers: LazyBuffers,
    control: Arc<Control>,
    /// What comes first must not be TLS.
    is_plain: bool,
}

#[derive(Debug)]
struct Socket(TcpStream);

impl ShutdownHandle for Socket {
    fn shutdown(&self) {
        // It fails if the connection is closed already.
        _ = self.0.shutdown(Shutdown::Both);
    }
}

impl Tcp {
    /// `is_plain`: a registry without TLS is at the other end.
    pub(super) fn new(
        stream: TcpStream,
        buffers: LazyBuffers,
        control: Arc<Control>,
        is_plain: bool,
    ) -> Self {
        Self {
            socket: Arc::new(Socket(stream)),
            buffers,
            control,
            is_plain,
        }
    }

    /// Shuts the connection down from another thread.
    pub(super) fn shutdown_handle(&self) -> Weak<dyn ShutdownHandle> {
        let socket: Arc<dyn ShutdownHandle> = Arc::clone(&self.socket) as _;
        Arc::downgrade(&socket)
    }
}

impl Transport for Tcp {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let timeout = timeout.for_write();
        let mut stream = &self.socket.0;
        set(stream.set_write_timeout(left(timeout, Duration::ZERO)?))?;
        let output = &self.buffers.output()[..amount];
        stream
            .write_all(output)
            .map_err(|error| of_io(error, timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let timeout = self.control.bounded(timeout.for_read());
        let mut stream = &self.socket.0;
        let begun = Instant::now();
        let input = self.buffers.input_append_buf();
        let amount = loop {
            set(stream.set_read_timeout(left(timeout, begun.elapsed())?))?;
            match stream.read(input) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(of_io(error, timeout)),
                Ok(amount) => break amount,
            }
        };
        if mem::take(&mut self.is_plain) && input.starts_with(&ALERT) {
            let words = "its answer is TLS. Check the address: http:// has no TLS, https:// has.";
            return Err(Failure::new(words).into());
        }
        self.buffers.input_appended(amount);
        self.control.count(amount)?;
        Ok(amount > 0)
    }

    /// Whether the other side has neither closed the connection nor sent what nobody asked for.
    fn is_open(&mut self) -> bool {
        let mut stream = &self.socket.0;
        if stream.set_nonblocking(true).is_err() {
            return false;
        }
        let quiet = stream
            .read(&mut [0])
            .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        quiet && stream.set_nonblocking(false).is_ok()
    }
}

/// The timeout of a socket, which cannot be zero; none if there is no limit.
fn left(timeout: NextTimeout, spent: Duration) -> Result<Option<Duration>, ureq::Error> {
    if timeout.after.is_not_happening() {
        return Ok(None);
    }
    let left = timeout.after.saturating_sub(spent);
    if left.is_zero() {
        return Err(ureq::Error::Timeout(timeout.reason));
    }
    Ok(Some(left))
}

/// macOS refuses to change the timeouts of a connection that the other side has closed, whose last
/// answer may still be there to read.
fn set(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if cfg!(target_os = "macos") && error.kind() == io::ErrorKind::InvalidInput => {
            Ok(())
        }
        outcome => outcome,
    }
}

fn of_io(error: io::Error, timeout: NextTimeout) -> ureq::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ureq::Error::Timeout(timeout.reason),
        _ => ureq::Error::Io(error),
    }
}
