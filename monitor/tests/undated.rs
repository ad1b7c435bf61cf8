//! Logs whose lines do not tell their dates: wherever reading stops and goes on, the same events come out, of the same days.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::Path,
    time::{Duration, SystemTime},
};

use jiff::{Timestamp, tz::TimeZone};
use lic_parse::registry;
use lic_protocol::event::Event;
use licmon::sources::{
    encoding::Encoding,
    logfile::{LogFile, LogOf},
};

fn log_of(system: &str) -> LogOf {
    let system = registry::license_system(system).unwrap();
    LogOf { server: "lic1".into(), system, zone: TimeZone::UTC, encoding: Encoding::Bytes }
}

fn read(log: &mut LogFile) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(batch) = log.step(Timestamp::UNIX_EPOCH).unwrap() {
        events.extend(batch.events);
    }
    events
}

/// Reads what is there, writes the rest, and goes on where the checkpoint says.
fn in_two(of: &LogOf, path: &Path, (first, rest): (&str, &str)) -> Vec<Event> {
    fs::write(path, first).unwrap();
    let mut log = LogFile::new(of, File::open(path).unwrap(), path, Timestamp::UNIX_EPOCH);
    let mut events = read(&mut log);
    let checkpoint = log.checkpoint().clone();
    OpenOptions::new().append(true).open(path).unwrap().write_all(rest.as_bytes()).unwrap();
    let file = File::open(path).unwrap();
    let mut log = LogFile::resume(of, file, path, checkpoint).unwrap();
    events.extend(read(&mut log));
    events
}

#[track_caller]
fn check(system: &str, text: &str, last: &str) {
    let of = log_of(system);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let whole = in_two(&of, &path, (text, ""));
    assert_eq!(whole.last().unwrap().at.to_string(), last);
    let mut identities: Vec<_> = whole.iter().map(|event| event.identity).collect();
    identities.sort_unstable();
    identities.dedup();
    assert_eq!(identities.len(), whole.len(), "every event is itself");
    let first_line = text.find('\n').unwrap() + 1;
    for cut in (first_line..text.len()).step_by(text.len() / 53) {
        assert!(in_two(&of, &path, text.split_at(cut)) == whole, "cut at {cut}");
    }
}

const FILLER: &str = " (cadd) (@cadd-SLOG@) 00000016 ms at 10:34:59(6/9/2022),#63,(5420K),(ann,pine,1352) \
     and so many more words that some days of the log are further back than anybody looks to find equal lines again\n";

/// Four days of equal lines, two a quarter of an hour; a date stands only in the first line.
fn flexnet() -> String {
    let mut log = "0:00:00 (lmgrd) TIMESTAMP 12/30/2024\n".to_owned();
    for quarter in 0..4 * 96 {
        let (hour, minute) = (quarter / 4 % 24, quarter % 4 * 15);
        let action = if quarter % 2 == 0 { "OUT" } else { "IN" };
        let line = format!("{hour:2}:{minute:02}:00 (cadd) {action}: \"cad\" ann@pine  \n");
        write!(log, "{line}{line}{hour:2}:{minute:02}:01{FILLER}").unwrap();
    }
    log
}

#[test]
fn flexnet_log_is_read_on_at_any_byte() {
    check("flexlm", &flexnet(), "2025-01-02T23:45:00Z");
}

#[test]
fn flexnet_log_that_begins_without_a_date_is_dated_by_the_first_that_comes() {
    let text = flexnet();
    let (_, text) = text.split_once('\n').unwrap();
    let of = log_of("flexlm");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let text = format!("{text} 1:00:00 (lmgrd) TIMESTAMP 1/3/2025\n");
    let events = in_two(&of, &path, (&text, ""));
    assert_eq!(events[0].at.to_string(), "2024-12-30T00:00:00Z");
}

#[test]
fn flexnet_log_without_any_date_ends_on_the_day_it_was_written() {
    let text = flexnet();
    let (_, text) = text.split_once('\n').unwrap();
    let of = log_of("flexlm");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    fs::write(&path, text).unwrap();
    let written = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let file = OpenOptions::new().append(true).open(&path).unwrap();
    file.set_modified(written).unwrap();
    let mut log = LogFile::new(&of, File::open(&path).unwrap(), &path, Timestamp::UNIX_EPOCH);
    let events = read(&mut log);
    assert_eq!(events[0].at.to_string(), "2023-11-11T00:00:00Z");
    assert_eq!(events.last().unwrap().at.to_string(), "2023-11-14T23:45:00Z");
}

/// A report log over two new years; who writes it stands at its beginning alone.
#[test]
fn rlm_log_is_read_on_at_any_byte() {
    let mut log = "START oak 11/01/2023 00:00:00\n".to_owned();
    log += "RLM Report Log Format 0, version 2.0\nISV: acme, RLM version 14.1 BL2\nSTART oak 11/01/2023 00:00:00\n";
    for n in 0..600 {
        let (month, day) = ((n / 24 + 10) % 12 + 1, n % 24 + 1);
        let at = format!("{month:02}/{day:02} 10:00:00");
        writeln!(
            log,
            "OUT solver 5.0 3 ann pine \"\" 1 1 0 {n:x} {n:x} 485c \"{}\" \"\" \"\" {at}",
            "x".repeat(60)
        )
        .unwrap();
        writeln!(log, "IN 1 solver 5.0 ann pine \"\" 1 0 0 {n:x} {at}").unwrap();
    }
    check("rlm", &log, "2025-11-24T10:00:00Z");
}

/// A debug log of two ISV servers; some denials have no reason, and the last waits for one.
#[test]
fn rlm_log_with_denials_that_wait_is_read_on_at_any_byte() {
    let mut log = "05/11/2012 00:00 (rlm) RLM License Server Version 9.1\n".to_owned();
    for n in 0..1200 {
        let (at, isv) = (format!("05/11 {:02}:{:02}", n / 60, n % 60), ["acme", "beta"][n % 2]);
        writeln!(log, "{at} ({isv}) DENIED: (1) solver v2.1 to ann@pine").unwrap();
        if n % 3 == 0 {
            writeln!(log, "{at} ({isv})         All licenses in use").unwrap();
        }
        writeln!(log, "{at} ({isv}) OUT: solver v2.1 by bo@birch").unwrap();
        writeln!(log, "{at} ({isv}) DENIED: (2) solver v2.1 to ann@pine").unwrap();
    }
    check("rlm", &log, "2012-05-11T19:59:00Z");
}

/// A report log of before RLM 14, whose last START stands in its last header.
#[test]
fn rlm_log_whose_starts_wait_is_read_on_at_any_byte() {
    let header = "RLM Report Log Format 0, version 2.0\nISV: acme, RLM version 9.1 BL2\n";
    let mut log = String::new();
    for day in 1..9 {
        write!(log, "{header}START oak 09/0{day}/2013 08:00:00\nLICENSE FILE acme.lic\n").unwrap();
        if day % 2 == 0 {
            writeln!(log, "INUSE solver 5.0 3 ann pine \"\" 1 41 485c 09/0{day} 08:00:00").unwrap();
        }
        writeln!(log, "IN 1 solver 5.0 ann pine \"\" 1 0 0 41 09/0{day} 09:00:00").unwrap();
    }
    check("rlm", &log, "2013-09-08T09:00:00Z");
}
