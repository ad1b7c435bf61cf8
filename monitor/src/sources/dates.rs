//! The day that reading begins with, of a log whose lines do not all tell it: found by looking ahead, or back from where it ended.

use std::{fs::File, io, os::unix::fs::FileExt};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use lic_parse::{LicenseSystem, LogParser};

use super::lines::{Lines, RawLine};

/// Bytes read at a time.
const CHUNK_BYTES: usize = 64 * 1024;
/// How far ahead a date is looked for. FlexNet tells one every six hours.
const AHEAD_BYTES_MAX: u64 = 64 << 20;

/// Reads a log ahead of its reader, until a line tells the date.
pub struct Scout {
    parser: Box<dyn LogParser>,
    lines: Lines,
    read: u64,
}

impl Scout {
    /// A scout at the beginning of a log.
    #[must_use]
    pub fn new(system: &dyn LicenseSystem, zone: &TimeZone) -> Self {
        Self { parser: system.log(zone.clone(), None), lines: Lines::default(), read: 0 }
    }

    /// Whether it has seen enough.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.parser.first_day(None).is_some() || self.read >= AHEAD_BYTES_MAX
    }

    /// Reads the next bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        let parser = &mut self.parser;
        self.lines.take(bytes, |line, _| {
            if let RawLine::Whole(line) = line {
                parser.line(line);
            }
        });
        self.read += bytes.len() as u64;
    }

    /// The day of the first line; where none told it, counted back from `last`, the day of the last.
    #[must_use]
    pub fn first_day(&self, last: Option<Date>) -> Option<Date> {
        self.parser.first_day(last)
    }
}

/// A reader of `file` from its beginning. Where no line tells the date, the last one is of the day the file was written.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn from_the_beginning(
    system: &dyn LicenseSystem,
    zone: &TimeZone,
    file: &File,
) -> io::Result<Box<dyn LogParser>> {
    let mut parser = system.log(zone.clone(), None);
    if system.tells_dates() {
        return Ok(parser);
    }
    let mut scout = Scout::new(system, zone);
    let mut chunk = vec![0; CHUNK_BYTES];
    while !scout.is_done() {
        match file.read_at(&mut chunk, scout.read) {
            Ok(0) => break,
            Ok(count) => scout.take(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if let Some(day) = scout.first_day(written(file, zone)) {
        parser.begin(day);
    }
    Ok(parser)
}

/// Prepares `parser` for the lines `before` the place where it goes on, and all after that. `head` are lines at the beginning of
/// the file, which may tell who writes it; `last` is the newest time before that place.
pub(super) fn go_on(
    parser: &mut dyn LogParser,
    mut scout: Scout,
    zone: &TimeZone,
    (head, before): (&[u8], &[u8]),
    last: Option<Timestamp>,
) {
    for line in head.split(|byte| *byte == b'\n') {
        parser.line(line);
    }
    // What waited there was told long ago.
    parser.rest();
    scout.take(before);
    if let Some(day) = scout.first_day(last.map(|last| zone.to_datetime(last).date())) {
        parser.begin(day);
    }
}

/// The day a file was written last; `None` on a file system that does not keep it.
#[must_use]
pub fn written(file: &File, zone: &TimeZone) -> Option<Date> {
    let written = file.metadata().and_then(|metadata| metadata.modified()).ok()?;
    Timestamp::try_from(written).ok().map(|at| zone.to_datetime(at).date())
}
