//! Any bytes as an RLM log. Law: a line means the same with and without a carriage return at its end,
//! and what it tells of lines before.
#![no_main]

use jiff::{civil::date, tz::TimeZone};
use libfuzzer_sys::fuzz_target;
use lic_parse::registry;

fuzz_target!(|log: &[u8]| {
    let system = registry::license_system("rlm").expect("a known system");
    let zone = || TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
    let (mut plain, mut with_cr) = (system.log(zone(), None), system.log(zone(), None));
    plain.begin(date(2025, 10, 26));
    with_cr.begin(date(2025, 10, 26));
    for line in log.split(|&byte| byte == b'\n') {
        assert_eq!(plain.line(line), with_cr.line(&[line, b"\r"].concat()));
        assert_eq!(plain.late(), with_cr.late());
    }
    assert_eq!(plain.rest(), with_cr.rest());
    assert_eq!(plain.first_day(None), with_cr.first_day(None));
});
