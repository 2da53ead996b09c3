#![no_main]

#[path = "../targets/page.rs"]
mod page;

libfuzzer_sys::fuzz_target!(|data: &[u8]| page::page(data));
