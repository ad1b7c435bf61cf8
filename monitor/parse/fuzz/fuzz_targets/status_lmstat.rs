//! Any bytes as an answer of `lmstat`.
#![no_main]

#[path = "status/law.rs"]
mod law;

use libfuzzer_sys::fuzz_target;
use lic_parse::status::lmstat::Lmstat;

fuzz_target!(|text: &[u8]| law::check(&Lmstat, text, b"\r\n"));
