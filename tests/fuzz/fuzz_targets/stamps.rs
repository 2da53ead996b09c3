#![no_main]

#[path = "../targets/stamps.rs"]
mod stamps;

libfuzzer_sys::fuzz_target!(|data: &[u8]| stamps::stamps(data));
