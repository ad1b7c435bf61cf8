//! Lines parsed per second, on lines in the shape of the fixtures. Run: `cargo bench -p lic-parse`.

use std::{hint::black_box, time::Instant};

use jiff::{civil::date, tz::TimeZone};
use lic_parse::registry;

const LINES: u32 = 200_000;
const ROUNDS: u32 = 5;

/// License system, name, and line `n`.
type Shape = (&'static str, &'static str, fn(u32) -> String);

const SHAPES: [Shape; 7] = [
    ("dsls", "grants", |n| dsls(n, &grant(n))),
    ("dsls", "denials", |n| dsls(n, &denial(n))),
    ("dsls", "admin commands", |n| dsls(n, "I ADMINSERVER GetLicenseUsage command issued")),
    ("dsls", "all of them", |n| dsls(n, &any(n))),
    ("flexlm", "debug log", flexlm),
    ("rlm", "report log", rlm_report),
    ("rlm", "debug log", rlm_debug),
];

fn main() {
    for (system, name, line) in SHAPES {
        let log = (0..LINES).map(line).collect::<Vec<_>>().join("\n");
        let seconds = (0..ROUNDS).map(|_| seconds(system, &log)).fold(f64::INFINITY, f64::min);
        let lines = f64::from(LINES) / seconds / 1e6;
        let megabytes = f64::from(u32::try_from(log.len()).expect("a small log")) / seconds / 1e6;
        println!("{system:<6} {name:<15} {lines:>6.2} M lines/s {megabytes:>7.0} MB/s");
    }
}

fn seconds(system: &str, log: &str) -> f64 {
    let system = registry::license_system(system).expect("a known system");
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
    let mut parser = system.log(zone, None);
    parser.begin(date(2025, 6, 1));
    let start = Instant::now();
    for line in log.as_bytes().split(|&byte| byte == b'\n') {
        black_box(parser.line(black_box(line)));
    }
    start.elapsed().as_secs_f64()
}

fn dsls(n: u32, message: &str) -> String {
    format!("2025/06/{:02} {}:{:03} {message}", 1 + n / 86_400, time(n), n % 1000)
}

/// The time of day of a line, one a second.
fn time(n: u32) -> String {
    format!("{:02}:{:02}:{:02}", n / 3600 % 24, n / 60 % 60, n % 60)
}

/// As many statistics as activity, as in real logs.
fn flexlm(n: u32) -> String {
    let message = match n % 4 {
        0 => format!("OUT: \"cad_solve\" user{n}@host{n}.example.org  (4 licenses) "),
        1 => format!("IN: \"cad_solve\" user{n}@host{n}.example.org  "),
        _ => format!(
            "(@cadd-SLOG@) 00000016 ms at 10:34:59(6/9/2022),#63,(5420K),(user{n},pine,1352)"
        ),
    };
    format!("{} (cadd) {message}", time(n))
}

fn rlm_report(n: u32) -> String {
    let at = format!("06/{:02} {}", 1 + n / 86_400, time(n));
    if n.is_multiple_of(2) {
        format!("OUT solver 5.0 3 user{n} pine \"\" 1 1 0 {n:x} {n:x} 485c \"\" \"\" \"\" {at}")
    } else {
        format!("IN 1 solver 5.0 user{n} pine \"\" 1 0 0 {n:x} {at}")
    }
}

fn rlm_debug(n: u32) -> String {
    let at = format!("06/{:02} {:02}:{:02}", 1 + n / 86_400, n / 3600 % 24, n / 60 % 60);
    let message = if n.is_multiple_of(2) { "OUT:" } else { "IN: (client exit)" };
    format!("{at} (acme) {message} solver v5.0 by user{n}@pine")
}

fn grant(n: u32) -> String {
    format!(
        "I USGTRACING  Grant!!CAD-X!{n:016X}!Example Design V5!ConcurrentUser!1!STD!PC{n:04} \
         (00AA11BB22CC33DD-c0000207.{n})!192.0.2.7!user{n}!USER{n}@EXAMPLE.S-1-5-21-1-2-3-{n}.C0000207.{n}.\
         QRS-00AA11BB22CC33DD!C:\\Program Files\\Example\\B34\\win_b64\\code\\bin\\CAD.exe!5.34!ALC"
    )
}

fn denial(n: u32) -> String {
    format!(
        "W LICENSESERV CAD-X not granted, no more available license ( from client PC{n:04} \
         (00AA11BB22CC33DD-c0000207.{n})/192.0.2.7|user{n}|USER{n}@EXAMPLE.S-1-5-21-1-2-3-{n}.C0000207.{n}.\
         QRS-00AA11BB22CC33DD|C:\\Program Files\\Example\\B34\\win_b64\\code\\bin\\CAD.exe )"
    )
}

fn any(n: u32) -> String {
    match n % 3 {
        0 => grant(n),
        1 => denial(n),
        _ => "I ADMINSERVER GetLicenseUsage command issued".to_owned(),
    }
}
