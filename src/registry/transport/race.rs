//! Connecting to a host with several addresses, as RFC 8305 ("Happy Eyeballs") says: an address
//! that does not answer delays the next one by a quarter of a second, and no longer.
//!
//! All on the thread of the caller: the sockets connect without blocking, and one `poll` waits for
//! them.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

use super::failure::Deadline;
use crate::unpoisoned::lock;

/// "Connection Attempt Delay" of RFC 8305.
const STAGGER: Duration = Duration::from_millis(250);

/// When the last of many addresses is tried at the latest: a health check ends after 5 s.
const ALL_BEGUN: Duration = Duration::from_secs(2);

/// How long a cancellation may stay unnoticed.
pub(super) const SLICE: Duration = Duration::from_millis(50);

/// The first connection that comes about. Its address is remembered in `last`, and goes first then.
pub(super) fn connect(
    addresses: &[SocketAddr],
    last: &Mutex<Option<SocketAddr>>,
    deadline: &Deadline,
    cut: &AtomicBool,
) -> Result<TcpStream, ureq::Error> {
    let ordered = order(addresses, *lock(last));
    let stream = run(&ordered, deadline, cut)?;
    *lock(last) = stream.peer_addr().ok();
    Ok(stream)
}

/// Tries the addresses in this order.
fn run(
    addresses: &[SocketAddr],
    deadline: &Deadline,
    cut: &AtomicBool,
) -> Result<TcpStream, ureq::Error> {
    let mut race = Race {
        waiting: addresses.iter(),
        stagger: stagger(addresses.len()),
        open: Vec::new(),
        next: Instant::now(),
        failure: None,
    };
    loop {
        if cut.load(Ordering::Relaxed) {
            return Err(interrupted());
        }
        let left = deadline.left()?;
        if let Some(stream) = race.begin_when_due() {
            return Ok(stream);
        }
        if race.is_over() {
            let none = || ureq::Error::HostNotFound;
            return Err(race.failure.map_or_else(none, ureq::Error::Io));
        }
        if let Some(stream) = race.wait(left.min(SLICE))? {
            return Ok(stream);
        }
    }
}

/// The error of a wait that a cancellation ended.
pub(super) fn interrupted() -> ureq::Error {
    ureq::Error::Io(io::ErrorKind::Interrupted.into())
}

/// The order of the attempts: families take turns, beginning with the one that the system prefers;
/// what worked last time goes first.
pub(super) fn order(addresses: &[SocketAddr], last: Option<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addresses.first() else {
        return Vec::new();
    };
    let (same, other): (Vec<_>, Vec<_>) = addresses
        .iter()
        .copied()
        .partition(|address| address.is_ipv6() == first.is_ipv6());
    let (mut same, mut other) = (same.into_iter(), other.into_iter());
    let mut ordered: Vec<_> = last
        .filter(|last| addresses.contains(last))
        .into_iter()
        .collect();
    loop {
        let pair = [same.next(), other.next()];
        if pair == [None, None] {
            return ordered;
        }
        for address in pair.into_iter().flatten() {
            if !ordered.contains(&address) {
                ordered.push(address);
            }
        }
    }
}

/// The delay between the attempts at so many addresses. With the most that there can be, it is more than the
/// 100 ms which RFC 8305 recommends as the least.
fn stagger(addresses: usize) -> Duration {
    let addresses = u32::try_from(addresses).unwrap_or(u32::MAX).max(1);
    STAGGER.min(ALL_BEGUN / addresses)
}

struct Race<'a> {
    waiting: std::slice::Iter<'a, SocketAddr>,
    /// Between two attempts.
    stagger: Duration,
    /// Attempts under way.
    open: Vec<Socket>,
    /// When the next attempt begins.
    next: Instant,
    /// The failure to report if no attempt succeeds.
    failure: Option<io::Error>,
}

impl Race<'_> {
    /// Begins the next attempt if it is time. Returns a connection if it is there at once.
    fn begin_when_due(&mut self) -> Option<TcpStream> {
        while Instant::now() >= self.next {
            let address = self.waiting.next()?;
            match begin(*address) {
                Ok((socket, true)) => match blocking(socket) {
                    Ok(stream) => return Some(stream),
                    Err(error) => self.failed(error),
                },
                Ok((socket, false)) => {
                    self.open.push(socket);
                    self.next = Instant::now() + self.stagger;
                }
                Err(error) => self.failed(error),
            }
        }
        None
    }

    fn is_over(&self) -> bool {
        self.open.is_empty() && self.waiting.as_slice().is_empty()
    }

    /// Waits until an attempt ends, the next one is due, or the time is up.
    fn wait(&mut self, most: Duration) -> Result<Option<TcpStream>, ureq::Error> {
        let mut pause = most;
        if !self.waiting.as_slice().is_empty() {
            pause = pause.min(self.next.saturating_duration_since(Instant::now()));
        }
        let ended = ended(&self.open, pause)?;
        // From the end, so that the indices of the others stay.
        for index in ended.into_iter().rev() {
            let socket = self.open.remove(index);
            match outcome(&socket).and_then(|()| blocking(socket)) {
                Ok(stream) => return Ok(Some(stream)),
                Err(error) => {
                    self.failed(error);
                    self.next = Instant::now();
                }
            }
        }
        Ok(None)
    }

    /// Keeps the failure that says most: a refusal says more than a missing route.
    fn failed(&mut self, error: io::Error) {
        let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        if refused(&error) || !self.failure.as_ref().is_some_and(refused) {
            self.failure = Some(error);
        }
    }
}

