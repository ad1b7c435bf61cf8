//! The law of all answers: no bytes end the program, all lines are counted, and how lines end means nothing.

use jiff::tz::TimeZone;
use lic_parse::status::{Answer, StatusFormat};
use lic_protocol::snapshot::Snapshot;

/// Of a text, and of the same with other line ends where `ends` turns a line feed into them.
pub fn check(format: &dyn StatusFormat, text: &[u8], ends: &[u8]) {
    let mut other = Vec::with_capacity(text.len());
    for &byte in text {
        if byte == b'\n' { other.extend_from_slice(ends) } else { other.push(byte) }
    }
    assert_eq!(read(format, text), read(format, &other));
}

fn read(format: &dyn StatusFormat, text: &[u8]) -> Snapshot {
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
    let mut read = format.read(&Answer { text, zone: &zone, asked: None });
    let coverage = &read.coverage;
    assert_eq!(coverage.lines, coverage.events + coverage.noise + coverage.unknown);
    // Examples hold the lines as they are.
    read.coverage.examples.clear();
    read
}
