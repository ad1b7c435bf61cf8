//! A program's own log: one line for one event, whatever a file, a user or a server is called; with priorities where the service
//! manager's journal reads it, and in files as well where it is told to.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::MetadataExt,
    str,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use tracing::Metadata;
use tracing_subscriber::{
    EnvFilter,
    fmt::{
        MakeWriter,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
};

use crate::log_file::{Kept, LogFile};

/// The log of a program: standard error, and its files. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Log {
    program: &'static str,
    shown: fn(&str) -> String,
    has_priorities: bool,
    files: Arc<OnceLock<Mutex<Files>>>,
}

/// Files that are written, and whether the last line could not be.
#[derive(Debug)]
struct Files {
    kept: Kept,
    is_failing: bool,
}

impl Log {
    /// The log of `program`, which makes control characters visible by `shown`. `journal` is the variable `JOURNAL_STREAM`, where
    /// it is set: if it names standard error, that leads to the journal. Source: `systemd.exec(5)`.
    #[must_use]
    pub fn new(program: &'static str, shown: fn(&str) -> String, journal: Option<&str>) -> Self {
        let error = fs::metadata("/proc/self/fd/2");
        let own = error.map(|error| format!("{}:{}", error.dev(), error.ino()));
        let has_priorities = journal.is_some_and(|journal| own.is_ok_and(|own| own == journal));
        Self { program, shown, has_priorities, files: Arc::default() }
    }

    /// From now on the story of a day goes to standard error, which a service manager keeps. `level` says how much of it: `error`,
    /// `warn`, `info`, `debug`; `info` where it says nothing that can be understood.
    pub fn start(&self, level: Option<&str>) {
        let filter = level.and_then(|level| EnvFilter::try_new(level).ok());
        tracing_subscriber::fmt()
            .with_env_filter(filter.unwrap_or_else(|| EnvFilter::new("info")))
            .with_writer(self.clone())
            .with_ansi(false)
            .with_target(false)
            .init();
    }

    /// From now on it goes to files as well. Where they cannot be written, that is told, and the program goes on.
    pub fn keep_in(&self, settings: &LogFile) {
        match Kept::open(settings.clone()) {
            Ok(kept) => drop(self.files.set(Mutex::new(Files { kept, is_failing: false }))),
            Err(error) => {
                tracing::warn!("the log is not kept in {}: {error}", settings.path.display());
            }
        }
    }

    /// Tells why the program ends.
    pub fn failed(&self, why: &str) {
        let event = format!("{}: {why}", self.program);
        let line = self.line("ERROR");
        // If standard error is gone there is nobody to tell.
        drop(io::stderr().lock().write_all(line.of(&event).as_bytes()));
        let mut dated = String::new();
        if SystemTime.format_time(&mut Writer::new(&mut dated)).is_ok() {
            line.keep(&format!("{dated} ERROR {event}"));
        }
    }

    /// Takes one event of this level: `ERROR`, `WARN`, `INFO`, or less.
    fn line(&self, level: &str) -> Line {
        let priority = if self.has_priorities { priority(level) } else { "" };
        Line { log: self.clone(), priority }
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        self.line("INFO")
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Line {
        self.line(event.level().as_str())
    }
}

/// Takes events, and writes each at once as a line.
#[derive(Debug)]
pub struct Line {
    log: Log,
    priority: &'static str,
}

impl Line {
    fn of(&self, event: &str) -> String {
        format!("{}{}", self.priority, self.shown(event))
    }

    fn shown(&self, event: &str) -> String {
        let event = event.strip_suffix('\n').unwrap_or(event);
        format!("{}\n", (self.log.shown)(event))
    }

    /// Writes it to the files, if there are any. That they cannot be written is told once, until they can be again.
    fn keep(&self, event: &str) {
        let Some(files) = self.log.files.get() else { return };
        let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
        let written = files.kept.write(&self.shown(event));
        if let Err(error) = &written
            && !files.is_failing
        {
            let told = self.log.line("WARN").of(&format!("the log is not kept in files: {error}"));
            // If standard error is gone too, there is nobody to tell.
            drop(io::stderr().lock().write_all(told.as_bytes()));
        }
        files.is_failing = written.is_err();
    }
}

impl Write for Line {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = str::from_utf8(event).map_err(io::Error::other)?;
        self.keep(text);
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
        let log = |has_priorities| Log { has_priorities, ..Log::new("licmon", shown, None) };
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
            assert!(!Log::new("licmon", shown, journal).has_priorities, "{journal:?}");
        }
    }
}
