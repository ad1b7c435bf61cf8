//! Any bytes as an answer of `dslicsrv-all`.
#![no_main]

#[path = "status/law.rs"]
mod law;

use libfuzzer_sys::fuzz_target;
use lic_parse::status::dslicsrv_all::DslicsrvAll;

fuzz_target!(|text: &[u8]| law::check(&DslicsrvAll, text, b"\r\n"));
