//! `key=value` lines: the shape of a message, of a lease file, and of the files licwrap reads about a tool. Knows no meaning of a key.

use std::fmt;

use crate::wire::{MESSAGE_BYTES_MAX, VERSION};

/// A message that cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(
    /// What is wrong with it.
    pub &'static str,
);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

/// `key=value` lines. Also the shape of lease files and of the files licwrap reads about a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs {
    text: String,
}

impl Pairs {
    /// No pairs, and no version line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn begin() -> Self {
        let mut pairs = Self::new();
        pairs.put("licwrap", VERSION);
        pairs
    }

    pub(crate) fn end(mut self) -> String {
        self.text.push('\n');
        self.text
    }

    pub(crate) fn read(text: &str) -> Result<Self, Malformed> {
        if text.len() > MESSAGE_BYTES_MAX {
            return Err(Malformed("a message has at most 4096 bytes"));
        }
        let pairs = Self::of(text);
        match pairs.get("licwrap").as_deref() {
            Some(VERSION) => Ok(pairs),
            _ => Err(Malformed("not a message of this version")),
        }
    }

    /// The pairs in a text, up to its first empty line. Lines without `=` are skipped.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let end = if text.starts_with('\n') {
            0
        } else {
            text.find("\n\n").map_or(text.len(), |at| at + 1)
        };
        Self { text: text[..end].to_owned() }
    }

    /// Adds a pair.
    pub fn put(&mut self, key: &str, value: &str) {
        self.text.push_str(key);
        self.text.push('=');
        for byte in value.bytes() {
            if (0x20..0x7f).contains(&byte) && byte != b'%' {
                self.text.push(char::from(byte));
            } else {
                self.text.push('%');
                self.text.push(hex(byte >> 4));
                self.text.push(hex(byte & 15));
            }
        }
        self.text.push('\n');
    }

    /// Adds a pair whose value is a number.
    pub fn put_number(&mut self, key: &str, value: u64) {
        let mut text = String::with_capacity(20);
        push_decimal(&mut text, value);
        self.put(key, &text);
    }

    /// The first value of `key`. A value that does not decode to UTF-8 is not there.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<String> {
        self.values(key).next()
    }

    /// Every value of `key`, in order.
    #[must_use]
    pub fn all(&self, key: &str) -> Vec<String> {
        self.values(key).collect()
    }

    /// The pairs as lines.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The value of `key`, which must be there.
    ///
    /// # Errors
    /// When it is not.
    pub fn need(&self, key: &str) -> Result<String, Malformed> {
        self.get(key).ok_or(Malformed("a key is missing"))
    }

    /// The number at `key`, which must be there.
    ///
    /// # Errors
    /// When it is not, or is no number.
    pub fn need_number(&self, key: &str) -> Result<u64, Malformed> {
        self.need(key)?.parse().map_err(|_| Malformed("a number is expected"))
    }

    fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = String> + 'a {
        self.text
            .lines()
            .filter_map(move |line| line.strip_prefix(key)?.strip_prefix('=').and_then(unescape))
    }
}

fn unescape(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> char {
    char::from(b"0123456789ABCDEF"[usize::from(digit & 15)])
}

/// Writes a number as decimal, without std's formatting: licwrap is small.
pub fn push_decimal(text: &mut String, value: u64) {
    if value >= 10 {
        push_decimal(text, value / 10);
    }
    text.push(char::from(b'0' + u8::try_from(value % 10).unwrap_or(0)));
}
