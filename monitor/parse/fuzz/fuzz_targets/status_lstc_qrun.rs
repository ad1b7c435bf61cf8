//! Any bytes as an answer of `lstc-qrun`.
#![no_main]

#[path = "status/law.rs"]
mod law;

use libfuzzer_sys::fuzz_target;
use lic_parse::status::lstc_qrun::LstcQrun;

fuzz_target!(|text: &[u8]| law::check(&LstcQrun, text, b"\r\n"));
