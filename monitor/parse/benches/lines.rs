//! Lines parsed per second, on lines in the shape of the fixtures. Run: `cargo bench -p lic-parse`.

use std::{fmt::Write as _, hint::black_box, time::Instant};

use jiff::tz::TimeZone;
use lic_parse::registry;

const LINES: u32 = 200_000;
const ROUNDS: u32 = 5;

/// Name, and the message of line `n`.
type Shape = (&'static str, fn(u32) -> String);

const SHAPES: [Shape; 4] =
    [("grants", grant), ("denials", denial), ("admin commands", admin), ("all of them", any)];

fn main() {
    for (name, message) in SHAPES {
        let log = log(message);
        let seconds = (0..ROUNDS).map(|_| seconds(&log)).fold(f64::INFINITY, f64::min);
        let lines = f64::from(LINES) / seconds / 1e6;
        let megabytes = f64::from(u32::try_from(log.len()).expect("a small log")) / seconds / 1e6;
        println!("dsls {name:<15} {lines:>6.2} M lines/s {megabytes:>7.0} MB/s");
    }
}

fn seconds(log: &str) -> f64 {
    let system = registry::license_system("dsls").expect("a known system");
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
    let mut parser = system.log(zone, None);
    let start = Instant::now();
    for line in log.as_bytes().split(|&byte| byte == b'\n') {
        black_box(parser.line(black_box(line)));
    }
    start.elapsed().as_secs_f64()
}

fn log(message: fn(u32) -> String) -> String {
    let mut log = String::new();
    for n in 0..LINES {
        let (day, hour, minute, second) = (1 + n / 86_400, n / 3600 % 24, n / 60 % 60, n % 60);
        let message = message(n);
        writeln!(
            log,
            "2025/06/{day:02} {hour:02}:{minute:02}:{second:02}:{:03} {message}",
            n % 1000
        )
        .expect("memory takes any text");
    }
    log
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

fn admin(_: u32) -> String {
    "I ADMINSERVER GetLicenseUsage command issued".to_owned()
}

fn any(n: u32) -> String {
    [grant, denial, admin][(n % 3) as usize](n)
}
