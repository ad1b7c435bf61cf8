//! Bytes to lines, with bounded memory however long a line is.

use super::encoding::Encoding;

/// Longest line that is looked at. What is longer is skipped to its end and counted as not understood.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// A line as it lies in the file.
#[derive(Debug, PartialEq, Eq)]
pub enum RawLine<'a> {
    /// Its bytes, without the line feed.
    Whole(&'a [u8]),
    /// Longer than `LINE_BYTES_MAX`: its first bytes.
    TooLong(&'a [u8]),
}

/// Cuts a stream of bytes, given in any chunks, into lines.
#[derive(Debug, Default)]
pub struct Lines {
    encoding: Encoding,
    /// NUL bytes before the unfinished line.
    hole: u64,
    /// The unfinished line: at most `LINE_BYTES_MAX` of its bytes.
    head: Vec<u8>,
    /// Its whole length, without the hole.
    length: u64,
    /// Its last byte, where that is the first half of a unit.
    half: Option<u8>,
}

/// How much of a line that is too long is shown.
const SHOWN_BYTES: usize = 200;

impl Lines {
    /// Cuts what is written down like this.
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        Self { encoding, ..Self::default() }
    }

    /// Takes the next bytes; calls `each` with every line that ends in them, and its length with the line feed. A line of another
    /// encoding than bytes is given as UTF-8.
    pub fn take(&mut self, mut bytes: &[u8], mut each: impl FnMut(RawLine<'_>, u64)) {
        while let Some(end) = self.end(bytes) {
            let (line, rest) = bytes.split_at(end);
            bytes = rest;
            let unit = self.encoding.unit();
            let is_whole = self.unfinished_length() == 0 && line.len() <= LINE_BYTES_MAX;
            if is_whole && self.encoding == Encoding::Bytes {
                each(RawLine::Whole(without_hole(&line[..end - unit])), end as u64);
                continue;
            }
            self.keep(line);
            self.give(unit as u64, &mut each);
            (self.hole, self.length, self.half) = (0, 0, None);
            self.head.clear();
        }
        self.keep(bytes);
    }

    /// How what it cuts is written down.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The bytes of the unfinished line that were kept.
    #[must_use]
    pub fn unfinished(&self) -> &[u8] {
        &self.head
    }

    /// How many NUL bytes stand before it.
    #[must_use]
    pub fn hole(&self) -> u64 {
        self.hole
    }

    /// How long the unfinished line is so far, with the hole before it.
    #[must_use]
    pub fn unfinished_length(&self) -> u64 {
        self.hole + self.length
    }

    /// The unfinished line as the line it is, where nothing will follow. Nothing is called where there is none.
    pub fn last(&self, each: impl FnOnce(RawLine<'_>)) {
        if self.length > 0 {
            self.give(0, |line, _| each(line));
        }
    }

    /// How many of `bytes` there are up to the end of a line.
    fn end(&self, bytes: &[u8]) -> Option<usize> {
        if self.encoding.unit() == 1 {
            return memchr::memchr(b'\n', bytes).map(|feed| feed + 1);
        }
        let (first, bytes, before) = match (self.half, bytes) {
            (Some(half), [byte, rest @ ..]) => (Some([half, *byte]), rest, 1),
            _ => (None, bytes, 0),
        };
        if first.is_some_and(|unit| self.encoding.is_line_feed(unit)) {
            return Some(1);
        }
        let units = bytes.chunks_exact(2);
        let feed =
            units.into_iter().position(|unit| self.encoding.is_line_feed([unit[0], unit[1]]));
        feed.map(|feed| before + (feed + 1) * 2)
    }

    /// Gives the kept line without the `feed` bytes that end it.
    fn give(&self, feed: u64, each: impl FnOnce(RawLine<'_>, u64)) {
        let whole = self.length - feed;
        if whole > LINE_BYTES_MAX as u64 {
            return each(RawLine::TooLong(&self.head[..SHOWN_BYTES]), self.unfinished_length());
        }
        let kept = usize::try_from(whole).expect("at most LINE_BYTES_MAX");
        let line = self.encoding.decode(&self.head[..kept]);
        each(RawLine::Whole(without_hole(&line)), self.unfinished_length());
    }

    fn keep(&mut self, mut bytes: &[u8]) {
        let unit = self.encoding.unit();
        if self.length == 0 {
            let hole = bytes.iter().take_while(|byte| **byte == 0).count() / unit * unit;
            self.hole += hole as u64;
            bytes = &bytes[hole..];
        }
        let room = (LINE_BYTES_MAX + unit).saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        self.length += bytes.len() as u64;
        let is_half = unit == 2 && !self.length.is_multiple_of(2);
        self.half = bytes.last().copied().or(self.half).filter(|_| is_half);
    }
}

/// The line without the NUL bytes before it. Where a log is cut while its writer keeps its place in it, the bytes up to that
/// place are a hole, and read as NUL.
#[must_use]
pub fn without_hole(line: &[u8]) -> &[u8] {
    let hole = line.iter().take_while(|byte| **byte == 0).count();
    &line[hole..]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of `text` when it comes in chunks of `size`: their lengths as lines, and whether they are whole.
    fn cut(text: &[u8], size: usize) -> Vec<(bool, Vec<u8>, u64)> {
        cut_in(Encoding::Bytes, text, size)
    }

    fn cut_in(encoding: Encoding, text: &[u8], size: usize) -> Vec<(bool, Vec<u8>, u64)> {
        let mut lines = Lines::new(encoding);
        let mut found = Vec::new();
        for chunk in text.chunks(size) {
            lines.take(chunk, |line, length| match line {
                RawLine::Whole(line) => found.push((true, line.to_vec(), length)),
                RawLine::TooLong(line) => found.push((false, line.to_vec(), length)),
            });
        }
        found
    }

    #[test]
    fn chunks_make_no_difference() {
        let long = vec![b'x'; LINE_BYTES_MAX + 1];
        let edge = vec![b'y'; LINE_BYTES_MAX];
        let text = [b"a\n\nbc\r\n".as_slice(), &long, b"\n", &edge, b"\nrest"].concat();
        let expected = vec![
            (true, b"a".to_vec(), 2),
            (true, Vec::new(), 1),
            (true, b"bc\r".to_vec(), 4),
            (false, vec![b'x'; SHOWN_BYTES], LINE_BYTES_MAX as u64 + 2),
            (true, edge.clone(), LINE_BYTES_MAX as u64 + 1),
        ];
        for size in [1, 2, 3, 7, 4096, text.len()] {
            assert_eq!(cut(&text, size), expected, "chunks of {size}");
        }
    }

    #[test]
    fn hole_before_a_line_is_no_part_of_it() {
        let hole = vec![0; LINE_BYTES_MAX + 1];
        let text = [b"\0\0a\0\n\0\n".as_slice(), &hole, b"bc\n"].concat();
        let expected = vec![
            (true, b"a\0".to_vec(), 5),
            (true, Vec::new(), 2),
            (true, b"bc".to_vec(), LINE_BYTES_MAX as u64 + 4),
        ];
        for size in [1, 3, 4096, text.len()] {
            assert_eq!(cut(&text, size), expected, "chunks of {size}");
        }
    }

    #[test]
    fn unfinished_line_waits() {
        let mut lines = Lines::default();
        lines.take(b"one\ntw", |line, _| assert_eq!(line, RawLine::Whole(b"one")));
        assert_eq!((lines.unfinished(), lines.unfinished_length()), (b"tw".as_slice(), 2));
        let mut last = Vec::new();
        lines.last(|line| last.push(line == RawLine::Whole(b"tw")));
        assert_eq!(last, [true]);
    }

    #[test]
    fn lines_of_two_bytes_a_letter_end_at_a_whole_letter() {
        // U+0A41 and U+410A hold the byte of a line feed, and are none.
        let text = "\u{feff}a\u{0a41}\r\n\n\u{410a}\u{1F600}b\n".encode_utf16();
        let long = "x".repeat(LINE_BYTES_MAX / 2 + 1) + "\nrest";
        let units: Vec<u16> = text.chain(long.encode_utf16()).collect();
        let expected = |shown: &[u8]| {
            vec![
                (true, "\u{feff}a\u{0a41}\r".as_bytes().to_vec(), 10),
                (true, Vec::new(), 2),
                (true, "\u{410a}\u{1F600}b".as_bytes().to_vec(), 10),
                (false, shown.to_vec(), LINE_BYTES_MAX as u64 + 4),
            ]
        };
        let le: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let be: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        for size in [1, 2, 3, 7, 4096, le.len()] {
            assert_eq!(
                cut_in(Encoding::Utf16Le, &le, size),
                expected(&b"x\0".repeat(100)),
                "{size}"
            );
            assert_eq!(
                cut_in(Encoding::Utf16Be, &be, size),
                expected(&b"\0x".repeat(100)),
                "{size}"
            );
        }
    }
}
