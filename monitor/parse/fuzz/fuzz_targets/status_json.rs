//! Any bytes as a status in JSON.
#![no_main]

#[path = "status/law.rs"]
mod law;

use libfuzzer_sys::fuzz_target;
use lic_parse::status::json::Json;

fuzz_target!(|text: &[u8]| law::check(&Json, text, b"\n"));
