//! A pseudo-terminal: the program's side of it, and its input.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::wait_until;

/// A terminal, on which tests can type. Its output is read continuously, so that no writer blocks.
pub struct Pty {
    program_side: File,
    keyboard: File,
    seen: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Pty {
    pub fn new(columns: u16) -> Self {
        let our_side: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&our_side).unwrap();
        unlockpt(&our_side).unwrap();
        let name = ptsname(&our_side, Vec::new()).unwrap();
        let size = Winsize {
            ws_row: 24,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&our_side, size).unwrap();
        let program_side = File::options()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let mut our_side = File::from(our_side);
        let keyboard = our_side.try_clone().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let reader = std::thread::spawn({
            let seen = Arc::clone(&seen);
            move || {
                let mut chunk = [0; 4096];
                // At the end, when the last program has closed its side, reading fails with EIO.
                while let Ok(read @ 1..) = our_side.read(&mut chunk) {
                    seen.lock().unwrap().extend(&chunk[..read]);
                }
            }
        });
        Self {
            program_side,
            keyboard,
            seen,
            reader,
        }
    }

    pub fn stdio(&self) -> Stdio {
        self.program_side.try_clone().unwrap().into()
    }

    /// Waits until this text was written.
    pub fn wait_for(&self, text: &str) {
        wait_until(text, || {
            let seen = self.seen.lock().unwrap();
            String::from_utf8_lossy(&seen).contains(text)
        });
    }

    /// Types; the program reads it as soon as it asks.
    pub fn type_in(&self, keys: &str) {
        (&self.keyboard).write_all(keys.as_bytes()).unwrap();
    }

    /// Runs the command to its end with stdout and stderr on this terminal; returns its exit code
    /// and its output.
    pub fn run(self, command: &mut Command) -> (i32, String) {
        command.stdout(self.stdio()).stderr(self.stdio());
        let code = command.status().unwrap().code().unwrap();
        // The command holds copies of our descriptor, and the reader waits until the last one is
        // closed.
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        (code, self.end())
    }

    /// What was written, once every program has ended.
    pub fn end(self) -> String {
        drop(self.program_side);
        self.reader.join().unwrap();
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        String::from_utf8(seen).unwrap()
    }
}
