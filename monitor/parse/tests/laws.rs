//! What holds for any line.

use jiff::tz::TimeZone;
use lic_parse::{Line, Meaning, registry};
use lic_protocol::event::{EndReason, Fact};
use proptest::prelude::*;

fn lines(log: &[u8]) -> Vec<Line> {
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
    let mut parser = registry::license_system("dsls").expect("a known system").log(zone, None);
    log.split(|&byte| byte == b'\n').map(|line| parser.line(line)).collect()
}

fn fact(line: &str) -> Fact {
    match lines(line.as_bytes()).remove(0).meaning {
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
        let mut told = lines(&with_cr);
        told.pop();
        prop_assert_eq!(told, lines(&log));
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
