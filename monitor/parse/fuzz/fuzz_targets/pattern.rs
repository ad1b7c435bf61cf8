//! Any bytes as a log that an administrator describes. Law: a line means the same with and without a carriage return at its end,
//! and no checkout is of 0 seats.
#![no_main]

use std::sync::LazyLock;

use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use lic_parse::{
    LicenseSystem, Meaning,
    pattern::{Expressions, Pattern},
};
use lic_protocol::event::Fact;

const WHO: &str = r"(?<feature>\S+) (?<user>[^@]+)@(?<host>\S+)(?: x(?<count>\S+))?";

/// Made once: it takes longer than reading.
static SYSTEM: LazyLock<Pattern> = LazyLock::new(|| {
    let event = |action: &str, more: &str| Some(format!(r"^(?<at>\S+ \S+) {action} {WHO}{more}$"));
    let expressions = Expressions {
        time: "%F %T".to_owned(),
        checkout: event("OUT", r"(?: #(?<handle>\S+))?(?: in (?<project>.+))?"),
        checkin: event("IN", r"(?: #(?<handle>\S+))?"),
        denial: event("NO", r"(?:, (?<reason>.*))?"),
        exhausted: Some("(?i)all .* in use".to_owned()),
        noise: Some("^#|started".to_owned()),
    };
    Pattern::new(&expressions).expect("expressions")
});

fuzz_target!(|log: &[u8]| {
    let zone = || TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
    let (mut plain, mut with_cr) = (SYSTEM.log(zone(), None), SYSTEM.log(zone(), None));
    for line in log.split(|&byte| byte == b'\n') {
        let read = plain.line(line);
        assert_eq!(read, with_cr.line(&[line, b"\r"].concat()));
        if let Meaning::Event(Fact::Checkout(checkout)) = read.meaning {
            assert!(checkout.count > 0);
        }
    }
});
