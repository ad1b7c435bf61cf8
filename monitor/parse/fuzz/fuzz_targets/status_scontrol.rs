//! Any bytes as an answer of `scontrol`.
#![no_main]

#[path = "status/law.rs"]
mod law;

use libfuzzer_sys::fuzz_target;
use lic_parse::status::scontrol::Scontrol;

fuzz_target!(|text: &[u8]| law::check(&Scontrol, text, b"\r\n"));
