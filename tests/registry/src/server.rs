//! The server that tests start and stop.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use serde_json::Value;

use crate::catalogue::Catalogue;
use crate::connection;
use crate::faults::Fault;
use crate::history::History;
use crate::log::{LoggedRequest, Stats};
use crate::options::Options;
use crate::shared::Shared;
use crate::state::State;

/// The path under which [`Server::base_url`] puts the endpoints; they answer under any other one too.
const BASE_PATH: &str = "/functions/v1";

/// A registry that listens on 127.0.0.1 until it is dropped.
///
/// Every method may be called from any thread at any time. Closures given to the methods run while the server waits,
/// so they must not call the server themselves.
pub struct Server {
    shared: Arc<Shared>,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

impl Server {
    /// Starts a server on a free port.
    ///
    /// # Panics
    ///
    /// When the system has no port or no thread to give.
    pub fn start(catalogue: Catalogue, options: Options) -> Self {
        Self::start_on(0, catalogue, options)
            .expect("a server on 127.0.0.1 needs a free port and a thread")
    }

    /// Starts a server on this port; 0 means any free one.
    pub fn start_on(port: u16, catalogue: Catalogue, options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let shared = Arc::new(Shared::new(
            listener.local_addr()?,
            State::new(catalogue, options),
        ));
        let for_thread = Arc::clone(&shared);
        let accepting = thread::Builder::new()
            .name("registry".to_owned())
            .spawn(move || accept(&for_thread, &listener))?;
        Ok(Self {
            shared,
            accepting: Mutex::new(Some(accepting)),
        })
    }

    /// The base URL for clients, such as `http://127.0.0.1:4711/functions/v1`.
    pub fn base_url(&self) -> String {
        self.origin() + BASE_PATH
    }

    /// The base URL without a path, such as `http://127.0.0.1:4711`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.shared.address.port()
    }

    /// Reads or changes the options; the next request sees the change. A changed rate limit begins a new window, a
    /// changed anonymous quota is counted from 0.
    pub fn options<R>(&self, change: impl FnOnce(&mut Options) -> R) -> R {
        self.shared.state().change_options(change)
    }

    /// Reads or changes the catalogue; the next request sees the change.
    pub fn catalogue<R>(&self, change: impl FnOnce(&mut Catalogue) -> R) -> R {
        change(&mut self.shared.state().catalogue)
    }

    /// The skills that complete listings give, in their order: the whole catalogue without the hidden rows.
    pub fn visible_skills(&self) -> Vec<Value> {
        self.shared.state().skills(false)
    }

    /// Adds a fault to those that wait for their occasion.
    pub fn fault(&self, fault: Fault) {
        self.shared.state().faults.push(fault);
    }

    /// The faults that may still happen.
    pub fn faults(&self) -> Vec<Fault> {
        self.shared.state().faults.clone()
    }

    /// Drops the faults that have not happened yet.
    pub fn clear_faults(&self) {
        self.shared.state().faults.clear();
    }

    /// Calls `hook` with the number of each listing request (from 1) and the catalogue, before the request is answered.
    /// It takes the place of an earlier hook.
    pub fn on_listing(&self, hook: impl FnMut(u64, &mut Catalogue) + Send + 'static) {
        self.shared.state().hook = Some(Box::new(hook));
    }

    /// The requests since the start or since the log was cleared, oldest first.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.state().log.requests().to_vec()
    }

    /// The requests for pages of skills among [`Server::requests`].
    pub fn listings(&self) -> Vec<LoggedRequest> {
        let state = self.shared.state();
        state
            .log
            .requests()
            .iter()
            .filter(|request| request.is_listing())
            .cloned()
            .collect()
    }

    /// Clears the log and begins to number requests from 1.
    pub fn clear_requests(&self) {
        self.shared.state().log.clear();
    }

    /// What the server has done since it was started or its log was cleared.
    pub fn stats(&self) -> Stats {
        self.shared.state().stats()
    }

    /// Gives the server a history for [`Server::replay`] and for the control endpoint. The catalogue stays as it is.
    pub fn set_history(&self, history: History) {
        self.shared.state().history = Some(history);
    }

    /// Makes the catalogue what it was after the first `events` events of the server's history; returns the number of
    /// skills. It is an error if there is no history or it has fewer events.
    pub fn replay(&self, events: usize) -> io::Result<usize> {
        let replayed = self.shared.state().replay(events);
        replayed.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
    }

    /// Waits until the server stops, be it by [`Server::stop`] or by the control endpoint.
    pub fn wait(&self) {
        self.shared.wait_for_stop();
        self.stop();
    }

    /// Closes all connections, whatever they are doing, and returns when all threads have ended. A second call does
    /// nothing.
    pub fn stop(&self) {
        self.shared.stop();
        let accepting = self
            .accepting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = accepting {
            // A thread that panicked has ended too.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Accepts connections until the server stops, then waits for the threads that serve them.
fn accept(shared: &Arc<Shared>, listener: &TcpListener) {
    let mut serving: Vec<JoinHandle<()>> = Vec::new();
    for number in 1_u64.. {
        let accepted = listener.accept();
        if shared.is_stopping() {
            break;
        }
        serving.retain(|thread| !thread.is_finished());
        match accepted.and_then(|(stream, _)| begin(shared, stream, number)) {
            Ok(thread) => serving.push(thread),
            // Too many open files, or the client left already: leave the others a moment to end.
            Err(_) => {
                if !shared.pause(10) {
                    break;
                }
            }
        }
    }
    for thread in serving {
        // A thread that panicked has ended too.
        let _ = thread.join();
    }
}

fn begin(shared: &Arc<Shared>, stream: TcpStream, number: u64) -> io::Result<JoinHandle<()>> {
    stream.set_nodelay(true)?;
    let for_stop = stream.try_clone()?;
    let shared = Arc::clone(shared);
    thread::Builder::new()
        .name(format!("registry connection {number}"))
        .spawn(move || {
            let open = Open {
                shared: &shared,
                number,
            };
            if shared.open(number, for_stop) {
                connection::serve(&shared, &stream, number);
            }
            drop(open);
        })
}

/// Forgets the connection at the end, even when a hook panics.
struct Open<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.shared.close(self.number);
    }
}
