//! Any bytes as an answer of `dslicsrv`.
#![no_main]

#[path = "status/law.rs"]
mod law;

use libfuzzer_sys::fuzz_target;
use lic_parse::status::dslicsrv::Dslicsrv;

fuzz_target!(|text: &[u8]| law::check(&Dslicsrv, text, b"\r\n"));
