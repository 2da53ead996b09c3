//! What the threads of a server have in common.

use std::collections::HashMap;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::state::State;

/// What the threads of a server have in common.
pub(crate) struct Shared {
    pub(crate) address: SocketAddr,
    state: Mutex<State>,
    stopping: Mutex<bool>,
    stopped: Condvar,
    // The open connections, so that stopping can end reads and writes that wait.
    connections: Mutex<HashMap<u64, TcpStream>>,
}

impl Shared {
    pub(crate) fn new(address: SocketAddr, state: State) -> Self {
        Self {
            address,
            state: Mutex::new(state),
            stopping: Mutex::new(false),
            stopped: Condvar::new(),
            connections: Mutex::new(HashMap::new()),
        }
    }

    /// A hook that panicked ends its own connection, not the server.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Asks all threads to end.
    pub(crate) fn stop(&self) {
        let mut stopping = lock(&self.stopping);
        if *stopping {
            return;
        }
        *stopping = true;
        self.stopped.notify_all();
        drop(stopping);
        for connection in lock(&self.connections).values() {
            // It may be closed already.
            let _ = connection.shutdown(Shutdown::Both);
        }
        // Wakes the thread that accepts; if that fails it has ended already.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *lock(&self.stopping)
    }

    /// Waits until the server is asked to stop.
    pub(crate) fn wait_for_stop(&self) {
        let mut stopping = lock(&self.stopping);
        while !*stopping {
            stopping = self
                .stopped
                .wait(stopping)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for so many milliseconds; returns false, early, if the server stops.
    pub(crate) fn pause(&self, ms: u64) -> bool {
        let start = Instant::now();
        let whole = Duration::from_millis(ms);
        let mut stopping = lock(&self.stopping);
        while !*stopping {
            let left = whole.saturating_sub(start.elapsed());
            if left.is_zero() {
                return true;
            }
            stopping = self
                .stopped
                .wait_timeout(stopping, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        false
    }

    /// Remembers an open connection; returns false if the server stops and the connection should end.
    pub(crate) fn open(&self, number: u64, connection: TcpStream) -> bool {
        // The order matters: either `stop` finds the connection, or this finds the server stopping.
        lock(&self.connections).insert(number, connection);
        !self.is_stopping()
    }

    /// Forgets a connection, which lets it close when its own thread is through with it.
    pub(crate) fn close(&self, number: u64) {
        lock(&self.connections).remove(&number);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
