#![no_main]

#[path = "../targets/answering.rs"]
mod answering;
#[path = "../targets/bytes.rs"]
mod bytes;
#[path = "../targets/files.rs"]
mod files;
#[path = "../targets/folder.rs"]
mod folder;

libfuzzer_sys::fuzz_target!(|data: &[u8]| files::files(data));