/// Begins to connect. Returns the socket, and whether it is connected already.
fn begin(address: SocketAddr) -> io::Result<(Socket, bool)> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Ok(()) => Ok((socket, true)),
        Err(error) if is_under_way(&error) => Ok((socket, false)),
        Err(error) => Err(error),
    }
}

fn is_under_way(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
        || error.raw_os_error() == Some(Errno::INPROGRESS.raw_os_error())
}

/// The indices of the sockets that are connected or have failed.
fn ended(open: &[Socket], pause: Duration) -> Result<Vec<usize>, ureq::Error> {
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let mut polled: Vec<_> = open
        .iter()
        .map(|socket| PollFd::new(socket, PollFlags::OUT))
        .collect();
    // Rounded up, so that the last millisecond is no busy loop.
    let pause = pause.max(Duration::from_millis(1));
    let pause = Timespec::try_from(pause).map_err(|_| interrupted())?;
    match poll(&mut polled, Some(&pause)) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(ureq::Error::Io(error.into())),
    }
    let ended = polled.iter().enumerate();
    Ok(ended
        .filter(|(_, polled)| !polled.revents().is_empty())
        .map(|(index, _)| index)
        .collect())
}

/// Whether the attempt succeeded.
fn outcome(socket: &Socket) -> io::Result<()> {
    match socket.take_error()? {
        Some(error) => Err(error),
        None => socket.peer_addr().map(|_| ()),
    }
}

fn blocking(socket: Socket) -> io::Result<TcpStream> {
    socket.set_nonblocking(false)?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_what_worked_goes_first() {
        let [a, b, c, d]: [SocketAddr; 4] = ["[::1]:1", "[::2]:1", "127.0.0.1:1", "127.0.0.2:1"]
            .map(|address| address.parse().unwrap());
        assert_eq!(order(&[a, b, c, d], None), [a, c, b, d]);
        assert_eq!(order(&[c, d, a, c], None), [c, a, d]);
        assert_eq!(order(&[a, b, c, d], Some(d)), [d, a, c, b]);
        // The host has other addresses now.
        assert_eq!(order(&[a, c], Some(d)), [a, c]);
        assert_eq!(order(&[], Some(d)), []);
    }

    #[test]
    fn many_addresses_are_all_tried_before_a_health_check_ends() {
        for (addresses, milliseconds) in [(0, 250), (1, 250), (2, 250), (8, 250), (16, 125)] {
            let expected = Duration::from_millis(milliseconds);
            assert_eq!(stagger(addresses), expected, "{addresses}");
        }
    }

    /// Addresses that nobody answers at: the queue of each is full.
    #[cfg(target_os = "linux")]
    fn silent(hosts: &[&str]) -> (Vec<SocketAddr>, Vec<Socket>) {
        let (mut addresses, mut sockets) = (Vec::new(), Vec::new());
        for host in hosts {
            let any: SocketAddr = host.parse().unwrap();
            let listener = Socket::new(Domain::for_address(any), Type::STREAM, None).unwrap();
            listener.bind(&any.into()).unwrap();
            listener.listen(0).unwrap();
            let address = listener.local_addr().unwrap().as_socket().unwrap();
            for _ in 0..3 {
                sockets.push(begin(address).unwrap().0);
            }
            addresses.push(address);
            sockets.push(listener);
        }
        (addresses, sockets)
    }

    fn deadline(seconds: u64) -> Deadline {
        Deadline::new(ureq::unversioned::transport::NextTimeout {
            after: Duration::from_secs(seconds).into(),
            reason: ureq::Timeout::Connect,
            ..Default::default()
        })
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_address_that_does_not_answer_holds_no_other_one_up() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (mut addresses, _full) = silent(&["[::1]:0", "127.0.0.2:0", "127.0.0.3:0"]);
        addresses.push(listener.local_addr().unwrap());
        // If they were tried in turn, the first would use all of it up.
        let (last, cut) = (Mutex::default(), AtomicBool::new(false));
        let stream = connect(&addresses, &last, &deadline(60), &cut).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addresses[3]);
        // It is not found out again.
        assert_eq!(*lock(&last), Some(addresses[3]));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_race_ends_at_its_deadline_and_when_it_is_cancelled() {
        let (addresses, _full) = silent(&["[::1]:0", "127.0.0.2:0"]);
        let error = run(&addresses, &deadline(1), &AtomicBool::new(false)).unwrap_err();
        assert!(matches!(
            error,
            ureq::Error::Timeout(ureq::Timeout::Connect)
        ));
        let cut = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let race = scope.spawn(|| run(&addresses, &deadline(3600), &cut));
            cut.store(true, Ordering::Relaxed);
            let error = race.join().unwrap().unwrap_err();
            assert!(
                matches!(error, ureq::Error::Io(io) if io.kind() == io::ErrorKind::Interrupted)
            );
        });
    }

    #[test]
    fn a_refusal_is_reported_if_nothing_else_answers() {
        let free = || {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap()
        };
        // No route leads to the last one.
        let addresses = [free(), free(), "[100::1]:1".parse().unwrap()];
        let error = run(&addresses, &deadline(60), &AtomicBool::new(false)).unwrap_err();
        assert!(
            matches!(&error, ureq::Error::Io(io) if io.kind() == io::ErrorKind::ConnectionRefused),
            "{error:?}"
        );
        let error = run(&[], &deadline(60), &AtomicBool::new(false)).unwrap_err();
        assert!(matches!(error, ureq::Error::HostNotFound));
    }
}
