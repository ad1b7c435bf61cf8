//! Every way in which people and programs rotate a log, row by row, before the real follower, writer and databases: whatever was
//! written is stored once, or one gap covers the bytes that nobody can read any more, and nothing else.
//!
//! Each row is played four times: with a look after every step, with none before its end, with licmon away all the while, and with
//! licmon killed after every step.

#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "rotation/site.rs"]
mod site;

#[path = "rotation/ways.rs"]
mod ways;

#[path = "rotation/text.rs"]
mod text;

use std::{fmt::Write as _, fs};

use site::{Site, When};

/// As far as a clock jumps.
const DAY_S: i64 = 24 * 3600;

/// What one way of rotating loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loses {
    /// Nothing, whatever happens.
    Nothing,
    /// What was not read when its bytes were cut off, or perhaps nothing: a gap without a known end.
    WhatWasCut,
    /// What was not read while licmon was away, or perhaps nothing: whoever holds the file open reads it to its end.
    WhatWasTakenAway,
}

/// A row: its number, what is done, what that loses, and the deed.
pub(crate) type Row = (u32, &'static str, Loses, fn(&mut Site));

impl Loses {
    /// Whether there is a gap.
    fn has_gap(self, when: When) -> bool {
        match self {
            Self::Nothing => false,
            Self::WhatWasCut => true,
            Self::WhatWasTakenAway => matches!(when, When::Away | When::Killed),
        }
    }
}

#[track_caller]
fn check(rows: &[Row]) {
    let mut failed = String::new();
    for (number, name, loses, rotate) in rows {
        for when in When::ALL {
            let mut site = Site::new(when);
            site.write(5);
            site.look();
            site.begin();
            site.write(2);
            rotate(&mut site);
            site.write(3);
            site.end();
            if let Err(error) = site.check(loses.has_gap(when)) {
                writeln!(failed, "{number} {name}, {when:?}: {error}").unwrap();
            }
        }
    }
    assert!(failed.is_empty(), "\n{failed}");
}

#[test]
fn every_way_to_rotate_a_log_loses_nothing_in_silence() {
    let numbers: Vec<u32> = ways::ROWS.iter().map(|row| row.0).collect();
    assert_eq!(numbers, (1..=24).collect::<Vec<_>>());
    check(&ways::ROWS);
}

#[test]
fn more_ways_lose_nothing_in_silence() {
    check(&ways::MORE);
}

#[test]
fn log_that_was_seen_to_go_away_is_no_gap_later() {
    let mut site = Site::new(When::Always);
    site.write(5);
    let next = site.path("next.log");
    site.create_at(&next);
    site.write(1);
    site.look();
    fs::remove_file(site.log()).unwrap();
    site.look();
    site::let_pass(31);
    site.look();
    site.restart();
    site.end();
    site.check(false).unwrap();
}

#[test]
fn log_that_went_away_unseen_is_a_gap_until_it_is_back() {
    let mut site = Site::new(When::Away);
    site.write(5);
    site.look();
    site.begin();
    site.write(2);
    let aside = site.away("lic.log");
    fs::rename(site.log(), &aside).unwrap();
    site.create_at(&site.path("next.log"));
    site.end();
    fs::rename(&aside, site.path("back.log")).unwrap();
    site.end();
    site.check(false).unwrap();
}

#[test]
fn clock_that_jumps_loses_nothing_and_counts_nothing_twice() {
    for jump in [DAY_S, -DAY_S] {
        let mut site = Site::new(When::Always);
        site.write(5);
        site.look();
        site::let_pass(jump);
        site.write(2);
        site.look();
        site.rename("lic.log", "lic.log.1");
        site.create();
        site.write(2);
        site.look();
        site::let_pass(-jump);
        site.write(1);
        site.restart();
        site.end();
        site.check(false).unwrap();
    }
}
