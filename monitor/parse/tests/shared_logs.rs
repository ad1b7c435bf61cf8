//! Counts over whole logs that are not in the repository: read where they are, skipped where they are not.

use std::{fs, path::Path};

use jiff::tz::TimeZone;
use lic_parse::{Meaning, registry};
use lic_protocol::event::{EndReason, Fact, ReasonClass, ServerChange};

#[derive(Debug, Default, PartialEq)]
struct Counts {
    lines: u32,
    checkouts: u32,
    checkins: u32,
    timeouts: u32,
    exhausted: u32,
    not_authorised: u32,
    starts: u32,
    noise: u32,
    /// Anything else.
    rest: u32,
}

#[test]
fn log_without_usage_tracing() {
    check(
        "dsls",
        "LicenseServer20250818082806.log",
        &Counts {
            lines: 124,
            exhausted: 44,
            not_authorised: 1,
            starts: 1,
            noise: 78,
            ..Counts::default()
        },
    );
}

#[test]
fn log_from_a_host_of_ones_own() {
    check("dsls", "LicenseServer20250709030836.onprem-derived.log", &traced());
}

#[test]
fn log_from_the_cloud() {
    check("dsls", "LicenseServer20250709030836.cloud-extract.log", &traced());
}

#[test]
fn debug_log_of_three_features_and_a_user_with_an_accent() {
    let expected = Counts {
        lines: 6514,
        checkouts: 262,
        checkins: 262,
        starts: 2,
        noise: 5988,
        ..Counts::default()
    };
    check("flexlm", "debuglog/maple.log", &expected);
}

#[test]
fn debug_log_of_checkouts_of_many_seats() {
    let expected = Counts {
        lines: 10_909,
        checkouts: 598,
        checkins: 598,
        starts: 2,
        noise: 9711,
        ..Counts::default()
    };
    check("flexlm", "debuglog/ansys.2017-01-08.log", &expected);
}

fn traced() -> Counts {
    Counts {
        lines: 260,
        checkouts: 58,
        checkins: 25,
        timeouts: 32,
        exhausted: 1,
        noise: 144,
        ..Counts::default()
    }
}

#[track_caller]
fn check(system: &str, name: &str, expected: &Counts) {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures").join(system);
    if !folder.is_dir() {
        eprintln!("skipped: no logs in {}", folder.display());
        return;
    }
    let log = fs::read(folder.join(name)).expect("a readable log");
    assert_eq!(&counts(system, &log), expected);
}

fn counts(system: &str, log: &[u8]) -> Counts {
    let mut parser =
        registry::license_system(system).expect("a known system").log(TimeZone::UTC, None);
    let mut counts = Counts::default();
    for line in log.strip_suffix(b"\n").unwrap_or(log).split(|&byte| byte == b'\n') {
        counts.lines += 1;
        *place(&mut counts, &parser.line(line).meaning) += 1;
    }
    counts
}

fn place<'a>(counts: &'a mut Counts, meaning: &Meaning) -> &'a mut u32 {
    match meaning {
        Meaning::Noise => &mut counts.noise,
        Meaning::Event(Fact::Checkout(_)) => &mut counts.checkouts,
        Meaning::Event(Fact::Checkin(checkin)) => match checkin.reason {
            EndReason::Checkin => &mut counts.checkins,
            EndReason::Timeout => &mut counts.timeouts,
            _ => &mut counts.rest,
        },
        Meaning::Event(Fact::Denial(denial)) => match denial.class {
            ReasonClass::Exhausted => &mut counts.exhausted,
            ReasonClass::NotAuthorised => &mut counts.not_authorised,
            _ => &mut counts.rest,
        },
        Meaning::Event(Fact::Server(event)) if event.change == ServerChange::Started => {
            &mut counts.starts
        }
        _ => &mut counts.rest,
    }
}
