#![no_main]

#[path = "../targets/bytes.rs"]
mod bytes;
#[path = "../targets/calls.rs"]
mod calls;

libfuzzer_sys::fuzz_target!(|data: &[u8]| calls::calls(data));
