//! Any bytes as an answer of `rlmstat`.
#![no_main]

#[path = "status/law.rs"]
mod law;

use libfuzzer_sys::fuzz_target;
use lic_parse::status::rlmstat::Rlmstat;

fuzz_target!(|text: &[u8]| law::check(&Rlmstat, text, b"\r\n"));
