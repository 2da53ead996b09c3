#![no_main]

#[path = "../targets/answering.rs"]
mod answering;
#[path = "../targets/bytes.rs"]
mod bytes;
#[path = "../targets/folder.rs"]
mod folder;
#[path = "../targets/runs.rs"]
mod runs;

libfuzzer_sys::fuzz_target!(|data: &[u8]| runs::runs(data));
