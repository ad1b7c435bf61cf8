//! Any bytes as an answer of `lsmon`.
#![no_main]

#[path = "status/law.rs"]
mod law;

use libfuzzer_sys::fuzz_target;
use lic_parse::status::lsmon::Lsmon;

fuzz_target!(|text: &[u8]| law::check(&Lsmon, text, b"\r\n"));
