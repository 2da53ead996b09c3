#![no_main]

#[path = "../targets/bytes.rs"]
mod bytes;
#[path = "../targets/files.rs"]
mod files;

libfuzzer_sys::fuzz_target!(|data: &[u8]| files::files(data));
