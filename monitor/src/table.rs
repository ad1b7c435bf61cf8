//! How the commands speak to a terminal: tables for people, JSON for scripts, and no raw control character in either.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{ErrorKind, IsTerminal, Write},
};

use anyhow::Context;
use comfy_table::{ContentArrangement, Table};
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

/// What a cell says where nothing was observed.
pub const UNSEEN: &str = "-";

/// Writes a line to standard output; a reader that went away is not a failure.
///
/// # Errors
/// When it cannot be written for another reason.
pub fn say(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout().lock(), "{}", shown_lines(text)) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("write to standard output"),
    }
}

/// Writes one JSON document.
///
/// # Errors
/// When it cannot be written.
pub fn say_json(document: &impl Serialize) -> anyhow::Result<()> {
    say(&serde_json::to_string_pretty(document)?)
}

/// Writes a table, fitted to the terminal if there is one; `empty` where there is no row.
///
/// # Errors
/// When it cannot be written.
pub fn say_table(
    heads: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
    empty: &str,
) -> anyhow::Result<()> {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    if std::io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table.set_header(heads);
    for row in rows {
        table.add_row(row.iter().map(|cell| shown(cell).into_owned()));
    }
    if table.row_count() == 0 {
        return say(empty);
    }
    let text: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    say(&text.join("\n"))
}

/// `text` with control characters, and characters that turn the direction of writing, as `\xNN`.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_hostile(character) {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                write!(shown, "\\x{byte:02X}").expect("a string takes everything");
            }
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// The same for a text of several lines.
fn shown_lines(text: &str) -> Cow<'_, str> {
    if !text.contains(|character| character != '\n' && is_hostile(character)) {
        return Cow::Borrowed(text);
    }
    let lines: Vec<Cow<'_, str>> = text.split('\n').map(shown).collect();
    Cow::Owned(lines.join("\n"))
}

fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A time in this machine's zone, to the second.
#[must_use]
pub fn time(at: Timestamp) -> String {
    at.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A cell for what may not have been observed.
#[must_use]
pub fn cell<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| UNSEEN.to_owned(), |value| value.to_string())
}

/// A span of seconds for people: `2 h 15 min`, `4 min 10 s`, `12 s`.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of f64 saturates"
)]
pub fn span(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown() {
        for (text, expected) in [
            ("ann", "ann"),
            ("Åsa Öst", "Åsa Öst"),
            ("a\x1b[2Jb\n", "a\\x1B[2Jb\\x0A"),
            ("\u{202e}evil", "\\xE2\\x80\\xAEevil"),
            ("\u{9b}x", "\\xC2\\x9Bx"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn spans_for_people() {
        for (seconds, expected) in
            [(0.4, "0 s"), (59.6, "1 min 0 s"), (3599.0, "59 min 59 s"), (8100.0, "2 h 15 min")]
        {
            assert_eq!(span(seconds), expected);
        }
    }
}
