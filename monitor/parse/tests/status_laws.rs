//! What must hold of every answer: how its lines end, and how much is blank between its words, means nothing.

#[path = "status/picture.rs"]
mod picture;

use std::fs;

use jiff::tz::TimeZone;
use lic_parse::status::{self, Answer};
use lic_protocol::snapshot::Snapshot;
use proptest::prelude::*;

/// Formats whose text is no lines: blanks may be inside of their values.
const NO_LINES: [&str; 2] = ["json", "olicense-xml"];

fn read(format: &str, text: &[u8]) -> Snapshot {
    let answer = Answer { text, zone: &TimeZone::UTC, asked: None };
    status::format(format).expect("a format").read(&answer)
}

/// What was told of a text, with one blank for any: names may hold some.
fn told(format: &str, text: &[u8]) -> (String, u64, u64) {
    let read = read(format, text);
    let picture = picture::picture(&read);
    let words: Vec<&str> = picture.split_whitespace().collect();
    (words.join(" "), read.coverage.events, read.coverage.unknown)
}

/// The same text with other line ends, more blanks before, between and behind its words, and blank lines below others.
fn spread(text: &str, dice: &[u8]) -> Vec<u8> {
    let mut dice = dice.iter().cycle();
    let mut roll = || *dice.next().expect("it has no end");
    let mut spread = String::new();
    for line in text.lines() {
        let is_blank = line.trim().is_empty();
        spread += ["", " ", "\t", "   "][usize::from(roll() % 4)];
        for letter in line.chars() {
            spread.push(letter);
            if letter == ' ' && roll() % 3 == 0 {
                spread.push(' ');
            }
        }
        spread += ["", " ", " \t"][usize::from(roll() % 3)];
        spread += if roll() % 2 == 0 { "\r\n" } else { "\n" };
        if is_blank || roll() % 4 == 0 {
            spread += "\r\n \n";
        }
    }
    spread.into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn line_ends_and_blanks_mean_nothing(dice in prop::collection::vec(any::<u8>(), 50..400)) {
        for (format, path) in picture::fixtures() {
            if NO_LINES.contains(&format.as_str()) {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let spread = spread(&text, &dice);
            prop_assert_eq!(told(&format, &spread), told(&format, text.as_bytes()), "{}", path.display());
        }
    }

    /// An answer may be cut anywhere, and any of its bytes may be another: what is read stays what it can be.
    #[test]
    fn damaged_answers_are_read(at in any::<prop::sample::Index>(), byte: u8, end in any::<prop::sample::Index>()) {
        for (_, path) in picture::fixtures() {
            let mut text = fs::read(&path).unwrap();
            let place = at.index(text.len());
            text[place] = byte;
            text.truncate(end.index(text.len()) + 1);
            for format in status::formats() {
                let read = read(format.name(), &text);
                let coverage = read.coverage;
                prop_assert_eq!(coverage.lines, coverage.events + coverage.noise + coverage.unknown);
            }
        }
    }

    #[test]
    fn holder_of_lmstat_comes_back(
        user in "[a-z][a-z0-9._$-]{0,11}",
        host in "[a-z][a-z0-9.-]{0,11}",
        display in "(/dev/pts/[0-9]|[a-z]{3}:[0-9]\\.[0-9]|[!-~]{1,20})",
        count in 1_u32..,
        handle: u32,
    ) {
        let text = format!(
            "Users of cad:  (Total of {count} licenses issued;  Total of {count} licenses in use)\n  \
             {user} {host} {display} (v1.0) (fir/27000 {handle}), start Fri 3/14 8:44, {count} licenses\n"
        );
        let read = read("lmstat", text.as_bytes());
        let holder = &read.features[0].holders[0];
        prop_assert_eq!(holder.user.as_ref().unwrap().as_str(), user);
        prop_assert_eq!(holder.host.as_ref().unwrap().as_str(), host);
        prop_assert_eq!(holder.display.as_deref().unwrap(), display);
        prop_assert_eq!(holder.handle.as_deref().unwrap(), handle.to_string());
        prop_assert_eq!(holder.count, count);
        prop_assert!(read.notes.is_empty());
    }
}
