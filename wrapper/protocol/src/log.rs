//! A program's own log: one line for one event, whatever a file, a user or a server is called; with priorities where the service
//! manager's journal reads it. Who calls it knows the levels.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::MetadataExt,
    str,
};

/// Standard error as the place for a log.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    shown: fn(&str) -> String,
    has_priorities: bool,
}

impl Log {
    /// The log of a program that makes control characters visible by `shown`. `journal` is the variable `JOURNAL_STREAM`, where
    /// it is set: if it names standard error, that leads to the journal. Source: `systemd.exec(5)`.
    #[must_use]
    pub fn new(shown: fn(&str) -> String, journal: Option<&str>) -> Self {
        let error = fs::metadata("/proc/self/fd/2");
        let own = error.map(|error| format!("{}:{}", error.dev(), error.ino()));
        let has_priorities = journal.is_some_and(|journal| own.is_ok_and(|own| own == journal));
        Self { shown, has_priorities }
    }

    /// Takes one event of this level: `ERROR`, `WARN`, `INFO`, or less.
    #[must_use]
    pub fn line(self, level: &str) -> Line {
        let priority = if self.has_priorities { priority(level) } else { "" };
        Line { shown: self.shown, priority }
    }
}

/// Takes events, and writes each at once as a line of standard error.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    shown: fn(&str) -> String,
    priority: &'static str,
}

impl Line {
    fn of(self, event: &str) -> String {
        let event = event.strip_suffix('\n').unwrap_or(event);
        format!("{}{}\n", self.priority, (self.shown)(event))
    }
}

impl Write for Line {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = str::from_utf8(event).map_err(io::Error::other)?;
        io::stderr().lock().write_all(self.of(text).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// What the journal takes for a priority at the beginning of a line. Source: `sd-daemon(3)`.
fn priority(level: &str) -> &'static str {
    match level {
        "ERROR" => "<3>",
        "WARN" => "<4>",
        "INFO" => "<6>",
        _ => "<7>",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.replace('\n', "\\x0A")
    }

    #[test]
    fn an_event_is_one_line_with_its_priority() {
        let log = |has_priorities| Log { shown, has_priorities };
        for (log, level, event, expected) in [
            (log(false), "INFO", "INFO ready\n", "INFO ready\n"),
            (log(false), "INFO", "INFO a\nERROR b\n", "INFO a\\x0AERROR b\n"),
            (log(true), "INFO", "INFO a\n<0>b\n", "<6>INFO a\\x0A<0>b\n"),
            (log(true), "WARN", "WARN a", "<4>WARN a\n"),
            (log(true), "ERROR", "ERROR a\n", "<3>ERROR a\n"),
            (log(true), "DEBUG", "DEBUG a\n", "<7>DEBUG a\n"),
        ] {
            assert_eq!(log.line(level).of(event), expected);
        }
    }

    #[test]
    fn another_stream_than_the_journal_gets_no_priorities() {
        for journal in [None, Some(""), Some("1:2"), Some("journal")] {
            assert!(!Log::new(shown, journal).has_priorities, "{journal:?}");
        }
    }
}
