//! How the characters of a log are written down: where its lines end, and their text as UTF-8.
//!
//! A byte order mark tells it, else the configuration. A line whose bytes are none of its code page goes on as it is.

use std::{borrow::Cow, fs::File, io, os::unix::fs::FileExt};

use encoding_rs::{Encoding as CodePage, UTF_8, UTF_16BE, UTF_16LE};

/// How the characters of a log are written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// One byte or several; the parsers take UTF-8, and windows-1252 where a line is not that.
    #[default]
    Bytes,
    /// Two bytes or four, the low one first.
    Utf16Le,
    /// Two bytes or four, the high one first.
    Utf16Be,
    /// A code page that somebody named. In none of them is the byte of a line feed a part of another character.
    Named(&'static CodePage),
}

impl Encoding {
    /// The one of this name or alias, like `shift_jis`. Source: the WHATWG Encoding Standard, "Names and labels".
    #[must_use]
    pub fn named(label: &str) -> Option<Self> {
        let page = CodePage::for_label_no_replacement(label.as_bytes())?;
        Some(match page {
            page if page == UTF_8 => Self::Bytes,
            page if page == UTF_16LE => Self::Utf16Le,
            page if page == UTF_16BE => Self::Utf16Be,
            page => Self::Named(page),
        })
    }

    /// That of a log which begins with `head`: by its byte order mark, or else the one that is `configured`.
    #[must_use]
    pub fn of_head(head: &[u8], configured: Self) -> Self {
        match head {
            [0xFF, 0xFE, ..] => Self::Utf16Le,
            [0xFE, 0xFF, ..] => Self::Utf16Be,
            [0xEF, 0xBB, 0xBF, ..] => Self::Bytes,
            _ => configured,
        }
    }

    /// That of `file`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(file: &File, configured: Self) -> io::Result<Self> {
        let mut head = [0; 3];
        let count = file.read_at(&mut head, 0)?;
        Ok(Self::of_head(&head[..count], configured))
    }

    /// Bytes of the shortest character.
    #[must_use]
    pub fn unit(self) -> usize {
        match self {
            Self::Bytes | Self::Named(_) => 1,
            Self::Utf16Le | Self::Utf16Be => 2,
        }
    }

    /// Whether a unit is a line feed.
    #[must_use]
    pub fn is_line_feed(self, unit: [u8; 2]) -> bool {
        match self {
            Self::Bytes | Self::Named(_) => unit[0] == b'\n',
            Self::Utf16Le => unit == [b'\n', 0],
            Self::Utf16Be => unit == [0, b'\n'],
        }
    }

    /// A line as UTF-8; as it is where it is none of its code page.
    #[must_use]
    pub fn decode(self, line: &[u8]) -> Cow<'_, [u8]> {
        let page = match self {
            Self::Bytes => return Cow::Borrowed(line),
            Self::Utf16Le => UTF_16LE,
            Self::Utf16Be => UTF_16BE,
            Self::Named(page) => page,
        };
        match page.decode_without_bom_handling_and_without_replacement(line) {
            Some(Cow::Borrowed(text)) => Cow::Borrowed(text.as_bytes()),
            Some(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
            None => Cow::Borrowed(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(label: &str, line: &[u8], expected: &str) {
        let encoding = Encoding::named(label).expect("it is known");
        assert_eq!(encoding.decode(line), expected.as_bytes());
    }

    #[test]
    fn lines_of_a_code_page_become_utf_8() {
        check("windows-1252", b"Sj\xF6berg", "Sjöberg");
        check("shift_jis", b"\x93\x63\x92\x86", "田中");
        check("gbk", b"\xCD\xF5", "王");
        check("euc-kr", b"\xB1\xE8", "김");
        check("big5", b"\xB6\xC0", "黃");
        check("utf-16le", b"a\0\xE9\0", "aé");
        check("utf-16be", b"\0a\0\xE9", "aé");
    }

    #[test]
    fn line_that_is_none_of_its_code_page_stays() {
        let page = Encoding::named("shift_jis").unwrap();
        assert_eq!(page.decode(b"a\x81\n"), b"a\x81\n".as_slice());
    }

    #[test]
    fn byte_order_mark_decides() {
        let page = Encoding::named("gbk").unwrap();
        for (head, expected) in [
            (b"\xFF\xFEa\0".as_slice(), Encoding::Utf16Le),
            (b"\xFE\xFF\0a", Encoding::Utf16Be),
            (b"\xEF\xBB\xBFa", Encoding::Bytes),
            (b"abc", page),
            (b"", page),
        ] {
            assert_eq!(Encoding::of_head(head, page), expected);
        }
        assert_eq!(Encoding::named("utf-9"), None);
    }
}
