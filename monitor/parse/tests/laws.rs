//! What holds for any line.

use jiff::{civil::date, tz::TimeZone};
use lic_parse::{Line, LogParser, Meaning, registry};
use lic_protocol::event::{EndReason, Fact, HandleOf};
use proptest::prelude::*;

fn parser(system: &str) -> Box<dyn LogParser> {
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
    registry::license_system(system).expect("a known system").log(zone, None)
}

fn lines(system: &str, log: &[u8]) -> Vec<Line> {
    let mut parser = parser(system);
    log.split(|&byte| byte == b'\n').map(|line| parser.line(line)).collect()
}

/// What a line of a license system means on some day.
fn fact_of(system: &str, line: &str) -> Fact {
    let mut parser = parser(system);
    parser.begin(date(2025, 3, 3));
    match parser.line(line.as_bytes()).meaning {
        Meaning::Event(fact) => fact,
        other => panic!("{other:?}: {line}"),
    }
}

fn fact(line: &str) -> Fact {
    match lines("dsls", line.as_bytes()).remove(0).meaning {
        Meaning::Event(fact) => fact,
        other => panic!("{other:?}: {line}"),
    }
}

/// Bytes that often look like lines.
fn log() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<Vec<u8>>(),
        "[ -~]{0,20}".prop_map(String::into_bytes),
        prop::sample::select(vec![
            "2025/10/26 02:30:00:000 I USGTRACING  ",
            "2025/10/26 02:10:00:000 W LICENSESERV ",
            "Grant!!",
            "TimeOut!!",
            "A!B!C!D!E!F!",
            "PC (1-2.3)!",
            "CAD not granted, ",
            " ( from client PC (1-2.3)/",
            "|a|b|c )",
            " 8:42:25 (cadd) OUT: ",
            "23:59:59 (lmgrd) TIMESTAMP 10/26/2025",
            "2025-10-26T01:30:00Z (cadd) DENIED: ",
            "\"F\" ann@pine ",
            " (4 licenses) ",
            " ^^^ 1.0 ann 127.0.0.1 1 0x1 1 3 p 11 19 1-1-2025 8:00:00 YES ^^^",
            "RLM Report Log Format 0, version 2.0",
            "START oak 10/26/2025 02:30:00",
            "OUT f 1 1 ann pine \"\" 1 1 0 41 41 1 \"\" \"\" \"\" 10/26 02:10:00",
            "IN 1 f 1 ann pine \"\" 1 0 0 41 01/01 00:00:05",
            "10/26 02:10 (acme) DENIED: (1) f v1 to ann@pine",
            "10/26 02:10 (acme)   All licenses in use",
            "\r\n",
            "\n",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

/// A field as the log might hold it: no separator, and not the shape of a host field.
const FIELD: &str = "[^!|()\r\n]{0,12}";
const NAME: &str = "[^!|()\r\n \0]{1,12}";

proptest! {
    #[test]
    fn line_ends_do_not_matter(log in log()) {
        let with_cr: Vec<u8> = log.split(|&byte| byte == b'\n').flat_map(|line| [line, b"\r\n"].concat()).collect();
        for system in registry::names() {
            let mut told = lines(system, &with_cr);
            told.pop();
            prop_assert_eq!(told, lines(system, &log));
        }
    }

    /// A reader that is told the day where a log begins, by another that read it first, never says less than without.
    #[test]
    fn reader_that_is_told_the_first_day_knows_no_less(log in log()) {
        for system in registry::names() {
            let mut first = parser(system);
            let alone: Vec<Line> =
                log.split(|&byte| byte == b'\n').map(|line| first.line(line)).collect();
            let mut told = parser(system);
            if let Some(day) = first.first_day(None) {
                told.begin(day);
            }
            for (line, alone) in log.split(|&byte| byte == b'\n').zip(alone) {
                let told = told.line(line);
                prop_assert!(told.at.is_some() || alone.at.is_none());
            }
        }
    }

    #[test]
    fn fields_of_a_flexnet_line_come_back(
        (feature, user, host) in ("[^\"\r\n\0]{1,12}", "[^@\\s()\0][^@\r\n\t\0(]{0,11}", "[^@\\s\0]{1,12}"),
        count in 2..u32::MAX,
    ) {
        let line = |action: &str, tail: &str| format!(" 8:42:25 (cadd) {action}: \"{feature}\" {user}@{host}  {tail}");
        let Fact::Checkout(checkout) = fact_of("flexlm", &line("OUT", &format!("({count} licenses) "))) else { panic!() };
        prop_assert_eq!(checkout.feature.as_str(), &feature);
        prop_assert_eq!(checkout.user.as_str(), &user);
        prop_assert_eq!(checkout.host.as_str(), &host);
        prop_assert_eq!(checkout.count, count);
        prop_assert_eq!(checkout.handle_of, HandleOf::Holder);
        for (tail, reason) in [("", EndReason::Checkin), ("(INACTIVE)", EndReason::Inactive)] {
            let Fact::Checkin(checkin) = fact_of("flexlm", &line("IN", tail)) else { panic!() };
            prop_assert_eq!(&checkin.handle, &checkout.handle);
            prop_assert_eq!(checkin.feature.as_str(), &feature);
            prop_assert_eq!((checkin.reason, checkin.count), (reason, Some(1)));
        }
        let Fact::Denial(denial) = fact_of("flexlm", &line("DENIED", "(So. (-4,342))")) else { panic!() };
        prop_assert_eq!(denial.user.as_str(), &user);
        prop_assert_eq!(denial.reason, "So. (-4,342)");
    }

    #[test]
    fn fields_of_an_rlm_record_come_back(
        (feature, user, host) in ("[a-z0-9_]{1,12}", "[^\\s\"\0]{1,12}", "[^\\s\"\0]{1,12}"),
        (definition, project) in ("[^\"\r\n\0]{0,12}", "[^\"\r\n\0]{0,12}"),
        (handle, seat) in ("[0-9a-f]{1,8}", "[0-9a-f]{1,8}"),
        count: u32,
    ) {
        let out = format!(
            "OUT {feature} 5.0 3 {user} {host} \"{definition}\" {count} 1 0 {handle} {seat} 1 \"{project}\" \"\" \"\" 09/03 23:04:48"
        );
        let Fact::Checkout(checkout) = fact_of("rlm", &out) else { panic!("{out}") };
        prop_assert_eq!(checkout.feature.as_str(), &feature);
        prop_assert_eq!(checkout.user.as_str(), &user);
        prop_assert_eq!(checkout.host.as_str(), &host);
        prop_assert_eq!(checkout.count, count);
        prop_assert_eq!(checkout.project.unwrap_or_default(), project);
        prop_assert_eq!(checkout.seat, Some(format!("rlm {seat}")));
        let back = format!("IN 1 {feature} 5.0 {user} {host} \"{definition}\" {count} 0 0 {handle} 09/03 23:05:00");
        let Fact::Checkin(checkin) = fact_of("rlm", &back) else { panic!("{back}") };
        prop_assert_eq!(checkin.handle, checkout.handle);
        prop_assert_eq!(checkin.handle_of, HandleOf::Session);
    }

    #[test]
    fn fields_of_a_grant_come_back(
        (feature, session, user, host) in (NAME, NAME, FIELD, FIELD),
        (product, internal, version, pricing) in (FIELD, NAME, FIELD, FIELD),
        process in r"[^|\r\n]{0,30}",
        customer in prop::option::of(NAME),
        count: u32,
    ) {
        let customer = customer.map(|name| format!("!{name}")).unwrap_or_default();
        let line = format!(
            "2025/03/03 08:00:00:000 I USGTRACING  Grant!!{feature}{customer}!{session}!{product}!ConcurrentUser!{count}!STD!\
             {host} (1122-33.4)!192.0.2.1!{user}!{internal}!{process}!{version}!{pricing}"
        );
        let Fact::Checkout(checkout) = fact(&line) else { panic!("{line}") };
        prop_assert_eq!(checkout.feature.as_str(), feature);
        prop_assert_eq!(checkout.handle, session);
        prop_assert_eq!(checkout.user.as_str(), user);
        prop_assert_eq!(checkout.host.as_str(), host);
        prop_assert_eq!(checkout.count, count);
        prop_assert_eq!(checkout.seat, Some(internal));
        prop_assert_eq!(checkout.process.unwrap_or_default(), process);
        prop_assert_eq!(checkout.version.unwrap_or_default(), version);
        prop_assert_eq!(checkout.vendor.map(|vendor| vendor.to_string()).unwrap_or_default(), product);
        prop_assert_eq!(checkout.unit.as_deref(), Some("ConcurrentUser"));
    }

    #[test]
    fn ends_are_the_pair_of_their_grant(feature in NAME, session in NAME, user in FIELD) {
        for (action, reason) in [("Detachment", EndReason::Checkin), ("TimeOut", EndReason::Timeout)] {
            let line = format!(
                "2025/03/03 08:00:00:000 I USGTRACING  {action}!!{feature}!{session}!P!M!1!STD!PC (1-2.3)!ip!{user}!i!p!5!A"
            );
            let Fact::Checkin(checkin) = fact(&line) else { panic!("{line}") };
            prop_assert_eq!(checkin.feature.as_str(), &feature);
            prop_assert_eq!(&checkin.handle, &session);
            prop_assert_eq!(checkin.user.as_str(), &user);
            prop_assert_eq!(checkin.reason, reason);
        }
    }

    #[test]
    fn fields_of_a_denial_come_back(
        feature in "[^\\s(!\0]{1,12}",
        (reason, user, host) in (FIELD, FIELD, FIELD),
        process in "[^\\s]{0,30}",
        customer in prop::option::of("[^()\r\n]{0,14}"),
    ) {
        let customer = customer.map(|name| format!("({name})")).unwrap_or_default();
        let line = format!(
            "2025/03/03 08:00:00:000 W LICENSESERV {feature}{customer} not granted, {reason} ( from client \
             {host} (1122-33.4)/192.0.2.1|{user}|internal|{process} )"
        );
        let Fact::Denial(denial) = fact(&line) else { panic!("{line}") };
        prop_assert_eq!(denial.feature.as_str(), feature);
        prop_assert_eq!(denial.reason, reason);
        prop_assert_eq!(denial.user.as_str(), user);
        prop_assert_eq!(denial.host.as_str(), host);
        prop_assert_eq!(denial.process.unwrap_or_default(), process);
        prop_assert_eq!(denial.count, 1);
    }
}
