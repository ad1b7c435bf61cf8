//! The lines of an answer, and how many of them were understood. Blank lines are noise, whoever reads.

use lic_protocol::view::{Coverage, EXAMPLES_MAX, Example};

use crate::text;

/// Characters of a line that was not understood that are kept to be shown.
const EXAMPLE_CHARS_MAX: usize = 400;

/// What a line is to its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Something of the picture.
    Known,
    /// Known to mean nothing to us.
    Noise,
    /// Not understood, and why.
    Unknown(&'static str),
}

impl Said {
    /// Known if it was read, else not understood.
    pub(super) fn known_if<T>(read: Option<T>, why: &'static str) -> Self {
        read.map_or(Self::Unknown(why), |_| Self::Known)
    }
}

/// Gives each line that is not blank to `read`, and counts what it says of it. Blanks around a line go, and any number of
/// them between words is one, in names too: columns are filled with blanks, and how many stand there means nothing.
pub(super) fn read(bytes: &[u8], mut read: impl FnMut(&str) -> Said) -> Coverage {
    let mut coverage = Coverage::default();
    let mut spaced = String::new();
    // What ends in a line feed has no line behind it.
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    for line in bytes.split(|&byte| byte == b'\n') {
        coverage.lines += 1;
        let said = match text::line(line) {
            Some(text) => {
                spaced.clear();
                space(&text, &mut spaced);
                if spaced.is_empty() { Said::Noise } else { read(&spaced) }
            }
            None => Said::Unknown("longer than 64 KiB"),
        };
        match said {
            Said::Known => coverage.events += 1,
            Said::Noise => coverage.noise += 1,
            Said::Unknown(why) => unknown(&mut coverage, line, why),
        }
    }
    coverage
}

/// The words of a text with one blank between them.
fn space(text: &str, spaced: &mut String) {
    let words = text.split(|letter: char| letter == '\0' || letter.is_whitespace());
    for word in words.filter(|word| !word.is_empty()) {
        if !spaced.is_empty() {
            spaced.push(' ');
        }
        spaced.push_str(word);
    }
}

fn unknown(coverage: &mut Coverage, line: &[u8], why: &str) {
    coverage.unknown += 1;
    if coverage.examples.len() < EXAMPLES_MAX {
        let head = &line[..line.len().min(4 * EXAMPLE_CHARS_MAX)];
        let text = text::decode(text::bare(head)).chars().take(EXAMPLE_CHARS_MAX).collect();
        coverage.examples.push(Example { line: coverage.lines, why: why.to_owned(), text });
    }
}
