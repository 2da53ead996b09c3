#![no_main]

#[path = "../targets/bytes.rs"]
mod bytes;
#[path = "../targets/runs.rs"]
mod runs;

libfuzzer_sys::fuzz_target!(|data: &[u8]| runs::runs(data));
