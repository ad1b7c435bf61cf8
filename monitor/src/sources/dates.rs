//! The day that reading begins with, of a log whose lines do not all tell it: found by looking ahead, or back from where it ended.

use std::{
    fs::File,
    io::{self, Read},
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use lic_parse::{LicenseSystem, LogParser};

use super::{
    encoding::Encoding,
    lines::{Lines, RawLine},
    unpack::FromStart,
};

/// Bytes read at a time.
const CHUNK_BYTES: usize = 64 * 1024;
/// How far ahead a date is looked for in a file. FlexNet tells one every six hours, but RLM only when it starts: a log of it may
/// have none at all, and then counts from its end. It takes seconds, in which nobody can be stopped. Where no date is found
/// within, the day is not known.
pub const AHEAD_BYTES_MAX: u64 = 1 << 30;
/// The same in what cannot be read twice, and is kept in memory.
pub const KEPT_BYTES_MAX: u64 = 64 << 20;

/// Reads a log ahead of its reader, until a line tells the date.
pub struct Scout {
    parser: Box<dyn LogParser>,
    lines: Lines,
    read: u64,
}

impl Scout {
    /// A scout at the beginning of a log.
    #[must_use]
    pub fn new(system: &dyn LicenseSystem, zone: &TimeZone, encoding: Encoding) -> Self {
        Self { parser: system.log(zone.clone(), None), lines: Lines::new(encoding), read: 0 }
    }

    fn encoding(&self) -> Encoding {
        self.lines.encoding()
    }

    fn take(&mut self, bytes: &[u8]) {
        let parser = &mut self.parser;
        self.lines.take(bytes, |line, _| {
            if let RawLine::Whole(line) = line {
                parser.line(line);
            }
        });
        self.read += bytes.len() as u64;
    }

    /// Whether the log was read to its end, or as far as it needed.
    fn scan(
        &mut self,
        from: &mut impl Read,
        bytes_max: u64,
        mut each: impl FnMut(&[u8]),
    ) -> io::Result<bool> {
        let mut chunk = vec![0; CHUNK_BYTES];
        while self.parser.first_day(None).is_none() {
            if self.read >= bytes_max {
                return Ok(false);
            }
            match from.read(&mut chunk) {
                Ok(0) => return Ok(true),
                Ok(count) => {
                    self.take(&chunk[..count]);
                    each(&chunk[..count]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// The day of the first line; where none told it, counted back from `last`, the day of the last.
    fn first_day(&self, last: Option<Date>) -> Option<Date> {
        self.parser.first_day(last)
    }
}

/// A reader of the log that `from` gives, from its beginning. `each` is given what was read ahead, at most `bytes_max` and a
/// chunk. Where no line tells the date, the last one is of the day the log was `written`; where the last one is further away than
/// that, the day is not known, and lines before the first date are not understood.
///
/// # Errors
/// When it cannot be read.
pub fn begun(
    (system, zone, encoding): (&dyn LicenseSystem, &TimeZone, Encoding),
    from: &mut impl Read,
    bytes_max: u64,
    written: Option<Date>,
    each: impl FnMut(&[u8]),
) -> io::Result<Box<dyn LogParser>> {
    let mut parser = system.log(zone.clone(), None);
    if system.tells_dates() {
        return Ok(parser);
    }
    let mut scout = Scout::new(system, zone, encoding);
    let is_all = scout.scan(from, bytes_max, each)?;
    if let Some(day) = scout.first_day(written.filter(|_| is_all)) {
        parser.begin(day);
    }
    Ok(parser)
}

/// A reader of `file` from its beginning.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn from_the_beginning(
    (system, zone, encoding): (&dyn LicenseSystem, &TimeZone, Encoding),
    file: &File,
) -> io::Result<Box<dyn LogParser>> {
    let mut from = FromStart::of(file);
    begun((system, zone, encoding), &mut from, AHEAD_BYTES_MAX, written(file, zone), |_| ())
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
    Lines::new(scout.encoding()).take(head, |line, _| {
        if let RawLine::Whole(line) = line {
            parser.line(line);
        }
    });
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

#[cfg(test)]
mod tests {
    use lic_parse::registry;

    use super::*;

    /// Hours of lines of FlexNet in, of which one day told the date at most; the time of the first out, when no more than
    /// `bytes_max` is read ahead.
    #[track_caller]
    fn check(log: &str, bytes_max: u64, expected: Option<&str>) {
        let system = registry::license_system("flexlm").unwrap();
        let written = "2025-03-03".parse().ok();
        let mut ahead = 0;
        let mut parser = begun(
            (system.as_ref(), &TimeZone::UTC, Encoding::Bytes),
            &mut log.as_bytes(),
            bytes_max,
            written,
            |bytes| ahead += bytes.len() as u64,
        )
        .unwrap();
        assert!(ahead < bytes_max.saturating_add(CHUNK_BYTES as u64));
        let first = parser.line(log.lines().next().unwrap().as_bytes()).at;
        assert_eq!(first.map(|at| at.to_string()).as_deref(), expected);
    }

    /// Two midnights, and many bytes between.
    fn days() -> String {
        let hour = |hour: usize| format!("{:2}:00:00 (cadd) {}\n", hour % 24, "x".repeat(9000));
        (12..60).map(hour).collect()
    }

    #[test]
    fn last_line_is_of_the_day_the_log_was_written() {
        check(&days(), u64::MAX, Some("2025-03-01T12:00:00Z"));
    }

    #[test]
    fn day_is_not_known_where_the_last_line_is_too_far_away() {
        check(&days(), 1, None);
        check(&days(), 2 * CHUNK_BYTES as u64, None);
    }

    #[test]
    fn date_is_found_where_it_is_not_too_far_away() {
        let log = format!("{}12:00:01 (lmgrd) TIMESTAMP 6/15/2017\n", days());
        check(&log, u64::MAX, Some("2017-06-13T12:00:00Z"));
        check(&log, 1, None);
    }
}
