//! From the bytes of a line to its text. No meaning is read here.

use std::borrow::Cow;

/// What 0x80 to 0x9F are in windows-1252; the five that stand for nothing there keep their number.
const HIGH: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
];

/// Longer lines are not read.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// The text of a line of a log, without what ends it. `None` when it is too long to be one.
#[must_use]
pub fn line(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let bare = bare(bytes);
    (bare.len() <= LINE_BYTES_MAX).then(|| decode(bare))
}

/// The first 40 letters of a word that the log chose: reasons are counted, and there must not be a million.
#[must_use]
pub fn shortened(word: &str) -> &str {
    word.char_indices().nth(40).map_or(word, |(end, _)| &word[..end])
}

/// The number that a text is: digits alone.
#[must_use]
pub fn number(text: &str) -> Option<u32> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if is_digits { text.parse().ok() } else { None }
}

/// The text of a line: as UTF-8 if it is that, else as windows-1252. Nothing is lost and nothing is replaced.
#[must_use]
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|&byte| windows_1252(byte)).collect()),
    }
}

/// The line without the carriage returns at its end and without a UTF-8 byte order mark at its start.
///
/// A copy made in text mode ends its lines in two carriage returns; it means the same.
#[must_use]
pub fn bare(line: &[u8]) -> &[u8] {
    let mut line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    while let Some(shorter) = line.strip_suffix(b"\r") {
        line = shorter;
    }
    line
}

fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9F => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        assert_eq!(decode(bytes), expected);
    }

    #[test]
    fn utf_8_stays() {
        check("Sjöberg €".as_bytes(), "Sjöberg €");
    }

    #[test]
    fn other_bytes_are_windows_1252() {
        check(b"Sj\xF6berg \x80 \x9F \xFF", "Sjöberg € Ÿ ÿ");
    }

    #[test]
    fn undefined_bytes_keep_their_number() {
        check(b"\x81\x8D\x8F\x90\x9D", "\u{81}\u{8D}\u{8F}\u{90}\u{9D}");
    }

    #[test]
    fn every_byte_has_its_own_character() {
        let mut all: Vec<char> = (0..=u8::MAX).map(windows_1252).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 256);
    }

    #[test]
    fn line_ends_and_byte_order_marks_go() {
        assert_eq!(bare(b"\xEF\xBB\xBFa\rb\r\r"), b"a\rb");
        assert_eq!(bare(b"\r"), b"");
    }
}
