//! Any bytes as the XML of an OLicense server.
#![no_main]

#[path = "status/law.rs"]
mod law;

use libfuzzer_sys::fuzz_target;
use lic_parse::status::olicense_xml::OlicenseXml;

fuzz_target!(|text: &[u8]| law::check(&OlicenseXml, text, b"\n"));
