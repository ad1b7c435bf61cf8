//! Logs over both clock changes of a year, as license servers write them: which instant each line is of.

#![expect(clippy::unwrap_used, reason = "a test")]

use jiff::tz::TimeZone;
use lic_parse::{Meaning, registry};

/// The rules of the zones, so that no table of zones need be installed.
const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
const NEW_YORK: &str = "EST5EDT,M3.2.0,M11.1.0";

/// Lines in, each with the instant of its event; `?` marks a guess.
#[track_caller]
fn check(system: &str, zone: &str, lines: &[(&str, &str)]) {
    let zone = TimeZone::posix(zone).unwrap();
    let mut log = registry::license_system(system).unwrap().log(zone, None);
    for (text, expected) in lines {
        let line = log.line(text.as_bytes());
        let told = match line.meaning {
            Meaning::Event(_) => {
                format!("{}{}", line.at.unwrap(), if line.ambiguous { "?" } else { "" })
            }
            Meaning::Noise => "-".to_owned(),
            Meaning::Unknown(why) => format!("{why:?}"),
        };
        assert_eq!(told, *expected, "{system} {text}");
    }
}

fn dsls(at: &str, word: &str, handle: u8) -> String {
    format!(
        "{at} I USGTRACING  {word}!!CAD!{handle}!Example!ConcurrentUser!1!STD!PINE (1-2.3)!192.0.2.5!anna!ANNA@PLANT!cad.exe!5.34!ALC"
    )
}

#[test]
fn dsls_over_the_autumn_and_the_spring() {
    let autumn = [
        ("2025/10/26 01:59:00:000", "Grant", "2025-10-25T23:59:00Z"),
        ("2025/10/26 02:30:00:000", "Grant", "2025-10-26T00:30:00Z?"),
        ("2025/10/26 02:10:00:000", "Detachment", "2025-10-26T01:10:00Z"),
        ("2025/10/26 02:30:00:000", "Detachment", "2025-10-26T01:30:00Z"),
        ("2025/10/26 03:00:00:000", "Grant", "2025-10-26T02:00:00Z"),
    ];
    let spring = [
        ("2025/03/30 01:59:59:999", "Grant", "2025-03-30T00:59:59.999Z"),
        ("2025/03/30 03:00:00:000", "Detachment", "2025-03-30T01:00:00Z"),
        // Nobody's clock shows this; a server that was told of the change late may.
        ("2025/03/30 02:30:00:000", "Grant", "2025-03-30T01:30:00Z?"),
    ];
    for rows in [&autumn[..], &spring[..]] {
        let lines: Vec<(String, &str)> = (1..)
            .zip(rows)
            .map(|(handle, (at, word, expected))| (dsls(at, word, handle), *expected))
            .collect();
        let lines: Vec<(&str, &str)> =
            lines.iter().map(|(line, at)| (line.as_str(), *at)).collect();
        check("dsls", BERLIN, &lines);
    }
}

#[test]
fn flexlm_over_the_autumn_and_the_spring() {
    check(
        "flexlm",
        NEW_YORK,
        &[
            ("23:50:00 (lmgrd) TIMESTAMP 11/1/2025", "-"),
            ("23:59:59 (cadd) OUT: \"cad\" ann@pine  ", "2025-11-02T03:59:59Z"),
            (" 1:30:00 (cadd) OUT: \"cad\" bob@pine  ", "2025-11-02T05:30:00Z?"),
            // The clock goes back an hour: no midnight.
            (" 1:05:00 (cadd) IN: \"cad\" ann@pine  ", "2025-11-02T06:05:00Z"),
            (" 1:30:00 (cadd) IN: \"cad\" bob@pine  ", "2025-11-02T06:30:00Z"),
            (" 2:00:00 (cadd) OUT: \"cad\" eve@pine  ", "2025-11-02T07:00:00Z"),
            ("23:59:00 (cadd) IN: \"cad\" eve@pine  ", "2025-11-03T04:59:00Z"),
            (" 0:01:00 (cadd) OUT: \"cad\" ann@pine  ", "2025-11-03T05:01:00Z"),
        ],
    );
    check(
        "flexlm",
        NEW_YORK,
        &[
            ("22:00:00 (lmgrd) TIMESTAMP 3/8/2025", "-"),
            (" 1:59:59 (cadd) OUT: \"cad\" ann@pine  ", "2025-03-09T06:59:59Z"),
            (" 3:00:00 (cadd) IN: \"cad\" ann@pine  ", "2025-03-09T07:00:00Z"),
            (" 2:30:00 (cadd) OUT: \"cad\" bob@pine  ", "2025-03-09T07:30:00Z?"),
        ],
    );
}

#[test]
fn rlm_over_the_autumn_and_the_spring() {
    let out =
        |at: &str| format!("OUT solver 5.0 1 ann pine \"\" 1 1 0 1dc 1dc 485c \"\" \"\" \"\" {at}");
    for (start, rows) in [
        (
            "START oak 10/25/2025 23:00:00",
            [
                ("10/26 01:59:00", "2025-10-25T23:59:00Z"),
                ("10/26 02:40:00", "2025-10-26T00:40:00Z?"),
                ("10/26 02:20:00", "2025-10-26T01:20:00Z"),
                ("10/26 03:00:00", "2025-10-26T02:00:00Z"),
            ],
        ),
        (
            "START oak 03/29/2025 23:00:00",
            [
                ("03/30 01:59:59", "2025-03-30T00:59:59Z"),
                ("03/30 03:00:00", "2025-03-30T01:00:00Z"),
                ("03/30 02:30:00", "2025-03-30T01:30:00Z?"),
                ("03/30 03:31:00", "2025-03-30T01:31:00Z"),
            ],
        ),
    ] {
        let zone = TimeZone::posix(BERLIN).unwrap();
        let mut log = registry::license_system("rlm").unwrap().log(zone, None);
        for head in
            ["RLM Report Log Format 0, version 2.0", "ISV: acme, RLM version 14.1 BL2", start]
        {
            log.line(head.as_bytes());
        }
        for (at, expected) in rows {
            let line = log.line(out(at).as_bytes());
            let told = line.at.map(|at| format!("{at}{}", if line.ambiguous { "?" } else { "" }));
            assert!(matches!(line.meaning, Meaning::Event(_)), "{at}");
            assert_eq!(told.as_deref(), Some(expected), "{at}");
        }
    }
}
