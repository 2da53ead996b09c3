//! A pseudo-terminal: the program's side of it, and what was written there.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A terminal with nobody at it. What is written to it is read all the time, so that no writer waits.
pub struct Pty {
    program_side: File,
    reader: JoinHandle<Vec<u8>>,
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
        let reader = std::thread::spawn(move || {
            let mut seen = Vec::new();
            // The end is an error (EIO) once the last program has closed its side.
            _ = our_side.read_to_end(&mut seen);
            seen
        });
        Self {
            program_side,
            reader,
        }
    }

    pub fn stdio(&self) -> Stdio {
        self.program_side.try_clone().unwrap().into()
    }

    /// Runs the command to its end with stdout and stderr here; returns its exit code and the screen's input.
    pub fn run(self, command: &mut Command) -> (i32, String) {
        command.stdout(self.stdio()).stderr(self.stdio());
        let code = command.status().unwrap().code().unwrap();
        // The command holds copies of our descriptor, and the reader waits for the last one.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        (code, self.end())
    }

    /// What was written, once every program has ended.
    pub fn end(self) -> String {
        drop(self.program_side);
        String::from_utf8(self.reader.join().unwrap()).unwrap()
    }
}
