//! Any bytes as a license file.
#![no_main]

#[path = "status/law.rs"]
mod law;

use libfuzzer_sys::fuzz_target;
use lic_parse::status::license_file::LicenseFile;

fuzz_target!(|text: &[u8]| law::check(&LicenseFile, text, b"\r\n"));
