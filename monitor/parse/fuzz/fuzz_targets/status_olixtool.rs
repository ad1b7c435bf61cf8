//! Any bytes as an answer of `olixtool`.
#![no_main]

#[path = "status/law.rs"]
mod law;

use libfuzzer_sys::fuzz_target;
use lic_parse::status::olixtool::Olixtool;

fuzz_target!(|text: &[u8]| law::check(&Olixtool, text, b"\r\n"));
