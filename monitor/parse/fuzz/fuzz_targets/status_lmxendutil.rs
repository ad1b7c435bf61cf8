//! Any bytes as an answer of `lmxendutil`.
#![no_main]

#[path = "status/law.rs"]
mod law;

use libfuzzer_sys::fuzz_target;
use lic_parse::status::lmxendutil::Lmxendutil;

fuzz_target!(|text: &[u8]| law::check(&Lmxendutil, text, b"\r\n"));
