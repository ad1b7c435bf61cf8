//! Every log in `fixtures/` against the `.events` beside it. `UPDATE=1` rewrites those; a person reads the difference.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::tz::TimeZone;
use lic_parse::{
    LicenseSystem, Line, Meaning,
    pattern::{self, Expressions, Pattern},
    registry,
};
use lic_protocol::{
    event::{Checkin, Checkout, Denial, Fact, HandleOf},
    name::VendorName,
};

#[test]
fn logs_mean_what_is_written_beside_them() {
    let mut differing = Vec::new();
    for system in registry::names().chain([pattern::NAME]) {
        let logs = logs(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(system));
        assert!(!logs.is_empty(), "{system} has no fixtures");
        for log in logs {
            let told = told(system, &fs::read(&log).unwrap());
            let events = log.with_extension("events");
            if env::var_os("UPDATE").is_some() {
                fs::write(&events, told).unwrap();
            } else if let Some(difference) =
                difference(&fs::read_to_string(&events).unwrap(), &told)
            {
                differing.push(format!("{}: {difference}", events.display()));
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

fn logs(folder: &Path) -> Vec<PathBuf> {
    let paths =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "log")).collect()
}

/// One of those there are, or one that an administrator made.
fn license_system(name: &str) -> Arc<dyn LicenseSystem> {
    if name != pattern::NAME {
        return registry::license_system(name).expect("a known system");
    }
    let who = r"(?<feature>\S+) (?<user>[^@]+)@(?<host>\S+)(?: x(?<count>\S+))?";
    let event = |action: &str, more: &str| Some(format!(r"^(?<at>\S+ \S+) {action} {who}{more}$"));
    let expressions = Expressions {
        time: "%F %T".to_owned(),
        checkout: event("OUT", r"(?: #(?<handle>\S+))?(?: in (?<project>.+))?"),
        checkin: event("IN", r"(?: #(?<handle>\S+))?"),
        denial: event("NO", r"(?:, (?<reason>.*))?"),
        exhausted: Some("(?i)all .* in use".to_owned()),
        noise: Some("^#|started".to_owned()),
    };
    Arc::new(Pattern::new(&expressions).expect("expressions"))
}

/// A line for each line of the log, written in Stockholm, behind what is told late because of it.
fn told(system: &str, log: &[u8]) -> String {
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
    let mut parser = license_system(system).log(zone, None);
    let lines = log.strip_suffix(b"\n").unwrap_or(log).split(|&byte| byte == b'\n');
    let mut told = String::new();
    for (n, line) in (1..).zip(lines) {
        let read = parser.line(line);
        let late = parser.late().map(|late| line_told(&late.line));
        for line in late.into_iter().chain([line_told(&read)]) {
            writeln!(told, "{n:>3} {line}").expect("memory takes any text");
        }
    }
    for late in parser.rest() {
        writeln!(told, "end {}", line_told(&late.line)).expect("memory takes any text");
    }
    told
}

fn line_told(line: &Line) -> String {
    let mark = if line.ambiguous { '?' } else { ' ' };
    let at = line.at.map_or_else(|| "-".repeat(24), |at| format!("{at:.3}"));
    let meaning = match &line.meaning {
        Meaning::Event(fact) => fact_told(fact),
        Meaning::Noise => "noise".to_owned(),
        Meaning::Unknown(why) => format!("unknown: {why}"),
    };
    format!("{at}{mark} {}", meaning.escape_debug().to_string().replace("\\\\", "\\"))
}

fn fact_told(fact: &Fact) -> String {
    match fact {
        Fact::Checkout(checkout) => checkout_told(checkout),
        Fact::Checkin(Checkin {
            feature,
            handle,
            handle_of,
            count,
            user,
            host,
            reason,
            ended_before: None,
            ..
        }) => {
            let count = count.map(|count| format!(" x{count}")).unwrap_or_default();
            let handle = handle_told(*handle_of, handle);
            format!("checkin {feature}{count} {user}@{host} {handle} reason={reason}")
        }
        Fact::Denial(Denial { feature, user, host, count, reason, class, process, .. }) => {
            format!(
                "denial {feature} x{count} {user}@{host} {class} [{reason}] [{}]",
                opt(process.as_deref())
            )
        }
        Fact::Server(event) => {
            let ends = event.ends.as_ref().map(|ends| format!(" ends=[{ends}]"));
            format!("server {} [{}]{}", event.change, event.text, ends.unwrap_or_default())
        }
        other => format!("{other:?}"),
    }
}

fn checkout_told(checkout: &Checkout) -> String {
    let Checkout { feature, user, host, count, handle, handle_of, .. } = checkout;
    let handle = handle_told(*handle_of, handle);
    let vendor = checkout.vendor.as_ref().map(VendorName::as_str);
    let mut told = format!("checkout {feature} x{count} {user}@{host} {handle}");
    for (name, value) in [
        ("seat", checkout.seat.as_deref()),
        ("version", checkout.version.as_deref()),
        ("vendor", vendor),
        ("unit", checkout.unit.as_deref()),
        ("display", checkout.display.as_deref()),
        ("project", checkout.project.as_deref()),
        ("process", checkout.process.as_deref()),
    ] {
        if let Some(value) = value {
            write!(told, " {name}=[{value}]").expect("memory takes any text");
        }
    }
    told
}

fn handle_told(of: HandleOf, handle: &str) -> String {
    match of {
        HandleOf::Session => format!("handle={handle}"),
        HandleOf::Holder => format!("holder=[{handle}]"),
        HandleOf::SessionSince(_) => unreachable!("no log tells it"),
    }
}

fn opt(text: Option<&str>) -> &str {
    text.unwrap_or("-")
}

/// The first line that differs.
fn difference(expected: &str, told: &str) -> Option<String> {
    if expected == told {
        return None;
    }
    let pair = expected.lines().zip(told.lines()).find(|(expected, told)| expected != told);
    Some(pair.map_or_else(
        || "more or fewer lines".to_owned(),
        |(expected, told)| format!("\n  expected {expected}\n  told     {told}"),
    ))
}
