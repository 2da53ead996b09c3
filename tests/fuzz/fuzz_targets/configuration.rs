#![no_main]

#[path = "../targets/bytes.rs"]
mod bytes;
#[path = "../targets/configuration.rs"]
mod configuration;
#[path = "../targets/folder.rs"]
mod folder;

libfuzzer_sys::fuzz_target!(|data: &[u8]| configuration::configuration(data));
