//! Ends of licenses as a calendar that a program subscribes to. Pure: a view in, text out.
//! Source: RFC 5545, sections 3.1 (folding), 3.3.5 (times), 3.3.11 (text), 3.6.1 (events).

use jiff::{Timestamp, tz::TimeZone};
use lic_protocol::view::expiry::{Expiring, Expiry};

use crate::{format, link};

/// Bytes of a line, without its end.
const LINE_BYTES_MAX: usize = 75;

/// The calendar, one event for each license that ends.
pub(super) fn calendar(expiry: &Expiry) -> String {
    let mut out = String::new();
    for text in ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//licwrap//licdash//EN"] {
        line(&mut out, text);
    }
    line(&mut out, "X-WR-CALNAME:License expiry");
    for license in &expiry.expiring {
        event(&mut out, license, expiry.as_of);
    }
    line(&mut out, "END:VCALENDAR");
    out
}

/// The event of a license is the same one when the license is renewed: it moves.
fn event(out: &mut String, license: &Expiring, as_of: Timestamp) {
    let (server, feature) = (license.server.as_str(), license.feature.as_str());
    // Percent-encoded, so that it is plain text.
    let place = link::feature(&license.server, &license.feature);
    line(out, "BEGIN:VEVENT");
    line(out, &format!("UID:{}@licdash", place.trim_start_matches('/')));
    line(out, &format!("DTSTAMP:{}", time(as_of)));
    line(out, &format!("DTSTART:{}", time(license.expires)));
    line(out, &format!("SUMMARY:license of {} ends ({})", text(feature), text(server)));
    line(out, &format!("DESCRIPTION:{}", description(license)));
    line(out, "TRANSP:TRANSPARENT");
    line(out, "END:VEVENT");
}

fn description(license: &Expiring) -> String {
    let seats = license.issued.map_or("not told".to_owned(), |seats| seats.to_string());
    let vendor = license.vendor.as_ref().map(|vendor| format!("vendor: {}", text(vendor.as_str())));
    let version = license.version.as_ref().map(|version| format!("version: {}", text(version)));
    let lines = [Some(format!("seats: {seats}")), vendor, version];
    lines.into_iter().flatten().collect::<Vec<_>>().join("\\n")
}

fn time(at: Timestamp) -> String {
    TimeZone::UTC.to_datetime(at).strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// A name as part of a text. What acts in it, line feeds too, is shown instead.
fn text(name: &str) -> String {
    let name = format::shown(name).replace('\\', "\\\\");
    name.replace(';', "\\;").replace(',', "\\,")
}

/// Adds a line, folded where it is too long: never within a character.
fn line(out: &mut String, text: &str) {
    let mut bytes = 0;
    for character in text.chars() {
        if bytes + character.len_utf8() > LINE_BYTES_MAX {
            out.push_str("\r\n ");
            bytes = 1;
        }
        out.push(character);
        bytes += character.len_utf8();
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn license(feature: &str, vendor: Option<&str>, expires: &str) -> Expiring {
        Expiring {
            server: "acme".into(),
            feature: feature.into(),
            vendor: vendor.map(Into::into),
            version: None,
            issued: Some(4),
            expires: expires.parse().unwrap(),
            days_left: 7,
        }
    }

    fn told(expiring: Vec<Expiring>, as_of: &str) -> String {
        calendar(&Expiry { as_of: as_of.parse().unwrap(), expiring, without: 0 })
    }

    /// A name in, its summary out, unfolded.
    #[track_caller]
    fn check(feature: &str, expected: &str) {
        let text =
            told(vec![license(feature, None, "2030-12-31T23:59:59Z")], "2030-01-01T00:00:00Z");
        for line in text.split("\r\n") {
            assert!(line.len() <= 75 && !line.contains(['\n', '\r']), "{line:?}");
        }
        let whole = text.replace("\r\n ", "");
        let summary = whole.split("\r\n").find(|line| line.starts_with("SUMMARY:")).unwrap();
        assert_eq!(summary, format!("SUMMARY:{expected}"));
        assert_eq!(whole.matches("\nBEGIN:VEVENT\r").count(), 1, "no name makes an event");
    }

    #[test]
    fn event_tells_what_ends_and_when() {
        let license = license("mesh", Some("Acme, Inc."), "2030-12-31T23:59:59Z");
        assert_eq!(
            told(vec![license], "2030-01-02T03:04:05Z"),
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//licwrap//licdash//EN\r\nX-WR-CALNAME:License expiry\r\n\
            BEGIN:VEVENT\r\nUID:features/acme/mesh@licdash\r\nDTSTAMP:20300102T030405Z\r\n\
            DTSTART:20301231T235959Z\r\nSUMMARY:license of mesh ends (acme)\r\n\
            DESCRIPTION:seats: 4\\nvendor: Acme\\, Inc.\r\nTRANSP:TRANSPARENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        );
        assert!(!told(Vec::new(), "2030-01-02T03:04:05Z").contains("VEVENT"));
    }

    #[test]
    fn hostile_names_stay_in_their_line() {
        check("a;b,c\\d", "license of a\\;b\\,c\\\\d ends (acme)");
        check(
            "x\r\nEND:VEVENT\r\nBEGIN:VEVENT",
            "license of x\\\\x0d\\\\x0aEND:VEVENT\\\\x0d\\\\x0aBEGIN:VEVENT ends (acme)",
        );
    }

    #[test]
    fn long_names_are_folded_between_characters() {
        for name in ["x".repeat(300), "ü".repeat(200), "🜁".repeat(100), "x🜁ü".repeat(40)] {
            check(&name, &format!("license of {name} ends (acme)"));
        }
    }

    #[test]
    fn renewed_license_is_the_same_event() {
        let uid = |expires| {
            let text = told(vec![license("a b/c", None, expires)], "2030-01-01T00:00:00Z");
            text.split("\r\n").find(|line| line.starts_with("UID:")).unwrap().to_owned()
        };
        assert_eq!(uid("2030-12-31T23:59:59Z"), uid("2031-12-31T23:59:59Z"));
        assert_eq!(uid("2030-12-31T23:59:59Z"), "UID:features/acme/a%20b%2Fc@licdash");
    }
}
